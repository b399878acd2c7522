//! Reports: a case as a document, in Markdown, HTML, or the storage format of Confluence.
//!
//! [`Report::of`] puts together what is to be said, in sections of blocks; each format only writes it down. Sections of people
//! (summary, impact, cause, actions) come as they were written, or as a reminder that they are missing.

mod chart;
mod confluence;
mod evidence;
mod html;
mod markdown;
pub(crate) mod prose;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod timeline;

pub use prose::{
    code_block, escape_markdown, to_confluence as markdown_as_confluence, to_html as markdown_as_html,
    to_text as markdown_as_text,
};
pub use table::{Cell, ShownTable};

use crate::Moment;
use crate::case::{Case, CaseError, Section, Written};
use crate::exhibit::{Chart, Range};
use trawl_formats::Zone;

/// What a report is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// Markdown (CommonMark with tables).
    Markdown,
    /// One HTML page that needs nothing else.
    Html,
    /// The storage format of Confluence.
    Confluence,
}

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// What is known at a glance.
    pub facts: Vec<(String, String)>,
    /// Its sections.
    pub sections: Vec<ReportSection>,
}

/// A section of a report.
#[derive(Clone, Debug)]
pub struct ReportSection {
    /// Its heading.
    pub title: String,
    /// What it says.
    pub blocks: Vec<Block>,
}

/// A piece of a report.
#[derive(Clone, Debug)]
pub enum Block {
    /// The heading of an exhibit, to which others link.
    Exhibit {
        /// Its number.
        number: u32,
        /// What it shows.
        title: String,
    },
    /// What people wrote, as Markdown.
    Prose(String),
    /// What nobody has written yet: what belongs there.
    Missing(String),
    /// A sentence.
    Remark(String),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// A table.
    Table(ShownTable),
    /// A chart, with times in this zone.
    Chart(Chart, Zone),
    /// Events.
    Events {
        /// In order of time.
        events: Vec<EventLine>,
        /// How many of them are to be seen at once; the others are there for those who ask.
        n_open: usize,
    },
}

/// An event as a report shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine {
    /// When it happened, for people.
    pub time: String,
    /// The host it came from.
    pub host: String,
    /// Where its bytes lie.
    pub address: String,
    /// Why it is cited.
    pub why: String,
    /// What it says.
    pub text: String,
    /// Beginning of the SHA-256 of its bytes.
    pub sha256: String,
}

impl EventLine {
    /// Everything but its text, on one line.
    pub fn heading(&self) -> String {
        let place = format!("{} · {}", self.address, self.sha256);
        let parts = [&self.time, &self.host, &self.why, &place];
        parts.into_iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>().join(" · ")
    }
}

impl Report {
    /// The report on a case, made at `now`.
    ///
    /// # Errors
    /// If the case cannot be read.
    pub fn of(case: &Case, now: Moment) -> Result<Self, CaseError> {
        let zone = case.zone();
        let exhibits = case.exhibits()?;
        let prose = |section: Section| -> Result<ReportSection, CaseError> {
            let block = match case.section(section)? {
                Written::Text(text) => Block::Prose(text),
                Written::Empty => Block::Missing(section.hint().to_owned()),
            };
            Ok(ReportSection { title: section.title().to_owned(), blocks: vec![block] })
        };
        let n_events: usize = exhibits.iter().map(|laid| laid.exhibit.events.len()).sum();
        let facts = [
            ("Case", case.about.title.clone()),
            ("Opened", case.about.opened.to_second(zone)),
            ("Report made", now.to_second(zone)),
            ("Times are read in", case.about.zone.clone()),
            ("Rests on", format!("{}, {}", counted(exhibits.len(), "exhibit"), counted(n_events, "cited event"))),
        ];
        let sections = vec![
            prose(Section::Summary)?,
            prose(Section::Impact)?,
            ReportSection { title: "Timeline".to_owned(), blocks: timeline::blocks(&exhibits, zone) },
            ReportSection { title: "Evidence".to_owned(), blocks: evidence::blocks(&exhibits, zone) },
            prose(Section::Cause)?,
            prose(Section::Actions)?,
            ReportSection { title: "Queries used".to_owned(), blocks: evidence::queries(&exhibits, zone) },
        ];
        let facts = facts.map(|(name, value)| (name.to_owned(), value)).to_vec();
        Ok(Self { title: case.about.title.clone(), facts, sections })
    }

    /// Sections that nobody has written yet.
    pub fn missing(&self) -> Vec<&str> {
        let is_missing =
            |section: &&ReportSection| section.blocks.iter().any(|block| matches!(block, Block::Missing(_)));
        self.sections.iter().filter(is_missing).map(|section| &*section.title).collect()
    }

    /// The report as text.
    pub fn render(&self, format: ReportFormat) -> String {
        match format {
            ReportFormat::Markdown => markdown::render(self),
            ReportFormat::Html => html::render(self),
            ReportFormat::Confluence => confluence::render(self),
        }
    }
}

/// How a report names an exhibit: `E7`.
fn label(number: u32) -> String {
    format!("E{number}")
}

/// The heading of an exhibit.
fn heading(number: u32, title: &str) -> String {
    format!("{}: {title}", label(number))
}

fn range_text(range: &Range, zone: Zone) -> String {
    let text = |moment: Moment| moment.to_second(zone);
    match (range.earliest, range.latest) {
        (None, None) => "all time".to_owned(),
        (Some(earliest), None) => format!("from {}", text(earliest)),
        (None, Some(latest)) => format!("before {}", text(latest)),
        (Some(earliest), Some(latest)) => format!("{} to {}", text(earliest), text(latest)),
    }
}

/// A number of things, for people.
pub(crate) fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

//! Reports: a case as a document, in Markdown, HTML, or the storage format of Confluence.
//!
//! [`Report::of`] puts together what is to be said, in sections of blocks; each format only writes it down. Sections of people
//! (summary, impact, cause, actions) come as they were written, or as a reminder that they are missing.

mod chart;
mod confluence;
mod html;
mod markdown;
pub(crate) mod prose;
#[cfg(test)]
pub(crate) mod tests;
mod timeline;

pub use prose::{code_block, to_confluence as markdown_as_confluence, to_html as markdown_as_html};

use crate::Moment;
use crate::case::{Case, CaseError, Laid, Section, Written};
use crate::exhibit::{Chart, Citation, Exhibit, QueryRun, Range, Table};
use trawl_formats::Zone;
use trawl_formats::visible::clip;

/// Most rows of a table that a report shows.
const MAX_ROWS: usize = 50;
/// Most rows of a table beside a chart, which shows more than they do.
const MAX_ROWS_BESIDE_CHART: usize = 8;
/// Most events of an exhibit that a report shows.
const MAX_EVENTS: usize = 30;
/// Most characters of an event that a report shows, and of a cell.
const MAX_EVENT_CHARS: usize = 2_000;
const MAX_CELL_CHARS: usize = 300;

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
    /// A heading below that of the section.
    Heading(String),
    /// What people wrote, as Markdown.
    Prose(String),
    /// What nobody has written yet: what belongs there.
    Missing(String),
    /// A sentence.
    Remark(String),
    /// Names and values.
    Facts(Vec<(String, String)>),
    /// A table.
    Table(Table),
    /// A chart, with times in this zone.
    Chart(Chart, Zone),
    /// Events.
    Events(Vec<EventLine>),
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
            ReportSection { title: "Evidence".to_owned(), blocks: evidence(&exhibits, zone) },
            prose(Section::Cause)?,
            prose(Section::Actions)?,
            ReportSection { title: "Queries used".to_owned(), blocks: queries(&exhibits, zone) },
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
fn label(laid: &Laid) -> String {
    format!("E{}", laid.number)
}

fn evidence(exhibits: &[Laid], zone: Zone) -> Vec<Block> {
    if exhibits.is_empty() {
        let hint = "what shows what happened: `trawl rca add search QUERY`, `trawl rca add note TEXT`, `trawl rca add file PATH`";
        return vec![Block::Missing(hint.to_owned())];
    }
    exhibits.iter().flat_map(|laid| exhibit_blocks(laid, zone)).collect()
}

fn exhibit_blocks(laid: &Laid, zone: Zone) -> Vec<Block> {
    let exhibit = &laid.exhibit;
    let mut blocks = vec![Block::Heading(format!("{}: {}", label(laid), exhibit.title))];
    let mut facts = vec![("Kind", exhibit.kind.to_string()), ("Added", exhibit.added.to_second(zone))];
    facts.extend(exhibit.at.map(|at| ("Happened", at.to_second(zone))));
    facts.extend((!exhibit.command.is_empty()).then(|| ("Command", exhibit.command.clone())));
    facts.extend(exhibit.range.map(|range| ("Range", range_text(&range, zone))));
    for query in &exhibit.queries {
        facts.push((
            "Found",
            format!("{} match, in {}", counted(query.n_matched as usize, "event"), range_text(&query.range, zone)),
        ));
        facts.push(("Covered", query.coverage.to_string()));
        facts.extend(query.incomplete.as_ref().map(|why| ("Incomplete", why.clone())));
    }
    for file in &exhibit.files {
        facts.push(("File", format!("{} ({} bytes, SHA-256 {})", file.name, file.len, file.sha256)));
        facts.push(("Copied from", file.from.clone()));
    }
    blocks.push(Block::Facts(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()));
    blocks.extend((!exhibit.text.is_empty()).then(|| Block::Prose(exhibit.text.clone())));
    blocks.extend(exhibit.charts.iter().map(|chart| Block::Chart(chart.clone(), zone)));
    let most = if exhibit.charts.is_empty() { MAX_ROWS } else { MAX_ROWS_BESIDE_CHART };
    blocks.extend(exhibit.tables.iter().flat_map(|table| table_blocks(table, most)));
    if !exhibit.events.is_empty() {
        blocks.push(Block::Events(event_lines(exhibit, zone).take(MAX_EVENTS).collect()));
        let n_more = exhibit.events.len().saturating_sub(MAX_EVENTS);
        if n_more > 0 {
            blocks.push(Block::Remark(format!(
                "{n_more} more {} in the case and its bundle.",
                if n_more == 1 { "event" } else { "events" }
            )));
        }
    }
    blocks
}

fn table_blocks(table: &Table, most: usize) -> Vec<Block> {
    let n_in_all = table.n_rows_in_all.unwrap_or(table.rows.len() as u64);
    let clipped = |cell: &String| clip(cell, MAX_CELL_CHARS).into_owned();
    let rows: Vec<Vec<String>> = table.rows.iter().take(most).map(|row| row.iter().map(clipped).collect()).collect();
    let n_more = n_in_all.saturating_sub(rows.len() as u64);
    let mut blocks = vec![Block::Table(Table { rows, ..table.clone() })];
    if n_more > 0 {
        blocks.push(Block::Remark(format!("{n_more} more {}.", if n_more == 1 { "row" } else { "rows" })));
    }
    blocks
}

fn event_lines(exhibit: &Exhibit, zone: Zone) -> impl Iterator<Item = EventLine> {
    let mut events: Vec<&Citation> = exhibit.events.iter().collect();
    events.sort_by_key(|event| event.time);
    events.into_iter().map(move |event| EventLine {
        time: event.time.map(|time| time.in_zone(zone)).unwrap_or_default(),
        host: event.host.clone(),
        address: event.address.to_string(),
        why: event.why.clone(),
        text: clip(&exhibit.text_of(event), MAX_EVENT_CHARS).into_owned(),
        sha256: format!("sha256 {}…", &event.sha256.to_string()[..16]),
    })
}

fn queries(exhibits: &[Laid], zone: Zone) -> Vec<Block> {
    let row = |laid: &Laid, run: &QueryRun| {
        vec![
            label(laid),
            run.query.clone(),
            range_text(&run.range, zone),
            run.now.to_second(zone),
            run.n_matched.to_string(),
            run.coverage.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> =
        exhibits.iter().flat_map(|laid| laid.exhibit.queries.iter().map(|run| row(laid, run))).collect();
    if rows.is_empty() {
        return vec![Block::Remark("None.".to_owned())];
    }
    vec![Block::Table(Table::new("", ["", "query", "range", "run at", "matched", "what it rests on"], rows))]
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

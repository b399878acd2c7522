//! A report as one HTML page: no script, nothing loaded from anywhere, readable in print and in the dark.

use super::chart::svg;
use super::prose::{escape_html, to_html};
use super::table::{Cell, ShownTable};
use super::{Block, EventLine, Report, heading, label};
use crate::exhibit::ColumnKind;
use minijinja::Environment;
use minijinja::value::Serde;
use serde::Serialize;

const TEMPLATE: &str = include_str!("report.html.jinja");

#[derive(Serialize)]
struct Page<'r> {
    title: &'r str,
    facts: &'r [(String, String)],
    sections: Vec<SectionPiece<'r>>,
}

#[derive(Serialize)]
struct SectionPiece<'r> {
    title: &'r str,
    id: String,
    pieces: Vec<Piece<'r>>,
}

/// A piece of the page, with what is markup already rendered.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Piece<'r> {
    Heading { text: String, id: String },
    Markup { html: String },
    Chart { title: &'r str, svg: String },
    Missing { hint: &'r str },
    Remark { text: &'r str },
    Facts { rows: &'r [(String, String)] },
    Table { title: &'r str, is_wide: bool, columns: Vec<ColumnPiece<'r>>, rows: Vec<Vec<CellPiece<'r>>> },
    Events { events: Vec<EventPiece<'r>>, n_open: usize },
}

#[derive(Serialize)]
struct ColumnPiece<'r> {
    name: &'r str,
    class: &'static str,
}

#[derive(Serialize)]
struct CellPiece<'r> {
    class: &'static str,
    text: &'r str,
    /// All of the text, where that is more.
    whole: Option<&'r str>,
    /// Names of exhibits that it links to, and their places in the page.
    links: Vec<(String, String)>,
}

#[derive(Serialize)]
struct EventPiece<'r> {
    time: &'r str,
    host: &'r str,
    why: &'r str,
    address: &'r str,
    sha256: &'r str,
    text: &'r str,
}

/// The report as a page.
pub fn render(report: &Report) -> String {
    let sections = report.sections.iter().enumerate().map(|(n, section)| SectionPiece {
        title: &section.title,
        id: format!("s{}", n + 1),
        pieces: section.blocks.iter().map(piece).collect(),
    });
    let page = Page { title: &report.title, facts: &report.facts, sections: sections.collect() };
    let mut environment = Environment::new();
    environment.set_formatter(|out, _, value| {
        let text = value.to_string();
        // The template calls safe what was rendered here, and nothing else.
        out.write_str(&if value.is_safe() { text } else { escape_html(&text) })?;
        Ok(())
    });
    let rendered = environment.template_from_str(TEMPLATE).and_then(|template| template.render(Serde(&page)));
    rendered.expect("the template asks for what it is given")
}

fn piece(block: &Block) -> Piece<'_> {
    match block {
        Block::Exhibit { number, title } => Piece::Heading { text: heading(*number, title), id: id(*number) },
        Block::Prose(markdown) => Piece::Markup { html: to_html(markdown) },
        Block::Missing(hint) => Piece::Missing { hint },
        Block::Remark(text) => Piece::Remark { text },
        Block::Facts(rows) => Piece::Facts { rows },
        Block::Table(table) => self::table(table),
        Block::Chart(chart, zone) => Piece::Chart { title: &chart.title, svg: svg(chart, *zone) },
        Block::Events { events, n_open } => {
            Piece::Events { n_open: (*n_open).min(events.len()), events: events.iter().map(event).collect() }
        }
    }
}

fn event(event: &EventLine) -> EventPiece<'_> {
    EventPiece {
        time: &event.time,
        host: &event.host,
        why: &event.why,
        address: &event.address,
        sha256: &event.sha256,
        text: &event.text,
    }
}

/// The place of an exhibit in the page.
fn id(number: u32) -> String {
    format!("e{number}")
}

fn class_of(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "text",
        ColumnKind::Short => "short",
        ColumnKind::Number => "number",
        ColumnKind::Line => "line",
    }
}

fn table(table: &ShownTable) -> Piece<'_> {
    let columns = table.columns.iter().map(|(name, kind)| ColumnPiece { name, class: class_of(*kind) });
    let cells = |row| std::iter::zip::<&Vec<Cell>, _>(row, &table.columns);
    let rows = table.rows.iter().map(|row| cells(row).map(|(one, (_, kind))| cell(one, class_of(*kind))).collect());
    // Lines need all the room that there is; numbers that stand far apart are hard to read.
    let is_wide = table.columns.iter().any(|(_, kind)| *kind == ColumnKind::Line);
    Piece::Table { title: &table.title, is_wide, columns: columns.collect(), rows: rows.collect() }
}

fn cell<'r>(cell: &'r Cell, class: &'static str) -> CellPiece<'r> {
    let piece = |text, whole| CellPiece { class, text, whole, links: Vec::new() };
    match cell {
        Cell::Text(text) => piece(text, None),
        Cell::Said(text) => CellPiece { class: class_of(ColumnKind::Text), ..piece(text, None) },
        Cell::Clipped { shown, whole } => piece(shown, Some(whole)),
        Cell::Exhibits(numbers) => {
            let links = numbers.iter().map(|number| (label(*number), id(*number))).collect();
            CellPiece { links, ..piece("", None) }
        }
    }
}

//! A report as one HTML page: no script, nothing loaded from anywhere, readable in print and in the dark.

use super::chart::svg;
use super::prose::{escape_html, to_html};
use super::{Block, Report};
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
    Heading { text: &'r str, id: String },
    Markup { html: String },
    Chart { title: &'r str, svg: String },
    Missing { hint: &'r str },
    Remark { text: &'r str },
    Facts { rows: &'r [(String, String)] },
    Table { title: &'r str, columns: &'r [String], rows: &'r [Vec<String>] },
    Events { events: Vec<EventPiece<'r>> },
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
    let mut n_headings = 0;
    let sections = report.sections.iter().enumerate().map(|(n, section)| SectionPiece {
        title: &section.title,
        id: format!("s{}", n + 1),
        pieces: section.blocks.iter().map(|block| piece(block, &mut n_headings)).collect(),
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

fn piece<'r>(block: &'r Block, n_headings: &mut usize) -> Piece<'r> {
    match block {
        Block::Heading(text) => {
            *n_headings += 1;
            Piece::Heading { text, id: format!("e{n_headings}") }
        }
        Block::Prose(markdown) => Piece::Markup { html: to_html(markdown) },
        Block::Missing(hint) => Piece::Missing { hint },
        Block::Remark(text) => Piece::Remark { text },
        Block::Facts(rows) => Piece::Facts { rows },
        Block::Table(table) => Piece::Table { title: &table.title, columns: &table.columns, rows: &table.rows },
        Block::Chart(chart, zone) => Piece::Chart { title: &chart.title, svg: svg(chart, *zone) },
        Block::Events(events) => Piece::Events {
            events: events
                .iter()
                .map(|event| EventPiece {
                    time: &event.time,
                    host: &event.host,
                    why: &event.why,
                    address: &event.address,
                    sha256: &event.sha256,
                    text: &event.text,
                })
                .collect(),
        },
    }
}

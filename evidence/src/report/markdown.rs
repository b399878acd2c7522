//! A report as Markdown.

use super::chart::sparklines;
use super::prose::{code_block, escape_markdown, to_markdown};
use super::{Block, Report};
use crate::exhibit::Table;

/// The report as Markdown.
pub fn render(report: &Report) -> String {
    let mut out = format!("# {}\n\n", escape_markdown(&report.title));
    facts(&mut out, &report.facts);
    for section in &report.sections {
        out.push_str(&format!("## {}\n\n", escape_markdown(&section.title)));
        section.blocks.iter().for_each(|block| self::block(&mut out, block));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn block(out: &mut String, block: &Block) {
    match block {
        Block::Heading(text) => out.push_str(&format!("### {}\n\n", escape_markdown(text))),
        Block::Prose(markdown) => out.push_str(&format!("{}\n\n", to_markdown(markdown).trim())),
        Block::Missing(hint) => {
            out.push_str(&format!(
                "> **Nobody has written this yet.** What belongs here: {}\n\n",
                escape_markdown(hint)
            ));
        }
        Block::Remark(text) => out.push_str(&format!("{}\n\n", escape_markdown(text))),
        Block::Facts(rows) => facts(out, rows),
        Block::Table(table) => self::table(out, table),
        Block::Chart(chart, zone) => code(out, &sparklines(chart, *zone)),
        Block::Events(events) => {
            for event in events {
                out.push_str(&format!("{}\n\n", escape_markdown(&event.heading())));
                code(out, &event.text);
            }
        }
    }
}

fn facts(out: &mut String, facts: &[(String, String)]) {
    for (name, value) in facts {
        out.push_str(&format!("- **{}:** {}\n", escape_markdown(name), escape_markdown(value)));
    }
    out.push('\n');
}

fn table(out: &mut String, table: &Table) {
    if !table.title.is_empty() {
        out.push_str(&format!("**{}**\n\n", escape_markdown(&table.title)));
    }
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escape_markdown(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    out.push_str(&row(&table.columns));
    out.push_str(&format!("|{}\n", " --- |".repeat(table.columns.len())));
    table.rows.iter().for_each(|cells| out.push_str(&row(cells)));
    out.push('\n');
}

fn code(out: &mut String, text: &str) {
    out.push_str(&code_block(text));
    out.push('\n');
}

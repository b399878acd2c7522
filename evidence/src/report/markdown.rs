//! A report as Markdown.

use super::chart::sparklines;
use super::prose::{clean, code_block, escape_markdown, to_markdown};
use super::table::{Cell, ShownTable};
use super::{Block, Report, heading, label};
use crate::exhibit::ColumnKind;
use std::collections::BTreeMap;

/// The places of exhibits in the page, by their numbers.
type Anchors = BTreeMap<u32, String>;

/// The report as Markdown.
pub fn render(report: &Report) -> String {
    let blocks = report.sections.iter().flat_map(|section| &section.blocks);
    let anchors: Anchors = blocks
        .filter_map(|block| match block {
            Block::Exhibit { number, title } => Some((*number, anchor(&heading(*number, title)))),
            _ => None,
        })
        .collect();
    let mut out = format!("# {}\n\n", escape_markdown(&report.title));
    facts(&mut out, &report.facts);
    for section in &report.sections {
        out.push_str(&format!("## {}\n\n", escape_markdown(&section.title)));
        section.blocks.iter().for_each(|block| self::block(&mut out, block, &anchors));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn block(out: &mut String, block: &Block, anchors: &Anchors) {
    match block {
        Block::Exhibit { number, title } => {
            out.push_str(&format!("### {}\n\n", escape_markdown(&heading(*number, title))));
        }
        Block::Prose(markdown) => out.push_str(&format!("{}\n\n", to_markdown(markdown).trim())),
        Block::Missing(hint) => {
            out.push_str(&format!(
                "> **Nobody has written this yet.** What belongs here: {}\n\n",
                escape_markdown(hint)
            ));
        }
        Block::Remark(text) => out.push_str(&format!("{}\n\n", escape_markdown(text))),
        Block::Facts(rows) => facts(out, rows),
        Block::Table(table) => self::table(out, table, anchors),
        Block::Chart(chart, zone) => code(out, &sparklines(chart, *zone)),
        // There is nothing to fold with.
        Block::Events { events, n_open: _ } => {
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

fn table(out: &mut String, table: &ShownTable, anchors: &Anchors) {
    if !table.title.is_empty() {
        out.push_str(&format!("**{}**\n\n", escape_markdown(&table.title)));
    }
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push_str(&row(table.columns.iter().map(|(name, _)| escape_markdown(name)).collect()));
    let rules = table.columns.iter().map(|(_, kind)| if *kind == ColumnKind::Number { " ---: |" } else { " --- |" });
    out.push_str(&format!("|{}\n", rules.collect::<String>()));
    let cell = |cell: &Cell| match cell {
        Cell::Exhibits(numbers) => numbers.iter().map(|number| link(*number, anchors)).collect::<Vec<_>>().join(", "),
        cell => escape_markdown(&cell.shown()),
    };
    table.rows.iter().for_each(|cells| out.push_str(&row(cells.iter().map(cell).collect())));
    out.push('\n');
    if table.is_clipped() {
        out.push_str("What ends in … is cut here: the case has all of it.\n\n");
    }
}

fn link(number: u32, anchors: &Anchors) -> String {
    match anchors.get(&number) {
        Some(anchor) => format!("[{}](#{anchor})", label(number)),
        None => label(number),
    }
}

/// The name that GitHub, and most others, give the place of a heading: letters, digits, hyphens and underscores of it in lower
/// case, with hyphens for spaces.
fn anchor(heading: &str) -> String {
    let text = clean(heading).replace(['\n', '\t'], " ");
    let kept = text.trim().chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn code(out: &mut String, text: &str) {
    out.push_str(&code_block(text));
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_named_as_readers_name_them() {
        assert_eq!(anchor("E3: What changed before <b>14:05</b>?"), "e3-what-changed-before-b1405b");
        assert_eq!(anchor("E1: a | b_c\n"), "e1-a--b_c");
        assert_eq!(anchor("E1: ](x) Größe"), "e1-x-größe");
    }
}

//! A report in the storage format of Confluence: XHTML with macros of its own.

use super::chart::sparklines;
use super::prose::{clean, escape_html, to_confluence};
use super::table::{Cell, ShownTable};
use super::{Block, EventLine, Report, heading, label};
use crate::exhibit::ColumnKind;

/// The report as the body of a page.
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    facts(&mut out, &report.facts);
    out.push_str(
        r#"<ac:structured-macro ac:name="toc"><ac:parameter ac:name="maxLevel">2</ac:parameter></ac:structured-macro>"#,
    );
    for section in &report.sections {
        element(&mut out, "h1", &section.title);
        for block in &section.blocks {
            self::block(&mut out, block);
        }
    }
    out
}

/// Code as it stands, whatever is in it.
pub fn code_macro(text: &str) -> String {
    // The end of a CDATA section within one: it is cut in two, between the brackets.
    let text = clean(text).replace("]]>", "]]]]><![CDATA[>");
    format!(
        "<ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">none</ac:parameter>\
         <ac:plain-text-body><![CDATA[{text}]]></ac:plain-text-body></ac:structured-macro>"
    )
}

fn element(out: &mut String, name: &str, text: &str) {
    out.push_str(&format!("<{name}>{}</{name}>", escape_html(text)));
}

fn facts(out: &mut String, facts: &[(String, String)]) {
    out.push_str("<table><tbody>");
    for (name, value) in facts {
        out.push_str(&format!("<tr><th>{}</th><td>{}</td></tr>", escape_html(name), escape_html(value)));
    }
    out.push_str("</tbody></table>");
}

fn block(out: &mut String, block: &Block) {
    match block {
        Block::Exhibit { number, title } => out.push_str(&format!(
            "<h2><ac:structured-macro ac:name=\"anchor\"><ac:parameter ac:name=\"\">e{number}</ac:parameter></ac:structured-macro>{}</h2>",
            escape_html(&heading(*number, title))
        )),
        Block::Prose(markdown) => out.push_str(&to_confluence(markdown)),
        Block::Missing(hint) => out.push_str(&format!(
            "<ac:structured-macro ac:name=\"warning\"><ac:rich-text-body><p>Nobody has written this yet. What belongs here: {}</p>\
             </ac:rich-text-body></ac:structured-macro>",
            escape_html(hint)
        )),
        Block::Remark(text) => element(out, "p", text),
        Block::Facts(rows) => facts(out, rows),
        Block::Table(table) => self::table(out, table),
        Block::Chart(chart, zone) => out.push_str(&code_macro(&sparklines(chart, *zone))),
        Block::Events { events, n_open } => {
            let (open, others) = events.split_at((*n_open).min(events.len()));
            open.iter().for_each(|event| self::event(out, event));
            if !others.is_empty() {
                let n_events = super::counted(others.len(), if open.is_empty() { "cited event" } else { "more event" });
                let mut lines = String::new();
                others.iter().for_each(|event| self::event(&mut lines, event));
                out.push_str(&folded(&format!("{n_events}, byte for byte"), &lines));
            }
        }
    }
}

fn table(out: &mut String, table: &ShownTable) {
    if !table.title.is_empty() {
        out.push_str(&format!("<p><strong>{}</strong></p>", escape_html(&table.title)));
    }
    out.push_str("<table><tbody><tr>");
    table.columns.iter().for_each(|(name, kind)| cell(out, "th", *kind, &escape_html(name)));
    out.push_str("</tr>");
    for row in &table.rows {
        out.push_str("<tr>");
        for (cell, (_, kind)) in row.iter().zip(&table.columns) {
            self::cell(out, "td", *kind, &content(cell, *kind));
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn cell(out: &mut String, name: &str, kind: ColumnKind, content: &str) {
    let style = if kind == ColumnKind::Number { " style=\"text-align: right;\"" } else { "" };
    out.push_str(&format!("<{name}{style}>{content}</{name}>"));
}

fn content(cell: &Cell, kind: ColumnKind) -> String {
    let text = |text: &str| match escape_html(text) {
        text if kind == ColumnKind::Line && !text.is_empty() => format!("<code>{text}</code>"),
        text => text.replace('\n', "<br />"),
    };
    match cell {
        Cell::Text(shown) => text(shown),
        Cell::Said(said) => escape_html(said).replace('\n', "<br />"),
        Cell::Clipped { shown, whole } => text(shown) + &folded("all of it", &code_macro(whole)),
        Cell::Exhibits(numbers) => numbers.iter().map(|number| link(*number)).collect::<Vec<_>>().join(" "),
    }
}

fn link(number: u32) -> String {
    format!(
        "<ac:link ac:anchor=\"e{number}\"><ac:plain-text-link-body><![CDATA[{}]]></ac:plain-text-link-body></ac:link>",
        label(number)
    )
}

/// What readers see when they ask for it.
fn folded(title: &str, content: &str) -> String {
    format!(
        "<ac:structured-macro ac:name=\"expand\"><ac:parameter ac:name=\"title\">{}</ac:parameter>\
         <ac:rich-text-body>{content}</ac:rich-text-body></ac:structured-macro>",
        escape_html(title)
    )
}

fn event(out: &mut String, event: &EventLine) {
    out.push_str(&format!("<p>{}</p>", escape_html(&event.heading())));
    out.push_str(&code_macro(&event.text));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::assert_well_formed;

    #[test]
    fn code_cannot_end_its_section() {
        for text in ["a ]]> b", "]]]]>>", "]]", "\u{0}\u{b}]]>\u{ffff}", "</ac:plain-text-body>"] {
            let xml = code_macro(text);
            assert_well_formed(&xml);
            let cdata = xml.split("<![CDATA[").skip(1).map(|part| part.split("]]>").next().unwrap());
            assert_eq!(cdata.collect::<String>(), clean(text), "{xml}");
        }
    }
}

//! A report on a case that holds one of everything.

use super::*;
use crate::case::NewFile;
use crate::exhibit::{Citation, ColumnKind, Exhibit, Kind, Mark, QueryRun, Series, Table};
use crate::source::SourceIdentity;
use proptest::prelude::*;
use quick_xml::events::Event as Xml;
use trawl_query::engine::address::Address;
use trawl_query::engine::coverage::Coverage;

/// What is inside of an element is well-formed XML, as Confluence reads it.
pub fn assert_well_formed(xml: &str) {
    let whole = format!("<page xmlns:ac=\"a\" xmlns:ri=\"r\">{xml}</page>");
    let mut reader = quick_xml::Reader::from_str(&whole);
    reader.config_mut().enable_all_checks(true);
    let mut depth = 0;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}")) {
            Xml::Start(start) => {
                depth += 1;
                start
                    .attributes()
                    .for_each(|attribute| drop(attribute.unwrap_or_else(|error| panic!("{error}: {xml}"))));
            }
            Xml::End(_) => depth -= 1,
            Xml::GeneralRef(name) => {
                let name = name.into_inner();
                let is_known = ["amp", "lt", "gt", "quot", "apos"].contains(&&*name) || name.starts_with('#');
                assert!(is_known, "&{name}; in {xml}");
            }
            Xml::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{xml}");
    let is_legal =
        |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(is_legal), "{xml:?}");
}

/// Log text that tries all channels.
pub const HOSTILE: &str =
    "ERROR <script>alert('x')</script> ]]> {{ 7*7 }} | `a` *b* \u{1b}[31m\u{0}\u{202e}\u{ffff} &amp; \"q\"";

/// A case with all kinds of blocks, of which some hold hostile text.
pub fn case(dir: &std::path::Path) -> Case {
    const T: i64 = 1_795_183_500_000_000;
    let case = Case::create(dir, "Outage of <Pay> & co", Moment(T), "Europe/Berlin".parse().unwrap()).unwrap();
    let citation = |offset: u64, text: &str, why: &str| Citation {
        why: why.to_owned(),
        time: Some(Moment(T + offset as i64 * 1_000)),
        host: "pay-01".to_owned(),
        ..Citation::new(
            Address { source: "/var/log/pay.log".to_owned(), generation: 0, offset, len: text.len() as u32 },
            text.as_bytes().to_vec(),
        )
    };
    let query = QueryRun {
        query: "ERROR <b> | head 3".to_owned(),
        range: Range { earliest: Some(Moment(T)), latest: Some(Moment(T + 600_000_000)) },
        now: Moment(T + 900_000_000),
        indexes: Vec::new(),
        n_matched: 2,
        n_rows: 2,
        warnings: Vec::new(),
        incomplete: None,
        coverage: Coverage {
            n_events: 10,
            n_sources: 1,
            n_buckets: 1,
            indexes: vec!["main".parse().unwrap()],
            ..Coverage::default()
        },
    };
    let mut search = Exhibit::new(Kind::Search, "Errors of Pay", Moment(T))
        .of_command("trawl rca add search ERROR")
        .with_query(query);
    search.events = vec![citation(120, "ERROR one\n", ""), citation(300, HOSTILE, "")];
    search.sources = vec![SourceIdentity {
        source: "/var/log/pay.log".to_owned(),
        generation: 0,
        path: "/var/log/pay.log".to_owned(),
        index: "main".parse().unwrap(),
        host: "pay-01".to_owned(),
        sourcetype: "log4j".to_owned(),
        encoding: Default::default(),
        envelope: Default::default(),
        device: 1,
        inode: 2,
        head_len: 0,
        head_sha256_16: None,
    }];
    let series = |name: &str, values: &[f64]| Series { name: name.to_owned(), values: values.to_vec() };
    search.charts.push(Chart {
        title: "Errors per minute".to_owned(),
        unit: "events".to_owned(),
        start: Moment(T),
        step_s: 60.0,
        series: vec![series("pay-01", &[0.0, 4.0, 9.0, 2.0]), series("pay-02 <i>", &[1.0, 0.0, 3.0, 0.0])],
        marks: vec![Mark { at: Moment(T + 60_000_000), label: "deploy <x>".to_owned() }],
    });
    case.add(&search, &[]).unwrap();
    let note = Exhibit { at: Some(Moment(T - 60_000_000)), ..Exhibit::new(Kind::Note, "DBA: failover", Moment(T)) }
        .with_text("They *saw* it <script>x</script>\n\n```\n]]>\n```");
    case.add(&note, &[]).unwrap();
    let table = Table::new("By host", ["host", "n|o"], vec![vec!["a\nb".to_owned(), HOSTILE.to_owned()]]);
    case.add(&Exhibit::new(Kind::Diff, "New", Moment(T)).with_table(table), &[]).unwrap();
    // An analysis with tables cites an event that the search found, too.
    let columns = [("#", ColumnKind::Number), ("time", ColumnKind::Short), ("line", ColumnKind::Line)];
    let lines = ["ERROR one".to_owned(), format!("{HOSTILE}\n\tat Pay.java"), "x".repeat(80_000)];
    let rows = lines.into_iter().enumerate().map(|(n, line)| vec![(n + 1).to_string(), "15:05".to_owned(), line]);
    let mut changes = Exhibit::new(Kind::Changes, "What <changed> | ] before", Moment(T))
        .with_text("- the onset was detected")
        .with_table(Table::of_kinds("Suspects", &columns, rows.collect()));
    changes.events = vec![citation(120, "ERROR one\n", "a suspect <i>")];
    changes.sources = search.sources.clone();
    changes.moments = vec![Mark { at: Moment(T + 5_000), label: "failures rise <u>".to_owned() }];
    let printed = NewFile::Made("printed.txt".to_owned(), b"as it was printed".to_vec());
    case.add(&changes, &[printed]).unwrap();
    // As analyses were kept before they had tables.
    let old = Exhibit::new(Kind::Trace, "A path", Moment(T)).with_text("```text\n15:05 <b>request</b>\n```");
    case.add(&old, &[]).unwrap();
    std::fs::write(case.dir.join("summary.md"), "It **broke** at 14:05.\n").unwrap();
    case
}

fn report() -> Report {
    let dir = tempfile::tempdir().unwrap();
    Report::of(&case(dir.path()), Moment(1_795_187_100_000_000)).unwrap()
}

#[test]
fn missing_sections_are_named() {
    assert_eq!(report().missing(), ["Impact", "Cause", "Actions"]);
}

#[test]
fn markdown_is_for_people() {
    insta::assert_snapshot!(report().render(ReportFormat::Markdown));
}

#[test]
fn no_text_becomes_markup() {
    let report = report();
    for format in [ReportFormat::Html, ReportFormat::Confluence] {
        let text = report.render(format);
        assert!(text.contains("{{ 7*7 }}"), "nothing of a log is a template");
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
        // What stands in CDATA is text.
        let mut pieces = text.split("<![CDATA[");
        let first = pieces.next().unwrap_or_default();
        let outside = pieces.map(|piece| piece.split_once("]]>").unwrap().1);
        assert!(std::iter::once(first).chain(outside).all(|piece| !piece.contains("<script")), "{text}");
    }
    let markdown = report.render(ReportFormat::Markdown);
    let html = prose::to_html(&markdown);
    assert!(!html.contains("<script"), "{html}");
}

#[test]
fn exhibits_are_linked() {
    let report = report();
    let html = report.render(ReportFormat::Html);
    assert!(html.contains("<a href=\"#e1\">E1</a> <a href=\"#e4\">E4</a>"), "{html}");
    assert!(html.contains("<h3 id=\"e4\">E4: What &lt;changed&gt;"), "{html}");
    let confluence = report.render(ReportFormat::Confluence);
    for number in [1, 4] {
        assert!(confluence.contains(&format!("<ac:link ac:anchor=\"e{number}\">")), "{confluence}");
        assert!(confluence.contains(&format!("<ac:parameter ac:name=\"\">e{number}</ac:parameter>")), "{confluence}");
    }
    let markdown = report.render(ReportFormat::Markdown);
    assert!(markdown.contains("| [E1](#e1-errors-of-pay), [E4](#e4-what-changed---before) |"), "{markdown}");
}

#[test]
fn long_text_can_be_reached() {
    let report = report();
    let html = report.render(ReportFormat::Html);
    let whole = format!("<pre>{}…</pre></details>", "x".repeat(1_999));
    assert!(html.contains(&whole) && html.contains(&format!("<summary>{}…</summary>", "x".repeat(159))), "{html}");
    let confluence = report.render(ReportFormat::Confluence);
    assert!(confluence.contains(&format!("<![CDATA[{}…]]>", "x".repeat(1_999))), "{confluence}");
    // Whoever reads the table has read the events.
    assert!(html.contains("<summary>1 cited event, byte for byte</summary>"), "{html}");
    assert!(confluence.contains("1 cited event, byte for byte"), "{confluence}");
}

#[test]
fn what_was_kept_as_text_is_shown_as_text() {
    let html = report().render(ReportFormat::Html);
    assert!(html.contains("<pre><code>15:05 &lt;b&gt;request&lt;/b&gt;\n</code></pre>"), "{html}");
    assert!(!html.contains("as it was printed") && html.contains("printed.txt (17 bytes"), "{html}");
}

proptest! {
    #[test]
    fn any_text_of_logs_is_harmless(text in "[a-c<>&\"'\\[\\]()!#*_`|\n \\-\\x00-\\x1f\u{fffe}\u{202e}/:=…]{0,400}") {
        let columns = [("a", ColumnKind::Text), (&*text, ColumnKind::Line)];
        let table = Table::of_kinds(&text, &columns, vec![vec![text.clone(), text.clone()]]);
        let event = EventLine {
            time: String::new(),
            host: text.clone(),
            address: text.clone(),
            why: text.clone(),
            text: text.clone(),
            sha256: String::new(),
        };
        let blocks = vec![
            Block::Exhibit { number: 1, title: text.clone() },
            Block::Facts(vec![("Command".to_owned(), text.clone())]),
            Block::Table(ShownTable::of(&table, 1)),
            Block::Events { events: vec![event], n_open: 0 },
            Block::Prose(code_block(&text)),
        ];
        let sections = vec![ReportSection { title: "Evidence".to_owned(), blocks }];
        let report = Report { title: text.clone(), facts: Vec::new(), sections };
        assert_well_formed(&report.render(ReportFormat::Confluence));
        assert_well_formed(report.render(ReportFormat::Html).trim_start_matches("<!DOCTYPE html>"));
        // The table of the Markdown has two rows of two cells, and nothing of the text is markup.
        let html = prose::to_html(&report.render(ReportFormat::Markdown));
        prop_assert_eq!((html.matches("<tr>").count(), html.matches("<td>").count()), (2, 2), "{}", html);
        prop_assert!(!html.contains("<em>") && !html.contains("<a href"), "{}", html);
    }
}

#[test]
fn confluence_is_well_formed() {
    let text = report().render(ReportFormat::Confluence);
    assert_well_formed(&text);
    assert!(text.contains("<ac:plain-text-body><![CDATA[ERROR one]]></ac:plain-text-body>"), "{text}");
}

#[test]
fn html_stands_alone() {
    let text = report().render(ReportFormat::Html);
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("<svg"), "{text}");
    for outside in ["<link", "src=", "@import", "url("] {
        assert!(!text.contains(outside), "{outside}");
    }
    // All of it is XML, too, but for what HTML alone begins with.
    assert_well_formed(text.trim_start_matches("<!DOCTYPE html>"));
}

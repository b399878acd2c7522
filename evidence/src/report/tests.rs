//! A report on a case that holds one of everything.

use super::*;
use crate::exhibit::{Kind, Mark, Series};
use crate::source::SourceIdentity;
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

//! `[[alert.test]]`: unit tests of alerts, as written, then checked.

use super::alerts::{Lines, Wrong};
use super::brief::Brief;
use super::definitions::ShownDefinition;
use super::raw::{AlertTest as RawTest, TestLine as RawLine};
use super::{File, Origin, Setting};
use toml::Spanned;
use trawl_alert::rule_test::{RuleTest, TestLine};
use trawl_formats::{IndexName, Zone};

/// The machine and the file of a test that names none.
const DEFAULT_HOST: &str = "test";
const DEFAULT_SOURCE: &str = "test.log";

/// One `[[alert.test]]`.
#[derive(Clone, Debug)]
pub struct TestSetting {
    /// Its name.
    pub name: String,
    /// Where it is written.
    pub origin: Origin,
    zone: Option<Zone>,
    test: Result<RuleTest, Wrong>,
}

impl TestSetting {
    /// The test. `zone` is that of times where it names none.
    ///
    /// # Errors
    /// If it makes no sense: the error names its place and what to write instead.
    pub fn rule_test(&self, zone: Zone) -> anyhow::Result<RuleTest> {
        let test = self.test.clone().map_err(|wrong| wrong.error(&format!("test `{}`", self.name), &self.origin))?;
        Ok(RuleTest { zone: self.zone.unwrap_or(zone), ..test })
    }
}

/// Reads the tests of an alert. One without a name has its number.
pub(super) fn read(
    tests: &mut Vec<Spanned<RawTest>>,
    file: &File<'_>,
    shown: &mut Vec<ShownDefinition>,
) -> Vec<TestSetting> {
    let mut settings = Vec::new();
    for (at, test) in std::mem::take(tests).into_iter().enumerate() {
        let Setting { value: raw, origin } = file.setting(test);
        shown.extend(show(&raw, file, &origin));
        let name = raw.name.as_ref().map_or_else(|| (at + 1).to_string(), |name| name.get_ref().clone());
        let zone = raw.tz.as_ref().map(|tz| tz.get_ref().parse::<Zone>()).transpose();
        let (zone, test) = match zone {
            Ok(zone) => (zone, rule_test(&name, raw)),
            Err(error) => (None, Err(Wrong::new(format!("`tz`: {error}"), "write for example tz = \"Europe/London\""))),
        };
        settings.push(TestSetting { name, origin, zone, test });
    }
    settings
}

fn value<T>(value: Option<Spanned<T>>) -> Option<T> {
    value.map(Spanned::into_inner)
}

fn rule_test(name: &str, raw: RawTest) -> Result<RuleTest, Wrong> {
    let sourcetype = value(raw.sourcetype);
    let host = value(raw.host).unwrap_or_else(|| DEFAULT_HOST.to_owned());
    let source = value(raw.source).unwrap_or_else(|| DEFAULT_SOURCE.to_owned());
    let index = value(raw.index).unwrap_or_else(|| IndexName::new("main").expect("it is a valid name"));
    let line = |Brief(raw): Brief<RawLine>| {
        let text = value(raw.line)
            .ok_or_else(|| Wrong::new("a line has no text", "write { line = \"…\", at = \"14:00\" }"))?;
        Ok(TestLine {
            text,
            at: value(raw.at),
            sourcetype: value(raw.sourcetype).or_else(|| sourcetype.clone()),
            host: value(raw.host).unwrap_or_else(|| host.clone()).as_str().into(),
            source: value(raw.source).unwrap_or_else(|| source.clone()).as_str().into(),
            index: value(raw.index).unwrap_or_else(|| index.clone()),
        })
    };
    Ok(RuleTest {
        name: name.to_owned(),
        lines: value(raw.lines).unwrap_or_default().into_iter().map(line).collect::<Result<_, Wrong>>()?,
        start: value(raw.start),
        end: value(raw.end),
        zone: Zone::UTC,
        expect: value(raw.expect).unwrap_or_default(),
    })
}

/// The lines of `config show`.
fn show(raw: &RawTest, file: &File<'_>, origin: &Origin) -> Vec<ShownDefinition> {
    let mut lines = Lines::new(file, origin, "[[alert.test]]".to_owned());
    lines.text("name", &raw.name);
    lines.add("lines", &raw.lines, |all| all.iter().map(|Brief(line)| log_line(line)).collect::<Vec<_>>().into());
    lines.texts("expect", &raw.expect);
    lines.text("sourcetype", &raw.sourcetype);
    lines.text("host", &raw.host);
    lines.text("source", &raw.source);
    lines.text("index", &raw.index);
    lines.text("start", &raw.start);
    lines.text("end", &raw.end);
    lines.text("tz", &raw.tz);
    lines.shown
}

/// A line as it may be written.
fn log_line(raw: &RawLine) -> toml::Value {
    fn text<T: ToString>(value: &Option<Spanned<T>>) -> Option<String> {
        value.as_ref().map(|value| value.get_ref().to_string())
    }
    let keys = [
        ("line", text(&raw.line)),
        ("at", text(&raw.at)),
        ("sourcetype", text(&raw.sourcetype)),
        ("host", text(&raw.host)),
        ("source", text(&raw.source)),
        ("index", text(&raw.index)),
    ];
    let table: toml::Table = keys.into_iter().filter_map(|(key, text)| Some((key.to_owned(), text?.into()))).collect();
    match (table.len(), table.get("line")) {
        (1, Some(line)) => line.clone(),
        _ => toml::Value::Table(table),
    }
}

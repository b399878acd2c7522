//! The text format of Prometheus, version 0.0.4: families of samples.
//!
//! ```text
//! # HELP name text          backslash and line feed escaped
//! # TYPE name counter|gauge
//! name{label="value",…} number
//! ```

use std::fmt::Write;

/// What the content is, for `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family counts.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A page that is being written.
#[derive(Debug, Default)]
pub struct Exposition(String);

/// Writes the samples of one family.
pub struct Family<'p> {
    page: &'p mut String,
    name: &'static str,
}

impl Exposition {
    /// Begins a family. Its name has the unit in it; that of a counter ends with `_total`.
    pub fn family(&mut self, kind: Kind, name: &'static str, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Family { page: &mut self.0, name }
    }

    /// The page.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        self.page.push_str(self.name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
            let separator = if at == 0 { '{' } else { ',' };
            let _ = write!(self.page, "{separator}{label}=\"{value}\"");
        }
        if !labels.is_empty() {
            self.page.push('}');
        }
        // Whole numbers are printed as such, whatever their size.
        let _ = writeln!(self.page, " {value}");
    }

    /// Adds a sample that is a number of things.
    pub fn count(&mut self, labels: &[(&str, &str)], value: u64) {
        self.sample(labels, value as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_parse::{Scrape, Value};

    fn parsed(page: Exposition) -> Scrape {
        Scrape::parse(page.into_text().lines().map(|line| Ok(line.to_owned()))).unwrap()
    }

    #[test]
    fn what_is_written_is_what_a_parser_reads() {
        let mut page = Exposition::default();
        let mut family = page.family(Kind::Counter, "trawl_things_total", "Things,\nof a \\ kind.");
        family.count(&[("index", "main"), ("place", "C:\\new \"x\"\nend")], 3);
        family.sample(&[("index", "web"), ("place", "")], 0.25);
        page.family(Kind::Gauge, "trawl_free_bytes", "Free.").count(&[], 270_553_174_016);
        let scrape = parsed(page);
        let samples: Vec<(&str, Option<&str>, Option<&str>, &Value)> = scrape
            .samples
            .iter()
            .map(|sample| (&*sample.metric, sample.labels.get("index"), sample.labels.get("place"), &sample.value))
            .collect();
        assert_eq!(
            samples,
            [
                // The parser leaves the escapes as they are.
                ("trawl_things_total", Some("main"), Some(r#"C:\\new \"x\"\nend"#), &Value::Counter(3.0)),
                ("trawl_things_total", Some("web"), Some(""), &Value::Counter(0.25)),
                ("trawl_free_bytes", None, None, &Value::Gauge(270_553_174_016.0)),
            ]
        );
    }
}

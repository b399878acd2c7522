//! Texts of actions that the configuration shapes: Jinja templates, in which every value is escaped for where it goes.
//!
//! Values come from logs. They are data, never template source, and there is no way around their escaping: neither the
//! filter `safe` nor `{% autoescape false %}` changes it. What a template may cost, and what it may write, is bounded.

use crate::text;
use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use std::fmt;

/// Steps that a template may take.
const FUEL: u64 = 200_000;
/// Most bytes that a template may write.
const MAX_BYTES: usize = 1 << 20;

/// What values are escaped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Plain text: control characters are made visible.
    Text,
    /// One line of plain text, such as a subject.
    Line,
    /// HTML, in text and quoted attributes.
    Html,
    /// JSON: a value is written as a JSON value, with its quotes.
    Json,
    /// Slack's text.
    Slack,
}

/// A template that has been read.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    source: String,
    escape: Escape,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadTemplate {
    /// It cannot be read, or asks for what is not there.
    #[error("line {line} of the template: {what}")]
    Jinja {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// It does too much.
    #[error("the template takes more than {FUEL} steps")]
    TooCostly,
    /// It writes too much.
    #[error("the template writes more than {MAX_BYTES} bytes")]
    TooLong,
    /// It should write JSON, and does not.
    #[error(
        "what the template writes is not JSON: {0}; a value brings its own quotes: write {{{{ \"alert \" ~ alert }}}}, not \
         \"alert {{{{ alert }}}}\""
    )]
    NotJson(#[source] serde_json::Error),
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

impl Template {
    /// Reads a template, and tries it with `sample`.
    ///
    /// # Errors
    /// If it cannot be read, or does not work with the sample.
    pub fn new(source: impl Into<String>, escape: Escape, sample: &serde_json::Value) -> Result<Self, BadTemplate> {
        let template = Self { source: source.into(), escape };
        template.render(sample)?;
        Ok(template)
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Writes it with the values of an object.
    ///
    /// # Errors
    /// If it asks for a value that there is not, or does or writes too much.
    pub fn render(&self, values: &serde_json::Value) -> Result<String, BadTemplate> {
        let escape = self.escape;
        let mut environment = Environment::new();
        environment.set_fuel(Some(FUEL));
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        // Values of JSON templates are JSON already; what this one yields would be escaped twice.
        environment.remove_filter("tojson");
        environment.set_formatter(move |out, _, value| Ok(out.write_str(&escaped(value, escape))?));
        let bad = |error: minijinja::Error| match error.kind() {
            ErrorKind::OutOfFuel => BadTemplate::TooCostly,
            ErrorKind::WriteFailure => BadTemplate::TooLong,
            kind => BadTemplate::Jinja {
                line: error.line().unwrap_or(1),
                what: error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
            },
        };
        let template = environment.template_from_str(&self.source).map_err(bad)?;
        let mut out = Bounded(Vec::new());
        template.render_captured_to(Serde(values), &mut out).map_err(bad)?;
        // Only whole strings are written.
        let text = String::from_utf8_lossy(&out.0).into_owned();
        if escape == Escape::Json {
            serde_json::from_str::<serde::de::IgnoredAny>(&text).map_err(BadTemplate::NotJson)?;
        }
        Ok(if escape == Escape::Line { text::one_line(text.trim()) } else { text })
    }
}

/// A value as it is written.
fn escaped(value: &Value, escape: Escape) -> String {
    if escape == Escape::Json {
        return serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    }
    let plain = match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::Seq | ValueKind::Map => serde_json::to_string(value).unwrap_or_default(),
        _ => value.to_string(),
    };
    match escape {
        Escape::Text => text::visible(&plain).into_owned(),
        Escape::Line => text::one_line(&plain),
        Escape::Html => text::html(&plain),
        Escape::Slack => text::slack(&plain, usize::MAX),
        Escape::Json => unreachable!("JSON was written above"),
    }
}

/// Takes no more than [`MAX_BYTES`].
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(std::io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(source: &str, escape: Escape) -> String {
        let values = json!({
            "alert": "a\"<b>&\r\n{{ 7 * 7 }}\u{1b}[0m",
            "count": 7,
            "runbook": null,
            "events": [{"raw": "</script>"}, {"raw": "<!channel>"}],
        });
        match Template::new(source, escape, &values) {
            Ok(template) => template.render(&values).unwrap(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn values_are_escaped_for_where_they_go() {
        assert_eq!(render("{{ alert }}", Escape::Text), "a\"<b>&\\r\n{{ 7 * 7 }}\\x1b[0m");
        assert_eq!(render("[{{ count }}] {{ alert }}", Escape::Line), "[7] a\"<b>&\\r {{ 7 * 7 }}\\x1b[0m");
        assert_eq!(render("<b>{{ alert }}</b>", Escape::Html), "<b>a&quot;&lt;b&gt;&amp;\\r\n{{ 7 * 7 }}\\x1b[0m</b>");
        assert_eq!(render("{{ events[1].raw }}", Escape::Slack), "&lt;!channel&gt;");
        assert_eq!(
            render(r#"{"n": {{ count }}, "a": {{ alert }}, "r": {{ runbook }}}"#, Escape::Json),
            r#"{"n": 7, "a": "a\"<b>&\r\n{{ 7 * 7 }}\u001b[0m", "r": null}"#
        );
    }

    #[test]
    fn there_is_no_way_around_escaping() {
        assert_eq!(render("{{ events[0].raw|safe }}", Escape::Html), "&lt;/script&gt;");
        assert_eq!(
            render("{% autoescape false %}{{ events[0].raw }}{% endautoescape %}", Escape::Html),
            "&lt;/script&gt;"
        );
        assert_eq!(
            render("{% for e in events %}{{ e.raw }} {% endfor %}", Escape::Html),
            "&lt;/script&gt; &lt;!channel&gt; "
        );
        // A text that was put together is a value like others.
        assert_eq!(render("{{ '<' ~ events[0].raw }}", Escape::Html), "&lt;&lt;/script&gt;");
    }

    #[test]
    fn what_does_not_work_is_found_out_at_once() {
        insta::assert_snapshot!(render("\n{{ alrt }}", Escape::Text), @"error: line 2 of the template: undefined value");
        insta::assert_snapshot!(render("{% if %}", Escape::Text), @"error: line 1 of the template: syntax error: unexpected end of block");
        let error = render(r#"{"a": "alert {{ alert }}"}"#, Escape::Json);
        assert!(error.contains("a value brings its own quotes"), "{error}");
        assert!(render("{{ alert|tojson }}", Escape::Json).contains("unknown filter"));
    }

    #[test]
    fn cost_and_length_are_bounded() {
        let loops = "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
        assert_eq!(render(loops, Escape::Text), "error: the template takes more than 200000 steps");
        let long = "{% for a in range(9999) %}{% for e in events %}".to_owned()
            + &"x".repeat(1000)
            + "{% endfor %}{% endfor %}";
        assert_eq!(render(&long, Escape::Text), "error: the template writes more than 1048576 bytes");
    }
}

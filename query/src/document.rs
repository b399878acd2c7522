//! Values in JSON and XML texts, by path.
//!
//! | document | path | is |
//! | --- | --- | --- |
//! | JSON | `a.b` | the member `b` of the object `a` |
//! | JSON | `a{}` · `a{0}` | each element of the array `a` · the first |
//! | XML | `a.b` · `a.b{2}` | each element `b` in the root `a` · the second |
//! | XML | `a.b{@id}` | the attribute `id` of each |

mod xml;
mod xpath;

pub(crate) use xpath::XPath;

use trawl_formats::extract::json;

/// Reads documents; keeps its buffers from one to the next.
#[derive(Debug, Default)]
pub(crate) struct DocumentReader {
    json: json::Buffers,
}

/// Takes the values of a document.
pub(crate) trait Take {
    /// Takes a value. Unless `is_repeated`, the first value of a path is the one that counts.
    fn take(&mut self, path: &str, value: &str, is_repeated: bool);
}

enum Kind {
    Json(usize),
    Xml(usize),
    Neither,
}

impl Kind {
    /// Tells by the first character what a text is, or else by what follows a short prefix.
    fn of(text: &str) -> Self {
        let blanks = text.len() - text.trim_ascii_start().len();
        if text[blanks..].starts_with('<') {
            return Kind::Xml(blanks);
        }
        match (json::start(text), xml::start(text)) {
            (Some(start), _) => Kind::Json(start),
            (None, Some(start)) => Kind::Xml(start),
            (None, None) => Kind::Neither,
        }
    }
}

impl DocumentReader {
    /// Takes all values of a document.
    pub fn read(&mut self, text: &str, take: &mut dyn Take) {
        match Kind::of(text) {
            Kind::Json(start) => json::walk(text, start, &mut self.json, &mut Everything(take)),
            Kind::Xml(start) => xml::walk(&text[start..], take),
            Kind::Neither => {}
        }
    }
}

/// A path into documents of either kind.
#[derive(Clone, Debug)]
pub(crate) struct Path {
    json: Vec<json::Step>,
    xml: Vec<xml::Step>,
}

impl Path {
    /// Reads a path.
    pub fn parse(path: &str) -> Self {
        Self { json: json::Step::parse_path(path), xml: xml::Step::parse_path(path) }
    }

    /// Calls `take` with each value at the path: the text of what has no parts, and of what has parts its JSON or XML.
    pub fn select(&self, text: &str, take: &mut dyn FnMut(&str)) {
        match Kind::of(text) {
            Kind::Json(start) => json::select(text, start, &self.json, take),
            Kind::Xml(start) => xml::select(&text[start..], &self.xml, take),
            Kind::Neither => {}
        }
    }
}

struct Everything<'t>(&'t mut dyn Take);

impl json::Visitor for Everything<'_> {
    fn reaches(&self, _: &str) -> bool {
        true
    }

    fn wants(&self, _: &str) -> bool {
        true
    }

    fn take(&mut self, path: &str, value: &str, is_repeated: bool) {
        self.0.take(path, value, is_repeated);
    }

    fn is_satisfied(&self) -> bool {
        false
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[derive(Default)]
    pub struct Pairs(pub Vec<(String, String)>);

    impl Take for Pairs {
        fn take(&mut self, path: &str, value: &str, _: bool) {
            self.0.push((path.to_owned(), value.to_owned()));
        }
    }

    pub fn all(text: &str) -> String {
        let mut pairs = Pairs::default();
        DocumentReader::default().read(text, &mut pairs);
        pairs.0.into_iter().map(|(path, value)| format!("{path}={value}")).collect::<Vec<_>>().join(" ")
    }

    pub fn selected(text: &str, path: &str) -> Vec<String> {
        let mut found = Vec::new();
        Path::parse(path).select(text, &mut |value| found.push(value.to_owned()));
        found
    }

    #[test]
    fn the_first_character_tells() {
        assert_eq!(all(r#"{"a":[1,{"b":"<x>2</x>"}]}"#), "a{}=1 a{}.b=<x>2</x>");
        assert_eq!(all(r#"[{"a":1},{"a":2}]"#), "{}.a=1 {}.a=2");
        assert_eq!(all(r#"<a j="1">{"b":2}</a>"#), r#"a{@j}=1 a={"b":2}"#);
        assert_eq!(all(r#"caddy | {"a":1}"#), "a=1");
        assert_eq!(all("2026-11-20 event <a>1</a>"), "a=1");
        assert_eq!(all("a=1 b<2"), "");
    }
}

//! XML extraction: the text of each element without children under its tag, attributes as `tag{@attribute}`.
//!
//! A scanner, not a parser: namespaces, DTDs and well-formedness are not looked at, and whatever stands around the
//! elements is passed over. Repeated elements give several values.

use super::fields::Sink;
use crate::escape;

/// Extracts elements and attributes of `text`.
pub(super) fn extract(text: &str, sink: &mut Sink<'_>) {
    let mut rest = text;
    // The tag that was opened last and the text since; a child or the end tag takes it away.
    let mut open: Option<(&str, &str)> = None;
    while let Some(at) = rest.find('<') {
        let markup = &rest[at..];
        let Some(len) = markup_len(markup) else { return };
        let after = &markup[len..];
        if let Some(data) = markup.strip_prefix("<![CDATA[") {
            if let Some((tag, _)) = open.take() {
                emit(sink, tag, data[..len - "<![CDATA[]]>".len()].trim(), false);
            }
        } else if let Some(end_tag) = markup[..len].strip_prefix("</") {
            let closed = open.take().filter(|(tag, _)| end_tag.trim_end_matches('>').trim_end() == *tag);
            if let Some((tag, content)) = closed {
                emit(sink, tag, content[..content.len() - markup.len()].trim(), true);
            }
        } else if markup.as_bytes().get(1).is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_') {
            let inner = markup[1..len - 1].trim_end_matches('/');
            let (tag, attributes) = inner.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((inner, ""));
            emit_attributes(sink, tag, attributes);
            open = (!markup[..len].ends_with("/>")).then_some((tag, after));
        }
        rest = after;
    }
}

/// Returns the length of a tag, comment, CDATA section or declaration; `None` if it is not closed.
fn markup_len(markup: &str) -> Option<usize> {
    for (open, close) in [("<!--", "-->"), ("<![CDATA[", "]]>")] {
        if let Some(body) = markup.strip_prefix(open) {
            return Some(open.len() + body.find(close)? + close.len());
        }
    }
    // A `>` inside a quoted attribute value does not close the tag.
    let mut quote = None;
    markup
        .bytes()
        .position(|b| match quote {
            Some(open) => {
                if b == open {
                    quote = None;
                }
                false
            }
            None => {
                if matches!(b, b'"' | b'\'') {
                    quote = Some(b);
                }
                b == b'>'
            }
        })
        .map(|at| at + 1)
}

fn emit_attributes(sink: &mut Sink<'_>, tag: &str, mut attributes: &str) {
    while let Some((name, rest)) = attributes.split_once('=') {
        let rest = rest.trim_start();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return };
        let Some((value, after)) = rest[1..].split_once(quote) else { return };
        let name = format!("{tag}{{@{}}}", name.trim());
        emit(sink, &name, value, true);
        attributes = after;
    }
}

fn emit(sink: &mut Sink<'_>, name: &str, value: &str, has_entities: bool) {
    if value.is_empty() || !sink.names().contains(name) {
        return;
    }
    match has_entities.then(|| escape::unescape_entities(value.as_bytes())).flatten() {
        Some(decoded) => sink.add_repeated(name, &String::from_utf8_lossy(&decoded)),
        None => sink.add_repeated(name, value),
    }
}

#[cfg(test)]
mod tests {
    use crate::extract::{Extractor, Fields, Kind, Patterns, Wanted};
    use std::sync::Arc;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let patterns = Arc::new(Patterns::new(Vec::new(), Vec::new()));
        let mut fields = Fields::default();
        Extractor::new(Kind::Xml, patterns, Wanted::All).extract(text.as_bytes(), None, &mut fields);
        assert_eq!(fields.iter().collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn elements_and_attributes() {
        check("<a><b>1</b><b>2 &amp; 3</b><c/></a>", &[("b", "1"), ("b", "2 & 3")]);
        check(
            "2026-11-20 <ev id=\"7\" src='x>y'><msg> hello </msg></ev> tail",
            &[("ev{@id}", "7"), ("ev{@src}", "x>y"), ("msg", "hello")],
        );
        check("<?xml version=\"1.0\"?><!-- <x>no</x> --><d><![CDATA[a < b &amp;]]></d>", &[("d", "a < b &amp;")]);
        check("<a>text<b>1</b>more</a>", &[("b", "1")]);
        check("<open>never closed", &[]);
        check("1 < 2 and 3 > 2", &[]);
        check("<a></a>", &[]);
    }
}

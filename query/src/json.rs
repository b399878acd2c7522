//! JSON as text that keeps what it does not touch: numbers as they are written, members in their order.

use crate::value::{Value, parse_number};
use compact_str::CompactString;
use std::fmt::{self, Write};
use trawl_formats::extract::json::Step;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// A number as it is written.
    Number(CompactString),
    Text(String),
    Array(Vec<Json>),
    /// The members in their order. A key may repeat; the first one counts.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads one value with nothing but white space around it. `None` if the text is no JSON or nests more than 128 deep.
    pub fn parse(text: &str) -> Option<Self> {
        // The library decides what is JSON; after it the reader below may take everything for granted but the depth.
        serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
        Reader { text, at: 0, depth: 0 }.value()
    }

    /// Reads an array or object, and nothing else.
    pub fn parse_container(text: &str) -> Option<Self> {
        let begins = text.trim_start().starts_with(['{', '[']);
        if begins { Self::parse(text) } else { None }
    }

    /// A cell as JSON: numbers and what looks like one are numbers, text that is an array or object is that, several
    /// values are an array.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Json::Null,
            Value::Number(_) => Json::Number(value.as_text().unwrap_or_default().into()),
            Value::Text(text) if parse_number(text).is_some() => {
                // `007` and `+1` are numbers to us, but not to JSON.
                Json::parse(text).unwrap_or_else(|| Json::Text(text.to_string()))
            }
            Value::Text(text) => Json::parse_container(text).unwrap_or_else(|| Json::Text(text.to_string())),
            Value::Multi(values) => Json::Array(values.iter().map(Json::of).collect()),
        }
    }

    /// As a cell: text without its quotes, JSON null as null, arrays and objects as their text.
    pub fn to_value(&self) -> Value {
        match self {
            Json::Null => Value::Null,
            Json::Number(text) => Value::Text(text.clone()),
            Json::Text(text) => Value::from(text.as_str()),
            other => Value::from(other.to_string()),
        }
    }

    /// The member of that name, if this is an object that has it.
    pub fn member(&self, key: &str) -> Option<&Json> {
        match self {
            Json::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Calls `f` for everything that a path leads to, in order.
    pub fn find<'j>(&'j self, path: &[Step], f: &mut impl FnMut(&'j Json)) {
        let Some((step, rest)) = path.split_first() else { return f(self) };
        match (step, self) {
            (Step::Key(key), _) => {
                if let Some(member) = self.member(key) {
                    member.find(rest, f);
                }
            }
            (Step::Index(index), Json::Array(elements)) => {
                if let Some(element) = elements.get(*index) {
                    element.find(rest, f);
                }
            }
            (Step::Each, Json::Array(elements)) => elements.iter().for_each(|element| element.find(rest, f)),
            _ => {}
        }
    }

    /// Calls `f` with everything that a path leads to. Objects get the members they lack, null becomes an object where a
    /// key follows; arrays are not made longer.
    pub fn update(&mut self, path: &[Step], f: &mut impl FnMut(&mut Json)) {
        let Some((step, rest)) = path.split_first() else { return f(self) };
        match (step, self) {
            (Step::Key(key), at) => {
                if *at == Json::Null {
                    *at = Json::Object(Vec::new());
                }
                let Json::Object(members) = at else { return };
                if let Some((_, member)) = members.iter_mut().find(|(name, _)| name == key) {
                    return member.update(rest, f);
                }
                // A new member cannot have elements.
                if matches!(rest.first(), None | Some(Step::Key(_))) {
                    let mut member = Json::Null;
                    member.update(rest, f);
                    members.push((key.clone(), member));
                }
            }
            (Step::Index(index), Json::Array(elements)) => {
                if let Some(element) = elements.get_mut(*index) {
                    element.update(rest, f);
                }
            }
            (Step::Each, Json::Array(elements)) => elements.iter_mut().for_each(|element| element.update(rest, f)),
            _ => {}
        }
    }

    /// Removes what a path leads to.
    pub fn remove(&mut self, path: &[Step]) {
        let Some((step, rest)) = path.split_first() else { return };
        match (step, self) {
            (Step::Key(key), Json::Object(members)) if rest.is_empty() => members.retain(|(name, _)| name != key),
            (Step::Key(key), Json::Object(members)) => {
                if let Some((_, member)) = members.iter_mut().find(|(name, _)| name == key) {
                    member.remove(rest);
                }
            }
            (Step::Index(index), Json::Array(elements)) => match elements.get_mut(*index) {
                Some(_) if rest.is_empty() => {
                    elements.remove(*index);
                }
                Some(element) => element.remove(rest),
                None => {}
            },
            (Step::Each, Json::Array(elements)) if rest.is_empty() => elements.clear(),
            (Step::Each, Json::Array(elements)) => elements.iter_mut().for_each(|element| element.remove(rest)),
            _ => {}
        }
    }
}

/// Compact: no white space.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(truth) => write!(f, "{truth}"),
            Json::Number(text) => f.write_str(text),
            Json::Text(text) => quote(text, f),
            Json::Array(elements) => {
                f.write_char('[')?;
                for (i, element) in elements.iter().enumerate() {
                    f.write_str(if i > 0 { "," } else { "" })?;
                    element.fmt(f)?;
                }
                f.write_char(']')
            }
            Json::Object(members) => {
                f.write_char('{')?;
                for (i, (key, value)) in members.iter().enumerate() {
                    f.write_str(if i > 0 { "," } else { "" })?;
                    quote(key, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

/// Deeper nesting would be an attack on the stack.
const MAX_DEPTH: usize = 128;

/// Reads text that is known to be JSON.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Reader<'t> {
    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn value(&mut self) -> Option<Json> {
        Some(match self.peek()? {
            b'{' => {
                let mut members = Vec::new();
                self.items(b'}', |reader| {
                    let key = reader.string()?;
                    // The colon.
                    reader.peek()?;
                    reader.at += 1;
                    members.push((key, reader.value()?));
                    Some(())
                })?;
                Json::Object(members)
            }
            b'[' => {
                let mut elements = Vec::new();
                self.items(b']', |reader| {
                    elements.push(reader.value()?);
                    Some(())
                })?;
                Json::Array(elements)
            }
            b'"' => Json::Text(self.string()?),
            _ => match self.take(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')) {
                "null" => Json::Null,
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                number => Json::Number(number.into()),
            },
        })
    }

    /// Reads items and the commas between them, up to the bracket `end`.
    fn items(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        self.at += 1;
        while self.peek()? != end {
            if self.peek()? == b',' {
                self.at += 1;
            }
            item(self)?;
        }
        self.depth -= 1;
        self.at += 1;
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        self.peek()?;
        let start = self.at;
        self.at += 1;
        while *self.text.as_bytes().get(self.at)? != b'"' {
            // An escaped character is never the end.
            self.at += if self.text.as_bytes()[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        let quoted = &self.text[start..self.at];
        let inside = &quoted[1..quoted.len() - 1];
        if inside.contains('\\') { serde_json::from_str(quoted).ok() } else { Some(inside.to_owned()) }
    }

    fn take(&mut self, accept: impl Fn(&u8) -> bool) -> &'t str {
        let start = self.at;
        self.at += self.text.as_bytes()[start..].iter().take_while(|byte| accept(byte)).count();
        &self.text[start..self.at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_and_prints() {
        for (text, expected) in [
            ("{ \"b\" : 1.50 , \"a\":[ ] }", Some("{\"b\":1.50,\"a\":[]}")),
            ("[1e5, true, null, {}]", Some("[1e5,true,null,{}]")),
            ("\"\\u00e9\\n\\\"\"", Some("\"é\\n\\\"\"")),
            (" 007", None),
            ("{\"a\":1} x", None),
            ("{a:1}", None),
            ("[1,]", None),
            ("", None),
        ] {
            assert_eq!(Json::parse(text).map(|json| json.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn paths() {
        let json = Json::parse(r#"{"a":{"b":[{"c":1},{"c":2}]},"t{x}":3}"#).unwrap();
        for (path, expected) in [
            ("a.b{}.c", "1 2"),
            ("a.b{1}.c", "2"),
            ("a.b", r#"[{"c":1},{"c":2}]"#),
            ("t{x}", "3"),
            ("a.b{9}", ""),
            ("a.x.y", ""),
        ] {
            let mut found = Vec::new();
            json.find(&Step::parse_path(path), &mut |json| found.push(json.to_string()));
            assert_eq!(found.join(" "), expected, "{path}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert_eq!(Json::parse(&"[".repeat(100_000)), None);
        assert_eq!(Json::parse(&format!("{}{}", "[".repeat(200), "]".repeat(200))), None);
    }

    proptest! {
        #[test]
        fn printing_reads_back(text in "[\\[\\]{}\",:a1.e\\\\ -]{0,24}") {
            if let Some(json) = Json::parse(&text) {
                prop_assert_eq!(Json::parse(&json.to_string()), Some(json));
            }
        }

        #[test]
        fn agrees_with_the_library(text in "\\PC{0,8}", number in any::<i32>()) {
            let json = serde_json::json!({ "k": [text, number, { "n": null }], "o": {} });
            prop_assert_eq!(Json::parse(&serde_json::to_string_pretty(&json).unwrap()).unwrap().to_string(), json.to_string());
        }
    }
}

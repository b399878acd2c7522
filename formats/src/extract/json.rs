//! Automatic JSON extraction: members of nested objects by dotted path, array elements under `{}`.
//!
//! `{"a":{"b":[{"c":1},{"c":2}]},"t":["x"]}` gives `a.b{}.c` = 1, 2 and `t{}` = x. Names are kept as they are, numbers
//! keep their text, null gives no field. Where the text stops being JSON, extraction stops; what came before stays, so a
//! cut object still has fields, and the fields found do not depend on which ones are wanted.

use std::borrow::Cow;

use memchr::memchr;

use super::fields::Sink;
use crate::escape;
use crate::keys::{self, string_end};
use crate::token::is_boundary;

/// Deeper nesting is not followed: it would be an attack on the stack, not a log.
const MAX_DEPTH: usize = 64;

/// Takes what is found in a JSON text.
pub trait Visitor {
    /// Returns whether somebody wants the value at `path`, or one below it.
    fn reaches(&self, path: &str) -> bool;

    /// Returns whether somebody wants the value at `path`.
    fn wants(&self, path: &str) -> bool;

    /// Takes a value. `is_repeated`: it lies in an array, so that its path may come again.
    fn take(&mut self, path: &str, value: &str, is_repeated: bool);

    /// Returns whether nothing that could follow is wanted.
    fn is_satisfied(&self) -> bool;
}

impl Visitor for Sink<'_> {
    fn reaches(&self, path: &str) -> bool {
        self.names().reaches(path)
    }

    fn wants(&self, path: &str) -> bool {
        self.names().contains(path)
    }

    #[inline]
    fn take(&mut self, path: &str, value: &str, is_repeated: bool) {
        if is_repeated {
            self.add_repeated(path, value);
        } else {
            self.add(path, value);
        }
    }

    #[inline]
    fn is_satisfied(&self) -> bool {
        Sink::is_satisfied(self)
    }
}

/// Buffers kept between texts.
#[derive(Debug, Default)]
pub struct Buffers {
    /// The name of the present value.
    path: String,
    /// A decoded string.
    decoded: Vec<u8>,
}

/// Returns where the object or array begins that the text is, perhaps behind a short prefix such as `caddy  | `.
pub fn start(text: &str) -> Option<usize> {
    let blanks = text.len() - text.trim_ascii_start().len();
    let is_array = text.as_bytes().get(blanks) == Some(&b'[');
    if is_array { Some(blanks) } else { keys::object_start(text.as_bytes()) }
}

/// Visits the values of the object or array that begins at `start`, in the order of the text.
pub fn walk(text: &str, start: usize, buffers: &mut Buffers, visitor: &mut impl Visitor) {
    buffers.path.clear();
    let mut walk = Walk { scan: Scan { text, at: start }, buffers, visitor };
    // `None` means that the text ends or is no JSON; what was found stays.
    let _ = match text.as_bytes().get(start) {
        Some(b'[') => walk.array(0),
        _ => walk.object(0, false),
    };
}

/// One step of a path into a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To the member of that name; never empty.
    Key(String),
    /// `{n}`: to the element at that place, counted from 0.
    Index(usize),
    /// `{}`: to every element.
    Each,
}

impl Step {
    /// Reads a path: `a.b{}.c` goes through all elements of the array `b`, `a.b{0}` to the first. What stands in braces and is
    /// no number belongs to the name.
    pub fn parse_path(path: &str) -> Vec<Step> {
        let mut steps = Vec::new();
        for part in path.split('.') {
            let mut name = part;
            let mut places = Vec::new();
            while let Some((before, inside)) = name.strip_suffix('}').and_then(|rest| rest.rsplit_once('{')) {
                places.push(match inside.parse() {
                    _ if inside.is_empty() => Step::Each,
                    Ok(index) => Step::Index(index),
                    Err(_) => break,
                });
                name = before;
            }
            if !name.is_empty() {
                steps.push(Step::Key(name.to_owned()));
            }
            steps.extend(places.into_iter().rev());
        }
        steps
    }
}

/// Calls `take` with each value at `path` in the object or array that begins at `start`: the text of a string, number or word;
/// of an object or array its JSON. Nothing for null.
///
/// The name of a member may hold dots: the path goes to the first member that has something at the rest of it.
pub fn select(text: &str, start: usize, path: &[Step], take: &mut dyn FnMut(&str)) {
    let mut select = Select { scan: Scan { text, at: start }, take };
    let _ = select.value(path);
}

/// Reads JSON piece by piece. Every method returns `None` where the text ends or is no JSON.
#[derive(Clone, Copy)]
struct Scan<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scan<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this byte, after blanks.
    fn take(&mut self, b: u8) -> Option<()> {
        self.skip_blanks();
        (self.peek()? == b).then(|| self.at += 1)
    }

    /// Takes an opening bracket; returns whether the closing one does not follow, in which case that is taken too.
    fn open(&mut self, open: u8, close: u8) -> Option<bool> {
        self.take(open)?;
        self.skip_blanks();
        let is_empty = self.peek()? == close;
        self.at += usize::from(is_empty);
        Some(!is_empty)
    }

    /// Takes a comma (`true`) or the closing bracket (`false`).
    fn next_or_end(&mut self, end: u8) -> Option<bool> {
        self.skip_blanks();
        let b = self.peek()?;
        self.at += 1;
        match b {
            b',' => Some(true),
            _ if b == end => Some(false),
            _ => None,
        }
    }

    /// Takes a string; returns what stands between the quotes.
    fn string(&mut self) -> Option<&'t str> {
        self.take(b'"')?;
        let open = self.at;
        let close = string_end(self.text.as_bytes(), open)?;
        self.at = close + 1;
        Some(&self.text[open..close])
    }

    /// Takes a number or one of the words; nothing for null.
    fn scalar(&mut self) -> Option<Option<&'t str>> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')) {
            self.at += 1;
        }
        // Where the token goes on, this is no number, and the index does not know it as one.
        if !is_boundary(self.text.as_bytes(), self.at) {
            return None;
        }
        match &self.text[start..self.at] {
            "null" => Some(None),
            word @ ("true" | "false") => Some(Some(word)),
            number if number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => Some(Some(number)),
            _ => None,
        }
    }

    /// Skips an object or array, looking at brackets and strings alone: what is nested too deep, or taken as it is. Returns
    /// its text.
    fn nested(&mut self) -> Option<&'t str> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.at = string_end(bytes, self.at + 1)?,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(&self.text[start..self.at]);
            }
        }
    }

    /// Passes over a value that nobody wants, but stops where it is no JSON.
    fn pass_over(&mut self, depth: usize) -> Option<()> {
        self.skip_blanks();
        let (open, close) = match self.peek()? {
            b'{' | b'[' if depth == MAX_DEPTH => return self.nested().map(drop),
            b'{' => (b'{', b'}'),
            b'[' => (b'[', b']'),
            b'"' => return self.string().map(drop),
            _ => return self.scalar().map(drop),
        };
        let mut goes_on = self.open(open, close)?;
        while goes_on {
            if open == b'{' {
                self.string()?;
                self.take(b':')?;
            }
            self.pass_over(depth + 1)?;
            goes_on = self.next_or_end(close)?;
        }
        Some(())
    }
}

/// The text of a string, from what stands between its quotes.
fn decode(raw: &str) -> Cow<'_, str> {
    if memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    escape::decode_string(raw.as_bytes(), &mut decoded);
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

struct Select<'s, 't> {
    scan: Scan<'t>,
    take: &'s mut dyn FnMut(&str),
}

impl Select<'_, '_> {
    /// Walks over a value and takes what is at `path` in it; returns whether there was something.
    fn value(&mut self, path: &[Step]) -> Option<bool> {
        self.scan.skip_blanks();
        match self.scan.peek()? {
            b'{' | b'[' if path.is_empty() => {
                let text = self.scan.nested()?;
                (self.take)(text);
                Some(true)
            }
            b'{' => self.object(path),
            b'[' => self.array(path),
            b'"' => {
                let raw = self.scan.string()?;
                if path.is_empty() {
                    (self.take)(&decode(raw));
                }
                Some(path.is_empty())
            }
            _ => {
                let scalar = self.scan.scalar()?.filter(|_| path.is_empty());
                scalar.into_iter().for_each(&mut *self.take);
                Some(scalar.is_some())
            }
        }
    }

    fn object(&mut self, path: &[Step]) -> Option<bool> {
        let mut is_found = false;
        let mut goes_on = self.scan.open(b'{', b'}')?;
        while goes_on {
            let key = decode(self.scan.string()?);
            self.scan.take(b':')?;
            match below(path, &key).filter(|_| !is_found) {
                Some(rest) => is_found = self.value(rest)?,
                None => self.scan.pass_over(0)?,
            }
            goes_on = self.scan.next_or_end(b'}')?;
        }
        Some(is_found)
    }

    fn array(&mut self, path: &[Step]) -> Option<bool> {
        let mut is_found = false;
        let (step, rest) = path.split_first().unzip();
        let mut goes_on = self.scan.open(b'[', b']')?;
        let mut index = 0;
        while goes_on {
            match (step, rest) {
                (Some(Step::Each), Some(rest)) => is_found |= self.value(rest)?,
                (Some(Step::Index(wanted)), Some(rest)) if *wanted == index => is_found |= self.value(rest)?,
                _ => self.scan.pass_over(0)?,
            }
            index += 1;
            goes_on = self.scan.next_or_end(b']')?;
        }
        Some(is_found)
    }
}

/// What is left of a path behind the member `key`, if it leads there.
fn below<'p>(path: &'p [Step], key: &str) -> Option<&'p [Step]> {
    let mut key = key;
    for (at, step) in path.iter().enumerate() {
        let Step::Key(name) = step else { return None };
        key = key.strip_prefix(name.as_str())?;
        if key.is_empty() {
            return Some(&path[at + 1..]);
        }
        key = key.strip_prefix('.')?;
    }
    None
}

struct Walk<'w, 't, V> {
    scan: Scan<'t>,
    buffers: &'w mut Buffers,
    visitor: &'w mut V,
}

impl<V: Visitor> Walk<'_, '_, V> {
    /// Walks over `{…}`. `in_array`: values have names that repeat.
    fn object(&mut self, depth: usize, in_array: bool) -> Option<()> {
        let path_len = self.buffers.path.len();
        let mut goes_on = self.scan.open(b'{', b'}')?;
        while goes_on {
            let key = self.scan.string()?;
            self.scan.take(b':')?;
            if path_len > 0 {
                self.buffers.path.push('.');
            }
            self.push_key(key);
            self.value(depth, in_array)?;
            self.buffers.path.truncate(path_len);
            if self.visitor.is_satisfied() {
                return None;
            }
            goes_on = self.scan.next_or_end(b'}')?;
        }
        Some(())
    }

    /// Walks over `[…]`.
    fn array(&mut self, depth: usize) -> Option<()> {
        let path_len = self.buffers.path.len();
        let mut goes_on = self.scan.open(b'[', b']')?;
        self.buffers.path.push_str("{}");
        while goes_on {
            self.value(depth, true)?;
            goes_on = self.scan.next_or_end(b']')?;
        }
        self.buffers.path.truncate(path_len);
        Some(())
    }

    fn value(&mut self, depth: usize, in_array: bool) -> Option<()> {
        self.scan.skip_blanks();
        match self.scan.peek()? {
            b'{' | b'[' if depth == MAX_DEPTH => self.scan.nested().map(drop),
            b'{' | b'[' if !self.visitor.reaches(&self.buffers.path) => self.scan.pass_over(depth),
            b'{' => self.object(depth + 1, in_array),
            b'[' => self.array(depth + 1),
            b'"' => {
                let raw = self.scan.string()?;
                self.take_string(raw, in_array);
                Some(())
            }
            _ => {
                if let Some(scalar) = self.scan.scalar()? {
                    self.visitor.take(&self.buffers.path, scalar, in_array);
                }
                Some(())
            }
        }
    }

    fn push_key(&mut self, raw: &str) {
        if memchr(b'\\', raw.as_bytes()).is_some() {
            self.buffers.decoded.clear();
            escape::decode_string(raw.as_bytes(), &mut self.buffers.decoded);
            self.buffers.path.push_str(&String::from_utf8_lossy(&self.buffers.decoded));
        } else {
            self.buffers.path.push_str(raw);
        }
    }

    #[inline]
    fn take_string(&mut self, raw: &str, in_array: bool) {
        if memchr(b'\\', raw.as_bytes()).is_none() {
            self.visitor.take(&self.buffers.path, raw, in_array);
        } else if self.visitor.wants(&self.buffers.path) {
            let Buffers { path, decoded } = &mut *self.buffers;
            decoded.clear();
            escape::decode_string(raw.as_bytes(), decoded);
            self.visitor.take(path, &String::from_utf8_lossy(decoded), in_array);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::extract::{Extractor, Fields, Kind, Patterns, Wanted};
    use std::sync::Arc;

    fn fields(text: &str, wanted: Wanted<'_>) -> Vec<(String, String)> {
        let patterns = Arc::new(Patterns::new(Vec::new(), Vec::new()));
        let mut fields = Fields::default();
        Extractor::new(Kind::Auto, patterns, wanted).extract(text.as_bytes(), None, &mut fields);
        fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn check(text: &str, expected: &[(&str, &str)]) {
        let all = fields(text, Wanted::All);
        assert_eq!(all.iter().map(|(n, v)| (&**n, &**v)).collect::<Vec<_>>(), expected, "{text}");
        // Each field alone has the same values.
        for (name, _) in &all {
            let alone: Vec<_> = all.iter().filter(|(other, _)| other == name).cloned().collect();
            assert_eq!(fields(text, Wanted::Only(&[name])), alone, "{name} of {text}");
        }
    }

    #[test]
    fn objects() {
        check(r#"{"a":{"b":[{"c":1},{"c":2}]}}"#, &[("a.b{}.c", "1"), ("a.b{}.c", "2")]);
        check(
            r#"{"tags":["x","y"],"n":1.50e3,"t":true,"f":false,"z":null}"#,
            &[("tags{}", "x"), ("tags{}", "y"), ("n", "1.50e3"), ("t", "true"), ("f", "false")],
        );
        check(r#"{ "s" : "a\n\u00e9\"" , "e":"" }"#, &[("s", "a\né\""), ("e", "")]);
        check(
            r#"{"a":1,"a":2,"log.level":"x","user name":"y"}"#,
            &[("a", "1"), ("log.level", "x"), ("user name", "y")],
        );
        check(r#"{"m":[[1,2],[3]],"o":{},"l":[]}"#, &[("m{}{}", "1"), ("m{}{}", "2"), ("m{}{}", "3")]);
        check("{}", &[]);
        check("  {\"a\":1}\n", &[("a", "1")]);
        check(r#"caddy  | {"a":1}"#, &[("a", "1")]);
    }

    #[test]
    fn broken_objects_keep_what_came_before() {
        check(r#"{"a":1,"b":"cut"#, &[("a", "1")]);
        check(r#"{"a":1,"b":oops,"c":2}"#, &[("a", "1")]);
        check(r#"{"a":1 "b":2}"#, &[("a", "1")]);
        check(r#"{"a":"#, &[]);
        check(r#"{"a":"\q\"}"#, &[]);
        // The token of the text is `404é`.
        check(r#"{"a":1,"b":404é,"c":2}"#, &[("a", "1")]);
        // Also where nobody wants what is broken.
        for broken in [r#"{"b":oops}"#, r#"{"b" 1}"#, "[1 2]", r#"[{"b":"x"]"#] {
            let text = format!(r#"{{"a":{broken},"c":2}}"#);
            assert_eq!(fields(&text, Wanted::Only(&["c"])), [], "{text}");
        }
        check(r#"{"a":{"b":["x",{}, [] ,null]},"c":2}"#, &[("a.b{}", "x"), ("c", "2")]);
    }

    #[test]
    fn values_are_selected_by_path() {
        let text =
            r#"{"a":{"b":[{"c":1},{"c":"x\n"},{}],"n":null},"log.level":"i","e":[],"a":{"d":2},"m":[[1,2],[3]]}"#;
        for (path, expected) in [
            ("a.b{}.c", &["1", "x\n"][..]),
            ("a.b{1}.c", &["x\n"]),
            ("a.b{0}", &[r#"{"c":1}"#]),
            ("a.b", &[r#"[{"c":1},{"c":"x\n"},{}]"#]),
            ("a.b.c", &[]),
            ("a.n", &[]),
            ("a.d", &["2"]),
            ("log.level", &["i"]),
            ("e", &["[]"]),
            ("e{}", &[]),
            ("m{}{0}", &["1", "3"]),
            ("a.b{x}", &[]),
            ("", &[text]),
        ] {
            let mut found = Vec::new();
            super::select(text, 0, &super::Step::parse_path(path), &mut |value| found.push(value.to_owned()));
            assert_eq!(found, expected, "{path}");
        }
        let mut found = Vec::new();
        super::select(r#" [{"a":1},{"a":2"#, 1, &super::Step::parse_path("{}.a"), &mut |value| {
            found.push(value.to_owned())
        });
        assert_eq!(found, ["1", "2"]);
    }

    #[test]
    fn where_json_begins() {
        for (text, expected) in
            [("{}", Some(0)), (" [1]", Some(1)), ("x | {\"a\":1}", Some(4)), ("[x", Some(0)), ("a=1", None)]
        {
            assert_eq!(super::start(text), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_passed_over() {
        let deep = format!("{{\"a\":{}1{},\"b\":2}}", "[".repeat(100), "]".repeat(100));
        assert_eq!(fields(&deep, Wanted::All), [("b".to_owned(), "2".to_owned())]);
        let hostile = "{\"a\":".repeat(100_000);
        assert_eq!(fields(&hostile, Wanted::All), []);
    }
}

//! Automatic JSON extraction: members of nested objects by dotted path, array elements under `{}`.
//!
//! `{"a":{"b":[{"c":1},{"c":2}]},"t":["x"]}` gives `a.b{}.c` = 1, 2 and `t{}` = x. Names are kept as they are, numbers
//! keep their text, null gives no field. Where the text stops being JSON, extraction stops; what came before stays, so a
//! cut object still has fields, and the fields found do not depend on which ones are wanted.

use memchr::memchr;

use super::fields::Sink;
use crate::escape;
use crate::keys::string_end;
use crate::token::is_boundary;

/// Deeper nesting is not followed: it would be an attack on the stack, not a log.
const MAX_DEPTH: usize = 64;

/// Buffers kept between events.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    /// The name of the present value.
    path: String,
    /// A decoded string.
    decoded: Vec<u8>,
}

/// Extracts the object that begins at `start`.
pub(super) fn extract(text: &str, start: usize, buffers: &mut Buffers, sink: &mut Sink<'_>) {
    buffers.path.clear();
    let mut walk = Walk { text, at: start, buffers, sink };
    // `None` means that the text ends or is no JSON; what was found stays.
    let _ = walk.object(0, false);
}

struct Walk<'w, 't, 'e> {
    text: &'t str,
    at: usize,
    buffers: &'w mut Buffers,
    sink: &'w mut Sink<'e>,
}

impl<'t> Walk<'_, 't, '_> {
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

    /// Takes a string; returns what stands between the quotes.
    fn string(&mut self) -> Option<(usize, usize)> {
        self.take(b'"')?;
        let open = self.at;
        let close = string_end(self.text.as_bytes(), open)?;
        self.at = close + 1;
        Some((open, close))
    }

    /// Walks over `{…}`. `in_array`: values have names that repeat.
    fn object(&mut self, depth: usize, in_array: bool) -> Option<()> {
        self.take(b'{')?;
        self.skip_blanks();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        let path_len = self.buffers.path.len();
        loop {
            let key = self.string()?;
            self.take(b':')?;
            if path_len > 0 {
                self.buffers.path.push('.');
            }
            self.push_key(key);
            self.value(depth, in_array)?;
            self.buffers.path.truncate(path_len);
            if self.sink.is_satisfied() {
                return None;
            }
            if !self.next_or_end(b'}')? {
                return Some(());
            }
        }
    }

    /// Walks over `[…]`.
    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        self.skip_blanks();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        let path_len = self.buffers.path.len();
        self.buffers.path.push_str("{}");
        loop {
            self.value(depth, true)?;
            if !self.next_or_end(b']')? {
                self.buffers.path.truncate(path_len);
                return Some(());
            }
        }
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

    fn value(&mut self, depth: usize, in_array: bool) -> Option<()> {
        self.skip_blanks();
        match self.peek()? {
            b'{' | b'[' if depth == MAX_DEPTH => self.skip_nested(),
            b'{' | b'[' if !self.sink.names().reaches(&self.buffers.path) => self.pass_over(depth),
            b'{' => self.object(depth + 1, in_array),
            b'[' => self.array(depth + 1),
            b'"' => {
                let (start, end) = self.string()?;
                self.emit_string(start, end, in_array);
                Some(())
            }
            _ => self.scalar(in_array),
        }
    }

    /// Takes a number or one of the words.
    fn scalar(&mut self, in_array: bool) -> Option<()> {
        let value = self.take_scalar()?;
        if value != "null" {
            self.emit(value, in_array);
        }
        Some(())
    }

    fn take_scalar(&mut self) -> Option<&'t str> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.')) {
            self.at += 1;
        }
        let value = &self.text[start..self.at];
        let is_value =
            matches!(value, "null" | "true" | "false") || value.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        // Where the token goes on, this is no number, and the index does not know it as one.
        (is_value && is_boundary(self.text.as_bytes(), self.at)).then_some(value)
    }

    /// Passes over an object or array that nobody wants, but stops where [`value`](Self::value) would.
    fn pass_over(&mut self, depth: usize) -> Option<()> {
        self.skip_blanks();
        let is_object = match self.peek()? {
            b'{' | b'[' if depth == MAX_DEPTH => return self.skip_nested(),
            b'{' => true,
            b'[' => false,
            b'"' => return self.string().map(drop),
            _ => return self.take_scalar().map(drop),
        };
        self.at += 1;
        let end = if is_object { b'}' } else { b']' };
        self.skip_blanks();
        if self.peek()? == end {
            self.at += 1;
            return Some(());
        }
        loop {
            if is_object {
                self.string()?;
                self.take(b':')?;
            }
            self.pass_over(depth + 1)?;
            if !self.next_or_end(end)? {
                return Some(());
            }
        }
    }

    /// Skips an object or array, looking at brackets and strings alone: what is nested too deep.
    fn skip_nested(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
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
                return Some(());
            }
        }
    }

    fn push_key(&mut self, (start, end): (usize, usize)) {
        let raw = &self.text[start..end];
        if memchr(b'\\', raw.as_bytes()).is_some() {
            self.buffers.decoded.clear();
            escape::decode_string(raw.as_bytes(), &mut self.buffers.decoded);
            self.buffers.path.push_str(&String::from_utf8_lossy(&self.buffers.decoded));
        } else {
            self.buffers.path.push_str(raw);
        }
    }

    fn emit_string(&mut self, start: usize, end: usize, in_array: bool) {
        let raw = &self.text[start..end];
        if memchr(b'\\', raw.as_bytes()).is_none() {
            self.emit(raw, in_array);
        } else if self.sink.names().contains(&self.buffers.path) {
            let mut decoded = std::mem::take(&mut self.buffers.decoded);
            decoded.clear();
            escape::decode_string(raw.as_bytes(), &mut decoded);
            self.emit(&String::from_utf8_lossy(&decoded), in_array);
            self.buffers.decoded = decoded;
        }
    }

    #[inline]
    fn emit(&mut self, value: &str, in_array: bool) {
        if in_array {
            self.sink.add_repeated(&self.buffers.path, value);
        } else {
            self.sink.add(&self.buffers.path, value);
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
    fn deep_nesting_is_passed_over() {
        let deep = format!("{{\"a\":{}1{},\"b\":2}}", "[".repeat(100), "]".repeat(100));
        assert_eq!(fields(&deep, Wanted::All), [("b".to_owned(), "2".to_owned())]);
        let hostile = "{\"a\":".repeat(100_000);
        assert_eq!(fields(&hostile, Wanted::All), []);
    }
}

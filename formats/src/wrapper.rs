//! The envelopes of container runtimes: Docker's json-file driver and the Kubernetes CRI.
//!
//! ```text
//! {"log":"message\n","stream":"stderr","time":"2026-11-20T14:05:00.123456789Z"}
//! 2026-11-20T14:05:00.123456789Z stderr F message
//! ```
//!
//! Both cut a long message into partial lines: Docker by leaving out the `\n` at the end of `log`, the CRI by the tag
//! `P` instead of `F`. Lines of the other stream may stand between the parts.

use std::borrow::Cow;

use memchr::{memchr, memrchr};

use crate::escape;
use crate::keys::string_end;
use crate::text::{Wrapper, lines, trim_line_end};

/// One line of a container log, taken out of its envelope.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WrappedLine<'t> {
    /// `stdout` or `stderr`; empty if the line has no envelope.
    pub(crate) stream: &'t [u8],
    /// The time as text, RFC 3339.
    pub(crate) time: &'t [u8],
    /// The message without its line end.
    pub(crate) message: Cow<'t, [u8]>,
    /// More of the message follows in a later line of the stream.
    pub(crate) partial: bool,
}

impl<'t> WrappedLine<'t> {
    /// Takes a line out of its envelope. A line that has none, or a damaged one, is its own whole message.
    pub(crate) fn parse(line: &'t [u8], wrapper: Wrapper) -> Self {
        let line = trim_line_end(line);
        let parsed = match wrapper {
            Wrapper::None => None,
            Wrapper::DockerJson => parse_docker_as_written(line).or_else(|| parse_docker(line)),
            Wrapper::Cri => parse_cri(line),
        };
        parsed.unwrap_or(Self { stream: b"", time: b"", message: Cow::Borrowed(line), partial: false })
    }
}

/// Returns the messages of wrapped lines: per stream the parts joined and the messages one per line, streams in order
/// of first appearance.
pub(crate) fn unwrap(text: &[u8], wrapper: Wrapper) -> Vec<u8> {
    let mut streams: Vec<(&[u8], Vec<u8>)> = Vec::with_capacity(1);
    for line in lines(text) {
        let line = WrappedLine::parse(line, wrapper);
        let stream = match streams.iter().position(|(name, _)| *name == line.stream) {
            Some(idx) => idx,
            None => {
                streams.push((line.stream, Vec::with_capacity(text.len())));
                streams.len() - 1
            }
        };
        let message = &mut streams[stream].1;
        message.extend_from_slice(&line.message);
        if !line.partial {
            message.push(b'\n');
        }
    }
    let mut out = Vec::new();
    for (_, message) in streams {
        if out.is_empty() {
            out = message;
        } else {
            if out.last() != Some(&b'\n') {
                out.push(b'\n');
            }
            out.extend_from_slice(&message);
        }
    }
    out
}

/// `TIME STREAM TAGS MESSAGE`; tags are divided by `:` and the first is `P` (partial) or `F` (full).
fn parse_cri(line: &[u8]) -> Option<WrappedLine<'_>> {
    let mut parts = line.splitn(4, |&b| b == b' ');
    let (time, stream, tags) = (parts.next()?, parts.next()?, parts.next()?);
    let partial = match tags.split(|&b| b == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    if !time.first()?.is_ascii_digit() || !matches!(stream, b"stdout" | b"stderr") {
        return None;
    }
    Some(WrappedLine { stream, time, message: Cow::Borrowed(parts.next().unwrap_or_default()), partial })
}

/// The line exactly as the daemon writes it: `{"log":"…","stream":"stdout","time":"…"}`.
///
/// The last two members are short, so they are found from the end of the line.
fn parse_docker_as_written(line: &[u8]) -> Option<WrappedLine<'_>> {
    let (rest, time) = strip_member(line.strip_suffix(b"\"}")?, b"\",\"time\":\"")?;
    let (rest, stream) = strip_member(rest, b"\",\"stream\":\"")?;
    let log = rest.strip_prefix(b"{\"log\":\"")?;
    let is_plain = matches!(stream, b"stdout" | b"stderr") && time.first().is_some_and(u8::is_ascii_digit);
    // A quote that closes the message earlier, or a backslash that may escape the last one: left to the full parser.
    let is_one_string = string_end(log, 0).is_none() && !log.ends_with(b"\\");
    (is_plain && is_one_string).then(|| docker_line(log, stream, time))
}

/// Takes a last member off: `open` ends the value before and begins this one. Values are at most 64 bytes long.
fn strip_member<'t>(line: &'t [u8], open: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let quote = memrchr(b'"', &line[line.len().saturating_sub(64)..])? + line.len().saturating_sub(64);
    let (head, value) = line.split_at(quote + 1);
    Some((head.strip_suffix(open)?, value))
}

fn docker_line<'t>(log: &'t [u8], stream: &'t [u8], time: &'t [u8]) -> WrappedLine<'t> {
    let mut message = unescape(log);
    let partial = !message.ends_with(b"\n");
    if !partial {
        message = match message {
            Cow::Borrowed(text) => Cow::Borrowed(trim_line_end(text)),
            Cow::Owned(mut text) => {
                text.truncate(trim_line_end(&text).len());
                Cow::Owned(text)
            }
        };
    }
    WrappedLine { stream, time, message, partial }
}

/// A JSON object with the string members `log`, `stream` and `time` in any order; others are passed over.
fn parse_docker(line: &[u8]) -> Option<WrappedLine<'_>> {
    let mut rest = line.strip_prefix(b"{")?;
    let (mut log, mut stream, mut time) = (None, None, None);
    loop {
        let key = take_string(&mut rest)?;
        rest = skip_spaces(rest).strip_prefix(b":")?;
        match key {
            b"log" => log = Some(take_string(&mut rest)?),
            b"stream" => stream = Some(take_string(&mut rest)?),
            b"time" => time = Some(take_string(&mut rest)?),
            _ => skip_value(&mut rest)?,
        }
        rest = skip_spaces(rest);
        match rest.split_first()? {
            (b',', tail) => rest = tail,
            (b'}', _) => break,
            _ => return None,
        }
    }
    Some(docker_line(log?, stream.unwrap_or_default(), time?))
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    text.trim_ascii_start()
}

/// Takes a JSON string off the front and returns what stands between its quotes, escapes as they are.
fn take_string<'t>(rest: &mut &'t [u8]) -> Option<&'t [u8]> {
    let text = skip_spaces(rest).strip_prefix(b"\"")?;
    let end = string_end(text, 0)?;
    *rest = &text[end + 1..];
    Some(&text[..end])
}

/// Skips a JSON value: a string, a number, a word, or an object or array with all it holds.
fn skip_value(rest: &mut &[u8]) -> Option<()> {
    let mut depth = 0usize;
    loop {
        *rest = skip_spaces(rest);
        match rest.first()? {
            b'"' => drop(take_string(rest)?),
            b'{' | b'[' => {
                depth += 1;
                *rest = &rest[1..];
            }
            b'}' | b']' | b',' | b':' => {
                if matches!(rest[0], b'}' | b']') {
                    depth = depth.checked_sub(1)?;
                }
                *rest = &rest[1..];
            }
            _ => {
                let end = rest.iter().position(|b| matches!(b, b',' | b'}' | b']' | b' '))?;
                *rest = &rest[end..];
            }
        }
        if depth == 0 {
            return Some(());
        }
    }
}

fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    escape::decode_string(text, &mut out);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wrapper: Wrapper, lines: &str, expected: &str) {
        assert_eq!(String::from_utf8(unwrap(lines.as_bytes(), wrapper)).unwrap(), expected, "{lines}");
    }

    #[test]
    fn docker_lines() {
        let docker = |lines: &str, expected: &str| check(Wrapper::DockerJson, lines, expected);
        docker("{\"log\":\"a \\\"b\\\"\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}\n", "a \"b\"\n");
        docker(
            "{\"attrs\":{\"x\":[1,\"}\"]},\"time\":\"2026-01-01T00:00:00Z\",\"log\":\"caf\\u00e9\\r\\n\",\"stream\":\"stderr\"}",
            "café\n",
        );
        docker(
            concat!(
                "{\"log\":\"one \",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}\n",
                "{\"log\":\"err\\n\",\"stream\":\"stderr\",\"time\":\"2026-01-01T00:00:00Z\"}\n",
                "{\"log\":\"two\\n\",\"stream\":\"stdout\",\"time\":\"2026-01-01T00:00:00Z\"}\n"
            ),
            "one two\nerr\n",
        );
        docker("not json\n", "not json\n");
        docker("{\"log\":\"cut", "{\"log\":\"cut\n");
    }

    #[test]
    fn cri_lines() {
        let cri = |lines: &str, expected: &str| check(Wrapper::Cri, lines, expected);
        cri("2026-01-01T00:00:00.1Z stdout F hello  world\n", "hello  world\n");
        cri("2026-01-01T00:00:00.1Z stdout F\n", "\n");
        cri(
            "2026-01-01T00:00:00.1Z stdout P hel\n2026-01-01T00:00:00.1Z stderr F x\n2026-01-01T00:00:00.2Z stdout F lo\n",
            "hello\nx\n",
        );
        cri("2026-01-01T00:00:00.1Z stdout F:tag x\n", "x\n");
        cri("free text here too\n", "free text here too\n");
    }
}

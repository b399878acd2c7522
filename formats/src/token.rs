//! Segmentation: how text falls apart into the tokens that index and query agree on.
//!
//! A *token* is a longest run of ASCII letters, digits and bytes ≥ 0x80. Everything else breaks, `_` included, as in
//! Splunk's default segmentation. The functions here are the definition; the store has a vectorised twin that a
//! property test holds against them.

use crate::escape;
use crate::timestamp::Span;
use crate::timestamp::{names, program};

/// Returns whether `b` belongs to a token: an ASCII letter, a digit, or a byte of a non-ASCII character.
#[inline]
pub fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80
}

/// Returns whether `b` is a major breaker: white space, a control character or one of ``[]<>(){}|!;,'"*&?+``.
///
/// A wildcard does not cross a major breaker; `TERM(x)` must be bounded by them. The encoded forms (`%20`, `%3D`, …)
/// are longer than a byte and belong to the matcher of `TERM`.
#[inline]
pub fn is_major_breaker(b: u8) -> bool {
    b <= b' ' || b == 0x7f || b"[]<>(){}|!;,'\"*&?+".contains(&b)
}

/// Returns the tokens of `text` in order, in their raw case.
pub fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    token_ranges(text).map(|(start, end)| &text[start..end])
}

/// Returns start and end of each token of `text`.
pub(crate) fn token_ranges(text: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].iter().position(|&b| is_token_byte(b))?;
        at = token_end(text, start);
        Some((start, at))
    })
}

/// Returns where the token that holds position `at` ends.
pub(crate) fn token_end(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|&b| !is_token_byte(b)).map_or(text.len(), |n| at + n)
}

/// Returns whether position `at` of `text` is a token boundary: not between two token bytes.
#[inline]
pub fn is_boundary(text: &[u8], at: usize) -> bool {
    at == 0 || at >= text.len() || !is_token_byte(text[at - 1]) || !is_token_byte(text[at])
}

/// Returns whether `token` is a pure number of one or two digits, which is never indexed.
#[inline]
pub fn is_short_number(token: &[u8]) -> bool {
    (1..=2).contains(&token.len()) && token.iter().all(u8::is_ascii_digit)
}

/// Returns every window of four dot-joined numbers of one to three digits, each a whole token.
///
/// `1.2.3.4.5` gives `1.2.3.4` and `2.3.4.5`; `1.2.3.4a` gives nothing. The numbers are not limited to 255: what looks
/// like an address is indexed as one.
pub fn ipv4_windows(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut tokens = token_ranges(text);
    // Starts of the last four numbers of the present chain, oldest first, and where the chain ends.
    let mut starts = [0; 4];
    let mut n_chained = 0;
    let mut chain_end = 0;
    std::iter::from_fn(move || {
        loop {
            let (start, end) = tokens.next()?;
            if end - start > 3 || !text[start..end].iter().all(u8::is_ascii_digit) {
                n_chained = 0;
                continue;
            }
            let joined = n_chained > 0 && start == chain_end + 1 && text[chain_end] == b'.';
            n_chained = if joined { n_chained + 1 } else { 1 };
            starts.rotate_left(1);
            starts[3] = start;
            chain_end = end;
            if n_chained >= 4 {
                return Some(&text[starts[0]..end]);
            }
        }
    })
}

/// Returns the decoded form of an event that holds escapes, `None` when nothing decodes.
///
/// Two kinds of escapes are decoded: JSON-style backslash escapes inside double-quoted strings (`\n`, `\u00e9`, …) and
/// XML entities anywhere (`&amp; &lt; &gt; &quot; &apos; &#N; &#xN;`). They belong to different notations, so an event
/// that holds both yields both decodings, one after the other with a line end between them; the tokens of every value
/// that the JSON or XML extraction yields are tokens of `text` or of this.
pub fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let json = escape::unescape_strings(text);
    let xml = escape::unescape_entities(text);
    match (json, xml) {
        (Some(mut json), Some(xml)) => {
            json.push(b'\n');
            json.extend_from_slice(&xml);
            Some(json)
        }
        (json, xml) => json.or(xml),
    }
}

/// Returns whether a recognised time stamp could contain `token`, in any case.
///
/// The stamp is not part of the indexed text, so such a token may be missing from the index although the raw text
/// holds it: a query for it inside a phrase must not rely on the index. These are numbers, numbers joined by `T` or
/// closed by `Z`, `AM`, `PM`, names of months, weekdays and zones, the head of a klog line (`E0517`) and TAI64 labels.
pub fn may_be_in_stamp(token: &[u8]) -> bool {
    if token.is_empty() {
        return false;
    }
    is_klog_head(token) || is_tai64(token) || names::is_stamp_token(token)
}

/// Returns whether a recognised time stamp could begin with a number of these digits: days, months, years, epochs, and dates
/// and times of the day without separators, in any usual order.
///
/// A number that stands behind a word which [is in no stamp](may_be_in_stamp) is in a stamp only where that begins with it.
pub fn may_begin_stamp(digits: &[u8]) -> bool {
    let two = |at: usize| (digits[at] - b'0') * 10 + digits[at + 1] - b'0';
    let is_year = |at| (19..=20).contains(&two(at));
    let is_month = |at| (1..=12).contains(&two(at));
    let is_day = |at| (1..=31).contains(&two(at));
    match digits.len() {
        0..=2 | 6 => true,
        3 | 5 => false,
        4 => is_year(0) && digits >= &b"1970"[..],
        7 => is_year(0),
        8..=19 => {
            let is_date = (is_year(0) && is_month(4) && is_day(6))
                || (is_month(2) && (is_day(0) || is_day(4)))
                || (is_month(0) && is_day(2));
            let is_clock = two(0) < 24 && two(2) < 60 && two(4) <= 60;
            is_date || is_clock || program::is_epoch(digits)
        }
        _ => false,
    }
}

fn is_klog_head(token: &[u8]) -> bool {
    let is_level = matches!(token[0].to_ascii_uppercase(), b'I' | b'W' | b'E' | b'F' | b'D');
    is_level && matches!(token.len(), 5 | 9) && token[1..].iter().all(u8::is_ascii_digit)
}

/// TAI64 counts seconds from 2^62, so that each label of our time begins with the same digits.
fn is_tai64(token: &[u8]) -> bool {
    matches!(token.len(), 16 | 24) && token.starts_with(b"40000000") && token.iter().all(u8::is_ascii_hexdigit)
}

/// Calls `f` with each term that is indexed for an event: the definition of the index.
///
/// These are the lower-cased tokens of `text` with the stamp blanked and of [`unescape`] of that, without
/// [short numbers](is_short_number), and the [IPv4 windows](ipv4_windows) of both. A term may come more than once.
pub fn index_terms(text: &[u8], stamp: Option<Span>, mut f: impl FnMut(&[u8])) {
    let mut blanked = text.to_ascii_lowercase();
    if let Some(span) = stamp {
        blanked[span.range()].fill(b' ');
    }
    let mut emit = |text: &[u8]| {
        tokens(text).filter(|token| !is_short_number(token)).for_each(&mut f);
        ipv4_windows(text).for_each(&mut f);
    };
    emit(&blanked);
    let mut original = text.to_vec();
    if let Some(span) = stamp {
        original[span.range()].fill(b' ');
    }
    if let Some(mut decoded) = unescape(&original) {
        decoded.make_ascii_lowercase();
        emit(&decoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(items: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
        items.map(|item| String::from_utf8_lossy(item).into_owned()).collect()
    }

    #[test]
    fn tokens_are_runs_of_letters_digits_and_high_bytes() {
        let check = |text: &str, expected: &[&str]| assert_eq!(texts(tokens(text.as_bytes())), expected, "{text}");
        check("", &[]);
        check("  ", &[]);
        check("error_count=3", &["error", "count", "3"]);
        check("a/b/c.log", &["a", "b", "c", "log"]);
        check("Müller, café", &["Müller", "café"]);
        check("\u{7f}x\0y", &["x", "y"]);
    }

    #[test]
    fn major_breakers_are_those_of_the_language() {
        for b in *b" \t\n\r\0[]<>(){}|!;,'\"*&?+\x1b\x7f" {
            assert!(is_major_breaker(b), "{b:#x}");
        }
        for b in b"/:=@.-$#%\\_aZ09\x80\xff~^`".iter() {
            assert!(!is_major_breaker(*b), "{b:#x}");
        }
    }

    #[test]
    fn short_numbers_are_one_or_two_digits() {
        for (token, expected) in [("1", true), ("42", true), ("404", false), ("a", false), ("4a", false), ("", false)] {
            assert_eq!(is_short_number(token.as_bytes()), expected, "{token}");
        }
    }

    #[test]
    fn ipv4_windows_slide_over_a_chain() {
        let check =
            |text: &str, expected: &[&str]| assert_eq!(texts(ipv4_windows(text.as_bytes())), expected, "{text}");
        check("src=10.0.0.1 up", &["10.0.0.1"]);
        check("1.2.3.4.5", &["1.2.3.4", "2.3.4.5"]);
        check("1.2.3.4a", &[]);
        check("a1.2.3.4", &[]);
        check("1.2.3..4", &[]);
        check("1.2.3.4444", &[]);
        check("999.999.999.999:80", &["999.999.999.999"]);
        check("10.0.0.1,10.0.0.2", &["10.0.0.1", "10.0.0.2"]);
        check("1.2.3 4.5.6.7", &["4.5.6.7"]);
    }

    #[test]
    fn unescape_decodes_strings_and_entities() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(unescape(text.as_bytes()).map(|t| String::from_utf8(t).unwrap()).as_deref(), expected, "{text}");
        };
        check("plain", None);
        check(r"no\nquotes", None);
        check(r#""a\nb""#, Some("\"a\nb\""));
        check(r#"{"k":"caf\u00e9 \"x\""}"#, Some(r#"{"k":"café "x""}"#));
        check(r#""\ud83d\ude00 \ud83d""#, Some("\"\u{1f600} \u{fffd}\""));
        check("a &amp; b &#233; &#xE9; &bogus; &", Some("a & b é é &bogus; &"));
        check(r#""a\tb" &lt;"#, Some("\"a\tb\" &lt;\n\"a\\tb\" <"));
        check(r#""bad \q""#, None);
    }

    #[test]
    fn stamp_tokens_are_recognised() {
        for token in [
            "2026",
            "04",
            "04T12",
            "123Z",
            "20261120T140500Z",
            "Nov",
            "november",
            "Sun",
            "PM",
            "05pm",
            "UTC",
            "cest",
            "E0517",
            "40000000433225833b6e1a8c",
            "i20260517",
        ] {
            assert!(may_be_in_stamp(token.as_bytes()), "{token}");
        }
        for token in ["error", "", "x1", "paymentservice", "é", "tz1x", "T"] {
            assert!(!may_be_in_stamp(token.as_bytes()), "{token}");
        }
    }

    #[test]
    fn numbers_that_may_begin_a_stamp_are_recognised() {
        let plausible = [
            "7",
            "23",
            "1999",
            "2026",
            "140502",
            "081109",
            "20261120",
            "20112026",
            "11202026",
            "26112014",
            "14050212",
            "2026324",
            "987654321",
            "1763820000",
            "2026112014",
            "987654321123",
            "261120140502",
            "1763820000123",
            "20261120140502",
            "1763820000123456",
            "20261120140502123",
            "1763820000123456789",
        ];
        for digits in plausible {
            assert!(may_begin_stamp(digits.as_bytes()), "{digits}");
        }
        for digits in [
            "404",
            "0517",
            "1969",
            "52611",
            "4100006",
            "41000068",
            "97654321",
            "5184253708",
            "99999999999",
            "96000000000000",
        ] {
            assert!(!may_begin_stamp(digits.as_bytes()), "{digits}");
        }
    }

    #[test]
    fn index_terms_leave_out_stamp_and_short_numbers() {
        let text = br#"2026-11-20 14:05:00 {"ip":"10.0.0.1","m":"Caf\u00e9"} 42"#;
        let mut terms = Vec::new();
        index_terms(text, Some(Span { start: 0, len: 19 }), |term| {
            terms.push(String::from_utf8(term.to_vec()).unwrap())
        });
        terms.sort_unstable();
        terms.dedup();
        assert_eq!(
            terms,
            ["10.0.0.1", "café", "caf", "u00e9", "ip", "m"]
                .map(String::from)
                .iter()
                .cloned()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>()
        );
    }
}

//! Values in the text of events that may name one request, order or session, and why others do not.
//!
//! An id is a word whose shape is that of a name made by a machine — a UUID, long hexadecimal, a prefix with a number,
//! letters and digits mixed — or a number under a key that says so (`orderId=41000123`). What a key such as `host` or
//! `thread` calls something else is none, nor is a part of a dotted name, an address, a time or a version. Whether an id is
//! rare enough to be followed is another question, which the index answers: see [`crate::rca::trace`].

mod other;

pub use other::NotAnId;

use other::is_not;
pub(super) use other::normal_key;
use serde::{Deserialize, Serialize};

/// Shortest and longest word that may be an id, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 5..=128;
/// How far into an event ids are looked for, in bytes: a dump of 80 kB is not an identity.
const MAX_LOOKED_AT: usize = 32 << 10;
/// Fewest digits of a word with a prefix: `web-01` and `exec-9` are names of places.
const MIN_DIGITS: usize = 4;

/// What an id looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// 8-4-4-4-12 hexadecimal digits.
    Uuid,
    /// At least eight hexadecimal digits, letters and digits among them.
    Hex,
    /// Letters, then a number: `ORD-7731ZK42`, `INC0091177`.
    Prefixed,
    /// Letters and digits mixed otherwise.
    Mixed,
    /// A number under a key that names an id.
    Number,
}

/// A word with the shape of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention<'t> {
    /// The key it stands under: `traceId` in `traceId=…`, `"traceId":"…"`, `traceId: …`.
    pub key: Option<&'t str>,
    /// The word.
    pub value: &'t str,
    /// What it looks like.
    pub shape: Shape,
    /// Why it is no id after all, if its key or its words say so.
    pub is_not: Option<NotAnId>,
}

/// Ends of keys whose numbers are ids.
const ID_KEYS: [&str; 21] = [
    "id",
    "no",
    "num",
    "number",
    "ref",
    "reference",
    "key",
    "token",
    "uuid",
    "guid",
    "order",
    "txn",
    "tx",
    "transaction",
    "trace",
    "session",
    "request",
    "correlation",
    "batch",
    "rrn",
    "journal",
];

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Calls `f` with every word of `text` that has the shape of an id, from left to right. Linear.
pub fn mentions<'t>(text: &'t str, mut f: impl FnMut(Mention<'t>)) {
    let bytes = text.as_bytes();
    let end_of_look = bytes.len().min(MAX_LOOKED_AT);
    let mut at = 0;
    while at < end_of_look {
        if !is_word_byte(bytes[at]) {
            at += 1;
            continue;
        }
        let run_start = at;
        while at < bytes.len() && is_word_byte(bytes[at]) {
            at += 1;
        }
        let run = &text[run_start..at];
        let word = run.trim_matches(['-', '_']);
        if !LENGTHS.contains(&word.len()) || !word.bytes().any(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let start = run_start + (run.len() - run.trim_start_matches(['-', '_']).len());
        let end = start + word.len();
        if is_part_of_name(bytes, start, end) {
            continue;
        }
        let key = key_before(text, start);
        if let Some(shape) = shape(word, key) {
            f(Mention { key, value: word, shape, is_not: is_not(word, key) });
            // `traceparent` is version, trace, span and flags in one word.
            if shape != Shape::Uuid && word.contains('-') {
                let parts = word.split('-').filter(|part| part.len() >= 16 && is_hex(part));
                parts.for_each(|value| f(Mention { key: None, value, shape: Shape::Hex, is_not: None }));
            }
        }
    }
}

/// Whether the word at `start..end` is a piece of a longer name: of a class, a file, a host, an address, a number.
fn is_part_of_name(bytes: &[u8], start: usize, end: usize) -> bool {
    let at = |index: Option<usize>| index.and_then(|index| bytes.get(index)).copied().unwrap_or(b' ');
    let (before, before_it) = (at(start.checked_sub(1)), at(start.checked_sub(2)));
    let (behind, behind_it) = (at(Some(end)), at(Some(end + 1)));
    let joins =
        |joint: u8, other: u8| matches!(joint, b'.' | b'@' | b'$' | b'#') && (is_word_byte(other) || other == joint);
    joins(before, before_it)
        || joins(behind, behind_it)
        || before >= 0x80
        || behind >= 0x80
        || (behind == b':' && behind_it.is_ascii_digit())
        || (before == b':' && before_it.is_ascii_digit() && is_word_byte(before_it) && bytes[start..end].len() < 8)
}

/// The key that the value at `start` stands under, if any.
fn key_before(text: &str, start: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let quotes = |at: usize| {
        at - bytes[..at].iter().rev().take(2).take_while(|byte| matches!(byte, b'"' | b'\'' | b'\\')).count()
    };
    let spaces = |at: usize| at - bytes[..at].iter().rev().take(4).take_while(|byte| **byte == b' ').count();
    let before = spaces(quotes(start));
    let separator = before.checked_sub(1)?;
    match bytes[separator] {
        // `a = b` is rare in logs, `a b=c` is not.
        b'=' if before == quotes(start) => {}
        b':' => {}
        _ => return None,
    }
    let end = quotes(separator);
    let is_key_byte = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let len = bytes[..end].iter().rev().take(64).take_while(|byte| is_key_byte(byte)).count();
    let key = &text[end - len..end];
    key.bytes().any(|byte| byte.is_ascii_alphabetic()).then_some(key)
}

fn is_hex(word: &str) -> bool {
    let has = |test: fn(&u8) -> bool| word.as_bytes().iter().any(test);
    word.bytes().all(|byte| byte.is_ascii_hexdigit()) && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

fn is_uuid(word: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    word.len() == 36
        && word.split('-').count() == lengths.len()
        && word
            .split('-')
            .zip(lengths)
            .all(|(part, len)| part.len() == len && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// `2026-11-20`, `2026-11-20T07`, `20-11-2026`, `20261120T072624Z`.
fn is_date(word: &str) -> bool {
    let digits_then = |n: usize, rest: &[u8]| rest.len() > n && rest[..n].iter().all(u8::is_ascii_digit);
    let bytes = word.as_bytes();
    let iso = digits_then(4, bytes) && bytes[4] == b'-' && digits_then(2, &bytes[5..]) && bytes[7] == b'-';
    let day_first = digits_then(2, bytes) && bytes[2] == b'-' && digits_then(2, &bytes[3..]) && bytes[5] == b'-';
    let compact = digits_then(8, bytes)
        && matches!(bytes[8], b'T' | b'-' | b'_')
        && (word.starts_with("19") || word.starts_with("20"));
    iso || day_first || compact
}

/// The shape of a word under a key; `None` if it is not that of an id.
fn shape(word: &str, key: Option<&str>) -> Option<Shape> {
    if is_uuid(word) {
        return Some(Shape::Uuid);
    }
    if is_date(word) {
        return None;
    }
    let n_digits = word.bytes().filter(u8::is_ascii_digit).count();
    let n_letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    if n_letters == 0 {
        // `41000123`, not `4100-0123` and not `1234`.
        let is_number = n_digits == word.len() && n_digits >= 6;
        let names_id = |key: &str| {
            let key = normal_key(key);
            ID_KEYS.iter().any(|end| key.ends_with(end))
        };
        return (is_number && key.is_some_and(names_id)).then_some(Shape::Number);
    }
    if word.len() >= 8 && is_hex(word) {
        return Some(Shape::Hex);
    }
    if n_digits < MIN_DIGITS {
        return None;
    }
    let prefix_len = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let rest = word[prefix_len..].trim_start_matches(['-', '_']);
    if (1..=12).contains(&prefix_len) && rest.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(Shape::Prefixed);
    }
    // `PAY-ZK00000042`, `k3J9x0Qp21`.
    (word.len() >= 8).then_some(if prefix_len > 0 && word.as_bytes().get(prefix_len) == Some(&b'-') {
        Shape::Prefixed
    } else {
        Shape::Mixed
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(text: &str) -> Vec<String> {
        let mut all = Vec::new();
        mentions(text, |mention| {
            let key = mention.key.map_or(String::new(), |key| format!("{key}="));
            let but = mention.is_not.map_or(String::new(), |why| format!(" ({why})"));
            all.push(format!("{key}{}: {:?}{but}", mention.value, mention.shape));
        });
        all
    }

    #[test]
    fn ids_of_real_looking_lines() {
        let cases: [(&str, &[&str]); 14] = [
            (
                "ts=2026-11-20T07:26:24.000Z level=info path=/api/v2/payments/ORD-7731ZK42 trace=feedfacecafe7731",
                &["ORD-7731ZK42: Prefixed", "trace=feedfacecafe7731: Hex"],
            ),
            (
                "2026-11-20 07:26:24,080 INFO: PaymentService [http-nio-8080-exec-9] start paymentId=PAY-ZK00000042 orderId=ORD-7731ZK42",
                &[
                    "http-nio-8080-exec-9: Prefixed (names a thread)",
                    "paymentId=PAY-ZK00000042: Prefixed",
                    "orderId=ORD-7731ZK42: Prefixed",
                ],
            ),
            (
                r#"{"@timestamp":"2026-11-20T12:56:24.040+05:30","traceId":"feedfacecafe7731","message":"orderId=ORD-1001 amount=99999.99"}"#,
                &["traceId=feedfacecafe7731: Hex", "orderId=ORD-1001: Prefixed"],
            ),
            (
                r#"{\"requestId\": \"7f3c2a1e-0b1c-4d2e-8f3a-1b2c3d4e5f60\"}"#,
                &["requestId=7f3c2a1e-0b1c-4d2e-8f3a-1b2c3d4e5f60: Uuid"],
            ),
            ("orderId=41000123 rows=41000123 41000123", &["orderId=41000123: Number"]),
            ("\tat com.acme.LedgerService$$FastClass$$7c1d2e3f.invoke(<generated>) PaymentDao.java:8812", &[]),
            ("url=jdbc:oracle:thin:@//paydb-prd-0001:1521/PAYPRD", &[]),
            (
                "host=web12345 user=u12345 thread=t-12345",
                &[
                    "host=web12345: Prefixed (names a machine, program or job)",
                    "user=u12345: Prefixed (names a user)",
                    "thread=t-12345: Prefixed (names a thread)",
                ],
            ),
            ("from 10.20.30.40 to 2001:db8::8a2e version v1.2.3456 of 20261120T072624Z", &[]),
            (
                "Received block blk_-1608999687919862906 src: /10.250.19.102:54106",
                &["blk_-1608999687919862906: Prefixed"],
            ),
            (
                "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                &[
                    "traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01: Mixed",
                    "4bf92f3577b34da6a3ce929d0e0e4736: Hex",
                    "00f067aa0ba902b7: Hex",
                ],
            ),
            ("session k3J9x0Qp21 ended.", &["k3J9x0Qp21: Prefixed"]),
            ("ticket INC0091177.", &["INC0091177: Prefixed"]),
            ("latencyMs=1234567 durationMs=7654321", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn only_the_beginning_of_a_dump_is_read() {
        let text = format!("{} orderId=ORD-7731ZK42", "x".repeat(MAX_LOOKED_AT));
        assert_eq!(found(&text), [""; 0]);
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(text in "\\PC{0,80}", noise in "[a-z0-9=:\"'._ @$-]{0,60}") {
            for text in [&text, &noise] {
                mentions(text, |mention| {
                    assert!(text.contains(mention.value));
                    assert!(LENGTHS.contains(&mention.value.len()) || mention.key.is_none());
                });
            }
        }

        #[test]
        fn an_id_under_a_key_is_found_wherever_it_stands(
            before in "[a-z ]{0,20}", id in "[A-Z]{3}-[0-9]{6,12}", quote in "[\"']?", after in "( [a-z]{0,10}|,|;|\\])"
        ) {
            let text = format!("{before} orderId={quote}{id}{quote}{after}");
            let mut values = Vec::new();
            mentions(&text, |mention| values.push((mention.key, mention.value)));
            prop_assert_eq!(values, vec![(Some("orderId"), id.as_str())]);
        }
    }
}

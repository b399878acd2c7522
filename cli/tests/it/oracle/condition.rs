//! Conditions of the search language, decided the slow way.

use super::scan::Scanned;
use std::fmt;
use trawl_formats::token::{is_major_breaker, is_token_byte};

/// A search expression.
pub enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Pattern(Pattern),
    Field { name: String, op: &'static str, value: String },
    In { name: String, values: Vec<String> },
    Exists(String),
}

/// A word or phrase; `*` in the text is a wildcard.
pub struct Pattern {
    pub text: String,
    pub form: Form,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Form {
    Bare,
    Quoted,
    Term,
    Case,
}

/// A whole query: a condition and a range of time.
pub struct Query {
    pub condition: Condition,
    pub earliest_us: Option<i64>,
    pub latest_us: Option<i64>,
}

impl Query {
    pub fn matches(&self, event: &Scanned) -> bool {
        self.earliest_us.is_none_or(|earliest| earliest <= event.time_us)
            && self.latest_us.is_none_or(|latest| event.time_us < latest)
            && self.condition.matches(event)
    }
}

impl Condition {
    pub fn matches(&self, event: &Scanned) -> bool {
        match self {
            Self::And(all) => all.iter().all(|one| one.matches(event)),
            Self::Or(any) => any.iter().any(|one| one.matches(event)),
            Self::Not(inner) => !inner.matches(event),
            Self::Pattern(pattern) => pattern.matches(event),
            Self::Field { name, op, value } => event.values(name).any(|found| compare(found, op, value)),
            Self::In { name, values } => event.values(name).any(|found| values.iter().any(|value| glob(value, found))),
            Self::Exists(name) => event.values(name).next().is_some(),
        }
    }
}

impl Pattern {
    fn matches(&self, event: &Scanned) -> bool {
        let fold = |bytes: &[u8]| if self.form == Form::Case { bytes.to_vec() } else { bytes.to_ascii_lowercase() };
        let pattern = fold(self.text.as_bytes());
        match self.form {
            Form::Term => occurs(&pattern, &event.text.to_ascii_lowercase(), is_term_edge_before, is_term_edge_after),
            _ => event
                .texts(self.ignores_stamp())
                .iter()
                .any(|text| occurs(&pattern, &fold(text), is_boundary, is_boundary)),
        }
    }

    /// Bare and made of token bytes, or an address.
    fn ignores_stamp(&self) -> bool {
        let word = self.text.bytes().all(|byte| is_token_byte(byte) || byte == b'*');
        let octets: Vec<&str> = self.text.split('.').collect();
        let is_octet = |octet: &&str| (1..=3).contains(&octet.len()) && octet.bytes().all(|byte| byte.is_ascii_digit());
        self.form != Form::Quoted && (word || (octets.len() == 4 && octets.iter().all(is_octet)))
    }
}

/// Whether some stretch of `text` equals `pattern`, beginning and ending at an edge. A star at an end of the pattern frees
/// that end.
fn occurs(pattern: &[u8], text: &[u8], before: fn(&[u8], usize) -> bool, after: fn(&[u8], usize) -> bool) -> bool {
    let (free_start, free_end) = (pattern.first() == Some(&b'*'), pattern.last() == Some(&b'*'));
    (0..=text.len())
        .filter(|&start| free_start || before(text, start))
        .any(|start| ends(pattern, text, start).into_iter().any(|end| free_end || after(text, end)))
}

/// Where stretches that begin at `start` and equal `pattern` can end.
fn ends(pattern: &[u8], text: &[u8], start: usize) -> Vec<usize> {
    let mut at = vec![start];
    for &byte in pattern {
        let mut next = Vec::new();
        for position in at {
            if byte == b'*' {
                next.push(position);
                let run = text[position..].iter().take_while(|&&byte| !is_major_breaker(byte)).count();
                next.extend(position + 1..=position + run);
            } else if text.get(position) == Some(&byte) {
                next.push(position + 1);
            }
        }
        next.sort_unstable();
        next.dedup();
        at = next;
    }
    at
}

fn is_boundary(text: &[u8], at: usize) -> bool {
    at == 0 || at == text.len() || !(is_token_byte(text[at - 1]) && is_token_byte(text[at]))
}

const ENCODED: [&str; 17] = [
    "%21", "%26", "%2526", "%3b", "%7c", "%20", "%2b", "%3d", "--", "%2520", "%5d", "%5b", "%3a", "%0a", "%2c", "%28",
    "%29",
];

fn is_term_edge_before(text: &[u8], at: usize) -> bool {
    at == 0 || is_major_breaker(text[at - 1]) || ENCODED.iter().any(|breaker| text[..at].ends_with(breaker.as_bytes()))
}

fn is_term_edge_after(text: &[u8], at: usize) -> bool {
    at == text.len()
        || is_major_breaker(text[at])
        || ENCODED.iter().any(|breaker| text[at..].starts_with(breaker.as_bytes()))
}

/// Whether the whole of `text` matches, without case.
fn glob(pattern: &str, text: &str) -> bool {
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
            Some((byte, rest)) => text.split_first().is_some_and(|(first, text)| first == byte && matches(rest, text)),
        }
    }
    matches(&pattern.to_ascii_lowercase().into_bytes(), &text.to_ascii_lowercase().into_bytes())
}

fn number(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(m, e)| (m, Some(e)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) =
        mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    let exponent_is_right =
        exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    (digits(whole) && fraction.is_none_or(digits) && exponent_is_right)
        .then(|| text.parse().ok())
        .flatten()
        .filter(|number: &f64| number.is_finite())
}

fn compare(found: &str, op: &str, value: &str) -> bool {
    let order = || match (number(found), number(value)) {
        (Some(a), Some(b)) => a.partial_cmp(&b).expect("finite"),
        _ => found.as_bytes().cmp(value.as_bytes()),
    };
    match op {
        "=" => glob(value, found),
        "!=" => !glob(value, found),
        "<" => order().is_lt(),
        "<=" => order().is_le(),
        ">" => order().is_gt(),
        ">=" => order().is_ge(),
        _ => unreachable!("the generator writes no other operator"),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', r#"\""#))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |parts: &[Condition], word: &str| {
            parts.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::And(all) => f.write_str(&joined(all, " ")),
            Self::Or(any) => f.write_str(&joined(any, " OR ")),
            Self::Not(inner) => write!(f, "NOT ({inner})"),
            Self::Pattern(Pattern { text, form }) => match form {
                Form::Bare => f.write_str(text),
                Form::Quoted => f.write_str(&quoted(text)),
                Form::Term => write!(f, "TERM({text})"),
                Form::Case => write!(f, "CASE({text})"),
            },
            Self::Field { name, op, value } => write!(f, "{}{op}{}", quoted(name), quoted(value)),
            Self::In { name, values } => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                write!(f, "{} IN ({})", quoted(name), values.join(", "))
            }
            Self::Exists(name) => write!(f, "{}=*", quoted(name)),
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)?;
        let seconds = |us: i64| format!("{}.{:06}", us.div_euclid(1_000_000), us.rem_euclid(1_000_000));
        self.earliest_us.map_or(Ok(()), |us| write!(f, " earliest={}", seconds(us)))?;
        self.latest_us.map_or(Ok(()), |us| write!(f, " latest={}", seconds(us)))
    }
}

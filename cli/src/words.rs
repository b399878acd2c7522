//! From the words of a shell to the text of a query.
//!
//! The shell has taken the quotes away: `trawl search error "DB timeout"` arrives as `error` and `DB timeout`. What the
//! user saw as one phrase shall be one phrase. A single argument, on the other hand, is a whole query that was quoted
//! for the shell, and is taken verbatim.

use clap::error::ErrorKind;
use std::ffi::OsString;
use trawl_query::time::TimeSpec;

/// Characters that show that an argument with white space is a piece of query, not a phrase.
const QUERY_CHARACTERS: [char; 7] = ['|', '=', '(', ')', '[', ']', '"'];

/// Joins the arguments of `trawl search` into the text of a query.
///
/// One argument is the query verbatim. Of several, those that hold white space but none of `| = ( ) [ ] "` become
/// phrases; all are joined by spaces.
pub fn join(words: &[String]) -> String {
    match words {
        [query] => query.clone(),
        words => words
            .iter()
            .map(|word| if is_phrase(word) { quote(word) } else { word.clone() })
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn is_phrase(word: &str) -> bool {
    word.contains(char::is_whitespace) && !word.contains(QUERY_CHARACTERS)
}

/// The word as a phrase of the query language, in which a backslash stands for itself except before a quote, a pipe
/// or another backslash, and at the end.
fn quote(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', r"\\"))
}

/// The time modifier that somebody wrote among the words of a search, where it looks like an option that there is none
/// of; `error` is what the parser of the arguments says about `raw`.
pub fn misplaced_time<'a>(raw: &'a [OsString], error: &clap::Error) -> Option<&'a str> {
    if error.kind() != ErrorKind::UnknownArgument || raw.get(1)? != "search" {
        return None;
    }
    let is_value = |at: usize| raw[at - 1].to_str().is_some_and(|option| option.starts_with("--"));
    (2..raw.len()).filter(|at| !is_value(*at)).filter_map(|at| raw[at].to_str()).find(|word| is_time(word))
}

/// Whether a word that begins like an option was meant as a time: `-1h`, `-15m@m`, `-1d@d+3h`.
pub fn is_time(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        && TimeSpec::parse(word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_a_query() {
        let cases: [(&[&str], &str); 10] = [
            (&["error"], "error"),
            (&["DB timeout | stats count"], "DB timeout | stats count"),
            (&["ERROR", "PaymentService"], "ERROR PaymentService"),
            (&["error", "DB timeout"], r#"error "DB timeout""#),
            (&["error", "host=web-01 status=500"], "error host=web-01 status=500"),
            (&["error", "| stats count by host"], "error | stats count by host"),
            (&["error", "|", "stats", "count", "by", "host"], "error | stats count by host"),
            (&["a", r"C:\Temp dir\"], r#"a "C:\\Temp dir\\""#),
            (&["NOT", "x y", "(a OR b)"], r#"NOT "x y" (a OR b)"#),
            (&["a", "tab\there"], "a \"tab\there\""),
        ];
        for (words, expected) in cases {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(join(&words), expected);
        }
    }

    #[test]
    fn times_among_the_words_are_recognised() {
        for (word, expected) in [
            ("-1h", true),
            ("-15m@m", true),
            ("-1d@d+3h", true),
            ("-1", false),
            ("-h", false),
            ("-n", false),
            ("1h", false),
            ("-1x", false),
            ("--earliest", false),
        ] {
            assert_eq!(is_time(word), expected, "{word}");
        }
    }
}

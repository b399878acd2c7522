//! The text of a pattern, and what can be said of it.

use super::scan::{EDGE, MASK};
use std::fmt::Write;

/// What stands for a variable in the text of a pattern.
pub const VARIABLE: &str = "<*>";

/// Hexadecimal digits of an id.
const ID_DIGITS: usize = 12;

/// The text of a shape, [`VARIABLE`] for what is masked. Variables between which there is only a space are one.
pub(super) fn text(shape: &[u8]) -> String {
    let mut bytes: Vec<u8> = Vec::with_capacity(shape.len() + 16);
    for byte in shape.iter().copied().filter(|byte| *byte != EDGE) {
        if byte != MASK {
            bytes.push(byte);
            continue;
        }
        let trimmed = bytes.trim_ascii_end();
        if trimmed.ends_with(VARIABLE.as_bytes()) {
            bytes.truncate(trimmed.len());
        } else {
            bytes.extend_from_slice(VARIABLE.as_bytes());
        }
    }
    String::from_utf8_lossy(bytes.trim_ascii()).into_owned()
}

/// The id of a pattern: the first 48 bits of the SHA-256 of its text, as hexadecimal digits. The same text has the same id
/// in every run, index and version.
///
/// ```
/// assert_eq!(trawl_query::pattern::id("session closed for user <*>").len(), 12);
/// ```
pub fn id(text: &str) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(ID_DIGITS / 2).fold(String::new(), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

/// Whether a line can be of a pattern: the literal parts of the pattern stand in it in their order, the first one at its
/// beginning and the last one at its end. How much white space there is does not matter, and control characters count as such.
///
/// ```
/// use trawl_query::pattern::matches;
/// assert!(matches("session closed for user <*>", "session closed  for user root"));
/// assert!(!matches("session closed for user <*>", "session opened for user root"));
/// ```
pub fn matches(text: &str, line: &str) -> bool {
    let line = squeeze(line);
    let parts: Vec<String> = text.split(VARIABLE).map(squeeze).collect();
    let [first, rest @ ..] = parts.as_slice() else { return false };
    let Some(mut line) = line.strip_prefix(first.as_str()) else { return false };
    let Some((last, middle)) = rest.split_last() else { return line.is_empty() };
    for part in middle {
        match line.find(part.as_str()) {
            Some(at) => line = &line[at + part.len()..],
            None => return false,
        }
    }
    line.ends_with(last.as_str())
}

/// White space and control characters as one space, none at the ends.
fn squeeze(text: &str) -> String {
    let is_space = |c: char| c.is_ascii_control() || c == ' ';
    let mut squeezed = String::with_capacity(text.len());
    for word in text.split(is_space).filter(|word| !word.is_empty()) {
        squeezed.push_str(if squeezed.is_empty() { "" } else { " " });
        squeezed.push_str(word);
    }
    squeezed
}

/// A search expression that finds the events of a pattern: its literal phrases. It may find others, too, for it does not say
/// where in the event the phrases stand. `None` if the pattern has no word.
///
/// ```
/// use trawl_query::pattern::search_for;
/// assert_eq!(search_for("<*> Failed password for <*> port <*>").as_deref(), Some("\"Failed password for\" port"));
/// ```
pub fn search_for(text: &str) -> Option<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut phrases: Vec<String> = Vec::new();
    let parts: Vec<&str> = text.split(VARIABLE).collect();
    for (index, part) in parts.iter().enumerate() {
        // A word that touches a variable may be a part of one.
        let cut_front = if index > 0 { part.find(|c| !is_word(c)).unwrap_or(part.len()) } else { 0 };
        let part = &part[cut_front..];
        let cut_back =
            if index + 1 < parts.len() { part.rfind(|c| !is_word(c)).map_or(0, |at| at + 1) } else { part.len() };
        // Only white space between words is sure to be one space in every event; the ends of the quotes must be free.
        for phrase in part[..cut_back.min(part.len())].split(|c: char| !is_word(c) && c != ' ') {
            let phrase = phrase.trim();
            if phrase.len() > 2 && !phrases.iter().any(|known| known == phrase) {
                phrases.push(phrase.to_owned());
            }
        }
    }
    // The longest ones say most.
    let mut by_length: Vec<usize> = (0..phrases.len()).collect();
    by_length.sort_by_key(|index| std::cmp::Reverse(phrases[*index].len()));
    by_length.truncate(4);
    by_length.sort_unstable();
    let is_operator = |phrase: &str| ["AND", "OR", "NOT", "IN"].contains(&phrase);
    let terms: Vec<String> = by_length
        .into_iter()
        .map(|index| &phrases[index])
        .map(
            |phrase| if phrase.contains(' ') || is_operator(phrase) { format!("\"{phrase}\"") } else { phrase.clone() },
        )
        .collect();
    (!terms.is_empty()).then(|| terms.join(" "))
}

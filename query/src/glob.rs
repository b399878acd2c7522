//! Names and values with `*`, which stands for any run of characters, also none.

use compact_str::CompactString;
use std::fmt;

/// A text with stars, matched against a whole name or value. There is no escape for `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob {
    /// The pieces between the stars: one more than there are stars. Pieces in the middle are not empty.
    literals: Vec<CompactString>,
}

impl Glob {
    /// Reads a text in which each `*` is a wildcard. Neighbouring stars are one.
    pub fn new(text: &str) -> Self {
        let mut literals: Vec<CompactString> = text.split('*').map(CompactString::from).collect();
        let last = literals.len() - 1;
        let mut index = 0;
        literals.retain(|literal| {
            index += 1;
            index == 1 || index > last || !literal.is_empty()
        });
        Self { literals }
    }

    /// The pieces between the stars: one more than there are stars. Only the first and last can be empty.
    pub fn literals(&self) -> &[CompactString] {
        &self.literals
    }

    /// Whether there is a star.
    pub fn has_wildcard(&self) -> bool {
        self.literals.len() > 1
    }

    /// The number of stars.
    pub fn n_wildcards(&self) -> usize {
        self.literals.len() - 1
    }

    /// Whether it is `*` alone.
    pub fn matches_everything(&self) -> bool {
        self.has_wildcard() && self.literals.iter().all(|literal| literal.is_empty())
    }

    /// Whether the whole of `text` matches, by bytes.
    pub fn matches(&self, text: &str) -> bool {
        self.matches_with(text.as_bytes(), |a, b| a == b)
    }

    /// Whether the whole of `text` matches, letters of ASCII without case.
    pub fn matches_ignoring_case(&self, text: &str) -> bool {
        self.matches_with(text.as_bytes(), <[u8]>::eq_ignore_ascii_case)
    }

    /// Whether the field `name` matches. A pattern that begins with a wildcard does not match internal fields, whose
    /// names begin with `_`.
    pub fn matches_field(&self, name: &str) -> bool {
        (!name.starts_with('_') || self.literals[0].starts_with('_')) && self.matches(name)
    }

    /// The texts that the stars stand for, if `text` matches. The first stars take as little as they can.
    pub fn capture<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        self.matches(text).then(|| self.captured(text, |text, literal| text.find(literal)))?
    }

    /// As [`Glob::capture`], letters of ASCII without case.
    pub fn capture_ignoring_case<'t>(&self, text: &'t str) -> Option<Vec<&'t str>> {
        let find = |text: &str, literal: &str| {
            let mut windows = text.as_bytes().windows(literal.len());
            windows.position(|window| window.eq_ignore_ascii_case(literal.as_bytes()))
        };
        self.matches_ignoring_case(text).then(|| self.captured(text, find))?
    }

    fn captured<'t>(&self, text: &'t str, find: impl Fn(&str, &str) -> Option<usize>) -> Option<Vec<&'t str>> {
        let (first, rest) = self.literals.split_first()?;
        let Some((last, middle)) = rest.split_last() else { return Some(Vec::new()) };
        let mut text = &text[first.len()..text.len() - last.len()];
        let mut captured = Vec::with_capacity(rest.len());
        for literal in middle {
            let at = find(text, literal)?;
            captured.push(&text[..at]);
            text = &text[at + literal.len()..];
        }
        captured.push(text);
        Some(captured)
    }

    /// The text with each star replaced by one of `texts`; stars beyond them stay.
    pub fn fill(&self, texts: &[&str]) -> String {
        let mut filled = self.literals[0].to_string();
        for (index, literal) in self.literals[1..].iter().enumerate() {
            filled.push_str(texts.get(index).unwrap_or(&"*"));
            filled.push_str(literal);
        }
        filled
    }

    /// Greedy from the left: a leftmost match of each middle piece leaves the most room for the rest.
    fn matches_with(&self, text: &[u8], equal: impl Fn(&[u8], &[u8]) -> bool) -> bool {
        let Some((first, rest)) = self.literals.split_first() else { return false };
        let Some((last, middle)) = rest.split_last() else { return equal(text, first.as_bytes()) };
        let (first, last) = (first.as_bytes(), last.as_bytes());
        if text.len() < first.len() + last.len()
            || !equal(&text[..first.len()], first)
            || !equal(&text[text.len() - last.len()..], last)
        {
            return false;
        }
        let mut text = &text[first.len()..text.len() - last.len()];
        for literal in middle.iter().map(|literal| literal.as_bytes()) {
            match text.windows(literal.len()).position(|window| equal(window, literal)) {
                Some(at) => text = &text[at + literal.len()..],
                None => return false,
            }
        }
        true
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, literal) in self.literals.iter().enumerate() {
            if index > 0 {
                f.write_str("*")?;
            }
            f.write_str(literal)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_text_matches() {
        let cases = [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("*", "", true),
            ("a*c", "ac", true),
            ("a*a", "a", false),
            ("*b*", "abc", true),
            ("a**c", "abc", true),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "acb", false),
            ("", "", true),
            ("", "a", false),
        ];
        for (glob, text, expected) in cases {
            assert_eq!(Glob::new(glob).matches(text), expected, "{glob} on {text}");
        }
        assert!(Glob::new("A*é").matches_ignoring_case("abé"));
    }

    #[test]
    fn captured_texts_fill_another_pattern() {
        let captured = Glob::new("in_*_*").capture("in_a_b_c").unwrap();
        assert_eq!(captured, ["a", "b_c"]);
        assert_eq!(Glob::new("*.out.*").fill(&captured), "a.out.b_c");
        assert_eq!(Glob::new("in_*").capture("out_a"), None);
        assert_eq!(Glob::new("IN*B*").capture_ignoring_case("in_abc"), Some(vec!["_a", "c"]));
    }

    proptest! {
        #[test]
        fn agrees_with_a_regex(glob in "[ab*]{0,6}", text in "[abAB]{0,8}") {
            let pattern = format!("^(?i:{})$", glob.replace('*', ".*"));
            let expected = regex::Regex::new(&pattern).unwrap().is_match(&text);
            prop_assert_eq!(Glob::new(&glob).matches_ignoring_case(&text), expected);
        }

        #[test]
        fn capture_and_fill_are_inverse(glob in "[ab*]{0,6}", text in "[ab]{0,8}") {
            let glob = Glob::new(&glob);
            if let Some(captured) = glob.capture(&text) {
                prop_assert_eq!(glob.fill(&captured), text);
            }
        }
    }
}

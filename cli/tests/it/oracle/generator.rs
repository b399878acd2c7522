//! Queries made of what the events hold, so that most of them find something and many almost do.

use super::condition::{Condition, Form, Pattern, Query};
use super::scan::Scanned;
use trawl_formats::token::is_token_byte;

/// Makes queries; the same seed makes the same ones.
pub struct Generator {
    state: u64,
}

/// How deep conditions nest.
const MAX_DEPTH: u32 = 3;

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    pub fn query(&mut self, events: &[Scanned]) -> Query {
        let (mut earliest_us, mut latest_us) = (None, None);
        if self.below(3) == 0 {
            let (a, b) = (self.pick(events).time_us, self.pick(events).time_us);
            earliest_us = Some(a.min(b));
            latest_us = Some(a.max(b) + self.below(2) as i64);
        }
        Query { condition: self.condition(events, MAX_DEPTH), earliest_us, latest_us }
    }

    fn condition(&mut self, events: &[Scanned], depth: u32) -> Condition {
        if depth > 0 {
            match self.below(8) {
                0 | 1 => return Condition::And(self.several(events, depth)),
                2 => return Condition::Or(self.several(events, depth)),
                3 => return Condition::Not(Box::new(self.condition(events, depth - 1))),
                _ => {}
            }
        }
        let event = self.pick(events);
        let leaf = match self.below(10) {
            0..=3 => self.word(event),
            4 | 5 => self.phrase(event),
            _ => self.field(event),
        };
        // Some events have no text that can be written in a query.
        leaf.unwrap_or_else(|| Condition::Pattern(Pattern { text: "error".to_owned(), form: Form::Bare }))
    }

    fn several(&mut self, events: &[Scanned], depth: u32) -> Vec<Condition> {
        let n = 2 + self.below(2);
        (0..n).map(|_| self.condition(events, depth - 1)).collect()
    }

    /// A piece of the event's text, cut at token boundaries or anywhere.
    fn piece<'e>(&mut self, event: &'e Scanned, max_tokens: usize, allowed: fn(u8) -> bool) -> Option<&'e str> {
        let text = &event.text;
        let tokens: Vec<std::ops::Range<usize>> = tokens(text);
        if tokens.is_empty() {
            return None;
        }
        let first = self.below(tokens.len());
        let last = (first + self.below(max_tokens)).min(tokens.len() - 1);
        let range = tokens[first].start..tokens[last].end;
        let end = range.start + text[range.clone()].iter().take_while(|&&byte| allowed(byte)).count();
        std::str::from_utf8(&text[range.start..end]).ok().filter(|piece| !piece.is_empty())
    }

    fn word(&mut self, event: &Scanned) -> Option<Condition> {
        let n_tokens = [1, 1, 1, 2, 4][self.below(5)];
        let word = self.piece(event, n_tokens, is_bare)?;
        // Blanks and control characters beyond ASCII end a bare word, too.
        if word.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return None;
        }
        if ["and", "or", "not", "in", "term", "case", "search"].contains(&word.to_ascii_lowercase().as_str())
            || word.contains("::")
        {
            return None;
        }
        let form = [Form::Bare, Form::Bare, Form::Bare, Form::Term, Form::Case][self.below(5)];
        let text = match self.below(4) {
            0 => self.with_star(word),
            1 => word.to_ascii_uppercase(),
            _ => word.to_owned(),
        };
        (text.bytes().any(|byte| byte != b'*') && !text.starts_with('-'))
            .then_some(Condition::Pattern(Pattern { text, form }))
    }

    fn phrase(&mut self, event: &Scanned) -> Option<Condition> {
        let phrase = self.piece(event, 4, is_quotable)?;
        let text = match self.below(5) {
            0 => self.with_star(phrase),
            1 => phrase.to_ascii_lowercase(),
            // Almost there: one letter too few.
            2 => phrase.chars().skip(1).collect(),
            _ => phrase.to_owned(),
        };
        (text.bytes().any(|byte| byte != b'*')).then_some(Condition::Pattern(Pattern { text, form: Form::Quoted }))
    }

    fn field(&mut self, event: &Scanned) -> Option<Condition> {
        let (name, value) = self.pick(&event.fields);
        if value.contains(['*', '$', '\u{fffd}'])
            || name.contains(['*', '$', '"', '\\'])
            || name.is_empty()
            || value.len() > 200
        {
            return None;
        }
        // Networks and times have meanings of their own.
        if (value.contains('/') && value.starts_with(|c: char| c.is_ascii_digit() || c == ':'))
            || name.starts_with('_')
            || name == "earliest"
            || name == "latest"
        {
            return None;
        }
        let name = name.clone();
        Some(match self.below(12) {
            0..=4 => Condition::Field { name, op: "=", value: value.clone() },
            5 => Condition::Field { name, op: "=", value: self.with_star(value) },
            6 => Condition::Field { name, op: "!=", value: value.clone() },
            7 => Condition::Field { name, op: ["<", "<=", ">", ">="][self.below(4)], value: value.clone() },
            8 => Condition::Exists(name),
            9 => Condition::In { name, values: vec![value.clone(), self.with_star(value), "200".to_owned()] },
            10 => Condition::Field { name, op: "=", value: value.to_uppercase() },
            _ => Condition::Field { name, op: "=", value: value.chars().skip(1).collect() },
        })
    }

    /// Replaces a stretch of the text by a star.
    fn with_star(&mut self, text: &str) -> String {
        let chars: Vec<char> = text.chars().collect();
        let (a, b) = (self.below(chars.len() + 1), self.below(chars.len() + 1));
        let (start, end) = (a.min(b), a.max(b));
        chars[..start].iter().chain(&['*']).chain(&chars[end..]).collect()
    }
}

fn tokens(text: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut tokens = Vec::new();
    let mut start = None;
    for at in 0..=text.len() {
        match (start, text.get(at).is_some_and(|&byte| is_token_byte(byte))) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                tokens.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    tokens
}

/// Can stand in a bare word.
fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./:@%-#".contains(&byte) || byte >= 0x80
}

/// Can stand between quotes without a meaning of its own.
fn is_quotable(byte: u8) -> bool {
    !byte.is_ascii_control() && !b"*$`".contains(&byte)
}

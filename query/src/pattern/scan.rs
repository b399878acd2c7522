//! From the text of a line to its shape: what is variable by its nature is masked.
//!
//! One pass over the bytes. A line is cut into tokens at white space and ``=,;()[]{}<>"'|:``; in each token what can only be
//! a value gives way to a mask:
//!
//! - numbers, also with sign, comparison, unit and the same quantity in brackets behind it (`5120 bytes (5.0 KB)`);
//! - words with digits: `blk_-16089` keeps `blk_`, `eth0` keeps `eth`, `4f2a` nothing; a single digit amid letters, as in
//!   `log4j`, is a part of a name;
//! - hexadecimal words, UUIDs, addresses of networks and hardware, times, months and days of the week;
//! - paths and what follows the scheme of a URL; names of user agents in quotes.
//!
//! Masks that only `: , / - .` or a space keeps apart become one, and so does what repeats (`node-1 node-2 node-3`): the
//! length of an address or a list is no part of a pattern. A value that is not there, as in `rhost= user=x`, `()` or `""`,
//! is a token without text, so that the line has the shape of its siblings.

use super::token::{
    DIGIT, LETTER, SPACE, Suffix, Token, is, is_calendar_word, is_delimiter, is_unit, is_zone, read_token,
};

/// Stands for what was masked. No UTF-8 text has this byte.
pub(super) const MASK: u8 = 0xff;

/// Separates delimiters and tokens of a shape. No UTF-8 text has this byte.
pub(super) const EDGE: u8 = 0xfe;

/// Bytes of a line that are looked at; what follows is masked.
const MAX_BYTES: usize = 4096;

/// Tokens that a shape may have; what follows is masked.
pub(super) const MAX_TOKENS: usize = 200;

/// Most tokens in a unit that repeats.
const MAX_REPEATED: usize = 3;

/// Makes shapes of lines. Holds the buffers that are used again.
#[derive(Clone, Debug, Default)]
pub(super) struct Scanner {
    tokens: Vec<Token>,
    shape: Vec<u8>,
}

impl Scanner {
    /// The shape of a line: delimiter, [`EDGE`], token, [`EDGE`], delimiter and so on, ending with a delimiter. White space is
    /// one space and there is none at either end. Of several lines the first one counts, the others are masked.
    pub fn scan(&mut self, text: &str) -> &[u8] {
        let bytes = text.trim_ascii_start().as_bytes();
        let line = memchr::memchr(b'\n', bytes).map_or(bytes, |end| &bytes[..end]);
        let mut is_cut = line.len() < bytes.trim_ascii_end().len();
        let mut line = line.trim_ascii_end();
        if line.len() > MAX_BYTES {
            let mut end = MAX_BYTES;
            while !text.is_char_boundary(text.len() - bytes.len() + end) {
                end -= 1;
            }
            line = &line[..end];
            is_cut = true;
        }
        self.tokens.clear();
        let stopped = self.cut(line);
        is_cut |= stopped < line.len();
        self.drop_aside(line);
        self.print(&line[..stopped], is_cut);
        &self.shape
    }

    /// Finds the tokens; where it stopped.
    fn cut(&mut self, line: &[u8]) -> usize {
        let mut at = 0;
        let mut delimiter_start = 0;
        loop {
            while at < line.len() && is_delimiter(line, at) {
                if is_empty_value(line, at, delimiter_start) {
                    self.tokens.push(Token::new(at, at, at, Suffix::None));
                    delimiter_start = at;
                }
                at += 1;
            }
            if at == line.len() {
                if at > delimiter_start && line[at - 1] == b'=' {
                    self.tokens.push(Token::new(at, at, at, Suffix::None));
                }
                return at;
            }
            if self.tokens.len() >= MAX_TOKENS {
                return self.tokens.last().map_or(at, |token| token.end);
            }
            let token = read_token(line, at);
            at = token.end;
            delimiter_start = at;
            self.add(line, token);
        }
    }

    /// Adds a token, or makes it a part of what stands before it.
    fn add(&mut self, line: &[u8], mut token: Token) {
        let mut delimiter = &line[self.tokens.last().map_or(0, |before| before.end)..token.start];
        let word = &line[token.start..token.literal_end];
        let is_date = token.suffix == Suffix::None
            && matches!(word, [b'A'..=b'Z', _, _] | [b'A'..=b'Z', _, _, _])
            && (is_calendar_word(word)
                || (is_zone(word) && is_space(delimiter) && self.tokens.last().is_some_and(Token::is_mask)));
        if is_date {
            token.literal_end = token.start;
            token.suffix = Suffix::Mask;
        }
        if token.is_mask()
            && let [.., b' ', b'<' | b'>'] = delimiter
        {
            // `<1` is a number, too.
            token.start -= 1;
            token.literal_end = token.start;
            delimiter = &delimiter[..delimiter.len() - 1];
        }
        if delimiter.first() == Some(&b')') && self.drop_aside(line) {
            delimiter = &delimiter[1..];
        }
        if let Some(before) = self.tokens.last_mut() {
            let ends_in_name = before.suffix == Suffix::None
                && before.literal_end > before.start
                && (is(line[before.literal_end - 1], LETTER | DIGIT) || b"_-".contains(&line[before.literal_end - 1]));
            let is_joined = match (delimiter, token.is_mask()) {
                ([b':' | b',' | b'/' | b'-' | b'.'], true) if before.suffix != Suffix::None => true,
                ([b':'], true) if ends_in_name => {
                    before.suffix = Suffix::Port;
                    true
                }
                (delimiter, false) if before.is_mask() && is_space(delimiter) && is_unit(word) => {
                    before.is_quantity = true;
                    true
                }
                (delimiter, true) => before.is_mask() && is_space(delimiter),
                _ => false,
            };
            if is_joined {
                before.end = token.end;
                return;
            }
        }
        let literal = &line[token.start..token.literal_end];
        let ends = [literal.first(), literal.last()].map(|byte| u32::from(byte.copied().unwrap_or_default()));
        token.print = (literal.len() as u32) << 18 | ends[0] << 10 | ends[1] << 2 | token.suffix as u32;
        self.tokens.push(token);
        self.drop_repetition(line);
    }

    /// Takes the quantity in brackets at the end into the quantity before it; whether there was one.
    fn drop_aside(&mut self, line: &[u8]) -> bool {
        let [.., quantity, aside] = self.tokens.as_mut_slice() else { return false };
        let is_aside = quantity.is_quantity
            && aside.is_quantity
            && aside.is_mask()
            && matches!(&line[quantity.end..aside.start], [b' ', b'('])
            && line.get(aside.end) == Some(&b')');
        if is_aside {
            quantity.end = aside.end + 1;
            self.tokens.pop();
        }
        is_aside
    }

    /// Drops the last tokens if they repeat those before them and hold something masked.
    fn drop_repetition(&mut self, line: &[u8]) {
        let tokens = self.tokens.as_slice();
        let n = tokens.len();
        let seems_repeated = |len: &usize| 2 * len <= n && tokens[n - 1].print == tokens[n - 1 - len].print;
        if !(1..=MAX_REPEATED).any(|len| seems_repeated(&len)) {
            return;
        }
        let delimiter = |at: usize| &line[if at == 0 { 0 } else { tokens[at - 1].end }..tokens[at].start];
        let literal = |at: usize| &line[tokens[at].start..tokens[at].literal_end];
        let same = |a: usize, b: usize| tokens[a].suffix == tokens[b].suffix && literal(a) == literal(b);
        let n_repeated = (1..=MAX_REPEATED).filter(seems_repeated).find(|len| {
            let (first, second) = (n - 2 * len, n - len);
            (0..*len).any(|i| tokens[second + i].suffix != Suffix::None)
                && (0..*len).all(|i| same(first + i, second + i))
                && (1..*len).all(|i| same_delimiter(delimiter(first + i), delimiter(second + i)))
                && (matches!(delimiter(second), b" " | b", " | b",")
                    || same_delimiter(delimiter(first), delimiter(second)))
        });
        if let Some(len) = n_repeated {
            let end = self.tokens[n - 1].end;
            self.tokens.truncate(n - len);
            self.tokens[n - len - 1].end = end;
        }
    }

    fn print(&mut self, line: &[u8], is_cut: bool) {
        let shape = &mut self.shape;
        shape.clear();
        let mut end = 0;
        for token in &self.tokens {
            push_delimiter(shape, &line[end..token.start]);
            shape.push(EDGE);
            shape.extend_from_slice(&line[token.start..token.literal_end]);
            match token.suffix {
                Suffix::None => {}
                Suffix::Mask => shape.push(MASK),
                Suffix::Port => shape.extend_from_slice(&[b':', MASK]),
            }
            shape.push(EDGE);
            end = token.end;
        }
        let rest = &line[end.min(line.len())..];
        if is_cut {
            push_tail(shape, rest);
        } else {
            push_delimiter(shape, rest);
        }
    }
}

/// Ends a shape whose line goes on: with a mask, if it does not end with one already.
fn push_tail(shape: &mut Vec<u8>, delimiter: &[u8]) {
    if delimiter.is_empty() && shape.ends_with(&[MASK, EDGE]) {
        return;
    }
    push_delimiter(shape, delimiter);
    if !shape.is_empty() && !shape.ends_with(b" ") {
        shape.push(b' ');
    }
    shape.extend_from_slice(&[EDGE, MASK, EDGE]);
}

fn push_delimiter(shape: &mut Vec<u8>, delimiter: &[u8]) {
    if let [b' '] = delimiter {
        shape.push(b' ');
        return;
    }
    let mut was_space = false;
    for byte in delimiter {
        let is_space = is(*byte, SPACE);
        if !(is_space && was_space) {
            shape.push(if is_space { b' ' } else { *byte });
        }
        was_space = is_space;
    }
}

fn same_delimiter(a: &[u8], b: &[u8]) -> bool {
    a == b || (is_space(a) && is_space(b))
}

fn is_space(delimiter: &[u8]) -> bool {
    !delimiter.is_empty() && delimiter.iter().all(|byte| is(*byte, SPACE))
}

/// Whether a value is missing just before `at`: behind `key=`, or between brackets or quotes that do not follow a name.
fn is_empty_value(line: &[u8], at: usize, delimiter_start: usize) -> bool {
    if at <= delimiter_start {
        return false;
    }
    let opens = |opener: u8| line[at - 1] == opener && (at < 2 || b" =:,".contains(&line[at - 2]));
    match line[at] {
        b' ' | b'\t' | b',' | b';' => line[at - 1] == b'=',
        b')' => opens(b'('),
        b']' => opens(b'['),
        quote @ (b'"' | b'\'') => opens(quote),
        _ => false,
    }
}

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

/// Stands for what was masked. No UTF-8 text has this byte.
pub(super) const MASK: u8 = 0xff;

/// Separates delimiters and tokens of a shape. No UTF-8 text has this byte.
pub(super) const EDGE: u8 = 0xfe;

/// Bytes of a line that are looked at; what follows is masked.
const MAX_BYTES: usize = 4096;

/// Tokens that a shape may have; what follows is masked.
pub(super) const MAX_TOKENS: usize = 200;

/// Longest token that can be a word.
const MAX_WORD_BYTES: usize = 128;

/// Most tokens in a unit that repeats.
const MAX_REPEATED: usize = 3;

const DELIMITER: u8 = 1;
const SPACE: u8 = 2;
const DIGIT: u8 = 4;
const LETTER: u8 = 8;
const HEX: u8 = 16;
/// Ends a path.
const PATH_END: u8 = 32;
/// `/`
const SLASH: u8 = 64;

static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let is = byte as u8;
        let mut class = 0;
        if is.is_ascii_digit() {
            class |= DIGIT | HEX;
        }
        if is.is_ascii_alphabetic() || is >= 0x80 {
            class |= LETTER;
        }
        if is.is_ascii_hexdigit() {
            class |= HEX;
        }
        if is == b'/' {
            class |= SLASH;
        }
        if is <= b' ' || is == 0x7f {
            class |= DELIMITER | SPACE | PATH_END;
        }
        let mut at = 0;
        while at < DELIMITERS.len() {
            if DELIMITERS[at] == is {
                class |= DELIMITER;
                // `/a?b=c:d` is one path.
                if is != b'=' && is != b':' {
                    class |= PATH_END;
                }
            }
            at += 1;
        }
        classes[byte] = class;
        byte += 1;
    }
    classes
}

const DELIMITERS: &[u8] = b"=,;()[]{}<>\"'|:";

fn is(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// What stands behind the literal part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suffix {
    /// Nothing: the token is a word.
    None,
    /// A mask.
    Mask,
    /// A colon and a mask: `host:5070`.
    Port,
}

/// A token: where its literal part lies in the line, and what stands behind it.
#[derive(Clone, Copy, Debug)]
struct Token {
    start: usize,
    literal_end: usize,
    /// Where the delimiter behind it begins.
    end: usize,
    suffix: Suffix,
    /// A number with its unit.
    is_quantity: bool,
    /// Equal for equal tokens.
    print: u32,
}

impl Token {
    fn new(start: usize, literal_end: usize, end: usize, suffix: Suffix) -> Self {
        Self { start, literal_end, end, suffix, is_quantity: false, print: 0 }
    }

    fn is_mask(&self) -> bool {
        self.suffix == Suffix::Mask && self.start == self.literal_end
    }
}

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

/// Whether a delimiter stands there; the apostrophe in `can't` is none.
fn is_delimiter(line: &[u8], at: usize) -> bool {
    is(line[at], DELIMITER)
        && !(line[at] == b'\''
            && at > 0
            && is(line[at - 1], LETTER | DIGIT)
            && line.get(at + 1).is_some_and(|next| is(*next, LETTER | DIGIT)))
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

/// The token that begins at `start`.
fn read_token(line: &[u8], start: usize) -> Token {
    let masked = |end: usize| Token::new(start, start, end, Suffix::Mask);
    if let Some(end) = address_end(line, start).or_else(|| quoted_value_end(line, start)) {
        return masked(end);
    }
    let mut end = start;
    let mut classes = 0;
    while end < line.len() && !is_delimiter(line, end) {
        classes |= CLASSES[line[end] as usize];
        end += 1;
    }
    let whole = &line[start..end];
    let is_path = match whole[0] {
        b'/' | b'\\' => classes & (LETTER | DIGIT) != 0,
        _ => classes & SLASH != 0 && whole.iter().filter(|byte| **byte == b'/').count() >= 2,
    };
    if is_path {
        while end < line.len() && !is(line[end], PATH_END) {
            end += 1;
        }
        while end > start + 1 && matches!(line[end - 1], b'.' | b':' | b'=') {
            end -= 1;
        }
        return masked(end);
    }
    if whole.len() > MAX_WORD_BYTES {
        return masked(end);
    }
    while end > start + 1 && matches!(line[end - 1], b'.' | b'!' | b'?') {
        end -= 1;
    }
    let word = &line[start..end];
    if classes & DIGIT == 0 {
        // `ffffffff` is a number, though without a digit.
        let is_hex = word.len() >= 8 && word.iter().all(|byte| is(*byte, HEX));
        return if is_hex { masked(end) } else { Token::new(start, end, end, Suffix::None) };
    }
    let digit = word.iter().position(|byte| is(*byte, DIGIT)).unwrap_or(0);
    match literal_len(word, digit) {
        Some(len) => Token {
            is_quantity: len == 0 && is_number_with_unit(word),
            ..Token::new(start, start + len, end, Suffix::Mask)
        },
        None => Token::new(start, end, end, Suffix::None),
    }
}

/// How much of a word with a digit at `digit` is no value; `None` if all of it is a name.
fn literal_len(word: &[u8], digit: usize) -> Option<usize> {
    let is_alphanumeric = |byte: &u8| is(*byte, LETTER | DIGIT);
    let run_start = word[..digit].iter().rposition(|byte| !is_alphanumeric(byte)).map_or(0, |at| at + 1);
    let run_end = word[digit..].iter().position(|byte| !is_alphanumeric(byte)).map_or(word.len(), |at| digit + at);
    let n_digits = word.iter().filter(|byte| is(**byte, DIGIT)).count();
    let all_hex = |part: &[u8]| part.iter().all(|byte| is(*byte, HEX));
    let next_is_letter = |at: usize| word.get(at).is_some_and(|byte| is(*byte, LETTER));
    let is_inner_digit = n_digits == 1
        && digit > 0
        && is(word[digit - 1], LETTER)
        && (next_is_letter(digit + 1) || (word.get(digit + 1) == Some(&b'$') && next_is_letter(digit + 2)))
        && !all_hex(word);
    if is_inner_digit {
        return None;
    }
    let run = &word[run_start..run_end];
    let is_hex = run.starts_with(b"0x") || run.starts_with(b"0X") || (run.len() >= 6 && all_hex(run));
    // Letters before the digits are a kind of thing (`eth0`) where they begin the word, else a part of an identifier.
    let is_numbered = run_start == 0 && word[digit..run_end].iter().all(|byte| is(*byte, DIGIT));
    let mut len = if !is_hex && is_numbered { digit } else { run_start };
    if len > 0 && b"-+".contains(&word[len - 1]) && (len == 1 || !is_alphanumeric(&word[len - 2])) {
        len -= 1;
    }
    Some(len)
}

/// Where a time, a hardware address or an IPv6 address that begins at `start` ends: at least three groups of up to four
/// hexadecimal digits with colons between them.
fn address_end(line: &[u8], start: usize) -> Option<usize> {
    let group_end = |from: usize| {
        let mut end = from;
        while end < line.len() && end < from + 4 && is(line[end], HEX) {
            end += 1;
        }
        end
    };
    let mut end = group_end(start);
    let mut n_colons = 0;
    while line.get(end) == Some(&b':') {
        n_colons += 1;
        end = group_end(end + 1);
    }
    if n_colons < 2 || !line[start..end].iter().any(|byte| is(*byte, DIGIT)) {
        return None;
    }
    if let [b'.' | b',', digit, ..] = line[end..]
        && is(digit, DIGIT)
    {
        end += 1;
        end += line[end..].iter().take_while(|byte| is(**byte, DIGIT)).count();
    }
    if line.get(end) == Some(&b'Z') {
        end += 1;
    }
    line.get(end).is_none_or(|next| !is(*next, LETTER | DIGIT) && *next != b'_').then_some(end)
}

/// Where a quoted value ends that begins at `start`: `"-"`, which access logs write for none, or the name of a user agent, which
/// begins with a product and its version (RFC 9110, 10.1.5).
fn quoted_value_end(line: &[u8], start: usize) -> Option<usize> {
    if start == 0 || line[start - 1] != b'"' {
        return None;
    }
    let rest = &line[start..];
    if rest.starts_with(b"-\"") {
        return Some(start + 1);
    }
    let name = rest.iter().position(|byte| !is(*byte, LETTER | DIGIT) && !matches!(byte, b'-' | b'_' | b'.'))?;
    let is_product = name > 0 && rest[name] == b'/' && rest.get(name + 1).is_some_and(|version| is(*version, DIGIT));
    is_product.then(|| start + memchr::memchr(b'"', rest).unwrap_or(rest.len()))
}

fn is_calendar_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"Jan" | b"Feb" | b"Mar" | b"Apr" | b"May" | b"Jun" | b"Jul" | b"Aug" | b"Sep" | b"Oct" | b"Nov" | b"Dec"
    ) || matches!(word, b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun")
}

fn is_zone(word: &[u8]) -> bool {
    matches!(
        word,
        b"UTC" | b"GMT" | b"EST" | b"EDT" | b"CST" | b"CDT" | b"MST" | b"MDT" | b"PST" | b"PDT" | b"CET" | b"CEST"
    )
}

fn is_unit(word: &[u8]) -> bool {
    match word.len() {
        1 => matches!(word, b"B" | b"s" | b"h"),
        2 => matches!(word, b"kB" | b"KB" | b"MB" | b"GB" | b"TB" | b"ns" | b"us" | b"ms"),
        3 => matches!(word, b"KiB" | b"MiB" | b"GiB" | b"TiB" | b"sec" | b"min" | b"day" | b"\xc2\xb5s"),
        4 => matches!(word, b"byte" | b"secs" | b"mins" | b"msec" | b"hour" | b"days"),
        5 => matches!(word, b"bytes" | b"hours"),
        6 => matches!(word, b"second" | b"minute"),
        7 => matches!(word, b"seconds" | b"minutes"),
        _ => false,
    }
}

/// Whether a word is a number with a unit right behind it: `10ms`.
fn is_number_with_unit(word: &[u8]) -> bool {
    let unit = word.iter().rposition(|byte| is(*byte, DIGIT)).map_or(word, |at| &word[at + 1..]);
    is_unit(unit)
}

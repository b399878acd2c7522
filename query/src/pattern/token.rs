//! One token of a line: where it ends, and what of it is a value.

/// Longest token that can be a word.
const MAX_WORD_BYTES: usize = 128;

const DELIMITER: u8 = 1;
pub const SPACE: u8 = 2;
pub const DIGIT: u8 = 4;
pub const LETTER: u8 = 8;
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

/// Whether a byte is of one of the classes.
#[inline]
pub fn is(byte: u8, class: u8) -> bool {
    CLASSES[byte as usize] & class != 0
}

/// What stands behind the literal part of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suffix {
    /// Nothing: the token is a word.
    None,
    /// A mask.
    Mask,
    /// A colon and a mask: `host:5070`.
    Port,
}

/// A token: where its literal part lies in the line, and what stands behind it.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    pub start: usize,
    pub literal_end: usize,
    /// Where the delimiter behind it begins.
    pub end: usize,
    pub suffix: Suffix,
    /// A number with its unit.
    pub is_quantity: bool,
    /// Equal for equal tokens.
    pub print: u32,
}

impl Token {
    #[inline]
    pub fn new(start: usize, literal_end: usize, end: usize, suffix: Suffix) -> Self {
        Self { start, literal_end, end, suffix, is_quantity: false, print: 0 }
    }

    #[inline]
    pub fn is_mask(&self) -> bool {
        self.suffix == Suffix::Mask && self.start == self.literal_end
    }
}

/// Whether a delimiter stands there; the apostrophe in `can't` is none.
#[inline]
pub fn is_delimiter(line: &[u8], at: usize) -> bool {
    is(line[at], DELIMITER)
        && !(line[at] == b'\''
            && at > 0
            && is(line[at - 1], LETTER | DIGIT)
            && line.get(at + 1).is_some_and(|next| is(*next, LETTER | DIGIT)))
}

/// The token that begins at `start`.
pub fn read_token(line: &[u8], start: usize) -> Token {
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

pub fn is_calendar_word(word: &[u8]) -> bool {
    matches!(
        word,
        b"Jan" | b"Feb" | b"Mar" | b"Apr" | b"May" | b"Jun" | b"Jul" | b"Aug" | b"Sep" | b"Oct" | b"Nov" | b"Dec"
    ) || matches!(word, b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun")
}

pub fn is_zone(word: &[u8]) -> bool {
    matches!(
        word,
        b"UTC" | b"GMT" | b"EST" | b"EDT" | b"CST" | b"CDT" | b"MST" | b"MDT" | b"PST" | b"PDT" | b"CET" | b"CEST"
    )
}

pub fn is_unit(word: &[u8]) -> bool {
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

//! `printf("format", a, b, …)`: a text with values in it.
//!
//! `%d` `%i` whole number, `%u` without sign, `%o` octal, `%x` `%X` hexadecimal, `%p` hexadecimal with 0x, `%f` `%F` with a fraction, `%e` `%E`
//! with an exponent, `%g` `%G` the shorter of both, `%a` `%A` hexadecimal with a fraction, `%s` text, `%c` the first character, or the character
//! of a number, `%%` a percent sign. Between `%` and the letter may stand the flags `-` (left), `+` and a space (sign), `0` (zeros in front),
//! `#` (other form), `'` (thousands), a width and `.precision`; `*` takes one from the values.
//!
//! Null if a value is null, or no number where one is needed.
//!
//! ```example
//! printf("%05.1f|%-5s|%+d", 3.14159, "ab", 7) = 003.1|ab   |+7
//! printf("%x %X %#o %u%%", 255, 255, 8, 50) = ff FF 010 50%
//! printf("%'d", 1234567) = 1,234,567
//! printf("%*d", 5, 42) =    42
//! printf("%e %g %g", 12345.678, 0.00001, 100000) = 1.234568e+04 1e-05 100000
//! printf("%.2s %c", "abc", 65) = ab A
//! printf("%d", "x") = null
//! ```

use super::super::compile::Code;
use super::args::bad_literal;
use super::tostring::with_commas;
use super::{Arity, CallArgs, Function};
use crate::error::QueryError;
use crate::manual::Manual;
use crate::value::Value;
use std::fmt::Write;

/// The line of the table.
pub(in crate::expr) const FUNCTION: Function = Function {
    name: "printf",
    aliases: &[],
    usage: "printf(format[, value, …])",
    arity: Arity::at_least(1),
    manual: Manual::of(include_str!("printf.rs")),
    compile,
};

fn compile(args: &mut CallArgs<'_, '_>) -> Result<Code, QueryError> {
    let fixed = match args.literal(0) {
        None => None,
        Some(literal) => {
            let format = Format::parse(&literal.value)
                .ok_or_else(|| bad_literal(&literal, "a format").with_hint("a percent sign is written %%"))?;
            let (needed, given) = (format.n_values(), args.len() - 1);
            if needed != given {
                let values = if needed == 1 { "value" } else { "values" };
                let message = format!("the format needs {needed} {values}, not {given}");
                return Err(QueryError::rule(message, args.span));
            }
            Some(format)
        }
    };
    let mut values = args.values()?;
    let format = values.remove(0);
    Ok(Code::value(move |row| {
        let cells: Vec<_> = values.iter().map(|value| value(row)).collect();
        let cells: Vec<&Value> = cells.iter().map(|cell| &**cell).collect();
        let printed = match &fixed {
            Some(format) => format.print(&cells),
            None => format(row).as_text().and_then(|format| Format::parse(&format)?.print(&cells)),
        };
        printed.map_or(Value::Null, Value::from)
    }))
}

/// A format that was understood.
struct Format(Vec<Piece>);

enum Piece {
    Text(String),
    Conversion(Conversion),
}

/// `%-8.2f`
struct Conversion {
    left: bool,
    sign: &'static str,
    zeros: bool,
    alternative: bool,
    thousands: bool,
    width: Option<Length>,
    precision: Option<Length>,
    letter: char,
}

/// A width or precision.
#[derive(Clone, Copy)]
enum Length {
    Fixed(usize),
    /// `*`: the next value.
    FromValue,
}

/// Wider output is of no use and would only cost memory.
const MAX_WIDTH: usize = 1000;

impl Format {
    fn parse(text: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            pieces.push(Piece::Text(before.to_owned()));
            if let Some(after) = after.strip_prefix('%') {
                pieces.push(Piece::Text("%".to_owned()));
                rest = after;
            } else {
                let (conversion, after) = Conversion::parse(after)?;
                pieces.push(Piece::Conversion(conversion));
                rest = after;
            }
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Some(Self(pieces))
    }

    fn n_values(&self) -> usize {
        let needed = |conversion: &Conversion| {
            let lengths = [conversion.width, conversion.precision];
            1 + lengths.iter().filter(|length| matches!(length, Some(Length::FromValue))).count()
        };
        self.0.iter().map(|piece| if let Piece::Conversion(conversion) = piece { needed(conversion) } else { 0 }).sum()
    }

    fn print(&self, values: &[&Value]) -> Option<String> {
        let mut values = values.iter().copied();
        let mut printed = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => printed.push_str(text),
                Piece::Conversion(conversion) => conversion.print(&mut values, &mut printed)?,
            }
        }
        Some(printed)
    }
}

impl Conversion {
    /// Reads what follows the percent sign.
    fn parse(text: &str) -> Option<(Self, &str)> {
        let n_flags = text.bytes().take_while(|byte| b"-+ 0#'".contains(byte)).count();
        let (flags, rest) = text.split_at(n_flags);
        let (width, rest) = Length::parse(rest)?;
        let (precision, rest) = match rest.strip_prefix('.') {
            Some(rest) => {
                let (precision, rest) = Length::parse(rest)?;
                (precision.or(Some(Length::Fixed(0))), rest)
            }
            None => (None, rest),
        };
        let letter = rest.chars().next().filter(|letter| "diuoxXpfFeEgGaAsc".contains(*letter))?;
        let sign = if flags.contains('+') {
            "+"
        } else if flags.contains(' ') {
            " "
        } else {
            ""
        };
        let conversion = Self {
            left: flags.contains('-'),
            sign,
            zeros: flags.contains('0'),
            alternative: flags.contains('#'),
            thousands: flags.contains('\''),
            width,
            precision,
            letter,
        };
        Some((conversion, &rest[1..]))
    }

    fn print<'v>(&self, values: &mut impl Iterator<Item = &'v Value>, out: &mut String) -> Option<()> {
        let mut left = self.left;
        let mut length = |length: Option<Length>| match length {
            None => Some(None),
            Some(Length::Fixed(n)) => Some(Some(n as f64)),
            Some(Length::FromValue) => values.next()?.as_number().map(Some),
        };
        let (width, precision) = (length(self.width)?, length(self.precision)?);
        // As in C: a negative width stands for the flag, a negative precision for none.
        left |= width.is_some_and(|width| width < 0.0);
        let width = width.map_or(0, |width| (width.abs() as usize).min(MAX_WIDTH));
        let precision = precision.filter(|n| *n >= 0.0).map(|n| (n as usize).min(MAX_WIDTH));
        let value = values.next()?;
        let (prefix, body) = match self.letter {
            's' => {
                let text = value.as_text()?;
                (String::new(), text.chars().take(precision.unwrap_or(usize::MAX)).collect())
            }
            'c' => (String::new(), character(value)?.to_string()),
            _ => self.number(value.as_number()?, precision),
        };
        // Whole numbers of a given precision have their zeros already.
        let takes_zeros = match self.letter {
            's' | 'c' => false,
            'd' | 'i' | 'u' | 'o' | 'x' | 'X' | 'p' => precision.is_none(),
            _ => true,
        };
        let fills_with_zeros = self.zeros && takes_zeros;
        let padding = width.saturating_sub(prefix.chars().count() + body.chars().count());
        match (left, fills_with_zeros) {
            (true, _) => write!(out, "{prefix}{body}{:padding$}", ""),
            (false, true) => write!(out, "{prefix}{:0>padding$}{body}", ""),
            (false, false) => write!(out, "{:padding$}{prefix}{body}", ""),
        }
        .ok()
    }

    /// What stands before the zeros of a padded number, and what after them.
    fn number(&self, number: f64, precision: Option<usize>) -> (String, String) {
        let sign = if number < 0.0 { "-" } else { self.sign };
        let magnitude = number.abs();
        let whole = magnitude.trunc();
        let digits = |digits: String| match precision {
            Some(precision) => format!("{digits:0>precision$}"),
            None => digits,
        };
        match self.letter {
            'd' | 'i' | 'u' => {
                let sign = if self.letter == 'u' { "" } else { sign };
                (sign.to_owned(), self.grouped(digits(format!("{whole:.0}"))))
            }
            'o' => (
                String::new(),
                format!("{}{}", if self.alternative { "0" } else { "" }, digits(format!("{:o}", whole as u64))),
            ),
            'x' | 'p' => {
                let is_prefixed = self.alternative || self.letter == 'p';
                ((if is_prefixed { "0x" } else { "" }).to_owned(), digits(format!("{:x}", whole as u64)))
            }
            'X' => ((if self.alternative { "0X" } else { "" }).to_owned(), digits(format!("{:X}", whole as u64))),
            'f' | 'F' => (sign.to_owned(), self.grouped(format!("{magnitude:.*}", precision.unwrap_or(6)))),
            'a' | 'A' => {
                let text = hexadecimal(magnitude, precision);
                let text = if self.letter == 'A' { text.to_uppercase() } else { text };
                let (prefix, body) = text.split_at(2);
                (format!("{sign}{prefix}"), body.to_owned())
            }
            letter => {
                let text = match letter.to_ascii_lowercase() {
                    'e' => scientific(magnitude, precision.unwrap_or(6)),
                    _ => self.general(magnitude, precision.unwrap_or(6).max(1)),
                };
                (sign.to_owned(), if letter.is_ascii_uppercase() { text.to_uppercase() } else { text })
            }
        }
    }

    /// `%g`: as `%e` where the exponent is small or not below the precision, else as `%f`; without zeros at the end.
    fn general(&self, magnitude: f64, precision: usize) -> String {
        let rounded = scientific(magnitude, precision - 1);
        let (mantissa, exponent) = rounded.split_once('e').unwrap_or((&rounded, "0"));
        let power: i32 = exponent.parse().unwrap_or(0);
        let strip = |text: &str| match text.contains('.') && !self.alternative {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text.to_owned(),
        };
        if power < -4 || power >= precision as i32 {
            format!("{}e{exponent}", strip(mantissa))
        } else {
            strip(&format!("{magnitude:.*}", (precision as i32 - 1 - power).max(0) as usize))
        }
    }

    fn grouped(&self, digits: String) -> String {
        if !self.thousands {
            return digits;
        }
        match digits.split_once('.') {
            Some((whole, fraction)) => format!("{}.{fraction}", with_commas(whole)),
            None => with_commas(&digits),
        }
    }
}

impl Length {
    fn parse(text: &str) -> Option<(Option<Self>, &str)> {
        if let Some(rest) = text.strip_prefix('*') {
            return Some((Some(Length::FromValue), rest));
        }
        let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        if digits.is_empty() {
            return Some((None, rest));
        }
        Some((Some(Length::Fixed(digits.parse().ok()?)), rest))
    }
}

/// The character that a number stands for, or the first one of a text.
fn character(value: &Value) -> Option<char> {
    match value.as_number() {
        Some(number) => char::from_u32(number as u32),
        None => value.as_text()?.chars().next(),
    }
}

/// `1.5e+03`, with at least two digits of exponent.
fn scientific(magnitude: f64, precision: usize) -> String {
    let text = format!("{magnitude:.precision$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `0x1.8p+1`: all digits, or so many.
fn hexadecimal(magnitude: f64, precision: Option<usize>) -> String {
    const MANTISSA_BITS: u32 = 52;
    let bits = magnitude.to_bits();
    let (biased, mut fraction) = ((bits >> MANTISSA_BITS) as i32, bits & ((1 << MANTISSA_BITS) - 1));
    let mut lead = u64::from(biased > 0);
    let exponent = match (biased, fraction) {
        (0, 0) => 0,
        (0, _) => -1022,
        (biased, _) => biased - 1023,
    };
    let n_digits = precision.unwrap_or(13).min(13);
    // Rounds half up at the last digit that is wanted, which may carry into the one before the point.
    let dropped_bits = MANTISSA_BITS - 4 * n_digits as u32;
    if dropped_bits > 0 {
        let rounded = ((lead << MANTISSA_BITS) | fraction) + (1 << (dropped_bits - 1));
        (lead, fraction) = (rounded >> MANTISSA_BITS, rounded & ((1 << MANTISSA_BITS) - 1));
        fraction >>= dropped_bits;
    }
    let mut digits = if n_digits > 0 { format!("{fraction:0n_digits$x}") } else { String::new() };
    match precision {
        Some(precision) => digits.extend(std::iter::repeat_n('0', precision.saturating_sub(n_digits))),
        None => digits.truncate(digits.trim_end_matches('0').len()),
    }
    let point = if digits.is_empty() { "" } else { "." };
    format!("0x{lead}{point}{digits}p{exponent:+}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::check_eval;
    use proptest::prelude::*;

    #[test]
    fn as_in_c() {
        for (call, expected) in [
            ("printf(\"[%5d][%-5d][%05d][%+d][% d]\", 42, 42, 42, 42, 42)", "[   42][42   ][00042][+42][ 42]"),
            ("printf(\"[%.3d][%8.3d][%08.3d]\", 7, 7, 7)", "[007][     007][     007]"),
            ("printf(\"%d %d\", -3.9, 3.9)", "-3 3"),
            ("printf(\"%f %.0f %.3f\", 1.5, 2.5, 1234.5678)", "1.500000 2 1234.568"),
            ("printf(\"%010.2f\", -3.14159)", "-000003.14"),
            ("printf(\"%g %g %g %#g\", 1234567, 123456, 0.0001, 1)", "1.23457e+06 123456 0.0001 1.00000"),
            ("printf(\"%E %G\", 0.00012, 0.0000012)", "1.200000E-04 1.2E-06"),
            ("printf(\"%#x %#X %o %p\", 255, 255, 8, 255)", "0xff 0XFF 10 0xff"),
            ("printf(\"%#06x\", 255)", "0x00ff"),
            ("printf(\"%'.2f\", 1234567.891)", "1,234,567.89"),
            (
                "printf(\"[%10s][%-10s][%.2s][%5.1s]\", \"abc\", \"abc\", \"abc\", \"abc\")",
                "[       abc][abc       ][ab][    a]",
            ),
            ("printf(\"[%*d][%-*d][%.*f]\", 5, 42, 5, 42, 2, 3.14159)", "[   42][42   ][3.14]"),
            ("printf(\"[%*d]\", -5, 42)", "[42   ]"),
            ("printf(\"%c%c\", \"xyz\", 66)", "xB"),
            ("printf(\"%a %.1a %a\", 1, 1.96875, 0.15625)", "0x1p+0 0x2.0p+0 0x1.4p-3"),
            ("printf(\"100%%\")", "100%"),
            ("printf(\"%s\", null())", "null"),
        ] {
            check_eval("", call, expected);
        }
    }

    proptest! {
        #[test]
        fn no_format_panics(format in "[-+ 0#'*.%0-9dioxXpfeEgGasc]{0,12}", number in any::<f64>(), width in -2000..2000_i32) {
            let values = [Value::number(number), Value::Number(width.into()), "text".into()];
            let values: Vec<&Value> = values.iter().cycle().take(12).collect();
            if let Some(printed) = Format::parse(&format).and_then(|format| format.print(&values)) {
                prop_assert!(printed.len() < 12 * 3000);
            }
        }
    }
}

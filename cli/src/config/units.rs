//! Sizes and durations as people write them in a configuration file.

use serde::de::{self, Deserializer, Visitor};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use trawl_store::retention::MinFree;

/// A number of bytes: `1073741824`, `512 MiB`, `10GB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteSize(pub u64);

/// A most number of bytes: `10GiB`, or `none` where there shall be no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimit(pub Option<u64>);

/// A span of time: `500ms`, `30s`, `5m`, `2h`, `1d`; or `none` where there shall be no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeout(pub Option<Duration>);

/// A part of a file system: `50GiB`, or `10%` of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(pub MinFree);

const BYTE_UNITS: [(&str, u64); 10] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
];

const TIME_UNITS_MS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Splits `30s` into 30 and the worth of `s`, and multiplies.
fn parse_with_unit(text: &str, units: &[(&str, u64)], default: Option<u64>) -> Option<u64> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let worth = match unit.trim_start() {
        "" => default?,
        unit => units.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(worth)
}

/// The number in the unit in which it is shortest.
fn print_with_unit(number: u64, units: &[(&str, u64)]) -> String {
    let in_unit = |(name, worth): &(&str, u64)| {
        (number >= *worth && number.is_multiple_of(*worth)).then(|| format!("{}{name}", number / worth))
    };
    let printed = units.iter().filter_map(in_unit).min_by_key(String::len);
    printed.unwrap_or_else(|| format!("0{}", units.last().map_or("", |(name, _)| name)))
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_with_unit(text, &BYTE_UNITS, Some(1))
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not a size such as `512MiB`, `10GB` or `1048576`"))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_with_unit(self.0, &BYTE_UNITS))
    }
}

impl FromStr for SizeLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let size = text.parse::<ByteSize>();
        size.map(|size| Self(Some(size.0))).map_err(|_| format!("`{text}` is not a size such as `10GiB` or `none`"))
    }
}

impl fmt::Display for SizeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some(bytes) => ByteSize(bytes).fmt(f),
        }
    }
}

impl FromStr for Timeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        parse_with_unit(text, &TIME_UNITS_MS, None)
            .map(|ms| Self(Some(Duration::from_millis(ms))))
            .ok_or_else(|| format!("`{text}` is not a duration such as `30s`, `5m` or `none`"))
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("none"),
            Some(duration) => {
                let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                f.write_str(&print_with_unit(ms, &TIME_UNITS_MS))
            }
        }
    }
}

/// Millionths in a hundredth.
const PPM_PER_PERCENT: f64 = 10_000.0;

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not a size such as `50GiB`, or a share such as `10%`");
        let Some(percent) = text.trim().strip_suffix('%') else {
            return text.parse::<ByteSize>().map(|size| Self(MinFree::Bytes(size.0))).map_err(|_| error());
        };
        let percent: f64 = percent.trim_end().parse().map_err(|_| error())?;
        // At 100 % nothing could ever be stored.
        let is_share = (0.0..100.0).contains(&percent);
        is_share.then(|| Self(MinFree::Ppm((percent * PPM_PER_PERCENT).round() as u32))).ok_or_else(error)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            MinFree::Bytes(bytes) => ByteSize(bytes).fmt(f),
            MinFree::Ppm(ppm) => write!(f, "{}%", f64::from(ppm) / PPM_PER_PERCENT),
        }
    }
}

/// Reads text or a whole number as something that can be parsed from text.
struct TextOrNumber<T>(&'static str, std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for TextOrNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

impl<'de> de::Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber("a size such as \"512MiB\"", std::marker::PhantomData))
    }
}

impl<'de> de::Deserialize<'de> for SizeLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber("a size such as \"10GiB\" or \"none\"", std::marker::PhantomData))
    }
}

impl<'de> de::Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a size such as \"50GiB\", or a share such as \"10%\"";
        deserializer.deserialize_any(TextOrNumber(expected, std::marker::PhantomData))
    }
}

impl<'de> de::Deserialize<'de> for Timeout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrNumber("a duration such as \"30s\"", std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_parse_and_print() {
        for (text, expected) in
            [("1GiB", "1GiB"), ("512 MiB", "512MiB"), ("1048576", "1MiB"), ("10GB", "10GB"), ("7", "7B"), ("0", "0B")]
        {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), expected);
        }
        for text in ["", "GiB", "1 gib", "-1", "1.5GiB", "99999999999999999999", "99999999TiB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
            assert!(text.parse::<SizeLimit>().is_err(), "{text}");
        }
        for (text, expected) in [("none", "none"), ("1024 MiB", "1GiB"), ("0", "0B")] {
            assert_eq!(text.parse::<SizeLimit>().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn durations_parse_and_print() {
        for (text, expected) in
            [("90s", "90s"), ("60s", "1m"), ("1500ms", "1500ms"), ("24h", "1d"), ("none", "none"), ("0s", "0ms")]
        {
            assert_eq!(text.parse::<Timeout>().unwrap().to_string(), expected);
        }
        for text in ["", "30", "s", "1w", "-1s", "1.5h"] {
            assert!(text.parse::<Timeout>().is_err(), "{text}");
        }
    }

    #[test]
    fn shares_parse_and_print() {
        for (text, expected) in
            [("10%", "10%"), ("0.5 %", "0.5%"), ("99.9999%", "99.9999%"), ("50GiB", "50GiB"), ("7", "7B")]
        {
            let share: Share = text.parse().unwrap();
            assert_eq!(share.to_string(), expected);
            assert_eq!(share.to_string().parse(), Ok(share));
        }
        for text in ["", "%", "100%", "-1%", "NaN%", "10 percent", "10%%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn printed_units_read_back(n in 0..u64::MAX / 1000) {
            prop_assert_eq!(ByteSize(n).to_string().parse(), Ok(ByteSize(n)));
            let timeout = Timeout(Some(Duration::from_millis(n)));
            prop_assert_eq!(timeout.to_string().parse(), Ok(timeout));
        }
    }
}

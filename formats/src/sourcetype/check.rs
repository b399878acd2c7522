//! Checks that a sourcetype does with its own samples what it says.

use std::fmt;

use chrono::{DateTime, SecondsFormat};

use super::{Registry, Rules, Sample};
use crate::extract::{Fields, Wanted};
use crate::parse::{EventFlags, ParsedBlock, Parser, ParserOptions, Step};
use crate::text::{Decoding, text};
use crate::timestamp::{TimeContext, Zone};

/// A sample that does not give what is written beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleMismatch {
    /// Which sample, from 1.
    pub number: usize,
    /// What differs: `sourcetype`, `events`, `text`, `time`, `level`, `host` or `field NAME`.
    pub what: String,
    /// What the sample says.
    pub expected: String,
    /// What came out; `None` for nothing.
    pub actual: Option<String>,
}

impl std::error::Error for SampleMismatch {}

impl fmt::Display for SampleMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, what, expected, actual } = self;
        write!(f, "sample {number}: {what} should be `{expected}`, ")?;
        match actual {
            Some(actual) => write!(f, "is `{actual}`"),
            None => f.write_str("there is none"),
        }
    }
}

/// 2026-11-22T00:00:00Z, when all samples count as written and read.
const NOW_US: i64 = 1_795_305_600_000_000;

impl Registry {
    /// Checks each sample of a sourcetype: a file made of it alone is detected as that sourcetype (if it takes part in
    /// detection at all), is one event, and has the time, level, host and fields that are written beside it.
    ///
    /// # Errors
    ///
    /// The first difference.
    pub fn check_samples(&self, rules: &Rules) -> Result<(), SampleMismatch> {
        rules
            .samples
            .iter()
            .enumerate()
            .try_for_each(|(idx, sample)| Check { number: idx + 1 }.run(self, rules, sample))
    }
}

struct Check {
    number: usize,
}

impl Check {
    fn run(&self, registry: &Registry, rules: &Rules, sample: &Sample) -> Result<(), SampleMismatch> {
        let header = sample.header.as_ref().map_or_else(String::new, |header| format!("{header}\n"));
        let bytes = format!("{header}{}\n", sample.text).into_bytes();
        let detected = registry.detect(&bytes, "");
        if rules.detector.is_some() {
            self.same("sourcetype", Some(rules.name().as_str()), Some(detected.rules.name().as_str()))?;
        }
        let Some(rules) = registry.get(rules.name().as_str()) else {
            return self.same("sourcetype", Some(rules.name().as_str()), None);
        };
        let decoding = Decoding { wrapper: rules.wrapper(), ..detected.decoding };
        let time = TimeContext { zone: Zone::UTC, mtime_us: NOW_US, now_us: NOW_US };
        let mut parser = Parser::new(ParserOptions { decoding, time, ..ParserOptions::new(rules.clone()) });
        let mut block = ParsedBlock::default();
        if parser.next_block(&bytes, true, &mut block) != Step::Block {
            return self.same("events", Some("1"), None);
        }
        let header_len = block.events.iter().take_while(|event| event.flags.contains(EventFlags::HEADER));
        let header_len: usize = header_len.map(|event| event.len as usize).sum();
        let events: Vec<_> = block.events.iter().filter(|event| !event.flags.contains(EventFlags::HEADER)).collect();
        let [event] = events[..] else {
            return self.same("events", Some("1"), Some(&events.len().to_string()));
        };
        let text = text(&bytes[header_len..header_len + event.len as usize], decoding);
        let expected = sample.raw.as_deref().unwrap_or(&sample.text);
        self.same("text", Some(expected.trim_end()), Some(String::from_utf8_lossy(&text).trim_end()))?;
        let time = event.flags.is_empty().then(|| DateTime::from_timestamp_micros(event.time_us)).flatten();
        let rfc3339 = |time: DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::AutoSi, true);
        let expected =
            sample.time.as_deref().map(|time| DateTime::parse_from_rfc3339(time).map(|time| rfc3339(time.to_utc())));
        let expected =
            expected.transpose().map_err(|error| self.mismatch("time", error.to_string(), sample.time.clone()))?;
        self.same("time", expected.as_deref(), time.map(rfc3339).as_deref())?;
        let symbol = |number: u16| number.checked_sub(1).map(|idx| &*block.symbols[usize::from(idx)]);
        self.same("level", sample.level.as_deref(), symbol(event.level))?;
        self.same("host", sample.host.as_deref(), symbol(event.host))?;
        let mut fields = Fields::default();
        rules.extractor(Wanted::All).extract(&text, block.header.as_deref(), &mut fields);
        sample.fields.iter().try_for_each(|(name, expected)| {
            let actual: Vec<&str> = fields.values(name).collect();
            let actual = (!actual.is_empty()).then(|| actual.join(", "));
            self.same(&format!("field {name}"), Some(&expected.as_slice().join(", ")), actual.as_deref())
        })
    }

    /// Compares; what the sample does not mention may be anything.
    fn same(&self, what: &str, expected: Option<&str>, actual: Option<&str>) -> Result<(), SampleMismatch> {
        match expected {
            Some(expected) if actual != Some(expected) => {
                Err(self.mismatch(what, expected.to_owned(), actual.map(str::to_owned)))
            }
            _ => Ok(()),
        }
    }

    fn mismatch(&self, what: &str, expected: String, actual: Option<String>) -> SampleMismatch {
        SampleMismatch { number: self.number, what: what.to_owned(), expected, actual }
    }
}

//! Masking parts of a bundle without giving up that it can be verified.
//!
//! Whatever matches a pattern is replaced by `*`s of the same number in events and files, and by `[masked COMMITMENT]` in texts.
//! What stood there is committed to with a salt of its own, so that it cannot be guessed from the commitment, not even where
//! there are few possibilities, and cannot be denied or exchanged later:
//!
//! ```text
//! commitment := SHA256("trawl-mask/1" 0x00 ‖ salt(32) ‖ bytes)
//! ```
//!
//! Salts and bytes are written into a [`Reveal`], a file that the owner keeps apart. With it, all or single parts can be opened.

use super::manifest::Mask;
use crate::exhibit::{Exhibit, RawBytes};
use crate::merkle::Digest;
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::io;

/// What stands in place of a masked byte.
pub const MASK_BYTE: u8 = b'*';
/// What commitments are made for: they cannot pass for any other hash in a bundle.
const DOMAIN: &[u8] = b"trawl-mask/1\0";
/// Largest pattern, compiled.
const MAX_PATTERN_BYTES: usize = 10 << 20;
/// Most parts of a bundle that are masked.
const MAX_MASKS: usize = 1_000_000;
/// Name of the format of a reveal.
const REVEAL_FORMAT: &str = "trawl-reveal/1";

/// Why nothing can be masked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedactError {
    /// Not a regular expression.
    #[error("`{pattern}` is not a pattern")]
    Pattern {
        /// As written.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: Box<regex::Error>,
    },
    /// It matches where nothing is.
    #[error("`{0}` matches the empty text: write a pattern of what is to be masked")]
    Empty(String),
    /// It would not find what is to be masked.
    #[error("`{0}` is UTF-16, in which patterns do not find text: nothing of it can be masked; leave its events out")]
    Encoding(String),
    /// Too much.
    #[error("more than {MAX_MASKS} parts would be masked: write narrower patterns")]
    TooMany,
    /// There are no random numbers.
    #[error("the system has no random numbers")]
    Random(#[source] io::Error),
}

/// What opens masked parts: to be kept apart from the bundle, and from everybody who may not see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reveal {
    /// Name of the format.
    format: String,
    /// Root of the bundle that it belongs to.
    pub root: Digest,
    /// What opens the masked parts. Some may be taken out, to open the others only.
    pub openings: Vec<Opening>,
}

/// What opens one masked part.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The commitment.
    pub commitment: Digest,
    /// The salt.
    #[serde(with = "hex")]
    pub salt: [u8; 32],
    /// What is masked.
    #[serde(flatten)]
    pub bytes: RawBytes,
}

/// What is masked is not shown by chance.
impl std::fmt::Debug for Opening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening").field("commitment", &self.commitment).finish_non_exhaustive()
    }
}

impl Reveal {
    /// What opens the parts of the bundle with this root.
    pub fn new(root: Digest, openings: Vec<Opening>) -> Self {
        Self { format: REVEAL_FORMAT.to_owned(), root, openings }
    }

    /// Reads one.
    ///
    /// # Errors
    /// If it is none, or an opening does not fit its own commitment.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let reveal: Self = serde_json::from_slice(bytes).map_err(|error| format!("it opens nothing: {error}"))?;
        if reveal.format != REVEAL_FORMAT {
            return Err(format!("its format is `{}`, not `{REVEAL_FORMAT}`", reveal.format));
        }
        match reveal.openings.iter().find(|opening| commitment(&opening.salt, &opening.bytes.0) != opening.commitment) {
            Some(opening) => Err(format!("what it says to open {} is not what was masked", opening.commitment)),
            None => Ok(reveal),
        }
    }

    /// As it is written into a file.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("a reveal has string keys only");
        text.push(b'\n');
        text
    }

    /// What is masked, by commitment.
    pub fn by_commitment(&self) -> HashMap<Digest, &[u8]> {
        self.openings.iter().map(|opening| (opening.commitment, &opening.bytes.0[..])).collect()
    }
}

fn commitment(salt: &[u8; 32], bytes: &[u8]) -> Digest {
    Digest::of_parts([DOMAIN, salt, bytes])
}

/// Masks what matches patterns, and remembers what that was.
#[derive(Debug)]
pub struct Redactor {
    patterns: Vec<Regex>,
    openings: Vec<Opening>,
}

impl Redactor {
    /// Masks what matches any of `patterns`.
    ///
    /// # Errors
    /// If one cannot be used.
    pub fn new(patterns: &[String]) -> Result<Self, RedactError> {
        let compile = |pattern: &String| {
            let built = RegexBuilder::new(pattern).size_limit(MAX_PATTERN_BYTES).build();
            let regex =
                built.map_err(|source| RedactError::Pattern { pattern: pattern.clone(), source: Box::new(source) })?;
            if regex.is_match(b"") { Err(RedactError::Empty(pattern.clone())) } else { Ok(regex) }
        };
        Ok(Self { patterns: patterns.iter().map(compile).collect::<Result<_, _>>()?, openings: Vec::new() })
    }

    /// Parts of `bytes` that match, in order, joined where they touch.
    fn parts(&self, bytes: &[u8]) -> Vec<(usize, usize)> {
        let found = self.patterns.iter().flat_map(|pattern| pattern.find_iter(bytes));
        let mut parts: Vec<(usize, usize)> =
            found.map(|part| (part.start(), part.end())).filter(|(start, end)| start < end).collect();
        parts.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(parts.len());
        for (start, end) in parts {
            match joined.last_mut() {
                Some((_, last)) if start <= *last => *last = end.max(*last),
                _ => joined.push((start, end)),
            }
        }
        joined
    }

    fn commit(&mut self, bytes: &[u8]) -> Result<Digest, RedactError> {
        if self.openings.len() == MAX_MASKS {
            return Err(RedactError::TooMany);
        }
        let mut salt = [0; 32];
        fill_random(&mut salt).map_err(RedactError::Random)?;
        let commitment = commitment(&salt, bytes);
        self.openings.push(Opening { commitment, salt, bytes: RawBytes(bytes.to_vec()) });
        Ok(commitment)
    }

    /// Masks parts of an event or file.
    ///
    /// # Errors
    /// If there are too many, or no random numbers.
    pub fn bytes(&mut self, bytes: &mut [u8]) -> Result<Vec<Mask>, RedactError> {
        let mut masks = Vec::new();
        for (start, end) in self.parts(bytes) {
            let commitment = self.commit(&bytes[start..end])?;
            bytes[start..end].fill(MASK_BYTE);
            masks.push(Mask { at: start as u64, len: (end - start) as u64, commitment });
        }
        Ok(masks)
    }

    /// Masks parts of a text.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn text(&mut self, text: &mut String) -> Result<(), RedactError> {
        // From behind, so that places stay. A pattern of bytes may match within a character: all of it is masked then.
        for (start, end) in self.parts(text.as_bytes()).into_iter().rev() {
            let start = (0..=start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let end = (end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
            let commitment = self.commit(&text.as_bytes()[start..end])?;
            text.replace_range(start..end, &format!("[masked {commitment}]"));
        }
        Ok(())
    }

    /// Masks parts of all that people or logs said in an exhibit, but for its events.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn exhibit(&mut self, exhibit: &mut Exhibit) -> Result<(), RedactError> {
        let Exhibit { title, command, text, queries, tables, charts, moments, files, .. } = exhibit;
        let mut texts: Vec<&mut String> = vec![title, command, text];
        for query in queries {
            texts.push(&mut query.query);
            texts.extend(query.warnings.iter_mut());
            texts.extend(query.incomplete.as_mut());
            texts.extend(query.coverage.damaged.iter_mut().chain(&mut query.coverage.left_out));
        }
        for table in tables {
            texts.push(&mut table.title);
            texts.extend(table.columns.iter_mut());
            texts.extend(table.rows.iter_mut().flatten());
        }
        for chart in charts {
            texts.extend([&mut chart.title, &mut chart.unit]);
            texts.extend(chart.series.iter_mut().map(|series| &mut series.name));
            texts.extend(chart.marks.iter_mut().map(|mark| &mut mark.label));
        }
        texts.extend(moments.iter_mut().map(|moment| &mut moment.label));
        texts.extend(files.iter_mut().flat_map(|file| [&mut file.from, &mut file.name]));
        texts.into_iter().try_for_each(|text| self.text(text))
    }

    /// How many parts were masked so far.
    pub fn n_masked(&self) -> usize {
        self.openings.len()
    }

    /// What opens them.
    pub fn into_openings(self) -> Vec<Opening> {
        self.openings
    }
}

fn fill_random(bytes: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        filled += rustix::rand::getrandom(&mut bytes[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn redactor(patterns: &[&str]) -> Redactor {
        Redactor::new(&patterns.iter().map(|pattern| (*pattern).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn what_matches_is_masked_and_can_be_opened() {
        let mut redactor = redactor(&[r"\d{4,}", "user=\\S+"]);
        let mut bytes = b"card 4111111111111111 of user=ann ok\xff\n".to_vec();
        let masks = redactor.bytes(&mut bytes).unwrap();
        assert_eq!(bytes, b"card **************** of ******** ok\xff\n");
        let mut text = "user=größe 12345 ok".to_owned();
        redactor.text(&mut text).unwrap();
        assert!(text.starts_with("[masked ") && text.ends_with("] ok") && !text.contains("12345"), "{text}");
        let reveal = Reveal::new(Digest::of(b""), redactor.into_openings());
        let reveal = Reveal::decode(&reveal.encode()).unwrap();
        let opened = reveal.by_commitment();
        assert_eq!(opened[&masks[0].commitment], b"4111111111111111");
        assert_eq!(opened[&masks[1].commitment], b"user=ann");
        assert_eq!(opened.len(), 4);
    }

    #[test]
    fn equal_parts_have_unequal_commitments() {
        let mut redactor = redactor(&["secret"]);
        let masks = redactor.bytes(&mut b"secret secret".to_vec()).unwrap();
        assert_ne!(masks[0].commitment, masks[1].commitment);
    }

    #[test]
    fn a_reveal_that_says_something_else_is_refused() {
        let mut redactor = redactor(&["secret"]);
        redactor.bytes(&mut b"secret".to_vec()).unwrap();
        let mut reveal = Reveal::new(Digest::of(b""), redactor.into_openings());
        reveal.openings[0].bytes.0 = b"public".to_vec();
        assert!(Reveal::decode(&reveal.encode()).unwrap_err().contains("not what was masked"));
        assert!(Reveal::decode(b"{}").is_err());
    }

    #[test]
    fn patterns_must_match_something() {
        let new = |pattern: &str| Redactor::new(&[pattern.to_owned()]).map(|_| ()).unwrap_err().to_string();
        assert_eq!(new("a*"), "`a*` matches the empty text: write a pattern of what is to be masked");
        assert_eq!(new("("), "`(` is not a pattern");
    }

    proptest! {
        #[test]
        fn masks_fit_and_open(bytes in "[a-c0-9 ]{0,60}", patterns in prop::collection::vec("[a-c0-9]{1,2}", 1..4)) {
            let mut redactor = Redactor::new(&patterns).unwrap();
            let mut masked = bytes.clone().into_bytes();
            let masks = redactor.bytes(&mut masked).unwrap();
            for pattern in &patterns {
                prop_assert!(!String::from_utf8_lossy(&masked).contains(pattern));
            }
            let reveal = Reveal::new(Digest::of(b""), redactor.into_openings());
            for mask in &masks {
                let part = mask.at as usize..(mask.at + mask.len) as usize;
                masked[part].copy_from_slice(reveal.by_commitment()[&mask.commitment]);
            }
            prop_assert_eq!(masked, bytes.into_bytes());
        }
    }
}

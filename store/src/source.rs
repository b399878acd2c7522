//! Sources: which file events came from, and how it is known again.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::PathBuf;
use trawl_formats::event::{Host, IndexName, Source, Sourcetype};
use trawl_formats::text::Decoding;

/// Key of a source in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(pub u64);

/// First bytes of a SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash16(pub [u8; 16]);

impl Hash16 {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Self(std::array::from_fn(|i| digest[i]))
    }
}

impl fmt::Display for Hash16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash16 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Hash16 {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let error = || format!("`{text}` is not a hash of 32 hexadecimal digits");
        if text.len() != 32 || !text.is_ascii() {
            return Err(error());
        }
        let mut hash = [0; 16];
        for (byte, digits) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| error())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| error())?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for Hash16 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash16 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What tells a file from another that has, or had, the same path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// How many of the first bytes (after decompression) were hashed: at most [`Fingerprint::MAX_HEAD_LEN`].
    pub head_len: u32,
    /// Hash of those bytes.
    pub head: Hash16,
    /// Device of the file, 0 where there is none.
    pub dev: u64,
    /// Inode of the file, 0 where there is none.
    pub ino: u64,
}

impl Fingerprint {
    /// Most bytes of the head that are hashed. Longer than banners and CSV headers, short enough for small logs.
    pub const MAX_HEAD_LEN: usize = 1024;

    /// The fingerprint of a file whose first bytes are `head` (only the first [`Self::MAX_HEAD_LEN`] count).
    pub fn of(head: &[u8], dev: u64, ino: u64) -> Self {
        let head = &head[..head.len().min(Self::MAX_HEAD_LEN)];
        Self { head_len: head.len() as u32, head: Hash16::of(head), dev, ino }
    }

    /// Whether a file that begins with `head` can be this one. `head` may be longer than what was hashed.
    pub fn matches(&self, head: &[u8]) -> bool {
        head.get(..self.head_len as usize).is_some_and(|head| Hash16::of(head) == self.head)
    }
}

/// Hash of the last bytes before an offset: tells whether a file still is what was read up to there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tail {
    /// The offset.
    pub end: u64,
    /// How many bytes before it were hashed: at most [`Tail::MAX_LEN`], and no more than there are.
    pub len: u32,
    /// Hash of those bytes.
    pub hash: Hash16,
}

impl Tail {
    /// Most bytes that are hashed.
    pub const MAX_LEN: usize = 256;

    /// The tail of a stretch that ends at `end`; only its last [`Self::MAX_LEN`] bytes count.
    pub fn of(bytes: &[u8], end: u64) -> Self {
        let bytes = &bytes[bytes.len().saturating_sub(Self::MAX_LEN)..];
        Self { end, len: bytes.len() as u32, hash: Hash16::of(bytes) }
    }

    /// First byte that was hashed.
    pub fn start(&self) -> u64 {
        self.end - u64::from(self.len)
    }

    /// Whether `bytes`, read from [`start`](Self::start) to `end`, are those that were hashed.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        bytes.len() == self.len as usize && Hash16::of(bytes) == self.hash
    }
}

/// Everything that the events of one file have in common. One is shared by all blocks of a source and generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceHandle {
    /// Key in the catalog.
    pub id: SourceId,
    /// Counts the files that had this path one after the other, from 0.
    pub generation: u32,
    /// Index that the events go to.
    pub index: IndexName,
    /// First path at which the file was seen.
    pub path: PathBuf,
    /// Value of the field `source`.
    pub source: Source,
    /// Value of the field `sourcetype`.
    pub sourcetype: Sourcetype,
    /// Value of the field `host`.
    pub host: Host,
    /// Hash of the sourcetype's rules.
    pub rules_hash: u64,
    /// How bytes become text.
    pub decoding: Decoding,
    /// How the file is known again.
    pub fingerprint: Fingerprint,
}

/// A source and generation as it is written down beside the progress over it: what makes its [`SourceHandle`] again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceEntry {
    /// Key in the catalog.
    pub id: SourceId,
    /// Generation.
    pub generation: u32,
    /// First path at which the file was seen.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// Value of the field `source`.
    pub source: Source,
    /// Value of the field `host`.
    pub host: Host,
    /// Value of the field `sourcetype`.
    pub sourcetype: Sourcetype,
    /// Hash of the sourcetype's rules.
    pub rules_hash: u64,
    /// How bytes become text, as a number.
    pub decoding: u8,
    /// How the file is known again.
    pub fingerprint: Fingerprint,
}

impl SourceEntry {
    /// What is written down of a source.
    pub fn of(handle: &SourceHandle) -> Self {
        Self {
            id: handle.id,
            generation: handle.generation,
            path: handle.path.clone(),
            source: handle.source.clone(),
            host: handle.host.clone(),
            sourcetype: handle.sourcetype.clone(),
            rules_hash: handle.rules_hash,
            decoding: handle.decoding.to_u8(),
            fingerprint: handle.fingerprint,
        }
    }

    /// The source, whose events go to `index`.
    pub fn handle(&self, index: &IndexName) -> SourceHandle {
        SourceHandle {
            id: self.id,
            generation: self.generation,
            index: index.clone(),
            path: self.path.clone(),
            source: self.source.clone(),
            sourcetype: self.sourcetype.clone(),
            host: self.host.clone(),
            rules_hash: self.rules_hash,
            decoding: Decoding::from_u8(self.decoding).unwrap_or_default(),
            fingerprint: self.fingerprint,
        }
    }

    /// Source and generation.
    pub fn key(&self) -> (SourceId, u32) {
        (self.id, self.generation)
    }
}

/// Paths in text files and databases: UTF-8 stays as it is, other bytes become `\xNN` and a backslash `\\`.
pub mod path_text {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::borrow::Cow;
    use std::ffi::OsString;
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    use std::path::{Path, PathBuf};

    /// The path as text, without loss.
    pub fn to_text(path: &Path) -> String {
        let mut text = String::new();
        for chunk in path.as_os_str().as_bytes().utf8_chunks() {
            text.push_str(&chunk.valid().replace('\\', r"\\"));
            for byte in chunk.invalid() {
                text.push_str(&format!(r"\x{byte:02x}"));
            }
        }
        text
    }

    /// The path that [`to_text`] wrote; an unknown escape stands for itself.
    pub fn from_text(text: &str) -> PathBuf {
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            if byte != b'\\' {
                bytes.push(byte);
                continue;
            }
            let escaped = match after {
                [b'\\', ..] => Some((b'\\', 1)),
                [b'x', high, low, ..] => std::str::from_utf8(&[*high, *low])
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    .map(|byte| (byte, 3)),
                _ => None,
            };
            let (byte, len) = escaped.unwrap_or((byte, 0));
            bytes.push(byte);
            rest = &rest[len..];
        }
        PathBuf::from(OsString::from_vec(bytes))
    }

    /// For serde's `with`.
    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_text(path))
    }

    /// For serde's `with`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Cow::<str>::deserialize(deserializer).map(|text| from_text(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    proptest! {
        #[test]
        fn any_path_survives_as_text(bytes: Vec<u8>) {
            let path = PathBuf::from(OsString::from_vec(bytes));
            prop_assert_eq!(path_text::from_text(&path_text::to_text(&path)), path);
        }
    }

    #[test]
    fn paths_stay_readable() {
        let path = PathBuf::from(OsString::from_vec(b"/var/log/caf\xe9 \\ \xc3\xa9.log".to_vec()));
        assert_eq!(path_text::to_text(&path), r"/var/log/caf\xe9 \\ é.log");
    }

    #[test]
    fn fingerprints_know_a_grown_file_and_refuse_another() {
        let fingerprint = Fingerprint::of(b"first line\n", 1, 2);
        assert!(fingerprint.matches(b"first line\nsecond line\n"));
        assert!(!fingerprint.matches(b"first line"));
        assert!(!fingerprint.matches(b"First line\nsecond line\n"));
        let tail = Tail::of(b"first line\n", 11);
        assert_eq!(tail.start(), 0);
        assert!(tail.matches(b"first line\n"));
        assert!(!tail.matches(b"first line."));
    }

    #[test]
    fn hashes_print_and_parse() {
        let hash = Hash16::of(b"abc");
        assert_eq!(hash.to_string(), "ba7816bf8f01cfea414140de5dae2223");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("ba78".parse::<Hash16>().is_err());
    }
}

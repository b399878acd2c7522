//! Taking the bytes of a fuzzer apart: choices in front, content behind.

use std::borrow::Cow;
use std::sync::Arc;
use trawl_formats::{Encoding, Registry, Rules, Zone};

/// The bytes not yet taken. Behind the end everything is zero or empty.
pub(crate) struct Input<'b> {
    rest: &'b [u8],
}

impl<'b> Input<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    pub fn u8(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes([self.u8(), self.u8()])
    }

    pub fn u32(&mut self) -> u32 {
        u32::from(self.u16()) | u32::from(self.u16()) << 16
    }

    pub fn i64(&mut self) -> i64 {
        (u64::from(self.u32()) | u64::from(self.u32()) << 32) as i64
    }

    /// At most `len` bytes.
    pub fn take(&mut self, len: usize) -> &'b [u8] {
        let (taken, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// A line without its line feed.
    pub fn line(&mut self) -> &'b [u8] {
        let line = self.rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
        self.take(line.len() + 1);
        line
    }

    /// A line as text.
    pub fn text_line(&mut self) -> Cow<'b, str> {
        String::from_utf8_lossy(self.line())
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Everything that is left.
    pub fn rest(self) -> &'b [u8] {
        self.rest
    }

    /// One of the built-in sourcetypes.
    pub fn rules(&mut self) -> Arc<Rules> {
        let registry = Registry::builtin();
        let mut all: Vec<&Arc<Rules>> = registry.all().collect();
        all.sort_by_key(|rules| rules.name());
        Arc::clone(all[usize::from(self.u8()) % all.len()])
    }

    pub fn encoding(&mut self) -> Encoding {
        match self.u8() % 4 {
            0 => Encoding::Utf8,
            1 => Encoding::Utf16Le,
            2 => Encoding::Utf16Be,
            _ => Encoding::Latin1,
        }
    }

    /// A zone: without changes of the clock, with them, with odd offsets, with a day that was skipped.
    pub fn zone(&mut self) -> Zone {
        const ZONES: [&str; 8] = [
            "UTC",
            "Europe/Berlin",
            "America/New_York",
            "Asia/Kathmandu",
            "Pacific/Apia",
            "Australia/Lord_Howe",
            "+05:30",
            "-11:59",
        ];
        ZONES[usize::from(self.u8()) % ZONES.len()].parse().expect("a known zone")
    }
}

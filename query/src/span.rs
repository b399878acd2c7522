//! Where in the query text something stands.

use std::ops::Range;

/// A half-open range of bytes of the query text.
///
/// Any two spans are equal: where a part was written is not part of what it means, so syntax trees that carry spans
/// compare by meaning alone. This is what lets "parse, print, parse again" be tested as an identity.
#[derive(Clone, Copy, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    /// The span of the bytes `start..end`.
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// An empty span at `at`: something is missing here.
    pub fn empty(at: usize) -> Self {
        Self::new(at, at)
    }

    /// The smallest span that covers both.
    pub fn to(self, other: Span) -> Self {
        Self::new(self.start.min(other.start), self.end.max(other.end))
    }

    /// The span as a range, to slice the text with.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Span {}

impl std::fmt::Debug for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// Something with the place where it stood in the query.
#[derive(Clone, Debug, PartialEq)]
pub struct Spanned<T> {
    /// What was written, as it was understood.
    pub value: T,
    /// Where.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// `value`, which stood at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }
}

//! What may be wrong with a bundle.

use super::archive::ArchiveError;
use crate::merkle::Digest;

/// Something that is not as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// It is no archive of a bundle, or not a whole one.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A file is missing.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A file should not be there, or not there.
    #[error("`{0}` does not belong where it stands")]
    Unexpected(String),
    /// A file has another sum than `SHA256SUMS` says.
    #[error("`{0}` was changed: its SHA-256 is not the one in SHA256SUMS")]
    Sum(String),
    /// The list of sums is not one of these files.
    #[error("SHA256SUMS is not the list of these files in their order")]
    Sums,
    /// A file says what makes no sense.
    #[error("`{file}` makes no sense: {what}")]
    Nonsense {
        /// Which.
        file: String,
        /// Why.
        what: String,
    },
    /// A newer trawl made it.
    #[error("its format is `{0}`, which this trawl does not know: verify it with a newer one")]
    Format(String),
    /// The bytes of an event are not those of its record.
    #[error("event {n} was changed: {source_name} at byte {offset}: its SHA-256 is not that of its record")]
    Event {
        /// Number of the record.
        n: u64,
        /// The file it came from.
        source_name: String,
        /// Its place there.
        offset: u64,
    },
    /// A record is not right.
    #[error("the record of event {n}: {what}")]
    Record {
        /// Its number.
        n: u64,
        /// Why.
        what: String,
    },
    /// The root is not that of the content.
    #[error(
        "MERKLE-ROOT is not the root of the content, which is {0}: events were changed, reordered, left out or added"
    )]
    Root(Digest),
    /// It is another bundle than the one that was noted.
    #[error("its root is {found}, not {expected}: it is not the bundle that was noted")]
    OtherRoot {
        /// What was noted.
        expected: Digest,
        /// What it is.
        found: Digest,
    },
    /// The signature is not one.
    #[error("the signature: {0}")]
    Signature(String),
    /// What should open it belongs to another bundle.
    #[error("the reveal file: {0}")]
    Reveal(String),
}

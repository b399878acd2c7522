//! What cannot be done with a case.

use super::CASE_FILE;
use std::io;
use std::path::{Path, PathBuf};

/// What cannot be done with a case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// There is something already.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// It is no case.
    #[error("{} is no case: it has no {CASE_FILE}", .0.display())]
    NoCase(PathBuf),
    /// A title without a letter.
    #[error("a title needs a letter or digit")]
    Title,
    /// It is not a file that can be copied.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// A copied file is not what was copied.
    #[error("{} was changed since it was laid into the case: its SHA-256 is another one", .0.display())]
    Changed(PathBuf),
    /// A file of the case says what makes no sense.
    #[error("{}: {what}", .path.display())]
    Nonsense {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The disk refuses.
    #[error("cannot {doing} {}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

pub(super) type Result<T> = std::result::Result<T, CaseError>;

pub(super) fn failed<'p>(doing: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> CaseError + 'p {
    move |source| CaseError::Io { doing, path: path.to_owned(), source }
}

pub(super) fn nonsense(path: &Path, what: impl ToString) -> CaseError {
    CaseError::Nonsense { path: path.to_owned(), what: what.to_string() }
}

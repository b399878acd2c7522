//! What can be wrong with lookup tables.

use crate::error::{RunError, nearest};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Names of tables or columns that an error lists; the rest are counted.
const MAX_LISTED: usize = 12;

/// A lookup table cannot be read, matched or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookupError {
    #[error("there is no lookup table `{0}`, for no folder of lookup tables is configured")]
    NoFolder(String),
    #[error("there is no lookup table `{name}`; {} has {there}", folder.display())]
    NoTable { name: String, folder: PathBuf, there: Listed },
    #[error("the lookup table {} has no column `{column}`; it has {there}", path.display())]
    NoColumn { column: String, path: PathBuf, there: Listed },
    #[error("cannot {action} the lookup table {}: {source}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("the lookup table {} holds more than max_memory_bytes = {limit}", path.display())]
    TooLarge { path: PathBuf, limit: usize },
    #[error(transparent)]
    Run(#[from] RunError),
}

impl LookupError {
    /// The error of a failed action on a file.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }

    /// The error as that of a command.
    pub fn of(self, command: &'static str) -> RunError {
        match self {
            Self::Run(error) => error,
            other => RunError::Command { command, message: other.to_string() },
        }
    }
}

/// Names that exist, and the one that was perhaps meant.
#[derive(Debug)]
pub(crate) struct Listed {
    names: Vec<String>,
    meant: Option<String>,
}

impl Listed {
    /// The names, where `written` is not among them. Names are compared as `plain` makes them.
    pub fn new(names: Vec<String>, written: &str, plain: impl Fn(&str) -> &str) -> Self {
        let meant = nearest(plain(written), names.iter().map(|name| plain(name))).map(str::to_owned);
        Self { names, meant }
    }
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.names.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&self.names[..self.names.len().min(MAX_LISTED)].join(", "))?;
        if self.names.len() > MAX_LISTED {
            write!(f, " and {} more", self.names.len() - MAX_LISTED)?;
        }
        match &self.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => Ok(()),
        }
    }
}

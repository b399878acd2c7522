//! A value together with where it came from.

use std::fmt;
use std::path::PathBuf;

/// One resolved setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in force.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

/// Who set a value. Earlier variants win over later ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An option of the command line, with its dashes.
    Flag(&'static str),
    /// An environment variable.
    Env(&'static str),
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The place exists on this machine, or the machine is set up like this.
    Machine,
    /// Nobody: it is the default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Env(name) => write!(f, "${name}"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Machine => f.write_str("this machine"),
            Self::Default => f.write_str("default"),
        }
    }
}

impl<T> Setting<T> {
    /// A value with its origin.
    pub fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }

    /// The value, changed; the origin stays.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: f(self.value), origin: self.origin }
    }
}

//! What the process tells its caller, with the meaning that `grep` made familiar.

use crate::signals::Interrupted;

/// How a run of `trawl` ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// 0: at least one row was found, or the work is done.
    Success,
    /// 1: the search ran over everything that was asked for and found nothing.
    NothingFound,
    /// 2: an error; also when rows were printed but the answer is not complete (damage, deadline, an unreadable file).
    Error,
    /// 130: ended by Ctrl-C.
    Interrupted,
}

impl ExitCode {
    /// The code of an answer with `n_rows` rows.
    pub fn of_rows(n_rows: u64) -> Self {
        if n_rows > 0 { Self::Success } else { Self::NothingFound }
    }

    /// The code of a search that found `n_rows` rows, where it looked.
    pub fn of_answer(n_rows: u64, is_incomplete: bool, interrupted: &Interrupted) -> Self {
        match is_incomplete {
            _ if interrupted.happened() => Self::Interrupted,
            true => Self::Error,
            false => Self::of_rows(n_rows),
        }
    }

    /// The number that the operating system gets.
    pub fn as_u8(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::NothingFound => 1,
            Self::Error => 2,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.as_u8().into()
    }
}

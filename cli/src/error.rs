//! Errors as people see them: what went wrong, why, and what to do next.

use crate::output::{Theme, notes, visible};
use std::fmt;
use std::io::{self, Write};
use trawl_query::RunError;

/// An error that comes with advice.
#[derive(Debug)]
pub struct Advice {
    message: String,
    hint: String,
}

impl Advice {
    /// An error `message` whose hint tells what to do: both lower case, without a full stop.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    /// The hint that an error carries, however much context was put around it.
    pub fn hint_of(error: &anyhow::Error) -> Option<&str> {
        let advice = error.downcast_ref::<Self>().map(|advice| advice.hint.as_str());
        advice.or_else(|| error.downcast_ref::<RunError>().and_then(RunError::hint))
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Advice {}

/// Whether the reader of our output went away (`trawl search … | head -1`), which is no error.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_error = |cause: &&(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    error.chain().any(|cause| io_error(&cause))
}

/// Writes the error with its causes, and its hint on a line of its own.
///
/// # Errors
/// If `out` cannot be written.
pub fn write(out: &mut dyn Write, theme: &Theme, error: &anyhow::Error) -> io::Result<()> {
    let style = theme.error;
    writeln!(out, "{style}error:{style:#} {}", visible(&format!("{error:#}")))?;
    match Advice::hint_of(error) {
        Some(hint) => notes::hint(out, theme, hint),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    fn printed(error: &anyhow::Error) -> String {
        let mut out = Vec::new();
        write(&mut out, &Theme::plain(), error).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn causes_and_hint_are_printed() {
        let error = anyhow::Error::from(Advice::new("no such zone `Mars`", "see `timedatectl list-timezones`"));
        let error = error.context("cannot use --tz");
        assert_eq!(
            printed(&error),
            "error: cannot use --tz: no such zone `Mars`\nhint: see `timedatectl list-timezones`\n"
        );
    }

    #[test]
    fn a_broken_pipe_is_found_behind_context() {
        let broken = Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe)).context("cannot print").unwrap_err();
        assert!(is_broken_pipe(&broken));
        assert!(!is_broken_pipe(&anyhow::anyhow!("no")));
    }
}

//! What the standard streams are connected to.

use clap::ColorChoice;
use std::ffi::OsString;
use std::io::{self, IsTerminal};

/// Columns of a terminal that does not say how wide it is.
const DEFAULT_WIDTH: usize = 80;
/// Lines of a terminal that does not say how high it is.
const DEFAULT_HEIGHT: usize = 24;

/// What is known about the standard streams.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// The width in columns if the standard output is a terminal.
    pub width: Option<usize>,
    /// The height in lines if the standard output is a terminal; else of no meaning.
    pub height: usize,
    /// Whether somebody can type at a prompt: the standard input and the standard output are a terminal.
    pub is_interactive: bool,
    /// Whether the standard error is a terminal: whether progress is shown.
    pub stderr_is_terminal: bool,
    /// Whether to colour the standard output.
    pub color_stdout: bool,
    /// Whether to colour the standard error.
    pub color_stderr: bool,
}

impl Terminal {
    /// Looks at the standard streams and the environment.
    pub fn detect(choice: ColorChoice, var: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let stdout_is_terminal = io::stdout().is_terminal();
        let stderr_is_terminal = io::stderr().is_terminal();
        let size = terminal_size::terminal_size_of(io::stdout());
        Self {
            width: stdout_is_terminal.then(|| size.map_or(DEFAULT_WIDTH, |(width, _)| width.0.into())),
            height: size.map_or(DEFAULT_HEIGHT, |(_, height)| height.0.into()),
            is_interactive: stdout_is_terminal && io::stdin().is_terminal(),
            stderr_is_terminal,
            color_stdout: use_color(choice, stdout_is_terminal, var),
            color_stderr: use_color(choice, stderr_is_terminal, var),
        }
    }

    /// Whether the standard output is a terminal.
    pub fn stdout_is_terminal(&self) -> bool {
        self.width.is_some()
    }
}

/// Whether the environment says that text is UTF-8; where it says nothing, it is not known to be more than ASCII.
pub fn speaks_utf8(var: &dyn Fn(&str) -> Option<OsString>) -> bool {
    // The first that is set counts, as for every program (POSIX).
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| var(name).filter(|value| !value.is_empty()));
    locale.and_then(|locale| locale.into_string().ok()).is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// `auto` means: on a terminal that is not dumb, unless `NO_COLOR` is set and not empty (no-color.org).
fn use_color(choice: ColorChoice, is_terminal: bool, var: &dyn Fn(&str) -> Option<OsString>) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            is_terminal
                && var("NO_COLOR").is_none_or(|value| value.is_empty())
                && var("TERM").is_none_or(|term| term != "dumb")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_that_is_set_counts() {
        for (vars, expected) in [
            (&[("LANG", "en_US.UTF-8")][..], true),
            (&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8")], true),
            (&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")], false),
            (&[], false),
        ] {
            let var = |name: &str| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| value.into());
            assert_eq!(speaks_utf8(&var), expected, "{vars:?}");
        }
    }

    #[test]
    fn no_color_is_obeyed_but_a_flag_wins() {
        /// The flag, whether it is a terminal, variables, whether there are colours.
        type Case<'a> = (ColorChoice, bool, &'a [(&'a str, &'a str)], bool);
        let cases: [Case<'_>; 7] = [
            (ColorChoice::Auto, true, &[], true),
            (ColorChoice::Auto, false, &[], false),
            (ColorChoice::Auto, true, &[("NO_COLOR", "1")], false),
            (ColorChoice::Auto, true, &[("NO_COLOR", "")], true),
            (ColorChoice::Auto, true, &[("TERM", "dumb")], false),
            (ColorChoice::Always, false, &[("NO_COLOR", "1")], true),
            (ColorChoice::Never, true, &[], false),
        ];
        for (choice, is_terminal, vars, expected) in cases {
            let var = |name: &str| vars.iter().find(|(var, _)| *var == name).map(|(_, value)| value.into());
            assert_eq!(use_color(choice, is_terminal, &var), expected, "{choice:?} {is_terminal} {vars:?}");
        }
    }
}

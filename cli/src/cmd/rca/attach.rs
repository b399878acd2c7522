//! Which case is meant, and how exhibits come into it.
//!
//! A verb that can be laid into a case takes [`CaseArgs`] and hands an [`Exhibit`] to [`lay`]; events that it names by their addresses
//! are made citations by [`cite`].

use crate::cmd::ask;
use crate::config::Config;
use crate::error::Advice;
use crate::output::visible;
use anyhow::Context;
use clap::ValueHint;
use std::env;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use trawl_evidence::case::{CASE_FILE, Case, NewFile};
use trawl_evidence::events::StoredEvents;
use trawl_evidence::{Exhibit, Moment};
use trawl_query::Engine;
use trawl_query::engine::address::Address;

/// Which case.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CaseArgs {
    /// Folder of the case [default: $TRAWL_CASE, or the case that the working directory is in]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub case: Option<PathBuf>,
}

impl CaseArgs {
    /// The case that is meant.
    pub fn open(&self) -> anyhow::Result<Case> {
        self.find()?.ok_or_else(|| {
            let hint =
                "go into the folder of the case, name it with --case or $TRAWL_CASE, or open one: trawl rca new TITLE";
            Advice::new(format!("there is no case here: no folder with a {CASE_FILE}"), hint).into()
        })
    }

    /// The case that is meant, if there is one.
    pub fn find(&self) -> anyhow::Result<Option<Case>> {
        let named =
            self.case.clone().or_else(|| env::var_os("TRAWL_CASE").filter(|dir| !dir.is_empty()).map(Into::into));
        let dir = match named {
            Some(dir) => Some(dir),
            None => Case::around(&env::current_dir().context("cannot find out the working directory")?),
        };
        Ok(dir.map(|dir| Case::open(&dir)).transpose()?)
    }
}

/// Lays an exhibit into a case, with files beside it, and says so.
pub fn lay(case: &Case, exhibit: &Exhibit, files: &[NewFile]) -> anyhow::Result<()> {
    let dir = case.add(exhibit, files)?;
    let shown = dir.strip_prefix(&case.dir).unwrap_or(&dir);
    let what = format!("added {} to {}", shown.display(), case.dir.display());
    writeln!(io::stderr(), "{}", visible(&what))?;
    Ok(())
}

/// Makes events citations of an exhibit, each with why it is cited. Events that are no longer indexed are left out, and named on
/// the standard error.
pub fn cite(
    exhibit: &mut Exhibit,
    engine: &Engine,
    config: &Config,
    cited: impl IntoIterator<Item = (Address, String)>,
) -> anyhow::Result<()> {
    let mut stored = StoredEvents::new(engine).map_err(|error| ask::explained(config, error))?;
    let found = trawl_evidence::events::cite(&mut stored, cited)?;
    for address in &found.missing {
        writeln!(io::stderr(), "{}", visible(&format!("{address} is no longer indexed: it is not cited")))?;
    }
    exhibit.events.extend(found.events);
    exhibit.sources.extend(found.sources);
    Ok(())
}

/// The command line that this is, for people: words that a shell would take apart stand in quotes.
pub fn command_line() -> String {
    let words = env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    std::iter::once("trawl".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@+%".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The clock: the wall's, or what `--now` says.
pub fn now(now: Option<&str>, zone: trawl_formats::Zone) -> anyhow::Result<Moment> {
    ask::present_us(now, zone).map(Moment)
}

/// A path for people.
pub fn shown(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_can_be_pasted() {
        assert_eq!(quoted("ERROR"), "ERROR");
        assert_eq!(quoted("status=5* | head"), "'status=5* | head'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}

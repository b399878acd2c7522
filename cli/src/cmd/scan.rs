//! `trawl scan`: the whole language over files, with no index and no data folder.

use super::ask;
use super::search::Session;
use crate::args::{ScanArgs, SearchFlags};
use crate::config::{Config, input_of};
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::feed::FileFeed;
use crate::signals::Interrupted;
use crate::terminal::Terminal;
use anyhow::Context;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use trawl_indexer::{Input, Options, Progress};
use trawl_query::Engine;
use trawl_query::context::Cancel;

/// Stands for the standard input.
const STDIN: &str = "-";

/// Searches the files.
pub fn run(args: &ScanArgs, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let has_stdin = !io::stdin().is_terminal();
    let (files, query) = arrange(&args.words, args.query.as_deref(), &|path| path.exists(), has_stdin)?;
    let input = |file: PathBuf| if file == Path::new(STDIN) { Input::Stdin } else { input_of(file) };
    let inputs: Vec<Input> = files.into_iter().map(input).collect();
    let now_us = ask::present_us(args.answer.now.as_deref(), config.zone.value)?;
    let options = Options {
        sourcetype: args.files.sourcetype.as_deref().map(Into::into),
        host: args.files.host.as_deref().map(Into::into),
        source: args.files.source.as_deref().map(Into::into),
        exclude: args.files.exclude.clone(),
        ..Options::new(args.index.clone(), config.zone.value, now_us)
    };
    let (registry, progress) = (config.load_registry()?, Arc::new(Progress::default()));
    let mut feed = FileFeed::new(Arc::clone(&registry), inputs, options, Arc::clone(&progress));
    // What stands around the matches is read when they are known; subsearches, which a macro may hold, read everything, too.
    if args.answer.n_around() != (0, 0) || query.contains(['[', '`']) {
        feed = feed.again(&config.spill_folder.value)?;
    }
    let engine = Engine::of_feed(Arc::new(feed), registry);
    let flags = SearchFlags { answer: args.answer.clone(), index: vec![args.index.clone()], ..SearchFlags::default() };
    let session = Session::of_files(&flags, config, terminal, engine, progress);
    let on_start = |cancel: Arc<Cancel>| Interrupted::watch(move || cancel.request());
    session.run(&query, &on_start, None)
}

/// Files and query: the last argument is the query, unless it is given as an option. `has_stdin` tells that something may be
/// read from the standard input where no file is named.
fn arrange(
    words: &[OsString],
    query: Option<&str>,
    exists: &dyn Fn(&Path) -> bool,
    has_stdin: bool,
) -> anyhow::Result<(Vec<PathBuf>, String)> {
    let is_file = |word: &OsString| word == STDIN || exists(Path::new(word));
    let no_files = |query: &str| {
        let hint = format!("name them before the query: trawl scan app.log '{query}'; or pipe something into it");
        Advice::new("there are no files to search", hint)
    };
    let (files, query) = match (query, words) {
        (Some(query), files) => (files, query.to_owned()),
        (None, [files @ .., last]) => {
            let text = last.to_string_lossy();
            if is_file(last) {
                return Err(query_is_missing(files, &text, &is_file).into());
            }
            (files, last.to_str().context("the query is not UTF-8")?.to_owned())
        }
        (None, []) => {
            let hint = "write files and query, for example: trawl scan app.log 'ERROR | stats count by host'";
            return Err(Advice::new("the query is missing", hint).into());
        }
    };
    // One that is quoted in part only: `trawl scan app.log ERROR timeout`.
    if let [_, .., last] = files
        && !is_file(last)
        && !has_wildcard(last)
    {
        let last = last.to_string_lossy();
        let hint = format!("the last argument is the query; quote one of several words: '{last} {query}'");
        return Err(Advice::new(format!("there is no file `{last}`"), hint).into());
    }
    match files {
        [] if has_stdin => Ok((vec![PathBuf::from(STDIN)], query)),
        [] => Err(no_files(&query).into()),
        files => Ok((files.iter().map(PathBuf::from).collect(), query)),
    }
}

/// The error that the last argument is a file.
fn query_is_missing(files: &[OsString], last: &str, is_file: &dyn Fn(&OsString) -> bool) -> Advice {
    let message = format!("the query is missing: the last argument, `{last}`, is a file");
    let hint = match files {
        [first, ..] if !is_file(first) && !has_wildcard(first) => {
            format!("write the files first: trawl scan {last} '{}'", first.to_string_lossy())
        }
        _ => format!("write it last: trawl scan {last} 'ERROR'; to search for the word itself: --query {last}"),
    };
    Advice::new(message, hint)
}

fn has_wildcard(word: &OsString) -> bool {
    word.to_string_lossy().contains(['*', '?', '[', '{'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(words: &[&str], query: Option<&str>, has_stdin: bool) -> Result<(Vec<String>, String), String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let exists = |path: &Path| path.extension().is_some_and(|extension| extension == "log");
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        match arrange(&words, query, &exists, has_stdin) {
            Ok((files, query)) => Ok((files.into_iter().map(text).collect(), query)),
            Err(error) => Err(format!("{error}: {}", Advice::hint_of(&error).unwrap_or_default())),
        }
    }

    #[test]
    fn the_last_argument_is_the_query() {
        let check = |words: &[&str], query: Option<&str>, has_stdin: bool, files: &[&str], expected: &str| {
            let files = files.iter().map(|file| (*file).to_owned()).collect();
            assert_eq!(arranged(words, query, has_stdin), Ok((files, expected.to_owned())), "{words:?}");
        };
        check(&["a.log", "b.log", "ERROR | stats count"], None, false, &["a.log", "b.log"], "ERROR | stats count");
        check(&["*.gz", "ERROR"], None, false, &["*.gz"], "ERROR");
        check(&["-", "ERROR"], None, true, &["-"], "ERROR");
        check(&["ERROR"], None, true, &["-"], "ERROR");
        check(&["a.log", "b.log"], Some("b.log"), false, &["a.log", "b.log"], "b.log");
        // What is not there is said when it is read, as it may be there by then.
        check(&["gone", "ERROR"], None, false, &["gone"], "ERROR");
    }

    #[test]
    fn what_was_meant_is_said() {
        let check = |words: &[&str], expected: &str| {
            let error = arranged(words, None, false).expect_err("a mistake");
            assert!(error.contains(expected), "{words:?}: {error}");
        };
        check(&[], "the query is missing: write files and query");
        check(&["a.log"], "is a file: write it last: trawl scan a.log 'ERROR'");
        check(&["a.log", "b.log"], "to search for the word itself: --query b.log");
        check(&["ERROR", "a.log"], "write the files first: trawl scan a.log 'ERROR'");
        check(&["a.log", "ERROR", "timeout"], "quote one of several words: 'ERROR timeout'");
        check(&["ERROR"], "there are no files to search: name them before the query");
    }
}

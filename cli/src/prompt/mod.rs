//! `trawl search` without a query: a prompt.
//!
//! Each line is a query of its own, run by the [`Session`] of `trawl search` with the options of the command line.
//! [`continuation`] says when a query goes on in the next line, [`highlight`] colours it while it is typed,
//! [`completion`] proposes what may come next, [`history`] remembers.

mod completion;
mod continuation;
mod highlight;
mod history;

use crate::args::SearchFlags;
use crate::cmd;
use crate::cmd::search::Session;
use crate::config::Config;
use crate::error;
use crate::exit_code::ExitCode;
use crate::output::{Theme, notes};
use crate::signals::Foreground;
use crate::terminal::Terminal;
use anyhow::Context;
use completion::{Catalog, Names};
use history::History;
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Editor, Helper};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::io::{self, Write};
use trawl_query::Engine;
use trawl_query::batch::Fields;

const PROMPT: &str = "trawl> ";
/// The file of the history in the user's state folder.
const HISTORY_FILE: &str = "search_history";

/// Asks for queries and answers them until somebody presses Ctrl-D.
pub fn run(args: &SearchFlags, config: &Config, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let session = Session::new(args, config, terminal);
    let engine = session.engine()?.clone();
    let theme = Theme::new(terminal.color_stderr);
    if let Err(error) = engine.reader() {
        // Lookups and rows that a command makes can be asked for all the same.
        error::write(&mut io::stderr(), &theme, &session.explained(error))?;
    }
    let foreground = Foreground::watch()?;
    let mut prompt = Prompt::new(config, terminal, engine).context("cannot open a prompt")?;
    let faint = theme.faint;
    writeln!(io::stderr(), "{faint}Tab completes, `help NAME` explains, Ctrl-C cancels, Ctrl-D leaves{faint:#}")?;
    while let Some(text) = prompt.read()? {
        let text = continuation::joined(&text);
        let done = match help_topic(&text) {
            Some(name) => cmd::help::run(name, terminal),
            None => {
                let mut on_fields = |fields: &Fields| prompt.learn(fields.iter());
                let done = session.run(&text, &|cancel| Ok(foreground.begin(cancel)), Some(&mut on_fields));
                if foreground.end() {
                    return Ok(ExitCode::Interrupted);
                }
                done
            }
        };
        if let Err(error) = done {
            error::write(&mut io::stderr(), &theme, &error)?;
        }
    }
    Ok(ExitCode::Success)
}

/// What `help` or `help NAME` asks for. To search for the word, write `search help` or put it in quotes.
fn help_topic(text: &str) -> Option<Option<&str>> {
    let mut words = text.split_whitespace();
    (words.next() == Some("help")).then_some(())?;
    let name = words.next();
    words.next().is_none().then_some(name)
}

/// The line editor and its history.
struct Prompt {
    editor: Editor<Assistant, MemHistory>,
    history: History,
    theme: Theme,
}

impl Prompt {
    fn new(config: &Config, terminal: Terminal, engine: Engine) -> anyhow::Result<Self> {
        let theme = Theme::new(terminal.color_stderr);
        let path = config.state.as_ref().map(|folder| folder.join(HISTORY_FILE));
        let history = History::load(path.clone()).or_else(|error| {
            // A prompt without memory is better than none.
            let path = path.unwrap_or_default();
            notes::warning(&mut io::stderr(), &theme, &format!("cannot read {}: {error}", path.display()))?;
            History::load(None)
        })?;
        let color_mode = if terminal.color_stdout { ColorMode::Forced } else { ColorMode::Disabled };
        let settings =
            rustyline::Config::builder().completion_type(CompletionType::List).color_mode(color_mode).build();
        let entries = MemHistory::with_config(&settings);
        let mut editor = Editor::with_history(settings, entries)?;
        editor.set_helper(Some(Assistant {
            names: Names::default(),
            catalog: OnceCell::new(),
            engine,
            theme: Theme::new(terminal.color_stdout),
        }));
        let mut prompt = Self { editor, history, theme };
        prompt.show_history()?;
        Ok(prompt)
    }

    /// The next query; `None` when somebody leaves.
    fn read(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(assistant) = self.editor.helper_mut() {
                // What was indexed meanwhile shall be proposed too.
                assistant.catalog.take();
            }
            match self.editor.readline(PROMPT) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => {
                    self.remember(&text)?;
                    return Ok(Some(text));
                }
                Err(ReadlineError::Interrupted) => {}
                Err(ReadlineError::Eof) => return Ok(None),
                Err(error) => return Err(error).context("cannot read from the terminal"),
            }
        }
    }

    fn remember(&mut self, text: &str) -> anyhow::Result<()> {
        if let Err(error) = self.history.add(text.trim()) {
            notes::warning(&mut io::stderr(), &self.theme, &format!("cannot write the history: {error}"))?;
        }
        self.show_history()
    }

    /// Hands the history to the editor.
    fn show_history(&mut self) -> anyhow::Result<()> {
        self.editor.clear_history()?;
        for entry in self.history.entries() {
            self.editor.add_history_entry(entry)?;
        }
        Ok(())
    }

    /// Remembers names of fields for completion.
    fn learn<'f>(&mut self, fields: impl Iterator<Item = &'f str>) {
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.names.add_fields(fields);
        }
    }
}

/// What the line editor asks while somebody types.
struct Assistant {
    names: Names,
    /// Read when it is first needed for a line.
    catalog: OnceCell<Catalog>,
    engine: Engine,
    theme: Theme,
}

impl Helper for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, text: &str, pos: usize, _: &rustyline::Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        // A catalog that cannot be read now is no reason to disturb somebody who types: the search will say so.
        let sources = || self.engine.reader().ok()?.sources().ok();
        let catalog = || self.catalog.get_or_init(|| Catalog::of(&sources().unwrap_or_default()));
        let (start, proposals) = completion::complete(&text[..pos], &self.names, catalog);
        let pair = |proposal: completion::Proposal| Pair { display: proposal.shown, replacement: proposal.text };
        Ok((start, proposals.into_iter().map(pair).collect()))
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, text: &'l str, _: usize) -> Cow<'l, str> {
        highlight::highlighted(text, &self.theme)
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        let title = self.theme.title;
        Cow::Owned(format!("{title}{prompt}{title:#}"))
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        true
    }
}

impl Validator for Assistant {
    fn validate(&self, ctx: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if continuation::goes_on(ctx.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_a_word_of_the_prompt() {
        for (text, expected) in [
            ("help", Some(None)),
            (" help  stats ", Some(Some("stats"))),
            ("help me please", None),
            ("helpful", None),
            ("search help", None),
            ("\"help\"", None),
        ] {
            assert_eq!(help_topic(text), expected, "{text}");
        }
    }
}

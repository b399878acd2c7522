//! `trawl help`: the manual of the search language, and the help of trawl's own verbs.

use super::CANNOT_PRINT;
use crate::args::Args;
use crate::error::Advice;
use crate::exit_code::ExitCode;
use crate::output::Theme;
use crate::terminal::Terminal;
use anyhow::{Context, bail};
use clap::CommandFactory;
use std::io::{self, Write};
use trawl_query::manual::{Entry, EntryKind};
use unicode_width::UnicodeWidthStr;

/// Columns between a name and what it is.
const GAP: usize = 2;

/// Prints the page of `name`, or the list of all names.
pub fn run(name: Option<&str>, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let theme = Theme::new(terminal.color_stdout);
    let mut out = io::stdout().lock();
    match name {
        None => write_list(&mut out, &theme).context(CANNOT_PRINT)?,
        Some(name) => {
            let entries = Entry::find(name);
            let mut command = Args::command();
            command.build();
            let verb = command.find_subcommand_mut(name);
            if entries.is_empty() && verb.is_none() {
                let hint = match Entry::nearest(name) {
                    Some(nearest) => format!("did you mean `{nearest}`? `trawl help` lists all"),
                    None => "`trawl help` lists all".to_owned(),
                };
                bail!(Advice::new(format!("there is no command or function `{name}`"), hint));
            }
            for (i, entry) in entries.iter().enumerate() {
                let rule = if i > 0 { "\n" } else { "" };
                write!(out, "{rule}").and_then(|()| write_page(&mut out, &theme, entry)).context(CANNOT_PRINT)?;
            }
            if let Some(verb) = verb {
                let rule = if entries.is_empty() { "" } else { "\n" };
                write!(out, "{rule}{}", verb.render_long_help()).context(CANNOT_PRINT)?;
            }
        }
    }
    Ok(ExitCode::Success)
}

/// What an entry is, as a heading.
fn heading(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Command => "Commands",
        EntryKind::Function => "Functions of eval and where",
        EntryKind::StatsFunction => "Functions of stats, chart and timechart",
    }
}

fn write_list(out: &mut dyn Write, theme: &Theme) -> io::Result<()> {
    let title = theme.title;
    let width = Entry::all().map(|entry| entry.name.width()).max().unwrap_or(0) + GAP;
    for kind in [EntryKind::Command, EntryKind::Function, EntryKind::StatsFunction] {
        writeln!(out, "{title}{}{title:#}", heading(kind))?;
        for entry in Entry::all().filter(|entry| entry.kind == kind) {
            writeln!(out, "  {:<width$}{}", entry.name, entry.manual.summary().replace('`', ""))?;
        }
        writeln!(out)?;
    }
    writeln!(out, "`trawl help NAME` prints a page; `trawl --help` is about the command line.")
}

/// Prints a page: headings coloured, examples set in.
fn write_page(out: &mut dyn Write, theme: &Theme, entry: &Entry) -> io::Result<()> {
    let title = theme.title;
    let kind = match entry.kind {
        EntryKind::Command => "command",
        EntryKind::Function => "function of eval and where",
        EntryKind::StatsFunction => "function of stats, chart and timechart",
    };
    writeln!(out, "{title}{}{title:#} ({kind})", entry.name)?;
    if !entry.aliases.is_empty() {
        writeln!(out, "also called {}", entry.aliases.join(", "))?;
    }
    writeln!(out)?;
    let page = entry.manual.markdown();
    let mut in_example = false;
    for line in page.trim_end().lines() {
        if line.starts_with("```") {
            in_example = !in_example;
        } else if in_example {
            writeln!(out, "    {line}")?;
        } else {
            // Headings are the words in bold at the beginning of a line.
            match line.strip_prefix("**").and_then(|rest| rest.split_once("**")) {
                Some((heading, rest)) => writeln!(out, "{title}{heading}{title:#}{rest}")?,
                None => writeln!(out, "{line}")?,
            }
        }
    }
    Ok(())
}

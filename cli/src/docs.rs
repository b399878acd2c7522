//! Pages that are written from the program itself: `docs/cli.md` from the definition of the command line, `docs/spl/` from
//! the manual of the search language (and `docs/config.md` from that of the configuration, see [`crate::config`]). A test
//! fails when a page is out of date.

use crate::args::Args;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;
use std::fs;
use trawl_query::manual::{Entry, EntryKind};

/// Compares a generated page with the committed one, or writes it if `$UPDATE_DOCS` is set.
pub fn check(path: &str, page: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, page).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == page, "{path} is out of date: run UPDATE_DOCS=1 cargo test -p trawl-cli docs");
}

const INTRO: &str = "\
# Command line

<!-- Written by a test from cli/src/args.rs; change it there, then run: UPDATE_DOCS=1 cargo test -p trawl-cli docs -->
";

fn page() -> String {
    let mut command = Args::command().term_width(100);
    command.build();
    let mut page = INTRO.to_owned();
    section(&mut page, &mut command);
    page
}

fn section(page: &mut String, command: &mut Command) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    write!(page, "\n## {name}\n\n```text\n").expect("writing to a string does not fail");
    for line in help.trim_end().lines() {
        writeln!(page, "{}", line.trim_end()).expect("writing to a string does not fail");
    }
    page.push_str("```\n");
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        // Said once, for all verbs.
        let hide_global = |arg: Arg| if arg.is_global_set() { arg.hide(true) } else { arg };
        section(page, &mut sub.clone().mut_args(hide_global));
    }
}

/// The pages of one kind of entry of the manual of the search language.
fn manual(kind: EntryKind, title: &str, source: &str) -> String {
    let mut page = format!(
        "# {title}\n\n<!-- Written by a test from the first lines of the files in {source}; change them there, then run: \
         UPDATE_DOCS=1 cargo test -p trawl-cli docs -->\n"
    );
    let entries = || Entry::all().filter(|entry| entry.kind == kind);
    let links: Vec<String> = entries().map(|entry| format!("[{0}](#{0})", entry.name)).collect();
    write!(page, "\n{}\n", links.join(" · ")).expect("writing to a string does not fail");
    for entry in entries() {
        let text = entry.manual.markdown().replace("```example", "```text");
        let aliases = match entry.aliases {
            [] => String::new(),
            aliases => format!("Also called {}.\n\n", aliases.join(", ")),
        };
        write!(page, "\n## {}\n\n{aliases}{}\n", entry.name, text.trim_end())
            .expect("writing to a string does not fail");
    }
    page
}

#[test]
fn the_manual_of_the_language_is_fresh() {
    for (kind, file, title, source) in [
        (EntryKind::Command, "commands.md", "Commands", "query/src/command"),
        (EntryKind::Function, "functions.md", "Functions of eval and where", "query/src/expr/function"),
        (EntryKind::StatsFunction, "statistics.md", "Functions of stats, chart and timechart", "query/src/stats_fn"),
    ] {
        check(&format!("{}/../docs/spl/{file}", env!("CARGO_MANIFEST_DIR")), &manual(kind, title, source));
    }
}

#[test]
fn docs_are_fresh() {
    check(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md"), &page());
}

//! Pages that are written from the program itself: `docs/cli.md` from the definition of the command line (and
//! `docs/config.md` from that of the configuration, see [`crate::config`]). A test fails when a page is out of date.

use crate::args::Args;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;
use std::fs;

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

#[test]
fn docs_are_fresh() {
    check(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md"), &page());
}

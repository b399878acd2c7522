//! The session in README.md is what the commands really print.

use crate::support::Sandbox;
use crate::tidy::{root, words};
use regex::Regex;
use std::fs;

/// The fenced block with the session: between these two lines.
const BEGIN: &str = "```console\n";
const END: &str = "```\n";

/// Rewrites README.md if `$UPDATE_DOCS` is set.
#[test]
fn the_session_is_true() {
    let path = root().join("README.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (session, after) = rest.split_once(END).unwrap();

    let sandbox = Sandbox::new();
    let mut played = String::new();
    for command in session.lines().filter(|line| line.starts_with("$ ")) {
        let words = words(command.trim_start_matches("$ "));
        let args: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        let run = sandbox.finish(sandbox.command(&args).current_dir(root()));
        let printed = [String::from_utf8_lossy(run.stdout()).into_owned(), run.stderr()].concat();
        let data = sandbox.path().join("data").display().to_string();
        let printed = printed.replace(&data, "~/.local/share/trawl").replace("$TRAWL_DATA", "default");
        played.push_str(&format!("{command}\n{printed}\n"));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, [before, BEGIN, played.trim_end(), "\n", END, after].concat()).unwrap();
        return;
    }
    let hint = "run UPDATE_DOCS=1 cargo test -p trawl-cli readme";
    assert_eq!(stable(played.trim_end()), stable(session.trim_end()), "{hint}");
}

/// The session without times and sizes, and without what tells how many last events may still grow: that depends on the
/// age of the files.
fn stable(session: &str) -> String {
    let varying =
        Regex::new(r" \(\d+ events not sealed yet\)|\([\d.]+ [kM]?B\)|[\d.]+ (ms|s)\b|[\d.]+ [kMG]?B/s").unwrap();
    varying.replace_all(session, "").into_owned()
}

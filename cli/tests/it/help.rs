//! `trawl help`.

use crate::support::Sandbox;

#[test]
fn pages_of_the_language() {
    let sandbox = Sandbox::new();
    let run = sandbox.trawl(&["help", "dedup"]);
    let page = String::from_utf8_lossy(run.stdout()).into_owned();
    assert_eq!(run.code(), 0);
    assert!(page.starts_with("dedup (command)\n"), "{page}");
    assert!(page.contains("Syntax") && page.contains("    > dedup"), "{page}");
    // A function of both kinds has both pages.
    let run = sandbox.trawl(&["help", "MAX"]);
    let page = String::from_utf8_lossy(run.stdout()).into_owned();
    assert!(page.contains("max (function of eval and where)") && page.contains("max (function of stats"), "{page}");
}

#[test]
fn verbs_have_their_help() {
    let sandbox = Sandbox::new();
    let page = |args: &[&str]| String::from_utf8_lossy(sandbox.trawl(args).stdout()).into_owned();
    assert!(page(&["help", "index"]).contains("--dry-run"));
    // `search` is a command and a verb.
    let both = page(&["help", "search"]);
    assert!(both.contains("search (command)") && both.contains("--explain"), "{both}");
}

#[test]
fn everything_is_listed() {
    let sandbox = Sandbox::new();
    let run = sandbox.trawl(&["help"]);
    let list = String::from_utf8_lossy(run.stdout()).into_owned();
    for name in ["stats", "strftime", "perc", "timechart"] {
        assert!(list.lines().any(|line| line.trim_start().starts_with(&format!("{name} "))), "{name} in {list}");
    }
}

#[test]
fn unknown_names_get_the_nearest() {
    let sandbox = Sandbox::new();
    insta::assert_snapshot!(sandbox.trawl(&["help", "stast"]), @r"
    exit: 2
    --- stderr ---
    error: there is no command or function `stast`
    hint: did you mean `stats`? `trawl help` lists all
    ");
}

//! `trawl saved`, and `| savedsearch`.

use crate::support::Sandbox;
use insta::assert_snapshot;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const CONFIG: &[u8] = b"\
[saved]
errors = \"ERROR | stats count by host\"

[saved.of_host]
search = \"PaymentService host=$host$ $what$\"
description = \"What the payment service did on a host\"
owner = \"payments team\"
tags = [\"daily\", \"payments\"]
runbook = \"https://wiki/pay\"
args = { host = \"*\" }
earliest = \"2026-11-20T14:05:01\"
latest = \"2026-11-20T14:05:04\"
";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_pay_log();
    sandbox.file("trawl.toml", CONFIG);
    sandbox
}

#[test]
fn they_are_listed_and_shown() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.trawl(&["saved", "list"]), @"
    exit: 0
    --- stdout ---
    name     description                             arguments     range                                       tags             owner          search
    -------  --------------------------------------  ------------  ------------------------------------------  ---------------  -------------  ---------------------------------
    errors                                                                                                                                     ERROR | stats count by host
    of_host  What the payment service did on a host  host=* what=  2026-11-20T14:05:01 to 2026-11-20T14:05:04  daily, payments  payments team  PaymentService host=$host$ $what$
    ");
    assert_snapshot!(sandbox.trawl(&["saved", "list", "--tag", "daily", "-o", "ndjson"]), @r#"
    exit: 0
    --- stdout ---
    {"name":"of_host","description":"What the payment service did on a host","arguments":"host=* what=","range":"2026-11-20T14:05:01 to 2026-11-20T14:05:04","tags":"daily, payments","owner":"payments team","search":"PaymentService host=$host$ $what$"}
    "#);
    assert_eq!(sandbox.trawl(&["saved", "list", "--tag", "daily", "--tag", "weekly"]).code(), 1);
    assert_snapshot!(sandbox.trawl(&["saved", "show", "of_host"]), @"
    exit: 0
    --- stdout ---
    name         of_host
    description  What the payment service did on a host
    owner        payments team
    tags         daily, payments
    runbook      https://wiki/pay
    arguments    host=* what=
    range        2026-11-20T14:05:01 to 2026-11-20T14:05:04
    written in   [DIR]/trawl.toml:4
    search       search PaymentService host=$host$ $what$
    ");
    assert_snapshot!(sandbox.trawl(&["saved", "show", "of_hots"]), @"
    exit: 2
    --- stderr ---
    error: there is no saved search `of_hots`
    hint: did you mean `of_host`?
    ");
}

#[test]
fn they_are_run_with_their_arguments_and_range() {
    let sandbox = sandbox();
    let run = |args: &[&str]| {
        let run = sandbox.trawl(&[&["saved", "run"], args, &["--now", crate::support::NOW]].concat());
        (run.code(), String::from_utf8_lossy(run.stdout()).lines().count(), run.stderr())
    };
    // Of the three events of the service, one is in the range.
    let (code, n_lines, _) = run(&["of_host", "what=ERROR"]);
    assert_eq!((code, n_lines), (0, 3), "an event of three lines");
    assert_eq!(run(&["of_host", "what=INFO"]).0, 1);
    assert_eq!(run(&["of_host", "what=INFO", "--earliest", "-7d"]).1, 2, "another range stands for the whole");
    assert_eq!(run(&["of_host", "what=ERROR", "host=nowhere"]).0, 1);
    assert_eq!(run(&["of_host", "what=\"failed to\" OR started", "--earliest", "0", "-n", "1"]).0, 0);
    assert!(run(&["of_host"]).2.contains("needs the argument `what`"));
    let (code, _, stderr) = run(&["of_host", "what=ERROR", "hots=x"]);
    assert!(code == 2 && stderr.contains("did you mean `host`?"), "{stderr}");
    let (code, _, stderr) = run(&["errors", "host=x"]);
    assert!(code == 2 && stderr.contains("hint: it has none"), "{stderr}");
    let (code, _, stderr) = run(&["errors", "host"]);
    assert!(code == 2 && stderr.contains("not an argument and its value"), "{stderr}");
    assert_snapshot!(sandbox.trawl(&["saved", "run", "errors", "-o", "csv"]), @"
    exit: 0
    --- stdout ---
    host,count
    pay-01,2
    ");

    // The language means the same.
    let found = sandbox.search(&["| savedsearch of_host what=ERROR | stats count", "-o", "csv"]);
    assert_eq!(found.stdout(), b"count\n1\n", "{found}");
    let found = sandbox.search(&["| savedsearch of_host what=INFO | stats count", "-o", "csv", "--latest", "now"]);
    assert_eq!(found.stdout(), b"count\n2\n", "{found}");
}

#[test]
fn they_are_added_replaced_and_removed() {
    let sandbox = sandbox();
    let file = sandbox.path().join("data/saved.d/slow.toml");
    let add = ["saved", "add", "slow", "attempt>$n$ | stats count by host", "--arg", "n=1", "--tag", "daily"];
    assert_snapshot!(sandbox.trawl(&add), @"
    exit: 0
    --- stderr ---
    saved slow in [DIR]/data/saved.d/slow.toml
    ");
    assert_snapshot!(fs::read_to_string(&file).unwrap(), @r#"
    [saved.slow]
    search = "attempt>$n$ | stats count by host"
    tags = ["daily"]

    [saved.slow.args]
    n = "1"
    "#);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    let found = sandbox.trawl(&["saved", "run", "slow", "n=3", "-o", "csv"]);
    assert_eq!(found.stdout(), b"host,count\npay-01,1\n", "{found}");

    assert_snapshot!(sandbox.trawl(&add), @"
    exit: 2
    --- stderr ---
    error: there is a saved search `slow` already ([DIR]/data/saved.d/slow.toml:1)
    hint: --force replaces it
    ");
    let again =
        ["saved", "add", "slow", "ERROR \"a b\" $x$", "--force", "--description", "\"quotes\" and \\ and \n lines"];
    let run = sandbox.trawl(&again);
    assert!(run.code() == 0 && run.stderr().starts_with("replaced slow"), "{run}");
    let shown = sandbox.trawl(&["saved", "show", "slow"]);
    assert_eq!(shown.code(), 0, "{shown}");

    assert_eq!(sandbox.trawl(&["saved", "rm", "slow"]).code(), 0);
    assert!(!file.exists());
    assert_snapshot!(sandbox.trawl(&["saved", "rm", "slow"]), @"
    exit: 2
    --- stderr ---
    error: there is no saved search `slow`
    hint: `trawl saved list` names them, `trawl saved add NAME QUERY` adds one
    ");
    assert_snapshot!(sandbox.trawl(&["saved", "rm", "errors"]), @"
    exit: 2
    --- stderr ---
    error: `errors` was not added by `trawl saved add`: it is written in [DIR]/trawl.toml:2
    hint: remove it there
    ");

    // A file with several was written by somebody else.
    sandbox.file("data/saved.d/two.toml", b"[saved]\ntwo = \"x\"\nthree = \"y\"\n");
    let run = sandbox.trawl(&["saved", "rm", "two"]);
    assert!(run.code() == 2 && run.stderr().contains("data/saved.d/two.toml:2"), "{run}");
    let run = sandbox.trawl(&["saved", "add", "two", "x", "--force"]);
    assert!(run.code() == 2 && run.stderr().contains("change it there"), "{run}");
}

#[test]
fn what_cannot_be_saved_is_refused() {
    let sandbox = sandbox();
    for args in [
        &["bad", "ERROR host=$host$ | stast count"][..],
        &["../bad", "ERROR"],
        &[".bad", "ERROR"],
        &["errors", "ERROR", "--force"],
        &["bad", "ERROR", "--earliest", "yesterday"],
        &["bad", "ERROR", "--arg", "x=1"],
        &["bad", "ERROR", "--arg", "x"],
    ] {
        let run = sandbox.trawl(&[&["saved", "add"], args].concat());
        assert_eq!(run.code(), 2, "{run}");
    }
    assert_snapshot!(sandbox.trawl(&["saved", "add", "bad", "ERROR host=$host$ | stast count"]), @"
    exit: 2
    --- stderr ---
    error: unknown command `stast`
      |
    1 | ERROR host=$host$ | stast count
      |                     ^^^^^
      |
      = hint: did you mean `stats`?
    ");
    assert!(!sandbox.path().join("data/saved.d").exists());
    // A name that stands twice is said with both places.
    sandbox.file("data/saved.d/errors.toml", b"\n[saved]\nerrors = \"x\"\n");
    assert_snapshot!(sandbox.trawl(&["saved", "list"]), @"
    exit: 2
    --- stderr ---
    error: cannot use `errors` of [DIR]/data/saved.d/errors.toml:3: there is another one of that name ([DIR]/trawl.toml:2)
    hint: give each saved search a name of its own
    ");
}

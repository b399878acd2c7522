//! `trawl config check`.

use crate::support::Sandbox;
use insta::assert_snapshot;

const CONFIG: &str = "\
tz = \"Europe/Berlin\"

[saved]
errors = \"ERROR host=$host$\"

[[alert]]
name = \"payment\"
search = \"ERROR PaymentService\"
every = \"10s\"
window = \"1m\"
condition = \"count > 1\"
group_by = [\"host\"]

[[alert.test]]
name = \"two failures\"
lines = [
  \"2026-11-20 14:00:11 ERROR PaymentService failed\",
  { line = \"2026-11-20 14:00:12 ERROR PaymentService failed\", host = \"web02\" },
  \"2026-11-20 14:00:15 ERROR PaymentService failed\",
]
host = \"web01\"
expect = [\"14:00:20 raised host=web01\", \"14:01:20 resolved host=web01\"]
";

/// How a check of a configuration ended and what it printed.
fn check(config: &str, args: &[&str]) -> String {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", config.as_bytes());
    let run = sandbox.trawl(&[&["config", "check"], args].concat());
    assert!(!sandbox.path().join("data").exists(), "nothing is written");
    run.to_string()
}

#[test]
fn all_is_well() {
    assert_snapshot!(check(CONFIG, &[]), @"
    exit: 0
    --- stdout ---
    [DIR]/trawl.toml: 1 alert, 1 test, 1 saved search: all is well
    ");
    assert_snapshot!(check(CONFIG, &["-o", "csv"]), @"
    exit: 0
    --- stdout ---
    kind,name,place,result,detail
    saved,errors,[DIR]/trawl.toml:4,ok,
    alert,payment,[DIR]/trawl.toml:6,ok,
    test,payment: two failures,[DIR]/trawl.toml:14,ok,
    ");
    assert_snapshot!(check("", &[]), @"
    exit: 0
    --- stdout ---
    [DIR]/trawl.toml: 0 alerts, 0 tests, 0 saved searches: all is well
    ");
}

#[test]
fn a_test_that_fails_says_how() {
    let config = CONFIG.replace("count > 1", "count > 0");
    assert_snapshot!(check(&config, &[]), @"
    exit: 1
    --- stdout ---
    test `two failures` of alert payment ([DIR]/trawl.toml:14) failed (- expected, + happened):
        14:00:20 raised host=web01
      + 14:00:20 raised host=web02
        14:01:20 resolved host=web01
      + 14:01:20 resolved host=web02

    [DIR]/trawl.toml: 1 alert, 1 test, 1 saved search: 1 test failed
    ");
    assert_snapshot!(check(&config, &["-o", "json"]), @r#"
    exit: 1
    --- stdout ---
    {"results":[
    {"kind":"saved","name":"errors","place":"[DIR]/trawl.toml:4","result":"ok"},
    {"kind":"alert","name":"payment","place":"[DIR]/trawl.toml:6","result":"ok"},
    {"kind":"test","name":"payment: two failures","place":"[DIR]/trawl.toml:14","result":"failed","detail":"  14:00:20 raised host=web01\n+ 14:00:20 raised host=web02\n  14:01:20 resolved host=web01\n+ 14:01:20 resolved host=web02"}
    ],
    "fields":["kind","name","place","result","detail"],
    "warnings":[]}
    "#);
}

#[test]
fn only_the_tests_of_one_alert() {
    let config = CONFIG.replace("count > 1", "count > 0");
    let other =
        "\n[[alert]]\nname = \"other\"\nsearch = \"x\"\nevery = \"1m\"\nwindow = \"1m\"\ncondition = \"count > 0\"\n";
    let run = check(&format!("{config}{other}"), &["--alert", "other"]);
    assert!(run.starts_with("exit: 0"), "{run}");
    let run = check(&config, &["--alert", "paymnt"]);
    assert!(run.starts_with("exit: 2") && run.contains("did you mean `payment`?"), "{run}");
}

#[test]
fn what_makes_no_sense_is_said_all_at_once() {
    let config =
        CONFIG.replace("ERROR host=$host$", "ERROR host=$host$ | stast x").replace("14:00:20 raised", "14:00:20 rised");
    let more = "\n[[alert.test]]\nname = \"no time\"\nlines = [\"x\"]\n\n[[alert.test]]\nlines = [{ at = \"14:00\" }]\n\n\
                [[alert]]\nname = \"other\"\nsearch = \"x |\"\nevery = \"1m\"\nwindow = \"1m\"\ncondition = \"count > 0\"\n";
    assert_snapshot!(check(&format!("{config}{more}"), &[]), @r#"
    exit: 2
    --- stdout ---
    saved search errors ([DIR]/trawl.toml:4) cannot be used:
      error: unknown command `stast`
        |
      1 | ERROR host=$host$ | stast x
        |                     ^^^^^
        |
        = hint: did you mean `stats`?

    test `two failures` of alert payment ([DIR]/trawl.toml:14) cannot be used:
      `14:00:20 rised host=web01` is no transition: write for example `14:00:20 raised`; did you mean `raised`?

    test `no time` of alert payment ([DIR]/trawl.toml:24) cannot be used:
      nothing says when line 1 is written: write { line = "…", at = "14:00:20" }

    test `3` of alert payment ([DIR]/trawl.toml:28) cannot be used:
      a line has no text
      hint: write { line = "…", at = "14:00" }

    alert other ([DIR]/trawl.toml:31) cannot be used:
      its search cannot be used
      error: a command is missing here
        |
      1 | x |
        |   ^
      hint: `trawl search --check QUERY` tries a search

    [DIR]/trawl.toml: 2 alerts, 3 tests, 1 saved search: 5 items to be corrected
    "#);
}

#[test]
fn tests_use_what_the_configuration_defines() {
    let sandbox = Sandbox::new();
    let config = "lookups = \"lookups\"\n[saved.bad]\nsearch = \"`errors` service=$service$\"\nargs = { service = \"*\" }\nearliest = \"-7d\"\n\
                  [macros]\nerrors = \"level=ERROR\"\n\
                  [[alert]]\nname = \"a\"\nsearch = \"| savedsearch bad service=pay | lookup owners host OUTPUT team | where team=\\\"red\\\"\"\n\
                  every = \"10s\"\nwindow = \"10s\"\ncondition = \"count > 0\"\n\
                  [[alert.test]]\nname = \"lookup\"\nsourcetype = \"mine\"\n\
                  lines = [\"at 2026-11-20 14:00:01 ERROR service=pay\", { line = \"at 2026-11-20 14:00:31 ERROR service=pay\", host = \"web01\" }]\n\
                  expect = [\"14:00:40 raised\", \"14:00:50 resolved\"]\n";
    sandbox.file("trawl.toml", config.as_bytes());
    sandbox.file("lookups/owners.csv", b"host,team\nweb01,red\ntest,blue\n");
    let mine = "name = \"mine\"\ndescription = \"x\"\n[framing]\nmode = \"stamp\"\n[time]\nprefix = '^at '\nformats = [\"%Y-%m-%d %H:%M:%S\"]\n\
                [extract]\nmode = \"kv\"\n";
    sandbox.file("sourcetypes/mine.toml", mine.as_bytes());
    let run = sandbox.trawl(&["config", "check"]);
    assert_eq!(run.code(), 0, "{run}");
}

//! `trawl config`

use crate::support::Sandbox;
use insta::assert_snapshot;

#[test]
fn every_setting_names_its_origin() {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", b"tz = \"Europe/Berlin\"\n[search]\nlimit = 20\n");
    assert_snapshot!(sandbox.trawl(&["config", "show"]), @r#"
    exit: 0
    --- stdout ---
    # [DIR]/trawl.toml (from $TRAWL_CONFIG)
    data = "[DIR]/data"             # $TRAWL_DATA
    lookups = "[DIR]/data/lookups"  # default
    tz = "Europe/Berlin"                      # [DIR]/trawl.toml:1

    [search]
    default_indexes = []                      # default
    deadline = "none"                         # default
    limit = 20                                # [DIR]/trawl.toml:3

    [limits]
    max_groups = 5000000                      # default
    max_memory_bytes = "1GiB"                 # default
    max_spill_bytes = "none"                  # default
    spill_folder = "/tmp"                     # default
    "#);
    assert_snapshot!(sandbox.trawl(&["config", "show", "--data", "here", "--tz", "UTC"]), @r#"
    exit: 0
    --- stdout ---
    # [DIR]/trawl.toml (from $TRAWL_CONFIG)
    data = "[DIR]/here"             # --data
    lookups = "[DIR]/here/lookups"  # default
    tz = "UTC"                                # --tz

    [search]
    default_indexes = []                      # default
    deadline = "none"                         # default
    limit = 20                                # [DIR]/trawl.toml:3

    [limits]
    max_groups = 5000000                      # default
    max_memory_bytes = "1GiB"                 # default
    max_spill_bytes = "none"                  # default
    spill_folder = "/tmp"                     # default
    "#);
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", b"[search]\ndefault_index = [\"web\"]\n");
    assert_snapshot!(sandbox.trawl(&["config", "show"]), @r#"
    exit: 2
    --- stderr ---
    error: cannot use configuration [DIR]/trawl.toml: TOML parse error at line 2, column 1
      |
    2 | default_index = ["web"]
      | ^^^^^^^^^^^^^
    unknown field `default_index`, expected one of `default_indexes`, `deadline`, `limit`
    hint: did you mean `default_indexes`?
    "#);
    assert_snapshot!(sandbox.trawl(&["config", "show", "--config", "none.toml"]), @r"
    exit: 2
    --- stderr ---
    error: cannot read configuration [DIR]/none.toml (from --config): No such file or directory (os error 2)
    ");
    // What needs no configuration works all the same.
    assert_eq!(sandbox.trawl(&["completions", "bash"]).code(), 0);
}

#[test]
fn temporary_files_of_searches_have_a_folder_and_a_bound() {
    let sandbox = Sandbox::with_pay_log();
    let folder = sandbox.path().join("spill");
    std::fs::create_dir(&folder).unwrap();
    let query = "| makeresults count=40000 | streamstats count AS n | eval text=\"some text that takes room\" \
                 | sort 0 - n | stats first(n) AS n";
    let sorted = |limits: &str| {
        sandbox.file("trawl.toml", format!("[limits]\nmax_memory_bytes = \"2MiB\"\n{limits}").as_bytes());
        sandbox.search(&[query, "-o", "csv"])
    };
    let run = sorted("spill_folder = \"spill\"\n");
    assert_eq!((run.code(), run.stdout()), (0, &b"n\n40000\n"[..]), "{run}");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "they are gone");
    let run = sorted("spill_folder = \"spill\"\nmax_spill_bytes = \"10kB\"\n");
    assert!(run.code() == 2 && run.stderr().contains("max_spill_bytes"), "{run}");
    let run = sorted("spill_folder = \"missing\"\n");
    assert!(run.code() == 2 && run.stderr().contains("missing"), "{run}");
}

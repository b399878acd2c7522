//! Lookup tables and other names of the configuration, from the file to the printed row.

use crate::support::{PAY_LOG, Sandbox};
use insta::assert_snapshot;
use std::fs;

const CONFIG: &[u8] = b"\
lookups = \"tables\"\n\
[macros]\n\"of(host)\" = \"host=$host$\"\n\
[saved]\nby_owner = \"error | lookup owners host OUTPUT owner | stats count by owner\"\n\
[lookup.owners]\nfilename = \"hosts.csv\"\nmatch_type = \"WILDCARD(host)\"\nmax_matches = 1\ndefault_match = \"nobody\"\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", CONFIG);
    sandbox.file("tables/hosts.csv", b"host,owner,room\ndb-01,anna,A1\npay-*,ben,\n");
    sandbox.file("pay.log", PAY_LOG);
    let run = sandbox.trawl(&["index", "--host", "pay-01", "pay.log"]);
    assert_eq!(run.code(), 0, "{run}");
    sandbox
}

#[test]
fn rows_are_completed_from_a_table() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.search(&["attempt=* | lookup owners host OUTPUT owner | stats count by owner"]), @r"
    exit: 0
    --- stdout ---
    owner  count
    -----  -----
    ben        4
    ");
    assert_snapshot!(sandbox.search(&["`of(pay-01)` | stats count by host | lookup hosts.csv host | lookup owners host"]), @r"
    exit: 0
    --- stdout ---
    host    count  owner  room
    ------  -----  -----  ----
    pay-01      5  ben
    ");
    assert_snapshot!(sandbox.search(&["| savedsearch by_owner"]), @r"
    exit: 0
    --- stdout ---
    owner  count
    -----  -----
    ben        2
    ");
    assert_snapshot!(sandbox.search(&["| inputlookup hosts where owner=a*"]), @r"
    exit: 0
    --- stdout ---
    host   owner  room
    -----  -----  ----
    db-01  anna   A1
    ");
}

#[test]
fn a_table_is_written_and_read_again() {
    let sandbox = sandbox();
    let run = sandbox.search(&["* | stats count by level | outputlookup levels.csv.gz | head 1"]);
    assert_snapshot!(run, @r"
    exit: 0
    --- stdout ---
    level  count
    -----  -----
    ERROR      2
    ");
    assert_snapshot!(sandbox.search(&["| inputlookup levels | stats sum(count) as n"]), @r"
    exit: 0
    --- stdout ---
    n
    -
    5
    ");
    let run = sandbox.search(&["| makeresults | eval host=\"db-02\" | outputlookup append=t hosts"]);
    assert_eq!(run.code(), 0, "{run}");
    let text = fs::read_to_string(sandbox.path().join("tables/hosts.csv")).unwrap();
    assert_eq!(text, "host,owner,room\ndb-01,anna,A1\npay-*,ben,\ndb-02,,\n");
}

#[test]
fn what_is_missing_is_said() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.search(&["* | lookup host host"]), @r"
    exit: 2
    --- stderr ---
    error: `lookup`: there is no lookup table `host`; [DIR]/tables has hosts.csv; did you mean `hosts`?
    ");
    assert_snapshot!(sandbox.search(&["* | lookup hosts hst AS host"]), @r"
    exit: 2
    --- stderr ---
    error: `lookup`: the lookup table [DIR]/tables/hosts.csv has no column `hst`; it has host, owner, room; did you mean `host`?
    ");
    assert_snapshot!(sandbox.search(&["* | outputlookup ../hosts.csv"]), @r"
    exit: 2
    --- stderr ---
    error: `../hosts.csv` leaves the folder of lookup tables: a table is named without its folder
      |
    1 | * | outputlookup ../hosts.csv
      |                  ^^^^^^^^^^^^
    ");
    assert_snapshot!(sandbox.search(&["| inputlookup hosts", "--lookups", "nowhere"]), @r"
    exit: 2
    --- stderr ---
    error: `inputlookup`: there is no lookup table `hosts`; [DIR]/nowhere has none
    ");
}

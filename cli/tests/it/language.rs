//! The search language end to end: pipelines over an index, with subsearches and commands that make their own rows.

use crate::support::Sandbox;

/// What a query prints as CSV.
fn csv(sandbox: &Sandbox, query: &str) -> String {
    let run = sandbox.search(&[query, "--output", "csv"]);
    assert!(run.code() < 2, "{query}: {run}");
    String::from_utf8_lossy(run.stdout()).into_owned()
}

#[test]
fn subsearches_over_an_index() {
    let sandbox = Sandbox::with_pay_log();
    for (query, expected) in [
        // The attempts that the errors name, looked for among all events.
        ("[search ERROR | fields attempt] | stats count BY level", "level,count\nERROR,2\n"),
        ("[search WARN | return attempt] | table attempt level", "attempt,level\n2,WARN\n"),
        ("NOT [search ERROR | fields attempt] | stats count", "count\n3\n"),
        ("* | where attempt > [search WARN | return $attempt] | stats count", "count\n2\n"),
        ("error [search absent | fields attempt] | stats count", "count\n0\n"),
        (
            "* | stats count BY level | append [search ERROR | stats count | eval level=\"errors\"]",
            "level,count\nERROR,2\nINFO,2\nWARN,1\nerrors,2\n",
        ),
        (
            "ERROR | table attempt | join attempt [search * | eval twice=attempt*2 | table attempt twice] | sort attempt",
            "attempt,twice\n1,2\n3,6\n",
        ),
        ("WARN | table attempt | map search=\"search attempt=$attempt$ | stats count AS n\"", "n\n1\n"),
    ] {
        assert_eq!(csv(&sandbox, query), expected, "{query}");
    }
}

#[test]
fn commands_that_make_their_rows_from_the_index() {
    let sandbox = Sandbox::with_pay_log();
    for (query, expected) in [
        ("| tstats count WHERE host=pay-01 BY level", "level,count\nERROR,2\nINFO,2\nWARN,1\n"),
        (
            "| tstats count WHERE error BY _time span=1m | eval t=strftime(_time, \"%H:%M\") | table t count",
            "t,count\n14:05,2\n",
        ),
        ("| metadata type=hosts | table type host totalCount", "type,host,totalCount\nhosts,pay-01,5\n"),
        ("| eventcount", "count\n5\n"),
        ("| eventcount summarize=f index=*", "index,count\nmain,5\n"),
        ("| multisearch [search ERROR | eval k=1] [search WARN | eval k=2] | table k", "k\n1\n2\n1\n"),
        ("| union [search ERROR | stats count] [search WARN | stats count]", "count\n2\n1\n"),
        ("| set diff [search * | table attempt] [search ERROR | table attempt] | sort attempt", "attempt\n2\n4\n\n"),
    ] {
        assert_eq!(csv(&sandbox, query), expected, "{query}");
    }
}

#[test]
fn a_range_of_time_does_not_spread_into_subsearches() {
    let sandbox = Sandbox::with_pay_log();
    // Trap 19 of the language reference: the inner search takes the caller's range, not the outer inline one.
    let query = "earliest=2026-11-20T14:05:03Z | stats count | append [search * | stats count]";
    assert_eq!(csv(&sandbox, query), "count\n2\n5\n");
    let run = sandbox.search(&[query, "--output", "csv", "--earliest", "2026-11-20T14:05:02Z"]);
    assert_eq!(String::from_utf8_lossy(run.stdout()), "count\n2\n3\n");
}

#[test]
fn explain_shows_what_a_subsearch_became() {
    let sandbox = Sandbox::with_pay_log();
    let run = sandbox.search(&["[search WARN | return attempt]", "--explain"]);
    let text = String::from_utf8_lossy(run.stdout()).into_owned();
    assert!(text.starts_with("written search [search WARN | return attempt]\nquery   search attempt=2\n"), "{text}");
}

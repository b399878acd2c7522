//! Sections 9.1, 11.2 and 11.5: tables beside the events.

use super::{NOW_US, print, report, row};
use std::collections::BTreeMap;
use std::sync::Arc;
use trawl_query::context::Context;
use trawl_query::lookup::{LookupDefinition, Lookups, MatchKind};
use trawl_query::time::TimeRange;
use trawl_query::{Batch, Knowledge, SearchOptions};

const HOSTS: &str = "host,owner,room\ndb,ann,A1\ndb,ben,\nweb,carl,B2\n";
const NETWORKS: &str = "net,zone\n10.0.0.0/8,inside\n*.example.org,outside\n";

/// As [`super::rows`], each query in a folder of its own with the tables `hosts` and `networks`.
fn rows(cases: &[super::Case<'_>]) {
    let mut complaints = Vec::new();
    for (input, query, expected) in cases {
        let found = run(input, query).map_or_else(|error| error, |batch| print(&batch));
        if found != expected.trim() {
            complaints.push(format!("{query}\nover\n{input}\nexpected\n{expected}\nfound\n{found}"));
        }
    }
    report(complaints, cases.len());
}

#[expect(clippy::disallowed_methods, reason = "tests set up the files that they speak of")]
fn run(input: &str, query: &str) -> Result<Batch, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in [("hosts.csv", HOSTS), ("networks.csv", NETWORKS)] {
        std::fs::write(folder.path().join(name), text).expect("the folder can be written");
    }
    let of_file = |file: &str| LookupDefinition::of_file(file);
    let without_case = LookupDefinition { case_sensitive: false, ..of_file("hosts.csv") };
    let with_default = LookupDefinition { min_matches: 1, default: "nobody".to_owned(), ..of_file("hosts.csv") };
    let one_match = LookupDefinition { max_matches: Some(1), ..of_file("hosts.csv") };
    let matched = |kind| [("net".to_owned(), kind)].into_iter().collect();
    let definitions: BTreeMap<String, LookupDefinition> = [
        ("any_case", without_case),
        ("with_default", with_default),
        ("one_match", one_match),
        ("by_network", LookupDefinition { matches: matched(MatchKind::Cidr), ..of_file("networks.csv") }),
        ("by_pattern", LookupDefinition { matches: matched(MatchKind::Wildcard), ..of_file("networks.csv") }),
    ]
    .map(|(name, definition)| (name.to_owned(), definition))
    .into();
    let lookups = Lookups { dir: Some(folder.path().to_owned()), definitions };
    let knowledge = Arc::new(Knowledge { lookups, ..Knowledge::default() });
    let options = SearchOptions { knowledge, ..SearchOptions::new(NOW_US) };
    let text = if query.starts_with('|') { query.to_owned() } else { format!("* | {query}") };
    let pipeline = trawl_query::parse_with(&text, &options.knowledge).map_err(|error| error.render(&text, false))?;
    let ctx = Arc::new(Context::of_search(&options, TimeRange::ALL, None));
    let rows = input.lines().filter(|line| !line.is_empty()).map(row).collect();
    let name = folder.path().to_string_lossy().into_owned();
    pipeline.run_over(rows, 1, &ctx).map_err(|error| error.to_string().replace(&name, "DIR"))
}

#[test]
fn s11_2_lookup() {
    rows(&[
        ("host=web", "lookup hosts host OUTPUT owner", "host=web owner=carl"),
        ("host=db", "lookup hosts host OUTPUT owner room", "host=db owner=[ann,ben] room=A1"),
        ("h=web", "lookup hosts.csv host AS h OUTPUT owner AS who", "h=web who=carl"),
        ("host=web", "lookup hosts host", "host=web owner=carl room=B2"),
        ("host=Web owner=x", "lookup hosts host OUTPUT owner", "host=Web owner=x"),
        ("host=Web", "lookup any_case host OUTPUT owner", "host=Web owner=carl"),
        ("host=web owner=x", "lookup hosts host OUTPUT owner", "host=web owner=carl"),
        ("host=web owner=x\nhost=web", "lookup hosts host OUTPUTNEW owner", "host=web owner=x\nhost=web owner=carl"),
        ("host=db owner=ben", "lookup hosts host owner OUTPUT room AS r", "host=db owner=ben"),
        ("host=db owner=ann", "lookup hosts host owner OUTPUT room AS r", "host=db owner=ann r=A1"),
        ("x=1", "lookup hosts host OUTPUT owner", "x=1"),
        ("host=none", "lookup with_default host OUTPUT owner", "host=none owner=nobody"),
        ("host=db", "lookup one_match host OUTPUT owner", "host=db owner=ann"),
        ("ip=10.1.2.3\nip=11.1.1.1", "lookup by_network net AS ip OUTPUT zone", "ip=10.1.2.3 zone=inside\nip=11.1.1.1"),
        ("h=a.example.org", "lookup by_pattern net AS h OUTPUT zone", "h=a.example.org zone=outside"),
        ("host=web", "LOOKUP local=t update=f hosts host output owner", "host=web owner=carl"),
    ]);
}

#[test]
fn s9_1_lookup_function() {
    rows(&[
        (
            "h=web",
            "eval r=lookup(\"hosts\", json_object(\"host\", h), json_array(\"owner\"))",
            "h=web r={\"owner\":\"carl\"}",
        ),
        (
            "h=db",
            "eval r=lookup(\"hosts\", json_object(\"host\", h), json_array(\"owner\"))",
            "h=db r={\"owner\":[\"ann\",\"ben\"]}",
        ),
        ("h=x", "eval r=lookup(\"hosts\", json_object(\"host\", h), json_array(\"owner\"))", "h=x"),
        (
            "h=x",
            "eval r=lookup(\"none\", json_object(\"host\", h), json_array(\"owner\"))",
            "`eval`: there is no lookup table `none`; DIR has hosts.csv, networks.csv",
        ),
    ]);
}

#[test]
fn s11_5_inputlookup_and_outputlookup() {
    rows(&[
        ("", "| inputlookup hosts | stats count", "count=3"),
        ("", "| inputlookup hosts WHERE owner=a* OR room=B2", "host=db owner=ann room=A1\nhost=web owner=carl room=B2"),
        ("", "| inputlookup hosts start=1 max=1", "host=db owner=ben"),
        ("x=1", "inputlookup append=t hosts WHERE host=web", "x=1\nhost=web owner=carl room=B2"),
        ("a=1 _b=2", "outputlookup t | inputlookup append=t t", "a=1 _b=2\na=1"),
        ("host=new", "outputlookup append=t hosts | inputlookup append=t hosts | stats count", "count=5"),
        (
            "host=db owner=x",
            "outputlookup key_field=host hosts | inputlookup append=t hosts | table host owner",
            "host=db owner=x\nhost=web owner=carl\nhost=db owner=x",
        ),
        ("a=1\na=2", "outputlookup max=1 t | inputlookup append=t t | stats count", "count=3"),
        // A table that the search itself has just written.
        ("host=a owner=zoe", "outputlookup fresh | fields host | lookup fresh host OUTPUT owner", "host=a owner=zoe"),
        ("host=a owner=zoe", "outputcsv fresh | inputcsv append=t fresh", "host=a owner=zoe\nhost=a owner=zoe"),
        (
            "host=a",
            "lookup missing host",
            "`lookup`: there is no lookup table `missing`; DIR has hosts.csv, networks.csv",
        ),
        (
            "host=web",
            "search [| inputlookup hosts | where owner=\"carl\" | fields host] | lookup hosts host OUTPUT owner",
            "host=web owner=carl",
        ),
    ]);
}

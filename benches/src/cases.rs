//! The queries that are measured, one for each class that matters in an incident.

/// A query class with the query that stands for it on the generated corpus, and what ripgrep is asked for the same.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The class.
    pub class: &'static str,
    /// The query.
    pub query: &'static str,
    /// Most events wanted; `None`: all rows.
    pub limit: Option<usize>,
    /// Arguments of `rg` for a like answer from the raw files, if it can give one.
    pub rg: Option<&'static [&'static str]>,
    /// Goal of the first release, processor milliseconds, where there is one.
    pub goal_ms: Option<f64>,
}

const fn case(
    class: &'static str,
    query: &'static str,
    limit: Option<usize>,
    rg: Option<&'static [&'static str]>,
    goal_ms: f64,
) -> Case {
    Case { class, query, limit, rg, goal_ms: Some(goal_ms) }
}

/// A case without a goal and without a counterpart in `rg`.
const fn command(class: &'static str, query: &'static str) -> Case {
    Case { class, query, limit: None, rg: None, goal_ms: None }
}

/// All cases, in the order of the table.
pub const CASES: &[Case] = &[
    case("count of a common word", "error | stats count", None, Some(&["-ciw", "error"]), 5.0),
    case("two words, count", "ERROR PaymentService | stats count", None, Some(&["-ci", "error.*paymentservice"]), 5.0),
    case("timechart on a keyword", "error | timechart span=1h count", None, None, 20.0),
    case("prefix wildcard", "exce* | stats count", None, Some(&["-ci", r"\bexce"]), 10.0),
    case("substring", "*xception* | stats count", None, Some(&["-ci", "xception"]), 250.0),
    case("suffix wildcard", "*exception | stats count", None, Some(&["-ci", r"exception\b"]), 250.0),
    case("scan of all text", "42 | stats count", None, Some(&["-cw", "42"]), 700.0),
    case("rare keyword with raw events", "CHG0048213", None, Some(&["-iw", "CHG0048213"]), 3.0),
    case("last 100 of a common word", "error", Some(100), None, 10.0),
    case("phrase", r#""failed password" | stats count"#, None, Some(&["-ci", "failed password"]), 80.0),
    case("stats count by level, all events", "* | stats count by level", None, None, 25.0),
    case("stats count by source, all events", "* | stats count by source", None, None, 5.0),
    case("stats count by a search-time field", "* | stats count by user", None, None, 1500.0),
    case("field comparison", "status=404 | stats count by host", None, None, 700.0),
    case("numeric comparison", "status>=500 | stats count", None, None, 1500.0),
    case("a word that does not occur", "qwertzuiopas | stats count", None, Some(&["-ciw", "qwertzuiopas"]), 1.0),
    command("timechart by source on a keyword", "error | timechart span=5m count by source"),
    case(
        "stats on search-time fields, all events",
        "* | stats count, p95(latency_ms), dc(user) by service",
        None,
        None,
        1500.0,
    ),
    command("rex and top", "PaymentService | rex \"vpa=(?<vpa>\\w+)@(?<bank>\\w+)\" | top bank"),
    command("sort of a million rows", "(sourcetype=log4j OR sourcetype=logfmt) | sort 0 -num(latency_ms) | head 10"),
    command("transaction over a million events", "* | head 1000000 | transaction source maxpause=1s | stats count"),
    command("dedup of a million rows", "* | head 1000000 | dedup source level | stats count"),
];

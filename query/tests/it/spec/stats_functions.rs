//! Section 10: statistical functions.

use super::{columns, refused, rows};

#[test]
fn s10_null_and_text() {
    rows(&[
        ("x=1\nx=up\ny=1", "stats count(x) AS n dc(x) AS d sum(x) AS s avg(x) AS a", "n=2 d=2 s=1 a=1"),
        ("y=1", "stats count(x) AS n dc(x) AS d sum(x) AS s avg(x) AS a values(x) AS v", "n=0 d=0"),
        ("x=up", "stats sum(x) AS s avg(x) AS a range(x) AS r stdev(x) AS d", "-"),
        ("x=[1,2]\nx=3", "stats count(x) AS n sum(x) AS s list(x) AS l", "n=3 s=6 l=[1,2,3]"),
        ("x=007\nx=7", "stats dc(x) AS d", "d=2"),
    ]);
}

#[test]
fn s10_names() {
    columns(&[
        ("x=1", "stats c count(x) dc(x)", "count count(x) dc(x)"),
        ("x=1", "stats AVG( x ) Max(x)", "avg(x) max(x)"),
        ("x=1", "stats p95(x) perc95(x) mean(x)", "p95(x) perc95(x) mean(x)"),
        ("x=1", "stats count(eval(x>0)) AS n", "n"),
        ("a_ms=1 b_ms=2 c=3", "stats avg(*_ms)", "avg(a_ms) avg(b_ms)"),
        ("a_ms=1 b_ms=2 c=3", "stats avg(*_ms) AS *_mean", "a_mean b_mean"),
        ("x=1 h=a", "stats count BY h", "h count"),
    ]);
    refused(&[("* | stats first(h) AS a first(h) AS a", ""), ("* | stats nosuch(x)", "nosuch"), ("* | stats avg", "")]);
}

#[test]
fn s10_counting() {
    let input = "status=200\nstatus=404\nstatus=500\n-";
    rows(&[
        (input, "stats count count(status) AS n count(eval(status>=400)) AS errors", "count=4 n=3 errors=2"),
        (input, "stats sum(eval(if(status>=400, 1, 0))) AS errors", "errors=2"),
        (input, "stats c(status) AS n distinct_count(status) AS d", "n=3 d=3"),
        ("", "stats count", "count=0"),
        ("", "stats count BY x", ""),
    ]);
}

#[test]
fn s10_order_statistics() {
    let ten = (1..=10).map(|x| format!("x={x}")).collect::<Vec<_>>().join("\n");
    rows(&[
        (
            &ten,
            "stats median(x) AS m perc50(x) AS p p95(x) AS q perc99.9(x) AS r p0(x) AS lo p100(x) AS hi",
            "m=5.5 p=5.5 q=9.55 r=9.991 lo=1 hi=10",
        ),
        ("x=10\nx=9\nx=b\nx=B", "stats min(x) AS a max(x) AS z range(x) AS r", "a=9 z=b r=1"),
        ("x=a\nx=b\nx=b", "stats mode(x) AS m", "m=b"),
        ("x=2\nx=4\nx=4\nx=4\nx=5\nx=5\nx=7\nx=9", "stats stdevp(x) AS s varp(x) AS v sumsq(x) AS q", "s=2 v=4 q=232"),
        ("x=1\nx=3", "stats var(x) AS v", "v=2"),
        ("x=5", "stats stdev(x) AS s", "s=0"),
    ]);
}

#[test]
fn s10_values_and_order() {
    let input = "_time=2 x=b\n_time=3 x=10\n_time=1 x=b\n_time=4 x=9";
    rows(&[
        (input, "stats values(x) AS v list(x) AS l", "v=[10,9,b] l=[b,10,b,9]"),
        (input, "stats first(x) AS f last(x) AS l earliest(x) AS e latest(x) AS n", "f=b l=9 e=b n=9"),
        (input, "stats earliest_time(x) AS e latest_time(x) AS l", "e=1 l=4"),
        ("_time=0 n=10\n_time=10 n=30", "stats rate(n) AS r", "r=2"),
        ("_time=0 n=10", "stats rate(n) AS r", "-"),
    ]);
}

#[test]
fn s10_expressions_over_aggregates() {
    rows(&[("a=6 b=2\na=3 b=1", "stats eval(sum(a)/sum(b)) AS r", "r=3")]);
    refused(&[("* | stats per_second(x)", "timechart")]);
}

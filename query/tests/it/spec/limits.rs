//! Section 12: subsearches and limits.

use super::{rows, warnings};

#[test]
fn s12_subsearches() {
    let input = "x=1 y=a\nx=2 y=b\nx=3 y=a";
    rows(&[
        (input, "search [| makeresults | eval x=2 | table x]", "x=2 y=b"),
        (input, "search [makeresults | eval x=2 | table x]", "x=2 y=b"),
        (input, "search [| makeresults | eval x=2 | return x]", "x=2 y=b"),
        (input, "search NOT [| makeresults | eval y=\"a\" | table y]", "x=2 y=b"),
        (input, "search y=a [| makeresults | eval search=\"x>1\" | table search]", "x=3 y=a"),
        (input, "search [| makeresults | eval query=\"x=1 OR x=2\" | table query]", "x=1 y=a\nx=2 y=b"),
        (input, "search [| makeresults count=0 | eval x=1 | table x]", ""),
        (input, "where x>[| makeresults | eval n=2 | return $n]", "x=3 y=a"),
        (input, "eval z=[| makeresults | eval n=\"t\" | return $n] | head 1", "x=1 y=a z=t"),
        (input, "search [| makeresults | eval x=[| makeresults | eval n=3 | return $n] | table x]", "x=3 y=a"),
    ]);
}

#[test]
fn s12_cuts_are_said() {
    let many = |n: usize| (1..=n).map(|x| format!("x={x}\n")).collect::<String>();
    warnings(&[
        (&many(120), "stats list(x) AS l", "list() kept the first 100 values of a group"),
        (&many(10_001), "sort x", "sort kept 10000 of 10001 rows; write `sort 0 …` to keep all"),
        (&many(10_001), "sort 0 x", ""),
        (
            &many(12),
            "map search=\"| makeresults\"",
            "map ran its search for the first 10 rows; set maxsearches to run it for more",
        ),
        (
            "x=1",
            "search [| makeresults count=10001 | streamstats count AS x | table x]",
            "the subsearch of `subsearch` was cut: it has more than 10000 rows",
        ),
        ("x=1", "append [| makeresults count=50001]", "the subsearch of `append` was cut: it has more than 50000 rows"),
        ("x=1", "streamstats window=20000 count", "streamstats took a window of 10000 rows, the longest there is"),
    ]);
}

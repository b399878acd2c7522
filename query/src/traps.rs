//! What surprises people about the language, one test for each: the list of traps in the language reference.
//!
//! Traps that concern one command are tested in its file under the same numbers.

use crate::testing::{check_eval, check_rows};

fn canonical(query: &str) -> String {
    crate::parse(query).unwrap_or_else(|error| panic!("{}", error.render(query, false))).to_string()
}

#[test]
fn trap_1_or_binds_before_and_in_search_and_after_it_in_where() {
    assert_eq!(canonical("a OR b c"), "search (a OR b) c");
    assert_eq!(canonical("* | where a=1 OR b=1 AND c=1"), "search * | where a=1 OR b=1 AND c=1");
    check_rows("a=1\nb=1", "where a=1 OR b=1 AND c=1", "a=1");
    check_rows("a=1\nb=1", "search a=1 OR b=1 AND c=1", "");
}

#[test]
fn trap_2_absent_fields() {
    let rows = "f=v\nf=w\ng=1";
    check_rows(rows, "search f!=v", "f=w");
    check_rows(rows, "search NOT f=v", "f=w\ng=1");
    check_rows(rows, "where f!=\"v\"", "f=w");
    check_rows(rows, "where NOT f=\"v\"", "f=w");
}

#[test]
fn trap_3_search_compares_text_without_case_where_compares_numbers_with_case() {
    let rows = "f=Ab n=1.0";
    check_rows(rows, "search f=a* n=1.0", rows);
    check_rows(rows, "search n=1", "");
    check_rows(rows, "where n=1", rows);
    check_rows(rows, "where f=\"ab\"", "");
}

#[test]
fn trap_4_underscore_breaks_and_words_are_whole() {
    check_rows("_raw=error_count=3", "search error", "_raw=error_count=3");
    check_rows("_raw=PaymentService", "search payment", "");
}

#[test]
fn trap_7_each_command_has_its_own_way_with_absent_fields() {
    let rows = "_time=1 h=a\n_time=2";
    check_rows(rows, "stats count BY h", "h=a count=1");
    check_rows(rows, "dedup h", "_time=1 h=a");
    check_rows(rows, "top h showperc=f", "h=a count=1");
    check_rows(rows, "timechart span=1m count BY h", "_time=0 a=1 NULL=1");
}

#[test]
fn trap_9_dots_join_in_eval_and_name_in_by() {
    check_rows("a=1 b=2 a.b=3", "eval x=a.b, y='a.b'", "a=1 b=2 a.b=3 x=12 y=3");
    check_rows("a.b=3", "stats count BY a.b", "a.b=3 count=1");
}

#[test]
fn trap_16_values_are_sorted_as_text_and_sort_sorts_numbers() {
    check_rows("x=10\nx=2\nx=1", "stats values(x)", "values(x)=[1,10,2]");
    check_rows("x=10\nx=2\nx=1", "sort x", "x=1\nx=2\nx=10");
}

#[test]
fn trap_18_null_without_parentheses_is_an_absent_field() {
    check_rows("a=1", "eval a=null", "-");
    check_eval("null=5", "null", "5");
}

#[test]
fn trap_19_days_weeks_and_subsearches() {
    check_eval("", "relative_time(now(), \"-1d\") - now()", "-86400");
    check_eval("", "strftime(relative_time(now(), \"-1d@d\"), \"%a %H:%M\")", "Wed 00:00");
    check_eval("", "strftime(relative_time(now(), \"@w\"), \"%A\")", "Sunday");
}

#[test]
fn trap_20_what_people_write_parses() {
    for (query, expected) in [
        ("error latest=now()", "search error latest=now"),
        ("error | sort - count", "search error | sort -count"),
        ("error | WHERE a=1", "search error | where a=1"),
        ("error|STATS Count As n By host|Sort 0 -n", "search error | stats count AS n BY host | sort 0 -n"),
        ("| stats count", "| stats count"),
        ("search index=a OR index=b", "search index=a OR index=b"),
        ("```first``` error ```then | count``` | ```here``` head", "search error | head 10"),
        ("error\n| head 5\n\t| tail 1", "search error | head 5 | tail 1"),
    ] {
        assert_eq!(canonical(query), expected, "{query}");
    }
}

#[test]
fn trap_24_names_with_spaces_are_quoted_by_the_rules_of_each_command() {
    check_rows(
        "h=a\nh=b\nh=a",
        "stats count AS \"n of events\" BY h | where 'n of events'>1 | rename \"n of events\" AS n | table n",
        "n=2",
    );
}

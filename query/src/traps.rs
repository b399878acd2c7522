//! What surprises people about the language, one test for each: the list of traps in the language reference.
//!
//! Traps that concern one command are tested in its file under the same numbers.

use crate::testing::{check_eval, check_generated, check_rows, check_rows_in, context};

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
fn trap_5_what_is_cut_without_being_asked() {
    let numbers = |n: usize| (1..=n).map(|x| format!("x={x}\n")).collect::<String>();
    let first = |n: usize| numbers(n).trim_end().to_owned();
    check_rows(&numbers(12), "head", &first(10));
    check_rows(&numbers(12), "tail | stats count", "count=10");
    check_rows(&numbers(12), "top x | stats count", "count=10");
    check_rows(&numbers(6), "transpose", "column=x row 1=1 row 2=2 row 3=3 row 4=4 row 5=5");
    check_rows(&numbers(120), "stats list(x) AS l | eval n=mvcount(l) | fields n", "n=100");
}

#[test]
fn trap_7_each_command_has_its_own_way_with_absent_fields() {
    let rows = "_time=1 h=a\n_time=2";
    check_rows(rows, "stats count BY h", "h=a count=1");
    check_rows(rows, "dedup h", "_time=1 h=a");
    check_rows(rows, "top h showperc=f", "h=a count=1");
    check_rows(rows, "timechart span=1m count BY h", "_time=0 a=1 NULL=1");
    check_rows(rows, "eventstats count BY h", "_time=1 h=a count=1\n_time=2");
    check_rows(rows, "streamstats count BY h", "_time=1 h=a count=1\n_time=2");
}

#[test]
fn trap_8_the_last_rows_come_in_reverse_and_the_newest_are_kept() {
    // As events come: newest first.
    let rows = "_time=3 h=a\n_time=2 h=b\n_time=1 h=a";
    check_rows(rows, "tail 2", "_time=1 h=a\n_time=2 h=b");
    check_rows(rows, "dedup h", "_time=3 h=a\n_time=2 h=b");
}

#[test]
fn trap_9_dots_join_in_eval_and_name_in_by() {
    check_rows("a=1 b=2 a.b=3", "eval x=a.b, y='a.b'", "a=1 b=2 a.b=3 x=12 y=3");
    check_rows("a.b=3", "stats count BY a.b", "a.b=3 count=1");
}

#[test]
fn trap_10_empty_bins_count_nothing_and_have_no_average() {
    check_rows(
        "_time=130 x=4\n_time=5 x=2",
        "timechart span=1m count avg(x) AS a",
        "_time=0 count=1 a=2\n_time=60 count=0\n_time=120 count=1 a=4",
    );
}

#[test]
fn trap_14_join_takes_one_match_unless_told() {
    let other = "[| makeresults format=csv data=\"k,v\n1,a\n1,b\" | fields k v | fields - _*]";
    check_rows("k=1\nk=2", &format!("join k {other}"), "k=1 v=a");
    check_rows("k=1\nk=2", &format!("join type=left k {other}"), "k=1 v=a\nk=2");
    check_rows("k=1\nk=2", &format!("join max=0 k {other}"), "k=1 v=a\nk=1 v=b");
}

#[test]
fn trap_15_any_of_several_values_counts() {
    check_rows("f=[v,w]", "search f=v", "f=[v,w]");
    check_rows("f=[v,w]", "search f!=v", "f=[v,w]");
    check_rows("f=[v,w]", "search NOT f=v", "");
    check_rows("f=[v,w]", "stats count BY f", "f=v count=1\nf=w count=1");
}

#[test]
fn trap_16_values_are_sorted_as_text_and_sort_sorts_numbers() {
    check_rows("x=10\nx=2\nx=1", "stats values(x)", "values(x)=[1,10,2]");
    check_rows("x=10\nx=2\nx=1", "sort x", "x=1\nx=2\nx=10");
}

#[test]
fn trap_17_times_are_printed_in_the_zone_of_the_search() {
    let in_zurich = || {
        let mut ctx = context();
        ctx.zone = trawl_formats::Zone::Named("Europe/Zurich".parse().unwrap());
        ctx
    };
    let query = "eval h=strftime(_time, \"%H\"), d=tostring(90061, \"duration\")";
    check_rows("_time=0 date_hour=0", query, "_time=0 date_hour=0 h=00 d=1+01:01:01");
    check_rows_in(in_zurich, "_time=0 date_hour=0", query, "_time=0 date_hour=0 h=01 d=1+01:01:01");
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
        ("error | appendpipe [| stats count]", "search error | appendpipe [stats count]"),
        ("error | join x [| makeresults]", "search error | join x [| makeresults]"),
    ] {
        assert_eq!(canonical(query), expected, "{query}");
    }
}

#[test]
fn trap_21_options_may_follow_what_they_are_about() {
    for (query, same) in [
        ("timechart count BY host limit=20 span=1h", "timechart span=1h limit=20 count BY host"),
        ("streamstats avg(x) window=5", "streamstats window=5 avg(x)"),
        ("streamstats avg(x) BY host window=5", "streamstats window=5 avg(x) BY host"),
        ("chart count BY host, level limit=5 useother=f", "chart limit=5 useother=f count BY host, level"),
        ("dedup host sortby -_time", "dedup host sortby - _time"),
        ("dedup host keepempty=t", "dedup keepempty=t host"),
        ("top host limit=5 showperc=f", "top limit=5 showperc=f host"),
        ("bin _time span=5m", "bin span=5m _time"),
        ("fillnull host value=x", "fillnull value=x host"),
        ("transaction host maxspan=5m", "transaction maxspan=5m host"),
    ] {
        assert_eq!(canonical(&format!("* | {query}")), canonical(&format!("* | {same}")));
    }
}

#[test]
fn trap_22_bin_leaves_gaps_and_timechart_does_not() {
    let rows = "_time=130\n_time=5";
    check_rows(rows, "bin _time span=1m | stats count BY _time", "_time=0 count=1\n_time=120 count=1");
    check_rows(rows, "timechart span=1m count", "_time=0 count=1\n_time=60 count=0\n_time=120 count=1");
}

#[test]
fn trap_23_quotes_and_backslashes_survive_a_subsearch() {
    let value = r#"a\"b\\c"#;
    check_generated(
        &format!(
            "| makeresults | eval f=\"{value}\" | search [| makeresults | eval f=\"{value}\" | table f] | table f"
        ),
        r#"f=a"b\c"#,
    );
}

#[test]
fn trap_24_names_with_spaces_are_quoted_by_the_rules_of_each_command() {
    check_rows(
        "h=a\nh=b\nh=a",
        "stats count AS \"n of events\" BY h | where 'n of events'>1 | rename \"n of events\" AS n | table n",
        "n=2",
    );
}

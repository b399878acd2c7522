//! Section 4: what a word is.

use super::rows;

/// A text, a search, and whether the text matches.
fn check(cases: &[(&str, &str, bool)]) {
    for (raw, search, matches) in cases {
        let row = format!("_raw='{raw}'");
        let printed = if raw.contains(' ') && !raw.contains('"') { format!("_raw=\"{raw}\"") } else { row.clone() };
        let printed = if raw.contains(' ') { printed } else { format!("_raw={raw}") };
        rows(&[(&row, &format!("search {search}"), if *matches { &printed } else { "" })]);
    }
}

#[test]
fn s4_table() {
    check(&[
        ("src=10.0.0.1 up", "10.0.0.1", true),
        ("src=10.0.0.10", "10.0.0.1", false),
        ("110.0.0.1", "10.0.0.1", false),
        ("src=10.0.0.10", "10.0.0", true),
        ("src=10.0.0.1", "TERM(10.0.0.1)", false),
        ("user=alice,", "alice", true),
        ("user=alice,", "\"user=alice\"", true),
        ("error_count=3", "error", true),
        ("ERROR: disk", "error", true),
        ("ERROR disk", "\"error:\"", false),
        ("a/b/c.log", "c.log", true),
        ("a/b/c.log", "b/c", true),
        ("a/b/c.log", "a/b/c.log", true),
        ("a/b/c.log", "log", true),
        ("foo-bar", "foo", true),
        ("foo-bar", "bar", true),
        ("foo-bar", "foo-bar", true),
        ("foo-bar", "\"foo bar\"", false),
        ("PaymentService", "payment", false),
        ("PaymentService", "payment*", true),
        ("PaymentService", "*service", true),
        ("NullPointerException at com.x.Y", "Null*Exception", true),
        ("msg=\"a,b\"", "a", true),
        ("msg=\"a,b\"", "b", true),
        ("msg=\"a,b\"", "\"a,b\"", true),
    ]);
}

#[test]
fn s4_breakers() {
    // Around each major breaker stand words; a minor one makes pieces of a word as well.
    for major in
        ["[", "]", "<", ">", "(", ")", "{", "}", "|", "!", ";", ",", "*", "&", "?", "+", "%20", "%3D", "--", "%2520"]
    {
        check(&[(&format!("aa{major}bb"), "TERM(bb)", true)]);
    }
    for minor in ["/", ":", "=", "@", ".", "-", "$", "#", "%", "_"] {
        check(&[(&format!("aa{minor}bb"), "bb", true), (&format!("aa{minor}bb"), "TERM(bb)", false)]);
    }
}

#[test]
fn s4_wildcards() {
    check(&[
        ("pay-x payment", "pay*", true),
        ("xpay", "pay*", false),
        ("foo ba", "fo*ba", false),
        ("foo-bar", "foo*bar", true),
        ("foo,bar", "foo*bar", false),
    ]);
}

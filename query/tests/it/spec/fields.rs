//! Section 6: fields of events.

use super::{rows, values};
use trawl_formats::{Extractor, Fields, Wanted};

/// A text, and the fields that are found in it without being told how.
fn extracted(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let mut fields = Fields::default();
        Extractor::automatic(Wanted::All).extract(text.as_bytes(), None, &mut fields);
        let found: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found.join(" "), *expected, "{text}");
    }
}

#[test]
fn s6_key_value() {
    extracted(&[
        ("a=1 b=x,c=2;d=3|e=4", "a=1 b=x c=2 d=3 e=4"),
        ("msg=\"a b\" x=1", "msg=a b x=1"),
        (r#"msg="a \"b\" c""#, r#"msg=a "b" c"#),
        ("(a=1) [b=2] {c=3}", "a=1 b=2 c=3"),
        // An empty value gives no field.
        ("a= b=1", "b=1"),
        ("a=\"\" b=1", "b=1"),
        ("user.name=\"x\"", "user_name=x"),
        ("_1a=x 2b=y a-b=z", "a=x b=y a_b=z"),
        ("GET /x?a=1&b=2 HTTP/1.1", "a=1 b=2"),
        // The first value counts.
        ("a=1 a=2", "a=1"),
    ]);
}

#[test]
fn s6_json() {
    extracted(&[
        (r#"{"a":{"b":[{"c":1},{"c":2}]}}"#, "a.b{}.c=1 a.b{}.c=2"),
        (r#"{"tags":["x","y"]}"#, "tags{}=x tags{}=y"),
        (r#"{"user name":1,"a-b":2}"#, "user name=1 a-b=2"),
        (r#"{"t":true,"f":false,"n":null}"#, "t=true f=false"),
        (r#"{"a":[],"b":{},"c":1}"#, "c=1"),
        (r#"{"n":1.50,"e":1e3}"#, "n=1.50 e=1e3"),
    ]);
}

#[test]
fn s6_internal_fields() {
    let row = "_time=1 _raw=x a=1 _b=2";
    rows(&[
        (row, "table *", "a=1"),
        (row, "table _* a", "_time=1 _raw=x _b=2 a=1"),
        (row, "fields - *", "_time=1 _raw=x _b=2"),
        (row, "fields *", "a=1 _time=1 _raw=x _b=2"),
        (row, "stats max(*)", "max(a)=1"),
    ]);
    values(&[("_b=2", "_b+1", "3")]);
}

//! Section 7: values.

use super::{conditions, rows, values};

#[test]
fn s7_numeric_text() {
    values(&[
        ("x=007", "x", "007"),
        ("x=007", "x+0", "7"),
        ("x=+5", "x*2", "10"),
        ("x=1.50", "x", "1.50"),
        ("x=1e3", "x+1", "1001"),
        ("x=-2.5", "abs(x)", "2.5"),
        ("x=0x1F", "x*1", "null"),
        ("x=0x1F", "tonumber(x, 16)", "31"),
        ("x=' 5'", "x*1", "null"),
        ("x='5 '", "x*1", "null"),
        ("x=5.", "x*1", "null"),
        ("x=.5", "x*1", "null"),
    ]);
    conditions(&[("x=007", "x=7", "true"), ("x=1.0", "x=1", "true"), ("x=0x10", "x=16", "false")]);
    rows(&[("x=10\nx=9\nx=007", "sort x", "x=007\nx=9\nx=10"), ("x=007\nx=1", "stats sum(x) AS s", "s=8")]);
}

#[test]
fn s7_printed_numbers() {
    values(&[
        ("", "4/2", "2"),
        ("", "1/3", "0.3333333333333333"),
        ("", "0.1+0.2", "0.30000000000000004"),
        ("", "9007199254740992", "9007199254740992"),
        ("", "1000000*1000000", "1000000000000"),
        ("", "5/0", "null"),
        ("", "5%0", "null"),
        ("", "sqrt(-1)", "null"),
        ("", "log(0)", "null"),
        ("", "ln(0)", "null"),
        ("", "8.250*0.20", "1.6500000000000001"),
    ]);
}

#[test]
fn s7_null() {
    values(&[
        ("", "x+1", "null"),
        ("", "x.\"a\"", "null"),
        ("", "lower(x)", "null"),
        ("", "if(x=1, \"a\", \"b\")", "b"),
        ("", "case(x=1, \"a\", x!=1, \"b\")", "null"),
        ("", "if(NOT (x=1), \"a\", \"b\")", "b"),
    ]);
    conditions(&[
        ("", "x=1", "null"),
        ("", "x!=1", "null"),
        ("", "NOT x=1", "null"),
        ("", "x=1 OR 1=1", "true"),
        ("", "x=1 OR 1=2", "null"),
        ("", "x=1 AND 1=2", "false"),
        ("", "x=1 AND 1=1", "null"),
        ("", "x=1 XOR 1=1", "null"),
        ("", "isnull(x)", "true"),
        ("x=''", "isnull(x)", "false"),
        ("x=''", "x=\"\"", "true"),
    ]);
    rows(&[
        ("x=1\ny=1", "where x=1", "x=1"),
        ("x=1\ny=1", "where NOT (x=1)", ""),
        ("x=1 y=2", "eval x=null()", "y=2"),
        ("x=1 y=2", "eval x=nosuch", "y=2"),
    ]);
}

#[test]
fn s7_several_values() {
    conditions(&[
        ("x=[1,5]", "x=5", "true"),
        ("x=[1,5]", "x>3", "true"),
        ("x=[1,5]", "x!=5", "true"),
        ("x=[1,5]", "x=3", "false"),
        ("x=[1,5]", "x IN (3, 5)", "true"),
    ]);
    values(&[
        ("x=[1,5]", "x+1", "null"),
        ("x=[1,5]", "x.\"a\"", "null"),
        ("x=[a,b]", "upper(x)", "[A,B]"),
        ("x=[ab,cb]", "replace(x, \"b\", \"_\")", "[a_,c_]"),
        ("x=[ab,cd]", "len(x)", "null"),
        ("x=[ab,cd]", "substr(x, 1, 1)", "null"),
    ]);
    rows(&[("x=[a,b]", "nomv x", "x=a\\nb")]);
}

#[test]
fn s7_order_of_mixed_values() {
    let input = "x=b\nx=10\nx=B\nx=9\nx=-1";
    rows(&[
        (input, "stats min(x) AS a max(x) AS z", "a=-1 z=b"),
        (input, "stats values(x) AS v", "v=[-1,10,9,B,b]"),
        (input, "stats count BY x | fields x", "x=-1\nx=9\nx=10\nx=B\nx=b"),
        // Each pair is compared as numbers if both are, so text stands where its bytes do.
        ("x=b\nx=a\nx=B\nx=A", "sort x", "x=A\nx=B\nx=a\nx=b"),
    ]);
}

//! Section 11.5: commands that make rows, and those that turn rows into text.

use super::{columns, refused, rows};

#[test]
fn s11_5_makeresults_and_gentimes() {
    rows(&[
        ("", "| makeresults", "_time=1772725653"),
        ("", "| makeresults count=3 | stats count", "count=3"),
        ("", "| makeresults format=csv data=\"a,b\n1,2\n3,4\" | table a b", "a=1 b=2\na=3 b=4"),
        ("", "| makeresults format=json data=\"[{\\\"a\\\":1},{\\\"a\\\":\\\"x\\\"}]\" | table a", "a=1\na=x"),
        (
            "",
            "| gentimes start=3/1/26 end=3/3/26 | table starttime endtime",
            "starttime=1772323200 endtime=1772409599\nstarttime=1772409600 endtime=1772495999",
        ),
        ("", "| gentimes start=-2 | table starttime", "starttime=1772496000\nstarttime=1772582400"),
        ("", "| gentimes start=3/1/26 end=3/2/26 increment=6h | stats count", "count=4"),
    ]);
    refused(&[("* | makeresults", "first"), ("* | gentimes start=-1", "first")]);
}

#[test]
fn s11_5_format() {
    let input = "b=x a=1\na=2 b=y";
    rows(&[
        (input, "format", "search='( ( a=\"1\" AND b=\"x\" ) OR ( a=\"2\" AND b=\"y\" ) )'"),
        ("f=[x,y]", "format", "search='( ( ( f=\"x\" OR f=\"y\" ) ) )'"),
        ("", "format", "search=\"NOT ( )\""),
        ("", "format emptystr=\"x\"", "search=x"),
        ("_time=1 a=1", "format", "search='( ( a=\"1\" ) )'"),
        (input, "format maxresults=1", "search='( ( a=\"1\" AND b=\"x\" ) )'"),
        (
            input,
            "format \"[\" \"[\" \"&&\" \"]\" \"||\" \"]\"",
            "search='[ [ a=\"1\" && b=\"x\" ] || [ a=\"2\" && b=\"y\" ] ]'",
        ),
        ("a='x\"y'", "format", r#"search='( ( a="x\"y" ) )'"#),
    ]);
    refused(&[("* | format \"(\" \"(\"", "")]);
}

#[test]
fn s11_5_return() {
    let input = "f=1 g=x\nf=2 g=y";
    rows(&[
        (input, "return f", "search=f=\"1\""),
        (input, "return 2 f", "search='(f=\"1\") OR (f=\"2\")'"),
        (input, "return h=f", "search=h=\"1\""),
        (input, "return $f", "search=1"),
        (input, "return 2 $f", "search=\"(1) OR (2)\""),
        (input, "return f g", "search='f=\"1\" g=\"x\"'"),
    ]);
    columns(&[(input, "return f", "search")]);
}

#[test]
fn s11_5_addinfo() {
    rows(&[(
        "a=1",
        "addinfo | table info_max_time info_search_time",
        "info_max_time=+Infinity info_search_time=1772725653.000",
    )]);
}

#[test]
fn s14_what_is_left_out() {
    refused(&[
        ("* | predict x", "predict"),
        ("* | kmeans k=3 a", "kmeans"),
        ("| pivot m o count(o)", "pivot"),
        ("| datamodel x", "datamodel"),
        ("* | geostats count", "geostats"),
        ("* | iplocation ip", "iplocation"),
        ("* | x11 a", "x11"),
        ("* | stast count", "did you mean `stats`"),
        ("* | eval x=lenn(a)", "did you mean `len`"),
        ("* | head limt=5", "limt"),
        ("| tstats count FROM datamodel=Web", "data model"),
    ]);
}

//! Section 2: stages, case, comments, quotes, options, lists.

use super::{canonical, refused, rows, values};

#[test]
fn s2_stages() {
    canonical(&[
        ("error|stats count", "search error | stats count"),
        ("error \t|\n stats\n\tcount", "search error | stats count"),
        ("search error", "search error"),
        ("  search   a=1", "search a=1"),
        ("\"a | b\" | head 1", "search \"a | b\" | head 1"),
        ("* | append [| makeresults | head 1] | head 2", "search * | append [| makeresults | head 1] | head 2"),
        ("* | rex field=x \"(?<a>p|q)\"", "search * | rex field=x \"(?<a>p|q)\""),
    ]);
    refused(&[("error | | head", "command"), ("error |", "command"), ("| | makeresults", "command")]);
    rows(&[("_raw=a|b\n_raw=ab", "search a\\|b", "_raw=a|b")]);
}

#[test]
fn s2_case() {
    canonical(&[
        ("* | STATS Count AS n BY host", "search * | stats count AS n BY host"),
        ("* | top LIMIT=5 ShowPerc=False host", "search * | top limit=5 showperc=f host"),
        ("* | chart Count Over a By b", "search * | chart count OVER a BY b"),
        ("a and b or c not d", "search a and b or c not d"),
        ("status in (1,2)", "search status IN (1, 2)"),
    ]);
    rows(&[
        // In lower case they are words.
        ("_raw='a and b'\n_raw='a b'", "search a and b", "_raw=\"a and b\""),
        ("a=1 A=2", "table A", "A=2"),
        ("f=VALUE", "search f=value", "f=VALUE"),
        ("f=VALUE", "search F=VALUE", ""),
        ("f=VALUE", "where f=\"value\"", ""),
        ("a=1 b=2", "where a=1 and not b=1 Or b=5", "a=1 b=2"),
        ("x=2", "where x In (1,2)", "x=2"),
    ]);
}

#[test]
fn s2_booleans_of_options() {
    for yes in ["t", "true", "1", "yes", "T", "True", "YES"] {
        rows(&[("a=1\na=1\n-", &format!("dedup a keepempty={yes}"), "a=1\n-")]);
    }
    for no in ["f", "false", "0", "no", "F"] {
        rows(&[("a=1\na=1\n-", &format!("dedup a keepempty={no}"), "a=1")]);
    }
    refused(&[("* | dedup a keepempty=maybe", "maybe")]);
}

#[test]
fn s2_comments() {
    canonical(&[
        ("error ```it's \"a | b``` | head 1", "search error | head 1"),
        ("```one ` two `` three``` error", "search error"),
        ("error | ```x``` head 1 ```y```", "search error | head 1"),
        ("a```x```b", "search a b"),
    ]);
    rows(&[("-", "eval x=\"a```b```c\"", "x=a```b```c")]);
}

#[test]
fn s2_macros() {
    refused(&[("`nothing`", "nothing"), ("`nothing(1, \"a\")` | head", "nothing")]);
}

#[test]
fn s2_double_quotes() {
    values(&[
        ("", r#""a\"b""#, "a\"b"),
        ("", r#""a\\b""#, r"a\b"),
        ("", r#""a\|b""#, "a|b"),
        ("", r#""\d+""#, r"\d+"),
        ("", r#""C:\Temp""#, r"C:\Temp"),
        ("", r#""C:\Temp\\""#, r"C:\Temp\"),
        ("x=a1", r#"replace(x, "\d", "n")"#, "an"),
        ("x=a1", r#"replace(x, "\\d", "n")"#, "an"),
        // One backslash of the data takes four.
        (r"x=a\b", r#"replace(x, "\\\\", "/")"#, "a/b"),
    ]);
    rows(&[
        (r"p=C:\Temp", r#"search p="C:\Temp""#, r"p=C:\Temp"),
        (r"p=C:\Temp", r#"search p="C:\\Temp""#, r"p=C:\Temp"),
        (r"p=C:\Temp\", r#"search p="C:\Temp\\""#, r"p=C:\Temp\"),
        (r"p=a\b", r#"regex p="a\\\\b""#, r"p=a\b"),
        (r"p=a\b", r#"rex field=p "\\\\(?<x>\w)""#, r"p=a\b x=b"),
        ("p=a1b", r#"rex field=p "(?<x>\d)""#, "p=a1b x=1"),
        ("p=a1b", r#"rex field=p "(?<x>\\d)""#, "p=a1b x=1"),
        ("a=1", "rename a AS \"two words\" | table \"two words\"", "two words=1"),
        ("a=1 b=2", "rename a AS \"two words\" | stats count BY \"two words\"", "two words=1 count=1"),
        ("a=1\na=2", "rename a AS \"two words\" | sort -\"two words\"", "two words=2\ntwo words=1"),
    ]);
}

#[test]
fn s2_single_quotes() {
    values(&[
        ("user.name=ann", "'user.name'", "ann"),
        ("tags{}=[a,b]", "mvcount('tags{}')", "2"),
        ("a:b=1", "'a:b'+1", "2"),
        ("a=1", "\"a\"", "a"),
    ]);
    rows(&[
        ("_raw=\"it's fine\"\n_raw='its fine'", "search it's", "_raw=\"it's fine\""),
        ("user.name=ann", "where 'user.name'=\"ann\"", "user.name=ann"),
        ("user.name=3", "stats sum(eval('user.name'*2)) AS s", "s=6"),
    ]);
}

#[test]
fn s2_names() {
    values(&[("a=x b=y", "a.b", "xy"), ("a=5 b=2", "a-b", "3"), ("_a1=x", "_a1", "x")]);
    refused(&[
        ("* | eval x=a:b", ""),
        ("* | eval x=a{}", ""),
        ("* | eval a:b=1", ""),
        ("* | eval a{}=1", ""),
        ("* | eval 1a=1", ""),
        ("* | eval x=1a", ""),
    ]);
    rows(&[
        // On the left of an assignment nothing is subtracted or joined.
        ("-", "eval a-b=1, a.b=2", "a-b=1 a.b=2"),
        ("-", "eval 'a:b'=1, \"c{}\"=2", "a:b=1 c{}=2"),
    ]);
    let row = "a.b=1 a-b=2 a:b=3 a{}=4 @a=5 a#b=6 a/b=7";
    rows(&[
        (row, "table a.b a-b a:b a{} @a a#b a/b", row),
        (row, "fields a.b, a-b a:b", "a.b=1 a-b=2 a:b=3"),
        (row, "rename a{} AS x, a:b AS y | table x y", "x=4 y=3"),
        (row, "stats count BY a.b a-b a:b a{}", "a.b=1 a-b=2 a:b=3 a{}=4 count=1"),
        ("a.x=2\na.x=1", "sort a.x", "a.x=1\na.x=2"),
        ("in_a=1 in_b=2 c=3", "table in_*", "in_a=1 in_b=2"),
    ]);
}

#[test]
fn s2_options_and_lists() {
    canonical(&[
        ("* | head limit = 5", "search * | head 5"),
        ("* | top limit =5 a", "search * | top limit=5 a"),
        ("* | dedup a, b,c  d", "search * | dedup a, b, c, d"),
        ("* | stats count BY a,b c", "search * | stats count BY a, b, c"),
    ]);
}

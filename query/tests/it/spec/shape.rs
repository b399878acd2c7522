//! Section 11.1: commands that filter and shape.

use super::{columns, refused, rows};

#[test]
fn s11_1_where_compares_fields() {
    rows(&[
        ("user=admin admin=admin\nuser=admin", "where user=admin", "user=admin admin=admin"),
        ("user=admin", "where user=\"admin\"", "user=admin"),
    ]);
}

#[test]
fn s11_1_fields() {
    let row = "_time=1 _raw=r a=1 b=2 ab=3";
    columns(&[
        (row, "fields b a", "b a _time _raw"),
        (row, "fields + a*", "a ab _time _raw"),
        (row, "fields - a", "_time _raw b ab"),
        (row, "fields - a*, b", "_time _raw"),
        (row, "fields - _raw", "_time a b ab"),
        (row, "fields - _*", "a b ab"),
        (row, "fields b, _raw", "b _raw _time"),
    ]);
}

#[test]
fn s11_1_table() {
    columns(&[
        ("a=1 _time=5", "table b a", "b a"),
        ("a=1 _time=5", "table *", "a"),
        ("a=1 _time=5", "table _time a", "_time a"),
    ]);
    rows(&[("a=1\nb=2", "table a", "a=1\n-")]);
}

#[test]
fn s11_1_rename() {
    columns(&[
        ("a=1 b=2 c=3", "rename b AS x", "a x c"),
        ("in_a=1 in_b=2", "rename in_* AS out_*", "out_a out_b"),
        ("tags{}=1", "rename tags{} AS tags", "tags"),
        ("x.y.a=1 x.y.b=2", "rename x.y.* AS *", "a b"),
    ]);
    rows(&[
        ("b=2 c=3", "rename a AS b", "c=3"),
        ("a=1 b=2 c=3", "rename a AS c, b AS c", "c=2"),
        ("a=1", "rename a AS \"new name\"", "new name=1"),
        ("a=1 b=2", "rename a AS b", "b=1"),
    ]);
    refused(&[("* | rename a AS b, a AS c", ""), ("* | rename a* AS b", ""), ("* | rename a", "AS")]);
}

#[test]
fn s11_1_head_tail_reverse() {
    let five = "x=1\nx=2\nx=3\nx=4\nx=5";
    rows(&[
        (five, "head 2", "x=1\nx=2"),
        (five, "head limit=2", "x=1\nx=2"),
        (five, "head (x<3)", "x=1\nx=2"),
        (five, "head (x<3) keeplast=t", "x=1\nx=2\nx=3"),
        (five, "head limit=1 (x<3)", "x=1"),
        ("x=1\ny=1\nx=2", "head (x<5)", "x=1"),
        ("x=1\ny=1\nx=9", "head (x<5) null=t", "x=1\ny=1"),
        (five, "tail 2", "x=5\nx=4"),
        (five, "reverse | head 2", "x=5\nx=4"),
    ]);
    refused(&[("* | head 5 limit=3", ""), ("* | head 5 (x=1)", "")]);
}

#[test]
fn s11_1_sort() {
    let mixed = "x=b\nx=10\nx=9\ny=1\nx=A";
    rows(&[
        ("x=10\nx=9", "sort x", "x=9\nx=10"),
        ("x=10\nx=9", "sort - x", "x=10\nx=9"),
        ("x=10\nx=9", "sort -x", "x=10\nx=9"),
        ("x=10\nx=9", "sort str(x)", "x=10\nx=9"),
        ("x=10.0.0.9\nx=10.0.0.10", "sort ip(x)", "x=10.0.0.9\nx=10.0.0.10"),
        ("x=10.0.0.10\nx=10.0.0.9", "sort x", "x=10.0.0.9\nx=10.0.0.10"),
        ("x=1 y=2\nx=1 y=1\nx=0 y=5", "sort x, -y", "x=0 y=5\nx=1 y=2\nx=1 y=1"),
        ("x=1 y=2\nx=1 y=1\nx=0 y=5", "sort x y desc", "x=1 y=2\nx=1 y=1\nx=0 y=5"),
        ("x=1 y=2\nx=1 y=1\nx=0 y=5", "sort x y d", "x=1 y=2\nx=1 y=1\nx=0 y=5"),
        ("x=3\nx=1\nx=2", "sort 2 x", "x=1\nx=2"),
        ("x=3\nx=1\nx=2", "sort limit=1 -x", "x=3"),
        // Stable, and rows without the key last in both directions.
        ("x=1 y=a\nx=1 y=b", "sort x", "x=1 y=a\nx=1 y=b"),
        ("y=1\nx=2\nx=1", "sort x", "x=1\nx=2\ny=1"),
        ("y=1\nx=2\nx=1", "sort -x", "x=2\nx=1\ny=1"),
        (mixed, "sort x", "x=9\nx=10\nx=A\nx=b\ny=1"),
    ]);
}

#[test]
fn s11_1_dedup() {
    let input = "a=1 b=x n=1\na=1 b=y n=2\na=2 b=x n=3\na=1 b=x n=4\nb=x n=5";
    rows(&[
        (input, "dedup a | table n", "n=1\nn=3"),
        (input, "dedup 2 a | table n", "n=1\nn=2\nn=3"),
        (input, "dedup a b | table n", "n=1\nn=2\nn=3"),
        (input, "dedup a keepempty=t | table n", "n=1\nn=3\nn=5"),
        (input, "dedup a consecutive=t | table n", "n=1\nn=3\nn=4"),
        (input, "dedup a keepevents=t | table n a", "n=1 a=1\nn=2\nn=3 a=2\nn=4\nn=5"),
        (input, "dedup a sortby -n | table n", "n=4\nn=3"),
        ("a=[1,2]\na=1\na=[1,2]", "dedup a", "a=[1,2]\na=1"),
    ]);
    refused(&[("* | dedup 0 a", ""), ("* | dedup a*", ""), ("* | dedup", "")]);
}

#[test]
fn s11_1_fillnull_filldown_replace_regex() {
    rows(&[
        ("a=1\nb=2", "fillnull", "a=1 b=0\na=0 b=2"),
        ("a=1\nb=2", "fillnull value=x a", "a=1\na=x b=2"),
        ("a=1", "fillnull c d value=-", "a=1 c=- d=-"),
        ("a=''", "fillnull value=x a", "a=\"\""),
        ("a=1 b=1\nc=1\na=2\nc=2", "filldown a", "a=1 b=1\na=1 c=1\na=2\na=2 c=2"),
        ("a=1 b=1\nc=1", "filldown", "a=1 b=1\na=1 b=1 c=1"),
        ("a=1 ab=2 c=3\n-", "filldown a*", "a=1 ab=2 c=3\na=1 ab=2"),
        ("x=web01 y=web01", "replace web01 WITH w IN x", "x=w y=web01"),
        ("x=web01 y=web02", "replace web* WITH w-*", "x=w-01 y=w-02"),
        ("x=a y=b", "replace a WITH b, b WITH c", "x=b y=c"),
        ("x=ab", "replace a WITH b", "x=ab"),
        ("x=A", "replace a WITH b", "x=b"),
        ("_raw=abc\n_raw=b", "regex \"a.c\"", "_raw=abc"),
        ("x=abc\nx=ABC\ny=1", "regex x=\"^a\"", "x=abc"),
        ("x=abc\nx=ABC\ny=1", "regex x!=\"^a\"", "x=ABC\ny=1"),
    ]);
}

//! Section 11.2: commands that extract.

use super::{refused, rows};

#[test]
fn s11_2_rex() {
    rows(&[
        ("_raw='user=ann id=7'", "rex \"user=(?<u>\\w+) id=(?P<i>\\d+)\" | table u i", "u=ann i=7"),
        ("x=a1b2c3", "rex field=x \"(?<d>\\d)\"", "x=a1b2c3 d=1"),
        ("x=a1b2c3", "rex field=x max_match=0 \"(?<d>\\d)\"", "x=a1b2c3 d=[1,2,3]"),
        ("x=a1b2c3", "rex field=x max_match=2 \"(?<d>\\d)\"", "x=a1b2c3 d=[1,2]"),
        ("x=abc d=old", "rex field=x \"(?<d>\\d)\"", "x=abc d=old"),
        ("x=ac b=old", "rex field=x \"(?<a>a)(?<b>b)?(?<c>c)\"", "x=ac b=old a=a c=c"),
        ("x=[a1,b2]", "rex field=x \"(?<d>\\d)\"", "x=[a1,b2] d=[1,2]"),
        ("x=abc12", "rex field=x offset_field=o \"(?<d>\\d+)\"", "x=abc12 d=12 o=d=3-4"),
        ("x=abc12", "rex field=x offset_field=o \"(?<l>[a-z])[a-z]+(?<d>\\d+)\" | table o", "o=l=0-0,d=3-4"),
        ("x=foobar", "rex field=x \"(?<y>o+)(?=b)\"", "x=foobar y=oo"),
        ("x=aa-bb", "rex field=x \"(?<y>(\\w)\\2)$\"", "x=aa-bb y=bb"),
    ]);
    refused(&[("* | rex \"abc\"", "group"), ("* | rex", ""), ("* | rex \"(?<a>\"", "")]);
}

#[test]
fn s11_2_rex_sed() {
    rows(&[
        ("x=aaa", "rex field=x mode=sed \"s/a/b/\"", "x=baa"),
        ("x=aaa", "rex field=x mode=sed \"s/a/b/g\"", "x=bbb"),
        ("x=aaa", "rex field=x mode=sed \"s/a/b/2\"", "x=aba"),
        ("x=ABC", "rex field=x mode=sed \"s/b/_/i\"", "x=A_C"),
        ("x=ab", "rex field=x mode=sed \"s/(a)(b)/\\2\\1/\"", "x=ba"),
        ("x=a/b", "rex field=x mode=sed \"s#/#-#\"", "x=a-b"),
        ("x=abcabc", "rex field=x mode=sed \"y/abc/xyz/\"", "x=xyzxyz"),
        ("_raw='card 1234'", "rex mode=sed \"s/\\d/X/g\"", "_raw=\"card XXXX\""),
        ("x=[a1,b2]", "rex field=x mode=sed \"s/\\d//\"", "x=[a,b]"),
    ]);
}

#[test]
fn s11_2_extract() {
    rows(&[
        ("_raw='a=1, b=2'", "extract | table a b", "a=1 b=2"),
        ("_raw='a:1|b:2'", "kv pairdelim=\"|\" kvdelim=\":\" | table a b", "a=1 b=2"),
        ("_raw='a:1;b=2|c:3'", "extract pairdelim=\"|;\" kvdelim=\"=:\" | table a b c", "a=1 b=2 c=3"),
        ("_raw='a=1|a=2'", "extract pairdelim=\"|\" kvdelim=\"=\" mv_add=t | table a", "a=[1,2]"),
        ("_raw='a=1|b=2|c=3'", "extract pairdelim=\"|\" kvdelim=\"=\" limit=2 | table a b c", "a=1 b=2"),
        ("_raw='a.b=1|c=2'", "extract pairdelim=\"|\" kvdelim=\"=\" | table a_b c", "a_b=1 c=2"),
        ("_raw='a.b=1|c=2'", "extract pairdelim=\"|\" kvdelim=\"=\" clean_keys=f | table a.b c", "a.b=1 c=2"),
    ]);
}

#[test]
fn s11_2_spath() {
    let json = "_raw='{\"a\":{\"b\":[{\"c\":1},{\"c\":2}]},\"t\":[\"x\",\"y\"]}'";
    rows(&[
        (json, "spath | fields - _raw", "a.b{}.c=[1,2] t{}=[x,y]"),
        (json, "spath a.b{}.c | fields - _raw", "a.b{}.c=[1,2]"),
        (json, "spath path=a.b{0}.c output=c | table c", "c=1"),
        (json, "spath output=c path=\"a.b{1}.c\" | table c", "c=2"),
        (json, "spath output=t t{} | table t", "t=[x,y]"),
        (json, "spath output=b path=a.b{0} | table b", "b={\"c\":1}"),
        (json, "spath output=o path=a.nosuch | table o", "-"),
        (json, "eval o=\"old\" | spath output=o path=a.nosuch | table o", "o=old"),
        ("j='{\"a\":1}'", "spath input=j a", "j={\"a\":1} a=1"),
        ("_raw='<r><a><b>1</b><b>2</b></a></r>'", "spath output=x path=r.a.b{1} | table x", "x=1"),
        ("_raw='<r><a i=\"5\">1</a></r>'", "spath output=x path=r.a{@i} | table x", "x=5"),
    ]);
}

#[test]
fn s11_2_multikv_and_xml() {
    let table = "_raw='Use% Name\\n10 a\\n20 b'";
    rows(&[
        (table, "multikv | table Use_ Name", "Use_=10 Name=a\nUse_=20 Name=b"),
        (table, "multikv fields Name | table Use_ Name", "Name=a\nName=b"),
        (table, "multikv filter b | table Name", "Name=b"),
        (
            table,
            "multikv noheader=t | table Column_1 Column_2",
            "Column_1=Use% Column_2=Name\nColumn_1=10 Column_2=a\nColumn_1=20 Column_2=b",
        ),
        ("_raw='<a>1</a><b>x</b>'", "xmlkv | table a b", "a=1 b=x"),
        ("_raw='<r><a n=\"1\">x</a><a n=\"2\">y</a></r>'", "xpath \"//a/@n\" | table xpath", "xpath=[1,2]"),
        ("d='<r><a n=\"1\">x</a><a n=\"2\">y</a></r>'", "xpath field=d outfield=o \"/r/a[@n=2]\" | table o", "o=y"),
    ]);
}

#[test]
fn s11_2_multivalue_commands() {
    rows(&[
        ("x='a b c'", "makemv x", "x=[a,b,c]"),
        ("x=a,b,,c", "makemv delim=\",\" x", "x=[a,b,c]"),
        ("x=a,b,,c", "makemv delim=\",\" allowempty=t x | eval n=mvcount(x)", "x=[a,b,,c] n=4"),
        ("x=a1b22", "makemv tokenizer=\"([a-z]\\d+)\" x", "x=[a1,b22]"),
        ("x=[a,b] y=1\ny=2\nx=c y=3", "mvexpand x", "x=a y=1\nx=b y=1\ny=2\nx=c y=3"),
        ("x=[a,b,c] y=1", "mvexpand x limit=2", "x=a y=1\nx=b y=1"),
        ("x=[a,b,c] y=1", "mvexpand x limit=0", "x=a y=1\nx=b y=1\nx=c y=1"),
        ("h=a x=1\nh=a x=2\nh=b x=3", "mvcombine x", "h=a x=[1,2]\nh=b x=3"),
        ("h=a x=1\nh=a x=2", "mvcombine delim=\",\" x | nomv x", "h=a x=1,2"),
        ("_time=1 h=a x=1\n_time=2 h=a x=2", "mvcombine x | stats count", "count=2"),
        ("x=a,b", "makemv delim=\",\" x | nomv x", "x=a,b"),
        ("x=[a,b]", "nomv x", "x=a\\nb"),
    ]);
}

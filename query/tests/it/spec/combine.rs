//! Section 11.4: commands that combine rows.

use super::{refused, rows};

#[test]
fn s11_4_append() {
    let other = "[| makeresults format=csv data=\"b,c\n2,3\" | fields - _time]";
    rows(&[
        ("a=1 b=1", &format!("append {other}"), "a=1 b=1\nb=2 c=3"),
        ("a=1 b=1\na=2", &format!("appendcols {other}"), "a=1 b=1 c=3\na=2"),
        ("a=1 b=1\na=2", &format!("appendcols override=t {other}"), "a=1 b=2 c=3\na=2"),
        ("a=1", "appendcols [| makeresults count=2 | eval z=1 | fields - _time]", "a=1 z=1\nz=1"),
        ("a=1 _time=5", "appendcols [| makeresults | eval z=1]", "a=1 _time=5 z=1"),
        ("x=1\nx=2", "appendpipe [stats sum(x) AS x]", "x=1\nx=2\nx=3"),
        ("x=1\nx=2", "appendpipe [| stats sum(x) AS x]", "x=1\nx=2\nx=3"),
        ("x=1", "appendpipe run_in_preview=f [where x=5]", "x=1"),
    ]);
}

#[test]
fn s11_4_join() {
    let other = "[| makeresults format=csv data=\"k,v,u\n1,a,x\n1,b,y\nA,c,z\" | table k v u]";
    rows(&[
        ("k=1 v=old\nk=2\nm=1", &format!("join k {other}"), "k=1 v=a u=x"),
        ("k=1 v=old\nk=2\nm=1", &format!("join type=left k {other}"), "k=1 v=a u=x\nk=2\nm=1"),
        ("k=1 v=old", &format!("join k overwrite=f {other}"), "k=1 v=old u=x"),
        ("k=1", &format!("join max=0 k {other}"), "k=1 v=a u=x\nk=1 v=b u=y"),
        ("k=1", &format!("join max=2 type=outer k {other}"), "k=1 v=a u=x\nk=1 v=b u=y"),
        ("k=a\nk=A", &format!("join k {other}"), "k=A v=c u=z"),
        ("k=1 v=b", &format!("join {other}"), "k=1 v=b u=y"),
        // A common column without any value is no common field.
        ("k=1 m=1", &format!("eval u=null() | join {other} | table k v u"), "k=1 v=a u=x"),
        ("k=1 m=1", "join [| makeresults | eval k=1, m=null(), w=2 | table k m w] | table k m w", "k=1 m=1 w=2"),
    ]);
}

#[test]
fn s11_4_join_with_names_for_the_sides() {
    let other = "[| makeresults format=csv data=\"id,name\n1,ann\n2,ben\" | table id name]";
    rows(&[
        (
            "user=1 name=x\nuser=3",
            &format!("join left=L right=R where L.user=R.id {other} | table *"),
            "L.user=1 L.name=x R.id=1 R.name=ann",
        ),
        (
            "user=1\nuser=3",
            &format!("join type=left left=L right=R where L.user=R.id {other}"),
            "L.user=1 R.id=1 R.name=ann\nL.user=3",
        ),
        (
            "user=1 name=ann\nuser=1 name=x",
            &format!("join left=a right=b where a.user=b.id a.name=b.name {other}"),
            "a.user=1 a.name=ann b.id=1 b.name=ann",
        ),
    ]);
    refused(&[
        ("* | join left=L right=R [| makeresults]", "WHERE"),
        ("* | join left=L where L.a=R.b [| makeresults]", "right"),
        ("* | join left=L right=R where L.a=X.b [| makeresults]", "R"),
    ]);
}

#[test]
fn s11_4_union_and_set() {
    let a = "[| makeresults format=csv data=\"x\n1\n2\" | table x]";
    let b = "[| makeresults format=csv data=\"x\n2\n3\" | table x]";
    rows(&[
        ("", &format!("| union {a} {b}"), "x=1\nx=2\nx=2\nx=3"),
        ("x=9", &format!("union {a}"), "x=9\nx=1\nx=2"),
        ("", &format!("| set union {a} {b} | sort x"), "x=1\nx=2\nx=3"),
        ("", &format!("| set intersect {a} {b}"), "x=2"),
        ("", &format!("| set diff {a} {b} | sort x"), "x=1\nx=3"),
    ]);
}

#[test]
fn s11_4_map() {
    rows(&[
        ("x=1\nx=2", "map search=\"| makeresults | eval y=$x$*10 | table y\"", "y=10\ny=20"),
        ("x='a b'", "map search=\"| makeresults | eval y=\\\"$x$\\\" | table y\"", "y=\"a b\""),
        ("x=1\nx=2\nx=3", "map maxsearches=2 search=\"| makeresults | eval y=$x$ | table y\"", "y=1\ny=2"),
    ]);
}

#[test]
fn s11_4_transaction() {
    let input = "_time=40 id=b _raw=d\n_time=30 id=a _raw=c\n_time=20 id=b _raw=b\n_time=10 id=a _raw=a";
    let show = "table _time id duration eventcount closed_txn";
    rows(&[
        (
            input,
            &format!("transaction id | {show}"),
            "_time=20 id=b duration=20 eventcount=2 closed_txn=0\n_time=10 id=a duration=20 eventcount=2 closed_txn=0",
        ),
        (input, "transaction id | table _raw linecount", "_raw=b\\nd linecount=2\n_raw=a\\nc linecount=2"),
        (input, "transaction | table _raw eventcount", "_raw=a\\nb\\nc\\nd eventcount=4"),
        (
            input,
            &format!("transaction id maxspan=15s | {show}"),
            "_time=40 id=b duration=0 eventcount=1 closed_txn=1\n_time=30 id=a duration=0 eventcount=1 closed_txn=1\n_time=20 id=b duration=0 eventcount=1 closed_txn=0\n_time=10 id=a duration=0 eventcount=1 closed_txn=0",
        ),
        (input, "transaction maxevents=2 | table _raw closed_txn", "_raw=c\\nd closed_txn=1\n_raw=a\\nb closed_txn=1"),
        (input, "transaction maxpause=5s | stats count", "count=4"),
        (input, "transaction id startswith=\"a\" endswith=\"c\" | table _raw closed_txn", "_raw=a\\nc closed_txn=1"),
        (input, "transaction id startswith=(a) endswith=eval(_raw=\"c\") | table _raw", "_raw=a\\nc"),
        (
            input,
            "transaction id startswith=\"a\" endswith=\"c\" keepevicted=t | table _raw closed_txn",
            "_raw=b\\nd closed_txn=0\n_raw=a\\nc closed_txn=1",
        ),
        ("_time=2 x=b\n_time=1 x=a", "transaction | table x", "x=[a,b]"),
        ("_time=3 x=a\n_time=2 x=b\n_time=1 x=a", "transaction | table x", "x=[a,b]"),
        ("_time=3 x=a\n_time=2\n_time=1 x=b", "transaction mvlist=t | table x", "x=[b,NULL,a]"),
        // An event that has both links what each of the others has.
        ("_time=3 a=1\n_time=2 a=1 b=2\n_time=1 b=2", "transaction a b | table a b eventcount", "a=1 b=2 eventcount=3"),
    ]);
}

#[test]
fn s11_4_foreach() {
    rows(&[
        ("a_x=1 b_x=2", "foreach *_x [eval <<FIELD>>='<<FIELD>>'*10]", "a_x=10 b_x=20"),
        ("a_x=1 b_x=2", "foreach *_x [eval m_<<MATCHSTR>>='<<FIELD>>'] | table m_*", "m_a=1 m_b=2"),
        ("a_x_1=5", "foreach *_x_* [eval r=\"<<MATCHSEG1>>-<<MATCHSEG2>>\"] | table r", "r=a-1"),
        ("a=1 b=2", "eval t=0 | foreach a b [eval t=t+'<<FIELD>>'] | table t", "t=3"),
        ("x=[1,2,3]", "eval t=0 | foreach mode=multivalue x [eval t=t+<<ITEM>>] | table t", "t=6"),
        ("j='[1,2]'", "eval t=0 | foreach mode=json_array j [eval t=t+<<ITEM>>] | table t", "t=3"),
    ]);
}

#[test]
fn s11_4_strcat_convert_fieldformat() {
    rows(&[
        ("a=1 b=2", "strcat a \"-\" b c", "a=1 b=2 c=1-2"),
        ("a=1", "strcat a \"-\" b c", "a=1 c=1-"),
        ("a=1", "strcat allrequired=t a \"-\" b c", "a=1"),
        ("x=1,234", "convert rmcomma(x)", "x=1234"),
        ("x=25ms", "convert rmunit(x) AS n", "x=25ms n=25"),
        ("x=up y=5", "convert num(x) num(y)", "y=5"),
        ("x=1+01:01:01", "convert dur2sec(x)", "x=90061"),
        ("x=01:30", "convert dur2sec(x)", "x=90"),
        ("x=01:02.500", "convert mstime(x)", "x=62.5"),
        ("x=2m y=2g z=512 k=3k", "convert memk(*)", "x=2048 y=2097152 z=512 k=3"),
        ("t=0", "convert ctime(t)", "t=\"01/01/1970 00:00:00\""),
        ("t=0", "convert timeformat=\"%F\" ctime(t) AS d", "t=0 d=1970-01-01"),
        ("t='01/01/1970 00:01:00'", "convert mktime(t)", "t=60"),
        ("a_t=0 b_t=1 c=5", "convert timeformat=\"%s\" ctime(*_t)", "a_t=0 b_t=1 c=5"),
        ("x=1234567", "fieldformat x=tostring(x, \"commas\") | eval y=x+1 | table y", "y=1234568"),
    ]);
}

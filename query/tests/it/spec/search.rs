//! Section 3: the search command.

use super::{canonical, refused, rows};

#[test]
fn s3_precedence() {
    canonical(&[
        ("a OR b c", "search (a OR b) c"),
        ("a AND b OR c", "search a (b OR c)"),
        ("a b OR c d", "search a (b OR c) d"),
        ("NOT a OR b", "search NOT a OR b"),
        ("NOT NOT x", "search x"),
        ("a, b", "search a b"),
        ("(a OR b), (c)", "search (a OR b) c"),
        ("", "search *"),
        ("a XOR b", "search a XOR b"),
    ]);
    rows(&[
        // NOT takes one atom only.
        ("_raw=x a=1\n_raw=y a=1\n_raw=y a=2", "search NOT x a=1", "_raw=y a=1"),
        ("_raw=y a=2\n_raw=x a=2\n_raw=x a=1", "search NOT x OR a=1", "_raw=y a=2\n_raw=x a=1"),
    ]);
}

#[test]
fn s3_errors() {
    refused(&[
        ("a AND", "term"),
        ("OR b", "OR"),
        ("a OR", ""),
        ("NOT", "term"),
        ("a NOT", "term"),
        ("field=", ""),
        ("=x", ""),
        ("\"a", ""),
        ("(a", "("),
        ("a)", ")"),
        ("[search a", "["),
        ("a | search x=", ""),
    ]);
}

#[test]
fn s3_words() {
    rows(&[
        (
            "_raw='disk ERROR on PaymentService'\n_raw=PaymentService",
            "search ERROR PaymentService",
            "_raw=\"disk ERROR on PaymentService\"",
        ),
        ("_raw='PaymentService error'", "search error paymentservice", "_raw=\"PaymentService error\""),
        // Without _raw the values of all fields count.
        ("host=foo-bar x=1\nhost=b", "search *foo*", "host=foo-bar x=1"),
        ("host=\"foo bar\"\nhost=b", "search foo", "host=\"foo bar\""),
        ("_raw=a host=foo", "search foo", ""),
    ]);
}

#[test]
fn s3_phrases_and_wildcards() {
    let logs = "_raw='time out now'\n_raw='time  out'\n_raw='out time'";
    rows(&[
        (logs, "search \"time out\"", "_raw=\"time out now\""),
        (logs, "search \"time o*\"", "_raw=\"time out now\""),
        (logs, "search *", "_raw=\"time out now\"\n_raw=\"time  out\"\n_raw=\"out time\""),
        ("a=1\nb=1", "search a=*", "a=1"),
        ("a=\nb=1", "search a=*", "a=\"\""),
        ("msg='a time out b'\nmsg=time", "search msg=\"*time out*\"", "msg=\"a time out b\""),
        ("status=404\nstatus=204\nstatus=40", "search status=4*", "status=404\nstatus=40"),
        // There is no wildcard for a single character.
        ("a=b\na=?", "search a=?", "a=?"),
    ]);
}

#[test]
fn s3_comparisons() {
    rows(&[
        ("x=1\nx=1.0\nx=01", "search x=1", "x=1"),
        ("amount=120.50\namount=120.5", "search amount=120.5", "amount=120.5"),
        ("x=1\nx=1.0", "search x!=1", "x=1.0"),
        ("x=9\nx=10\nx=1e2", "search x>9.5", "x=10\nx=1e2"),
        ("x=10\nx=9\nx=b", "search x<10", "x=9"),
        ("x=10\nx=9\nx=b", "search x>=10", "x=10\nx=b"),
        ("x=abc\nx=b\nx=C", "search x>abc", "x=b"),
        ("x=abc\nx=B", "search x<5", ""),
        ("x==\nx=1", "search x==1", "x=1"),
        ("f=Value", "search f=vAlUe", "f=Value"),
        ("f=value2", "search f=value", ""),
        // The right side is never a field.
        ("a=1 b=1\na=b b=1", "search a=b", "a=b b=1"),
        ("f=[v,w]\nf=w", "search f=v", "f=[v,w]"),
        ("f=[v,w]\nf=v", "search f!=v", "f=[v,w]"),
        ("f=TERM\nf=a.b", "search f=TERM(a.b)", "f=a.b"),
        ("f=Abc\nf=abc", "search f=CASE(Abc)", "f=Abc"),
    ]);
}

#[test]
fn s3_addresses() {
    rows(&[
        ("ip=10.1.2.3\nip=11.1.2.3\nip=10.0.0.0/8", "search ip=10.0.0.0/8", "ip=10.1.2.3\nip=10.0.0.0/8"),
        ("ip=10.1.2.3\nip=11.1.2.3", "search ip!=10.0.0.0/8", "ip=11.1.2.3"),
        ("ip=fe80::1\nip=2001:db8::1", "search ip=\"fe80::/10\"", "ip=fe80::1"),
        ("ip=10.1.2.3\nip=11.1.2.3", "search ip IN (10.0.0.0/8)", "ip=10.1.2.3"),
    ]);
}

#[test]
fn s3_absent_fields() {
    let input = "f=v\nf=w\ng=1";
    rows(&[
        (input, "search f!=*", ""),
        (input, "search NOT f=*", "g=1"),
        (input, "search f IN (v, \"W\")", "f=v\nf=w"),
        (input, "search NOT f IN (v)", "f=w\ng=1"),
        (input, "search f IN (\"v*\", x)", "f=v"),
    ]);
}

#[test]
fn s3_term_and_case() {
    let logs = "_raw='src=10.0.0.1 up'\n_raw='10.0.0.1 down'\n_raw='10.0.1.9 Up'";
    rows(&[
        (logs, "search TERM(10.0.0.1)", "_raw=\"10.0.0.1 down\""),
        (logs, "search TERM(10.0.*)", "_raw=\"10.0.0.1 down\"\n_raw=\"10.0.1.9 Up\""),
        (logs, "search TERM(SRC=10.0.0.1)", "_raw=\"src=10.0.0.1 up\""),
        (logs, "search CASE(Up)", "_raw=\"10.0.1.9 Up\""),
        (logs, "search CASE(up)", "_raw=\"src=10.0.0.1 up\""),
    ]);
}

#[test]
fn s3_indexed_fields_reserved_words_and_late_times() {
    rows(&[
        ("host=web\nhost=db", "search host::web", "host=web"),
        ("state=AND\nstate=OR", "search state=\"AND\"", "state=AND"),
        ("a=1", "search earliest=-1d a=1", "a=1"),
    ]);
}

//! Section 9: functions of expressions, beyond the examples of their manual pages.

use super::{conditions, refused, values};

#[test]
fn s9_1_conditions() {
    values(&[
        ("x=1", "case(x=1, \"a\", 1=1, \"d\")", "a"),
        ("x=2", "case(x=1, \"a\", true(), \"d\")", "d"),
        ("x=2", "coalesce(nosuch, x)", "2"),
        ("x=", "coalesce(x, \"b\")", "\"\""),
        ("x=1", "nullif(x, 1)", "null"),
        ("x=1", "nullif(x, 2)", "1"),
    ]);
    conditions(&[
        ("x=a*", "in(x, \"a*\")", "true"),
        ("x=ab", "in(x, \"a*\")", "false"),
        ("x=abc", "like(x, \"b%\")", "false"),
        ("x=abc", "like(x, \"%b%\")", "true"),
        ("x=abc", "like(x, \"a__\")", "true"),
        ("x=a.c", "like(x, \"a.c\")", "true"),
        ("x=abc", "like(x, \"a.c\")", "false"),
        ("x=abc", "match(x, \"b\")", "true"),
        ("x=abc", "match(x, \"B\")", "false"),
        ("x=[a,b]", "match(x, \"^b$\")", "true"),
        ("ip=10.1.2.3", "cidrmatch(\"10.1.0.0/16\", ip)", "true"),
        ("ip=nowhere", "cidrmatch(\"10.1.0.0/16\", ip)", "false"),
        ("a=Foo", "searchmatch(\"a=f*\")", "true"),
        ("_raw='disk error'", "searchmatch(\"error disk\")", "true"),
    ]);
    refused(&[("* | eval x=case(a=1,2,3)", "case"), ("* | eval x=if(a=1,2,3,4)", "if")]);
}

#[test]
fn s9_2_conversion() {
    values(&[
        ("x=ff", "tonumber(x, 16)", "255"),
        ("x=0xff", "tonumber(x, 16)", "255"),
        ("x=zz", "tonumber(x, 36)", "1295"),
        ("x=12", "tonumber(x, 2)", "null"),
        ("x=abc", "tonumber(x)", "null"),
        ("x=1.50", "tonumber(x)", "1.5"),
        ("", "tostring(1=2)", "False"),
        ("", "tostring(12345.6, \"commas\")", "12,345.60"),
        ("", "tostring(-1234, \"commas\")", "-1,234"),
        ("", "tostring(615, \"duration\")", "00:10:15"),
        ("", "tostring(86400, \"duration\")", "1+00:00:00"),
        ("", "tostring(15, \"hex\")", "0xF"),
        ("", "tostring(9, \"binary\")", "1001"),
        ("x=7", "typeof(x)", "Number"),
        ("x=a", "typeof(x)", "String"),
        ("", "typeof(nosuch)", "Invalid"),
        ("", "typeof(1=1)", "Boolean"),
        ("", "typeof(\"7\")", "String"),
    ]);
    conditions(&[
        ("x=7", "isnum(x)", "true"),
        ("", "isnum(\"7\")", "false"),
        ("x=7.0", "isint(x)", "true"),
        ("x=7.5", "isint(x)", "false"),
        ("x=a", "isstr(x)", "true"),
        ("", "isbool(true())", "true"),
        ("x=[a,b]", "ismv(x)", "true"),
    ]);
    refused(&[("* | eval x=tonumber(\"abc\")", "abc"), ("* | eval x=tonumber(\"9\", 99)", "")]);
}

#[test]
fn s9_2_printf() {
    values(&[
        ("", "printf(\"%d\", 5.7)", "5"),
        ("", "printf(\"%i\", -5)", "-5"),
        ("", "printf(\"%u\", 5)", "5"),
        ("", "printf(\"%o\", 8)", "10"),
        ("", "printf(\"%x %X\", 171, 171)", "\"ab AB\""),
        ("", "printf(\"%f\", 1.5)", "1.500000"),
        ("", "printf(\"%.2f\", 3.14159)", "3.14"),
        ("", "printf(\"%e\", 1500)", "1.500000e+03"),
        ("", "printf(\"%g\", 0.0001)", "0.0001"),
        ("", "printf(\"%s\", \"a\")", "a"),
        ("", "printf(\"%c\", \"abc\")", "a"),
        ("", "printf(\"%%\")", "%"),
        ("", "printf(\"%5d|%-5d|%05d|%+d|% d\", 42, 42, 42, 42, 42)", "\"   42|42   |00042|+42| 42\""),
        ("", "printf(\"%#x %#o\", 255, 8)", "\"0xff 010\""),
        ("", "printf(\"%'d\", 1000000)", "1,000,000"),
        ("", "printf(\"%*d\", 6, 42)", "\"    42\""),
        ("", "printf(\"%.3s\", \"abcdef\")", "abc"),
        ("", "printf(\"%s=%d\", \"a\", 1)", "a=1"),
    ]);
}

#[test]
fn s9_3_text() {
    values(&[
        ("x=äö", "len(x)", "2"),
        ("x=abcdef", "substr(x, 2, 3)", "bcd"),
        ("x=abcdef", "substr(x, -2)", "ef"),
        ("x=abcdef", "substr(x, -3, 2)", "de"),
        ("x=abcdef", "substr(x, 3)", "cdef"),
        ("x=1/14/2023", "replace(x, \"^(\\d{1,2})/(\\d{1,2})/\", \"\\2/\\1/\")", "14/1/2023"),
        ("x=a.b.c", "replace(x, \".\", \"-\")", "-----"),
        ("x=a.b.c", "replace(x, \"\\.\", \"-\")", "a-b-c"),
        ("x='\t a \t'", "trim(x)", "a"),
        ("x=//a//", "ltrim(x, \"/\")", "a//"),
        ("x=//a//", "rtrim(x, \"/\")", "//a"),
        ("x=a.b.c", "split(x, \".\")", "[a,b,c]"),
        ("x=abc", "split(x, \"\")", "[a,b,c]"),
        ("x=a%2Fb%20c", "urldecode(x)", "\"a/b c\""),
        ("x={\"a\":{\"b\":[1,2]}}", "spath(x, \"a.b{}\")", "[1,2]"),
        ("x=<r><a>1</a><a>2</a></r>", "spath(x, \"r.a\")", "[1,2]"),
        ("x=<r><a>1</a><a>2</a></r>", "spath(x, \"r.a{2}\")", "2"),
        ("x='<r><a id=\"5\">1</a></r>'", "spath(x, \"r.a{@id}\")", "5"),
        ("", "md5(\"abc\")", "900150983cd24fb0d6963f7d28e17f72"),
        ("", "sha1(\"abc\")", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("", "sha256(\"abc\")", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ]);
}

#[test]
fn s9_4_numbers() {
    values(&[
        ("", "round(2.5)", "3"),
        ("", "round(-2.5)", "-3"),
        ("", "round(3.14159, 2)", "3.14"),
        ("", "floor(-1.5)", "-2"),
        ("", "ceil(1.2)", "2"),
        ("", "ceiling(1.2)", "2"),
        ("", "abs(-5)", "5"),
        ("", "max(1, 3, 2)", "3"),
        ("", "max(1, \"a\")", "a"),
        ("", "min(1, \"a\")", "1"),
        ("", "max(10, \"9\")", "10"),
        ("", "pow(2, 8)", "256"),
        ("", "exp(0)", "1"),
        ("", "log(100)", "2"),
        ("", "log(8, 2)", "3"),
        ("", "round(pi(), 4)", "3.1416"),
        ("x=a", "sum(x, 1, 2)", "3"),
        ("x=a", "avg(x, 1, 2)", "1.5"),
        ("", "sum(\"5\", 1)", "6"),
        ("", "hypot(3, 4)", "5"),
        ("", "bit_and(6, 3)", "2"),
        ("", "bit_or(6, 3)", "7"),
        ("", "bit_xor(6, 3)", "5"),
        ("", "bit_shift_left(1, 4)", "16"),
        ("", "bit_shift_right(16, 2)", "4"),
        // As many digits as the literal that has the fewest.
        ("", "sigfig(1.00*1111)", "1110"),
        ("", "sigfig(1.00*1111*1)", "1000"),
        ("", "sigfig(2.0+1.25)", "3.3"),
    ]);
    refused(&[("* | eval x=sum(\"a\", 1)", "a"), ("* | eval x=avg(\"a\")", "a")]);
}

#[test]
fn s9_5_time() {
    values(&[
        ("", "now()", "1772725653"),
        ("", "relative_time(now(), \"-1d@d\")", "1772582400"),
        ("t=x", "relative_time(t, \"-1d@d\")", "null"),
        ("t=x", "strftime(t, \"%F\")", "null"),
        ("t=x", "strptime(t, \"%F\")", "null"),
    ]);
}

#[test]
fn s9_6_multivalue() {
    values(&[
        ("x=[a,b,c]", "mvcount(x)", "3"),
        ("x=a", "mvcount(x)", "1"),
        ("", "mvcount(x)", "null"),
        ("x=[a,b,c]", "mvindex(x, 0)", "a"),
        ("x=[a,b,c]", "mvindex(x, -1)", "c"),
        ("x=[a,b,c]", "mvindex(x, 0, 1)", "[a,b]"),
        ("x=[a,b,c]", "mvindex(x, -2, -1)", "[b,c]"),
        ("x=[a,b,c]", "mvindex(x, 3)", "null"),
        ("x=[a,b]", "mvjoin(x, \"; \")", "\"a; b\""),
        ("x=[a,b] y=c", "mvappend(y, nosuch, x)", "[c,a,b]"),
        ("x=[1,5,9]", "mvfilter(x>=5)", "[5,9]"),
        ("x=[b,a,b]", "mvdedup(x)", "[b,a]"),
        ("x=[2,10,1]", "mvsort(x)", "[1,10,2]"),
        ("x=[ab,cd]", "mvfind(x, \"d$\")", "1"),
        ("x=[ab,cd]", "mvfind(x, \"e\")", "null"),
        ("x=[1,2,3] y=[a,b]", "mvzip(x, y)", "[1,a,2,b]"),
        ("x=[1,2,3]", "mvmap(x, x*10)", "[10,20,30]"),
        ("", "mvrange(1, 11, 2)", "[1,3,5,7,9]"),
        ("", "mvcount(mvrange(0, 604800, \"1d\"))", "7"),
        (
            "",
            "mvrange(1514834731, 1524134919, \"7d\")",
            "[1514834731,1515439531,1516044331,1516649131,1517253931,1517858731,1518463531,1519068331,1519673131,1520277931,1520882731,1521487531,1522092331,1522697131,1523301931,1523906731]",
        ),
        ("x=[a,b]", "mvreverse(x)", "[b,a]"),
        ("x=[a,b]", "mv_to_json_array(x)", "[\"a\",\"b\"]"),
    ]);
    refused(&[("* | eval x=mvfilter(a=b)", "one field")]);
}

#[test]
fn s9_7_json() {
    values(&[
        ("x=v", "json_object(\"k\", x, \"n\", 1)", "{\"k\":\"v\",\"n\":1}"),
        ("", "json_array(1, \"a\")", "[1,\"a\"]"),
        ("j={\"a\":{\"b\":[1,2]}}", "json_extract(j, \"a.b{0}\")", "1"),
        ("j={\"a\":{\"b\":[1,2]}}", "json_extract(j, \"a.b\")", "[1,2]"),
        ("j={\"a\":{\"b\":[1,2]}}", "json_extract(j, \"a.b{}\")", "[1,2]"),
        ("j={\"a\":1,\"b\":2}", "json_extract(j, \"a\", \"b\")", "[1,2]"),
        ("j={\"a\":1}", "json_extract(j, \"b\")", "null"),
        ("j={\"a\":1}", "json_keys(j)", "[\"a\"]"),
        ("j={\"a\":1}", "json_set(j, \"b\", 2)", "{\"a\":1,\"b\":2}"),
        ("j='[\"a\",1]'", "json_array_to_mv(j)", "[a,1]"),
        ("j={\"a\":[1]}", "json_append(j, \"a\", 2)", "{\"a\":[1,2]}"),
        ("j={\"a\":1,\"b\":2}", "json_delete(j, \"a\")", "{\"b\":2}"),
        ("j={\"a.b\":1}", "json_extract_exact(j, \"a.b\")", "1"),
    ]);
    conditions(&[
        ("j={\"a\":1}", "json_valid(j)", "true"),
        ("j={a:1}", "json_valid(j)", "false"),
        ("j={\"a.b\":1}", "json_has_key_exact(j, \"a.b\")", "true"),
    ]);
}

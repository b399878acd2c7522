//! Section 8: expressions.

use super::{conditions, refused, rows, values};

#[test]
fn s8_precedence() {
    conditions(&[
        ("", "1=1 OR 1=1 AND 1=2", "true"),
        ("", "(1=1 OR 1=1) AND 1=2", "false"),
        ("", "NOT 1=2 AND 1=2", "false"),
        ("", "NOT (1=2 AND 1=2)", "true"),
        ("", "1=1 XOR 1=1 OR 1=1", "false"),
        ("", "1=1 XOR 1=2 AND 1=2", "true"),
        ("", "NOT NOT 1=1", "true"),
        ("", "1+1=2", "true"),
        ("", "not 1=2 and 1=1 or 1=2", "true"),
    ]);
    values(&[
        ("", "2+3*4", "14"),
        ("", "(2+3)*4", "20"),
        ("", "10-3-2", "5"),
        ("", "2*3%4", "2"),
        ("", "12/3*2", "8"),
        ("", "1 + 2 . 3", "33"),
        ("", "1 . 2 + 3", "15"),
        ("", "1 . 2 * 3", "16"),
        ("", "-2*3", "-6"),
        ("", "2 - -3", "5"),
        ("", "+5", "5"),
    ]);
}

#[test]
fn s8_operators() {
    values(&[
        ("", "1 . 2", "12"),
        ("", "\"nada\"+1", "nada1"),
        ("", "\"1\"+1", "2"),
        ("", "\"a\"+\"b\"", "ab"),
        ("a=3", "a+a", "6"),
        ("", "7%3", "1"),
        ("", "-7%3", "-1"),
        ("", "7%-3", "1"),
        ("", "5.5%2", "1.5"),
        ("", "7/2", "3.5"),
        ("", "\"a\"-1", "null"),
        ("", "\"a\"*2", "null"),
    ]);
    conditions(&[
        ("", "1==1", "true"),
        ("x=10", "x>9", "true"),
        ("x=10", "x>\"9\"", "true"),
        ("x=a10", "x<\"a9\"", "true"),
        ("x=abc", "x=\"ABC\"", "false"),
        ("x=abc", "x=\"a*\"", "false"),
        ("x=B", "x<\"a\"", "true"),
        ("x=5", "x IN (1, 5)", "true"),
        ("x=5", "x NOT IN (1, 5)", "false"),
        ("x=abc", "x LIKE \"a%\"", "true"),
        ("x=abc", "x NOT LIKE \"a%\"", "false"),
        ("a=x b=x", "a=b", "true"),
    ]);
}

#[test]
fn s8_booleans() {
    refused(&[
        ("* | eval x=(a=b)", ""),
        ("* | eval x=a=b", ""),
        ("* | eval x=isnull(a)", ""),
        ("* | eval x=\"a\".(a=b)", ""),
        ("* | where f", ""),
        ("* | where 1", ""),
        ("* | where lower(f)", ""),
        ("* | where \"f\"", ""),
        ("* | eval x=if(f, 1, 2)", ""),
    ]);
    values(&[
        ("a=1", "if(a=1, \"true\", \"false\")", "true"),
        ("a=1", "tostring(a=1)", "True"),
        ("a=1", "tostring(a=2)", "False"),
        ("true=5 null=6", "true+null", "11"),
        ("", "null", "null"),
    ]);
}

#[test]
fn s8_malformed() {
    refused(&[
        ("* | eval", ""),
        ("* | eval x", "="),
        ("* | eval x=", ""),
        ("* | eval x=1+", ""),
        ("* | eval x=(1", "("),
        ("* | eval x=1)", ""),
        ("* | eval x=if(1=1,2)", "if"),
        ("* | eval x=nosuch(1)", "nosuch"),
        ("* | eval x=len()", "len"),
        ("* | eval x=len(1,2)", "len"),
        ("* | eval x=\"a", ""),
        ("* | eval x='a", ""),
        ("* | eval x=1,", ""),
        ("* | eval x=a b", ""),
    ]);
}

#[test]
fn s8_assignments() {
    rows(&[
        ("a=1", "eval b=a+1, c=b+1", "a=1 b=2 c=3"),
        ("a=1", "eval a=a+1, b=a", "a=2 b=2"),
        ("a=1", "eval \"with spaces\"=a+1", "a=1 with spaces=2"),
        ("a=1", "eval 'with spaces'=a+1", "a=1 with spaces=2"),
        ("k=x v=1\nk=y v=2", "eval {k}=v", "k=x v=1 x=1\nk=y v=2 y=2"),
        ("host=web", "eval cnt_{host}=1", "host=web cnt_web=1"),
        // An existing field keeps its place.
        ("a=1 b=2", "eval a=5, c=3", "a=5 b=2 c=3"),
    ]);
}

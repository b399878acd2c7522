//! The grammar of expressions.
//!
//! ```text
//! levels:  XOR < OR < AND < NOT
//! compare: = == != < <= > >=   x [NOT] IN (a, b)   x [NOT] LIKE "a%"
//! add:     + - .      left to right
//! mul:     * / %
//! unary:   - +
//! primary: number  "string"  field  'field'  function(args)  ( expr )  [ subsearch ]
//! ```

use super::function::{self, Function};
use super::{BinaryOp, Expr, Node, Numeral, is_name_char, is_name_start};
use crate::error::{QueryError, QueryErrorKind};
use crate::lexer::Cursor;
use crate::search::CompareOp;
use crate::span::{Span, Spanned};
use crate::subsearch::Subsearch;

/// How deep an expression may nest, chains of operators included. Bounds the stack of everything that walks the tree.
const MAX_DEPTH: usize = 200;

/// Reads the longest expression at the cursor.
pub(super) fn parse_expr(cursor: &mut Cursor<'_>) -> Result<Node, QueryError> {
    let mut parser = Parser { cursor: *cursor, depth: 0 };
    let node = parser.xor()?;
    *cursor = parser.cursor;
    Ok(node)
}

struct Parser<'q> {
    cursor: Cursor<'q>,
    depth: usize,
}

type Parsed = Result<Node, QueryError>;

impl Parser<'_> {
    /// Runs `parse` one level deeper.
    fn deeper(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let at = self.cursor.pos();
            return Err(QueryError::new(QueryErrorKind::TooDeep, Span::empty(at)));
        }
        let node = parse(self);
        self.depth -= 1;
        node
    }

    /// Reads `operand { op operand }`, joined from the left.
    fn left_to_right<O>(
        &mut self,
        operand: fn(&mut Self) -> Parsed,
        op: fn(&mut Cursor<'_>) -> Option<O>,
        join: impl Fn(O, Box<Node>, Box<Node>) -> Expr,
    ) -> Parsed {
        let mut left = operand(self)?;
        let mut n_joined = 0;
        while let Some(op) = op(&mut self.cursor) {
            let right = operand(self)?;
            n_joined += 1;
            if self.depth + n_joined > MAX_DEPTH {
                return Err(QueryError::new(QueryErrorKind::TooDeep, right.span));
            }
            let span = left.span.to(right.span);
            left = Spanned::new(join(op, Box::new(left), Box::new(right)), span);
        }
        Ok(left)
    }

    fn xor(&mut self) -> Parsed {
        self.left_to_right(Self::or, |cursor| word(cursor, "XOR"), |(), left, right| Expr::Xor(left, right))
    }

    fn or(&mut self) -> Parsed {
        self.list(
            "OR",
            Self::and,
            |node| match node {
                Expr::Or(operands) => Ok(operands),
                other => Err(other),
            },
            Expr::Or,
        )
    }

    fn and(&mut self) -> Parsed {
        self.list(
            "AND",
            Self::not,
            |node| match node {
                Expr::And(operands) => Ok(operands),
                other => Err(other),
            },
            Expr::And,
        )
    }

    /// Reads `operand { WORD operand }` into one flat list.
    fn list(
        &mut self,
        operator: &str,
        operand: fn(&mut Self) -> Parsed,
        flatten: fn(Expr) -> Result<Vec<Node>, Expr>,
        join: fn(Vec<Node>) -> Expr,
    ) -> Parsed {
        let first = operand(self)?;
        let mut span = first.span;
        let mut operands = vec![first];
        while word(&mut self.cursor, operator).is_some() {
            let next = operand(self)?;
            span = span.to(next.span);
            operands.push(next);
        }
        if operands.len() == 1 {
            return Ok(operands.remove(0));
        }
        let mut flat = Vec::with_capacity(operands.len());
        for operand in operands {
            match flatten(operand.value) {
                Ok(inner) => flat.extend(inner),
                Err(other) => flat.push(Spanned::new(other, operand.span)),
            }
        }
        Ok(Spanned::new(join(flat), span))
    }

    fn not(&mut self) -> Parsed {
        self.cursor.skip_space();
        let start = self.cursor.pos();
        if word(&mut self.cursor, "NOT").is_none() {
            return self.compare();
        }
        let operand = self.deeper(Self::not)?;
        Ok(Spanned::new(Expr::Not(Box::new(operand)), self.cursor.span_from(start)))
    }

    fn compare(&mut self) -> Parsed {
        let left = self.add()?;
        if let Some(op) = compare_op(&mut self.cursor) {
            let right = self.add()?;
            let span = left.span.to(right.span);
            let again = self.cursor.pos();
            if compare_op(&mut self.cursor).is_some() {
                return Err(QueryError::rule("comparisons cannot be chained", self.cursor.span_from(again))
                    .with_hint("join two comparisons with AND"));
            }
            return Ok(Spanned::new(Expr::Compare(op, Box::new(left), Box::new(right)), span));
        }
        let mut ahead = self.cursor;
        let negated = word(&mut ahead, "NOT").is_some();
        let (function, args) = if word(&mut ahead, "IN").is_some() {
            self.cursor = ahead;
            self.cursor.expect("(")?;
            let list = self.arguments()?;
            (&function::IN, std::iter::once(left).chain(list).collect())
        } else if word(&mut ahead, "LIKE").is_some() {
            self.cursor = ahead;
            (&function::LIKE, vec![left, self.add()?])
        } else {
            return Ok(left);
        };
        let args: Vec<Node> = args;
        let span = self.cursor.span_from(args[0].span.start);
        check_arity(function, args.len(), span)?;
        let call = Spanned::new(Expr::Call(function, args), span);
        Ok(if negated { Spanned::new(Expr::Not(Box::new(call)), span) } else { call })
    }

    fn add(&mut self) -> Parsed {
        let ops = |cursor: &mut Cursor<'_>| {
            symbol(cursor, &[("+", BinaryOp::Add), ("-", BinaryOp::Subtract), (".", BinaryOp::Concatenate)])
        };
        self.left_to_right(Self::multiply, ops, Expr::Binary)
    }

    fn multiply(&mut self) -> Parsed {
        let ops = |cursor: &mut Cursor<'_>| {
            symbol(cursor, &[("*", BinaryOp::Multiply), ("/", BinaryOp::Divide), ("%", BinaryOp::Remainder)])
        };
        self.left_to_right(Self::unary, ops, Expr::Binary)
    }

    fn unary(&mut self) -> Parsed {
        self.cursor.skip_space();
        let start = self.cursor.pos();
        if self.cursor.eat("-") {
            let operand = self.deeper(Self::unary)?;
            return Ok(Spanned::new(Expr::Negate(Box::new(operand)), self.cursor.span_from(start)));
        }
        if self.cursor.eat("+") {
            return self.deeper(Self::unary);
        }
        self.primary()
    }

    fn primary(&mut self) -> Parsed {
        let start = self.cursor.pos();
        match self.cursor.peek() {
            Some('(') => {
                self.cursor.advance(1);
                let inner = self.deeper(Self::xor)?;
                self.close(start)?;
                Ok(Spanned::new(inner.value, self.cursor.span_from(start)))
            }
            Some('"') => {
                let text = self.cursor.eat_quoted()?.map(|quoted| quoted.value).unwrap_or_default();
                Ok(Spanned::new(Expr::Text(text), self.cursor.span_from(start)))
            }
            Some('[') => match Subsearch::parse(&mut self.cursor)? {
                Some(subsearch) => Ok(Spanned::new(Expr::Subsearch(subsearch), self.cursor.span_from(start))),
                None => Err(self.cursor.expected("an expression")),
            },
            Some('\'') => {
                let name = self.single_quoted()?;
                Ok(Spanned::new(Expr::Field(name), self.cursor.span_from(start)))
            }
            Some('0'..='9' | '.') => self.number(),
            Some(c) if is_name_start(c) => self.name(),
            Some('!') => Err(self.cursor.expected("an expression").with_hint("write NOT")),
            _ => Err(self.cursor.expected("an expression")),
        }
    }

    fn close(&mut self, opened_at: usize) -> Result<(), QueryError> {
        self.cursor.skip_space();
        if self.cursor.eat(")") {
            return Ok(());
        }
        Err(match self.cursor.peek() {
            None => QueryError::new(QueryErrorKind::Unbalanced('('), Span::new(opened_at, opened_at + 1)),
            Some(_) => unexpected(self.cursor, "`)`"),
        })
    }

    /// `'field name'`; a quote in the name is written `\'`.
    fn single_quoted(&mut self) -> Result<String, QueryError> {
        let start = self.cursor.pos();
        self.cursor.advance(1);
        let mut name = String::new();
        let mut chars = self.cursor.rest().char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '\'' => {
                    self.cursor.advance(at + 1);
                    return match name.is_empty() {
                        true => {
                            Err(QueryError::rule("the name of a field cannot be empty", self.cursor.span_from(start)))
                        }
                        false => Ok(name),
                    };
                }
                '\\' => match chars.next_if(|(_, next)| matches!(next, '\'' | '\\')) {
                    Some((_, next)) => name.push(next),
                    None => name.push('\\'),
                },
                other => name.push(other),
            }
        }
        Err(QueryError::new(QueryErrorKind::Unbalanced('\''), Span::new(start, start + 1)))
    }

    fn number(&mut self) -> Parsed {
        let start = self.cursor.pos();
        let rest = self.cursor.rest();
        let digits = |from: usize| rest[from..].bytes().take_while(u8::is_ascii_digit).count();
        let mut len = digits(0);
        if rest[len..].starts_with('.') && digits(len + 1) > 0 {
            len += 1 + digits(len + 1);
        }
        if len == 0 {
            return Err(self.cursor.expected("an expression"));
        }
        if rest[len..].starts_with(['e', 'E']) {
            let sign = usize::from(rest[len + 1..].starts_with(['+', '-']));
            let exponent = digits(len + 1 + sign);
            if exponent > 0 {
                len += 1 + sign + exponent;
            }
        }
        self.cursor.advance(len);
        let span = self.cursor.span_from(start);
        if self.cursor.peek().is_some_and(is_name_start) {
            return Err(unexpected(self.cursor, "an operator")
                .with_hint("a field whose name begins with a digit needs single quotes"));
        }
        // A zero in front allows for `.5`.
        let written = &rest[..len];
        let n_decimals = match written.split_once('.') {
            Some((_, decimals)) if !decimals.contains(['e', 'E']) => decimals.len(),
            _ => 0,
        };
        let n_decimals = u8::try_from(n_decimals).unwrap_or(u8::MAX);
        match crate::value::parse_number(&format!("0{written}")) {
            Some(value) => Ok(Spanned::new(Expr::Number(Numeral { value, n_decimals }), span)),
            None => Err(QueryError::rule("the number is too large", span)),
        }
    }

    /// A field or a function.
    fn name(&mut self) -> Parsed {
        let start = self.cursor.pos();
        let name = self.cursor.take_while(is_name_char);
        let span = self.cursor.span_from(start);
        let mut ahead = self.cursor;
        ahead.skip_space();
        if !ahead.eat("(") {
            if super::OPERATOR_WORDS.iter().any(|word| word.eq_ignore_ascii_case(name)) {
                return Err(QueryError::rule(format!("`{name}` has nothing on its left"), span)
                    .with_hint(format!("a field of that name needs single quotes: '{name}'")));
            }
            return Ok(Spanned::new(Expr::Field(name.to_owned()), span));
        }
        let function = function::find(name, span)?;
        self.cursor = ahead;
        let args = self.arguments()?;
        let span = self.cursor.span_from(start);
        check_arity(function, args.len(), span)?;
        Ok(Spanned::new(Expr::Call(function, args), span))
    }

    /// Arguments up to the closing parenthesis; the opening one is read.
    fn arguments(&mut self) -> Result<Vec<Node>, QueryError> {
        let opened_at = self.cursor.pos() - 1;
        let mut args = Vec::new();
        self.cursor.skip_space();
        if self.cursor.eat(")") {
            return Ok(args);
        }
        loop {
            args.push(self.deeper(Self::xor)?);
            self.cursor.skip_space();
            if !self.cursor.eat(",") {
                self.close(opened_at)?;
                return Ok(args);
            }
        }
    }
}

/// The error that something else stands at the cursor, with advice where a name is the likely reason.
pub(super) fn unexpected(cursor: Cursor<'_>, expected: &str) -> QueryError {
    let error = cursor.expected(expected);
    match cursor.rest().trim_start().chars().next() {
        Some(':' | '{' | '}' | '@' | '#') => {
            error.with_hint("a field with such a character in its name needs single quotes, as in 'a.b{}'")
        }
        Some('&' | '|') => error.with_hint("write AND or OR"),
        _ => error,
    }
}

fn check_arity(function: &'static Function, n_args: usize, span: Span) -> Result<(), QueryError> {
    if function.arity.allows(n_args) {
        return Ok(());
    }
    let takes = function.arity.to_string();
    Err(QueryError::new(QueryErrorKind::Arity { function: function.name, takes, found: n_args }, span)
        .with_hint(format!("write {}", function.usage)))
}

/// Moves over an operator word in any case.
fn word(cursor: &mut Cursor<'_>, word: &str) -> Option<()> {
    let mut ahead = *cursor;
    ahead.skip_space();
    ahead.eat_keyword(word).then(|| *cursor = ahead)
}

fn symbol<O: Copy>(cursor: &mut Cursor<'_>, symbols: &[(&str, O)]) -> Option<O> {
    let mut ahead = *cursor;
    ahead.skip_space();
    let (_, op) = symbols.iter().find(|(symbol, _)| ahead.eat(symbol))?;
    *cursor = ahead;
    Some(*op)
}

fn compare_op(cursor: &mut Cursor<'_>) -> Option<CompareOp> {
    symbol(
        cursor,
        &[
            ("==", CompareOp::Eq),
            ("=", CompareOp::Eq),
            ("!=", CompareOp::Ne),
            ("<=", CompareOp::Le),
            ("<", CompareOp::Lt),
            (">=", CompareOp::Ge),
            (">", CompareOp::Gt),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Expression;
    use crate::testing::check_eval;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Expression, QueryError> {
        let mut cursor = Cursor::new(text, Span::new(0, text.len()));
        let expression = Expression::parse(&mut cursor)?;
        if cursor.at_end() { Ok(expression) } else { Err(unexpected(cursor, "an operator")) }
    }

    #[test]
    fn canonical_text() {
        for (text, expected) in [
            ("a=1 or b=2 AND not c=3", "a=1 OR b=2 AND NOT c=3"),
            ("(a=1 OR b=2) AND c=3", "(a=1 OR b=2) AND c=3"),
            ("a=1 xor b=2 or c=3", "a=1 XOR b=2 OR c=3"),
            ("1+2*3", "1 + 2 * 3"),
            ("(1+2)*3", "(1 + 2) * 3"),
            ("1-(2-3)", "1 - (2 - 3)"),
            ("-x+ -(y*2)", "-x + -(y * 2)"),
            ("a.b", "a . b"),
            ("'a.b' . 'with space'", "'a.b' . 'with space'"),
            ("x in (1,\"a\")", "in(x, 1, \"a\")"),
            ("x NOT IN (1)", "NOT in(x, 1)"),
            ("x LIKE \"a%\"", "like(x, \"a%\")"),
            ("IF(a==1,LOWER(b),c)", "if(a=1, lower(b), c)"),
            ("ceiling(x)", "ceil(x)"),
            ("(a=b)=(c=d)", "(a=b)=(c=d)"),
            ("1e3 + 2.50", "1000 + 2.50"),
            ("x*.5", "x * 0.5"),
            ("x . 5", "x . 5"),
            ("not x not like \"a\" and y Not In (1)", "NOT NOT like(x, \"a\") AND NOT in(y, 1)"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn refused() {
        for (text, message) in [
            ("", "expected an expression, found the end"),
            ("a=", "expected an expression, found the end"),
            ("a=1=2", "comparisons cannot be chained"),
            ("(a=1", "unbalanced `(`"),
            ("a=1)", "expected an operator, found `)`"),
            ("a:b=1", "expected an operator, found `:b=1`"),
            ("lowr(x)", "unknown function `lowr`"),
            ("stdev(x)", "unsupported function: `stdev`"),
            ("if(a=1, 2)", "`if` takes 3 arguments, not 2"),
            ("case(a=1)", "`case` takes at least 2 arguments, not 1"),
            ("case(a=1, 2, 3)", "case() needs a value for each condition"),
            ("if(a, 1, 2)", "expected a condition, found a value"),
            ("(a=b) . \"x\"", "expected a value, found a condition"),
            ("a=1 AND b", "expected a condition, found a value"),
            ("match(x, \"(\")", "invalid regular expression: unclosed group"),
            ("mvfilter(a>b)", "this must read exactly one field"),
            ("mvmap(1, 2)", "this must read exactly one field"),
            ("mvrange(1, 2, \"x\")", "`x` is not a number or a span of time"),
            ("sum(a, \"x\")", "`x` is not a number"),
            ("searchmatch(a)", "the argument of searchmatch() must be in double quotes"),
            ("searchmatch(\"a AND\")", "expected a search term, found the end"),
            ("printf(\"%d\")", "the format needs 1 value, not 0"),
            ("printf(\"%y\", a)", "`%y` is not a format"),
            ("json_object(\"a\")", "json_object() needs a value for each key"),
            ("case(a=1, 2, b=1, c=1)", "the results of case() must all be values, or all conditions"),
            ("cidrmatch(\"x\", a)", "`x` is not a network such as 10.0.0.0/8"),
            ("tonumber(\"x\")", "`x` is not a number in that base"),
            ("relative_time(t, \"-1x\")", "`-1x` is not a time"),
            ("!isnull(x)", "expected an expression, found `!isnull`"),
            ("'open", "unbalanced `'`"),
            ("x + .", "expected an expression, found `.`"),
            ("5x", "expected an operator, found `x`"),
            ("AND b=1", "`AND` has nothing on its left"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message, "{text}");
        }
        for deep in [
            format!("{}1{}", "(".repeat(500), ")".repeat(500)),
            "-".repeat(500) + "1",
            "1".to_owned() + &"+1".repeat(500),
        ] {
            assert_eq!(parse(&deep).unwrap_err().kind, QueryErrorKind::TooDeep);
        }
    }

    #[test]
    fn a_refusal_points_and_advises() {
        let render = |text: &str| parse(text).unwrap_err().render(text, false);
        insta::assert_snapshot!(render("if(status>499, \"bad\", lowre(x))"), @r#"
        error: unknown function `lowre`
          |
        1 | if(status>499, "bad", lowre(x))
          |                       ^^^^^
          |
          = hint: did you mean `lower`?
        "#);
        insta::assert_snapshot!(render("user.name:x=1"), @r"
        error: expected an operator, found `:x=1`
          |
        1 | user.name:x=1
          |          ^^^^
          |
          = hint: a field with such a character in its name needs single quotes, as in 'a.b{}'
        ");
        insta::assert_snapshot!(render("substr(x)"), @r"
        error: `substr` takes 2 to 3 arguments, not 1
          |
        1 | substr(x)
          | ^^^^^^^^^
          |
          = hint: write substr(x, start[, length])
        ");
    }

    /// spl.md §8 and §13.
    #[test]
    fn operators() {
        let fields = "status=404 user=Alice n=5 z=1.0 e=\"\" m=[a,b] 'x=1";
        let fields = fields.trim_end_matches(" 'x=1");
        for (expr, expected) in [
            ("1=2 OR 1=1 AND 1=2", "false"),
            ("1=1 OR 1=1 AND 1=2", "true"),
            ("status=404", "true"),
            ("user=\"alice\"", "false"),
            ("user=\"Alice\"", "true"),
            ("user=\"A*\"", "false"),
            ("z=1", "true"),
            ("n<10", "true"),
            ("n<\"10\"", "true"),
            ("user<\"B\"", "true"),
            ("missing=1", "null"),
            ("NOT (missing=1)", "null"),
            ("missing=1 OR n=5", "true"),
            ("missing=1 AND n=5", "null"),
            ("missing=1 AND n=6", "false"),
            ("missing!=1", "null"),
            ("m=\"b\"", "true"),
            ("m!=\"b\"", "true"),
            ("m+1", "null"),
            ("1 . 2", "12"),
            ("\"nada\"+1", "nada1"),
            ("n+1", "6"),
            ("n-\"x\"", "null"),
            ("7/2", "3.5"),
            ("-7%3", "-1"),
            ("1/0", "null"),
            ("n . missing", "null"),
            ("e . \"x\"", "x"),
            ("0.1+0.2", "0.30000000000000004"),
            ("1=1 XOR 1=1", "false"),
            ("n NOT IN (1, 2)", "true"),
            ("n NOT IN (1, missing)", "null"),
            ("n IN (5, missing)", "true"),
            ("m NOT IN (\"a\")", "false"),
            ("user LIKE \"A%\" AND NOT user LIKE \"%x\"", "true"),
            ("5<n", "false"),
            ("5<=n", "true"),
            ("\"Alice\"=user", "true"),
            ("10>n", "true"),
            ("n-1=4", "true"),
            ("n-1=\"4.0\"", "true"),
            ("n-1<z*5", "true"),
            ("m<\"b\"", "true"),
            ("\"b\">m", "true"),
            ("m=m", "true"),
            ("n=null()", "null"),
            ("n-\"x\"=1", "null"),
            ("\"007\"=7", "true"),
            ("2 . 3 + 1", "24"),
            ("2+3 . 1", "51"),
            ("8-2-1", "5"),
            ("2*3%4", "2"),
            ("-2*3", "-6"),
            ("- -n", "5"),
            ("+n", "5"),
            ("NOT 1=2 AND 1=2", "false"),
            ("1=1 OR 1=1 XOR 1=1", "false"),
            ("missing=1 XOR 1=1", "null"),
            ("\"a\" . 1.50", "a1.5"),
            ("n%0", "null"),
            ("isnull(missing)=true()", "true"),
            ("null", "null"),
        ] {
            check_eval(fields, expr, expected);
        }
    }

    fn any_value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof!["[a-c]", "'[a-z. ]{1,4}'", "[0-9]{1,3}(\\.[0-9]{1,2})?", "\"[a-z\\\\. ]{0,4}\\.\"",];
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                (inner.clone(), "[-+*/%.]", inner.clone()).prop_map(|(a, op, b)| format!("({a} {op} {b})")),
                (inner.clone(), "[-+*/%.]", inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
                inner.clone().prop_map(|a| format!("-{a}")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("coalesce({a}, {b})")),
                (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("if({a}={b}, {b}, {c})")),
            ]
        })
    }

    fn any_condition() -> impl Strategy<Value = String> {
        let leaf = (any_value(), "=|!=|<|<=|>|>=", any_value()).prop_map(|(a, op, b)| format!("{a}{op}{b}"));
        leaf.prop_recursive(4, 24, 3, |inner| {
            prop_oneof![
                (inner.clone(), "AND|OR|XOR|or|and", inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
                (inner.clone(), "AND|OR|XOR", inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
                inner.prop_map(|a| format!("NOT ({a})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn printing_reads_back(text in prop_oneof![any_value(), any_condition()]) {
            let first = parse(&text).map_err(|error| TestCaseError::fail(error.render(&text, false)))?;
            let again = parse(&first.to_string()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(again.to_string(), first.to_string());
            prop_assert_eq!(again, first);
        }

        #[test]
        fn any_text_is_read_without_panic(text in "[-a-z0-9()'\"=<>!+*/%., ]{0,24}") {
            let _ = parse(&text);
        }
    }
}

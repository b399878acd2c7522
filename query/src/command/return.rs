//! Ends a subsearch with the values of its first rows, as conditions or bare.
//!
//! **Syntax**
//!
//! `return [n] (field | alias=field | $field) …`
//!
//! **Arguments**
//!
//! - `n`: how many rows, 1 by default.
//! - `field` gives `field="value"`, `alias=field` gives `alias="value"`, `$field` the value alone.
//!
//! **Semantics**
//!
//! What belongs to one row is joined by blanks, rows are joined by `OR`. Null values are left out. In `eval` and `where`
//! a single `$field` is a number or a text: `where bytes > [search … | stats avg(bytes) AS b | return $b]`.
//!
//! **Kind** ordered; stops after its rows.
//!
//! **Memory** the text.
//!
//! **Examples**
//!
//! ```example
//! user=ann n=5
//! user=bob n=3
//! > return 2 $user
//! search="(ann) OR (bob)"
//! ```

use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug, PartialEq)]
pub struct Return {
    /// How many rows.
    pub n_rows: usize,
    /// What is returned of each.
    pub items: Vec<Item>,
}

/// One field that is returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The field.
    pub field: String,
    /// The name before the `=`; `None` for the value alone.
    pub alias: Option<String>,
}

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let n_rows = args.number()?.unwrap_or(1);
    let mut items = Vec::new();
    loop {
        args.cursor.skip_separators();
        if args.cursor.eat("$") {
            let field = args.expect_plain_name()?.value;
            args.cursor.eat("$");
            items.push(Item { field, alias: None });
            continue;
        }
        let Some(name) = args.name()? else { break };
        args.cursor.skip_space();
        let field = if args.cursor.eat("=") { args.expect_plain_name()?.value } else { name.value.clone() };
        items.push(Item { field, alias: Some(name.value) });
    }
    if items.is_empty() {
        return Err(args.cursor.expected("the name of a field"));
    }
    args.finish()?;
    Ok(Box::new(Return { n_rows, items }))
}

impl fmt::Display for Return {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("return")?;
        if self.n_rows != 1 {
            write!(f, " {}", self.n_rows)?;
        }
        self.items.iter().try_for_each(|Item { field, alias }| match alias {
            None => write!(f, " ${}", quote_name(field)),
            Some(alias) if alias == field => write!(f, " {}", quote_name(field)),
            Some(alias) => write!(f, " {}={}", quote_name(alias), quote_name(field)),
        })
    }
}

impl Return {
    /// Whether the result is one bare value.
    pub(crate) fn is_single_value(&self) -> bool {
        self.n_rows == 1 && matches!(&self.items[..], [Item { alias: None, .. }])
    }

    fn row_text(&self, batch: &Batch, row: usize) -> String {
        let item = |Item { field, alias }: &Item| {
            let value = batch.value(row, field);
            let parts = value.each().iter().map(|value| match alias {
                None => value.to_string(),
                Some(alias) => format!("{}={}", quote_name(alias), value.with_text(quote)),
            });
            parts.collect::<Vec<_>>().join(" OR ")
        };
        let items: Vec<String> = self.items.iter().map(item).filter(|text| !text.is_empty()).collect();
        items.join(" ")
    }
}

impl Command for Return {
    fn kind(&self) -> CommandKind {
        CommandKind::Ordered
    }

    fn fields_read(&self, _: &Wanted) -> Wanted {
        Wanted::of(self.items.iter().map(|item| item.field.clone()))
    }

    fn makes_table(&self) -> bool {
        true
    }

    fn start(&self, _: &Arc<Context>) -> Box<dyn Operator> {
        Box::new(ReturnOperator { command: self.clone(), n_seen: 0, texts: Vec::new() })
    }
}

struct ReturnOperator {
    command: Return,
    n_seen: usize,
    texts: Vec<String>,
}

impl Operator for ReturnOperator {
    fn push(&mut self, batch: Batch, _: &mut dyn FnMut(Batch)) -> Result<Flow> {
        let n_taken = batch.len().min(self.command.n_rows - self.n_seen);
        let texts = (0..n_taken).map(|row| self.command.row_text(&batch, row));
        self.texts.extend(texts.filter(|text| !text.is_empty()));
        self.n_seen += n_taken;
        Ok(if self.n_seen == self.command.n_rows { Flow::Done } else { Flow::More })
    }

    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let text = match &self.texts[..] {
            [] => return Ok(()),
            [text] => text.clone(),
            texts => texts.iter().map(|text| format!("({text})")).collect::<Vec<_>>().join(" OR "),
        };
        out(Batch::from_columns(1, [("search", vec![Value::from(text)])]));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, commands, context, execute, rows};
    use std::sync::Arc;

    fn returned(input: &str, query: &str) -> String {
        let result = execute(&Arc::new(context()), &commands(query), &rows(input), 1, 1).unwrap();
        if result.is_empty() { String::new() } else { result.value(0, "search").to_string() }
    }

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("return user", "return user"),
            ("return 5 ip=src, $user", "return 5 ip=src $user"),
            ("return $\"a b\"", "return $\"a b\""),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("return", "", "expected the name of a field, found the end");
        check_refused("return 3 $", "", "expected the name of a field, found the end");
    }

    #[test]
    fn rows_become_text() {
        for (input, query, expected) in [
            ("user=ann n=5\nuser=bob", "return user", "user=\"ann\""),
            ("user=ann n=5\nuser=bob", "return 2 who=user n", "(who=\"ann\" n=\"5\") OR (who=\"bob\")"),
            ("user=ann n=5", "return $n", "5"),
            ("user=[a,b]", "return user", "user=\"a\" OR user=\"b\""),
            ("x=1", "return user", ""),
            ("", "return user", ""),
        ] {
            assert_eq!(returned(input, query), expected, "{query} over {input}");
        }
    }

    #[test]
    fn fields_read() {
        check_fields_read("return a=b $c", &["search"], "b c");
    }
}

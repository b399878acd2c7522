//! Sorts the rows.
//!
//! **Syntax**
//!
//! `sort [N | limit=N] ([+ | -] <key>) … [d | desc]`
//!
//! **Arguments**
//!
//! - `N`: how many rows are kept, 10,000 by default; 0 keeps all.
//! - key: a field, or `num(field)`, `str(field)`, `ip(field)`, `auto(field)` to say how its values compare. `-` before it
//!   sorts from large to small; it may stand off, as in `sort - count`.
//! - `d`, `desc` at the end turns every direction round.
//!
//! **Semantics**
//!
//! By default numbers come first, by size, then IPv4 addresses by number, then text by bytes: capitals before small
//! letters. Rows without the key come last in either direction. Rows that agree in all keys keep their order.
//!
//! **Kind** transforming; parts are merged.
//!
//! **Memory** all rows, or twice N of them; beyond `max_memory_bytes` they go to disk as sorted runs, which are merged at the
//! end. A warning says when rows were cut.
//!
//! **Examples**
//!
//! ```example
//! x=10 n=a
//! x=9 n=b
//! n=c
//! x=up n=d
//! > sort - x
//! x=up n=d
//! x=10 n=a
//! x=9 n=b
//! n=c
//! ```
//!
//! **Differences** Splunk compares a pair of values as numbers if both are numeric and as text otherwise, which orders
//! mixed columns differently from run to run; here numbers rank before text.

use super::args::count;
use super::rows::{CollectOperator, SortKey, SortKind, SortedRows, Ties};
use super::{Args, Command, CommandKind, Operator};
use crate::context::{Context, Warning};
use crate::error::{QueryError, Result};
use crate::lexer::{quote, quote_name};
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Sort {
    /// Most rows that are kept; `None` for all.
    pub limit: Option<usize>,
    /// The keys, the most important first; at least one.
    pub keys: Vec<SortKey>,
    /// Whether the command behind takes no more rows than the limit, so that nobody misses the others.
    pub is_cut_later: bool,
}

const DEFAULT_LIMIT: usize = 10_000;

const KINDS: [(&str, SortKind); 4] =
    [("auto", SortKind::Auto), ("num", SortKind::Number), ("str", SortKind::Text), ("ip", SortKind::Address)];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let limit = match args.option(&["limit"])? {
        Some((_, value)) => count(&value)?,
        None => args.number()?.unwrap_or(DEFAULT_LIMIT),
    };
    let keys = parse_keys(&mut args)?;
    args.finish()?;
    Ok(Box::new(Sort { limit: (limit > 0).then_some(limit), keys, is_cut_later: false }))
}

/// Reads `([+|-] key)… [d|desc]`.
pub(super) fn parse_keys(args: &mut Args<'_>) -> Result<Vec<SortKey>, QueryError> {
    let mut keys: Vec<SortKey> = Vec::new();
    loop {
        args.cursor.skip_separators();
        if !keys.is_empty() && args.at_keyword(&["d", "desc"]) {
            let mut ahead = args.cursor;
            ahead.take_while(char::is_alphabetic);
            if ahead.at_end() {
                args.cursor = ahead;
                keys.iter_mut().for_each(|key| key.descending = !key.descending);
            }
        }
        if args.cursor.at_end() && !keys.is_empty() {
            return Ok(keys);
        }
        let descending = args.cursor.eat("-");
        if !descending {
            args.cursor.eat("+");
        }
        args.cursor.skip_space();
        let (kind, field) = match parse_kind(args)? {
            Some(found) => found,
            None => (SortKind::Auto, args.expect_plain_name()?.value),
        };
        keys.push(SortKey { field, descending, kind });
    }
}

/// Reads `num(field)` and the like.
fn parse_kind(args: &mut Args<'_>) -> Result<Option<(SortKind, String)>, QueryError> {
    let mut ahead = args.cursor;
    let word = ahead.take_while(char::is_alphabetic);
    let Some((_, kind)) = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) else { return Ok(None) };
    if !ahead.eat("(") {
        return Ok(None);
    }
    args.cursor = ahead;
    let field = args.expect_plain_name()?;
    args.cursor.expect(")")?;
    Ok(Some((*kind, field.value)))
}

impl fmt::Display for SortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.descending { "-" } else { "" })?;
        // At the end of the keys these two words mean a direction.
        let field = match self.field.to_ascii_lowercase().as_str() {
            "d" | "desc" => quote(&self.field).into(),
            _ => quote_name(&self.field),
        };
        match KINDS.iter().find(|(_, kind)| *kind == self.kind) {
            Some((name, kind)) if *kind != SortKind::Auto => write!(f, "{name}({field})"),
            _ => f.write_str(&field),
        }
    }
}

/// Writes `-a, b`.
pub(super) fn write_keys(f: &mut fmt::Formatter<'_>, keys: &[SortKey]) -> fmt::Result {
    keys.iter().enumerate().try_for_each(|(i, key)| write!(f, "{}{key}", if i == 0 { " " } else { ", " }))
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sort")?;
        match self.limit {
            None => f.write_str(" 0")?,
            Some(DEFAULT_LIMIT) => {}
            Some(limit) => write!(f, " {limit}")?,
        }
        write_keys(f, &self.keys)
    }
}

impl Command for Sort {
    fn kind(&self) -> CommandKind {
        CommandKind::Transforming { order_matters: true }
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn keeps_rows(&self) -> bool {
        true
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        self.keys.iter().for_each(|key| wanted.add(&key.field));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let rows = SortedRows::new(ctx, "sort", self.keys.clone().into(), Ties::InOrder, self.limit).spilling();
        let limit = self.limit.filter(|_| !self.is_cut_later);
        let own_ctx = Arc::clone(ctx);
        Box::new(CollectOperator::new(rows, move |rows| {
            if let Some(kept) = limit
                && rows.n_rows() > kept as u64
            {
                own_ctx.warn(Warning::SortCut { kept, of: rows.n_rows() });
            }
            rows.into_stream()
        }))
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Flow;
    use crate::context::Warning;
    use crate::error::RunError;
    use crate::testing::{
        check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, rows,
    };
    use std::sync::Arc;

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("sort x", "sort x"),
            ("sort 5 -x, +y", "sort 5 -x, y"),
            ("sort limit=0 x", "sort 0 x"),
            ("sort - count", "sort -count"),
            ("sort -count(x)", "sort -\"count(x)\""),
            ("sort num(x) -ip(addr) str(s) auto(z)", "sort num(x), -ip(addr), str(s), z"),
            ("sort x -y desc", "sort -x, y"),
            ("sort x d", "sort -x"),
            ("sort d", "sort \"d\""),
            ("sort \"two words\"", "sort \"two words\""),
            ("sort 10000 x", "sort x"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("sort", "", "expected the name of a field, found the end");
        check_refused("sort 5", "", "expected the name of a field, found the end");
        check_refused("sort x*", "x*", "wildcards are not allowed here");
        check_refused("sort lmit=5 x", "lmit", "`sort` has no option `lmit`");
        check_refused("sort num(x", "", "expected `)`, found the end");
    }

    #[test]
    fn rows_in_order() {
        let input = "x=10\nx=9\nx=a\nx=B\nx=10.0.0.9\nx=10.0.0.10\ny=1\nx=\"\"";
        check_rows(input, "sort x", "x=9\nx=10\nx=10.0.0.9\nx=10.0.0.10\nx=\"\"\nx=B\nx=a\ny=1");
        check_rows(input, "sort -x", "x=a\nx=B\nx=\"\"\nx=10.0.0.10\nx=10.0.0.9\nx=10\nx=9\ny=1");
        check_rows("x=10\nx=9\nx=b", "sort str(x)", "x=10\nx=9\nx=b");
        check_rows("x=b\nx=10\nx=9", "sort num(x)", "x=9\nx=10\nx=b");
        check_rows("x=1 y=a\nx=2 y=b\nx=1 y=c", "sort x", "x=1 y=a\nx=1 y=c\nx=2 y=b");
        check_rows("x=1 y=a\nx=2 y=b\nx=1 y=c", "sort -x -y", "x=2 y=b\nx=1 y=c\nx=1 y=a");
        check_rows("x=3\nx=1\nx=2", "sort 2 x", "x=1\nx=2");
        check_rows("", "sort x", "");
    }

    #[test]
    fn after_sort_rows_are_in_its_order() {
        check_rows("x=2\nx=1\nx=3", "sort x | stats first(x) list(x)", "first(x)=1 list(x)=[1,2,3]");
        check_rows("x=2\nx=1\nx=3", "sort x | tail 2", "x=3\nx=2");
    }

    /// spl.md §13.5.
    #[test]
    fn trap_5_rows_beyond_ten_thousand_are_cut_with_a_warning() {
        let input: String = (0..12_001).rev().map(|x| format!("x={x}\n")).collect();
        let input = rows(&input);
        let ctx = Arc::new(context());
        let result = execute(&ctx, &commands("sort x"), &input, 500, 3).unwrap();
        assert_eq!(result.len(), 10_000);
        assert_eq!(result.value(9_999, "x").to_string(), "9999");
        assert_eq!(ctx.warnings(), [Warning::SortCut { kept: 10_000, of: 12_001 }]);
        let ctx = Arc::new(context());
        let result = execute(&ctx, &commands("sort 0 x"), &input, 5000, 1).unwrap();
        assert_eq!((result.len(), ctx.warnings().len()), (12_001, 0));
    }

    /// Rows of which few fit in memory: as many runs as there are merged at once, and more.
    #[test]
    fn rows_that_do_not_fit_in_memory_are_merged_from_disk() {
        let input: String = (0..3_000).map(|n| format!("x={} n={n}\n", (n * 7919) % 97)).collect();
        let input = rows(&input);
        for query in ["sort 0 x", "sort 0 -x, n", "sort 1500 x", "sort 7 -n", "reverse", "tail 40", "sort 0 x | head 3"]
        {
            let expected = execute(&Arc::new(context()), &commands(query), &input, 20, 2).unwrap();
            let mut ctx = context();
            ctx.limits.max_memory_bytes = 4 << 10;
            let ctx = Arc::new(ctx);
            let result = execute(&ctx, &commands(query), &input, 20, 2).unwrap();
            assert_eq!(crate::testing::print(&result), crate::testing::print(&expected), "{query}");
            let spilled = ctx.spilled();
            assert!(spilled[0].n_runs > 64 || query.contains('7'), "{query}: {spilled:?}");
            assert_eq!((ctx.memory_bytes(), ctx.disk_bytes()), (0, 0), "{query}");
        }
    }

    #[test]
    fn counted_memory_stays_near_its_limit() {
        let mut ctx = context();
        ctx.limits.max_memory_bytes = 1 << 20;
        let ctx = Arc::new(ctx);
        let command = &commands("sort 0 x")[0];
        let mut operator = command.start(&ctx);
        let mut most = 0;
        for n in 0..4_000 {
            let row = crate::testing::row(&format!("x={} text=\"{}\"", (n * 7919) % 997, "text ".repeat(200)));
            operator.push(row, &mut |_| {}).unwrap();
            most = most.max(ctx.memory_bytes());
        }
        let mut n_rows = 0;
        while operator.drain(&mut |batch| n_rows += batch.len()).unwrap() == Flow::More {
            most = most.max(ctx.memory_bytes());
        }
        assert_eq!(n_rows, 4_000);
        assert!(most > 900 << 10 && most < (1 << 20) * 11 / 10, "{most}");
    }

    #[test]
    fn a_sort_is_cancelled_while_its_rows_are_on_disk() {
        let mut ctx = context();
        ctx.limits.max_memory_bytes = 0;
        let ctx = Arc::new(ctx);
        let mut operator = commands("sort 0 x")[0].start(&ctx);
        for row in rows("x=3\nx=1\nx=2") {
            operator.push(row, &mut |_| {}).unwrap();
        }
        assert!(ctx.disk_bytes() > 0);
        ctx.cancel.request();
        assert!(matches!(operator.drain(&mut |_| {}), Err(RunError::Cancelled)));
        drop(operator);
        assert_eq!((ctx.memory_bytes(), ctx.disk_bytes()), (0, 0));
    }

    #[test]
    fn no_more_is_written_than_allowed() {
        let mut ctx = context();
        ctx.limits.max_memory_bytes = 0;
        ctx.limits.max_spill_bytes = Some(10);
        let result = execute(&Arc::new(ctx), &commands("sort 0 x"), &rows("x=1\nx=2\nx=3"), 1, 1);
        assert_eq!(result.unwrap_err().to_string(), "`sort` exceeds the limit max_spill_bytes = 10");
    }

    #[test]
    fn a_small_limit_holds_few_rows() {
        let input: String = (0..9_000).map(|x| format!("x={}\n", (x * 7919) % 9_000)).collect();
        let result = execute(&Arc::new(context()), &commands("sort 3 -x"), &rows(&input), 100, 2).unwrap();
        assert_eq!(crate::testing::print(&result), "x=8999\nx=8998\nx=8997");
    }

    #[test]
    fn fields_read() {
        check_fields_read("sort -x y", &["a"], "a x y");
    }
}

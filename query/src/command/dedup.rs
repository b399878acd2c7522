//! Keeps the first row for each combination of values.
//!
//! **Syntax**
//!
//! `dedup [N] <list> [keepevents=f] [keepempty=f] [consecutive=f] [sortby ([+ | -] <key>) …]`
//!
//! **Arguments**
//!
//! - `N`: how many rows are kept for each combination, 1 by default.
//! - list: fields, without wildcards.
//! - `keepevents=t`: keep every row, and remove the listed fields from the duplicates.
//! - `keepempty=t`: keep every row in which a listed field is null; by default these go.
//! - `consecutive=t`: only a row that directly follows its like goes.
//! - `sortby`: sort first, as `sort` does; the result stays in that order.
//!
//! **Semantics**
//!
//! Values are told apart by their text, with case. A multivalue field counts as a whole. Over events, which come newest
//! first, the newest are kept.
//!
//! **Kind** ordered; with `sortby` transforming.
//!
//! **Memory** one entry for each combination, bounded by `max_groups` and `max_memory_bytes`; with `sortby` all rows; with
//! `consecutive=t` nothing.
//!
//! **Examples**
//!
//! ```example
//! host=a n=1
//! host=b n=2
//! host=a n=3
//! n=4
//! > dedup host
//! host=a n=1
//! host=b n=2
//! ```
//!
//! ```example
//! host=a n=1
//! host=b n=2
//! host=a n=3
//! > dedup host sortby -n
//! host=a n=3
//! host=b n=2
//! ```

use super::args::boolean;
use super::group::Groups;
use super::grouping::check_groups;
use super::rows::{CollectOperator, RowStream, SortKey, SortedRows, Ties};
use super::sort::{parse_keys, write_keys};
use super::{Args, Command, CommandKind, Flow, Operator};
use crate::batch::Batch;
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::value::Value;
use crate::wanted::Wanted;
use std::fmt;
use std::sync::Arc;

/// The parsed command.
#[derive(Clone, Debug)]
pub struct Dedup {
    /// How many rows are kept for each combination; at least 1.
    pub n_kept: usize,
    /// The fields, at least one.
    pub fields: Vec<String>,
    /// Whether duplicates stay without the listed fields.
    pub keep_events: bool,
    /// Whether rows that lack a field are kept.
    pub keep_empty: bool,
    /// Whether only neighbours count as duplicates.
    pub consecutive: bool,
    /// Keys to sort by first; none for the order in which rows come.
    pub sort_by: Vec<SortKey>,
}

const OPTIONS: [&str; 3] = ["keepevents", "keepempty", "consecutive"];

pub(super) fn parse(mut args: Args<'_>) -> Result<Box<dyn Command>, QueryError> {
    let mut dedup = Dedup {
        n_kept: 1,
        fields: Vec::new(),
        keep_events: false,
        keep_empty: false,
        consecutive: false,
        sort_by: Vec::new(),
    };
    args.cursor.skip_space();
    let start = args.cursor.pos();
    if let Some(number) = args.number()? {
        if number == 0 {
            return Err(QueryError::rule("dedup keeps at least one row", args.cursor.span_from(start)));
        }
        dedup.n_kept = number;
    }
    parse_options(&mut args, &mut dedup)?;
    dedup.fields = args.expect_plain_names(&["sortby"])?;
    parse_options(&mut args, &mut dedup)?;
    if args.keyword("sortby") {
        dedup.sort_by = parse_keys(&mut args)?;
    }
    args.finish()?;
    Ok(Box::new(dedup))
}

fn parse_options(args: &mut Args<'_>, dedup: &mut Dedup) -> Result<(), QueryError> {
    while let Some((option, value)) = args.option(&OPTIONS)? {
        let value = boolean(&value)?;
        match option {
            "keepevents" => dedup.keep_events = value,
            "keepempty" => dedup.keep_empty = value,
            _ => dedup.consecutive = value,
        }
    }
    Ok(())
}

impl fmt::Display for Dedup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("dedup")?;
        if self.n_kept != 1 {
            write!(f, " {}", self.n_kept)?;
        }
        self.fields
            .iter()
            .enumerate()
            .try_for_each(|(i, field)| write!(f, "{}{}", if i == 0 { " " } else { ", " }, quote_name(field)))?;
        for (option, value) in OPTIONS.into_iter().zip([self.keep_events, self.keep_empty, self.consecutive]) {
            if value {
                write!(f, " {option}=t")?;
            }
        }
        if self.sort_by.is_empty() {
            return Ok(());
        }
        f.write_str(" sortby")?;
        write_keys(f, &self.sort_by)
    }
}

impl Command for Dedup {
    fn kind(&self) -> CommandKind {
        match self.sort_by.is_empty() {
            true => CommandKind::Ordered,
            false => CommandKind::Transforming { order_matters: true },
        }
    }

    fn makes_table(&self) -> bool {
        false
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        let sorted_by = self.sort_by.iter().map(|key| &key.field);
        self.fields.iter().chain(sorted_by).for_each(|field| wanted.add(field));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let mut duplicates = Duplicates::new(self, ctx);
        if self.sort_by.is_empty() {
            return Box::new(DedupOperator { duplicates });
        }
        let keys = self.sort_by.clone().into();
        let rows = SortedRows::new(ctx, "dedup", keys, Ties::InOrder, None);
        Box::new(CollectOperator::new(rows, move |rows| {
            let mut batch = rows.finish();
            duplicates.remove_from(&mut batch)?;
            Ok(RowStream::Batch(batch))
        }))
    }
}

/// Finds rows that were seen before.
struct Duplicates {
    ctx: Arc<Context>,
    dedup: Dedup,
    groups: Groups,
    /// Rows seen in each group; with `consecutive` of the last group alone.
    n_seen: Vec<usize>,
    last: Vec<Value>,
    n_last: usize,
    memory: Memory,
}

impl Duplicates {
    fn new(dedup: &Dedup, ctx: &Arc<Context>) -> Self {
        Self {
            ctx: Arc::clone(ctx),
            dedup: dedup.clone(),
            groups: Groups::new(dedup.fields.len()),
            n_seen: Vec::new(),
            last: Vec::new(),
            n_last: 0,
            memory: Memory::new(ctx, "dedup"),
        }
    }

    /// Removes the duplicates of a batch.
    fn remove_from(&mut self, batch: &mut Batch) -> Result<()> {
        self.ctx.cancel.check()?;
        let mut kept = Vec::with_capacity(batch.len());
        {
            let columns: Vec<Option<&[Value]>> = self.dedup.fields.iter().map(|field| batch.column(field)).collect();
            let mut key = Vec::with_capacity(columns.len());
            for row in 0..batch.len() {
                key.clear();
                key.extend(columns.iter().map(|column| column.map_or(&Value::Null, |column| &column[row])));
                kept.push(match key.iter().any(|cell| cell.is_null()) {
                    // With `keepevents` no row goes, and one that lacks a field is nobody's duplicate.
                    true => self.dedup.keep_empty || self.dedup.keep_events,
                    false => self.count(&key)? <= self.dedup.n_kept,
                });
            }
        }
        if !self.dedup.keep_events {
            batch.retain_rows(|row| kept[row]);
            return Ok(());
        }
        for field in &self.dedup.fields {
            if let Some(column) = batch.column(field) {
                let cells = column.iter().zip(&kept);
                let cells = cells.map(|(cell, kept)| if *kept { cell.clone() } else { Value::Null }).collect();
                batch.set_column(field, cells);
            }
        }
        Ok(())
    }

    /// The how-manieth row of its kind this is, from 1.
    fn count(&mut self, key: &[&Value]) -> Result<usize> {
        if self.dedup.consecutive {
            let is_same =
                self.last.len() == key.len() && self.last.iter().zip(key).all(|(last, cell)| last.same_text(cell));
            if !is_same {
                self.last = key.iter().map(|cell| (*cell).clone()).collect();
                self.n_last = 0;
            }
            self.n_last += 1;
            return Ok(self.n_last);
        }
        let (group, bytes) = self.groups.find_or_add(key);
        if bytes > 0 {
            check_groups(&self.ctx, "dedup", self.groups.len())?;
            self.memory.grow(bytes + size_of::<usize>())?;
            self.n_seen.push(0);
        }
        let n_seen = &mut self.n_seen[group as usize];
        *n_seen += 1;
        Ok(*n_seen)
    }
}

struct DedupOperator {
    duplicates: Duplicates,
}

impl Operator for DedupOperator {
    fn push(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.duplicates.remove_from(&mut batch)?;
        out(batch);
        Ok(Flow::More)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{check_fields_read, check_prints, check_refused, check_rows};

    #[test]
    fn parses_and_prints() {
        check_prints(&[
            ("dedup a", "dedup a"),
            ("dedup 3 a, b", "dedup 3 a, b"),
            ("dedup keepempty=t a consecutive=true", "dedup a keepempty=t consecutive=t"),
            ("dedup a b sortby -_time +x", "dedup a, b sortby -_time, x"),
            ("dedup a keepevents=t sortby - num(x)", "dedup a keepevents=t sortby -num(x)"),
            ("dedup a sortby x desc", "dedup a sortby -x"),
        ]);
    }

    #[test]
    fn refused() {
        check_refused("dedup", "", "expected the name of a field, found the end");
        check_refused("dedup 0 a", "0", "dedup keeps at least one row");
        check_refused("dedup a*", "a*", "wildcards are not allowed here");
        check_refused("dedup a keep=t", "keep", "`dedup` has no option `keep`");
        check_refused("dedup a sortby", "", "expected the name of a field, found the end");
        check_refused("dedup a a", "a", "`a` is named twice");
    }

    #[test]
    fn rows() {
        let input = "h=a n=1\nh=a n=2\nh=b n=3\nn=4\nh=a n=5";
        check_rows(input, "dedup h", "h=a n=1\nh=b n=3");
        check_rows(input, "dedup 2 h", "h=a n=1\nh=a n=2\nh=b n=3");
        check_rows(input, "dedup h keepempty=t", "h=a n=1\nh=b n=3\nn=4");
        check_rows(input, "dedup h consecutive=t", "h=a n=1\nh=b n=3\nh=a n=5");
        check_rows(input, "dedup h keepevents=t", "h=a n=1\nn=2\nh=b n=3\nn=4\nn=5");
        check_rows("a=x b=1\na=y\na=x b=1", "dedup a b keepevents=t", "a=x b=1\na=y\n-");
        check_rows(input, "dedup h sortby -n", "h=a n=5\nh=b n=3");
        check_rows("a=x b=1\na=x b=2\na=x b=1", "dedup a b", "a=x b=1\na=x b=2");
        check_rows("a=x", "dedup missing", "");
        check_rows("a=[x,y]\na=x\na=[x,y]", "dedup a", "a=[x,y]\na=x");
    }

    #[test]
    fn trap_21_options_after_arguments() {
        check_rows("h=a t=1\nh=a t=2", "dedup h sortby -t", "h=a t=2");
    }

    #[test]
    fn fields_read() {
        check_fields_read("dedup a b sortby c", &["d"], "a b c d");
    }
}

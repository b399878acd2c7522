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
//! **Memory** one entry for each combination, bounded by `max_groups`; with `sortby` all rows; with `consecutive=t` nothing. Rows
//! are passed on at once until the entries take half of `max_memory_bytes`; those of other combinations then go to disk, and
//! what follows is passed on at the end.
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
use super::rows::{RowStream, SortKey, SortedRows, Ties};
use super::sort::{parse_keys, write_keys};
use super::{Args, Command, CommandKind, Flow, Operator, same_operator};
use crate::batch::{Batch, OrderKey};
use crate::context::{Context, Memory};
use crate::error::{QueryError, Result};
use crate::lexer::quote_name;
use crate::spill::{N_PARTITIONS, Partitions, Spill, decode_rows, encode_rows, partition_of};
use crate::value::Value;
use crate::wanted::Wanted;
use std::collections::BTreeMap;
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

    fn keeps_rows(&self) -> bool {
        !self.keep_events
    }

    fn fields_read(&self, downstream: &Wanted) -> Wanted {
        let mut wanted = downstream.clone();
        let sorted_by = self.sort_by.iter().map(|key| &key.field);
        self.fields.iter().chain(sorted_by).for_each(|field| wanted.add(field));
        wanted
    }

    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator> {
        let keys: Arc<[SortKey]> = self.sort_by.clone().into();
        let unsorted = (!keys.is_empty()).then(|| SortedRows::new(ctx, "dedup", keys, Ties::InOrder, None).spilling());
        Box::new(DedupOperator {
            ctx: Arc::clone(ctx),
            unsorted,
            sorted: RowStream::End,
            n_rows: 0,
            duplicates: Some(Duplicates::new(&Arc::new(self.clone()), ctx, 0, 0)),
            late: None,
            rest: RowStream::End,
        })
    }
}

/// Finds rows that were seen before.
///
/// Once the combinations do not fit in memory any more, those that are known stay. Rows of others go to disk, dealt out by the
/// hash of their combination, and are looked at in the end, one partition after the other.
struct Duplicates {
    ctx: Arc<Context>,
    dedup: Arc<Dedup>,
    groups: Groups,
    /// Rows seen in each group; with `consecutive` of the last group alone.
    n_seen: Vec<usize>,
    last: Vec<Value>,
    n_last: usize,
    memory: Memory,
    /// Combinations that are looked at elsewhere.
    n_other_groups: usize,
    /// How often the rows were dealt out to partitions.
    level: u32,
    unknown: Option<UnknownRows>,
}

/// Rows whose combinations were not known when memory was full.
struct UnknownRows {
    spill: Spill,
    partitions: Partitions,
    /// Rows of each partition that are not written yet, and their bytes.
    buffers: Vec<(Batch, usize)>,
    memory: Memory,
}

impl UnknownRows {
    fn new(ctx: &Arc<Context>) -> Self {
        let spill = Spill::new(ctx, "dedup");
        spill.count_run();
        let buffers = vec![Default::default(); N_PARTITIONS];
        Self { spill, partitions: Partitions::default(), buffers, memory: Memory::new(ctx, "dedup") }
    }

    fn push(&mut self, partition: usize, rows: Batch) -> Result<()> {
        let (buffer, n_bytes) = &mut self.buffers[partition];
        let more = rows.bytes();
        *n_bytes += more;
        self.memory.grow_or_spill(more);
        buffer.append(rows);
        if *n_bytes >= self.spill.block_bytes() { self.write(partition) } else { Ok(()) }
    }

    fn write(&mut self, partition: usize) -> Result<()> {
        let (rows, n_bytes) = std::mem::take(&mut self.buffers[partition]);
        let places = rows.order().unwrap_or_default();
        let all: Vec<u32> = (0..rows.len() as u32).collect();
        let mut content = Vec::new();
        encode_rows(&rows, &all, |row| places[row as usize], &mut content);
        self.memory.shrink(n_bytes);
        self.partitions.write(partition, &content, &mut self.spill)
    }

    /// The blocks of each partition.
    fn finish(mut self) -> Result<Partitions> {
        for partition in 0..N_PARTITIONS {
            if !self.buffers[partition].0.is_empty() {
                self.write(partition)?;
            }
        }
        Ok(self.partitions)
    }
}

impl Duplicates {
    fn new(dedup: &Arc<Dedup>, ctx: &Arc<Context>, level: u32, n_other_groups: usize) -> Self {
        Self {
            ctx: Arc::clone(ctx),
            dedup: Arc::clone(dedup),
            groups: Groups::new(dedup.fields.len()),
            n_seen: Vec::new(),
            last: Vec::new(),
            n_last: 0,
            memory: Memory::new(ctx, "dedup"),
            n_other_groups,
            level,
            unknown: None,
        }
    }

    /// Whether new combinations are put off.
    fn is_full(&self) -> bool {
        self.unknown.is_some()
    }

    /// Gives `pass` the rows that can be decided about, without duplicates. The others need order keys, which tell where they
    /// belong between those.
    fn take(&mut self, mut batch: Batch, pass: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
        self.ctx.cancel.check()?;
        let mut kept = Vec::with_capacity(batch.len());
        let mut known: Vec<u32> = Vec::with_capacity(batch.len());
        let mut unknown: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        {
            let dedup = Arc::clone(&self.dedup);
            let columns: Vec<Option<&[Value]>> = dedup.fields.iter().map(|field| batch.column(field)).collect();
            let mut key = Vec::with_capacity(columns.len());
            for row in 0..batch.len() {
                key.clear();
                key.extend(columns.iter().map(|column| column.map_or(&Value::Null, |column| &column[row])));
                let has_null = key.iter().any(|cell| cell.is_null());
                if self.is_full() && !has_null && self.groups.find(&key).is_none() {
                    let partition = partition_of(key.iter().copied(), self.level);
                    unknown.entry(partition).or_default().push(row as u32);
                    continue;
                }
                known.push(row as u32);
                kept.push(match has_null {
                    // With `keepevents` no row goes, and one that lacks a field is nobody's duplicate.
                    true => dedup.keep_empty || dedup.keep_events,
                    false => self.count(&key)? <= dedup.n_kept,
                });
            }
        }
        if let Some(put_off) = &mut self.unknown
            && !unknown.is_empty()
        {
            unknown.iter().try_for_each(|(partition, rows)| put_off.push(*partition, batch.copy_rows(rows)))?;
            batch = batch.take_rows(&known);
        }
        self.remove_duplicates(&mut batch, &kept);
        pass(batch)?;
        // Entries stay where they are, so that the commands behind need room beside them.
        let is_large = self.memory.bytes() > self.ctx.limits.max_memory_bytes / 2;
        if !self.is_full() && (is_large || self.memory.is_over()) {
            self.unknown = Some(UnknownRows::new(&self.ctx));
        }
        Ok(())
    }

    /// Keeps the rows so marked, or takes their fields from the others.
    fn remove_duplicates(&self, batch: &mut Batch, kept: &[bool]) {
        if !self.dedup.keep_events {
            batch.retain_rows(|row| kept[row]);
            return;
        }
        for field in &self.dedup.fields {
            if let Some(column) = batch.column(field) {
                let cells = column.iter().zip(kept);
                let cells = cells.map(|(cell, kept)| if *kept { cell.clone() } else { Value::Null }).collect();
                batch.set_column(field, cells);
            }
        }
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
            check_groups(&self.ctx, "dedup", self.n_other_groups + self.groups.len())?;
            self.memory.grow_or_spill(bytes + size_of::<usize>());
            self.n_seen.push(0);
        }
        let n_seen = &mut self.n_seen[group as usize];
        *n_seen += 1;
        Ok(*n_seen)
    }

    /// Gives `pass` what was put off, in any order. Tells how many combinations there were.
    fn finish(self, pass: &mut dyn FnMut(Batch) -> Result<()>) -> Result<usize> {
        let Self { ctx, dedup, groups, memory, unknown, level, mut n_other_groups, .. } = self;
        n_other_groups += groups.len();
        drop((groups, memory));
        let Some(unknown) = unknown else { return Ok(n_other_groups) };
        for blocks in unknown.finish()?.into_iter() {
            let mut part = Self::new(&dedup, &ctx, level + 1, n_other_groups);
            for block in blocks {
                part.take(decode_rows(&block.read()?).map_err(|_| block.damaged())?, pass)?;
            }
            n_other_groups = part.finish(pass)?;
        }
        Ok(n_other_groups)
    }
}

struct DedupOperator {
    ctx: Arc<Context>,
    /// With `sortby`, the rows as they come; taken when the rest is asked for.
    unsorted: Option<SortedRows>,
    /// The rows that are to be looked at in the end.
    sorted: RowStream,
    n_rows: u64,
    /// Taken after the last row.
    duplicates: Option<Duplicates>,
    /// What is passed on in the end, because combinations did not fit in memory: in the order in which rows came.
    late: Option<SortedRows>,
    rest: RowStream,
}

impl DedupOperator {
    /// Looks at rows; passes on what stays, as long as memory is not full.
    fn take(&mut self, mut batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let Some(duplicates) = &mut self.duplicates else { return Ok(()) };
        // From now on rows are in the order in which they stand.
        let places = (self.n_rows..).map(OrderKey::sequence).take(batch.len()).collect();
        self.n_rows += batch.len() as u64;
        match &mut self.late {
            Some(late) => {
                late.add_columns(batch.fields(), OrderKey::sequence(self.n_rows - batch.len() as u64));
                batch.set_order(places);
                return duplicates.take(batch, &mut |batch| late.push_rows(batch));
            }
            None => batch.clear_order(),
        }
        duplicates.take(batch, &mut |batch| {
            out(batch);
            Ok(())
        })?;
        if duplicates.is_full() {
            self.late = Some(SortedRows::new(&self.ctx, "dedup", Arc::default(), Ties::InOrder, None).spilling());
        }
        Ok(())
    }
}

impl Operator for DedupOperator {
    fn push(&mut self, batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        match &mut self.unsorted {
            Some(unsorted) => unsorted.push(batch)?,
            None => self.take(batch, out)?,
        }
        Ok(Flow::More)
    }

    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let other: Self = same_operator(other);
        match (&mut self.unsorted, other.unsorted) {
            (Some(unsorted), Some(other)) => unsorted.merge(other),
            _ => Ok(()),
        }
    }

    fn drain(&mut self, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        if let Some(unsorted) = self.unsorted.take() {
            self.sorted = unsorted.into_stream()?;
        }
        if let Some(batch) = self.sorted.next()? {
            self.take(batch, out)?;
            return Ok(Flow::More);
        }
        if let (Some(duplicates), Some(mut late)) = (self.duplicates.take(), self.late.take()) {
            duplicates.finish(&mut |batch| late.push_rows(batch))?;
            self.rest = late.into_stream()?;
        }
        self.rest.pass_on(out)
    }
}

#[cfg(test)]
mod tests {
    use crate::command::Flow;
    use crate::testing::{
        check_fields_read, check_prints, check_refused, check_rows, commands, context, execute, print, row, rows,
    };
    use std::sync::Arc;

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
    fn rows_without_duplicates() {
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
    fn combinations_that_do_not_fit_in_memory() {
        let input: String =
            (0..2_000).map(|n| format!("k={} n={n} {}=1\n", n * 7919 % 701, ["a", "b"][n % 2])).collect();
        let input = rows(&format!("{input}n=1\nn=2"));
        for query in [
            "dedup k",
            "dedup 2 k",
            "dedup k keepevents=t",
            "dedup k a keepempty=t",
            "dedup k consecutive=t",
            "dedup k sortby -n",
            "dedup 3 k b sortby b, -k",
            "dedup k | stats count first(n) last(n)",
        ] {
            let expected = execute(&Arc::new(context()), &commands(query), &input, 20, 2).unwrap();
            for limit in [0, 10_000] {
                let mut ctx = context();
                ctx.limits.max_memory_bytes = limit;
                let ctx = Arc::new(ctx);
                let result = execute(&ctx, &commands(query), &input, 20, 2).unwrap();
                assert_eq!(print(&result), print(&expected), "{query} in {limit} bytes");
                assert_eq!(result.fields(), expected.fields(), "{query}");
                assert!(!ctx.spilled().is_empty() || query.contains("consecutive"), "{query}");
                assert_eq!((ctx.memory_bytes(), ctx.disk_bytes()), (0, 0), "{query}");
            }
        }
    }

    #[test]
    fn rows_are_passed_on_at_once_until_memory_is_full() {
        let mut ctx = context();
        ctx.limits.max_memory_bytes = 1_000;
        let ctx = Arc::new(ctx);
        let mut operator = commands("dedup k")[0].start(&ctx);
        let mut n_passed = 0;
        for n in 0..100 {
            operator.push(row(&format!("k={n}")), &mut |batch| n_passed += batch.len()).unwrap();
        }
        assert!((10..50).contains(&n_passed), "{n_passed}");
        while operator.drain(&mut |batch| n_passed += batch.len()).unwrap() == Flow::More {}
        assert_eq!(n_passed, 100);
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

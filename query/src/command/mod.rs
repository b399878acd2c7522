//! The commands after the pipes.
//!
//! A command is one file: its `//!` text is the manual page, then come the parsed form (plain data whose `Display` is the
//! canonical text), the parser, and the operator that does the work. Adding one is adding the file and its line in
//! [`COMMANDS`].

mod aggregate;
mod append;
mod args;
mod dedup;
mod eval;
mod fields;
mod format;
mod frequency;
mod group;
mod head;
mod inputcsv;
mod inputlookup;
mod known;
mod lookup;
mod makeresults;
mod outputcsv;
mod outputlookup;
mod rare;
mod rename;
mod r#return;
mod reverse;
mod rows;
mod search;
mod sort;
mod stats;
mod table;
mod table_input;
mod table_output;
mod tail;
mod timechart;
mod top;
mod r#where;

pub use aggregate::{Aggregation, Argument};
pub use append::Append;
pub(crate) use args::Args;
pub use dedup::Dedup;
pub use eval::Eval;
pub use fields::Fields;
pub use format::Format;
pub use frequency::Frequency;
pub use head::Head;
pub(crate) use known::find;
pub use lookup::{Lookup, Outputs, TableField};
pub use makeresults::{DataFormat, Makeresults};
pub use rename::Rename;
pub use r#return::{Item, Return};
pub use reverse::Reverse;
pub use rows::{SortKey, SortKind};
pub use search::Search;
pub use sort::Sort;
pub use stats::Stats;
pub use table::Table;
pub use table_input::TableInput;
pub use table_output::TableOutput;
pub use tail::Tail;
pub use timechart::{Align, SeriesLimit, Timechart};
pub use r#where::Where;

use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, Result};
use crate::manual::Manual;
use crate::search::SearchExpr;
use crate::subsearch::{Place, Subsearch, SubsearchArgument};
use crate::wanted::Wanted;
use std::any::Any;
use std::fmt::{Debug, Display};
use std::sync::Arc;

/// A parsed command: what was written, as data.
///
/// A planner that has something better to do for a particular command looks at the concrete type, which the supertrait
/// `Any` makes possible.
pub trait Command: Any + Display + Debug + Send + Sync {
    /// How the command treats the stream of rows.
    fn kind(&self) -> CommandKind;

    /// The fields that the command needs from its input if `downstream` is what later stages need from its output.
    fn fields_read(&self, downstream: &Wanted) -> Wanted;

    /// A fresh operator with empty state.
    fn start(&self, ctx: &Arc<Context>) -> Box<dyn Operator>;

    /// Whether what comes out is a table of its own rather than the rows that went in, thinned out, reordered or
    /// completed: after such a command there are no events any more.
    fn makes_table(&self) -> bool {
        matches!(self.kind(), CommandKind::Generating | CommandKind::Transforming { .. })
    }

    /// Whether a search may begin with the command: it has a result where there are no rows. `| stats count` is 0.
    fn can_begin(&self) -> bool {
        matches!(self.kind(), CommandKind::Generating | CommandKind::Transforming { .. })
    }

    /// The condition, if all the command does is to keep the rows that satisfy it. Directly after the event search it can
    /// then become a part of it.
    fn as_filter(&self) -> Option<&SearchExpr> {
        None
    }

    /// The subsearches whose text becomes a part of this command before the search is planned.
    fn inline_subsearches(&self) -> Vec<(&Subsearch, Place)> {
        Vec::new()
    }

    /// The subsearches whose rows the command works with. They run before the search; the operator finds their rows with
    /// [`Context::rows_of`].
    fn subsearches(&self) -> Vec<SubsearchArgument<'_>> {
        Vec::new()
    }

    /// Fetches what the operators will need, after the subsearches and before the first event is read: so that what is missing
    /// is known at once. The operators do not rely on it.
    ///
    /// # Errors
    /// If the command cannot do its work.
    fn prepare(&self, ctx: &Arc<Context>) -> Result<()> {
        let _ = ctx;
        Ok(())
    }

    /// Whether the operator understands [`Operator::push_counted`]: the command only counts rows.
    fn counts_rows_only(&self) -> bool {
        false
    }
}

/// How a command treats the stream of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// Makes its own rows; stands first.
    Generating,
    /// Looks at one row at a time: may run on any part of the stream, in any order, in parallel. Keeps order keys.
    Streaming,
    /// Needs all rows through one operator in their order, but not all at once.
    Ordered,
    /// Has a result only at the end. Operators may each see a part of the rows and be merged, in any order of merging.
    Transforming {
        /// Whether the order of the rows decides about the result. If so, rows that are spread over several operators,
        /// or come in another order than theirs, must carry order keys.
        order_matters: bool,
    },
}

/// A command at work.
pub trait Operator: Any + Send {
    /// Takes rows in and passes on what can already be said.
    ///
    /// # Errors
    /// If a limit is reached or the search is cancelled.
    fn push(&mut self, batch: Batch, out: &mut dyn FnMut(Batch)) -> Result<Flow>;

    /// Takes rows in, each of which stands for `counts[row]` equal ones. For sources that know how many events have a
    /// value without looking at them. Only if [`Command::counts_rows_only`].
    ///
    /// # Errors
    /// As [`Operator::push`].
    ///
    /// # Panics
    /// If the command does more than count rows: that is a bug of the executor.
    fn push_counted(&mut self, batch: Batch, counts: &[u64]) -> Result<()> {
        let _ = (batch, counts);
        unreachable!("only commands that count rows take counted rows")
    }

    /// Takes over the state of another operator of the same command. Only for [`CommandKind::Transforming`].
    ///
    /// # Errors
    /// If a limit is reached.
    ///
    /// # Panics
    /// If `other` belongs to another command, or the command is not transforming: that is a bug of the executor.
    fn merge(&mut self, other: Box<dyn Operator>) -> Result<()> {
        let _ = other;
        unreachable!("only transforming commands are merged")
    }

    /// Passes on the rest. Called once, after the last push and merge.
    ///
    /// # Errors
    /// If a limit is reached.
    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let _ = out;
        Ok(())
    }
}

/// Turns the other operator of a merge into its concrete type.
///
/// # Panics
/// If it is of another type.
fn same_operator<O: Operator>(other: Box<dyn Operator>) -> O {
    let other: Box<dyn Any> = other;
    *other.downcast().expect("operators of one command are merged")
}

/// Whether an operator wants more rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Yes.
    More,
    /// No: whatever comes, the result will not change. The sender may stop.
    Done,
}

/// A line of the table of commands.
#[derive(Debug)]
pub struct CommandSpec {
    /// The name.
    pub name: &'static str,
    /// Other names for the same command.
    pub aliases: &'static [&'static str],
    /// The manual page.
    pub manual: Manual,
    pub(crate) parse: fn(Args<'_>) -> Result<Box<dyn Command>, QueryError>,
}

impl CommandSpec {
    const fn new(
        name: &'static str,
        manual: Manual,
        parse: fn(Args<'_>) -> Result<Box<dyn Command>, QueryError>,
    ) -> Self {
        Self { name, aliases: &[], manual, parse }
    }
}

/// Every command there is, by name.
pub static COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("append", Manual::of(include_str!("append.rs")), append::parse),
    CommandSpec::new("dedup", Manual::of(include_str!("dedup.rs")), dedup::parse),
    CommandSpec::new("eval", Manual::of(include_str!("eval.rs")), eval::parse),
    CommandSpec::new("fields", Manual::of(include_str!("fields.rs")), fields::parse),
    CommandSpec::new("format", Manual::of(include_str!("format.rs")), format::parse),
    CommandSpec::new("head", Manual::of(include_str!("head.rs")), head::parse),
    CommandSpec::new("inputcsv", Manual::of(include_str!("inputcsv.rs")), inputcsv::parse),
    CommandSpec::new("inputlookup", Manual::of(include_str!("inputlookup.rs")), inputlookup::parse),
    CommandSpec::new("lookup", Manual::of(include_str!("lookup.rs")), lookup::parse),
    CommandSpec::new("makeresults", Manual::of(include_str!("makeresults.rs")), makeresults::parse),
    CommandSpec::new("outputcsv", Manual::of(include_str!("outputcsv.rs")), outputcsv::parse),
    CommandSpec::new("outputlookup", Manual::of(include_str!("outputlookup.rs")), outputlookup::parse),
    CommandSpec::new("rare", Manual::of(include_str!("rare.rs")), rare::parse),
    CommandSpec::new("rename", Manual::of(include_str!("rename.rs")), rename::parse),
    CommandSpec::new("return", Manual::of(include_str!("return.rs")), r#return::parse),
    CommandSpec::new("reverse", Manual::of(include_str!("reverse.rs")), reverse::parse),
    CommandSpec::new("search", Manual::of(include_str!("search.rs")), search::parse),
    CommandSpec::new("sort", Manual::of(include_str!("sort.rs")), sort::parse),
    CommandSpec::new("stats", Manual::of(include_str!("stats.rs")), stats::parse),
    CommandSpec::new("table", Manual::of(include_str!("table.rs")), table::parse),
    CommandSpec::new("tail", Manual::of(include_str!("tail.rs")), tail::parse),
    CommandSpec::new("timechart", Manual::of(include_str!("timechart.rs")), timechart::parse),
    CommandSpec::new("top", Manual::of(include_str!("top.rs")), top::parse),
    CommandSpec::new("where", Manual::of(include_str!("where.rs")), r#where::parse),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique() {
        let mut seen = BTreeSet::new();
        for command in COMMANDS {
            for name in [command.name].iter().chain(command.aliases) {
                assert!(seen.insert(*name), "{name} stands twice");
                assert_eq!(*name, name.to_ascii_lowercase());
            }
        }
    }

    #[test]
    fn every_manual_has_its_parts() {
        for command in COMMANDS {
            let page = command.manual.markdown();
            for part in ["**Syntax**", "**Kind**", "**Memory**", "**Examples**"] {
                assert!(page.contains(part), "{} lacks {part}", command.name);
            }
            assert!(!command.manual.summary().is_empty());
        }
    }

    #[test]
    fn events_stay_events_until_a_table_is_made() {
        for (query, makes_table) in [
            ("search a", false),
            ("sort a", false),
            ("tail", false),
            ("reverse", false),
            ("dedup a sortby b", false),
            ("head", false),
            ("fields a", false),
            ("table a", true),
            ("stats count", true),
            ("timechart count", true),
            ("top a", true),
        ] {
            assert_eq!(crate::testing::commands(query)[0].makes_table(), makes_table, "{query}");
        }
    }

    #[test]
    fn the_examples_of_the_manual_hold() {
        for command in COMMANDS {
            crate::testing::check_examples(command.name, &command.manual);
        }
    }

    #[test]
    fn the_queries_of_the_manual_print_and_read_back() {
        let examples = COMMANDS.iter().flat_map(|command| command.manual.examples());
        for query in examples.filter_map(|example| Some(example.split_once("> ")?.1.lines().next()?.to_owned())) {
            if query.starts_with('|') {
                let printed = crate::parse(&query).unwrap().to_string();
                assert_eq!(crate::parse(&printed).unwrap().to_string(), printed, "{query}");
                continue;
            }
            let printed: Vec<String> = crate::testing::commands(&query).iter().map(ToString::to_string).collect();
            let again = crate::testing::commands(&printed.join(" | "));
            assert_eq!(again.iter().map(ToString::to_string).collect::<Vec<_>>(), printed, "{query}");
        }
    }

    /// Queries whose result must depend neither on where the rows are cut nor on who works on which.
    const QUERIES: [&str; 16] = [
        "stats count sum(x) avg(x) min(x) max(x) stdev(x) BY g",
        "stats values(x) list(x) first(x) last(x) dc(x) mode(x) median(x) p90(x) BY g",
        "stats earliest(x) latest(x) earliest_time(x) latest_time(x) rate(x) range(x) varp(x) sumsq(x)",
        "stats count BY g x",
        "timechart count BY g",
        "timechart span=1m avg(x) max(x) limit=1 BY g",
        "top x BY g useother=t limit=1",
        "rare g",
        "sort x -g",
        "sort 3 -num(x)",
        "tail 3",
        "reverse",
        "dedup g sortby x",
        "eval y=x.g | where isnotnull(y) | search x=1* | rename g AS h | fields - x | sort 0 y",
        "eval host=if(g=\"a\", \"db-02\", \"db-01\") | lookup hosts host OUTPUT owner | lookup hosts owner OUTPUTNEW room AS g",
        "outputlookup t | inputlookup append=t t | stats count BY g x",
    ];

    proptest! {
        #[test]
        fn neither_batches_nor_workers_matter(
            cells in proptest::collection::vec(
                (0..4000_u32, "[ab]|", "1|10|9\\.5|-3|1e1|up|\\[1,up\\]|\\[2,2\\]|"),
                0..12,
            ),
            query in proptest::sample::select(QUERIES.to_vec()),
            batch_rows in 1..5_usize,
            n_workers in 1..4_usize,
        ) {
            // Every row has every column, so that the order of columns is not in question.
            let text: String = cells
                .iter()
                .map(|(time, g, x)| {
                    let fields = [("g", g), ("x", x)].into_iter().filter(|(_, value)| !value.is_empty());
                    let fields: String = fields.map(|(name, value)| format!(" {name}={value}")).collect();
                    format!("_time={time}{fields}\n")
                })
                .collect();
            let commands = crate::testing::commands(&format!("table _time g x | {query}"));
            let run = |batch_rows, n_workers| {
                let ctx = Arc::new(crate::testing::context());
                let rows = crate::testing::rows(&text);
                crate::testing::print(&crate::testing::execute(&ctx, &commands, &rows, batch_rows, n_workers).unwrap())
            };
            prop_assert_eq!(run(batch_rows, n_workers), run(100, 1), "{} over\n{}", query, text);
        }

        #[test]
        fn any_pipeline_is_read_without_panic_and_prints_back(
            words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..12),
        ) {
            let text = format!("x | {}", words.join(" "));
            if let Ok(pipeline) = crate::parse(&text) {
                let printed = pipeline.to_string();
                let again = crate::parse(&printed).map_err(|error| {
                    TestCaseError::fail(format!("{text} prints as\n{}", error.render(&printed, false)))
                })?;
                prop_assert_eq!(again.to_string(), printed);
            }
        }
    }

    const WORDS: [&str; 62] = [
        "stats",
        "count",
        "sum(x)",
        "avg(*_y)",
        "AS",
        "BY",
        "a",
        "b*",
        "\"c d\"",
        "|",
        "eval",
        "=",
        "x=1",
        "y=",
        "(",
        ")",
        "where",
        "a>5",
        "AND",
        "OR",
        "NOT",
        "table",
        "fields",
        "-",
        "+",
        ",",
        "head",
        "tail",
        "5",
        "0",
        "limit=3",
        "sort",
        "num(x)",
        "desc",
        "d",
        "dedup",
        "sortby",
        "keepempty=t",
        "rename",
        "top",
        "rare",
        "useother=t",
        "timechart",
        "span=5m",
        "span=1w@w1",
        "bottom2",
        "limit=bottom2",
        "count(eval(a=1))",
        "p95(x)",
        "search",
        "IN",
        "(1, 2)",
        "earliest=-1h",
        "TERM(a)",
        "\"",
        "'",
        "*",
        "isnull(x)",
        "if(a=1,2,3)",
        "a.b",
        "by",
        "as",
    ];
}

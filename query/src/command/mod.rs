//! The commands after the pipes.
//!
//! A command is one file: its `//!` text is the manual page, then come the parsed form (plain data whose `Display` is the
//! canonical text), the parser, and the operator that does the work. Adding one is adding the file and its line in
//! [`COMMANDS`].

mod accum;
mod addcoltotals;
mod addinfo;
mod addtotals;
mod aggregate;
mod append;
mod appendcols;
mod appendpipe;
mod args;
mod autoregress;
mod bin;
mod binning;
mod chart;
mod collect;
mod convert;
mod correlation;
mod dedup;
mod delta;
mod diffpatterns;
mod eval;
mod eventcount;
mod eventstats;
mod extract;
mod fieldformat;
mod fields;
mod fieldsummary;
mod filldown;
mod fillnull;
mod foreach;
mod format;
mod found;
mod frequency;
mod generate;
mod gentimes;
mod group;
mod grouping;
mod head;
mod inputcsv;
mod inputlookup;
mod join;
mod known;
mod lookup;
mod makecontinuous;
mod makemv;
mod makeresults;
mod map;
mod merge;
mod metadata;
mod multikv;
mod multisearch;
mod mvcombine;
mod mvexpand;
mod nomv;
mod outlier;
mod outputcsv;
mod outputlookup;
mod patterns;
mod rangemap;
mod rare;
mod regex;
mod reltime;
mod rename;
mod replace;
mod r#return;
mod reverse;
mod rex;
mod rows;
mod search;
mod sed;
mod series;
mod set;
mod sort;
mod spath;
mod stats;
mod strcat;
mod streamstats;
mod table;
mod table_input;
mod table_output;
mod tail;
mod timechart;
mod timewrap;
mod top;
mod totals;
mod transaction;
mod transpose;
mod trendline;
mod tstats;
mod union;
mod uniq;
mod untable;
mod r#where;
mod xmlkv;
mod xpath;
mod xyseries;

pub use accum::Accum;
pub use addinfo::Addinfo;
pub use aggregate::{Aggregation, Argument, Combination, Sparkline};
pub use append::Append;
pub use appendcols::Appendcols;
pub use appendpipe::Appendpipe;
pub(crate) use args::Args;
pub use autoregress::Autoregress;
pub use bin::Bin;
pub use binning::{Align, BinSpan, Binning};
pub use chart::{Chart, ChartField};
pub use collect::Collect;
pub use convert::{Conversion, Convert};
pub use dedup::Dedup;
pub use delta::Delta;
pub use diffpatterns::Diffpatterns;
pub use eval::Eval;
pub use eventcount::Eventcount;
pub use eventstats::Eventstats;
pub use extract::Extract;
pub(crate) use fieldformat::FieldFormats;
pub use fieldformat::Fieldformat;
pub use fields::Fields;
pub use fieldsummary::Fieldsummary;
pub use filldown::Filldown;
pub use fillnull::Fillnull;
pub use foreach::Foreach;
pub use format::Format;
pub use frequency::Frequency;
pub use gentimes::Gentimes;
pub use grouping::Grouping;
pub use head::Head;
pub use join::{Join, Sides, Times};
pub(crate) use known::find;
pub use lookup::{Lookup, Outputs, TableField};
pub use makecontinuous::Makecontinuous;
pub use makemv::Makemv;
pub use makeresults::{DataFormat, Makeresults};
pub use map::Map;
pub use metadata::Metadata;
pub use multikv::Multikv;
pub use multisearch::Multisearch;
pub use mvcombine::Mvcombine;
pub use mvexpand::Mvexpand;
pub use nomv::Nomv;
pub(crate) use nomv::find_delimiters;
pub use outlier::Outlier;
pub use patterns::Patterns;
pub use rangemap::{NamedRange, Rangemap};
pub use regex::Regex;
pub use reltime::Reltime;
pub use rename::Rename;
pub use replace::Replace;
pub use r#return::{Item, Return};
pub use reverse::Reverse;
pub use rex::Rex;
pub(crate) use rows::events_in_order;
pub use rows::{SortKey, SortKind};
pub use search::Search;
pub use series::{Score, ScoreTest, SeriesCondition, SeriesLimit, SeriesOptions};
pub use set::{Set, SetOperation};
pub use sort::Sort;
pub use spath::{Selection, Spath};
pub use stats::Stats;
pub use strcat::{Source, Strcat};
pub use streamstats::Streamstats;
pub use table::Table;
pub use table_input::TableInput;
pub use table_output::TableOutput;
pub use tail::Tail;
pub use timechart::Timechart;
pub use timewrap::{Timewrap, WrapSeries};
pub use totals::Totals;
pub use transaction::{EventTest, ListFields, Transaction};
pub use transpose::Transpose;
pub use trendline::{AverageKind, MovingAverage, Trendline};
pub use tstats::Tstats;
pub use union::Union;
pub use uniq::Uniq;
pub use untable::Untable;
pub use r#where::Where;
pub use xmlkv::Xmlkv;
pub use xpath::Xpath;
pub use xyseries::Xyseries;

use crate::batch::Batch;
use crate::context::Context;
use crate::error::{QueryError, QueryErrorKind, Result};
use crate::lexer::Cursor;
use crate::manual::Manual;
use crate::search::SearchExpr;
use crate::span::Span;
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

    /// Whether what comes out are rows that went in, as they were: thinned out or in another order at most.
    fn keeps_rows(&self) -> bool {
        false
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

    /// The subsearches whose rows the command works with. They run before the search; the operator finds their rows in
    /// the context.
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

    /// Whether the command may also run over rows that are not final yet, for somebody to look at: it leaves nothing behind and
    /// starts no search.
    fn can_preview(&self) -> bool {
        true
    }

    /// Whether later commands may find other lookup tables than there were before the search.
    fn writes_tables(&self) -> bool {
        false
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

    /// A copy of the operator as it is now, to be merged and finished for somebody to look at. `None` if its state is as large
    /// as its input. Only for [`CommandKind::Transforming`].
    fn snapshot(&self) -> Option<Box<dyn Operator>> {
        None
    }

    /// Passes on the rest. Called once, after the last push and merge.
    ///
    /// # Errors
    /// If a limit is reached.
    fn finish(&mut self, out: &mut dyn FnMut(Batch)) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// Passes on a part of the rest, for operators whose rest may be larger than memory: they have this instead of
    /// [`finish`](Self::finish). Called after the last push and merge, until it says [`Flow::Done`] or nobody wants more.
    ///
    /// # Errors
    /// If a limit is reached or the search is cancelled.
    fn drain(&mut self, out: &mut dyn FnMut(Batch)) -> Result<Flow> {
        self.finish(out)?;
        Ok(Flow::Done)
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

    /// The names of its options: those that its parser lists when it meets one that does not exist, and those that stand
    /// in brackets in the syntax of its manual page, for parsers that take any name.
    pub fn options(&self) -> Vec<&'static str> {
        // Some commands take options only behind what they need first.
        const PROBES: [&str; 4] = ["?=1", "x ?=1", "\"(?<x>.)\" ?=1", "x y z ?=1"];
        let mut options: Vec<&'static str> = Vec::new();
        for probe in PROBES {
            let text = probe.replace('?', "no_such_option");
            let cursor = Cursor::new(&text, Span::new(0, text.len()));
            if let Err(QueryError { kind: QueryErrorKind::UnknownOption { options: listed, .. }, .. }) =
                (self.parse)(Args::new(cursor, self.name, false))
            {
                options.extend(listed);
            }
        }
        let bracketed = self.manual.syntax().flat_map(|code| code.split('[').skip(1));
        let names = bracketed.filter_map(|option| Some(option.split_once('=')?.0));
        options.extend(names.filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        options.sort_unstable();
        options.dedup();
        options
    }

    /// The words between its arguments, such as `BY`: those in capitals in the syntax of its manual page.
    pub fn keywords(&self) -> Vec<&'static str> {
        let words = self.manual.syntax().flat_map(|code| code.split(|c: char| !c.is_ascii_alphabetic()));
        let mut keywords: Vec<&str> =
            words.filter(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase())).collect();
        keywords.sort_unstable();
        keywords.dedup();
        keywords
    }
}

/// Whether the arguments are functions of `stats`.
pub(crate) fn is_aggregating(spec: &CommandSpec) -> bool {
    ["stats", "eventstats", "streamstats", "chart", "timechart", "tstats"].contains(&spec.name)
}

/// Every command there is, by name.
pub static COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("accum", Manual::of(include_str!("accum.rs")), accum::parse),
    CommandSpec::new("addcoltotals", Manual::of(include_str!("addcoltotals.rs")), addcoltotals::parse),
    CommandSpec::new("addinfo", Manual::of(include_str!("addinfo.rs")), addinfo::parse),
    CommandSpec::new("addtotals", Manual::of(include_str!("addtotals.rs")), addtotals::parse),
    CommandSpec::new("append", Manual::of(include_str!("append.rs")), append::parse),
    CommandSpec::new("appendcols", Manual::of(include_str!("appendcols.rs")), appendcols::parse),
    CommandSpec::new("appendpipe", Manual::of(include_str!("appendpipe.rs")), appendpipe::parse),
    CommandSpec::new("autoregress", Manual::of(include_str!("autoregress.rs")), autoregress::parse),
    CommandSpec { aliases: &["bucket"], ..CommandSpec::new("bin", Manual::of(include_str!("bin.rs")), bin::parse) },
    CommandSpec::new("chart", Manual::of(include_str!("chart.rs")), chart::parse),
    CommandSpec::new("collect", Manual::of(include_str!("collect.rs")), collect::parse),
    CommandSpec::new("convert", Manual::of(include_str!("convert.rs")), convert::parse),
    CommandSpec::new("dedup", Manual::of(include_str!("dedup.rs")), dedup::parse),
    CommandSpec::new("delta", Manual::of(include_str!("delta.rs")), delta::parse),
    CommandSpec::new("diffpatterns", Manual::of(include_str!("diffpatterns.rs")), diffpatterns::parse),
    CommandSpec::new("eval", Manual::of(include_str!("eval.rs")), eval::parse),
    CommandSpec::new("eventcount", Manual::of(include_str!("eventcount.rs")), eventcount::parse),
    CommandSpec::new("eventstats", Manual::of(include_str!("eventstats.rs")), eventstats::parse),
    CommandSpec::new("fieldformat", Manual::of(include_str!("fieldformat.rs")), fieldformat::parse),
    CommandSpec::new("fields", Manual::of(include_str!("fields.rs")), fields::parse),
    CommandSpec::new("fieldsummary", Manual::of(include_str!("fieldsummary.rs")), fieldsummary::parse),
    CommandSpec::new("filldown", Manual::of(include_str!("filldown.rs")), filldown::parse),
    CommandSpec::new("fillnull", Manual::of(include_str!("fillnull.rs")), fillnull::parse),
    CommandSpec::new("foreach", Manual::of(include_str!("foreach.rs")), foreach::parse),
    CommandSpec::new("format", Manual::of(include_str!("format.rs")), format::parse),
    CommandSpec::new("gentimes", Manual::of(include_str!("gentimes.rs")), gentimes::parse),
    CommandSpec::new("head", Manual::of(include_str!("head.rs")), head::parse),
    CommandSpec::new("inputcsv", Manual::of(include_str!("inputcsv.rs")), inputcsv::parse),
    CommandSpec::new("inputlookup", Manual::of(include_str!("inputlookup.rs")), inputlookup::parse),
    CommandSpec::new("join", Manual::of(include_str!("join.rs")), join::parse),
    CommandSpec {
        aliases: &["kv"],
        ..CommandSpec::new("extract", Manual::of(include_str!("extract.rs")), extract::parse)
    },
    CommandSpec::new("lookup", Manual::of(include_str!("lookup.rs")), lookup::parse),
    CommandSpec::new("makecontinuous", Manual::of(include_str!("makecontinuous.rs")), makecontinuous::parse),
    CommandSpec::new("makemv", Manual::of(include_str!("makemv.rs")), makemv::parse),
    CommandSpec::new("makeresults", Manual::of(include_str!("makeresults.rs")), makeresults::parse),
    CommandSpec::new("map", Manual::of(include_str!("map.rs")), map::parse),
    CommandSpec::new("metadata", Manual::of(include_str!("metadata.rs")), metadata::parse),
    CommandSpec::new("multikv", Manual::of(include_str!("multikv.rs")), multikv::parse),
    CommandSpec::new("multisearch", Manual::of(include_str!("multisearch.rs")), multisearch::parse),
    CommandSpec::new("mvcombine", Manual::of(include_str!("mvcombine.rs")), mvcombine::parse),
    CommandSpec::new("mvexpand", Manual::of(include_str!("mvexpand.rs")), mvexpand::parse),
    CommandSpec::new("nomv", Manual::of(include_str!("nomv.rs")), nomv::parse),
    CommandSpec::new("outlier", Manual::of(include_str!("outlier.rs")), outlier::parse),
    CommandSpec::new("outputcsv", Manual::of(include_str!("outputcsv.rs")), outputcsv::parse),
    CommandSpec::new("outputlookup", Manual::of(include_str!("outputlookup.rs")), outputlookup::parse),
    CommandSpec::new("patterns", Manual::of(include_str!("patterns.rs")), patterns::parse),
    CommandSpec::new("rangemap", Manual::of(include_str!("rangemap.rs")), rangemap::parse),
    CommandSpec::new("rare", Manual::of(include_str!("rare.rs")), rare::parse),
    CommandSpec::new("regex", Manual::of(include_str!("regex.rs")), regex::parse),
    CommandSpec::new("reltime", Manual::of(include_str!("reltime.rs")), reltime::parse),
    CommandSpec::new("rename", Manual::of(include_str!("rename.rs")), rename::parse),
    CommandSpec::new("replace", Manual::of(include_str!("replace.rs")), replace::parse),
    CommandSpec::new("return", Manual::of(include_str!("return.rs")), r#return::parse),
    CommandSpec::new("reverse", Manual::of(include_str!("reverse.rs")), reverse::parse),
    CommandSpec::new("rex", Manual::of(include_str!("rex.rs")), rex::parse),
    CommandSpec::new("search", Manual::of(include_str!("search.rs")), search::parse),
    CommandSpec::new("set", Manual::of(include_str!("set.rs")), set::parse),
    CommandSpec::new("sort", Manual::of(include_str!("sort.rs")), sort::parse),
    CommandSpec::new("spath", Manual::of(include_str!("spath.rs")), spath::parse),
    CommandSpec::new("stats", Manual::of(include_str!("stats.rs")), stats::parse),
    CommandSpec::new("strcat", Manual::of(include_str!("strcat.rs")), strcat::parse),
    CommandSpec::new("streamstats", Manual::of(include_str!("streamstats.rs")), streamstats::parse),
    CommandSpec::new("table", Manual::of(include_str!("table.rs")), table::parse),
    CommandSpec::new("tail", Manual::of(include_str!("tail.rs")), tail::parse),
    CommandSpec::new("timechart", Manual::of(include_str!("timechart.rs")), timechart::parse),
    CommandSpec::new("timewrap", Manual::of(include_str!("timewrap.rs")), timewrap::parse),
    CommandSpec::new("top", Manual::of(include_str!("top.rs")), top::parse),
    CommandSpec::new("transaction", Manual::of(include_str!("transaction.rs")), transaction::parse),
    CommandSpec::new("transpose", Manual::of(include_str!("transpose.rs")), transpose::parse),
    CommandSpec::new("trendline", Manual::of(include_str!("trendline.rs")), trendline::parse),
    CommandSpec::new("tstats", Manual::of(include_str!("tstats.rs")), tstats::parse),
    CommandSpec::new("union", Manual::of(include_str!("union.rs")), union::parse),
    CommandSpec::new("uniq", Manual::of(include_str!("uniq.rs")), uniq::parse),
    CommandSpec::new("untable", Manual::of(include_str!("untable.rs")), untable::parse),
    CommandSpec::new("where", Manual::of(include_str!("where.rs")), r#where::parse),
    CommandSpec::new("xmlkv", Manual::of(include_str!("xmlkv.rs")), xmlkv::parse),
    CommandSpec::new("xpath", Manual::of(include_str!("xpath.rs")), xpath::parse),
    CommandSpec::new("xyseries", Manual::of(include_str!("xyseries.rs")), xyseries::parse),
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
    fn options_and_keywords_are_known_by_name() {
        let find = |name| find(name, Span::default()).unwrap();
        assert_eq!(find("dedup").options(), ["consecutive", "keepempty", "keepevents"]);
        assert_eq!(find("table").options(), [""; 0]);
        assert_eq!(find("stats").keywords(), ["AS", "BY"]);
        assert_eq!(find("timechart").keywords(), ["AS", "BY", "WHERE"]);
        // Its parser takes any name for a range.
        assert_eq!(find("rangemap").options(), ["default"]);
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
    const QUERIES: &[&str] = &[
        "stats count sum(x) avg(x) min(x) max(x) stdev(x) BY g",
        "stats values(x) list(x) first(x) last(x) dc(x) mode(x) median(x) p90(x) BY g",
        "stats earliest(x) latest(x) earliest_time(x) latest_time(x) rate(x) range(x) varp(x) sumsq(x)",
        "stats count BY g x",
        "timechart count BY g",
        "timechart span=1m avg(x) max(x) limit=1 BY g",
        "timechart span=1m sum(x) sparkline(count) BY g WHERE max in bottom1",
        "chart count BY x g",
        "chart avg(x) max(x) BY g x bins=3 limit=1",
        "sort 0 _time | streamstats window=3 avg(x) dc(x) list(x) median(x) BY g",
        "sort 0 _time | streamstats current=f time_window=10m max(x) count reset_after=(x=10)",
        "chart sum(x) BY _time bins=4 g | untable _time k v",
        "sort 0 -_time g x | transaction g maxspan=10m startswith=(x=1) keepevicted=t mvlist=t",
        "addtotals col=t",
        "delta x p=2 | accum x AS t | autoregress x p=1-2",
        "sort 0 x | trendline sma2(x) ema2(x) wma3(x)",
        "xyseries _time g x",
        "transpose 4",
        "fieldsummary",
        "makecontinuous _time span=300",
        "outlier x param=1",
        "timewrap 10m",
        "stats eval(sum(x)/count) AS r eval(round(max(x)-min(x)))",
        "eventstats avg(x) list(x) first(x) dc(x) BY g",
        "bin x bins=3 | stats count BY x",
        "bin _time span=7 AS b | eval x=b",
        "stats estdc(x) exactperc75(x) upperperc75(x) sparkline(count) sparkline(avg(x),10s) BY g",
        "top x BY g useother=t limit=1",
        "rare g",
        "sort x -g",
        "sort 3 -num(x)",
        "tail 3",
        "reverse",
        "dedup g sortby x",
        "eval y=x.g | where isnotnull(y) | search x=1* | rename g AS h | fields - x | sort 0 y",
        "join type=left g [| makeresults | eval g=\"a\", z=1 | fields g z] | fields - _time",
        "join max=0 x [| makeresults count=2 | eval x=1 | table x] | stats count BY g",
        "append [| makeresults | eval x=5 | table x] | stats count BY x",
        "appendpipe [stats count BY g] | where isnotnull(count) | sort g",
        r#"rex field=x max_match=0 "(?<d>\d)" | regex d!="9" | stats list(d) BY g"#,
        "fillnull",
        "fillnull value=- y z",
        "filldown",
        r#"makemv delim="." x | mvexpand x | stats first(x) last(x) count BY g"#,
        "mvexpand x | tail 4",
        "mvcombine x",
        r#"strcat g "-" x y | replace a* WITH b* IN g y"#,
        "rangemap field=x low=0-5 high=5-100 | nomv range",
        "uniq",
        r#"makemv delim="." x | spath input=g path=a output=y | stats count BY x"#,
        r#"eval n=0 | foreach x* [eval n=n+len("<<FIELD>>")]"#,
        "foreach mode=multivalue x [eval g=g.<<ITEM>>]",
        "convert num(x) AS n rmunit(x)",
        "eval host=if(g=\"a\", \"db-02\", \"db-01\") | lookup hosts host OUTPUT owner | lookup hosts owner OUTPUTNEW room AS g",
        "patterns field=g BY x",
        "patterns field=x",
        "diffpatterns field=x incident=1000..2000",
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

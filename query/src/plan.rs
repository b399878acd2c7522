//! From a parsed query to what is run.

use crate::ast::Pipeline;
use crate::command::{Command, CommandKind, Head, Sort};
use crate::engine::{EventSchema, Extracted};
use crate::error::QueryError;
use crate::glob::Glob;
use crate::search::{CompareOp, KnownFields, SearchExpr};
use crate::time::{TimeRange, TimeSpec};
use crate::wanted::Wanted;
use std::any::Any;
use std::fmt;
use trawl_formats::Zone;
use trawl_formats::event::IndexName;

/// A query, ready to be run on any engine: plain data, cut where the stream of rows first needs to be seen as a whole.
#[derive(Debug)]
pub struct Plan {
    /// Which events. `None` if the query begins with a command that needs none.
    pub search: Option<SearchExpr>,
    /// Filters that stood behind the first pipe and are now a part of `search`, for explanations.
    pub pushed: Vec<SearchExpr>,
    /// Range of event time.
    pub times: TimeRange,
    /// Range of the time of indexing.
    pub index_times: TimeRange,
    /// Which indexes.
    pub indexes: IndexSelection,
    /// Fields that the commands read of the events.
    pub wanted: Wanted,
    /// All commands, in order.
    pub commands: Vec<Box<dyn Command>>,
    /// The first commands, of that number, treat each row alone: they run wherever the rows are.
    pub n_map: usize,
}

/// What happens at the cut of a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The command behind it has states that are filled in parallel and merged.
    Merge,
    /// Rows are needed in their order, newest first.
    Order,
}

/// The caller's part of a search.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Start of the range, where the query names none.
    pub earliest: Option<TimeSpec>,
    /// End of the range, where the query names none.
    pub latest: Option<TimeSpec>,
    /// Events that were indexed at this moment or later are left out, whatever the query says.
    pub indexed_before_us: Option<i64>,
    /// Indexes, where the query names none.
    pub indexes: Vec<IndexName>,
    /// Fields wanted of events that reach the end of the pipeline as they are.
    pub event_fields: Wanted,
    /// Now.
    pub now_us: i64,
    /// Zone of snapped times.
    pub zone: Zone,
}

/// Which indexes a search covers.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexSelection {
    /// Those that do not begin with `_`.
    Default,
    /// These, from `--index` or the configuration.
    Listed(Vec<IndexName>),
    /// The query has `index=` conditions of its own: those in which it can find something. One that begins with `_` must be
    /// named so.
    Query(SearchExpr),
}

impl IndexSelection {
    fn new(search: Option<&SearchExpr>, listed: &[IndexName]) -> Self {
        match (search, listed) {
            (Some(search), _) if search.fields_read().contains("index") => Self::Query(search.clone()),
            (_, []) => Self::Default,
            (_, listed) => Self::Listed(listed.to_vec()),
        }
    }

    /// Whether an index is to be looked at. The query's conditions still decide about its events.
    pub fn covers(&self, index: &IndexName) -> bool {
        let is_internal = index.as_str().starts_with('_');
        match self {
            Self::Default => !is_internal,
            Self::Listed(listed) => listed.contains(index),
            Self::Query(search) => {
                (!is_internal || names_internal(search, index))
                    && KnownFields::new(search, &["index"]).can_be_true(&[("index", Some(index.as_str()))])
            }
        }
    }
}

/// Whether some `index=` condition begins with `_` and matches.
fn names_internal(search: &SearchExpr, index: &IndexName) -> bool {
    let mut named = false;
    search.visit(&mut |leaf| {
        let globs: Vec<&Glob> = match leaf {
            SearchExpr::Compare(compare) if compare.field == "index" && compare.op == CompareOp::Eq => {
                vec![&compare.value.glob]
            }
            SearchExpr::In(within) if within.field == "index" => {
                within.values.iter().map(|value| &value.glob).collect()
            }
            _ => Vec::new(),
        };
        named |=
            globs.iter().any(|glob| glob.literals()[0].starts_with('_') && glob.matches_ignoring_case(index.as_str()));
    });
    named
}

impl Plan {
    /// Plans a parsed query.
    ///
    /// # Errors
    /// If a time lies outside what can be searched, or the range ends before it begins.
    pub fn new(pipeline: Pipeline, caller: &Caller) -> Result<Self, QueryError> {
        let Pipeline { search, times, mut commands, .. } = pipeline;
        let mut search = search;
        let mut pushed = Vec::new();
        // `… | search x` directly after the event search is a part of it.
        while let (Some(expr), Some(filter)) = (&mut search, commands.first().and_then(|first| first.as_filter())) {
            *expr = SearchExpr::and([expr.clone(), filter.clone()]);
            pushed.push(filter.clone());
            commands.remove(0);
        }
        limit_sorts(&mut commands);
        let resolve = |spec: &Option<TimeSpec>| spec.as_ref().and_then(|spec| spec.resolve(caller.now_us, caller.zone));
        let callers_range = TimeRange { earliest: resolve(&caller.earliest), latest: resolve(&caller.latest) };
        let range = times.range(callers_range, caller.now_us, caller.zone)?;
        let mut index_times = times.index_range(caller.now_us, caller.zone)?;
        index_times.latest = [index_times.latest, caller.indexed_before_us].into_iter().flatten().min();
        let wanted =
            commands.iter().rev().fold(caller.event_fields.clone(), |wanted, command| command.fields_read(&wanted));
        let n_map = commands.iter().take_while(|command| command.kind() == CommandKind::Streaming).count();
        let indexes = IndexSelection::new(search.as_ref(), &caller.indexes);
        Ok(Self { search, pushed, times: range, index_times, indexes, wanted, commands, n_map })
    }

    /// What happens behind the first commands.
    pub fn cut(&self) -> Cut {
        match self.commands.get(self.n_map).map(|command| command.kind()) {
            Some(CommandKind::Transforming { .. }) => Cut::Merge,
            _ => Cut::Order,
        }
    }

    /// Whether the command at the cut is the first one and only counts rows, so that it can be fed with counts.
    pub fn only_counts(&self) -> bool {
        self.n_map == 0 && self.cut() == Cut::Merge && self.commands[0].counts_rows_only()
    }

    /// Whether the states at the cut need to know the order of the events.
    pub fn order_matters(&self) -> bool {
        match self.commands.get(self.n_map).map(|command| command.kind()) {
            Some(CommandKind::Transforming { order_matters }) => order_matters,
            _ => true,
        }
    }

    /// How many rows are taken at most behind the first commands, where a caller takes so many of the answer; `None` if that cannot
    /// be told.
    pub fn n_taken(&self, limit: Option<usize>) -> Option<usize> {
        let Some(command) = self.commands.get(self.n_map) else { return limit };
        let command: &dyn Any = &**command;
        match command.downcast_ref::<Head>() {
            Some(Head { limit, condition: None, .. }) => *limit,
            _ => None,
        }
    }

    /// Whether events come out as they went in, if fewer or in another order.
    pub fn keeps_rows(&self) -> bool {
        self.commands.iter().all(|command| command.keeps_rows())
    }

    /// Whether the result is a table rather than events.
    pub fn is_transforming(&self) -> bool {
        self.search.is_none() || self.commands.iter().any(|command| command.makes_table())
    }
}

/// `sort … | head N` needs the first N rows only: there is no reason to hold the others.
fn limit_sorts(commands: &mut [Box<dyn Command>]) {
    for at in 1..commands.len() {
        let (sort, head): (&dyn Any, &dyn Any) = (&*commands[at - 1], &*commands[at]);
        let (Some(sort), Some(head)) = (sort.downcast_ref::<Sort>(), head.downcast_ref::<Head>()) else { continue };
        if let Head { limit: Some(limit), condition: None, .. } = head
            && sort.limit.is_none_or(|kept| kept > *limit)
        {
            commands[at - 1] = Box::new(Sort { limit: Some(*limit), is_cut_later: true, keys: sort.keys.clone() });
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.search {
            Some(search) => writeln!(f, "scan    {search}")?,
            None => writeln!(f, "scan    nothing")?,
        }
        for filter in &self.pushed {
            writeln!(f, "pushed  {filter}: a part of the scan")?;
        }
        if self.search.is_some() {
            write_fields(f, &self.wanted)?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            let stage = match (i.cmp(&self.n_map), self.cut()) {
                (std::cmp::Ordering::Less, _) => "map",
                (std::cmp::Ordering::Equal, Cut::Merge) => "merge",
                _ => "then",
            };
            writeln!(f, "{stage:<7} {command}")?;
        }
        if self.search.is_some() && self.cut() == Cut::Order {
            writeln!(f, "order   newest first, as far as rows are asked for")?;
        }
        Ok(())
    }
}

/// What is taken of each event: from columns and the directory of its block, and out of its text.
fn write_fields(f: &mut fmt::Formatter<'_>, wanted: &Wanted) -> fmt::Result {
    let EventSchema { builtins, extracted } = EventSchema::new(wanted, false);
    let names: Vec<&str> = builtins.iter().map(|(name, _)| *name).collect();
    writeln!(f, "builtin {}", if names.is_empty() { "nothing".to_owned() } else { names.join(", ") })?;
    match extracted {
        Extracted::Named(names) if names.is_empty() => writeln!(f, "extract nothing"),
        Extracted::Named(names) => writeln!(f, "extract {}", names.join(", ")),
        Extracted::Matching(Wanted::All) => writeln!(f, "extract every field"),
        Extracted::Matching(_) => writeln!(f, "extract fields by pattern"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(query: &str, index: &str) -> bool {
        let pipeline = crate::parse(query).expect("a query");
        let index = IndexName::new(index).expect("a name");
        IndexSelection::new(pipeline.search.as_ref(), &[]).covers(&index)
    }

    #[test]
    fn a_sort_before_a_head_holds_only_what_the_head_takes() {
        let caller = Caller {
            earliest: None,
            latest: None,
            indexed_before_us: None,
            indexes: Vec::new(),
            event_fields: Wanted::All,
            now_us: 0,
            zone: Zone::UTC,
        };
        for (query, expected) in [
            ("x | sort 0 -a | head 5", "sort 5 -a | head 5"),
            ("x | sort a | head 5", "sort 5 a | head 5"),
            ("x | sort 3 a | head 5", "sort 3 a | head 5"),
            ("x | sort 0 a | head (a<5)", "sort 0 a | head (a<5)"),
            ("x | sort 0 a | table a | head 5", "sort 0 a | table a | head 5"),
        ] {
            let plan = Plan::new(crate::parse(query).expect("a query"), &caller).expect("a plan");
            let commands: Vec<String> = plan.commands.iter().map(ToString::to_string).collect();
            assert_eq!(commands.join(" | "), expected, "{query}");
        }
    }

    #[test]
    fn an_index_is_left_out_only_if_nothing_in_it_can_match() {
        for (query, index, expected) in [
            ("error", "main", true),
            ("error", "_audit", false),
            ("index=main error", "main", true),
            ("index=main error", "web", false),
            ("index=MAIN", "main", true),
            ("index=* error", "web", true),
            ("index=* error", "_audit", false),
            ("index=_* error", "_audit", true),
            ("index=_audit", "main", false),
            ("index=a OR index=b", "b", true),
            ("index=a OR error", "b", true),
            ("NOT index=a", "b", true),
            ("NOT index=a", "a", false),
            ("NOT (index=a error)", "a", true),
            ("index IN (a, w*)", "web", true),
            ("index!=a", "a", false),
        ] {
            assert_eq!(covers(query, index), expected, "{query} in {index}");
        }
    }
}

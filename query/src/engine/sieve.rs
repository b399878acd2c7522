//! Many searches at once: each event is looked at once, however many searches there are.
//!
//! Every event that matches a search expression must hold one of a few literals, which follow from the expression
//! ([`literals`]) in the same way as what narrows it in a live block: the longest literal of a word, the longest word of a
//! field's value where the sourcetype's values end at breakers, one of each branch of an `OR`. One automaton finds the
//! literals of all searches in one pass over the text, and over its [unescaped](unescape) form where it has one. Index, source,
//! sourcetype, host and level rule out searches whose conditions on them do not hold; an expression without a literal is
//! ruled out by them alone. What is left is verified by the one definition of a match, [`Filter`], as long as that is cheap.
//!
//! **No match is missed; what is told need not be one.** With `n` searches the cost of an event is that of its bytes and of the
//! searches whose literals it holds.

use super::candidates::{is_constant, value_words};
use super::events::{BlockColumns, BlockInfo, Candidate, RowMaker};
use super::schema::{Builtin, EventSchema};
use crate::plan::IndexSelection;
use crate::run::Search;
use crate::search::{CompareOp, Filter, KnownFields, SearchExpr, ValuePattern};
use crate::wanted::Wanted;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use hashbrown::{HashMap, HashSet};
use std::sync::Arc;
use trawl_formats::Zone;
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Rules;
use trawl_formats::text::text;
use trawl_formats::token::unescape;

/// Fields that are known of an event without a look at its text.
const KNOWN: [&str; 5] = ["index", "source", "sourcetype", "host", "level"];
/// Most events that are verified for one search in one go.
const VERIFIED_OF_SEARCH: usize = 64;
/// Most events that are verified in one go.
const VERIFIED: usize = 4096;
/// Most literal bytes for which the automaton is the fast, large one.
const DENSE_LITERALS: usize = 20_000;
/// Most combinations of known fields that are remembered.
const MAX_CONTEXTS: usize = 4096;

/// An event that may match a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which search, by its place.
    pub search: usize,
    /// The second of its time, since 1970, rounded down.
    pub second: i64,
    /// When it was indexed, microseconds UTC: not before that of any event that this one stands for.
    pub indexed_at_us: i64,
}

/// The first stages of many searches. `None` in a place is a search that nothing is told of.
pub struct Sieve {
    entries: Vec<Option<Entry>>,
    lenses: HashMap<*const Rules, Lens>,
    covered: HashMap<IndexName, Arc<[bool]>>,
    contexts: HashMap<Context, Arc<[bool]>>,
    /// Events that may still be verified, for each search and in all.
    credit: (Vec<usize>, usize),
    /// The last event in which a literal of each search was found.
    found_in: Vec<u64>,
    n_events: u64,
}

struct Entry {
    expr: SearchExpr,
    indexes: IndexSelection,
    filter: Filter,
    fields: Vec<String>,
    known: KnownFields,
}

/// The searches as events of one sourcetype see them.
struct Lens {
    /// Keeps the key of the lens in use.
    _rules: Arc<Rules>,
    automaton: Option<AhoCorasick>,
    /// The searches of each literal.
    of_literal: Vec<Vec<usize>>,
    /// Searches of which nothing must stand in the text.
    without_literal: Vec<usize>,
}

/// What is known of an event: index, source, sourcetype, host and level.
type Context = [Option<String>; 5];

impl Sieve {
    /// Prepares the search expressions of `searches`; their ranges of time are not asked.
    pub fn new(searches: &[Option<Search>]) -> Self {
        let entry = |search: &Search| {
            let plan = search.plan();
            let expr = plan.search.clone()?;
            Some(Entry {
                indexes: plan.indexes.clone(),
                filter: Filter::new(&expr),
                fields: expr.fields_read().into_iter().map(str::to_owned).collect(),
                known: KnownFields::new(&expr, &KNOWN),
                expr,
            })
        };
        let entries: Vec<_> = searches.iter().map(|search| search.as_ref().and_then(entry)).collect();
        let n = entries.len();
        Self {
            entries,
            lenses: HashMap::new(),
            covered: HashMap::new(),
            contexts: HashMap::new(),
            credit: (vec![VERIFIED_OF_SEARCH; n], VERIFIED),
            found_in: vec![0; n],
            n_events: 0,
        }
    }

    /// Begins another go.
    pub(super) fn refresh(&mut self) {
        self.credit.0.fill(VERIFIED_OF_SEARCH);
        self.credit.1 = VERIFIED;
    }

    /// Tells which of a block's events may match which search, some of them more than once.
    pub(super) fn sift(
        &mut self,
        info: &BlockInfo,
        columns: &BlockColumns,
        events: &[Candidate],
        tell: &mut dyn FnMut(Sighting),
    ) {
        let index = info.index.to_string();
        let Ok(index) = IndexName::new(&index) else { return };
        let lens = Arc::as_ptr(&info.rules);
        if !self.lenses.contains_key(&lens) {
            self.lenses.insert(lens, Lens::new(&self.entries, &info.rules));
        }
        let mut admitted: HashMap<(u32, u32), Arc<[bool]>> = HashMap::new();
        // Seconds of the events of each kind, with the newest time of indexing.
        let mut seconds: HashMap<(u32, u32), HashMap<i64, i64>> = HashMap::new();
        let mut hits: HashMap<usize, Vec<u32>> = HashMap::new();
        for &Candidate { event, .. } in events {
            let at = event as usize;
            let kind = (columns.levels[at], columns.hosts[at]);
            let admits = match admitted.get(&kind) {
                Some(admits) => Arc::clone(admits),
                None => {
                    let admits = self.admits(info, &index, columns, kind);
                    admitted.insert(kind, Arc::clone(&admits));
                    admits
                }
            };
            let indexed_at_us = columns.indexed_at_us(at);
            let newest = seconds.entry(kind).or_default().entry(second(columns.times_us[at])).or_insert(indexed_at_us);
            *newest = indexed_at_us.max(*newest);
            let lens = &self.lenses[&lens];
            let Some(automaton) = &lens.automaton else { continue };
            self.n_events += 1;
            let mut look = |text: &[u8]| {
                for found in automaton.find_overlapping_iter(text) {
                    for &search in &lens.of_literal[found.pattern().as_usize()] {
                        if self.found_in[search] != self.n_events && admits[search] {
                            self.found_in[search] = self.n_events;
                            hits.entry(search).or_default().push(event);
                        }
                    }
                }
            };
            let text = text(columns.bytes_of(at), info.decoding);
            look(&text);
            if memchr::memchr2(b'\\', b'&', &text).is_some()
                && let Some(unescaped) = unescape(&text)
            {
                look(&unescaped);
            }
        }
        for &search in &self.lenses[&lens].without_literal {
            let kinds = seconds.iter().filter(|(kind, _)| admitted[*kind][search]);
            if events.len() <= self.credit.0[search].min(self.credit.1) {
                let kinds: HashSet<(u32, u32)> = kinds.map(|(kind, _)| *kind).collect();
                let of_kind =
                    |event: &u32| kinds.contains(&(columns.levels[*event as usize], columns.hosts[*event as usize]));
                let possible: Vec<u32> = events.iter().map(|candidate| candidate.event).filter(of_kind).collect();
                if !possible.is_empty() {
                    hits.insert(search, possible);
                }
                continue;
            }
            for (&second, &indexed_at_us) in kinds.flat_map(|(_, seconds)| seconds) {
                tell(Sighting { search, second, indexed_at_us });
            }
        }
        for (search, possible) in hits {
            for event in self.verified(search, info, columns, possible) {
                let at = event as usize;
                let (second, indexed_at_us) = (second(columns.times_us[at]), columns.indexed_at_us(at));
                tell(Sighting { search, second, indexed_at_us });
            }
        }
    }

    /// Of events that may match a search those that do, as long as that is cheap to find out.
    fn verified(&mut self, search: usize, info: &BlockInfo, columns: &BlockColumns, possible: Vec<u32>) -> Vec<u32> {
        let (of_search, of_all) = (&mut self.credit.0[search], &mut self.credit.1);
        let (Some(entry), true) = (&self.entries[search], possible.len() <= (*of_search).min(*of_all)) else {
            return possible;
        };
        *of_search -= possible.len();
        *of_all -= possible.len();
        let schema = EventSchema::new(&Wanted::none(), false);
        let fields = entry.fields.iter().map(String::as_str);
        let mut maker = RowMaker::new(&schema, &entry.filter, fields, Zone::UTC, false);
        let matches = |event: &u32| {
            let rows = maker.rows(info, columns, &[Candidate { event: *event, certain: false }]);
            !rows.is_empty()
        };
        let mut verified = possible;
        let mut matches = matches;
        verified.retain(|event| matches(event));
        verified
    }

    /// Which searches may find an event of which level and host are known, besides what its block says.
    fn admits(
        &mut self,
        info: &BlockInfo,
        index: &IndexName,
        columns: &BlockColumns,
        (level, host): (u32, u32),
    ) -> Arc<[bool]> {
        let named = |names: &[crate::Value], id: u32| {
            (id as usize).checked_sub(1).and_then(|at| names.get(at)).map(ToString::to_string)
        };
        let context: Context = [
            Some(index.to_string()),
            Some(info.source.to_string()),
            Some(info.sourcetype.to_string()),
            Some(named(&columns.host_names, host).unwrap_or_else(|| info.host.to_string())),
            named(&columns.level_names, level),
        ];
        if let Some(admits) = self.contexts.get(&context) {
            return Arc::clone(admits);
        }
        let entries = &self.entries;
        let covered = self.covered.entry(index.clone()).or_insert_with(|| {
            entries.iter().map(|entry| entry.as_ref().is_some_and(|entry| entry.indexes.covers(index))).collect()
        });
        let fields: Vec<(&str, Option<&str>)> =
            KNOWN.iter().zip(&context).map(|(field, value)| (*field, value.as_deref())).collect();
        let admits: Arc<[bool]> = entries
            .iter()
            .zip(covered.iter())
            .map(|(entry, is_covered)| {
                let known = entry.as_ref().map(|entry| &entry.known);
                *is_covered && known.is_some_and(|known| known.is_undecided() || known.can_be_true(&fields))
            })
            .collect();
        if self.contexts.len() >= MAX_CONTEXTS {
            self.contexts.clear();
        }
        self.contexts.insert(context, Arc::clone(&admits));
        admits
    }
}

/// The second of a time.
fn second(time_us: i64) -> i64 {
    time_us.div_euclid(1_000_000)
}

impl Lens {
    fn new(entries: &[Option<Entry>], rules: &Arc<Rules>) -> Self {
        let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
        let (mut of_literal, mut without_literal): (Vec<Vec<usize>>, _) = (Vec::new(), Vec::new());
        for (search, entry) in entries.iter().enumerate() {
            let Some(entry) = entry else { continue };
            let Some(literals) = literals(&entry.expr, &|field| rules.bounded(field)) else {
                without_literal.push(search);
                continue;
            };
            for literal in literals {
                let place = *places.entry(literal).or_insert_with(|| {
                    of_literal.push(Vec::new());
                    of_literal.len() - 1
                });
                if !of_literal[place].contains(&search) {
                    of_literal[place].push(search);
                }
            }
        }
        let mut literals: Vec<(Vec<u8>, usize)> = places.into_iter().collect();
        literals.sort_by_key(|(_, place)| *place);
        let n_bytes: usize = literals.iter().map(|(literal, _)| literal.len()).sum();
        let kind = if n_bytes <= DENSE_LITERALS { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
        let built = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(kind))
            .build(literals.iter().map(|(literal, _)| literal));
        let automaton = match built {
            Ok(automaton) => (!literals.is_empty()).then_some(automaton),
            // Too many for any automaton.
            Err(_) => {
                without_literal = (0..entries.len()).collect();
                None
            }
        };
        Self { _rules: Arc::clone(rules), automaton, of_literal, without_literal }
    }
}

/// Literals in lower case, one of which the text of every event that matches holds, as it is or unescaped, in some case;
/// `None` where there is no such set. `bounded` says whether the values of a field end at breakers.
fn literals(expr: &SearchExpr, bounded: &dyn Fn(&str) -> bool) -> Option<Vec<Vec<u8>>> {
    let of_values = |field: &str, values: &[ValuePattern]| {
        let is_in_text = !is_constant(field) && Builtin::of(field).is_none() && bounded(field);
        let longest = |value: &ValuePattern| value_words(&value.glob).into_iter().max_by_key(Vec::len);
        if is_in_text { values.iter().map(longest).collect() } else { None }
    };
    let literals: Vec<Vec<u8>> = match expr {
        SearchExpr::All | SearchExpr::Not(_) | SearchExpr::Exists { .. } | SearchExpr::Subsearch(_) => return None,
        SearchExpr::And(operands) => {
            let sets = operands.iter().filter_map(|operand| literals(operand, bounded));
            // Long ones are rare, and few are better than many.
            sets.max_by_key(|set| (set.iter().map(Vec::len).min(), std::cmp::Reverse(set.len())))?
        }
        SearchExpr::Or(operands) => {
            let sets: Option<Vec<_>> = operands.iter().map(|operand| literals(operand, bounded)).collect();
            sets?.concat()
        }
        SearchExpr::Pattern(pattern) => {
            // Around a line end the text may lack carriage returns.
            let pieces = pattern.glob.literals().iter().flat_map(|literal| literal.split(['\r', '\n']));
            vec![pieces.max_by_key(|piece| piece.len())?.as_bytes().to_ascii_lowercase()]
        }
        SearchExpr::Compare(compare) if compare.op == CompareOp::Eq => {
            of_values(&compare.field, std::slice::from_ref(&compare.value))?
        }
        SearchExpr::Compare(_) => return None,
        SearchExpr::In(within) => of_values(&within.field, &within.values)?,
    };
    (!literals.is_empty() && literals.iter().all(|literal| !literal.is_empty())).then_some(literals)
}

//! Which events of a bucket can match a search expression, from the index alone.
//!
//! Every node of the expression yields two sets: the events that certainly match and those that possibly do. `NOT` swaps
//! and complements them; what is possible but not certain is verified on the text. A node may answer "all are possible",
//! never too few: the answer of a search does not depend on what is narrowed here.
//!
//! Two things keep a token out of the index although the text shows it, and the literals used for narrowing avoid both:
//! numbers of one or two digits, and whatever lies in the recognised time stamp.

use super::docset::DocSet;
use super::schema::Builtin;
use crate::glob::Glob;
use crate::net::Network;
use crate::search::{
    Compare, CompareOp, EventView, Filter, In, Pattern, PatternForm, PatternMatcher, SearchExpr, ValuePattern,
};
use crate::time::TimeRange;
use hashbrown::HashMap;
use memchr::memmem;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use trawl_formats::parse::EventFlags;
use trawl_formats::sourcetype::Rules;
use trawl_formats::token::{is_short_number, is_token_byte, may_be_in_stamp, may_begin_stamp};
use trawl_store::bucket::blocks::{Block, MIXED};
use trawl_store::segment::terms::{MAX_TERM_LEN, OVERSIZED};
use trawl_store::{Bucket, Result};

/// Events that certainly match, and events that possibly do. The first are among the second.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// No event outside is a match that the index can see, and none inside needs a look at its text.
    pub certain: DocSet,
    /// No event outside is a match.
    pub possible: DocSet,
}

impl Candidates {
    pub(super) fn exact(docs: DocSet) -> Self {
        Self { certain: docs.clone(), possible: docs }
    }

    pub(super) fn possible(docs: DocSet) -> Self {
        Self { certain: DocSet::none(docs.n_docs()), possible: docs }
    }

    pub(super) fn unknown(n_docs: u32) -> Self {
        Self::possible(DocSet::all(n_docs))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self { certain: self.certain.and(other.certain), possible: self.possible.and(other.possible) }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { certain: self.certain.or(other.certain), possible: self.possible.or(other.possible) }
    }

    pub(super) fn not(self) -> Self {
        Self { certain: self.possible.not(), possible: self.certain.not() }
    }
}

/// Decides about one dictionary term.
type TermTest<'a> = Box<dyn Fn(&[u8]) -> bool + 'a>;

/// Narrows expressions to candidates in one bucket.
pub struct Narrower<'a> {
    bucket: &'a Bucket,
    /// Rules in force for each source of the bucket.
    rules: &'a [Arc<Rules>],
    index: &'a str,
    n_docs: u32,
    /// Answers of dictionary walks, which several nodes may ask for.
    by_term: RefCell<HashMap<TermKind, Rc<DocSet>>>,
}

/// A set of dictionary terms.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum TermKind {
    Exact(Vec<u8>),
    Prefix(Vec<u8>),
    Suffix(Vec<u8>),
    Infix(Vec<u8>),
    Matching(String),
}

impl<'a> Narrower<'a> {
    /// A narrower for `bucket` of index `index`; `rules` has one entry per source of the bucket.
    pub fn new(bucket: &'a Bucket, rules: &'a [Arc<Rules>], index: &'a str) -> Self {
        Self { bucket, rules, index, n_docs: bucket.n_events(), by_term: RefCell::default() }
    }

    /// The candidates of `expr` in the given ranges of event time and time of indexing.
    ///
    /// # Errors
    /// If the bucket is damaged.
    pub fn narrow(&self, expr: &SearchExpr, times: TimeRange, index_times: TimeRange) -> Result<Candidates> {
        let in_range = self.in_range(times, index_times)?;
        if in_range.is_empty() {
            return Ok(Candidates::exact(in_range));
        }
        Ok(Candidates::exact(in_range).and(self.expr(expr)?))
    }

    fn expr(&self, expr: &SearchExpr) -> Result<Candidates> {
        match expr {
            SearchExpr::All => Ok(Candidates::exact(DocSet::all(self.n_docs))),
            SearchExpr::And(operands) => self.all_of(operands),
            SearchExpr::Or(operands) => operands
                .iter()
                .try_fold(Candidates::exact(DocSet::none(self.n_docs)), |any, operand| Ok(any.or(self.expr(operand)?))),
            SearchExpr::Not(operand) => Ok(self.expr(operand)?.not()),
            SearchExpr::Pattern(pattern) => self.pattern(pattern),
            SearchExpr::Compare(compare) => self.compare(compare),
            SearchExpr::In(within) => self.within(within),
            SearchExpr::Subsearch(_) => unreachable!("subsearches are replaced before a search is planned"),
            SearchExpr::Exists { field, .. } => self
                .constant_field(field, &SearchFilter::of(expr))
                .map(|known| known.map_or_else(|| Candidates::unknown(self.n_docs), Candidates::exact)),
        }
    }

    /// Operands that need no dictionary first; stops as soon as nothing is left.
    fn all_of(&self, operands: &[SearchExpr]) -> Result<Candidates> {
        let mut operands: Vec<&SearchExpr> = operands.iter().collect();
        operands.sort_by_key(|operand| match operand {
            SearchExpr::Compare(Compare { field, .. }) | SearchExpr::Exists { field, .. } if is_constant(field) => 0,
            SearchExpr::Pattern(pattern) if !pattern.glob.has_wildcard() => 1,
            _ => 2,
        });
        let mut all = Candidates::exact(DocSet::all(self.n_docs));
        for operand in operands {
            all = all.and(self.expr(operand)?);
            if all.possible.is_empty() {
                break;
            }
        }
        Ok(all)
    }

    // ---- time and columns

    fn in_range(&self, times: TimeRange, index_times: TimeRange) -> Result<DocSet> {
        let (mut ranges, mut headers, mut outside) = (Vec::new(), Vec::new(), Vec::new());
        let (mut column, mut indexed) = (Vec::new(), Vec::new());
        for block in self.bucket.blocks() {
            if !overlaps(times, block) {
                continue;
            }
            if block.flags & Block::INDEXED_AT_TIMES != 0 && !index_times.is_all() {
                self.bucket.indexed(block, &mut indexed)?;
                let runs = indexed.iter().zip(indexed.iter().skip(1).map(|(first, _)| *first).chain([block.n_events]));
                let runs = runs.filter(|((_, time_us), _)| !index_times.contains(*time_us));
                outside.extend(runs.map(|((first, _), end)| block.first_doc + first..block.first_doc + end));
            } else if !index_times.contains(block.indexed_at_us) {
                continue;
            }
            if times.contains(block.min_time_us) && times.contains(block.max_time_us) {
                ranges.push(block.docs());
            } else {
                self.bucket.times_us(block, &mut column)?;
                let inside = column.iter().zip(block.docs()).filter(|(time, _)| times.contains(**time));
                ranges.extend(inside.map(|(_, doc)| doc..doc + 1));
            }
            // Lines of column names describe the events after them; they are stored and indexed, but no events.
            if block.flags & u32::from(EventFlags::HEADER.0) != 0 {
                self.bucket.flags(block, |event, flags| {
                    if EventFlags(flags).contains(EventFlags::HEADER) {
                        headers.push(block.first_doc + event);
                    }
                })?;
            }
        }
        let in_range = DocSet::from_ranges(self.n_docs, ranges);
        let in_range =
            if headers.is_empty() { in_range } else { in_range.and(DocSet::from_list(self.n_docs, headers).not()) };
        Ok(if outside.is_empty() { in_range } else { in_range.and(DocSet::from_ranges(self.n_docs, outside).not()) })
    }

    /// The exact answer of a condition on a field that blocks or columns hold; `None` for any other field.
    fn constant_field(&self, field: &str, filter: &SearchFilter) -> Result<Option<DocSet>> {
        if !is_constant(field) {
            return Ok(None);
        }
        let directory = self.bucket.directory();
        let mut ranges = Vec::new();
        let mut ids = Vec::new();
        for block in self.bucket.blocks() {
            let source = self.bucket.source_of(block);
            let matches_id = |id: u32| match field {
                "level" => filter.matches(field, directory.levels.get(id).map(|level| &**level)),
                _ => filter.matches(field, Some(directory.hosts.get(id).map_or(source.host.as_str(), |host| &**host))),
            };
            let whole = match field {
                "index" => Some(filter.matches(field, Some(self.index))),
                "source" => Some(filter.matches(field, Some(source.source.as_str()))),
                "sourcetype" => Some(filter.matches(field, Some(source.sourcetype.as_str()))),
                "level" if block.level != MIXED => Some(matches_id(block.level)),
                "host" if block.host != MIXED => Some(matches_id(block.host)),
                _ => None,
            };
            match whole {
                Some(true) => ranges.push(block.docs()),
                Some(false) => {}
                None => {
                    if field == "level" {
                        self.bucket.levels(block, &mut ids)?;
                    } else {
                        self.bucket.hosts(block, &mut ids)?;
                    }
                    // A block has a handful of levels or hosts: each is compared once.
                    let mut known: HashMap<u32, bool> = HashMap::new();
                    for (&id, doc) in ids.iter().zip(block.docs()) {
                        if *known.entry(id).or_insert_with(|| matches_id(id)) {
                            ranges.push(doc..doc + 1);
                        }
                    }
                }
            }
        }
        Ok(Some(DocSet::from_ranges(self.n_docs, ranges)))
    }

    fn compare(&self, compare: &Compare) -> Result<Candidates> {
        let filter = SearchFilter::of(&SearchExpr::Compare(compare.clone()));
        if let Some(docs) = self.constant_field(&compare.field, &filter)? {
            return Ok(Candidates::exact(docs));
        }
        match compare.op {
            CompareOp::Eq => self.field_value(&compare.field, &compare.value),
            _ => Ok(Candidates::unknown(self.n_docs)),
        }
    }

    fn within(&self, within: &In) -> Result<Candidates> {
        let filter = SearchFilter::of(&SearchExpr::In(within.clone()));
        if let Some(docs) = self.constant_field(&within.field, &filter)? {
            return Ok(Candidates::exact(docs));
        }
        within.values.iter().try_fold(Candidates::exact(DocSet::none(self.n_docs)), |any, value| {
            Ok(any.or(self.field_value(&within.field, value)?))
        })
    }

    /// `field=value` on a field that is extracted from the text: tokens of the value narrow where the rules say that its
    /// values are bounded by breakers; elsewhere every event is possible.
    fn field_value(&self, field: &str, value: &ValuePattern) -> Result<Candidates> {
        // What trawl makes itself, such as `_flags` and `splunk_server`, stands in no text.
        let is_made = Builtin::of(field).is_some_and(|builtin| builtin != Builtin::Raw);
        let pieces = if is_made { Vec::new() } else { value_pieces(&value.glob) };
        if pieces.is_empty() {
            return Ok(Candidates::unknown(self.n_docs));
        }
        let unbounded = self.bucket.blocks().iter().filter(|block| !self.rules[block.source as usize].bounded(field));
        let unbounded = DocSet::from_ranges(self.n_docs, unbounded.map(Block::docs));
        if unbounded.is_all() {
            return Ok(Candidates::unknown(self.n_docs));
        }
        let holding = self.docs_of_pieces(&pieces)?;
        Ok(Candidates::possible(holding.or(unbounded)))
    }

    // ---- words and phrases

    fn pattern(&self, pattern: &Pattern) -> Result<Candidates> {
        let candidates = if is_token_pattern(pattern) {
            self.token_pattern(&pattern.glob)?
        } else {
            let pieces = pattern_pieces(pattern);
            if pieces.is_empty() {
                Candidates::unknown(self.n_docs)
            } else {
                Candidates::possible(self.docs_of_pieces(&pieces)?)
            }
        };
        // The index folds case.
        let exact_case = pattern.case_sensitive || pattern.form == PatternForm::Term;
        Ok(if exact_case { Candidates::possible(candidates.possible) } else { candidates })
    }

    /// A bare pattern of token bytes, or an address: the dictionary knows the answer.
    fn token_pattern(&self, glob: &Glob) -> Result<Candidates> {
        let literals: Vec<Vec<u8>> =
            glob.literals().iter().map(|literal| literal.as_bytes().to_ascii_lowercase()).collect();
        if let [term] = &literals[..] {
            if is_short_number(term) {
                return Ok(Candidates::unknown(self.n_docs));
            }
            if term.len() > MAX_TERM_LEN {
                return Ok(Candidates::possible(self.docs(TermKind::Exact(OVERSIZED.to_vec()))?));
            }
            return Ok(Candidates::exact(self.docs(TermKind::Exact(term.clone()))?));
        }
        if could_match_short_number(&literals) {
            return Ok(Candidates::unknown(self.n_docs));
        }
        let within_token = match (&literals[0][..], &literals[literals.len() - 1][..], literals.len()) {
            (prefix, b"", 2) => TermKind::Prefix(prefix.to_vec()),
            (b"", suffix, 2) => TermKind::Suffix(suffix.to_vec()),
            (b"", b"", 3) => TermKind::Infix(literals[1].clone()),
            _ => TermKind::Matching(glob.to_string().to_ascii_lowercase()),
        };
        let spans_tokens = matches!(within_token, TermKind::Matching(_));
        let certain = self.docs(within_token)?;
        // A star may also run over minor breakers into another token, and oversized tokens are not in the dictionary.
        let mut possible = certain.clone().or(self.docs(TermKind::Exact(OVERSIZED.to_vec()))?);
        if spans_tokens {
            let pieces = open_pieces(&literals);
            possible =
                if pieces.is_empty() { DocSet::all(self.n_docs) } else { possible.or(self.docs_of_pieces(&pieces)?) };
        }
        Ok(Candidates { certain, possible })
    }

    // ---- dictionary

    fn docs_of_pieces(&self, pieces: &[TermKind]) -> Result<DocSet> {
        let mut all = DocSet::all(self.n_docs);
        for piece in pieces {
            let mut docs = self.docs(piece.clone())?;
            if !matches!(piece, TermKind::Exact(_)) {
                docs = docs.or(self.docs(TermKind::Exact(OVERSIZED.to_vec()))?);
            }
            all = all.and(docs);
            if all.is_empty() {
                break;
            }
        }
        Ok(all)
    }

    /// The documents that hold a term of that kind.
    fn docs(&self, kind: TermKind) -> Result<DocSet> {
        if let Some(docs) = self.by_term.borrow().get(&kind) {
            return Ok((**docs).clone());
        }
        let docs = self.look_up(&kind)?;
        self.by_term.borrow_mut().insert(kind, Rc::new(docs.clone()));
        Ok(docs)
    }

    fn look_up(&self, kind: &TermKind) -> Result<DocSet> {
        let segment = self.bucket.segment()?;
        if let TermKind::Exact(term) = kind {
            let mut docs = Vec::new();
            if let Some(info) = segment.term_info(term)? {
                segment.read_docs(&info, &mut docs)?;
            }
            return Ok(DocSet::from_list(self.n_docs, docs));
        }
        let prefix = match kind {
            TermKind::Prefix(prefix) => prefix.clone(),
            TermKind::Matching(glob) => glob.bytes().take_while(|&byte| byte != b'*').collect(),
            _ => Vec::new(),
        };
        let matches: TermTest<'_> = match kind {
            TermKind::Suffix(suffix) => Box::new(move |term| term.ends_with(suffix)),
            TermKind::Infix(infix) => {
                let finder = memmem::Finder::new(infix);
                Box::new(move |term| finder.find(term).is_some())
            }
            TermKind::Matching(glob) => {
                let glob = Glob::new(glob);
                Box::new(move |term| std::str::from_utf8(term).is_ok_and(|term| glob.matches(term)))
            }
            _ => Box::new(|_| true),
        };
        let mut found = Vec::new();
        let mut terms = segment.terms(&prefix)?;
        while let Some((term, info)) = terms.next() {
            if matches(term) {
                found.push(info.clone());
            }
        }
        let mut union = DocSet::none(self.n_docs);
        let mut docs = Vec::new();
        let mut pending = Vec::new();
        for info in &found {
            // Rare terms are gathered before they are united: most terms of a dictionary stand in one event.
            docs.clear();
            segment.read_docs(info, &mut docs)?;
            pending.extend_from_slice(&docs);
            if pending.len() > 1 << 20 {
                union = union.or(sorted_set(self.n_docs, &mut pending));
            }
        }
        Ok(union.or(sorted_set(self.n_docs, &mut pending)))
    }

    /// Number of events of the bucket that hold the literal of a plain token pattern, for messages.
    ///
    /// # Errors
    /// If the dictionary is damaged.
    pub fn doc_freq(&self, term: &str) -> Result<u32> {
        self.bucket.segment()?.doc_freq(term.to_ascii_lowercase().as_bytes())
    }
}

fn sorted_set(n_docs: u32, docs: &mut Vec<u32>) -> DocSet {
    docs.sort_unstable();
    docs.dedup();
    DocSet::from_list(n_docs, std::mem::take(docs))
}

fn overlaps(times: TimeRange, block: &Block) -> bool {
    times.earliest.is_none_or(|earliest| earliest <= block.max_time_us)
        && times.latest.is_none_or(|latest| block.min_time_us < latest)
}

/// Fields whose value the block directory or a column holds.
pub fn is_constant(field: &str) -> bool {
    matches!(field, "index" | "source" | "sourcetype" | "host" | "level")
}

/// A condition on one field, asked about one value at a time.
pub(super) struct SearchFilter(Filter);

impl SearchFilter {
    /// A condition.
    pub(super) fn of(expr: &SearchExpr) -> Self {
        Self(Filter::new(expr))
    }

    /// Whether an event whose `field` has that value, or is absent, satisfies it.
    pub(super) fn matches(&self, field: &str, value: Option<&str>) -> bool {
        self.0.matches(&OneField { field, value })
    }
}

/// An event of which one field is known.
struct OneField<'a> {
    field: &'a str,
    value: Option<&'a str>,
}

impl EventView for OneField<'_> {
    fn holds(&self, _: &PatternMatcher) -> bool {
        false
    }

    fn any_value(&self, field: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        field == self.field && self.value.is_some_and(test)
    }
}

/// Whether the pattern is matched on the text without its stamp: written bare, and made of token bytes or an address.
pub fn is_token_pattern(pattern: &Pattern) -> bool {
    pattern.form == PatternForm::Bare && {
        let literals = pattern.glob.literals();
        literals.iter().all(|literal| literal.bytes().all(is_token_byte))
            || (literals.len() == 1 && is_ipv4(literals[0].as_bytes()))
    }
}

/// Four dot-joined runs of one to three digits.
fn is_ipv4(text: &[u8]) -> bool {
    let mut runs = 0;
    text.split(|&byte| byte == b'.').all(|run| {
        runs += 1;
        matches!(run.len(), 1..=3) && run.iter().all(u8::is_ascii_digit)
    }) && runs == 4
}

fn could_match_short_number(literals: &[Vec<u8>]) -> bool {
    literals.iter().flatten().all(u8::is_ascii_digit) && literals.iter().map(Vec::len).sum::<usize>() <= 2
}

/// Terms that every match of a pattern with breakers, quotes or `TERM()` must hold.
fn pattern_pieces(pattern: &Pattern) -> Vec<TermKind> {
    let literals = pattern.glob.literals();
    let mut pieces = Vec::new();
    for (i, literal) in literals.iter().enumerate() {
        let literal = literal.as_bytes().to_ascii_lowercase();
        // The ends of the whole pattern lie on boundaries; beside a star a token may go on.
        let ends = Ends { left_open: i > 0, right_open: i + 1 < literals.len() };
        push_terms(&literal, ends, &mut pieces);
    }
    pieces
}

/// Terms that every match of a bare pattern with several literals must hold, one open token each. The stamp is no
/// obstacle: such a pattern is matched on the text without it.
fn open_pieces(literals: &[Vec<u8>]) -> Vec<TermKind> {
    let last = literals.len() - 1;
    let pieces = literals.iter().enumerate().filter(|(_, literal)| !literal.is_empty() && !is_short_digits(literal));
    pieces
        .map(|(i, literal)| match i {
            0 => TermKind::Prefix(literal.clone()),
            i if i == last => TermKind::Suffix(literal.clone()),
            _ => TermKind::Infix(literal.clone()),
        })
        .collect()
}

/// Could be (a part of) a number that is not indexed.
fn is_short_digits(literal: &[u8]) -> bool {
    literal.len() <= 2 && literal.iter().all(u8::is_ascii_digit)
}

/// Terms that every event must hold whose field has that value, given that values begin and end at boundaries.
fn value_pieces(glob: &Glob) -> Vec<TermKind> {
    let literals = glob.literals();
    if let [value] = literals
        && Network::parse(value).is_some()
    {
        return Vec::new();
    }
    if let [value] = literals
        && value.bytes().all(|byte| byte.is_ascii_digit())
    {
        return is_safe_number(value.as_bytes())
            .then(|| TermKind::Exact(value.as_bytes().to_vec()))
            .into_iter()
            .collect();
    }
    let mut pieces = Vec::new();
    for (i, literal) in literals.iter().enumerate() {
        let literal = literal.as_bytes().to_ascii_lowercase();
        let ends = Ends { left_open: i > 0, right_open: i + 1 < literals.len() };
        push_terms(&literal, ends, &mut pieces);
    }
    pieces
}

/// Words, in lower case, that the text of every event holds, as it is or decoded, whose field has that value, given that values
/// begin and end at boundaries. Those beside a star may be parts of longer ones.
pub(super) fn value_words(glob: &Glob) -> Vec<Vec<u8>> {
    if let [value] = glob.literals()
        && Network::parse(value).is_some()
    {
        return Vec::new();
    }
    let mut words = Vec::new();
    for literal in glob.literals() {
        let closed = Ends { left_open: false, right_open: false };
        for_each_token(&literal.as_bytes().to_ascii_lowercase(), closed, |word, _| {
            // Extraction shows invalid bytes as U+FFFD: the text may hold others there.
            if memmem::find(word, "\u{fffd}".as_bytes()).is_none() {
                words.push(word.to_vec());
            }
        });
    }
    words
}

/// Whether a whole number of these digits is indexed wherever it stands behind what is in no stamp: behind a word, or as a value.
/// It can share its token with the stamp only where a stamp begins with it.
fn is_safe_number(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_digit) && digits.len() <= MAX_TERM_LEN && !may_begin_stamp(digits)
}

#[derive(Clone, Copy)]
struct Ends {
    /// The token may go on to the left of what is known of it.
    left_open: bool,
    /// The token may go on to the right.
    right_open: bool,
}

/// The tokens of a literal; those at an open end of it may be parts of longer ones.
fn for_each_token(literal: &[u8], ends: Ends, mut each: impl FnMut(&[u8], Ends)) {
    let mut start = None;
    for at in 0..=literal.len() {
        let is_token = literal.get(at).is_some_and(|&byte| is_token_byte(byte));
        match start {
            None if is_token => start = Some(at),
            Some(from) if !is_token => {
                let open =
                    Ends { left_open: ends.left_open && from == 0, right_open: ends.right_open && at == literal.len() };
                each(&literal[from..at], open);
                start = None;
            }
            _ => {}
        }
    }
}

/// The dictionary terms for the tokens of a literal that must stand in the text, stamp included.
fn push_terms(literal: &[u8], ends: Ends, pieces: &mut Vec<TermKind>) {
    let mut is_behind_word = false;
    for_each_token(literal, ends, |token, ends| {
        pieces.extend(stamp_free_term(token, ends, is_behind_word));
        is_behind_word = !ends.left_open && !may_be_in_stamp(token);
    });
}

/// The dictionary terms for a token that must stand in the text, stamp included; none if the index may not know it. A token
/// `is_behind_word` if the one before it is known and in no stamp.
fn stamp_free_term(token: &[u8], ends: Ends, is_behind_word: bool) -> Option<TermKind> {
    let open = ends.left_open || ends.right_open;
    if open && !is_longer_than_stamp_words(token) {
        return None;
    }
    let may_be_in_stamp = || may_be_in_stamp(token) && !(is_behind_word && is_safe_number(token));
    if !open && (is_short_number(token) || may_be_in_stamp()) {
        return None;
    }
    // Extraction shows invalid bytes as U+FFFD: the text may hold others there.
    if memmem::find(token, "\u{fffd}".as_bytes()).is_some() {
        return None;
    }
    if token.len() > MAX_TERM_LEN {
        return Some(TermKind::Exact(OVERSIZED.to_vec()));
    }
    let token = token.to_vec();
    Some(match (ends.left_open, ends.right_open) {
        (false, false) => TermKind::Exact(token),
        (false, true) => TermKind::Prefix(token),
        (true, false) => TermKind::Suffix(token),
        (true, true) => TermKind::Infix(token),
    })
}

/// No token of a stamp holds this part: names of months and weekdays have at most nine letters, everything else in a
/// stamp has digits, or five letters at most.
fn is_longer_than_stamp_words(part: &[u8]) -> bool {
    let n_letters = part.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let hexadecimal = part.iter().all(u8::is_ascii_hexdigit);
    !hexadecimal
        && (n_letters > 9 || (n_letters > 5 && !STAMP_WORDS.iter().any(|word| memmem::find(word, part).is_some())))
}

const STAMP_WORDS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
    b"tuesday",
    b"wednesday",
    b"thursday",
    b"saturday",
    b"sunday",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(pieces: Vec<TermKind>) -> Vec<String> {
        pieces
            .into_iter()
            .map(|piece| match piece {
                TermKind::Exact(term) => String::from_utf8_lossy(&term).into_owned(),
                TermKind::Prefix(term) => format!("{}*", String::from_utf8_lossy(&term)),
                TermKind::Suffix(term) => format!("*{}", String::from_utf8_lossy(&term)),
                TermKind::Infix(term) => format!("*{}*", String::from_utf8_lossy(&term)),
                TermKind::Matching(glob) => glob,
            })
            .collect()
    }

    #[test]
    fn values_narrow_by_the_tokens_that_the_index_must_hold() {
        let check =
            |value: &str, expected: &[&str]| assert_eq!(kinds(value_pieces(&Glob::new(value))), expected, "{value}");
        check("404", &["404"]);
        check("42", &[]);
        check("2026", &[]);
        check("1763820000", &[]);
        check("987654321", &[]);
        check("41000068", &["41000068"]);
        check("ORD-41000068", &["ord", "41000068"]);
        check("ORD-20261120", &["ord"]);
        check("*ORD-41000068", &[]);
        check("ORD-4100006*", &["ord"]);
        check("Nov 41000068", &[]);
        check("PaymentService", &["paymentservice"]);
        check("payment-service_v2", &["payment", "service", "v2"]);
        check("Payment*", &["payment*"]);
        check("*Exception: time*out", &["*exception"]);
        check("4*", &[]);
        check("2026-11-20", &[]);
        check("*", &[]);
    }

    #[test]
    fn addresses_are_four_short_runs() {
        for (text, expected) in
            [("10.0.0.1", true), ("10.0.0", false), ("10.0.0.1.2", false), ("1000.0.0.1", false), ("a.b.c.d", false)]
        {
            assert_eq!(is_ipv4(text.as_bytes()), expected, "{text}");
        }
    }
}

//! Finding the lines of a table that belong to a row.
//!
//! Columns that are compared for equality, and networks, make up the key of a hash index. A network cell can be met by as
//! many keys as there are lengths of prefixes in the column, so a row asks once for each length: with two hundred thousand
//! networks of thirty lengths that is thirty questions. Patterns cannot be hashed: they are tried on each line that
//! the other columns leave.

use super::error::LookupError;
use super::table::Table;
use super::{LookupDefinition, MatchKind};
use crate::context::Context;
use crate::glob::Glob;
use crate::net::Network;
use crate::time::{SECOND_US, TimeFormat, from_seconds};
use crate::value::Value;
use compact_str::CompactString;
use hashbrown::{DefaultHashBuilder, HashTable};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

/// The index of a table for given columns, shared by the workers of a search.
#[derive(Debug)]
pub(crate) struct Matcher {
    table: Arc<Table>,
    definition: LookupDefinition,
    /// The compared columns, in the order in which values come.
    keys: Vec<Key>,
    /// Groups of lines with equal keys, as places in `groups`.
    index: HashTable<u32>,
    groups: Vec<Group>,
    /// The lines of all groups; within a group in the order in which matches are given.
    lines: Vec<u32>,
    /// From when on each line holds, in microseconds, if lines hold for some time only.
    times: Option<Vec<i64>>,
    hashes: DefaultHashBuilder,
}

/// One compared column.
#[derive(Debug)]
enum Key {
    /// Texts that must be equal; null cells match nothing.
    Exact(Vec<Option<CompactString>>),
    /// Networks that must hold the address, and the lengths of prefixes that occur.
    Networks(Vec<Option<Network>>, BTreeSet<PrefixLen>),
    /// Patterns that must match.
    Patterns(Vec<Option<Glob>>),
}

/// Whether IPv4, and how many bits.
type PrefixLen = (bool, u8);

/// Lines with equal keys: a piece of `Matcher::lines`.
#[derive(Clone, Copy, Debug)]
struct Group {
    start: u32,
    len: u32,
}

/// One part of a key that is looked for, and the parts before it.
struct Wanted<'a> {
    part: Part<'a>,
    before: Option<&'a Wanted<'a>>,
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Network(Network),
    /// A pattern, which is not part of the key.
    Anything,
}

impl Matcher {
    /// Indexes a table by `columns`.
    pub fn new(
        table: Arc<Table>,
        definition: LookupDefinition,
        columns: &[String],
        ctx: &Context,
    ) -> Result<Self, LookupError> {
        // A table without a single column is what is left when no row was written: nothing matches.
        let has_columns = !table.rows().fields().is_empty();
        let mut keys = Vec::with_capacity(columns.len());
        let mut times = None;
        if has_columns {
            // A column that is misspelt in the definition would silently be compared as text.
            definition.matches.keys().try_for_each(|column| table.column(column).map(drop))?;
            for column in columns {
                let cells = table.rows().column_at(table.column(column)?);
                keys.push(Key::new(cells, definition.match_kind(column), definition.case_sensitive));
            }
            if let Some(time) = &definition.time {
                let cells = table.rows().column_at(table.column(&time.column)?);
                let format = time.format.as_deref().map(TimeFormat::new);
                times = Some(cells.iter().map(|cell| time_of(cell, format.as_ref(), ctx)).collect());
            }
        }
        let mut matcher = Self {
            table,
            definition,
            keys,
            index: HashTable::new(),
            groups: Vec::new(),
            lines: Vec::new(),
            times,
            hashes: DefaultHashBuilder::default(),
        };
        if has_columns {
            matcher.fill();
        }
        Ok(matcher)
    }

    /// Puts every line that can match into its group.
    fn fill(&mut self) {
        // First the lines of each group as a chain, for it is not known how long the groups get.
        let mut group_of: Vec<Option<u32>> = Vec::with_capacity(self.table.rows().len());
        let mut firsts: Vec<u32> = Vec::new();
        for line in 0..self.table.rows().len() as u32 {
            if !self.can_match(line) {
                group_of.push(None);
                continue;
            }
            let hash = self.hash_of_line(line);
            let found = self.index.find(hash, |group| self.same_key(firsts[*group as usize], line)).copied();
            let group = match found {
                Some(group) => group,
                None => {
                    let group = firsts.len() as u32;
                    firsts.push(line);
                    self.groups.push(Group { start: 0, len: 0 });
                    let (keys, hashes) = (&self.keys, &self.hashes);
                    self.index.insert_unique(hash, group, |group| hash_of(keys, hashes, firsts[*group as usize]));
                    group
                }
            };
            self.groups[group as usize].len += 1;
            group_of.push(Some(group));
        }
        let mut start = 0;
        for group in &mut self.groups {
            group.start = start;
            start += std::mem::take(&mut group.len);
        }
        self.lines = vec![0; start as usize];
        for (line, group) in group_of.iter().enumerate() {
            let Some(group) = group else { continue };
            let group = &mut self.groups[*group as usize];
            self.lines[(group.start + group.len) as usize] = line as u32;
            group.len += 1;
        }
        if let Some(times) = &self.times {
            for group in &self.groups {
                let lines = &mut self.lines[group.start as usize..(group.start + group.len) as usize];
                lines.sort_by_key(|line| Reverse(times[*line as usize]));
            }
        }
    }

    /// The table.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Bytes of memory that the index holds.
    pub fn bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(Key::bytes).sum();
        let times = self.times.as_ref().map_or(0, |times| size_of_val(times.as_slice()));
        keys + times
            + self.index.allocation_size()
            + size_of_val(self.groups.as_slice())
            + size_of_val(self.lines.as_slice())
    }

    /// Whether finding means trying patterns, so that it pays to remember what was found.
    pub fn is_slow(&self) -> bool {
        self.times.is_none() && self.keys.iter().any(|key| matches!(key, Key::Patterns(_)))
    }

    /// Whether a search should be told that there were more matches than are used.
    pub fn warns_when_cut(&self) -> bool {
        self.definition.warns_when_cut()
    }

    /// Most matches that are used.
    pub fn max_matches(&self) -> usize {
        self.definition.max_matches()
    }

    /// The value of each output column for these matches: of several lines several values, and the default for lines that
    /// are missing. `None` if the row stays as it is.
    pub fn output(&self, matches: &[u32], column: usize) -> Option<Value> {
        let n_missing = self.definition.min_matches.saturating_sub(matches.len());
        if matches.is_empty() && n_missing == 0 {
            return None;
        }
        let cells = self.table.rows().column_at(column);
        Some(match matches {
            [line] if n_missing == 0 => cells[*line as usize].clone(),
            _ => {
                let found = matches.iter().map(|line| cells[*line as usize].clone());
                let missing = (0..n_missing).map(|_| Value::from(self.definition.default.as_str()));
                Value::multi(found.chain(missing))
            }
        })
    }

    /// Whether the table has no column at all.
    pub fn is_void(&self) -> bool {
        self.table.rows().fields().is_empty()
    }

    /// Puts the lines that match into `found`, in the order in which their values are given: that of the file, or the
    /// latest first where lines hold for some time. True if there are more than [`max_matches`](Self::max_matches).
    ///
    /// Each of `inputs` is the value for one of the columns. Of several values each may match; null matches nothing.
    pub fn find(&self, inputs: &[&Value], time_us: Option<i64>, found: &mut Vec<u32>) -> bool {
        found.clear();
        if self.index.is_empty() || (self.times.is_some() && time_us.is_none()) {
            return false;
        }
        let mut search = Search { inputs, time_us, n_groups: 0, found };
        self.visit(&mut search, self.hashes.build_hasher(), None, 0);
        if search.n_groups > 1 {
            match &self.times {
                Some(times) => found.sort_unstable_by_key(|line| (Reverse(times[*line as usize]), *line)),
                None => found.sort_unstable(),
            }
            found.dedup();
        }
        let is_cut = found.len() > self.max_matches();
        found.truncate(self.max_matches());
        is_cut
    }

    /// Tries every key that the inputs from `at` on can have.
    fn visit(&self, search: &mut Search<'_>, hasher: impl Hasher + Clone, before: Option<&Wanted<'_>>, at: usize) {
        let Some(key) = self.keys.get(at) else {
            return self.take_group(search, hasher.finish(), before);
        };
        let next = |search: &mut Search<'_>, part: Part<'_>| {
            let mut hasher = hasher.clone();
            part.hash(&mut hasher);
            self.visit(search, hasher, Some(&Wanted { part, before }), at + 1);
        };
        let values = search.inputs[at].each();
        match key {
            Key::Patterns(_) if values.is_empty() => {}
            Key::Patterns(_) => next(search, Part::Anything),
            Key::Exact(_) => {
                for value in values {
                    value.with_text(|text| next(search, Part::Text(&self.fold(text))));
                }
            }
            Key::Networks(_, lengths) => {
                for value in values {
                    let Some(address) = value.with_text(|text| text.parse::<IpAddr>().ok()) else { continue };
                    for (is_ipv4, bits) in lengths {
                        if *is_ipv4 == address.is_ipv4() {
                            next(search, Part::Network(Network::of(address, *bits)));
                        }
                    }
                }
            }
        }
    }

    /// Takes the matches among the lines with the key that `wanted` ends.
    fn take_group(&self, search: &mut Search<'_>, hash: u64, wanted: Option<&Wanted<'_>>) {
        let is_wanted = |group: &u32| {
            let line = self.lines[self.groups[*group as usize].start as usize];
            let mut rest = wanted;
            self.keys.iter().rev().all(|key| {
                let Some(wanted) = rest else { return true };
                rest = wanted.before;
                key.holds(line, wanted.part)
            })
        };
        let Some(group) = self.index.find(hash, is_wanted) else { return };
        let group = self.groups[*group as usize];
        let mut lines = &self.lines[group.start as usize..(group.start + group.len) as usize];
        search.n_groups += 1;
        let mut oldest_us = i64::MIN;
        if let (Some(times), Some(time), Some(now_us)) = (&self.times, &self.definition.time, search.time_us) {
            let offset = |secs: u64| i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(SECOND_US);
            let latest_us = now_us.saturating_sub(offset(time.min_offset_secs));
            oldest_us = now_us.saturating_sub(offset(time.max_offset_secs));
            let n_later = lines.partition_point(|line| times[*line as usize] > latest_us);
            lines = &lines[n_later..];
        }
        // One more than is used, to know whether there are more.
        let full = search.found.len() + self.max_matches() + 1;
        for line in lines {
            if search.found.len() == full || self.times.as_ref().is_some_and(|times| times[*line as usize] < oldest_us)
            {
                break;
            }
            if self.matches_patterns(*line, search.inputs) {
                search.found.push(*line);
            }
        }
    }

    fn matches_patterns(&self, line: u32, inputs: &[&Value]) -> bool {
        self.keys.iter().zip(inputs).all(|(key, input)| match key {
            Key::Patterns(cells) => cells[line as usize].as_ref().is_some_and(|glob| {
                input.each().iter().any(|value| value.with_text(|text| glob.matches(&self.fold(text))))
            }),
            _ => true,
        })
    }

    /// Whether the line can match anything.
    fn can_match(&self, line: u32) -> bool {
        // A time that cannot be read is that of the beginning of all times less one.
        let has_time = self.times.as_ref().is_none_or(|times| times[line as usize] != i64::MIN);
        has_time && self.keys.iter().all(|key| key.has_cell(line))
    }

    fn fold<'t>(&self, text: &'t str) -> Cow<'t, str> {
        fold(text, self.definition.case_sensitive)
    }

    fn hash_of_line(&self, line: u32) -> u64 {
        hash_of(&self.keys, &self.hashes, line)
    }

    fn same_key(&self, a: u32, b: u32) -> bool {
        self.keys.iter().all(|key| key.holds(a, key.part(b)))
    }
}

/// What is looked for, and what was found so far.
struct Search<'a> {
    inputs: &'a [&'a Value],
    time_us: Option<i64>,
    n_groups: usize,
    found: &'a mut Vec<u32>,
}

fn hash_of(keys: &[Key], hashes: &DefaultHashBuilder, line: u32) -> u64 {
    let mut hasher = hashes.build_hasher();
    keys.iter().for_each(|key| key.part(line).hash(&mut hasher));
    hasher.finish()
}

/// The text as it is compared.
fn fold(text: &str, case_sensitive: bool) -> Cow<'_, str> {
    if case_sensitive || !text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// The time in a cell; `i64::MIN` if there is none.
fn time_of(cell: &Value, format: Option<&TimeFormat>, ctx: &Context) -> i64 {
    let time_us = match format {
        Some(format) => cell.as_text().and_then(|text| format.parse(&text, ctx.zone, ctx.now_us)),
        None => cell.as_number().and_then(from_seconds),
    };
    time_us.unwrap_or(i64::MIN)
}

impl Key {
    fn new(cells: &[Value], kind: MatchKind, case_sensitive: bool) -> Self {
        let folded = |cell: &Value| cell.as_text().map(|text| fold(&text, case_sensitive).into_owned());
        match kind {
            MatchKind::Exact => Self::Exact(cells.iter().map(|cell| folded(cell).map(CompactString::from)).collect()),
            MatchKind::Wildcard => {
                Self::Patterns(cells.iter().map(|cell| folded(cell).map(|text| Glob::new(&text))).collect())
            }
            MatchKind::Cidr => {
                let network = |text: &str| {
                    Network::parse(text).or_else(|| text.parse().ok().map(Network::of_address)).map(Network::masked)
                };
                let networks: Vec<Option<Network>> = cells.iter().map(|cell| cell.with_text(network)).collect();
                let lengths = networks.iter().flatten().map(|network| (network.is_ipv4(), network.prefix_bits()));
                let lengths = lengths.collect();
                Self::Networks(networks, lengths)
            }
        }
    }

    fn has_cell(&self, line: u32) -> bool {
        match self {
            Self::Exact(cells) => cells[line as usize].is_some(),
            Self::Networks(cells, _) => cells[line as usize].is_some(),
            Self::Patterns(cells) => cells[line as usize].is_some(),
        }
    }

    /// The part of the key that a line has. Only for lines that can match.
    fn part(&self, line: u32) -> Part<'_> {
        match self {
            Self::Exact(cells) => Part::Text(cells[line as usize].as_deref().unwrap_or_default()),
            Self::Networks(cells, _) => cells[line as usize].map_or(Part::Anything, Part::Network),
            Self::Patterns(_) => Part::Anything,
        }
    }

    /// Whether the line has this part of a key.
    fn holds(&self, line: u32, part: Part<'_>) -> bool {
        match (self.part(line), part) {
            (Part::Text(cell), Part::Text(text)) => cell == text,
            (Part::Network(cell), Part::Network(network)) => cell == network,
            (Part::Anything, Part::Anything) => true,
            _ => false,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Exact(cells) => {
                let heap = |text: &CompactString| if text.is_heap_allocated() { text.capacity() } else { 0 };
                size_of_val(cells.as_slice()) + cells.iter().flatten().map(heap).sum::<usize>()
            }
            Self::Networks(cells, _) => size_of_val(cells.as_slice()),
            Self::Patterns(cells) => {
                let heap = |glob: &Glob| size_of_val(glob.literals());
                size_of_val(cells.as_slice()) + cells.iter().flatten().map(heap).sum::<usize>()
            }
        }
    }
}

impl Part<'_> {
    fn hash(&self, hasher: &mut impl Hasher) {
        match self {
            Part::Text(text) => text.hash(hasher),
            Part::Network(network) => network.hash(hasher),
            Part::Anything => {}
        }
    }
}

//! What a running search may know about the world: the clock, the zone, its limits, and whether to go on.

use crate::batch::Batch;
use crate::engine::Engine;
use crate::error::{Result, RunError};
use crate::lookup::Tables;
use crate::run::SearchOptions;
use crate::spill::Spilled;
use crate::subsearch::Subsearch;
use crate::time::TimeRange;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use trawl_formats::Zone;

/// The surroundings of one search. Shared by all its operators and threads.
#[derive(Debug)]
pub struct Context {
    /// Start of the search: what `now()` is for every row, in microseconds UTC.
    pub now_us: i64,
    /// The zone of snapped times, of printed times and of time bins.
    pub zone: Zone,
    /// The searched range of time.
    pub range: TimeRange,
    /// Bounds of the operators' state.
    pub limits: Limits,
    /// Asks the search to stop.
    pub cancel: Arc<Cancel>,
    /// Reads the wall clock, in microseconds UTC, for `time()`. Without it that clock stands still at `now_us`.
    pub clock: Option<fn() -> i64>,
    memory_bytes: AtomicUsize,
    /// Bytes of temporary files.
    disk_bytes: AtomicU64,
    spilled: Mutex<Vec<Spilled>>,
    warnings: Mutex<Vec<Warning>>,
    incomplete: Mutex<Option<String>>,
    /// What the search was started with; searches on its behalf start with the same.
    caller: SearchOptions,
    /// Where events come from. Without it, searches find none.
    engine: Option<Engine>,
    /// Rows of subsearches, by [`Subsearch::key`].
    rows: Mutex<HashMap<usize, Arc<Batch>>>,
    /// Lookup tables that were read.
    tables: Arc<Tables>,
}

impl Context {
    /// A context with default limits, which nobody cancels.
    pub fn new(now_us: i64, zone: Zone, range: TimeRange) -> Self {
        Self {
            now_us,
            zone,
            range,
            limits: Limits::default(),
            cancel: Arc::default(),
            clock: None,
            memory_bytes: AtomicUsize::new(0),
            disk_bytes: AtomicU64::new(0),
            spilled: Mutex::default(),
            warnings: Mutex::default(),
            incomplete: Mutex::default(),
            caller: SearchOptions { zone, ..SearchOptions::new(now_us) },
            engine: None,
            rows: Mutex::default(),
            tables: Arc::default(),
        }
    }

    /// The context of a search that was started with `caller` and runs on `engine`.
    pub fn of_search(caller: &SearchOptions, range: TimeRange, engine: Option<&Engine>) -> Self {
        Self {
            limits: caller.limits.clone(),
            cancel: Arc::clone(&caller.cancel),
            clock: caller.clock,
            caller: caller.clone(),
            engine: engine.cloned(),
            ..Self::new(caller.now_us, caller.zone, range)
        }
    }

    /// A context for looking at what the search has found so far: what is warned or counted in it is not said of the search.
    pub(crate) fn of_preview(&self) -> Self {
        Self {
            caller: SearchOptions { progress: Arc::default(), ..self.caller.clone() },
            engine: self.engine.clone(),
            limits: self.limits.clone(),
            cancel: Arc::clone(&self.cancel),
            clock: self.clock,
            rows: Mutex::new(lock(&self.rows).clone()),
            tables: Arc::clone(&self.tables),
            ..Self::new(self.now_us, self.zone, self.range)
        }
    }

    /// The same context with the tables of another one: a search and its subsearches read each table once.
    pub(crate) fn sharing(self, tables: &Arc<Tables>) -> Self {
        Self { tables: Arc::clone(tables), ..self }
    }

    /// What the search was started with.
    pub(crate) fn caller(&self) -> &SearchOptions {
        &self.caller
    }

    /// Where to tell how far the search has come.
    pub(crate) fn progress(&self) -> &Progress {
        &self.caller.progress
    }

    /// Where events come from.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }

    /// The lookup tables of the search.
    pub(crate) fn tables(&self) -> &Arc<Tables> {
        &self.tables
    }

    /// Keeps the rows of a subsearch for the command whose argument it is.
    pub(crate) fn keep_rows(&self, key: usize, rows: Batch) {
        lock(&self.rows).insert(key, Arc::new(rows));
    }

    /// The rows of a subsearch that ran before the search.
    ///
    /// # Panics
    /// If it did not run: that is a bug of the executor, or of a command that does not name it as an argument.
    pub(crate) fn rows_of(&self, subsearch: &Subsearch) -> Arc<Batch> {
        Arc::clone(lock(&self.rows).get(&subsearch.key()).expect("subsearches run before the search"))
    }

    /// Remembers that the answer is not whole, and why.
    pub(crate) fn set_incomplete(&self, why: String) {
        lock(&self.incomplete).get_or_insert(why);
    }

    /// Why the answer is not whole, if a part of the search said so.
    pub(crate) fn incomplete(&self) -> Option<String> {
        lock(&self.incomplete).clone()
    }

    /// What the clock on the wall shows, in microseconds UTC.
    pub fn wall_clock_us(&self) -> i64 {
        self.clock.map_or(self.now_us, |clock| clock())
    }

    /// Keeps a warning for the person who asked. The same warning is kept once.
    pub fn warn(&self, warning: Warning) {
        let mut warnings = lock(&self.warnings);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// The warnings so far, in the order in which they came.
    pub fn warnings(&self) -> Vec<Warning> {
        lock(&self.warnings).clone()
    }

    /// Counts memory that is held until the end of the search, on behalf of `command`.
    ///
    /// # Errors
    /// [`RunError::Limit`] if the search now holds more than it may.
    pub(crate) fn hold(&self, command: &'static str, bytes: usize) -> Result<()> {
        let total = self.memory_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if total > self.limits.max_memory_bytes { Err(self.out_of_memory(command)) } else { Ok(()) }
    }

    /// The error of state that is too large and cannot be spilled.
    pub(crate) fn out_of_memory(&self, command: &'static str) -> RunError {
        RunError::Limit { command, limit: "max_memory_bytes", value: self.limits.max_memory_bytes as u64 }
    }

    /// Where operators keep what does not fit in memory.
    pub(crate) fn spill_folder(&self) -> PathBuf {
        self.caller.spill_folder.clone().unwrap_or_else(std::env::temp_dir)
    }

    /// Counts bytes that are written to a temporary file.
    ///
    /// # Errors
    /// [`RunError::Limit`] if the search now has more on disk than it may.
    pub(crate) fn take_disk(&self, command: &'static str, bytes: u64) -> Result<()> {
        let total = self.disk_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match self.limits.max_spill_bytes {
            Some(value) if total > value => {
                self.release_disk(bytes);
                Err(RunError::Limit { command, limit: "max_spill_bytes", value })
            }
            _ => Ok(()),
        }
    }

    /// Counts bytes of temporary files that are gone.
    pub(crate) fn release_disk(&self, bytes: u64) {
        self.disk_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The size of the temporary files that there are at present.
    pub fn disk_bytes(&self) -> u64 {
        self.disk_bytes.load(Ordering::Relaxed)
    }

    /// Adds to what is known about a command's temporary files.
    pub(crate) fn note_spilled(&self, more: Spilled) {
        let mut spilled = lock(&self.spilled);
        match spilled.iter_mut().find(|known| known.command == more.command) {
            Some(known) => {
                known.n_runs += more.n_runs;
                known.n_bytes += more.n_bytes;
            }
            None => spilled.push(more),
        }
    }

    /// What did not fit in memory, by command.
    pub fn spilled(&self) -> Vec<Spilled> {
        lock(&self.spilled).clone()
    }

    /// The memory that operators of this search hold at present, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes.load(Ordering::Relaxed)
    }
}

/// Locks a mutex whose content is whole even if a thread that held it panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bounds of the state that operators keep. Past a bound a search stops with an error that names it; where Splunk's
/// language itself cuts (`sort`, `list`), the result is cut with a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most groups of `stats`, `top`, `timechart` and the like, and most rows they may print. Default 5,000,000.
    pub max_groups: usize,
    /// Most memory of all operators of a search together, in bytes. Default 1 GiB. `sort`, `stats`, `dedup` and some others
    /// go on with temporary files.
    pub max_memory_bytes: usize,
    /// Most bytes of temporary files. Default `None`: as much as the folder takes.
    pub max_spill_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_groups: 5_000_000, max_memory_bytes: 1 << 30, max_spill_bytes: None }
    }
}

/// Asks a running search to stop: because somebody said so, or because its time is over.
#[derive(Debug, Default)]
pub struct Cancel {
    requested: AtomicBool,
    deadline: Option<Instant>,
}

impl Cancel {
    /// Stops at `deadline` without being asked.
    pub fn with_deadline(deadline: Instant) -> Self {
        Self { requested: AtomicBool::new(false), deadline: Some(deadline) }
    }

    /// Asks to stop. Safe to call from a signal handler: it stores one flag.
    pub fn request(&self) {
        self.requested.store(true, Ordering::Relaxed);
    }

    /// Whether to go on. Cheap enough for every block and batch; not for every row.
    ///
    /// # Errors
    /// [`RunError::Cancelled`] or [`RunError::Deadline`].
    pub fn check(&self) -> Result<()> {
        if self.requested.load(Ordering::Relaxed) {
            Err(RunError::Cancelled)
        } else if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            Err(RunError::Deadline)
        } else {
            Ok(())
        }
    }
}

/// How far a running search has come, its subsearches included; for another thread to look at.
#[derive(Debug, Default)]
pub struct Progress {
    n_candidates: AtomicU64,
    n_events: AtomicU64,
    n_rows: AtomicU64,
}

impl Progress {
    /// Events that the index has left to be looked at. Grows with each subsearch.
    pub fn n_candidates(&self) -> u64 {
        self.n_candidates.load(Ordering::Relaxed)
    }

    /// Those of them that have been looked at.
    pub fn n_events(&self) -> u64 {
        self.n_events.load(Ordering::Relaxed)
    }

    /// Rows of the answer so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows.load(Ordering::Relaxed)
    }

    pub(crate) fn add_candidates(&self, n: usize) {
        self.n_candidates.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Called for a block or a chunk of events at once, so that counting costs nothing.
    pub(crate) fn add_events(&self, n: usize) {
        self.n_events.fetch_add(n as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_rows(&self, n: u64) {
        self.n_rows.store(n, Ordering::Relaxed);
    }
}

/// Memory that one operator holds, counted against [`Limits::max_memory_bytes`] until it is dropped.
#[derive(Debug)]
pub struct Memory {
    ctx: Arc<Context>,
    command: &'static str,
    bytes: usize,
}

/// The memory of a copy of an operator, made to look at it, is not counted against the search: looking must not make it
/// fail. Whoever copies sees to it that there is room.
impl Clone for Memory {
    fn clone(&self) -> Self {
        Self { ctx: Arc::new(self.ctx.of_preview()), command: self.command, bytes: 0 }
    }
}

impl Memory {
    /// Nothing yet, on behalf of `command`.
    pub fn new(ctx: &Arc<Context>, command: &'static str) -> Self {
        Self { ctx: Arc::clone(ctx), command, bytes: 0 }
    }

    /// Counts `bytes` more.
    ///
    /// # Errors
    /// [`RunError::Limit`] if all operators together now hold more than allowed.
    pub fn grow(&mut self, bytes: usize) -> Result<()> {
        self.bytes += bytes;
        self.ctx.hold(self.command, bytes)
    }

    /// Counts `bytes` more of state that can be given away: [`is_over`](Self::is_over) tells when that is due.
    pub fn grow_or_spill(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.ctx.memory_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Whether this operator should give its state away: all together hold more than allowed, and it is not among those whose
    /// share is too small to matter: giving away a little at a time would cost much and free nothing. Memory may therefore
    /// exceed the limit by a hundredth for each operator.
    pub fn is_over(&self) -> bool {
        let limit = self.ctx.limits.max_memory_bytes;
        self.bytes > limit / 128 && self.ctx.memory_bytes() > limit
    }

    /// Whether what was counted by [`grow_or_spill`](Self::grow_or_spill) may be held.
    ///
    /// # Errors
    /// As [`Memory::grow`].
    pub fn check(&self) -> Result<()> {
        match self.ctx.memory_bytes() > self.ctx.limits.max_memory_bytes {
            true => Err(self.ctx.out_of_memory(self.command)),
            false => Ok(()),
        }
    }

    /// Counts `bytes` less.
    pub fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.ctx.memory_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts nothing any more.
    pub fn clear(&mut self) {
        self.shrink(self.bytes);
    }

    /// The bytes counted.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets the count to `bytes`.
    ///
    /// # Errors
    /// As [`Memory::grow`].
    pub fn set(&mut self, bytes: usize) -> Result<()> {
        if bytes >= self.bytes {
            return self.grow(bytes - self.bytes);
        }
        self.ctx.memory_bytes.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        self.bytes = bytes;
        Ok(())
    }

    /// Takes over what another operator of the same search held; used by `merge`.
    pub fn absorb(&mut self, mut other: Memory) {
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.ctx.memory_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Something a person should know about an answer that is otherwise right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// `sort` without `0` kept only its first rows.
    SortCut {
        /// Rows kept.
        kept: usize,
        /// Rows that came in.
        of: u64,
    },
    /// `list(x)` kept only the first values of a group.
    ListCut {
        /// Values kept in each group.
        kept: usize,
    },
    /// A subsearch had more rows than its place takes.
    SubsearchCut {
        /// The command whose argument it is.
        command: &'static str,
        /// Rows kept.
        kept: usize,
    },
    /// `map` had more rows than searches to run.
    MapCut {
        /// Rows used.
        kept: usize,
    },
    /// A function could not compute a value.
    OfFunction {
        /// The function.
        function: &'static str,
        /// Why.
        message: String,
    },
    /// A warning of a subsearch.
    OfSubsearch(String),
    /// A function had more values than it counts exactly.
    Estimated {
        /// The function.
        function: &'static str,
        /// Values up to which it is exact.
        exact_values: usize,
    },
    /// `streamstats` took a shorter window than was written.
    WindowCut {
        /// Rows in the window.
        kept: usize,
    },
    /// Rows of `streamstats time_window=` do not follow each other in time.
    WindowOutOfOrder,
    /// `mvrange` kept only the first values of a cell.
    RangeCut {
        /// Values kept.
        kept: usize,
    },
    /// Events did not come newest first.
    TransactionOutOfOrder,
    /// `transaction` gave up open transactions to keep to `maxopentxn=` or `maxopenevents=`.
    TransactionsGivenUp {
        /// How many.
        n: u64,
    },
    /// `transpose` turned only the first rows into columns.
    TransposeCut {
        /// How many.
        kept: usize,
    },
    /// A time modifier after the first search, which cannot change what was read.
    LateTimeModifier,
    /// A regular expression with look-around or back references took too many steps on some text.
    RegexGaveUp {
        /// The expression.
        pattern: String,
    },
    /// `collect` stored events.
    Collected {
        /// How many.
        n: u64,
        /// Where.
        index: String,
    },
    /// `lookup` found more lines of a table than it takes values from.
    LookupCut {
        /// The table.
        table: String,
        /// Lines used for one row.
        kept: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::SortCut { kept, of } => {
                write!(f, "sort kept {kept} of {of} rows; write `sort 0 …` to keep all")
            }
            Warning::ListCut { kept } => write!(f, "list() kept the first {kept} values of a group"),
            Warning::SubsearchCut { command, kept } => {
                write!(f, "the subsearch of `{command}` was cut: it has more than {kept} rows")
            }
            Warning::MapCut { kept } => {
                write!(f, "map ran its search for the first {kept} rows; set maxsearches to run it for more")
            }
            Warning::OfFunction { function, message } => write!(f, "{function}(): {message}"),
            Warning::OfSubsearch(warning) => write!(f, "in a subsearch: {warning}"),
            Warning::Estimated { function, exact_values } => {
                write!(f, "{function}() is estimated where a group has more than {exact_values} values")
            }
            Warning::WindowCut { kept } => write!(f, "streamstats took a window of {kept} rows, the longest there is"),
            Warning::WindowOutOfOrder => {
                f.write_str("time_window of streamstats needs rows in the order of time; sort by _time before it")
            }
            Warning::RangeCut { kept } => write!(f, "mvrange() kept the first {kept} values"),
            Warning::TransactionOutOfOrder => {
                f.write_str("transaction needs events newest first; write `sort 0 -_time` before it")
            }
            Warning::TransactionsGivenUp { n } => write!(f, "transaction gave up {n} open transactions to make room"),
            Warning::TransposeCut { kept } => {
                write!(f, "transpose kept the first {kept} rows; write `transpose 0` to keep all")
            }
            Warning::Collected { n: 1, index } => write!(f, "collect wrote 1 event to the index `{index}`"),
            Warning::Collected { n, index } => write!(f, "collect wrote {n} events to the index `{index}`"),
            Warning::LookupCut { table, kept } => write!(
                f,
                "lookup used the first {kept} matching lines of `{table}`; set max_matches in its definition to use more"
            ),
            Warning::LateTimeModifier => f.write_str("earliest= and latest= have no effect after the first search"),
            Warning::RegexGaveUp { pattern } => {
                write!(
                    f,
                    "the regular expression `{pattern}` took too many steps on some text, which counts as no match"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn context() -> Arc<Context> {
        Arc::new(Context::new(0, Zone::UTC, TimeRange::ALL))
    }

    #[test]
    fn cancel_and_deadline() {
        let cancel = Cancel::default();
        assert!(cancel.check().is_ok());
        cancel.request();
        assert!(matches!(cancel.check(), Err(RunError::Cancelled)));
        let over = Cancel::with_deadline(Instant::now());
        assert!(matches!(over.check(), Err(RunError::Deadline)));
        let later = Cancel::with_deadline(Instant::now() + Duration::from_secs(3600));
        assert!(later.check().is_ok());
    }

    #[test]
    fn memory_is_counted_and_given_back() {
        let ctx = context();
        let mut memory = Memory::new(&ctx, "stats");
        memory.grow(100).unwrap();
        let mut other = Memory::new(&ctx, "stats");
        other.grow(50).unwrap();
        memory.absorb(other);
        assert_eq!(ctx.memory_bytes(), 150);
        memory.set(20).unwrap();
        assert_eq!(ctx.memory_bytes(), 20);
        let error = memory.grow(2 << 30).unwrap_err();
        assert_eq!(error.to_string(), "`stats` exceeds the limit max_memory_bytes = 1073741824");
        drop(memory);
        assert_eq!(ctx.memory_bytes(), 0);
    }

    #[test]
    fn the_same_warning_is_kept_once() {
        let ctx = context();
        ctx.warn(Warning::LateTimeModifier);
        ctx.warn(Warning::LateTimeModifier);
        assert_eq!(ctx.warnings().len(), 1);
    }
}

//! Whatever a power cut leaves can be opened, and everything is there once after the tailer has read on.
//!
//! `TRAWL_CRASH_STATES` sets the number of states, `TRAWL_CRASH_SEED` chooses the script and the states. What a failure says
//! plays a single state again: `TRAWL_CRASH_SEED=… TRAWL_CRASH_STATE=POSITION:VARIANT`.

use super::check::{Aged, Recovery};
use super::disk::{Disk, Tree};
use super::logs::Logs;
use super::player::{Folders, Player};
use super::script::{Change, Rng, Step, World, script, worlds};
use super::shim::{self, SYNC, Shim};
use super::trace::{self, Op};
use super::variant::{N_VARIANTS, Variant};
use super::{note, number, real, scratch, seed};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{self, AtomicUsize};
use std::thread;
use std::time::{Duration, SystemTime};
use trawl_formats::sourcetype::Registry;

const DEFAULT_STATES: u64 = 300;
/// Threads that check.
const N_WORKERS: usize = 2;
/// Tells the recorded process which of its syncs fails.
const FAILED_SYNC: &str = "TRAWL_CRASH_FAILED_SYNC";
/// Calls behind one that failed.
const SOON: usize = 60;
/// After so many failures the others would say the same.
const MAX_FAILURES: usize = 5;

/// Not a test: the process that is recorded. Without the folder it does nothing.
#[test]
fn child() {
    let (Some(folder), Some(seed)) = (std::env::var_os(shim::FOLDER), std::env::var("TRAWL_SHIM_SEED").ok()) else {
        return;
    };
    let folder = Path::new(&folder);
    let (shim, registry, folders) = (Shim::loaded(), Registry::builtin(), Folders::new(folder.join("disk")));
    let mut logs = Logs::new(folder);
    shim.watch(&folders.disk, Path::new("/nowhere"));
    shim.trace(Some(&folder.join("trace")));
    let failed_sync = number(FAILED_SYNC);
    if let Some(call) = failed_sync {
        shim.fail(SYNC, call, libc::EIO, false);
    }
    let mut nothing = |_: &World| Ok(());
    let mut player = Player::new(&shim, &registry, &folders, &mut logs, &mut nothing);
    player.play(&script(seed.parse().expect("a number"))).expect("nothing is asked");
    assert!(player.refused.is_empty() || failed_sync.is_some(), "{:#?}", player.refused);
    shim.trace(None);
}

/// A run that was recorded.
struct Recording {
    seed: u64,
    failed_sync: Option<u64>,
    folder: PathBuf,
    /// The disk before it.
    begin: Disk,
    ops: Vec<Op>,
    /// The logs at each step, and behind the last.
    worlds: Vec<World>,
    /// The step that ages buckets out.
    retain: usize,
}

impl Recording {
    /// Records the script of a seed; perhaps one of its syncs fails.
    fn new(folder: &Path, seed: u64, failed_sync: Option<u64>) -> Self {
        let folders = Folders::new(folder.join("disk"));
        folders.create();
        let begin = Disk::of(&folders.disk);
        let call = failed_sync.map(|call| call.to_string());
        let variables: Vec<(&str, &str)> = call.iter().map(|call| (FAILED_SYNC, &call[..])).collect();
        shim::run("crash::power_cut::child", folder, seed, &variables);
        let ops = trace::read(&folder.join("trace"), &folders.disk);
        let mut replayed = begin.clone();
        ops.iter().for_each(|op| replayed.apply(op));
        let difference = replayed.now().difference(&Tree::of(&folders.disk));
        assert_eq!(difference, None, "the trace leaves something out");
        let steps = script(seed);
        let retain = steps.iter().position(|step| matches!(step, Step::Retain)).expect("the script ages");
        Self { seed, failed_sync, folder: folder.to_owned(), begin, ops, worlds: worlds(&steps), retain }
    }

    /// The first place that is looked at: behind the sync that failed, if one did.
    fn first_position(&self) -> usize {
        let failed = self.ops.iter().position(|op| matches!(op, Op::SyncFailed { .. }));
        failed.map_or(0, |failed| failed + 1)
    }

    /// What must have become of the index that ages out, while a step is done.
    fn aged(&self, step: usize) -> Aged {
        match step.cmp(&self.retain) {
            Ordering::Less => Aged::No,
            // Where a sync has failed, it may be the one that this rests on.
            Ordering::Greater if self.failed_sync.is_none() => Aged::Yes,
            Ordering::Equal | Ordering::Greater => Aged::Perhaps,
        }
    }
}

/// Takes the states of a recording, each at most once.
struct Checker<'r> {
    recording: &'r Recording,
    registry: &'r Registry,
    logs: Logs,
    folders: Folders,
    seen: HashSet<u64>,
}

impl<'r> Checker<'r> {
    fn new(recording: &'r Recording, registry: &'r Registry) -> Self {
        let mut logs = Logs::new(&recording.folder);
        logs.clear();
        let folders = Folders::new(recording.folder.join("state"));
        Self { recording, registry, logs, folders, seen: HashSet::new() }
    }

    /// One state: after so many calls, one of the possibilities. `None` if it was seen before.
    fn check(&mut self, disk: &Disk, position: usize, step: usize, number: u32) -> Option<Result<(), String>> {
        let variant = Variant::new(self.recording.seed, position, number);
        let outcome = self.check_variant(disk, position, step, variant)?;
        let Recording { seed, failed_sync, .. } = self.recording;
        let failed_sync = failed_sync.map_or(String::new(), |call| format!("{FAILED_SYNC}={call} "));
        Some(outcome.map_err(|what| {
            format!("TRAWL_CRASH_SEED={seed} {failed_sync}TRAWL_CRASH_STATE={position}:{number}: {what}")
        }))
    }

    fn check_variant(
        &mut self,
        disk: &Disk,
        position: usize,
        step: usize,
        mut variant: Variant,
    ) -> Option<Result<(), String>> {
        let tree = disk.after_power_cut(&mut variant);
        let world = &self.recording.worlds[step];
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one((&tree, &world.streams, &world.names));
        if !self.seen.insert(hash) {
            return None;
        }
        tree.write(&self.folders.disk);
        self.folders.create();
        if variant.has_stale_shm && tree.files.contains_key("data/catalog.db") {
            fs::write(self.folders.data.join("catalog.db-shm"), [0xa5; 32 << 10]).expect("write");
        }
        if variant.is_late {
            make_old(&self.folders.disk);
        }
        let aged = self.recording.aged(step);
        let next_world = self.recording.worlds.get(step + 1).filter(|_| variant.goes_on);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut recovery = Recovery { folders: &self.folders, registry: self.registry, logs: &mut self.logs, aged };
            recovery.check(world, next_world, variant.seals, variant.restarts)
        }));
        let outcome = outcome.unwrap_or_else(|panic| Err(format!("panic: {}", message(&*panic))));
        Some(outcome.map_err(|what| {
            let ops = &self.recording.ops;
            let around: Vec<String> = ops[position.saturating_sub(6)..position].iter().map(Op::describe).collect();
            format!("step {step}, {variant:?}\n  after {}\n  {what}", around.join("\n        "))
        }))
    }
}

/// What a panic says.
pub fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Gives everything an age at which the store deletes what it does not need.
fn make_old(folder: &Path) {
    for entry in fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            make_old(&path);
        }
        let then = SystemTime::now() - Duration::from_secs(24 * 3600);
        File::open(&path).and_then(|file| file.set_modified(then)).expect("set time");
    }
}

/// Checks states of one recording until so many different ones were checked. Returns how many were, and what is wrong.
fn check_states(recording: &Recording, registry: &Registry, n_wanted: usize) -> (usize, Vec<String>) {
    let mut checker = Checker::new(recording, registry);
    let mut rng = Rng(recording.seed);
    let mut failures = Vec::new();
    let (first, n_positions) = (recording.first_position(), recording.ops.len() + 1);
    let mut n_tries = 0;
    // Behind some calls there are few states to be had.
    while n_tries < 20 * n_wanted && checker.seen.len() < n_wanted && failures.len() < MAX_FAILURES {
        // As many places as are missing, in order: the disk is made once for all of them.
        let mut places = HashMap::new();
        for _ in 0..(n_wanted - checker.seen.len()).min(n_positions) {
            // Where a sync has failed, what is done about it shows soon.
            let reach = if first > 0 && rng.one_in(2) { SOON.min(n_positions - first) } else { n_positions - first };
            places.insert(first + rng.below(reach), rng.below(N_VARIANTS as usize) as u32);
        }
        n_tries += places.len();
        let (mut disk, mut step) = (recording.begin.clone(), 0);
        for position in 0..n_positions {
            if let Some(&number) = places.get(&position)
                && let Some(Err(failure)) = checker.check(&disk, position, step, number)
            {
                failures.push(failure);
                if failures.len() == MAX_FAILURES {
                    break;
                }
            }
            if let Some(op) = recording.ops.get(position) {
                disk.apply(op);
                step = if let Op::Step(step) = op { *step } else { step };
            }
        }
    }
    (checker.seen.len(), failures)
}

/// Checks states of some recordings, on both cores.
fn check_recordings(seed: u64, n_states: usize, recordings: &[(u64, Option<u64>)]) {
    let (scratch, registry) = (scratch(), Registry::builtin());
    let (folder, next, n_checked) = (real(&scratch), AtomicUsize::new(0), AtomicUsize::new(0));
    note(&format!("TRAWL_CRASH_SEED={seed}"));
    let work = || {
        let mut failures = Vec::new();
        loop {
            let number = next.fetch_add(1, atomic::Ordering::Relaxed);
            let Some(&(seed, failed_sync)) = recordings.get(number) else { return failures };
            let folder = folder.join(number.to_string());
            fs::create_dir(&folder).expect("create");
            let recording = Recording::new(&folder, seed, failed_sync);
            let (n, failed) = check_states(&recording, &registry, n_states.div_ceil(recordings.len()));
            n_checked.fetch_add(n, atomic::Ordering::Relaxed);
            failures.extend(failed);
            fs::remove_dir_all(&folder).expect("remove");
        }
    };
    let failures: Vec<String> = thread::scope(|scope| {
        let workers = [(); N_WORKERS].map(|()| scope.spawn(work));
        workers.into_iter().flat_map(|worker| worker.join().expect("the worker ends")).collect()
    });
    note(&format!("{} different states", n_checked.into_inner()));
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn whatever_a_power_cut_leaves() {
    let (seed, n_states) = (seed(), number("TRAWL_CRASH_STATES").unwrap_or(DEFAULT_STATES) as usize);
    if let Ok(state) = std::env::var("TRAWL_CRASH_STATE") {
        return check_one(seed, &state);
    }
    // New scripts show more than ever more states of the same.
    let n_recordings = n_states.div_ceil(1000).max(N_WORKERS) as u64;
    let recordings: Vec<_> = (0..n_recordings).map(|number| (seed + number, None)).collect();
    check_recordings(seed, n_states, &recordings);
}

/// What a sync could not bring to the disk may be lost, also where a later sync of the same file succeeds.
#[test]
fn whatever_a_power_cut_leaves_after_a_sync_has_failed() {
    let (seed, n_states) = (seed(), number("TRAWL_CRASH_STATES").unwrap_or(DEFAULT_STATES) as usize / 4);
    if std::env::var_os("TRAWL_CRASH_STATE").is_some() {
        return;
    }
    let syncs = {
        let scratch = scratch();
        trace::syncs(&Recording::new(&real(&scratch), seed, None).ops)
    };
    // Where much rests on one file, as often as all others together.
    let calls_of = |name: &str| -> Vec<u64> {
        (1..).zip(&syncs).filter(|(_, (_, path))| path.contains(name)).map(|(call, _)| call).collect()
    };
    let calls = [calls_of("catalog.db-wal"), calls_of("/live/"), calls_of("")];
    let mut rng = Rng(seed);
    let recordings = (0..n_states.div_ceil(15)).map(|number| {
        let calls = &calls[number % calls.len()];
        (seed, Some(calls[rng.below(calls.len())]))
    });
    check_recordings(seed, n_states, &recordings.collect::<Vec<_>>());
}

/// A commit of the catalog that could not be synced: it may be found committed, though it was reported as failed; and what was
/// committed before it without a sync may be lost, with all that is committed after it.
#[test]
fn whatever_a_power_cut_leaves_of_a_commit_that_could_not_be_synced() {
    const SEED: u64 = 77;
    let (scratch, registry, steps) = (scratch(), Registry::builtin(), script(SEED));
    let step_of = |is_it: fn(&Step) -> bool| steps.iter().position(is_it).expect("the script has it");
    let load = step_of(|step| matches!(step, Step::Load { file: "big.log", .. }));
    let follow = step_of(|step| matches!(step, Step::Follow));
    let truncate = step_of(|step| matches!(step, Step::Source(Change::Truncate { .. })));
    let folder = real(&scratch).join("whole");
    fs::create_dir(&folder).expect("create");
    let syncs = trace::syncs(&Recording::new(&folder, SEED, None).ops);
    // While a file is loaded, and while the log is followed that is truncated then.
    let calls = (1..).zip(&syncs).filter(|(_, (step, path))| {
        path.contains("catalog.db-wal") && (*step == load || (follow..truncate).contains(step))
    });
    let mut failures = Vec::new();
    for (call, _) in calls {
        let folder = real(&scratch).join(call.to_string());
        fs::create_dir(&folder).expect("create");
        let recording = Recording::new(&folder, SEED, Some(call));
        let mut checker = Checker::new(&recording, &registry);
        let (mut disk, mut step, first) = (recording.begin.clone(), 0, recording.first_position());
        for (position, op) in (1..).zip(&recording.ops) {
            disk.apply(op);
            step = if let Op::Step(step) = op { *step } else { step };
            let is_soon = (first..first + SOON).contains(&position) && position % 6 == 0;
            let is_after_truncation = step > truncate && step < truncate + 4 && matches!(op, Op::Step(_));
            if position >= first && (is_soon || is_after_truncation) {
                for variant in [Variant::all_but_doubtful(), Variant::all()] {
                    failures.extend(checker.check_variant(&disk, position, step, variant).and_then(Result::err));
                }
            }
            // Opened again, and nothing written yet: SQLite's old log may be there again.
            if position >= first && (follow..follow + 2).contains(&step) && matches!(op, Op::Step(_)) {
                let outcome = checker.check_variant(&disk, position, step, Variant::all_but_names());
                failures.extend(outcome.and_then(Result::err));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Plays one state again, and leaves it to be looked at.
fn check_one(seed: u64, state: &str) {
    let (position, number) = state.split_once(':').expect("POSITION:VARIANT");
    let position: usize = position.parse().expect("a position");
    let variant: u32 = number.parse().expect("a variant");
    let (scratch, registry) = (scratch(), Registry::builtin());
    let recording = Recording::new(&real(&scratch), seed, super::number(FAILED_SYNC));
    let mut checker = Checker::new(&recording, &registry);
    let (mut disk, mut step) = (recording.begin.clone(), 0);
    for op in &recording.ops[..position] {
        disk.apply(op);
        step = if let Op::Step(step) = op { *step } else { step };
    }
    if let Err(what) = checker.check(&disk, position, step, variant).expect("it is the first") {
        let kept = std::env::temp_dir().join(format!("trawl-crash-{}", std::process::id()));
        disk.after_power_cut(&mut Variant::new(seed, position, variant)).write(&kept);
        panic!("{what}\nthe state is in {}", kept.display());
    }
}

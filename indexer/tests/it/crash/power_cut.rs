//! Whatever a power cut leaves can be opened, and everything is there once after the tailer has read on.
//!
//! `TRAWL_CRASH_STATES` sets the number of states, `TRAWL_CRASH_SEED` chooses the script and the states. What a failure says
//! plays a single state again: `TRAWL_CRASH_SEED=… TRAWL_CRASH_STATE=POSITION:VARIANT`.

use super::check::{Aged, Recovery};
use super::disk::{Disk, Tree};
use super::logs::Logs;
use super::player::{Folders, Player};
use super::script::{Rng, Step, World, script, worlds};
use super::shim::{self, Shim};
use super::trace::{self, Op};
use super::variant::{N_VARIANTS, Variant};
use super::{number, real, scratch, seed};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};
use trawl_formats::sourcetype::Registry;

const DEFAULT_STATES: u64 = 300;
/// Each has a script and a trace of its own.
const N_WORKERS: u64 = 2;
/// After so many failures the others would say the same.
const MAX_FAILURES: usize = 5;

/// Not a test: the process that is recorded. Without the folder it does nothing.
#[test]
fn child() {
    let (Some(folder), Some(seed)) = (std::env::var_os(shim::FOLDER), std::env::var("TRAWL_SHIM_SEED").ok()) else { return };
    let folder = Path::new(&folder);
    let (shim, registry, folders) = (Shim::loaded(), Registry::builtin(), Folders::new(folder.join("disk")));
    let mut logs = Logs::new(folder);
    shim.watch(&folders.disk, Path::new("/nowhere"));
    shim.trace(Some(&folder.join("trace")));
    let mut nothing = |_: &World| Ok(());
    let mut player = Player::new(&shim, &registry, &folders, &mut logs, &mut nothing);
    player.play(&script(seed.parse().expect("a number"))).expect("nothing is asked");
    assert!(player.refused.is_empty(), "{:#?}", player.refused);
    shim.trace(None);
}

/// A run that was recorded.
struct Recording {
    seed: u64,
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
    fn new(folder: &Path, seed: u64) -> Self {
        let folders = Folders::new(folder.join("disk"));
        folders.create();
        let begin = Disk::of(&folders.disk);
        shim::run("crash::power_cut::child", folder, seed, &[]);
        let ops = trace::read(&folder.join("trace"), &folders.disk);
        let mut replayed = begin.clone();
        ops.iter().for_each(|op| replayed.apply(op));
        let difference = replayed.now().difference(&Tree::of(&folders.disk));
        assert_eq!(difference, None, "the trace leaves something out");
        let steps = script(seed);
        let retain = steps.iter().position(|step| matches!(step, Step::Retain)).expect("the script ages");
        Self { seed, folder: folder.to_owned(), begin, ops, worlds: worlds(&steps), retain }
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

impl Checker<'_> {
    /// One state: after so many calls, one of the possibilities. `None` if it was seen before.
    fn check(&mut self, disk: &Disk, position: usize, step: usize, number: u32) -> Option<Result<(), String>> {
        let mut variant = Variant::new(self.recording.seed, position, number);
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
        let aged = match step.cmp(&self.recording.retain) {
            std::cmp::Ordering::Less => Aged::No,
            std::cmp::Ordering::Equal => Aged::Perhaps,
            std::cmp::Ordering::Greater => Aged::Yes,
        };
        let next_world = self.recording.worlds.get(step + 1).filter(|_| variant.goes_on);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut recovery =
                Recovery { folders: &self.folders, registry: self.registry, logs: &mut self.logs, aged };
            recovery.check(world, next_world, variant.seals, variant.restarts)
        }));
        let outcome = outcome.unwrap_or_else(|panic| Err(format!("panic: {}", message(&*panic))));
        Some(outcome.map_err(|what| {
            let Recording { seed, ops, .. } = self.recording;
            let around: Vec<String> = ops[position.saturating_sub(6)..position].iter().map(Op::describe).collect();
            format!(
                "TRAWL_CRASH_SEED={seed} TRAWL_CRASH_STATE={position}:{number}: step {step}, {variant:?}\n  after {}\n  {what}",
                around.join("\n        ")
            )
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
    let mut logs = Logs::new(&recording.folder);
    logs.clear();
    let folders = Folders::new(recording.folder.join("state"));
    let mut checker = Checker { recording, registry, logs, folders, seen: HashSet::new() };
    let mut rng = Rng(recording.seed);
    let mut failures = Vec::new();
    let n_positions = recording.ops.len() + 1;
    while checker.seen.len() < n_wanted && failures.len() < MAX_FAILURES {
        // As many places as are missing, in order: the disk is made once for all of them.
        let mut places = HashMap::new();
        for _ in 0..(n_wanted - checker.seen.len()).min(n_positions) {
            places.insert(rng.below(n_positions), rng.below(N_VARIANTS as usize) as u32);
        }
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

#[test]
fn whatever_a_power_cut_leaves() {
    let (seed, n_states) = (seed(), number("TRAWL_CRASH_STATES").unwrap_or(DEFAULT_STATES));
    let scratch = scratch();
    let folder = real(&scratch);
    let registry = Registry::builtin();
    if let Ok(state) = std::env::var("TRAWL_CRASH_STATE") {
        return check_one(&Recording::new(&folder, seed), &registry, &state);
    }
    println!("TRAWL_CRASH_SEED={seed}");
    let n_checked = AtomicUsize::new(0);
    let failures: Vec<String> = thread::scope(|scope| {
        let workers: Vec<_> = (0..N_WORKERS)
            .map(|worker| {
                let (folder, registry, n_checked) = (folder.join(worker.to_string()), &registry, &n_checked);
                scope.spawn(move || {
                    fs::create_dir(&folder).expect("create");
                    let recording = Recording::new(&folder, seed + worker);
                    let (n, failures) = check_states(&recording, registry, n_states.div_ceil(N_WORKERS) as usize);
                    n_checked.fetch_add(n, Ordering::Relaxed);
                    failures
                })
            })
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("the worker ends")).collect()
    });
    println!("{} different states", n_checked.into_inner());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Plays one state again, and leaves it to be looked at.
fn check_one(recording: &Recording, registry: &Registry, state: &str) {
    let (position, number) = state.split_once(':').expect("POSITION:VARIANT");
    let position: usize = position.parse().expect("a position");
    let mut logs = Logs::new(&recording.folder);
    logs.clear();
    let folders = Folders::new(recording.folder.join("state"));
    let mut checker = Checker { recording, registry, logs, folders, seen: HashSet::new() };
    let (mut disk, mut step) = (recording.begin.clone(), 0);
    for op in &recording.ops[..position] {
        disk.apply(op);
        step = if let Op::Step(step) = op { *step } else { step };
    }
    let outcome = checker.check(&disk, position, step, number.parse().expect("a variant")).expect("it is the first");
    if let Err(what) = outcome {
        let kept = std::env::temp_dir().join(format!("trawl-crash-{}", std::process::id()));
        disk.after_power_cut(&mut Variant::new(recording.seed, position, number.parse().expect("a variant"))).write(&kept);
        panic!("{what}\nthe state is in {}", kept.display());
    }
}

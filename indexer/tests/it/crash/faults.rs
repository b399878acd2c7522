//! Each call of a scripted run fails once, in every way that it may; or it and all after it, until the fault is lifted.
//!
//! While the fault lasts, nothing panics, and whoever reads the store finds true events only, each once. When it is over, and
//! once more after a restart, every event is there once. What could not be synced is never synced again.
//!
//! `TRAWL_CRASH_FAULTS` sets the number of runs, `all` makes every one that there is; `TRAWL_CRASH_SEED` chooses the script and
//! the runs. `TRAWL_CRASH_FAULT=KINDS:CALL:ERROR:LIFT`, as a failure names it, plays one run.

use super::check::{Recovery, check_reader};
use super::logs::Logs;
use super::player::{Folders, Player};
use super::power_cut::message;
use super::script::{Rng, World, script, worlds};
use super::shim::{
    self, CREATE, MAKE_DIR, MAP, OPEN, RENAME, SHORT_THEN_FULL, SHORT_WRITE, SOURCE_OPEN, SOURCE_READ, SYNC, Shim,
    TRUNCATE, UNLINK, WRITE,
};
use super::trace::{self, Op};
use super::{note, real, scratch, seed};
use libc::{EINTR, EIO, EMFILE, ENOMEM, ENOSPC};
use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use trawl_formats::sourcetype::Registry;

const DEFAULT_RUNS: usize = 60;
/// Processes at work.
const N_WORKERS: usize = 2;
const ALL: u64 = WRITE | SYNC | RENAME | OPEN | CREATE | MAKE_DIR | UNLINK | TRUNCATE | MAP;

/// What may fail and how: kinds of calls, errors that come once, and one that stays.
const DISK: [(u64, &[i32], Option<i32>); 9] = [
    (WRITE, &[ENOSPC, EIO, EINTR, SHORT_WRITE], Some(EIO)),
    (WRITE | CREATE | MAKE_DIR | TRUNCATE, &[], Some(SHORT_THEN_FULL)),
    (SYNC, &[EIO, ENOSPC, EINTR], Some(EIO)),
    (RENAME, &[EIO, ENOSPC], Some(EIO)),
    (OPEN | CREATE, &[EMFILE, EIO, EINTR], Some(EMFILE)),
    (MAKE_DIR, &[ENOSPC], Some(EIO)),
    (UNLINK | TRUNCATE, &[EIO], Some(EIO)),
    (MAP, &[ENOMEM], Some(ENOMEM)),
    (ALL, &[], Some(EIO)),
];
const SOURCES: [(u64, &[i32], Option<i32>); 2] =
    [(SOURCE_OPEN, &[EMFILE, EIO, EINTR], Some(EMFILE)), (SOURCE_READ, &[EIO, EINTR], Some(EIO))];

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault {
    kinds: u64,
    /// Which of those calls, from 1.
    call: u64,
    error: i32,
    lift: Lift,
}

/// When a fault ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lift {
    /// After one call.
    AtOnce,
    /// So many steps after the first call that failed, or before something is written over.
    After(usize),
    /// Before something is written over, or at the end.
    AtEnd,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lift = match self.lift {
            Lift::AtOnce => "once".to_owned(),
            Lift::After(steps) => steps.to_string(),
            Lift::AtEnd => "end".to_owned(),
        };
        write!(f, "{}:{}:{}:{lift}", self.kinds, self.call, self.error)
    }
}

impl FromStr for Fault {
    type Err = Box<dyn std::error::Error>;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let [kinds, call, error, lift] = parts[..] else { return Err("KINDS:CALL:ERROR:LIFT".into()) };
        let lift = match lift {
            "once" => Lift::AtOnce,
            "end" => Lift::AtEnd,
            steps => Lift::After(steps.parse()?),
        };
        Ok(Self { kinds: kinds.parse()?, call: call.parse()?, error: error.parse()?, lift })
    }
}

/// No call fails.
const NONE: Fault = Fault { kinds: 0, call: 0, error: 0, lift: Lift::AtOnce };

/// Not a test: the process whose calls fail, in one run after the other. Without the folder it does nothing.
#[test]
fn child() {
    let (Some(folder), Some(seed)) = (std::env::var_os(shim::FOLDER), std::env::var("TRAWL_SHIM_SEED").ok()) else {
        return;
    };
    let folder = Path::new(&folder);
    let (shim, registry, seed) = (Shim::loaded(), Registry::builtin(), seed.parse().expect("a number"));
    let panics: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = Arc::clone(&panics);
    std::panic::set_hook(Box::new(move |info| {
        noted.lock().unwrap_or_else(PoisonError::into_inner).push(info.to_string());
    }));
    let jobs = fs::read_to_string(folder.join("jobs")).expect("the runs");
    let mut failures = String::new();
    for job in jobs.lines() {
        let fault: Fault = job.parse().expect("a run");
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&shim, &registry, folder, seed, fault)));
        shim.lift();
        let mut outcome = outcome.unwrap_or_else(|panic| Err(format!("panic: {}", message(&*panic))));
        let panicked = std::mem::take(&mut *panics.lock().unwrap_or_else(PoisonError::into_inner));
        if outcome.is_ok() && !panicked.is_empty() {
            outcome = Err(format!("panicked: {panicked:#?}"));
        }
        if let Err(what) = outcome {
            failures += &format!("TRAWL_CRASH_SEED={seed} TRAWL_CRASH_FAULT={fault}: {what} {panicked:?}\n\n");
        }
        fs::write(folder.join("failures"), &failures).expect("write");
    }
}

/// Plays the script with one fault.
fn run(shim: &Shim, registry: &Registry, folder: &Path, seed: u64, fault: Fault) -> Result<(), String> {
    let here = folder.join("run");
    if here.exists() {
        fs::remove_dir_all(&here).expect("remove");
    }
    let folders = Folders::new(here.join("disk"));
    folders.create();
    let mut logs = Logs::new(&here);
    shim.watch(&folders.disk, &logs.folder);
    let trace_file = here.join("trace");
    shim.trace(Some(&trace_file));
    shim.fail(fault.kinds, fault.call, fault.error, fault.lift != Lift::AtOnce);

    let mut n_steps = 0;
    let reading = Folders::new(here.join("disk"));
    let mut after_step = |world: &World| {
        if shim.hits() == 0 {
            return Ok(());
        }
        n_steps += 1;
        if fault.lift == Lift::After(n_steps) {
            shim.lift();
        }
        // As another process reads, which the fault does not touch; while the traces of the fault are fresh.
        if n_steps > 3 {
            return Ok(());
        }
        shim.spare(|| check_reader(&reading, world))
    };
    let steps = script(seed);
    let mut player = Player::new(shim, registry, &folders, &mut logs, &mut after_step);
    player.play(&steps)?;
    let refused = std::mem::take(&mut player.refused);
    shim.lift();
    if fault == NONE {
        let counts: Vec<String> = KINDS.iter().map(|kind| format!("{kind}:{}", shim.count(*kind))).collect();
        fs::write(folder.join("counts"), counts.join("\n")).expect("write");
    }
    let world = worlds(&steps).pop().expect("there is one behind the last step");
    let mut recovery = Recovery { folders: &folders, registry, logs: &mut logs, aged: super::check::Aged::Yes };
    let outcome = recovery.check_at_end(&world);
    shim.trace(None);
    let outcome = outcome.and_then(|()| check_syncs(&trace::read(&trace_file, &folders.disk)));
    outcome.map_err(|what| format!("{what}\nbefore that {refused:#?}"))
}

/// Each kind by itself.
const KINDS: [u64; 11] = [WRITE, SYNC, RENAME, OPEN, CREATE, MAKE_DIR, UNLINK, TRUNCATE, MAP, SOURCE_OPEN, SOURCE_READ];

/// What could not be synced is never synced again: the kernel has forgotten by then what it did not write. SQLite writes what
/// it syncs a second time anew.
fn check_syncs(ops: &[Op]) -> Result<(), String> {
    let mut paths: HashMap<u64, (&str, bool)> = HashMap::new();
    for op in ops {
        match op {
            Op::Create { ino, path } if !path.contains("catalog.db") => {
                paths.insert(*ino, (path, false));
            }
            Op::Create { ino, .. } | Op::MakeDir { ino, .. } => {
                paths.remove(ino);
            }
            Op::SyncFailed { ino } => {
                paths.entry(*ino).and_modify(|(_, has_failed)| *has_failed = true);
            }
            Op::Sync { ino } => {
                if let Some((path, true)) = paths.get(ino) {
                    return Err(format!("{path} could not be synced, and was synced again"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Every run that there is, for so many calls of each kind.
fn all_faults(counts: &HashMap<u64, u64>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (kinds, once, lasting) in DISK.into_iter().chain(SOURCES) {
        let n_calls: u64 = counts.iter().filter(|(kind, _)| kinds & **kind != 0).map(|(_, count)| count).sum();
        for call in 1..=n_calls {
            faults.extend(once.iter().map(|&error| Fault { kinds, call, error, lift: Lift::AtOnce }));
            let lift = [Lift::After(1), Lift::After(4), Lift::AtEnd][call as usize % 3];
            faults.extend(lasting.map(|error| Fault { kinds, call, error, lift }));
        }
    }
    faults
}

/// Plays some runs in a process of their own; what is wrong.
fn play(folder: &Path, seed: u64, faults: &[Fault]) -> String {
    let jobs: Vec<String> = faults.iter().map(Fault::to_string).collect();
    fs::write(folder.join("jobs"), jobs.join("\n")).expect("write");
    shim::run("crash::faults::child", folder, seed, &[]);
    fs::read_to_string(folder.join("failures")).expect("it ran to its end")
}

#[test]
fn whatever_call_fails() {
    let (seed, scratch) = (seed(), scratch());
    let folder = real(&scratch);
    if let Ok(fault) = std::env::var("TRAWL_CRASH_FAULT") {
        let failures = play(&folder, seed, &[fault.parse().expect("KINDS:CALL:ERROR:LIFT")]);
        return assert!(failures.is_empty(), "{failures}");
    }
    note(&format!("TRAWL_CRASH_SEED={seed}"));
    assert_eq!(play(&folder, seed, &[NONE]), "", "without a fault");
    let counts = fs::read_to_string(folder.join("counts")).expect("counts");
    let count = |line: &str| line.split_once(':').and_then(|(kind, n)| Some((kind.parse().ok()?, n.parse().ok()?)));
    let mut faults = all_faults(&counts.lines().map(|line| count(line).expect("numbers")).collect());
    let n_all = faults.len();
    let wanted = std::env::var("TRAWL_CRASH_FAULTS").unwrap_or_default();
    if wanted != "all" {
        // A part of each kind, as large as it is.
        let n_wanted = wanted.parse().unwrap_or(DEFAULT_RUNS).min(n_all);
        let first = Rng(seed).below(n_all / n_wanted);
        faults = (0..n_wanted).map(|run| faults[first + run * n_all / n_wanted]).collect();
    }
    let failures: String = thread::scope(|scope| {
        let faults = &faults;
        let workers: Vec<_> = (0..N_WORKERS)
            .map(|worker| {
                let folder = folder.join(worker.to_string());
                let mine: Vec<Fault> = faults.iter().skip(worker).step_by(N_WORKERS).copied().collect();
                scope.spawn(move || {
                    fs::create_dir(&folder).expect("create");
                    play(&folder, seed, &mine)
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().expect("the worker ends")).collect()
    });
    note(&format!("{} of {n_all} faults", faults.len()));
    assert!(failures.is_empty(), "{failures}");
}

//! `trawl run` beside the real `logrotate`, once a second, under load: each event is stored once and whole.
//!
//! `TRAWL_ROTATE_SECONDS` sets for how long; where `logrotate` is not installed, the tests say so and do nothing.
//!
//! With `copytruncate`, what is written between logrotate's last look at the file and its truncation is in no file any more.
//! trawl may have read it before; all that is asked is that it has whatever any file still holds. How much the interface
//! itself loses is counted and printed.

use crate::support::Sandbox;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use trawl_formats::Registry;
use trawl_query::{Engine, Flow, Search, SearchOptions, Value};
use trawl_store::Reader;

const DEFAULT_SECONDS: u64 = 6;
/// From the end of a rotation to the next; a file name with seconds in it is new each time.
const PAUSE: Duration = Duration::from_millis(1_010);
/// On a machine that has much else to do, it takes longer.
const LEAST_ROTATIONS: u32 = 3;
/// Events written in a second, in all modes of a scene together; one in forty has four lines.
const RATE: u64 = 20_000;
/// The files of a mode.
const FILES: [&str; 3] = ["a", "b", "c"];
/// Longest wait for the next of what trawl has yet to read, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// Time in which what trawl reads twice or too much would come.
const QUIET: Duration = Duration::from_secs(3);

/// A way to rotate.
struct Mode {
    name: &'static str,
    /// Lines of logrotate's configuration.
    directives: &'static str,
    reopen: Reopen,
}

/// When a writer opens its files anew.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reopen {
    /// When a script after the rotation asks for it, which waits for that.
    OnRequest,
    /// When it sees that another file has the name.
    WhenReplaced,
    /// Never: it is the same file.
    Never,
}

const RENAMING: [Mode; 4] = [
    Mode { name: "create", directives: "create 0644", reopen: Reopen::WhenReplaced },
    Mode {
        name: "create-dateext",
        directives: "create 0644\ndateext\ndateformat -%Y%m%d-%s",
        reopen: Reopen::OnRequest,
    },
    Mode {
        name: "create-delaycompress-dateext",
        directives: "create 0644\ncompress\ndelaycompress\ndateext\ndateformat -%Y%m%d-%s",
        reopen: Reopen::WhenReplaced,
    },
    Mode { name: "nocreate-delaycompress", directives: "nocreate\ncompress\ndelaycompress", reopen: Reopen::OnRequest },
];

const COMPRESSING_AT_ONCE: [Mode; 2] = [
    Mode { name: "create-compress", directives: "create 0644\ncompress", reopen: Reopen::OnRequest },
    Mode {
        name: "create-compress-dateext",
        directives: "create 0644\ncompress\ndateext\ndateformat -%Y%m%d-%s",
        reopen: Reopen::OnRequest,
    },
];

const COPYING: [Mode; 2] = [
    Mode { name: "copytruncate", directives: "copytruncate", reopen: Reopen::Never },
    Mode { name: "copytruncate-compress", directives: "copytruncate\ncompress", reopen: Reopen::Never },
];

const COPYING_TO_DATES: [Mode; 2] = [
    Mode {
        name: "copytruncate-dateext",
        directives: "copytruncate\ndateext\ndateformat -%Y%m%d-%s",
        reopen: Reopen::Never,
    },
    Mode {
        name: "copytruncate-delaycompress-dateext",
        directives: "copytruncate\ncompress\ndelaycompress\ndateext\ndateformat -%Y%m%d-%s",
        reopen: Reopen::Never,
    },
];

#[test]
fn files_that_are_renamed_lose_nothing() {
    check_renamed(&RENAMING);
}

#[test]
fn files_that_are_compressed_at_once_lose_nothing() {
    check_renamed(&COMPRESSING_AT_ONCE);
}

fn check_renamed(modes: &[Mode]) {
    let Some(scene) = Scene::play(modes) else { return };
    for (mode, n_written) in modes.iter().zip(&scene.n_written) {
        let found = scene.found(mode);
        for (file, n_written) in FILES.iter().zip(n_written) {
            let events = &found.events[file];
            let missing: Vec<u32> = (0..*n_written).filter(|n| !events.contains(n)).collect();
            assert!(missing.is_empty(), "{} {file}: not found: {}", mode.name, ranges(&missing));
            assert_eq!(events.len(), *n_written as usize, "{} {file}: more than was written", mode.name);
        }
        assert!(found.torn.is_empty(), "{}: torn: {:?}", mode.name, found.torn);
        found.check_doubled(mode);
    }
    note(&format!(
        "logrotate: {} events in {} files of {} modes, {} rotations of each: none lost, none doubled, none torn",
        scene.n_written.iter().flatten().map(|n| u64::from(*n)).sum::<u64>(),
        FILES.len() * modes.len(),
        modes.len(),
        scene.n_rotations,
    ));
}

#[test]
fn files_that_are_copied_and_truncated_lose_only_what_no_file_holds() {
    check_copies(&COPYING);
}

#[test]
fn copies_with_dates_in_their_names_lose_only_what_no_file_holds() {
    check_copies(&COPYING_TO_DATES);
}

fn check_copies(modes: &[Mode]) {
    let Some(scene) = Scene::play(modes) else { return };
    for (mode, n_written) in modes.iter().zip(&scene.n_written) {
        let (found, kept) = (scene.found(mode), scene.kept(mode));
        let (mut n_kept, mut n_found) = (0, 0);
        for (file, n_written) in FILES.iter().zip(n_written) {
            let (events, kept) = (&found.events[file], &kept[file]);
            let missing: Vec<u32> = kept.iter().copied().filter(|n| !events.contains(n)).collect();
            let torn: Vec<&String> = found.torn.iter().filter(|(of, _)| of == file).map(|(_, text)| text).collect();
            assert!(
                missing.is_empty(),
                "{} {file}: in a file, but not found: {}; torn: {torn:?}",
                mode.name,
                ranges(&missing)
            );
            assert!(events.iter().all(|n| n < n_written), "{} {file}: more than was written", mode.name);
            n_kept += kept.len();
            n_found += events.len();
        }
        found.check_doubled(mode);
        for (file, text) in &found.torn {
            // What was cut off went with the truncation, or the whole event would have been found.
            let n_written = n_written[FILES.iter().position(|known| known == file).unwrap()];
            let mut lost = (0..n_written).filter(|n| !found.events[file].contains(n));
            let is_head = lost.any(|n| !text.is_empty() && event(file, n).starts_with(text));
            assert!(is_head, "{} {file}: torn: {text:?}", mode.name);
        }
        let n_written: usize = n_written.iter().map(|n| *n as usize).sum();
        note(&format!(
            "logrotate {}: {n_written} events written, {} in no file any more after {} rotations; trawl lost {}, none that a file \
             holds, and has the head of {}",
            mode.name,
            n_written - n_kept,
            scene.n_rotations,
            n_written - n_found,
            found.torn.len(),
        ));
    }
}

/// What was written while `trawl run` followed and logrotate rotated.
struct Scene {
    sandbox: Sandbox,
    /// By mode and file.
    n_written: Vec<[u32; 3]>,
    /// Fewest of a mode.
    n_rotations: u32,
}

/// What trawl has of a mode.
struct Found {
    /// Whole events, by file.
    events: BTreeMap<&'static str, BTreeSet<u32>>,
    /// What was there before: file, number, and where it is stored.
    doubled: Vec<(&'static str, u32, String)>,
    /// Anything else: file and text.
    torn: Vec<(&'static str, String)>,
}

impl Found {
    fn check_doubled(&self, mode: &Mode) {
        let mut places = String::new();
        for file in FILES {
            let mut doubled: Vec<_> = self.doubled.iter().filter(|(of, ..)| *of == file).collect();
            doubled.sort_unstable();
            let numbers: Vec<u32> = doubled.iter().map(|(_, n, _)| *n).collect();
            if let Some((_, _, place)) = doubled.first() {
                let _ = write!(places, " {file}: {}, the first at {place};", ranges(&numbers));
            }
        }
        assert!(places.is_empty(), "{}: doubled:{places}", mode.name);
    }
}

impl Scene {
    /// Writes, rotates and follows all modes at once; `trawl run` has read everything and ended when this returns.
    fn play(modes: &[Mode]) -> Option<Self> {
        let Some(logrotate) = logrotate() else {
            note("skipped: logrotate is not installed");
            return None;
        };
        let sandbox = Sandbox::new();
        let logs = fs::canonicalize(sandbox.path()).unwrap().join("logs");
        for mode in modes {
            fs::create_dir_all(logs.join(mode.name)).unwrap();
        }
        sandbox.file("trawl.toml", format!("[[input]]\npaths = [{logs:?}]\n").as_bytes());
        let mut following = Following(sandbox.command(&["run"]).stderr(Stdio::null()).spawn().unwrap());
        let (n_written, n_rotations) = thread::scope(|scope| {
            let works: Vec<_> = modes
                .iter()
                .map(|mode| {
                    let (dir, logrotate) = (logs.join(mode.name), &logrotate);
                    scope.spawn(move || write_and_rotate(mode, &dir, logrotate, RATE / modes.len() as u64))
                })
                .collect();
            let done: Vec<_> =
                works.into_iter().map(|work| work.join().expect("a mode is played to its end")).collect();
            let n_rotations = done.iter().map(|(_, n_rotations)| *n_rotations).min().unwrap_or(0);
            (done.into_iter().map(|(n_written, _)| n_written).collect(), n_rotations)
        });
        let scene = Self { sandbox, n_written, n_rotations };
        scene.wait_until_read(modes);
        following.stop();
        Some(scene)
    }

    /// Waits until all that any file holds is there. What is not there after nothing has come for long is missed.
    fn wait_until_read(&self, modes: &[Mode]) {
        let (mut n_found, mut last_progress) = (0, Instant::now());
        loop {
            let before = n_found;
            self.each_row("* | stats count", &["count"], |row| n_found = row[0].as_number().unwrap_or(0.0) as u64);
            if n_found != before {
                last_progress = Instant::now();
            }
            let quiet = last_progress.elapsed();
            if quiet >= PATIENCE || (quiet >= QUIET && modes.iter().all(|mode| self.has_all_kept(mode))) {
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn has_all_kept(&self, mode: &Mode) -> bool {
        let found = self.found(mode);
        self.kept(mode).iter().all(|(file, kept)| kept.is_subset(&found.events[file]))
    }

    /// Hands out the rows of a search.
    fn each_row(&self, query: &str, columns: &[&str], mut take: impl FnMut(&[Value])) {
        let reader = Reader::open(&self.sandbox.path().join("data")).unwrap();
        let engine = Engine::new(reader, Registry::builtin());
        let search = Search::prepare(query, &SearchOptions::new(0)).unwrap();
        let summary = search.run(&engine, &mut |batch| {
            for row in 0..batch.len() {
                let cells: Vec<Value> = columns.iter().map(|column| batch.value(row, column).clone()).collect();
                take(&cells);
            }
            Ok(Flow::More)
        });
        assert_eq!(summary.unwrap().incomplete, None);
    }

    /// What trawl has of a mode.
    fn found(&self, mode: &Mode) -> Found {
        let events = FILES.iter().map(|file| (*file, BTreeSet::new())).collect();
        let mut found = Found { events, doubled: Vec::new(), torn: Vec::new() };
        for file in FILES {
            let query = format!("source=\"*/{}/{file}.log*\" | table _raw _addr", mode.name);
            self.each_row(&query, &["_raw", "_addr"], |row| {
                let Value::Text(raw) = &row[0] else { panic!("an event without text") };
                match whole(file, raw) {
                    Some(n) if found.events.get_mut(file).unwrap().insert(n) => {}
                    Some(n) => found.doubled.push((file, n, row[1].as_text().unwrap_or_default().into_owned())),
                    None => found.torn.push((file, raw.to_string())),
                }
            });
        }
        found
    }

    /// The events that stand whole in some file, by the file that was written.
    fn kept(&self, mode: &Mode) -> BTreeMap<&'static str, BTreeSet<u32>> {
        let mut kept: BTreeMap<_, BTreeSet<u32>> = FILES.iter().map(|file| (*file, BTreeSet::new())).collect();
        for entry in fs::read_dir(self.sandbox.path().join("logs").join(mode.name)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let Some(file) = FILES.iter().find(|file| name.starts_with(&format!("{file}.log"))) else { continue };
            let text = match name.ends_with(".gz") {
                true => Command::new("gzip").arg("-dc").arg(&path).output().expect("logrotate needs gzip, too").stdout,
                false => fs::read(&path).unwrap(),
            };
            let mut lines = text.split_inclusive(|byte| *byte == b'\n').peekable();
            while let Some(line) = lines.next() {
                let mut event = String::from_utf8_lossy(line).into_owned();
                while let Some(more) = lines.next_if(|line| !line.starts_with(b"2026-")) {
                    event.push_str(&String::from_utf8_lossy(more));
                }
                if let Some(n) = event.ends_with('\n').then(|| whole(file, event.trim_end())).flatten() {
                    assert!(kept.get_mut(file).unwrap().insert(n), "{}: in two files: {event}", mode.name);
                }
            }
        }
        kept
    }
}

/// Event `n` of a file.
fn event(file: &str, n: u32) -> String {
    let (second, milli) = (n / 1000, n % 1000);
    let (hour, minute, second) = (second / 3600 % 24, second / 60 % 60, second % 60);
    let thread = n % 7;
    let mut text = format!(
        "2026-11-20 {hour:02}:{minute:02}:{second:02},{milli:03} [worker-{thread}] INFO: f={file} n={n} order placed"
    );
    if n % 40 == 7 {
        let line = n % 911;
        let _ = write!(
            text,
            "\njava.lang.IllegalStateException: order {n}\n\tat a.b.C.d(C.java:{line})\n\tat a.b.C.e(C.java:2)"
        );
    }
    text
}

/// The number of the event that a text is, if it is whole.
fn whole(file: &str, text: &str) -> Option<u32> {
    let (_, behind) = text.split_once(" n=")?;
    let n = behind.split_once(' ')?.0.parse().ok()?;
    (event(file, n) == text).then_some(n)
}

/// Writes the files of a mode and rotates them until the time is over: how many events of each, and how many rotations.
fn write_and_rotate(mode: &Mode, dir: &Path, logrotate: &Path, rate: u64) -> ([u32; 3], u32) {
    let seconds = std::env::var("TRAWL_ROTATE_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let duration = Duration::from_secs(seconds.unwrap_or(DEFAULT_SECONDS));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| write_files(mode, dir, rate, &is_done));
        let begun = Instant::now();
        let mut n_rotations = 0;
        while begun.elapsed() < duration || n_rotations < LEAST_ROTATIONS {
            thread::sleep(PAUSE);
            rotate(mode, dir, logrotate);
            n_rotations += 1;
        }
        is_done.store(true, Ordering::Relaxed);
        (writer.join().expect("the writer ends"), n_rotations)
    })
}

/// Writes `rate` events in a second until told to stop; how many of each file.
fn write_files(mode: &Mode, dir: &Path, rate: u64, is_done: &AtomicBool) -> [u32; 3] {
    let path = |file: usize| dir.join(FILES[file]).with_extension("log");
    let open = |file: usize| File::options().append(true).create(true).open(path(file)).unwrap();
    let mut files = [open(0), open(1), open(2)];
    let mut n_written = [0_u32; 3];
    let begun = Instant::now();
    while !is_done.load(Ordering::Relaxed) {
        let due = (begun.elapsed().as_micros() as u64 * rate / FILES.len() as u64 / 1_000_000) as u32;
        for (at, file) in files.iter_mut().enumerate() {
            // Not all that a slow machine owes at once: it is to notice rotations, too.
            let due = due.min(n_written[at] + 2_000);
            while n_written[at] < due {
                let n = n_written[at];
                let text = format!("{}\n", event(FILES[at], n));
                // Now and then an event comes in two writes. A truncation between the two would leave the second half alone.
                let is_split = mode.reopen != Reopen::Never && n.is_multiple_of(13);
                let (head, rest) = text.split_at(if is_split { text.len() / 2 } else { 0 });
                file.write_all(head.as_bytes()).and_then(|()| file.write_all(rest.as_bytes())).unwrap();
                n_written[at] += 1;
            }
            let is_replaced = || match (fs::metadata(path(at)), file.metadata()) {
                (Ok(named), Ok(open)) => named.ino() != open.ino(),
                _ => false,
            };
            if mode.reopen == Reopen::WhenReplaced && is_replaced() {
                *file = open(at);
            }
        }
        if dir.join("reopen").exists() {
            files = [open(0), open(1), open(2)];
            fs::remove_file(dir.join("reopen")).unwrap();
        }
        thread::sleep(Duration::from_millis(4));
    }
    n_written
}

/// Runs logrotate on the files of a mode.
fn rotate(mode: &Mode, dir: &Path, logrotate: &Path) {
    let folder = dir.display();
    let script = match mode.reopen {
        Reopen::OnRequest => format!(
            "sharedscripts\npostrotate\n  touch {folder}/reopen\n  i=0\n  while [ -e {folder}/reopen ] && [ $i -lt 6000 ]; do sleep 0.01; i=$((i+1)); done\nendscript\n"
        ),
        Reopen::WhenReplaced | Reopen::Never => String::new(),
    };
    let configuration = dir.with_extension("conf");
    let text = format!("{folder}/*.log {{\nrotate 100000\n{}\n{script}}}\n", mode.directives);
    fs::write(&configuration, text).unwrap();
    let output = Command::new(logrotate)
        .arg("-f")
        .arg("-s")
        .arg(dir.with_extension("state"))
        .arg(&configuration)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{}: {said}", mode.name);
}

/// The program, which an ordinary user's search path may not name.
fn logrotate() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.map(|folder| folder.join("logrotate")).find(|program| program.is_file())
}

/// Numbers in order, as ranges.
fn ranges(numbers: &[u32]) -> String {
    let mut text = format!("{} events:", numbers.len());
    for run in numbers.chunk_by(|a, b| a + 1 == *b) {
        let _ = write!(text, " {}-{}", run[0], run[run.len() - 1]);
    }
    text
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so, and figures are to be seen")]
fn note(text: &str) {
    eprintln!("note: {text}");
}

/// `trawl run` at work; killed when dropped.
struct Following(Child);

impl Following {
    fn stop(&mut self) {
        let killed = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(killed.success());
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // It has ended, or it ends now.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! A run that is killed at any moment, and run again, indexes each byte exactly once.
//!
//! The test binary starts itself as the process to be killed. `TRAWL_KILL_ROUNDS` sets the number of kills.

use crate::lab::{contents, gzip, lines, open_writer, options, stored_events};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use trawl_formats::sourcetype::Registry;
use trawl_indexer::{Input, Progress, index};

/// Names the folder to the process that is to be killed.
const FOLDER: &str = "TRAWL_KILL_FOLDER";
const DEFAULT_ROUNDS: u32 = 20;

/// Not a test: the process that is killed. Without the folder it does nothing.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let mut options = options();
    options.piece_bytes = 256 << 10;
    options.bucket_bytes = 512 << 10;
    options.jobs = NonZeroUsize::new(3);
    let writer = open_writer(&folder.join("data"));
    let inputs = [Input::Path(folder.join("logs"))];
    let report = index(&writer, &Registry::builtin(), &inputs, &options, &Progress::default()).expect("run");
    assert!(!report.has_errors(), "{report:?}");
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("own path"))
        .args(["--exact", "kill::child", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start")
}

/// One large file that is cut, several small ones, and compressed ones.
fn write_logs(logs: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::create_dir_all(logs).expect("create");
    let mut expected = BTreeMap::new();
    let mut write = |name: &str, file: Vec<u8>, content: Vec<u8>| {
        fs::write(logs.join(name), file).expect("write");
        expected.insert(name.to_owned(), content);
    };
    let large: String = (0..60_000).map(|n| lines(n, n + 1) + if n % 5 == 0 { "\tat a.b.C\n" } else { "" }).collect();
    write("large.log", large.clone().into_bytes(), large.into_bytes());
    for n in 0..20 {
        let content = lines(n * 1000, n * 1000 + 500).into_bytes();
        write(&format!("small-{n}.log"), content.clone(), content);
    }
    for n in 0..3 {
        let content = lines(n * 10_000, n * 10_000 + 15_000).into_bytes();
        write(&format!("packed-{n}.gz"), gzip(&content), content);
    }
    // A rotated log beside its compressed copy: read once.
    let content = lines(70_000, 75_000).into_bytes();
    write("twice.log.1", content.clone(), content.clone());
    fs::write(logs.join("twice.log.1.gz"), gzip(&content)).expect("write");
    let an_hour_ago =
        std::time::SystemTime::UNIX_EPOCH + Duration::from_micros(options().now_us as u64 - 3_600_000_000);
    for entry in fs::read_dir(logs).expect("list") {
        let file = fs::File::options().write(true).open(entry.expect("list").path()).expect("open");
        file.set_modified(an_hour_ago).expect("set time");
    }
    expected
}

/// Everything in the store is part of what was written, and nothing is there twice.
fn check_part(data: &Path, expected: &BTreeMap<String, Vec<u8>>) -> bool {
    // As the next run does, a writer finishes a catalog that was cut off in the making.
    drop(open_writer(data));
    let stored = contents(&stored_events(data));
    for ((name, generation), content) in &stored {
        assert_eq!(*generation, 0, "{name}");
        let whole = &expected[name];
        assert!(content.len() <= whole.len(), "{name}");
        // Holes read as NUL here.
        assert!(content.iter().zip(whole).all(|(stored, written)| stored == written || *stored == 0), "{name}");
    }
    stored.len() == expected.len() && stored.iter().all(|((name, _), content)| *content == expected[name])
}

#[test]
fn killed_at_any_moment() {
    let n_rounds: u32 = std::env::var("TRAWL_KILL_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(DEFAULT_ROUNDS);
    let folder = tempfile::tempdir().expect("temporary directory");
    let data = folder.path().join("data");
    let expected = write_logs(&folder.path().join("logs"));
    // How long a whole run takes here.
    let started = Instant::now();
    assert!(start(folder.path()).wait().expect("child").success());
    let whole_run = started.elapsed();
    assert!(check_part(&data, &expected), "an undisturbed run is exact");
    fs::remove_dir_all(&data).expect("remove");

    // A fixed sequence of moments, spread over the run; the machine adds its own chance.
    let mut state = 0x9e37_79b9_u32;
    let mut n_complete = 0;
    for _ in 0..n_rounds {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let mut child = start(folder.path());
        std::thread::sleep(whole_run.mul_f64(f64::from(state) / f64::from(u32::MAX) * 0.8));
        child.kill().expect("kill");
        child.wait().expect("child");
        if check_part(&data, &expected) {
            n_complete += 1;
            fs::remove_dir_all(&data).expect("remove");
        }
    }
    assert!(start(folder.path()).wait().expect("child").success(), "a last run, undisturbed");
    assert!(check_part(&data, &expected), "after {n_rounds} kills, {n_complete} of them too late");
}

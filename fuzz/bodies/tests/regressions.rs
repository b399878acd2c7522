//! Runs every body over the files of its folder: seeds made by hand, and inputs that once failed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use trawl_fuzz_bodies::TARGETS;

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in `fuzz`").to_owned()
}

/// Names of the entries of a folder, without extensions.
fn stems(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    entries
        .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().into_owned())
        .collect()
}

#[test]
fn every_target_has_a_program_and_inputs() {
    let names: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(stems(&fuzz_dir().join("fuzz_targets")), names);
    assert_eq!(stems(&fuzz_dir().join("regressions")), names);
}

#[test]
#[expect(clippy::print_stderr, reason = "a panic does not say which input it is about")]
fn regressions_hold() {
    let mut failed = Vec::new();
    for (name, body) in TARGETS {
        let dir = fuzz_dir().join("regressions").join(name);
        let mut paths: Vec<PathBuf> =
            fs::read_dir(&dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
        paths.sort_unstable();
        assert!(!paths.is_empty(), "{} is empty", dir.display());
        for path in paths {
            let bytes = fs::read(&path).expect("an input");
            if std::panic::catch_unwind(|| body(&bytes)).is_err() {
                eprintln!("failed: {}", path.display());
                failed.push(path);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

//! `trawl verify`

use crate::support::Sandbox;
use insta::assert_snapshot;
use std::fs;
use std::path::PathBuf;

/// The only bucket of the sandbox.
fn bucket(sandbox: &Sandbox) -> PathBuf {
    let mut buckets = fs::read_dir(sandbox.path().join("data/index/main/buckets")).unwrap();
    buckets.next().unwrap().unwrap().path()
}

/// Flips one bit in the middle of a file.
fn damage(path: &PathBuf) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_sound_store() {
    let sandbox = Sandbox::with_pay_log();
    assert_snapshot!(sandbox.trawl(&["verify"]), @r"
    exit: 0
    --- stdout ---
    [DIR]/data: checked 1 bucket, 5 events, 477 B of log: sound
    ");
}

#[test]
fn damage_is_found_and_a_damaged_index_repaired() {
    let sandbox = Sandbox::with_pay_log();
    let term = fs::read_dir(bucket(&sandbox)).unwrap().map(|entry| entry.unwrap().path());
    damage(&term.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "term")).unwrap());
    assert_eq!(sandbox.trawl(&["verify"]).code(), 2);
    let repaired = sandbox.trawl(&["verify", "--repair"]);
    assert_eq!(repaired.code(), 0, "{repaired}");
    assert_eq!(sandbox.search(&["ERROR"]).code(), 0);

    damage(&bucket(&sandbox).join("journal"));
    let lost = sandbox.trawl(&["verify", "--repair"]);
    assert_eq!(lost.code(), 2, "{lost}");
}

#[test]
fn a_lost_catalog_is_made_anew() {
    let sandbox = Sandbox::with_pay_log();
    for name in ["catalog.db", "catalog.db-wal", "catalog.db-shm"] {
        let _ = fs::remove_file(sandbox.path().join("data").join(name));
    }
    assert_eq!(sandbox.trawl(&["verify"]).code(), 2);
    assert_snapshot!(sandbox.trawl(&["verify", "--repair"]), @r"
    exit: 0
    --- stdout ---
    repaired: catalog made anew from 1 bucket
    [DIR]/data: checked 1 bucket, 5 events, 477 B of log: sound
    ");
    assert_eq!(sandbox.search(&["ERROR"]).code(), 0);
    assert_snapshot!(sandbox.trawl(&["index", "pay.log"]), @r"
    exit: 0
    --- stderr ---
    nothing new in 1 file; 1 unchanged
    ");
}

#[test]
fn a_lost_catalog_costs_no_events() {
    let sandbox = Sandbox::with_pay_log();
    for name in ["catalog.db", "catalog.db-wal", "catalog.db-shm"] {
        let _ = fs::remove_file(sandbox.path().join("data").join(name));
    }
    assert_snapshot!(sandbox.trawl(&["index", "pay.log"]), @r"
    exit: 2
    --- stderr ---
    error: [DIR]/data holds buckets, but their catalog cannot be used
    hint: if it is lost or damaged, `trawl verify --repair` makes it anew from the buckets
    ");
    assert_eq!(sandbox.search(&["ERROR"]).code(), 2);
    fs::write(sandbox.path().join("data/catalog.db"), [0x5a; 8192]).unwrap();
    let hint = "hint: if it is lost or damaged, `trawl verify --repair` makes it anew from the buckets";
    for verb in [["search", "ERROR"], ["index", "pay.log"]] {
        let run = sandbox.trawl(&verb);
        assert!(run.code() == 2 && run.stderr().contains(hint), "{run}");
    }
    assert_eq!(sandbox.trawl(&["verify", "--repair"]).code(), 0);
    assert_eq!(sandbox.search(&["ERROR"]).code(), 0);
}

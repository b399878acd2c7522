//! A search needs no write permission: as another user, on a live, a stopped and a read-only store.

use crate::support::Sandbox;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use trawl_store::Writer;

/// A user that owns nothing.
const NOBODY: u32 = 65_534;

/// Lets everybody read, and nobody write, what lies below `path`.
fn publish(path: &Path) {
    let is_dir = path.is_dir();
    if is_dir {
        for entry in fs::read_dir(path).unwrap() {
            publish(&entry.unwrap().path());
        }
    }
    fs::set_permissions(path, Permissions::from_mode(if is_dir { 0o555 } else { 0o444 })).unwrap();
}

/// Counts the errors as a user without permissions; only root can become one, for others the file modes must do.
fn count_as_nobody(sandbox: &Sandbox) -> String {
    // A copy of the program: that user may not be allowed into the folder in which it was built.
    let program = sandbox.path().join("trawl");
    fs::copy(env!("CARGO_BIN_EXE_trawl"), &program).unwrap();
    let mut command = sandbox.command_of(&program, &["search", "ERROR | stats count", "-o", "csv"]);
    // SAFETY: the call has no preconditions.
    if unsafe { libc::geteuid() } == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_reader_without_write_permission_gets_answers() {
    let sandbox = Sandbox::with_pay_log();
    let data = sandbox.path().join("data");
    fs::set_permissions(sandbox.path(), Permissions::from_mode(0o755)).unwrap();
    publish(&data);
    fs::set_permissions(sandbox.path().join("trawl.toml"), Permissions::from_mode(0o644)).unwrap();
    let answer = count_as_nobody(&sandbox);
    assert!(answer.starts_with("count\n2\n"), "stopped and read-only: {answer}");

    // The writer makes its files anew with its own permissions; everything stays readable, nothing writable for others.
    fs::set_permissions(&data, Permissions::from_mode(0o755)).unwrap();
    for file in ["catalog.db", "lock"] {
        fs::set_permissions(data.join(file), Permissions::from_mode(0o644)).unwrap();
    }
    let writer = Writer::open(&data).unwrap();
    let answer = count_as_nobody(&sandbox);
    assert!(answer.starts_with("count\n2\n"), "live: {answer}");
    drop(writer);
    let answer = count_as_nobody(&sandbox);
    assert!(answer.starts_with("count\n2\n"), "stopped again: {answer}");
}

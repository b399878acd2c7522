//! Tests that change what holds for a whole process run in one of their own.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::Write;
use std::process::Command;

/// Set in such a process.
const ALONE: &str = "TRAWL_TEST_ALONE";

/// Runs `scene` in a process of its own. `name` is the path of the test that calls this, and which that process runs again.
pub fn alone(name: &str, scene: impl FnOnce()) {
    start(name, &[], scene);
}

/// As [`alone`], where the process may mount what it likes without anybody seeing it. `false`, and a word why, if this
/// machine does not permit that.
pub fn alone_with_mounts(name: &str, scene: impl FnOnce()) -> bool {
    let may_mount = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    if std::env::var_os(ALONE).is_none() && !may_mount.is_ok_and(|output| output.status.success()) {
        let _ = writeln!(std::io::stderr(), "{name} is left out: nothing can be mounted here");
        return false;
    }
    start(name, &["unshare", "-m"], scene);
    true
}

fn start(name: &str, prefix: &[&str], scene: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return scene();
    }
    let program = std::env::current_exe().expect("own path");
    let mut command = match prefix {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    let output = command
        .args(["--exact", name, "--test-threads=1", "--nocapture"])
        .env(ALONE, name)
        .output()
        .expect("a process can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed"), "there is no test of this name: {out}");
}

/// Lowers a limit of this process, or raises it again as far as it was.
pub fn set_limit(resource: Resource, current: Option<u64>) {
    let maximum = getrlimit(resource).maximum;
    setrlimit(resource, Rlimit { current: current.or(maximum), maximum }).expect("a limit can be lowered");
}

/// Bytes of memory that this process has in use, and has had in use at most.
pub fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let value = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).expect("a number") * 1024
    };
    (value("VmRSS:"), value("VmHWM:"))
}

//! `trawl run` with commands and standard input, and what searches find of them.

use crate::support::Sandbox;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

const DF: &str = "\
#!/bin/sh
echo 'Filesystem     1024-blocks     Used Available Capacity Mounted on'
echo '/dev/vda         264212084 52034064  43251824      55% /'
echo '/dev/vdb         104857600 99614720   5242880      96% /srv/my files'
";

/// A sandbox with programs of our own on `PATH`.
fn sandbox(config: &str, programs: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.file("trawl.toml", config.as_bytes());
    for (name, script) in programs {
        let path = sandbox.file(&format!("bin/{name}"), script.as_bytes());
        fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
    }
    sandbox
}

fn command(sandbox: &Sandbox, args: &[&str]) -> Command {
    let mut command = sandbox.command(args);
    command.env("PATH", format!("{}:/usr/bin:/bin", sandbox.path().join("bin").display()));
    command
}

/// Searches until the answer holds `expected`.
fn wait_for(sandbox: &Sandbox, query: &str, expected: &str) -> String {
    let begun = Instant::now();
    loop {
        let run = sandbox.trawl(&["search", query, "-o", "csv"]);
        let answer = String::from_utf8_lossy(run.stdout()).into_owned();
        if answer.contains(expected) {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{query}: {run}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Asks a process to end, and waits for it.
fn stop(mut child: Child) {
    let begun = Instant::now();
    // SAFETY: the call has no preconditions; the child has not been waited for.
    assert_eq!(unsafe { libc::kill(child.id() as i32, libc::SIGTERM) }, 0);
    assert!(child.wait().unwrap().success());
    assert!(begun.elapsed() < Duration::from_secs(5), "a stop took {:?}", begun.elapsed());
}

#[test]
fn what_a_command_prints_is_searched_by_its_columns() {
    let config = "[[input]]\ncommand = [\"df\", \"-P\"]\ninterval = \"1s\"\nhost = \"db-01\"\n\
                  [[input]]\ncommand = [\"sick\"]\ninterval = \"60s\"\nsourcetype = \"generic\"\n\
                  [[input]]\ncommand = [\"slow\"]\ninterval = \"60s\"\n";
    let sick = "#!/bin/sh\necho before\necho 'cannot reach db' >&2\nexit 3\n";
    let slow = "#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 60; done\n";
    let sandbox = sandbox(config, &[("df", DF), ("sick", sick), ("slow", slow)]);
    let child = command(&sandbox, &["run"]).stderr(Stdio::null()).spawn().unwrap();
    let query = "sourcetype=df | where use_pct>80 | stats count by source, host, mount, use_pct | fields - count";
    let answer = wait_for(&sandbox, query, "96");
    assert_eq!(answer, "source,host,mount,use_pct\ndf -P,db-01,/srv/my files,96\n");
    let query = "sourcetype=trawl:command command=sick | table level, exit_code, n_events, stderr";
    assert_eq!(wait_for(&sandbox, query, "db"), "level,exit_code,n_events,stderr\nERROR,3,1,cannot reach db\n");
    // The header is no event.
    wait_for(&sandbox, "sourcetype=trawl:command command=\"df -P\" | stats max(n_events) as n", "\n2\n");
    stop(child);
    let answer = wait_for(&sandbox, "sourcetype=trawl:command command=slow | table stopped, signal", "true");
    assert_eq!(answer, "stopped,signal\ntrue,9\n");
}

#[test]
fn standard_input_is_followed_to_its_end() {
    let sandbox = sandbox("", &[]);
    for _ in 0..2 {
        let mut command = command(&sandbox, &["run", "-"]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"2026-11-20 14:05:00 ERROR a\n2026-11-20 14:05:01 ERROR b\n  more of b").unwrap();
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }
    let answer = wait_for(&sandbox, "ERROR source=stdin | stats count dc(_addr) as places", "4");
    assert_eq!(answer, "count,places\n4,4\n");
}

#[test]
fn inputs_that_make_no_sense_are_told_of() {
    for (input, expected) in [
        ("index = \"web\"", "an input names neither files nor a command"),
        ("paths = [\"a.log\"]\ncommand = [\"df\"]", "an input has both `paths` and `command`"),
        ("command = [\"df\"]", "`command` needs an `interval`"),
        ("command = [\"df\"]\ninterval = \"10ms\"", "`command` needs an `interval`"),
        ("command = [\"\"]\ninterval = \"10s\"", "`command` names no program"),
        ("paths = [\"a.log\"]\ninterval = \"10s\"", "`interval` and `timeout` belong to `command`"),
        ("command = [\"df\"]\ninterval = \"10s\"\nfifo = true", "belong to `paths`"),
    ] {
        let sandbox = sandbox(&format!("[[input]]\n{input}\n"), &[]);
        let run = sandbox.trawl(&["run"]);
        assert_eq!(run.code(), 2, "{run}");
        assert!(run.stderr().contains(expected), "{run}");
    }
}

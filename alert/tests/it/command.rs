//! Commands that are really run.

use crate::post::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use trawl_alert::action::command::{Command, CommandOptions, DEFAULT_TIMEOUT};
use trawl_alert::action::{BadAction, Channel, DeliveryError, Receipt};
use trawl_alert::{Happening, Notification};

/// A script, as a program with a path of its own.
struct Script {
    dir: tempfile::TempDir,
}

impl Script {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let script = Self { dir };
        fs::write(script.path(), format!("#!/bin/sh\ncd {}\n{text}", script.dir.path().display())).unwrap();
        fs::set_permissions(script.path(), fs::Permissions::from_mode(0o755)).unwrap();
        script
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("script")
    }

    fn command(&self, timeout: Duration) -> Command {
        let argv = vec![self.path().to_str().unwrap().to_owned(), "fixed $(argument)".to_owned()];
        Command::new(CommandOptions { argv, timeout, dry_run: false }, &[self.path()]).unwrap()
    }

    fn run(&self, n: &Notification) -> Result<Receipt, DeliveryError> {
        self.command(DEFAULT_TIMEOUT).deliver(n, &ATTEMPT)
    }

    fn file(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.dir.path().join(name)).unwrap()).into_owned()
    }
}

fn failure(result: Result<Receipt, DeliveryError>) -> (String, Receipt) {
    match result {
        Err(DeliveryError::Permanent { what, receipt }) => (what, receipt),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_command_knows_what_happened_from_its_environment_and_input() {
    let script = Script::new("env > env; cat > input; printf '%s' \"$1\" > argument; echo done; echo odd >&2");
    let receipt = script.run(&raised("web01")).unwrap().0;
    assert_eq!(
        (&receipt["exit_code"], &receipt["stdout"], &receipt["stderr"]),
        (&0.into(), &"done\n".into(), &"odd\n".into())
    );
    assert_eq!(script.file("argument"), "fixed $(argument)");
    let environment = script.file("env");
    for line in [
        "TRAWL_ALERT_NAME=payment-db",
        "TRAWL_ALERT_STATE=raised",
        "TRAWL_ALERT_SEVERITY=critical",
        "TRAWL_ALERT_COUNT=7",
        "TRAWL_ALERT_GROUP=host=web01",
        "TRAWL_ALERT_GROUP_HOST=web01",
        "TRAWL_ALERT_KEY=0123-ops",
        "LANG=C",
    ] {
        assert!(environment.lines().any(|known| known == line), "{line} in {environment}");
    }
    // Nothing of ours is inherited.
    assert!(!environment.contains("CARGO"), "{environment}");
    let input: serde_json::Value = serde_json::from_str(&script.file("input")).unwrap();
    assert_eq!(input["group"]["host"], "web01");
}

#[test]
fn a_hostile_notification_is_data_for_a_command() {
    let script = Script::new(
        "printf '%s' \"$TRAWL_ALERT_GROUP_HOST\" > host; cat > input; printf '%s' \"$1\" > argument; ls > files",
    );
    let n = hostile();
    script.run(&n).unwrap();
    assert_eq!(script.file("host"), n.group.0[0].1.replace('\0', "\\x00"));
    assert_eq!(script.file("argument"), "fixed $(argument)");
    let input: serde_json::Value = serde_json::from_str(&script.file("input")).unwrap();
    assert_eq!(input["group"]["host"], n.group.0[0].1.as_str());
    assert_eq!(script.file("files").lines().collect::<Vec<_>>(), ["argument", "files", "host", "input", "script"]);
}

#[test]
fn a_command_may_leave_its_input_unread() {
    let script = Script::new("exit 0");
    script.run(&hostile()).unwrap();
}

#[test]
fn what_a_command_leaves_is_visible_and_bounded() {
    let script = Script::new("printf '\\033[2J\\000\\377'; yes | head -c 1000000 >&2; exit 3");
    let (what, receipt) = failure(script.run(&raised("a")));
    assert!(what.ends_with("script exits with status 3"), "{what}");
    assert_eq!(receipt.0["exit_code"], 3);
    assert_eq!(receipt.0["stdout"], "\\x1b[2J\\x00\u{fffd}");
    assert_eq!(receipt.0["stderr"].as_str().unwrap().len(), 8 << 10);
    assert_eq!(receipt.0["output_cut"], true);
}

#[test]
fn who_takes_too_long_is_killed_with_its_children() {
    for script in [
        "sleep 60 & echo $! > child; sleep 60",
        "trap '' TERM; (trap '' TERM; sleep 60) & echo $! > child; while :; do sleep 60; done",
    ] {
        let script = Script::new(script);
        let begun = Instant::now();
        let (what, receipt) = failure(script.command(Duration::from_millis(500)).deliver(&raised("a"), &ATTEMPT));
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
        assert!(what.ends_with("was ended after 0.5 s"), "{what}");
        assert_eq!(receipt.0["timed_out"], true);
        // Where a process is gone or dead, its command line is.
        let child = PathBuf::from(format!("/proc/{}/cmdline", script.file("child").trim()));
        while fs::read(&child).is_ok_and(|line| !line.is_empty()) {
            assert!(begun.elapsed() < LONG, "the child lives on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_signal_is_a_failure() {
    let (what, receipt) = failure(Script::new("kill -9 $$").run(&raised("a")));
    assert!(what.ends_with("is killed by signal 9"), "{what}");
    assert_eq!(receipt.0["signal"], 9);
}

#[test]
fn only_what_is_allowed_runs() {
    let make = |argv: &[&str], allowed: &[&str]| {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        let allowed: Vec<PathBuf> = allowed.iter().map(PathBuf::from).collect();
        Command::new(CommandOptions { argv, timeout: DEFAULT_TIMEOUT, dry_run: false }, &allowed)
    };
    assert!(make(&["/bin/true"], &["/bin/false", "/bin/true"]).is_ok());
    assert!(matches!(make(&["/bin/true"], &[]), Err(BadAction::NotAllowed(path)) if path == Path::new("/bin/true")));
    assert!(matches!(make(&["/bin/../bin/true"], &["/bin/true"]), Err(BadAction::NotAllowed(_))));
    assert!(matches!(make(&["true"], &["true"]), Err(BadAction::NotAbsolute(_))));
    assert!(matches!(make(&[], &["/bin/true"]), Err(BadAction::NoProgram)));
    let (what, _) =
        failure(make(&["/no/such/program"], &["/no/such/program"]).unwrap().deliver(&raised("a"), &ATTEMPT));
    assert!(what.starts_with("/no/such/program cannot be run: "), "{what}");
}

#[test]
fn a_dry_run_runs_nothing() {
    let script = Script::new("echo run >> runs");
    let argv = vec![script.path().to_str().unwrap().to_owned()];
    let command =
        Command::new(CommandOptions { argv, timeout: DEFAULT_TIMEOUT, dry_run: true }, &[script.path()]).unwrap();
    assert_eq!(command.deliver(&raised("a"), &ATTEMPT).unwrap().0["dry_run"], true);
    assert!(!script.dir.path().join("runs").exists());
}

#[test]
fn killed_at_any_moment_a_command_ran_at_most_once_for_each_transition() {
    let script = Script::new("echo $TRAWL_ALERT_ID >> runs");
    let post = Post::new();
    let all: Vec<Notification> = (0..20).map(|at| raised(&at.to_string())).collect();
    post.enter(0.0, &all, &["restart"]);
    post.enter(60.0, &[resolved("0")], &["restart"]);
    let actions = || vec![action("restart", script.command(DEFAULT_TIMEOUT))];
    let mut seconds = 60.0;
    while post.book.deliveries(None, None, 100).unwrap().iter().any(|delivery| {
        !matches!(
            delivery.state,
            trawl_alert::outbox::DeliveryState::Delivered | trawl_alert::outbox::DeliveryState::Dead
        )
    }) {
        // Each process enters what the one before began, begins some and is gone.
        let mut deliverer = post.deliverer(actions(), seconds);
        deliverer.pump(crate::lab::at(seconds)).unwrap();
        if (seconds as u64).is_multiple_of(3) && deliverer.n_under_way() > 0 {
            assert!(deliverer.wait(LONG));
            deliverer.pump(crate::lab::at(seconds)).unwrap();
        }
        seconds += 1.0;
        assert!(seconds < 200.0, "it does not come to an end");
    }
    let text = script.file("runs");
    let mut runs: Vec<&str> = text.lines().collect();
    let n_runs = runs.len();
    runs.sort_unstable();
    runs.dedup();
    assert_eq!((runs.len(), n_runs), (20, 20), "each once, and not for the end");
    let told: Vec<Happening> = post.book.notifications("restart").unwrap().iter().map(|n| n.happening).collect();
    assert_eq!(told.iter().filter(|happening| **happening == Happening::Raised).count(), 20);
}

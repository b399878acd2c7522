//! `trawl search` without a query, on a terminal

use crate::support::Sandbox;
use rexpect::process::{Signal, WaitStatus};
use rexpect::session::{PtySession, spawn_command};
use rustix::termios::LocalModes;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

const PROMPT: &str = "trawl> ";
/// Long enough for a machine that does much else.
const TIMEOUT_MS: u64 = 60_000;
const N_EVENTS: usize = 60_000;
/// Takes seconds over all events, but not over a block of them.
const SLOW_SEARCH: &str = "* | eval x=mvcount(mvrange(0,5000)) | stats sum(x)";

/// `trawl search` on a terminal of its own.
fn prompt(sandbox: &Sandbox, args: &[&str]) -> PtySession {
    let mut command = sandbox.command(&[&["search", "--color", "never"], args].concat());
    // However many cores there are, a slow search is slow.
    command.env("TERM", "xterm").env("RAYON_NUM_THREADS", "2").stdin(Stdio::inherit());
    spawn_command(command, Some(TIMEOUT_MS)).unwrap()
}

/// Types a line and waits until all of `expected` has been printed, in this order, and the prompt is back.
fn ask(session: &mut PtySession, line: &str, expected: &[&str]) {
    session.send(&format!("{line}\r")).unwrap();
    session.flush().unwrap();
    expect(session, expected);
}

fn expect(session: &mut PtySession, expected: &[&str]) {
    for text in expected.iter().chain([&PROMPT]) {
        session.exp_string(text).unwrap();
    }
}

#[test]
fn a_session_at_the_prompt() {
    let sandbox = with_many_events();
    let mut session = prompt(&sandbox, &["-n", "1"]);
    expect(&mut session, &["Ctrl-D leaves"]);
    ask(&mut session, "* | stats count AS n", &["60000"]);
    // The option of the command line holds for every query.
    ask(&mut session, "user=u1*", &["user=u1"]);

    // A pipe at the end goes on in the next line; Tab completes.
    session.send("* |\r").unwrap();
    ask(&mut session, "statcount by host".replace("stat", "stat\t").as_str(), &["web-01"]);
    session.send("host=we\t").unwrap();
    ask(&mut session, " user=u7 | table host user", &["web-01", "u7"]);
    // The events above had the field.
    session.send("* | where use\t").unwrap();
    ask(&mut session, "=\"u8\" | table user", &["u8"]);

    ask(&mut session, "error | stast count", &["unknown command `stast`", "^^^^^", "did you mean `stats`?"]);
    ask(&mut session, "help dedup", &["dedup", "(command)"]);

    // Ctrl-C clears the line, and stops a search.
    session.send("nonsense").unwrap();
    session.send_control('c').unwrap();
    expect(&mut session, &[]);
    session.send(&format!("{SLOW_SEARCH}\r")).unwrap();
    session.flush().unwrap();
    session.exp_string("of 60,000 events").unwrap();
    session.send_control('c').unwrap();
    expect(&mut session, &["the search was cancelled"]);
    ask(&mut session, "* | stats count AS n", &["60000"]);

    session.send_control('d').unwrap();
    let status = session.process().wait().unwrap();
    assert!(matches!(status, WaitStatus::Exited(_, 0)), "{status:?}");

    let history = sandbox.path().join("home/.local/state/trawl/search_history");
    assert_eq!(fs::metadata(&history).unwrap().permissions().mode() & 0o777, 0o600);
    let history = fs::read_to_string(history).unwrap();
    assert!(history.ends_with("stats sum(x)\n* | stats count AS n\n"), "{history}");
    assert!(history.contains("* |\\nstats count by host\n"), "{history}");
    assert_eq!(history.matches("stats count AS n").count(), 1, "{history}");
}

#[test]
fn a_prompt_without_data() {
    let sandbox = Sandbox::new();
    let mut session = prompt(&sandbox, &[]);
    expect(&mut session, &["there is no trawl data in", "hint:", "Ctrl-D leaves"]);
    ask(&mut session, "| makeresults count=3 | stats count", &["3"]);
    ask(&mut session, "error | stats count", &["there is no trawl data in"]);
    // What is indexed meanwhile is found.
    sandbox.file("app.log", b"2026-11-20 14:05:00,001 INFO: request user=ada\n");
    let run = sandbox.trawl(&["index", "app.log"]);
    assert_eq!(run.code(), 0, "{run}");
    ask(&mut session, "* | table user", &["ada"]);
}

/// A sandbox with enough events for a search to take as long as a test wants.
fn with_many_events() -> Sandbox {
    let sandbox = Sandbox::new();
    let log: String = (0..N_EVENTS).map(|i| format!("2026-11-20 14:05:00,001 INFO: request user=u{i}\n")).collect();
    sandbox.file("app.log", log.as_bytes());
    let run = sandbox.trawl(&["index", "--host", "web-01", "app.log"]);
    assert_eq!(run.code(), 0, "{run}");
    sandbox
}

/// Whether the terminal takes whole lines and turns Ctrl-C into a signal, as a shell expects it.
fn is_cooked(session: &PtySession) -> bool {
    let terminal = session.process().get_file_handle().unwrap();
    let mode = rustix::termios::tcgetattr(&terminal).unwrap();
    mode.local_modes.contains(LocalModes::ICANON | LocalModes::ISIG)
}

#[test]
fn sigterm_leaves_the_terminal_as_it_was() {
    let sandbox = with_many_events();
    let ends = |session: &mut PtySession| {
        session.process_mut().signal(Signal::SIGTERM).unwrap();
        session.exp_eof().unwrap();
        let status = session.process().wait().unwrap();
        assert!(matches!(status, WaitStatus::Exited(_, 130)), "{status:?}");
        assert!(is_cooked(session));
    };
    let mut idle = prompt(&sandbox, &[]);
    expect(&mut idle, &[]);
    // The editor takes over before it shows the prompt.
    assert!(!is_cooked(&idle));
    ends(&mut idle);

    let mut busy = prompt(&sandbox, &[]);
    expect(&mut busy, &[]);
    busy.send(&format!("{SLOW_SEARCH}\r")).unwrap();
    busy.flush().unwrap();
    busy.exp_string("of 60,000 events").unwrap();
    ends(&mut busy);
}

#[test]
fn the_table_at_the_end_takes_the_place_of_its_previews() {
    let sandbox = with_many_events();
    let slow = SLOW_SEARCH.replace('*', "user=u1* OR user=u2*");
    // A preview comes between two blocks, if it gets its turn: on a machine that has much else to do, there may be none.
    let was_previewed = (0..10).any(|_| {
        let mut session = prompt(&sandbox, &[&format!("{slow} count BY host")]);
        let printed = session.exp_eof().unwrap();
        let (before, after) = printed.rsplit_once("\x1b[2K").expect("lines were cleared");
        assert_eq!(after.matches("web-01").count(), 1, "{after}");
        let row = after.lines().find(|line| line.starts_with("web-01")).expect("the row");
        assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["web-01", "111110000", "22222"]);
        before.contains("web-01")
    });
    assert!(was_previewed, "no table was shown before the search had ended");

    // Other formats are for programs.
    let mut session = prompt(&sandbox, &[&format!("{slow} count BY host"), "--output", "csv"]);
    let printed = session.exp_eof().unwrap();
    assert_eq!(printed.matches("web-01").count(), 1, "{printed}");
}

#[test]
fn a_table_is_shown_as_it_grows() {
    let sandbox = with_many_events();
    let mut session = prompt(&sandbox, &[]);
    expect(&mut session, &[]);
    session.send(&format!("{SLOW_SEARCH} count BY host\r")).unwrap();
    session.flush().unwrap();
    for _ in 0..2 {
        // A row of the table above the line that tells the progress.
        session.exp_regex(r"web-01 +\d+ +\d+ [^\n]*of 60,000 events").unwrap();
    }
    session.send_control('c').unwrap();
    expect(&mut session, &["the search was cancelled"]);
}

//! `trawl rca`: a case from its opening to a bundle that others verify.

use crate::support::{Run, Sandbox};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// When these cases are opened.
const NOW: &str = "2026-11-20T15:00:00Z";
const CASE: &str = "2026-11-20-paymentservice-outage";

/// A sandbox with a log and a case of it.
fn with_case() -> Sandbox {
    let sandbox = Sandbox::with_pay_log();
    let run = sandbox.trawl(&["rca", "new", "PaymentService outage", "--now", NOW]);
    assert_eq!(run.code(), 0, "{run}");
    assert_eq!(run.stdout(), format!("./{CASE}\n").as_bytes());
    sandbox
}

/// Runs a verb of `trawl rca` in the case.
fn rca(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.finish(sandbox.command(&[&["rca"], args].concat()).env("TRAWL_CASE", sandbox.path().join(CASE)))
}

fn add(sandbox: &Sandbox, args: &[&str]) {
    let run = rca(sandbox, &[&["add"], args, &["--now", NOW]].concat());
    assert_eq!(run.code(), 0, "{run}");
}

fn stdout(run: &Run) -> String {
    String::from_utf8(run.stdout().to_vec()).unwrap()
}

/// The root that `trawl rca bundle` printed.
fn root(run: &Run) -> String {
    let line = stdout(run).lines().find_map(|line| line.strip_prefix("root").map(|root| root.trim().to_owned()));
    line.unwrap_or_else(|| panic!("a root is printed: {run}"))
}

/// A case with a search, a table, a note and a file, and its bundle.
fn with_bundle(options: &[&str]) -> (Sandbox, Run) {
    let sandbox = with_case();
    sandbox.file("heap.txt", b"heap\n");
    add(&sandbox, &["search", "level=ERROR", "--why", "it fails"]);
    add(&sandbox, &["search", "* | stats count by level", "--title", "Levels"]);
    add(&sandbox, &["note", "The DBA saw <b>it</b>.", "--at", "2026-11-20T14:04:00Z"]);
    add(&sandbox, &["file", "heap.txt"]);
    let run = rca(&sandbox, &[&["bundle", "-o", "b.tar.zst", "-C", "1"], options].concat());
    assert_eq!(run.code(), 0, "{run}");
    (sandbox, run)
}

#[test]
fn a_case_is_reported() {
    let (sandbox, _) = with_bundle(&[]);
    add(&sandbox, &["search", "* | timechart span=1s count by level", "--title", "Levels over time"]);
    fs::write(sandbox.path().join(CASE).join("summary.md"), "It **broke**.\n").unwrap();
    let markdown = rca(&sandbox, &["report", "--now", NOW]);
    assert_eq!(markdown.code(), 0, "{markdown}");
    let text = stdout(&markdown);
    assert!(text.starts_with("# PaymentService outage\n"), "{text}");
    let expected =
        ["It **broke**.", "> **Nobody has written this yet.**", "### E1: level=ERROR", "The DBA saw &lt;b>it&lt;/b>."];
    for expected in expected {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    // The event with escape codes does no harm, and reads as its encoding says.
    assert!(text.contains("café ") && !text.contains('\u{1b}'), "{text}");
    assert!(markdown.stderr().contains("nobody has written this yet: impact, cause, actions"), "{markdown}");
    let html = rca(&sandbox, &["report", "--format", "html", "-o", "r.html"]);
    assert_eq!((html.code(), html.stdout()), (0, &b""[..]), "{html}");
    let html = fs::read_to_string(sandbox.path().join("r.html")).unwrap();
    assert!(html.starts_with("<!DOCTYPE html>"));
    assert_eq!(html.matches("<svg").count(), 2, "one of the events that match, one of the table over time");
    let page = stdout(&rca(&sandbox, &["report", "--format", "confluence"]));
    let page = format!("<page xmlns:ac=\"a\">{page}</page>");
    let mut reader = quick_xml::Reader::from_str(&page);
    while reader.read_event().expect("well-formed") != quick_xml::events::Event::Eof {}
}

#[test]
fn the_clock_goes_on_where_now_is_said() {
    let sandbox = with_case();
    add(&sandbox, &["search", "* | head 1 | eval clock=time(), said=now() | table clock, said", "--title", "Clock"]);
    let report = stdout(&rca(&sandbox, &["report"]));
    let row = report.lines().find(|line| line.contains("1795186800")).expect("a row with the time that was said");
    let clock = row.trim_matches(['|', ' ']).split(' ').next().and_then(|cell| cell.parse::<f64>().ok());
    let clock = clock.unwrap_or_else(|| panic!("time() comes first: {row}"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
    assert!((now - clock).abs() < 600.0, "time() is that of the clock: {clock}");
}

#[test]
fn a_bundle_is_verified_alone_and_against_the_log() {
    let (sandbox, made) = with_bundle(&[]);
    let root = root(&made);
    let whole = sandbox.trawl(&["rca", "verify", "b.tar.zst", "--root", &root]);
    assert_eq!(whole.code(), 0, "{whole}");
    let text = stdout(&whole).replace(&root, "[ROOT]");
    let text: String = text.lines().filter(|line| !line.starts_with("made")).map(|line| format!("{line}\n")).collect();
    insta::assert_snapshot!(text, @r"
    whole     b.tar.zst: PaymentService outage
    holds     2 cited events and 3 around them from 1 log; 4 exhibits, 2 queries, 1 file
    root      [ROOT], as noted
    signature none
    ");
    let other = sandbox.trawl(&["rca", "verify", "b.tar.zst", "--root", &"0".repeat(64)]);
    assert_eq!(other.code(), 2, "{other}");
    assert!(stdout(&other).contains("it is not the bundle that was noted"), "{other}");

    let against = |files: &[&str]| sandbox.trawl(&[&["rca", "verify", "b.tar.zst", "--against"], files].concat());
    let original = against(&["pay.log"]);
    assert_eq!(original.code(), 0, "{original}");
    assert!(stdout(&original).contains("in place  5 events"), "{original}");
    // Compressed, under another name.
    let gzip = Command::new("gzip").arg("-k").arg("-S").arg(".Z1").arg(sandbox.path().join("pay.log")).status();
    assert!(gzip.expect("gzip").success());
    fs::rename(sandbox.path().join("pay.log.Z1"), sandbox.path().join("archived")).unwrap();
    let compressed = against(&["archived"]);
    assert_eq!(compressed.code(), 0, "{compressed}");
    // Behind something else, and cut.
    let log = fs::read(sandbox.path().join("pay.log")).unwrap();
    sandbox.file("joined.log", &[b"2026-11-19 something else\n", &log[..]].concat());
    let joined = against(&["joined.log"]);
    assert_eq!(joined.code(), 0, "{joined}");
    assert!(stdout(&joined).contains("elsewhere 5 events"), "{joined}");
    sandbox.file("other.log", b"nothing of it\n");
    assert_eq!(against(&["other.log"]).code(), 1);
    // Somebody edited it: it is known by its head, and says something else.
    let at = log.windows(9).position(|window| window == b"attempt=1").unwrap();
    let mut edited = log.clone();
    edited[at + 8] = b'9';
    sandbox.file("edited.log", &edited);
    let found = against(&["edited.log"]);
    assert_eq!(found.code(), 2, "{found}");
    assert!(stdout(&found).contains("DIFFER    1 event"), "{found}");
    assert_eq!(against(&["missing.log"]).code(), 2);
}

#[test]
fn a_changed_bundle_is_told() {
    let (sandbox, _) = with_bundle(&[]);
    let path = sandbox.path().join("b.tar.zst");
    let whole = fs::read(&path).unwrap();
    for at in [0, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        fs::write(&path, changed).unwrap();
        let run = sandbox.trawl(&["rca", "verify", "b.tar.zst"]);
        assert_eq!(run.code(), 2, "{at}: {run}");
        assert!(stdout(&run).starts_with("CHANGED"), "{run}");
    }
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let json = sandbox.trawl(&["rca", "verify", "b.tar.zst", "--output", "json"]);
    assert_eq!(json.code(), 2, "{json}");
    let value: Value = serde_json::from_slice(json.stdout()).unwrap();
    assert_eq!(value["whole"], false, "{value}");
}

/// Whether a tool is there; if not, says so.
#[expect(clippy::print_stderr, reason = "a skipped check must say so")]
fn is_there(tool: &str) -> bool {
    let is_there = Command::new(tool).arg("--version").output().is_ok();
    if !is_there {
        eprintln!("note: skipped: there is no {tool}");
    }
    is_there
}

/// As its README says: with `tar`, `sha256sum` and `minisign` alone.
#[test]
fn a_bundle_is_checked_without_trawl() {
    let sandbox = Sandbox::new();
    let has_minisign = is_there("minisign");
    if has_minisign {
        let made = Command::new("minisign")
            .args(["-G", "-W", "-p", "key.pub", "-s", "key"])
            .current_dir(sandbox.path())
            .output();
        assert!(made.expect("minisign").status.success());
    }
    let keys = ["key", "key.pub"].map(|name| fs::read(sandbox.path().join(name)).unwrap_or_default());
    let (sandbox, made) = {
        let sandbox = with_case();
        fs::write(sandbox.path().join("key"), &keys[0]).unwrap();
        fs::write(sandbox.path().join("key.pub"), &keys[1]).unwrap();
        add(&sandbox, &["search", "ERROR"]);
        let sign: &[&str] = if has_minisign { &["--sign", "key"] } else { &[] };
        let run = rca(&sandbox, &[&["bundle", "-o", "b.tar.zst"], sign].concat());
        assert_eq!(run.code(), 0, "{run}");
        (sandbox, run)
    };
    let extracted = sandbox.trawl(&["rca", "verify", "b.tar.zst", "--extract", "out"]);
    assert_eq!(extracted.code(), 0, "{extracted}");
    let again = sandbox.trawl(&["rca", "verify", "b.tar.zst", "--extract", "out"]);
    assert_eq!(again.code(), 2, "it is there already: {again}");
    let folder = sandbox.path().join("out");
    let check = |tool: &str, args: &[&str]| {
        let output = Command::new(tool).args(args).current_dir(&folder).output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(check("sha256sum", &["-c", "--strict", "SHA256SUMS"]).contains("events.jsonl: OK"));
    if is_there("python3") {
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        let (_, script) = readme.split_once("```python\n").unwrap();
        let printed = check("python3", &["-c", script.split_once("```").unwrap().0]);
        assert_eq!(printed.trim(), root(&made));
    }
    if has_minisign {
        let printed = check("minisign", &["-Vm", "SHA256SUMS", "-p", "../key.pub"]);
        assert!(printed.contains(&root(&made)), "{printed}");
        let signed = sandbox.trawl(&["rca", "verify", "b.tar.zst", "--key", "key.pub"]);
        assert_eq!(signed.code(), 0, "{signed}");
        assert!(stdout(&signed).contains("signature good, by the key"), "{signed}");
    }
}

#[test]
fn what_is_masked_stays_masked() {
    let (sandbox, made) = with_bundle(&["--redact", r"host=\S+", "--redact", "DBA", "--reveal", "reveal.json"]);
    assert!(stdout(&made).contains("reveal.json opens them"), "{made}");
    let extracted = sandbox.trawl(&["rca", "verify", "b.tar.zst", "--extract", "out"]);
    assert_eq!(extracted.code(), 0, "{extracted}");
    let mut n_files = 0;
    for folder in [".", "data", "files"] {
        for file in fs::read_dir(sandbox.path().join("out").join(folder))
            .unwrap()
            .flatten()
            .filter(|file| file.path().is_file())
        {
            let text = String::from_utf8_lossy(&fs::read(file.path()).unwrap()).into_owned();
            assert!(!text.contains("db-01") && !text.contains("DBA"), "{}", file.path().display());
            n_files += 1;
        }
    }
    assert!(n_files > 6);
    let opened = sandbox.trawl(&["rca", "verify", "b.tar.zst", "--reveal", "reveal.json", "--against", "pay.log"]);
    assert_eq!(opened.code(), 0, "{opened}");
    assert!(stdout(&opened).contains("in place  5 events"), "{opened}");
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(sandbox.path().join("reveal.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "it is for nobody else");
}

#[test]
fn a_query_alone_is_a_bundle() {
    let sandbox = Sandbox::with_pay_log();
    let run = sandbox.trawl(&["rca", "bundle", "ERROR", "connect", "-C", "1", "-o", "q.tar.zst"]);
    assert_eq!(run.code(), 0, "{run}");
    assert!(stdout(&run).contains("events  1 cited, 2 around them"), "{run}");
    assert_eq!(sandbox.trawl(&["rca", "verify", "q.tar.zst", "--against", "pay.log"]).code(), 0);
    let nothing = sandbox.trawl(&["rca", "bundle", "nowhere", "-o", "n.tar.zst"]);
    assert_eq!(nothing.code(), 1, "{nothing}");
    assert!(!sandbox.path().join("n.tar.zst").exists());
}

#[test]
fn what_goes_wrong_is_explained() {
    let sandbox = Sandbox::with_pay_log();
    let shown = |args: &[&str]| {
        let run = sandbox.trawl(args);
        assert_eq!(run.code(), 2, "{run}");
        run.stderr()
    };
    assert!(shown(&["rca", "add", "note", "x"]).contains("trawl rca new TITLE"));
    assert!(shown(&["rca", "report", "--case", "nowhere"]).contains("nowhere is no case: it has no case.toml"));
    fs::write(sandbox.path().join("there"), b"").unwrap();
    assert!(shown(&["rca", "bundle", "ERROR", "-o", "there"]).contains("evidence is not overwritten"));
    assert!(shown(&["rca", "verify", "pay.log"]).is_empty(), "findings are the answer");
    assert!(
        shown(&["rca", "bundle", "ERROR", "-o", "x", "--sign", "trawl.toml"])
            .contains("it is not a secret key of minisign")
    );
    assert!(
        shown(&["rca", "bundle", "ERROR", "-o", "x", "--redact", "(", "--reveal", "y"])
            .contains("`(` is not a pattern")
    );
    assert!(!Path::new(&sandbox.path().join("x")).exists());
}

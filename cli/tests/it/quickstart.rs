//! `trawl quickstart`

use crate::support::Sandbox;
use crate::tidy::root;
use std::fs;

#[test]
fn it_runs_and_what_it_recommends_works() {
    let sandbox = Sandbox::new();
    let temporary = sandbox.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let run = sandbox.finish(sandbox.command(&["quickstart"]).env("TMPDIR", &temporary));
    assert_eq!(run.code(), 0, "{run}");
    let text = String::from_utf8_lossy(run.stdout());
    assert!(text.contains("$ trawl search ERROR PaymentService --tz UTC -n 4"), "{run}");
    assert!(text.contains("CHG0048213"), "{run}");

    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("```text\n").unwrap();
    let (excerpt, _) = rest.split_once("```").unwrap();
    for step in excerpt.split("\n\n") {
        assert!(text.contains(step.trim_end()), "README.md shows what quickstart does not print:\n{step}\n{run}");
    }

    let (_, recommended) = text.split_once("Try next:").unwrap();
    let commands: Vec<&str> = recommended.lines().filter_map(|line| line.strip_prefix("  trawl ")).collect();
    assert!(commands.len() >= 3, "{run}");
    for command in commands {
        let script = format!("{} {command}", env!("CARGO_BIN_EXE_trawl"));
        let mut shell = std::process::Command::new("sh");
        let run = sandbox.finish(shell.args(["-c", &script]).current_dir(sandbox.path()));
        assert_eq!(run.code(), 0, "{command}\n{run}");
    }
}

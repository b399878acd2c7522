//! `trawl completions`

use crate::support::Sandbox;

#[test]
fn every_shell_learns_the_verbs() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = sandbox.trawl(&["completions", shell]);
        assert_eq!(run.code(), 0, "{run}");
        let script = String::from_utf8_lossy(run.stdout());
        assert!(script.contains("quickstart") && script.contains("earliest"), "{shell}");
    }
}

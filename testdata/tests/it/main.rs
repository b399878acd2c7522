//! What is generated must be what the generators write. Needs Python ≥ 3.11 and `zstd`; skipped where they are missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn expectations_are_those_of_the_script() {
    let Some(mut python) = python("expect.py") else {
        return;
    };
    assert_success(python.arg("--check"));
}

#[test]
fn shop_is_what_the_script_writes() {
    let Some(mut python) = python("make_shop.py") else {
        return;
    };
    let target = tempfile::tempdir().expect("a temporary folder");
    assert_success(python.arg(target.path()));
    assert_same_files("shop", target.path());
}

#[test]
fn formats_are_what_the_script_writes() {
    let Some(mut python) = python("make_formats.py") else {
        return;
    };
    let target = tempfile::tempdir().expect("a temporary folder");
    // The script wraps lines of these two.
    for corpus in ["nginx", "shop"] {
        trawl_testdata::corpus(corpus).copy_to(&target.path().join(corpus)).expect("the corpus can be copied");
    }
    assert_success(python.arg(target.path()));
    for corpus in ["json", "logfmt", "container", "klog", "autosys", "iis", "csv", "stamps"] {
        assert_same_files(corpus, &target.path().join(corpus));
    }
}

/// Prepares a run of a script under `programs/`, or says that it is skipped.
fn python(script: &str) -> Option<Command> {
    let answers = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    let is_new = "import sys; sys.exit(sys.version_info < (3, 11))";
    if !answers(Command::new("python3").args(["-c", is_new])) || !answers(Command::new("zstd").arg("--version")) {
        return None;
    }
    let mut python = Command::new("python3");
    // -B: no compiled files beside the scripts.
    python.arg("-B").arg(manifest_dir().join("programs").join(script));
    Some(python)
}

fn manifest_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn assert_success(command: &mut Command) {
    let output = command.output().expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn assert_same_files(corpus: &str, written: &Path) {
    let corpus = trawl_testdata::corpus(corpus);
    for file in corpus.files() {
        let committed = fs::read(corpus.path_of(file)).expect("the committed file");
        let fresh = fs::read(written.join(&file.path)).expect("the file just written");
        assert!(committed == fresh, "{} of {} differs", file.path, corpus.name);
    }
}

//! `trawl quickstart`: the bundled sample logs, indexed into a temporary data folder and searched.
//!
//! Each step runs this program as a person would, so that what is shown is what the commands really print.

use crate::exit_code::ExitCode;
use crate::output::Theme;
use crate::terminal::Terminal;
use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};
use trawl_testdata::{SHOP_SEARCHES, shop};

/// When the last of the sample logs was written, in seconds since 1970: 2026-11-21 12:00 UTC. Time stamps without a year get
/// theirs from it.
const WRITTEN_AT: Duration = Duration::from_secs(1_795_262_400);
/// Events that each search shows.
const SHOWN_EVENTS: &str = "4";
/// What to type afterwards.
const TRY_NEXT: [&str; 5] = [
    "search ERROR -n 20",
    "search 'ms>200 | stats count avg(ms) by host'",
    "search 'timed out' -C 1 -n 2",
    "search ERROR PaymentService --explain",
    "status",
];

/// Indexes the samples, searches them, and prints what to try next.
pub fn run(terminal: Terminal) -> anyhow::Result<ExitCode> {
    // Kept when the process ends: the commands printed at the end work on it.
    let folder = tempfile::Builder::new().prefix("trawl-quickstart-").tempdir()?.keep();
    let quickstart = Quickstart {
        logs: folder.join("logs"),
        data: folder.join("data"),
        config: folder.join("trawl.toml"),
        is_colored: terminal.color_stdout,
    };
    let hosts = quickstart.write_files().with_context(|| format!("cannot write into {}", folder.display()))?;

    quickstart.say("A small online shop had an outage. These are its logs, a folder for each host:")?;
    quickstart.show(&format!("export TRAWL_DATA={}", shell_word(&path_text(&quickstart.data))))?;
    for host in &hosts {
        quickstart.trawl(&["index", "--host", host, "--tz", "UTC", &path_text(&quickstart.logs.join(host))])?;
    }
    quickstart.say("What happened?")?;
    for search in SHOP_SEARCHES {
        // Plain words need no quotes, and events need a limit.
        let words: Vec<&str> =
            if search.contains(['"', '|', '=']) { vec![search] } else { search.split(' ').collect() };
        let limit: &[&str] = if search.contains('|') { &[] } else { &["-n", SHOWN_EVENTS] };
        quickstart.trawl(&[&["search"], &words[..], &["--tz", "UTC"], limit].concat())?;
    }
    quickstart.say("The data stays until you remove it. Try next:")?;
    let data = shell_word(&path_text(&quickstart.data));
    let mut out = io::stdout().lock();
    for command in TRY_NEXT {
        writeln!(out, "  trawl {command} --data {data}")?;
    }
    writeln!(out, "  rm -r {}", shell_word(&path_text(&folder)))?;
    Ok(ExitCode::Success)
}

struct Quickstart {
    logs: PathBuf,
    data: PathBuf,
    /// An empty configuration: what is shown shall not depend on the user's.
    config: PathBuf,
    is_colored: bool,
}

impl Quickstart {
    /// Writes the sample logs and the configuration. Returns the hosts: the first folders of the logs' paths.
    fn write_files(&self) -> io::Result<BTreeSet<&'static str>> {
        let mut hosts = BTreeSet::new();
        for (name, bytes) in shop() {
            let path = self.logs.join(name);
            fs::create_dir_all(path.parent().unwrap_or(&self.logs))?;
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.set_modified(SystemTime::UNIX_EPOCH + WRITTEN_AT)?;
            hosts.extend(name.split('/').next());
        }
        File::create(&self.config)?;
        Ok(hosts)
    }

    fn say(&self, text: &str) -> io::Result<()> {
        let title = Theme::new(self.is_colored).title;
        writeln!(io::stdout(), "\n{title}{text}{title:#}\n")
    }

    fn show(&self, command: &str) -> io::Result<()> {
        let hint = Theme::new(self.is_colored).hint;
        writeln!(io::stdout(), "{hint}$ {command}{hint:#}")
    }

    /// Shows a command and runs it.
    fn trawl(&self, args: &[&str]) -> anyhow::Result<()> {
        let shown: Vec<String> = args.iter().map(|arg| shell_word(arg)).collect();
        let shown = format!("trawl {}", shown.join(" "));
        self.show(&shown)?;
        let program = std::env::current_exe().context("cannot find this program")?;
        let status = Command::new(program)
            .args(["--color", if self.is_colored { "always" } else { "never" }])
            .args(args)
            .env("TRAWL_DATA", &self.data)
            .env("TRAWL_CONFIG", &self.config)
            .status()?;
        ensure!(status.success(), "`{shown}` ended with {status}");
        writeln!(io::stdout())?;
        Ok(())
    }
}

fn path_text(path: &Path) -> String {
    path.display().to_string()
}

/// The argument as a shell needs it.
fn shell_word(arg: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,".contains(c);
    if !arg.is_empty() && arg.chars().all(is_plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_the_shell() {
        let cases = [("-n", "-n"), ("/tmp/a.log", "/tmp/a.log"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''")];
        for (arg, expected) in cases {
            assert_eq!(shell_word(arg), expected);
        }
    }
}

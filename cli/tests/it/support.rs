//! A folder to work in, and `trawl` run in it.

use regex::Regex;
use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};
use trawl_formats::{IndexName, Registry, Source, Zone};
use trawl_indexer::{FileScan, Input, Options, Progress};
use trawl_query::engine::feed::{Feed, Outcome, Reading, Wanted};
use trawl_query::{Engine, Flow, RunError};
use trawl_store::{LiveBlock, Reader, Writer};

/// The clock of searches in these tests.
pub const NOW: &str = "2026-11-22T23:00:00Z";

/// A few events of a payment service, with a stack trace and hostile bytes.
pub const PAY_LOG: &[u8] = b"\
2026-11-20 14:05:00,001 [main] INFO: PaymentService started on port 8080\n\
2026-11-20 14:05:01,123 [pay-1] ERROR: PaymentService failed to connect to DB host=db-01 attempt=1\n\
java.sql.SQLException: timeout\n\
\tat com.example.Pay.run(Pay.java:12)\n\
2026-11-20 14:05:02,500 [pay-2] WARN: retry in 250 ms host=db-01 attempt=2\n\
2026-11-20 14:05:03,000 [pay-1] ERROR: caf\xe9 \x1b[31mred\x1b[0m host=db-02 attempt=3\n\
2026-11-20 14:05:04,000 [pay-2] INFO: PaymentService connected host=db-01 attempt=4\n";

/// A folder of its own with a home, an empty configuration and no data; gone when dropped.
pub struct Sandbox(tempfile::TempDir);

/// How a run of `trawl` ended and what it printed.
pub struct Run {
    root: PathBuf,
    output: Output,
}

impl Sandbox {
    /// An empty sandbox.
    pub fn new() -> Self {
        let sandbox = Self(tempfile::tempdir().unwrap());
        sandbox.file("trawl.toml", b"");
        sandbox
    }

    /// A sandbox in which [`PAY_LOG`] is indexed as `pay.log` of host `pay-01`.
    pub fn with_pay_log() -> Self {
        let sandbox = Self::new();
        sandbox.file("pay.log", PAY_LOG);
        let run = sandbox.trawl(&["index", "--host", "pay-01", "pay.log"]);
        assert_eq!(run.code(), 0, "{run}");
        sandbox
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file whose last change lies long enough back for its last event to count as whole.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = File::create(&path).unwrap();
        file.write_all(bytes).unwrap();
        // 2026-11-20 15:00 UTC
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_186_800)).unwrap();
        path
    }

    /// `trawl` in this folder, in UTC, with nothing of the machine's configuration.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_trawl")), args)
    }

    /// As [`command`](Self::command), with a copy of the program.
    pub fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path().join("home"))
            .env("TRAWL_DATA", self.path().join("data"))
            .env("TRAWL_CONFIG", self.path().join("trawl.toml"))
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        command
    }

    /// Runs `trawl`.
    pub fn trawl(&self, args: &[&str]) -> Run {
        self.finish(&mut self.command(args))
    }

    /// Runs a command to its end.
    pub fn finish(&self, command: &mut Command) -> Run {
        Run { root: self.path().to_owned(), output: command.output().unwrap() }
    }

    /// Runs a search as of [`NOW`].
    pub fn search(&self, args: &[&str]) -> Run {
        self.trawl(&[&["search", "--now", NOW], args].concat())
    }
}

impl Run {
    /// The exit code.
    pub fn code(&self) -> i32 {
        self.output.status.code().expect("the process was not killed")
    }

    /// The exact bytes of the standard output.
    pub fn stdout(&self) -> &[u8] {
        &self.output.stdout
    }

    /// The standard error as text, unfiltered.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

/// Exit code, standard output and standard error as one block, with what differs from run to run replaced.
impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit: {}", self.code())?;
        for (name, bytes) in [("stdout", &self.output.stdout), ("stderr", &self.output.stderr)] {
            if !bytes.is_empty() {
                write!(f, "\n--- {name} ---\n{}", filtered(&String::from_utf8_lossy(bytes), &self.root))?;
            }
        }
        Ok(())
    }
}

/// The text without paths, durations, rates, and sizes on disk.
fn filtered(text: &str, root: &Path) -> String {
    static FILTERS: LazyLock<[(Regex, &str); 4]> = LazyLock::new(|| {
        [
            (r"[\d.]+ (kB|MB|GB|B)/s", "[RATE]"),
            (r"(?m); (\d+ min \d+ s|[\d.]+ (ms|s))$", "; [TIME]"),
            (r"(?m) in [\d.]+ (ms|s)(,|$)", " in [TIME]$2"),
            (r"[\d.]+ (kB|MB|B) of disk", "[SIZE] of disk"),
        ]
        .map(|(pattern, replacement)| (Regex::new(pattern).unwrap(), replacement))
    });
    // The folder of temporary files may be a link.
    let real_root = fs::canonicalize(root).unwrap();
    let text = text.replace(real_root.to_str().unwrap(), "[DIR]").replace(root.to_str().unwrap(), "[DIR]");
    FILTERS.iter().fold(text, |text, (filter, replacement)| filter.replace_all(&text, *replacement).into_owned())
}

/// The folder named by an environment variable, or `None` with a note that what needs it was skipped.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub fn folder_of(variable: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        eprintln!("note: skipped: {variable} names no folder");
    }
    folder
}

/// Indexes a file or folder, but for files named in `exclude`, into the folder `data`.
pub fn indexed(logs: &Path, data: &Path, exclude: &[&str]) -> Engine {
    let writer = Writer::open(data).expect("writer");
    let index = IndexName::new("main").expect("a name");
    let mut options = Options::new(index, Zone::UTC, trawl_testdata::now_us());
    options.exclude = exclude.iter().map(|name| (*name).to_owned()).collect();
    let inputs = [Input::Path(logs.to_owned())];
    let report = trawl_indexer::index(&writer, &Registry::builtin(), &inputs, &options, &Progress::default());
    assert!(!report.expect("index").has_errors());
    Engine::new(Reader::open(data).expect("reader"), Registry::builtin())
}

/// Searches files without an index.
pub fn scanning(scans: Vec<(Vec<Input>, Options)>) -> Engine {
    Engine::of_feed(Arc::new(Scanning(scans)), Registry::builtin())
}

/// Files with how each of them is to be read.
struct Scanning(Vec<(Vec<Input>, Options)>);

impl Feed for Scanning {
    fn open(&self) -> Result<Box<dyn Reading>, RunError> {
        let open = |(inputs, options): &(Vec<Input>, Options)| {
            let stdin = || Box::new(std::io::empty()) as Box<dyn std::io::Read + Send>;
            FileScan::open(&Registry::builtin(), inputs, options, stdin, Arc::default()).expect("good inputs")
        };
        Ok(Box::new(ScanningNow(self.0.iter().map(open).collect())))
    }

    fn describe(&self) -> Result<String, RunError> {
        Ok("files".to_owned())
    }
}

struct ScanningNow(Vec<FileScan>);

impl Reading for ScanningNow {
    fn sources(&self) -> Vec<Source> {
        self.0.iter().flat_map(FileScan::sources).collect()
    }

    fn keep_sources(&mut self, keeps: &dyn Fn(&Source) -> bool) {
        self.0.iter_mut().for_each(|scan| scan.keep_sources(keeps));
    }

    fn read_part(
        &self,
        wanted: Wanted<'_>,
        take: &mut dyn FnMut(LiveBlock) -> Result<Flow, RunError>,
    ) -> Result<bool, RunError> {
        let mut outcome = Ok(());
        let mut hand = |block| match take(block) {
            Ok(Flow::More) => ControlFlow::Continue(()),
            Ok(Flow::Done) => ControlFlow::Break(()),
            Err(error) => {
                outcome = Err(error);
                ControlFlow::Break(())
            }
        };
        let is_read = self.0.iter().any(|scan| scan.read_part(wanted, &mut hand));
        outcome.map(|()| is_read)
    }

    fn outcome(&self) -> Outcome {
        let failed = self.0.iter().flat_map(FileScan::failed);
        let damaged = failed.map(|(path, error)| format!("{}: {error}", path.display())).collect();
        Outcome {
            n_files: self.0.iter().map(FileScan::n_files).sum(),
            left_out: Vec::new(),
            n_skipped_bytes: self.0.iter().map(FileScan::n_skipped_bytes).sum(),
            damaged,
        }
    }
}

/// `trawl run` at work; killed when dropped.
pub struct Running(pub Child);

impl Running {
    /// Starts it in a sandbox, with arguments behind `run`.
    pub fn new(sandbox: &Sandbox, args: &[&str]) -> Self {
        let args = [&["run"], args].concat();
        Self(sandbox.command(&args).stderr(Stdio::null()).spawn().expect("trawl starts"))
    }

    /// Ends it as nobody can prevent.
    pub fn kill(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) {
        let status = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().expect("kill starts");
        assert!(status.success() && self.0.wait().expect("it ends").success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

//! The library that stands between a recorded process and its disk (`shim.c`).

use std::ffi::{CString, c_char, c_int};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::ptr;

/// Kinds of calls that can fail, as `shim.c` has them.
pub const WRITE: u64 = 1;
pub const SYNC: u64 = 2;
pub const RENAME: u64 = 4;
pub const OPEN: u64 = 8;
pub const CREATE: u64 = 16;
pub const MAKE_DIR: u64 = 32;
pub const UNLINK: u64 = 64;
pub const TRUNCATE: u64 = 128;
pub const MAP: u64 = 256;
pub const SOURCE_OPEN: u64 = 1024;
pub const SOURCE_READ: u64 = 2048;
/// In the place of an error number.
pub const SHORT_WRITE: c_int = -1;
pub const SHORT_THEN_FULL: c_int = -2;

/// Compiles the library into a folder.
fn compile(folder: &Path) -> PathBuf {
    let library = folder.join("shim.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/crash/shim.c");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command
        .args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-pthread", "-o"])
        .arg(&library)
        .arg(source);
    let output = command.output().expect("a C compiler, which SQLite needs as well");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// Runs a test of this program in a process of its own, with the library loaded. `folder` is for whatever both need.
pub fn run(test: &str, folder: &Path, seed: u64, variables: &[(&str, &str)]) {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command
        .args(["--exact", test, "--test-threads=1", "--nocapture"])
        .env("LD_PRELOAD", compile(folder))
        .env("TRAWL_SHIM_SEED", seed.to_string())
        .env(FOLDER, folder)
        .envs(variables.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    // Addresses seed hash tables, whose order shows in what is written.
    // SAFETY: one system call between fork and exec, which is allowed there. Where it is refused, traces differ a little.
    unsafe {
        command.pre_exec(|| {
            libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
            Ok(())
        });
    }
    let output = command.output().expect("start");
    assert!(output.status.success(), "{test}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

/// Names the folder to the process.
pub const FOLDER: &str = "TRAWL_CRASH_FOLDER";

/// The functions of the library, each with its name there and the type that `shim.c` gives it.
macro_rules! library {
    ($($field:ident: $name:literal, $type:ty;)*) => {
        /// The library, in the process that it is loaded into.
        pub struct Shim {
            $($field: $type,)*
        }

        impl Shim {
            pub fn loaded() -> Self {
                Self {
                    $($field: {
                        // SAFETY: a lookup by a name that ends with a NUL.
                        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, concat!($name, "\0").as_ptr().cast()) };
                        assert!(!found.is_null(), "{} is loaded", $name);
                        // SAFETY: it is a function of this type.
                        unsafe { std::mem::transmute::<*mut libc::c_void, $type>(found) }
                    },)*
                }
            }
        }
    };
}

library! {
    watch: "shim_watch", unsafe extern "C" fn(*const c_char, *const c_char);
    trace: "shim_trace", unsafe extern "C" fn(*const c_char);
    mark: "shim_mark", unsafe extern "C" fn(u64);
    fail: "shim_fail", unsafe extern "C" fn(u64, u64, c_int, c_int);
    lift: "shim_lift", unsafe extern "C" fn();
    count: "shim_count", unsafe extern "C" fn(c_int) -> u64;
    hits: "shim_hits", unsafe extern "C" fn() -> u64;
    exempt: "shim_exempt", unsafe extern "C" fn(c_int);
    advance: "shim_advance", unsafe extern "C" fn(i64);
}

impl Shim {
    /// Everything in `data` is traced and can fail; reading in `sources` can fail.
    pub fn watch(&self, data: &Path, sources: &Path) {
        let (data, sources) = (c_string(data), c_string(sources));
        // SAFETY: both end with a NUL and are copied.
        unsafe { (self.watch)(data.as_ptr(), sources.as_ptr()) }
    }

    /// Begins a trace in a file, and ends the one before.
    pub fn trace(&self, file: Option<&Path>) {
        let file = file.map(c_string);
        // SAFETY: it ends with a NUL, or there is none.
        unsafe { (self.trace)(file.as_ref().map_or(ptr::null(), |file| file.as_ptr())) }
    }

    pub fn mark_step(&self, step: usize) {
        // SAFETY: it only notes the number.
        unsafe { (self.mark)(step as u64) }
    }

    /// Lets the `at`-th call of some kinds fail, from 1; alone, or with all that follow.
    pub fn fail(&self, kinds: u64, at: u64, error: c_int, until_lifted: bool) {
        // SAFETY: it only notes the numbers.
        unsafe { (self.fail)(kinds, at, error, until_lifted.into()) }
    }

    /// No call fails any more.
    pub fn lift(&self) {
        // SAFETY: it only changes a number.
        unsafe { (self.lift)() }
    }

    /// How many calls have failed since [`fail`](Self::fail).
    pub fn hits(&self) -> u64 {
        // SAFETY: it only reads a number.
        unsafe { (self.hits)() }
    }

    /// Calls of one kind since [`fail`](Self::fail).
    pub fn count(&self, kind: u64) -> u64 {
        // SAFETY: the number is that of a kind.
        unsafe { (self.count)(kind.trailing_zeros() as c_int) }
    }

    /// Does something as if in another process, whose calls do not fail.
    pub fn spare<T>(&self, what: impl FnOnce() -> T) -> T {
        // SAFETY: it only changes a number of this thread.
        unsafe { (self.exempt)(1) };
        let done = what();
        // SAFETY: as above.
        unsafe { (self.exempt)(0) };
        done
    }

    /// Lets time pass on the clock of the process.
    pub fn advance(&self, us: i64) {
        // SAFETY: it only changes a number.
        unsafe { (self.advance)(us) }
    }
}

fn c_string(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("no NUL in a path")
}

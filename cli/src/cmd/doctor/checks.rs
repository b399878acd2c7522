//! Judges what [`facts`](super::facts) found. Nothing in here asks the machine.

use super::Finding;
use super::facts::{FileSystem, InotifyLimits, Store};
use crate::config::{Origin, Setting};
use crate::output::human;
use std::error::Error;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use trawl_formats::Zone;
use trawl_indexer::FileError;
use trawl_store::StoreError;

/// Watchers of other programs that a machine should have room for beside ours.
const MIN_INSTANCES: u64 = 16;
/// Changes that the kernel should keep for us while we are busy.
const MIN_QUEUED_EVENTS: u64 = 4096;
/// Files that are open beside those that are followed: buckets, logs, the catalog, pipes.
const OTHER_FILES: u64 = 128;
/// Free space with which a store soon stops.
const LITTLE_SPACE: u64 = 256 << 20;
/// Free space that does not last long.
const LOW_SPACE: u64 = 2 << 30;
/// Inodes with which a store soon stops.
const FEW_INODES: u64 = 1000;
/// Live logs beyond this have not been sealed for some reason.
const LONG_LIVE_LOGS: u64 = 2 << 30;
/// By how much two clocks may differ.
const CLOCK_SLACK_US: i64 = 2_000_000;
/// 2026-01-01 UTC: no clock that is right stands before it.
const EARLIEST_PRESENT_US: i64 = 1_767_225_600_000_000;
/// Paths that are named of many.
const N_NAMED: usize = 3;

/// The configuration cannot be read.
pub(super) fn broken_configuration(error: &anyhow::Error) -> Finding {
    Finding::problem("configuration", format!("{error:#}"), "mend it; docs/config.md describes every key")
}

/// The configuration could be read; the log formats beside it perhaps not.
pub(super) fn configuration(file: Option<&Path>, error: Option<&anyhow::Error>) -> Finding {
    match (error, file) {
        (Some(error), _) => {
            Finding::problem("configuration", format!("{error:#}"), "mend or remove the sourcetype file")
        }
        (None, Some(file)) => Finding::ok("configuration", file.display().to_string()),
        (None, None) => Finding::ok("configuration", "no file: everything has its default"),
    }
}

pub(super) fn no_inputs(file: Option<&Path>) -> Finding {
    let place = file.map_or("trawl.toml".to_owned(), |file| file.display().to_string());
    Finding::warning(
        "inputs",
        "the configuration names nothing to follow",
        format!("write an [[input]] with `paths` or `command` into {place}, or name files: `trawl run PATH`"),
    )
}

pub(super) fn zone(zone: &Setting<Zone>) -> Finding {
    match zone.origin {
        Origin::Default => Finding::warning(
            "time zone",
            "the zone of this machine is not known: times without a zone are taken for UTC",
            "set `tz = \"Europe/Berlin\"` (or yours) in the configuration, or TZ in the environment",
        ),
        _ => Finding::ok("time zone", format!("{} ({})", zone.value, zone.origin)),
    }
}

/// `error` is why the folder cannot be listed, if it is there and that is so.
pub(super) fn lookups(folder: &Setting<PathBuf>, error: Option<&io::Error>) -> Finding {
    let Setting { value: folder, origin } = folder;
    match error {
        None => Finding::ok("lookups", folder.display().to_string()),
        Some(error) => Finding::problem(
            "lookups",
            format!("{} ({origin}) cannot be listed: {error}", folder.display()),
            "let this user read the folder, or name another one as `lookups`",
        ),
    }
}

/// A sourcetype that an input names.
pub(super) fn sourcetype(origin: &str, name: &str, is_known: bool) -> Option<Finding> {
    (!is_known).then(|| {
        Finding::problem(
            "sourcetype",
            format!("{origin}: there is no sourcetype `{name}`"),
            "correct the name, or write sourcetypes/NAME.toml beside the configuration file",
        )
    })
}

/// A program that an input runs; `found` is where it lies.
pub(super) fn program(origin: &str, line: &str, program: &OsStr, found: Option<&Path>) -> Finding {
    match found {
        Some(found) => Finding::ok("command", format!("{origin}: {line} ({})", found.display())),
        None => Finding::problem(
            "command",
            format!("{origin}: the program `{}` cannot be found or run", program.to_string_lossy()),
            "install it, write its whole path, or add its folder to PATH of the service",
        ),
    }
}

/// A named pipe that an input reads.
pub(super) fn fifo(origin: &str, path: &Path, is_fifo: io::Result<bool>) -> Finding {
    let path = path.display();
    match is_fifo {
        Ok(true) => Finding::ok("fifo", format!("{origin}: {path}")),
        Ok(false) => Finding::problem(
            "fifo",
            format!("{origin}: {path} is no named pipe"),
            "make one with mkfifo, or leave out `fifo` to follow a file",
        ),
        Err(error) => Finding::problem("fifo", format!("{origin}: {path}: {error}"), format!("make it: mkfifo {path}")),
    }
}

/// What an input's paths stand for.
pub(super) fn files(origin: &str, n_files: u64, errors: &[(PathBuf, FileError)]) -> Finding {
    let named = |errors: &[&(PathBuf, FileError)]| {
        let texts: Vec<String> = errors.iter().take(N_NAMED).map(|(path, error)| explain(path, error)).collect();
        let more = errors.len().saturating_sub(N_NAMED);
        if more == 0 { texts.join("; ") } else { format!("{}; and {more} more", texts.join("; ")) }
    };
    let (missing, unlisted): (Vec<_>, Vec<_>) =
        errors.iter().partition(|(_, error)| matches!(error, FileError::NotFound));
    let n_files_text = human::plural(n_files, "file");
    if !unlisted.is_empty() {
        let detail = format!("{origin}: {n_files_text}; {}", named(&unlisted));
        return Finding::problem(
            "files",
            detail,
            "let the user of the service list these folders (group `adm`, or setfacl)",
        );
    }
    if !missing.is_empty() || n_files == 0 {
        let detail = match missing.is_empty() {
            true => format!("{origin}: matches no file"),
            false => format!("{origin}: {n_files_text}; {}", named(&missing)),
        };
        return Finding::warning("files", detail, "correct the paths, unless the files are still to come");
    }
    Finding::ok("files", format!("{origin}: {n_files_text}"))
}

fn explain(path: &Path, error: &FileError) -> String {
    let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
    format!("{}: {error}{cause}", path.display())
}

/// Files of an input that cannot be opened. `blocking_parent` finds the folder that does not let us pass.
pub(super) fn unreadable(
    origin: &str,
    files: &[(PathBuf, io::Error)],
    blocking_parent: impl Fn(&Path) -> Option<PathBuf>,
) -> Option<Finding> {
    let (path, error) = files.first()?;
    let more = match files.len() - 1 {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let parent = blocking_parent(path);
    let why = match &parent {
        Some(parent) => format!("the folder {} may not be passed", parent.display()),
        None => error.to_string(),
    };
    let what = parent.as_deref().unwrap_or(path).display().to_string();
    Some(Finding::problem(
        "permissions",
        format!("{origin}: {}{more} cannot be read: {why}", path.display()),
        format!("let the user of the service read it, for example: setfacl -m u:USER:rX {what}"),
    ))
}

/// The kernel's limits of watching, against the directories that are to be watched.
pub(super) fn inotify(limits: &InotifyLimits, n_dirs: u64) -> Vec<Finding> {
    let dirs = human::plural(n_dirs, "folder").replace("folder", "directory").replace("directorys", "directories");
    let raise = |name: &str, to: u64| format!("sysctl -w fs.inotify.{name}={to}, and the same in /etc/sysctl.d/");
    let watches = match limits.max_user_watches {
        None => Finding::warning(
            "inotify",
            "the kernel says nothing of fs.inotify: files are looked at in intervals",
            "nothing is lost; events may be found a second later",
        ),
        Some(max) if max < n_dirs => Finding::warning(
            "inotify",
            format!("max_user_watches is {max}, and {dirs} are to be watched: the others are looked at in intervals"),
            raise("max_user_watches", (2 * n_dirs).next_power_of_two()),
        ),
        Some(max) if max / 2 < n_dirs => Finding::warning(
            "inotify",
            format!("max_user_watches is {max}, which other programs share, and {dirs} are to be watched"),
            raise("max_user_watches", (4 * n_dirs).next_power_of_two()),
        ),
        Some(max) => Finding::ok("inotify", format!("max_user_watches is {max}, and {dirs} are to be watched")),
    };
    let mut findings = vec![watches];
    if let Some(max) = limits.max_user_instances.filter(|max| *max < MIN_INSTANCES) {
        let detail = format!("max_user_instances is {max}, which all programs of the user share");
        findings.push(Finding::warning("inotify", detail, raise("max_user_instances", 128)));
    }
    if let Some(max) = limits.max_queued_events.filter(|max| *max < MIN_QUEUED_EVENTS) {
        let detail =
            format!("max_queued_events is {max}: in a burst notices get lost, and files are looked at in intervals");
        findings.push(Finding::warning("inotify", detail, raise("max_queued_events", 16_384)));
    }
    findings
}

/// Files that may be open (`None`: any number) against those that are followed at once.
pub(super) fn open_files(max: Option<u64>, n_followed: u64) -> Finding {
    let needed = n_followed + OTHER_FILES;
    match max {
        Some(max) if max < needed => Finding::problem(
            "open files",
            format!("{max} files may be open, {needed} are needed"),
            format!("LimitNOFILE={} in the unit of the service, or ulimit -n", needed.next_power_of_two()),
        ),
        Some(max) => Finding::ok("open files", format!("{max} files may be open, {needed} are needed")),
        None => Finding::ok("open files", "any number of files may be open"),
    }
}

/// Whether the data folder can be written; `error` is why not.
pub(super) fn writable(data: &Path, error: Option<&io::Error>) -> Finding {
    let data = data.display();
    match error {
        None => Finding::ok("data folder", format!("{data} can be written")),
        Some(error) => Finding::problem(
            "data folder",
            format!("{data} cannot be written: {error}"),
            format!("install -d -o USER -m 750 {data}, or name another folder as `data`"),
        ),
    }
}

/// What a file system is like, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Disk,
    Network(&'static str),
    /// Its files are somebody else's, who may change them unseen.
    Layered(&'static str),
    Memory,
    /// Its files are made when they are read.
    Made(&'static str),
}

/// The kind of a file system by its magic number (`statfs(2)`, `linux/magic.h`).
fn kind(magic: u64) -> Kind {
    match magic {
        0x6969 => Kind::Network("NFS"),
        0xff53_4d42 | 0xfe53_4d42 | 0x517b => Kind::Network("CIFS"),
        0x0102_1997 => Kind::Network("9p"),
        0x00c3_6400 => Kind::Network("Ceph"),
        0x5346_414f => Kind::Network("AFS"),
        0x0bd0_0bd0 => Kind::Network("Lustre"),
        0x4750_4653 => Kind::Network("GPFS"),
        0x6573_5546 => Kind::Layered("FUSE"),
        0x794c_7630 => Kind::Layered("overlay"),
        0x0102_1994 | 0x8584_58f6 => Kind::Memory,
        0x9fa0 => Kind::Made("proc"),
        0x6265_6572 => Kind::Made("sysfs"),
        0x6462_6720 => Kind::Made("debugfs"),
        0x7472_6163 => Kind::Made("tracefs"),
        0x0027_e0eb | 0x6367_7270 => Kind::Made("cgroup"),
        0x7363_6673 => Kind::Made("securityfs"),
        0x6265_6570 => Kind::Made("configfs"),
        0xcafe_4a11 => Kind::Made("bpf"),
        _ => Kind::Disk,
    }
}

/// The kind of the file system that the data folder lies on.
pub(super) fn data_file_system(data: &Path, system: &FileSystem) -> Finding {
    const CHECK: &str = "file system";
    let data = data.display();
    let elsewhere = "put the data folder on a local disk (`data` in the configuration)";
    match kind(system.magic) {
        Kind::Disk => Finding::ok(CHECK, format!("{data} lies on a local file system")),
        Kind::Network(name) => {
            let detail =
                format!("{data} lies on {name}: locks and shared memory do not work there as the catalog needs them");
            Finding::problem(CHECK, detail, elsewhere)
        }
        Kind::Made(name) => Finding::problem(CHECK, format!("{data} lies on {name}, which keeps no files"), elsewhere),
        Kind::Memory => {
            Finding::warning(CHECK, format!("{data} lies in memory: a restart loses everything"), elsewhere)
        }
        Kind::Layered(name) => Finding::warning(
            CHECK,
            format!("{data} lies on {name}: it may go with the container, and may not keep what was synced"),
            "put the data folder on a local disk, or on a volume of the container",
        ),
    }
}

/// The kind of a file system that files of an input lie on; `None` if it is a usual one.
pub(super) fn input_file_system(origin: &str, place: &Path, system: &FileSystem) -> Option<Finding> {
    const CHECK: &str = "file system";
    let place = place.display();
    match kind(system.magic) {
        Kind::Disk | Kind::Memory => None,
        Kind::Network(name) | Kind::Layered(name) => Some(Finding::warning(
            CHECK,
            format!(
                "{origin}: {place} lies on {name}, which does not tell of all changes: its files are looked at in intervals"
            ),
            "nothing is lost; where events must be found at once, run trawl where the files are written",
        )),
        Kind::Made(name) => Some(Finding::problem(
            CHECK,
            format!("{origin}: {place} lies on {name}, whose files are made when they are read and cannot be followed"),
            "use a command instead: command = [\"cat\", \"FILE\"] and interval = \"60s\"",
        )),
    }
}

/// Free space and inodes of the data folder's file system.
pub(super) fn space(data: &Path, system: &FileSystem) -> Vec<Finding> {
    let data = data.display();
    let FileSystem { total_bytes, free_bytes, total_inodes, free_inodes, .. } = *system;
    let detail = format!("{} of {} free for {data}", human::bytes(free_bytes), human::bytes(total_bytes));
    let remedy = "free some, or put the data folder on a larger file system";
    let bytes = if free_bytes < LITTLE_SPACE {
        Finding::problem("space", detail, remedy)
    } else if free_bytes < LOW_SPACE || free_bytes < total_bytes / 20 {
        Finding::warning("space", detail, remedy)
    } else {
        Finding::ok("space", detail)
    };
    // Some file systems make inodes as they are needed.
    let inodes = (total_inodes > 0).then(|| {
        let detail = format!("{} of {} inodes free", human::count(free_inodes), human::count(total_inodes));
        if free_inodes < FEW_INODES {
            Finding::problem("inodes", detail, "remove small files that nobody needs, or use another file system")
        } else if free_inodes < total_inodes / 20 {
            Finding::warning("inodes", detail, "remove small files that nobody needs")
        } else {
            Finding::ok("inodes", detail)
        }
    });
    [Some(bytes), inodes].into_iter().flatten().collect()
}

/// The clock: against that of the file system, and against the newest event.
pub(super) fn clock(now_us: i64, file_us: Option<i64>, newest_us: Option<i64>) -> Vec<Finding> {
    let set = "set the clock, and keep it set: timedatectl set-ntp true";
    let seconds = |us: i64| human::duration(std::time::Duration::from_micros(us.unsigned_abs()));
    if now_us < EARLIEST_PRESENT_US {
        return vec![Finding::problem("clock", "the clock of this machine stands before 2026", set)];
    }
    let mut findings = Vec::new();
    if let Some(ahead_us) = file_us.map(|file_us| file_us - now_us).filter(|ahead| ahead.abs() > CLOCK_SLACK_US) {
        let which = if ahead_us > 0 { "behind" } else { "ahead of" };
        let detail = format!("the clock is {} {which} that of the data folder's file system", seconds(ahead_us));
        findings.push(Finding::warning("clock", detail, "set the clocks of both machines (NTP)"));
    }
    if let Some(ahead_us) = newest_us.map(|newest_us| newest_us - now_us).filter(|ahead| *ahead > 60_000_000) {
        findings.push(Finding::warning(
            "clock",
            format!("the newest event lies {} in the future", seconds(ahead_us)),
            "check the clock of the machine that wrote it, and the `tz` of its input",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok("clock", "agrees with the data folder and the newest event"));
    }
    findings
}

/// The store, as a reader finds it.
pub(super) fn store(data: &Path, store: &Result<Store, StoreError>) -> Vec<Finding> {
    const CHECK: &str = "store";
    let store = match store {
        Ok(store) => store,
        Err(StoreError::NoStore { .. }) => {
            return vec![Finding::ok(CHECK, format!("nothing is indexed in {} yet", data.display()))];
        }
        Err(error) => {
            let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
            let remedy = "`trawl verify` says what is damaged, `trawl verify --repair` mends what can be mended";
            return vec![Finding::problem(CHECK, format!("{error}{cause}"), remedy)];
        }
    };
    let holder = match &store.holder {
        Some(holder) => format!("being written by {holder}"),
        None => "nobody writes to it".to_owned(),
    };
    let buckets = human::plural(store.n_buckets, "bucket");
    let live = human::bytes(store.live_bytes);
    let mut findings = vec![Finding::ok(CHECK, format!("{buckets}, {live} in live logs; {holder}"))];
    if store.live_bytes > LONG_LIVE_LOGS {
        findings.push(Finding::warning(
            CHECK,
            format!("{live} of live logs wait to be sealed, which makes searches slow"),
            "keep `trawl run` running; if it does, look for its warnings",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const GIB: u64 = 1 << 30;

    fn state(finding: &Finding) -> State {
        assert_eq!(finding.remedy.is_none(), finding.state == State::Ok, "{finding:?}");
        finding.state
    }

    fn states(findings: &[Finding]) -> Vec<State> {
        findings.iter().map(state).collect()
    }

    #[test]
    fn watches_must_suffice() {
        let limits = |watches, instances, queued| InotifyLimits {
            max_user_watches: watches,
            max_user_instances: instances,
            max_queued_events: queued,
        };
        for (limits, n_dirs, expected) in [
            (limits(Some(8192), Some(128), Some(16_384)), 4_000, &[State::Ok][..]),
            (limits(Some(8192), Some(128), Some(16_384)), 5_000, &[State::Warning]),
            (limits(Some(8192), Some(128), Some(16_384)), 9_000, &[State::Warning]),
            (limits(Some(8192), Some(2), Some(10)), 1, &[State::Ok, State::Warning, State::Warning]),
            (limits(None, None, None), 1, &[State::Warning]),
        ] {
            assert_eq!(states(&inotify(&limits, n_dirs)), expected, "{limits:?} {n_dirs}");
        }
        let short = &inotify(&limits(Some(100), None, None), 300)[0];
        assert!(short.detail.contains("300 directories"), "{short:?}");
        assert!(short.remedy.as_ref().unwrap().contains("max_user_watches=1024"), "{short:?}");
        assert!(inotify(&limits(Some(100), None, None), 1)[0].detail.contains("1 directory"));
    }

    #[test]
    fn open_files_must_suffice() {
        for (max, expected) in [(Some(256), State::Problem), (Some(640), State::Ok), (None, State::Ok)] {
            assert_eq!(state(&open_files(max, 512)), expected, "{max:?}");
        }
    }

    #[test]
    fn file_systems_are_judged_by_what_lies_on_them() {
        for (magic, data, input) in [
            (0xef53, State::Ok, None),
            (0x6969, State::Problem, Some(State::Warning)),
            (0xff53_4d42, State::Problem, Some(State::Warning)),
            (0x6573_5546, State::Warning, Some(State::Warning)),
            (0x794c_7630, State::Warning, Some(State::Warning)),
            (0x0102_1994, State::Warning, None),
            (0x9fa0, State::Problem, Some(State::Problem)),
        ] {
            let system = FileSystem { magic, ..FileSystem::default() };
            assert_eq!(state(&data_file_system(Path::new("/d"), &system)), data, "{magic:x}");
            let of_input = input_file_system("trawl.toml:1", Path::new("/l"), &system);
            assert_eq!(of_input.as_ref().map(state), input, "{magic:x}");
        }
    }

    #[test]
    fn space_and_inodes_must_suffice() {
        let system = |free_bytes, total_inodes, free_inodes| FileSystem {
            total_bytes: 100 * GIB,
            free_bytes,
            total_inodes,
            free_inodes,
            ..FileSystem::default()
        };
        for (system, expected) in [
            (system(50 * GIB, 0, 0), &[State::Ok][..]),
            (system(4 * GIB, 1_000_000, 900_000), &[State::Warning, State::Ok]),
            (system(100 << 20, 1_000_000, 40_000), &[State::Problem, State::Warning]),
            (system(50 * GIB, 1_000_000, 10), &[State::Ok, State::Problem]),
        ] {
            assert_eq!(states(&space(Path::new("/d"), &system)), expected, "{system:?}");
        }
    }

    #[test]
    fn clocks_must_agree() {
        const NOW_US: i64 = 1_795_348_800_000_000;
        const HOUR_US: i64 = 3_600_000_000;
        for (now_us, file_us, newest_us, expected) in [
            (NOW_US, Some(NOW_US + 1), Some(NOW_US - HOUR_US), &[State::Ok][..]),
            (NOW_US, None, None, &[State::Ok]),
            (NOW_US, Some(NOW_US + HOUR_US), None, &[State::Warning]),
            (NOW_US, Some(NOW_US - HOUR_US), Some(NOW_US + HOUR_US), &[State::Warning, State::Warning]),
            (0, Some(0), None, &[State::Problem]),
        ] {
            assert_eq!(states(&clock(now_us, file_us, newest_us)), expected, "{now_us} {file_us:?} {newest_us:?}");
        }
        let behind = &clock(NOW_US, Some(NOW_US + HOUR_US), None)[0];
        assert!(behind.detail.contains(" behind "), "{behind:?}");
    }

    #[test]
    fn inputs_must_match_something_that_can_be_read() {
        let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
        let missing = (PathBuf::from("/var/log/*.x"), FileError::NotFound);
        let unlisted = (PathBuf::from("/var/log/private"), FileError::Unreadable(denied()));
        assert_eq!(state(&files("t:1", 3, &[])), State::Ok);
        assert_eq!(state(&files("t:1", 0, &[])), State::Warning);
        assert_eq!(state(&files("t:1", 3, std::slice::from_ref(&missing))), State::Warning);
        let finding = files("t:1", 3, &[missing, unlisted]);
        assert_eq!(state(&finding), State::Problem);
        assert!(finding.detail.contains("/var/log/private: cannot be read: permission denied"), "{finding:?}");

        assert_eq!(unreadable("t:1", &[], |_| None), None);
        let unread = [(PathBuf::from("/srv/app/a.log"), denied()), (PathBuf::from("/srv/app/b.log"), denied())];
        let finding = unreadable("t:1", &unread, |_| Some(PathBuf::from("/srv"))).unwrap();
        assert_eq!(state(&finding), State::Problem);
        assert!(finding.detail.contains("a.log, and 1 more cannot be read: the folder /srv may"), "{finding:?}");
        assert!(finding.remedy.unwrap().ends_with(" /srv"));
    }

    #[test]
    fn programs_pipes_and_sourcetypes_must_exist() {
        assert_eq!(state(&program("t:1", "df -P", "df".as_ref(), Some(Path::new("/bin/df")))), State::Ok);
        assert_eq!(state(&program("t:1", "df -P", "df".as_ref(), None)), State::Problem);
        for (is_fifo, expected) in
            [(Ok(true), State::Ok), (Ok(false), State::Problem), (Err(io::ErrorKind::NotFound.into()), State::Problem)]
        {
            assert_eq!(state(&fifo("t:1", Path::new("/run/f"), is_fifo)), expected);
        }
        assert_eq!(sourcetype("t:1", "df", true), None);
        assert_eq!(state(&sourcetype("t:1", "fd", false).unwrap()), State::Problem);
        assert_eq!(state(&no_inputs(None)), State::Warning);
    }

    #[test]
    fn settings_must_be_usable() {
        let error = anyhow::anyhow!("bad");
        assert_eq!(state(&broken_configuration(&error)), State::Problem);
        assert_eq!(state(&configuration(None, None)), State::Ok);
        assert_eq!(state(&configuration(None, Some(&error))), State::Problem);
        assert_eq!(state(&zone(&Setting::new(Zone::UTC, Origin::Default))), State::Warning);
        assert_eq!(state(&zone(&Setting::new(Zone::UTC, Origin::Machine))), State::Ok);
        let folder = Setting::new(PathBuf::from("/l"), Origin::Default);
        assert_eq!(state(&lookups(&folder, None)), State::Ok);
        assert_eq!(state(&lookups(&folder, Some(&io::Error::other("x")))), State::Problem);
        assert_eq!(state(&writable(Path::new("/d"), None)), State::Ok);
        assert_eq!(state(&writable(Path::new("/d"), Some(&io::Error::other("x")))), State::Problem);
    }

    #[test]
    fn the_store_is_told_of() {
        let data = Path::new("/d");
        let check = |found| store(data, &found);
        assert_eq!(states(&check(Err(StoreError::NoStore { path: data.to_owned() }))), [State::Ok]);
        let damaged = StoreError::CatalogLost { path: data.to_owned() };
        assert_eq!(states(&check(Err(damaged))), [State::Problem]);
        let held = Store { holder: Some("process 7".to_owned()), ..Store::default() };
        let findings = check(Ok(held));
        assert!(findings[0].detail.ends_with("being written by process 7"), "{findings:?}");
        let long = Store { live_bytes: 3 * GIB, ..Store::default() };
        assert_eq!(states(&check(Ok(long))), [State::Ok, State::Warning]);
    }
}

//! What the machine says: nothing in here judges.

use rustix::process::{Resource, getrlimit};
use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use trawl_store::{Reader, StoreError};

/// What the kernel allows of watching; `None` where it does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct InotifyLimits {
    pub(super) max_user_watches: Option<u64>,
    pub(super) max_user_instances: Option<u64>,
    pub(super) max_queued_events: Option<u64>,
}

pub(super) fn inotify_limits() -> InotifyLimits {
    let limit = |name: &str| fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?.trim().parse().ok();
    InotifyLimits {
        max_user_watches: limit("max_user_watches"),
        max_user_instances: limit("max_user_instances"),
        max_queued_events: limit("max_queued_events"),
    }
}

/// Files that this process may have open; `None` for any number.
pub(super) fn max_open_files() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// What is known of a file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FileSystem {
    /// Magic number of its kind.
    pub(super) magic: u64,
    pub(super) total_bytes: u64,
    pub(super) free_bytes: u64,
    /// 0 where inodes are made as they are needed.
    pub(super) total_inodes: u64,
    pub(super) free_inodes: u64,
}

pub(super) fn file_system(path: &Path) -> io::Result<FileSystem> {
    let stat = rustix::fs::statfs(path)?;
    // The types of the fields differ from platform to platform; kinds are 32 bits wide.
    let block_bytes = stat.f_bsize as u64;
    Ok(FileSystem {
        magic: stat.f_type as u64 & 0xffff_ffff,
        total_bytes: stat.f_blocks * block_bytes,
        free_bytes: stat.f_bavail * block_bytes,
        total_inodes: stat.f_files,
        free_inodes: stat.f_ffree,
    })
}

/// The file systems of some directories, each with the first directory that lies on it.
pub(super) fn file_systems<'p>(places: impl Iterator<Item = &'p Path>) -> Vec<(PathBuf, FileSystem)> {
    let mut by_device: BTreeMap<u64, (PathBuf, FileSystem)> = BTreeMap::new();
    for place in places {
        let Ok(metadata) = fs::metadata(place) else { continue };
        if !by_device.contains_key(&metadata.dev())
            && let Ok(system) = file_system(place)
        {
            by_device.insert(metadata.dev(), (place.to_owned(), system));
        }
    }
    by_device.into_values().collect()
}

/// The path, or the nearest folder above it that exists.
pub(super) fn nearest_existing(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// Why nothing can be written into a folder, or a folder that does not exist cannot be made.
pub(super) fn write_error(dir: &Path) -> Option<io::Error> {
    tempfile::Builder::new().prefix(".trawl-doctor").tempfile_in(nearest_existing(dir)).err()
}

/// The time of a new file in a folder, by the clock of its file system, microseconds since the epoch.
pub(super) fn file_time_us(dir: &Path) -> Option<i64> {
    let file = tempfile::Builder::new().prefix(".trawl-doctor").tempfile_in(dir).ok()?;
    let modified = file.as_file().metadata().ok()?.modified().ok()?;
    i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_micros()).ok()
}

/// Why a file cannot be read.
pub(super) fn read_error(file: &Path) -> Option<io::Error> {
    File::open(file).err()
}

/// Why a folder cannot be listed; `None` also if there is none.
pub(super) fn listing_error(dir: &Path) -> Option<io::Error> {
    fs::read_dir(dir).err().filter(|error| error.kind() != io::ErrorKind::NotFound)
}

/// The first folder on the way to a path that we may not pass.
pub(super) fn blocking_parent(path: &Path) -> Option<PathBuf> {
    let mut parents: Vec<&Path> = path.ancestors().skip(1).collect();
    parents.reverse();
    // What lies in a folder can be asked for only by who may pass it.
    let may_pass = |dir: &Path| !matches!(fs::metadata(dir.join(".")), Err(error) if error.kind() == io::ErrorKind::PermissionDenied);
    parents.into_iter().find(|dir| !may_pass(dir)).map(Path::to_owned)
}

/// Whether there is a FIFO at a path.
pub(super) fn fifo(path: &Path) -> io::Result<bool> {
    fs::metadata(path).map(|metadata| metadata.file_type().is_fifo())
}

/// Where a program lies, if it can be run.
pub(super) fn find_program(program: &OsStr) -> Option<PathBuf> {
    search_program(program, env::var_os("PATH").as_deref(), |path| {
        fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    })
}

fn search_program(program: &OsStr, path: Option<&OsStr>, can_run: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    if Path::new(program).components().count() > 1 {
        return Some(PathBuf::from(program)).filter(|program| can_run(program));
    }
    env::split_paths(path?).map(|dir| dir.join(program)).find(|program| can_run(program))
}

/// What a store that can be read holds.
#[derive(Debug, Default)]
pub(super) struct Store {
    /// Who writes to it.
    pub(super) holder: Option<String>,
    pub(super) n_buckets: u64,
    /// Length of all live logs.
    pub(super) live_bytes: u64,
    /// Latest `_time`, microseconds since the epoch.
    pub(super) newest_us: Option<i64>,
}

pub(super) fn store(data: &Path) -> Result<Store, StoreError> {
    let snapshot = Reader::open(data)?.snapshot()?;
    let of_buckets = snapshot.buckets.iter().map(|bucket| bucket.max_time_us);
    let of_live = snapshot.live.iter().flat_map(|block| block.parsed.events.iter().map(|event| event.time_us));
    Ok(Store {
        holder: holder(data),
        n_buckets: snapshot.buckets.len() as u64,
        live_bytes: live_bytes(data),
        newest_us: of_buckets.chain(of_live).max(),
    })
}

/// Who holds the lock of a store.
fn holder(data: &Path) -> Option<String> {
    let path = data.join("lock");
    let file = File::open(&path).ok()?;
    // Shared, and only for this moment; a writer that begins tries for longer than that.
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(fs::read_to_string(path).unwrap_or_default().trim().to_owned()),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn live_bytes(data: &Path) -> u64 {
    let entries = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().flatten();
    let logs = entries(data.join("index")).flat_map(|index| entries(index.path().join("live")));
    logs.filter_map(|log| log.metadata().ok()).filter(fs::Metadata::is_file).map(|log| log.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_up_as_the_system_does() {
        let can_run = |path: &Path| ["/b/df", "/c/df", "/opt/check"].iter().any(|known| path == Path::new(known));
        let find = |program: &str, path: Option<&str>| {
            search_program(program.as_ref(), path.map(OsStr::new), can_run).map(|path| path.display().to_string())
        };
        assert_eq!(find("df", Some("/a:/b:/c")).as_deref(), Some("/b/df"));
        assert_eq!(find("ps", Some("/a:/b")), None);
        assert_eq!(find("df", None), None);
        assert_eq!(find("/opt/check", None).as_deref(), Some("/opt/check"));
        assert_eq!(find("/opt/df", Some("/b")), None);
    }

    #[test]
    fn the_nearest_folder_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(nearest_existing(&dir.path().join("a/b")), dir.path());
        assert_eq!(nearest_existing(dir.path()), dir.path());
    }
}

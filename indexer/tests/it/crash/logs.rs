//! The logs of a script in a real folder: on another disk, so to speak, which loses nothing.
//!
//! A file keeps its inode whatever happens to its names, also when a check goes back to an earlier step: each has one more
//! name in a folder that nobody follows.

use super::script::World;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

pub struct Logs {
    /// Where the names are.
    pub folder: PathBuf,
    vault: PathBuf,
    shown: World,
}

impl Logs {
    /// The logs in `folder`, as [`show`](Self::show) has left them in whatever process.
    pub fn new(folder: &Path) -> Self {
        let logs = Self { folder: folder.join("logs"), vault: folder.join("vault"), shown: World::default() };
        fs::create_dir_all(&logs.folder).expect("create");
        fs::create_dir_all(&logs.vault).expect("create");
        logs
    }

    /// Makes the folder what it was, or will be, at a step.
    pub fn show(&mut self, world: &World) {
        for (number, file) in world.files.iter().enumerate() {
            let before = self.shown.files.get(number);
            if before.is_some_and(|before| before.bytes == file.bytes && before.mtime_us == file.mtime_us) {
                continue;
            }
            let path = self.vault.join(number.to_string());
            let before = before.map_or(&[][..], |before| &before.bytes);
            let mut log = File::options().append(true).create(true).open(path).expect("open");
            let added = match file.bytes.strip_prefix(before) {
                Some(added) if !before.is_empty() => added,
                _ => {
                    log.set_len(0).expect("truncate");
                    &file.bytes
                }
            };
            log.write_all(added).expect("write");
            let mtime = SystemTime::UNIX_EPOCH + Duration::from_micros(file.mtime_us as u64);
            log.set_modified(mtime).expect("set time");
        }
        let shown = self.shown.names.iter().filter(|(name, number)| world.names.get(*name) != Some(number));
        for (name, _) in shown {
            fs::remove_file(self.folder.join(name)).expect("remove");
        }
        for (name, number) in &world.names {
            if self.shown.names.get(name) != Some(number) {
                fs::hard_link(self.vault.join(number.to_string()), self.folder.join(name)).expect("link");
            }
        }
        self.shown = world.clone();
    }

    /// Forgets the names that another process has left.
    pub fn clear(&mut self) {
        for entry in fs::read_dir(&self.folder).expect("list") {
            fs::remove_file(entry.expect("entry").path()).expect("remove");
        }
        self.shown = World::default();
    }
}

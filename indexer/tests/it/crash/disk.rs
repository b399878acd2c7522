//! A file system after each call of a trace: what is in it, and what of that a power cut cannot take.
//!
//! **Guaranteed** are the contents that a file had when it was last synced, and the names that a directory had when it was.
//! A rename happens wholly or not at all, and is guaranteed once both directories are synced. Everything else may be there or
//! not, each change without those before it: that is less than ext4, xfs or btrfs promise.
//!
//! **Bytes that a write did not name are never changed by it**, whatever becomes of the write. SQLite assumes the same
//! (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`).

use super::trace::Op;
use super::variant::Variant;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file or directory, for as long as the trace lasts: inode numbers are used again.
type Id = usize;
/// The folder itself.
const ROOT: Id = 0;

#[derive(Clone, Default)]
pub struct Disk {
    nodes: Vec<Node>,
    /// Of each directory, as the process sees them.
    names: Vec<Names>,
    /// Of each directory, as they are guaranteed.
    durable_names: Vec<Names>,
    by_ino: HashMap<u64, Id>,
    /// Changes of names that are not guaranteed, in order.
    pending: Vec<NameChange>,
}

#[derive(Clone, Default)]
struct Node {
    /// Nothing, for a directory.
    file: File,
    is_dir: bool,
}

type Names = BTreeMap<String, Id>;

/// Contents of a file.
#[derive(Clone, Default)]
pub struct File {
    now: Vec<u8>,
    /// As they were when nothing was pending.
    pub durable: Vec<u8>,
    /// What happened since.
    pub changes: Vec<Change>,
}

#[derive(Clone)]
pub struct Change {
    pub what: Contents,
    pub fate: Fate,
}

#[derive(Clone)]
pub enum Contents {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { len: usize },
}

/// What is known of a change of contents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was not synced.
    Pending,
    /// It was synced, behind another that is lost.
    Certain,
    /// A sync failed: perhaps it is on the disk, and no later sync says anything about it.
    Doubtful,
}

#[derive(Clone)]
struct NameChange {
    what: Rename,
    /// Directories that were not synced since.
    unsynced: Vec<Id>,
}

/// A change of names: that of `id` from one place to another. Without a place before it is made, without one after it is removed.
#[derive(Clone)]
struct Rename {
    id: Id,
    from: Option<(Id, String)>,
    to: Option<(Id, String)>,
}

/// Directories and files, by their paths in the folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tree {
    pub dirs: BTreeSet<String>,
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Disk {
    /// A folder as it is now; all of it is guaranteed.
    pub fn of(folder: &Path) -> Self {
        let mut disk = Self::default();
        disk.scan(folder);
        disk
    }

    fn scan(&mut self, dir: &Path) -> Id {
        let id = self.add(fs::metadata(dir).expect("folder").ino(), true);
        for entry in fs::read_dir(dir).expect("folder") {
            let entry = entry.expect("entry");
            assert!(entry.path().is_dir(), "it begins empty");
            let child = self.scan(&entry.path());
            let name = entry.file_name().into_string().expect("UTF-8");
            self.names[id].insert(name.clone(), child);
            self.durable_names[id].insert(name, child);
        }
        id
    }

    fn add(&mut self, ino: u64, is_dir: bool) -> Id {
        self.nodes.push(Node { is_dir, file: File::default() });
        self.names.push(Names::new());
        self.durable_names.push(Names::new());
        self.by_ino.insert(ino, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// The directory of a path, and the name in it.
    fn place(&self, path: &str) -> (Id, String) {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut at = ROOT;
        for name in dir.split('/').filter(|name| !name.is_empty()) {
            at = self.names[at][name];
        }
        (at, name.to_owned())
    }

    fn id_at(&self, (dir, name): &(Id, String)) -> Option<Id> {
        self.names[*dir].get(name).copied()
    }

    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Create { ino, path } | Op::MakeDir { ino, path } => {
                let id = self.add(*ino, matches!(op, Op::MakeDir { .. }));
                self.rename(Rename { id, from: None, to: Some(self.place(path)) });
            }
            Op::Link { ino, path } => {
                let id = self.by_ino[ino];
                self.rename(Rename { id, from: None, to: Some(self.place(path)) });
            }
            Op::Unlink { path } => {
                let from = self.place(path);
                // Files that are not durable state were never created here.
                let Some(id) = self.id_at(&from) else { return };
                self.rename(Rename { id, from: Some(from), to: None });
            }
            Op::Rename { from, to } => {
                let (from, to) = (self.place(from), self.place(to));
                let id = self.id_at(&from).expect("the rename has succeeded");
                self.rename(Rename { id, from: Some(from), to: Some(to) });
            }
            Op::Write { ino, at, bytes } => self.change(*ino, Contents::Write { at: *at, bytes: bytes.clone() }),
            Op::Truncate { ino, len } => self.change(*ino, Contents::Truncate { len: *len }),
            Op::Sync { ino } => self.sync(self.by_ino[ino]),
            Op::SyncFailed { ino } => {
                for change in &mut self.nodes[self.by_ino[ino]].file.changes {
                    if change.fate == Fate::Pending {
                        change.fate = Fate::Doubtful;
                    }
                }
            }
            Op::Step(_) => {}
        }
    }

    fn change(&mut self, ino: u64, what: Contents) {
        let file = &mut self.nodes[self.by_ino[&ino]].file;
        what.apply(&mut file.now);
        file.changes.push(Change { what, fate: Fate::Pending });
    }

    fn rename(&mut self, what: Rename) {
        let mut unsynced: Vec<Id> = [&what.from, &what.to].into_iter().flatten().map(|(dir, _)| *dir).collect();
        unsynced.dedup();
        what.apply(&mut self.names);
        self.pending.push(NameChange { what, unsynced });
    }

    fn sync(&mut self, id: Id) {
        if self.nodes[id].is_dir {
            let mut durable = Vec::new();
            self.pending.retain_mut(|change| {
                change.unsynced.retain(|dir| *dir != id);
                let is_pending = !change.unsynced.is_empty();
                if !is_pending {
                    durable.push(change.what.clone());
                }
                is_pending
            });
            durable.iter().for_each(|change| change.apply(&mut self.durable_names));
            return;
        }
        let file = &mut self.nodes[id].file;
        if file.changes.iter().any(|change| change.fate == Fate::Doubtful) {
            file.changes.iter_mut().filter(|change| change.fate == Fate::Pending).for_each(|c| c.fate = Fate::Certain);
        } else {
            file.durable.clone_from(&file.now);
            file.changes.clear();
        }
    }

    /// What the process sees.
    pub fn now(&self) -> Tree {
        let mut tree = Tree::default();
        self.walk(ROOT, "", &self.names, &mut |file| file.now.clone(), &mut tree);
        tree
    }

    /// What is there after a power cut, of all that may be there.
    pub fn after_power_cut(&self, variant: &mut Variant) -> Tree {
        let mut names = self.durable_names.clone();
        let is_kept = variant.names(self.pending.len());
        for (change, _) in self.pending.iter().zip(is_kept).filter(|(_, is_kept)| *is_kept) {
            change.what.apply(&mut names);
        }
        let mut tree = Tree::default();
        self.walk(ROOT, "", &names, &mut |file| variant.contents(file), &mut tree);
        tree
    }

    fn walk(
        &self,
        dir: Id,
        prefix: &str,
        names: &[Names],
        contents: &mut dyn FnMut(&File) -> Vec<u8>,
        tree: &mut Tree,
    ) {
        for (name, &id) in &names[dir] {
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            if self.nodes[id].is_dir {
                self.walk(id, &path, names, contents, tree);
                tree.dirs.insert(path);
            } else {
                tree.files.insert(path, contents(&self.nodes[id].file));
            }
        }
    }
}

impl Rename {
    fn apply(&self, names: &mut [Names]) {
        // Another file may have the name by now, where changes happen without those before them.
        if let Some((dir, name)) = &self.from
            && names[*dir].get(name) == Some(&self.id)
        {
            names[*dir].remove(name);
        }
        if let Some((dir, name)) = &self.to {
            names[*dir].insert(name.clone(), self.id);
        }
    }
}

impl Contents {
    pub fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes: new } => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
            Self::Truncate { len } => bytes.resize(*len, 0),
        }
    }
}

impl Tree {
    /// A folder as it is now, without what SQLite shares between processes.
    pub fn of(folder: &Path) -> Self {
        let mut tree = Self::default();
        tree.read(folder, "");
        tree
    }

    fn read(&mut self, dir: &Path, prefix: &str) {
        for entry in fs::read_dir(dir).expect("folder") {
            let entry = entry.expect("entry");
            let name = entry.file_name().into_string().expect("UTF-8");
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if entry.path().is_dir() {
                self.read(&entry.path(), &path);
                self.dirs.insert(path);
            } else if !path.ends_with("-shm") {
                self.files.insert(path, fs::read(entry.path()).expect("file"));
            }
        }
    }

    /// Writes it into a folder, which is emptied first.
    pub fn write(&self, folder: &Path) {
        if folder.exists() {
            fs::remove_dir_all(folder).expect("empty");
        }
        fs::create_dir_all(folder).expect("create");
        for dir in &self.dirs {
            fs::create_dir_all(folder.join(dir)).expect("create");
        }
        for (path, bytes) in &self.files {
            fs::write(folder.join(path), bytes).expect("write");
        }
    }

    /// The first path that is not the same in another tree, and how.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let dirs = self.dirs.symmetric_difference(&other.dirs).next().map(|dir| format!("directory {dir}"));
        let mut paths = self.files.keys().chain(other.files.keys());
        dirs.or_else(|| {
            let path = paths.find(|path| self.files.get(*path) != other.files.get(*path))?;
            let len = |tree: &Self| tree.files.get(path).map(Vec::len);
            Some(format!("{path}: {:?} and {:?} bytes", len(self), len(other)))
        })
    }
}

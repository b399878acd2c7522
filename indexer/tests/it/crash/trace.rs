//! What a recorded process asked of its disk.

use std::collections::HashMap;
use std::path::Path;

/// One call that succeeded, but for [`Op::SyncFailed`]. Paths are relative to the watched folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Create {
        ino: u64,
        path: String,
    },
    MakeDir {
        ino: u64,
        path: String,
    },
    Write {
        ino: u64,
        at: usize,
        bytes: Vec<u8>,
    },
    Truncate {
        ino: u64,
        len: usize,
    },
    Sync {
        ino: u64,
    },
    /// What was not synced may never reach the disk, whatever is synced later.
    SyncFailed {
        ino: u64,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        path: String,
    },
    Link {
        ino: u64,
        path: String,
    },
    /// A step of the script begins.
    Step(usize),
}

impl Op {
    /// In a line, without the bytes.
    pub fn describe(&self) -> String {
        match self {
            Self::Write { ino, at, bytes } => format!("Write {{ ino: {ino}, at: {at}, {} bytes }}", bytes.len()),
            other => format!("{other:?}"),
        }
    }
}

/// Reads a trace file, as `shim.c` writes it. Panics if the process did something to the folder that no replay knows of.
pub fn read(file: &Path, folder: &Path) -> Vec<Op> {
    let bytes = std::fs::read(file).expect("the trace");
    let mut rest = &bytes[..];
    let mut ops = Vec::new();
    while !rest.is_empty() {
        let op = take(&mut rest, 1)[0];
        let ino = u64::from_le_bytes(take(&mut rest, 8).try_into().expect("8 bytes"));
        let at = u64::from_le_bytes(take(&mut rest, 8).try_into().expect("8 bytes")) as usize;
        let len_a = u32::from_le_bytes(take(&mut rest, 4).try_into().expect("4 bytes")) as usize;
        let len_b = u32::from_le_bytes(take(&mut rest, 4).try_into().expect("4 bytes")) as usize;
        let (a, b) = (take(&mut rest, len_a), take(&mut rest, len_b));
        let path = |bytes: &[u8]| {
            let path = Path::new(std::str::from_utf8(bytes).expect("the test chooses the folder"));
            let path = path.strip_prefix(folder).expect("only what is in the folder is traced");
            path.to_str().expect("UTF-8").to_owned()
        };
        ops.push(match op {
            1 => Op::Create { ino, path: path(a) },
            2 => Op::MakeDir { ino, path: path(a) },
            3 => Op::Write { ino, at, bytes: a.to_vec() },
            4 => Op::Truncate { ino, len: at },
            5 => Op::Sync { ino },
            6 => Op::SyncFailed { ino },
            7 => Op::Rename { from: path(a), to: path(b) },
            8 => Op::Unlink { path: path(a) },
            9 => Op::Link { ino, path: path(a) },
            10 => Op::Step(ino as usize),
            _ => panic!("no replay knows the call `{}`", String::from_utf8_lossy(a)),
        });
    }
    ops
}

/// Of each sync that a trace has, the step in which it comes, and what is synced by the name that it had at first.
pub fn syncs(ops: &[Op]) -> Vec<(usize, String)> {
    let (mut step, mut paths, mut syncs) = (0, HashMap::<u64, &str>::new(), Vec::new());
    for op in ops {
        match op {
            Op::Step(number) => step = *number,
            Op::Create { ino, path } | Op::MakeDir { ino, path } => {
                paths.insert(*ino, path);
            }
            Op::Sync { ino } => syncs.push((step, paths.get(ino).copied().unwrap_or_default().to_owned())),
            _ => {}
        }
    }
    syncs
}

fn take<'b>(rest: &mut &'b [u8], n: usize) -> &'b [u8] {
    let (taken, left) = rest.split_at(n);
    *rest = left;
    taken
}

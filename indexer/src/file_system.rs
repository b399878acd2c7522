//! What kind of file system a file lies on: whether it tells of changes, and whether its files are files at all.

use std::fs::File;
use std::io;
use std::path::Path;

/// A kind of file system, as far as following files is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// Whoever writes, this machine's kernel knows of it. Overlays of containers count as such: what is written through one is
    /// noticed in it.
    Local,
    /// Others may write to it, of whom this machine's kernel learns nothing.
    Remote(&'static str),
    /// Its files are made up when they are read.
    Made(&'static str),
}

impl FileSystem {
    /// The kind with a magic number (`statfs(2)`, `linux/magic.h`).
    pub fn of_magic(magic: u32) -> Self {
        match magic {
            0x6969 => Self::Remote("NFS"),
            0xff53_4d42 | 0xfe53_4d42 | 0x517b => Self::Remote("CIFS"),
            0x0102_1997 => Self::Remote("9p"),
            0x00c3_6400 => Self::Remote("Ceph"),
            0x5346_414f | 0x6b41_4653 => Self::Remote("AFS"),
            0x0bd0_0bd0 => Self::Remote("Lustre"),
            0x4750_4653 => Self::Remote("GPFS"),
            0x6573_5546 => Self::Remote("FUSE"),
            0x786f_4256 => Self::Remote("a folder of the host (vboxsf)"),
            0x9fa0 => Self::Made("proc"),
            0x6265_6572 => Self::Made("sysfs"),
            0x6462_6720 => Self::Made("debugfs"),
            0x7472_6163 => Self::Made("tracefs"),
            0x0027_e0eb | 0x6367_7270 => Self::Made("cgroup"),
            0x7363_6673 => Self::Made("securityfs"),
            0x6265_6570 => Self::Made("configfs"),
            0xcafe_4a11 => Self::Made("bpf"),
            _ => Self::Local,
        }
    }

    /// The kind that `path` lies on.
    ///
    /// # Errors
    /// If the file system does not answer.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::of_magic(rustix::fs::statfs(path)?.f_type as u32))
    }

    /// The kind that an open file lies on.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        Ok(Self::of_magic(rustix::fs::fstatfs(file)?.f_type as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_number() {
        for (magic, kind) in [
            (0x6969, FileSystem::Remote("NFS")),
            (0xff53_4d42, FileSystem::Remote("CIFS")),
            (0x6573_5546, FileSystem::Remote("FUSE")),
            (0xef53, FileSystem::Local),
            (0x5846_5342, FileSystem::Local),
            (0x0102_1994, FileSystem::Local),
            (0x794c_7630, FileSystem::Local),
        ] {
            assert_eq!(FileSystem::of_magic(magic), kind, "{magic:x}");
        }
        assert_eq!(FileSystem::of(Path::new("/proc/self/status")).expect("procfs"), FileSystem::Made("proc"));
        assert_eq!(FileSystem::of(&std::env::temp_dir()).expect("exists"), FileSystem::Local);
    }
}

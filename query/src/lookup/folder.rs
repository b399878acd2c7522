//! The folder of lookup tables: the files in it, read and replaced.
//!
//! A table `hosts` may lie in the files `hosts`, `hosts.csv`, and either of them with `.gz` or `.zst` behind it. How a file is
//! compressed is told by its first bytes when it is read, and by its name when it is written.

use super::error::{Listed, LookupError};
use std::fs::{self, Permissions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What may stand behind the name of a table, in the order in which files are looked for.
const SUFFIXES: [&str; 6] = ["", ".gz", ".zst", ".csv", ".csv.gz", ".csv.zst"];

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const ZSTD_LEVEL: i32 = 3;

/// Rights of a new table, less the process's mask: like any file that a person creates, for people edit them.
const NEW_FILE_MODE: u32 = 0o666;

/// Checks that `name` can only be a file in the folder itself.
///
/// # Errors
/// What is wrong with it, as the rest of a sentence that begins with the name.
pub fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("is not the name of a table")
    } else if name.contains(['/', '\\', '\0']) {
        Err("leaves the folder of lookup tables: a table is named without its folder")
    } else if name.starts_with('.') {
        Err("is hidden: the name of a table does not begin with a dot")
    } else {
        Ok(())
    }
}

/// The name of the table in a file.
fn without_suffix(file: &str) -> &str {
    let suffixes = SUFFIXES.iter().rev().filter(|suffix| !suffix.is_empty());
    suffixes.fold(file, |name, suffix| name.strip_suffix(suffix).unwrap_or(name))
}

/// The folder.
pub(super) struct Folder<'a>(pub &'a Path);

impl Folder<'_> {
    /// The file of the table `name`.
    pub fn find(&self, name: &str) -> Result<PathBuf, LookupError> {
        self.existing(name).ok_or_else(|| LookupError::NoTable {
            name: name.to_owned(),
            folder: self.0.to_owned(),
            there: Listed::new(self.names(), name, without_suffix),
        })
    }

    /// The file to write the table `name` to: the one it has, or `name.csv`.
    pub fn find_or_new(&self, name: &str) -> PathBuf {
        self.existing(name).unwrap_or_else(|| {
            let is_complete = SUFFIXES.iter().any(|suffix| suffix.starts_with(".csv") && name.ends_with(suffix));
            self.0.join(if is_complete { name.to_owned() } else { format!("{name}.csv") })
        })
    }

    fn existing(&self, name: &str) -> Option<PathBuf> {
        check_name(name).ok()?;
        SUFFIXES.iter().map(|suffix| self.0.join(format!("{name}{suffix}"))).find(|path| path.is_file())
    }

    /// The names of the files in the folder, sorted. None if it cannot be listed: it is wanted for advice only.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter(|entry| entry.path().is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| check_name(name).is_ok())
            .collect();
        names.sort_unstable();
        names
    }
}

/// The decompressed text of a file.
#[expect(clippy::disallowed_methods, reason = "lookup tables are files beside the store")]
pub(super) fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(fs::File::open(path)?);
    let head = file.fill_buf()?;
    Ok(if head.starts_with(GZIP_MAGIC) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if head.starts_with(ZSTD_MAGIC) {
        Box::new(zstd::stream::read::Decoder::with_buffer(file)?)
    } else {
        Box::new(file)
    })
}

/// Replaces the contents of a file, or creates it, in one step: whoever reads it sees all of the old or all of the new, also
/// after a crash. The folder is created where it is missing; an existing file keeps its rights.
pub(super) fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let old = fs::metadata(path).ok().map(|metadata| metadata.permissions());
    let file = tempfile::Builder::new()
        .prefix(".trawl-")
        .permissions(Permissions::from_mode(NEW_FILE_MODE))
        .tempfile_in(folder)?;
    {
        let mut out = BufWriter::new(file.as_file());
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::default());
                write(&mut encoder)?;
                encoder.finish()?;
            }
            Some("zst") => {
                let mut encoder = zstd::stream::write::Encoder::new(&mut out, ZSTD_LEVEL)?;
                write(&mut encoder)?;
                encoder.finish()?;
            }
            _ => write(&mut out)?,
        }
        out.flush()?;
    }
    if let Some(old) = old {
        file.as_file().set_permissions(old)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Removes a file; that there is none is as good.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => sync_folder(path.parent().unwrap_or(Path::new("."))),
    }
}

/// Makes the names in a folder durable.
#[expect(clippy::disallowed_methods, reason = "lookup tables are files beside the store")]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match fs::File::open(folder) {
        Ok(folder) => folder.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &Path) -> String {
        let mut text = String::new();
        open(path).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["hosts", "hosts.csv", "my table", "a..b", "ä"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a\\b", ".hidden", "a\0b"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn files_are_replaced_and_read_whatever_their_compression() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder(dir.path());
        for name in ["a.csv", "b.csv.gz", "c.csv.zst", "d"] {
            let path = folder.find_or_new(name);
            for text in ["x\n1\n", "x\n2\n"] {
                replace(&path, |out| out.write_all(text.as_bytes())).unwrap();
                assert_eq!(read(&path), text, "{name}");
            }
        }
        assert_eq!(folder.names(), ["a.csv", "b.csv.gz", "c.csv.zst", "d.csv"]);
        assert!(fs::metadata(dir.path().join("b.csv.gz")).unwrap().len() > 10);
        for (name, file) in [("a", "a.csv"), ("a.csv", "a.csv"), ("b", "b.csv.gz"), ("c.csv", "c.csv.zst")] {
            assert_eq!(folder.find(name).unwrap(), dir.path().join(file));
            assert_eq!(folder.find_or_new(name), dir.path().join(file));
        }
        let missing = folder.find("xyz").unwrap_err().to_string();
        assert!(missing.ends_with("has a.csv, b.csv.gz, c.csv.zst, d.csv"), "{missing}");
    }

    #[test]
    fn a_failed_write_leaves_the_old_table() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.csv");
        replace(&path, |out| out.write_all(b"old")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let failed = replace(&path, |out| out.write_all(b"half").and(Err(io::ErrorKind::StorageFull.into())));
        assert!(failed.is_err());
        assert_eq!(read(&path), "old");
        assert_eq!(Folder(dir.path()).names().len(), 1, "no temporary file is left");
        replace(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640, "rights stay");
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert!(!path.exists());
    }
}

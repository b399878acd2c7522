//! The record of everything that alerts, actions and people did: lines of JSON in files of the data folder, which `trawl run`
//! follows into the index `_audit`.
//!
//! A record is entered in the book in the transaction of what it tells of. [`AuditLog::drain`] appends it to the file, and only
//! then takes it out of the book: a line carries the number of its record, and after a crash the last line says which record
//! is next, and how much of it is there.

use crate::book::{Book, BookError};
use crate::machine::Change;
use crate::notification::Group;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Folder of the files in the data folder.
pub const AUDIT_FOLDER: &str = "audit";
/// The file that grows.
const AUDIT_FILE: &str = "audit.jsonl";
/// A file that is larger is put away, and a new one begun. In bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Files that are kept beside the one that grows: what stands in them has long been indexed.
const N_OLD_FILES: usize = 4;
/// Longest record, in bytes: what the end of the file is looked at for.
const MAX_RECORD_BYTES: u64 = 1 << 20;

/// One record: fields in the order in which they are read.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord(Vec<(&'static str, Value)>);

impl AuditRecord {
    /// Something that happened at `at_us`, microseconds UTC: what it is (`alert`, `delivery`, `acknowledge` …), and what is
    /// known of it. Values that are null are left out.
    pub fn new(at_us: i64, what: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        let time = chrono::DateTime::from_timestamp_micros(at_us).unwrap_or_default();
        let time = time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        let known = fields.into_iter().filter(|(_, value)| !value.is_null());
        Self([("time", json!(time)), ("what", json!(what))].into_iter().chain(known).collect())
    }

    /// A transition of an alert.
    pub fn of_change(alert: &str, group: &Group, change: &Change, count: u64, at_us: i64, tick_us: i64) -> Self {
        let moment = |us: i64| json!(us as f64 / 1e6);
        Self::new(
            at_us,
            "alert",
            [
                ("alert", json!(alert)),
                ("group", if group.0.is_empty() { Value::Null } else { json!(group.to_string()) }),
                ("transition", json!(change.what.as_str())),
                ("severity", json!(change.severity.1.as_str())),
                ("severity_before", json!(change.severity.0.as_str())),
                ("count", json!(count)),
                ("evaluated", moment(tick_us)),
                ("since", moment(change.since_us)),
                ("id", json!(change.id.as_str())),
                ("episode", json!(change.episode.as_str())),
                ("quiet", change.quiet.and_then(|quiet| serde_json::to_value(quiet).ok()).unwrap_or(Value::Null)),
            ],
        )
    }

    /// As one object of JSON.
    pub fn to_json(&self) -> String {
        let fields: Vec<String> = self.0.iter().map(|(field, value)| format!("{}:{value}", json!(field))).collect();
        format!("{{{}}}", fields.join(","))
    }
}

/// What can go wrong with the audit log. Nothing is lost: the records wait in the book.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The file cannot be written.
    #[error("cannot write the audit log {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The book cannot be read.
    #[error(transparent)]
    Book(#[from] BookError),
}

/// The audit log of a data folder. One process writes it: the one that holds the store.
#[derive(Debug)]
pub struct AuditLog {
    path: PathBuf,
}

impl AuditLog {
    /// The audit log of a data folder, which is created if there is none.
    ///
    /// # Errors
    /// If the folder cannot be created.
    pub fn open(data: &Path) -> Result<Self, AuditError> {
        let folder = data.join(AUDIT_FOLDER);
        let created = fs::DirBuilder::new().recursive(true).mode(0o750).create(&folder);
        created.map_err(|source| AuditError::File { path: folder.clone(), source })?;
        Ok(Self { path: folder.join(AUDIT_FILE) })
    }

    /// Appends what waits in the book; how many records. They are durable when this returns.
    ///
    /// # Errors
    /// If the disk or the book refuses: the next call goes on where this one ended.
    pub fn drain(&self, book: &Book) -> Result<usize, AuditError> {
        let waiting = book.waiting_audit()?;
        let Some(last) = waiting.last().map(|(seq, _)| *seq) else { return Ok(0) };
        let n_written = self.append(&waiting).map_err(|source| AuditError::File { path: self.path.clone(), source })?;
        book.forget_audit(last)?;
        Ok(n_written)
    }

    fn append(&self, waiting: &[(i64, String)]) -> io::Result<usize> {
        self.rotate()?;
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(&self.path)?;
        let (written, torn) = end_of(&mut file)?;
        let mut text = Vec::new();
        let mut n_written = 0;
        for (seq, record) in waiting.iter().filter(|(seq, _)| written.is_none_or(|written| *seq > written)) {
            let line = line(*seq, record);
            // The beginning of the first may be there already: what was written is never taken back, for it may have been read.
            let rest = if text.is_empty() && !torn.is_empty() {
                line.as_bytes().strip_prefix(torn.as_slice()).unwrap_or_else(|| {
                    text.push(b'\n');
                    line.as_bytes()
                })
            } else {
                line.as_bytes()
            };
            text.extend_from_slice(rest);
            n_written += 1;
        }
        file.write_all(&text)?;
        file.sync_data()?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(n_written)
    }

    /// Begins a new file if the present one is large.
    fn rotate(&self) -> io::Result<()> {
        let len = match fs::metadata(&self.path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if len < MAX_FILE_BYTES {
            return Ok(());
        }
        // Where the last record is torn it is finished first, in the same file.
        let (written, torn) = end_of(&mut File::open(&self.path)?)?;
        let Some(written) = written.filter(|_| torn.is_empty()) else { return Ok(()) };
        fs::rename(&self.path, self.path.with_file_name(format!("audit-{written:012}.jsonl")))?;
        // The number goes on: the new file begins with a record that it can be told from.
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut old: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        old.retain(|path| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("audit-"))
        });
        old.sort();
        let n_surplus = old.len().saturating_sub(N_OLD_FILES);
        old.iter().take(n_surplus).try_for_each(fs::remove_file)
    }
}

/// A record as a line.
fn line(seq: i64, record: &str) -> String {
    let rest = record.strip_prefix('{').unwrap_or(record);
    format!("{{\"seq\":{seq},{rest}\n")
}

/// The number of the last whole line of a file, and what stands behind it.
fn end_of(file: &mut File) -> io::Result<(Option<i64>, Vec<u8>)> {
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(2 * MAX_RECORD_BYTES)))?;
    let mut end = Vec::new();
    file.take(2 * MAX_RECORD_BYTES).read_to_end(&mut end)?;
    let behind = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let torn = end.split_off(behind);
    let number = |line: &[u8]| {
        let line = std::str::from_utf8(line).ok()?;
        line.strip_prefix("{\"seq\":")?.split(',').next()?.parse().ok()
    };
    let seq = end.split(|byte| *byte == b'\n').rev().find_map(number);
    Ok((seq, torn))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: usize) -> AuditRecord {
        AuditRecord::new(n as i64, "test", [("n", json!(n)), ("none", Value::Null)])
    }

    fn lines(data: &Path) -> Vec<String> {
        let text = fs::read_to_string(data.join(AUDIT_FOLDER).join(AUDIT_FILE)).unwrap();
        assert!(text.ends_with('\n'));
        text.lines().map(str::to_owned).collect()
    }

    fn enter(book: &Book, n: usize) {
        book.write(|transaction| crate::book::add_audit(transaction, &record(n))).unwrap();
    }

    #[test]
    fn each_record_is_one_line_once() {
        let data = tempfile::tempdir().unwrap();
        let book = Book::open(data.path()).unwrap();
        let log = AuditLog::open(data.path()).unwrap();
        assert_eq!(log.drain(&book).unwrap(), 0);
        (1..=3).for_each(|n| enter(&book, n));
        assert_eq!(log.drain(&book).unwrap(), 3);
        assert_eq!(log.drain(&book).unwrap(), 0);
        enter(&book, 4);
        assert_eq!(log.drain(&book).unwrap(), 1);
        let lines = lines(data.path());
        assert_eq!(lines[0], r#"{"seq":1,"time":"1970-01-01T00:00:00.000001Z","what":"test","n":1}"#);
        assert_eq!(lines.len(), 4);
        assert!(lines[3].starts_with("{\"seq\":4,"));
    }

    #[test]
    fn a_crash_anywhere_costs_and_doubles_nothing() {
        let data = tempfile::tempdir().unwrap();
        let book = Book::open(data.path()).unwrap();
        (1..=3).for_each(|n| enter(&book, n));
        let waiting = book.waiting_audit().unwrap();
        let whole: String = waiting.iter().map(|(seq, record)| line(*seq, record)).collect();
        let log = AuditLog::open(data.path()).unwrap();
        let path = data.path().join(AUDIT_FOLDER).join(AUDIT_FILE);
        for cut in 0..=whole.len() {
            fs::write(&path, &whole.as_bytes()[..cut]).unwrap();
            log.append(&waiting).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_a_power_cut_left_is_not_taken_for_a_record() {
        let data = tempfile::tempdir().unwrap();
        let book = Book::open(data.path()).unwrap();
        enter(&book, 1);
        let log = AuditLog::open(data.path()).unwrap();
        let path = data.path().join(AUDIT_FOLDER).join(AUDIT_FILE);
        fs::write(&path, b"{\"seq\":0,\"what\":\"x\"}\n\0\0\0").unwrap();
        assert_eq!(log.drain(&book).unwrap(), 1);
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.lines().nth(1), Some("\0\0\0"));
        assert!(text.lines().nth(2).unwrap().starts_with("{\"seq\":1,"));
    }
}

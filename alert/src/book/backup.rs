//! Copies of the book: what is in it cannot be found out again.

use super::{AtPath, BOOK_FILE, Book, BookError, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// How old the newest copy gets, in microseconds: a day.
const INTERVAL_US: i64 = 86_400_000_000;
/// Ends of the names of the copies, the newest first, and of one that is being made.
const COPIES: [&str; 2] = [".1", ".2"];
const UNFINISHED: &str = ".new";

impl Book {
    /// Copies the book of a data folder to `alerts.db.1` beside it, if the copy there is older than a day or none; the one before
    /// becomes `alerts.db.2`. A copy is whole and durable before it gets its name. Whether one was made; `now_us` is the present,
    /// microseconds UTC.
    ///
    /// # Errors
    /// If the database or the disk refuses; the copies are then as they were.
    pub fn back_up(&self, now_us: i64) -> Result<bool> {
        let [newest, before] = COPIES.map(|end| self.beside(end));
        // One from the future was made before the clock was put right.
        if age_us(&newest, now_us).is_some_and(|age_us| (0..INTERVAL_US).contains(&age_us)) {
            return Ok(false);
        }
        let unfinished = self.beside(UNFINISHED);
        let failed = |source: io::Error| BookError::Copy { path: unfinished.clone(), source };
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        self.lock().execute("VACUUM INTO ?1", [unfinished.to_string_lossy()]).at(&unfinished)?;
        let put_in_place = || {
            File::open(&unfinished)?.sync_all()?;
            if newest.exists() {
                fs::rename(&newest, &before)?;
            }
            fs::rename(&unfinished, &newest)?;
            self.path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        put_in_place().map_err(failed)?;
        Ok(true)
    }

    fn beside(&self, end: &str) -> PathBuf {
        self.path.with_file_name(format!("{BOOK_FILE}{end}"))
    }
}

/// How long ago a file was written, in microseconds; none if there is no such file.
fn age_us(path: &Path, now_us: i64) -> Option<i64> {
    let written = path.metadata().and_then(|metadata| metadata.modified()).ok()?;
    let since_1970 = written.duration_since(UNIX_EPOCH).ok()?;
    Some(now_us - i64::try_from(since_1970.as_micros()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::{Outcome, RuleProgress};
    use std::time::SystemTime;

    fn enter(book: &Book, alert: &str) {
        let progress = RuleProgress { meaning: String::new(), tick_us: 1, seen_us: 1, error: None };
        let outcome = Outcome {
            alert: alert.to_owned(),
            progress,
            at_us: 0,
            states: Vec::new(),
            changes: Vec::new(),
            deliveries: Vec::new(),
            told_events: Vec::new(),
        };
        book.commit(&[outcome]).unwrap();
    }

    fn alerts(path: &Path) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(path, folder.path().join(BOOK_FILE)).unwrap();
        Book::open(folder.path()).unwrap().progress().unwrap().into_keys().collect()
    }

    #[test]
    fn two_copies_are_kept_a_day_apart_and_can_be_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let book = Book::open(folder.path()).unwrap();
        let [newest, before] = COPIES.map(|end| folder.path().join(format!("{BOOK_FILE}{end}")));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now_us = i64::try_from(now.as_micros()).unwrap() + 60_000_000;
        enter(&book, "a");
        fs::write(folder.path().join("alerts.db.new"), "what a crash left").unwrap();
        assert!(book.back_up(now_us).unwrap());
        assert_eq!(alerts(&newest), ["a"]);
        enter(&book, "b");
        assert!(!book.back_up(now_us).unwrap(), "the copy is young");
        assert!(book.back_up(now_us + INTERVAL_US).unwrap());
        assert_eq!((alerts(&newest), alerts(&before)), (vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned()]));
        enter(&book, "c");
        assert!(book.back_up(now_us + 2 * INTERVAL_US).unwrap());
        assert_eq!((alerts(&newest).len(), alerts(&before).len()), (3, 2));
        assert!(!folder.path().join("alerts.db.new").exists());
    }
}

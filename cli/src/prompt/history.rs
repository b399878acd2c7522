//! The queries of earlier days: a file in the user's state folder that others cannot read.
//!
//! ```text
//! file := (entry LF)*            oldest first, no entry twice
//! entry := text, with `\n` for a line feed and `\\` for a backslash
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Most queries that are kept, and most bytes of all of them: years of use, and still read in a moment.
const MAX_ENTRIES: usize = 5_000;
const MAX_BYTES: usize = 1 << 20;

/// What was typed, oldest first.
#[derive(Debug, Default)]
pub struct History {
    /// Without it, what is typed is forgotten at the end.
    path: Option<PathBuf>,
    entries: Vec<String>,
}

impl History {
    /// The history in the file, which may not exist yet.
    ///
    /// # Errors
    /// If there is a file that cannot be read.
    pub fn load(path: Option<PathBuf>) -> io::Result<Self> {
        let entries = path.as_deref().map_or(Ok(Vec::new()), read)?;
        Ok(Self { path, entries })
    }

    /// The queries, oldest first.
    pub fn entries(&self) -> &[String] {
        &self.entries
    }

    /// Adds a query as the latest and writes the file, together with what other prompts have added to it meanwhile. Of two
    /// prompts that write in the same instant one may win; neither leaves half a file.
    ///
    /// # Errors
    /// If the file cannot be read or written. The query is then still known to this prompt.
    pub fn add(&mut self, entry: &str) -> io::Result<()> {
        let known = self.path.as_deref().map_or(Ok(Vec::new()), read);
        if let Ok(known) = &known
            && self.path.is_some()
        {
            self.entries.clone_from(known);
        }
        push(&mut self.entries, entry, MAX_ENTRIES, MAX_BYTES);
        known?;
        self.path.as_deref().map_or(Ok(()), |path| write(path, &self.entries))
    }
}

/// Adds the latest entry: an equal one goes, and the oldest where there are too many.
fn push(entries: &mut Vec<String>, entry: &str, max_entries: usize, max_bytes: usize) {
    entries.retain(|known| known != entry);
    entries.push(entry.to_owned());
    let mut n_bytes = 0;
    let kept = entries.iter().rev().take(max_entries).take_while(|entry| {
        n_bytes += entry.len() + 1;
        n_bytes <= max_bytes
    });
    let n_old = entries.len() - kept.count();
    entries.drain(..n_old);
}

fn read(path: &Path) -> io::Result<Vec<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).lines().map(unescaped).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Replaces the file. A temporary file is readable by its owner alone, and stays so under its new name.
fn write(path: &Path, entries: &[String]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let text: String = entries.iter().flat_map(|entry| [escaped(entry), "\n".to_owned()]).collect();
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

fn escaped(entry: &str) -> String {
    entry.replace('\\', r"\\").replace('\n', r"\n")
}

fn unescaped(line: &str) -> String {
    let mut entry = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some('n')) => entry.push('\n'),
            ('\\', Some('\\')) => entry.push('\\'),
            _ => {
                entry.push(c);
                continue;
            }
        }
        chars.next();
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_latest_stay_and_none_twice() {
        let after = |added: &[&str], max_entries, max_bytes| {
            let mut entries = Vec::new();
            added.iter().for_each(|entry| push(&mut entries, entry, max_entries, max_bytes));
            entries.join(" ")
        };
        for (added, max_entries, max_bytes, expected) in [
            (&["a", "b", "c"][..], 10, 100, "a b c"),
            (&["a", "b", "a"], 10, 100, "b a"),
            (&["a", "a"], 10, 100, "a"),
            (&["a", "b", "c"], 2, 100, "b c"),
            (&["aaaa", "bb", "c"], 10, 5, "bb c"),
            (&["a", "too long"], 10, 5, ""),
        ] {
            assert_eq!(after(added, max_entries, max_bytes), expected, "{added:?}");
        }
    }

    #[test]
    fn the_file_is_private_and_shared_by_prompts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/trawl/history");
        let load = || History::load(Some(path.clone())).unwrap();
        let (mut first, mut second) = (load(), load());
        assert!(first.entries().is_empty());
        first.add("error").unwrap();
        second.add("a |\n\\d").unwrap();
        first.add("error").unwrap();
        assert_eq!(load().entries(), ["a |\n\\d", "error"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let mut homeless = History::load(None).unwrap();
        homeless.add("a").unwrap();
        homeless.add("b").unwrap();
        assert_eq!(homeless.entries(), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn an_entry_is_one_line_and_reads_back(entry in "[a-z\\\\\n|\"ä]{0,12}") {
            prop_assert!(!escaped(&entry).contains('\n'));
            prop_assert_eq!(unescaped(&escaped(&entry)), entry);
        }
    }
}

//! A look at a file that nobody follows: whether it still is what was read, and how long it is.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use trawl_indexer::Compression;
use trawl_store::Fingerprint;
use trawl_store::catalog::GenerationState;

/// What is at a path.
#[derive(Debug)]
pub enum Content {
    /// Nothing.
    Gone,
    /// Something that is no file: a pipe, a directory.
    NoFile,
    /// A compressed file: how much of it is new cannot be told from its length.
    Compressed {
        /// Its length.
        len: u64,
    },
    /// A file that cannot be read.
    Unreadable(io::Error),
    /// A file.
    Of {
        /// Position of the generation that it is, unless it is a new one.
        generation: Option<usize>,
        /// Its length.
        len: u64,
    },
}

/// Looks at the file at `path`, which may be any of these generations. Reads at most a kilobyte.
pub fn look(path: &Path, generations: &[GenerationState]) -> Content {
    let metadata = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Content::NoFile,
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Content::Gone;
        }
        Err(error) => return Content::Unreadable(error),
    };
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(Fingerprint::MAX_HEAD_LEN as u64).read_to_end(&mut head));
    if let Err(error) = read {
        return Content::Unreadable(error);
    }
    let len = metadata.len();
    if Compression::detect(&head).is_some() {
        return Content::Compressed { len };
    }
    // What is shorter than what was read of it was truncated, and is another one.
    let is_same = |generation: &GenerationState| {
        generation.fingerprint.matches(&head) && generation.committed.first_gap(0) <= len
    };
    Content::Of { generation: generations.iter().rposition(is_same), len }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trawl_store::RangeSet;

    fn generation(number: u32, head: &[u8], read_to: u64) -> GenerationState {
        let mut committed = RangeSet::default();
        committed.insert(0..read_to);
        GenerationState {
            number,
            fingerprint: Fingerprint::of(head, 1, 2),
            committed,
            tails: Vec::new(),
            aged_out: RangeSet::default(),
            n_events: 1,
            last_time_us: None,
            header: None,
        }
    }

    #[test]
    fn a_file_is_known_by_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app.log");
        let generations = [generation(0, b"first\n", 6), generation(1, b"second\n", 7)];
        let check = |content: &[u8], expected: Option<usize>| {
            fs::write(&path, content).unwrap();
            match look(&path, &generations) {
                Content::Of { generation, len } => {
                    assert_eq!((generation, len), (expected, content.len() as u64), "{content:?}");
                }
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(look(&path, &generations), Content::Gone));
        assert!(matches!(look(&path.join("below"), &generations), Content::Gone));
        check(b"first\n", Some(0));
        check(b"second\nand more\n", Some(1));
        check(b"third\n", None);
        check(b"sec", None);
        check(b"", None);
        assert!(matches!(look(dir.path(), &generations), Content::NoFile));
        fs::write(&path, b"\x1f\x8b\x08\0\0\0\0\0\0\0").unwrap();
        assert!(matches!(look(&path, &generations), Content::Compressed { len: 10 }));
    }
}

//! Files that are read from disk.

use crate::NOW_US;
use std::path::PathBuf;
use tempfile::TempDir;
use trawl_formats::event::IndexName;
use trawl_formats::{Registry, Zone};
use trawl_indexer::{Input, Options, dry_run};

thread_local! {
    static DIR: TempDir = tempfile::tempdir().expect("a temporary folder");
}

/// A file with these bytes, compressed or not, has a preview or is said to be damaged.
pub fn compressed(bytes: &[u8]) {
    let path: PathBuf = DIR.with(|dir| dir.path().join("file.log"));
    std::fs::write(&path, bytes).expect("the temporary folder can be written");
    let options = Options::new(IndexName::new("main").expect("a valid name"), Zone::UTC, NOW_US);
    let previews = dry_run(&Registry::builtin(), &[Input::Path(path)], &options, 100).expect("the options are right");
    for preview in previews {
        if let Err(error) = preview.format {
            let _ = error.to_string();
        }
    }
}

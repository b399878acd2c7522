//! Cases: folders of plain files, to be edited, kept in git, and made into reports and bundles.
//!
//! ```text
//! 2026-11-20-paymentservice-outage/
//!   case.toml                     title, when it was opened, zone
//!   summary.md impact.md cause.md actions.md
//!   exhibits/01-search-errors-of-pay/
//!     exhibit.json                what was done and what came of it
//!     text.md                     its text, if it has one
//!     …                           files that were copied, and what an analysis printed
//! ```

mod error;
mod files;
mod sections;
#[cfg(test)]
mod tests;

pub use error::CaseError;
pub use files::NewFile;
pub use sections::{Section, Written};

use crate::Moment;
use crate::exhibit::{CopiedFile, Exhibit};
use crate::merkle::Digest;
use error::{Result, failed, nonsense};
use files::{lay, readable, write};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use trawl_formats::Zone;

/// What makes a folder a case.
pub const CASE_FILE: &str = "case.toml";
const EXHIBITS: &str = "exhibits";
const EXHIBIT_FILE: &str = "exhibit.json";
const TEXT_FILE: &str = "text.md";
/// Longest part of a folder's name that is made of a title, in characters.
const MAX_SLUG: usize = 48;

/// A case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its folder.
    pub dir: PathBuf,
    /// What `case.toml` says.
    pub about: About,
}

/// `case.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// What it is about.
    pub title: String,
    /// When it was opened.
    pub opened: Moment,
    /// The zone in which its readers read times.
    pub zone: String,
}

/// An exhibit in its folder.
#[derive(Clone, Debug)]
pub struct Laid {
    /// The folder.
    pub dir: PathBuf,
    /// Its number.
    pub number: u32,
    /// What is in it.
    pub exhibit: Exhibit,
}

impl Case {
    /// Opens a new case in a folder of its own within `parent`.
    ///
    /// # Errors
    /// If there is such a folder already, or it cannot be made.
    pub fn create(parent: &Path, title: &str, now: Moment, zone: Zone) -> Result<Self> {
        let slug = slug(title);
        if slug.is_empty() {
            return Err(CaseError::Title);
        }
        let dir = parent.join(format!("{}-{slug}", now.day(zone)));
        fs::create_dir(&dir).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => CaseError::Exists(dir.clone()),
            _ => failed("make", &dir)(error),
        })?;
        let about = About { title: title.to_owned(), opened: now, zone: zone.to_string() };
        let exhibits = dir.join(EXHIBITS);
        fs::create_dir(&exhibits).map_err(failed("make", &exhibits))?;
        for section in Section::ALL {
            write(&dir.join(section.file_name()), section.template().as_bytes())?;
        }
        // Last: with it, the folder is a case.
        write(&dir.join(CASE_FILE), toml::to_string(&about).expect("a case is a table of texts").as_bytes())?;
        Ok(Self { dir, about })
    }

    /// The case in a folder.
    ///
    /// # Errors
    /// If it is none, or makes no sense.
    pub fn open(dir: &Path) -> Result<Self> {
        let path = dir.join(CASE_FILE);
        let text = match fs::read_to_string(&path) {
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {
                return Err(CaseError::NoCase(dir.to_owned()));
            }
            text => text.map_err(failed("read", &path))?,
        };
        let about = toml::from_str(&text).map_err(|error| nonsense(&path, error.message()))?;
        Ok(Self { dir: dir.to_owned(), about })
    }

    /// The folder of the case that one stands in: `dir` or the next folder above it that is one.
    pub fn around(dir: &Path) -> Option<PathBuf> {
        dir.ancestors().find(|dir| dir.join(CASE_FILE).is_file()).map(Path::to_owned)
    }

    /// The zone in which its readers read times; UTC if what the case says is none.
    pub fn zone(&self) -> Zone {
        self.about.zone.parse().unwrap_or(Zone::UTC)
    }

    /// Lays an exhibit into the case, with `files` beside it. Returns its folder.
    ///
    /// # Errors
    /// If a file cannot be copied, or the exhibit not be written. Nothing is left of it then.
    pub fn add(&self, exhibit: &Exhibit, files: &[NewFile]) -> Result<PathBuf> {
        let exhibits = self.dir.join(EXHIBITS);
        fs::create_dir_all(&exhibits).map_err(failed("make", &exhibits))?;
        let new = tempfile::Builder::new().prefix(".new-").tempdir_in(&exhibits).map_err(failed("make", &exhibits))?;
        let mut exhibit = exhibit.clone();
        for file in files {
            exhibit.files.push(lay(file, new.path(), exhibit.files.len())?);
        }
        let text = std::mem::take(&mut exhibit.text);
        if !text.is_empty() {
            write(&new.path().join(TEXT_FILE), format!("{}\n", text.trim_end()).as_bytes())?;
        }
        let mut json = serde_json::to_vec_pretty(&exhibit).expect("an exhibit has string keys only");
        json.push(b'\n');
        write(&new.path().join(EXHIBIT_FILE), &json)?;
        let slug = slug(&exhibit.title);
        let mut number = self.numbers()?.last().map_or(1, |(last, _)| last + 1);
        loop {
            let dir = exhibits.join(format!("{number:02}-{}-{slug}", exhibit.kind).trim_end_matches('-'));
            // Of two who add at once, one has to take the next number.
            if self.numbers()?.iter().any(|(taken, _)| *taken == number) {
                number += 1;
                continue;
            }
            fs::rename(new.path(), &dir).map_err(failed("make", &dir))?;
            readable(&dir)?;
            return Ok(dir);
        }
    }

    /// Numbers and folders of the exhibits, by number.
    fn numbers(&self) -> Result<Vec<(u32, PathBuf)>> {
        let exhibits = self.dir.join(EXHIBITS);
        let listing = match fs::read_dir(&exhibits) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing.map_err(failed("read", &exhibits))?,
        };
        let mut found = Vec::new();
        for entry in listing {
            let path = entry.map_err(failed("read", &exhibits))?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let number = name.split_once('-').and_then(|(number, _)| number.parse().ok());
            found.extend(number.filter(|_| path.join(EXHIBIT_FILE).is_file()).map(|number| (number, path)));
        }
        found.sort();
        Ok(found)
    }

    /// The exhibits, by number.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn exhibits(&self) -> Result<Vec<Laid>> {
        let mut laid = Vec::new();
        for (number, dir) in self.numbers()? {
            let path = dir.join(EXHIBIT_FILE);
            let json = fs::read(&path).map_err(failed("read", &path))?;
            let mut exhibit: Exhibit = serde_json::from_slice(&json).map_err(|error| nonsense(&path, error))?;
            let path = dir.join(TEXT_FILE);
            match fs::read_to_string(&path) {
                Ok(text) => exhibit.text = text.trim_end().to_owned(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed("read", &path)(error)),
            }
            laid.push(Laid { dir, number, exhibit });
        }
        Ok(laid)
    }

    /// What people wrote in a section.
    ///
    /// # Errors
    /// If it cannot be read. One whose file was removed is empty.
    pub fn section(&self, section: Section) -> Result<Written> {
        let path = self.dir.join(section.file_name());
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Written::of(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Written::Empty),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }
}

impl Laid {
    /// The bytes of a file.
    ///
    /// # Errors
    /// If it cannot be read, or is no longer what was copied.
    pub fn read(&self, file: &CopiedFile) -> Result<Vec<u8>> {
        // What a person edited may lead anywhere.
        let is_name = Path::new(&file.name).components().count() == 1 && !file.name.starts_with('.');
        let path = self.dir.join(if is_name { &file.name } else { "" });
        if !path.is_file() || !is_name {
            return Err(CaseError::NotAFile(path));
        }
        let bytes = fs::read(&path).map_err(failed("read", &path))?;
        if Digest::of(&bytes) == file.sha256 { Ok(bytes) } else { Err(CaseError::Changed(path)) }
    }
}

/// A title as a part of a file name: letters and digits in lower case, everything else as single hyphens.
fn slug(title: &str) -> String {
    let mut slug = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let cut: String = slug.chars().take(MAX_SLUG).collect();
    cut.trim_end_matches('-').to_owned()
}

//! Cases: folders of plain files, to be edited, kept in git, and made into reports and bundles.
//!
//! ```text
//! 2026-11-20-paymentservice-outage/
//!   case.toml                     title, when it was opened, zone
//!   summary.md impact.md cause.md actions.md
//!   exhibits/01-search-errors-of-pay/
//!     exhibit.json                what was done and what came of it
//!     text.md                     its text, if it has one
//!     …                           files that were copied
//! ```

mod sections;

pub use sections::{Section, Written};

use crate::Moment;
use crate::exhibit::{CopiedFile, Exhibit};
use crate::merkle::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
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

/// What cannot be done with a case.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseError {
    /// There is something already.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// It is no case.
    #[error("{} is no case: it has no {CASE_FILE}", .0.display())]
    NoCase(PathBuf),
    /// A title without a letter.
    #[error("a title needs a letter or digit")]
    Title,
    /// It is not a file that can be copied.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// A copied file is not what was copied.
    #[error("{} was changed since it was laid into the case: its SHA-256 is another one", .0.display())]
    Changed(PathBuf),
    /// A file of the case says what makes no sense.
    #[error("{}: {what}", .path.display())]
    Nonsense {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The disk refuses.
    #[error("cannot {doing} {}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

type Result<T> = std::result::Result<T, CaseError>;

fn failed<'p>(doing: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> CaseError + 'p {
    move |source| CaseError::Io { doing, path: path.to_owned(), source }
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

    /// Lays an exhibit into the case, with copies of `files`. Returns its folder.
    ///
    /// # Errors
    /// If a file cannot be copied, or the exhibit not be written. Nothing is left of it then.
    pub fn add(&self, exhibit: &Exhibit, files: &[PathBuf]) -> Result<PathBuf> {
        let exhibits = self.dir.join(EXHIBITS);
        fs::create_dir_all(&exhibits).map_err(failed("make", &exhibits))?;
        let new = tempfile::Builder::new().prefix(".new-").tempdir_in(&exhibits).map_err(failed("make", &exhibits))?;
        let mut exhibit = exhibit.clone();
        for file in files {
            exhibit.files.push(copy(file, new.path(), exhibit.files.len())?);
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
    /// The bytes of a copied file.
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

/// Copies a file beside an exhibit.
fn copy(from: &Path, folder: &Path, n_before: usize) -> Result<CopiedFile> {
    let input = File::open(from).map_err(failed("read", from))?;
    if !input.metadata().map_err(failed("read", from))?.is_file() {
        return Err(CaseError::NotAFile(from.to_owned()));
    }
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String = name.chars().map(|c| if c.is_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
    let name = name.trim_start_matches('.');
    let is_ours = [EXHIBIT_FILE, TEXT_FILE, ""].contains(&name) || folder.join(name).exists();
    let name = if is_ours { format!("{}-{name}", n_before + 1) } else { name.to_owned() };
    let to = folder.join(&name);
    let mut output = File::create_new(&to).map_err(failed("write", &to))?;
    let (mut hasher, mut len, mut buffer) = (Sha256::new(), 0, vec![0; 64 << 10]);
    let mut input = input;
    loop {
        let n_read = input.read(&mut buffer).map_err(failed("read", from))?;
        if n_read == 0 {
            break;
        }
        hasher.update(&buffer[..n_read]);
        output.write_all(&buffer[..n_read]).map_err(failed("write", &to))?;
        len += n_read as u64;
    }
    output.sync_all().map_err(failed("sync", &to))?;
    let from = fs::canonicalize(from).unwrap_or_else(|_| from.to_owned());
    let from = trawl_store::source::path_text::to_text(&from);
    Ok(CopiedFile { name, from, len, sha256: Digest(hasher.finalize().into()) })
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let written = File::create(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(failed("write", path))
}

/// A temporary folder is for nobody else; what it became is for all who may read the case.
fn readable(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let parent = dir.parent().and_then(|parent| fs::metadata(parent).ok());
    match parent {
        Some(parent) => fs::set_permissions(dir, fs::Permissions::from_mode(parent.permissions().mode()))
            .map_err(failed("share", dir)),
        None => Ok(()),
    }
}

fn nonsense(path: &Path, what: impl ToString) -> CaseError {
    CaseError::Nonsense { path: path.to_owned(), what: what.to_string() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exhibit::Kind;

    const NOW: Moment = Moment(1_795_183_500_000_000);

    fn case(dir: &Path) -> Case {
        Case::create(dir, "PaymentService outage!", NOW, "Europe/Berlin".parse().unwrap()).unwrap()
    }

    #[test]
    fn a_case_is_a_folder_of_plain_files() {
        let dir = tempfile::tempdir().unwrap();
        let made = case(dir.path());
        assert_eq!(made.dir, dir.path().join("2026-11-20-paymentservice-outage"));
        insta::assert_snapshot!(fs::read_to_string(made.dir.join(CASE_FILE)).unwrap(), @r#"
        title = "PaymentService outage!"
        opened = "2026-11-20T14:05:00.000000Z"
        zone = "Europe/Berlin"
        "#);
        let opened = Case::open(&made.dir).unwrap();
        assert_eq!(opened.about, made.about);
        assert_eq!(Case::around(&made.dir.join("exhibits")), Some(made.dir.clone()));
        assert_eq!(Case::around(dir.path()), None);
        let again = Case::create(dir.path(), "Paymentservice  OUTAGE", NOW, "Europe/Berlin".parse().unwrap());
        assert!(matches!(again, Err(CaseError::Exists(_))));
        assert!(matches!(Case::create(dir.path(), "?!", NOW, Zone::UTC), Err(CaseError::Title)));
        assert!(matches!(Case::open(dir.path()), Err(CaseError::NoCase(_))));
    }

    #[test]
    fn exhibits_are_numbered_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let case = case(dir.path());
        let note = Exhibit::new(Kind::Note, "DBA says: failover at 14:03", NOW).with_text("They *saw* it.");
        let first = case.add(&note, &[]).unwrap();
        assert_eq!(first.file_name().unwrap(), "01-note-dba-says-failover-at-14-03");
        assert_eq!(fs::read_to_string(first.join("text.md")).unwrap(), "They *saw* it.\n");
        let path = dir.path().join("heap dump.txt");
        fs::write(&path, b"heap").unwrap();
        let file = Exhibit::new(Kind::File, "…", NOW);
        let second = case.add(&file, &[path.clone(), path]).unwrap();
        assert_eq!(second.file_name().unwrap(), "02-file");
        // What people do by hand is left alone.
        fs::create_dir(case.dir.join("exhibits/drafts")).unwrap();
        fs::remove_dir_all(first).unwrap();
        let third = case.add(&note, &[]).unwrap();
        assert!(third.file_name().unwrap().to_string_lossy().starts_with("03-note"));
        fs::write(third.join("text.md"), "They saw it at 14:02.\n").unwrap();
        let laid = case.exhibits().unwrap();
        assert_eq!(laid.iter().map(|laid| laid.number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(laid[1].exhibit, Exhibit { text: "They saw it at 14:02.".to_owned(), ..note });
        let [one, two] = &laid[0].exhibit.files[..] else { panic!("two files") };
        assert_eq!((&*one.name, &*two.name, one.len), ("heap_dump.txt", "2-heap_dump.txt", 4));
        assert_eq!(laid[0].read(one).unwrap(), b"heap");
        fs::write(laid[0].dir.join(&one.name), b"help").unwrap();
        assert!(matches!(laid[0].read(one), Err(CaseError::Changed(_))));
        let away = CopiedFile { name: "../../case.toml".to_owned(), ..two.clone() };
        assert!(matches!(laid[0].read(&away), Err(CaseError::NotAFile(_))));
    }

    #[test]
    fn what_cannot_be_copied_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let case = case(dir.path());
        let file = Exhibit::new(Kind::File, "a folder", NOW);
        assert!(matches!(case.add(&file, &[dir.path().to_owned()]), Err(CaseError::NotAFile(_))));
        assert_eq!(fs::read_dir(case.dir.join("exhibits")).unwrap().count(), 0);
    }

    #[test]
    fn titles_become_names() {
        for (title, expected) in [
            ("PaymentService outage", "paymentservice-outage"),
            (" ../../etc/passwd ", "etc-passwd"),
            ("Größe ändern", "größe-ändern"),
            ("a\n\u{1b}[31mb", "a-31mb"),
            ("", ""),
        ] {
            assert_eq!(slug(title), expected);
        }
        assert_eq!(slug(&"ab ".repeat(40)).len(), 47);
    }
}

//! How each source stands: what the catalog, the process that follows and the files themselves say together.
//!
//! The catalog knows what is stored. If `trawl run` is at work, it knows what it reads ([`crate::run_state`]); if not, a look at
//! each file (module `look`) tells how much of it nobody has read. [`problems`] are what somebody has to see to.

mod look;
mod problems;

pub use problems::{Problem, of_disk, of_run, of_sources};

use crate::run_state::{Doing, FileNow, Heard, RemarksNow};
use look::{Content, look};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use trawl_store::catalog::GenerationState;
use trawl_store::{LiveBlock, SourceState};

/// One source.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Index of its events.
    pub index: String,
    /// Value of the field `source`; of a file that is no source yet, its path.
    pub source: String,
    /// Its sourcetype, if it has events.
    pub sourcetype: Option<String>,
    /// Value of the field `host`, if it has events.
    pub host: Option<String>,
    /// Where its latest file lies.
    pub path: PathBuf,
    /// What becomes of it.
    pub state: State,
    /// Length of its latest file.
    pub file_bytes: Option<u64>,
    /// Bytes of that file that were read.
    pub read_bytes: Option<u64>,
    /// Bytes of that file that are durable as whole events.
    pub indexed_bytes: u64,
    /// Bytes that are there, and were not read: of that file, and of older ones that are still read.
    pub lag_bytes: Option<u64>,
    /// Since when the oldest of them is there, microseconds since the epoch.
    pub behind_since_us: Option<i64>,
    /// Bytes that were indexed in all generations.
    pub total_bytes: u64,
    /// Files that were read under this name, one after the other.
    pub generations: Vec<GenerationState>,
    /// Events that were indexed.
    pub n_events: u64,
    /// `_time` of the last one, microseconds.
    pub last_time_us: Option<i64>,
    /// What is wrong with it.
    pub trouble: Option<String>,
    /// Since when, microseconds since the epoch, as far as somebody knows.
    pub trouble_since_us: Option<i64>,
    /// What was not stored as it stood, since `trawl run` began.
    pub remarks: RemarksNow,
}

/// What becomes of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has no file: standard input, a named pipe, a command, or what a search has collected.
    Stream,
    /// Its file is not there any more.
    Gone,
    /// Everything in it was read.
    Read,
    /// The file is empty.
    Empty,
    /// The file is not text, and left out.
    Binary,
    /// Another file holds the same.
    Copy,
    /// The file was not written for so long that it is left out.
    TooOld,
    /// It is read whenever it grows.
    Following,
    /// It has lost its name, and is read to its end.
    Draining,
    /// It is loaded in bulk.
    Loading,
    /// There is something that nobody reads at present.
    Waiting,
    /// It cannot be read.
    Unreadable,
}

impl State {
    /// As it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Gone => "gone",
            Self::Read => "read",
            Self::Empty => "empty",
            Self::Binary => "binary",
            Self::Copy => "copy",
            Self::TooOld => "too old",
            Self::Following => "following",
            Self::Draining => "draining",
            Self::Loading => "loading",
            Self::Waiting => "waiting",
            Self::Unreadable => "unreadable",
        }
    }

    fn of(doing: Doing) -> Self {
        match doing {
            Doing::Following => Self::Following,
            Doing::Draining => Self::Draining,
            Doing::Loading => Self::Loading,
            Doing::Empty => Self::Empty,
            Doing::Binary => Self::Binary,
            Doing::Read => Self::Read,
            Doing::Copy => Self::Copy,
            Doing::Unreadable => Self::Unreadable,
        }
    }
}

/// All sources: those of the catalog, and files that are no source yet. By index and name.
///
/// `live` are the events of the live logs, `heard` is what the process that follows said last.
pub fn sources(catalog: Vec<SourceState>, live: &[LiveBlock], heard: Option<&Heard>) -> Vec<Standing> {
    let alive = heard.filter(|heard| heard.is_alive());
    let mut files = Files::of(alive);
    let open = open_ends(live);
    let remarks = |source: &SourceState| heard.and_then(|heard| heard.state.remarks.get(&source.id.0)).copied();
    let of_catalog = |source: SourceState| {
        let remarks = remarks(&source).unwrap_or_default();
        Standing { remarks, ..of_catalog(source, &mut files, &open) }
    };
    let mut all: Vec<Standing> = catalog.into_iter().map(of_catalog).collect();
    all.extend(files.rest().map(of_file));
    if let Some(heard) = alive {
        all.extend(heard.state.too_old.iter().filter_map(|path| of_too_old(path, &all)).collect::<Vec<_>>());
    }
    all.sort_by(|a, b| (&a.index, &a.source, &a.path).cmp(&(&b.index, &b.source, &b.path)));
    all
}

/// What the process says of files, by what they count as.
struct Files<'h> {
    by_identity: HashMap<(&'h str, &'h str, u32), &'h FileNow>,
    by_path: HashMap<&'h Path, &'h FileNow>,
    too_old: Vec<&'h Path>,
    /// Those that no source of the catalog has claimed.
    unclaimed: BTreeMap<(&'h str, &'h Path), &'h FileNow>,
}

impl<'h> Files<'h> {
    fn of(heard: Option<&'h Heard>) -> Self {
        let all = heard.map_or(&[][..], |heard| &heard.state.files);
        let identity = |file: &'h FileNow| {
            let (source, generation, _) = file.identity.as_ref()?;
            Some(((&*file.index, &**source, *generation), file))
        };
        Self {
            by_identity: all.iter().filter_map(identity).collect(),
            by_path: all.iter().map(|file| (&*file.path, file)).collect(),
            too_old: heard.map_or(Vec::new(), |heard| heard.state.too_old.iter().map(PathBuf::as_path).collect()),
            unclaimed: all.iter().map(|file| ((&*file.index, &*file.path), file)).collect(),
        }
    }

    fn claim(&mut self, file: &'h FileNow) {
        self.unclaimed.remove(&(&*file.index, &*file.path));
    }

    fn rest(self) -> impl Iterator<Item = &'h FileNow> {
        self.unclaimed.into_values()
    }
}

/// Where the open events of each source and generation end.
fn open_ends(live: &[LiveBlock]) -> HashMap<(u64, u32), u64> {
    let mut ends: HashMap<(u64, u32), u64> = HashMap::new();
    for block in live.iter().filter(|block| block.is_open) {
        let end = ends.entry((block.source.id.0, block.source.generation)).or_default();
        *end = (*end).max(block.offset + block.bytes.len() as u64);
    }
    ends
}

fn of_catalog(source: SourceState, files: &mut Files<'_>, open: &HashMap<(u64, u32), u64>) -> Standing {
    let newest = source.generations.last();
    let searchable = |generation: &GenerationState| {
        let open_end = open.get(&(source.id.0, generation.number)).copied().unwrap_or(0);
        generation.committed.first_gap(0).max(open_end)
    };
    let mut standing = Standing {
        index: source.index.as_str().to_owned(),
        source: source.source.as_str().to_owned(),
        sourcetype: Some(source.sourcetype.as_str().to_owned()),
        host: Some(source.host.as_str().to_owned()),
        path: source.path.clone(),
        state: State::Stream,
        file_bytes: None,
        read_bytes: newest.map(searchable),
        indexed_bytes: newest.map_or(0, |newest| newest.committed.len()),
        lag_bytes: None,
        behind_since_us: None,
        total_bytes: source.generations.iter().map(|generation| generation.committed.len()).sum(),
        n_events: source.generations.iter().map(|generation| generation.n_events).sum(),
        last_time_us: source.generations.iter().filter_map(|generation| generation.last_time_us).max(),
        trouble: None,
        trouble_since_us: None,
        remarks: RemarksNow::default(),
        generations: Vec::new(),
    };
    let mut is_known = false;
    for generation in &source.generations {
        let key = (&*standing.index, &*standing.source, generation.number);
        if let Some(&file) = files.by_identity.get(&key) {
            files.claim(file);
            is_known = true;
            standing.add(file, searchable(generation));
        }
    }
    if !is_known && source.path.is_absolute() {
        match files.by_path.get(&*source.path).copied().filter(|file| file.index == standing.index) {
            Some(file) if file.identity.is_none() => {
                files.claim(file);
                standing.add(file, standing.read_bytes.unwrap_or(0));
            }
            _ => standing.look(&source.generations, searchable),
        }
        if files.too_old.contains(&&*source.path) {
            standing.state = State::TooOld;
        }
    }
    standing.generations = source.generations;
    standing
}

impl Standing {
    /// Adds what the process says of a file; the last one that is added is the latest. Up to byte `searchable` its events can
    /// be found.
    fn add(&mut self, file: &FileNow, searchable: u64) {
        // It has grown since: the file itself is asked.
        let len = std::fs::metadata(&file.path).map_or(file.len, |metadata| metadata.len().max(file.len));
        self.path.clone_from(&file.path);
        self.state = State::of(file.state);
        self.file_bytes = Some(len);
        if matches!(file.state, Doing::Following | Doing::Draining | Doing::Loading) {
            // The loader commits as it goes, and the process may have said this a while ago.
            let read_to = file.read_to.max(searchable).min(len);
            self.read_bytes = Some(read_to);
            self.lag_bytes = Some(self.lag_bytes.unwrap_or(0) + (len - read_to));
        } else if file.state != Doing::Unreadable {
            self.lag_bytes = Some(self.lag_bytes.unwrap_or(0));
        }
        let since = [self.behind_since_us, file.behind_since_us];
        self.behind_since_us = since.into_iter().flatten().min().filter(|_| self.lag_bytes != Some(0));
        if let Some(trouble) = &file.trouble {
            self.trouble = Some(trouble.text.clone());
            self.trouble_since_us = Some(trouble.since_us);
            self.state = State::Unreadable;
        }
    }

    /// Looks at the file, because nobody follows it.
    fn look(&mut self, generations: &[GenerationState], searchable: impl Fn(&GenerationState) -> u64) {
        match look(&self.path, generations) {
            Content::Gone => self.state = State::Gone,
            Content::NoFile => self.state = State::Stream,
            Content::Compressed { len } => {
                self.state = State::Read;
                self.file_bytes = Some(len);
            }
            Content::Unreadable(error) => {
                self.state = State::Unreadable;
                self.trouble = Some(error.to_string());
            }
            Content::Of { generation, len } => {
                let read_to = generation.map_or(0, |at| searchable(&generations[at])).min(len);
                self.indexed_bytes = generation.map_or(0, |at| generations[at].committed.len());
                self.file_bytes = Some(len);
                self.read_bytes = Some(read_to);
                self.lag_bytes = Some(len - read_to);
                self.state = if len > read_to { State::Waiting } else { State::Read };
            }
        }
    }
}

/// A file that is no source yet.
fn of_file(file: &FileNow) -> Standing {
    let mut standing = Standing::without_events(&file.index, &file.path);
    if let Some((source, _, sourcetype)) = &file.identity {
        (standing.source, standing.sourcetype) = (source.clone(), Some(sourcetype.clone()));
    }
    standing.add(file, file.durable_to);
    standing.indexed_bytes = file.durable_to;
    standing
}

/// A file that is left out, unless it was read when it was younger.
fn of_too_old(path: &Path, known: &[Standing]) -> Option<Standing> {
    let is_known = known.iter().any(|standing| standing.path == *path);
    (!is_known).then(|| {
        let mut standing = Standing::without_events("", path);
        standing.state = State::TooOld;
        standing.file_bytes = std::fs::metadata(path).ok().map(|metadata| metadata.len());
        standing
    })
}

impl Standing {
    fn without_events(index: &str, path: &Path) -> Self {
        Self {
            index: index.to_owned(),
            source: path.display().to_string(),
            sourcetype: None,
            host: None,
            path: path.to_owned(),
            state: State::Read,
            file_bytes: None,
            read_bytes: None,
            indexed_bytes: 0,
            lag_bytes: None,
            behind_since_us: None,
            total_bytes: 0,
            generations: Vec::new(),
            n_events: 0,
            last_time_us: None,
            trouble: None,
            trouble_since_us: None,
            remarks: RemarksNow::default(),
        }
    }
}

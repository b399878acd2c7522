//! Sourcetypes: log formats as data.
//!
//! A sourcetype is a TOML file (`formats/sourcetypes/NAME.toml`, or the user's own): how lines form events, where time,
//! level and host stand, which fields there are, and samples with what is expected of them. [`Rules`] is its compiled
//! form, [`Registry`] the collection of all of them.
//!
//! ```toml
//! name = "payment"
//! description = "payment service"
//! [detect]
//! line = '^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \[\w+\] '
//! [framing]
//! mode = "stamp"
//! [time]
//! formats = ["%Y-%m-%d %H:%M:%S"]
//! prefix = "^"
//! [level]
//! pattern = '\[(?<level>\w+)\]'
//! [[sample]]
//! text = "2026-11-20 14:05:00 [ERROR] job=7 failed"
//! time = "2026-11-20T14:05:00Z"
//! level = "ERROR"
//! fields = { job = "7" }
//! ```

mod check;
mod definition;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use regex::bytes::Regex;

pub use check::SampleMismatch;
use definition::{Definition, ExtractMode, FramingMode, LevelMode};
pub use definition::{FieldValues, Sample};

use crate::detect::{self, Detection, Detector};
use crate::event::Sourcetype;
use crate::extract::{Extractor, Kind, Patterns, Wanted};
use crate::framing::{Framing, InPosition};
use crate::keys::KeySet;
use crate::level::{self, LevelRule, Place, Scratch, Severity};
use crate::pattern::{self, GroupPattern, LinePattern, Prefix};
use crate::text::Wrapper;
use crate::timestamp::recognise::{DEFAULT_LOOKAHEAD, Recogniser, Stamp, first_line};
use crate::timestamp::{InvalidTimeFormat, Span, StampHint, UnknownZone, Zone};

/// Changes whenever the meaning of a definition changes in the code: part of each [`Rules::hash`].
const ENGINE_VERSION: u8 = 1;

/// The name of the sourcetype that fits everything.
const GENERIC: &str = "generic";

/// A sourcetype file that cannot be used. The file is named as it was given, a built-in one by its file name.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourcetypeError {
    /// The file cannot be read.
    #[error("cannot read sourcetype {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML, holds an unknown key, or lacks one.
    #[error("sourcetype {}", file.display())]
    Toml {
        /// The file.
        file: PathBuf,
        /// What is wrong, with line and key.
        source: toml::de::Error,
    },
    /// A regular expression does not compile.
    #[error("sourcetype {}: `{key}`", file.display())]
    Regex {
        /// The file.
        file: PathBuf,
        /// The key that holds it.
        key: String,
        /// What is wrong with it.
        source: regex::Error,
    },
    /// A time format does not compile.
    #[error("sourcetype {}: `time.formats`", file.display())]
    TimeFormat {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: InvalidTimeFormat,
    },
    /// A zone is not known.
    #[error("sourcetype {}: `time.zone`", file.display())]
    Zone {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: UnknownZone,
    },
    /// A key has a value that makes no sense beside the others.
    #[error("sourcetype {}: `{key}` {problem}", file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The sourcetype does not do with its samples what it says.
    #[error("sourcetype {}", file.display())]
    Sample {
        /// The file.
        file: PathBuf,
        /// The first difference.
        source: SampleMismatch,
    },
}

/// The compiled form of a sourcetype. Immutable and shared.
pub struct Rules {
    name: Sourcetype,
    description: String,
    hash: u64,
    priority: i32,
    wrapper: Wrapper,
    zone: Option<Zone>,
    pub(crate) detector: Option<Detector>,
    pub(crate) framing: Framing,
    pub(crate) recogniser: Recogniser,
    pub(crate) level: LevelRule,
    pub(crate) host: Option<HostRule>,
    severities: BTreeMap<String, Severity>,
    extraction: Kind,
    patterns: Arc<Patterns>,
    samples: Vec<Sample>,
}

/// Where the host of an event stands, for relays that mix hosts in one file.
#[derive(Debug)]
pub(crate) enum HostRule {
    /// The group `host` of an expression over the head of the first line.
    Pattern(GroupPattern),
    /// The n-th white-space separated word after the stamp, from 1.
    Word(usize),
}

impl HostRule {
    /// Returns the host in the first line of an event.
    #[inline]
    pub(crate) fn find<'t>(&self, line: &'t [u8], stamp: Option<Span>, scratch: &mut Scratch) -> Option<&'t str> {
        let host = match self {
            Self::Pattern(pattern) => scratch.find(pattern, level::head(line))?,
            Self::Word(n) => {
                let word = level::word_after(level::head(line), stamp, *n)?;
                word.strip_suffix(b":").unwrap_or(word)
            }
        };
        let is_host_byte = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':');
        // RFC 1035: a name has at most 255 bytes.
        let plausible = !host.is_empty() && host.len() <= 255 && host.iter().all(is_host_byte);
        std::str::from_utf8(host).ok().filter(|host| plausible && *host != "-")
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("name", &self.name).field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Rules {
    /// Compiles the text of a sourcetype file. `file` names it in errors.
    ///
    /// # Errors
    ///
    /// A [`SourcetypeError`] that names the file and the key.
    pub fn parse(file: &Path, toml: &str) -> Result<Self, SourcetypeError> {
        let definition: Definition =
            toml::from_str(toml).map_err(|source| SourcetypeError::Toml { file: file.to_owned(), source })?;
        Compiler { file }.compile(definition)
    }

    /// Returns the name of the sourcetype.
    pub fn name(&self) -> &Sourcetype {
        &self.name
    }

    /// Returns one line for people.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns a number that changes with everything that has a say in time, level, framing or fields.
    ///
    /// Stable from run to run and build to build; what was derived under another hash must be derived again.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Returns the envelope around each line.
    pub fn wrapper(&self) -> Wrapper {
        self.wrapper
    }

    /// Returns the zone that the sourcetype prescribes for stamps that name none.
    pub fn zone(&self) -> Option<Zone> {
        self.zone
    }

    /// Returns the rank in detection; higher wins.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// Returns the samples with what is expected of them.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Returns whether events depend on a line of column names ([`ParsedBlock::header`](crate::ParsedBlock::header)).
    pub fn has_header(&self) -> bool {
        matches!(self.framing, Framing::Csv | Framing::W3c | Framing::Columns { .. })
    }

    /// Returns where the stamp of an event stands: exactly what the parser recorded.
    ///
    /// The hint is that of the event's block. Events of wrapped lines carry their stamp in the wrapper, not in the text:
    /// `None`.
    pub fn stamp_span(&self, text: &[u8], _hint: StampHint) -> Option<Span> {
        self.stamp(first_line(text), InPosition::Unknown).map(|stamp| stamp.span)
    }

    /// Finds the stamp in the first line of an event's text.
    #[inline]
    pub(crate) fn stamp(&self, line: &[u8], in_position: InPosition) -> Option<Stamp> {
        if self.wrapper != Wrapper::None || self.framing.is_header(line) {
            return None;
        }
        let found = match in_position {
            InPosition::Known(stamp) => stamp,
            InPosition::Unknown => self.recogniser.find_in_position(line),
        };
        found.or_else(|| self.recogniser.find_elsewhere(line))
    }

    /// Returns the level of an event as written: exactly what the parser recorded.
    pub fn level<'t>(&self, text: &'t [u8], stamp: Option<Span>) -> Option<Cow<'t, str>> {
        self.level_in(text, stamp, &mut Scratch::default()).map(Cow::Borrowed)
    }

    /// Finds the level in an event's text, or in its first line if the rule does not [span
    /// lines](LevelRule::spans_lines).
    #[inline]
    pub(crate) fn level_in<'t>(&self, text: &'t [u8], stamp: Option<Span>, scratch: &mut Scratch) -> Option<&'t str> {
        if self.framing.is_header(text) {
            return None;
        }
        self.level.find(text, stamp, scratch)
    }

    /// Returns the host that the event names, if its format does: exactly what the parser recorded.
    pub fn host<'t>(&self, text: &'t [u8], stamp: Option<Span>) -> Option<Cow<'t, str>> {
        self.host.as_ref()?.find(first_line(text), stamp, &mut Scratch::default()).map(Cow::Borrowed)
    }

    /// Returns what a level means in this sourcetype.
    pub fn severity(&self, level: &str) -> Option<Severity> {
        self.severities.get(level).copied().or_else(|| level::severity(level))
    }

    /// Makes an extractor of the wanted fields. One per thread; it keeps buffers.
    pub fn extractor(&self, wanted: Wanted<'_>) -> Extractor {
        Extractor::new(self.extraction, Arc::clone(&self.patterns), wanted)
    }

    /// Returns whether every token of a value of `field` is a token of the event's text or of its
    /// [unescaped](crate::token::unescape) form, so that an index lookup loses no match.
    ///
    /// True for what key=value, JSON, CSV and XML yield, since their values end at breakers; fields of explicit patterns
    /// only as declared. A token that holds U+FFFD proves nothing: it may stand for invalid bytes.
    pub fn bounded(&self, field: &str) -> bool {
        self.patterns.is_bounded(field)
    }
}

/// Turns a definition into rules; knows the file for errors.
struct Compiler<'f> {
    file: &'f Path,
}

impl Compiler<'_> {
    fn compile(&self, definition: Definition) -> Result<Rules, SourcetypeError> {
        let hash = hash(&definition);
        let Definition { name, description, priority, wrapper, detect, framing, time, level, host, extract, sample } =
            definition;
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(self.value("name", "must be a word"));
        }
        let has_header = matches!(framing.mode, FramingMode::Csv | FramingMode::W3c | FramingMode::Columns);
        let detector = detect
            .map(|detect| {
                if !(0.0..=1.0).contains(&detect.min_share) {
                    return Err(self.value("detect.min_share", "must lie between 0 and 1"));
                }
                let line = match &detect.line {
                    Some(line) => Some(self.regex("detect.line", pattern::compile(line))?),
                    None if framing.mode == FramingMode::Csv => None,
                    None => return Err(self.value("detect.line", "is missing")),
                };
                let file = self.optional_regex("detect.file", detect.file.as_deref())?;
                Ok(Detector { line, min_share: detect.min_share, file, delimiter: framing.delimiter })
            })
            .transpose()?;
        let continues = self.line_pattern("framing.continue", framing.continues.as_deref())?;
        let starts = self.line_pattern("framing.start", framing.start.as_deref())?;
        if starts.is_some() != (framing.mode == FramingMode::Start) {
            return Err(self.value("framing.start", "belongs to mode \"start\""));
        }
        if framing.delimiter.is_some_and(|delimiter| !delimiter.is_ascii() || framing.mode != FramingMode::Csv) {
            return Err(self.value("framing.delimiter", "must be an ASCII character, and belongs to mode \"csv\""));
        }
        let header = self.line_pattern("framing.header", framing.header.as_deref())?;
        let skip = self.line_pattern("framing.skip", framing.skip.as_deref())?;
        let is_columns = framing.mode == FramingMode::Columns;
        if header.is_some() != is_columns || skip.is_some() && !is_columns {
            return Err(
                self.value("framing.header", "and `framing.skip` belong to mode \"columns\", which needs `header`")
            );
        }
        let delimiter = framing.delimiter.map(|delimiter| delimiter as u8);
        let framing = match (framing.mode, starts) {
            (FramingMode::Line, _) => Framing::Line { continues },
            (FramingMode::Start, Some(starts)) => Framing::Start { starts, continues },
            (FramingMode::Start, None) => return Err(self.value("framing.start", "is missing")),
            (FramingMode::Stamp, _) => Framing::Stamp { continues },
            (FramingMode::Csv, _) => Framing::Csv,
            (FramingMode::W3c, _) => Framing::W3c,
            (FramingMode::Columns, _) => match header {
                Some(header) => Framing::Columns { header, skip },
                None => return Err(self.value("framing.header", "is missing")),
            },
        };
        let prefix = time.prefix.as_deref().map(|prefix| self.regex("time.prefix", Prefix::new(prefix))).transpose()?;
        let lookahead = time.lookahead.unwrap_or(DEFAULT_LOOKAHEAD);
        let recogniser = Recogniser::new(&time.formats, prefix, &time.keys, lookahead)
            .map_err(|source| SourcetypeError::TimeFormat { file: self.file.to_owned(), source })?;
        let zone = time
            .zone
            .map(|zone| zone.parse())
            .transpose()
            .map_err(|source| SourcetypeError::Zone { file: self.file.to_owned(), source })?;
        let fallback = level.fallback.unwrap_or(true);
        let place = self.level_place(level.pattern.as_deref(), level.keys, level.word, level.mode)?;
        let host = host.map(|host| self.host_rule(host.pattern.as_deref(), host.word)).transpose()?;
        let regexes = extract
            .patterns
            .iter()
            .enumerate()
            .map(|(n, pattern)| self.regex(&format!("extract.patterns[{n}]"), pattern::compile(pattern)));
        let patterns = Patterns::new(regexes.collect::<Result<_, _>>()?, extract.bounded);
        let extraction = match extract.mode {
            ExtractMode::Auto => Kind::Auto,
            ExtractMode::Kv => Kind::Pairs,
            ExtractMode::Json => Kind::Json,
            ExtractMode::Csv => Kind::Csv { delimiter },
            ExtractMode::W3c => Kind::W3c,
            ExtractMode::Columns => Kind::Columns,
            ExtractMode::Xml => Kind::Xml,
            ExtractMode::None => Kind::None,
        };
        let reads_header = matches!(extract.mode, ExtractMode::Csv | ExtractMode::W3c | ExtractMode::Columns);
        if reads_header && (!has_header || is_columns != (extract.mode == ExtractMode::Columns)) {
            return Err(self.value("extract.mode", "needs the framing mode of the same name"));
        }
        Ok(Rules {
            name: Sourcetype::from(name),
            description,
            hash,
            priority,
            wrapper: wrapper.map_or(Wrapper::None, Wrapper::from),
            zone,
            detector,
            framing,
            recogniser,
            level: LevelRule::new(place, fallback),
            host,
            severities: level.map.into_iter().map(|(level, severity)| (level, severity.into())).collect(),
            extraction,
            patterns: Arc::new(patterns),
            samples: sample,
        })
    }

    fn level_place(
        &self,
        pattern: Option<&str>,
        keys: Option<Vec<String>>,
        word: Option<usize>,
        mode: Option<LevelMode>,
    ) -> Result<Place, SourcetypeError> {
        match (pattern, keys, word, mode) {
            (Some(pattern), None, None, None) => self.group("level.pattern", pattern, "level").map(Place::Pattern),
            (None, Some(keys), None, None) => Ok(Place::Keys(KeySet::new(&keys))),
            (None, None, Some(n), None) => self.word("level.word", n).map(Place::Word),
            (None, None, None, Some(LevelMode::None)) => Ok(Place::Nowhere),
            (None, None, None, Some(LevelMode::Pri)) => Ok(Place::Priority),
            (None, None, None, Some(LevelMode::Generic) | None) => Ok(Place::Generic),
            _ => Err(self.value("level", "must have one of `pattern`, `keys`, `word` and `mode`")),
        }
    }

    fn host_rule(&self, pattern: Option<&str>, word: Option<usize>) -> Result<HostRule, SourcetypeError> {
        match (pattern, word) {
            (Some(pattern), None) => self.group("host.pattern", pattern, "host").map(HostRule::Pattern),
            (None, Some(n)) => self.word("host.word", n).map(HostRule::Word),
            _ => Err(self.value("host", "must have one of `pattern` and `word`")),
        }
    }

    fn word(&self, key: &str, n: usize) -> Result<usize, SourcetypeError> {
        if n == 0 { Err(self.value(key, "counts from 1")) } else { Ok(n) }
    }

    fn group(&self, key: &str, pattern: &str, group: &'static str) -> Result<GroupPattern, SourcetypeError> {
        self.regex(key, GroupPattern::new(pattern, group))?.ok_or_else(|| self.value(key, "has no group of that name"))
    }

    fn line_pattern(&self, key: &str, pattern: Option<&str>) -> Result<Option<LinePattern>, SourcetypeError> {
        pattern.map(|pattern| self.regex(key, LinePattern::new(pattern))).transpose()
    }

    fn optional_regex(&self, key: &str, pattern: Option<&str>) -> Result<Option<Regex>, SourcetypeError> {
        pattern.map(|pattern| self.regex(key, pattern::compile(pattern))).transpose()
    }

    fn regex<T>(&self, key: &str, compiled: Result<T, regex::Error>) -> Result<T, SourcetypeError> {
        compiled.map_err(|source| SourcetypeError::Regex { file: self.file.to_owned(), key: key.to_owned(), source })
    }

    fn value(&self, key: &str, problem: &'static str) -> SourcetypeError {
        SourcetypeError::Value { file: self.file.to_owned(), key: key.to_owned(), problem }
    }
}

/// FNV-1a over the parts of a definition that have a say in what is derived from an event.
fn hash(definition: &Definition) -> u64 {
    let canonical = serde_json::to_vec(definition).expect("a definition is plain data that serde_json can write");
    let bytes = canonical.iter().chain(std::iter::once(&ENGINE_VERSION));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(*b)).wrapping_mul(0x100_0000_01b3))
}

/// All sourcetypes by name: the built-in ones, and those of the user, which replace built-in ones of the same name.
#[derive(Debug)]
pub struct Registry {
    rules: BTreeMap<String, Arc<Rules>>,
}

/// The files of `formats/sourcetypes`, put here by the build script.
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sourcetypes.rs"));

impl Registry {
    /// Returns the built-in sourcetypes. Compiled once per process.
    pub fn builtin() -> Arc<Self> {
        static REGISTRY: OnceLock<Arc<Registry>> = OnceLock::new();
        Arc::clone(REGISTRY.get_or_init(|| {
            let registry = Self::with_builtin_files(BUILTIN);
            Arc::new(registry.expect("a test loads each built-in sourcetype, so all of them are valid"))
        }))
    }

    fn with_builtin_files(files: &[(&str, &str)]) -> Result<Self, SourcetypeError> {
        let rules = files.iter().map(|(file, toml)| Rules::parse(Path::new(file), toml));
        let mut registry = Self { rules: BTreeMap::new() };
        for rules in rules {
            registry.add(rules?);
        }
        Ok(registry)
    }

    /// Returns the built-in sourcetypes and those of the user's files, whose samples are checked.
    ///
    /// # Errors
    ///
    /// The first file that cannot be read or compiled or whose samples differ, see [`SourcetypeError`].
    pub fn with_user_files(files: &[PathBuf]) -> Result<Arc<Self>, SourcetypeError> {
        let mut registry = Self { rules: Self::builtin().rules.clone() };
        let mut loaded = Vec::with_capacity(files.len());
        for file in files {
            let toml =
                std::fs::read_to_string(file).map_err(|source| SourcetypeError::Read { file: file.clone(), source })?;
            loaded.push((file, registry.add(Rules::parse(file, &toml)?)));
        }
        for (file, rules) in loaded {
            let checked = registry.check_samples(&rules);
            checked.map_err(|source| SourcetypeError::Sample { file: file.clone(), source })?;
        }
        Ok(Arc::new(registry))
    }

    fn add(&mut self, rules: Rules) -> Arc<Rules> {
        let rules = Arc::new(rules);
        self.rules.insert(rules.name().as_str().to_owned(), Arc::clone(&rules));
        rules
    }

    /// Returns a sourcetype by name.
    pub fn get(&self, name: &str) -> Option<Arc<Rules>> {
        self.rules.get(name).cloned()
    }

    /// Returns the sourcetype that fits everything.
    pub fn generic(&self) -> Arc<Rules> {
        self.get(GENERIC).expect("`generic` is built in and can be replaced, not removed")
    }

    /// Returns all sourcetypes, by name.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Rules>> {
        self.rules.values()
    }

    /// Finds out what a file is from its first bytes (≤ 64 KiB are looked at) and its name.
    pub fn detect(&self, head: &[u8], file_name: &str) -> Detection {
        detect::detect(self, head, file_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads a user's file with this text; returns the error and its causes, or `ok`.
    fn load(toml: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("mine.toml");
        std::fs::write(&file, toml).unwrap();
        let result = Registry::with_user_files(&[file]);
        let mut message = match &result {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        let mut cause = result.as_ref().err().and_then(std::error::Error::source);
        while let Some(error) = cause {
            message = format!("{message}: {error}");
            cause = error.source();
        }
        message
    }

    #[test]
    fn good_files_load() {
        let registry = Registry::builtin();
        assert!(registry.all().count() >= 35);
        assert_eq!(registry.generic().name().as_str(), "generic");
        assert_eq!(load("name = \"mine\"\ndescription = \"x\"\n"), "ok");
    }

    #[test]
    fn every_built_in_sample_holds() {
        let registry = Registry::builtin();
        for rules in registry.all() {
            assert_eq!(registry.check_samples(rules), Ok(()), "{}", rules.name());
        }
    }

    #[test]
    fn errors_name_file_and_key() {
        let check = |rest: &str, expected: &str| {
            let message = load(&format!("name = \"mine\"\ndescription = \"x\"\n{rest}"));
            assert!(message.contains(expected), "{message}");
            assert!(message.contains("/mine.toml"), "{message}");
        };
        check("colour = 1", "unknown field `colour`");
        check("[framing]\nmode = \"paragraph\"", "unknown variant `paragraph`");
        check("[framing]\nmode = \"start\"", "`framing.start` belongs to mode \"start\"");
        check("[framing]\nmode = \"start\"\nstart = '('", "`framing.start`: regex parse error");
        check("[time]\nformats = [\"%Y-%q\"]", "`time.formats`: time format `%Y-%q`: unknown directive `%q`");
        check("[time]\nzone = \"Mars\"", "`time.zone`: unknown time zone `Mars`");
        check("[level]\npattern = 'x'", "`level.pattern` has no group of that name");
        check("[level]\nword = 0", "`level.word` counts from 1");
        check("[level]\nword = 1\nmode = \"none\"", "`level` must have one of");
        check("[detect]\nmin_share = 0.5", "`detect.line` is missing");
        check("[extract]\nmode = \"csv\"", "`extract.mode` needs the framing mode of the same name");
        check("[extract]\npatterns = ['a', '(?<x']", "`extract.patterns[1]`: regex parse error");
        check(
            "[[sample]]\ntext = \"2026-11-20 14:05:00 WARN x=1\"\nlevel = \"ERROR\"",
            "sample 1: level should be `ERROR`, is `WARN`",
        );
        check("[[sample]]\ntext = \"x=1\"\nfields = { y = \"1\" }", "sample 1: field y should be `1`, there is none");
    }

    #[test]
    fn the_hash_covers_what_has_a_say() {
        let hash = |rest: &str| {
            let toml = format!("name = \"mine\"\ndescription = \"x\"\n{rest}");
            Rules::parse(Path::new("mine.toml"), &toml).unwrap().hash()
        };
        let plain = hash("");
        assert_eq!(plain, hash("priority = 7\n[[sample]]\ntext = \"x\""));
        assert_eq!(plain, hash("# a comment"));
        assert_ne!(plain, hash("[time]\nlookahead = 7"));
        assert_ne!(plain, hash("[level]\nmode = \"none\""));
    }
}

//! A folder of logs, a store, and a clock that stands still: what the tests work with.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;
use trawl_formats::timestamp::Zone;
use trawl_indexer::{Input, Options, Outcome, Progress, Report, index};
use trawl_store::{BlockReader, Reader, StoreError, Writer};

/// 2026-11-22 12:00 UTC.
pub const NOON_US: i64 = 1_795_348_800_000_000;
/// Long enough for the last event of a file to count as whole.
pub const AN_HOUR: Duration = Duration::from_secs(3600);

pub struct Lab {
    logs: tempfile::TempDir,
    data: tempfile::TempDir,
    pub options: Options,
}

/// An event as the store gives it back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stored {
    pub source: String,
    pub generation: u32,
    pub offset: u64,
    pub bytes: Vec<u8>,
    pub time_us: i64,
    pub flags: u8,
    pub provisional: bool,
}

impl Stored {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("the tests write UTF-8")
    }
}

pub fn options() -> Options {
    Options {
        event_timeout: Duration::from_secs(600),
        ..Options::new(IndexName::new("main").expect("valid"), Zone::UTC, NOON_US)
    }
}

impl Lab {
    pub fn new() -> Self {
        let dir = || tempfile::tempdir().expect("temporary directory");
        Self { logs: dir(), data: dir(), options: options() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.logs.path()).expect("exists").join(name)
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Writes a file that nobody has touched for a day.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("in the folder")).expect("create");
        fs::write(path, content).expect("write");
        self.set_age(name, 24 * AN_HOUR);
    }

    pub fn append(&self, name: &str, content: impl AsRef<[u8]>) {
        self.write_on(name, content);
        self.set_age(name, 24 * AN_HOUR);
    }

    /// Appends as a program does that writes its log now.
    pub fn write_on(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("in the folder")).expect("create");
        let mut file = File::options().append(true).create(true).open(path).expect("open");
        file.write_all(content.as_ref()).expect("write");
    }

    /// Makes the file one that was written `age` before the run's present.
    pub fn set_age(&self, name: &str, age: Duration) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_micros(self.options.now_us as u64);
        let file = File::options().write(true).open(self.path(name)).expect("open");
        file.set_modified(now - age).expect("set time");
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("rename");
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("remove");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("read")
    }

    /// Indexes the whole folder.
    pub fn index(&self) -> Report {
        self.index_names(&[""])
    }

    pub fn index_names(&self, names: &[&str]) -> Report {
        let inputs: Vec<Input> = names.iter().map(|name| Input::Path(self.path(name))).collect();
        self.index_inputs(&inputs)
    }

    pub fn index_inputs(&self, inputs: &[Input]) -> Report {
        let writer = open_writer(self.data());
        index(&writer, &Registry::builtin(), inputs, &self.options, &Progress::default()).expect("run")
    }

    /// Indexes the folder and says what became of each file.
    pub fn outcomes(&self) -> Vec<(String, Outcome)> {
        outcomes(self, &self.index())
    }

    pub fn events(&self) -> Vec<Stored> {
        stored_events(self.data())
    }

    /// Texts of all events, ordered by source, generation and offset.
    pub fn texts(&self) -> Vec<String> {
        self.events().iter().map(|event| event.text().to_owned()).collect()
    }

    /// The content of each generation of each source, by file name and number.
    pub fn contents(&self) -> BTreeMap<(String, u32), Vec<u8>> {
        contents(&self.events())
    }

    /// Checks that the store holds exactly these contents, each byte once: (source's file name, generation, content).
    pub fn check(&self, expected: &[(&str, u32, &[u8])]) {
        let contents = self.contents();
        let stored: Vec<_> = contents.iter().map(|((name, n), content)| (&name[..], *n, describe(content))).collect();
        let expected_stored: Vec<_> =
            expected.iter().map(|(name, n, content)| (*name, *n, describe(content))).collect();
        assert_eq!(stored, expected_stored);
        assert!(contents.values().zip(expected).all(|(stored, (_, _, expected))| stored == expected));
    }
}

/// Opens a store for writing. A process that another test is just starting holds, for a moment, a copy of everything that is
/// open here, the lock of a store that was closed a moment ago included.
pub fn open_writer(data: &Path) -> Writer {
    for _ in 0..1000 {
        match Writer::open(data) {
            Err(StoreError::Locked { .. }) => std::thread::sleep(Duration::from_millis(5)),
            outcome => return outcome.expect("store"),
        }
    }
    panic!("{} stays locked", data.display());
}

/// Enough of a content to tell it from others when a test fails.
pub fn describe(content: &[u8]) -> String {
    let text = String::from_utf8_lossy(content);
    let mut lines = text.split_inclusive('\n').filter(|line| line.len() < 200);
    let (first, last) = (lines.next(), lines.next_back());
    format!("{} bytes, {} NULs, {first:?} … {last:?}", content.len(), content.iter().filter(|&&byte| byte == 0).count())
}

pub fn outcomes(lab: &Lab, report: &Report) -> Vec<(String, Outcome)> {
    let name = |path: &Path| path.strip_prefix(lab.path("")).unwrap_or(path).display().to_string();
    report.files.iter().map(|file| (name(&file.path), file.outcome.clone())).collect()
}

/// All events, sealed and provisional, ordered by source, generation and offset.
pub fn stored_events(data: &Path) -> Vec<Stored> {
    stored_events_of(&Reader::open(data).expect("store")).expect("readable")
}

/// As [`stored_events`], also from archives.
pub fn stored_events_of(reader: &Reader) -> Result<Vec<Stored>, StoreError> {
    let snapshot = reader.snapshot()?;
    assert!(snapshot.unreadable.is_empty(), "{:?}", snapshot.unreadable);
    let mut events = Vec::new();
    let (mut block_reader, mut raw) = (BlockReader::new().expect("memory"), Vec::new());
    let (mut times_us, mut ends) = (Vec::new(), Vec::new());
    let file_name = |source: &str| source.rsplit('/').next().unwrap_or(source).to_owned();
    for row in &snapshot.buckets {
        let bucket = reader.bucket(row)?;
        for block in bucket.blocks() {
            let source = bucket.source_of(block);
            bucket.read_block(&mut block_reader, block, &mut raw)?;
            bucket.times_us(block, &mut times_us)?;
            bucket.event_ends(block, &raw, &mut ends)?;
            let mut flags = vec![0; times_us.len()];
            bucket.flags(block, |event_idx, bits| flags[event_idx as usize] = bits)?;
            assert_eq!(ends.last().copied(), Some(raw.len() as u32), "the events are the whole block");
            let mut start = 0;
            for ((&time_us, &end), &flags) in times_us.iter().zip(&ends).zip(&flags) {
                events.push(Stored {
                    source: file_name(source.source.as_str()),
                    generation: source.generation,
                    offset: block.source_offset + start as u64,
                    bytes: raw[start..end as usize].to_vec(),
                    time_us,
                    flags,
                    provisional: false,
                });
                start = end as usize;
            }
        }
    }
    for block in &snapshot.live {
        let mut start = 0;
        for event in &block.parsed.events {
            let end = start + event.len as usize;
            events.push(Stored {
                source: file_name(block.source.source.as_str()),
                generation: block.source.generation,
                offset: block.offset + start as u64,
                bytes: block.bytes[start..end].to_vec(),
                time_us: event.time_us,
                flags: event.flags.0,
                provisional: block.is_open,
            });
            start = end;
        }
    }
    events.sort();
    Ok(events)
}

/// The events of each generation put together again. Panics if a byte is there twice; a gap becomes NULs.
pub fn contents(events: &[Stored]) -> BTreeMap<(String, u32), Vec<u8>> {
    let mut contents: BTreeMap<(String, u32), Vec<u8>> = BTreeMap::new();
    for event in events {
        let content = contents.entry((event.source.clone(), event.generation)).or_default();
        assert!(content.len() as u64 <= event.offset, "stored twice: {event:?}");
        content.resize(event.offset as usize, 0);
        content.extend_from_slice(&event.bytes);
    }
    contents
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

pub fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

pub fn zstd(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, 3).expect("memory")
}

pub fn xz(content: &[u8]) -> Vec<u8> {
    let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(1)).expect("memory");
    encoder.write_all(content).expect("memory");
    encoder.finish().expect("memory")
}

/// Lines `from..to` of a log, one second apart.
pub fn lines(from: u32, to: u32) -> String {
    (from..to).map(line).collect()
}

/// Line number `n` of a log.
pub fn line(n: u32) -> String {
    format!("2026-11-20 {:02}:{:02}:{:02} INFO line number {n}\n", n / 3600 % 24, n / 60 % 60, n % 60)
}

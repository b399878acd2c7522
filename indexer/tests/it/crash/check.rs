//! What must hold after a crash: the store opens, nothing in it is damaged, and after the tailer has read on, every event that
//! was ever written is there once, whole and in order, and nothing else.

use super::logs::Logs;
use super::player::{Folders, Following, retain, seal};
use super::script::{World, split_events};
use crate::lab::{Stored, describe, stored_events_of};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use trawl_formats::sourcetype::Registry;
use trawl_store::verify::verify;
use trawl_store::{Reader, StoreError, Writer};

/// What became of the index that ages out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aged {
    /// It must be there.
    No,
    /// It may be there.
    Perhaps,
    /// It must not be there.
    Yes,
}

/// The stream of the log that ages out.
const GONE_LOG: &str = "old-gone.log";

fn stored(folders: &Folders) -> Result<Vec<Stored>, StoreError> {
    let reader = Reader::open(&folders.data)?.with_archives(std::slice::from_ref(&folders.archive))?;
    stored_events_of(&reader)
}

/// What a reader may see at any time: true events only, each once. A provisional event may be the beginning of a true one.
pub fn check_reader(folders: &Folders, world: &World) -> Result<(), String> {
    let events = match stored(folders) {
        Err(StoreError::NoStore { .. }) => return Ok(()),
        events => events.map_err(|error| format!("a reader: {error}: {error:?}"))?,
    };
    let written: Vec<&[u8]> = world.events().concat();
    let mut seen = BTreeSet::new();
    for event in &events {
        let is_true = written.contains(&&event.bytes[..])
            || event.provisional && written.iter().any(|written| written.starts_with(&event.bytes));
        if !is_true || !seen.insert(&event.bytes) {
            return Err(format!("a reader finds what was not written, or twice: {event:?} {}", event.text()));
        }
    }
    Ok(())
}

/// Everything is there once.
pub fn check_all(folders: &Folders, world: &World, aged: Aged, registry: &Registry) -> Result<(), String> {
    let report = verify(&folders.data, registry).map_err(|error| format!("verify: {error:?}"))?;
    if !report.problems.is_empty() {
        return Err(format!("verify: {:#?}", report.problems));
    }
    let mut streams: BTreeMap<(String, u32), Vec<Stored>> = BTreeMap::new();
    for event in stored(folders).map_err(|error| format!("a reader: {error:?}"))? {
        streams.entry((event.source.clone(), event.generation)).or_default().push(event);
    }
    let is_gone = |(source, _): &(String, u32)| source == GONE_LOG;
    let has_gone = streams.keys().any(is_gone);
    if aged == Aged::Yes && has_gone {
        return Err("what has aged out is there again".to_owned());
    }
    let mut found = Vec::new();
    for (key, events) in &streams {
        let mut content = Vec::new();
        for event in events {
            if event.offset != content.len() as u64 {
                return Err(format!("{key:?}: lost or doubled at {}: {event:?}", content.len()));
            }
            content.extend_from_slice(&event.bytes);
        }
        let cut: Vec<&[u8]> = events.iter().map(|event| &event.bytes[..]).collect();
        if cut != split_events(&content) {
            return Err(format!("{key:?}: torn: {:#?}", events.iter().map(Stored::text).collect::<Vec<_>>()));
        }
        found.push(content);
    }
    let gone = world.names.get(GONE_LOG).map(|&number| world.files[number].stream);
    let may_miss = aged != Aged::No && !has_gone;
    let is_expected = |number| !(may_miss && Some(number) == gone);
    let expected =
        world.streams.iter().enumerate().filter(|(number, stream)| !stream.is_empty() && is_expected(*number));
    let mut expected: Vec<Vec<u8>> = expected.map(|(_, stream)| stream.clone()).collect();
    expected.sort();
    found.sort();
    if found == expected {
        return Ok(());
    }
    let only = |these: &[Vec<u8>], those: &[Vec<u8>]| -> Vec<String> {
        these.iter().filter(|these| !those.contains(these)).map(|content| describe(content)).collect()
    };
    Err(format!("written, not stored: {:#?}, instead stored: {:#?}", only(&expected, &found), only(&found, &expected)))
}

/// How a store is taken up again.
pub struct Recovery<'r> {
    pub folders: &'r Folders,
    pub registry: &'r Registry,
    pub logs: &'r mut Logs,
    pub aged: Aged,
}

impl Recovery<'_> {
    /// Opens the store, reads on, and checks what there is then. `later` is how the logs look a while after.
    pub fn check(&mut self, world: &World, later: Option<&World>, seals: bool, restarts: bool) -> Result<(), String> {
        self.logs.show(world);
        check_reader(self.folders, world)?;
        let world = later.unwrap_or(world);
        self.read_on(seals, |following, logs| {
            following.catch_up();
            if later.is_some() {
                logs.show(world);
            }
            following.settle();
        })?;
        check_all(self.folders, world, self.aged, self.registry)?;
        if restarts {
            self.read_on(true, |following, _| following.settle())?;
            check_all(self.folders, world, self.aged, self.registry).map_err(|what| format!("opened again: {what}"))?;
        }
        Ok(())
    }

    /// After all faults: everything that was to be done is done now.
    pub fn check_at_end(&mut self, world: &World) -> Result<(), String> {
        self.read_on(false, |following, _| following.settle())?;
        let writer = open(self.folders)?;
        seal(&writer)?;
        retain(&writer, &self.folders.archive)?;
        drop(writer);
        check_all(self.folders, world, Aged::Yes, self.registry)?;
        self.read_on(true, |following, _| following.settle())?;
        check_all(self.folders, world, Aged::Yes, self.registry).map_err(|what| format!("opened again: {what}"))
    }

    fn read_on(&mut self, seals: bool, scene: impl FnOnce(&mut Following<'_>, &mut Logs)) -> Result<(), String> {
        let writer = open(self.folders)?;
        // Another clock than before: monotonic ones begin anew.
        let mut following = Following::begin(&writer, self.registry, &self.logs.folder, Duration::from_secs(3600));
        scene(&mut following, self.logs);
        if let Some(trouble) = following.trouble() {
            return Err(trouble);
        }
        following.finish();
        if seals { seal(&writer) } else { Ok(()) }
    }
}

fn open(folders: &Folders) -> Result<Writer, String> {
    for _ in 0..1000 {
        match Writer::open(&folders.data) {
            // A process that another test is just starting holds a copy of the lock for a moment.
            Err(StoreError::Locked { .. }) => std::thread::sleep(Duration::from_millis(5)),
            opened => return opened.map_err(|error| format!("open: {error}: {error:?}")),
        }
    }
    Err("the store stays locked".to_owned())
}

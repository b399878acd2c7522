//! `-A`, `-B`, `-C`: matches with the events around them, as they stand in their source.
//!
//! Matches come newest first. Those of one source whose surroundings touch, and that follow each other, form one group; a
//! group is printed in the order of the file, and `--` stands between groups, as in `grep`.

use super::highlight::{Marks, write_event};
use super::theme::Theme;
use super::{ADDRESS_COLUMN, BYTES_COLUMN, Render, Trailer, sanitize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;
use trawl_formats::{Decoding, Source, text};
use trawl_query::Engine;
use trawl_query::batch::Batch;
use trawl_query::context::Cancel;
use trawl_query::engine::address::Address;
use trawl_query::engine::bytes;
use trawl_query::engine::neighbours::{Neighbour, Neighbours};
use trawl_query::engine::surroundings::Surroundings;
use trawl_query::wanted::Wanted;
use trawl_store::Reader;

/// Prints events with their neighbours.
pub struct WithContext<'r> {
    around: Around<'r>,
    n_around: (usize, usize),
    text: Text,
    group: Group,
    n_groups: u64,
}

/// Colours and highlights for a terminal; `None` prints the exact bytes.
type Text = Option<(Theme, Marks)>;

/// Where neighbours come from.
enum Around<'r> {
    /// From a store; with how the bytes of each source become text.
    Store(Box<Neighbours<'r>>, HashMap<Source, Decoding>),
    /// From files, which have been read again.
    Files(Surroundings),
}

impl Around<'_> {
    fn of(&mut self, address: &Address, (n_before, n_after): (usize, usize)) -> io::Result<[Vec<Neighbour>; 2]> {
        match self {
            Self::Store(neighbours, _) => neighbours.of(address, n_before, n_after).map_err(io::Error::other),
            Self::Files(surroundings) => Ok(surroundings.of(address, n_before, n_after)),
        }
        .map(|(before, after)| [before, after])
    }

    fn decoding(&self, source: &str) -> Decoding {
        match self {
            Self::Store(_, decodings) => decodings.get(&Source::from(source)).copied().unwrap_or_default(),
            Self::Files(surroundings) => surroundings.decoding(source),
        }
    }
}

/// Events of one source that are printed together, by their offset.
#[derive(Default)]
struct Group {
    source: String,
    generation: u32,
    events: BTreeMap<u64, Entry>,
}

struct Entry {
    bytes: Vec<u8>,
    is_match: bool,
}

impl Group {
    /// First byte, and first byte behind.
    fn range(&self) -> Option<(u64, u64)> {
        let (start, _) = self.events.first_key_value()?;
        let (last, entry) = self.events.last_key_value()?;
        Some((*start, last + entry.bytes.len() as u64))
    }

    /// Whether `other` overlaps this group or stands directly beside it.
    fn touches(&self, other: &Group) -> bool {
        let same_source = self.source == other.source && self.generation == other.generation;
        match (self.range(), other.range()) {
            (Some((start, end)), Some((other_start, other_end))) => {
                same_source && start <= other_end && other_start <= end
            }
            _ => false,
        }
    }

    fn absorb(&mut self, other: Group) {
        for (offset, entry) in other.events {
            match self.events.get_mut(&offset) {
                Some(known) => known.is_match |= entry.is_match,
                None => drop(self.events.insert(offset, entry)),
            }
        }
    }
}

impl<'r> WithContext<'r> {
    /// Prints as many neighbours before and behind each match in the store of `reader`: as coloured text, or as exact bytes.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn new(reader: &'r Reader, n_around: (usize, usize), text: Text) -> anyhow::Result<Self> {
        let decodings = reader.sources()?.into_iter().map(|source| (source.source, source.decoding)).collect();
        Ok(Self::over(Around::Store(Box::new(Neighbours::new(reader)?), decodings), n_around, text))
    }

    fn over(around: Around<'r>, n_around: (usize, usize), text: Text) -> Self {
        Self { around, n_around, text, group: Group::default(), n_groups: 0 }
    }

    /// The event of a row with its neighbours; `None` if the row is no event.
    fn group_of(&mut self, batch: &Batch, row: usize) -> io::Result<Option<Group>> {
        let Some(address) = address_of(batch, row) else { return Ok(None) };
        let [before, after] = self.around.of(&address, self.n_around)?;
        let event = bytes::from_value(batch.value(row, BYTES_COLUMN)).map(Cow::into_owned).unwrap_or_default();
        let context = before.into_iter().chain(after);
        let mut events: BTreeMap<u64, Entry> =
            context.map(|event| (event.range.start, Entry { bytes: event.bytes, is_match: false })).collect();
        events.insert(address.offset, Entry { bytes: event, is_match: true });
        Ok(Some(Group { source: address.source, generation: address.generation, events }))
    }

    fn print_group(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let group = std::mem::take(&mut self.group);
        if group.events.is_empty() {
            return Ok(());
        }
        if self.n_groups > 0 {
            let faint = self.text.as_ref().map(|(theme, _)| theme.faint).unwrap_or_default();
            writeln!(out, "{faint}--{faint:#}")?;
        }
        self.n_groups += 1;
        let decoding = self.around.decoding(&group.source);
        group.events.values().try_for_each(|entry| self.print_event(entry, decoding, out))
    }

    fn print_event(&self, entry: &Entry, decoding: Decoding, out: &mut dyn Write) -> io::Result<()> {
        let Some((theme, marks)) = &self.text else {
            out.write_all(&entry.bytes)?;
            return if entry.bytes.ends_with(b"\n") { Ok(()) } else { out.write_all(b"\n") };
        };
        let text = text(&entry.bytes, decoding);
        if entry.is_match {
            write_event(out, &text, None, &marks.highlighter, theme)?;
        } else {
            let faint = theme.faint;
            write!(out, "{faint}")?;
            sanitize::write(out, &text, &Theme::plain())?;
            write!(out, "{faint:#}")?;
        }
        out.write_all(b"\n")
    }
}

/// The address of a row, if it is an event.
fn address_of(batch: &Batch, row: usize) -> Option<Address> {
    batch.value(row, ADDRESS_COLUMN).as_text()?.parse().ok()
}

/// What is asked of searches.
fn fields() -> Wanted {
    Wanted::of([ADDRESS_COLUMN, BYTES_COLUMN])
}

impl Render for WithContext<'_> {
    fn fields(&self, _: bool) -> Wanted {
        fields()
    }

    fn rows(&mut self, batch: Batch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.len() {
            let Some(next) = self.group_of(&batch, row)? else { continue };
            if self.group.touches(&next) {
                self.group.absorb(next);
            } else {
                self.print_group(out)?;
                self.group = next;
            }
        }
        Ok(())
    }

    fn finish(&mut self, _: &Trailer, out: &mut dyn Write) -> io::Result<()> {
        self.print_group(out)
    }
}

/// The same over files, which are read again when all matches are known.
pub struct AfterAll<'e> {
    engine: &'e Engine,
    n_around: (usize, usize),
    text: Text,
    cancel: Arc<Cancel>,
    batches: Vec<Batch>,
}

impl<'e> AfterAll<'e> {
    /// Prints as many neighbours before and behind each match in the files of `engine`, unless somebody cancels it.
    pub fn new(engine: &'e Engine, n_around: (usize, usize), text: Text, cancel: Arc<Cancel>) -> Self {
        Self { engine, n_around, text, cancel, batches: Vec::new() }
    }
}

impl Render for AfterAll<'_> {
    fn fields(&self, _: bool) -> Wanted {
        fields()
    }

    fn rows(&mut self, batch: Batch, _: &mut dyn Write) -> io::Result<()> {
        self.batches.push(batch);
        Ok(())
    }

    fn finish(&mut self, trailer: &Trailer, out: &mut dyn Write) -> io::Result<()> {
        let addresses = |batch: &Batch| (0..batch.len()).filter_map(|row| address_of(batch, row)).collect::<Vec<_>>();
        let addresses: Vec<Address> = self.batches.iter().flat_map(addresses).collect();
        if addresses.is_empty() {
            return Ok(());
        }
        let around = self.engine.surroundings(&addresses, self.n_around, &self.cancel).map_err(io::Error::other)?;
        let Some(around) = around else { return Ok(()) };
        let mut printer = WithContext::over(Around::Files(around), self.n_around, self.text.take());
        self.batches.drain(..).try_for_each(|batch| printer.rows(batch, out))?;
        printer.finish(trailer, out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(source: &str, events: &[(u64, &str, bool)]) -> Group {
        let entry = |(offset, text, is_match): &(u64, &str, bool)| {
            (*offset, Entry { bytes: text.as_bytes().to_vec(), is_match: *is_match })
        };
        Group { source: source.to_owned(), generation: 0, events: events.iter().map(entry).collect() }
    }

    #[test]
    fn groups_that_touch_become_one() {
        let mut later = group("a", &[(10, "x\n", false), (12, "y\n", true)]);
        let beside = group("a", &[(6, "v\n", true), (8, "w\n", false)]);
        let overlapping = group("a", &[(8, "w\n", false), (10, "x\n", true)]);
        let apart = group("a", &[(2, "t\n", true)]);
        assert!(later.touches(&beside) && later.touches(&overlapping));
        assert!(!later.touches(&apart) && !later.touches(&group("b", &[(10, "x\n", true)])));
        assert!(!Group::default().touches(&beside));
        later.absorb(overlapping);
        let matches: Vec<(u64, bool)> = later.events.iter().map(|(at, entry)| (*at, entry.is_match)).collect();
        assert_eq!(matches, [(8, false), (10, true), (12, true)]);
    }
}

//! The timeline of a report: what happened when, out of all exhibits.
//!
//! Of an exhibit whose events say why they are cited, each stands in it; of one that is only a pile of matches, the first and the
//! last; patterns are no moments, and an example of one stands there only if something else cites it. Notes stand where they say that something happened, and moments that no event stands for where they were. An event that
//! several exhibits cite stands there once, with the reasons of all of them.

use super::Block;
use super::table::{Cell, ShownTable};
use crate::Moment;
use crate::case::Laid;
use crate::exhibit::{Citation, ColumnKind, Kind};
use std::collections::BTreeMap;
use trawl_formats::Zone;
use trawl_query::engine::address::Address;

/// Most events of one exhibit that it puts in.
const MAX_OF_ONE: usize = 40;

/// What an entry is about, in the order in which entries of one instant stand.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// A moment that an exhibit tells of, and what happened then.
    Moment(String),
    /// Source, generation and offset: the last event of a file may have grown since, and is the same.
    Event(String, u32, u64),
}

/// An entry of the timeline.
struct Entry {
    host: String,
    what: Cell,
    reasons: Vec<String>,
    exhibits: Vec<u32>,
}

impl Entry {
    /// Notes that an exhibit tells of it, too, perhaps with a reason.
    fn told_by(&mut self, number: u32, reason: &str) {
        if !self.exhibits.contains(&number) {
            self.exhibits.push(number);
        }
        if !reason.is_empty() && !self.reasons.iter().any(|known| known == reason) {
            self.reasons.push(reason.to_owned());
        }
    }
}

fn key_of(address: &Address) -> Key {
    Key::Event(address.source.clone(), address.generation, address.offset)
}

/// The timeline as blocks.
pub fn blocks(exhibits: &[Laid], zone: Zone) -> Vec<Block> {
    use ColumnKind::{Line, Short, Text};
    let mut entries: BTreeMap<(Moment, Key), Entry> = BTreeMap::new();
    for laid in exhibits {
        put(laid, &mut entries);
    }
    // Whoever cites an event that stands there belongs to it, though it may be one of a thousand for that exhibit.
    for laid in exhibits {
        for event in &laid.exhibit.events {
            let entry = event.time.and_then(|time| entries.get_mut(&(time, key_of(&event.address))));
            // That it is an example of a pattern is no reason for it to stand there.
            let reason = if laid.exhibit.kind == Kind::Patterns { "" } else { &event.why };
            entry.into_iter().for_each(|entry| entry.told_by(laid.number, reason));
        }
    }
    if entries.is_empty() {
        let hint = "moments: notes with a time (`trawl rca add note --at TIME TEXT`) and cited events stand here by themselves";
        return vec![Block::Missing(hint.to_owned())];
    }
    // Where the clocks were changed within it, each time says what it means.
    let mut offsets: Vec<String> = entries.keys().map(|(at, _)| at.formatted("%:z", zone)).collect();
    offsets.dedup();
    let (name, format) = match &offsets[..] {
        [offset] => (format!("time ({offset})"), "%Y-%m-%d %H:%M:%S.%3N"),
        _ => ("time".to_owned(), "%Y-%m-%d %H:%M:%S.%3N %:z"),
    };
    let rows = entries.into_iter().map(|((at, _), mut entry)| {
        entry.exhibits.sort_unstable();
        vec![
            Cell::of(&at.formatted(format, zone), Short),
            Cell::of(&entry.host, Text),
            entry.what,
            Cell::of(&entry.reasons.join("; "), Text),
            Cell::Exhibits(entry.exhibits),
        ]
    });
    let columns =
        [(&*name, Short), ("host", Text), ("what happened", Line), ("why it is cited", Text), ("exhibits", Short)];
    let columns = columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    vec![Block::Table(ShownTable { title: String::new(), columns, rows: rows.collect() })]
}

/// Puts in what an exhibit tells of.
fn put(laid: &Laid, entries: &mut BTreeMap<(Moment, Key), Entry>) {
    let exhibit = &laid.exhibit;
    let mut told = |at: Moment, key: Key, host: &str, what: Cell, reason: &str| {
        let new = || Entry { host: host.to_owned(), what, reasons: Vec::new(), exhibits: Vec::new() };
        entries.entry((at, key)).or_insert_with(new).told_by(laid.number, reason);
    };
    let own = exhibit.at.map(|at| (at, &exhibit.title));
    for (at, what) in own.into_iter().chain(exhibit.moments.iter().map(|moment| (moment.at, &moment.label))) {
        told(at, Key::Moment(what.clone()), "", Cell::said(what), "");
    }
    if exhibit.kind == Kind::Patterns {
        return;
    }
    let mut timed: Vec<(Moment, &Citation)> =
        exhibit.events.iter().filter_map(|event| Some((event.time?, event))).collect();
    timed.sort_by_key(|(time, event)| (*time, &event.address.source, event.address.offset));
    let mut cited = |(at, event): (Moment, &Citation), reason: &str| {
        let key = key_of(&event.address);
        told(at, key, &event.host, Cell::of(&exhibit.text_of(event), ColumnKind::Line), reason);
    };
    if timed.iter().any(|(_, event)| !event.why.is_empty()) {
        let with_reason = timed.into_iter().filter(|(_, event)| !event.why.is_empty());
        with_reason.take(MAX_OF_ONE).for_each(|(at, event)| cited((at, event), &event.why));
        return;
    }
    match timed[..] {
        [] => {}
        [one] => cited(one, ""),
        [first, .., last] => {
            let n_matched = exhibit.queries.iter().map(|run| run.n_matched).sum::<u64>();
            let n = match timed.len() as u64 {
                // Of what a search finds, the newest events are kept.
                n if n < n_matched => format!("{n} kept, the newest of {n_matched}"),
                n => n.to_string(),
            };
            cited(first, &format!("first of {n}"));
            cited(last, &format!("last of {n}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exhibit::{Exhibit, Mark};
    use std::path::PathBuf;

    fn laid(number: u32, exhibit: Exhibit) -> Laid {
        Laid { dir: PathBuf::new(), number, exhibit }
    }

    fn event(offset: u64, text: &str, why: &str) -> Citation {
        let address = Address { source: "/a.log".to_owned(), generation: 0, offset, len: text.len() as u32 };
        Citation {
            why: why.to_owned(),
            time: Some(Moment(offset as i64 * 1_000_000)),
            ..Citation::new(address, text.as_bytes().to_vec())
        }
    }

    /// Time, text, reasons and exhibits of each row.
    fn rows(exhibits: &[Laid]) -> Vec<[String; 4]> {
        let blocks = blocks(exhibits, Zone::UTC);
        let [Block::Table(table)] = &blocks[..] else { panic!("a table: {blocks:?}") };
        let seconds = |cell: &Cell| cell.shown()[17..19].to_owned();
        table.rows.iter().map(|row| [seconds(&row[0]), row[2].shown(), row[3].shown(), row[4].shown()]).collect()
    }

    #[test]
    fn an_event_stands_once_with_all_its_exhibits_and_reasons() {
        let exhibit = |kind, events| Exhibit { events, ..Exhibit::new(kind, "it", Moment(0)) };
        let pile = exhibit(Kind::Search, vec![event(10, "a", ""), event(20, "b", ""), event(30, "c", "")]);
        let changes = exhibit(Kind::Changes, vec![event(20, "b", "a suspect")]);
        // The last event of a file has grown since, and is the same.
        let trace = exhibit(Kind::Trace, vec![event(20, "b", "a suspect"), event(30, "c\nmore", "on the path")]);
        let patterns = exhibit(Kind::Patterns, vec![event(15, "d", "a pattern"), event(30, "c", "a pattern")]);
        let all = [laid(1, pile), laid(4, changes), laid(7, trace), laid(9, patterns)];
        let expected = [
            ["10", "a", "first of 3", "E1"],
            ["20", "b", "a suspect", "E1, E4, E7"],
            ["30", "c", "last of 3; on the path", "E1, E7, E9"],
        ];
        assert_eq!(rows(&all), expected);
    }

    #[test]
    fn moments_stand_beside_events() {
        let mark = |s: i64, label: &str| Mark { at: Moment(s * 1_000_000), label: label.to_owned() };
        let tells = |moments| Exhibit { moments, ..Exhibit::new(Kind::Changes, "it", Moment(0)) };
        let note = Exhibit { at: Some(Moment(20_000_000)), ..Exhibit::new(Kind::Note, "they called", Moment(0)) };
        let one = Exhibit { events: vec![event(20, "b", "")], ..tells(vec![mark(20, "onset"), mark(50, "end")]) };
        let all = [laid(1, one), laid(2, tells(vec![mark(20, "onset")])), laid(3, note)];
        let expected = [
            ["20", "onset", "", "E1, E2"],
            ["20", "they called", "", "E3"],
            ["20", "b", "", "E1"],
            ["50", "end", "", "E1"],
        ];
        assert_eq!(rows(&all), expected);
        assert!(matches!(&blocks(&[], Zone::UTC)[..], [Block::Missing(_)]));
    }
}

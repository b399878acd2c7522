//! The timeline of a report: what happened when, out of all exhibits.
//!
//! Of an exhibit whose events say why they are cited, each stands in it; of one that is only a pile of matches, the first and the
//! last. Notes stand where they say that something happened. A timeline that was laid into the case itself follows as it is.

use super::{Block, MAX_CELL_CHARS, label};
use crate::Moment;
use crate::case::Laid;
use crate::exhibit::{Citation, Kind, Table};
use trawl_formats::Zone;
use trawl_formats::visible::clip;

/// Most events of one exhibit in it.
const MAX_OF_ONE: usize = 40;

/// An entry of the timeline.
struct Entry {
    at: Moment,
    host: String,
    what: String,
    exhibit: String,
}

/// The timeline as blocks.
pub fn blocks(exhibits: &[Laid], zone: Zone) -> Vec<Block> {
    let laid = exhibits.iter().filter(|laid| laid.exhibit.kind == Kind::Timeline);
    let tables: Vec<Block> = laid.flat_map(|laid| &laid.exhibit.tables).cloned().map(Block::Table).collect();
    let mut entries: Vec<Entry> = exhibits.iter().flat_map(entries).collect();
    if entries.is_empty() && !tables.is_empty() {
        return tables;
    }
    if entries.is_empty() {
        let hint = "moments: notes with a time (`trawl rca add note --at TIME TEXT`) and cited events stand here by themselves";
        return vec![Block::Missing(hint.to_owned())];
    }
    entries.sort_by_key(|entry| entry.at);
    let rows = entries.into_iter().map(|entry| vec![entry.at.in_zone(zone), entry.host, entry.what, entry.exhibit]);
    let own = Block::Table(Table::new("", ["time", "host", "what happened", "exhibit"], rows.collect()));
    std::iter::once(own).chain(tables).collect()
}

fn entries(laid: &Laid) -> Vec<Entry> {
    let exhibit = &laid.exhibit;
    let entry = |at: Moment, host: &str, what: String| Entry {
        at,
        host: host.to_owned(),
        what: clip(&what, MAX_CELL_CHARS).into_owned(),
        exhibit: label(laid),
    };
    let mut entries: Vec<Entry> = exhibit.at.map(|at| entry(at, "", exhibit.title.clone())).into_iter().collect();
    let mut timed: Vec<(Moment, &Citation)> =
        exhibit.events.iter().filter_map(|event| Some((event.time?, event))).collect();
    timed.sort_by_key(|(time, event)| (*time, &event.address.source, event.address.offset));
    let with_reason: Vec<&(Moment, &Citation)> = timed.iter().filter(|(_, event)| !event.why.is_empty()).collect();
    let text = |event: &Citation| exhibit.text_of(event).lines().next().unwrap_or_default().to_owned();
    if !with_reason.is_empty() {
        let shown = with_reason.into_iter().take(MAX_OF_ONE);
        entries.extend(shown.map(|(at, event)| entry(*at, &event.host, format!("{}: {}", event.why, text(event)))));
        return entries;
    }
    match &timed[..] {
        [] => {}
        [(at, event)] => entries.push(entry(*at, &event.host, text(event))),
        [(first_at, first), .., (last_at, last)] => {
            let n_matched = exhibit.queries.iter().map(|run| run.n_matched).sum::<u64>();
            let n = match timed.len() as u64 {
                // Of what a search finds, the newest events are kept.
                n if n < n_matched => format!("{n} kept, the newest of {n_matched}"),
                n => n.to_string(),
            };
            entries.push(entry(*first_at, &first.host, format!("first of {n}: {}", text(first))));
            entries.push(entry(*last_at, &last.host, format!("last of {n}: {}", text(last))));
        }
    }
    entries
}

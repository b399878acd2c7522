//! What a report shows of each exhibit.

use super::table::{Cell, ShownTable};
use super::{Block, EventLine, counted, range_text};
use crate::case::Laid;
use crate::exhibit::{Chart, Citation, ColumnKind, Exhibit, Kind, Mark, QueryRun, Table};
use trawl_formats::Zone;
use trawl_formats::visible::clip;

/// Most rows of a table that a report shows.
const MAX_ROWS: usize = 50;
/// Most rows of a table beside a chart, which shows more than they do.
const MAX_ROWS_BESIDE_CHART: usize = 8;
/// Most events of an exhibit that a report shows.
const MAX_EVENTS: usize = 30;
/// Most of them that are to be seen at once.
const MAX_OPEN_EVENTS: usize = 5;
/// Exhibits that are easily found without a list of them.
const MAX_UNLISTED: usize = 3;
/// Longest word that marks a moment in a chart, in characters.
const MAX_MARK_CHARS: usize = 16;
/// Most characters of an event that a report shows.
const MAX_EVENT_CHARS: usize = 2_000;

/// The exhibits one after the other.
pub fn blocks(exhibits: &[Laid], zone: Zone) -> Vec<Block> {
    if exhibits.is_empty() {
        let hint = "what shows what happened: `trawl rca add search QUERY`, `trawl rca add note TEXT`, `trawl rca add file PATH`";
        return vec![Block::Missing(hint.to_owned())];
    }
    let list = (exhibits.len() > MAX_UNLISTED).then(|| list(exhibits));
    let marks = marks(exhibits);
    list.into_iter().chain(exhibits.iter().flat_map(|laid| exhibit_blocks(laid, &marks, zone))).collect()
}

/// Moments that have a word for charts.
fn marks(exhibits: &[Laid]) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    for moment in exhibits.iter().flat_map(|laid| &laid.exhibit.moments) {
        let word = moment.label.split_once(": ").map(|(word, _)| word).filter(|word| !word.contains(' '));
        let mark = word.map(|word| Mark { at: moment.at, label: clip(word, MAX_MARK_CHARS).into_owned() });
        marks.extend(mark.filter(|mark| !marks.contains(mark)));
    }
    marks
}

/// A chart with what of `marks` lies within it.
fn marked(chart: &Chart, marks: &[Mark]) -> Chart {
    let n_steps = chart.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
    let end = chart.start.plus((n_steps as f64 * chart.step_s * 1e6) as i64);
    let within = marks.iter().filter(|mark| (chart.start..end).contains(&mark.at) && !chart.marks.contains(mark));
    Chart { marks: chart.marks.iter().chain(within).cloned().collect(), ..chart.clone() }
}

/// Which exhibits there are.
fn list(exhibits: &[Laid]) -> Block {
    use ColumnKind::{Number, Short, Text};
    let row = |laid: &Laid| {
        let n_events = laid.exhibit.events.len();
        vec![
            Cell::Exhibits(vec![laid.number]),
            Cell::of(&laid.exhibit.title, Text),
            Cell::of(laid.exhibit.kind.name(), Short),
            Cell::of(&if n_events > 0 { n_events.to_string() } else { String::new() }, Number),
        ]
    };
    let columns = [("exhibit", Short), ("what it shows", Text), ("kind", Short), ("cited events", Number)];
    let columns = columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    Block::Table(ShownTable { title: String::new(), columns, rows: exhibits.iter().map(row).collect() })
}

fn exhibit_blocks(laid: &Laid, marks: &[Mark], zone: Zone) -> Vec<Block> {
    let exhibit = &laid.exhibit;
    let mut blocks = vec![Block::Exhibit { number: laid.number, title: exhibit.title.clone() }, facts(exhibit, zone)];
    blocks.extend((!exhibit.text.is_empty()).then(|| Block::Prose(exhibit.text.clone())));
    blocks.extend(exhibit.charts.iter().map(|chart| Block::Chart(marked(chart, marks), zone)));
    blocks.extend(exhibit.tables.iter().flat_map(|table| table_blocks(table, !exhibit.charts.is_empty())));
    if !exhibit.events.is_empty() {
        let events = event_lines(exhibit, zone).take(MAX_EVENTS).collect();
        // Whoever reads the tables of an analysis has read these events; their bytes and places are there for those who doubt.
        let is_told = exhibit.kind != Kind::Search && !exhibit.tables.is_empty();
        blocks.push(Block::Events { events, n_open: if is_told { 0 } else { MAX_OPEN_EVENTS } });
        let n_more = exhibit.events.len().saturating_sub(MAX_EVENTS);
        if n_more > 0 {
            blocks.push(Block::Remark(format!("{} in the case and its bundle.", more(n_more as u64, "event"))));
        }
    }
    blocks
}

fn facts(exhibit: &Exhibit, zone: Zone) -> Block {
    let mut facts = vec![("Kind", exhibit.kind.to_string()), ("Added", exhibit.added.to_second(zone))];
    facts.extend(exhibit.at.map(|at| ("Happened", at.to_second(zone))));
    facts.extend((!exhibit.command.is_empty()).then(|| ("Command", exhibit.command.clone())));
    facts.extend(exhibit.range.map(|range| ("Range", range_text(&range, zone))));
    for query in &exhibit.queries {
        facts.push((
            "Found",
            format!("{} match, in {}", counted(query.n_matched as usize, "event"), range_text(&query.range, zone)),
        ));
        facts.push(("Covered", query.coverage.to_string()));
        facts.extend(query.incomplete.as_ref().map(|why| ("Incomplete", why.clone())));
    }
    for file in &exhibit.files {
        facts.push(("File", format!("{} ({} bytes, SHA-256 {})", file.name, file.len, file.sha256)));
        facts.extend((!file.from.is_empty()).then(|| ("Copied from", file.from.clone())));
    }
    Block::Facts(facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn table_blocks(table: &Table, is_beside_chart: bool) -> Vec<Block> {
    let n_in_all = table.n_rows_in_all.unwrap_or(0).max(table.rows.len() as u64);
    let shown = match is_beside_chart {
        // Times at which nothing was are better seen there.
        true => {
            let numbers: Vec<usize> =
                (0..table.columns.len()).filter(|at| table.kind(*at) == ColumnKind::Number).collect();
            let rows = table.rows.iter().filter(|row| !is_naught(row, &numbers)).cloned().collect();
            ShownTable::of(&Table { rows, ..table.clone() }, MAX_ROWS_BESIDE_CHART)
        }
        false => ShownTable::of(table, MAX_ROWS),
    };
    if shown.rows.is_empty() && is_beside_chart {
        return Vec::new();
    }
    let n_more = n_in_all - shown.rows.len() as u64;
    let mut blocks = vec![Block::Table(shown)];
    blocks.extend((n_more > 0).then(|| Block::Remark(format!("{}.", more(n_more, "row")))));
    blocks
}

/// Whether all numbers of a row are zero; `numbers` are their columns.
fn is_naught(row: &[String], numbers: &[usize]) -> bool {
    let is_zero = |at: &usize| row.get(*at).is_none_or(|cell| cell.parse() == Ok(0.0));
    !numbers.is_empty() && numbers.iter().all(is_zero)
}

fn more(n: u64, what: &str) -> String {
    format!("{n} more {what}{}", if n == 1 { "" } else { "s" })
}

fn event_lines(exhibit: &Exhibit, zone: Zone) -> impl Iterator<Item = EventLine> {
    let mut events: Vec<&Citation> = exhibit.events.iter().collect();
    events.sort_by_key(|event| event.time);
    events.into_iter().map(move |event| EventLine {
        time: event.time.map(|time| time.in_zone(zone)).unwrap_or_default(),
        host: event.host.clone(),
        address: event.address.to_string(),
        why: event.why.clone(),
        text: clip(&exhibit.text_of(event), MAX_EVENT_CHARS).into_owned(),
        sha256: format!("sha256 {}…", &event.sha256.to_string()[..16]),
    })
}

/// The queries that the exhibits rest on, and the commands of analyses, which ask many.
pub fn queries(exhibits: &[Laid], zone: Zone) -> Vec<Block> {
    use ColumnKind::{Line, Number, Short, Text};
    let row = |laid: &Laid, run: &QueryRun| {
        vec![
            Cell::Exhibits(vec![laid.number]),
            Cell::of(&run.query, Line),
            Cell::of(&range_text(&run.range, zone), Text),
            Cell::of(&run.now.to_second(zone), Text),
            Cell::of(&run.n_matched.to_string(), Number),
            Cell::of(&run.coverage.to_string(), Text),
        ]
    };
    let of_command = |laid: &Laid| -> Option<Vec<Cell>> {
        let Exhibit { kind, queries, command, range, added, .. } = &laid.exhibit;
        let is_analysis = queries.is_empty() && !command.is_empty() && !matches!(kind, Kind::Note | Kind::File);
        is_analysis.then(|| {
            vec![
                Cell::Exhibits(vec![laid.number]),
                Cell::of(command, Line),
                Cell::of(&range.as_ref().map_or_else(String::new, |range| range_text(range, zone)), Text),
                Cell::of(&added.to_second(zone), Text),
                Cell::of("", Number),
                Cell::of("", Text),
            ]
        })
    };
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for laid in exhibits {
        rows.extend(laid.exhibit.queries.iter().map(|run| row(laid, run)));
        rows.extend(of_command(laid));
    }
    if rows.is_empty() {
        return vec![Block::Remark("None.".to_owned())];
    }
    let columns = [
        ("exhibit", Short),
        ("query or command", Line),
        ("range", Text),
        ("run at", Text),
        ("matched", Number),
        ("what it rests on", Text),
    ];
    let columns = columns.map(|(name, kind)| (name.to_owned(), kind)).to_vec();
    vec![Block::Table(ShownTable { title: String::new(), columns, rows })]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Moment;
    use crate::exhibit::Series;
    use std::path::PathBuf;

    #[test]
    fn an_analysis_is_named_by_its_command() {
        let exhibit = |kind| Exhibit::new(kind, "it", Moment(0)).of_command("trawl rca add …".to_owned());
        let laid = |number, exhibit| Laid { dir: PathBuf::new(), number, exhibit };
        let exhibits = [laid(1, exhibit(Kind::File)), laid(2, exhibit(Kind::Trace))];
        let [Block::Table(table)] = &queries(&exhibits, Zone::UTC)[..] else { panic!("a table is expected") };
        let [row] = &table.rows[..] else { panic!("files are copied, not asked for: {table:?}") };
        assert_eq!(row[..2], [Cell::Exhibits(vec![2]), Cell::Text("trawl rca add …".to_owned())]);
        assert!(matches!(&queries(&exhibits[..1], Zone::UTC)[..], [Block::Remark(_)]));
    }

    #[test]
    fn moments_are_marked_in_charts() {
        let mark = |s: i64, label: &str| Mark { at: Moment(s * 1_000_000), label: label.to_owned() };
        let moments =
            vec![mark(30, "onset: failures rise"), mark(40, "pay raised (critical): x"), mark(90, "end: over")];
        let exhibit = Exhibit { moments, ..Exhibit::new(Kind::Changes, "it", Moment(0)) };
        let laid = |number| Laid { dir: PathBuf::new(), number, exhibit: exhibit.clone() };
        let marks = marks(&[laid(1), laid(2)]);
        assert_eq!(marks, [mark(30, "onset"), mark(90, "end")]);
        let series = vec![Series { name: String::new(), values: vec![1.0; 60] }];
        let (start, title, unit) = (Moment(0), String::new(), String::new());
        let chart = Chart { title, unit, start, step_s: 1.0, series, marks: Vec::new() };
        assert_eq!(marked(&chart, &marks).marks, [mark(30, "onset")]);
    }

    #[test]
    fn beside_a_chart_stands_what_happened() {
        let row = |time: &str, n: &str| vec![time.to_owned(), n.to_owned()];
        let rows = vec![row("14:00", "0"), row("14:01", "3"), row("14:02", "0.0"), row("14:03", "1")];
        let table = Table::new("", ["_time", "count"], rows);
        let times = |is_beside_chart: bool| -> Vec<String> {
            let blocks = table_blocks(&table, is_beside_chart);
            let Some(Block::Table(shown)) = blocks.first() else { panic!("a table: {blocks:?}") };
            shown.rows.iter().map(|row| row[0].shown()).collect()
        };
        assert_eq!(times(true), ["14:01", "14:03"]);
        assert_eq!(times(false).len(), 4);
        assert!(matches!(&table_blocks(&table, true)[1..], [Block::Remark(text)] if text == "2 more rows."));
        let quiet = Table::new("", ["_time", "count"], vec![row("14:00", "0")]);
        assert!(table_blocks(&quiet, true).is_empty());
    }
}

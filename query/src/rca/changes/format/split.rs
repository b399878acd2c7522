//! At which moment the layouts of a source's lines became others, if they did so at one. Pure.
//!
//! Of all stretches of the sample, whether they go on to its end or not, the one is taken whose layouts differ the most from those
//! around it, by G, the log-likelihood ratio of the table of layouts inside and outside. It counts if
//!
//! - G is at least [`MIN_G`]: of so few lines as ten before and ten since it is 27; by chance that comes once in millions;
//! - the *distance* of the two is at least [`MIN_DISTANCE`]: the total variation distance of the shares of layouts, that is the share of
//!   lines for which there is no line of the same layout on the other side. It is measured among lines of one severity, so that
//!   many errors and few errors are no difference;
//! - there are lines enough on each side.
//!
//! Formats that are mixed all the time, or come and go, have no such stretch.

use hashbrown::HashMap;
use trawl_formats::Severity;

const MIN_G: f64 = 25.0;
const MIN_DISTANCE: f64 = 0.9;
/// Fewest lines on each side.
const MIN_SIDE: usize = 10;
/// Fewest lines that show that it was taken back.
const MIN_TAIL: usize = 3;
/// Places of the sample at which stretches may begin and end, before that is looked at more closely.
const MAX_GROUPS: usize = 32;
/// Fewest lines of a severity on each side that tell something about it.
const MIN_OF_SEVERITY: u64 = 3;
/// Least share of lines whose severity there is on both sides.
const MIN_COMPARABLE: f64 = 0.3;
/// If the share of lines without a level differs by so much, the level itself is part of what changed.
const LEVEL_IS_LOST: f64 = 0.5;

/// A line of the sample: its layout as a small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub layout: usize,
    pub severity: Option<Severity>,
}

/// The stretch of a sample in which lines are laid out otherwise.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split {
    /// Its first line.
    pub begin: usize,
    /// The line behind its last one; the length of the sample if it goes on.
    pub end: usize,
    /// Total variation distance, 0 to 1.
    pub distance: f64,
    /// Log-likelihood ratio.
    pub g: f64,
}

/// Counts of a stretch and of what is around it, by layout.
type Table = Vec<(u64, u64)>;

/// The stretch, if there is one. O(groups² × layouts + n).
pub(super) fn split(marks: &[Mark]) -> Option<Split> {
    let n = marks.len();
    let n_usual = most(marks.iter().map(|mark| mark.layout));
    if n < 2 * MIN_SIDE || n - n_usual < MIN_SIDE {
        return None;
    }
    let n_groups = (n / 4).min(MAX_GROUPS);
    let edge = |group: usize| group * n / n_groups;
    // How often each layout comes before each edge.
    let mut sums = vec![vec![0_u64; n_layouts(marks)]];
    for group in 0..n_groups {
        let mut sum = sums[group].clone();
        marks[edge(group)..edge(group + 1)].iter().for_each(|mark| sum[mark.layout] += 1);
        sums.push(sum);
    }
    let mut table_of: Table = Vec::new();
    let mut best: Option<(f64, usize, usize)> = None;
    for begin in 1..n_groups {
        for end in begin + 1..=n_groups {
            table_of.clear();
            let rows = sums[begin].iter().zip(&sums[end]).zip(&sums[n_groups]);
            table_of.extend(rows.map(|((from, to), all)| (to - from, all - (to - from))));
            let g = g_of(&table_of);
            if best.is_none_or(|(most, ..)| g > most) {
                best = Some((g, edge(begin), edge(end)));
            }
        }
    }
    let (_, begin, end) = best?;
    let close = n.div_ceil(n_groups);
    let shares = table(marks, begin, end);
    let (inside, outside) = ((end - begin) as f64, (n - (end - begin)) as f64);
    let is_new = |layout: usize| shares[layout].0 as f64 / inside > shares[layout].1 as f64 / outside;
    let begin = boundary(marks, begin.saturating_sub(close)..(begin + close).min(end), is_new);
    let end = match end {
        end if end == n => n,
        end => boundary(marks, (end - close).max(begin + 1)..(end + close).min(n), |layout| !is_new(layout)),
    };
    let is_enough = begin >= MIN_SIDE && end - begin >= MIN_SIDE && (end == n || n - end >= MIN_TAIL);
    let g = g_of(&table(marks, begin, end));
    let distance = distance(marks, begin, end)?;
    (is_enough && g >= MIN_G && distance >= MIN_DISTANCE).then_some(Split { begin, end, distance, g })
}

/// The place in a range before which the lines are the likeliest old and from which on new: the first one.
pub(super) fn boundary(marks: &[Mark], range: std::ops::Range<usize>, is_new: impl Fn(usize) -> bool) -> usize {
    let (mut score, mut best) = (0_i64, (0_i64, range.start));
    for at in range {
        score += if is_new(marks[at].layout) { -1 } else { 1 };
        if score > best.0 {
            best = (score, at + 1);
        }
    }
    best.1
}

fn most(layouts: impl Iterator<Item = usize>) -> usize {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    layouts.for_each(|layout| *counts.entry(layout).or_default() += 1);
    counts.into_values().max().unwrap_or(0)
}

fn n_layouts(marks: &[Mark]) -> usize {
    marks.iter().map(|mark| mark.layout + 1).max().unwrap_or(0)
}

fn table(marks: &[Mark], begin: usize, end: usize) -> Table {
    let mut table = vec![(0, 0); n_layouts(marks)];
    for (at, mark) in marks.iter().enumerate() {
        let counts = &mut table[mark.layout];
        if (begin..end).contains(&at) { counts.0 += 1 } else { counts.1 += 1 }
    }
    table
}

/// `2 Σ observed · ln(observed / expected)` of a table of two columns.
fn g_of(table: &Table) -> f64 {
    let total = |column: fn(&(u64, u64)) -> u64| table.iter().map(column).sum::<u64>() as f64;
    let (inside, outside) = (total(|row| row.0), total(|row| row.1));
    let all = inside + outside;
    let term = |observed: u64, row: u64, column: f64| {
        if observed == 0 { 0.0 } else { observed as f64 * (observed as f64 * all / (row as f64 * column)).ln() }
    };
    2.0 * table.iter().map(|&(a, b)| term(a, a + b, inside) + term(b, a + b, outside)).sum::<f64>()
}

fn total_variation(table: &Table) -> f64 {
    let (inside, outside) = table.iter().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    let share = |n: u64, of: u64| n as f64 / of.max(1) as f64;
    table.iter().map(|row| (share(row.0, inside) - share(row.1, outside)).abs()).sum::<f64>() / 2.0
}

/// How far the layouts inside are from those outside; `None` if that cannot be told, because other severities are written.
fn distance(marks: &[Mark], begin: usize, end: usize) -> Option<f64> {
    let n_layouts = n_layouts(marks);
    let mut by_severity: HashMap<Option<Severity>, Table> = HashMap::new();
    for (at, mark) in marks.iter().enumerate() {
        let table = by_severity.entry(mark.severity).or_insert_with(|| vec![(0, 0); n_layouts]);
        let counts = &mut table[mark.layout];
        if (begin..end).contains(&at) { counts.0 += 1 } else { counts.1 += 1 }
    }
    let (inside, outside) = ((end - begin) as f64, (marks.len() - (end - begin)) as f64);
    let n_of = |table: &Table| table.iter().fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1));
    let none = by_severity.get(&None).map_or((0, 0), n_of);
    if (none.0 as f64 / inside - none.1 as f64 / outside).abs() > LEVEL_IS_LOST {
        return Some(total_variation(&table(marks, begin, end)));
    }
    let (mut sum, mut weights) = (0.0, 0.0);
    for table in by_severity.values() {
        let n = n_of(table);
        if n.0 >= MIN_OF_SEVERITY && n.1 >= MIN_OF_SEVERITY {
            let weight = (n.0 as f64 / inside).min(n.1 as f64 / outside);
            sum += weight * total_variation(table);
            weights += weight;
        }
    }
    (weights >= MIN_COMPARABLE).then(|| sum / weights)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INFO: Option<Severity> = Some(Severity::Info);
    const ERROR: Option<Severity> = Some(Severity::Error);

    fn marks(n: usize, of: impl Fn(usize) -> (usize, Option<Severity>)) -> Vec<Mark> {
        (0..n).map(of).map(|(layout, severity)| Mark { layout, severity }).collect()
    }

    #[test]
    fn a_change_is_found_where_it_is() {
        let found = split(&marks(200, |at| (usize::from(at >= 137), INFO))).unwrap();
        assert_eq!((found.begin, found.end, found.distance), (137, 200, 1.0));
        // Several layouts on each side, one of which stays; and so few lines as twenty.
        let several = |at: usize| if at.is_multiple_of(25) { 9 } else { at % 3 + if at >= 60 { 4 } else { 0 } };
        assert_eq!(split(&marks(200, |at| (several(at), INFO))).unwrap().begin, 60);
        assert_eq!(split(&marks(20, |at| (at / 10, None))).unwrap().begin, 10);
        // It was taken back.
        let found = split(&marks(200, |at| (usize::from((80..150).contains(&at)), None))).unwrap();
        assert_eq!((found.begin, found.end), (80, 150));
        // The level is no longer read.
        let lost = marks(100, |at| if at >= 50 { (1, None) } else { (0, INFO) });
        assert_eq!(split(&lost).unwrap().begin, 50);
    }

    #[test]
    fn what_is_no_change_of_format() {
        let none: [(&str, Vec<Mark>); 8] = [
            ("one layout", marks(200, |_| (0, INFO))),
            ("mixed all the time", marks(200, |at| (at * 7 % 5 % 2, INFO))),
            ("comes and goes", marks(200, |at| (at / 20 % 2, INFO))),
            ("few lines", marks(10, |at| (at / 5, INFO))),
            ("a part of the lines", marks(200, |at| (usize::from(at > 100 && at % 2 == 0), INFO))),
            ("few new lines", marks(200, |at| (usize::from(at > 195), INFO))),
            (
                "many errors, which have a layout of their own",
                marks(200, |at| {
                    let is_error = at % 40 == 0 || (at > 100 && at % 8 != 0);
                    if is_error { (1, ERROR) } else { (0, INFO) }
                }),
            ),
            ("nothing but errors", marks(200, |at| if at > 100 { (1, ERROR) } else { (0, INFO) })),
        ];
        for (what, marks) in none {
            assert_eq!(split(&marks), None, "{what}");
        }
    }

    proptest! {
        #[test]
        fn a_lasting_change_is_found_to_the_line(at in 10..200_usize, since in 10..100_usize, n_layouts in 1..4_usize) {
            let n = at + since;
            let found = split(&marks(n, |i| (i % n_layouts + if i >= at { 10 } else { 0 }, INFO)));
            prop_assert_eq!(found.map(|found| (found.begin, found.end)), Some((at, n)));
        }

        #[test]
        fn any_sample_can_be_looked_at(layouts in proptest::collection::vec((0..5_usize, 0..3_u8), 0..120)) {
            let marks = marks(layouts.len(), |at| {
                let (layout, severity) = layouts[at];
                (layout, [None, INFO, ERROR][usize::from(severity)])
            });
            if let Some(found) = split(&marks) {
                prop_assert!(found.begin < found.end && found.end <= marks.len());
                prop_assert!(found.distance <= 1.0 && found.g.is_finite());
            }
        }
    }
}

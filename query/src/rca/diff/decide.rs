//! Which patterns changed, and how.
//!
//! A baseline that was chosen has two parts, the time before the incident and the same time of other days. What is usual at that time, a job of every
//! night say, is not so in the hours before it, and what began yesterday not on the days before: a pattern is more or less
//! frequent only if it is so against both, and the smaller G counts. What is gone need have been in one of them, on each of the days then.

use super::SIGNIFICANT;
use super::gather::{Counts, Windowed};
use super::report::{Change, HostCounts, PatternChange};
use super::statistics::{adjust, dispersion, g_of_rates, g_of_table, p_value};
use super::windows::{Exposure, ExposurePart, Kind, Windows};
use crate::pattern::{self, Pattern};
use crate::time::TimeRange;

/// Shares of hosts are compared where a pattern has at least so many events on each side.
const MIN_MOVED: u64 = 20;

/// A pattern with what is to be known of it before the tests of all are adjusted.
struct Tested {
    pattern: Pattern<Windowed>,
    counts: (u64, u64),
    g: f64,
    /// Where its test stands among all.
    rate_test: usize,
    /// G and place of the test of its hosts.
    hosts: Option<(f64, usize)>,
}

/// The patterns that changed, in the order of the report, and how many tests were made.
pub(crate) fn decide(
    patterns: Vec<Pattern<Windowed>>,
    windows: &Windows,
    searched: TimeRange,
    seen_us: (i64, i64),
) -> (Vec<PatternChange>, usize) {
    let exposure = windows.exposure(searched, seen_us);
    let mut p_values: Vec<f64> = Vec::new();
    let mut add_test = |g: f64, degrees: usize| {
        p_values.push(p_value(g, degrees));
        p_values.len() - 1
    };
    let tested: Vec<Tested> = patterns
        .into_iter()
        .map(|pattern| {
            let tally = &pattern.tally;
            let counts = tally.counts.sides();
            let (g, scatter) = g_of_counts(&tally.counts, &exposure);
            let rate_test = add_test(g, 1);
            let rows: Vec<(u64, u64)> = tally.hosts.values().copied().collect();
            let is_comparable = rows.len() > 1 && counts.0 >= MIN_MOVED && counts.1 >= MIN_MOVED;
            let hosts = is_comparable.then(|| {
                let g = g_of_table(&rows) / scatter;
                (g, add_test(g, rows.len() - 1))
            });
            Tested { pattern, counts, g, rate_test, hosts }
        })
        .collect();
    let q_values = adjust(&p_values);
    let mut changes: Vec<PatternChange> =
        tested.into_iter().filter_map(|tested| change(tested, &q_values, &exposure)).collect();
    changes.sort_by(|a, b| {
        a.change.cmp(&b.change).then_with(|| b.g.total_cmp(&a.g)).then_with(|| a.pattern.cmp(&b.pattern))
    });
    (changes, q_values.len())
}

/// G of the rates, and by how much counts scatter.
fn g_of_counts(counts: &Counts, exposure: &Exposure) -> (f64, f64) {
    let inside = counts.of(0) as f64;
    let stretches =
        |part: &ExposurePart| -> Vec<u64> { part.stretches.iter().map(|stretch| counts.of(*stretch)).collect() };
    let scatter = exposure.parts.iter().map(|part| dispersion(&stretches(part))).fold(1.0, f64::max);
    let n_of = |part: &ExposurePart| counts.within(|stretch| part.holds(stretch)) as f64;
    if exposure.parts.iter().all(|part| n_of(part) == 0.0) {
        // What is new is so against all of the baseline at once.
        return (g_of_rates(inside, exposure.incident, 0.0, exposure.baseline()), scatter);
    }
    let of_part = |part: &ExposurePart| {
        let (n, stretches) = (n_of(part), stretches(part));
        let g = g_of_rates(inside, exposure.incident, n, part.seconds) / dispersion(&stretches);
        // What is missing on one of the other days, too, is not missed today.
        let is_usual = inside == 0.0 && part.kind == Kind::SameTime && stretches.contains(&0);
        match inside / exposure.incident < n / part.seconds {
            true if is_usual => 0.0,
            true => -g,
            false => g,
        }
    };
    // Where it was not there before either, that tells nothing of what is gone.
    let telling = exposure.parts.iter().filter(|part| inside > 0.0 || n_of(part) > 0.0);
    let of_parts: Vec<f64> = telling.map(of_part).collect();
    let is_alike = of_parts.iter().all(|g| *g > 0.0) || of_parts.iter().all(|g| *g < 0.0);
    let least = of_parts.iter().map(|g| g.abs()).fold(f64::INFINITY, f64::min);
    (if is_alike { least } else { 0.0 }, scatter)
}

fn change(tested: Tested, q_values: &[f64], exposure: &Exposure) -> Option<PatternChange> {
    let Tested { pattern: Pattern { text, tally }, counts, .. } = tested;
    let per_minute = |count: u64, seconds: f64| if seconds > 0.0 { count as f64 * 60.0 / seconds } else { 0.0 };
    let (rate, baseline_rate) = (per_minute(counts.0, exposure.incident), per_minute(counts.1, exposure.baseline()));
    let is_significant = q_values[tested.rate_test] <= SIGNIFICANT;
    let moved = tested.hosts.filter(|(_, test)| q_values[*test] <= SIGNIFICANT);
    let (change, g, q) = match (counts, is_significant, moved) {
        ((_, 0), ..) => (Change::New, tested.g, q_values[tested.rate_test]),
        ((0, _), true, _) => (Change::Vanished, tested.g, q_values[tested.rate_test]),
        (_, true, _) if rate > baseline_rate => (Change::More, tested.g, q_values[tested.rate_test]),
        (_, true, _) => (Change::Less, tested.g, q_values[tested.rate_test]),
        (_, false, Some((g, test))) => (Change::Moved, g, q_values[test]),
        _ => return None,
    };
    let [incident, baseline] = tally.first;
    let line = incident.or(baseline).unwrap_or_default();
    let mut hosts: Vec<HostCounts> = tally
        .hosts
        .into_iter()
        .map(|(host, (count, baseline_count))| HostCounts { host, count, baseline_count })
        .collect();
    hosts.sort_by(|a, b| (b.count, b.baseline_count, &a.host).cmp(&(a.count, a.baseline_count, &b.host)));
    Some(PatternChange {
        change,
        id: pattern::id(&text),
        search: pattern::search_for(&text),
        pattern: text,
        count: counts.0,
        baseline_count: counts.1,
        rate,
        baseline_rate,
        g,
        q,
        is_significant: q <= SIGNIFICANT,
        first_seen_us: line.time_us,
        last_seen_us: tally.last_us,
        hosts,
        sources: tally.sources.into_iter().collect(),
        seen_earlier_us: None,
        level: line.level.clone(),
        line,
    })
}

#[cfg(test)]
mod tests {
    use super::super::windows::Part;
    use super::*;

    const MINUTE_US: i64 = 60_000_000;
    const DAY_US: i64 = 1_440 * MINUTE_US;

    /// G of an event whose counts are those of the incident, of each of the five stretches before it, and of three days, the newest first.
    fn g(incident: u64, before: [u64; 5], days: [u64; 3]) -> f64 {
        let (from_us, length_us) = (100 * DAY_US, 20 * MINUTE_US);
        let mut parts = vec![Part { from_us: from_us - 5 * length_us, to_us: from_us, kind: Kind::Before }];
        let of_day = |day: i64| from_us - day * DAY_US;
        parts.extend((1..=3).map(|day| Part {
            from_us: of_day(day),
            to_us: of_day(day) + length_us,
            kind: Kind::SameTime,
        }));
        let windows = Windows::of_parts((from_us, from_us + length_us), parts);
        let mut counts = Counts::default();
        let mut add = |time_us: i64, n: u64| counts.add(windows.stretch(time_us).expect("a stretch"), n);
        add(from_us, incident);
        (0..).zip(before).for_each(|(at, n)| add(from_us - 1 - at * length_us, n));
        (1..).zip(days).for_each(|(day, n)| add(of_day(day), n));
        g_of_counts(&counts, &windows.exposure(TimeRange::ALL, (0, 0))).0
    }

    #[test]
    fn what_is_usual_at_that_time_is_no_change() {
        assert_eq!(g(60, [0; 5], [60; 3]), 0.0, "a job of every night");
        assert_eq!(g(60, [60; 5], [0; 3]), 0.0, "it began before the incident");
        assert!(g(60, [5, 6, 4, 5, 7], [6, 5, 4]) > 50.0, "more than before and than on other days");
        assert!(g(60, [0; 5], [0; 3]) > 100.0, "new");
        assert!(g(60, [0; 5], [5, 0, 60]) < 5.0, "a job of some nights");
    }

    #[test]
    fn what_is_gone_is_missed_if_it_is_there_every_day_or_was_there_before() {
        assert!(g(0, [0; 5], [60; 3]) > 20.0, "the job of every night did not run");
        assert_eq!(g(0, [0; 5], [60, 0, 60]), 0.0, "the job of some nights did not");
        assert!(g(0, [50, 52, 49, 50, 51], [0; 3]) > 15.0, "a service of today fell silent");
        assert!(g(2, [50, 52, 49, 50, 51], [48, 50, 47]) > 20.0, "less than before and than on other days");
    }
}

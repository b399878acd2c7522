//! Which patterns changed, and how.

use super::SIGNIFICANT;
use super::gather::Windowed;
use super::report::{Change, HostCounts, PatternChange};
use super::statistics::{adjust, dispersion, g_of_rates, g_of_table, p_value};
use super::windows::{Exposure, Windows};
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
            let stretches: Vec<u64> = exposure.stretches.iter().map(|stretch| tally.counts.of(*stretch)).collect();
            let scatter = dispersion(&stretches);
            let (a, b) = (counts.0 as f64, counts.1 as f64);
            let g = g_of_rates(a, exposure.incident, b, exposure.baseline) / scatter;
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

fn change(tested: Tested, q_values: &[f64], exposure: &Exposure) -> Option<PatternChange> {
    let Tested { pattern: Pattern { text, tally }, counts, .. } = tested;
    let per_minute = |count: u64, seconds: f64| if seconds > 0.0 { count as f64 * 60.0 / seconds } else { 0.0 };
    let (rate, baseline_rate) = (per_minute(counts.0, exposure.incident), per_minute(counts.1, exposure.baseline));
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
        level: line.level.clone(),
        line,
    })
}

//! Which of the changes comes first. Pure.
//!
//! The score of a change is a product of four numbers between 0 and 1, which are all shown:
//!
//! - **kind**: how often such a line turns out to be the cause, see [`super::kinds`]; half of that for an error;
//! - **closeness**: 1 at the onset, halved with each half hour before it;
//! - **rarity**: one over the square root of how often the same line, numbers aside, was written at other times before the
//!   onset: a deployment that is reported every minute is no news;
//! - **relation**: what it has to do with what fails, see [`super::relation`]; at least a quarter.
//!
//! Lines that name the same ticket, or say the same within ten minutes, are one change: the first of them stands for all; of
//! what is said again and again, the time that scores best. What comes after the onset is no suspect, but part of what happened.

use super::super::event::{Event, Moment};
use super::kinds::{Kind, tickets};
use super::regime::{Regime, rounded};
use super::relation::{Failing, names_of, names_of_place};
use super::{Change, Echo, Parts};
use hashbrown::{HashMap, HashSet};

/// What is left of the weight of a kind in a line that is an error: it tells of a failure rather than of a change.
const ERROR_SHARE: f64 = 0.5;
/// In which time closeness halves: microseconds.
const HALF_LIFE_US: f64 = 1_800e6;
/// Least that closeness and relation come to.
const LEAST_CLOSENESS: f64 = 0.02;
const LEAST_RELATION: f64 = 0.25;
/// Lines that say the same within this time are one change, and those at other times are what is usual: microseconds.
const TOGETHER_US: i64 = 600_000_000;
/// What is seen up to this long after the onset may be before it: clocks differ. Microseconds.
const GRACE_US: i64 = 1_000_000;
/// Most further lines that are kept of a change.
const MAX_ECHOES: usize = 10;

/// A line that tells of a change.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub event: Event,
    pub kind: &'static Kind,
}

/// A change without a line.
#[derive(Clone, Debug)]
pub(super) struct Silent {
    pub time: Moment,
    pub source: String,
    pub host: String,
    pub regime: Regime,
    /// Whether it came with the onset, or after it: what fails writes less, or more.
    pub is_effect: bool,
}

impl Silent {
    /// Whether it says why a source's rate is another at about that time, too.
    pub fn explains_rates(&self, time: Moment) -> bool {
        let is_close = time.since(self.time).abs() <= TOGETHER_US;
        match &self.regime {
            // Lines that hang on an event are not events: a source looks silent that is not.
            Regime::Format(change) => is_close || (change.n_unread > 0 && time >= self.time),
            Regime::Verbosity { .. } => is_close,
            _ => false,
        }
    }
}

/// The changes before the onset, the likeliest cause first, and those after it, in order of time.
pub(super) fn rank(
    mut lines: Vec<Line>,
    silent: Vec<Silent>,
    failing: &Failing,
    onset: Moment,
) -> (Vec<Change>, Vec<Change>) {
    lines.sort_by(|a, b| {
        let key = |line: &Line| (line.event.time, line.event.source.clone(), line.event.addr.clone());
        key(a).cmp(&key(b))
    });
    let facts = Facts::of(&lines);
    // With the template that a change shares with others of its source, if it is not told apart by a ticket.
    let (mut before, mut after): (Vec<Told>, Vec<Told>) = (Vec::new(), Vec::new());
    for members in groups(&lines, &facts) {
        let template = |first: usize| facts.changes(first).next().is_none().then(|| facts.templates[first]);
        let (suspects, late): (Vec<usize>, Vec<usize>) =
            members.into_iter().partition(|&at| lines[at].event.time.since(onset) <= GRACE_US);
        if let Some(&first) = suspects.first() {
            before.push((template(first), suspect(&suspects, &lines, &facts, failing, onset)));
        }
        // Of what is said again and again after the onset, once is enough.
        if let Some(&first) = late.first() {
            let mut change = suspect(&[first], &lines, &facts, failing, onset);
            change.n_alike = late.len();
            change.also = echoes(&late, &lines, &facts, onset);
            after.push((template(first), change));
        }
    }
    for found in silent {
        let is_before = !found.is_effect && found.time.since(onset) <= GRACE_US;
        let change = silent_change(found, failing, onset);
        if is_before { before.push((None, change)) } else { after.push((None, change)) }
    }
    before.sort_by(|(_, a), (_, b)| {
        b.score.total_cmp(&a.score).then_with(|| b.time.cmp(&a.time)).then_with(|| a.source.cmp(&b.source))
    });
    after.sort_by(|(_, a), (_, b)| a.time.cmp(&b.time).then_with(|| a.source.cmp(&b.source)));
    (each_once(before), each_once(after))
}

/// A change, with the number of its template.
type Told = (Option<usize>, Change);

/// Of the changes with one template the first.
fn each_once(changes: Vec<Told>) -> Vec<Change> {
    let mut seen = HashSet::new();
    let mut is_new = |template: Option<_>| template.is_none_or(|template| seen.insert(template));
    changes.into_iter().filter_map(|(template, change)| is_new(template).then_some(change)).collect()
}

/// What is known of each line, by place.
struct Facts {
    /// The number of the template of each line: source and text are the same.
    templates: Vec<usize>,
    /// The lines of each template.
    of_template: Vec<Vec<usize>>,
    names: Vec<HashSet<String>>,
    tickets: Vec<Vec<String>>,
    /// How many templates have each name.
    by_name: HashMap<String, usize>,
}

impl Facts {
    fn of(lines: &[Line]) -> Self {
        let mut numbers: HashMap<(&str, String), usize> = HashMap::new();
        let mut of_template: Vec<Vec<usize>> = Vec::new();
        let mut by_name: HashMap<String, usize> = HashMap::new();
        let names: Vec<HashSet<String>> = lines.iter().map(|line| names_of(&line.event)).collect();
        let mut templates = Vec::with_capacity(lines.len());
        for (at, line) in lines.iter().enumerate() {
            let key = (line.event.source.as_str(), template(line.event.first_line()));
            let number = *numbers.entry(key).or_insert(of_template.len());
            if number == of_template.len() {
                of_template.push(Vec::new());
                names[at].iter().for_each(|name| *by_name.entry_ref(name).or_default() += 1);
            }
            of_template[number].push(at);
            templates.push(number);
        }
        let tickets = lines.iter().map(|line| tickets(line.event.first_line())).collect();
        Self { templates, of_template, names, tickets, by_name }
    }

    /// The tickets of changes that a line names. What is done about an incident names it, and is no part of its cause.
    fn changes(&self, at: usize) -> impl Iterator<Item = &String> {
        self.tickets[at].iter().filter(|ticket| !ticket.starts_with("INC") && !ticket.starts_with("PRB"))
    }

    /// How special a name is among changes: 1 if one has it, near 0 if all have.
    fn specific(&self, name: &str) -> f64 {
        let n_others = self.by_name.get(name).map_or(0, |n| n.saturating_sub(1));
        1.0 - n_others as f64 / self.of_template.len().max(1) as f64
    }
}

/// A line without its numbers: words that hold a digit are `#`.
pub(super) fn template(line: &str) -> String {
    let mut template = String::with_capacity(line.len());
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '@');
    let mut rest = line;
    while let Some(start) = rest.find(is_word) {
        template.push_str(&rest[..start]);
        let end = rest[start..].find(|c| !is_word(c)).map_or(rest.len(), |len| start + len);
        let word = &rest[start..end];
        template.push_str(if word.contains(|c: char| c.is_ascii_digit()) { "#" } else { word });
        rest = &rest[end..];
    }
    template.push_str(rest);
    template
}

/// Lines that are one change, by place; `lines` in order of time.
fn groups(lines: &[Line], facts: &Facts) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut by_ticket: HashMap<&str, usize> = HashMap::new();
    // Of each template the last group, and when that began: what is said all the time is no single change.
    let mut by_template: HashMap<usize, (usize, Moment)> = HashMap::new();
    for (at, line) in lines.iter().enumerate() {
        let changes = || facts.changes(at);
        let of_ticket = changes().find_map(|ticket| by_ticket.get(ticket.as_str()).copied());
        let of_template = by_template
            .get(&facts.templates[at])
            .filter(|(_, begin)| changes().next().is_none() && line.event.time.since(*begin) <= TOGETHER_US)
            .map(|(group, _)| *group);
        let group = of_ticket.or(of_template).unwrap_or_else(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(at);
        for ticket in changes() {
            by_ticket.entry(ticket).or_insert(group);
        }
        if of_template.is_none() {
            by_template.insert(facts.templates[at], (group, line.event.time));
        }
    }
    groups
}

fn closeness(relative_us: i64) -> f64 {
    let before_us = (-relative_us).max(0) as f64;
    0.5_f64.powf(before_us / HALF_LIFE_US).max(LEAST_CLOSENESS)
}

/// The change that some lines tell of, the first of them standing for all.
fn suspect(members: &[usize], lines: &[Line], facts: &Facts, failing: &Failing, onset: Moment) -> Change {
    let first = members[0];
    let Line { event, kind } = &lines[first];
    let related = members.iter().map(|&at| failing.relation(&facts.names[at], |name| facts.specific(name)));
    let (relation, shared) = related.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or_default();
    let last = lines[members[members.len() - 1]].event.time;
    let is_usual = |at: usize| {
        let time = lines[at].event.time;
        let is_apart = event.time.since(time) > TOGETHER_US || time.since(last) > TOGETHER_US;
        is_apart && time <= onset
    };
    let n_background = facts.of_template[facts.templates[first]].iter().filter(|&&at| is_usual(at)).count();
    let parts = Parts {
        kind: rounded(kind.weight * if event.is_error { ERROR_SHARE } else { 1.0 }),
        // A change that is announced in the morning is as close as what is last said of it.
        closeness: rounded(members.iter().map(|&at| closeness(lines[at].event.time.since(onset))).fold(0.0, f64::max)),
        rarity: rounded(1.0 / ((1 + n_background) as f64).sqrt()),
        relation: rounded(LEAST_RELATION + (1.0 - LEAST_RELATION) * relation),
    };
    let mut tickets: Vec<String> = Vec::new();
    for ticket in members.iter().flat_map(|&at| &facts.tickets[at]) {
        if !tickets.contains(ticket) {
            tickets.push(ticket.clone());
        }
    }
    Change {
        kind: kind.name.to_owned(),
        title: kind.title.to_owned(),
        score: parts.score(),
        parts,
        time: event.time,
        relative_us: event.time.since(onset),
        source: event.source.clone(),
        host: event.host.clone(),
        event: Some(event.clone()),
        regime: None,
        shared,
        tickets,
        n_alike: members.len(),
        n_background,
        also: echoes(members, lines, facts, onset),
    }
}

/// What others say than the first of these lines, or what it does not say: a source that says the same again is only counted.
fn echoes(members: &[usize], lines: &[Line], facts: &Facts, onset: Moment) -> Vec<Echo> {
    let kind_of = |at: usize| (&lines[at].event.source, facts.templates[at]);
    let mut seen: HashSet<_> = HashSet::from_iter([kind_of(members[0])]);
    let told = members[1..].iter().filter(|&&at| seen.insert(kind_of(at)));
    let echo = |at: &usize| {
        let event = lines[*at].event.clone();
        Echo { relative_us: event.time.since(onset), event }
    };
    told.take(MAX_ECHOES).map(echo).collect()
}

fn silent_change(found: Silent, failing: &Failing, onset: Moment) -> Change {
    let Silent { time, source, host, regime, .. } = found;
    let n_background = match &regime {
        Regime::Format(change) => change.n_earlier,
        _ => 0,
    };
    let (kind, title, weight) = match &regime {
        Regime::Silence { .. } => ("silence", "silence", 0.6),
        Regime::Rate { .. } => ("rate", "change of rate", 0.5),
        Regime::NewHost => ("new_host", "new machine", 0.5),
        Regime::NewSource => ("new_source", "new source", 0.4),
        Regime::NewLevel { .. } => ("new_level", "new level", 0.4),
        // Whoever changes how a program logs has changed the program, or its configuration.
        Regime::Format(_) => ("format", "another format", 0.7),
        Regime::Verbosity { .. } => ("verbosity", "another log level", 0.6),
    };
    let (relation, shared) = failing.relation(&names_of_place(&source, &host), |_| 1.0);
    let parts = Parts {
        kind: weight,
        closeness: rounded(closeness(time.since(onset))),
        rarity: rounded(1.0 / ((1 + n_background) as f64).sqrt()),
        relation: rounded(LEAST_RELATION + (1.0 - LEAST_RELATION) * relation),
    };
    Change {
        kind: kind.to_owned(),
        title: title.to_owned(),
        score: parts.score(),
        parts,
        time,
        relative_us: time.since(onset),
        source,
        host,
        event: None,
        regime: Some(regime),
        shared,
        tickets: Vec::new(),
        n_alike: 1,
        n_background,
        also: Vec::new(),
    }
}

#[cfg(test)]
mod tests;

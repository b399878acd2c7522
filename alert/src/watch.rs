//! Brings rules from moment to moment: evaluates what is due, moves the states, and commits what came of it.
//!
//! Everything follows from the events and the moments of the rules, whatever the clock says when the work is done: a moment `T`
//! sees the events that were indexed before `T` + [`SETTLE_US`]. So a process that was busy, stopped or killed comes to the same
//! transitions, and so does a back-test. Events of a moment's window that are indexed later open it again when the next moment
//! is evaluated, if it is not longer ago than the rule's lateness.

use crate::book::{Book, BookError, Outcome, RuleProgress};
use crate::condition::Condition;
use crate::evaluate::{Evaluator, Finding, Moment, judge};
use crate::machine::{Change, ChangeKind, Handling, OfEpisode, Phase, Reading, State};
use crate::notification::{Group, Happening, Notification};
use crate::rule::{Per, Rule};
use crate::schedule::Schedule;
use crate::severity::Severity;
use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use trawl_formats::Zone;
use trawl_query::Batch;
use trawl_query::command::CommandKind;
use trawl_query::context::Context;
use trawl_query::time::TimeRange;

/// How long after a moment the events of its window may be indexed and still be in time, in microseconds.
pub const SETTLE_US: i64 = 500_000;
/// How long it takes at most until what was indexed can be searched, in microseconds.
pub(crate) const COMMIT_US: i64 = 300_000;
/// Most moments that are made up for after a stop; of more, the last ones.
const MAX_MISSED: usize = 10_000;
/// How often it is noted how far rules have been evaluated in which nothing happens, in microseconds.
const SAVE_INTERVAL_US: i64 = 20_000_000;
/// How long it is remembered at least that an event was told by itself, in microseconds: longer than a process is stopped.
const TOLD_EVENTS_US: i64 = 7 * 86_400_000_000;
/// How often a continuous rule is evaluated, in microseconds.
const CONTINUOUS_US: i64 = 1_000_000;

/// The rules that are watched.
pub struct Watch<'b> {
    book: &'b Book,
    rules: Vec<Watched>,
    /// What people have said, as of the present round.
    handlings: BTreeMap<(String, Group), Handling>,
    /// The machine that evaluates.
    node: String,
    foresight: Option<&'b dyn Foresight>,
    saved_us: i64,
}

/// What is known of events without a search.
pub trait Foresight {
    /// Whether certainly no event that the first stage of a rule's search selects has its time in a range, microseconds UTC, the
    /// end excluded; and the search, by the rule's name, asks for nothing but such events.
    fn is_silent(&self, alert: &str, times_us: (i64, i64)) -> bool;

    /// Whether certainly no such event was indexed at a moment or later, microseconds UTC.
    fn is_unchanged_since(&self, alert: &str, times_us: (i64, i64), indexed_us: i64) -> bool {
        let _ = indexed_us;
        self.is_silent(alert, times_us)
    }
}

struct Watched {
    rule: Arc<Rule>,
    schedule: Schedule,
    progress: RuleProgress,
    states: BTreeMap<Group, State>,
    /// As the book has them.
    saved: BTreeMap<Group, State>,
    is_saved: bool,
    /// Whether a window without events tells nothing.
    is_quiet_when_empty: bool,
    /// Whether it could be evaluated since this process began.
    is_proven: bool,
}

/// What an evaluated moment came to, to be told to whoever watches.
#[derive(Clone, Debug)]
pub struct Told {
    /// Name of the alert.
    pub alert: String,
    /// Which of its groups.
    pub group: Group,
    /// What changed.
    pub change: Change,
}

/// What a round of evaluations came to.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// What changed.
    pub told: Vec<Told>,
    /// Rules that cannot be evaluated any more, or can be again: name and why not.
    pub troubles: Vec<(String, Option<String>)>,
    /// Moments that were evaluated.
    pub n_moments: usize,
}

impl<'b> Watch<'b> {
    /// Takes up rules where the book left them; one that it does not know begins now.
    ///
    /// # Errors
    /// If the book cannot be read.
    pub fn new(book: &'b Book, rules: Vec<Arc<Rule>>, node: String, now_us: i64) -> Result<Self, BookError> {
        let mut known = book.progress()?;
        let rules = rules.into_iter().map(|rule| {
            let schedule = match &rule.schedule {
                Schedule::Continuous => Schedule::Every { interval_us: CONTINUOUS_US },
                schedule => schedule.clone(),
            };
            let begins = RuleProgress { meaning: String::new(), tick_us: now_us, seen_us: now_us, error: None };
            let is_saved = known.contains_key(&rule.name);
            let mut progress = known.remove(&rule.name).unwrap_or(begins);
            progress.meaning = rule.meaning();
            let states = book.states(&rule.name)?;
            let is_quiet_when_empty = is_quiet_when_empty(&rule);
            Ok(Watched {
                saved: states.clone(),
                rule,
                schedule,
                progress,
                states,
                is_saved,
                is_quiet_when_empty,
                is_proven: false,
            })
        });
        let rules = rules.collect::<Result<Vec<_>, BookError>>()?;
        let mut watch = Self { book, rules, handlings: BTreeMap::new(), node, foresight: None, saved_us: now_us };
        // A rule begins when it is first seen, even if the process ends before anything happens.
        watch.save(now_us)?;
        // The book of a process that is killed again and again falls behind no more than that of one that lives.
        watch.saved_us = watch.rules.iter().map(|watched| watched.progress.tick_us).fold(now_us, i64::min);
        Ok(watch)
    }

    /// Takes `foresight` for an answer: windows in which a rule certainly finds nothing are not searched.
    #[must_use]
    pub fn believing(self, foresight: &'b dyn Foresight) -> Self {
        Self { foresight: Some(foresight), ..self }
    }

    /// When there is something to be done, microseconds UTC.
    pub fn due_us(&self) -> Option<i64> {
        self.rules
            .iter()
            .filter_map(|watched| watched.schedule.next_after(watched.progress.tick_us))
            .min()
            .map(ready_us)
    }

    /// The evaluated moment of which [`Watch::due_us`] says when it is due.
    pub fn moment_of(due_us: i64) -> i64 {
        due_us - SETTLE_US - COMMIT_US
    }

    /// Evaluates all moments that are due at `now_us`, microseconds UTC. Events must have been indexed up to then: after a stop
    /// the files are read first.
    ///
    /// # Errors
    /// If the book refuses. A rule that cannot be evaluated is reported, and tried again in the next round.
    pub fn advance(&mut self, evaluator: &Evaluator<'_>, now_us: i64) -> Result<Round, BookError> {
        let mut round = Round::default();
        self.handlings = self.book.handlings()?;
        let nothing = evaluator.of_no_events();
        let scene = Scene {
            evaluator,
            nothing: &nothing,
            foresight: self.foresight,
            book: self.book,
            handlings: &self.handlings,
            node: &self.node,
            now_us,
        };
        for watched in &mut self.rules {
            let due = watched.schedule.between(watched.progress.tick_us, now_us - SETTLE_US - COMMIT_US, MAX_MISSED);
            for tick_us in due {
                let had_error = watched.progress.error.is_some();
                match watched.step(&scene, tick_us)? {
                    Ok(told) => {
                        round.n_moments += 1;
                        round.told.extend(told);
                        if had_error {
                            round.troubles.push((watched.rule.name.clone(), None));
                        }
                    }
                    Err(text) => {
                        if !had_error {
                            round.troubles.push((watched.rule.name.clone(), Some(text)));
                        }
                        break;
                    }
                }
            }
        }
        if now_us - self.saved_us >= SAVE_INTERVAL_US {
            self.save(now_us)?;
        }
        Ok(round)
    }

    /// Notes how far the rules have been evaluated. Moments in which nothing happened are noted now and then only: evaluated
    /// again, nothing happens in them.
    ///
    /// # Errors
    /// If the book refuses.
    pub fn save(&mut self, now_us: i64) -> Result<(), BookError> {
        let unsaved: Vec<&mut Watched> = self.rules.iter_mut().filter(|watched| !watched.is_saved).collect();
        let outcomes: Vec<Outcome> = unsaved.iter().map(|watched| watched.outcome(Draft::default(), now_us)).collect();
        if !outcomes.is_empty() {
            self.book.commit(&outcomes)?;
            unsaved.into_iter().for_each(Watched::note_saved);
        }
        for rule in self.rules.iter().map(|watched| &watched.rule).filter(|rule| rule.per == Per::Event) {
            // No window reaches back to them any more.
            let reach_us = rule.window_us.unwrap_or(0) + rule.timing.lateness_us + TOLD_EVENTS_US;
            self.book.forget_told_events(&rule.name, now_us - reach_us)?;
        }
        self.saved_us = now_us;
        Ok(())
    }
}

/// What all rules of a round have in common.
#[derive(Clone, Copy)]
struct Scene<'s> {
    evaluator: &'s Evaluator<'s>,
    /// The same where there are no events.
    nothing: &'s Evaluator<'s>,
    foresight: Option<&'s dyn Foresight>,
    book: &'s Book,
    handlings: &'s BTreeMap<(String, Group), Handling>,
    node: &'s str,
    now_us: i64,
}

/// When a moment can be evaluated.
fn ready_us(tick_us: i64) -> i64 {
    tick_us + SETTLE_US + COMMIT_US
}

/// Why something failed, with its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl Watched {
    /// Evaluates one moment and commits what came of it. The inner error is why it could not be evaluated.
    fn step(&mut self, scene: &Scene<'_>, tick_us: i64) -> Result<Result<Vec<Told>, String>, BookError> {
        let was_stopped = scene.now_us - tick_us > self.rule.timing.lateness_us;
        // What was written while nobody read it is indexed late, and is not late.
        let seen_us = if was_stopped { scene.now_us } else { tick_us + SETTLE_US }.max(self.progress.seen_us);
        let mut draft = Draft { states: self.states.clone(), ..Draft::default() };
        let moment = Moment { tick_us, seen_us };
        let evaluated = if !self.is_silent(scene, tick_us) {
            self.evaluate(scene, moment, &mut draft)
        } else if self.is_proven && self.says_nothing_of_silence() {
            Ok(())
        } else {
            let scene = Scene { evaluator: scene.nothing, ..*scene };
            self.evaluate(&scene, moment, &mut draft)
        };
        self.is_proven = evaluated.is_ok();
        let had_error = self.progress.error.is_some();
        let result = match evaluated {
            Ok(()) => {
                self.progress = RuleProgress { tick_us, seen_us, error: None, ..self.progress.clone() };
                Ok(draft.told.clone())
            }
            Err(StepError::Book(error)) => return Err(error),
            Err(StepError::Evaluate(error)) => {
                let text = chain(&error);
                draft = Draft { states: self.states.clone(), ..Draft::default() };
                self.progress.error.get_or_insert((text.clone(), scene.now_us));
                Err(text)
            }
        };
        self.states = std::mem::take(&mut draft.states);
        self.states.retain(|_, state| {
            state.forget(&self.rule.timing, tick_us);
            !state.is_blank()
        });
        self.is_saved = false;
        if !draft.changes.is_empty() || self.progress.error.is_some() != had_error {
            scene.book.commit(&[self.outcome(draft, scene.now_us)])?;
            self.note_saved();
        }
        Ok(result)
    }

    /// Whether there are certainly no events at a moment.
    fn is_silent(&self, scene: &Scene<'_>, tick_us: i64) -> bool {
        let Some((foresight, window_us)) = scene.foresight.zip(self.rule.window_us) else { return false };
        // Windows that a late event might open again belong to it, and the time that they are compared with.
        let reach_us = self.rule.timing.lateness_us + window_us + self.rule.baseline_us.unwrap_or(0);
        foresight.is_silent(&self.rule.name, (tick_us - reach_us, tick_us))
    }

    /// Whether nothing can come of a moment without events: nothing is going on.
    fn says_nothing_of_silence(&self) -> bool {
        self.is_quiet_when_empty && self.states.values().all(|state| state.phase == Phase::Ok)
    }

    /// What has to be committed.
    fn outcome(&self, draft: Draft, at_us: i64) -> Outcome {
        let blank = State::default();
        let changed = self.states.iter().filter(|(group, state)| self.saved.get(*group) != Some(*state));
        let gone = self.saved.keys().filter(|group| !self.states.contains_key(*group)).map(|group| (group, &blank));
        Outcome {
            alert: self.rule.name.clone(),
            progress: self.progress.clone(),
            at_us,
            states: changed.chain(gone).map(|(group, state)| (group.clone(), state.clone())).collect(),
            changes: draft.changes,
            deliveries: draft.deliveries,
            told_events: draft.told_events,
        }
    }

    fn note_saved(&mut self) {
        self.saved = self.states.clone();
        self.is_saved = true;
    }

    fn evaluate(&self, scene: &Scene<'_>, moment: Moment, draft: &mut Draft) -> Result<(), StepError> {
        let rule = &*self.rule;
        if rule.active.as_ref().is_some_and(|calendar| !calendar.contains(moment.tick_us)) {
            return Ok(());
        }
        if rule.per == Per::Event {
            return self.tell_events(scene, moment, draft);
        }
        for tick_us in self.reopened(scene, moment)? {
            self.read(scene, Moment { tick_us, ..moment }, draft)?;
        }
        self.read(scene, moment, draft)
    }

    /// Past moments whose windows have got events since they were evaluated, in order.
    fn reopened(&self, scene: &Scene<'_>, moment: Moment) -> Result<Vec<i64>, StepError> {
        let Some(window_us) = self.rule.window_us else { return Ok(Vec::new()) };
        let open_us = moment.tick_us - self.rule.timing.lateness_us;
        let last_us = self.progress.tick_us;
        if last_us <= open_us {
            return Ok(Vec::new());
        }
        let times_us = (open_us - window_us, last_us);
        let is_unchanged =
            |foresight: &dyn Foresight| foresight.is_unchanged_since(&self.rule.name, times_us, self.progress.seen_us);
        if scene.foresight.is_some_and(is_unchanged) {
            return Ok(Vec::new());
        }
        let Some((first_us, newest_us)) =
            scene.evaluator.late(&self.rule, times_us, (self.progress.seen_us, moment.seen_us))?
        else {
            return Ok(Vec::new());
        };
        let moments = self.schedule.between(open_us.max(first_us), last_us, MAX_MISSED);
        Ok(moments.into_iter().filter(|tick_us| *tick_us <= newest_us + window_us).collect())
    }

    /// Moves the states of all groups by what the rule says at a moment.
    fn read(&self, scene: &Scene<'_>, moment: Moment, draft: &mut Draft) -> Result<(), StepError> {
        let rule = &*self.rule;
        let unsaid = Handling::default();
        let mut findings = scene.evaluator.findings(rule, moment)?;
        // Groups that are not found any more have no events.
        let gone: Vec<Group> = draft
            .states
            .iter()
            .filter(|(group, state)| {
                !matches!(state.phase, Phase::Ok) && !findings.iter().any(|finding| finding.group == **group)
            })
            .map(|(group, _)| group.clone())
            .collect();
        findings.extend(gone.into_iter().map(|group| {
            let reading = Reading { tick_us: moment.tick_us, severity: Severity::Ok, is_clear: true };
            Finding { group, reading, count: 0, rows: Vec::new() }
        }));
        for finding in findings {
            let mut state = draft.states.get(&finding.group).cloned().unwrap_or_default();
            let handling = scene.handlings.get(&(rule.name.clone(), finding.group.clone())).unwrap_or(&unsaid);
            let change = state.advance(&rule.name, &finding.group, &rule.timing, handling, finding.reading);
            if draft.states.contains_key(&finding.group) || !state.is_blank() {
                draft.states.insert(finding.group.clone(), state);
            }
            let Some(change) = change else { continue };
            if let (ChangeKind::Told(happening), None) = (change.what, change.quiet) {
                let evidence = scene.evaluator.evidence(rule, &finding.group, moment)?;
                let notification = Notification {
                    happening,
                    count: finding.count,
                    events: evidence.events,
                    rows: finding.rows,
                    series: evidence.series,
                    acknowledged_by: of_episode(handling.acknowledged.as_ref(), &change).map(|of| of.said.by.clone()),
                    assigned_to: handling
                        .assigned
                        .as_ref()
                        .filter(|assigned| assigned.of.episode == change.episode)
                        .map(|assigned| assigned.to.clone()),
                    ..self.notification(&finding.group, &change, moment, scene.node)
                };
                draft.deliveries.push((notification, rule.actions.clone()));
            }
            draft.told.push(Told { alert: rule.name.clone(), group: finding.group.clone(), change: change.clone() });
            draft.changes.push((finding.group, change, finding.count));
        }
        Ok(())
    }

    /// Tells each event of the window that was not told yet.
    fn tell_events(&self, scene: &Scene<'_>, moment: Moment, draft: &mut Draft) -> Result<(), StepError> {
        let rule = &*self.rule;
        let events = scene.evaluator.events(rule, moment, self.rule.timing.lateness_us)?;
        let addresses: Vec<String> = events.iter().map(|event| event.address.clone()).collect();
        let told = scene.book.told_events(&rule.name, &addresses)?;
        let severity = rule.levels.first().map_or(Severity::Warning, |(severity, _)| *severity);
        for event in events.into_iter().filter(|event| !told.contains(&event.address)) {
            let id = crate::book::event_transition(&rule.name, &event.address, event.time_us);
            let change = Change {
                episode: id.clone(),
                id,
                what: ChangeKind::Told(Happening::Row),
                severity: (Severity::Ok, severity),
                since_us: event.time_us,
                quiet: None,
            };
            let group = Group::default();
            draft.told_events.push(event.address.clone());
            let notification = Notification {
                count: 1,
                events: vec![event],
                ..self.notification(&group, &change, moment, scene.node)
            };
            draft.deliveries.push((notification, rule.actions.clone()));
            draft.told.push(Told { alert: rule.name.clone(), group: group.clone(), change: change.clone() });
            draft.changes.push((group, change, 1));
        }
        Ok(())
    }

    /// What is known of a change without looking at events.
    fn notification(&self, group: &Group, change: &Change, moment: Moment, node: &str) -> Notification {
        let rule = &*self.rule;
        Notification {
            id: change.id.clone(),
            episode: change.episode.clone(),
            alert: rule.name.clone(),
            description: rule.description.clone(),
            owner: rule.owner.clone(),
            tags: rule.tags.clone(),
            runbook: rule.runbook.clone(),
            group: group.clone(),
            happening: Happening::Row,
            severity: change.severity.1,
            severity_before: change.severity.0,
            at_us: moment.tick_us,
            since_us: change.since_us,
            window_us: (moment.tick_us - rule.window_us.unwrap_or(0), moment.tick_us),
            search: rule.search.clone(),
            condition: rule.condition_text(),
            count: 0,
            events: Vec::new(),
            rows: Vec::new(),
            series: Vec::new(),
            acknowledged_by: None,
            assigned_to: None,
            reason: None,
            node: node.to_owned(),
        }
    }
}

/// What was said of the episode of a change.
fn of_episode<'s>(said: Option<&'s OfEpisode>, change: &Change) -> Option<&'s OfEpisode> {
    said.filter(|of| of.episode == change.episode)
}

/// Whether a window without events tells nothing, whenever it is looked at.
fn is_quiet_when_empty(rule: &Rule) -> bool {
    let Ok(pipeline) = trawl_query::parse(&rule.search) else { return false };
    let finds_events =
        pipeline.search.is_some() && pipeline.commands.iter().all(|command| command.kind() == CommandKind::Streaming);
    let asks_the_clock = |condition: &Condition| {
        let text = condition.to_string();
        ["now(", "time(", "random("].iter().any(|function| text.contains(function))
    };
    // What is usual is not looked for.
    if !finds_events || rule.baseline_us.is_some() || rule.levels.iter().any(|(_, condition)| asks_the_clock(condition))
    {
        return false;
    }
    let ctx = Arc::new(Context::new(0, Zone::UTC, TimeRange::ALL));
    judge(rule, Batch::default(), false, 0, &ctx)
        .is_ok_and(|findings| findings.iter().all(|finding| finding.reading.severity == Severity::Ok))
}

/// What a moment will have come to when it is committed.
#[derive(Default)]
struct Draft {
    states: BTreeMap<Group, State>,
    changes: Vec<(Group, Change, u64)>,
    deliveries: Vec<(Notification, Vec<String>)>,
    told_events: Vec<String>,
    told: Vec<Told>,
}

enum StepError {
    Book(BookError),
    Evaluate(crate::evaluate::EvaluateError),
}

impl From<BookError> for StepError {
    fn from(error: BookError) -> Self {
        Self::Book(error)
    }
}

impl From<crate::evaluate::EvaluateError> for StepError {
    fn from(error: crate::evaluate::EvaluateError) -> Self {
        Self::Evaluate(error)
    }
}

//! The states of an alert: ok, pending, firing. A pure function from a state and a reading to a state and what happened.

use crate::notification::{Group, Happening, TransitionId};
use crate::severity::Severity;
use serde::{Deserialize, Serialize};

/// How a rule treats the readings of its condition. Durations in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Timing {
    /// How long the condition must hold before the alert fires.
    pub for_us: i64,
    /// How long the alert goes on firing after the condition has ended.
    pub keep_firing_us: i64,
    /// How long nobody is told again of the same group after it was raised.
    pub throttle: Option<Throttle>,
    /// How often it is said again that it still fires, until somebody acknowledges it.
    pub reminder_us: Option<i64>,
    /// Moments that are no longer past than this are evaluated again when a late event arrives.
    pub lateness_us: i64,
}

/// How long a group is kept quiet after it was raised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    /// After the first time, in microseconds.
    pub first_us: i64,
    /// Each time that it is raised within the quiet time makes the next one longer by this factor; 1 is always the same.
    pub factor: f64,
    /// It does not get longer than this.
    pub max_us: i64,
}

impl Throttle {
    /// The quiet time after it was raised `n_raised` times in a row.
    fn quiet_us(&self, n_raised: u32) -> i64 {
        let exponent = i32::try_from(n_raised.saturating_sub(1)).unwrap_or(i32::MAX);
        let quiet = self.first_us as f64 * self.factor.powi(exponent);
        if quiet < self.max_us as f64 { quiet as i64 } else { self.max_us.max(self.first_us) }
    }
}

/// What the condition of an alert says of a group at an evaluated moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The moment, microseconds UTC.
    pub tick_us: i64,
    /// How bad it is. [`Severity::Ok`]: the condition does not hold.
    pub severity: Severity,
    /// Whether the condition under which a firing alert ends holds. Without one of its own: whether `severity` is ok.
    pub is_clear: bool,
}

/// Where a group of an alert is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum Phase {
    /// The condition does not hold.
    #[default]
    Ok,
    /// It holds, but not for long enough yet.
    Pending {
        /// Since when, microseconds UTC.
        since_us: i64,
        /// How bad it is.
        severity: Severity,
    },
    /// The alert fires.
    Firing {
        /// Since when, microseconds UTC.
        since_us: i64,
        /// How bad it is.
        severity: Severity,
        /// How bad it was at its worst.
        #[serde(default)]
        worst: Severity,
        /// When the condition last held.
        held_us: i64,
        /// The transition that began it.
        episode: TransitionId,
        /// Whether anybody was told of it.
        is_told: bool,
        /// When it was last said that it fires.
        told_us: i64,
    },
}

/// What people have said of a group. It is theirs: readings never change it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handling {
    /// Somebody knows of an episode.
    pub acknowledged: Option<OfEpisode>,
    /// Somebody looks after an episode.
    pub assigned: Option<Assigned>,
    /// Nobody is told while this lasts.
    pub snooze: Option<Snooze>,
}

/// Who said something, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who.
    pub by: String,
    /// When, microseconds UTC.
    pub at_us: i64,
    /// Why.
    pub note: Option<String>,
}

/// Something that was said of one episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfEpisode {
    /// Of which.
    pub episode: TransitionId,
    /// By whom.
    pub said: Said,
}

impl OfEpisode {
    /// Whether it says the same as another, whenever it was said.
    pub fn says(&self, other: &Self) -> bool {
        self.episode == other.episode && self.said.by == other.said.by && self.said.note == other.said.note
    }
}

/// Who looks after an episode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// Who.
    pub to: String,
    /// Which episode, and who said so.
    #[serde(flatten)]
    pub of: OfEpisode,
}

/// A time in which nobody is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snooze {
    /// Who asked for it.
    pub said: Said,
    /// When it ends, microseconds UTC. `None`: not by itself.
    pub until_us: Option<i64>,
    /// It lasts as long as this episode has this severity. `None`: whatever happens.
    pub only: Option<(TransitionId, Severity)>,
}

impl Snooze {
    /// Whether nobody is told at a moment of a group that is in a phase.
    pub fn is_in_force(&self, at_us: i64, phase: &Phase) -> bool {
        let is_only = |(only, severe): &(TransitionId, Severity)| matches!(phase, Phase::Firing { episode, severity, .. } if episode == only && severity == severe);
        self.until_us.is_none_or(|until| at_us < until) && self.only.as_ref().is_none_or(is_only)
    }
}

impl Handling {
    /// Whether there is nothing that matters at a moment of a group that is in a phase.
    pub fn is_over(&self, at_us: i64, phase: &Phase) -> bool {
        let of = |episode: &TransitionId| phase.episode() == Some(episode);
        !self.acknowledged.as_ref().is_some_and(|said| of(&said.episode))
            && !self.assigned.as_ref().is_some_and(|assigned| of(&assigned.of.episode))
            && !self.snooze.as_ref().is_some_and(|snooze| snooze.is_in_force(at_us, phase))
    }
}

impl Phase {
    /// The episode that it is a part of.
    pub fn episode(&self) -> Option<&TransitionId> {
        match self {
            Self::Firing { episode, .. } => Some(episode),
            Self::Ok | Self::Pending { .. } => None,
        }
    }
}

/// The state of one group of an alert, as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Where it is.
    #[serde(flatten)]
    pub phase: Phase,
    /// When somebody was last told that it was raised, microseconds UTC.
    pub raised_us: Option<i64>,
    /// How often it was raised in a row, for the throttle.
    #[serde(default)]
    pub n_raised: u32,
    /// The last evaluated moment, microseconds UTC.
    pub tick_us: Option<i64>,
    /// Episodes that ended so lately that a late event may open their moments again: since when they lasted, and the moment
    /// that ended them, microseconds UTC.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ended: Vec<(i64, i64)>,
}

/// Why nobody is told of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quiet {
    /// It was raised not long ago.
    Throttled,
    /// Somebody has snoozed it.
    Snoozed,
    /// Nobody was told that it began.
    NeverTold,
    /// The change is of no interest to anybody but the history: pending, and back again.
    Minor,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Identity of the transition.
    pub id: TransitionId,
    /// Identity of the transition that began the episode.
    pub episode: TransitionId,
    /// What happened.
    pub what: ChangeKind,
    /// How bad it was, and is.
    pub severity: (Severity, Severity),
    /// Since when the episode lasts, microseconds UTC.
    pub since_us: i64,
    /// Why nobody is told, if nobody is.
    pub quiet: Option<Quiet>,
}

/// Kinds of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The condition began to hold; the alert does not fire yet.
    Pending,
    /// It ended before the alert fired.
    Lapsed,
    /// Of what actions are told.
    Told(Happening),
}

impl ChangeKind {
    /// The word in the database and in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Lapsed => "lapsed",
            Self::Told(happening) => happening.as_str(),
        }
    }
}

impl State {
    /// How bad it is: of a pending group too, [`Severity::Ok`].
    pub fn severity(&self) -> Severity {
        match &self.phase {
            Phase::Firing { severity, .. } => *severity,
            Phase::Ok | Phase::Pending { .. } => Severity::Ok,
        }
    }

    /// How bad the episode was at its worst.
    fn worst(&self) -> Severity {
        match &self.phase {
            Phase::Firing { severity, worst, .. } => *severity.max(worst),
            Phase::Ok | Phase::Pending { .. } => Severity::Ok,
        }
    }

    /// Whether there is nothing that a reader of the state would miss if it were forgotten.
    pub fn is_blank(&self) -> bool {
        self.phase == Phase::Ok && self.raised_us.is_none() && self.ended.is_empty()
    }

    /// Takes the reading of a moment; at most one change comes of it. A moment that is not later than the last one, which a
    /// late event has opened again, can raise the alert and does nothing else; in an episode that has ended, not even that.
    pub fn advance(
        &mut self,
        alert: &str,
        group: &Group,
        timing: &Timing,
        handling: &Handling,
        reading: Reading,
    ) -> Option<Change> {
        let is_late = self.tick_us.is_some_and(|last| reading.tick_us <= last);
        let is_told = |&(since_us, end_us): &(i64, i64)| (since_us..end_us).contains(&reading.tick_us);
        if is_late && (reading.severity <= self.worst() || timing.for_us > 0 || self.ended.iter().any(is_told)) {
            return None;
        }
        let tick_us = self.tick_us.map_or(reading.tick_us, |last| last.max(reading.tick_us));
        self.tick_us = Some(tick_us);
        let is_snoozed =
            |phase: &Phase| handling.snooze.as_ref().is_some_and(|snooze| snooze.is_in_force(tick_us, phase));
        let id = |what: ChangeKind| TransitionId::new(alert, group, what.as_str(), reading.tick_us);
        let holds = reading.severity > Severity::Ok;
        match self.phase.clone() {
            Phase::Ok | Phase::Pending { .. } if holds => {
                let since_us = match self.phase {
                    Phase::Pending { since_us, .. } => since_us,
                    _ => reading.tick_us,
                };
                if reading.tick_us - since_us >= timing.for_us {
                    let id = id(ChangeKind::Told(Happening::Raised));
                    return Some(self.raise(id, timing, reading, since_us, tick_us, &is_snoozed));
                }
                let was_ok = self.phase == Phase::Ok;
                self.phase = Phase::Pending { since_us, severity: reading.severity };
                was_ok.then(|| Change::minor(ChangeKind::Pending, id(ChangeKind::Pending), since_us))
            }
            Phase::Ok => None,
            Phase::Pending { since_us, .. } => {
                self.phase = Phase::Ok;
                Some(Change::minor(ChangeKind::Lapsed, id(ChangeKind::Lapsed), since_us))
            }
            Phase::Firing { since_us, severity, worst, held_us, episode, is_told, told_us } => {
                let stays = holds || !reading.is_clear || reading.tick_us - held_us < timing.keep_firing_us;
                if !stays {
                    let what = ChangeKind::Told(Happening::Resolved);
                    self.phase = Phase::Ok;
                    if timing.lateness_us > 0 {
                        self.ended.push((since_us, reading.tick_us));
                    }
                    // Who was told that it began is told that it ended, snoozed or not: a ticket is waiting for that.
                    let quiet = (!is_told).then_some(Quiet::NeverTold);
                    let severity = (severity, Severity::Ok);
                    return Some(Change { id: id(what), episode, what, severity, since_us, quiet });
                }
                let now = if holds { reading.severity } else { severity };
                let held_us = if holds { held_us.max(reading.tick_us) } else { held_us };
                let is_acknowledged = handling.acknowledged.as_ref().is_some_and(|said| said.episode == episode);
                let what = if now != severity {
                    Some(Happening::SeverityChanged)
                } else if !is_told {
                    // It was kept quiet when it began, and is still there.
                    Some(Happening::Raised)
                } else {
                    let is_due = timing.reminder_us.is_some_and(|every| tick_us - told_us >= every);
                    (is_due && !is_acknowledged).then_some(Happening::Reminder)
                };
                let mut phase = Phase::Firing {
                    since_us,
                    severity: now,
                    worst: worst.max(now),
                    held_us,
                    episode: episode.clone(),
                    is_told,
                    told_us,
                };
                let is_throttled = what == Some(Happening::Raised) && self.is_throttled(timing, tick_us);
                let quiet = match (is_snoozed(&phase), is_throttled) {
                    (true, _) => Some(Quiet::Snoozed),
                    (false, true) => Some(Quiet::Throttled),
                    (false, false) => None,
                };
                if let (Some(what), None, Phase::Firing { is_told, told_us, .. }) = (what, quiet, &mut phase) {
                    (*is_told, *told_us) = (true, tick_us);
                    if what == Happening::Raised {
                        self.note_raised(timing, tick_us);
                    }
                }
                self.phase = phase;
                let happening = what?;
                // That something still goes on is nothing that happened, if nobody is told.
                if quiet.is_some() && happening != Happening::SeverityChanged {
                    return None;
                }
                let what = ChangeKind::Told(happening);
                let id = match happening {
                    // Not that of the beginning, which may be of the same moment.
                    Happening::Raised => TransitionId::new(alert, group, "told", reading.tick_us),
                    // A late moment may have told the same of an episode before.
                    _ => TransitionId::new(alert, group, what.as_str(), tick_us),
                };
                Some(Change { id, episode, what, severity: (severity, now), since_us, quiet })
            }
        }
    }

    /// Forgets what neither the throttle nor a late event needs any more at a moment.
    pub fn forget(&mut self, timing: &Timing, at_us: i64) {
        self.ended.retain(|&(_, end_us)| at_us - timing.lateness_us < end_us);
        let needed_us = timing.throttle.map_or(0, |throttle| throttle.quiet_us(self.n_raised).saturating_mul(2));
        if self.phase == Phase::Ok
            && self.raised_us.is_some_and(|raised_us| at_us >= raised_us.saturating_add(needed_us))
        {
            self.raised_us = None;
            self.n_raised = 0;
        }
    }

    fn raise(
        &mut self,
        id: TransitionId,
        timing: &Timing,
        reading: Reading,
        since_us: i64,
        at_us: i64,
        is_snoozed: &dyn Fn(&Phase) -> bool,
    ) -> Change {
        let is_throttled = self.is_throttled(timing, at_us);
        let firing = |is_told| Phase::Firing {
            since_us,
            severity: reading.severity,
            worst: reading.severity,
            held_us: reading.tick_us,
            episode: id.clone(),
            is_told,
            told_us: at_us,
        };
        let quiet = match (is_snoozed(&firing(false)), is_throttled) {
            (true, _) => Some(Quiet::Snoozed),
            (false, true) => Some(Quiet::Throttled),
            (false, false) => None,
        };
        if quiet.is_none() {
            self.note_raised(timing, at_us);
        }
        self.phase = firing(quiet.is_none());
        let what = ChangeKind::Told(Happening::Raised);
        Change { id: id.clone(), episode: id, what, severity: (Severity::Ok, reading.severity), since_us, quiet }
    }

    /// Whether it was told not long ago that the group was raised.
    fn is_throttled(&self, timing: &Timing, at_us: i64) -> bool {
        let throttled = timing.throttle.zip(self.raised_us);
        throttled
            .is_some_and(|(throttle, raised_us)| at_us < raised_us.saturating_add(throttle.quiet_us(self.n_raised)))
    }

    /// Notes that it is told now that the group was raised.
    fn note_raised(&mut self, timing: &Timing, at_us: i64) {
        // Within twice the quiet time: it comes and goes, and the next quiet time is longer.
        let in_a_row = timing.throttle.zip(self.raised_us).is_some_and(|(throttle, raised_us)| {
            at_us < raised_us.saturating_add(throttle.quiet_us(self.n_raised).saturating_mul(2))
        });
        self.n_raised = if in_a_row { self.n_raised + 1 } else { 1 };
        self.raised_us = Some(at_us);
    }
}

impl Change {
    fn minor(what: ChangeKind, id: TransitionId, since_us: i64) -> Self {
        let severity = (Severity::Ok, Severity::Ok);
        Self { episode: id.clone(), id, what, severity, since_us, quiet: Some(Quiet::Minor) }
    }
}

#[cfg(test)]
mod tests;

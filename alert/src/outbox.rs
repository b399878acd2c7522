//! The outbox: what is to be brought where, in the table `delivery` of the [book](crate::book).
//!
//! A delivery is entered in the transaction of its transition, and leaves `waiting` in the transaction that records what came of
//! it: whatever kills the process in between, it is brought again, under the same key. Deliveries of one group of one alert
//! to one action are a *lane*: each waits for those before it.

use crate::audit::AuditRecord;
use crate::book::{Book, BookError, add_audit};
use crate::machine::{OfEpisode, Phase, State};
use crate::notification::{Group, Happening, Notification, TransitionId};
use crate::severity::Severity;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde_json::{Value, json};

/// The tables; part of the book's schema.
pub(crate) const SCHEMA: &str = "
-- What is to be brought where.
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    transition_id TEXT NOT NULL,
    episode TEXT NOT NULL,
    alert TEXT NOT NULL,
    what TEXT NOT NULL,
    action TEXT NOT NULL,
    lane TEXT NOT NULL,
    notification TEXT NOT NULL,
    state TEXT NOT NULL,
    n_attempts INTEGER NOT NULL DEFAULT 0,
    due_us INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    outcome TEXT,
    UNIQUE (transition_id, action)
);
CREATE INDEX delivery_open ON delivery (action, seq) WHERE state IN ('waiting', 'running', 'verifying', 'standing');
CREATE INDEX delivery_lane ON delivery (action, lane, seq);
CREATE INDEX delivery_episode ON delivery (episode);
";

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It has to be brought.
    Waiting,
    /// A command was begun. After a restart: nobody knows what came of it.
    Running,
    /// It was done; whether it helped is looked at when it is due.
    Verifying,
    /// It was brought, and is brought again from time to time while the alert fires.
    Standing,
    /// It was brought, or was not meant for this action.
    Delivered,
    /// It was not, and is not tried again.
    Dead,
}

impl DeliveryState {
    const ALL: [Self; 6] = [Self::Waiting, Self::Running, Self::Verifying, Self::Standing, Self::Delivered, Self::Dead];

    /// The word in the database and in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Verifying => "verifying",
            Self::Standing => "standing",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A delivery as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Place in the outbox.
    pub seq: i64,
    /// Name of the action.
    pub action: String,
    /// What it waits in.
    pub lane: String,
    /// What is to be brought. The inner error: what stands there cannot be read.
    pub notification: Result<Notification, String>,
    /// Identity of the transition.
    pub transition_id: String,
    /// Name of the alert.
    pub alert: String,
    /// Where it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub n_attempts: u32,
    /// When something is to be done about it, microseconds UTC.
    pub due_us: i64,
    /// When it was entered, microseconds UTC.
    pub created_us: i64,
    /// What came of it: an object with `receipt` or `error`.
    pub outcome: Option<Value>,
}

impl Delivery {
    /// The same for each attempt to bring this, and for nothing else.
    pub fn key(&self) -> String {
        format!("{}-{}", self.transition_id, self.action)
    }
}

/// What came of a delivery, to be entered.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) seq: i64,
    pub(crate) state: DeliveryState,
    pub(crate) n_attempts: u32,
    pub(crate) due_us: i64,
    pub(crate) outcome: Value,
    pub(crate) audit: Option<AuditRecord>,
    /// Whom to tell that it did not do what it was for.
    pub(crate) escalation: Option<(Notification, Vec<String>)>,
    /// What was said before in its lane does not have to be said again.
    pub(crate) ends_standing: bool,
    /// The moment, microseconds UTC.
    pub(crate) at_us: i64,
}

const COLUMNS: &str =
    "seq, action, lane, notification, transition_id, alert, state, n_attempts, due_us, created_us, outcome";

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let notification: String = row.get(3)?;
    let state: String = row.get(6)?;
    let outcome: Option<String> = row.get(10)?;
    Ok(Delivery {
        seq: row.get(0)?,
        action: row.get(1)?,
        lane: row.get(2)?,
        notification: serde_json::from_str(&notification).map_err(|error| error.to_string()),
        transition_id: row.get(4)?,
        alert: row.get(5)?,
        state: DeliveryState::of(&state).unwrap_or(DeliveryState::Dead),
        n_attempts: row.get(7)?,
        due_us: row.get(8)?,
        created_us: row.get(9)?,
        outcome: outcome.and_then(|text| serde_json::from_str(&text).ok()),
    })
}

impl Book {
    /// Notifications that were entered for an action, by the order of their transitions.
    ///
    /// # Errors
    /// If the database refuses, or one cannot be read.
    pub fn notifications(&self, action: &str) -> Result<Vec<Notification>, BookError> {
        let sql = format!("SELECT {COLUMNS} FROM delivery WHERE action = ?1 ORDER BY seq");
        let deliveries: Vec<Delivery> =
            self.read(|connection| connection.prepare_cached(&sql)?.query_map([action], delivery)?.collect())?;
        deliveries.into_iter().map(|delivery| delivery.notification.map_err(|what| self.damaged(what))).collect()
    }

    /// The newest deliveries, of one alert or of all, in one state or in any, the newest first.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn deliveries(
        &self,
        alert: Option<&str>,
        state: Option<DeliveryState>,
        limit: usize,
    ) -> Result<Vec<Delivery>, BookError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM delivery WHERE (?1 IS NULL OR alert = ?1) AND (?2 IS NULL OR state = ?2)
             ORDER BY seq DESC LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let state = state.map(DeliveryState::as_str);
        self.read(|connection| {
            connection.prepare_cached(&sql)?.query_map(params![alert, state, limit], delivery)?.collect()
        })
    }

    /// What is due for an action and waits for nothing else, in order, at most `limit`.
    pub(crate) fn due(&self, action: &str, now_us: i64, limit: usize) -> Result<Vec<Delivery>, BookError> {
        // The first condition is that of the index `delivery_open`, word for word.
        let sql = format!(
            "SELECT {COLUMNS} FROM delivery AS d
             WHERE state IN ('waiting', 'running', 'verifying', 'standing')
               AND action = ?1 AND state <> 'running' AND due_us <= ?2
               AND NOT (state = 'waiting' AND EXISTS (
                   SELECT 1 FROM delivery AS e WHERE e.action = d.action AND e.lane = d.lane AND e.seq < d.seq
                   AND e.state IN ('waiting', 'running')))
               AND NOT (state = 'standing' AND EXISTS (
                   SELECT 1 FROM delivery AS e WHERE e.action = d.action AND e.lane = d.lane AND e.seq > d.seq
                   AND e.state = 'waiting'))
             ORDER BY seq LIMIT ?3"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            connection.prepare_cached(&sql)?.query_map(params![action, now_us, limit], delivery)?.collect()
        })
    }

    /// When the next delivery becomes due that is not due yet, microseconds UTC.
    pub(crate) fn next_due_us(&self, now_us: i64) -> Result<Option<i64>, BookError> {
        let sql = "SELECT MIN(due_us) FROM delivery
                   WHERE state IN ('waiting', 'running', 'verifying', 'standing') AND state <> 'running' AND due_us > ?1";
        self.read(|connection| connection.prepare_cached(sql)?.query_row([now_us], |row| row.get(0)))
    }

    /// Actions for which there is something to be done.
    pub(crate) fn open_actions(&self) -> Result<Vec<String>, BookError> {
        let sql = "SELECT DISTINCT action FROM delivery WHERE state IN ('waiting', 'running', 'verifying', 'standing')";
        self.read(|connection| connection.prepare_cached(sql)?.query_map([], |row| row.get(0))?.collect())
    }

    /// Commands that were begun, and of which nobody knows what came.
    pub(crate) fn running(&self) -> Result<Vec<Delivery>, BookError> {
        let sql = format!("SELECT {COLUMNS} FROM delivery WHERE state = 'running' ORDER BY seq");
        self.read(|connection| connection.prepare_cached(&sql)?.query_map([], delivery)?.collect())
    }

    /// Notes that a command is about to be begun. When this has returned, it is never begun again.
    pub(crate) fn begin_delivery(&self, seq: i64) -> Result<(), BookError> {
        let sql = "UPDATE delivery SET state = 'running', n_attempts = n_attempts + 1 WHERE seq = ?1";
        self.write(|transaction| transaction.execute(sql, [seq])).map(|_| ())
    }

    /// Whether the episode still fires.
    pub(crate) fn is_firing(&self, alert: &str, group: &Group, episode: &TransitionId) -> Result<bool, BookError> {
        let sql = "SELECT state FROM state WHERE alert = ?1 AND grp = ?2";
        let text: Option<String> = self.read(|connection| {
            connection.prepare_cached(sql)?.query_row(params![alert, group.to_json()], |row| row.get(0)).optional()
        })?;
        let state = text.and_then(|text| serde_json::from_str::<State>(&text).ok());
        Ok(state
            .is_some_and(|state| matches!(state.phase, Phase::Firing { episode: ref firing, .. } if firing == episode)))
    }

    /// Enters what came of a delivery, with its record and whom else to tell: all of it or nothing.
    pub(crate) fn settle(&self, settlement: &Settlement) -> Result<(), BookError> {
        let Settlement { seq, state, n_attempts, due_us, outcome, audit, escalation, ends_standing, at_us } =
            settlement;
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "UPDATE delivery SET state = ?2, n_attempts = ?3, due_us = ?4, outcome = ?5 WHERE seq = ?1",
                )?
                .execute(params![seq, state.as_str(), n_attempts, due_us, outcome.to_string()])?;
            if *ends_standing {
                transaction
                    .prepare_cached(
                        "UPDATE delivery SET state = 'delivered' WHERE state = 'standing' AND seq < ?1
                         AND (action, lane) = (SELECT action, lane FROM delivery WHERE seq = ?1)",
                    )?
                    .execute([seq])?;
            }
            if let Some(record) = audit {
                add_audit(transaction, record)?;
            }
            if let Some((notification, actions)) = escalation {
                for action in actions {
                    add_delivery(transaction, notification, action, *at_us)?;
                }
                // The alert may have ended meanwhile.
                forward_end(transaction, notification.episode.as_str(), *at_us)?;
            }
            let (episode, what): (String, String) = transaction
                .prepare_cached("SELECT episode, what FROM delivery WHERE seq = ?1")?
                .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if what == Happening::Resolved.as_str() {
                forward_end(transaction, &episode, *at_us)?;
            }
            Ok(())
        })
    }

    /// Has a delivery that was given up tried again from `at_us` on, microseconds UTC, as if it were new, with a record of who
    /// asked for it. Not a command, which runs at most once. Whether there was such a delivery.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn requeue(&self, seq: i64, at_us: i64, record: &AuditRecord) -> Result<bool, BookError> {
        let sql = "UPDATE delivery SET state = 'waiting', n_attempts = 0, due_us = ?2, created_us = ?2
                   WHERE seq = ?1 AND state = 'dead' AND json_extract(outcome, '$.at_most_once') IS NULL";
        self.write(|transaction| {
            let has_changed = transaction.execute(sql, params![seq, at_us])? > 0;
            if has_changed {
                add_audit(transaction, record)?;
            }
            Ok(has_changed)
        })
    }

    /// Forgets deliveries that came to their end, and were entered before a moment, in microseconds UTC; how many.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn forget_deliveries(&self, before_us: i64) -> Result<usize, BookError> {
        let sql = "DELETE FROM delivery WHERE state IN ('delivered', 'dead') AND created_us < ?1";
        self.write(|transaction| transaction.execute(sql, [before_us]))
    }
}

/// Whoever was told that an action failed is told, too, when the alert ends: the alert itself does not name them.
fn forward_end(transaction: &Transaction<'_>, episode: &str, at_us: i64) -> rusqlite::Result<()> {
    let end: Option<String> = transaction
        .prepare_cached("SELECT notification FROM delivery WHERE episode = ?1 AND what = 'resolved' LIMIT 1")?
        .query_row([episode], |row| row.get(0))
        .optional()?;
    let Some(end) = end.and_then(|text| serde_json::from_str::<Notification>(&text).ok()) else { return Ok(()) };
    let told: Vec<String> = transaction
        .prepare_cached("SELECT DISTINCT action FROM delivery WHERE episode = ?1 AND what = 'escalated'")?
        .query_map([episode], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    told.iter().try_for_each(|action| add_delivery(transaction, &end, action, at_us))
}

/// The last that was entered of an episode, and the actions that it was entered for.
fn last_told(transaction: &Transaction<'_>, episode: &str) -> rusqlite::Result<Option<(Notification, Vec<String>)>> {
    let last: Option<String> = transaction
        .prepare_cached(
            "SELECT notification FROM delivery WHERE episode = ?1 AND what NOT IN ('escalated', 'acknowledged')
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([episode], |row| row.get(0))
        .optional()?;
    let Some(last) = last.and_then(|text| serde_json::from_str::<Notification>(&text).ok()) else { return Ok(None) };
    let actions = transaction
        .prepare_cached("SELECT DISTINCT action FROM delivery WHERE episode = ?1 ORDER BY action")?
        .query_map([episode], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some((last, actions)))
}

/// Tells those who were told of an episode that somebody knows of it. Of an episode of which nobody was told, or so long ago that
/// it is forgotten, nobody is told this either.
pub(crate) fn tell_acknowledged(transaction: &Transaction<'_>, known: &OfEpisode) -> rusqlite::Result<()> {
    let OfEpisode { episode, said } = known;
    let Some((last, actions)) = last_told(transaction, episode.as_str())? else { return Ok(()) };
    let what = format!("acknowledged {episode}");
    let notification = Notification {
        id: TransitionId::new(&last.alert, &last.group, &what, said.at_us),
        happening: Happening::Acknowledged,
        severity_before: last.severity,
        at_us: said.at_us,
        acknowledged_by: Some(said.by.clone()),
        reason: said.note.clone(),
        ..last
    };
    actions.iter().try_for_each(|action| add_delivery(transaction, &notification, action, said.at_us))
}

/// Tells those who were told of an episode that it is over because its alert is no more, as the transition `id`.
pub(crate) fn tell_removed(
    transaction: &Transaction<'_>,
    episode: &TransitionId,
    id: &TransitionId,
    at_us: i64,
) -> rusqlite::Result<()> {
    let Some((last, actions)) = last_told(transaction, episode.as_str())? else { return Ok(()) };
    let notification = Notification {
        id: id.clone(),
        happening: Happening::Resolved,
        severity_before: last.severity,
        severity: Severity::Ok,
        at_us,
        count: 0,
        events: Vec::new(),
        rows: Vec::new(),
        series: Vec::new(),
        reason: Some("removed".to_owned()),
        ..last
    };
    actions.iter().try_for_each(|action| add_delivery(transaction, &notification, action, at_us))
}

/// Enters a delivery. One that is known already is not entered again.
pub(crate) fn add_delivery(
    transaction: &Transaction<'_>,
    notification: &Notification,
    action: &str,
    at_us: i64,
) -> rusqlite::Result<()> {
    let text = json!(notification).to_string();
    // Events that are told one by one have nothing to wait for.
    let lane = match notification.happening {
        Happening::Row => notification.id.to_string(),
        _ => notification.correlation_id(),
    };
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO delivery
             (transition_id, episode, alert, what, action, lane, notification, state, due_us, created_us)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting', ?8, ?8)",
        )?
        .execute(params![
            notification.id.as_str(),
            notification.episode.as_str(),
            notification.alert,
            notification.happening.as_str(),
            action,
            lane,
            text,
            at_us
        ])?;
    Ok(())
}

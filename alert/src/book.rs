//! What alerts must not forget: the state of each group, every transition, whom it has to be brought to, and what was done.
//!
//! A SQLite database of its own, `alerts.db`, beside the catalog: what is in it cannot be rebuilt from the events, and other
//! processes write to it (`trawl alert ack`) while one evaluates. WAL mode with `synchronous=FULL`: what was committed survives
//! a power cut. **One transaction for each evaluated moment of a rule** takes its states, transitions, deliveries and audit records
//! from one to the next; a process that is killed begins again with the moment that was not committed.

mod backup;

use crate::audit::AuditRecord;
use crate::machine::{Change, ChangeKind, Handling, Phase, Quiet, State};
use crate::notification::{Group, Happening, Notification, TransitionId};
use crate::severity::Severity;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Name of the database file in the data folder.
pub const BOOK_FILE: &str = "alerts.db";
/// Newest schema that this build reads.
const SCHEMA_VERSION: u32 = 1;
/// How long a statement waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const SCHEMA: &str = "
-- How far each rule has been evaluated, and what it meant then.
CREATE TABLE rule (
    name TEXT PRIMARY KEY,
    meaning TEXT NOT NULL,
    tick_us INTEGER NOT NULL,
    seen_us INTEGER NOT NULL,
    error TEXT,
    error_since_us INTEGER
) WITHOUT ROWID;
CREATE TABLE state (
    alert TEXT NOT NULL,
    grp TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (alert, grp)
) WITHOUT ROWID;
-- What people have said.
CREATE TABLE handling (
    alert TEXT NOT NULL,
    grp TEXT NOT NULL,
    handling TEXT NOT NULL,
    PRIMARY KEY (alert, grp)
) WITHOUT ROWID;
CREATE TABLE transition (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    alert TEXT NOT NULL,
    grp TEXT NOT NULL,
    what TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    tick_us INTEGER NOT NULL,
    since_us INTEGER NOT NULL,
    severity_before TEXT NOT NULL,
    severity TEXT NOT NULL,
    count INTEGER NOT NULL,
    quiet TEXT
);
CREATE INDEX transition_alert ON transition (alert, seq);
-- Events that were told one by one.
CREATE TABLE told_event (
    alert TEXT NOT NULL,
    address TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    PRIMARY KEY (alert, address)
) WITHOUT ROWID;
-- What has still to be written to the audit log; the number of the last record that was.
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    record TEXT NOT NULL
);
";

/// What can go wrong with the book.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// The database refuses.
    #[error("cannot use {path}")]
    Database {
        /// The database file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// It was written by a newer trawl.
    #[error("{path} was written by a newer trawl (schema {version}, this one reads {SCHEMA_VERSION}): use that one")]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It cannot be copied.
    #[error("cannot copy the database of alerts to {path}")]
    Copy {
        /// The copy.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What stands in it makes no sense.
    #[error("{path} is damaged: {what}; put back its copy {path}.1, or move it away to begin anew")]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

type Result<T, E = BookError> = std::result::Result<T, E>;

/// The database of alerts.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    connection: Mutex<Connection>,
}

/// How far a rule has been evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProgress {
    /// [`crate::rule::Rule::meaning`] when it was.
    pub meaning: String,
    /// The last evaluated moment, microseconds UTC.
    pub tick_us: i64,
    /// Events that were indexed before this were seen, microseconds UTC.
    pub seen_us: i64,
    /// What keeps it from being evaluated, and since when.
    pub error: Option<(String, i64)>,
}

/// A transition as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransitionRecord {
    /// Place in the history.
    pub seq: i64,
    /// Identity.
    pub id: String,
    /// Name of the alert.
    pub alert: String,
    /// Which of its groups.
    pub group: Group,
    /// What happened, see [`crate::machine::ChangeKind::as_str`].
    pub what: String,
    /// When it was found out, microseconds UTC.
    pub at_us: i64,
    /// The evaluated moment, microseconds UTC.
    pub tick_us: i64,
    /// Since when the episode lasts, microseconds UTC.
    pub since_us: i64,
    /// How bad it was, and is.
    pub severity: (Severity, Severity),
    /// Events or rows that led to it.
    pub count: u64,
    /// Why nobody was told, if nobody was.
    pub quiet: Option<String>,
}

/// What an evaluated moment of a rule came to.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Name of the rule.
    pub alert: String,
    /// How far it has been evaluated now.
    pub progress: RuleProgress,
    /// When it was found out, microseconds UTC.
    pub at_us: i64,
    /// States of the groups that are not as they were.
    pub states: Vec<(Group, State)>,
    /// What changed, with the events or rows that led to it.
    pub changes: Vec<(Group, Change, u64)>,
    /// What has to be brought, and to which actions.
    pub deliveries: Vec<(Notification, Vec<String>)>,
    /// Events that were told one by one, by address.
    pub told_events: Vec<String>,
}

impl Book {
    /// Opens the book of a data folder, or begins it.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub fn open(data: &Path) -> Result<Self> {
        let path = data.join(BOOK_FILE);
        let connection = Connection::open(&path).at(&path)?;
        Self::with(connection, path)
    }

    /// Opens the book of a data folder to be read; `None` if there is none.
    ///
    /// # Errors
    /// If the database cannot be used.
    pub fn open_to_read(data: &Path) -> Result<Option<Self>> {
        let path = data.join(BOOK_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).at(&path)?;
        connection.busy_timeout(BUSY_TIMEOUT).at(&path)?;
        let book = Self { path, connection: Mutex::new(connection) };
        book.check_version()?;
        Ok(Some(book))
    }

    /// A book that is forgotten when it is dropped.
    ///
    /// # Errors
    /// If SQLite refuses.
    pub fn in_memory() -> Result<Self> {
        let path = PathBuf::from(":memory:");
        let connection = Connection::open_in_memory().at(&path)?;
        Self::with(connection, path)
    }

    fn with(connection: Connection, path: PathBuf) -> Result<Self> {
        connection.busy_timeout(BUSY_TIMEOUT).at(&path)?;
        connection.pragma_update(None, "journal_mode", "WAL").at(&path)?;
        connection.pragma_update(None, "synchronous", "FULL").at(&path)?;
        let book = Self { path, connection: Mutex::new(connection) };
        book.write(|transaction| {
            let version: u32 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version == 0 {
                transaction.execute_batch(SCHEMA)?;
                transaction.execute_batch(crate::outbox::SCHEMA)?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
            }
            Ok(())
        })?;
        book.check_version()?;
        Ok(book)
    }

    fn check_version(&self) -> Result<()> {
        let version: u32 = self.lock().query_row("PRAGMA user_version", [], |row| row.get(0)).at(&self.path)?;
        if version > SCHEMA_VERSION { Err(BookError::Newer { path: self.path.clone(), version }) } else { Ok(()) }
    }

    /// How far rules have been evaluated, by name.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn progress(&self) -> Result<BTreeMap<String, RuleProgress>> {
        let connection = self.lock();
        let sql = "SELECT name, meaning, tick_us, seen_us, error, error_since_us FROM rule";
        let mut statement = connection.prepare_cached(sql).at(&self.path)?;
        let rows = statement.query_map([], |row| {
            let error: Option<String> = row.get(4)?;
            let since: Option<i64> = row.get(5)?;
            let progress = RuleProgress {
                meaning: row.get(1)?,
                tick_us: row.get(2)?,
                seen_us: row.get(3)?,
                error: error.zip(since),
            };
            Ok((row.get(0)?, progress))
        });
        rows.at(&self.path)?.collect::<rusqlite::Result<_>>().at(&self.path)
    }

    /// The states of an alert's groups; of those that are not in it nothing is to be said.
    ///
    /// # Errors
    /// If the database refuses, or a state cannot be read.
    pub fn states(&self, alert: &str) -> Result<BTreeMap<Group, State>> {
        let states = self.all_states(Some(alert))?;
        Ok(states.into_iter().map(|((_, group), state)| (group, state)).collect())
    }

    /// The states of all groups, of one alert or of all, by alert and group.
    ///
    /// # Errors
    /// As [`Book::states`].
    pub fn all_states(&self, alert: Option<&str>) -> Result<BTreeMap<(String, Group), State>> {
        let connection = self.lock();
        let sql = "SELECT alert, grp, state FROM state WHERE ?1 IS NULL OR alert = ?1";
        let mut statement = connection.prepare_cached(sql).at(&self.path)?;
        let rows = statement
            .query_map([alert], |row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)))
            .at(&self.path)?;
        let mut states = BTreeMap::new();
        for row in rows {
            let (alert, group, state): (String, String, String) = row.at(&self.path)?;
            let damaged = |what: serde_json::Error| BookError::Damaged {
                path: self.path.clone(),
                what: format!("a state of {alert}: {what}"),
            };
            let group = serde_json::from_str(&group).map_err(damaged)?;
            let state = serde_json::from_str(&state).map_err(damaged)?;
            states.insert((alert, group), state);
        }
        Ok(states)
    }

    /// Takes rules from one moment to the next: all of it or nothing. A transition that is known already, and what is to be
    /// brought of it, is not entered again.
    ///
    /// # Errors
    /// If the database refuses; nothing has happened then.
    pub fn commit(&self, outcomes: &[Outcome]) -> Result<()> {
        self.commit_with(outcomes, &[])
    }

    /// As [`Book::commit`], with records of what else there is to say.
    ///
    /// # Errors
    /// If the database refuses; nothing has happened then.
    pub(crate) fn commit_with(&self, outcomes: &[Outcome], records: &[AuditRecord]) -> Result<()> {
        self.write(|transaction| {
            outcomes.iter().try_for_each(|outcome| enter(transaction, outcome))?;
            records.iter().try_for_each(|record| add_audit(transaction, record))
        })
    }

    /// What people have said of groups, by alert and group.
    ///
    /// # Errors
    /// If the database refuses, or an entry cannot be read.
    pub fn handlings(&self) -> Result<BTreeMap<(String, Group), Handling>> {
        let rows: Vec<(String, String, String)> = self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT alert, grp, handling FROM handling")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })?;
        let read = |(alert, group, handling): (String, String, String)| {
            let damaged = |error: serde_json::Error| {
                let what = format!("what was said of {alert}: {error}");
                BookError::Damaged { path: self.path.clone(), what }
            };
            let group = serde_json::from_str(&group).map_err(damaged)?;
            let handling = serde_json::from_str(&handling).map_err(damaged)?;
            Ok(((alert, group), handling))
        };
        rows.into_iter().map(read).collect()
    }

    /// Enters what somebody says of a group, with a record of it. Whoever was told of an episode is told when it is acknowledged,
    /// once for each person and reason. `change` gets what was said before and where the group is; it
    /// returns what is said now, and nothing if there is nothing to be said.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn handle(
        &self,
        alert: &str,
        group: &Group,
        change: impl FnOnce(Handling, &Phase) -> Option<(Handling, AuditRecord)>,
    ) -> Result<bool> {
        // Read under the write lock, so that an evaluation in between is seen.
        self.write(|transaction| {
            let stored = |sql: &str| -> rusqlite::Result<Option<String>> {
                transaction.query_row(sql, params![alert, group.to_json()], |row| row.get(0)).optional()
            };
            let state = stored("SELECT state FROM state WHERE alert = ?1 AND grp = ?2")?;
            let state: State = state.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let handling = stored("SELECT handling FROM handling WHERE alert = ?1 AND grp = ?2")?;
            let before: Handling = handling.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
            let known = before.acknowledged.clone();
            let Some((handling, record)) = change(before, &state.phase) else { return Ok(false) };
            if let Some(of) =
                handling.acknowledged.as_ref().filter(|of| known.as_ref().is_none_or(|known| !known.says(of)))
            {
                crate::outbox::tell_acknowledged(transaction, of)?;
            }
            if handling == Handling::default() {
                let sql = "DELETE FROM handling WHERE alert = ?1 AND grp = ?2";
                transaction.execute(sql, params![alert, group.to_json()])?;
            } else {
                let sql = "INSERT OR REPLACE INTO handling (alert, grp, handling) VALUES (?1, ?2, ?3)";
                transaction.execute(sql, params![alert, group.to_json(), to_json(&handling)?])?;
            }
            add_audit(transaction, &record)?;
            Ok(true)
        })
    }

    /// Forgets an alert that is no more: its states, what was said of it, and how far it was evaluated. What fires is resolved,
    /// and whoever was told of it is told that, with the reason "removed". The history stays. `record` is why it happens. Whether
    /// there was anything to forget; `at_us` is the moment, microseconds UTC.
    ///
    /// # Errors
    /// If the database refuses; nothing has happened then.
    pub fn remove(&self, alert: &str, at_us: i64, record: &AuditRecord) -> Result<bool> {
        self.write(|transaction| {
            let states: Vec<(String, String)> = transaction
                .prepare_cached("SELECT grp, state FROM state WHERE alert = ?1")?
                .query_map([alert], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            // One that cannot be read goes, too: that is what removing helps against.
            let read = |(group, state): &(String, String)| {
                serde_json::from_str::<Group>(group).ok().zip(serde_json::from_str::<State>(state).ok())
            };
            for (group, state) in &states.iter().filter_map(read).collect::<Vec<_>>() {
                let Phase::Firing { since_us, severity, episode, is_told, .. } = &state.phase else { continue };
                let change = Change {
                    id: TransitionId::new(alert, group, "removed", at_us),
                    episode: episode.clone(),
                    what: ChangeKind::Told(Happening::Resolved),
                    severity: (*severity, Severity::Ok),
                    since_us: *since_us,
                    quiet: (!is_told).then_some(Quiet::NeverTold),
                };
                add_transition(transaction, alert, group, &change, 0, at_us, at_us)?;
                if *is_told {
                    crate::outbox::tell_removed(transaction, episode, &change.id, at_us)?;
                }
            }
            let tables = [("state", "alert"), ("handling", "alert"), ("told_event", "alert"), ("rule", "name")];
            let mut n_forgotten = 0;
            for (table, column) in tables {
                n_forgotten += transaction.execute(&format!("DELETE FROM {table} WHERE {column} = ?1"), [alert])?;
            }
            if n_forgotten > 0 {
                add_audit(transaction, record)?;
            }
            Ok(n_forgotten > 0)
        })
    }

    /// The newest transitions, of one alert or of all, the newest first.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn history(&self, alert: Option<&str>, limit: usize) -> Result<Vec<TransitionRecord>> {
        let sql = format!(
            "SELECT {TRANSITION_COLUMNS} FROM transition WHERE ?1 IS NULL OR alert = ?1 ORDER BY seq DESC LIMIT ?2"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| connection.prepare_cached(&sql)?.query_map(params![alert, limit], transition)?.collect())
    }

    /// The transitions that groups of alerts are in at a moment, microseconds UTC: the last of each group that fires then.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn open_at(&self, at_us: i64) -> Result<Vec<TransitionRecord>> {
        let sql = format!(
            "SELECT {TRANSITION_COLUMNS} FROM transition WHERE what <> 'resolved' AND seq IN (
                 SELECT MAX(seq) FROM transition WHERE tick_us <= ?1
                 AND what IN ('raised', 'severity_changed', 'reminder', 'resolved') GROUP BY alert, grp)
             ORDER BY seq"
        );
        self.read(|connection| connection.prepare_cached(&sql)?.query_map([at_us], transition)?.collect())
    }

    /// Which of these events have been told.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn told_events(&self, alert: &str, addresses: &[String]) -> Result<Vec<String>> {
        let connection = self.lock();
        let sql = "SELECT 1 FROM told_event WHERE alert = ?1 AND address = ?2";
        let mut statement = connection.prepare_cached(sql).at(&self.path)?;
        let mut told = Vec::new();
        for address in addresses {
            if statement.exists(params![alert, address]).at(&self.path)? {
                told.push(address.clone());
            }
        }
        Ok(told)
    }

    /// Forgets events that were told before a moment, in microseconds UTC; how many.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn forget_told_events(&self, alert: &str, before_us: i64) -> Result<usize> {
        let sql = "DELETE FROM told_event WHERE alert = ?1 AND at_us < ?2";
        self.write(|transaction| transaction.execute(sql, params![alert, before_us]))
    }

    /// Records that wait to be written to the audit log, with their numbers, in order.
    ///
    /// # Errors
    /// If the database refuses.
    pub(crate) fn waiting_audit(&self) -> Result<Vec<(i64, String)>> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT seq, record FROM audit ORDER BY seq LIMIT 10000")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// Forgets the records up to a number: they are in the audit log. Numbers are never given again.
    ///
    /// # Errors
    /// If the database refuses.
    pub(crate) fn forget_audit(&self, last: i64) -> Result<()> {
        self.write(|transaction| transaction.execute("DELETE FROM audit WHERE seq <= ?1", [last]).map(|_| ()))
    }

    /// Runs statements in one transaction that holds the write lock from its start.
    pub(crate) fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        let value = work(&transaction).at(&self.path)?;
        transaction.commit().at(&self.path)?;
        Ok(value)
    }

    /// Runs statements that only read.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&self.lock()).at(&self.path)
    }

    /// An error that says what in it makes no sense.
    pub(crate) fn damaged(&self, what: String) -> BookError {
        BookError::Damaged { path: self.path.clone(), what }
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const TRANSITION_COLUMNS: &str =
    "seq, id, alert, grp, what, at_us, tick_us, since_us, severity_before, severity, count, quiet";

fn transition(row: &Row<'_>) -> rusqlite::Result<TransitionRecord> {
    let group: String = row.get(3)?;
    let severity = |text: String| text.parse().unwrap_or(Severity::Ok);
    Ok(TransitionRecord {
        seq: row.get(0)?,
        id: row.get(1)?,
        alert: row.get(2)?,
        group: serde_json::from_str(&group).unwrap_or_default(),
        what: row.get(4)?,
        at_us: row.get(5)?,
        tick_us: row.get(6)?,
        since_us: row.get(7)?,
        severity: (severity(row.get(8)?), severity(row.get(9)?)),
        count: row.get::<_, i64>(10)?.unsigned_abs(),
        quiet: row.get(11)?,
    })
}

fn enter(transaction: &Transaction<'_>, outcome: &Outcome) -> rusqlite::Result<()> {
    let Outcome { alert, progress, at_us, states, changes, deliveries, told_events } = outcome;
    let (error, since) = progress.error.clone().unzip();
    transaction
        .prepare_cached(
            "INSERT INTO rule (name, meaning, tick_us, seen_us, error, error_since_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (name) DO UPDATE SET meaning = ?2, tick_us = ?3, seen_us = ?4, error = ?5, error_since_us = ?6",
        )?
        .execute(params![alert, progress.meaning, progress.tick_us, progress.seen_us, error, since])?;
    for (group, state) in states {
        set_state(transaction, alert, group, state)?;
    }
    for (group, change, count) in changes {
        add_transition(transaction, alert, group, change, *count, *at_us, progress.tick_us)?;
    }
    for (notification, actions) in deliveries {
        for action in actions {
            crate::outbox::add_delivery(transaction, notification, action, *at_us)?;
        }
    }
    for address in told_events {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO told_event (alert, address, at_us) VALUES (?1, ?2, ?3)")?
            .execute(params![alert, address, at_us])?;
    }
    Ok(())
}

fn set_state(transaction: &Transaction<'_>, alert: &str, group: &Group, state: &State) -> rusqlite::Result<()> {
    if state.is_blank() {
        transaction
            .prepare_cached("DELETE FROM state WHERE alert = ?1 AND grp = ?2")?
            .execute(params![alert, group.to_json()])?;
        return Ok(());
    }
    let text = to_json(state)?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO state (alert, grp, state) VALUES (?1, ?2, ?3)")?
        .execute(params![alert, group.to_json(), text])?;
    Ok(())
}

fn add_transition(
    transaction: &Transaction<'_>,
    alert: &str,
    group: &Group,
    change: &Change,
    count: u64,
    at_us: i64,
    tick_us: i64,
) -> rusqlite::Result<()> {
    let quiet = change.quiet.and_then(|quiet| serde_json::to_value(quiet).ok());
    let quiet = quiet.as_ref().and_then(serde_json::Value::as_str);
    let n_added = transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO transition
             (id, alert, grp, what, at_us, tick_us, since_us, severity_before, severity, count, quiet)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            change.id.as_str(),
            alert,
            group.to_json(),
            change.what.as_str(),
            at_us,
            tick_us,
            change.since_us,
            change.severity.0.as_str(),
            change.severity.1.as_str(),
            i64::try_from(count).unwrap_or(i64::MAX),
            quiet,
        ])?;
    if n_added > 0 {
        add_audit(transaction, &AuditRecord::of_change(alert, group, change, count, at_us, tick_us))?;
    }
    Ok(())
}

pub(crate) fn add_audit(transaction: &Transaction<'_>, record: &AuditRecord) -> rusqlite::Result<()> {
    transaction.prepare_cached("INSERT INTO audit (record) VALUES (?1)")?.execute([record.to_json()])?;
    Ok(())
}

fn to_json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T> AtPath<T> for rusqlite::Result<T> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| BookError::Database { path: path.to_owned(), source })
    }
}

/// Identity of what happened to one event of an alert that tells each by itself.
pub fn event_transition(alert: &str, address: &str, time_us: i64) -> TransitionId {
    TransitionId::new(alert, &Group(vec![("_addr".to_owned(), address.to_owned())]), "row", time_us)
}

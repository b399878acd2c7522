//! The configuration file as written: every key optional, nothing resolved.
//!
//! Each table is declared once, with the documentation of its keys; `docs/config.md` is written from the same
//! declarations.

use super::actions::SecretRef;
use super::brief::{Brief, FromText};
use super::units::{ByteSize, Share, SizeLimit, Timeout};
use crate::error::Advice;
use anyhow::Context;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Spanned;
use trawl_formats::IndexName;
use trawl_query::error::nearest;

/// Documentation of one key.
#[cfg(test)]
pub struct KeyDoc {
    /// The key.
    pub name: &'static str,
    /// What it does, in lines of Markdown.
    pub doc: &'static [&'static str],
    /// A value, as TOML.
    pub example: &'static str,
}

/// The name of a key: that of its field, unless it has another because Rust keeps the word for itself.
#[cfg(test)]
macro_rules! key_name {
    ($key:ident) => {
        stringify!($key)
    };
    ($key:ident $name:literal) => {
        $name
    };
}

/// Declares a table of the configuration: a struct of optional values that know their place in the file, and the
/// documentation of its keys. Tables inside it follow after `tables`.
macro_rules! table {
    (
        $(#[doc = $about:literal])+
        $table:ident { $($(#[doc = $doc:literal])+ $(#[serde(rename = $name:literal)])? $key:ident: $type:ty = $example:literal,)+ }
        $(tables { $($(#[doc = $sub_doc:literal])+ $sub:ident: $sub_type:ty,)+ })?
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $table {
            $($(#[doc = $doc])+ $(#[serde(rename = $name)])? pub $key: Option<Spanned<$type>>,)+
            $($($(#[doc = $sub_doc])+ pub $sub: $sub_type,)+)?
        }

        #[cfg(test)]
        impl $table {
            /// The keys of the table, with their documentation.
            pub const KEYS: &'static [KeyDoc] =
                &[$(KeyDoc { name: key_name!($key $($name)?), doc: &[$($doc),+], example: $example },)+];
        }
    };
}

table! {
    /// A configuration file.
    RawConfig {
        /// Folder of the indexed data. A relative path starts at the folder of the configuration file.
        data: PathBuf = r#""/srv/trawl""#,
        /// Folder of lookup tables. A relative path starts at the folder of the configuration file.
        lookups: PathBuf = r#""/etc/trawl/lookups""#,
        /// Time zone: for `trawl index`, of time stamps without one; elsewhere, of times read and printed.
        tz: String = r#""Europe/Berlin""#,
    }
    tables {
        /// `[search]`
        search: Search,
        /// `[limits]`
        limits: Limits,
        /// `[macros]`
        macros: BTreeMap<String, Spanned<String>>,
        /// `[eventtypes]`
        eventtypes: BTreeMap<String, Spanned<String>>,
        /// `[[tags]]`
        tags: Vec<Spanned<Tag>>,
        /// `[saved]`
        saved: BTreeMap<String, Spanned<Brief<Saved>>>,
        /// `[lookup.NAME]`
        lookup: BTreeMap<String, Spanned<Lookup>>,
        /// `[[input]]`
        input: Vec<Spanned<Input>>,
        /// `[index.NAME]`
        index: BTreeMap<String, Spanned<Index>>,
        /// `[[alert]]`
        alert: Vec<Spanned<Alert>>,
        /// `[[check]]`
        check: Vec<Spanned<Check>>,
        /// `[calendar.NAME]`
        calendar: BTreeMap<String, Spanned<Calendar>>,
        /// `[action.NAME]`
        action: BTreeMap<String, Spanned<Action>>,
        /// `[actions]`
        actions: Actions,
    }
}

table! {
    /// `[[alert]]`
    Alert {
        /// Its name, unique.
        name: String = r#""payment-db""#,
        /// What it is about, for people.
        description: String = r#""PaymentService cannot reach its database""#,
        /// Who looks after it.
        owner: String = r#""payments team""#,
        /// Labels.
        tags: Vec<String> = r#"["payments", "db"]"#,
        /// Where it is written what to do.
        runbook: String = r#""https://wiki/payment-gateway-restart""#,
        /// The search. It may name a saved search: `| savedsearch NAME`.
        search: String = r#"'ERROR PaymentService "failed to connect to DB"'"#,
        /// How often it is evaluated: at each multiple of this since 1970.
        every: Timeout = r#""10s""#,
        /// When it is evaluated, instead of `every`: minute, hour, day of the month, month, day of the week; optionally
        /// preceded by seconds.
        cron: String = r#""15 22 * * mon-fri""#,
        /// Whether it is evaluated whenever events have been stored, within about a second, instead of `every`. For searches
        /// that find events. Default: `false`.
        continuous: bool = "true",
        /// How far back the search reaches from the evaluated moment. Without it the search needs a range of its own.
        window: Timeout = r#""1m""#,
        /// What is worth telling: an expression as in `where` over the rows that the search finds, true for one of them. Each
        /// row has `rows`, the number of rows of its group. A search that finds events counts as the table of their numbers:
        /// `count` for each group. `absent` holds where there is nothing.
        condition: String = r#""count > 5""#,
        /// How bad it is when `condition` holds: `warning` or `critical`. Default: `critical`.
        severity: String = r#""warning""#,
        /// A condition of its own for severity `warning`, instead of `condition`.
        warning: String = r#""count > 3""#,
        /// A condition of its own for severity `critical`, instead of `condition`.
        critical: String = r#""count > 10""#,
        /// A firing alert ends when this holds for all rows of its group. Default: when its conditions hold for none.
        clear: String = r#""count < 2""#,
        /// How long the condition must hold before the alert fires. Default: `0s`.
        #[serde(rename = "for")]
        hold_for: Timeout = r#""5m""#,
        /// How long the alert goes on firing after the condition has ended. Default: `0s`.
        keep_firing_for: Timeout = r#""2m""#,
        /// How long nobody is told again of the same group after it was raised. Default: `0s`.
        throttle: Timeout = r#""10m""#,
        /// Each time that a group is raised within its quiet time makes the next one longer by this factor. Default: `1`.
        throttle_factor: f64 = "2.0",
        /// A quiet time does not get longer than this. Default: `1d`.
        throttle_max: Timeout = r#""4h""#,
        /// How often it is said again that the alert still fires, until somebody acknowledges it. Default: `none`.
        remind_every: Timeout = r#""1h""#,
        /// Events that are stored later than the moment that their window was evaluated open it again, if it is not longer ago
        /// than this. Default: `1m`.
        lateness: Timeout = r#""5m""#,
        /// The time before the window that the field `baseline` is the mean of: events in as long a time as the window.
        baseline: Timeout = r#""1h""#,
        /// Fields whose values make groups, each with a state of its own.
        group_by: Vec<String> = r#"["host"]"#,
        /// What is told: `group`, or `event`, each event once by itself. Default: `group`.
        per: String = r#""event""#,
        /// The calendar outside of which it is not evaluated. Default: always.
        active: String = r#""business""#,
        /// Zone of `cron`. Default: `tz` before the first table.
        tz: String = r#""Europe/London""#,
        /// Actions that are told, by the names of their `[action.NAME]`.
        actions: Vec<String> = r#"["ops-hook"]"#,
    }
    tables {
        /// `[[alert.test]]`
        test: Vec<Spanned<AlertTest>>,
    }
}

table! {
    /// `[[alert.test]]`
    AlertTest {
        /// What it shows.
        name: String = r#""six failures in a minute""#,
        /// The log, line by line, as it is written. A line arrives at the time of its stamp; what has no stamp belongs to the line
        /// before. A line may be a table: `line`, `at` (when it arrives: a late line, or what a program prints), and `sourcetype`,
        /// `host`, `source` and `index` where they differ from the others.
        lines: Vec<Brief<TestLine>> = r#"["2026-11-20 14:00:11 ERROR failed", { line = "ERROR no stamp", at = "14:00:12", host = "web02" }]"#,
        /// The transitions that must come of it, all of them and in order: the evaluated moment, what happened (`pending`, `lapsed`,
        /// `raised`, `severity_changed`, `reminder`, `row`, `resolved`), the group; with several severities which, and why nobody was
        /// told. Default: none.
        expect: Vec<String> = r#"["14:00:20 raised host=web01", "14:00:40 resolved host=web01"]"#,
        /// The log format. Default: detected.
        sourcetype: String = r#""log4j""#,
        /// The machine. Default: `test`.
        host: String = r#""web01""#,
        /// The file. Default: `test.log`.
        source: String = r#""/var/log/app.log""#,
        /// The index. Default: `main`.
        index: IndexName = r#""web""#,
        /// When `trawl run` is started. Default: when the first line arrives.
        start: String = r#""2026-11-20 14:00:00""#,
        /// The last moment that is looked at. Default: when the lines have left the window, with `for` and `keep_firing_for`.
        end: String = r#""2026-11-20 22:30:00""#,
        /// The zone of these times, and of stamps without one. Default: `tz` before the first table.
        tz: String = r#""Europe/London""#,
    }
}

table! {
    /// A line of an `[[alert.test]]`.
    TestLine {
        /// Its text.
        line: String = r#""2026-11-20 14:00:11 ERROR failed""#,
        /// When it arrives.
        at: String = r#""14:00:12""#,
        /// The log format.
        sourcetype: String = r#""log4j""#,
        /// The machine.
        host: String = r#""web01""#,
        /// The file.
        source: String = r#""/var/log/app.log""#,
        /// The index.
        index: IndexName = r#""web""#,
    }
}

impl FromText for TestLine {
    const EXPECTED: &'static str = "a line of a log, or a table with the key `line`";

    fn from_text(text: Spanned<String>) -> Self {
        Self { line: Some(text), ..Self::default() }
    }
}

table! {
    /// `[saved.NAME]`
    Saved {
        /// The text of the search. `$name$` stands for an argument.
        search: String = r#"'error host=$host$ | stats count by service'"#,
        /// What it is for.
        description: String = r#""Errors by service""#,
        /// Who looks after it.
        owner: String = r#""payments team""#,
        /// Labels, for `trawl saved list --tag`.
        tags: Vec<String> = r#"["daily"]"#,
        /// Where it is written what to do about what it finds.
        runbook: String = r#""https://wiki/errors""#,
        /// Start of its range of time, where neither the search nor whoever runs it names one. Another range stands for the whole
        /// of this one.
        earliest: String = r#""-1d@d""#,
        /// End of it. Default: now, with `earliest`.
        latest: String = r#""@d""#,
        /// Values of arguments that are left out. One that has none must be given.
        args: BTreeMap<String, String> = r#"{ host = "*" }"#,
    }
}

impl FromText for Saved {
    const EXPECTED: &'static str = "the text of a search, or a table with the key `search`";

    fn from_text(text: Spanned<String>) -> Self {
        Self { search: Some(text), ..Self::default() }
    }
}

/// A file of the folder `saved.d`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SavedFile {
    /// `[saved.NAME]`
    pub saved: BTreeMap<String, Spanned<Brief<Saved>>>,
}

table! {
    /// `[[check]]`
    Check {
        /// Its name, unique.
        name: String = r#""sod""#,
        /// What it is about, for people.
        description: String = r#""Start of day: is the night's work done?""#,
        /// Who looks after it.
        owner: String = r#""production support""#,
        /// Labels.
        tags: Vec<String> = r#"["batch"]"#,
        /// Where it is written what to do; of expectations that say nothing else.
        runbook: String = r#""https://wiki/start-of-day""#,
        /// When `trawl run` makes it by itself: minute, hour, day of the month, month, day of the week; optionally preceded by
        /// seconds. Default: only when asked for.
        cron: String = r#""0 7 * * mon-fri""#,
        /// How often `trawl run` makes it, instead of `cron`: at each multiple of this since 1970.
        every: Timeout = r#""15m""#,
        /// The calendar outside of which it is not made. Default: always.
        active: String = r#""business""#,
        /// Zone of `cron`, of snapped times such as `-1d@d`, of the times of jobs and of the dates that `autorep` prints. Default:
        /// `tz` before the first table.
        tz: String = r#""Europe/London""#,
        /// Actions that are told when an expectation of a scheduled check begins to fail, and when it holds again.
        actions: Vec<String> = r#"["ops-hook"]"#,
        /// The search that finds what AutoSys says of jobs: events with the fields `job` and `status`, or `job` and `run`. Default:
        /// the sourcetypes `autosys_event_demon` and `autorep`.
        autosys: String = r#""index=batch sourcetype IN (autosys_event_demon, autorep)""#,
    }
    tables {
        /// `[[check.expect]]`
        expect: Vec<Spanned<Expect>>,
        /// `[[check.job]]`
        job: Vec<Spanned<CheckJob>>,
    }
}

table! {
    /// `[[check.expect]]`
    Expect {
        /// What is expected, for people; unique in its check. Default: the search.
        title: String = r#""EOD_SALES finished by 22:15""#,
        /// The search. It may name a saved search: `| savedsearch NAME`.
        search: String = r#""sourcetype=autosys_event_demon JOB=EOD_SALES STATUS=SUCCESS""#,
        /// Start of its range, relative to the moment of the check. Default: `-24h`, unless the search has a range of its own.
        earliest: String = r#""-1d@d+18h""#,
        /// End of its range, excluded. Default: `now`, the moment of the check.
        latest: String = r#""-1d@d+22h+15m""#,
        /// What is wanted: a condition as alerts have, `absent` or an expression as in `where`, which must hold of every row that
        /// the search finds. A search that finds events counts as one row with their number, `count`. Each row has `rows`, the
        /// number of rows.
        want: String = r#""count >= 1""#,
        /// Instead of `search` and `want`: no alert of the configuration fires at the moment of the check that is as bad as this, or
        /// worse. `warning` or `critical`.
        open_alerts: String = r#""critical""#,
        /// How bad it is if it is not so: `warning` or `critical`. Default: `critical`.
        severity: String = r#""warning""#,
        /// Where it is written what to do. Default: that of the check.
        runbook: String = r#""https://wiki/eod-sales""#,
    }
}

table! {
    /// `[[check.job]]`
    CheckJob {
        /// Name of the job; `*` is any run of characters: then each job of such a name that ran within `history` is
        /// expected, but for those that the check names by themselves.
        name: String = r#""EOD_*""#,
        /// What is expected, for people. Default: in words what the other keys say.
        title: String = r#""end of day""#,
        /// The time of day by which it must have succeeded. What is judged is the last such time that is past.
        by: String = r#""22:15""#,
        /// The time of day by which it must have started.
        start_by: String = r#""21:00""#,
        /// How long a run may take: a duration, or so many times as long as usual, which is the median of its past runs that
        /// succeeded.
        max_runtime: String = r#""x1.5""#,
        /// How long before `by` (or `start_by`) the run starts at the earliest that belongs to it. Default: `12h`; without either, `24h`
        /// before the check.
        within: Timeout = r#""6h""#,
        /// The calendar of the days on which it is due. Default: every day.
        days: String = r#""business""#,
        /// How far back past runs count. Default: `30d`.
        history: Timeout = r#""14d""#,
        /// How bad it is if it failed, was terminated or did not start: `warning` or `critical`. Default: `critical`.
        severity: String = r#""critical""#,
        /// How bad it is if it is late: it succeeded, started or still runs after its time, or takes too long. Default: `warning`.
        late_severity: String = r#""critical""#,
        /// Where it is written what to do. Default: that of the check.
        runbook: String = r#""https://wiki/eod-sales""#,
    }
}

table! {
    /// `[calendar.NAME]`
    Calendar {
        /// Days of the week: `mon`, `mon-fri`, `daily`. Default: every day.
        days: Vec<String> = r#"["mon-fri"]"#,
        /// Hours of those days; past midnight they belong to the day on which they begin. Default: all day.
        hours: Vec<String> = r#"["08:00-18:30"]"#,
        /// Days that do not count.
        holidays: Vec<String> = r#"["2026-12-25", "2026-12-26"]"#,
        /// Days that count although `days` or `holidays` say otherwise.
        extra_days: Vec<String> = r#"["2026-11-21"]"#,
        /// Zone of days and hours. Default: `tz` before the first table.
        tz: String = r#""Europe/London""#,
    }
}

table! {
    /// `[[input]]`
    Input {
        /// Files, folders and glob patterns (`*` and `?` do not cross `/`, `**` does). A relative path starts at the folder of
        /// the configuration file.
        paths: Vec<String> = r#"["/var/log/app/*.log", "/srv/*/logs/**/*.log"]"#,
        /// A program and its arguments, instead of `paths`: it is run in intervals, without a shell, and what it prints are
        /// events, whose time is the start of the run unless they have one of their own. A program without `/` is looked up in
        /// `PATH`; a relative path starts at the folder of the configuration file. It gets `PATH`, `LANG=C` and the zone of
        /// the input as `TZ`, and no other variables. An event of sourcetype `trawl:command` tells of each run: `command`,
        /// `exit_code` or `signal`, `duration_ms`, `n_events`, `n_bytes`, `timed_out`, `output_cut` (after 16 MiB), `stopped`
        /// (`trawl run` was), `n_skipped` (intervals without a run), `error` and the beginning of `stderr`. It has the level
        /// `ERROR` if something was wrong.
        command: Vec<String> = r#"["df", "-P"]"#,
        /// Time from one start of `command` to the next; at least one second. A run that takes longer is waited for, and the
        /// intervals that it takes are skipped.
        interval: Timeout = r#""60s""#,
        /// A run of `command` that takes longer is ended, with everything that it has started. Default: `interval`.
        timeout: Timeout = r#""10s""#,
        /// Whether `paths` are named pipes: they are read for as long as something writes to them. What comes through a pipe is
        /// never recognised as known. Default: `false`.
        fifo: bool = "true",
        /// Glob patterns of files and folders to leave out: with `/` they are compared with the whole path, else with the
        /// name. Default: none.
        exclude: Vec<String> = r#"["*.tmp"]"#,
        /// Index that the events go to. Default: `main`.
        index: IndexName = r#""web""#,
        /// Log format of all files, or of what the program prints. Default: detected.
        sourcetype: String = r#""log4j""#,
        /// Value of the field `host`. Default: this machine's name; formats that name the host in each event override it.
        host: String = r#""web01""#,
        /// Value of the field `source`. Default: the path of each file, or the command line.
        source: String = r#""app""#,
        /// Zone of time stamps without one. Default: `tz` before the first table.
        tz: String = r#""Europe/Berlin""#,
        /// Leave out files that have not been written for so long, until they are. Default: `none`.
        ignore_older: Timeout = r#""30d""#,
    }
}

table! {
    /// `[index.NAME]`
    Index {
        /// A bucket goes when the newest of its events is older. Default: `none`.
        max_age: Timeout = r#""90d""#,
        /// Space on disk that the index may take, its live logs included, and restored buckets not; the oldest buckets go.
        /// Default: no bound.
        max_size: ByteSize = r#""200GiB""#,
        /// What is kept free of the file system of the data folder, as a size or a share. The oldest buckets of the index go; if
        /// that is not enough, nothing more is stored in it until there is room: files wait, and nothing is lost. Default: none.
        min_free: Share = r#""10%""#,
        /// Folder that buckets are moved to instead of being deleted. It must exist: it may be one that is not mounted. A
        /// relative path starts at the folder of the configuration file. Default: none.
        archive: PathBuf = r#""/srv/archive""#,
        /// Whether nothing may be removed, whatever the other keys say (legal hold). Default: `false`.
        protected: bool = "true",
    }
}

table! {
    /// `[search]`
    Search {
        /// Indexes that a search covers when it names none; `[]` means all whose names do not begin with `_`.
        default_indexes: Vec<IndexName> = r#"["main", "web"]"#,
        /// Longest time that a search may run. What was found until then is printed, and the exit status is 2.
        deadline: Timeout = r#""30s""#,
        /// Events that a terminal shows when `-n` is not given; 0 shows all.
        limit: usize = "100",
    }
}

table! {
    /// `[limits]`
    Limits {
        /// Most groups that one `stats`, `top`, `timechart` and the like may make.
        max_groups: usize = "5000000",
        /// Most memory that the commands of one search may take together. Beyond it `sort`, `stats`, `dedup`, `eventstats`,
        /// `reverse` and `tail` go on with temporary files in `spill_folder`; others stop with an error.
        max_memory_bytes: ByteSize = r#""2GiB""#,
        /// Most bytes that the temporary files of one search may take together; beyond it, it stops with an error. `none` is as
        /// much as the folder takes.
        max_spill_bytes: SizeLimit = r#""20GiB""#,
        /// Folder of the temporary files of searches, which are gone when the search is over. One on a disk: memory is what
        /// they save. A relative path starts at the folder of the configuration file. Without it, the folder that `TMPDIR`
        /// names.
        spill_folder: PathBuf = r#""/var/tmp""#,
    }
}

table! {
    /// `[[tags]]`
    Tag {
        /// The label.
        name: String = r#""production""#,
        /// The field.
        field: String = r#""host""#,
        /// The value that has the label; `*` is any run of characters.
        value: String = r#""db-*""#,
    }
}

table! {
    /// `[lookup.NAME]`
    Lookup {
        /// File in the folder of lookup tables, with or without `.csv`. Default: `NAME`.
        filename: String = r#""networks.csv""#,
        /// Whether letters must agree in case. Default: `true`.
        case_sensitive_match: bool = "false",
        /// Columns that are not compared for equality: `WILDCARD(column)`, where `*` in a cell is any run of characters, and
        /// `CIDR(column)`, where a cell is a network that holds the address. Default: none.
        match_type: String = r#""WILDCARD(path), CIDR(network)""#,
        /// Most lines that one row takes values from. Default: `100`, and `1` with `time_field`.
        max_matches: u32 = "1",
        /// The value of all columns for a row that matches too few lines. Default: such a row stays as it is.
        default_match: String = r#""unknown""#,
        /// How many lines are too few: `default_match` stands for those that are missing. Default: `1` with `default_match`.
        min_matches: u32 = "1",
        /// The column that says from when on a line holds. Then the latest lines before the time of the row count. Default: none.
        time_field: String = r#""since""#,
        /// How that time is written, in the variables of `strptime`. Default: seconds since 1970.
        time_format: String = r#""%Y-%m-%d %H:%M:%S""#,
        /// How much later than a line a row may be at most, in seconds. Default: `2000000000`.
        max_offset_secs: u32 = "86400",
        /// How much later than a line a row must be at least, in seconds. Default: `0`.
        min_offset_secs: u32 = "0",
    }
}

table! {
    /// `[actions]`
    Actions {
        /// Programs that actions of type `command` may run, by their full paths. Default: none.
        allow_commands: Vec<PathBuf> = r#"["/usr/bin/systemctl", "/usr/local/bin/restart-payment"]"#,
    }
}

table! {
    /// `[action.NAME]`
    Action {
        /// What it is: `webhook`, `slack`, `pagerduty`, `alertmanager`, `servicenow`, `email`, `command` or `log`, which leaves a
        /// record in the index `_audit` and does nothing else.
        #[serde(rename = "type")]
        kind: String = r#""webhook""#,
        /// What it is told of: `raised`, `severity_changed`, `reminder`, `row` (an event of an alert with `per = "event"`), `resolved`,
        /// `acknowledged` (somebody has said `trawl alert ack`), `escalated` (another action did not do what it is for). Default: all,
        /// but `acknowledged` for a `webhook`, `pagerduty`, `servicenow` and `log` only; for a `command` `raised`, `row` and `escalated`.
        on: Vec<String> = r#"["raised", "resolved"]"#,
        /// How long an attempt may take. Default: `10s`; of `email`, for one step of the conversation, `20s`; of `command` `60s`, then its
        /// processes are ended.
        timeout: Timeout = r#""30s""#,
        /// After a failure it is tried again after this, then after twice that, and so on; later if the other side says so
        /// (`Retry-After`). A command is never run again. Default: `5s`.
        retry: Timeout = r#""2s""#,
        /// The longest time from one attempt to the next. Default: `5m`.
        retry_max: Timeout = r#""1m""#,
        /// A delivery that has not succeeded within this is given up, which is recorded and escalated. Default: `1d`.
        give_up: Timeout = r#""6h""#,
        /// Most attempts in a minute; more have to wait. Default: `120`.
        max_per_minute: u32 = "30",
        /// Actions that are told when this one did not do what it is for: a delivery was given up, a command failed or nobody
        /// knows how it ended, or `verify` does not hold. They are told of the end of the alert, too. Default: none.
        escalate: Vec<String> = r#"["log"]"#,
        /// A search that is run after the action, over the time since then: `want` must hold of what it finds. Default: none.
        verify: String = r#""PaymentService \"connected to DB\"""#,
        /// What must hold of what `verify` finds, as in the condition of an alert. Default: `count > 0`.
        want: String = r#""count >= 1""#,
        /// How long after the action `verify` is run. Default: `60s`.
        verify_after: Timeout = r#""2m""#,
        /// Of `webhook`, `slack`, `pagerduty`, `alertmanager` and `servicenow`: the address, of `slack` that of an incoming webhook, of
        /// `alertmanager` and `servicenow` without the path. A text, or as it may be secret, `{ env = "NAME" }` or `{ file = "PATH" }`. It
        /// is shown without its path. Default for `pagerduty`: `https://events.pagerduty.com/v2/enqueue`.
        url: SecretRef = r#""https://ops.example.com/hook""#,
        /// The user who logs in, with `password`. Of those with `url`, by HTTP's basic authentication; of `email`, at the mail server.
        user: String = r#""trawl""#,
        /// The password of `user`: `{ env = "NAME" }` or `{ file = "PATH" }`. Whoever may read the file knows it: `trawl config show`
        /// warns of one that everybody can read. A relative path starts at the folder of the configuration file.
        password: SecretRef = r#"{ file = "/etc/trawl/smtp-password" }"#,
        /// Instead of a user, of those with `url`: a token (`Authorization: Bearer`), as `{ env = "NAME" }` or `{ file = "PATH" }`.
        token: SecretRef = r#"{ env = "HOOK_TOKEN" }"#,
        /// Of those with `url` and of `email`: a file of certificates (PEM) to trust instead of those of the web.
        ca_file: PathBuf = r#""/etc/ssl/company.pem""#,
        /// Of `webhook`: `POST`, `PUT` or `PATCH`. Default: `POST`.
        method: String = r#""PUT""#,
        /// Of `webhook`: more headers. A value is a text, `{ env = "NAME" }` or `{ file = "PATH" }`.
        headers: BTreeMap<String, SecretRef> = r#"{ X-Team = "ops" }"#,
        /// A template (Jinja) of what is sent, with the names of the JSON that a webhook sends by default. In a `webhook` of JSON a
        /// value brings its quotes; in `slack` it is the text, in `email` the part without HTML.
        body: String = r#"'{"text": {{ title }}, "count": {{ count }}}'"#,
        /// Of `webhook`: what the body is; values in `body` are escaped for it. Default: `application/json`.
        content_type: String = r#""application/json""#,
        /// Of `webhook`: a key, as `{ env = "NAME" }` or `{ file = "PATH" }`. The header `hmac_header` then holds `sha256=` and the
        /// HMAC-SHA256 of the body in hexadecimal digits.
        hmac_key: SecretRef = r#"{ file = "/etc/trawl/hook-key" }"#,
        /// Of `webhook`: the header for `hmac_key`. Default: `X-Trawl-Signature`.
        hmac_header: String = r#""X-Hub-Signature-256""#,
        /// Of `pagerduty`: the integration key of the service, as `{ env = "NAME" }` or `{ file = "PATH" }`.
        routing_key: SecretRef = r#"{ env = "PAGERDUTY_KEY" }"#,
        /// Of `alertmanager`: more labels, beside `alertname`, `severity` and those of the group.
        labels: BTreeMap<String, String> = r#"{ team = "payments" }"#,
        /// Of `alertmanager`: how often it is told again that an alert fires. There the alert ends by itself when it was not told for
        /// four times as long. Default: `60s`.
        resend: Timeout = r#""30s""#,
        /// Of `servicenow`: the table. Default: `incident`.
        table: String = r#""incident""#,
        /// Of `servicenow`: fields of a new incident.
        fields: BTreeMap<String, String> = r#"{ assignment_group = "payments", category = "software" }"#,
        /// Of `servicenow`: how an incident is said to be resolved when the alert ends. Default: `Solution provided`.
        close_code: String = r#""Resolved by monitoring""#,
        /// Of `email`: the mail server.
        host: String = r#""mail.example.com""#,
        /// Of `email`: its port. Default: `587`; with `tls = "tls"` `465`; with `tls = "none"` `25`.
        port: u16 = "2525",
        /// Of `email`: `starttls`, `tls` (from the beginning) or `none`, with which a password is sent to this machine alone. Default:
        /// `starttls`.
        tls: String = r#""starttls""#,
        /// Of `email`: who it is from.
        from: String = r#""trawl <trawl@example.com>""#,
        /// Of `email`: who gets it.
        to: Vec<String> = r#"["Ops <ops@example.com>"]"#,
        /// Of `email`: who gets a copy.
        cc: Vec<String> = r#"["boss@example.com"]"#,
        /// Of `email`: a template of the subject.
        subject: String = r#""{{ severity }}: {{ alert }} {{ group.host }}""#,
        /// Of `email`: a template of the HTML. With `body` alone the mail is text alone.
        html_body: String = r#""<h1>{{ title }}</h1>""#,
        /// Of `command`: the program, which must be in `allow_commands`, and its arguments. There is no shell. What happened is in
        /// the environment (`TRAWL_ALERT_NAME`, `_STATE`, `_SEVERITY`, `_COUNT`, `_GROUP`, `_GROUP_` and the field, `_TITLE`, `_RUNBOOK`, `_KEY`,
        /// and so on) and, as JSON, on standard input. It is run at most once for each transition, one at a time for each action.
        command: Vec<String> = r#"["/usr/bin/systemctl", "restart", "payment"]"#,
        /// Of `command`: whether nothing is run; the record says what would have been. Default: `false`.
        dry_run: bool = "true",
    }
}

/// Documentation of a section that defines names.
#[cfg(test)]
pub struct SectionDoc {
    /// Its header.
    pub title: &'static str,
    /// What it is for, in lines of Markdown.
    pub doc: &'static str,
    /// An example, as TOML.
    pub example: &'static str,
    /// Its keys, where they are fixed.
    pub keys: &'static [KeyDoc],
}

/// The sections that may come more than once, or define names for queries.
#[cfg(test)]
pub const SECTIONS: [SectionDoc; 15] = [
    SectionDoc {
        title: "`[[input]]`",
        doc: "What `trawl run` gets events from: files that it follows, or a program that it runs in intervals. Each input has\n\
              either `paths` or `command`. Each file belongs to the first input that finds it.",
        example: "[[input]]\npaths = [\"/var/log/nginx/*.log\"]\nindex = \"web\"\n\n\
                  [[input]]\ncommand = [\"df\", \"-P\"]\ninterval = \"60s\"",
        keys: Input::KEYS,
    },
    SectionDoc {
        title: "`[index.NAME]`",
        doc: "How long, and in how much space, an index keeps its events. Buckets, of about 128 MiB of log each, go as a whole, the\n\
              oldest first. `trawl run` sees to it once a minute and before it stores more, `trawl index` before it stores more;\n\
              `trawl retention` shows what would go now.",
        example: "[index.web]\nmax_age = \"90d\"\nmin_free = \"10%\"\narchive = \"/srv/archive\"",
        keys: Index::KEYS,
    },
    SectionDoc {
        title: "`[action.NAME]`",
        doc: "Where notifications of alerts go, for the key `actions` of an alert. A delivery is at least once: a repeat, after a failure or\n\
              a crash, carries the same `Idempotency-Key`, `Message-ID` or `dedup_key`; Slack knows nothing of the kind, and shows it\n\
              twice. A `command` is run at most once. What an alert was\n\
              told, and what came of it, is recorded in the index `_audit`. Each type has its keys; those without a type belong to all.",
        example: "[action.ops-hook]\ntype = \"webhook\"\nurl = \"http://127.0.0.1:9000/hook\"\n\n\
                  [action.pager]\ntype = \"pagerduty\"\nrouting_key = { env = \"PAGERDUTY_KEY\" }\n\n\
                  [action.restart-payment]\ntype = \"command\"\ncommand = [\"/usr/bin/systemctl\", \"restart\", \"payment\"]\n\
                  verify = 'PaymentService \"connected to DB\"'\nescalate = [\"pager\"]",
        keys: Action::KEYS,
    },
    SectionDoc {
        title: "`[actions]`",
        doc: "What all actions have in common.",
        example: "[actions]\nallow_commands = [\"/usr/bin/systemctl\"]",
        keys: Actions::KEYS,
    },
    SectionDoc {
        title: "`[macros]`",
        doc: "Text that a query uses as `` `name` `` or `` `name(first, second)` ``. `$parameter$` stands for an argument. The\n\
              same name may be defined with several numbers of arguments.",
        example: "[macros]\n\
                  bad = \"level IN (ERROR, FATAL)\"\n\
                  \"errors(service)\" = \"`bad` service=\\\"$service$\\\"\"",
        keys: &[],
    },
    SectionDoc {
        title: "`[eventtypes]`",
        doc: "Names of search expressions, used as `eventtype=name`.",
        example: "[eventtypes]\nfailed_login = 'sshd \"Failed password\"'",
        keys: &[],
    },
    SectionDoc {
        title: "`[[tags]]`",
        doc: "Labels of field values, used as `tag=name` and `tag::field=name`.",
        example: "[[tags]]\nname = \"production\"\nfield = \"host\"\nvalue = \"db-*\"",
        keys: Tag::KEYS,
    },
    SectionDoc {
        title: "`[saved.NAME]`",
        doc: "Searches by name, for `trawl saved run NAME` and `| savedsearch NAME`: a table, or below `[saved]` the text alone.\n\
              `$x$` stands for what the caller says as `x=value`. They may also stand, in the same form, in files `saved.d/*.toml` beside\n\
              the configuration file and in the data folder, where `trawl saved add` writes them; no name may stand twice.",
        example: "[saved]\n\
                  errors_by_host = \"error | stats count by host\"\n\n\
                  [saved.errors_of_host]\n\
                  search = \"error host=$host$ | stats count by service\"\n\
                  args = { host = \"*\" }\n\
                  earliest = \"-24h\"",
        keys: Saved::KEYS,
    },
    SectionDoc {
        title: "`[lookup.NAME]`",
        doc: "How the lookup table `NAME` is matched, where that is not by equality. A table that needs no definition is known by\n\
              the name of its file.",
        example: "[lookup.networks]\nmatch_type = \"CIDR(network)\"\nmax_matches = 1\ndefault_match = \"outside\"",
        keys: Lookup::KEYS,
    },
    SectionDoc {
        title: "`[[alert]]`",
        doc: "A search that `trawl run` evaluates by itself, and what is done when it finds something. An alert needs a `name`, a\n\
              `search`, one of `every`, `cron` and `continuous`, and a `condition`; `trawl alert test NAME` shows when it would have\n\
              fired.",
        example: "[[alert]]\nname = \"payment-db\"\nsearch = 'ERROR PaymentService \"failed to connect to DB\"'\nevery = \"10s\"\n\
                  window = \"1m\"\ncondition = \"count > 5\"\ngroup_by = [\"host\"]",
        keys: Alert::KEYS,
    },
    SectionDoc {
        title: "`[[alert.test]]`",
        doc: "A unit test of the alert that stands before it, for `trawl config check`: what is logged when, and which transitions must come\n\
              of it. The lines are parsed as files are; the evaluator is the one of `trawl run`, with a clock that is turned.",
        example: "[[alert]]\nname = \"payment\"\nsearch = \"ERROR PaymentService\"\nevery = \"10s\"\nwindow = \"1m\"\ncondition = \"count > 1\"\n\n\
                  [[alert.test]]\nname = \"two failures\"\nlines = [\n  \"2026-11-20 14:00:11 ERROR PaymentService failed\",\n  \
                  \"2026-11-20 14:00:15 ERROR PaymentService failed\",\n]\n\
                  expect = [\"14:00:20 raised\", \"14:01:20 resolved\"]",
        keys: AlertTest::KEYS,
    },
    SectionDoc {
        title: "`[[check]]`",
        doc: "A named list of expectations, for `trawl check NAME` and, with a schedule, for `trawl run`. Each of them passes, fails or cannot be\n\
              judged: a search that could not be run, or not over all that there is, never passes. What a scheduled check comes to are events\n\
              of the index `_audit`; there and for actions it is called `check:` and its name, and `trawl alert` lists and acknowledges\n\
              what fails.",
        example: "[[check]]\nname = \"sod\"\ndescription = \"Start of day\"\ncron = \"0 7 * * mon-fri\"\n\n\
                  [[check.expect]]\ntitle = \"backup logged\"\nsearch = \"backup completed\"\nearliest = \"-1d@d+22h\"\nlatest = \"@d+6h\"\n\
                  want = \"count >= 1\"\n\n\
                  [[check.expect]]\nopen_alerts = \"critical\"\n\n\
                  [[check.job]]\nname = \"EOD_SALES\"\nby = \"22:15\"\nmax_runtime = \"x1.5\"",
        keys: Check::KEYS,
    },
    SectionDoc {
        title: "`[[check.expect]]`",
        doc: "One thing that the `[[check]]` before it expects: of a search, or that no alert fires.",
        example: "[[check]]\nname = \"eod\"\n\n[[check.expect]]\ntitle = \"disks below 80 %\"\n\
                  search = \"sourcetype=df | stats latest(use_pct) AS used BY mount\"\nearliest = \"-15m\"\nwant = \"used < 80\"",
        keys: Expect::KEYS,
    },
    SectionDoc {
        title: "`[[check.job]]`",
        doc: "A job of AutoSys, or all jobs whose names are alike, of which the `[[check]]` before it expects that they are done. It is told apart\n\
              whether a job succeeded, failed, was terminated, runs, did not start, or is late: a late job has not failed. What is known of jobs\n\
              comes from the `event_demon` log and from what `autorep` prints; where nothing of either arrived, nothing is judged.",
        example: "[[check]]\nname = \"batch\"\n\n[[check.job]]\nname = \"EOD_*\"\nby = \"22:15\"",
        keys: CheckJob::KEYS,
    },
    SectionDoc {
        title: "`[calendar.NAME]`",
        doc: "Times that alerts and checks name: days of the week, hours, holidays.",
        example: "[calendar.business]\ndays = [\"mon-fri\"]\nhours = [\"08:00-18:30\"]\nholidays = [\"2026-12-25\"]",
        keys: Calendar::KEYS,
    },
];

impl RawConfig {
    /// Reads the text of the configuration file `path`.
    ///
    /// # Errors
    /// If it is not TOML, a value has the wrong type or a key is unknown; the error shows the line and, for a key, the
    /// nearest known one.
    pub fn parse(text: &str, path: &Path) -> anyhow::Result<Self> {
        parse(text, path)
    }
}

/// Reads the text of `path`; errors as those of [`RawConfig::parse`].
///
/// # Errors
/// If it does not fit.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> anyhow::Result<T> {
    toml::from_str(text)
        .map_err(|error| explain(&error))
        .with_context(|| format!("cannot use configuration {}", path.display()))
}

/// Adds the nearest known key to an error about an unknown one.
fn explain(error: &toml::de::Error) -> anyhow::Error {
    let text = error.to_string().trim_end().to_owned();
    if text.contains("[lookups.") {
        let hint = "`lookups` is the folder of lookup tables; a definition is a section [lookup.NAME]";
        return Advice::new(text, hint).into();
    }
    if error.message().starts_with("unknown field") {
        // serde's text is "unknown field `a`, expected one of `b`, `c`".
        let mut quoted = error.message().split('`').skip(1).step_by(2);
        if let Some(known) = quoted.next().and_then(|unknown| nearest(unknown, quoted)) {
            return Advice::new(text, format!("did you mean `{known}`?")).into();
        }
    }
    anyhow::Error::msg(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::File;
    use crate::config::definitions::Definitions;
    use crate::config::{alerts, checks, inputs, retention};

    #[test]
    fn every_example_is_valid() {
        let lines =
            |keys: &[KeyDoc]| keys.iter().map(|key| format!("{} = {}\n", key.name, key.example)).collect::<String>();
        let text =
            format!("{}[search]\n{}[limits]\n{}", lines(RawConfig::KEYS), lines(Search::KEYS), lines(Limits::KEYS));
        // An input has either; and what belongs to the other is an error.
        let (of_command, of_paths): (Vec<&KeyDoc>, Vec<&KeyDoc>) =
            Input::KEYS.iter().partition(|key| ["command", "interval", "timeout"].contains(&key.name));
        let of_input =
            |keys: &[&KeyDoc]| keys.iter().map(|key| format!("{} = {}\n", key.name, key.example)).collect::<String>();
        let of_paths: Vec<&KeyDoc> = of_paths.into_iter().filter(|key| key.name != "fifo").collect();
        let sections: String = SECTIONS.iter().map(|section| format!("{}\n", section.example)).collect();
        let text = format!(
            "{text}{sections}[[check]]\n{}[[check.expect]]\n{}[[check.job]]\n{}[[alert]]\n{}[[alert.test]]\n{}[[alert.test]]\nlines = [{{ {} }}]\n[saved.other]\n{}[calendar.other]\n{}[lookup.other]\n{}[index.other]\n{}[[input]]\n{}[[input]]\n{}[[input]]\npaths = [\"a.fifo\"]\nfifo = true\n",
            lines(Check::KEYS),
            lines(Expect::KEYS),
            lines(CheckJob::KEYS),
            lines(Alert::KEYS),
            lines(AlertTest::KEYS),
            lines(TestLine::KEYS).trim_end().replace('\n', ", "),
            lines(Saved::KEYS),
            lines(Calendar::KEYS),
            lines(Lookup::KEYS),
            lines(Index::KEYS),
            of_input(&of_paths),
            of_input(&of_command)
        );
        let text = format!("{text}{}", crate::config::actions::examples(Action::KEYS));
        let path = Path::new("trawl.toml");
        let mut raw = RawConfig::parse(&text, path).unwrap();
        let file = File { path, text: &text };
        assert_eq!(Definitions::read(&mut raw, &file).unwrap().saved.len(), 3);
        let n_tests = |alert: &Spanned<Alert>| alert.get_ref().test.len();
        assert_eq!(raw.alert.iter().map(n_tests).collect::<Vec<_>>(), [0, 1, 2]);
        let (actions, _) = crate::config::actions::read(raw.action, raw.actions, &file).unwrap();
        assert_eq!(actions.by_name.len(), 11);
        assert_eq!(inputs::read(raw.input, &file).unwrap().0.len(), 5);
        assert_eq!(retention::read(raw.index, &file).unwrap().0.len(), 2);
        assert_eq!(alerts::read_calendars(raw.calendar, &file).0.len(), 2);
        // Those of the examples, and one with all keys, which is called like the first.
        assert_eq!(raw.check.len(), 4);
        raw.check.truncate(3);
        assert_eq!(checks::read(raw.check, &file).unwrap().0.len(), 3);
        // Keys of alerts exclude each other.
        raw.alert.truncate(1);
        assert_eq!(alerts::read(raw.alert, &file).unwrap().0.len(), 1);
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        let error = RawConfig::parse("[search]\ndedline = \"3s\"\n", Path::new("trawl.toml")).unwrap_err();
        insta::assert_snapshot!(format!("{error:#}\nhint: {}", Advice::hint_of(&error).unwrap_or("none")), @r#"
        cannot use configuration trawl.toml: TOML parse error at line 2, column 1
          |
        2 | dedline = "3s"
          | ^^^^^^^
        unknown field `dedline`, expected one of `default_indexes`, `deadline`, `limit`
        hint: did you mean `deadline`?
        "#);
    }

    #[test]
    fn a_wrong_value_is_pointed_at() {
        let error = RawConfig::parse("[search]\ndeadline = \"3 years\"\n", Path::new("trawl.toml")).unwrap_err();
        insta::assert_snapshot!(format!("{error:#}"), @r#"
        cannot use configuration trawl.toml: TOML parse error at line 2, column 12
          |
        2 | deadline = "3 years"
          |            ^^^^^^^^^
        `3 years` is not a duration such as `30s`, `5m` or `none`
        "#);
    }
}

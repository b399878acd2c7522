//! What `trawl run` measures, for Prometheus: `--metrics-listen`.
//!
//! Figures of the moment come from the thread that follows ([`Board::post`]); counters, the disk and the process are looked
//! at when somebody asks. No label has more values than there are indexes, states and kinds: nothing is told file by file.

mod exposition;
mod http;

pub use http::{HttpServer, Page};

use crate::run_state::RunState;
use exposition::{CONTENT_TYPE, Exposition, Kind};
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use trawl_indexer::tail::{Activity, FileState, IndexCounts, TailStatus, Timed};
use trawl_store::Writer;

/// Longer than the thread that follows ever keeps silent.
const SILENCE: Duration = Duration::from_secs(60);

/// How things are at present.
#[derive(Clone, Debug, Default)]
struct Moment {
    files: BTreeMap<&'static str, u64>,
    n_open_files: u64,
    /// Bytes that are not read yet, in all and of the file with most of them, by index.
    lag: BTreeMap<String, (u64, u64)>,
    /// When the oldest byte that is not read was written, microseconds since the epoch.
    oldest_unread_us: Option<i64>,
    /// What is wrong, by kind.
    errors: BTreeMap<&'static str, u64>,
    paused: Option<String>,
    is_configuration_refused: bool,
    n_too_old: u64,
}

/// Where the thread that follows says how things are, and others read it.
pub struct Board<'w> {
    writer: &'w Writer,
    activity: &'w Activity,
    started_at_us: i64,
    moment: Mutex<(Moment, Instant)>,
}

impl<'w> Board<'w> {
    /// A board on which nothing stands yet.
    pub fn new(writer: &'w Writer, activity: &'w Activity, started_at_us: i64) -> Self {
        Self { writer, activity, started_at_us, moment: Mutex::new((Moment::default(), Instant::now())) }
    }

    /// Says how things are.
    pub fn post(&self, status: &TailStatus, state: &RunState) {
        let mut moment = Moment {
            n_open_files: status.files.iter().filter(|file| file.is_open).count() as u64,
            oldest_unread_us: state.files.iter().filter_map(|file| file.behind_since_us).min(),
            paused: status.paused.as_ref().map(|(why, _)| why.clone()),
            is_configuration_refused: state.refused_configuration.is_some(),
            n_too_old: state.n_too_old,
            ..Moment::default()
        };
        for state in STATES {
            moment.files.insert(state_name(state), 0);
        }
        for file in &status.files {
            *moment.files.entry(state_name(file.state)).or_default() += 1;
            let (total, most) = moment.lag.entry(file.index.as_str().to_owned()).or_default();
            let lag = match file.state {
                FileState::Followed | FileState::Draining | FileState::Loading => file.len.saturating_sub(file.read_to),
                _ => 0,
            };
            *total += lag;
            *most = lag.max(*most);
        }
        let count = |errors: &mut dyn Iterator<Item = bool>| errors.filter(|is_wrong| *is_wrong).count() as u64;
        moment.errors = BTreeMap::from([
            ("file", count(&mut status.files.iter().map(|file| file.error.is_some()))),
            ("feed", count(&mut status.feeds.iter().map(|feed| feed.error.is_some()))),
            ("path", status.unlisted.len() as u64),
            ("retention", state.retention.len() as u64),
            ("store", u64::from(status.paused.is_some())),
        ]);
        *self.moment.lock().unwrap_or_else(PoisonError::into_inner) = (moment, Instant::now());
    }

    /// The page of a path.
    pub fn page(&self, path: &str, now_us: i64) -> Option<Page> {
        match path {
            "/metrics" => Some(Page { status: 200, content_type: CONTENT_TYPE, body: self.metrics(now_us) }),
            "/healthz" => Some(self.health()),
            _ => None,
        }
    }

    fn moment(&self) -> (Moment, Duration) {
        let moment = self.moment.lock().unwrap_or_else(PoisonError::into_inner);
        (moment.0.clone(), moment.1.elapsed())
    }

    fn health(&self) -> Page {
        match self.moment() {
            (_, silent_for) if silent_for > SILENCE => {
                Page::text(503, format!("nothing was done for {} s\n", silent_for.as_secs()))
            }
            (Moment { paused: Some(why), .. }, _) => Page::text(503, format!("nothing can be stored: {why}\n")),
            _ => Page::text(200, "ok\n"),
        }
    }

    fn metrics(&self, now_us: i64) -> String {
        let mut page = Exposition::default();
        page.family(Kind::Gauge, "trawl_build_info", "The release, as a label; always 1.")
            .count(&[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.process(&mut page);
        self.counters(&mut page);
        self.gauges(&mut page, now_us);
        self.store(&mut page);
        page.into_text()
    }

    fn process(&self, page: &mut Exposition) {
        page.family(Kind::Gauge, "process_start_time_seconds", "When the process began, seconds since 1970.")
            .sample(&[], seconds(self.started_at_us));
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            // One of them is that of the listing.
            let n_open = entries.count().saturating_sub(1) as u64;
            page.family(Kind::Gauge, "process_open_fds", "Open file descriptors.").count(&[], n_open);
        }
        if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
            page.family(Kind::Gauge, "process_max_fds", "Most file descriptors that may be open.").count(&[], limit);
        }
        if let Some(bytes) = resident_bytes() {
            page.family(Kind::Gauge, "process_resident_memory_bytes", "Memory in use, maps of files included.")
                .count(&[], bytes);
        }
    }

    fn counters(&self, page: &mut Exposition) {
        type Figure = fn(&IndexCounts) -> f64;
        fn total(timed: Timed) -> f64 {
            timed.total.as_secs_f64()
        }
        const FAMILIES: [(&str, &str, Figure); 14] = [
            ("trawl_read_bytes_total", "Bytes of whole events that were read.", |of| of.bytes_read as f64),
            ("trawl_read_events_total", "Whole events that were read.", |of| of.n_events_read as f64),
            ("trawl_indexed_bytes_total", "Bytes of whole events that are durable.", |of| of.bytes as f64),
            ("trawl_indexed_events_total", "Whole events that are durable.", |of| of.n_events as f64),
            ("trawl_skipped_nul_bytes_total", "NULs in runs, which are left out.", |of| of.remarks.nul_bytes as f64),
            ("trawl_cut_events_total", "Pieces of events that were too long.", |of| of.remarks.n_cut as f64),
            ("trawl_batches_total", "Batches that became durable.", |of| of.batches.count as f64),
            ("trawl_syncs_total", "Syncs of live logs, one for each batch.", |of| of.batches.count as f64),
            ("trawl_sync_seconds_total", "Time for writing and syncing batches.", |of| total(of.batches)),
            ("trawl_refused_batches_total", "Batches that the disk refused; they are read again.", |of| {
                of.n_refused as f64
            }),
            ("trawl_seals_total", "Times that live logs became buckets.", |of| of.seals.count as f64),
            ("trawl_seal_seconds_total", "Time that this took.", |of| total(of.seals)),
            ("trawl_failed_seals_total", "Times that it failed; it is tried again.", |of| of.n_failed_seals as f64),
            ("trawl_created_buckets_total", "Buckets that were made.", |of| of.n_buckets as f64),
        ];
        let counts = self.activity.counts();
        for (name, help, figure) in FAMILIES {
            let mut family = page.family(Kind::Counter, name, help);
            for (index, counts) in &counts.indexes {
                family.sample(&[("index", index.as_str())], figure(counts));
            }
        }
    }

    fn gauges(&self, page: &mut Exposition, now_us: i64) {
        let (moment, silent_for) = self.moment();
        let mut files = page.family(Kind::Gauge, "trawl_files", "Files that are known, by what is done with them.");
        moment.files.iter().for_each(|(state, n_files)| files.count(&[("state", state)], *n_files));
        files.count(&[("state", "too_old")], moment.n_too_old);
        page.family(Kind::Gauge, "trawl_open_files", "Files that are held open.").count(&[], moment.n_open_files);
        let mut lag = page.family(Kind::Gauge, "trawl_lag_bytes", "Bytes that are there and were not read.");
        moment.lag.iter().for_each(|(index, (total, _))| lag.count(&[("index", index)], *total));
        let mut lag = page.family(Kind::Gauge, "trawl_lag_max_bytes", "The same of the file with most of them.");
        moment.lag.iter().for_each(|(index, (_, most))| lag.count(&[("index", index)], *most));
        let oldest = moment.oldest_unread_us.map_or(0.0, |since_us| seconds(now_us.saturating_sub(since_us)).max(0.0));
        page.family(Kind::Gauge, "trawl_lag_seconds", "Age of the oldest byte that was not read.").sample(&[], oldest);
        let mut errors = page.family(Kind::Gauge, "trawl_errors", "Things that are wrong at present, by kind.");
        moment.errors.iter().for_each(|(kind, n_errors)| errors.count(&[("kind", kind)], *n_errors));
        page.family(Kind::Gauge, "trawl_config_last_reload_successful", "Whether the configuration could be read.")
            .count(&[], u64::from(!moment.is_configuration_refused));
        page.family(Kind::Gauge, "trawl_status_age_seconds", "Age of what is said here of files.")
            .sample(&[], silent_for.as_secs_f64());
    }

    fn store(&self, page: &mut Exposition) {
        // Without them there are still the others.
        if let Ok(disk) = self.writer.disk_use() {
            let mut live = page.family(Kind::Gauge, "trawl_live_log_bytes", "Bytes in live logs.");
            disk.live.iter().for_each(|(index, bytes)| live.count(&[("index", index.as_str())], *bytes));
            page.family(Kind::Gauge, "trawl_disk_free_bytes", "Free where the data lies.").count(&[], disk.free);
            page.family(Kind::Gauge, "trawl_disk_size_bytes", "Size of that file system.").count(&[], disk.total);
        }
        type Figure = fn(&trawl_store::retention::Gone) -> u64;
        const FAMILIES: [(&str, &str, Figure); 3] = [
            ("trawl_retention_removed_buckets_total", "Buckets that retention let go.", |gone| gone.n_buckets),
            ("trawl_retention_removed_bytes_total", "Bytes that they took on disk.", |gone| gone.bytes),
            ("trawl_retention_archived_buckets_total", "Those that were archived before.", |gone| gone.n_archived),
        ];
        let gone = self.writer.gone();
        for (name, help, figure) in FAMILIES {
            let mut family = page.family(Kind::Counter, name, help);
            for ((index, reason), gone) in &gone {
                family.count(&[("index", index.as_str()), ("reason", &reason.to_string())], figure(gone));
            }
        }
    }
}

const STATES: [FileState; 8] = [
    FileState::Followed,
    FileState::Draining,
    FileState::Loading,
    FileState::Empty,
    FileState::Binary,
    FileState::Read,
    FileState::Copy,
    FileState::Failed,
];

fn state_name(state: FileState) -> &'static str {
    match state {
        FileState::Followed => "following",
        FileState::Draining => "draining",
        FileState::Loading => "loading",
        FileState::Empty => "empty",
        FileState::Binary => "binary",
        FileState::Read => "read",
        FileState::Copy => "copy",
        FileState::Failed => "unreadable",
    }
}

fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

/// Memory of this process that is not on disk alone, where the system tells.
fn resident_bytes() -> Option<u64> {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

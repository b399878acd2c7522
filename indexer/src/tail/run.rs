//! A tailer with a clock, a watcher, a loader and a sealer; and a thread for each command and each stream.

use super::commands::{Finished, run_all};
use super::effort::Effort;
use super::pipes::{Chunk, read_all};
use super::tracked::Backlog;
use super::watch::{Watch, waker};
use super::{Activity, Inputs, Moment, TailOptions, TailStatus, Tailer};
use crate::error::IndexError;
use crate::options::Options;
use crate::progress::Progress;
use crate::report::Report;
use crossbeam_channel::{Receiver, Sender};
use std::io::{self, PipeWriter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use trawl_formats::event::IndexName;
use trawl_formats::sourcetype::Registry;
use trawl_store::Writer;

/// How often the status is told; more seldom where there are so many files that it takes more than this share of the time,
/// and often enough in any case for a watchdog that is told at the same time, and for who wonders whether anybody is at work.
const STATUS_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_STATUS_INTERVAL: Duration = Duration::from_secs(10);
const STATUS_SHARE: u32 = 500;
/// Live logs of earlier runs are sealed at the start, if together they are longer than this.
const LEFT_BYTES: u64 = 16 << 20;

/// How long running commands have to end when the run is to end: longer than they take to be killed.
const COMMANDS_END: Duration = Duration::from_secs(4);

/// What a thread beside the tailer has brought.
pub(crate) enum Fed {
    /// A command has ended.
    Run(Finished),
    /// A stream was read.
    Chunk(Chunk),
}

/// Stops a [`run`] from outside.
pub struct Control {
    stop: Arc<AtomicBool>,
    wake: (Sender<()>, Receiver<()>),
}

impl Default for Control {
    fn default() -> Self {
        Self { stop: Arc::default(), wake: waker() }
    }
}

impl Control {
    /// Ends the run: what was read becomes durable first.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        // Full: it is about to wake up.
        let _ = self.wake.0.try_send(());
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

struct Clock {
    begun: Instant,
}

impl Clock {
    fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment { at: self.begun.elapsed(), wall_us: i64::try_from(wall.as_micros()).unwrap_or(i64::MAX) }
    }
}

/// Follows files, runs commands and reads streams until it is [stopped](Control::stop), or nothing can come any more because
/// there are streams only, and they have ended. `on_status` is told about once a second how things are.
///
/// # Errors
/// If inputs or options make no sense. Neither a full disk nor a file that cannot be read ends it.
pub fn run(
    writer: &Writer,
    registry: &Registry,
    inputs: impl Into<Inputs>,
    options: TailOptions,
    control: &Control,
    mut on_status: impl FnMut(&TailStatus),
) -> Result<(), IndexError> {
    let clock = Clock { begun: Instant::now() };
    let activity = Arc::clone(&options.activity);
    let mut tailer = Tailer::new(writer, registry, inputs, options)?;
    let mut watch = Watch::new(control.wake.0.clone());
    let (load, loads) = crossbeam_channel::unbounded();
    let (loaded, done) = crossbeam_channel::unbounded();
    let (seal, seals) = crossbeam_channel::unbounded();
    let (feed, feeds) = crossbeam_channel::unbounded();
    let (stop, keep) = io::pipe().map_err(IndexError::Pipe)?;
    let indexes: Vec<IndexName> = tailer.indexes().cloned().collect();
    let (commands, streams) = tailer.feeds();
    thread::scope(|scope| {
        let (stop, wake) = (&stop, &control.wake.0);
        for (idx, input) in commands.iter().enumerate() {
            let feed = feed.clone();
            scope.spawn(move || run_all(input, idx, stop, &feed, wake));
        }
        for (idx, origin) in streams.iter().enumerate() {
            let feed = feed.clone();
            scope.spawn(move || read_all(origin, idx, stop, &feed, wake));
        }
        drop(feed);
        scope.spawn(|| load_all(writer, registry, control, &activity, &loads, &loaded));
        scope.spawn(|| seal_all(writer, &indexes, control, &activity, &seals));
        let mut lines = Lines { load, done, seal, feeds, keep: Some(keep) };
        let outcome = follow(&mut tailer, &mut watch, &clock, control, &mut lines, &mut on_status);
        tailer.disconnect();
        drop(lines);
        // Whatever ended it, the threads beside it are to end, too; their channels close with `Lines`.
        control.stop();
        outcome
    })
}

/// Channels to the threads beside the tailer.
struct Lines {
    load: Sender<(Backlog, Options)>,
    done: Receiver<(Backlog, Result<Report, IndexError>)>,
    seal: Sender<()>,
    feeds: Receiver<Fed>,
    /// Closed, it ends the threads that run commands and read streams.
    keep: Option<PipeWriter>,
}

fn follow(
    tailer: &mut Tailer<'_>,
    watch: &mut Watch,
    clock: &Clock,
    control: &Control,
    lines: &mut Lines,
    on_status: &mut impl FnMut(&TailStatus),
) -> Result<(), IndexError> {
    let mut next_status = Duration::ZERO;
    loop {
        let now = clock.now();
        for (backlog, report) in lines.done.try_iter() {
            tailer.loaded(backlog, &report, now);
        }
        for fed in lines.feeds.try_iter() {
            tailer.take_fed(fed, now);
        }
        let pumped = tailer.pump(now, watch.take())?;
        if tailer.take_has_listed() {
            watch.set(tailer.dirs());
            tailer.set_unwatched(watch.refused());
        }
        for backlog in tailer.take_backlog() {
            let options = Options { cancel: Arc::clone(&control.stop), ..tailer.load_options(&backlog, now) };
            // The loader lives as long as the channel.
            let _ = lines.load.send((backlog, options));
        }
        if tailer.take_ended_logs() {
            let _ = lines.seal.send(());
        }
        if now.at >= next_status {
            let effort = Effort::begin();
            on_status(&tailer.status(now));
            next_status = now.at + effort.rest(STATUS_SHARE).clamp(STATUS_INTERVAL, LONGEST_STATUS_INTERVAL);
        }
        if control.is_stopped() || tailer.is_over() {
            lines.keep = None;
            end_feeds(tailer, clock, &lines.feeds)?;
            tailer.finish(clock.now());
            return Ok(());
        }
        if !pumped.is_busy {
            let wake_at = pumped.wake_at.min(next_status);
            // Woken or timed out: either way it is time to look.
            let _ = control.wake.1.recv_timeout(wake_at.saturating_sub(clock.now().at));
        }
    }
}

/// Waits for the threads that run commands and read streams, and keeps what they bring.
fn end_feeds(tailer: &mut Tailer<'_>, clock: &Clock, feeds: &Receiver<Fed>) -> Result<(), IndexError> {
    let deadline = Instant::now() + COMMANDS_END;
    while let Ok(fed) = feeds.recv_deadline(deadline) {
        let now = clock.now();
        tailer.take_fed(fed, now);
        tailer.take_records(now, false)?;
        tailer.commit_all(now);
    }
    Ok(())
}

fn load_all(
    writer: &Writer,
    registry: &Registry,
    control: &Control,
    activity: &Activity,
    loads: &Receiver<(Backlog, Options)>,
    loaded: &Sender<(Backlog, Result<Report, IndexError>)>,
) {
    for (backlog, options) in loads {
        if control.is_stopped() {
            return;
        }
        let report = crate::load(writer, registry, backlog.files.clone(), &options, &Progress::default());
        if let Ok(report) = &report {
            activity.note_load(&options.index, report);
        }
        if loaded.send((backlog, report)).is_err() {
            return;
        }
        let _ = control.wake.0.try_send(());
    }
}

fn seal_all(writer: &Writer, indexes: &[IndexName], control: &Control, activity: &Activity, seals: &Receiver<()>) {
    let is_cancelled = || control.is_stopped();
    let seal = |index| {
        let begun = Instant::now();
        // What cannot be sealed now stays in its logs, where it is as safe, and is tried again with the next one.
        let sealed = writer.seal_live_logs(index, &is_cancelled);
        activity.note_seal(index, sealed.ok(), begun.elapsed());
    };
    indexes.iter().filter(|index| writer.ended_live_bytes(index) >= LEFT_BYTES).for_each(seal);
    give_back_memory();
    for () in seals {
        indexes.iter().for_each(seal);
        give_back_memory();
    }
}

/// Gives the system what the allocator keeps. A builder takes 200 MB for a second and frees them in pieces, of which glibc holds some
/// back in each of its arenas: a process that seals for days would grow.
fn give_back_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: it takes no pointer, and any thread may call it at any time.
        unsafe { libc::malloc_trim(0) };
    }
}

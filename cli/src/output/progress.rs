//! Progress on the standard error, where that is a terminal: a bar for `trawl index`, for a long search a line, and above it
//! what the answer would be by now.

use super::human;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often the line is drawn anew: smooth to look at, and nothing beside the work.
const REDRAW: Duration = Duration::from_millis(100);
/// A search that takes less shows nothing: a line that only flashes disturbs.
const SEARCH_DELAY: Duration = Duration::from_millis(500);
const INDEX_TEMPLATE: &str =
    "{bar:24} {percent:>3}%  {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left  {msg}";
const WAITING_TEMPLATE: &str = "waiting {elapsed} for {msg}";
const SEARCH_TEMPLATE: &str = "{prefix}{bar:24} {percent:>3}%  {msg}";
const SCAN_TEMPLATE: &str = "{prefix}{bar:24} {percent:>3}%  {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left  {msg}";
/// Lines of the terminal that a preview leaves free: for the line below it, and for what the person typed above it.
const FREE_LINES: usize = 3;

/// The first lines of the answer as it would be by now; the thread that draws shows what was set last.
#[derive(Clone, Debug, Default)]
pub struct PreviewText(Arc<Mutex<String>>);

impl PreviewText {
    /// Takes the lines of `text` that a terminal of `height` lines has room for.
    pub fn set(&self, text: &str, height: usize) {
        let lines = text.split_inclusive('\n').take(height.saturating_sub(FREE_LINES));
        *self.lock() = lines.collect();
    }

    fn lock(&self) -> MutexGuard<'_, String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Draws the progress of a run from a thread of its own, until it is dropped.
#[derive(Default)]
pub struct ProgressDisplay {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressDisplay {
    /// Starts drawing the progress of `trawl index`; draws nothing if the standard error `is_terminal` not.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn of_index(progress: Arc<trawl_indexer::Progress>, is_terminal: bool) -> io::Result<Self> {
        Self::start(is_terminal, INDEX_TEMPLATE, REDRAW, move |bar| {
            bar.set_length(progress.total_bytes());
            bar.set_position(progress.done_bytes());
            bar.set_message(format!(
                "{} of {} files, {} events",
                progress.done_files(),
                progress.total_files(),
                progress.events()
            ));
        })
    }

    /// Starts drawing the progress of a search and its `preview`, once it has taken a while; draws nothing if the standard
    /// error `is_terminal` not.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn of_search(
        progress: Arc<trawl_query::Progress>,
        preview: PreviewText,
        is_terminal: bool,
    ) -> io::Result<Self> {
        let started = Instant::now();
        Self::start(is_terminal, SEARCH_TEMPLATE, SEARCH_DELAY, move |bar| {
            bar.set_length(progress.n_candidates());
            bar.set_position(progress.n_events());
            bar.set_message(search_line(&progress, started.elapsed()));
            bar.set_prefix(preview.lock().clone());
        })
    }

    /// Starts drawing how far files are read by a search, as [`of_search`](Self::of_search) does.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn of_scan(
        reading: Arc<trawl_indexer::Progress>,
        progress: Arc<trawl_query::Progress>,
        preview: PreviewText,
        is_terminal: bool,
    ) -> io::Result<Self> {
        Self::start(is_terminal, SCAN_TEMPLATE, SEARCH_DELAY, move |bar| {
            bar.set_length(reading.total_bytes());
            bar.set_position(reading.done_bytes());
            let files = human::plural(reading.total_files(), "file");
            let rows = match progress.n_rows() {
                0 => String::new(),
                n => format!(", {}", human::plural(n, "row")),
            };
            bar.set_message(format!("{files}{rows}"));
            bar.set_prefix(preview.lock().clone());
        })
    }

    /// Starts showing that somebody else does the work; shows nothing if the standard error `is_terminal` not.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn of_waiting(whom: String, is_terminal: bool) -> io::Result<Self> {
        Self::start(is_terminal, WAITING_TEMPLATE, SEARCH_DELAY, move |bar| bar.set_message(whom.clone()))
    }

    fn start(
        is_terminal: bool,
        template: &str,
        delay: Duration,
        update: impl Fn(&ProgressBar) + Send + 'static,
    ) -> io::Result<Self> {
        if !is_terminal {
            return Ok(Self::default());
        }
        let (stop, stopped) = mpsc::channel();
        let style = ProgressStyle::with_template(template).expect("the template is valid").progress_chars("=> ");
        let draw = move || {
            let mut pause = delay;
            let mut bar = None;
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                let target = || ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
                update(bar.get_or_insert_with(|| target().with_style(style.clone())));
                pause = REDRAW;
            }
            if let Some(bar) = bar {
                bar.finish_and_clear();
            }
        };
        let thread = thread::Builder::new().name("progress".to_owned()).spawn(draw)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // The thread only draws: if it broke, there is nothing to clean up.
            let _ = thread.join();
        }
    }
}

/// `1,234 of 5,678 events, 12 rows, 3.2 s`
fn search_line(progress: &trawl_query::Progress, took: Duration) -> String {
    let events = human::plural(progress.n_candidates(), "event");
    let rows = match progress.n_rows() {
        0 => String::new(),
        n => format!(", {}", human::plural(n, "row")),
    };
    format!("{} of {events}{rows}, {}", human::count(progress.n_events()), human::duration(took))
}

/// An output whose first byte ends the display of progress: rows that come take its place.
pub struct EndsProgress<W> {
    out: W,
    display: ProgressDisplay,
}

impl<W: Write> EndsProgress<W> {
    /// Ends `display` before something is written to `out`.
    pub fn new(out: W, display: ProgressDisplay) -> Self {
        Self { out, display }
    }
}

impl<W: Write> Write for EndsProgress<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.display = ProgressDisplay::default();
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_ends_the_display() {
        let display = ProgressDisplay::start(true, SEARCH_TEMPLATE, Duration::from_secs(3600), |_| {}).unwrap();
        let mut out = EndsProgress::new(Vec::new(), display);
        out.flush().unwrap();
        assert!(out.display.thread.is_some());
        out.write_all(b"row").unwrap();
        assert!(out.display.thread.is_none());
        assert_eq!(out.out, b"row");
    }

    #[test]
    fn a_preview_leaves_room_for_the_line_below() {
        let preview = PreviewText::default();
        preview.set("a\nb\nc\n", 5);
        assert_eq!(*preview.lock(), "a\nb\n");
        preview.set("a\nb\nc\n", 2);
        assert_eq!(*preview.lock(), "");
    }

    #[test]
    fn a_search_tells_events_and_rows() {
        let line = search_line(&trawl_query::Progress::default(), Duration::from_millis(3_200));
        assert_eq!(line, "0 of 0 events, 3.2 s");
    }
}

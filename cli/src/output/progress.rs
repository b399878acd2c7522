//! The progress of `trawl index`: a bar with rate and remaining time, on a terminal only.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, sync::Arc, thread};
use trawl_indexer::Progress;

/// How often the bar is drawn anew: smooth to look at, and nothing beside the work.
const REDRAW: Duration = Duration::from_millis(100);
const TEMPLATE: &str =
    "{bar:24} {percent:>3}%  {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left  {msg}";

/// Draws the progress of a run from a thread of its own, until it is dropped.
pub struct ProgressDisplay {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl ProgressDisplay {
    /// Starts drawing on the standard error; draws nothing if that `is_terminal` not.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(progress: Arc<Progress>, is_terminal: bool) -> io::Result<Self> {
        if !is_terminal {
            return Ok(Self { stop: None, thread: None });
        }
        let (stop, stopped) = mpsc::channel();
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        bar.set_style(ProgressStyle::with_template(TEMPLATE).expect("the template is valid").progress_chars("=> "));
        let draw = move || {
            while stopped.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                bar.set_length(progress.total_bytes());
                bar.set_position(progress.done_bytes());
                bar.set_message(format!(
                    "{} of {} files, {} events",
                    progress.done_files(),
                    progress.total_files(),
                    progress.events()
                ));
            }
            bar.finish_and_clear();
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

//! Ctrl-C: the first asks the work to stop, the second stops the process.

use crate::exit_code::ExitCode;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Whether somebody pressed Ctrl-C (or sent SIGTERM).
#[derive(Clone, Debug, Default)]
pub struct Interrupted(Arc<AtomicBool>);

impl Interrupted {
    /// Calls `cancel` at the first signal and ends the process at the second. The thread that waits for them lives as
    /// long as the process.
    ///
    /// # Errors
    /// If the signals cannot be watched.
    pub fn watch(cancel: impl Fn() + Send + 'static) -> io::Result<Self> {
        let interrupted = Self::default();
        let flag = interrupted.clone();
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for _ in signals.forever() {
                if flag.0.swap(true, Ordering::Relaxed) {
                    std::process::exit(ExitCode::Interrupted.as_u8().into());
                }
                cancel();
            }
        })?;
        Ok(interrupted)
    }

    /// Whether it happened.
    pub fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

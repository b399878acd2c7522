//! Ctrl-C: the first asks the work to stop, the second stops the process. At a prompt it stops the search alone, and SIGTERM
//! ends the process with the terminal as it was.

use crate::exit_code::ExitCode;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use trawl_query::Cancel;

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
        listen(move |_| flag.happens(&cancel))?;
        Ok(interrupted)
    }

    /// Whether it happened.
    pub fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn happens(&self, cancel: impl Fn()) {
        if self.0.swap(true, Ordering::Relaxed) {
            end_process();
        }
        cancel();
    }
}

/// The search that a prompt runs at present, which Ctrl-C stops; without one Ctrl-C does nothing. SIGTERM ends the process,
/// once the search has stopped.
#[derive(Clone, Debug, Default)]
pub struct Foreground {
    running: Arc<Mutex<Option<Running>>>,
    is_terminated: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Running {
    cancel: Arc<Cancel>,
    interrupted: Interrupted,
}

/// How the terminal was before a line editor took it over, if the standard input is one.
struct TerminalMode(Option<Termios>);

impl TerminalMode {
    fn of_stdin() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }

    fn restore(&self) {
        if let Some(mode) = &self.0 {
            // The process ends: where the terminal is gone, there is nothing to restore.
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, mode);
        }
    }
}

impl Foreground {
    /// Nothing runs yet, and no line editor has changed the terminal.
    ///
    /// # Errors
    /// If the signals cannot be watched.
    pub fn watch() -> io::Result<Self> {
        let foreground = Self::default();
        let watched = foreground.clone();
        let mode = TerminalMode::of_stdin();
        listen(move |signal| {
            let running = watched.lock();
            watched.is_terminated.fetch_or(signal == SIGTERM, Ordering::Relaxed);
            match &*running {
                Some(running) => running.interrupted.happens(|| running.cancel.request()),
                None if signal == SIGTERM => {
                    mode.restore();
                    end_process()
                }
                None => {}
            }
        })?;
        Ok(foreground)
    }

    /// A search begins that `cancel` stops.
    pub fn begin(&self, cancel: Arc<Cancel>) -> Interrupted {
        let interrupted = Interrupted::default();
        *self.lock() = Some(Running { cancel, interrupted: interrupted.clone() });
        interrupted
    }

    /// The search is over. Whether the process is to end too.
    pub fn end(&self) -> bool {
        *self.lock() = None;
        self.is_terminated.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a process that runs for months is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceSignal {
    /// To end (SIGTERM, Ctrl-C).
    Stop,
    /// To read its configuration again (SIGHUP).
    Reload,
}

/// Signals of a process that runs for months.
#[derive(Clone, Default)]
pub struct Service(Arc<Mutex<ServiceState>>);

#[derive(Default)]
struct ServiceState {
    signal: Option<ServiceSignal>,
    interrupt: Option<Box<dyn Fn() + Send>>,
}

impl Service {
    /// Waits for signals from now on. The second that asks to end ends the process.
    ///
    /// # Errors
    /// If the signals cannot be watched.
    pub fn watch() -> io::Result<Self> {
        let service = Self::default();
        let watched = service.clone();
        listen_to(&[SIGINT, SIGTERM, SIGHUP], move |signal| {
            let mut state = watched.lock();
            if signal == SIGHUP {
                state.signal.get_or_insert(ServiceSignal::Reload);
            } else if state.signal.replace(ServiceSignal::Stop) == Some(ServiceSignal::Stop) {
                end_process();
            }
            state.interrupt.iter().for_each(|interrupt| interrupt());
        })?;
        Ok(service)
    }

    /// From now on a signal calls `interrupt`, at once if one has come already.
    pub fn direct_to(&self, interrupt: impl Fn() + Send + 'static) {
        let mut state = self.lock();
        if state.signal.is_some() {
            interrupt();
        }
        state.interrupt = Some(Box::new(interrupt));
    }

    /// What was asked for. A wish to end stays.
    pub fn take(&self) -> Option<ServiceSignal> {
        let mut state = self.lock();
        match state.signal {
            Some(ServiceSignal::Reload) => state.signal.take(),
            other => other,
        }
    }

    fn lock(&self) -> MutexGuard<'_, ServiceState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(on_signal: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    listen_to(&[SIGINT, SIGTERM], on_signal)
}

fn listen_to(signals: &[i32], on_signal: impl FnMut(i32) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new(signals)?;
    let wait = move || signals.forever().for_each(on_signal);
    thread::Builder::new().name("signals".to_owned()).spawn(wait)?;
    Ok(())
}

fn end_process() -> ! {
    std::process::exit(ExitCode::Interrupted.as_u8().into())
}

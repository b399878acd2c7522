//! Processor time and memory as the operating system counts them.

use std::io;
use std::time::Duration;

/// Whose usage is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// This process with all its threads.
    Myself,
    /// Child processes that have ended.
    Children,
}

/// What was used up to now.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Largest resident set, bytes. For children: of the largest one.
    pub peak_bytes: u64,
}

/// Asks the operating system.
///
/// # Errors
/// If it does not answer, which it always does on Linux.
pub fn usage(who: Who) -> io::Result<Usage> {
    let who = match who {
        Who::Myself => libc::RUSAGE_SELF,
        Who::Children => libc::RUSAGE_CHILDREN,
    };
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is to a buffer of the right type, which the call fills when it returns 0.
    let usage = unsafe {
        if libc::getrusage(who, usage.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        usage.assume_init()
    };
    let time = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    // Linux counts in KiB.
    Ok(Usage { cpu: time(usage.ru_utime) + time(usage.ru_stime), peak_bytes: usage.ru_maxrss.unsigned_abs() * 1024 })
}

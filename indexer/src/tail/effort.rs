//! What something has taken, and how long to rest after it, so that it takes its share of the time and no more.

use std::time::{Duration, Instant};

/// Of the time on the clock, whatever waits for a disk or a server takes at most half as much as it rests.
const WALL_SHARE: u32 = 2;

/// Something that this thread does.
pub(super) struct Effort {
    begun: Instant,
    cpu: Duration,
}

impl Effort {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), cpu: cpu_time() }
    }

    /// How long to rest after it, so that it takes one `share`th of a processor. That a busy machine has kept it waiting does
    /// not count as much: else a moment's stall would make it rest for minutes.
    pub(super) fn rest(&self, share: u32) -> Duration {
        rest(cpu_time().saturating_sub(self.cpu), self.begun.elapsed(), share)
    }
}

fn rest(cpu: Duration, wall: Duration, share: u32) -> Duration {
    (cpu * share).max(wall * WALL_SHARE)
}

/// Processor time of this thread so far.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a call that writes to the value given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_is_not_made_up_for_by_a_rest_of_minutes() {
        let ms = Duration::from_millis;
        assert_eq!(rest(ms(20), ms(20), 200), ms(4000));
        // The machine was busy with something else.
        assert_eq!(rest(ms(1), ms(2000), 500), ms(4000));
    }

    #[test]
    fn only_this_threads_work_counts() {
        let effort = Effort::begin();
        let mut n = 1_u64;
        while cpu_time() < effort.cpu + Duration::from_millis(5) {
            n = std::hint::black_box(n.wrapping_mul(3));
        }
        assert!(effort.rest(1000) >= Duration::from_secs(5));
    }
}

//! The clocks of the host: the one on the wall, which may be set, and the one that counts from its start, which may not;
//! and the word of the kernel that the first one was set.

use std::io;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tracing::warn;

/// How long the host has been up, sleep included.
pub(crate) fn since_boot() -> Duration {
    let up = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(up.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(up.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

/// Names this run of the host. `None`: it does not say.
pub(crate) fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned())
}

/// Tells when the wall clock was set, without asking it again and again.
#[derive(Debug)]
pub(crate) struct ClockChanges(Option<AsyncFd<OwnedFd>>);

/// Where the kernel does not tell, the clock is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(30);

impl ClockChanges {
    /// # Panics
    /// Outside a tokio runtime with IO.
    pub(crate) fn new() -> Self {
        #[expect(
            deprecated,
            reason = "what replaces it is unsafe, for types that may close their descriptor; an OwnedFd keeps it"
        )]
        let timer = timer().and_then(AsyncFd::new);
        if let Err(error) = &timer {
            warn!(%error, "the host does not tell when its clock is set; it is looked at every 30 s");
        }
        Self(timer.ok())
    }

    /// Returns when the wall clock may have been set. May be dropped and awaited anew.
    pub(crate) async fn next(&self) {
        let Some(timer) = &self.0 else {
            return tokio::time::sleep(LOOK_EVERY).await;
        };
        loop {
            let Ok(mut ready) = timer.readable().await else {
                return tokio::time::sleep(LOOK_EVERY).await;
            };
            let mut expirations = [0; 8];
            match rustix::io::read(timer, &mut expirations) {
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                // CANCELED: the clock was set. A timer that has run out is as good a reason to look.
                _ => {
                    ready.clear_ready();
                    if arm(timer.get_ref()).is_err() {
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                    return;
                }
            }
        }
    }
}

fn timer() -> io::Result<OwnedFd> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
    arm(&timer)?;
    Ok(timer)
}

/// It never runs out: what it is there for is to be canceled.
fn arm(timer: &OwnedFd) -> io::Result<()> {
    // The year 2255; the kernel counts to 2262.
    const NEVER: Timespec = Timespec {
        tv_sec: 9_000_000_000,
        tv_nsec: 0,
    };
    let when = Itimerspec {
        it_interval: Timespec::default(),
        it_value: NEVER,
    };
    let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
    timerfd_settime(timer, flags, &when)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clock_that_nobody_sets_gives_no_sign() {
        let changes = ClockChanges::new();
        let sign = tokio::time::timeout(Duration::from_millis(50), changes.next());
        assert!(sign.await.is_err());
    }

    #[test]
    fn the_time_since_boot_goes_on() {
        let (first, second) = (since_boot(), since_boot());
        assert!(!first.is_zero() && second >= first);
    }
}

//! Requests per key and second: a token bucket each (`limits.key_rps`, `limits.key_burst`).
//!
//! [`Bucket`] is arithmetic; [`Buckets`] holds one per key and reads the clock. Nothing of it outlives the process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::KeyHash;

/// All buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    /// `None`: no limit.
    rate: Mutex<Option<Rate>>,
    by_key: Mutex<HashMap<KeyHash, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    per_second: f64,
    burst: f64,
}

/// What one key has left.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bucket {
    tokens: f64,
    counted_at: Instant,
}

/// Far more keys than a gateway has. When it is reached, those that were quiet long enough to be full are dropped,
/// which changes nothing for them.
const MOST_KEYS: usize = 4096;

impl Buckets {
    pub(super) fn new(per_second: Option<u32>, burst: Option<u32>) -> Self {
        Self {
            rate: Mutex::new(Rate::of(per_second, burst)),
            by_key: Mutex::default(),
        }
    }

    /// Holds for the next request; what a key has left is cut to the new burst.
    pub(super) fn set_rate(&self, per_second: Option<u32>, burst: Option<u32>) {
        let rate = Rate::of(per_second, burst);
        *self.rate.lock().unwrap_or_else(PoisonError::into_inner) = rate;
    }

    /// # Errors
    /// How long until the next request of this key passes.
    pub(super) fn take(&self, key: KeyHash) -> Result<(), Duration> {
        let rate = *self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rate) = rate else {
            return Ok(());
        };
        let now = Instant::now();
        // A map of plain numbers is whole at every line below.
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if by_key.len() >= MOST_KEYS && !by_key.contains_key(&key) {
            make_room(&mut by_key, now, rate);
        }
        by_key
            .entry(key)
            .or_insert_with(|| Bucket::full(now, rate))
            .take(now, rate)
    }
}

impl Rate {
    /// `None`: no limit.
    fn of(per_second: Option<u32>, burst: Option<u32>) -> Option<Self> {
        let (per_second, burst) = per_second.zip(burst)?;
        Some(Self {
            per_second: per_second.into(),
            burst: burst.into(),
        })
    }
}

fn make_room(by_key: &mut HashMap<KeyHash, Bucket>, now: Instant, rate: Rate) {
    by_key.retain(|_, bucket| !bucket.is_full(now, rate));
    if by_key.len() < MOST_KEYS {
        return;
    }
    let quietest = by_key.iter().min_by_key(|(_, bucket)| bucket.counted_at);
    if let Some(quietest) = quietest.map(|(key, _)| *key) {
        by_key.remove(&quietest);
    }
}

impl Bucket {
    fn full(now: Instant, rate: Rate) -> Self {
        Self {
            tokens: rate.burst,
            counted_at: now,
        }
    }

    fn tokens_at(&self, now: Instant, rate: Rate) -> f64 {
        let passed = now.saturating_duration_since(self.counted_at);
        (self.tokens + passed.as_secs_f64() * rate.per_second).min(rate.burst)
    }

    fn is_full(&self, now: Instant, rate: Rate) -> bool {
        self.tokens_at(now, rate) >= rate.burst
    }

    fn take(&mut self, now: Instant, rate: Rate) -> Result<(), Duration> {
        let tokens = self.tokens_at(now, rate);
        self.counted_at = now;
        self.tokens = tokens;
        if tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - tokens) / rate.per_second));
        }
        self.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let rate = Rate {
            per_second: 2.0,
            burst: 3.0,
        };
        let start = Instant::now();
        let mut bucket = Bucket::full(start, rate);
        for (at, expected) in [
            (0, Ok(())),
            (0, Ok(())),
            (0, Ok(())),
            (0, Err(500)),
            (250, Err(250)),
            (500, Ok(())),
            (500, Err(500)),
            // A minute later no more than the burst has gathered.
            (60_000, Ok(())),
            (60_000, Ok(())),
            (60_000, Ok(())),
            (60_000, Err(500)),
        ] {
            let taken = bucket.take(start + Duration::from_millis(at), rate);
            assert_eq!(taken, expected.map_err(Duration::from_millis), "at {at} ms");
        }
    }

    #[test]
    fn a_rate_that_is_read_again_holds_for_the_next_request() {
        let buckets = Buckets::new(Some(1), Some(5));
        let key = KeyHash::of("one");
        assert_eq!(buckets.take(key), Ok(()));
        buckets.set_rate(Some(1), Some(1));
        assert_eq!(buckets.take(key), Ok(()));
        assert!(buckets.take(key).is_err());
        buckets.set_rate(None, None);
        assert_eq!(buckets.take(key), Ok(()));
    }

    #[test]
    fn keys_do_not_share_a_bucket() {
        let buckets = Buckets::new(Some(1), Some(1));
        let (one, other) = (KeyHash::of("one"), KeyHash::of("other"));
        assert_eq!(buckets.take(one), Ok(()));
        assert!(buckets.take(one).is_err());
        assert_eq!(buckets.take(other), Ok(()));
    }

    #[test]
    fn no_rate_or_no_burst_is_no_limit() {
        for (rps, burst) in [(None, Some(1)), (Some(1), None)] {
            let buckets = Buckets::new(rps, burst);
            assert!((0..10).all(|_| buckets.take(KeyHash::of("one")).is_ok()));
        }
    }

    #[test]
    fn the_map_of_keys_is_bounded() {
        let buckets = Buckets::new(Some(1), Some(1));
        for number in 0..MOST_KEYS + 100 {
            assert_eq!(buckets.take(KeyHash::of(&number.to_string())), Ok(()));
        }
        assert!(buckets.by_key.lock().unwrap().len() <= MOST_KEYS);
    }
}

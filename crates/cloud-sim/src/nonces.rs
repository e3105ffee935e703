//! **Nonces**: those that were seen, for as long as a request with one could still be in time.

use std::collections::{HashSet, VecDeque};

#[derive(Debug, Default)]
pub(crate) struct Nonces {
    seen: HashSet<String>,
    by_time: VecDeque<(u64, String)>,
}

impl Nonces {
    /// False: it was there already.
    pub(crate) fn note(&mut self, nonce: &str, now: u64) -> bool {
        while let Some((at, _)) = self.by_time.front()
            && (at + Self::KEPT_MS < now || self.by_time.len() >= Self::MOST)
        {
            if let Some((_, old)) = self.by_time.pop_front() {
                self.seen.remove(&old);
            }
        }
        let is_new = self.seen.insert(nonce.to_owned());
        if is_new {
            self.by_time.push_back((now, nonce.to_owned()));
        }
        is_new
    }

    const KEPT_MS: u64 = 30 * 60 * 1000;
    const MOST: usize = 100_000;
}

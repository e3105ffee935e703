//! **Timeline**: what will happen, in order of time; two things due together happen in the order they were put.

use std::collections::BTreeMap;
use std::time::Instant;

#[derive(Debug)]
pub(crate) struct Timeline<T> {
    events: BTreeMap<(Instant, u64), T>,
    next: u64,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self {
            events: BTreeMap::new(),
            next: 0,
        }
    }
}

impl<T> Timeline<T> {
    pub(crate) fn put(&mut self, due: Instant, event: T) {
        self.events.insert((due, self.next), event);
        self.next += 1;
    }

    /// The earliest event whose time has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<T> {
        let entry = self.events.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.events.first_key_value().map(|((due, _), _)| *due)
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Takes out, in order, every event that is not to be kept.
    pub(crate) fn extract(&mut self, mut unwanted: impl FnMut(&T) -> bool) -> Vec<T> {
        self.events
            .extract_if(.., |_, event| unwanted(event))
            .map(|(_, event)| event)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_due_together_happens_in_the_order_it_was_put() {
        let start = Instant::now();
        let mut timeline = Timeline::default();
        timeline.put(start + Duration::from_secs(2), "late");
        timeline.put(start, "first");
        timeline.put(start, "second");

        assert_eq!(timeline.take_due(start), Some("first"));
        assert_eq!(timeline.take_due(start), Some("second"));
        assert_eq!(timeline.take_due(start), None);
        assert_eq!(timeline.next_due(), Some(start + Duration::from_secs(2)));
    }
}

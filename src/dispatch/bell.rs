//! The bell: "look again", and at what. It carries no work; work is a row.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::{Crowd, Priority, UnixMillis};

/// Wakes dispatch. However often it is rung before dispatch looks, it looks once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bell(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    notify: Notify,
    news: Mutex<News>,
}

/// What the bell was rung for since somebody last looked.
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    /// There may be anything.
    pub(super) is_open: bool,
    /// Lines that somebody joined at their end.
    pub(super) joined: Vec<(Priority, Crowd)>,
    /// When the first of what came must be looked at: the end of its hold, or of its time to live.
    pub(super) due: Option<UnixMillis>,
}

/// More lines than these are as good as anything.
const MOST_LINES: usize = 32;

impl Bell {
    /// Look at everything.
    pub(crate) fn ring(&self) {
        self.tell(|news| news.is_open = true);
    }

    /// A message was accepted: at the end of this line, or into none as yet, and something of it is due at `due`.
    pub(crate) fn ring_for(&self, line: Option<(Priority, Crowd)>, due: UnixMillis) {
        self.tell(|news| {
            news.due = [news.due, Some(due)].into_iter().flatten().min();
            if let Some(line) = line
                && !news.joined.contains(&line)
            {
                news.is_open |= news.joined.len() == MOST_LINES;
                if !news.is_open {
                    news.joined.push(line);
                }
            }
        });
    }

    fn tell(&self, change: impl FnOnce(&mut News)) {
        // Each change is whole: a panic elsewhere leaves none half done.
        change(&mut self.0.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.notify.notify_one();
    }

    pub(super) async fn rung(&self) -> News {
        self.0.notify.notified().await;
        std::mem::take(&mut *self.0.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn however_often_it_is_rung_there_is_one_look_that_knows_all() {
        let bell = Bell::default();
        let line = |class| (Priority(class), Crowd::ANYBODY);
        bell.ring_for(Some(line(2)), UnixMillis(9));
        bell.ring_for(Some(line(2)), UnixMillis(7));
        bell.ring_for(Some(line(0)), UnixMillis(8));
        bell.ring_for(None, UnixMillis(8));
        let expected = News {
            is_open: false,
            joined: vec![line(2), line(0)],
            due: Some(UnixMillis(7)),
        };
        assert_eq!(bell.rung().await, expected);
        bell.ring();
        assert!(bell.rung().await.is_open);
    }

    #[tokio::test]
    async fn what_it_remembers_is_bounded() {
        let bell = Bell::default();
        for crowd in 0..1_000 {
            bell.ring_for(Some((Priority(0), Crowd(crowd))), UnixMillis(1));
        }
        let news = bell.rung().await;
        assert!(news.is_open && news.joined.len() <= MOST_LINES);
    }
}

//! Asks providers what became of texts that they were given: whether they have one that nobody knows of, and what became
//! of one of which no report has come (semantics §6).
//!
//! Sleeps until the next question is due. What is asked when is in the store, so a restart forgets no question.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::dispatch::Bell;
use crate::domain::attempt::{Fate, Found, Inquirer, Sought};
use crate::domain::{Addressee, Clock, RouteName, UnixMillis};
use crate::store::{Store, StoreError, StoredText, ToAsk, Told};

/// What the loop stands between.
pub(crate) struct Asking {
    pub(crate) store: Store,
    pub(crate) providers: BTreeMap<RouteName, Arc<dyn Inquirer>>,
    /// A new question was written.
    pub(crate) questions: Arc<Notify>,
    /// What did not leave stands in line again.
    pub(crate) bell: Bell,
    pub(crate) clock: Clock,
}

/// Questions under way at once.
const WIDTH: usize = 4;
/// A provider that has taken a text shows it by then; one that does not show it does not have it.
const SURELY_SHOWN: Duration = Duration::from_secs(30);
const AFTER_DISK: Duration = Duration::from_secs(5);
/// The wall clock may be set: it is looked at again after this time at the latest.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

impl Asking {
    pub(crate) async fn run(self, stop: CancellationToken) {
        if self.providers.is_empty() {
            return;
        }
        loop {
            let sleep = match self.round().await {
                Ok(next) => next.map_or(LONGEST_SLEEP, |at| at.since((self.clock)())),
                Err(error) => {
                    warn!(%error, "what is to be asked of providers could not be read or written");
                    AFTER_DISK
                }
            };
            tokio::select! {
                () = tokio::time::sleep(sleep.min(LONGEST_SLEEP)) => {}
                () = self.questions.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Asks what is due; answers when the next question is.
    async fn round(&self) -> Result<Option<UnixMillis>, StoreError> {
        let (due, next) = self.store.to_ask((self.clock)()).await?;
        let asked: Vec<Result<Option<UnixMillis>, StoreError>> = stream::iter(due)
            .map(|one| self.ask(one))
            .buffer_unordered(WIDTH)
            .collect()
            .await;
        let again = asked.into_iter().collect::<Result<Vec<_>, _>>()?;
        // What was answered just now may be asked again before anything else is due.
        Ok(again.into_iter().flatten().chain(next).min())
    }

    /// Answers when it is asked again.
    async fn ask(&self, one: ToAsk) -> Result<Option<UnixMillis>, StoreError> {
        let found = self.answer_to(&one).await;
        let now = (self.clock)();
        let (told, next) = conclusion(&one, found, now);
        if one.is_in_doubt {
            say(&one, &told);
        }
        let goes_again = matches!(told, Told::HasNot);
        self.store
            .told(one.attempt, one.route, told, next, now)
            .await?;
        if goes_again {
            self.bell.ring();
        }
        Ok(next)
    }

    /// `None`: nobody can be asked.
    async fn answer_to(&self, one: &ToAsk) -> Option<Found> {
        let provider = self.providers.get(&one.route)?;
        let Addressee::Known(to) = &one.to else {
            return None;
        };
        let open = |text: &StoredText| text.open(&one.message, self.store.pepper()).ok();
        let body = one.text.as_ref().and_then(open);
        let sought = Sought {
            attempt: one.attempt,
            id: one.id.as_deref(),
            to,
            body: body.as_ref(),
            sent_at: one.sent_at,
        };
        provider.ask(sought).await
    }
}

/// What an answer comes to, and when the provider is asked again.
fn conclusion(one: &ToAsk, found: Option<Found>, now: UnixMillis) -> (Told, Option<UnixMillis>) {
    let again = || next_question(one, now);
    match found {
        None => (Told::Nothing, None),
        Some(Found::Yes(taken, delivery)) => {
            let is_over = delivery
                .as_ref()
                .is_some_and(|delivery| delivery.fate != Fate::Sent);
            let next = if is_over { None } else { again() };
            (Told::Has(taken, delivery.map(Box::new)), next)
        }
        Some(Found::No) if !one.is_in_doubt => (Told::Nothing, None),
        Some(Found::No) if now.since(one.sent_at) >= SURELY_SHOWN => (Told::HasNot, None),
        Some(Found::No | Found::NotSaid(_)) => (Told::Nothing, again()),
    }
}

/// Soon while nobody knows whether it left; then rarely, and as long as an answer counts.
fn next_question(one: &ToAsk, now: UnixMillis) -> Option<UnixMillis> {
    const IN_DOUBT: [u64; 6] = [3, 5, 10, 11, 10, 60];
    const TAKEN: [u64; 6] = [60, 180, 600, 1800, 7200, 21_600];
    let waits = if one.is_in_doubt { IN_DOUBT } else { TAKEN };
    let place = usize::try_from(one.asked).unwrap_or(usize::MAX);
    let wait = waits[place.min(waits.len() - 1)];
    let next = now.plus(Duration::from_secs(wait));
    one.closes_at
        .is_none_or(|closes| next <= closes)
        .then_some(next)
}

fn say(one: &ToAsk, told: &Told) {
    match told {
        Told::Has(..) => {
            info!(message_id = %one.message, route = one.route.as_str(), "the provider was asked, and has it");
        }
        Told::HasNot => {
            info!(message_id = %one.message, route = one.route.as_str(), "the provider was asked, and does not have it");
        }
        Told::Nothing => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{AttemptId, Taken};
    use crate::domain::{Destination, MessageId, MessageSeq, Ticket};

    fn to_ask(is_in_doubt: bool, asked: u32) -> ToAsk {
        ToAsk {
            attempt: AttemptId {
                message: MessageSeq(1),
                ticket: Ticket(1),
            },
            route: RouteName::parse("cloud:a").unwrap(),
            message: MessageId::of_single(MessageSeq(1), UnixMillis(0)),
            id: None,
            to: Addressee::Known(Destination::stored("+8613800138000").unwrap()),
            text: None,
            sent_at: UnixMillis(0),
            asked,
            is_in_doubt,
            closes_at: None,
        }
    }

    fn at(seconds: i64) -> UnixMillis {
        UnixMillis(seconds * 1000)
    }

    #[test]
    fn what_is_not_found_at_once_may_only_not_be_shown_yet() {
        let early = conclusion(&to_ask(true, 0), Some(Found::No), at(29));
        assert!(matches!(early, (Told::Nothing, Some(next)) if next == at(32)));
        let late = conclusion(&to_ask(true, 4), Some(Found::No), at(30));
        assert!(matches!(late, (Told::HasNot, None)));
    }

    #[test]
    fn a_text_in_doubt_is_asked_about_until_half_a_minute_is_over_and_never_in_a_loop() {
        let mut now = 2;
        for asked in 0..5 {
            let (told, next) = conclusion(
                &to_ask(true, asked),
                Some(Found::NotSaid("503".into())),
                at(now),
            );
            assert!(matches!(told, Told::Nothing));
            now = next.unwrap().0 / 1000;
        }
        assert!((30..45).contains(&now), "{now}");
    }

    #[test]
    fn a_final_word_ends_the_questions_and_so_does_the_end_of_the_window() {
        let found = |fate| {
            Found::Yes(
                Taken::default(),
                Some(crate::domain::attempt::Delivery {
                    attempt: None,
                    id: None,
                    recipient: None,
                    fate,
                    detail: None,
                    at: None,
                    price: None,
                }),
            )
        };
        let asked = to_ask(false, 1);
        assert_eq!(
            conclusion(&asked, Some(found(Fate::Delivered)), at(9)).1,
            None
        );
        assert_eq!(
            conclusion(&asked, Some(found(Fate::Sent)), at(9)).1,
            Some(at(189))
        );
        let closed = ToAsk {
            closes_at: Some(at(100)),
            ..asked
        };
        assert_eq!(conclusion(&closed, Some(found(Fate::Sent)), at(9)).1, None);
    }

    #[test]
    fn nobody_to_ask_is_no_answer_and_no_question() {
        assert!(matches!(
            conclusion(&to_ask(true, 0), None, at(99)),
            (Told::Nothing, None)
        ));
    }
}

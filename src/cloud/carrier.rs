//! One account at one provider, as dispatch drives it: each go becomes one request, each request one answer.
//!
//! A request is written once. Whatever happens to it then, it is not written again from here.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use super::{
    Callback, Cause, Disbelief, Found, Moment, Outgoing, Provider, Refusal, Sought, Thanks, Verdict,
};
use crate::domain::attempt::{Delivery, Inquirer};
use crate::domain::callback::CallbackReader;
use crate::domain::carrier::Answer;
use crate::domain::{
    Blame, Carrier, Clock, Outcome, RouteName, Setback, Stopped, Submit, Ticket, Word,
};
use crate::https::{CallError, Client};

/// What an account is made of.
pub(crate) struct Parts {
    pub(crate) route: RouteName,
    pub(crate) provider: Box<dyn Provider>,
    pub(crate) client: Client,
    /// Of a whole request, from the first octet to the last of its answer.
    pub(crate) timeout: Duration,
    pub(crate) clock: Clock,
}

/// One account at one provider. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Account(Arc<Parts>);

/// What dispatch holds of it.
pub(crate) struct CloudCarrier {
    account: Account,
    /// Handed over, and not gone. No more than the route is wide.
    prepared: Mutex<HashMap<Ticket, Box<Submit>>>,
    answers: mpsc::Sender<Answer>,
    requests: TaskTracker,
    stop: CancellationToken,
}

impl Account {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn route(&self) -> &RouteName {
        &self.0.route
    }

    /// `stop`: what is under way then is uncertain. `requests`: whoever stops waits for them.
    pub(crate) fn carrier(
        &self,
        answers: mpsc::Sender<Answer>,
        requests: TaskTracker,
        stop: CancellationToken,
    ) -> CloudCarrier {
        CloudCarrier {
            account: self.clone(),
            prepared: Mutex::default(),
            answers,
            requests,
            stop,
        }
    }

    async fn send(&self, submit: &Submit) -> Outcome {
        let text = Outgoing {
            attempt: submit.attempt(),
            to: &submit.to,
            body: &submit.body,
            encoding: submit.encoding,
            made_of: submit.made_of.as_ref(),
            validity: submit.validity,
            flash: submit.flash,
            wants_report: submit.request_report,
        };
        let request = match self.0.provider.send(&text, &moment(&self.0.clock)) {
            Ok(request) => request,
            Err(unfit) => {
                return Outcome::Refused(setback(Blame::Message, "provider_rejected", unfit.0));
            }
        };
        let began = Instant::now();
        match self.0.client.call(request, self.0.timeout).await {
            Ok(answer) => self.outcome(self.0.provider.verdict(&answer), began.elapsed()),
            Err(CallError::NotWritten(why)) => {
                Outcome::NeverLeft(setback(Blame::Modem, "provider_unreachable", why))
            }
            Err(CallError::Lost(why)) => {
                Outcome::Uncertain(setback(Blame::Modem, "timeout_uncertain", why))
            }
        }
    }

    fn outcome(&self, verdict: Verdict, took: Duration) -> Outcome {
        match verdict {
            Verdict::Accepted(taken) => Outcome::Accepted {
                reference: None,
                took,
                taken: Some(Box::new(taken)),
            },
            Verdict::Refused(refusal) => {
                tell_the_operator(&self.0.route, &refusal);
                Outcome::Refused(refused(refusal))
            }
            Verdict::Unknown(why) => {
                Outcome::Uncertain(setback(Blame::Modem, "timeout_uncertain", why))
            }
        }
    }
}

/// What nobody but the operator can mend is said where the operator looks.
pub(super) fn tell_the_operator(route: &RouteName, refusal: &Refusal) {
    let (route, said) = (route.as_str(), refusal.said.as_str());
    match refusal.cause {
        Cause::Clock => error!(
            route,
            said,
            "the provider refuses this machine's clock: set it (timedatectl, or an NTP service)"
        ),
        Cause::Config => error!(
            route,
            said, "the provider refuses the account, sender or sign name of this section"
        ),
        Cause::Funds => error!(route, said, "the account at the provider has no funds left"),
        Cause::Template => warn!(route, said, "the provider knows no such template"),
        _ => {}
    }
}

/// Of a request that is made now.
pub(super) fn moment(clock: &Clock) -> Moment {
    Moment {
        now: clock(),
        nonce: format!("{:032x}", rand::random::<u128>()),
    }
}

/// What a provider's no means for the message and for the route (semantics §1, §5).
fn refused(refusal: Refusal) -> Setback {
    let (blame, code) = match refusal.cause {
        Cause::Template | Cause::Params | Cause::Other => (Blame::Message, "provider_rejected"),
        Cause::Number => (Blame::Recipient, "invalid_destination"),
        Cause::Busy => (Blame::Network, "provider_rejected"),
        Cause::NumberLimit => (Blame::Frequency, "provider_rejected"),
        Cause::Funds | Cause::Config | Cause::Clock => (Blame::Account, "provider_config"),
        Cause::OptedOut => (Blame::Recipient, "suppressed"),
    };
    let said = match refusal.cause {
        // For whoever reads the message, too: nothing is wrong with that.
        Cause::Clock => format!("this machine's clock is wrong: {}", refusal.said),
        _ => refusal.said,
    };
    Setback {
        wait: refusal.wait,
        ..setback(blame, code, said)
    }
}

fn setback(blame: Blame, code: &'static str, detail: String) -> Setback {
    Setback {
        blame,
        code,
        detail,
        wait: None,
    }
}

impl CloudCarrier {
    fn prepared<T>(&self, look: impl FnOnce(&mut HashMap<Ticket, Box<Submit>>) -> T) -> T {
        look(&mut self.prepared.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Each answer is given, however full the way is: dispatch waits for it.
    fn answer(&self, ticket: Ticket, outcome: impl Future<Output = Outcome> + Send + 'static) {
        let (answers, stop) = (self.answers.clone(), self.stop.clone());
        self.requests.spawn(async move {
            let outcome = tokio::select! {
                outcome = outcome => outcome,
                () = stop.cancelled() => Outcome::Uncertain(setback(
                    Blame::Modem,
                    "timeout_uncertain",
                    "the gateway stopped before the provider answered".into(),
                )),
            };
            // Dispatch has ended before its carriers only in a panic.
            let _ = answers.send(Answer { ticket, outcome }).await;
        });
    }
}

impl Carrier for CloudCarrier {
    fn say(&self, word: Word) -> Result<(), Stopped> {
        match word {
            Word::Prepare(submit) => {
                self.prepared(|prepared| prepared.insert(submit.ticket, submit));
            }
            Word::Go(ticket) => {
                let Some(submit) = self.prepared(|prepared| prepared.remove(&ticket)) else {
                    return Ok(());
                };
                let account = self.account.clone();
                self.answer(ticket, async move { account.send(&submit).await });
            }
            Word::Withdraw(ticket) => {
                if self.prepared(|prepared| prepared.remove(&ticket)).is_some() {
                    let never = setback(Blame::Modem, "provider_unreachable", "withdrawn".into());
                    self.answer(ticket, async { Outcome::NeverLeft(never) });
                }
            }
        }
        Ok(())
    }
}

impl Inquirer for Account {
    fn ask<'a>(
        &'a self,
        sought: Sought<'a>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Option<Found>> + Send + 'a>> {
        Box::pin(async move {
            let request = self.0.provider.ask(&sought, &moment(&self.0.clock))?;
            Some(match self.0.client.call(request, self.0.timeout).await {
                Ok(answer) => self.0.provider.found(&sought, &answer),
                Err(lost) => Found::NotSaid(lost.to_string()),
            })
        })
    }
}

impl CallbackReader for Account {
    fn read(&self, callback: &Callback<'_>) -> Result<Vec<Delivery>, Disbelief> {
        self.0.provider.read(callback)
    }

    fn thanks(&self) -> Thanks {
        self.0.provider.thanks()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.0.route).finish()
    }
}

impl fmt::Debug for CloudCarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CloudCarrier")
            .field(self.account.route())
            .finish()
    }
}

//! What a SIM has left: asked of the network by a code and a schedule, and told when it is low.
//!
//! The network is asked at most once within `balance_every`, restarts included: that it is asked is a row before it is. What
//! did not go out, because texts went first or the modem was away, does not count.

use std::collections::HashMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{BalanceFigure, BalanceRule, Care, TRY_AGAIN, amount, rest};
use crate::dispatch::{Inquiry, Question, Told, Unanswered, UssdAnswer, UssdStatus, Wish};
use crate::domain::{ModemName, Money, SimId, UnixMillis};
use crate::store::BalanceEntry;

pub(super) struct Balances<'a> {
    care: &'a Care,
    /// When each SIM is asked next.
    due: HashMap<SimId, UnixMillis>,
    /// Whose balance is shown beside each modem.
    shown: HashMap<ModemName, SimId>,
}

impl<'a> Balances<'a> {
    pub(super) fn of(care: &'a Care) -> Self {
        Self {
            care,
            due: HashMap::new(),
            shown: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self, stop: &CancellationToken) {
        if self.care.rules.balances.is_empty() {
            return;
        }
        let mut fleet = self.care.fleet.clone();
        loop {
            let asking = self.ask_all();
            let next = tokio::select! {
                () = stop.cancelled() => return,
                next = asking => next,
            };
            if !rest(self.care, &mut fleet, next, stop).await {
                return;
            }
        }
    }

    /// Asks whoever is due; answers when the next one is.
    async fn ask_all(&mut self) -> Option<UnixMillis> {
        let mut next = None;
        for rule in &self.care.rules.balances {
            let ready = self.care.ready();
            let Some((_, sim)) = ready.into_iter().find(|(modem, _)| *modem == rule.modem) else {
                continue;
            };
            let mut due = self.due_of(rule, &sim).await;
            if due <= self.care.now() {
                due = self.ask(rule, &sim).await;
                self.due.insert(sim, due);
            }
            next = next.into_iter().chain([due]).min();
        }
        next
    }

    /// What the network said before is shown until it says something else.
    async fn due_of(&mut self, rule: &BalanceRule, sim: &SimId) -> UnixMillis {
        if let Some(due) = self.due.get(sim)
            && self.shown.get(&rule.modem) == Some(sim)
        {
            return *due;
        }
        let now = self.care.now();
        let due = match self.care.store.sim_care(sim.clone(), now).await {
            Ok(known) => {
                self.show(rule, sim, known.balance);
                next_after(known.balance_asked_at, rule.every, now)
            }
            Err(error) => {
                warn!(modem = %rule.modem, %error, "what is known of a SIM could not be read");
                now.plus(TRY_AGAIN)
            }
        };
        self.shown.insert(rule.modem.clone(), sim.clone());
        self.due.insert(sim.clone(), due);
        due
    }

    async fn ask(&self, rule: &BalanceRule, sim: &SimId) -> UnixMillis {
        let care = self.care;
        let (now, modem) = (care.now(), &rule.modem);
        let begun = care.store.begin_balance(sim.clone(), rule.every, now).await;
        match begun {
            Ok(true) => {}
            Ok(false) => return now.plus(rule.every),
            Err(error) => {
                warn!(%modem, %error, "the balance is not asked: that it was could not be stored");
                return now.plus(TRY_AGAIN);
            }
        }
        match self.dialogue(rule).await {
            Ok(answer) => self.take(rule, sim, &answer).await,
            Err(Unanswered::NotReady(_) | Unanswered::Busy(_)) => {
                // Nothing went out: asked again when the modem has time.
                if let Err(error) = care.store.balance_was_not_asked(sim.clone()).await {
                    warn!(%modem, %error, "the balance is asked again by the schedule only");
                }
                return now.plus(TRY_AGAIN);
            }
            Err(Unanswered::Refused(said)) => {
                warn!(%modem, said, "the balance could not be asked: is balance_ussd right?");
            }
            Err(Unanswered::TimedOut(why)) => warn!(%modem, why, "the balance could not be asked"),
        }
        now.plus(rule.every)
    }

    /// A menu with the balance above it wants no reply.
    async fn dialogue(&self, rule: &BalanceRule) -> Result<UssdAnswer, Unanswered> {
        let told = self
            .inquire(rule, Question::Ussd(rule.code.clone()))
            .await?;
        let Told::Ussd(answer) = told else {
            return Err(Unanswered::Refused("no answer to a code".to_owned()));
        };
        if answer.status == UssdStatus::ReplyExpected {
            let _ = self.inquire(rule, Question::EndUssd).await;
        }
        Ok(answer)
    }

    async fn inquire(&self, rule: &BalanceRule, question: Question) -> Result<Told, Unanswered> {
        let (inquiry, answered) = Inquiry::new(question);
        let wish = Wish::Ask {
            modem: rule.modem.clone(),
            inquiry,
        };
        let gone = |_| Unanswered::NotReady("the gateway stops".to_owned());
        self.care.wishes.send(wish).await.map_err(gone)?;
        answered.wait().await
    }

    async fn take(&self, rule: &BalanceRule, sim: &SimId, answer: &UssdAnswer) {
        let modem = &rule.modem;
        let Some(balance) = answer.text.as_deref().and_then(|text| found(rule, text)) else {
            let status = answer.status.as_str();
            warn!(%modem, status, "the network's answer holds no balance: is balance_regex right?");
            return;
        };
        let at = self.care.now();
        let is_low = self.show(rule, sim, Some((balance, at)));
        let min = rule.min.unwrap_or_default();
        match is_low {
            true => {
                warn!(%modem, %balance, %min, "modem.low_balance: the SIM has little left; top it up")
            }
            false => info!(%modem, %balance, "balance"),
        }
        let entry = BalanceEntry {
            modem: modem.clone(),
            sim: sim.clone(),
            balance,
            is_low,
            detail: format!("{balance} left, less than {min}"),
            at,
        };
        if let Err(error) = self.care.store.note_balance(entry).await {
            warn!(%modem, %error, "the balance could not be stored");
        }
    }

    /// Answers whether it is low.
    fn show(&self, rule: &BalanceRule, sim: &SimId, known: Option<(Money, UnixMillis)>) -> bool {
        let figure = known.map(|(amount, at)| BalanceFigure {
            amount,
            at,
            min: rule.min,
        });
        self.care
            .publish(&rule.modem, sim, |shown| shown.balance = figure);
        figure.is_some_and(|figure| figure.is_low())
    }
}

fn found(rule: &BalanceRule, text: &str) -> Option<Money> {
    amount::read(rule.regex.captures(text)?.get(1)?.as_str())
}

/// When it is asked after `asked_at`; a time in the future was written by a clock that was wrong.
fn next_after(asked_at: Option<UnixMillis>, every: Duration, now: UnixMillis) -> UnixMillis {
    match asked_at {
        Some(asked_at) if asked_at <= now => asked_at.plus(every),
        Some(_) | None => now,
    }
}

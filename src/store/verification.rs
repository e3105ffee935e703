//! Verifications and their codes (semantics §7). Each method is one transaction of the only writer, with one look at the
//! clock in it: what is counted, compared and changed in it is one moment, whatever else comes at the same time.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, ToSql, named_params};

use super::elsewhere::{self, Charged, Errand, Question};
use super::guard::{self, Conversion, Hold};
use super::idempotency::{self, Answer, Known, Once};
use super::key;
use super::limit::{self, Counted, Counts};
use super::message::{self, Submission};
use super::occurrence::{Occurrence, note};
use super::query::MessageView;
use super::recent;
use super::row::word;
use super::suppression::held_back;
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::code_provider::Refused;
use crate::domain::verification::MOST_KEPT;
use crate::domain::{
    Category, Clock, Code, CodeMac, Destination, KeyId, LastLine, Locale, Manners, MessageId,
    MessageSeq, MessageState, Pepper, Profile, ProfileName, Purpose, Reason, Resend, RouteName,
    Sealed, UnixMillis, VerificationId, VerificationState,
};

/// What is asked to be proven, and by which rules.
#[derive(Clone, Debug)]
pub(crate) struct NewVerification {
    pub(crate) app: String,
    pub(crate) to: Destination,
    /// As the caller wrote it.
    pub(crate) to_raw: String,
    pub(crate) purpose: Purpose,
    pub(crate) profile: ProfileName,
    pub(crate) rules: Profile,
    pub(crate) code_length: u8,
    pub(crate) locale: Locale,
    /// The template that its texts are made of, when it is none of the profile's.
    pub(crate) template: Option<i64>,
    pub(crate) last_line: Option<LastLine>,
    pub(crate) client_ref: Option<String>,
    /// JSON.
    pub(crate) rate_keys: String,
    /// Whose account draws its codes, unless those for something else may live there; `None`: we do.
    pub(crate) provider: Option<RouteName>,
    /// Random octets of its id.
    pub(crate) tail: [u8; 10],
}

/// A code on its way.
#[derive(Clone)]
pub(crate) struct Going {
    /// Drawn for this request; under `same_code` the one that lives goes out instead.
    pub(crate) code: Code,
    pub(crate) text: TextOf,
    /// Somebody may carry it; otherwise only a provider that draws it can send it.
    pub(crate) is_carried: bool,
    /// What the send counts against.
    pub(crate) counts: Counts,
    pub(crate) conversion: Conversion,
    /// The key whose credit pays for it; `None`: nobody's.
    pub(crate) payer: Option<KeyId>,
    pub(crate) clock: Clock,
}

/// The message with a code in it.
pub(crate) type TextOf = Arc<dyn Fn(&Code, Life) -> Submission + Send + Sync>;

/// From when to when a code lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Life {
    pub(crate) at: UnixMillis,
    /// Dead from this moment on.
    pub(crate) expires_at: UnixMillis,
}

/// What became of a wish to send a code.
#[derive(Debug)]
pub(crate) enum CodeSent {
    Done(Box<SentCode>),
    /// Its provider is to be asked for it now; nobody is told anything yet.
    ToAsk(Box<Errand>),
    /// Its provider has it, or may have.
    Elsewhere(Box<VerificationView>),
    /// Its provider did not send it.
    Refused(Refused),
    /// It would have to be sent as a text, and nobody carries it.
    NoRoute,
    /// The same request was answered before: this was the answer.
    Replay(Answer),
    /// The same Idempotency-Key came with another body before.
    OtherBody,
    /// A limit is reached; so long it holds.
    Limited(Duration),
    /// Its number is not to be written to.
    Suppressed(Reason),
    /// The caller's key has no message left.
    NoCredit,
    /// Too many codes that went where it would go were not used.
    Held(Hold),
    NotFound,
    /// The verification is over.
    NotPending,
}

/// A verification and the message that its newest code is in.
#[derive(Debug)]
pub(crate) struct SentCode {
    pub(crate) verification: VerificationView,
    pub(crate) message: MessageView,
}

/// A verification as callers see it: never the code.
#[derive(Clone, Debug)]
pub(crate) struct VerificationView {
    pub(crate) seq: i64,
    pub(crate) id: VerificationId,
    pub(crate) app: String,
    pub(crate) to: Destination,
    pub(crate) to_raw: String,
    pub(crate) country: Option<String>,
    pub(crate) purpose: Purpose,
    pub(crate) profile: ProfileName,
    /// Whose account draws, sends and checks its codes; `None`: we do.
    pub(crate) provider: Option<RouteName>,
    /// As it was stored: see [`VerificationState::at`].
    pub(crate) state: VerificationState,
    pub(crate) attempts: u8,
    pub(crate) max_attempts: u8,
    pub(crate) resend: Resend,
    pub(crate) ttl: Duration,
    pub(crate) code_length: u8,
    pub(crate) locale: Locale,
    pub(crate) template: Option<i64>,
    pub(crate) last_line: Option<LastLine>,
    pub(crate) client_ref: Option<String>,
    /// JSON.
    pub(crate) rate_keys: String,
    pub(crate) created_at: UnixMillis,
    pub(crate) resend_after: UnixMillis,
    pub(crate) expires_at: UnixMillis,
    pub(crate) verified_at: Option<UnixMillis>,
    /// Oldest first.
    pub(crate) sends: Vec<SendView>,
}

/// One text with a code.
#[derive(Clone, Debug)]
pub(crate) struct SendView {
    /// `None`: a provider drew it and sent it.
    pub(crate) message: Option<MessageId>,
    pub(crate) at: UnixMillis,
    pub(crate) state: MessageState,
}

impl VerificationView {
    pub(crate) fn remaining_attempts(&self) -> u8 {
        self.max_attempts.saturating_sub(self.attempts)
    }

    /// When its newest code was sent.
    pub(crate) fn sent_at(&self) -> UnixMillis {
        self.sends.last().map_or(self.created_at, |send| send.at)
    }
}

/// Which verification is checked.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// `app`: `None` sees all.
    Id {
        id: VerificationId,
        app: Option<String>,
    },
    Newest {
        app: String,
        to: Destination,
        purpose: Purpose,
    },
}

/// Where a wrong code for a number of an app is counted.
pub(crate) type FailuresOf = Arc<dyn Fn(&str, &Destination) -> Counted + Send + Sync>;

/// What a check came to.
#[derive(Debug)]
pub(crate) enum Checked {
    Approved,
    /// It was compared, and is another.
    Wrong(Box<VerificationView>),
    /// Nothing was compared: it is over, and this is how it ended.
    Over(Box<VerificationView>),
    /// Its provider is to be asked about it now.
    ToAsk(Box<Question>),
    /// Its provider did not say.
    Unavailable,
    /// There is none.
    NotFound,
    /// Too many wrong codes for this number.
    Limited(Duration),
}

/// What became of a wish to end a verification.
#[derive(Debug)]
pub(crate) enum Ended {
    Done(Box<VerificationView>),
    /// It was over.
    NotPending,
    NotFound,
}

/// Which verifications a list holds.
#[derive(Clone, Debug)]
pub(crate) struct VerificationFilter {
    /// `None`: of all apps.
    pub(crate) app: Option<String>,
    pub(crate) to: Option<Destination>,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) state: Option<VerificationState>,
    /// Behind the one with this position.
    pub(crate) before: Option<i64>,
    pub(crate) now: UnixMillis,
}

impl Store {
    /// Begins a verification, or goes on with the one that lives when its codes are kept: its row, its message, the events
    /// that limits count and the answer to its Idempotency-Key, in one transaction.
    pub(crate) async fn begin_verification(
        &self,
        new: NewVerification,
        going: Going,
        once: Option<Once<VerificationView>>,
    ) -> Result<CodeSent, StoreError> {
        let (pepper, manners) = (self.pepper.clone(), Arc::clone(&self.manners));
        let (job, receipt) = job(move |work| {
            let mut sender = Sender::new(&going, &pepper, &manners);
            sender.begin(work, &new, once.as_ref())
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Sends another code for a verification that is pending. `app`: `None` sees all.
    pub(crate) async fn resend_verification(
        &self,
        id: VerificationId,
        app: Option<String>,
        going: Going,
        once: Option<Once<VerificationView>>,
    ) -> Result<CodeSent, StoreError> {
        let (pepper, manners) = (self.pepper.clone(), Arc::clone(&self.manners));
        let (job, receipt) = job(move |work| {
            let mut sender = Sender::new(&going, &pepper, &manners);
            sender.resend(work, &id, app.as_deref(), once.as_ref())
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Compares a code: at most `max_attempts` times, and with one success however many come at once.
    pub(crate) async fn check(
        &self,
        which: Which,
        code: Code,
        failures: FailuresOf,
        clock: Clock,
    ) -> Result<Checked, StoreError> {
        let pepper = self.pepper.clone();
        let (job, receipt) =
            job(move |work| check(work, &which, &code, &failures, clock(), &pepper));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Ends a verification that is pending. `app`: `None` sees all.
    pub(crate) async fn cancel_verification(
        &self,
        id: VerificationId,
        app: Option<String>,
        clock: Clock,
    ) -> Result<Ended, StoreError> {
        let (job, receipt) = job(move |work| {
            let at = clock();
            let Some(view) = find(work.db, &id, app.as_deref())? else {
                return Ok(Ended::NotFound);
            };
            let view = ended_by_clock(work, view, at)?;
            match end(work, &view, VerificationState::Canceled, at)? {
                true => Ok(Ended::Done(Box::new(refreshed(work, &view)?))),
                false => Ok(Ended::NotPending),
            }
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// The verification with this id. `app`: `None` sees all.
    pub(crate) async fn verification(
        &self,
        id: VerificationId,
        app: Option<String>,
    ) -> Result<Option<VerificationView>, StoreError> {
        self.readers
            .ask(move |db| find(db, &id, app.as_deref()))
            .await
    }

    /// At most so many, the newest first.
    pub(crate) async fn verifications(
        &self,
        filter: VerificationFilter,
        limit: u32,
    ) -> Result<Vec<VerificationView>, StoreError> {
        self.readers.ask(move |db| list(db, &filter, limit)).await
    }

    /// Closes those whose time is over, a step's worth of them; answers whether there are more.
    pub(crate) async fn close_verifications(&self, now: UnixMillis) -> Result<bool, StoreError> {
        let (job, receipt) = job(move |work| {
            let over = over(work, now)?;
            for view in &over {
                ended_by_clock(work, view.clone(), now)?;
            }
            guard::forget(work, now)?;
            Ok(over.len() == AT_ONCE)
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

/// Closed in one transaction, so that a send never waits long behind them.
const AT_ONCE: usize = 100;

/// What the transactions that send a code share.
struct Sender<'a> {
    going: &'a Going,
    pepper: &'a Pepper,
    manners: &'a Manners,
    at: UnixMillis,
}

impl<'a> Sender<'a> {
    fn new(going: &'a Going, pepper: &'a Pepper, manners: &'a Manners) -> Self {
        Self {
            going,
            pepper,
            manners,
            at: (going.clock)(),
        }
    }

    fn begin(
        &mut self,
        work: &mut Work<'_>,
        new: &NewVerification,
        once: Option<&Once<VerificationView>>,
    ) -> Result<CodeSent, StoreError> {
        if let Some(known) = known(work, once)? {
            return Ok(known);
        }
        let live = live(work, new, self.at)?;
        let going_on = live.iter().find(|view| {
            let is_of_today = view.provider.is_none() || view.provider == new.provider;
            view.resend == new.rules.resend && view.resend != Resend::Replace && is_of_today
        });
        let provider = match going_on {
            Some(view) => view.provider.clone(),
            None => self.provider(work, new)?,
        };
        if let Some(refused) = self.refusal(work, &new.to, provider.as_ref())? {
            return Ok(refused);
        }
        for view in &live {
            if going_on.is_none_or(|kept| kept.seq != view.seq) {
                end(work, view, VerificationState::Canceled, self.at)?;
            }
        }
        let view = match going_on {
            Some(view) => view.clone(),
            None => insert(work, new, provider.as_ref(), self.at)?,
        };
        self.send(work, &view, once)
    }

    fn resend(
        &mut self,
        work: &mut Work<'_>,
        id: &VerificationId,
        app: Option<&str>,
        once: Option<&Once<VerificationView>>,
    ) -> Result<CodeSent, StoreError> {
        if let Some(known) = known(work, once)? {
            return Ok(known);
        }
        let Some(view) = find(work.db, id, app)? else {
            return Ok(CodeSent::NotFound);
        };
        let view = ended_by_clock(work, view, self.at)?;
        if view.state != VerificationState::Pending {
            return Ok(CodeSent::NotPending);
        }
        if let Some(refused) = self.refusal(work, &view.to, view.provider.as_ref())? {
            return Ok(refused);
        }
        self.send(work, &view, once)
    }

    /// Why no code goes to this number now. Nothing may refuse it after this: it is paid for.
    fn refusal(
        &self,
        work: &Work<'_>,
        to: &Destination,
        provider: Option<&RouteName>,
    ) -> Result<Option<CodeSent>, StoreError> {
        if provider.is_none() && !self.going.is_carried {
            return Ok(Some(CodeSent::NoRoute));
        }
        if let Some(reason) = held_back(work.db, &self.manners.stop, to, Category::Otp)? {
            return Ok(Some(CodeSent::Suppressed(reason)));
        }
        if let Some(hold) = guard::hold(work, to, self.going.conversion, self.at)? {
            return Ok(Some(CodeSent::Held(hold)));
        }
        if let Some(wait) = limit::wait_of_send(work, to, &self.counts())? {
            return Ok(Some(CodeSent::Limited(wait)));
        }
        let is_paid = key::charge(work, self.going.payer.as_ref(), 1)?;
        Ok((!is_paid).then_some(CodeSent::NoCredit))
    }

    /// Puts a code of this verification on its way, as its mode of sending again says.
    fn send(
        &self,
        work: &mut Work<'_>,
        view: &VerificationView,
        once: Option<&Once<VerificationView>>,
    ) -> Result<CodeSent, StoreError> {
        if let Some(provider) = &view.provider {
            return self.ask_for(work, view, provider, once);
        }
        let same = match view.resend {
            Resend::SameCode => self.living_code(work, view)?,
            Resend::Replace | Resend::Keep => None,
        };
        let drawn = || (self.going.code.clone(), self.at.plus(view.ttl));
        let (code, expires_at) = same.unwrap_or_else(drawn);
        let life = Life {
            at: self.at,
            expires_at,
        };
        if view.resend == Resend::Replace {
            kill_codes(work, view.seq, self.at)?;
            withdraw(work, view.seq, self.at)?;
        }
        let submission = Submission {
            counts: self.counts(),
            ..(self.going.text)(&code, life)
        };
        let seq = message::next_seq(work, self.at)?;
        let id = MessageId::of_single(seq, self.at);
        let message = message::enter(work, seq, &id, None, &submission, self.pepper, self.manners)?;
        self.keep_code(work, view, &code, seq, expires_at)?;
        let next = limit::wait_of_send(work, &view.to, &submission.counts)?.unwrap_or_default();
        renew(work, view.seq, life, self.at.plus(next))?;
        happened(work, view, "verification.sent", self.at)?;
        let verification = refreshed(work, view)?;
        if let Some(once) = once {
            idempotency::remember(work, once, &(once.render)(&verification), self.at)?;
        }
        Ok(CodeSent::Done(Box::new(SentCode {
            verification,
            message,
        })))
    }

    /// Who draws the codes of a new verification.
    fn provider(
        &self,
        work: &Work<'_>,
        new: &NewVerification,
    ) -> Result<Option<RouteName>, StoreError> {
        let Some(provider) = &new.provider else {
            return Ok(None);
        };
        let is_taken = elsewhere::is_taken(work.db, &new.app, &new.to, new.purpose, self.at)?;
        Ok((!is_taken).then(|| provider.clone()))
    }

    /// Everything but the code itself: that is for its provider to draw, once this is committed.
    fn ask_for(
        &self,
        work: &mut Work<'_>,
        view: &VerificationView,
        provider: &RouteName,
        once: Option<&Once<VerificationView>>,
    ) -> Result<CodeSent, StoreError> {
        let charged = Charged {
            counts: &self.counts(),
            payer: self.going.payer.as_ref(),
            at: self.at,
        };
        let errand = elsewhere::begin(work, view, provider, &charged)?;
        if let Some(once) = once {
            let view = refreshed(work, view)?;
            idempotency::remember(work, once, &(once.render)(&view), self.at)?;
        }
        Ok(CodeSent::ToAsk(Box::new(errand)))
    }

    fn counts(&self) -> Counts {
        Counts {
            at: self.at,
            ..self.going.counts.clone()
        }
    }

    /// The code that lives under `same_code`, with its end.
    fn living_code(
        &self,
        work: &Work<'_>,
        view: &VerificationView,
    ) -> Result<Option<(Code, UnixMillis)>, StoreError> {
        let found: Option<(Vec<u8>, i64)> = work
            .db
            .prepare_cached(
                "SELECT sealed, expires_at
                   FROM verification_code
                  WHERE verification = :seq AND expires_at > :at AND sealed IS NOT NULL
                  ORDER BY number DESC
                  LIMIT 1",
            )?
            .query_row(
                named_params! { ":seq": view.seq, ":at": self.at.0 },
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        Ok(found.and_then(|(sealed, expires_at)| {
            let sealed = Sealed::from_octets(sealed);
            // Under another pepper the code is lost, and a new one is as good.
            let code = self.pepper.open(&sealed, view.id.as_str()).ok()?;
            Some((Code::typed(&code), UnixMillis(expires_at)))
        }))
    }

    fn keep_code(
        &self,
        work: &Work<'_>,
        view: &VerificationView,
        code: &Code,
        message: MessageSeq,
        expires_at: UnixMillis,
    ) -> Result<(), StoreError> {
        let owner = view.id.as_str();
        let sealed = (view.resend == Resend::SameCode)
            .then(|| self.pepper.seal(code.expose(), owner, rand::random()));
        work.db
            .prepare_cached(
                "INSERT INTO verification_code (verification, number, mac, sealed, message, at, expires_at)
                 VALUES (:seq,
                         (SELECT COALESCE(MAX(number), 0) + 1 FROM verification_code WHERE verification = :seq),
                         :mac, :sealed, :message, :at, :expires_at)",
            )?
            .execute(named_params! {
                ":seq": view.seq,
                ":mac": self.pepper.code_mac(owner, code).0.as_slice(),
                ":sealed": sealed.as_ref().map(Sealed::octets),
                ":message": message.0,
                ":at": self.at.0,
                ":expires_at": expires_at.0,
            })?;
        Ok(())
    }
}

/// What was answered to this Idempotency-Key.
fn known(
    work: &Work<'_>,
    once: Option<&Once<VerificationView>>,
) -> Result<Option<CodeSent>, StoreError> {
    Ok(match idempotency::known(work.db, once)? {
        Known::New => None,
        Known::Replay(answer) => Some(CodeSent::Replay(answer)),
        Known::OtherBody => Some(CodeSent::OtherBody),
    })
}

/// A code that replaces another is tried anew; those that are kept share their attempts.
fn renew(
    work: &Work<'_>,
    seq: i64,
    life: Life,
    resend_after: UnixMillis,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE verification
                SET attempts = CASE resend WHEN 'replace' THEN 0 ELSE attempts END,
                    expires_at = :expires_at,
                    resend_after = :resend_after
              WHERE seq = :seq AND state = 'pending'",
        )?
        .execute(named_params! {
            ":seq": seq,
            ":expires_at": life.expires_at.0,
            ":resend_after": resend_after.0,
        })?;
    Ok(())
}

fn kill_codes(work: &Work<'_>, seq: i64, at: UnixMillis) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE verification_code
                SET expires_at = :at
              WHERE verification = :seq AND expires_at > :at",
        )?
        .execute(named_params! { ":at": at.0, ":seq": seq })?;
    Ok(())
}

/// A text that has not left yet and whose code is good for nothing any more only confuses.
fn withdraw(work: &mut Work<'_>, seq: i64, at: UnixMillis) -> Result<(), StoreError> {
    let waiting: Vec<MessageSeq> = work
        .db
        .prepare_cached(
            "SELECT message.seq
               FROM verification_code
               JOIN message ON message.seq = verification_code.message
              WHERE verification_code.verification = :seq
                AND message.state IN ('scheduled', 'queued')",
        )?
        .query_map(named_params! { ":seq": seq }, |row| {
            row.get(0).map(MessageSeq)
        })?
        .collect::<Result<_, _>>()?;
    for message in waiting {
        message::cancel_one(work, message, at)?;
    }
    Ok(())
}

fn check(
    work: &mut Work<'_>,
    which: &Which,
    code: &Code,
    failures: &FailuresOf,
    at: UnixMillis,
    pepper: &Pepper,
) -> Result<Checked, StoreError> {
    let found = match which {
        Which::Id { id, app } => find(work.db, id, app.as_deref())?,
        Which::Newest { app, to, purpose } => newest(work.db, app, to, *purpose)?,
    };
    let Some(view) = found else {
        return Ok(Checked::NotFound);
    };
    let counted = [failures(&view.app, &view.to)];
    if let Some(wait) = limit::wait(work, &counted, at)? {
        return Ok(Checked::Limited(wait));
    }
    let view = ended_by_clock(work, view, at)?;
    if view.state != VerificationState::Pending {
        return Ok(Checked::Over(Box::new(view)));
    }
    if let Some(provider) = &view.provider {
        return to_ask(work, &view, provider);
    }
    if is_right(work, &view, code, at, pepper)?
        && end(work, &view, VerificationState::Approved, at)?
    {
        return Ok(Checked::Approved);
    }
    limit::count(work, &counted, at)?;
    if view.attempts + 1 >= view.max_attempts {
        end(work, &view, VerificationState::MaxAttemptsReached, at)?;
    }
    Ok(Checked::Wrong(Box::new(refreshed(work, &view)?)))
}

/// Those that others are being asked about may use up all attempts: then it is as good as over.
fn to_ask(
    work: &Work<'_>,
    view: &VerificationView,
    provider: &RouteName,
) -> Result<Checked, StoreError> {
    Ok(match elsewhere::question(work, view, provider)? {
        Some(question) => Checked::ToAsk(Box::new(question)),
        None => Checked::Over(Box::new(VerificationView {
            state: VerificationState::MaxAttemptsReached,
            ..view.clone()
        })),
    })
}

/// Charges an attempt and compares. Never when they are used up: then it is over.
fn is_right(
    work: &Work<'_>,
    view: &VerificationView,
    code: &Code,
    at: UnixMillis,
    pepper: &Pepper,
) -> Result<bool, StoreError> {
    let charged = work
        .db
        .prepare_cached(
            "UPDATE verification
                SET attempts = attempts + 1
              WHERE seq = :seq AND state = 'pending' AND attempts < max_attempts",
        )?
        .execute(named_params! { ":seq": view.seq })?;
    if charged == 0 {
        return Ok(false);
    }
    let given = pepper.code_mac(view.id.as_str(), code);
    // All that live are compared: the time does not tell which it was.
    let mut is_one = false;
    for mac in living_macs(work, view.seq, at)? {
        is_one |= mac.is(&given);
    }
    Ok(is_one)
}

fn living_macs(work: &Work<'_>, seq: i64, at: UnixMillis) -> Result<Vec<CodeMac>, StoreError> {
    let mut statement = work.db.prepare_cached(
        "SELECT mac
           FROM verification_code
          WHERE verification = :seq AND expires_at > :at
          ORDER BY number DESC
          LIMIT :most",
    )?;
    let rows = statement.query_map(
        named_params! { ":seq": seq, ":at": at.0, ":most": MOST_KEPT },
        |row| row.get(0).map(CodeMac),
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Takes the one step that there is: from pending to an end. `false`: it had ended before. What only a living code needs
/// goes with it.
pub(super) fn end(
    work: &mut Work<'_>,
    view: &VerificationView,
    state: VerificationState,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    let ended = work
        .db
        .prepare_cached(
            "UPDATE verification
                SET state = :state,
                    ended_at = :at,
                    verified_at = CASE :state WHEN 'approved' THEN :at END
              WHERE seq = :seq AND state = 'pending'",
        )?
        .execute(named_params! { ":state": state.as_str(), ":at": at.0, ":seq": view.seq })?;
    if ended != 1 {
        return Ok(false);
    }
    work.db
        .prepare_cached(
            "UPDATE verification_code
                SET sealed = NULL
              WHERE verification = :seq AND sealed IS NOT NULL",
        )?
        .execute(named_params! { ":seq": view.seq })?;
    // At its own end, which is the code's, a text that still waits expires by itself: that is how it is not counted.
    if state != VerificationState::Expired {
        withdraw(work, view.seq, at)?;
    }
    if state == VerificationState::Approved {
        elsewhere::approved(work, view)?;
        guard::approved(work, view.country.as_deref(), view.created_at)?;
    }
    let kind = match state {
        VerificationState::Approved => "verification.approved",
        VerificationState::Expired => "verification.expired",
        VerificationState::MaxAttemptsReached => "verification.failed",
        VerificationState::Canceled | VerificationState::Pending => return Ok(true),
    };
    happened(work, view, kind, at)?;
    Ok(true)
}

pub(super) fn happened(
    work: &Work<'_>,
    view: &VerificationView,
    kind: &'static str,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let occurrence = Occurrence {
        kind,
        app: Some(&view.app),
        number: view.to.as_str(),
        detail: view.id.as_str(),
        at,
    };
    note(work, &occurrence)
}

/// At its end a verification is over, whether or not somebody has closed it.
pub(super) fn ended_by_clock(
    work: &mut Work<'_>,
    view: VerificationView,
    at: UnixMillis,
) -> Result<VerificationView, StoreError> {
    let stands = view.state.at(view.expires_at, at);
    if stands == view.state || !end(work, &view, stands, at)? {
        return Ok(view);
    }
    refreshed(work, &view)
}

/// The text with a code did not go out: whoever waits for it may ask again at once.
pub(super) fn forgive(work: &Work<'_>, message: MessageSeq) -> Result<(), StoreError> {
    if !recent::uncount_code(work, message)? {
        return Ok(());
    }
    work.db
        .prepare_cached(
            "UPDATE verification
                SET resend_after = MIN(resend_after, code.at)
               FROM (SELECT verification, at
                       FROM verification_code
                      WHERE message = :message) AS code
              WHERE verification.seq = code.verification",
        )?
        .execute(named_params! { ":message": message.0 })?;
    Ok(())
}

/// Deletes a step's worth of those that ended before `before`, with their codes; answers how many.
pub(super) fn forget(work: &Work<'_>, before: i64, step: i64) -> Result<usize, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "DELETE FROM verification
              WHERE seq IN (SELECT seq
                              FROM verification
                             WHERE ended_at < :before
                             LIMIT :step)",
        )?
        .execute(named_params! { ":before": before, ":step": step })?)
}

pub(super) fn refreshed(
    work: &Work<'_>,
    view: &VerificationView,
) -> Result<VerificationView, StoreError> {
    let found = find(work.db, &view.id, None)?;
    found.ok_or_else(|| StoreError::Corrupt("a verification that was just read is gone".into()))
}

fn insert(
    work: &Work<'_>,
    new: &NewVerification,
    provider: Option<&RouteName>,
    at: UnixMillis,
) -> Result<VerificationView, StoreError> {
    let number = new.to.as_str();
    let id = VerificationId::new(at, new.tail);
    let (domain, app_hash) = match &new.last_line {
        None => (None, None),
        Some(LastLine::Domain(domain)) => (Some(domain), None),
        Some(LastLine::AppHash(hash)) => (None, Some(hash)),
    };
    work.db
        .prepare_cached(
            "INSERT INTO verification (id, app, to_number, to_raw, country, block, purpose, profile, state, resend,
                                       ttl_ms, code_length, attempts, max_attempts, locale, template, domain,
                                       app_hash, client_ref, rate_keys, provider, created_at, resend_after, expires_at)
             VALUES (:id, :app, :to, :to_raw, :country, :block, :purpose, :profile, 'pending', :resend,
                     :ttl_ms, :code_length, 0, :max_attempts, :locale, :template, :domain,
                     :app_hash, :client_ref, :rate_keys, :provider, :at, :at, :expires_at)",
        )?
        .execute(named_params! {
            ":id": id.as_str(),
            ":app": new.app,
            ":to": number,
            ":to_raw": new.to_raw,
            ":country": new.to.country(),
            ":block": guard::block(&new.to),
            ":purpose": new.purpose.as_str(),
            ":profile": new.profile.as_str(),
            ":resend": new.rules.resend.as_str(),
            ":ttl_ms": i64::try_from(new.rules.ttl.as_millis()).unwrap_or(i64::MAX),
            ":code_length": new.code_length,
            ":max_attempts": new.rules.attempts,
            ":locale": new.locale.as_str(),
            ":template": new.template,
            ":domain": domain,
            ":app_hash": app_hash,
            ":client_ref": new.client_ref,
            ":rate_keys": new.rate_keys,
            ":provider": provider.map(RouteName::as_str),
            ":at": at.0,
            ":expires_at": at.plus(new.rules.ttl).0,
        })?;
    guard::begun(work, new.to.country(), at)?;
    let found = find(work.db, &id, None)?;
    found.ok_or_else(|| StoreError::Corrupt("a verification that was just stored is gone".into()))
}

const VIEW: &str = "SELECT seq, id, app, to_number, to_raw, country, purpose, profile, state, attempts, max_attempts,
       resend, ttl_ms, code_length, locale, template, domain, app_hash, client_ref, rate_keys, provider,
       created_at, resend_after, expires_at, verified_at
  FROM verification";

fn views(
    db: &Connection,
    what: &str,
    values: &[(&str, &dyn ToSql)],
) -> Result<Vec<VerificationView>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{VIEW} {what}"))?;
    let mut rows = statement.query(values)?;
    let mut views = Vec::new();
    while let Some(row) = rows.next()? {
        views.push(view_of(db, row)?);
    }
    Ok(views)
}

pub(super) fn find(
    db: &Connection,
    id: &VerificationId,
    app: Option<&str>,
) -> Result<Option<VerificationView>, StoreError> {
    let found = views(
        db,
        "WHERE id = :id AND (:app IS NULL OR app = :app)",
        named_params! { ":id": id.as_str(), ":app": app },
    )?;
    Ok(found.into_iter().next())
}

fn newest(
    db: &Connection,
    app: &str,
    to: &Destination,
    purpose: Purpose,
) -> Result<Option<VerificationView>, StoreError> {
    let found = views(
        db,
        "WHERE app = :app AND to_number = :to AND purpose = :purpose
         ORDER BY seq DESC
         LIMIT 1",
        named_params! { ":app": app, ":to": to.as_str(), ":purpose": purpose.as_str() },
    )?;
    Ok(found.into_iter().next())
}

/// Those of the same app, number and purpose that are pending, the newest first. One whose time is over ends here.
fn live(
    work: &mut Work<'_>,
    new: &NewVerification,
    at: UnixMillis,
) -> Result<Vec<VerificationView>, StoreError> {
    let pending = views(
        work.db,
        "WHERE app = :app AND to_number = :to AND purpose = :purpose AND state = 'pending'
         ORDER BY seq DESC",
        named_params! {
            ":app": new.app,
            ":to": new.to.as_str(),
            ":purpose": new.purpose.as_str(),
        },
    )?;
    let mut live = Vec::new();
    for view in pending {
        let view = ended_by_clock(work, view, at)?;
        if view.state == VerificationState::Pending {
            live.push(view);
        }
    }
    Ok(live)
}

fn over(work: &Work<'_>, now: UnixMillis) -> Result<Vec<VerificationView>, StoreError> {
    views(
        work.db,
        "WHERE state = 'pending' AND expires_at <= :now
         ORDER BY expires_at
         LIMIT :at_once",
        named_params! {
            ":now": now.0,
            ":at_once": i64::try_from(AT_ONCE).unwrap_or(i64::MAX),
        },
    )
}

fn list(
    db: &Connection,
    filter: &VerificationFilter,
    limit: u32,
) -> Result<Vec<VerificationView>, StoreError> {
    let is = |column: &str, name: &str, given: bool| match given {
        true => format!(" AND {column} = {name}"),
        false => format!(" AND {name} IS NULL"),
    };
    // What nobody has closed yet is over at its end all the same.
    let state = match filter.state {
        None => " AND :state IS NULL AND :now IS NOT NULL",
        Some(VerificationState::Pending) => " AND state = :state AND expires_at > :now",
        Some(VerificationState::Expired) => {
            " AND (state = :state OR state = 'pending' AND expires_at <= :now)"
        }
        Some(_) => " AND state = :state AND :now IS NOT NULL",
    };
    let what = format!(
        "WHERE seq < :before{}{}{}{state}
         ORDER BY seq DESC
         LIMIT :limit",
        is("app", ":app", filter.app.is_some()),
        is("to_number", ":to", filter.to.is_some()),
        is("purpose", ":purpose", filter.purpose.is_some()),
    );
    views(
        db,
        &what,
        named_params! {
            ":before": filter.before.unwrap_or(i64::MAX),
            ":app": filter.app,
            ":to": filter.to.as_ref().map(Destination::as_str),
            ":purpose": filter.purpose.map(Purpose::as_str),
            ":state": filter.state.map(VerificationState::as_str),
            ":now": filter.now.0,
            ":limit": limit,
        },
    )
}

fn view_of(db: &Connection, row: &Row<'_>) -> Result<VerificationView, StoreError> {
    let seq: i64 = row.get("seq")?;
    let ttl: i64 = row.get("ttl_ms")?;
    let moment = |column: &str| row.get::<_, i64>(column).map(UnixMillis);
    let domain: Option<String> = row.get("domain")?;
    let app_hash: Option<String> = row.get("app_hash")?;
    let provider: Option<String> = row.get("provider")?;
    let provider = provider.and_then(|name| RouteName::parse(&name));
    Ok(VerificationView {
        seq,
        id: word(row, "id")?,
        app: row.get("app")?,
        to: word(row, "to_number")?,
        to_raw: row.get("to_raw")?,
        country: row.get("country")?,
        purpose: word(row, "purpose")?,
        profile: word(row, "profile")?,
        sends: match provider.is_some() {
            true => elsewhere::sends(db, seq)?,
            false => sends(db, seq)?,
        },
        provider,
        state: word(row, "state")?,
        attempts: row.get("attempts")?,
        max_attempts: row.get("max_attempts")?,
        resend: word(row, "resend")?,
        ttl: Duration::from_millis(u64::try_from(ttl).unwrap_or(0)),
        code_length: row.get("code_length")?,
        locale: word(row, "locale")?,
        template: row.get("template")?,
        last_line: domain
            .map(LastLine::Domain)
            .or(app_hash.map(LastLine::AppHash)),
        client_ref: row.get("client_ref")?,
        rate_keys: row.get("rate_keys")?,
        created_at: moment("created_at")?,
        resend_after: moment("resend_after")?,
        expires_at: moment("expires_at")?,
        verified_at: row.get::<_, Option<i64>>("verified_at")?.map(UnixMillis),
    })
}

/// A text that is forgotten is in no list of sends.
fn sends(db: &Connection, seq: i64) -> Result<Vec<SendView>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT message.id AS id, verification_code.at AS at, message.state AS state
           FROM verification_code
           JOIN message ON message.seq = verification_code.message
          WHERE verification_code.verification = :seq
          ORDER BY verification_code.number",
    )?;
    let mut rows = statement.query(named_params! { ":seq": seq })?;
    let mut sends = Vec::new();
    while let Some(row) = rows.next()? {
        sends.push(SendView {
            message: Some(word(row, "id")?),
            at: UnixMillis(row.get("at")?),
            state: word(row, "state")?,
        });
    }
    Ok(sends)
}

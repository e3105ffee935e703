//! Verifications whose codes a provider draws, sends and checks (semantics §7). What is counted of them is committed before
//! the provider is asked, and what it said afterwards: each in one transaction.
//!
//! A provider knows a code by its number only, not by what it is for. So a number has codes for one app and purpose there at
//! a time; for as long as one may live, codes for anything else are drawn here.
//!
//! Never: asks the provider, keeps a code, has one sent again of which nobody knows whether it was.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::idempotency;
use super::key;
use super::limit::{self, Counts, LimitKey};
use super::recent;
use super::row::word;
use super::verification::{
    Checked, CodeSent, FailuresOf, SendView, VerificationView, end, ended_by_clock, find, happened,
    refreshed,
};
use super::writer::{Work, job};
use super::{Once, Render, Store, StoreError};
use crate::domain::code_provider::{Compared, Earlier, Issued};
use crate::domain::{
    Clock, Destination, KeyId, ProfileName, Purpose, Resend, RouteName, UnixMillis, VerificationId,
    VerificationState,
};

/// A code that its provider is to be asked for: all that counts of it is committed.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    verification: i64,
    number: i64,
    /// No code was sent for the verification before.
    is_first: bool,
    payer: Option<KeyId>,
    pub(crate) provider: RouteName,
    pub(crate) id: VerificationId,
    pub(crate) to: Destination,
    pub(crate) profile: ProfileName,
    pub(crate) code_length: u8,
    pub(crate) ttl: Duration,
    pub(crate) earlier: Earlier,
}

/// How the request that an errand is for is answered the next time: what it was answered was stored before it was done.
pub(crate) struct Retold {
    pub(crate) scope: [u8; 32],
    pub(crate) render: Render<VerificationView>,
}

impl Retold {
    pub(crate) fn of(once: &Once<VerificationView>) -> Self {
        Self {
            scope: once.scope,
            render: Arc::clone(&once.render),
        }
    }
}

/// A code that its provider is to compare: the attempt is charged.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    verification: i64,
    id: VerificationId,
    app: String,
    /// The newest code that was sent: another begins attempts anew.
    newest: Option<i64>,
    pub(crate) provider: RouteName,
    pub(crate) to: Destination,
}

/// A code may live so much longer at its provider than here: it was drawn there later than it was asked for.
const LINGERS: i64 = 60_000;

impl Store {
    /// What became of an errand, and what of it is answered.
    pub(crate) async fn settle_code(
        &self,
        errand: Errand,
        issued: Issued,
        retold: Option<Retold>,
        clock: Clock,
    ) -> Result<CodeSent, StoreError> {
        let (job, receipt) = job(move |work| {
            let at = clock();
            settle(work, &errand, &issued, at)?;
            match &issued {
                Issued::No(refused) => {
                    if let Some(retold) = &retold {
                        idempotency::unlearn(work, &retold.scope)?;
                    }
                    Ok(CodeSent::Refused(refused.clone()))
                }
                Issued::Yes | Issued::Unknown(_) => told(work, &errand, retold.as_ref()),
            }
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// What a provider said of a code that was typed. At most one of any number of right ones is a success.
    pub(crate) async fn settle_check(
        &self,
        question: Question,
        compared: Compared,
        failures: FailuresOf,
        clock: Clock,
    ) -> Result<Checked, StoreError> {
        let (job, receipt) =
            job(move |work| settle_check(work, &question, &compared, &failures, clock()));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// At the start: whatever a provider was being asked when the gateway ended has no answer, and is not asked again.
    pub(crate) async fn settle_codes_left(&self, at: UnixMillis) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| {
            for errand in left_sending(work.db)? {
                settle(work, &errand, &Issued::Unknown(String::new()), at)?;
            }
            for id in left_checking(work.db)? {
                let Some(view) = find(work.db, &id, None)? else {
                    continue;
                };
                work.db.execute(
                    "UPDATE verification SET checking = 0 WHERE seq = :seq",
                    named_params! { ":seq": view.seq },
                )?;
                end_if_used_up(work, &view, at)?;
            }
            Ok(())
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

/// Whether a code for another app or purpose may live at a provider: the new one would be right for that, too, or that for
/// the new one.
pub(super) fn is_taken(
    db: &Connection,
    app: &str,
    to: &Destination,
    purpose: Purpose,
    at: UnixMillis,
) -> Result<bool, StoreError> {
    Ok(db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1
                              FROM verification
                              JOIN provider_code ON provider_code.verification = verification.seq
                             WHERE verification.to_number = :to
                               AND verification.provider IS NOT NULL
                               AND NOT (verification.app = :app AND verification.purpose = :purpose)
                               AND provider_code.expires_at > :at)",
        )?
        .query_row(
            named_params! {
                ":to": to.as_str(),
                ":app": app,
                ":purpose": purpose.as_str(),
                ":at": at.0 - LINGERS,
            },
            |row| row.get(0),
        )?)
}

/// What the send of a code is to count, and who pays for it.
pub(super) struct Charged<'a> {
    pub(super) counts: &'a Counts,
    pub(super) payer: Option<&'a KeyId>,
    pub(super) at: UnixMillis,
}

/// Writes down that a code is about to be asked for, and counts it.
pub(super) fn begin(
    work: &mut Work<'_>,
    view: &VerificationView,
    provider: &RouteName,
    charged: &Charged<'_>,
) -> Result<Errand, StoreError> {
    let at = charged.at;
    let newest: Option<i64> = work
        .db
        .prepare_cached("SELECT MAX(number) FROM provider_code WHERE verification = :seq")?
        .query_row(named_params! { ":seq": view.seq }, |row| row.get(0))?;
    let number = newest.unwrap_or(0) + 1;
    let is_first = newest.is_none();
    let expires_at = match view.resend {
        // Whichever of its texts somebody reads, all end together.
        Resend::SameCode if !is_first => view.expires_at,
        _ => at.plus(view.ttl),
    };
    work.db
        .prepare_cached(
            "INSERT INTO provider_code (verification, number, state, at, expires_at)
             VALUES (:seq, :number, 'sending', :at, :expires_at)",
        )?
        .execute(named_params! {
            ":seq": view.seq,
            ":number": number,
            ":at": at.0,
            ":expires_at": expires_at.0,
        })?;
    count(work, (view.seq, number), charged)?;
    let next = limit::wait_of_send(work, &view.to, charged.counts)?.unwrap_or_default();
    work.db
        .prepare_cached(
            "UPDATE verification
                SET resend_after = :resend_after
              WHERE seq = :seq",
        )?
        .execute(named_params! { ":resend_after": at.plus(next).0, ":seq": view.seq })?;
    Ok(Errand {
        verification: view.seq,
        number,
        is_first,
        payer: charged.payer.cloned(),
        provider: provider.clone(),
        id: view.id.clone(),
        to: view.to.clone(),
        profile: view.profile,
        code_length: view.code_length,
        ttl: expires_at.since(at),
        earlier: match is_first || view.resend == Resend::Replace {
            true => Earlier::Die,
            false => Earlier::StayValid,
        },
    })
}

fn count(
    work: &Work<'_>,
    (verification, number): (i64, i64),
    charged: &Charged<'_>,
) -> Result<(), StoreError> {
    let counts = charged.counts;
    limit::count(work, &counts.counted, counts.at)?;
    let Some(LimitKey(key)) = counts.of_number.elsewhere() else {
        return Ok(());
    };
    work.db
        .prepare_cached(
            "INSERT INTO provider_count (key, at, verification, number, counted)
             VALUES (:key, :at, :verification, :number, :counted)",
        )?
        .execute(named_params! {
            ":key": key,
            ":at": charged.at.0,
            ":verification": verification,
            ":number": number,
            ":counted": counts.of_number.counted_as.stored(),
        })?;
    Ok(())
}

fn settle(
    work: &mut Work<'_>,
    errand: &Errand,
    issued: &Issued,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let state = match issued {
        Issued::Yes => "sent",
        Issued::No(_) => "failed",
        Issued::Unknown(_) => "unknown",
    };
    let settled = work
        .db
        .prepare_cached(
            "UPDATE provider_code
                SET state = :state
              WHERE verification = :seq AND number = :number AND state = 'sending'",
        )?
        .execute(named_params! {
            ":state": state,
            ":seq": errand.verification,
            ":number": errand.number,
        })?;
    if settled == 0 {
        return Ok(());
    }
    match issued {
        Issued::No(_) => take_back(work, errand, at),
        Issued::Yes => {
            if errand.earlier == Earlier::Die {
                kill_earlier(work, errand)?;
            }
            went_out(work, errand, true, at)
        }
        // Which code is right now is not known: what was tried of the one before counts on.
        Issued::Unknown(_) => went_out(work, errand, false, at),
    }
}

/// It counts for nothing, and may be asked for again at once.
fn take_back(work: &mut Work<'_>, errand: &Errand, at: UnixMillis) -> Result<(), StoreError> {
    recent::uncount_elsewhere(work, errand.verification, errand.number)?;
    key::give_back(work, errand.payer.as_ref(), 1)?;
    let of_send = named_params! { ":seq": errand.verification, ":number": errand.number };
    work.db
        .prepare_cached(
            "UPDATE verification
                SET resend_after = MIN(resend_after, code.at)
               FROM (SELECT at
                       FROM provider_code
                      WHERE verification = :seq AND number = :number) AS code
              WHERE verification.seq = :seq",
        )?
        .execute(of_send)?;
    work.db
        .prepare_cached(
            "UPDATE provider_code
                SET expires_at = 0
              WHERE verification = :seq AND number = :number",
        )?
        .execute(of_send)?;
    // Nobody was told of it, and there is no code that could be right for it.
    if errand.is_first
        && let Some(view) = find(work.db, &errand.id, None)?
    {
        end(work, &view, VerificationState::Canceled, at)?;
    }
    Ok(())
}

fn went_out(
    work: &mut Work<'_>,
    errand: &Errand,
    is_certain: bool,
    at: UnixMillis,
) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE verification
                SET attempts = CASE WHEN :is_certain AND resend = 'replace' THEN 0 ELSE attempts END,
                    expires_at = code.expires_at
               FROM (SELECT expires_at
                       FROM provider_code
                      WHERE verification = :seq AND number = :number) AS code
              WHERE verification.seq = :seq AND state = 'pending'",
        )?
        .execute(named_params! {
            ":is_certain": is_certain,
            ":seq": errand.verification,
            ":number": errand.number,
        })?;
    match find(work.db, &errand.id, None)? {
        Some(view) => happened(work, &view, "verification.sent", at),
        None => Ok(()),
    }
}

/// The provider lets all die that it sent to the number before.
fn kill_earlier(work: &Work<'_>, errand: &Errand) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "UPDATE provider_code
                SET expires_at = 0
              WHERE verification IN (SELECT seq
                                       FROM verification
                                      WHERE to_number = :to AND provider = :provider AND seq <= :seq)
                AND NOT (verification = :seq AND number >= :number)",
        )?
        .execute(named_params! {
            ":to": errand.to.as_str(),
            ":provider": errand.provider.as_str(),
            ":seq": errand.verification,
            ":number": errand.number,
        })?;
    Ok(())
}

fn told(work: &Work<'_>, errand: &Errand, retold: Option<&Retold>) -> Result<CodeSent, StoreError> {
    let Some(view) = find(work.db, &errand.id, None)? else {
        return Ok(CodeSent::NotFound);
    };
    if let Some(retold) = retold {
        idempotency::retell(work, &retold.scope, &(retold.render)(&view))?;
    }
    Ok(CodeSent::Elsewhere(Box::new(view)))
}

/// Charges an attempt for a code that the provider is to compare. `None`: they are used up, by others that it is being asked
/// about.
pub(super) fn question(
    work: &Work<'_>,
    view: &VerificationView,
    provider: &RouteName,
) -> Result<Option<Question>, StoreError> {
    let charged = work
        .db
        .prepare_cached(
            "UPDATE verification
                SET attempts = attempts + 1, checking = checking + 1
              WHERE seq = :seq AND state = 'pending' AND attempts < max_attempts",
        )?
        .execute(named_params! { ":seq": view.seq })?;
    if charged == 0 {
        return Ok(None);
    }
    Ok(Some(Question {
        verification: view.seq,
        id: view.id.clone(),
        app: view.app.clone(),
        newest: newest_sent(work.db, view.seq)?,
        provider: provider.clone(),
        to: view.to.clone(),
    }))
}

fn newest_sent(db: &Connection, seq: i64) -> Result<Option<i64>, StoreError> {
    Ok(db
        .prepare_cached(
            "SELECT MAX(number)
               FROM provider_code
              WHERE verification = :seq AND state = 'sent'",
        )?
        .query_row(named_params! { ":seq": seq }, |row| row.get(0))?)
}

fn settle_check(
    work: &mut Work<'_>,
    question: &Question,
    compared: &Compared,
    failures: &FailuresOf,
    at: UnixMillis,
) -> Result<Checked, StoreError> {
    work.db
        .prepare_cached(
            "UPDATE verification
                SET checking = MAX(checking - 1, 0)
              WHERE seq = :seq",
        )?
        .execute(named_params! { ":seq": question.verification })?;
    let Some(view) = find(work.db, &question.id, None)? else {
        return Ok(Checked::NotFound);
    };
    let view = ended_by_clock(work, view, at)?;
    match compared {
        Compared::Right => match end(work, &view, VerificationState::Approved, at)? {
            true => Ok(Checked::Approved),
            false => Ok(Checked::Over(Box::new(refreshed(work, &view)?))),
        },
        Compared::Wrong => {
            limit::count(work, &[failures(&question.app, &question.to)], at)?;
            end_if_used_up(work, &view, at)?;
            Ok(Checked::Wrong(Box::new(refreshed(work, &view)?)))
        }
        Compared::NotAsked(_) => {
            give_attempt_back(work, question)?;
            Ok(Checked::Unavailable)
        }
        Compared::Unanswered(_) => {
            end_if_used_up(work, &view, at)?;
            Ok(Checked::Unavailable)
        }
    }
}

/// Another code that was sent meanwhile has begun attempts anew: there is none to give back.
fn give_attempt_back(work: &Work<'_>, question: &Question) -> Result<(), StoreError> {
    if newest_sent(work.db, question.verification)? != question.newest {
        return Ok(());
    }
    work.db
        .prepare_cached(
            "UPDATE verification
                SET attempts = MAX(attempts - 1, 0)
              WHERE seq = :seq AND state = 'pending'",
        )?
        .execute(named_params! { ":seq": question.verification })?;
    Ok(())
}

/// The last answer of those that were asked for decides: one of them may have been yes.
fn end_if_used_up(
    work: &mut Work<'_>,
    view: &VerificationView,
    at: UnixMillis,
) -> Result<(), StoreError> {
    let is_used_up: Option<bool> = work
        .db
        .prepare_cached(
            "SELECT attempts >= max_attempts AND checking = 0
               FROM verification
              WHERE seq = :seq AND state = 'pending'",
        )?
        .query_row(named_params! { ":seq": view.seq }, |row| row.get(0))
        .optional()?;
    if is_used_up == Some(true) {
        end(work, view, VerificationState::MaxAttemptsReached, at)?;
    }
    Ok(())
}

/// The code is used up there. Where others live beside it they do till their own end.
pub(super) fn approved(work: &Work<'_>, view: &VerificationView) -> Result<(), StoreError> {
    if view.provider.is_none() || view.resend != Resend::Replace {
        return Ok(());
    }
    work.db
        .prepare_cached(
            "UPDATE provider_code
                SET expires_at = 0
              WHERE verification = :seq AND state <> 'sending'",
        )?
        .execute(named_params! { ":seq": view.seq })?;
    Ok(())
}

/// Oldest first.
pub(super) fn sends(db: &Connection, seq: i64) -> Result<Vec<SendView>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT at, state
           FROM provider_code
          WHERE verification = :seq
          ORDER BY number",
    )?;
    let mut rows = statement.query(named_params! { ":seq": seq })?;
    let mut sends = Vec::new();
    while let Some(row) = rows.next()? {
        sends.push(SendView {
            message: None,
            at: UnixMillis(row.get("at")?),
            state: word(row, "state")?,
        });
    }
    Ok(sends)
}

/// Only what settling reads of them is right.
fn left_sending(db: &Connection) -> Result<Vec<Errand>, StoreError> {
    let mut statement = db.prepare(
        "SELECT verification.seq AS seq, verification.id AS id, to_number, profile, provider, code_length, number
           FROM provider_code
           JOIN verification ON verification.seq = provider_code.verification
          WHERE provider_code.state = 'sending'",
    )?;
    let mut rows = statement.query([])?;
    let mut left = Vec::new();
    while let Some(row) = rows.next()? {
        left.push(Errand {
            verification: row.get("seq")?,
            number: row.get("number")?,
            is_first: false,
            payer: None,
            provider: word(row, "provider")?,
            id: word(row, "id")?,
            to: word(row, "to_number")?,
            profile: word(row, "profile")?,
            code_length: row.get("code_length")?,
            ttl: Duration::ZERO,
            earlier: Earlier::StayValid,
        });
    }
    Ok(left)
}

fn left_checking(db: &Connection) -> Result<Vec<VerificationId>, StoreError> {
    let mut statement = db.prepare("SELECT id FROM verification WHERE checking > 0")?;
    let mut rows = statement.query([])?;
    let mut left = Vec::new();
    while let Some(row) = rows.next()? {
        left.push(word(row, "id")?);
    }
    Ok(left)
}

//! Answers already given, kept so that a repeated request gets the same one and does nothing (http-api.md §0.2).

use std::sync::Arc;

use rusqlite::{OptionalExtension, named_params};

use super::writer::Work;
use super::{MessageView, Store, StoreError};
use crate::domain::{Skip, UnixMillis};

/// An answer as it was given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) body: String,
}

/// A request that carries an Idempotency-Key.
pub(crate) struct Once<V = MessageView> {
    /// Hash of caller, method, path and key.
    pub(crate) scope: [u8; 32],
    pub(crate) body_mac: [u8; 32],
    /// How what is new is answered: stored with it, in one transaction.
    pub(crate) render: Render<V>,
    /// How an alert that is not wanted is answered.
    pub(crate) skipped: fn(Skip) -> Answer,
}

/// How a new message, or a new batch, is answered: the same each time it is asked.
pub(crate) type Render<V = MessageView> = Arc<dyn Fn(&V) -> Answer + Send + Sync>;

/// What is known of a request before it is looked at.
#[derive(Debug)]
pub(super) enum Known {
    New,
    Replay(Answer),
    OtherBody,
}

impl Store {
    /// The answer that was given to the same request before, if any.
    pub(crate) async fn answered_before<V>(
        &self,
        once: &Once<V>,
    ) -> Result<Option<Result<Answer, OtherBody>>, StoreError> {
        let (scope, body_mac) = (once.scope, once.body_mac);
        self.readers
            .ask(move |db| {
                Ok(match look_up(db, &scope, &body_mac)? {
                    Known::New => None,
                    Known::Replay(answer) => Some(Ok(answer)),
                    Known::OtherBody => Some(Err(OtherBody)),
                })
            })
            .await
    }
}

/// The key was used before, with another body.
#[derive(Debug)]
pub(crate) struct OtherBody;

/// What is known of a request in the transaction that would do it; without a key it is always new.
pub(super) fn known<V>(
    db: &rusqlite::Connection,
    once: Option<&Once<V>>,
) -> Result<Known, rusqlite::Error> {
    match once {
        None => Ok(Known::New),
        Some(once) => look_up(db, &once.scope, &once.body_mac),
    }
}

fn look_up(
    db: &rusqlite::Connection,
    scope: &[u8; 32],
    body_mac: &[u8; 32],
) -> Result<Known, rusqlite::Error> {
    let found = db
        .prepare_cached(
            "SELECT body_mac, status, location, answer
               FROM idempotency
              WHERE scope = :scope",
        )?
        .query_row(named_params! { ":scope": scope.as_slice() }, |row| {
            let answer = Answer {
                status: row.get(1)?,
                location: row.get(2)?,
                body: row.get(3)?,
            };
            Ok((row.get::<_, Vec<u8>>(0)?, answer))
        })
        .optional()?;
    Ok(match found {
        None => Known::New,
        Some((mac, answer)) if mac == body_mac => Known::Replay(answer),
        Some(_) => Known::OtherBody,
    })
}

/// Another answer, in the place of the one that was stored.
pub(super) fn retell(
    work: &Work<'_>,
    scope: &[u8; 32],
    answer: &Answer,
) -> Result<(), rusqlite::Error> {
    work.db
        .prepare_cached(
            "UPDATE idempotency
                SET status = :status, location = :location, answer = :answer
              WHERE scope = :scope",
        )?
        .execute(named_params! {
            ":status": answer.status,
            ":location": answer.location,
            ":answer": answer.body,
            ":scope": scope.as_slice(),
        })?;
    Ok(())
}

/// The request came to nothing: the same one is a new one.
pub(super) fn unlearn(work: &Work<'_>, scope: &[u8; 32]) -> Result<(), rusqlite::Error> {
    work.db
        .prepare_cached("DELETE FROM idempotency WHERE scope = :scope")?
        .execute(named_params! { ":scope": scope.as_slice() })?;
    Ok(())
}

/// Stores the answer beside the row it is about.
pub(super) fn remember<V>(
    work: &Work<'_>,
    once: &Once<V>,
    answer: &Answer,
    at: UnixMillis,
) -> Result<(), rusqlite::Error> {
    work.db
        .prepare_cached(
            "INSERT INTO idempotency (scope, body_mac, status, location, answer, created_at)
             VALUES (:scope, :body_mac, :status, :location, :answer, :created_at)",
        )?
        .execute(named_params! {
            ":scope": once.scope.as_slice(),
            ":body_mac": once.body_mac.as_slice(),
            ":status": answer.status,
            ":location": answer.location,
            ":answer": answer.body,
            ":created_at": at.0,
        })?;
    Ok(())
}

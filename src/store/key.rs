//! Keys of callers, and who did what with them.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::idempotency::{self, Answer, Known};
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::key::{App, Key, KeyHash, KeyId, Scope};
use crate::domain::UnixMillis;

/// What is put on record beside a change.
#[derive(Clone, Debug)]
pub(crate) struct AuditEntry {
    pub(crate) at: UnixMillis,
    /// The id of the caller's key, or `admin`.
    pub(crate) key: String,
    pub(crate) action: &'static str,
    pub(crate) object: Option<String>,
    pub(crate) address: Option<String>,
}

/// An entry with its place in the record.
#[derive(Clone, Debug)]
pub(crate) struct Audited {
    pub(crate) seq: i64,
    pub(crate) at: UnixMillis,
    pub(crate) key: String,
    pub(crate) action: String,
    pub(crate) object: Option<String>,
    pub(crate) address: Option<String>,
}

/// What is to be different about a key. `None`: as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyChange {
    pub(crate) name: Option<String>,
    pub(crate) scopes: Option<Vec<Scope>>,
    /// `Some(None)`: any number of messages.
    pub(crate) credit: Option<Option<i64>>,
    pub(crate) enabled: Option<bool>,
}

/// What became of a wish for a new key.
#[derive(Debug)]
pub(crate) enum NewKey {
    Made(Box<Key>),
    /// There are [`MOST_KEYS`] already.
    TooMany,
}

/// Far more than a gateway has callers.
pub(crate) const MOST_KEYS: i64 = 4096;

impl Store {
    /// Every key.
    pub(crate) async fn keys(&self) -> Result<Vec<Key>, StoreError> {
        self.readers
            .ask(|db| {
                let mut statement = db.prepare_cached(&format!("{KEY} ORDER BY seq DESC"))?;
                let mut rows = statement.query([])?;
                let mut keys = Vec::new();
                while let Some(row) = rows.next()? {
                    keys.push(key_of(row)?);
                }
                Ok(keys)
            })
            .await
    }

    /// Makes a key.
    pub(crate) async fn add_key(&self, key: Key, by: AuditEntry) -> Result<NewKey, StoreError> {
        let (job, receipt) = job(move |work| {
            let known: i64 = work
                .db
                .prepare_cached("SELECT COUNT(*) FROM api_key")?
                .query_row([], |row| row.get(0))?;
            if known >= MOST_KEYS {
                return Ok(NewKey::TooMany);
            }
            insert(work, &key)?;
            note(work, &by)?;
            Ok(NewKey::Made(Box::new(key.clone())))
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Changes a key; `None` when there is none with this id.
    pub(crate) async fn change_key(
        &self,
        id: KeyId,
        change: KeyChange,
        by: AuditEntry,
    ) -> Result<Option<Key>, StoreError> {
        let (job, receipt) = job(move |work| {
            let Some(before) = key(work.db, &id)? else {
                return Ok(None);
            };
            let after = Key {
                name: change.name.clone().unwrap_or(before.name),
                scopes: change.scopes.clone().unwrap_or(before.scopes),
                credit: change.credit.unwrap_or(before.credit),
                enabled: change.enabled.unwrap_or(before.enabled),
                ..before
            };
            work.db
                .prepare_cached(
                    "UPDATE api_key
                        SET name = :name, scopes = :scopes, credit = :credit, enabled = :enabled
                      WHERE id = :id",
                )?
                .execute(named_params! {
                    ":name": after.name,
                    ":scopes": scope_words(&after.scopes),
                    ":credit": after.credit,
                    ":enabled": after.enabled,
                    ":id": id.as_str(),
                })?;
            note(work, &by)?;
            Ok(Some(after))
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Revokes a key for ever. `false`: there is none with this id.
    pub(crate) async fn remove_key(&self, id: KeyId, by: AuditEntry) -> Result<bool, StoreError> {
        let (job, receipt) = job(move |work| {
            let removed = work
                .db
                .prepare_cached("DELETE FROM api_key WHERE id = :id")?
                .execute(named_params! { ":id": id.as_str() })?;
            if removed == 1 {
                note(work, &by)?;
            }
            Ok(removed == 1)
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// The key as it stands, with its credit.
    pub(crate) async fn key(&self, id: KeyId) -> Result<Option<Key>, StoreError> {
        self.readers.ask(move |db| key(db, &id)).await
    }

    /// Puts something that changed no row of its own on record.
    pub(crate) async fn audit(&self, entry: AuditEntry) -> Result<(), StoreError> {
        let (job, receipt) = job(move |work| note(work, &entry));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// What was done, newest first. `before`: only what was done before this entry.
    pub(crate) async fn audited(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Audited>, StoreError> {
        self.readers
            .ask(move |db| {
                let mut statement = db.prepare_cached(
                    "SELECT seq, at, key, action, object, address
                       FROM audit
                      WHERE seq < :before
                      ORDER BY seq DESC
                      LIMIT :limit",
                )?;
                let values = named_params! {
                    ":before": before.unwrap_or(i64::MAX),
                    ":limit": limit,
                };
                let rows = statement.query_map(values, |row| {
                    Ok(Audited {
                        seq: row.get(0)?,
                        at: UnixMillis(row.get(1)?),
                        key: row.get(2)?,
                        action: row.get(3)?,
                        object: row.get(4)?,
                        address: row.get(5)?,
                    })
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// Takes so many messages off the key's credit, all or none. `false`: it has fewer left.
pub(super) fn charge(work: &Work<'_>, id: &KeyId, messages: i64) -> Result<bool, StoreError> {
    let charged = work
        .db
        .prepare_cached(
            "UPDATE api_key
                SET credit = credit - :messages
              WHERE id = :id AND (credit IS NULL OR credit >= :messages)",
        )?
        .execute(named_params! { ":messages": messages, ":id": id.as_str() })?;
    Ok(charged == 1)
}

/// Deletes entries from before `before`, at most `step`; answers how many.
pub(super) fn forget(work: &Work<'_>, before: i64, step: i64) -> Result<usize, StoreError> {
    Ok(work
        .db
        .prepare_cached(
            "DELETE FROM audit
              WHERE seq IN (SELECT seq FROM audit WHERE at < :before LIMIT :step)",
        )?
        .execute(named_params! { ":before": before, ":step": step })?)
}

const KEY: &str = "SELECT id, hash, name, app, scopes, cidrs, credit, enabled, created_at, expires_at
  FROM api_key";

fn key(db: &Connection, id: &KeyId) -> Result<Option<Key>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{KEY} WHERE id = :id"))?;
    let mut rows = statement.query(named_params! { ":id": id.as_str() })?;
    rows.next()?.map(key_of).transpose()
}

fn key_of(row: &Row<'_>) -> Result<Key, StoreError> {
    let corrupt = |column: &str| StoreError::Corrupt(format!("column {column} of a key"));
    let text = |column: &str| row.get::<_, String>(column);
    let hash: Vec<u8> = row.get("hash")?;
    let scopes = text("scopes")?;
    let cidrs = text("cidrs")?;
    Ok(Key {
        id: KeyId::parse(&text("id")?).ok_or_else(|| corrupt("id"))?,
        hash: KeyHash(hash.try_into().map_err(|_| corrupt("hash"))?),
        name: text("name")?,
        app: App::parse(&text("app")?).ok_or_else(|| corrupt("app"))?,
        // A word that only a later version knows lets nobody do anything here.
        scopes: scopes.split(' ').filter_map(Scope::parse).collect(),
        cidrs: cidrs
            .split_whitespace()
            .map(|net| net.parse().map_err(|_| corrupt("cidrs")))
            .collect::<Result<_, _>>()?,
        credit: row.get("credit")?,
        enabled: row.get("enabled")?,
        created_at: UnixMillis(row.get("created_at")?),
        expires_at: row.get::<_, Option<i64>>("expires_at")?.map(UnixMillis),
    })
}

fn insert(work: &Work<'_>, key: &Key) -> Result<(), StoreError> {
    let cidrs: Vec<String> = key.cidrs.iter().map(ToString::to_string).collect();
    work.db
        .prepare_cached(
            "INSERT INTO api_key (id, hash, name, app, scopes, cidrs, credit, enabled, created_at, expires_at)
             VALUES (:id, :hash, :name, :app, :scopes, :cidrs, :credit, :enabled, :created_at, :expires_at)",
        )?
        .execute(named_params! {
            ":id": key.id.as_str(),
            ":hash": key.hash.0.as_slice(),
            ":name": key.name,
            ":app": key.app.as_str(),
            ":scopes": scope_words(&key.scopes),
            ":cidrs": cidrs.join(" "),
            ":credit": key.credit,
            ":enabled": key.enabled,
            ":created_at": key.created_at.0,
            ":expires_at": key.expires_at.map(|at| at.0),
        })?;
    Ok(())
}

fn scope_words(scopes: &[Scope]) -> String {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

fn note(work: &Work<'_>, entry: &AuditEntry) -> Result<(), StoreError> {
    work.db
        .prepare_cached(
            "INSERT INTO audit (at, key, action, object, address)
             VALUES (:at, :key, :action, :object, :address)",
        )?
        .execute(named_params! {
            ":at": entry.at.0,
            ":key": entry.key,
            ":action": entry.action,
            ":object": entry.object,
            ":address": entry.address,
        })?;
    Ok(())
}

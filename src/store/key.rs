//! Keys of callers. What is kept of a key is its SHA-256; who may do what with it is decided in memory, from the rows
//! that are read at the start and answered by each change.

use rusqlite::{Connection, Row, named_params};

use super::audit::{self, AuditEntry};
use super::idempotency::{self, Once};
use super::message::Accepted;
use super::writer::{Work, job};
use super::{Store, StoreError};
use crate::domain::{App, Key, KeyHash, KeyId, Scope, UnixMillis};

/// What is to be different about a key. `None`: as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyChange {
    pub(crate) name: Option<String>,
    pub(crate) scopes: Option<Vec<Scope>>,
    /// `Some(None)`: any number of messages.
    pub(crate) credit: Option<Option<i64>>,
    pub(crate) enabled: Option<bool>,
}

/// Far more than a gateway has callers; all of them are kept in memory.
const MOST_KEYS: i64 = 4096;

impl Store {
    /// Every key, newest first.
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

    /// At most `limit` keys made before the one with this place, newest first, with their places.
    pub(crate) async fn key_page(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<(i64, Key)>, StoreError> {
        self.readers
            .ask(move |db| {
                let sql = format!("{KEY} WHERE seq < :before ORDER BY seq DESC LIMIT :limit");
                let mut statement = db.prepare_cached(&sql)?;
                let mut rows = statement.query(named_params! {
                    ":before": before.unwrap_or(i64::MAX),
                    ":limit": limit,
                })?;
                let mut keys = Vec::new();
                while let Some(row) = rows.next()? {
                    keys.push((row.get("seq")?, key_of(row)?));
                }
                Ok(keys)
            })
            .await
    }

    /// Stores a new key, and the answer to its Idempotency-Key, in one transaction.
    pub(crate) async fn add_key(
        &self,
        key: Key,
        by: AuditEntry,
        once: Option<Once<Key>>,
    ) -> Result<Accepted<Key>, StoreError> {
        let (job, receipt) = job(move |work| add(work, &key, &by, once.as_ref()));
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }

    /// Changes a key and answers it as it is then; `None` when there is none with this id.
    pub(crate) async fn change_key(
        &self,
        id: KeyId,
        change: KeyChange,
        by: AuditEntry,
    ) -> Result<Option<Key>, StoreError> {
        let (job, receipt) = job(move |work| alter(work, &id, &change, &by));
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
                audit::note(work, &by)?;
            }
            Ok(removed == 1)
        });
        self.door.submit(vec![job]).await;
        receipt.committed().await
    }
}

/// Takes so many messages off the key's credit, all or none (semantics §8). `false`: it has fewer left, or was revoked
/// meanwhile.
pub(super) fn charge(
    work: &Work<'_>,
    payer: Option<&KeyId>,
    messages: usize,
) -> Result<bool, StoreError> {
    let Some(id) = payer else {
        return Ok(true);
    };
    let charged = work
        .db
        .prepare_cached(
            "UPDATE api_key
                SET credit = credit - :messages
              WHERE id = :id AND (credit IS NULL OR credit >= :messages)",
        )?
        .execute(named_params! {
            ":messages": i64::try_from(messages).unwrap_or(i64::MAX),
            ":id": id.as_str(),
        })?;
    Ok(charged == 1)
}

/// What was charged for did not come to be, and its caller was told so.
pub(super) fn give_back(
    work: &Work<'_>,
    payer: Option<&KeyId>,
    messages: i64,
) -> Result<(), StoreError> {
    let Some(id) = payer else {
        return Ok(());
    };
    work.db
        .prepare_cached(
            "UPDATE api_key
                SET credit = credit + :messages
              WHERE id = :id",
        )?
        .execute(named_params! { ":messages": messages, ":id": id.as_str() })?;
    Ok(())
}

fn add(
    work: &Work<'_>,
    key: &Key,
    by: &AuditEntry,
    once: Option<&Once<Key>>,
) -> Result<Accepted<Key>, StoreError> {
    if let Some(before) = Accepted::before(work, once)? {
        return Ok(before);
    }
    let known: i64 = work
        .db
        .prepare_cached("SELECT COUNT(*) FROM api_key")?
        .query_row([], |row| row.get(0))?;
    if known >= MOST_KEYS {
        return Ok(Accepted::TooMany);
    }
    insert(work, key)?;
    audit::note(work, by)?;
    if let Some(once) = once {
        idempotency::remember(work, once, &(once.render)(key), key.created_at)?;
    }
    Ok(Accepted::New(Box::new(key.clone())))
}

fn alter(
    work: &Work<'_>,
    id: &KeyId,
    change: &KeyChange,
    by: &AuditEntry,
) -> Result<Option<Key>, StoreError> {
    let Some(before) = find(work.db, id)? else {
        return Ok(None);
    };
    let after = Key {
        name: change.name.clone().unwrap_or_else(|| before.name.clone()),
        scopes: change
            .scopes
            .clone()
            .unwrap_or_else(|| before.scopes.clone()),
        credit: change.credit.unwrap_or(before.credit),
        enabled: change.enabled.unwrap_or(before.enabled),
        ..before.clone()
    };
    if after == before {
        return Ok(Some(after));
    }
    work.db
        .prepare_cached(
            "UPDATE api_key
                SET name = :name, scopes = :scopes, credit = :credit, enabled = :enabled
              WHERE id = :id",
        )?
        .execute(named_params! {
            ":name": after.name,
            ":scopes": words(&after.scopes),
            ":credit": after.credit,
            ":enabled": after.enabled,
            ":id": id.as_str(),
        })?;
    audit::note(work, by)?;
    Ok(Some(after))
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
            ":scopes": words(&key.scopes),
            ":cidrs": cidrs.join(" "),
            ":credit": key.credit,
            ":enabled": key.enabled,
            ":created_at": key.created_at.0,
            ":expires_at": key.expires_at.map(|at| at.0),
        })?;
    Ok(())
}

fn words(scopes: &[Scope]) -> String {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}

const KEY: &str =
    "SELECT seq, id, hash, name, app, scopes, cidrs, credit, enabled, created_at, expires_at
  FROM api_key";

fn find(db: &Connection, id: &KeyId) -> Result<Option<Key>, StoreError> {
    let mut statement = db.prepare_cached(&format!("{KEY} WHERE id = :id"))?;
    let mut rows = statement.query(named_params! { ":id": id.as_str() })?;
    rows.next()?.map(key_of).transpose()
}

fn key_of(row: &Row<'_>) -> Result<Key, StoreError> {
    let corrupt = |column: &str| StoreError::Corrupt(format!("column {column} of a key"));
    let text = |column: &str| row.get::<_, String>(column);
    let hash: Vec<u8> = row.get("hash")?;
    let cidrs = text("cidrs")?;
    Ok(Key {
        id: KeyId::parse(&text("id")?).ok_or_else(|| corrupt("id"))?,
        hash: KeyHash(hash.try_into().map_err(|_| corrupt("hash"))?),
        name: text("name")?,
        app: App::parse(&text("app")?).ok_or_else(|| corrupt("app"))?,
        // A word that only a later version knows lets nobody do anything here.
        scopes: text("scopes")?
            .split(' ')
            .filter_map(Scope::parse)
            .collect(),
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

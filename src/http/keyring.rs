//! Every key in memory, so that who asks is known without a question to the database.
//!
//! It follows the database: it is changed after the COMMIT that changed the rows, one change at a time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::Gate;
use crate::domain::{Key, KeyHash, KeyId, UnixMillis};
use crate::store::StoreError;

#[derive(Debug)]
pub(super) struct Keyring {
    by_hash: RwLock<HashMap<KeyHash, Arc<Key>>>,
    /// Held from before a change's transaction until it is in `by_hash`: of two changes of one key the later one stays.
    changing: tokio::sync::Mutex<()>,
}

impl Keyring {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        Self {
            by_hash: RwLock::new(mapped(keys)),
            changing: tokio::sync::Mutex::default(),
        }
    }

    /// The key with this hash, if it opens anything now. A map of SHA-256 sums tells by its timing nothing that helps to
    /// find a key; the last comparison takes the same time whatever differs.
    pub(super) fn find(&self, hash: &KeyHash, now: UnixMillis) -> Option<Arc<Key>> {
        let by_hash = self.by_hash.read().unwrap_or_else(PoisonError::into_inner);
        let key = by_hash.get(hash)?;
        (key.hash.is(hash) && key.is_live(now)).then(|| Arc::clone(key))
    }

    fn put(&self, key: Key) {
        self.change(|keys| {
            keys.insert(key.hash, Arc::new(key));
        });
    }

    fn remove(&self, id: &KeyId) {
        self.change(|keys| keys.retain(|_, key| key.id != *id));
    }

    fn replace(&self, keys: Vec<Key>) {
        self.change(|old| *old = mapped(keys));
    }

    fn change(&self, change: impl FnOnce(&mut HashMap<KeyHash, Arc<Key>>)) {
        // The map is whole before and after each change.
        change(&mut self.by_hash.write().unwrap_or_else(PoisonError::into_inner));
    }
}

fn mapped(keys: Vec<Key>) -> HashMap<KeyHash, Arc<Key>> {
    let entry = |key: Key| (key.hash, Arc::new(key));
    keys.into_iter().map(entry).collect()
}

/// How long after a failure the rows are read again.
const AGAIN: Duration = Duration::from_secs(1);

/// What a change did to the keys in memory.
#[derive(Debug)]
pub(super) enum KeyNews {
    Is(Box<Key>),
    Gone(KeyId),
    Nothing,
}

impl Gate {
    /// Runs a change of the keys and takes it over into memory. A caller who hangs up meanwhile does not stop it.
    pub(super) async fn change_keys<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, StoreError>> + Send + 'static,
        news: impl FnOnce(&T) -> KeyNews + Send + 'static,
    ) -> Result<T, StoreError> {
        let gate = self.clone();
        let changing = self.0.acceptances.spawn(async move {
            let keyring = gate.keyring();
            let _turn = keyring.changing.lock().await;
            let written = write.await;
            match &written {
                Ok(done) => match news(done) {
                    KeyNews::Is(key) => keyring.put(*key),
                    KeyNews::Gone(id) => keyring.remove(&id),
                    KeyNews::Nothing => {}
                },
                // What it came to is not known: the rows are.
                Err(_) => gate.read_keys_again().await,
            }
            written
        });
        changing.await.map_err(|_| StoreError::Closed)?
    }

    /// Takes over what is stored. While that cannot be read no key opens anything but the admin's: one of them may have
    /// been revoked.
    async fn read_keys_again(&self) {
        if let Ok(keys) = self.store().keys().await {
            return self.keyring().replace(keys);
        }
        self.keyring().replace(Vec::new());
        let gate = self.clone();
        tokio::spawn(async move {
            while !gate.is_closing() {
                tokio::time::sleep(AGAIN).await;
                let _turn = gate.keyring().changing.lock().await;
                if let Ok(keys) = gate.store().keys().await {
                    return gate.keyring().replace(keys);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{App, Scope};

    fn key(secret: &str, number: u8) -> Key {
        Key {
            id: KeyId::new(UnixMillis(1_700_000_000_000), [number; 10]),
            hash: KeyHash::of(secret),
            name: "shop".into(),
            app: App::usual(),
            scopes: vec![Scope::MessagesSend],
            cidrs: Vec::new(),
            credit: None,
            enabled: true,
            created_at: UnixMillis(1_700_000_000_000),
            expires_at: Some(UnixMillis(1_700_000_001_000)),
        }
    }

    #[test]
    fn a_key_opens_while_it_lives_and_is_there() {
        let now = UnixMillis(1_700_000_000_500);
        let keyring = Keyring::new(vec![key("one", 1), key("two", 2)]);
        let opens = |secret: &str, now| keyring.find(&KeyHash::of(secret), now).is_some();
        assert!(opens("one", now) && opens("two", now) && !opens("three", now));
        assert!(!opens("one", UnixMillis(1_700_000_001_000)));
        keyring.put(Key {
            enabled: false,
            ..key("one", 1)
        });
        assert!(!opens("one", now) && opens("two", now));
        keyring.put(key("one", 1));
        keyring.remove(&key("two", 2).id);
        assert!(opens("one", now) && !opens("two", now));
    }
}

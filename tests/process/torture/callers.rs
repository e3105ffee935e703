//! Applications that send: each text under an Idempotency-Key, asked again with the same key until it is answered.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use crate::daemon::ask_with;

const CALLERS: u64 = 6;
const CATEGORIES: [&str; 5] = ["otp", "alert", "transactional", "notification", "bulk"];

/// Where the gateway is now, and how many texts it has accepted.
#[derive(Clone)]
pub(super) struct Whereabouts {
    address: Arc<RwLock<String>>,
    key: String,
    answered: Arc<AtomicUsize>,
}

impl Whereabouts {
    pub(super) fn of(address: &str, key: &str) -> Self {
        Self {
            address: Arc::new(RwLock::new(address.to_owned())),
            key: key.to_owned(),
            answered: Arc::default(),
        }
    }

    pub(super) fn moved(&self, address: &str) {
        address.clone_into(&mut self.address.write().unwrap());
    }

    pub(super) fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }
}

/// A text that was accepted, as its caller knows it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: String,
    /// One word of it that no other text has.
    pub(super) word: String,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) category: &'static str,
    /// How often it was asked before it was answered.
    pub(super) repeats: usize,
}

pub(super) struct Callers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Vec<Asked>>>,
}

impl Callers {
    pub(super) fn start(whereabouts: &Whereabouts, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (0..CALLERS)
            .map(|caller| {
                let (stop, whereabouts) = (Arc::clone(&stop), whereabouts.clone());
                std::thread::spawn(move || call(caller, &whereabouts, seed, &stop))
            })
            .collect();
        Self { stop, threads }
    }

    /// What they asked for; each has its answer.
    pub(super) fn finish(self) -> Vec<Asked> {
        self.stop.store(true, Ordering::Relaxed);
        let all = self
            .threads
            .into_iter()
            .map(|thread| thread.join().unwrap());
        all.flatten().collect()
    }
}

fn call(caller: u64, whereabouts: &Whereabouts, seed: u64, stop: &AtomicBool) -> Vec<Asked> {
    let mut rng = StdRng::seed_from_u64(seed * 1000 + caller);
    let mut asked = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = asked.len();
        let word = format!("c{caller}n{number:05}");
        let to = format!("+86138{caller}{number:07}");
        let category = CATEGORIES[rng.random_range(0..CATEGORIES.len())];
        let text = words(&word, &mut rng);
        let (id, repeats) = ask_until_answered(whereabouts, &word, &to, &text, category);
        asked.push(Asked {
            id,
            word,
            to,
            text,
            category,
            repeats,
        });
        std::thread::sleep(Duration::from_millis(rng.random_range(20..100)));
    }
    asked
}

/// A single text, or one of two to four parts; its second word is `word`.
pub(super) fn words(word: &str, rng: &mut StdRng) -> String {
    let (alphabet, length) = match rng.random_range(0..8) {
        0 => ("long", rng.random_range(170..500)),
        1 => ("长的", rng.random_range(75..200)),
        2 => ("短的", 20),
        _ => ("short", 20),
    };
    let mut text = alphabet.to_owned();
    while text.chars().count() < length {
        text = format!("{text} {word}");
    }
    text
}

fn ask_until_answered(
    whereabouts: &Whereabouts,
    word: &str,
    to: &str,
    text: &str,
    category: &str,
) -> (String, usize) {
    let asked = json!({ "to": to, "text": text, "category": category, "client_ref": word });
    let body = asked.to_string();
    let idempotency = [("Idempotency-Key", word)];
    let mut repeats = 0;
    loop {
        let address = whereabouts.address.read().unwrap().clone();
        let reply = ask_with(
            &address,
            "POST",
            "/v1/messages",
            &whereabouts.key,
            &idempotency,
            &body,
        );
        match reply {
            Ok(reply) if reply.status == 202 => {
                whereabouts.answered.fetch_add(1, Ordering::Relaxed);
                return (reply.body["id"].as_str().unwrap().to_owned(), repeats);
            }
            // 401: another gateway has the port now that ours had before.
            Ok(reply) if matches!(reply.status, 401 | 409 | 500 | 503) => {}
            Ok(reply) => panic!("{word}: {} {}", reply.status, reply.body),
            // It was killed before it answered, or does not listen yet.
            Err(_) => {}
        }
        repeats += 1;
        std::thread::sleep(Duration::from_millis(25));
    }
}

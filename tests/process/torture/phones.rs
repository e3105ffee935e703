//! People who write to the SIMs meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use modem_sim::MobileText;
use modem_sim::client::Client;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::callers::words;

/// A text that the network took for one of the SIMs.
#[derive(Debug)]
pub(super) struct Wrote {
    pub(super) word: String,
    pub(super) from: String,
    pub(super) text: String,
}

pub(super) struct Phones {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Wrote>>,
}

impl Phones {
    pub(super) fn start(network: Client, modems: usize, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || write(network, modems, seed, &stopped));
        Self { stop, thread }
    }

    pub(super) fn finish(self) -> Vec<Wrote> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

fn write(mut network: Client, modems: usize, seed: u64, stop: &AtomicBool) -> Vec<Wrote> {
    let mut rng = StdRng::seed_from_u64(seed + 77);
    let mut wrote = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = wrote.len();
        let word = format!("in{number:05}");
        let from = format!("+86137{:08}", number % 50);
        let text = words(&word, &mut rng);
        let modem = rng.random_range(0..modems);
        network
            .deliver(modem, &[MobileText::new(&from, &text)])
            .unwrap();
        wrote.push(Wrote { word, from, text });
        std::thread::sleep(Duration::from_millis(rng.random_range(40..200)));
    }
    wrote
}

//! **Sim**: a running simulation on a thread of its own, and what can be asked of it and ordered.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use crate::account::Provider;
use crate::error::CloudSimError;
use crate::fault::Order;
use crate::ledger::{CallMade, State, Text, digits};
use crate::push;
use crate::server::{self, Shared, unix_ms};
use crate::settings::Settings;
use crate::world::World;

/// Ends with [`Sim::stop`], or when it is dropped.
#[derive(Debug)]
pub struct Sim {
    address: SocketAddr,
    settings: Settings,
    shared: Arc<Shared>,
    /// Dropping it ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a simulation on a thread of its own; its port is open when this returns.
///
/// # Errors
/// The address is not a loopback address or cannot be listened on.
pub fn start(settings: Settings) -> Result<Sim, CloudSimError> {
    let address = settings.listen;
    if !address.ip().is_loopback() {
        return Err(CloudSimError::NotLoopback { address });
    }
    let failed = |error| CloudSimError::Listen { address, error };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let seed = settings.seed.unwrap_or_else(unix_ms);
    let shared = Arc::new(Shared::new(World::new(settings.clone(), seed)));
    let (stop, stopped) = oneshot::channel();
    let (ready, is_ready) = std::sync::mpsc::channel();
    let lived = Arc::clone(&shared);
    let thread = thread::Builder::new()
        .name("cloud-sim".into())
        .spawn(move || live(listener, lived, &ready, stopped))
        .map_err(CloudSimError::Thread)?;
    let sim = Sim {
        address: bound,
        settings,
        shared,
        stop: Some(stop),
        thread: Some(thread),
    };
    let started = is_ready.recv().map_err(|_| CloudSimError::Ended)?;
    started.map_err(failed)?;
    Ok(sim)
}

/// The life of the thread.
fn live(
    listener: TcpListener,
    shared: Arc<Shared>,
    ready: &std::sync::mpsc::Sender<io::Result<()>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // Who started us is waiting for this; nobody else could be told.
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        let listener = match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => {
                let _ = ready.send(Err(error));
                return;
            }
        };
        let _ = ready.send(Ok(()));
        tokio::select! {
            _ = server::serve(listener, Arc::clone(&shared)) => {}
            _ = push::run(shared) => {}
            // Its sender was dropped.
            _ = stopped => {}
        }
    });
}

impl Sim {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, where `/control` is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What takes the place of the provider's own address; no slash at the end.
    pub fn base_url(&self, provider: Provider) -> String {
        format!("{}/{provider}", self.url())
    }

    /// What it was started with: its accounts with their credentials.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub fn order(&self, order: Order) {
        self.shared.step(|world, _| world.order(order));
    }

    /// Ends all faults.
    pub fn clear(&self) {
        self.shared.step(|world, _| world.clear());
    }

    /// From taking a text to its last report, for texts that are still to come.
    pub fn report_after(&self, after: Duration) {
        self.shared
            .step(|world, _| world.settings.report_after = after);
    }

    /// Where a provider reports that is told so by its account, not by each request.
    pub fn report_to(&self, provider: Provider, url: Option<String>) {
        self.shared
            .step(|world, _| world.settings.report_to(provider, url));
    }

    /// As [`Settings::callbacks_to`].
    pub fn callbacks_to(&self, address: Option<SocketAddr>) {
        self.shared
            .step(|world, _| world.settings.callbacks_to = address);
    }

    /// By how many milliseconds the providers' clocks are ahead of ours, or behind.
    pub fn offset_clock(&self, ms: i64) {
        self.shared.step(|world, _| world.offset_clock(ms));
    }

    /// A report besides those that come by themselves. False: there is no such text, or its reports go nowhere.
    pub fn report(&self, text: u64, state: State, is_forged: bool) -> bool {
        self.shared
            .step(|world, now| world.report_now(text, state, is_forged, now))
    }

    /// The texts that were taken, oldest first; the newest 10,000.
    pub fn texts(&self) -> Vec<Text> {
        self.shared
            .step(|world, _| world.ledger.texts().cloned().collect())
    }

    /// Those to this number.
    pub fn texts_to(&self, to: &str) -> Vec<Text> {
        let mut texts = self.texts();
        texts.retain(|text| digits(&text.to) == digits(to));
        texts
    }

    /// How often exactly this text came to that number.
    pub fn times(&self, to: &str, text: &str) -> usize {
        let texts = self.texts_to(to);
        texts
            .iter()
            .filter(|one| one.text.as_deref() == Some(text))
            .count()
    }

    /// The requests that were made, oldest first; the newest 10,000.
    pub fn calls(&self) -> Vec<CallMade> {
        self.shared
            .step(|world, _| world.ledger.calls().cloned().collect())
    }

    /// How many texts were taken so far; it changes with every one.
    pub fn taken(&self) -> watch::Receiver<u64> {
        self.shared.taken.subscribe()
    }

    /// Ends the thread and waits for it; the port is closed when this returns.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the simulated cloud had panicked");
        }
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.end();
    }
}

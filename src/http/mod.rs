//! **Http**: the API. What callers ask becomes a row, and what is stored becomes an answer.
//!
//! [`router`] lists every route and needs no socket; [`serve`] puts it behind listeners. A handler extracts, parses,
//! makes one call and shapes the answer. The path prefix decides the shape of errors ([`error`]), who may come
//! without a key ([`auth`]), and whether unknown fields are refused ([`extract`]).
//!
//! Never: speaks to a modem, holds SQL, logs a number, a text or a key.
//! May use: `domain`, `store`, `config`, `dispatch` (bell, pending, loads), `care` (figures), `verify`.
//! Read first: [`router`], then [`accept::accept`], the way of a message into the store.

mod accept;
mod allow;
mod answer;
mod audit;
mod auth;
mod batch;
mod callback;
mod cors;
mod cursor;
mod direct;
mod envelope;
mod error;
mod extract;
mod front;
mod health;
mod inbound;
mod inquiry;
mod key;
mod keyring;
mod language;
mod limits;
mod message;
mod modem;
mod notification;
mod otp;
mod preference;
mod route;
mod server;
mod stats;
mod status;
mod submission;
mod suppression;
mod template;
mod verification;
mod view;
mod wire;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

use axum::Router;
use axum::routing::{delete, get, patch, post};
use tokio::sync::{mpsc, watch};
use tokio_util::task::TaskTracker;
use tower::Layer;

pub(crate) use callback::Readers;
pub(crate) use server::serve;

use crate::care::Figures;
use crate::config::Config;
use crate::dispatch::{Bell, Load, Wish};
use crate::domain::forget::Forget;
use crate::domain::{Clock, FleetView, Key, KeyHash, UnixMillis};
use crate::store::{Store, TemplateView};
use crate::verify::{self, Codes};
use accept::Running;
use allow::Terms;
use error::ApiError;
use health::Disk;
use keyring::Keyring;
use limits::Buckets;

/// What every handler works with. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

/// What a provider would refuse of a template that was just made.
pub(crate) type TemplateWarning = Arc<dyn Fn(&TemplateView) -> Option<String> + Send + Sync>;

/// What a gate is made of.
pub(crate) struct Parts {
    pub(crate) config: Arc<Config>,
    pub(crate) store: Store,
    pub(crate) bell: Bell,
    pub(crate) fleet: watch::Receiver<FleetView>,
    pub(crate) loads: watch::Receiver<Vec<Load>>,
    pub(crate) wishes: mpsc::Sender<Wish>,
    pub(crate) forget: Forget,
    /// What was found out about SIMs.
    pub(crate) figures: watch::Receiver<Figures>,
    pub(crate) admin_key: KeyHash,
    /// All that are stored.
    pub(crate) keys: Vec<Key>,
    pub(crate) clock: Clock,
    /// Providers that may call.
    pub(crate) callbacks: Readers,
    /// Those that draw and check codes.
    pub(crate) code_providers: verify::Providers,
    pub(crate) template_warning: TemplateWarning,
    /// The base of the URLs by which they reach us, without a slash at its end.
    pub(crate) public_base: Option<String>,
}

struct Inner {
    parts: Parts,
    closing: AtomicBool,
    keyring: Keyring,
    buckets: Buckets,
    terms: RwLock<Arc<Terms>>,
    running: Running,
    disk: Disk,
    codes: Codes,
    /// Acceptances under way: they end with their COMMIT, whether or not the caller still listens.
    acceptances: TaskTracker,
}

impl Gate {
    pub(crate) fn new(mut parts: Parts) -> Self {
        let limits = &parts.config.limits;
        let database = parts.config.database_path();
        let disk = Disk::new(&database, parts.config.database.min_free_bytes);
        let codes = Codes::new(
            parts.store.clone(),
            Arc::clone(&parts.config.codes),
            parts.code_providers.clone(),
            parts.clock.clone(),
        );
        Self(Arc::new(Inner {
            codes,
            closing: AtomicBool::new(false),
            keyring: Keyring::new(std::mem::take(&mut parts.keys)),
            buckets: Buckets::new(limits.key_rps, limits.key_burst),
            terms: RwLock::new(Arc::new(Terms::of(&parts.config))),
            running: Running::default(),
            disk,
            acceptances: TaskTracker::new(),
            parts,
        }))
    }

    /// From now on nothing new is accepted.
    pub(crate) fn close(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
    }

    fn is_closing(&self) -> bool {
        self.0.closing.load(Ordering::Relaxed)
    }

    fn now(&self) -> UnixMillis {
        (self.0.parts.clock)()
    }

    fn config(&self) -> &Config {
        &self.0.parts.config
    }

    fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    fn store(&self) -> &Store {
        &self.0.parts.store
    }

    fn codes(&self) -> &Codes {
        &self.0.codes
    }

    fn fleet(&self) -> FleetView {
        Arc::clone(&self.0.parts.fleet.borrow())
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("closing", &self.is_closing())
            .finish_non_exhaustive()
    }
}

/// Every route. A request without the [`auth::Peer`] that the server adds comes from nowhere: it needs a key.
pub(crate) fn router(gate: Gate) -> Router {
    let routes = Router::new()
        .route("/v1/messages", get(message::list).post(message::create))
        .route("/v1/messages/preview", post(message::preview))
        .route("/v1/messages/{id}", get(message::show))
        .route("/v1/messages/{id}/events", get(message::events))
        .route("/v1/messages/{id}/cancel", post(message::cancel))
        .route("/v1/batches", get(batch::list).post(batch::create))
        .route("/v1/batches/{id}", get(batch::show))
        .route("/v1/batches/{id}/messages", get(batch::messages))
        .route("/v1/batches/{id}/cancel", post(batch::cancel))
        .route("/v1/inbox", get(inbound::list))
        .route("/v1/inbox/{id}", get(inbound::show))
        .route("/v1/modems", get(modem::list))
        .route("/v1/modems/{id}", get(modem::show).delete(modem::forget))
        .route("/v1/modems/{id}/pause", post(modem::pause))
        .route("/v1/modems/{id}/resume", post(modem::resume))
        .route("/v1/modems/{id}/restart", post(modem::restart))
        .route(
            "/v1/modems/{id}/ussd",
            post(inquiry::ussd).delete(inquiry::end_ussd),
        )
        .route("/v1/modems/{id}/at", post(inquiry::line))
        .route("/v1/stats", get(stats::show))
        .route(
            "/v1/verifications",
            get(verification::list).post(verification::create),
        )
        .route("/v1/verifications/check", post(verification::check_newest))
        .route("/v1/verifications/{id}", get(verification::show))
        .route("/v1/verifications/{id}/check", post(verification::check))
        .route("/v1/verifications/{id}/resend", post(verification::resend))
        .route("/v1/verifications/{id}/cancel", post(verification::cancel))
        .route("/v1/routes", get(route::list))
        .route("/v1/routes/test", post(route::test))
        .route("/v1/routes/{name}", patch(route::change))
        .route(
            "/v1/preferences/{phone}",
            get(preference::show)
                .put(preference::replace)
                .delete(preference::forget),
        )
        .route(
            "/v1/suppressions",
            get(suppression::list).post(suppression::create),
        )
        .route("/v1/suppressions/{phone}", delete(suppression::remove))
        .route(
            "/v1/templates",
            get(template::list).post(template::create_native),
        )
        .route(
            "/v1/templates/{id}",
            get(template::show_native)
                .patch(template::change_native)
                .delete(template::remove),
        )
        .route("/v1/keys", get(key::list).post(key::create))
        .route("/v1/keys/{id}", patch(key::change).delete(key::remove))
        .route("/v1/audit", get(audit::list))
        .route("/template/sms", post(template::create))
        .route("/template/sms/page", get(template::page))
        .route(
            "/template/sms/{id}",
            get(template::show)
                .patch(template::change)
                .delete(template::remove),
        )
        .route("/notification/sms", post(notification::send))
        .route("/status/sms/batch/{id}", get(status::batch))
        .route("/status/sms/batch/{id}/messages", get(status::messages))
        .route("/status/sms/message/{id}", get(status::message))
        .route("/sms/send", post(direct::send))
        .route("/sms/otp/send", post(otp::send))
        .route("/sms/otp/verify", post(otp::verify))
        .route("/api/otp/send", post(otp::send_otp))
        .route("/api/otp/verify", post(otp::verify_otp))
        .route(
            "/callbacks/{provider}",
            get(callback::bare).post(callback::bare),
        )
        .route(
            "/callbacks/{provider}/{*rest}",
            get(callback::deep).post(callback::deep),
        )
        .route("/healthz", get(health::lives))
        .route("/readyz", get(health::ready))
        .route("/version", get(health::version))
        .fallback(async || ApiError::NotFound)
        .with_state(gate.clone());
    // Around the whole router, not around each route: it must see the `Allow` that the router adds to a 405.
    let front = axum::middleware::from_fn_with_state(gate, front::receive);
    Router::new().fallback_service(front.layer(routes))
}

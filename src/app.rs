//! **App**: builds every room, in order, and ends them in reverse order.
//!
//! Order of the start: lock the data folder, read the secrets, open the store, recover what was under way, start
//! the modems, dispatch and inbox, and only then answer requests. Order of the end: stop accepting, withdraw what
//! is prepared, let the part in flight finish within `server.shutdown_grace`, mark what is uncertain, flush, exit.
//!
//! Never: decides anything about a message.
//! May use: every room.
//! Read first: [`Gateway::start`] and [`Gateway::stop`].

mod accounts;
mod backups;
mod care;
mod clock;
mod code_providers;
mod providers;
mod roster;
mod secrets;
#[cfg(feature = "sim")]
mod simulated_cloud;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use backups::Backups;
use providers::Providers;
use roster::Roster;
#[cfg(feature = "sim")]
pub(crate) use simulated_cloud::SimulatedCloud;

use crate::care::{Care, Figures};
use crate::config::{Config, ConfigError, Whereabouts};
use crate::dispatch::{
    Bell, Budget, Dispatch, Quota, Route, Settings, WIDTH_OF_A_MODEM, Way, Wires, recover,
};
use crate::domain::fleet_view::FIRST_MEAN_SEND;
use crate::domain::route::rank;
use crate::domain::{
    Clock, FleetView, KeyHash, ModemName, Patience, Pepper, RouteName, Takes, Terms, UnixMillis,
};
use crate::http::{Gate, Parts};
use crate::inbox::{Asking, Inbox};
pub(crate) use crate::modem::examination::{Ending, Examination, Obstacle, Wanted, examine};
use crate::modem::fleet::Fleet;
use crate::modem::profile::{ProfileError, Profiles};
use crate::modem::replay::{ReplayError, Replayed};
use crate::modem::{
    Finder, Handles, ModemHandle, ModemSettings, PinMemory, PinWord, Recordings, Rung,
};
use crate::store::{Ages, BatchStep, Step, Store, StoreError, StoreThreads};
use crate::verify::{self, sweep};
pub(crate) use clock::Host;
use clock::TimeKeeper;

/// A gateway that runs.
pub(crate) struct Gateway {
    addresses: Vec<SocketAddr>,
    config: Arc<Config>,
    store: Store,
    threads: StoreThreads,
    fleet: Fleet,
    view: watch::Receiver<FleetView>,
    gate: Gate,
    http: JoinHandle<()>,
    roster: JoinHandle<()>,
    door: roster::Door,
    finder: JoinHandle<()>,
    dispatch: JoinHandle<()>,
    inbox: JoinHandle<()>,
    asking: JoinHandle<()>,
    /// Requests to providers that are under way.
    requests: TaskTracker,
    housekeeping: JoinHandle<()>,
    sweep: JoinHandle<()>,
    /// The care of SIMs.
    care: JoinHandle<()>,
    time: Option<JoinHandle<()>>,
    clock_was_set: Arc<Notify>,
    backups: JoinHandle<()>,
    stops: Stops,
    /// The admin key, when this start created it.
    new_admin_key: Option<String>,
    #[cfg(feature = "sim")]
    simulation: Option<modem_sim::Sim>,
    #[cfg(feature = "sim")]
    simulated_cloud: Option<SimulatedCloud>,
    run_file: PathBuf,
    /// Held until the end: a second daemon on this folder is refused.
    _lock: File,
}

/// One per step of the end, in its order.
#[derive(Default)]
struct Stops {
    http: CancellationToken,
    dispatch: CancellationToken,
    fleet: CancellationToken,
    housekeeping: CancellationToken,
}

/// Why a gateway did not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{path}: {error}; create the folder or choose another with --data-dir")]
    DataFolder { path: PathBuf, error: io::Error },
    #[error(
        "{path}: another cellpost runs on this data folder; stop it, or choose another with --data-dir"
    )]
    InUse { path: PathBuf },
    #[error("{path}: {why}")]
    Secret { path: PathBuf, why: String },
    #[error("{path}: {error}")]
    Store { path: PathBuf, error: StoreError },
    #[error("{path}: {error}: modems.profiles_dir must name a folder that can be read")]
    ProfileFile { path: PathBuf, error: io::Error },
    #[error("a profile of modems: {0}")]
    Profile(#[from] ProfileError),
    #[error("modem.{modem}.profile = \"{profile}\": there is no such profile; there are {known}")]
    NoProfile {
        modem: ModemName,
        profile: String,
        known: String,
    },
    #[error("cloud.{name}: {why}")]
    Provider { name: ModemName, why: String },
    #[error("tls.ca_file: {path}: {why}")]
    CaFile { path: PathBuf, why: String },
    #[error("{address}: {error}; choose another with --listen or server.listen")]
    Listen {
        address: SocketAddr,
        error: io::Error,
    },
    #[cfg(feature = "sim")]
    #[error("simulation: {0}")]
    Simulation(#[from] modem_sim::SimError),
    #[cfg(feature = "sim")]
    #[error("simulated cloud: {0}")]
    SimulatedCloud(#[from] cloud_sim::CloudSimError),
    #[cfg(feature = "sim")]
    #[error("simulate.scenario: {path}: {why}")]
    Scenario { path: PathBuf, why: String },
    #[cfg(not(feature = "sim"))]
    #[error("this build has no simulator: build it with --features sim")]
    NoSimulator,
}

/// Events of all modems under way between the fleet, dispatch and inbox. Each modem has two answers outstanding
/// at most; reports may come in a burst after a replug.
const EVENTS: usize = 256;
/// Pauses and restarts that people ask for; more at once are told to come again.
const WISHES: usize = 16;
/// Modems that come or go while dispatch is busy; the roster waits for it.
const ARRIVALS: usize = 16;
/// How long after its try an unsettled part's late answer is listened for (semantics §6).
const LISTEN_WITHIN: Duration = Duration::from_secs(120);
/// What modems told last is given at least this long to be stored at a stop.
const LAST_NEWS: Duration = Duration::from_secs(2);
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(3600);

impl Gateway {
    /// Starts everything; requests are answered from the moment this returns.
    pub(crate) async fn start(config: Config) -> Result<Self, StartError> {
        Box::pin(Self::start_by(config, Host::real())).await
    }

    /// The same with the clocks of another host: a test whose monotonic clock is not the real one moves both.
    pub(crate) async fn start_by(config: Config, host: Host) -> Result<Self, StartError> {
        let clock_was_set = Arc::new(Notify::new());
        let roots = host.roots.clone();
        let (clock, time_keeper) = TimeKeeper::new(host, Arc::clone(&clock_was_set));
        let config = Arc::new(config);
        let lock = lock_data_folder(&config.data_dir)?;
        // An address that is taken is found out before anything is made or opened. Nobody is answered yet.
        let listeners = listen(&config.server.listen).await?;
        let pepper = secrets::pepper(&config.secret_path(&config.pepper_file))?;
        let (admin_key, is_new) =
            secrets::admin_key(&config.secret_path(&config.auth.admin_key_file))?;
        let profiles = profiles(&config)?;
        let (store, threads) = open_store(&config, pepper.clone()).await?;
        let store_failed = |error| StartError::Store {
            path: config.database_path(),
            error,
        };
        if let Some(keeper) = &time_keeper {
            keeper.begin(&store).await.map_err(store_failed)?;
        }
        let addresses: Vec<SocketAddr> = listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect();
        #[cfg(feature = "sim")]
        let simulated_cloud = start_simulated_cloud(&config)?;
        #[cfg(feature = "sim")]
        let simulated_section = simulated_cloud.as_ref().and_then(|cloud| cloud.section());
        #[cfg(not(feature = "sim"))]
        let simulated_section: Option<crate::config::Cloud> = None;
        let public = public_base(&config, simulated_section.is_some(), &addresses);
        let sections: Vec<crate::config::Cloud> = config
            .clouds
            .iter()
            .cloned()
            .chain(simulated_section)
            .collect();
        let ca_pem = providers::ca_pem(&config)?;
        let providers = Providers::of(&config, &sections, &ca_pem, public.as_deref(), &clock)?;
        let (drawing, drawers) =
            code_providers::code_providers(&config, &sections, &ca_pem, &clock)?;
        code_providers::warn_of_templates(&config, &sections);
        let settings_of_dispatch = Settings {
            policies: config.message.uncertain,
            max_attempts: config.message.max_attempts,
            report_timeout: config.message.report_timeout,
            curfew: config.manners.curfew.clone(),
            askable: providers.askable(),
            clock: clock.clone(),
        };
        let keys = store.keys().await.map_err(store_failed)?;
        recover::recover(&store, &settings_of_dispatch)
            .await
            .map_err(store_failed)?;
        store
            .settle_codes_left(clock())
            .await
            .map_err(store_failed)?;

        #[cfg(feature = "sim")]
        let simulation = start_simulation(&config)?;
        #[cfg(feature = "sim")]
        let simulated = simulation.as_ref().map_or(&[][..], |sim| sim.ports());
        #[cfg(not(feature = "sim"))]
        let simulated: &[PathBuf] = match config.simulate.modems {
            0 => &[],
            _ => return Err(StartError::NoSimulator),
        };

        let stops = Stops::default();
        let simulated = simulated_modems(simulated);
        let (events, event_receiver) = mpsc::channel(EVENTS);
        let (fleet, recruiter) = Fleet::found(
            events,
            pin_memory(store.clone(), clock.clone()),
            clock.clone(),
            roots.clone(),
            stops.fleet.clone(),
        );
        let view = fleet.view();
        let bell = Bell::default();
        let (news, news_receiver) = mpsc::channel(EVENTS);
        let handles = Handles::default();
        let (finder, search) = Finder::new(roots, profiles.clone());
        let (door, forget, requests) = roster::door();
        let (arrivals, arrival_receiver) = mpsc::channel(ARRIVALS);
        let mut roster = Roster {
            config: Arc::clone(&config),
            store: store.clone(),
            pepper,
            profiles,
            patience: Arc::new(config.routing.patience.clone()),
            clock: clock.clone(),
            bell: bell.clone(),
            recruiter,
            handles: handles.clone(),
            search,
            view: view.clone(),
            arrivals,
            requests,
            adopted: store.adopted().await.map_err(store_failed)?,
            forgotten: Vec::new(),
            simulated,
            running: Vec::new(),
            rules: watch::Sender::new(care::rules(&config, &[])),
        };
        roster.bequeath_all(&[]).await;
        let mut routes = Vec::new();
        for modem in roster.modems() {
            routes.push(roster.take_on(&modem).await?);
        }
        roster.aim();
        let rules = roster.publish_rules();
        let (answered, answers) = mpsc::channel(providers.width());
        let requests = TaskTracker::new();
        let clouds = providers.routes(&answered, &requests, &stops.fleet);
        let questions = Arc::new(Notify::new());
        let (wishes, wishes_receiver) = mpsc::channel(WISHES);
        let budget = Budget {
            daily: config.budget.daily,
            monthly: config.budget.monthly,
            zone: config.server.timezone.clone(),
        };
        let spent = store
            .spent(budget.first_day(clock()))
            .await
            .map_err(store_failed)?;
        let (dispatch, loads) = Dispatch::new(
            store.clone(),
            settings_of_dispatch,
            routes.into_iter().chain(clouds).collect(),
            (budget, spent),
            Wires {
                bell: bell.clone(),
                fleet: view.clone(),
                events: event_receiver,
                answers,
                wishes: wishes_receiver,
                arrivals: arrival_receiver,
                news,
                questions: Arc::clone(&questions),
            },
        );
        let inbox = Inbox {
            store: store.clone(),
            news: news_receiver,
            modems: handles,
            part_timeout: config.inbound.part_timeout,
            bell: bell.clone(),
            clock: clock.clone(),
        };
        let asking = Asking {
            store: store.clone(),
            providers: providers.inquirers(),
            questions,
            bell: bell.clone(),
            clock: clock.clone(),
        };
        let time = time_keeper.map(|keeper| {
            tokio::spawn(keeper.run(store.clone(), bell.clone(), stops.housekeeping.clone()))
        });
        let (figures, figures_view) = watch::channel(Figures::new());
        let care = Care {
            store: store.clone(),
            wishes: wishes.clone(),
            bell: bell.clone(),
            fleet: view.clone(),
            rules: rules.borrow().clone(),
            clock: clock.clone(),
            figures,
        };
        let gate = Gate::new(Parts {
            config: Arc::clone(&config),
            store: store.clone(),
            bell,
            fleet: view.clone(),
            loads,
            wishes,
            forget,
            figures: figures_view,
            admin_key: KeyHash::of(&admin_key),
            keys,
            clock: clock.clone(),
            callbacks: providers.readers(),
            code_providers: verify::Providers::new(drawing, drawers),
            template_warning: code_providers::template_warning(&config, &sections),
            public_base: public,
        });
        let run_file = write_run_file(&config.data_dir, &addresses)?;
        let ages = Ages {
            idempotency: config.idempotency_ttl,
            inbox: config.retention.inbox,
            bodies: config.retention.bodies,
            messages: config.retention.messages,
            events: config.retention.events,
            log: config.retention.log,
            limits: gate.longest_window(),
            verifications: config.retention.verifications,
        };
        Ok(Self {
            http: tokio::spawn(crate::http::serve(
                listeners,
                gate.clone(),
                stops.http.clone(),
            )),
            door,
            roster: tokio::spawn(roster.run(stops.fleet.clone())),
            finder: tokio::spawn(finder.run(stops.fleet.clone())),
            dispatch: tokio::spawn(dispatch.run(stops.dispatch.clone())),
            inbox: tokio::spawn(inbox.run()),
            asking: tokio::spawn(asking.run(stops.housekeeping.clone())),
            requests,
            sweep: tokio::spawn(sweep(
                store.clone(),
                config.sweep_every,
                clock.clone(),
                stops.housekeeping.clone(),
            )),
            housekeeping: tokio::spawn(keep_house(
                store.clone(),
                gate.clone(),
                ages,
                clock,
                stops.housekeeping.clone(),
            )),
            care: tokio::spawn(care::keep(care, rules, stops.dispatch.clone())),
            time,
            clock_was_set,
            backups: tokio::spawn(Backups::of(&config).run(stops.housekeeping.clone())),
            addresses,
            config,
            store,
            threads,
            fleet,
            view,
            gate,
            stops,
            new_admin_key: is_new.then_some(admin_key),
            #[cfg(feature = "sim")]
            simulation,
            #[cfg(feature = "sim")]
            simulated_cloud,
            run_file,
            _lock: lock,
        })
    }

    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// What of this config may change while it runs holds from now on. A modem whose section is another or gone first
    /// finishes what it has in hand.
    ///
    /// # Errors
    /// When a modem's secret or profile is not to be had: then everything is as it was.
    pub(crate) async fn read_again(&self, config: &Config) -> Result<(), StartError> {
        self.door.reload(config.clone()).await?;
        self.gate.read_again(config);
        Ok(())
    }

    /// Says what the kernel says when somebody sets the wall clock.
    pub(crate) fn clock_was_set(&self) {
        self.clock_was_set.notify_one();
    }

    pub(crate) fn new_admin_key(&self) -> Option<&str> {
        self.new_admin_key.as_deref()
    }

    pub(crate) fn steps(&self) -> broadcast::Receiver<Step> {
        self.store.steps()
    }

    pub(crate) fn batch_steps(&self) -> broadcast::Receiver<BatchStep> {
        self.store.batch_steps()
    }

    pub(crate) fn modems(&self) -> watch::Receiver<FleetView> {
        self.view.clone()
    }

    #[cfg(feature = "sim")]
    pub(crate) fn simulated_cloud(&self) -> Option<&SimulatedCloud> {
        self.simulated_cloud.as_ref()
    }

    #[cfg(feature = "sim")]
    pub(crate) fn simulation(&self) -> Option<&modem_sim::Sim> {
        self.simulation.as_ref()
    }

    /// Whether a room that must never end has ended: the process can only be started again.
    pub(crate) fn is_broken(&self) -> bool {
        self.threads.has_ended() || self.dispatch.is_finished() || self.http.is_finished()
    }

    /// Ends everything in order; returns when the database is closed.
    pub(crate) async fn stop(mut self) {
        self.gate.close();
        self.stops.http.cancel();
        // Callers that are being answered and the part in flight share one grace.
        let grace = tokio::time::Instant::now() + self.config.server.shutdown_grace;
        join("http", &mut self.http).await;
        self.stops.dispatch.cancel();
        join("care", &mut self.care).await;
        let in_time = tokio::time::timeout_at(grace, &mut self.dispatch).await;
        self.stops.fleet.cancel();
        if in_time.is_err() {
            warn!("a part is still without its result: it is recorded as uncertain");
            join("dispatch", &mut self.dispatch).await;
        }
        join("roster", &mut self.roster).await;
        join("finder", &mut self.finder).await;
        self.fleet.join().await;
        self.requests.close();
        self.requests.wait().await;
        // What it still holds when the disk refuses to the end is lost, as on a power cut; a stop must end.
        let last_news = tokio::time::Instant::now() + LAST_NEWS;
        if tokio::time::timeout_at(grace.max(last_news), &mut self.inbox)
            .await
            .is_err()
        {
            warn!("the store did not take all that the modems told");
            self.inbox.abort();
        }
        self.stops.housekeeping.cancel();
        join("housekeeping", &mut self.housekeeping).await;
        join("verify", &mut self.sweep).await;
        join("asking", &mut self.asking).await;
        if let Some(time) = &mut self.time {
            join("time", time).await;
        }
        join("backups", &mut self.backups).await;
        let _ = std::fs::remove_file(&self.run_file);
        #[cfg(feature = "sim")]
        let (simulation, simulated_cloud) = (self.simulation, self.simulated_cloud);
        let Self {
            store,
            threads,
            gate,
            ..
        } = self;
        drop((store, gate));
        let closed = tokio::task::spawn_blocking(move || {
            #[cfg(feature = "sim")]
            if let Some(simulation) = simulation {
                simulation.stop();
            }
            #[cfg(feature = "sim")]
            if let Some(cloud) = simulated_cloud {
                cloud.stop();
            }
            threads.join();
        });
        if closed.await.is_err() {
            error!("closing the database ended in a panic");
        }
        info!("stopped");
    }
}

async fn join(room: &str, task: &mut JoinHandle<()>) {
    if let Err(error) = task.await {
        error!(room, %error, "a room ended in a panic");
    }
}

/// The wall clock: the only place where it is read.
pub(crate) fn wall_clock() -> UnixMillis {
    let since_epoch = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Held, it keeps every daemon off the folder.
pub(crate) fn lock_data_folder(folder: &Path) -> Result<File, StartError> {
    let failed = |error| StartError::DataFolder {
        path: folder.to_owned(),
        error,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(folder.join("cellpost.lock"))
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StartError::InUse {
            path: folder.to_owned(),
        }),
        Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
    }
}

async fn open_store(config: &Config, pepper: Pepper) -> Result<(Store, StoreThreads), StartError> {
    let path = config.database_path();
    let manners = config.manners.clone();
    let opened = tokio::task::spawn_blocking({
        let path = path.clone();
        move || {
            let (store, threads) = Store::open(&path, pepper)?;
            Ok((store.keeping(manners), threads))
        }
    })
    .await
    .unwrap_or(Err(StoreError::Closed));
    opened.map_err(|error| StartError::Store { path, error })
}

#[cfg(feature = "sim")]
fn start_simulation(config: &Config) -> Result<Option<modem_sim::Sim>, StartError> {
    let simulate = &config.simulate;
    if simulate.modems == 0 {
        return Ok(None);
    }
    let settings = modem_sim::Settings {
        modems: simulate.modems,
        seed: simulate.seed,
        network: modem_sim::NetworkSettings {
            latency: simulate.latency,
            prompt: simulate.prompt,
            report_after: simulate.report_after,
            ..modem_sim::NetworkSettings::default()
        },
        personalities: simulate.personalities.clone(),
        scenario: read_scenario(config)?,
        ..modem_sim::Settings::default()
    };
    Ok(Some(modem_sim::start(
        &config.data_dir.join("sim"),
        settings,
    )?))
}

#[cfg(feature = "sim")]
fn start_simulated_cloud(config: &Config) -> Result<Option<SimulatedCloud>, StartError> {
    match config.simulate.cloud {
        true => SimulatedCloud::start(config.simulate.report_after).map(Some),
        false => Ok(None),
    }
}

/// Where providers reach us. A simulated one is on this machine.
fn public_base(config: &Config, is_simulated: bool, addresses: &[SocketAddr]) -> Option<String> {
    let told = config.server.public_url.as_ref();
    let here = || {
        let address = addresses.first().filter(|_| is_simulated)?;
        Some(format!("http://{address}"))
    };
    told.map(accounts::written).or_else(here)
}

#[cfg(feature = "sim")]
fn read_scenario(config: &Config) -> Result<Option<modem_sim::Scenario>, StartError> {
    let Some(path) = &config.simulate.scenario else {
        return Ok(None);
    };
    let path = &config.data_dir.join(path);
    let failed = |why: String| StartError::Scenario {
        path: path.clone(),
        why,
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let read = modem_sim::Scenario::parse(&text, config.simulate.modems);
    read.map(Some).map_err(|error| failed(error.to_string()))
}

/// `sim1`, `sim2` …
fn simulated_modems(ports: &[PathBuf]) -> Vec<crate::config::Modem> {
    let named = ports.iter().enumerate().filter_map(|(at, port)| {
        let name = ModemName::parse(&format!("sim{}", at + 1))?;
        Some(crate::config::Modem::at_port(name, port.clone()))
    });
    named.collect()
}

fn route(
    config: &Config,
    patience: &Arc<Patience>,
    modem: &crate::config::Modem,
    handle: ModemHandle,
) -> Route {
    let name = RouteName::of_modem(&modem.name);
    let ranks = std::array::from_fn(|at| rank(&config.routing.order[at], &name));
    Route {
        terms: Terms {
            prefixes: modem.prefixes.clone(),
            categories: modem.categories,
            ranks,
            weight: modem.weight,
            cost: modem.cost,
            enabled: true,
            patience: Arc::clone(patience),
            policies: config.message.uncertain,
            takes: Takes::Texts,
        },
        name,
        way: Way::Modem(handle),
        width: WIDTH_OF_A_MODEM,
        request_report: modem.reports,
        quota: Quota {
            hour: modem.quota.hour,
            day: modem.quota.day,
            month: modem.quota.month,
            reset_day: modem.quota.reset_day,
            zone: config.server.timezone.clone(),
        },
        min_interval: modem.min_interval,
        asking: crate::dispatch::Asking::default(),
    }
}

/// Plays a flight recording against the session.
pub(crate) fn replay(recording: &str) -> Result<Replayed, ReplayError> {
    crate::modem::replay::replay(recording, std::time::Instant::now())
}

/// The profiles compiled in, and those of `modems.profiles_dir` in the order of their names.
pub(crate) fn profiles(config: &Config) -> Result<Profiles, StartError> {
    let mut profiles = Profiles::built_in();
    let Some(folder) = &config.profiles_dir else {
        return known(config, profiles);
    };
    let unreadable = |path: &Path, error: io::Error| StartError::ProfileFile {
        path: path.to_owned(),
        error,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.extension().is_some_and(|kind| kind == "toml") {
            files.push(path);
        }
    }
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        profiles.add(&name, &path.display().to_string(), &text)?;
    }
    known(config, profiles)
}

/// Every profile that a modem's section names is there.
fn known(config: &Config, profiles: Profiles) -> Result<Profiles, StartError> {
    for modem in &config.modems {
        let name = modem.profile.as_deref();
        if let Some(name) = name.filter(|name| profiles.get(name).is_none()) {
            return Err(StartError::NoProfile {
                modem: modem.name.clone(),
                profile: name.to_owned(),
                known: profiles.names().collect::<Vec<_>>().join(", "),
            });
        }
    }
    Ok(profiles)
}

fn pin_memory(store: Store, clock: Clock) -> PinMemory {
    PinMemory::new(move |word| {
        let (store, clock) = (store.clone(), clock.clone());
        Box::pin(async move {
            let remembered = match word {
                PinWord::Claim(lock) => store.claim_pin(lock.0, clock()).await,
                PinWord::Opened(lock) => store.pin_opened(lock.0, clock()).await.map(|()| true),
            };
            remembered.unwrap_or_else(|error| {
                warn!(%error, "what became of a PIN could not be remembered");
                false
            })
        })
    })
}

/// `config`, `profiles`: what holds from now on.
async fn modem_settings(
    roster: &Roster,
    (config, profiles): (&Config, &Profiles),
    modem: &crate::config::Modem,
) -> Result<ModemSettings, StartError> {
    let store = &roster.store;
    let store_failed = |error| StartError::Store {
        path: config.database_path(),
        error,
    };
    let known = store.mean_send(modem.name.clone()).await;
    let mean_send = known.map_err(store_failed)?.unwrap_or(FIRST_MEAN_SEND);
    let tried_at = store.unsettled_since(modem.name.route()).await;
    let tried_at = tried_at.map_err(store_failed)?;
    let helped = store.helped(modem.name.clone()).await;
    let helped = helped.map_err(store_failed)?;
    let now = (roster.clock)();
    let is_young = |at: &UnixMillis| now.since(*at) < LISTEN_WITHIN;
    let pin = match &modem.pin_file {
        Some(file) => Some(secrets::pin(&config.secret_path(file), &roster.pepper)?),
        None => None,
    };
    let (device, seeking) = match &modem.at {
        Whereabouts::Port(port) => (port.clone(), None),
        Whereabouts::Sought(sought) => (PathBuf::new(), Some(roster.search.of(sought.clone()))),
    };
    let profile = modem.profile.as_deref();
    Ok(ModemSettings {
        name: modem.name.clone(),
        device,
        seeking,
        left_alone: roster.leaves_alone(config, &modem.name),
        baud: modem.baud,
        command_timeout: modem.command_timeout,
        send_timeout: modem.send_timeout,
        smsc: modem.smsc.clone(),
        pin,
        storage: modem.storage.clone(),
        profile: profile.and_then(|name| profiles.get(name)),
        profiles: profiles.clone(),
        known_profile: None,
        helped: helped.as_deref().and_then(Rung::parse),
        recordings: (config.recorder_files > 0).then(|| Recordings {
            folder: config.data_dir.join("recorder"),
            keep: config.recorder_files,
        }),
        listen_first: tried_at
            .filter(is_young)
            .map(|_| crate::modem::listening_time(mean_send)),
        mean_send,
        delete_from_sim: config.inbound.delete_from_sim,
        hang_up: config.sim_care.hang_up,
    })
}

async fn listen(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| StartError::Listen {
                address: *address,
                error,
            })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Tells client commands where the daemon is.
fn write_run_file(folder: &Path, addresses: &[SocketAddr]) -> Result<PathBuf, StartError> {
    let path = folder.join("run.json");
    let url = addresses.first().map(|address| format!("http://{address}"));
    let content = serde_json::json!({ "url": url, "pid": std::process::id() });
    std::fs::write(&path, format!("{content}\n")).map_err(|error| StartError::DataFolder {
        path: path.clone(),
        error,
    })?;
    Ok(path)
}

async fn keep_house(
    store: Store,
    gate: Gate,
    mut ages: Ages,
    clock: Clock,
    stop: CancellationToken,
) {
    loop {
        // They may be read again.
        ages.limits = gate.longest_window();
        let began = tokio::time::Instant::now();
        match store.forget(ages, clock()).await {
            Ok(true) => {
                // Four fifths of the writer's time stay with those who send.
                let rest = began.elapsed() * 4;
                tokio::select! {
                    () = tokio::time::sleep(rest) => continue,
                    () = stop.cancelled() => return,
                }
            }
            Ok(false) => {}
            Err(error) => warn!(%error, "old rows could not be deleted"),
        }
        tokio::select! {
            () = tokio::time::sleep(HOUSEKEEPING_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    #[test]
    fn the_settings_know_the_personalities_that_the_simulator_has() {
        assert_eq!(crate::config::PERSONALITIES, *modem_sim::PERSONALITIES);
    }
}

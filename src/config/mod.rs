//! **Config**: from text to settings that need no further doubt.
//!
//! A file, the environment and the command line are read into [`raw`] shapes, checked once in [`check`], and
//! become a [`Config`]: every default filled in, every value in range. Contract: config.md.
//!
//! Never: opens a port or a database, creates a file, falls back silently.
//! May use: `domain`.
//! Read first: [`Config`], then the table test in [`check`].

mod check;
mod cloud;
mod desk;
mod environment;
mod limits;
mod modems;
mod problem;
mod raw;
mod recipe;
mod routes;
mod sheet;
mod sim_care;
mod values;
mod verify;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::tz::TimeZone;
use regex::Regex;
use url::Url;

use crate::domain::route::USUAL_WEIGHT;
use crate::domain::{
    Allowances, Body, Categories, CodeRules, Destination, Guard, Manners, ModemName, Money,
    NumberRules, Patience, Policy, Prefixes, Slot, Sought, UssdCode,
};

pub(crate) use check::{Sources, load};
#[cfg(feature = "sim")]
pub(crate) use cloud::Twilio;
pub(crate) use cloud::{Cloud, CloudKind, SecretFrom, Sender};
pub(crate) use problem::ConfigError;
pub(crate) use recipe::{HttpRecipe, RecipeAuth, RecipeCause};

/// Everything the gateway was told, complete and in range.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) database: Database,
    pub(crate) auth: Auth,
    pub(crate) numbers: NumberRules,
    pub(crate) message: Message,
    pub(crate) limits: Limits,
    pub(crate) guard: Guard,
    /// Relative names are looked up by [`Config::secret_path`].
    pub(crate) pepper_file: PathBuf,
    pub(crate) codes: Arc<CodeRules>,
    /// The section of kind aliyun that makes and checks codes; `None`: the gateway does.
    pub(crate) verify_cloud: Option<ModemName>,
    /// From one look for verifications whose time is over to the next.
    pub(crate) sweep_every: Duration,
    /// Characters that the content of a template may have.
    pub(crate) max_template: usize,
    pub(crate) schedule: Schedule,
    pub(crate) idempotency_ttl: Duration,
    pub(crate) inbound: Inbound,
    pub(crate) retention: Retention,
    pub(crate) routing: Routing,
    pub(crate) budget: Budget,
    /// `[quiet]`, the words of `[inbound]`, and preferences in `server.timezone`.
    pub(crate) manners: Manners,
    /// A file of modem profiles replaces or adds to those compiled in.
    /// Modems that no section names are taken on when they are plugged in.
    pub(crate) adopts: bool,
    pub(crate) profiles_dir: Option<PathBuf>,
    /// Flight recordings kept of each modem.
    pub(crate) recorder_files: usize,
    /// In the order of the file.
    pub(crate) modems: Vec<Modem>,
    pub(crate) sim_care: SimCare,
    /// In the order of the file; a section that is not enabled and lacks something is left out.
    pub(crate) clouds: Vec<Cloud>,
    /// Certificates of authorities, trusted besides those compiled in. Relative names are looked up by
    /// [`Config::secret_path`].
    pub(crate) tls_ca_file: Option<PathBuf>,
    pub(crate) simulate: Simulate,
    pub(crate) log: Log,
    /// The file it came from, when there was one.
    pub(crate) file: Option<PathBuf>,
    /// Where the database, the keys and the simulation live.
    pub(crate) data_dir: PathBuf,
    /// Where systemd puts the secrets of `LoadCredential=`.
    pub(crate) credentials_dir: Option<PathBuf>,
}

impl Config {
    pub(crate) fn database_path(&self) -> PathBuf {
        self.data_dir.join(&self.database.path)
    }

    /// Where the secret `name` is read: in the credentials, beside the config file, in the data folder, whichever
    /// has it first. The data folder when none has it: what is missing is created there.
    pub(crate) fn secret_path(&self, name: &Path) -> PathBuf {
        let beside_the_file = self.file.as_deref().and_then(Path::parent);
        let folders = [self.credentials_dir.as_deref(), beside_the_file];
        folders
            .into_iter()
            .flatten()
            .map(|folder| folder.join(name))
            .find(|path| path.exists())
            .unwrap_or_else(|| self.data_dir.join(name))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) listen: Vec<SocketAddr>,
    pub(crate) public_url: Option<Url>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) cors_origins: Vec<String>,
    /// Octets of a request body.
    pub(crate) max_body: usize,
    pub(crate) max_connections: usize,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) shutdown_grace: Duration,
    /// Where days and months begin.
    pub(crate) timezone: TimeZone,
}

#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// Absolute, or relative to the data folder.
    pub(crate) path: PathBuf,
    pub(crate) min_free_bytes: u64,
    /// Where backups go; `None`: nowhere.
    pub(crate) backup_dir: Option<PathBuf>,
    pub(crate) backup_every: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Auth {
    pub(crate) admin_key_file: PathBuf,
    /// Who may come without a key; empty where http-api.md §0.1 switches that off.
    pub(crate) anonymous_cidrs: Vec<IpNet>,
    /// What they may do: `messages:send`, `verify`.
    pub(crate) anonymous_scopes: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) max_parts: u8,
    pub(crate) ttl: Duration,
    /// Tries whose verdict is about the message itself.
    pub(crate) max_attempts: u32,
    pub(crate) report_timeout: Duration,
    /// `None`: no bound.
    pub(crate) max_backlog: Option<i64>,
    /// In the order of [`crate::domain::Category::ALL`].
    pub(crate) uncertain: [Policy; 5],
}

/// Which routes are asked, in which order.
#[derive(Clone, Debug)]
pub(crate) struct Routing {
    /// In the order of [`crate::domain::Category::ALL`].
    pub(crate) order: [Vec<Slot>; 5],
    pub(crate) patience: Patience,
}

/// What may be spent with providers; `None`: without bound.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    pub(crate) currency: String,
    pub(crate) daily: Option<Money>,
    pub(crate) monthly: Option<Money>,
}

/// What one request of group A may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) max_ahead: Duration,
    pub(crate) max_numbers: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Inbound {
    /// How long a text is waited for of which a part is missing.
    pub(crate) part_timeout: Duration,
    pub(crate) delete_from_sim: bool,
}

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// Texts and numbers of messages.
    pub(crate) bodies: Duration,
    /// Messages, with all that belongs to them.
    pub(crate) messages: Duration,
    /// Received texts.
    pub(crate) inbox: Duration,
    /// Event lists of messages.
    pub(crate) events: Duration,
    /// The record of who did what.
    pub(crate) log: Duration,
    /// Verifications, after their end.
    pub(crate) verifications: Duration,
}

#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) allowances: Allowances,
    /// Requests per second and key; `None`: no limit.
    pub(crate) key_rps: Option<u32>,
    pub(crate) key_burst: Option<u32>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Modem {
    pub(crate) name: ModemName,
    pub(crate) at: Whereabouts,
    /// The profile's name; `None`: by what the modem says it is.
    pub(crate) profile: Option<String>,
    pub(crate) baud: u32,
    pub(crate) pin_file: Option<PathBuf>,
    pub(crate) smsc: Option<String>,
    /// `SM` or `ME`; `None`: as the profile likes it.
    pub(crate) storage: Option<String>,
    pub(crate) quota: Quota,
    /// From one part to the next.
    pub(crate) min_interval: Duration,
    pub(crate) prefixes: Prefixes,
    pub(crate) categories: Categories,
    pub(crate) weight: u32,
    /// Of one part.
    pub(crate) cost: Money,
    pub(crate) balance: Option<Balance>,
    pub(crate) command_timeout: Duration,
    pub(crate) send_timeout: Duration,
    /// Ask for delivery reports.
    pub(crate) reports: bool,
    /// 16-bit concatenation references.
    pub(crate) ref16: bool,
    pub(crate) enabled: bool,
}

/// Where a modem is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Whereabouts {
    /// At this port, whoever answers there.
    Port(PathBuf),
    /// Wherever it is plugged in.
    Sought(Sought),
}

/// How it is found out what its SIM has left.
#[derive(Clone, Debug)]
pub(crate) struct Balance {
    pub(crate) code: UssdCode,
    /// Its first group is the amount.
    pub(crate) regex: Regex,
    /// Less is low; `None`: nothing is.
    pub(crate) min: Option<Money>,
    pub(crate) every: Duration,
}

/// `[sim_care]`
#[derive(Clone, Debug)]
pub(crate) struct SimCare {
    /// A SIM that has sent nothing for so long sends a text; `None`: it does not.
    pub(crate) keep_alive_after: Option<Duration>,
    /// `None`: another SIM of the gateway.
    pub(crate) keep_alive_to: Option<Destination>,
    pub(crate) keep_alive_text: Body,
    /// From one probe to the next; `None`: none is sent.
    pub(crate) loopback_every: Option<Duration>,
    /// Calls that come in are ended.
    pub(crate) hang_up: bool,
}

/// How many parts a SIM may send; `None`: as many as it can.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Quota {
    pub(crate) hour: Option<u32>,
    pub(crate) day: Option<u32>,
    pub(crate) month: Option<u32>,
    /// The day on which the month begins.
    pub(crate) reset_day: i8,
}

/// What operators let pass, as a rule.
pub(crate) const USUAL_HOUR_QUOTA: u32 = 100;
pub(crate) const USUAL_DAY_QUOTA: u32 = 500;

/// 0.05 for a part.
pub(crate) const USUAL_COST: Money = Money(500);

impl PartialEq for Balance {
    fn eq(&self, other: &Self) -> bool {
        let facts = |one: &Self| (one.code.clone(), one.min, one.every);
        facts(self) == facts(other) && self.regex.as_str() == other.regex.as_str()
    }
}

impl Modem {
    /// By what it is found, wherever it is plugged in.
    pub(crate) fn sought(&self) -> Option<&Sought> {
        match &self.at {
            Whereabouts::Port(_) => None,
            Whereabouts::Sought(sought) => Some(sought),
        }
    }

    /// The port that its section names; `None`: it is wherever it is plugged in.
    pub(crate) fn port(&self) -> Option<&Path> {
        match &self.at {
            Whereabouts::Port(port) => Some(port),
            Whereabouts::Sought(_) => None,
        }
    }

    /// One that no section names, with everything at its default.
    pub(crate) fn adopted(name: ModemName, imei: &str) -> Self {
        Self {
            at: Whereabouts::Sought(Sought::imei(imei)),
            quota: Quota {
                hour: Some(USUAL_HOUR_QUOTA),
                day: Some(USUAL_DAY_QUOTA),
                month: None,
                reset_day: 1,
            },
            ..Self::at_port(name, PathBuf::new())
        }
    }

    /// A simulated modem at this port: no quota, everything else at its default.
    pub(crate) fn at_port(name: ModemName, device: PathBuf) -> Self {
        Self {
            name,
            at: Whereabouts::Port(device),
            profile: None,
            baud: 115_200,
            pin_file: None,
            smsc: None,
            storage: None,
            quota: Quota {
                reset_day: 1,
                ..Quota::default()
            },
            min_interval: Duration::ZERO,
            prefixes: Prefixes::default(),
            categories: Categories::ALL,
            weight: USUAL_WEIGHT,
            cost: USUAL_COST,
            balance: None,
            command_timeout: Duration::from_secs(5),
            send_timeout: Duration::from_secs(120),
            reports: true,
            ref16: false,
            enabled: true,
        }
    }
}

/// What simulated modems can be like. The simulator's own list, which this room may not look at; a test compares.
pub(crate) const PERSONALITIES: [&str; 14] = [
    "generic",
    "huawei-e-series",
    "huawei-e3372",
    "zte",
    "simcom-sim800",
    "simcom-sim7600",
    "simcom-a7670",
    "quectel-ec25",
    "quectel-m26",
    "sierra-mc",
    "telit",
    "u-blox",
    "wavecom",
    "cinterion",
];

/// `[simulate]` and `--simulate N`.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "sim"), allow(dead_code))]
pub(crate) struct Simulate {
    /// 0: no simulation.
    pub(crate) modems: usize,
    /// For each modem in turn.
    pub(crate) personalities: Vec<String>,
    /// What befalls them; relative to the data folder.
    pub(crate) scenario: Option<PathBuf>,
    pub(crate) seed: u64,
    pub(crate) latency: Duration,
    pub(crate) prompt: Duration,
    pub(crate) report_after: Duration,
    /// Simulated providers too.
    pub(crate) cloud: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    pub(crate) level: tracing::Level,
    pub(crate) format: LogFormat,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogFormat {
    /// The journal's form when standard error is the journal, else text.
    Auto,
    /// A syslog priority and no time: the journal has its own.
    Journal,
    Json,
    Text,
}

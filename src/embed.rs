//! A whole gateway inside another program: the door that the tests in `tests/` use.
//!
//! It reads a config file and opens real ports, sockets and files, as `cellpost serve` does; only the process,
//! its signals and its screen are missing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::app::{Gateway, Host};
use crate::config::Sources;
use crate::domain::UnixMillis;
use crate::usb::Roots;

/// A gateway that runs in this process.
pub struct Embedded {
    gateway: Gateway,
    sources: Sources,
}

/// What it is started with: as on the command line.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub config: Option<PathBuf>,
    pub data_dir: PathBuf,
    pub simulate: Option<usize>,
    /// `CELLPOST_<SECTION>__<KEY>`.
    pub env: Vec<(String, String)>,
    /// In the place of the system's wall clock. A test that moves tokio's clock moves this one with it.
    pub clock: Option<fn() -> UnixMillis>,
    /// How long the host has been up. With it `clock` may be set, as a host's can be: say so by
    /// [`Embedded::clock_was_set`].
    pub since_boot: Option<fn() -> Duration>,
    /// A folder with `sys`, `dev` and `proc` in the place of the host's: what is plugged in.
    pub host: Option<PathBuf>,
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded")
            .field("url", &self.url())
            .finish()
    }
}

impl Embedded {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// What `cellpost serve` would print.
    pub async fn start(start: Start) -> Result<Self, String> {
        let sources = Sources {
            config: start.config,
            data_dir: Some(start.data_dir),
            listen: vec![([127, 0, 0, 1], 0).into()],
            simulate: start.simulate,
            env: start.env,
        };
        let config = crate::config::load(&sources).map_err(|error| error.to_string())?;
        let roots = match start.host {
            None => Roots::default(),
            Some(folder) => Roots {
                sys: folder.join("sys"),
                dev: folder.join("dev"),
                proc: folder.join("proc"),
            },
        };
        let host = match start.clock {
            None => Host {
                roots,
                ..Host::real()
            },
            Some(wall) => Host {
                wall,
                since_boot: start.since_boot,
                boot: Some("this one".to_owned()),
                roots,
            },
        };
        let gateway = Box::pin(Gateway::start_by(config, host))
            .await
            .map_err(|error| error.to_string())?;
        Ok(Self { gateway, sources })
    }

    /// `http://127.0.0.1:…`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.gateway.addresses()[0])
    }

    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.gateway.config().data_dir
    }

    /// What the kernel tells the gateway when somebody sets its clock.
    pub fn clock_was_set(&self) {
        self.gateway.clock_was_set();
    }

    /// As SIGHUP does.
    ///
    /// # Errors
    /// Why everything is as it was.
    pub async fn reload(&self) -> Result<(), String> {
        let config = crate::config::load(&self.sources).map_err(|error| error.to_string())?;
        let read = self.gateway.read_again(&config).await;
        read.map_err(|error| error.to_string())
    }

    /// As SIGTERM does.
    pub async fn stop(self) {
        self.gateway.stop().await;
    }
}

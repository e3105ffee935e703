//! Providers from their sections: an account for each, as a route for dispatch, a reader of callbacks for `http`, and
//! somebody to ask for `inbox`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::StartError;
use super::accounts::describe;
use crate::cloud::carrier::{Account, Parts};
use crate::config::{Cloud, Config};
use crate::dispatch::{Asking, Quota, Route, Way};
use crate::domain::attempt::Inquirer;
use crate::domain::callback::CallbackReader;
use crate::domain::carrier::Answer;
use crate::domain::route::rank;
use crate::domain::{Clock, RouteName, Terms};
use crate::http::Readers;
use crate::https::{self, Client};

/// One section.
struct Provider {
    account: Account,
    terms: Terms,
    /// `concurrency`
    width: usize,
    reports: bool,
    asking: Asking,
    quota: Quota,
}

/// All of them, in the order of the file.
pub(super) struct Providers(Vec<Provider>);

/// What is asked about a text once it was taken: callbacks come by themselves, so that asking is for what they missed.
const WITH_CALLBACKS: Duration = Duration::from_secs(600);
const WITHOUT_CALLBACKS: Duration = Duration::from_secs(30);

/// `finds`: whether it can be asked for a text of which it told no id. `calls_back`: it knows where.
fn asking(finds: bool, calls_back: bool, reports: bool) -> Asking {
    Asking {
        whether_taken: finds,
        fate_after: reports.then_some(match calls_back {
            true => WITH_CALLBACKS,
            false => WITHOUT_CALLBACKS,
        }),
    }
}

/// The content of `tls.ca_file`.
pub(super) fn ca_pem(config: &Config) -> Result<Option<Vec<u8>>, StartError> {
    let Some(file) = &config.tls_ca_file else {
        return Ok(None);
    };
    let path = config.secret_path(file);
    let read = std::fs::read(&path).map_err(|error| StartError::CaFile {
        path,
        why: error.to_string(),
    })?;
    Ok(Some(read))
}

impl Providers {
    /// All sections that are enabled, and what stands behind each.
    ///
    /// `public`: the base of the URLs by which we are reached from outside.
    pub(super) fn of(
        config: &Config,
        sections: &[Cloud],
        ca_pem: &Option<Vec<u8>>,
        public: Option<&str>,
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let patience = Arc::new(config.routing.patience.clone());
        let enabled = sections.iter().filter(|section| section.enabled);
        let made = enabled.map(|section| {
            let refused = |why: String| StartError::Provider {
                name: section.name.clone(),
                why,
            };
            let described =
                describe(config, section, public).map_err(|why| refused(why.to_string()))?;
            let client = Client::new(&https::Settings {
                ca_pem: ca_pem.clone(),
                proxy: section.proxy.clone(),
            })
            .map_err(|why| refused(why.to_string()))?;
            let route = RouteName::of_cloud(&section.name);
            let finds = described.provider.finds_by_reference();
            Ok(Provider {
                terms: Terms {
                    prefixes: section.prefixes.clone(),
                    categories: section.categories,
                    ranks: std::array::from_fn(|at| rank(&config.routing.order[at], &route)),
                    weight: section.weight,
                    cost: section.cost,
                    enabled: true,
                    patience: Arc::clone(&patience),
                    policies: config.message.uncertain,
                    takes: described.takes,
                },
                width: section.concurrency,
                reports: section.reports,
                asking: asking(finds, described.calls_back, section.reports),
                quota: Quota {
                    hour: None,
                    day: None,
                    month: None,
                    reset_day: 1,
                    zone: config.server.timezone.clone(),
                },
                account: Account::new(Parts {
                    route,
                    provider: described.provider,
                    client,
                    timeout: section.timeout,
                    clock: clock.clone(),
                }),
            })
        });
        Ok(Self(made.collect::<Result<_, StartError>>()?))
    }

    /// Answers under way between all of them and dispatch.
    pub(super) fn width(&self) -> usize {
        let widths = self.0.iter().map(|provider| provider.width);
        widths.sum::<usize>().max(1)
    }

    pub(super) fn routes(
        &self,
        answers: &mpsc::Sender<Answer>,
        requests: &TaskTracker,
        stop: &CancellationToken,
    ) -> impl Iterator<Item = Route> {
        self.0.iter().map(|provider| {
            let carrier = provider
                .account
                .carrier(answers.clone(), requests.clone(), stop.clone());
            Route {
                name: provider.account.route().clone(),
                terms: provider.terms.clone(),
                way: Way::Carrier(Box::new(carrier)),
                width: provider.width,
                request_report: provider.reports,
                quota: provider.quota.clone(),
                min_interval: Duration::ZERO,
                asking: provider.asking,
            }
        })
    }

    /// Those that can be asked whether they have a text.
    pub(super) fn askable(&self) -> Vec<RouteName> {
        let can = self.0.iter().filter(|one| one.asking.whether_taken);
        can.map(|one| one.account.route().clone()).collect()
    }

    pub(super) fn readers(&self) -> Readers {
        let reader = |one: &Provider| {
            let route = one.account.route().clone();
            let reader: Arc<dyn CallbackReader> = Arc::new(one.account.clone());
            (route.name().to_owned(), (route, reader))
        };
        self.0.iter().map(reader).collect()
    }

    pub(super) fn inquirers(&self) -> BTreeMap<RouteName, Arc<dyn Inquirer>> {
        let inquirer = |one: &Provider| {
            let inquirer: Arc<dyn Inquirer> = Arc::new(one.account.clone());
            (one.account.route().clone(), inquirer)
        };
        self.0.iter().map(inquirer).collect()
    }
}

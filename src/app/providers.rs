//! Providers from their sections: an account for each, as a route for dispatch, a reader of callbacks for `http`, and
//! somebody to ask for `inbox`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cloud::carrier::Account;
use crate::dispatch::{Asking, Quota, Route, Way};
use crate::domain::attempt::Inquirer;
use crate::domain::callback::CallbackReader;
use crate::domain::carrier::Answer;
use crate::domain::{RouteName, Terms};
use crate::http::Readers;

/// One section.
pub(super) struct Provider {
    pub(super) account: Account,
    pub(super) terms: Terms,
    /// `concurrency`
    pub(super) width: usize,
    pub(super) reports: bool,
    pub(super) asking: Asking,
    pub(super) quota: Quota,
}

/// All of them, in the order of the file.
#[derive(Default)]
pub(super) struct Providers(pub(super) Vec<Provider>);

/// What is asked about a text once it was taken: callbacks come by themselves, so that asking is for what they missed.
const WITH_CALLBACKS: Duration = Duration::from_secs(600);
const WITHOUT_CALLBACKS: Duration = Duration::from_secs(30);

/// `finds`: whether it can be asked for a text of which it told no id. `calls_back`: it knows where.
#[allow(dead_code, reason = "no section of the config makes a provider yet")]
pub(super) fn asking(finds: bool, calls_back: bool, reports: bool) -> Asking {
    Asking {
        whether_taken: finds,
        fate_after: reports.then_some(match calls_back {
            true => WITH_CALLBACKS,
            false => WITHOUT_CALLBACKS,
        }),
    }
}

impl Providers {
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

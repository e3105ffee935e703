//! `[routing]` and `[budget]`.

use super::cloud::Named;
use super::desk::{AN_AMOUNT, Desk};
use super::raw::{self, Given};
use super::values::optional;
use super::{Budget, Modem, Routing};
use crate::domain::route::one_after_the_other;
use crate::domain::{Categories, Category, Money, Patience, Prefixes, RouteKind, RouteName, Slot};

impl Desk<'_> {
    /// `clouds`: the names of all sections of providers, in the order of the file. `simulated`: how many modems `sim1`,
    /// `sim2` … there will be.
    pub(super) fn routing(
        &mut self,
        raw: raw::Routing,
        modems: &[Modem],
        clouds: &[Named],
        simulated: usize,
    ) -> Routing {
        let clouds: Vec<RouteName> = clouds
            .iter()
            .map(|cloud| RouteName::of_cloud(&cloud.name))
            .collect();
        let usual = Patience::default();
        let week = 1..=604_800;
        let patience = Patience {
            otp: self.seconds(
                "routing.otp_max_wait",
                raw.otp_max_wait,
                usual.otp.as_secs(),
                week.clone(),
            ),
            alert: self.seconds(
                "routing.alert_max_wait",
                raw.alert_max_wait,
                usual.alert.as_secs(),
                week.clone(),
            ),
            others: self.seconds(
                "routing.max_wait",
                raw.max_wait,
                usual.others.as_secs(),
                week,
            ),
            cloud_for: self.categories("routing.cloud_for", raw.cloud_for, usual.cloud_for),
        };
        let mut given = raw.order;
        let exists = |route: &RouteName| {
            let is_simulated = || {
                let number = route
                    .name()
                    .strip_prefix("sim")
                    .and_then(|at| at.parse().ok());
                number.is_some_and(|at: usize| (1..=simulated).contains(&at))
            };
            let is_configured = || modems.iter().any(|modem| route.is_modem(&modem.name));
            match route.kind() {
                RouteKind::Modem => is_configured() || is_simulated(),
                RouteKind::Cloud => clouds.contains(route),
            }
        };
        let order = Category::ALL.map(|category| {
            let given = match category {
                Category::Otp => &mut given.otp,
                Category::Alert => &mut given.alert,
                Category::Transactional => &mut given.transactional,
                Category::Notification => &mut given.notification,
                Category::Bulk => &mut given.bulk,
            };
            let order = self.list(
                &format!("routing.order.{}", category.as_str()),
                given.take(),
                vec![Slot::Every(RouteKind::Modem), Slot::Every(RouteKind::Cloud)],
                "must be \"modems\", \"cloud\", or a route that there is, such as \"modem:NAME\" or \"cloud:NAME\"",
                |text| {
                    Slot::parse(text).filter(|slot| match slot {
                        Slot::One(route) => exists(route),
                        Slot::Every(_) => true,
                    })
                },
            );
            one_after_the_other(order, RouteKind::Cloud, &clouds)
        });
        Routing { order, patience }
    }

    pub(super) fn budget(&mut self, raw: raw::Budget) -> Budget {
        let mut amount = |key, given| {
            let right = format!("{AN_AMOUNT}, or \"\" for no bound");
            self.take(key, given, None, &right, |text: String| {
                optional(&text, Money::parse)
            })
        };
        Budget {
            daily: amount("budget.daily", raw.daily),
            monthly: amount("budget.monthly", raw.monthly),
            currency: self.take(
                "budget.currency",
                raw.currency,
                "CNY".to_owned(),
                "must be three capital letters (ISO 4217), such as \"CNY\"",
                |text| {
                    let is_code =
                        text.len() == 3 && text.bytes().all(|octet| octet.is_ascii_uppercase());
                    is_code.then_some(text)
                },
            ),
        }
    }

    pub(super) fn prefixes(&mut self, key: &str, given: Given<Vec<String>>) -> Prefixes {
        Prefixes::new(self.list(
            key,
            given,
            Vec::new(),
            "must be \"*\", or the first digits of numbers, such as \"+86\"",
            Prefixes::parse_one,
        ))
    }

    pub(super) fn categories(
        &mut self,
        key: &str,
        given: Given<Vec<String>>,
        usual: Categories,
    ) -> Categories {
        let listed = self.list(
            key,
            given,
            usual.iter().collect(),
            "must be otp, alert, transactional, notification or bulk",
            Category::parse,
        );
        Categories::of(&listed)
    }
}

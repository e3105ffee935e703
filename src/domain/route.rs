//! Routes: what a message may leave by, on what terms, and in which order they are asked (semantics §5).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::message::Policies;
use super::{Category, Destination, ModemName, Money, Policy, SimId};

/// What stands behind a route.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum RouteKind {
    Modem,
    /// A provider on the internet.
    Cloud,
}

impl RouteKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Modem => "modem",
            Self::Cloud => "cloud",
        }
    }
}

/// `modem:m1`, `cloud:NAME`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct RouteName {
    kind: RouteKind,
    text: Arc<str>,
}

impl RouteName {
    pub fn of_modem(name: &ModemName) -> Self {
        Self {
            kind: RouteKind::Modem,
            text: name.route().into(),
        }
    }

    pub fn of_cloud(name: &ModemName) -> Self {
        Self {
            kind: RouteKind::Cloud,
            text: format!("{}:{name}", RouteKind::Cloud.as_str()).into(),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once(':')?;
        let kind = [RouteKind::Modem, RouteKind::Cloud]
            .into_iter()
            .find(|known| known.as_str() == kind)?;
        // Providers are named by the rule for modems.
        ModemName::parse(name)?;
        Some(Self {
            kind,
            text: text.into(),
        })
    }

    pub fn kind(&self) -> RouteKind {
        self.kind
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// NAME of its section in the config.
    pub fn name(&self) -> &str {
        // Behind the kind and its colon.
        self.text
            .get(self.kind.as_str().len() + 1..)
            .unwrap_or_default()
    }

    pub fn is_modem(&self, modem: &ModemName) -> bool {
        self.kind == RouteKind::Modem && self.name() == modem.as_str()
    }
}

/// For a person: `modem m1`, `provider NAME`.
impl fmt::Display for RouteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            RouteKind::Modem => "modem",
            RouteKind::Cloud => "provider",
        };
        write!(f, "{what} {}", self.name())
    }
}

/// The only thing a message may leave by, when its caller named one.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Via {
    Route(RouteName),
    /// By its number: the SIM, in whatever modem it is.
    Sim(SimId),
}

impl Via {
    /// As it is stored: a modem by its bare name, everything else with a colon, which no modem's name has.
    pub fn stored(&self) -> String {
        match self {
            Self::Route(route) if route.kind() == RouteKind::Modem => route.name().to_owned(),
            Self::Route(route) => route.as_str().to_owned(),
            Self::Sim(sim) => format!("sim:{}", sim.as_str()),
        }
    }

    /// For people: the route's name, or `sim:` and the SIM.
    pub fn shown(&self) -> String {
        match self {
            Self::Route(route) => route.as_str().to_owned(),
            Self::Sim(_) => self.stored(),
        }
    }

    pub fn parse(stored: &str) -> Option<Self> {
        match stored.split_once(':') {
            None => ModemName::parse(stored).map(|name| Self::Route(RouteName::of_modem(&name))),
            Some(("sim", digits)) => SimId::parse(digits).map(Self::Sim),
            Some(_) => RouteName::parse(stored).map(Self::Route),
        }
    }
}

/// Which numbers a route serves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Prefixes(Vec<String>);

impl Prefixes {
    /// `["*"]`: every number. Else E.164 prefixes such as `+86`, or the first digits of short codes.
    pub fn parse_one(text: &str) -> Option<String> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let fits =
            (1..=15).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit());
        (text == "*" || fits).then(|| text.to_owned())
    }

    pub fn new(prefixes: Vec<String>) -> Self {
        match prefixes.iter().any(|prefix| prefix == "*") {
            true => Self::default(),
            false => Self(prefixes),
        }
    }

    pub fn serve(&self, to: &Destination) -> bool {
        let number = to.as_str();
        self.0.is_empty()
            || self
                .0
                .iter()
                .any(|prefix| number.starts_with(prefix.as_str()))
    }

    /// As in the config.
    pub fn written(&self) -> Vec<&str> {
        match self.0.is_empty() {
            true => vec!["*"],
            false => self.0.iter().map(String::as_str).collect(),
        }
    }
}

/// One flag per category, in the order of [`Category::ALL`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Categories(pub [bool; 5]);

impl Categories {
    pub const ALL: Self = Self([true; 5]);

    pub fn of(listed: &[Category]) -> Self {
        Self(Category::ALL.map(|category| listed.contains(&category)))
    }

    pub fn contain(self, category: Category) -> bool {
        self.0[category.index()]
    }

    pub fn iter(self) -> impl Iterator<Item = Category> {
        Category::ALL
            .into_iter()
            .filter(move |category| self.contain(*category))
    }
}

/// One place of `routing.order.<category>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Slot {
    /// `modems`, `cloud`: all of this kind that no other place names.
    Every(RouteKind),
    One(RouteName),
}

impl Slot {
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "modems" => Some(Self::Every(RouteKind::Modem)),
            "cloud" => Some(Self::Every(RouteKind::Cloud)),
            _ => RouteName::parse(text).map(Self::One),
        }
    }
}

/// Place of a route in the order; `None`: it is not in it, and serves the category not at all.
pub fn rank(order: &[Slot], route: &RouteName) -> Option<u8> {
    let named = order
        .iter()
        .position(|slot| *slot == Slot::One(route.clone()));
    let in_kind = || {
        order
            .iter()
            .position(|slot| *slot == Slot::Every(route.kind()))
    };
    // What stands behind the 256th place stands there together.
    named
        .or_else(in_kind)
        .map(|place| u8::try_from(place).unwrap_or(u8::MAX))
}

/// The order with a place of its own for each route of `kind` that no place names: before the place for all of the kind,
/// as they stand in `routes`. So those at one place share the work, and providers are asked one after the other.
pub fn one_after_the_other(order: Vec<Slot>, kind: RouteKind, routes: &[RouteName]) -> Vec<Slot> {
    let unnamed: Vec<Slot> = routes
        .iter()
        .filter(|route| route.kind() == kind)
        .map(|route| Slot::One(route.clone()))
        .filter(|slot| !order.contains(slot))
        .collect();
    let mut places = Vec::with_capacity(order.len() + unnamed.len());
    for slot in order {
        if slot == Slot::Every(kind) {
            places.extend(unnamed.iter().cloned());
        }
        places.push(slot);
    }
    places
}

/// `[routing]`: how long modems have before what comes behind them is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Patience {
    pub otp: Duration,
    /// Alerts of severity critical.
    pub alert: Duration,
    pub others: Duration,
    /// Categories that may leave by a provider.
    pub cloud_for: Categories,
}

impl Default for Patience {
    fn default() -> Self {
        use Category::{Alert, Otp, Transactional};
        Self {
            otp: Duration::from_secs(15),
            alert: Duration::from_secs(30),
            others: Duration::from_secs(600),
            cloud_for: Categories::of(&[Otp, Alert, Transactional]),
        }
    }
}

/// What the configuration says of one route.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    pub prefixes: Prefixes,
    pub categories: Categories,
    /// Its place among the routes, by category.
    pub ranks: [Option<u8>; 5],
    /// Its share of the work, against 100 of the others: a wait counts as `100 / weight` of itself. 0: only when
    /// no other may.
    pub weight: u32,
    /// Of one part.
    pub cost: Money,
    pub enabled: bool,
    pub patience: Arc<Patience>,
    pub policies: Policies,
    pub takes: Takes,
}

/// What a route can be told to send.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Takes {
    /// A finished text.
    #[default]
    Texts,
    /// Texts made of a template that the provider knows: one that names the provider's own, or one of these of ours.
    /// `*` among them stands for all: the provider has one whose only variable is the text.
    Templates(Vec<String>),
}

impl Takes {
    pub fn carries(&self, origin: Option<Origin<'_>>) -> bool {
        match (self, origin) {
            (Self::Texts, _) => true,
            (Self::Templates(known), origin) => {
                let is_known = |name: &str| known.iter().any(|known| known == name);
                is_known("*")
                    || origin.is_some_and(|origin| {
                        origin.names_the_providers || is_known(origin.template)
                    })
            }
        }
    }
}

/// Which template a text was made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Origin<'a> {
    /// Ours: its number, or the profile of a code.
    pub template: &'a str,
    /// It has a `providerTemplateId`.
    pub names_the_providers: bool,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            prefixes: Prefixes::default(),
            categories: Categories::ALL,
            ranks: [Some(0); 5],
            weight: USUAL_WEIGHT,
            cost: Money(500),
            enabled: true,
            patience: Arc::default(),
            policies: USUAL_POLICIES,
            takes: Takes::Texts,
        }
    }
}

/// `message.uncertain`, when nothing is written.
pub const USUAL_POLICIES: Policies = [
    Policy::Duplicate,
    Policy::Duplicate,
    Policy::Duplicate,
    Policy::Duplicate,
    Policy::Lose,
];

pub const USUAL_WEIGHT: u32 = 100;
pub const MOST_WEIGHT: u32 = 10_000;

impl Terms {
    /// Whether it could ever carry such a message, as long as nobody changes its terms.
    pub fn serve(&self, to: &Destination, category: Category, origin: Option<Origin<'_>>) -> bool {
        self.enabled
            && self.takes.carries(origin)
            && self.ranks[category.index()].is_some()
            && self.categories.contain(category)
            && self.prefixes.serve(to)
    }
}

/// Messages that wait for the same routes: each such crowd stands in a line of its own, so that one that can go
/// nowhere does not hide what can.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Crowd(pub i64);

impl Crowd {
    /// Everything that every route may carry.
    pub const ANYBODY: Self = Self(0);

    pub fn of_sim(sim: &SimId) -> Self {
        Self::of_text(&format!("sim:{}", sim.as_str()))
    }

    pub fn of_via(via: &Via) -> Self {
        Self::of_text(&via.stored())
    }

    /// Of a message that all of these routes, and no others, may carry.
    pub fn of_routes<'a>(routes: impl Iterator<Item = &'a RouteName>) -> Self {
        let names: Vec<&str> = routes.map(RouteName::as_str).collect();
        Self::of_text(&names.join(" "))
    }

    /// FNV-1a: the same over restarts and versions. Crowds that fall together stand in one line, which is what would be
    /// without them.
    fn of_text(text: &str) -> Self {
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, octet| {
            (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
        });
        // Positive, and never that of anybody.
        Self(i64::try_from(hash >> 1).unwrap_or(i64::MAX).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> RouteName {
        RouteName::parse(text).unwrap()
    }

    #[test]
    fn a_route_is_named_by_its_kind_and_its_section() {
        let m1 = route("modem:m1");
        assert_eq!((m1.kind(), m1.name()), (RouteKind::Modem, "m1"));
        assert_eq!(m1, RouteName::of_modem(&ModemName::parse("m1").unwrap()));
        assert_eq!(m1.to_string(), "modem m1");
        assert_eq!(route("cloud:a").to_string(), "provider a");
        for text in ["m1", "modem:", "modem:a b", "sim:1", "cloud:a:b"] {
            assert_eq!(RouteName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_message_may_leave_by_is_read_back_as_it_was_stored() {
        let sim = SimId::parse("89860000000000000001").unwrap();
        for (via, stored) in [
            (Via::Route(route("modem:m1")), "m1"),
            (Via::Route(route("cloud:a")), "cloud:a"),
            (Via::Sim(sim), "sim:89860000000000000001"),
        ] {
            assert_eq!(via.stored(), stored);
            assert_eq!(Via::parse(stored), Some(via));
        }
    }

    #[test]
    fn a_route_stands_where_it_is_named_else_with_its_kind_else_nowhere() {
        let order = |slots: &[&str]| -> Vec<Slot> {
            slots
                .iter()
                .map(|slot| Slot::parse(slot).unwrap())
                .collect()
        };
        for (slots, ranks) in [
            (&["modems", "cloud"][..], [Some(0), Some(0), Some(1)]),
            (&["modem:b", "cloud", "modems"], [Some(2), Some(0), Some(1)]),
            (&["modem:a"], [Some(0), None, None]),
            (&[], [None, None, None]),
        ] {
            let order = order(slots);
            let of = ["modem:a", "modem:b", "cloud:x"].map(|name| rank(&order, &route(name)));
            assert_eq!(of, ranks, "{slots:?}");
        }
    }

    #[test]
    fn providers_at_one_place_are_asked_in_the_order_of_their_sections() {
        let clouds =
            ["b", "a", "c"].map(|name| RouteName::of_cloud(&ModemName::parse(name).unwrap()));
        for (slots, ranks) in [
            (
                &["modems", "cloud"][..],
                [Some(0), Some(1), Some(2), Some(3), Some(4)],
            ),
            (
                &["cloud:c", "modems", "cloud"],
                [Some(1), Some(2), Some(3), Some(0), Some(4)],
            ),
            (&["cloud:a", "modems"], [Some(1), None, Some(0), None, None]),
            (
                &["cloud", "modems"],
                [Some(4), Some(0), Some(1), Some(2), Some(3)],
            ),
        ] {
            let order = slots
                .iter()
                .map(|slot| Slot::parse(slot).unwrap())
                .collect();
            let order = one_after_the_other(order, RouteKind::Cloud, &clouds);
            let of = ["modem:m1", "cloud:b", "cloud:a", "cloud:c", "cloud:later"]
                .map(|name| rank(&order, &route(name)));
            assert_eq!(of, ranks, "{slots:?}");
        }
    }

    #[test]
    fn a_route_behind_very_many_others_still_has_a_place() {
        let clouds: Vec<RouteName> = (0..300).map(|at| route(&format!("cloud:c{at}"))).collect();
        let order = one_after_the_other(
            vec![Slot::Every(RouteKind::Cloud), Slot::Every(RouteKind::Modem)],
            RouteKind::Cloud,
            &clouds,
        );
        assert_eq!(rank(&order, &clouds[254]), Some(254));
        assert_eq!(rank(&order, &clouds[299]), Some(255));
        assert_eq!(rank(&order, &route("modem:m1")), Some(255));
    }

    #[test]
    fn numbers_are_served_by_their_first_digits() {
        let prefixes = |list: &[&str]| {
            Prefixes::new(
                list.iter()
                    .map(|one| Prefixes::parse_one(one).unwrap())
                    .collect(),
            )
        };
        let to = |number| Destination::stored(number).unwrap();
        for (list, number, served) in [
            (&["*"][..], "+8613800138000", true),
            (&["+1", "+86"], "+8613800138000", true),
            (&["+1"], "+8613800138000", false),
            (&["+1"], "10086", false),
            (&["100"], "10086", true),
            (&["+1", "*"], "10086", true),
        ] {
            assert_eq!(
                prefixes(list).serve(&to(number)),
                served,
                "{list:?} {number}"
            );
        }
        for text in ["", "+", "86*", "+86 138", "**"] {
            assert_eq!(Prefixes::parse_one(text), None, "{text}");
        }
    }

    #[test]
    fn crowds_differ_by_what_they_wait_for() {
        let (a, b) = (route("modem:a"), route("modem:b"));
        let both = Crowd::of_routes([&a, &b].into_iter());
        let one = Crowd::of_routes([&a].into_iter());
        assert_ne!(both, one);
        assert_ne!(one, Crowd::ANYBODY);
        assert_eq!(both, Crowd::of_routes([&a, &b].into_iter()));
    }
}

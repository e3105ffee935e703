//! Which limits a send counts against (semantics §8): by where it is asked for, by its category, by who asks.
//!
//! Pure: the logs come out by the words that name them. The store keeps them and says how long to wait.

use std::net::IpAddr;
use std::time::Duration;

use super::{Category, Destination, Limit, ProfileName, Purpose, Severity};

/// `[limits]`, as far as sends and checks are counted. An empty list is no limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Allowances {
    /// Group A, per number; counted at the time it is to be sent.
    pub notify: Vec<Limit>,
    /// `/sms/send` and `/v1`, per number, whatever is no alert.
    pub direct: Vec<Limit>,
    /// Alerts, per number; not those that are critical.
    pub alert: Vec<Limit>,
    /// Codes and notifications of all surfaces together, per number.
    pub ceiling: Vec<Limit>,
    /// Callers without a key, all those of a listener together.
    pub anonymous: Option<Limit>,
    /// Wrong codes, per app and number.
    pub check_failures: Limit,
    /// Per address of a caller of a public endpoint.
    pub ip_sends: Limit,
    pub ip_checks: Limit,
}

/// Where a send is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Surface<'a> {
    /// `POST /notification/sms`
    Notify,
    /// `POST /sms/send`, `/v1/messages`, `/v1/batches`
    Direct { severity: Option<Severity> },
    /// A code, with the limits of its profile.
    Code {
        profile: ProfileName,
        purpose: Purpose,
        limits: &'a [Limit],
    },
}

/// One log of events and the limits that hold for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Log<'a> {
    /// What it is about and whom: no two logs have the same words.
    pub words: Vec<&'a str>,
    pub limits: &'a [Limit],
}

/// The longest window that the config may ask for: 31 days.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(31 * 86_400);

impl Allowances {
    /// The logs of a send. `listener`: where its caller came in, if without a key.
    pub fn of_send<'a>(
        &'a self,
        surface: Surface<'a>,
        category: Category,
        to: &'a Destination,
        listener: Option<&'a str>,
    ) -> Vec<Log<'a>> {
        let number = to.as_str();
        let mut logs = Vec::new();
        let mut add = |words: Vec<&'a str>, limits: &'a [Limit]| {
            if !limits.is_empty() {
                logs.push(Log { words, limits });
            }
        };
        match surface {
            Surface::Notify => add(vec!["notify", number], &self.notify),
            Surface::Direct { severity } if category == Category::Alert => {
                if severity != Some(Severity::Critical) {
                    add(vec!["alert", number], &self.alert);
                }
            }
            Surface::Direct { .. } => add(vec!["direct", number], &self.direct),
            Surface::Code {
                profile,
                purpose,
                limits,
            } => add(
                vec!["code", profile.as_str(), purpose.as_str(), number],
                limits,
            ),
        }
        if matches!(category, Category::Otp | Category::Notification) {
            add(vec!["ceiling", number], &self.ceiling);
        }
        if let Some(listener) = listener {
            add(vec!["anonymous", listener], self.anonymous.as_slice());
        }
        logs
    }

    /// The log of wrong codes for this number.
    pub fn of_checks<'a>(&'a self, app: &'a str, to: &'a Destination) -> Log<'a> {
        Log {
            words: vec!["check", app, to.as_str()],
            limits: std::slice::from_ref(&self.check_failures),
        }
    }

    /// The longest window of all, and a day at least: events older than that count for nothing.
    pub fn longest_window(&self) -> Duration {
        const DAY: Duration = Duration::from_secs(86_400);
        let single = [self.check_failures, self.ip_sends, self.ip_checks];
        [&self.notify, &self.direct, &self.alert, &self.ceiling]
            .into_iter()
            .flatten()
            .chain(&self.anonymous)
            .chain(&single)
            .map(Limit::window)
            .fold(DAY, Duration::max)
    }
}

/// By what a caller of a public endpoint is counted: the address, of IPv6 the first half, which is one customer's.
pub fn visitor(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(written: &[&str]) -> Vec<Limit> {
        written
            .iter()
            .map(|one| Limit::parse(one).unwrap())
            .collect()
    }

    fn usual() -> Allowances {
        let one = |text| Limit::parse(text).unwrap();
        Allowances {
            notify: limits(&["1/60"]),
            direct: limits(&["10/60"]),
            alert: limits(&["60/60"]),
            ceiling: limits(&["30/3600"]),
            anonymous: Some(one("600/3600")),
            check_failures: one("20/3600"),
            ip_sends: one("10/3600"),
            ip_checks: one("30/300"),
        }
    }

    #[test]
    fn a_send_counts_by_its_surface_its_category_and_its_caller() {
        let to = Destination::stored("+8613800138000").unwrap();
        let allowances = usual();
        let of_code = limits(&["1/60"]);
        let direct = |severity| Surface::Direct { severity };
        let code = Surface::Code {
            profile: ProfileName::SmsLogin,
            purpose: Purpose::Login,
            limits: &of_code,
        };
        use Category::{Alert, Bulk, Notification, Otp, Transactional};
        for (surface, category, listener, expected) in [
            (
                Surface::Notify,
                Notification,
                None,
                &["notify", "ceiling"][..],
            ),
            (direct(None), Transactional, None, &["direct"]),
            (direct(Some(Severity::Critical)), Bulk, None, &["direct"]),
            (direct(None), Otp, None, &["direct", "ceiling"]),
            (direct(None), Notification, None, &["direct", "ceiling"]),
            (direct(None), Alert, None, &["alert"]),
            (direct(Some(Severity::High)), Alert, None, &["alert"]),
            (direct(Some(Severity::Critical)), Alert, None, &[]),
            (
                direct(Some(Severity::Critical)),
                Alert,
                Some("127.0.0.1:30006"),
                &["anonymous"],
            ),
            (
                code,
                Otp,
                Some("127.0.0.1:30006"),
                &["code", "ceiling", "anonymous"],
            ),
        ] {
            let logs = allowances.of_send(surface, category, &to, listener);
            let names: Vec<&str> = logs.iter().map(|log| log.words[0]).collect();
            assert_eq!(names, expected, "{surface:?} {category:?}");
        }
    }

    #[test]
    fn a_list_that_is_empty_is_no_limit() {
        let to = Destination::stored("+8613800138000").unwrap();
        let none = Allowances {
            direct: Vec::new(),
            ceiling: Vec::new(),
            anonymous: None,
            ..usual()
        };
        let direct = Surface::Direct { severity: None };
        assert_eq!(none.of_send(direct, Category::Otp, &to, Some("l")), []);
    }

    #[test]
    fn codes_of_different_profiles_and_purposes_are_counted_apart() {
        let to = Destination::stored("+8613800138000").unwrap();
        let allowances = usual();
        let limits = limits(&["1/60"]);
        let words = |profile, purpose| {
            let surface = Surface::Code {
                profile,
                purpose,
                limits: &limits,
            };
            allowances.of_send(surface, Category::Otp, &to, None)[0]
                .words
                .join(" ")
        };
        assert_eq!(
            words(ProfileName::V1, Purpose::Generic),
            "code v1 generic +8613800138000"
        );
        assert_ne!(
            words(ProfileName::V1, Purpose::Login),
            words(ProfileName::V1, Purpose::Generic)
        );
    }

    #[test]
    fn events_are_kept_for_a_day_or_the_longest_window() {
        let mut allowances = usual();
        assert_eq!(allowances.longest_window(), Duration::from_secs(86_400));
        allowances.alert = limits(&["60/60", "1000/604800"]);
        assert_eq!(allowances.longest_window(), Duration::from_secs(604_800));
    }

    #[test]
    fn a_caller_is_counted_by_the_address_or_by_the_first_half_of_it() {
        for (address, counted) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ] {
            assert_eq!(visitor(address.parse().unwrap()), counted);
        }
    }
}

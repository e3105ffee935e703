//! Which limits a send counts against (semantics §8): by where it is asked for, by its category, by who asks.
//!
//! Pure. What counts for a number is a matter of its own messages: each says in which logs it stands. Other logs come out
//! by the words that name them. The store keeps both and says how long to wait.

use std::net::IpAddr;
use std::time::Duration;

use super::{Category, CountedAs, Destination, Limit, NumberLog, ProfileName, Purpose, Severity};

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

/// What a send counts against.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reckoned<'a> {
    /// The logs of its number. A log is named without a limit too: the next config may have one.
    pub of_number: Vec<(NumberLog, &'a [Limit])>,
    pub of_caller: Option<Log<'a>>,
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

impl Reckoned<'_> {
    /// As what the message counts for its number.
    pub fn counted_as(&self) -> CountedAs {
        let logs = self.of_number.iter();
        logs.fold(CountedAs::default(), |counted, (log, _)| counted.with(*log))
    }

    /// Every limit of the number, with the log it is asked of.
    pub fn limits(&self) -> impl Iterator<Item = (NumberLog, Limit)> {
        let logs = self.of_number.iter();
        logs.flat_map(|&(log, limits)| limits.iter().map(move |limit| (log, *limit)))
    }
}

impl Allowances {
    /// The logs of a send. `listener`: where its caller came in, if without a key.
    pub fn of_send<'a>(
        &'a self,
        surface: Surface<'a>,
        category: Category,
        listener: Option<&'a str>,
    ) -> Reckoned<'a> {
        let of_surface = match surface {
            Surface::Notify => Some((NumberLog::Notify, &self.notify[..])),
            Surface::Direct { severity } if category == Category::Alert => {
                let is_counted = severity != Some(Severity::Critical);
                is_counted.then_some((NumberLog::Alert, &self.alert[..]))
            }
            Surface::Direct { .. } => Some((NumberLog::Direct, &self.direct[..])),
            Surface::Code {
                profile,
                purpose,
                limits,
            } => Some((NumberLog::Code(profile, purpose), limits)),
        };
        let is_capped = matches!(category, Category::Otp | Category::Notification);
        let ceiling = is_capped.then_some((NumberLog::Ceiling, &self.ceiling[..]));
        let of_caller = listener.zip(self.anonymous.as_ref());
        Reckoned {
            of_number: of_surface.into_iter().chain(ceiling).collect(),
            of_caller: of_caller.map(|(listener, limit)| Log {
                words: vec!["anonymous", listener],
                limits: std::slice::from_ref(limit),
            }),
        }
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
        let allowances = usual();
        let of_code = limits(&["1/60"]);
        let direct = |severity| Surface::Direct { severity };
        let code = Surface::Code {
            profile: ProfileName::SmsLogin,
            purpose: Purpose::Login,
            limits: &of_code,
        };
        let of_login = NumberLog::Code(ProfileName::SmsLogin, Purpose::Login);
        const LISTENER: Option<&str> = Some("127.0.0.1:30006");
        use Category::{Alert, Bulk, Notification, Otp, Transactional};
        use NumberLog::{Alert as OfAlerts, Ceiling, Direct, Notify};
        for (surface, category, listener, expected) in [
            (Surface::Notify, Notification, None, &[Notify, Ceiling][..]),
            (direct(None), Transactional, None, &[Direct]),
            (direct(Some(Severity::Critical)), Bulk, None, &[Direct]),
            (direct(None), Otp, None, &[Direct, Ceiling]),
            (direct(None), Notification, None, &[Direct, Ceiling]),
            (direct(None), Alert, None, &[OfAlerts]),
            (direct(Some(Severity::High)), Alert, None, &[OfAlerts]),
            (direct(Some(Severity::Critical)), Alert, None, &[]),
            (direct(Some(Severity::Critical)), Alert, LISTENER, &[]),
            (code, Otp, LISTENER, &[of_login, Ceiling]),
        ] {
            let reckoned = allowances.of_send(surface, category, listener);
            let logs: Vec<NumberLog> = reckoned.of_number.iter().map(|(log, _)| *log).collect();
            assert_eq!(logs, expected, "{surface:?} {category:?}");
            for log in logs {
                assert!(reckoned.counted_as().is_in(log));
            }
            let words = reckoned.of_caller.map(|log| log.words);
            let expected = listener.map(|listener| vec!["anonymous", listener]);
            assert_eq!(words, expected, "{surface:?} {category:?}");
        }
    }

    #[test]
    fn a_list_that_is_empty_is_no_limit_and_is_counted_all_the_same() {
        let none = Allowances {
            direct: Vec::new(),
            ceiling: Vec::new(),
            anonymous: None,
            ..usual()
        };
        let direct = Surface::Direct { severity: None };
        let reckoned = none.of_send(direct, Category::Otp, Some("l"));
        assert_eq!(reckoned.limits().count(), 0);
        assert_eq!(reckoned.of_caller, None);
        assert!(reckoned.counted_as().is_in(NumberLog::Ceiling));
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

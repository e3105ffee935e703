//! `[modem.NAME]` and `[simulate]`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::Spanned;

use super::desk::{AN_AMOUNT, Desk, from_to};
use super::problem::Problem;
use super::raw::{self, Given};
use super::values::{is_device, is_smsc, optional};
use super::{
    Modem, PERSONALITIES, Quota, Simulate, USUAL_COST, USUAL_DAY_QUOTA, USUAL_HOUR_QUOTA,
    Whereabouts,
};
use crate::domain::route::{MOST_WEIGHT, USUAL_WEIGHT};
use crate::domain::{Categories, ModemName, Money, Sought};

impl Desk<'_> {
    pub(super) fn modems(
        &mut self,
        raw: impl IntoIterator<Item = (Spanned<String>, raw::Modem)>,
    ) -> Vec<Modem> {
        let mut sections: Vec<_> = raw.into_iter().collect();
        sections.sort_by_key(|(name, _)| name.span().start);
        let mut modems: Vec<Modem> = Vec::new();
        for (name, section) in sections {
            let at = [
                ("device", &section.device),
                ("match_imei", &section.match_imei),
                ("match_iccid", &section.match_iccid),
            ]
            .into_iter()
            .find_map(|(key, given)| Some((key, given.as_ref()?.span())));
            let Some(modem) = self.modem(&name, section) else {
                continue;
            };
            let twin = modems.iter().find(|other| other.at == modem.at);
            if let (Some(twin), Some((key, span))) = (twin, at) {
                let what = match key {
                    "device" => "this device",
                    _ => "the same",
                };
                let right = format!("modem {} has {what} already", twin.name);
                self.refuse(&format!("modem.{}.{key}", modem.name), span, right);
            }
            modems.push(modem);
        }
        modems
    }

    /// `None` when it lacks what makes a modem, a name or a device; that is noted then.
    fn modem(&mut self, name: &Spanned<String>, raw: raw::Modem) -> Option<Modem> {
        let position = name.span().start;
        let key = |key: &str| format!("modem.{}.{key}", name.get_ref());
        let at = self.whereabouts(&key, position, raw.device, raw.match_imei, raw.match_iccid);
        let parsed = ModemName::parse(name.get_ref());
        if parsed.is_none() {
            let problem = Problem::Wrong {
                place: self.sheet.place(position),
                key: "modem".to_owned(),
                value: self.sheet.value(name.span()),
                right: "a modem's name must be 1 to 32 letters, digits, - and _".to_owned(),
            };
            self.problems.push((position, problem));
        }
        self.word(
            &key("mode"),
            raw.mode,
            "auto",
            // PDU mode is the only one that is spoken.
            &[("auto", ()), ("pdu", ())],
        );
        let quota = self.quota(
            &key,
            raw.hour_quota,
            raw.day_quota,
            raw.month_quota,
            raw.plan_reset_day,
        );
        let balance = self.balance(
            &key,
            [raw.balance_ussd, raw.balance_regex, raw.balance_min],
            raw.balance_every,
        );
        Some(Modem {
            balance,
            profile: self.take(
                &key("profile"),
                raw.profile,
                None,
                "must be the name of a profile, such as \"huawei-e3372\"",
                |text| optional(&text, |text| Some(text.to_owned())),
            ),
            pin_file: self.take(
                &key("pin_file"),
                raw.pin_file,
                None,
                "must be a file's name",
                |text| optional(&text, |text| Some(PathBuf::from(text))),
            ),
            storage: self
                .word(
                    &key("storage"),
                    raw.storage,
                    "auto",
                    &[("auto", None), ("SM", Some("SM")), ("ME", Some("ME"))],
                )
                .map(str::to_owned),
            quota,
            min_interval: self.millis(
                &key("min_interval_ms"),
                raw.min_interval_ms,
                0,
                0..=3_600_000,
            ),
            prefixes: self.prefixes(&key("prefixes"), raw.prefixes),
            categories: self.categories(&key("categories"), raw.categories, Categories::ALL),
            weight: self.number(
                &key("weight"),
                raw.weight,
                USUAL_WEIGHT,
                0..=i64::from(MOST_WEIGHT),
            ),
            cost: self.take(&key("cost"), raw.cost, USUAL_COST, AN_AMOUNT, |text| {
                Money::parse(&text)
            }),
            baud: self.number(&key("baud"), raw.baud, 115_200, 300..=4_000_000),
            smsc: self.take(
                &key("smsc"),
                raw.smsc,
                None,
                "must be the service centre's number, + and digits, such as \"+8613800100500\"",
                |text| optional(&text, |text| is_smsc(text).then(|| text.to_owned())),
            ),
            command_timeout: self.millis(
                &key("command_timeout_ms"),
                raw.command_timeout_ms,
                5000,
                100..=600_000,
            ),
            send_timeout: self.seconds(&key("send_timeout"), raw.send_timeout, 120, 1..=3600),
            reports: raw.reports.unwrap_or(true),
            ref16: raw.ref16.unwrap_or(false),
            enabled: raw.enabled.unwrap_or(true),
            // Last, so that everything else has been checked before these end it.
            name: parsed?,
            at: at?,
        })
    }

    /// `None` when nothing says where it is; that is noted then.
    fn whereabouts(
        &mut self,
        key: &impl Fn(&str) -> String,
        position: usize,
        device: Given<String>,
        imei: Given<String>,
        iccid: Given<String>,
    ) -> Option<Whereabouts> {
        let is_set = |given: &Spanned<String>| !given.get_ref().is_empty();
        let (imei, iccid) = (imei.filter(is_set), iccid.filter(is_set));
        if device.is_none() && imei.is_none() && iccid.is_none() {
            let problem = Problem::Missing {
                place: self.sheet.place(position),
                key: key("device"),
                right: "name the modem's port, such as \"/dev/ttyUSB2\", or its match_imei",
            };
            self.problems.push((position, problem));
        }
        if device.is_some() {
            let beside = [("match_imei", &imei), ("match_iccid", &iccid)];
            for (name, given) in beside {
                if let Some(given) = given {
                    let right = "must not stand beside device: one of them says where it is";
                    self.refuse(&key(name), given.span(), right.to_owned());
                }
            }
        }
        let port = self.take(
            &key("device"),
            device,
            None,
            "must be an absolute path, best one of /dev/serial/by-id, or tcp://host:port",
            |text| is_device(&text).then(|| Some(PathBuf::from(text))),
        );
        let digits = |lengths: RangeInclusive<usize>| {
            move |text: String| {
                let is_number = lengths.contains(&text.len())
                    && text.bytes().all(|octet| octet.is_ascii_digit());
                is_number.then_some(Some(text))
            }
        };
        let imei = self.take(
            &key("match_imei"),
            imei,
            None,
            "must be the modem's IMEI, 15 digits: cellpost modem list shows it",
            digits(14..=16),
        );
        let iccid = self.take(
            &key("match_iccid"),
            iccid,
            None,
            "must be the SIM's ICCID, 18 to 20 digits: cellpost modem list shows it",
            digits(18..=20),
        );
        match port {
            Some(port) => Some(Whereabouts::Port(port)),
            None if imei.is_none() && iccid.is_none() => None,
            None => Some(Whereabouts::Sought(Sought { imei, iccid })),
        }
    }

    /// `modems.adopt`; `named`: there are modems already.
    pub(super) fn adopts(&mut self, given: Given<raw::Scalar>, named: bool) -> bool {
        self.take(
            "modems.adopt",
            given,
            !named,
            "must be \"auto\", true or false",
            |raw::Scalar(word)| match word.as_str() {
                "auto" => Some(!named),
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
        )
    }

    fn quota(
        &mut self,
        key: &impl Fn(&str) -> String,
        hour: Given<i64>,
        day: Given<i64>,
        month: Given<i64>,
        reset_day: Given<i64>,
    ) -> Quota {
        let mut parts = |name: &str, given, usual| {
            let parts: u32 = self.number(&key(name), given, usual, 0..=10_000_000);
            (parts != 0).then_some(parts)
        };
        Quota {
            hour: parts("hour_quota", hour, USUAL_HOUR_QUOTA),
            day: parts("day_quota", day, USUAL_DAY_QUOTA),
            month: parts("month_quota", month, 0),
            reset_day: self.number(&key("plan_reset_day"), reset_day, 1, 1..=28),
        }
    }

    pub(super) fn simulate(&mut self, raw: raw::Simulate, replaced_by: Option<usize>) -> Simulate {
        const MOST: i64 = 1000;
        let hour = 0..=3_600_000;
        let written = self.number("simulate.modems", raw.modems, 0, 0..=MOST);
        let modems = replaced_by.unwrap_or(written);
        if i64::try_from(modems).is_ok_and(|modems| modems > MOST) {
            self.refuse_argument("--simulate", modems.to_string(), from_to(&(0..=MOST)));
        }
        Simulate {
            modems,
            personalities: self.personalities(raw.personality),
            scenario: self.take(
                "simulate.scenario",
                raw.scenario,
                None,
                "must be a file's name, or \"\" for none",
                |name| {
                    optional(&name, |name| {
                        (!name.ends_with('/')).then(|| PathBuf::from(name))
                    })
                },
            ),
            seed: self.number("simulate.seed", raw.seed, 1, 0..=i64::MAX),
            latency: self.millis("simulate.latency_ms", raw.latency_ms, 500, hour.clone()),
            prompt: self.millis("simulate.prompt_ms", raw.prompt_ms, 20, hour.clone()),
            report_after: self.millis("simulate.report_after_ms", raw.report_after_ms, 1000, hour),
            cloud: raw.cloud.unwrap_or(false),
        }
    }

    /// One name, or several with commas between them.
    fn personalities(&mut self, given: Given<String>) -> Vec<String> {
        let right = format!(
            "must be {}, or several of them with commas between",
            PERSONALITIES.join(", ")
        );
        let known = |names: String| {
            let names: Vec<String> = names.split(',').map(|name| name.trim().into()).collect();
            let all = names
                .iter()
                .all(|name: &String| PERSONALITIES.contains(&name.as_str()));
            all.then_some(names)
        };
        self.take(
            "simulate.personality",
            given,
            vec!["generic".to_owned()],
            &right,
            known,
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::check::tests::written;
    use super::*;

    #[test]
    fn every_key_of_a_modem_is_read() {
        let config = written(
            "[modem.b]
             device = '/dev/ttyUSB2'
             baud = 9600
             smsc = '+8613800100500'
             command_timeout_ms = 250
             send_timeout = 60
             reports = false
             ref16 = true
             enabled = false
             profile = 'zte'
             pin_file = 'b.pin'
             mode = 'pdu'
             storage = 'ME'
             hour_quota = 0
             day_quota = 20
             month_quota = 300
             min_interval_ms = 1500
             plan_reset_day = 15
             prefixes = ['+86', '100']
             categories = ['otp', 'alert']
             weight = 50
             cost = '0.045'
             [modem.a]
             device = 'tcp://10.0.0.7:4001'",
        )
        .config();
        let names: Vec<&str> = config.modems.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["b", "a"], "in the order of the file");
        let b = &config.modems[0];
        assert_eq!(b.at, Whereabouts::Port("/dev/ttyUSB2".into()));
        assert_eq!((b.baud, b.smsc.as_deref()), (9600, Some("+8613800100500")));
        assert_eq!(b.command_timeout, Duration::from_millis(250));
        assert_eq!(b.send_timeout, Duration::from_secs(60));
        assert!(!b.reports && b.ref16 && !b.enabled);
        assert_eq!(b.profile.as_deref(), Some("zte"));
        assert_eq!(b.pin_file.as_deref(), Some(Path::new("b.pin")));
        assert_eq!(b.storage.as_deref(), Some("ME"));
        let quota = Quota {
            hour: None,
            day: Some(20),
            month: Some(300),
            reset_day: 15,
        };
        assert_eq!(b.quota, quota);
        assert_eq!(b.min_interval, Duration::from_millis(1500));
        assert_eq!(b.prefixes.written(), ["+86", "100"]);
        assert_eq!(b.categories.0, [true, true, false, false, false]);
        assert_eq!((b.weight, b.cost), (50, Money(450)));
        let a = &config.modems[1];
        assert_eq!(a.at, Whereabouts::Port("tcp://10.0.0.7:4001".into()));
        assert_eq!((a.quota.hour, a.quota.day), (Some(100), Some(500)));
        assert_eq!((a.baud, a.smsc.as_deref()), (115_200, None));
        assert!(a.reports && !a.ref16 && a.enabled);
        assert_eq!(a.prefixes.written(), ["*"]);
        assert_eq!(a.categories, Categories::ALL);
        assert_eq!((a.weight, a.cost), (100, Money(500)));
    }

    #[test]
    fn a_modem_needs_a_device_that_no_other_has() {
        for (text, expected) in [
            (
                "[modem.m1]\nbaud = 9600",
                "line 1: modem.m1.device is missing: name the modem's port, such as \"/dev/ttyUSB2\", or its match_imei",
            ),
            (
                "[modem.m1]\ndevice = 'ttyUSB0'",
                "line 2: modem.m1.device = 'ttyUSB0': must be an absolute path, best one of /dev/serial/by-id, or tcp://host:port",
            ),
            (
                "[modem.m1]\ndevice = 'tcp://host'",
                "line 2: modem.m1.device = 'tcp://host': must be an absolute path, best one of /dev/serial/by-id, or tcp://host:port",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\nplan_reset_day = 29",
                "line 3: modem.m1.plan_reset_day = 29: must be 1 to 28",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\nstorage = 'SR'",
                "line 3: modem.m1.storage = 'SR': must be \"auto\" or \"SM\" or \"ME\"",
            ),
            (
                "[modem.'my stick']\ndevice = '/dev/ttyUSB0'",
                "line 1: modem = 'my stick': a modem's name must be 1 to 32 letters, digits, - and _",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\n[modem.m2]\ndevice = '/dev/ttyUSB0'",
                "line 4: modem.m2.device = '/dev/ttyUSB0': modem m1 has this device already",
            ),
            (
                "[modem.m1]\nmatch_imei = '860000000000017'\n[modem.m2]\nmatch_imei = '860000000000017'",
                "line 4: modem.m2.match_imei = '860000000000017': modem m1 has the same already",
            ),
            (
                "[modem.m1]\nmatch_imei = 'E3372'",
                "line 2: modem.m1.match_imei = 'E3372': must be the modem's IMEI, 15 digits: cellpost modem list shows it",
            ),
            (
                "[modem.m1]\nmatch_iccid = '8986'",
                "line 2: modem.m1.match_iccid = '8986': must be the SIM's ICCID, 18 to 20 digits: cellpost modem list shows it",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\nmatch_imei = '860000000000017'",
                "line 3: modem.m1.match_imei = '860000000000017': must not stand beside device: one of them says where it is",
            ),
            (
                "[modems]\nadopt = 'yes'",
                "line 2: modems.adopt = 'yes': must be \"auto\", true or false",
            ),
            (
                "[modem.m1]\ndevice = '/dev/ttyUSB0'\nsmsc = 'centre'",
                "line 3: modem.m1.smsc = 'centre': must be the service centre's number, + and digits, such as \"+8613800100500\"",
            ),
        ] {
            let expected = format!("cellpost.toml {expected}");
            assert_eq!(written(text).problems(), [expected], "{text}");
        }
    }

    #[test]
    fn a_modem_may_be_sought_by_its_own_number_and_by_that_of_its_sim() {
        let text = "[modem.a]\nmatch_imei = '860000000000017'\n[modem.b]\nmatch_imei = '860000000000017'\nmatch_iccid = '89860012345678901234'";
        let config = written(text).config();
        let imei = Some("860000000000017".to_owned());
        let iccid = Some("89860012345678901234".to_owned());
        let sought = |iccid| {
            Whereabouts::Sought(Sought {
                imei: imei.clone(),
                iccid,
            })
        };
        assert_eq!(config.modems[0].at, sought(None));
        assert_eq!(config.modems[1].at, sought(iccid));
    }

    #[test]
    fn modems_are_adopted_where_nothing_names_any_or_when_it_is_said() {
        for (text, adopts) in [
            ("", true),
            ("[modem.m1]\ndevice = '/dev/ttyUSB0'", false),
            ("[simulate]\nmodems = 1", false),
            ("[modems]\nadopt = true\n[simulate]\nmodems = 1", true),
            ("[modems]\nadopt = 'auto'", true),
            ("[modems]\nadopt = false", false),
        ] {
            assert_eq!(written(text).config().adopts, adopts, "{text}");
        }
    }

    #[test]
    fn simulated_modems_are_asked_for_in_the_file_or_on_the_command_line() {
        let mut gateway = written("[simulate]\nmodems = 2\nlatency_ms = 0");
        assert_eq!(gateway.config().simulate.modems, 2);
        assert_eq!(gateway.config().simulate.personalities, ["generic"]);
        gateway.sources.simulate = Some(4);
        let simulate = gateway.config().simulate;
        assert_eq!((simulate.modems, simulate.latency), (4, Duration::ZERO));
        gateway.sources.simulate = Some(1001);
        assert_eq!(
            gateway.problems(),
            ["command line: --simulate = 1001: must be 0 to 1000"]
        );
    }
}

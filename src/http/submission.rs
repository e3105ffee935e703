//! Fields that become a [`Submission`](crate::store::Submission), read in the same way by every group that accepts
//! messages. Each reader notes what is wrong in [`Fields`] and answers `None` then.

use std::time::Duration;

use super::Gate;
use super::extract::Fields;
use crate::domain::{
    Body, Category, Destination, Encoding, FleetView, ModemName, ModemStatus, NumberRules,
    Priority, Reference, RouteName, Severity, Stranger, UnixMillis, Via,
};

/// A recipient, and as the caller wrote it.
#[derive(Debug)]
pub(super) struct Recipient {
    pub(super) to: Destination,
    pub(super) raw: String,
}

/// A text and what it comes to.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) body: Body,
    pub(super) encoding: Encoding,
    pub(super) parts: u8,
}

/// When it goes, and until when it is worth going.
#[derive(Debug)]
pub(super) struct Schedule {
    pub(super) scheduled_at: Option<UnixMillis>,
    pub(super) expires_at: UnixMillis,
}

/// Seconds.
const TTL: std::ops::RangeInclusive<i64> = 10..=604_800;
const FARTHEST_AHEAD: Duration = Duration::from_secs(7 * 86_400);
const LONGEST_REF: usize = 100;
/// More characters that do not fit are not listed.
const MOST_NAMED: usize = 20;

pub(super) fn recipient(
    fields: &mut Fields,
    name: &'static str,
    rules: &NumberRules,
) -> Option<Recipient> {
    let raw = required(fields, name)?;
    match rules.parse(&raw) {
        Ok(to) => Some(Recipient { to, raw }),
        Err(why) => fields.wrong(name, "invalid_phone", format!("{name}: {why}")),
    }
}

pub(super) fn content(
    fields: &mut Fields,
    name: &'static str,
    asked: Encoding,
    width: Reference,
    max_parts: u8,
) -> Option<Content> {
    let body = body(fields, name)?;
    let plan = match body.plan(asked, width.into()) {
        Ok(plan) => plan,
        Err(why) => return fields.wrong(name, "not_encodable", not_in_gsm7(&why.offending)),
    };
    match u8::try_from(plan.parts) {
        Ok(parts) if parts <= max_parts => Some(Content {
            body,
            encoding: plan.encoding,
            parts,
        }),
        _ => {
            let needs = format!(
                "the text needs {} parts; message.max_parts is {max_parts}",
                plan.parts
            );
            fields.wrong(name, "too_long", needs)
        }
    }
}

pub(super) fn body(fields: &mut Fields, name: &'static str) -> Option<Body> {
    let text = required(fields, name)?;
    match Body::parse(&text) {
        Ok(body) => Some(body),
        Err(why) => fields.wrong(name, "invalid_request", why.to_string()),
    }
}

fn not_in_gsm7(offending: &[Stranger]) -> String {
    let named: Vec<String> = offending
        .iter()
        .take(MOST_NAMED)
        .map(|stranger| format!("{:?}", stranger.character))
        .collect();
    let more = match offending.len().checked_sub(MOST_NAMED) {
        Some(more @ 1..) => format!(" and {more} more"),
        _ => String::new(),
    };
    format!(
        "not in the GSM 7-bit alphabet: {}{more}; take encoding auto or ucs2",
        named.join(" ")
    )
}

fn required(fields: &mut Fields, name: &'static str) -> Option<String> {
    let text = fields.text(name);
    if text.is_none() && !fields.is_refused(name) {
        return fields.refuse(name, "is missing");
    }
    text
}

pub(super) fn category(fields: &mut Fields) -> Option<Category> {
    let must = "must be otp, alert, transactional, notification or bulk";
    word(fields, "category", Category::parse, must)
}

pub(super) fn severity(fields: &mut Fields) -> Option<Severity> {
    severity_in(fields, "severity")
}

pub(super) fn severity_in(fields: &mut Fields, name: &'static str) -> Option<Severity> {
    let must = "must be low, medium, high or critical";
    word(fields, name, Severity::parse, must)
}

pub(super) fn encoding(fields: &mut Fields) -> Encoding {
    word(
        fields,
        "encoding",
        Encoding::parse,
        "must be auto, gsm7 or ucs2",
    )
    .unwrap_or(Encoding::Auto)
}

fn word<T>(
    fields: &mut Fields,
    name: &'static str,
    parse: fn(&str) -> Option<T>,
    must: &str,
) -> Option<T> {
    let word = fields.text(name)?;
    parse(&word).or_else(|| fields.refuse(name, must))
}

pub(super) fn client_ref(fields: &mut Fields, name: &'static str) -> Option<String> {
    let given = fields.text(name)?;
    match given.chars().count() {
        0..=LONGEST_REF => Some(given),
        _ => fields.refuse(name, "must have at most 100 characters"),
    }
}

pub(super) fn schedule(fields: &mut Fields, usual_ttl: Duration, now: UnixMillis) -> Schedule {
    let ttl = fields
        .whole("ttl")
        .and_then(|seconds| match TTL.contains(&seconds) {
            true => u64::try_from(seconds).ok().map(Duration::from_secs),
            false => fields.refuse("ttl", "must be 10 to 604800 seconds"),
        });
    let scheduled_at = scheduled_at(fields, now);
    Schedule {
        scheduled_at,
        expires_at: scheduled_at.unwrap_or(now).plus(ttl.unwrap_or(usual_ttl)),
    }
}

/// `None` for now, which is also what the past means.
fn scheduled_at(fields: &mut Fields, now: UnixMillis) -> Option<UnixMillis> {
    const NAME: &str = "scheduled_at";
    let given = fields.text(NAME)?;
    let refuse = |fields: &mut Fields, must: &str| {
        fields.wrong(NAME, "invalid_schedule", format!("{NAME} {must}"))
    };
    match UnixMillis::parse_rfc3339(&given) {
        None => refuse(
            fields,
            "must be a time by RFC 3339, such as 2030-01-31T12:00:00Z",
        ),
        Some(at) if at > now.plus(FARTHEST_AHEAD) => refuse(fields, "must be at most 7 days ahead"),
        Some(at) => Some(at).filter(|at| *at > now),
    }
}

/// 0 goes first, 4 last; it takes the place of the category's class.
pub(super) fn priority(fields: &mut Fields) -> Option<Priority> {
    let given = fields.whole("priority")?;
    match u8::try_from(given) {
        Ok(class) if usize::from(class) < Priority::CLASSES => Some(Priority(class)),
        _ => fields.refuse("priority", "must be 0 to 4"),
    }
}

/// The only way by which it may leave: what `from` names, or the route of `route`.
pub(super) fn via(fields: &mut Fields, gate: &Gate) -> Option<Via> {
    let from = from(fields, gate);
    let Some(given) = fields.text("route") else {
        return from;
    };
    let Some(route) = gate.route_named(&given) else {
        return fields.refuse("route", "must be the name of a route, such as modem:m1");
    };
    let agrees = match &from {
        None => true,
        Some(Via::Route(from)) => *from == route,
        Some(Via::Sim(_)) => false,
    };
    match agrees {
        true => Some(Via::Route(route)),
        false => fields.refuse("route", "and from name two ways out; give one of them"),
    }
}

/// A modem's name, a route's, or the number of a SIM: then that SIM, whatever modem it is in.
fn from(fields: &mut Fields, gate: &Gate) -> Option<Via> {
    let given = fields.text("from")?;
    let by_name = || gate.route_named(&given).map(Via::Route);
    let by_number = || sim_with_number(&given, &gate.fleet(), &gate.config().numbers);
    by_name().or_else(by_number).or_else(|| {
        fields.refuse(
            "from",
            "must be the name of a modem or a route, or the number of one of the SIMs",
        )
    })
}

fn sim_with_number(given: &str, fleet: &FleetView, rules: &NumberRules) -> Option<Via> {
    let wanted = rules.parse(given).ok()?;
    let modem = fleet.iter().find(|modem| {
        let own = modem.number.as_deref().map(|own| rules.parse(own));
        own.is_some_and(|own| own.as_ref() == Ok(&wanted))
    })?;
    Some(match modem.sim() {
        Some(sim) => Via::Sim(sim),
        None => Via::Route(RouteName::of_modem(&modem.name)),
    })
}

/// How wide the references of a long text will be: as wide as every modem that may take it makes them.
pub(super) fn reference_width(gate: &Gate, via: Option<&Via>) -> Reference {
    let fleet = gate.fleet();
    let terms = gate.terms();
    let is_wide = |name: &ModemName| terms.wide.contains(name);
    let may_take_it = |modem: &&ModemStatus| match via {
        Some(Via::Route(route)) => route.is_modem(&modem.name),
        // It may go into another modem.
        Some(Via::Sim(_)) | None => true,
    };
    let mut candidates = fleet
        .iter()
        .filter(may_take_it)
        .map(|modem| &modem.name)
        .peekable();
    match candidates.peek().is_some() && candidates.all(is_wide) {
        true => Reference::Sixteen(0),
        false => Reference::Eight(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ModemStatus;

    const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

    #[test]
    fn a_time_to_live_counts_from_the_time_it_is_scheduled_for() {
        for (json, scheduled_in, expires_in) in [
            ("{}", None, 3_600),
            (r#"{"ttl": 10}"#, None, 10),
            // Two minutes after NOW, with another offset.
            (
                r#"{"scheduled_at": "2023-11-15T06:15:20+08:00", "ttl": 60}"#,
                Some(120),
                180,
            ),
            (r#"{"scheduled_at": "2001-01-01T00:00:00Z"}"#, None, 3_600),
            (r#"{"scheduled_at": null}"#, None, 3_600),
        ] {
            let mut fields = Fields::parse(json.as_bytes()).unwrap();
            let schedule = schedule(&mut fields, Duration::from_secs(3_600), NOW);
            fields.finish(Some(())).unwrap();
            let after = |seconds| NOW.plus(Duration::from_secs(seconds));
            assert_eq!(schedule.scheduled_at, scheduled_in.map(after), "{json}");
            assert_eq!(schedule.expires_at, after(expires_in), "{json}");
        }
    }

    #[test]
    fn a_schedule_out_of_bounds_is_refused() {
        for json in [
            r#"{"ttl": 9}"#,
            r#"{"ttl": 604801}"#,
            r#"{"ttl": "60"}"#,
            r#"{"scheduled_at": "tomorrow"}"#,
            r#"{"scheduled_at": 5}"#,
            r#"{"scheduled_at": "2023-11-21T22:13:21Z"}"#,
        ] {
            let mut fields = Fields::parse(json.as_bytes()).unwrap();
            schedule(&mut fields, Duration::from_secs(3_600), NOW);
            assert!(fields.finish(Some(())).is_err(), "{json}");
        }
    }

    #[test]
    fn a_number_of_our_own_means_the_sim_and_not_the_modem_it_is_in() {
        let modem = |name: &str, number: Option<&str>, iccid: Option<&str>| ModemStatus {
            number: number.map(str::to_owned),
            iccid: iccid.map(str::to_owned),
            ..ModemStatus::absent(ModemName::parse(name).unwrap(), "/dev/null".into(), NOW)
        };
        let fleet: FleetView = [
            modem("m1", None, None),
            modem("m2", Some("+8613800138000"), Some("89860000000000000002")),
            modem("m3", Some("13900139000"), None),
        ]
        .into();
        let rules = NumberRules::new("CN", false).unwrap();
        for (given, expected) in [
            ("13800138000", Some("sim:89860000000000000002")),
            ("+86 139 0013 9000", Some("m3")),
            ("m2", None),
            ("", None),
            ("+8613800138001", None),
        ] {
            let found = sim_with_number(given, &fleet, &rules);
            assert_eq!(
                found.map(|via| via.stored()).as_deref(),
                expected,
                "{given}"
            );
        }
    }

    #[test]
    fn characters_that_do_not_fit_are_named_but_not_without_end() {
        assert_eq!(
            not_in_gsm7(&strangers(&['你', '"'])),
            r#"not in the GSM 7-bit alphabet: '你' '"'; take encoding auto or ucs2"#
        );
        let many: Vec<char> = ('\u{4e00}'..).take(25).collect();
        assert!(not_in_gsm7(&strangers(&many)).contains("and 5 more"));
    }

    fn strangers(characters: &[char]) -> Vec<Stranger> {
        let numbered = characters.iter().enumerate();
        numbered
            .map(|(at, &character)| Stranger { character, at })
            .collect()
    }
}

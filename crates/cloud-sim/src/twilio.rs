//! **Twilio**: Programmable Messaging, `2010-04-01`: create, fetch and list messages, and status callbacks.
//!
//! The resource has its 20 keys with the types of the API reference: numbers of segments are strings, error codes are
//! integers, dates are RFC 2822.

use serde_json::{Value, json};

use crate::account::Provider;
use crate::calendar::{from_day, from_iso, rfc2822};
use crate::call::{Answer, Call, Fields, Reaction};
use crate::dress::{Outcome, server_error};
use crate::fault::Fault;
use crate::hash::{base64, hmac_sha1};
use crate::ledger::{State, Text};
use crate::refusal::Refused;
use crate::report::{Errand, Push};
use crate::segments;
use crate::settings::Settings;
use crate::world::World;

const SELF: Provider = Provider::Twilio;
const VERSION: &str = "2010-04-01";

pub(crate) fn receive(world: &mut World, call: &Call, now: u64) -> Reaction {
    let account = &world.settings.twilio;
    let is_ours = call.basic().is_some_and(|given| {
        let pair = |user: &String, password: &String| given == (user.clone(), password.clone());
        pair(&account.account_sid, &account.auth_token)
            || pair(&account.api_key, &account.api_secret)
    });
    if !is_ours {
        world.note(SELF, "unknown", "", "refused 20003", now);
        return refused(&Refused::with(SELF, "20003"))
            .with("WWW-Authenticate", "Basic realm=\"Twilio API\"")
            .into();
    }
    let root = format!("/{VERSION}/Accounts/{}/", account.account_sid);
    let path = call.path.strip_prefix(&root).unwrap_or("");
    let one = path
        .strip_prefix("Messages/")
        .and_then(|rest| rest.strip_suffix(".json"));
    match (call.method.as_str(), path, one) {
        ("POST", "Messages.json", _) => create(world, &call.form(), now),
        ("GET", "Messages.json", _) => list(world, call, now),
        ("GET", _, Some(sid)) => fetch(world, sid, now),
        _ => {
            world.note(SELF, "unknown", "", "refused 20404", now);
            refused(&no_such(&call.path)).into()
        }
    }
}

fn create(world: &mut World, form: &Fields, now: u64) -> Reaction {
    let to = form.value("To").unwrap_or("").to_owned();
    let sent = match draft(world, form) {
        Ok(text) => world.send(SELF, text, now),
        Err(no) => world.refuse(SELF, &to, no, now),
    };
    let answer = match &sent.outcome {
        Outcome::Taken(n) => match world.ledger.text(*n) {
            Some(text) => Answer::json(201, &resource(&world.settings, text, now, true)),
            None => server_error(500),
        },
        Outcome::Refused(no) => refused(no),
        // Only its status is told, and that one is of success.
        Outcome::Lost => Answer::json(201, &json!({ "sid": null, "status": "queued" })),
    };
    sent.dress.wear(answer)
}

/// A message as it is to be sent, or why it is not.
fn draft(world: &mut World, form: &Fields) -> Result<Text, Refused> {
    let no = |code: &str| Refused::with(SELF, code);
    let to = form.value("To").ok_or_else(|| no("21604"))?;
    let body = form.value("Body").ok_or_else(|| no("21602"))?;
    if !is_e164(to) {
        let words = format!("The 'To' number {to} is not a valid phone number.");
        return Err(no("21211").saying(words));
    }
    if body.chars().count() > 1600 {
        return Err(no("21617"));
    }
    let account = &world.settings.twilio;
    let service = form.value("MessagingServiceSid");
    let from = match (form.value("From"), service) {
        (Some(from), _) if !account.from.iter().any(|own| own == from) => {
            let words = format!(
                "The 'From' phone number provided ({from}) is not a valid, message-capable phone number for your account."
            );
            return Err(no("21606").saying(words));
        }
        (Some(from), _) => Some(from.to_owned()),
        (None, Some(service)) if service == account.messaging_service => {
            account.from.first().cloned()
        }
        (None, Some(_)) => return Err(no("21606")),
        (None, None) => return Err(no("21603")),
    };
    let callback = form.owned("StatusCallback");
    Ok(Text {
        to: to.to_owned(),
        from,
        text: Some(body.to_owned()),
        service: service.map(str::to_owned),
        reference: callback.as_deref().and_then(last_part),
        ids: vec![format!("SM{}", world.draw.hexadecimal(32))],
        parts: segments::count(body),
        callback,
        validity_s: form
            .value("ValidityPeriod")
            .and_then(|value| value.parse().ok()),
        ..Text::default()
    })
}

fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or("");
    (8..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|octet| octet.is_ascii_digit())
}

/// Of a URL's path: what a client calls a message there.
fn last_part(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let last = url.path_segments()?.next_back()?.to_owned();
    (!last.is_empty()).then_some(last)
}

fn fetch(world: &mut World, sid: &str, now: u64) -> Reaction {
    let found = world.ledger.of(SELF).find(|text| text.id() == sid).cloned();
    let to = found.as_ref().map_or("", |text| text.to.as_str());
    let fault = world.query_fault(SELF, to);
    let (came_to, answer) = match (found.as_ref(), fault) {
        (_, Some(Fault::QueryUnavailable { status })) => ("unavailable", server_error(status)),
        (None, _) | (_, Some(Fault::QueryFindsNothing)) => {
            let path = format!(
                "/{VERSION}/Accounts/{}/Messages/{sid}.json",
                world.settings.twilio.account_sid
            );
            ("nothing", refused(&no_such(&path)))
        }
        (Some(text), _) => {
            let resource = resource(&world.settings, text, now, false);
            ("found", Answer::json(200, &resource))
        }
    };
    world.note(SELF, "query", to, came_to, now);
    answer.into()
}

/// The conditions of a list, as its query gives them.
struct Wanted {
    to: Option<String>,
    from: Option<String>,
    /// First and last millisecond of when it was sent.
    sent: (u64, u64),
}

impl Wanted {
    fn of(query: &Fields) -> Self {
        let at = |name: &str| {
            let value = query.value(name)?;
            let day = from_day(value).map(|day| (day, day + DAY_MS - 1));
            day.or_else(|| from_iso(value).map(|at| (at, at + 999)))
        };
        let mut sent = at("DateSent").unwrap_or((0, u64::MAX));
        if let Some((from, _)) = at("DateSent>") {
            sent.0 = sent.0.max(from);
        }
        if let Some((_, to)) = at("DateSent<") {
            sent.1 = sent.1.min(to);
        }
        Self {
            to: query.owned("To"),
            from: query.owned("From"),
            sent,
        }
    }

    fn fits(&self, text: &Text, now: u64) -> bool {
        let sent = text.since(State::Sent, now).unwrap_or(text.taken_at);
        self.to.as_ref().is_none_or(|to| *to == text.to)
            && self
                .from
                .as_ref()
                .is_none_or(|from| Some(from) == text.from.as_ref())
            && (self.sent.0..=self.sent.1).contains(&sent)
    }
}

const DAY_MS: u64 = 86_400_000;

/// Newest first. A page begins behind the message that its token names, so that new ones do not move it.
fn list(world: &mut World, call: &Call, now: u64) -> Reaction {
    let query = call.query_fields();
    let wanted = Wanted::of(&query);
    let to = wanted.to.clone().unwrap_or_default();
    let fault = world.query_fault(SELF, &to);
    if let Some(Fault::QueryUnavailable { status }) = fault {
        world.note(SELF, "query", &to, "unavailable", now);
        return server_error(status).into();
    }
    let number = |name: &str| {
        query
            .value(name)
            .and_then(|value| value.parse::<usize>().ok())
    };
    let size = number("PageSize").unwrap_or(50).clamp(1, 1000);
    let page = number("Page").unwrap_or(0);
    let token = query.value("PageToken").unwrap_or("");
    let behind = token
        .strip_prefix("PA")
        .and_then(|last| last.parse::<u64>().ok());
    let hides = fault == Some(Fault::QueryFindsNothing);
    let fitting = world
        .ledger
        .of(SELF)
        .rev()
        .filter(|text| !hides && wanted.fits(text, now));
    let rest = fitting.skip_while(|text| behind.is_some_and(|last| text.n >= last));
    let mut shown: Vec<&Text> = rest.take(size + 1).collect();
    let has_more = shown.len() > size;
    shown.truncate(size);
    let last = shown.last().map_or(0, |text| text.n);
    let messages: Vec<Value> = shown
        .iter()
        .map(|text| resource(&world.settings, text, now, false))
        .collect();
    let came_to = format!("found {}", messages.len());
    let answer = page_of(
        world,
        &query,
        messages,
        (page, size),
        has_more.then_some(last),
    );
    world.note(SELF, "query", &to, came_to, now);
    Answer::json(200, &answer).into()
}

fn page_of(
    world: &World,
    query: &Fields,
    messages: Vec<Value>,
    (page, size): (usize, usize),
    behind: Option<u64>,
) -> Value {
    let path = format!(
        "/{VERSION}/Accounts/{}/Messages.json",
        world.settings.twilio.account_sid
    );
    let uri = |page: usize, token: Option<u64>| {
        let mut fields = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &query.0 {
            if !["Page", "PageSize", "PageToken"].contains(&name.as_str()) {
                fields.append_pair(name, value);
            }
        }
        fields.append_pair("PageSize", &size.to_string());
        fields.append_pair("Page", &page.to_string());
        if let Some(token) = token {
            fields.append_pair("PageToken", &format!("PA{token}"));
        }
        format!("{path}?{}", fields.finish())
    };
    let start = page * size;
    json!({
        "end": (start + messages.len()).saturating_sub(1),
        "first_page_uri": uri(0, None),
        "next_page_uri": behind.map(|last| uri(page + 1, Some(last))),
        "page": page,
        "page_size": size,
        "previous_page_uri": Value::Null,
        "start": start,
        "uri": uri(page, None),
        "messages": messages,
    })
}

/// The Message resource. `is_new`: as it is answered to its creation.
fn resource(settings: &Settings, text: &Text, now: u64, is_new: bool) -> Value {
    let account = &settings.twilio.account_sid;
    let uri = format!("/{VERSION}/Accounts/{account}/Messages/{}", text.id());
    let by_service = text.service.as_deref();
    let is_unassigned = is_new && by_service.is_some();
    let state = text.state_at(now);
    let is_failed = state == State::Undelivered;
    let error = text.error.as_ref().filter(|_| is_failed);
    let is_over = matches!(state, State::Delivered | State::Undelivered);
    let updated = text
        .states
        .iter()
        .map(|(at, _)| *at)
        .filter(|at| *at <= now)
        .max();
    json!({
        "account_sid": account,
        "api_version": VERSION,
        "body": text.text,
        "date_created": rfc2822(text.taken_at),
        "date_sent": text.since(State::Sent, now).map(rfc2822),
        "date_updated": rfc2822(updated.unwrap_or(text.taken_at)),
        "direction": "outbound-api",
        "error_code": error.map(|code| code.parse::<u32>().unwrap_or(30008)),
        "error_message": error.map(|_| "The message was not delivered"),
        "from": text.from.as_ref().filter(|_| !is_unassigned),
        "messaging_service_sid": by_service,
        "num_media": "0",
        "num_segments": if is_unassigned { "0".into() } else { text.parts.to_string() },
        "price": is_over.then(|| price(text.parts)),
        "price_unit": "USD",
        "sid": text.id(),
        "status": if is_unassigned { "accepted" } else { status(state) },
        "subresource_uris": { "media": format!("{uri}/Media.json") },
        "to": text.to,
        "uri": format!("{uri}.json"),
    })
}

/// Negative: what an account loses. 0.75 cents for each part.
fn price(parts: usize) -> String {
    let hundred_thousandths = parts * 750;
    format!(
        "-{}.{:05}",
        hundred_thousandths / 100_000,
        hundred_thousandths % 100_000
    )
}

fn status(state: State) -> &'static str {
    match state {
        State::Queued => "queued",
        State::Sent => "sent",
        State::Delivered => "delivered",
        State::Undelivered => "undelivered",
    }
}

fn no_such(path: &str) -> Refused {
    Refused::with(SELF, "20404").saying(format!("The requested resource {path} was not found"))
}

fn refused(no: &Refused) -> Answer {
    let code: Value = no
        .code
        .parse::<u32>()
        .map_or_else(|_| no.code.clone().into(), Into::into);
    let body = json!({
        "code": code,
        "message": no.message,
        "more_info": format!("https://www.twilio.com/docs/errors/{}", no.code),
        "status": no.status,
    });
    let answer = Answer::json(no.status, &body);
    match no.retry_after_s {
        Some(seconds) => answer.with("Retry-After", seconds),
        None => answer,
    }
}

/// A status callback, signed over its URL and fields.
pub(crate) fn report(
    settings: &Settings,
    text: &Text,
    errand: Errand,
    url: String,
    now: u64,
) -> Push {
    let account = &settings.twilio;
    let status = status(errand.state);
    let mut fields = vec![
        ("SmsSid", text.id()),
        ("SmsStatus", status),
        ("MessageStatus", status),
        ("To", &text.to),
        ("MessageSid", text.id()),
        ("AccountSid", &account.account_sid),
        ("From", text.from.as_deref().unwrap_or("")),
        ("ApiVersion", VERSION),
    ];
    if let Some(service) = &text.service {
        fields.push(("MessagingServiceSid", service));
    }
    let error = text.error.as_deref().unwrap_or("30008");
    if errand.state == State::Undelivered {
        fields.push(("ErrorCode", error));
    }
    // YYMMDDhhmm.
    let done: String = crate::calendar::plain(now)
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    if matches!(errand.state, State::Delivered | State::Undelivered) {
        fields.push(("RawDlrDoneDate", &done[2..12]));
    }
    let token = match errand.is_forged {
        true => "not the token",
        false => &account.auth_token,
    };
    let signature = sign(token, &url, &fields);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(&fields)
        .finish();
    Push {
        errand,
        method: "POST",
        content_type: "application/x-www-form-urlencoded; charset=UTF-8",
        headers: vec![("X-Twilio-Signature", signature)],
        body,
        url,
    }
}

/// `X-Twilio-Signature`: HMAC-SHA1 over the URL and then each name with its value, sorted by name.
fn sign(token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    fields.dedup();
    let mut signed = url.to_owned();
    for (name, value) in fields {
        signed.push_str(name);
        signed.push_str(value);
    }
    base64(&hmac_sha1(token.as_bytes(), signed.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_signed_as_the_library_checks_it() {
        let url = "https://gw.example.com/hooks/twilio?route=a&n=1";
        let sid = "SMa1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1";
        let fields = [
            ("SmsSid", sid),
            ("SmsStatus", "undelivered"),
            ("MessageStatus", "undelivered"),
            ("To", "+15017122661"),
            ("MessageSid", sid),
            ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
            ("From", "+15557122661"),
            ("ApiVersion", "2010-04-01"),
            ("ErrorCode", "30003"),
        ];
        let signature = sign("9f8e7d6c5b4a39281706f5e4d3c2b1a0", url, &fields);
        assert_eq!(signature, "3enwA4wz6zhuYZqcW5ADbD5JfS8=");
    }

    #[test]
    fn a_number_is_plus_and_digits() {
        assert!(is_e164("+15017122661"));
        for number in [
            "15017122661",
            "+0123456789",
            "+123",
            "+1501712266a",
            "+1234567890123456",
        ] {
            assert!(!is_e164(number), "{number}");
        }
    }

    #[test]
    fn the_price_of_a_message_is_a_negative_decimal() {
        assert_eq!(price(1), "-0.00750");
        assert_eq!(price(140), "-1.05000");
    }
}

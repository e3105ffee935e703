//! **Vonage**: the SMS API: `POST /sms/json`, and delivery receipts.
//!
//! Every answer is 200 with one entry for each part; each part has an id and receipts of its own.

use serde_json::{Value, json};

use crate::account::{Provider, VonageAccount, VonageReports};
use crate::calendar::plain;
use crate::call::{Answer, Call, Fields, Reaction};
use crate::dress::{Outcome, server_error};
use crate::hash::{hex, hmac_md5, hmac_sha1, hmac_sha256, hmac_sha512};
use crate::ledger::{State, Text};
use crate::refusal::Refused;
use crate::report::{Errand, Push, forged_path};
use crate::segments;
use crate::world::World;

const SELF: Provider = Provider::Vonage;
/// On both sides.
const SKEW_S: u64 = 5 * 60;

pub(crate) fn receive(world: &mut World, call: &Call, now: u64) -> Reaction {
    if (call.method.as_str(), call.path.as_str()) != ("POST", "/sms/json") {
        return Answer::json(404, &json!({ "error": "there is POST /sms/json only" })).into();
    }
    let fields = match call.is_json() {
        true => fields_of(&call.json().unwrap_or_default()),
        false => call.form(),
    };
    let to = fields.value("to").unwrap_or("").to_owned();
    let clock = world.clock(now);
    let admitted = admit(&world.settings.vonage, call, &fields, clock);
    let sent = match admitted.and_then(|()| draft(world, &fields)) {
        Ok(text) => world.send(SELF, text, now),
        Err(no) => world.refuse(SELF, &to, no, now),
    };
    let answer = match &sent.outcome {
        Outcome::Taken(n) => match world.ledger.text(*n) {
            Some(text) => taken(text),
            None => server_error(500),
        },
        Outcome::Refused(no) => refused(&to, no),
        Outcome::Lost => Answer::json(200, &json!({ "message-count": "0", "messages": [] })),
    };
    sent.dress.wear(answer)
}

fn fields_of(body: &Value) -> Fields {
    let fields = body.as_object().into_iter().flatten();
    let fields = fields.map(|(name, value)| match value {
        Value::String(text) => (name.clone(), text.clone()),
        other => (name.clone(), other.to_string()),
    });
    Fields(fields.collect())
}

/// By the secret in one of two places, or by a signature.
fn admit(account: &VonageAccount, call: &Call, fields: &Fields, now: u64) -> Result<(), Refused> {
    let (key, secret) = (&account.api_key, &account.api_secret);
    let by_basic = call.basic() == Some((key.clone(), secret.clone()));
    let has_key = fields.value("api_key") == Some(key);
    if by_basic || (has_key && fields.value("api_secret") == Some(secret)) {
        return Ok(());
    }
    let (Some(sig), Some(signer)) = (fields.value("sig"), &account.signature_secret) else {
        return Err(Refused::with(SELF, "4"));
    };
    let signed: Vec<_> = fields
        .0
        .iter()
        .filter(|(name, _)| name != "sig")
        .cloned()
        .collect();
    let stamp = fields
        .value("timestamp")
        .and_then(|stamp| stamp.parse::<u64>().ok());
    let is_fresh = stamp.is_some_and(|stamp| stamp.abs_diff(now / 1000) <= SKEW_S);
    let is_right = sign(&account.signature_method, signer, &signed) == sig.to_lowercase();
    match has_key && is_fresh && is_right {
        true => Ok(()),
        false => Err(Refused::with(SELF, "14")),
    }
}

/// `&name=value` in the order of the names, `&` and `=` inside values replaced, keyed with the signature secret.
fn sign(method: &str, secret: &str, fields: &[(String, String)]) -> String {
    let mut fields = fields.to_vec();
    fields.sort();
    let signed = fields.iter().fold(String::new(), |signed, (name, value)| {
        signed + "&" + name + "=" + &value.replace(['&', '='], "_")
    });
    let hash = match method {
        "md5" => hmac_md5,
        "sha1" => hmac_sha1,
        "sha512" => hmac_sha512,
        _ => hmac_sha256,
    };
    hex(&hash(secret.as_bytes(), signed.as_bytes()))
}

fn draft(world: &mut World, fields: &Fields) -> Result<Text, Refused> {
    let missing = |name: &str| Refused::with(SELF, "2").saying(format!("Missing {name} param"));
    let invalid =
        |name: &str| Refused::with(SELF, "3").saying(format!("Invalid value for param: {name}"));
    let wanted = |name: &str| fields.value(name).ok_or_else(|| missing(name));
    let (from, to, text) = (wanted("from")?, wanted("to")?, wanted("text")?);
    let is_number = (7..=15).contains(&to.len()) && to.bytes().all(|octet| octet.is_ascii_digit());
    if !is_number {
        return Err(invalid("to"));
    }
    let ttl = fields.value("ttl").map(str::parse::<u64>);
    if ttl
        .as_ref()
        .is_some_and(|ttl| !matches!(ttl, Ok(20_000..=604_800_000)))
    {
        return Err(invalid("ttl"));
    }
    for name in ["client-ref", "callback"] {
        if fields
            .value(name)
            .is_some_and(|value| value.chars().count() > 100)
        {
            return Err(invalid(name));
        }
    }
    let is_unicode = fields.value("type") == Some("unicode");
    // What is not in the alphabet arrives as something else unless it was said to be Unicode.
    let arrives = if is_unicode {
        text.to_owned()
    } else {
        segments::as_gsm(text)
    };
    let parts = if is_unicode {
        segments::count_unicode(text)
    } else {
        segments::count(&arrives)
    };
    Ok(Text {
        to: to.to_owned(),
        from: Some(from.to_owned()),
        text: Some(arrives),
        reference: fields.owned("client-ref"),
        ids: (0..parts)
            .map(|_| world.draw.hexadecimal(16).to_uppercase())
            .collect(),
        parts,
        callback: fields.owned("callback"),
        validity_s: ttl.and_then(Result::ok).map(|ms| ms / 1000),
        ..Text::default()
    })
}

const PRICE: &str = "0.03330000";

fn taken(text: &Text) -> Answer {
    let entry = |id: &String| {
        let mut entry = json!({
            "to": text.to,
            "message-id": id,
            "status": "0",
            "remaining-balance": "15.53590000",
            "message-price": PRICE,
            "network": "23410",
        });
        if let Some(reference) = &text.reference {
            entry["client-ref"] = reference.clone().into();
        }
        entry
    };
    let entries: Vec<_> = text.ids.iter().map(entry).collect();
    Answer::json(
        200,
        &json!({ "message-count": entries.len().to_string(), "messages": entries }),
    )
}

fn refused(to: &str, no: &Refused) -> Answer {
    let entry = json!({ "to": to, "status": no.code, "error-text": no.message });
    Answer::json(200, &json!({ "message-count": "1", "messages": [entry] }))
}

/// A delivery receipt of one part.
pub(crate) fn report(
    account: &VonageAccount,
    text: &Text,
    (errand, id): (Errand, &str),
    url: &str,
    (now, nonce): (u64, &str),
) -> Push {
    let (status, code) = match errand.state {
        State::Queued | State::Sent => ("accepted", "0"),
        State::Delivered => ("delivered", "0"),
        State::Undelivered => ("failed", text.error.as_deref().unwrap_or("1")),
    };
    let at = plain(now);
    // YYMMDDHHMM.
    let scts: String = at
        .chars()
        .filter(char::is_ascii_digit)
        .skip(2)
        .take(10)
        .collect();
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut fields = vec![
        field("msisdn", &text.to),
        field("to", text.from.as_deref().unwrap_or("")),
        field("network-code", "23410"),
        field("messageId", id),
        field("price", PRICE),
        field("status", status),
        field("scts", &scts),
        field("err-code", code),
        field("api-key", &account.api_key),
        field("message-timestamp", &at),
    ];
    if let Some(reference) = &text.reference {
        fields.push(field("client-ref", reference));
    }
    let mut url = url.to_owned();
    match &account.signature_secret {
        Some(secret) => {
            let secret = if errand.is_forged {
                "not the secret"
            } else {
                secret
            };
            fields.push(field("timestamp", &(now / 1000).to_string()));
            fields.push(field("nonce", nonce));
            let sig = sign(&account.signature_method, secret, &fields);
            fields.push(field("sig", &sig));
        }
        None if errand.is_forged => url = forged_path(&url),
        None => {}
    }
    told(account.reports, errand, url, &fields)
}

/// The receipt in the form that the account is set to.
fn told(by: VonageReports, errand: Errand, url: String, fields: &[(String, String)]) -> Push {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let between = if url.contains('?') { '&' } else { '?' };
    let (method, url, content_type, body) = match by {
        VonageReports::Get => ("GET", format!("{url}{between}{form}"), "", String::new()),
        VonageReports::Form => ("POST", url, "application/x-www-form-urlencoded", form),
        VonageReports::Json => {
            let object = fields
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into()));
            let object = Value::Object(object.collect());
            ("POST", url, "application/json", object.to_string())
        }
    };
    Push {
        errand,
        method,
        url,
        content_type,
        headers: Vec::new(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        owned.collect()
    }

    #[test]
    fn signatures_are_those_of_the_providers_own_library() {
        let request = fields(&[
            ("api_key", "a1b2c3d4"),
            ("to", "447700900000"),
            ("from", "Vonage"),
            ("text", "Hello"),
            ("timestamp", "1767323045"),
        ]);
        let sig = sign("md5", "sigSecret0123456", &request);
        assert_eq!(sig, "480b49d3c677c1bd17c7e8649a722061");
        let receipt = fields(&[
            ("msisdn", "447700900000"),
            ("to", "AcmeInc"),
            ("network-code", "12345"),
            ("messageId", "0A0000001234567B"),
            ("price", "0.03330000"),
            ("status", "delivered"),
            ("scts", "2601020304"),
            ("err-code", "0"),
            ("api-key", "a1b2c3d4"),
            ("message-timestamp", "2026-01-02 03:04:05"),
            ("timestamp", "1767323045"),
        ]);
        let sig = sign("sha256", "sigSecret0123456", &receipt);
        assert_eq!(
            sig,
            "a610377cdca0dcd6dce5aadf7f21485f47ee956a837aee7579148601206cd40d"
        );
    }

    #[test]
    fn what_divides_fields_divides_none_inside_a_value() {
        let one = sign("sha1", "s", &fields(&[("a", "1&b=2")]));
        assert_eq!(one, sign("sha1", "s", &fields(&[("a", "1_b_2")])));
        assert_ne!(one, sign("sha1", "s", &fields(&[("a", "1"), ("b", "2")])));
        assert_eq!(sign("sha512", "s", &[]).len(), 128);
    }
}

//! **Dypns**: Alibaba Cloud's Dypnsapi `2017-05-25`: codes that it draws, sends and checks, SendSmsVerifyCode and
//! CheckSmsVerifyCode.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::account::Provider;
use crate::aliyun::{is_mainland, national, params, refused, unavailable};
use crate::call::{Answer, Call, Fields, Reaction};
use crate::dress::Outcome;
use crate::fault::Fault;
use crate::ledger::Text;
use crate::refusal::Refused;
use crate::world::World;

const SELF: Provider = Provider::Dypns;
/// What stands for a code that is to be drawn here.
const MARK: &str = "##code##";

/// The codes that were drawn and not used, by number and scheme.
#[derive(Debug, Default)]
pub(crate) struct Codes(HashMap<(String, String), Issued>);

#[derive(Debug, Default)]
struct Issued {
    /// Each with the millisecond at which it ends.
    codes: Vec<(String, u64)>,
    /// When the newest was drawn.
    at: u64,
}

/// Numbers with codes; beyond them all are forgotten.
const MOST: usize = 10_000;

struct Wish {
    number: String,
    scheme: String,
    code: Option<String>,
    ends_at: u64,
    interval_ms: u64,
    keeps_older: bool,
}

pub(crate) fn send(world: &mut World, call: &Call, fields: &Fields, now: u64) -> Reaction {
    let to = fields.value("PhoneNumber").unwrap_or("").to_owned();
    let (text, wish) = match draft(world, fields, now) {
        Ok(both) => both,
        Err(no) => {
            world.refuse(SELF, &to, no.clone(), now);
            return refused(world, call, &no, failed()).into();
        }
    };
    let code = wish.code.clone();
    let sent = world.send(SELF, text, now);
    let answer = match sent.outcome {
        Outcome::Taken(n) => {
            world.codes.issue(wish, now);
            taken(world, n, fields, code)
        }
        Outcome::Refused(no) => refused(world, call, &no, failed()),
        Outcome::Lost => Answer::json(200, &json!({ "Code": "OK" })),
    };
    sent.dress.wear(answer)
}

fn taken(world: &mut World, n: u64, fields: &Fields, code: Option<String>) -> Answer {
    let request = world.draw.uuid();
    let text = world.ledger.text(n).cloned().unwrap_or_default();
    let mut model = json!({
        "RequestId": request,
        "BizId": text.id(),
        "OutId": text.reference.clone().unwrap_or_default(),
    });
    if fields.value("ReturnVerifyCode") == Some("true") {
        model["VerifyCode"] = code.into();
    }
    let body = json!({
        "Message": "成功",
        "RequestId": request,
        "Code": "OK",
        "Success": true,
        "Model": model,
    });
    Answer::json(200, &body)
}

fn failed() -> Value {
    json!({ "Success": false })
}

/// A code as it is to be sent, or why it is not.
fn draft(world: &mut World, fields: &Fields, now: u64) -> Result<(Text, Wish), Refused> {
    let no = |code: &str| Err(Refused::with(SELF, code));
    let number = |name: &str, otherwise: u64| match fields.value(name) {
        Some(value) => value
            .parse()
            .map_err(|_| Refused::with(SELF, "isv.INVALID_PARAMETERS")),
        None => Ok(otherwise),
    };
    let to = fields.value("PhoneNumber").unwrap_or("");
    if !is_mainland(to) || fields.value("CountryCode").unwrap_or("86") != "86" {
        return no("isv.MOBILE_NUMBER_ILLEGAL");
    }
    let sign = fields.value("SignName").unwrap_or("");
    if !world
        .settings
        .aliyun
        .sign_names
        .iter()
        .any(|own| own == sign)
    {
        return no("isv.SMS_SIGNATURE_ILLEGAL");
    }
    let length = number("CodeLength", 4)?;
    let scheme = fields.value("SchemeName").unwrap_or("");
    if !(4..=8).contains(&length) || scheme.chars().count() > 20 {
        return no("isv.INVALID_PARAMETERS");
    }
    let (valid_s, interval_s) = (number("ValidTime", 300)?, number("Interval", 60)?);
    let mut params = params(fields.value("TemplateParam"))?;
    let has_mark = params.values().any(|value| value == MARK);
    let code = has_mark.then(|| world.draw.decimal(usize::try_from(length).unwrap_or(4)));
    if let Some(code) = &code {
        for value in params.values_mut().filter(|value| *value == MARK) {
            *value = code.clone().into();
        }
    }
    let wish = Wish {
        number: national(to).to_owned(),
        scheme: scheme.to_owned(),
        code: code.clone(),
        ends_at: now.saturating_add(valid_s.saturating_mul(1000)),
        interval_ms: interval_s.saturating_mul(1000),
        keeps_older: fields.value("DuplicatePolicy") == Some("2"),
    };
    if world.codes.is_too_soon(&wish, now) {
        return no("biz.FREQUENCY");
    }
    let text = Text {
        to: to.to_owned(),
        from: Some(sign.to_owned()),
        template: fields.owned("TemplateCode"),
        params: Value::Object(params),
        code,
        reference: fields.owned("OutId"),
        ids: vec![format!("{}^0", world.draw.decimal(18))],
        parts: 1,
        ..Text::default()
    };
    Ok((text, wish))
}

/// Passes a code once, in its time. Whatever else is asked is no.
pub(crate) fn check(world: &mut World, call: &Call, fields: &Fields, now: u64) -> Reaction {
    let to = fields.value("PhoneNumber").unwrap_or("");
    let fault = world.query_fault(SELF, to);
    if let Some(Fault::QueryUnavailable { status }) = fault {
        world.note(SELF, "check", to, "unavailable", now);
        return unavailable(world, call, status).into();
    }
    let code = fields.value("VerifyCode").unwrap_or("");
    let scheme = fields.value("SchemeName").unwrap_or("");
    let passes = fault != Some(Fault::QueryFindsNothing)
        && world.codes.use_up(national(to), scheme, code, now);
    let result = if passes { "PASS" } else { "UNKNOWN" };
    world.note(SELF, "check", to, result, now);
    if !passes && fault != Some(Fault::CheckUnknown) {
        let no = Refused::with(SELF, "isv.ValidateFail");
        return refused(world, call, &no, failed()).into();
    }
    let body = json!({
        "Message": "成功",
        "RequestId": world.draw.uuid(),
        "Code": "OK",
        "Success": true,
        "Model": { "OutId": fields.value("OutId").unwrap_or(""), "VerifyResult": result },
    });
    Answer::json(200, &body).into()
}

impl Codes {
    fn is_too_soon(&self, wish: &Wish, now: u64) -> bool {
        let key = (wish.number.clone(), wish.scheme.clone());
        let before = self.0.get(&key);
        before.is_some_and(|issued| now < issued.at.saturating_add(wish.interval_ms))
    }

    fn issue(&mut self, wish: Wish, now: u64) {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let issued = self.0.entry((wish.number, wish.scheme)).or_default();
        issued.at = now;
        if !wish.keeps_older {
            issued.codes.clear();
        }
        issued
            .codes
            .extend(wish.code.map(|code| (code, wish.ends_at)));
    }

    fn use_up(&mut self, number: &str, scheme: &str, code: &str, now: u64) -> bool {
        let key = (number.to_owned(), scheme.to_owned());
        let Some(issued) = self.0.get_mut(&key) else {
            return false;
        };
        issued.codes.retain(|(_, ends_at)| now < *ends_at);
        let before = issued.codes.len();
        issued
            .codes
            .retain(|(one, _)| !one.eq_ignore_ascii_case(code));
        issued.codes.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(code: &str, keeps_older: bool) -> Wish {
        Wish {
            number: "13800138000".into(),
            scheme: String::new(),
            code: Some(code.into()),
            ends_at: 300_000,
            interval_ms: 60_000,
            keeps_older,
        }
    }

    #[test]
    fn a_code_passes_once_and_in_its_time() {
        let mut codes = Codes::default();
        codes.issue(wish("1234", false), 0);
        assert!(codes.is_too_soon(&wish("1", false), 59_999));
        assert!(!codes.is_too_soon(&wish("1", false), 60_000));
        assert!(!codes.use_up("13800138000", "", "4321", 1));
        assert!(!codes.use_up("13800138000", "other", "1234", 1));
        assert!(codes.use_up("13800138000", "", "1234", 1));
        assert!(!codes.use_up("13800138000", "", "1234", 2));
        codes.issue(wish("1234", false), 0);
        assert!(!codes.use_up("13800138000", "", "1234", 300_000));
    }

    #[test]
    fn an_older_code_is_valid_only_where_that_was_asked_for() {
        let mut codes = Codes::default();
        codes.issue(wish("1111", false), 0);
        codes.issue(wish("2222", false), 1);
        assert!(!codes.use_up("13800138000", "", "1111", 2));
        codes.issue(wish("3333", true), 2);
        assert!(codes.use_up("13800138000", "", "2222", 3));
        assert!(codes.use_up("13800138000", "", "3333", 3));
    }
}

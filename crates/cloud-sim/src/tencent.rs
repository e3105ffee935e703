//! **Tencent**: Tencent Cloud SMS `2021-01-11`: SendSms, PullSmsSendStatusByPhoneNumber and the push of statuses.
//!
//! Every answer is 200: what is wrong with a call is `Response.Error`, and each number of a call has a verdict of its own.

use serde_json::{Value, json};

use crate::account::Provider;
use crate::aliyun::{is_mainland, national};
use crate::calendar::beijing;
use crate::call::{Answer, Call, Reaction};
use crate::dress::{Dress, Outcome, server_error};
use crate::fault::Fault;
use crate::ledger::{State, Text, digits};
use crate::refusal::Refused;
use crate::report::{Errand, Push};
use crate::tc3;
use crate::world::World;

const SELF: Provider = Provider::Tencent;

pub(crate) fn receive(world: &mut World, call: &Call, now: u64) -> Reaction {
    let (clock, account) = (world.clock(now), &world.settings.tencent);
    let body = match admit(call, &account.secret_id, &account.secret_key, clock) {
        Ok(body) => body,
        Err(code) => {
            world.note(SELF, "unknown", "", format!("refused {code}"), now);
            return failed(world, &Refused::with(SELF, code)).into();
        }
    };
    if body["SmsSdkAppId"] != json!(account.sdk_app_id) {
        let no = Refused::with(SELF, "InvalidParameterValue.SdkAppIdNotExist");
        world.note(SELF, "unknown", "", format!("refused {}", no.code), now);
        return failed(world, &no).into();
    }
    match call.header("x-tc-action") {
        "SendSms" => send(world, &body, now),
        _ => pull(world, &body, now),
    }
}

fn admit(call: &Call, id: &str, key: &str, now: u64) -> Result<Value, &'static str> {
    tc3::check(call, id, key, now)?;
    let action = call.header("x-tc-action");
    if call.header("x-tc-version") != "2021-01-11" {
        return Err("NoSuchVersion");
    }
    if !["SendSms", "PullSmsSendStatusByPhoneNumber"].contains(&action) {
        return Err("InvalidAction");
    }
    if call.header("x-tc-region").is_empty() {
        return Err("MissingParameter");
    }
    call.json()
        .filter(Value::is_object)
        .ok_or("InvalidParameter")
}

/// A call that failed as a whole.
fn failed(world: &mut World, no: &Refused) -> Answer {
    let error = json!({ "Code": no.code, "Message": no.message });
    Answer::json(
        200,
        &json!({ "Response": { "Error": error, "RequestId": world.draw.uuid() } }),
    )
}

/// Whether a code is about the call, not about one of its numbers.
fn is_of_call(code: &str) -> bool {
    const KINDS: [&str; 7] = [
        "AuthFailure",
        "UnauthorizedOperation",
        "MissingParameter",
        "InvalidAction",
        "NoSuchVersion",
        "InternalError",
        "RequestLimitExceeded",
    ];
    KINDS.iter().any(|kind| code.starts_with(kind))
}

fn send(world: &mut World, body: &Value, now: u64) -> Reaction {
    let (draft, numbers) = match draft(world, body) {
        Ok(both) => both,
        Err(no) => {
            let first = body["PhoneNumberSet"][0].as_str().unwrap_or("");
            world.refuse(SELF, first, no.clone(), now);
            return failed(world, &no).into();
        }
    };
    let mut dress = Dress::default();
    let mut verdicts = Vec::new();
    for number in &numbers {
        let sent = match is_number(number) {
            true => {
                let text = Text {
                    to: number.clone(),
                    ids: vec![format!("5000:{}", world.draw.decimal(28))],
                    ..draft.clone()
                };
                world.send(SELF, text, now)
            }
            false => {
                let no = Refused::with(SELF, "InvalidParameterValue.IncorrectPhoneNumber");
                world.refuse(SELF, number, no, now)
            }
        };
        dress.join(sent.dress);
        if let Outcome::Refused(no) = &sent.outcome
            && is_of_call(&no.code)
        {
            return dress.wear(failed(world, no));
        }
        verdicts.push(verdict(world, number, &draft, &sent.outcome));
    }
    let request = world.draw.uuid();
    let answer = json!({ "Response": { "SendStatusSet": verdicts, "RequestId": request } });
    dress.wear(Answer::json(200, &answer))
}

fn verdict(world: &World, number: &str, draft: &Text, outcome: &Outcome) -> Value {
    let (serial, fee, code, message) = match outcome {
        Outcome::Taken(n) => {
            let id = world.ledger.text(*n).map_or("", Text::id);
            (id, draft.parts, "Ok", "send success")
        }
        Outcome::Refused(no) => ("", 0, no.code.as_str(), no.message.as_str()),
        Outcome::Lost => ("", 0, "Ok", ""),
    };
    json!({
        "SerialNo": serial,
        "PhoneNumber": with_country(number),
        "Fee": fee,
        "SessionContext": draft.reference.clone().unwrap_or_default(),
        "Code": code,
        "Message": message,
        "IsoCode": if is_mainland(number) { "CN" } else { "" },
    })
}

/// What goes to every number, and the numbers.
fn draft(world: &World, body: &Value) -> Result<(Text, Vec<String>), Refused> {
    let no = |code: &str| Err(Refused::with(SELF, code));
    let strings = |value: &Value| -> Option<Vec<String>> {
        let values = value.as_array()?.iter();
        values.map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let numbers = strings(&body["PhoneNumberSet"]).unwrap_or_default();
    if numbers.is_empty() {
        return no("MissingParameter.EmptyPhoneNumberSet");
    }
    if numbers.len() > 200 {
        return no("LimitExceeded.PhoneNumberCountLimit");
    }
    let at_home = numbers.iter().filter(|number| is_mainland(number)).count();
    if at_home != 0 && at_home != numbers.len() {
        return no("UnsupportedOperation.ContainDomesticAndInternationalPhoneNumber");
    }
    let Some(template) = body["TemplateId"].as_str() else {
        return no("MissingParameter");
    };
    let sign = body["SignName"].as_str().unwrap_or("");
    let account = &world.settings.tencent;
    if at_home != 0 && !account.sign_names.iter().any(|own| own == sign) {
        return no("FailedOperation.SignatureIncorrectOrUnapproved");
    }
    let params = match &body["TemplateParamSet"] {
        Value::Null => Vec::new(),
        given => match strings(given) {
            Some(params) => params,
            None => return no("InvalidParameter"),
        },
    };
    let context = body["SessionContext"].as_str();
    if context.is_some_and(|context| context.len() >= 512) {
        return no("InvalidParameter");
    }
    let text = Text {
        from: (!sign.is_empty()).then(|| sign.to_owned()),
        template: Some(template.to_owned()),
        params: params.into(),
        reference: context.map(str::to_owned),
        parts: 1,
        ..Text::default()
    };
    Ok((text, numbers))
}

/// Of mainland with or without its prefix; others with theirs and a plus.
fn is_number(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or("");
    let is_foreign = (7..=15).contains(&digits.len())
        && !digits.starts_with("86")
        && digits.bytes().all(|octet| octet.is_ascii_digit());
    is_mainland(number) || is_foreign
}

fn with_country(number: &str) -> String {
    match is_mainland(number) {
        true => format!("+86{}", national(number)),
        false => number.to_owned(),
    }
}

/// The statuses of one number's texts that were taken in a time: those that have one.
fn pull(world: &mut World, body: &Value, now: u64) -> Reaction {
    let number = body["PhoneNumber"].as_str().unwrap_or("").to_owned();
    let fault = world.query_fault(SELF, &number);
    if let Some(Fault::QueryUnavailable { status }) = fault {
        world.note(SELF, "query", &number, "unavailable", now);
        return server_error(status).into();
    }
    let (Some(begin), Some(offset), Some(limit @ 1..=100)) = (
        body["BeginTime"].as_u64(),
        body["Offset"].as_u64(),
        body["Limit"].as_u64(),
    ) else {
        world.note(SELF, "query", &number, "refused InvalidParameter", now);
        return failed(world, &Refused::with(SELF, "InvalidParameter")).into();
    };
    let end = body["EndTime"].as_u64().unwrap_or(u64::MAX);
    let hides = fault == Some(Fault::QueryFindsNothing);
    let fits = |text: &&Text| {
        !hides
            && digits(&with_country(&text.to)) == digits(&with_country(&number))
            && (begin..=end).contains(&(text.taken_at / 1000))
            && matches!(text.state_at(now), State::Delivered | State::Undelivered)
    };
    let place = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let found = world
        .ledger
        .of(SELF)
        .filter(fits)
        .skip(place(offset))
        .take(place(limit));
    let statuses: Vec<_> = found.map(|text| status(text, now)).collect();
    world.note(
        SELF,
        "query",
        &number,
        format!("found {}", statuses.len()),
        now,
    );
    let request = world.draw.uuid();
    let body = json!({ "Response": { "PullSmsSendStatusSet": statuses, "RequestId": request } });
    Answer::json(200, &body).into()
}

/// `PullSmsSendStatus`.
fn status(text: &Text, now: u64) -> Value {
    let state = text.state_at(now);
    let is_delivered = state == State::Delivered;
    json!({
        "UserReceiveTime": text.since(state, now).unwrap_or(now) / 1000,
        "CountryCode": country(&text.to),
        "SubscriberNumber": national(&text.to),
        "PhoneNumber": with_country(&text.to),
        "SerialNo": text.id(),
        "ReportStatus": if is_delivered { "SUCCESS" } else { "FAIL" },
        "Description": if is_delivered { "DELIVRD" } else { text.error.as_deref().unwrap_or("UNDELIV") },
        "SessionContext": text.reference.clone().unwrap_or_default(),
    })
}

/// Only mainland's is known.
fn country(number: &str) -> &'static str {
    if is_mainland(number) { "86" } else { "" }
}

/// One status in a list of one. It is not signed.
pub(crate) fn report(text: &Text, errand: Errand, url: String, now: u64) -> Push {
    let is_delivered = errand.state == State::Delivered;
    let (status, code, words) = match is_delivered {
        true => ("SUCCESS", "DELIVRD", "用户短信送达成功"),
        false => (
            "FAIL",
            text.error.as_deref().unwrap_or("UNDELIV"),
            "用户短信送达失败",
        ),
    };
    let body = json!([{
        "user_receive_time": beijing(now),
        "nationcode": country(&text.to),
        "mobile": national(&text.to),
        "report_status": status,
        "errmsg": code,
        "description": words,
        "sid": text.id(),
    }]);
    Push {
        errand,
        method: "POST",
        url,
        content_type: "application/json",
        headers: Vec::new(),
        body: body.to_string(),
    }
}

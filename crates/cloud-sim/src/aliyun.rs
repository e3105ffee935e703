//! **Aliyun**: Alibaba Cloud's Dysmsapi `2017-05-25`: SendSms, QuerySendDetails and the push of SmsReport; and the
//! gateway in front of it and of Dypnsapi.
//!
//! Business errors come with 200; the gateway's own with a status of their kind.

use serde_json::{Map, Value, json};

use crate::account::Provider;
use crate::acs3;
use crate::calendar::{beijing, beijing_day};
use crate::call::{Answer, Call, Fields, Reaction};
use crate::dress::{Dress, Outcome};
use crate::dypns;
use crate::fault::Fault;
use crate::ledger::{State, Text, digits};
use crate::refusal::Refused;
use crate::report::{Errand, Push};
use crate::segments;
use crate::world::World;

const SELF: Provider = Provider::Aliyun;

/// Lets through what is signed and fresh, to the API whose action it names.
pub(crate) fn receive(world: &mut World, call: &Call, now: u64) -> Reaction {
    let action = call.header("x-acs-action");
    let api = match action {
        "SendSmsVerifyCode" | "CheckSmsVerifyCode" => Provider::Dypns,
        _ => SELF,
    };
    if let Err(code) = admit(world, call, now) {
        world.note(api, "unknown", "", format!("refused {code}"), now);
        return gateway_refusal(world, call, &Refused::with(api, code)).into();
    }
    let fields = Fields([call.query_fields().0, call.form().0].concat());
    let missing = required(action)
        .iter()
        .find(|name| fields.value(name).is_none());
    if let Some(name) = missing {
        let no = Refused::with(api, &format!("Missing{name}"))
            .saying(format!("{name} is mandatory for this action."));
        world.note(api, "unknown", "", format!("refused {}", no.code), now);
        return gateway_refusal(world, call, &Refused { status: 400, ..no }).into();
    }
    match action {
        "SendSms" => send(world, call, &fields, now),
        "QuerySendDetails" => query(world, call, &fields, now),
        "SendSmsVerifyCode" => dypns::send(world, call, &fields, now),
        _ => dypns::check(world, call, &fields, now),
    }
}

/// Each without which a request is not one.
fn required(action: &str) -> &'static [&'static str] {
    match action {
        "SendSms" => &["PhoneNumbers", "SignName", "TemplateCode"],
        "QuerySendDetails" => &["PhoneNumber", "SendDate", "PageSize", "CurrentPage"],
        "SendSmsVerifyCode" => &["PhoneNumber", "SignName", "TemplateCode", "TemplateParam"],
        _ => &["PhoneNumber", "VerifyCode"],
    }
}

fn admit(world: &mut World, call: &Call, now: u64) -> Result<(), &'static str> {
    let now = world.clock(now);
    let account = &world.settings.aliyun;
    let key = acs3::Key {
        id: &account.access_key_id,
        secret: &account.access_key_secret,
        security_token: account.security_token.as_deref(),
    };
    let nonce = acs3::check(call, &key, now)?;
    if !world.nonces.note(nonce, now) {
        return Err("SignatureNonceUsed");
    }
    if call.header("x-acs-version") != "2017-05-25" {
        return Err("InvalidVersion");
    }
    const ACTIONS: [&str; 4] = [
        "SendSms",
        "QuerySendDetails",
        "SendSmsVerifyCode",
        "CheckSmsVerifyCode",
    ];
    match ACTIONS.contains(&call.header("x-acs-action")) {
        true => Ok(()),
        false => Err("InvalidAction.NotFound"),
    }
}

/// As the gateway words it.
fn gateway_refusal(world: &mut World, call: &Call, no: &Refused) -> Answer {
    let body = json!({
        "RequestId": world.draw.uuid().to_uppercase(),
        "HostId": call.header("host"),
        "Code": no.code,
        "Message": no.message,
        "Recommend": "https://api.aliyun.com/troubleshoot",
    });
    // The gateway has no 200: what the table does not know is a bad request.
    let status = if no.status == 200 { 400 } else { no.status };
    let answer = Answer::json(status, &body);
    match no.retry_after_s {
        // Milliseconds, as the provider's own SDK reads them.
        Some(seconds) => answer.with("x-acs-retry-after", u64::from(seconds) * 1000),
        None => answer,
    }
}

/// A refusal by the API, or by the gateway where the code is one of the gateway's.
pub(crate) fn refused(world: &mut World, call: &Call, no: &Refused, extra: Value) -> Answer {
    let is_business = ["isv.", "isp.", "biz."]
        .iter()
        .any(|kind| no.code.starts_with(kind));
    if !is_business {
        return gateway_refusal(world, call, no);
    }
    let mut body = Map::from_iter([
        ("Message".to_owned(), json!(no.message)),
        (
            "RequestId".to_owned(),
            json!(world.draw.uuid().to_uppercase()),
        ),
        ("Code".to_owned(), json!(no.code)),
    ]);
    if let Value::Object(extra) = extra {
        body.extend(extra);
    }
    Answer::json(no.status, &Value::Object(body))
}

pub(crate) fn unavailable(world: &mut World, call: &Call, status: u16) -> Answer {
    let no = Refused::with(SELF, "ServiceUnavailable");
    gateway_refusal(world, call, &Refused { status, ..no })
}

/// One BizId for all numbers of a call; the first that is refused refuses all.
fn send(world: &mut World, call: &Call, fields: &Fields, now: u64) -> Reaction {
    let numbers = fields.value("PhoneNumbers").unwrap_or("").to_owned();
    let numbers: Vec<_> = numbers.split(',').map(str::trim).collect();
    let biz_id = format!("{}^0", world.draw.decimal(18));
    let mut dress = Dress::default();
    let no = Refused::with;
    let mut verdict = match draft(world, fields, &biz_id) {
        _ if numbers.len() > 1000 => Err(no(SELF, "isv.MOBILE_COUNT_OVER_LIMIT")),
        Ok(_) if !numbers.iter().all(|number| is_number(number)) => {
            let words = format!("{}invalid mobile number", numbers.join(","));
            Err(no(SELF, "isv.MOBILE_NUMBER_ILLEGAL").saying(words))
        }
        verdict => verdict,
    };
    if let Err(refused) = &verdict {
        world.refuse(SELF, numbers[0], refused.clone(), now);
    }
    if let Ok(draft) = verdict.clone() {
        for number in numbers {
            let text = Text {
                to: number.to_owned(),
                ..draft.clone()
            };
            let sent = world.send(SELF, text, now);
            dress.join(sent.dress);
            if let Outcome::Refused(refused) = sent.outcome {
                verdict = Err(refused);
                break;
            }
        }
    }
    let answer = match verdict {
        Ok(_) => {
            let request = world.draw.uuid().to_uppercase();
            let body =
                json!({ "Message": "OK", "RequestId": request, "Code": "OK", "BizId": biz_id });
            Answer::json(200, &body)
        }
        Err(no) => refused(world, call, &no, Value::Null),
    };
    dress.wear(answer)
}

/// A text for whichever number, or why there is none.
fn draft(world: &World, fields: &Fields, biz_id: &str) -> Result<Text, Refused> {
    let no = |code: &str| Err(Refused::with(SELF, code));
    let account = &world.settings.aliyun;
    let sign = fields.value("SignName").unwrap_or("");
    if !account.sign_names.iter().any(|own| own == sign) {
        return no("isv.SMS_SIGNATURE_ILLEGAL");
    }
    let template = fields.value("TemplateCode").unwrap_or("");
    let has_form = template
        .strip_prefix("SMS_")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|octet| octet.is_ascii_digit()));
    let known = account.templates.iter().find(|(code, _)| code == template);
    if !has_form || (known.is_none() && !account.templates.is_empty()) {
        return no("isv.SMS_TEMPLATE_ILLEGAL");
    }
    let params = params(fields.value("TemplateParam"))?;
    let text = match known {
        Some((_, content)) => Some(format!("【{sign}】{}", fill(content, &params)?)),
        None => None,
    };
    if fields.value("OutId").is_some_and(|id| id.len() > 255) {
        return no("isv.INVALID_PARAMETERS");
    }
    Ok(Text {
        from: Some(sign.to_owned()),
        parts: text.as_deref().map_or(1, segments::count),
        text,
        template: Some(template.to_owned()),
        params: Value::Object(params),
        reference: fields.owned("OutId"),
        ids: vec![biz_id.to_owned()],
        ..Text::default()
    })
}

/// Of mainland with or without its prefix; others with theirs, and no plus.
fn is_number(number: &str) -> bool {
    is_mainland(number) || {
        let is_plain = number.bytes().all(|octet| octet.is_ascii_digit());
        is_plain && (7..=15).contains(&number.len()) && !number.starts_with("86")
    }
}

pub(crate) fn is_mainland(number: &str) -> bool {
    let bare = national(number);
    bare.len() == 11
        && bare.bytes().all(|octet| octet.is_ascii_digit())
        && bare.starts_with('1')
        && !["10", "11", "12"]
            .iter()
            .any(|other| bare.starts_with(other))
}

/// A mainland number without its prefix.
pub(crate) fn national(number: &str) -> &str {
    let prefixes = ["+86", "0086", "86"];
    let found = prefixes
        .iter()
        .find_map(|prefix| number.strip_prefix(prefix));
    found.filter(|bare| bare.len() == 11).unwrap_or(number)
}

/// An object of strings and nothing else.
pub(crate) fn params(json: Option<&str>) -> Result<Map<String, Value>, Refused> {
    let Some(json) = json else {
        return Ok(Map::new());
    };
    let params: Option<Map<String, Value>> = serde_json::from_str(json).ok();
    let params = params.filter(|params| params.values().all(Value::is_string));
    params.ok_or_else(|| Refused::with(SELF, "isv.INVALID_JSON_PARAM"))
}

/// The template's text with its `${name}` filled in.
fn fill(content: &str, params: &Map<String, Value>) -> Result<String, Refused> {
    let mut filled = String::new();
    let mut rest = content;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}').unwrap_or((after, ""));
        let value = params.get(name).and_then(Value::as_str);
        let value = value.ok_or_else(|| Refused::with(SELF, "isv.TEMPLATE_MISSING_PARAMETERS"))?;
        filled.push_str(before);
        filled.push_str(value);
        rest = behind;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The texts to one number on one day, Beijing, newest first.
fn query(world: &mut World, call: &Call, fields: &Fields, now: u64) -> Reaction {
    let number = fields.value("PhoneNumber").unwrap_or("");
    let fault = world.query_fault(SELF, number);
    if let Some(Fault::QueryUnavailable { status }) = fault {
        world.note(SELF, "query", number, "unavailable", now);
        return unavailable(world, call, status).into();
    }
    let size = fields
        .value("PageSize")
        .and_then(|size| size.parse::<usize>().ok());
    let page = fields
        .value("CurrentPage")
        .and_then(|page| page.parse::<usize>().ok());
    let (Some(size @ 1..=50), Some(page @ 1..)) = (size, page) else {
        world.note(SELF, "query", number, "refused isv.INVALID_PARAMETERS", now);
        let no = Refused::with(SELF, "isv.INVALID_PARAMETERS");
        return refused(world, call, &no, Value::Null).into();
    };
    let day = fields.value("SendDate").unwrap_or("");
    let biz_id = fields.value("BizId");
    let hides = fault == Some(Fault::QueryFindsNothing);
    let fits = |text: &&Text| {
        !hides
            && digits(national(&text.to)) == digits(national(number))
            && beijing_day(text.taken_at) == day
            && biz_id.is_none_or(|id| id == text.id())
    };
    let found: Vec<_> = world.ledger.of(SELF).rev().filter(fits).collect();
    let shown = found.iter().skip((page - 1) * size).take(size);
    let details: Vec<_> = shown.map(|text| detail(text, now)).collect();
    let total = found.len();
    world.note(SELF, "query", number, format!("found {total}"), now);
    let body = json!({
        "TotalCount": total.to_string(),
        "Message": "OK",
        "RequestId": world.draw.uuid().to_uppercase(),
        "Code": "OK",
        "SmsSendDetailDTOs": { "SmsSendDetailDTO": details },
    });
    Answer::json(200, &body).into()
}

/// `SmsSendDetailDTO`: 1 waits, 2 failed, 3 is delivered.
fn detail(text: &Text, now: u64) -> Value {
    let state = text.state_at(now);
    let (status, code) = match state {
        State::Queued | State::Sent => (1, ""),
        State::Undelivered => (2, text.error.as_deref().unwrap_or("UNDELIV")),
        State::Delivered => (3, "DELIVERED"),
    };
    let mut detail = json!({
        "PhoneNum": national(&text.to),
        "SendStatus": status,
        "SendDate": beijing(text.taken_at),
        "TemplateCode": text.template,
        "Content": text.text.clone().unwrap_or_default(),
        "OutId": text.reference.clone().unwrap_or_default(),
    });
    if status != 1 {
        detail["ErrCode"] = code.into();
        detail["ReceiveDate"] = text.since(state, now).map(beijing).into();
    }
    detail
}

/// `SmsReport`, or its like for codes: one text in a list of one. It is not signed.
pub(crate) fn report(text: &Text, errand: Errand, url: String, now: u64) -> Push {
    let is_delivered = errand.state == State::Delivered;
    let (code, message) = match is_delivered {
        true => ("DELIVERED", "用户接收成功"),
        false => (text.error.as_deref().unwrap_or("UNDELIV"), "用户接收失败"),
    };
    let body = json!([{
        "phone_number": national(&text.to),
        "send_time": beijing(text.taken_at),
        "report_time": beijing(now),
        "success": is_delivered,
        "err_code": code,
        "err_msg": message,
        "sms_size": text.parts.to_string(),
        "biz_id": text.id(),
        "out_id": text.reference.clone().unwrap_or_default(),
    }]);
    Push {
        errand,
        method: "POST",
        url,
        content_type: "application/json;charset=UTF-8",
        headers: Vec::new(),
        body: body.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_documentation() {
        for number in [
            "13800138000",
            "+8613800138000",
            "008613800138000",
            "8613800138000",
            "85212345678",
            "447700900000",
        ] {
            assert!(is_number(number), "{number}");
        }
        for number in ["", "12345", "+447700900000", "8612345", "1380013800a"] {
            assert!(!is_number(number), "{number}");
        }
        assert!(!is_mainland("12345678901"));
        assert_eq!(national("+8613800138000"), "13800138000");
    }

    #[test]
    fn a_template_is_filled_with_strings_and_wants_all_of_its_variables() {
        let values = params(Some(r#"{"code":"123456","more":"1"}"#)).unwrap();
        assert_eq!(
            fill("您的验证码是${code}。", &values).unwrap(),
            "您的验证码是123456。"
        );
        assert_eq!(
            fill("${name}", &values).unwrap_err().code,
            "isv.TEMPLATE_MISSING_PARAMETERS"
        );
        for json in [r#"{"code":123456}"#, "[]", "{", "1"] {
            assert_eq!(
                params(Some(json)).unwrap_err().code,
                "isv.INVALID_JSON_PARAM"
            );
        }
    }
}

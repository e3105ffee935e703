//! `/v1/verifications` (http-api.md G3), and what all surfaces of codes share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::Uri;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Gate;
use super::accept::{self, Asks, Beginning};
use super::answer::{response, shown, written};
use super::auth::{Admitted, Caller, Scope};
use super::cursor::{self, ListId, Listing};
use super::error::{ApiError, Problem};
use super::extract::{Fields, Id, Query};
use super::message::{nothing_asked, plus_restored};
use super::submission;
use crate::domain::code_provider::{Refused, Trouble};
use crate::domain::route::Origin;
use crate::domain::texts::TextFault;
use crate::domain::{
    Category, Crowd, Destination, LastLine, Locale, MessageId, Priority, ProfileName, Purpose,
    Template, UnixMillis, VerificationId, VerificationState, wording,
};
use crate::store::{
    Answer, Checked, CodeSent, Ended, Render, SentCode, StoreError, VerificationFilter,
    VerificationView, Which,
};
use crate::verify::{OtherText, Wish};

#[derive(Debug, Serialize)]
struct VerificationJson<'a> {
    id: &'a str,
    to: &'a str,
    channel: &'static str,
    purpose: &'static str,
    status: &'static str,
    attempts: u8,
    max_attempts: u8,
    remaining_attempts: u8,
    sends: Vec<SendJson<'a>>,
    resend_after: String,
    locale: &'a str,
    rate_keys: Option<&'a RawValue>,
    expires_at: String,
    created_at: String,
    verified_at: Option<String>,
    country: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct SendJson<'a> {
    /// `None`: a provider drew the code and sent it; there is no message of ours.
    message_id: Option<&'a str>,
    at: String,
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct CheckedJson {
    valid: bool,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining_attempts: Option<u8>,
}

fn json(view: &VerificationView, now: UnixMillis) -> VerificationJson<'_> {
    VerificationJson {
        id: view.id.as_str(),
        to: view.to.as_str(),
        channel: "sms",
        purpose: view.purpose.as_str(),
        status: view.state.at(view.expires_at, now).as_str(),
        attempts: view.attempts,
        max_attempts: view.max_attempts,
        remaining_attempts: view.remaining_attempts(),
        sends: view
            .sends
            .iter()
            .map(|send| SendJson {
                message_id: send.message.as_ref().map(MessageId::as_str),
                at: send.at.to_string(),
                status: send.state.as_str(),
            })
            .collect(),
        resend_after: view.resend_after.to_string(),
        locale: view.locale.as_str(),
        rate_keys: serde_json::from_str(&view.rate_keys).ok(),
        expires_at: view.expires_at.to_string(),
        created_at: view.created_at.to_string(),
        verified_at: view.verified_at.map(|at| at.to_string()),
        country: view.country.as_deref(),
    }
}

/// What a surface makes of a request, and of what became of it.
pub(super) struct Surface {
    pub(super) read: fn(&Gate, &Caller, Fields) -> Result<Asked, ApiError>,
    /// It may be made more than once, and is the same each time.
    pub(super) answer: fn(&VerificationView) -> Answer,
}

/// What a request asks for, before its template is looked up.
pub(super) struct Asked {
    pub(super) wish: Wish,
    pub(super) template: Option<i64>,
}

const NATIVE: Surface = Surface {
    read,
    answer: created,
};

/// `POST /v1/verifications`
pub(super) async fn create(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    begin(&gate, &caller, request, &NATIVE).await
}

/// The way of a code, the same for every surface.
pub(super) async fn begin(
    gate: &Gate,
    caller: &Caller,
    request: Request,
    surface: &Surface,
) -> Result<Response, ApiError> {
    let render: Render<VerificationView> = Arc::new(surface.answer);
    let never = accept::never_skipped;
    let begun = match accept::begin(
        gate,
        caller,
        Scope::Verify,
        request,
        Asks::Something,
        &render,
        never,
    )
    .await?
    {
        Beginning::Replay(answer) => return Ok(accept::replayed(answer)),
        Beginning::New(begun) => begun,
    };
    let Asked { mut wish, template } = (surface.read)(gate, caller, begun.fields)?;
    gate.may_send_to(&wish.to, Category::Otp, caller)?;
    gate.has_room_for(Category::Otp)?;
    if let Some(id) = template {
        let text = gate.text_of(id, caller.sees(), &wish.locale).await?;
        wish.template = Some(text.ok_or(ApiError::TemplateNotFound)??);
    }
    let crowd = gate.crowd_of_code(&wish.to, wish.profile, wish.template.as_ref());
    let provider = gate.codes().provider_of(&wish);
    let carried = Carried::or_sent_by(provider.is_some(), crowd)?;
    wish.crowd = carried.crowd();
    let beside = gate.beside_code(&wish.to, wish.profile, wish.purpose, caller);
    let ready = gate.codes().begin(wish, beside).map_err(too_long)?;
    let (codes, once) = (gate.codes().clone(), begun.once);
    let write = async move { codes.send(ready, once).await };
    gate.send_code(write, begun.run, carried, &render).await
}

fn read(gate: &Gate, caller: &Caller, mut fields: Fields) -> Result<Asked, ApiError> {
    if channel(&mut fields) == Some(Channel::Email) {
        return Err(ApiError::ChannelUnavailable);
    }
    let recipient = recipient(gate, &mut fields, "to");
    let purpose = purpose(&mut fields).unwrap_or(Purpose::Generic);
    let locale = locale(&mut fields);
    let code_length = between(&mut fields, "code_length", 4, 10);
    let ttl = between(&mut fields, "ttl", 30, 900);
    let attempts = between(&mut fields, "max_attempts", 1, 10);
    let template = fields.whole("template_id");
    let last_line = last_line(&mut fields);
    let rate_keys = rate_keys(&mut fields);
    let client_ref = submission::client_ref(&mut fields, "ref");
    fields.refuse_the_rest();
    let recipient = fields.finish(recipient)?;
    let usual = &gate.codes().rules().default_locale;
    Ok(Asked {
        wish: Wish {
            app: caller.app.clone(),
            crowd: None,
            to: recipient.to,
            to_raw: recipient.raw,
            purpose,
            profile: ProfileName::V1,
            locale: locale.unwrap_or_else(|| usual.clone()),
            code_length: code_length.and_then(|digits| u8::try_from(digits).ok()),
            ttl: ttl.map(Duration::from_secs),
            attempts: attempts.and_then(|attempts| u8::try_from(attempts).ok()),
            template: None,
            last_line,
            client_ref,
            rate_keys: rate_keys.unwrap_or_default(),
        },
        template,
    })
}

/// A number that a code may go to: never a short code.
pub(super) fn recipient(
    gate: &Gate,
    fields: &mut Fields,
    name: &'static str,
) -> Option<submission::Recipient> {
    let mut rules = gate.config().numbers;
    rules.allow_short_codes = false;
    submission::recipient(fields, name, &rules)
}

pub(super) fn locale(fields: &mut Fields) -> Option<Locale> {
    let tag = fields.text("locale")?;
    let read = Locale::parse(&tag);
    read.or_else(|| fields.refuse("locale", "must be a language tag, such as en or zh-CN"))
}

#[derive(Clone, Copy, PartialEq)]
enum Channel {
    Sms,
    Email,
}

fn channel(fields: &mut Fields) -> Option<Channel> {
    match fields.text("channel")?.as_str() {
        "sms" => Some(Channel::Sms),
        "email" => Some(Channel::Email),
        _ => fields.refuse("channel", "must be sms or email"),
    }
}

fn purpose(fields: &mut Fields) -> Option<Purpose> {
    let word = fields.text("purpose")?;
    Purpose::parse(&word).or_else(|| fields.refuse("purpose", &must_be_a_purpose()))
}

fn must_be_a_purpose() -> String {
    format!(
        "must be one of {}",
        Purpose::ALL.map(Purpose::as_str).join(" ")
    )
}

fn between(fields: &mut Fields, name: &'static str, least: u64, most: u64) -> Option<u64> {
    let given = fields.whole(name)?;
    let number = u64::try_from(given).ok();
    number
        .filter(|number| (least..=most).contains(number))
        .or_else(|| fields.refuse(name, &format!("must be {least} to {most}")))
}

fn last_line(fields: &mut Fields) -> Option<LastLine> {
    let domain = fields.text("domain").and_then(|text| {
        LastLine::domain(&text)
            .or_else(|| fields.refuse("domain", "must be a host's name, such as example.com"))
    });
    let app_hash = fields.text("app_hash").and_then(|text| {
        LastLine::app_hash(&text)
            .or_else(|| fields.refuse("app_hash", "must be 11 letters, digits, + and /"))
    });
    match (domain, app_hash) {
        (Some(_), Some(_)) => fields.refuse("app_hash", "must not stand beside domain"),
        (domain, app_hash) => domain.or(app_hash),
    }
}

const MOST_RATE_KEYS: usize = 10;
const LONGEST_RATE_KEY: usize = 100;

/// What else the caller counts by: an address, a device.
fn rate_keys(fields: &mut Fields) -> Option<BTreeMap<String, String>> {
    const NAME: &str = "rate_keys";
    let given = fields.object(NAME)?;
    let must = "must be at most 10 texts by name, of 1 to 100 characters each";
    if given.len() > MOST_RATE_KEYS {
        return fields.refuse(NAME, must);
    }
    let fits = |text: &str| (1..=LONGEST_RATE_KEY).contains(&text.chars().count());
    let mut keys = BTreeMap::new();
    for (name, value) in given {
        match value.as_str() {
            Some(value) if fits(&name) && fits(value) => {
                keys.insert(name, value.to_owned());
            }
            _ => return fields.refuse(NAME, must),
        }
    }
    Some(keys)
}

fn created(view: &VerificationView) -> Answer {
    Answer {
        status: 201,
        location: Some(format!("/v1/verifications/{}", view.id)),
        body: written(&json(view, view.sent_at())),
    }
}

fn sent_again(view: &VerificationView) -> Answer {
    Answer {
        status: 200,
        location: None,
        body: written(&json(view, view.sent_at())),
    }
}

/// `POST /v1/verifications/{id}/resend`
pub(super) async fn resend(
    State(gate): State<Gate>,
    caller: Caller,
    id: Id,
    request: Request,
) -> Result<Response, ApiError> {
    let render: Render<VerificationView> = Arc::new(sent_again);
    let never = accept::never_skipped;
    let begun = match accept::begin(
        &gate,
        &caller,
        Scope::Verify,
        request,
        Asks::Nothing,
        &render,
        never,
    )
    .await?
    {
        Beginning::Replay(answer) => return Ok(accept::replayed(answer)),
        Beginning::New(begun) => begun,
    };
    let mut fields = begun.fields;
    fields.refuse_the_rest();
    fields.finish(Some(()))?;
    let found = gate.store().verification(verification(&id)?, caller.sees());
    let view = found.await?.ok_or(ApiError::NotFound)?;
    gate.has_room_for(Category::Otp)?;
    gate.may_send_to(&view.to, Category::Otp, &caller)?;
    let beside = gate.beside_code(&view.to, view.profile, view.purpose, &caller);
    let template = match view.template {
        None => None,
        // Deleted, or no longer fit for codes: the text of the profile does.
        Some(id) => gate
            .text_of(id, None, &view.locale)
            .await?
            .and_then(Result::ok),
    };
    let crowd = gate.crowd_of_code(&view.to, view.profile, template.as_ref());
    let carried = Carried::or_sent_by(view.provider.is_some(), crowd)?;
    let again = gate
        .codes()
        .again(&view, template, carried.crowd(), beside)
        .map_err(too_long)?;
    let (codes, once) = (gate.codes().clone(), begun.once);
    let write = async move { codes.send_again(view, again, once).await };
    gate.send_code(write, begun.run, carried, &render).await
}

/// Who may carry the text of a code.
enum Carried {
    By(Crowd),
    /// Nobody, and why. A provider that draws the code and sends it is not asked for that.
    ByNobody(ApiError),
}

impl Carried {
    /// # Errors
    /// Nobody carries it, and no provider sends it by itself.
    fn or_sent_by(provider: bool, crowd: Result<Crowd, ApiError>) -> Result<Self, ApiError> {
        match crowd {
            Ok(crowd) => Ok(Self::By(crowd)),
            Err(why) if provider => Ok(Self::ByNobody(why)),
            Err(why) => Err(why),
        }
    }

    fn crowd(&self) -> Option<Crowd> {
        match self {
            Self::By(crowd) => Some(*crowd),
            Self::ByNobody(_) => None,
        }
    }
}

/// What its provider's no is for the caller; the operator reads more of it in the log.
fn refused(refused: Refused) -> ApiError {
    match refused.whose {
        Trouble::Number => ApiError::Invalid(vec![Problem {
            field: None,
            code: "invalid_phone",
            message: format!(
                "the provider that sends the codes does not send to this number ({})",
                refused.said
            ),
        }]),
        Trouble::TooMany => ApiError::Limited {
            wait: refused.wait.unwrap_or(A_MINUTE),
        },
        Trouble::Operator => ApiError::CodesUnavailable(
            "the provider that sends the codes refuses the account or the settings of this gateway; its log says \
             why. Nothing was sent",
        ),
        Trouble::Unreachable => ApiError::CodesUnavailable(
            "the provider that sends the codes cannot be reached; nothing was sent, and it may be asked for again",
        ),
    }
}

/// Where a provider does not say how long a number is to be left alone.
const A_MINUTE: Duration = Duration::from_secs(60);

fn too_long(fault: TextFault) -> ApiError {
    let code = match fault {
        TextFault::TooLong { .. } => "too_long",
        TextFault::Invalid(_) => "invalid_request",
    };
    ApiError::Invalid(vec![Problem {
        field: None,
        code,
        message: fault.to_string(),
    }])
}

impl Gate {
    /// The text of a template in this language. `None`: there is no such template; an error: it is none for codes.
    async fn text_of(
        &self,
        id: i64,
        app: Option<String>,
        locale: &Locale,
    ) -> Result<Option<Result<OtherText, ApiError>>, ApiError> {
        let Some(view) = self.store().template(id, app).await? else {
            return Ok(None);
        };
        let tags = locale.fallbacks();
        let translation = tags.iter().find_map(|tag| view.translations.get(tag));
        let translated = translation.and_then(|text| Template::parse(text, None, usize::MAX).ok());
        let template = translated.unwrap_or(view.template);
        let checked = wording::check(&template).map_err(|why| {
            ApiError::Invalid(vec![Problem {
                field: Some("template_id".into()),
                code: "invalid_template",
                message: format!("the template is none for codes: {why}"),
            }])
        });
        let provider_template = view.provider_template_id;
        Ok(Some(checked.map(|()| OtherText {
            id,
            template,
            provider_template,
        })))
    }

    /// Who a code stands in line with.
    fn crowd_of_code(
        &self,
        to: &Destination,
        profile: ProfileName,
        template: Option<&OtherText>,
    ) -> Result<Crowd, ApiError> {
        let own = template.map(|other| other.id.to_string());
        let origin = Origin {
            template: own.as_deref().unwrap_or(profile.as_str()),
            names_the_providers: template.is_some_and(|other| other.provider_template.is_some()),
        };
        self.crowd(to, Category::Otp, 1, None, Some(origin))
    }

    /// Writes, rings, and answers.
    async fn send_code(
        &self,
        write: impl Future<Output = Result<CodeSent, StoreError>> + Send + 'static,
        run: Option<accept::Run>,
        carried: Carried,
        render: &Render<VerificationView>,
    ) -> Result<Response, ApiError> {
        let crowd = carried.crowd().unwrap_or(Crowd::ANYBODY);
        let ring = move |bell: &crate::dispatch::Bell, sent: &CodeSent| {
            if let CodeSent::Done(sent) = sent {
                let message = &sent.message;
                let line = Some((Priority(message.priority), crowd));
                bell.ring_for(line, message.expires_at);
            }
        };
        match self.committed(write, run, ring).await? {
            CodeSent::Done(sent) => {
                let SentCode { verification, .. } = *sent;
                Ok(response(&render(&verification)))
            }
            CodeSent::Elsewhere(verification) => Ok(response(&render(&verification))),
            CodeSent::Refused(why) => Err(refused(why)),
            // The errand of what is to be asked is done by now.
            CodeSent::ToAsk(_) => Err(ApiError::Panicked),
            CodeSent::NoRoute => Err(match carried {
                Carried::ByNobody(why) => why,
                Carried::By(_) => ApiError::NoRoute,
            }),
            CodeSent::Replay(answer) => Ok(accept::replayed(answer)),
            CodeSent::OtherBody => Err(ApiError::OtherBody),
            CodeSent::Limited(wait) => Err(ApiError::Limited { wait }),
            CodeSent::Suppressed(reason) => Err(ApiError::Suppressed(reason)),
            CodeSent::NoCredit => Err(ApiError::NoCredit),
            CodeSent::Held(hold) => Err(ApiError::Held(hold)),
            CodeSent::NotFound => Err(ApiError::NotFound),
            CodeSent::NotPending => Err(ApiError::NotPending),
        }
    }
}

/// What was typed; whatever it is, it is compared.
pub(super) fn code(fields: &mut Fields) -> Option<String> {
    let code = fields.text("code");
    if code.is_none() && !fields.is_refused("code") {
        return fields.refuse("code", "is missing");
    }
    code
}

/// `POST /v1/verifications/{id}/check`
pub(super) async fn check(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::Verify)?;
    let mut fields = gate.fields(request).await?;
    let code = code(&mut fields);
    fields.refuse_the_rest();
    let code = fields.finish(code)?;
    let which = Which::Id {
        id: verification(&id)?,
        app: caller.sees(),
    };
    checked(gate.check_code(which, &code).await?)
}

/// `POST /v1/verifications/check`
pub(super) async fn check_newest(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::Verify)?;
    let mut fields = gate.fields(request).await?;
    let recipient = recipient(&gate, &mut fields, "to");
    let purpose = match fields.has("purpose") {
        true => purpose(&mut fields),
        false => Some(Purpose::Generic),
    };
    let code = code(&mut fields);
    fields.refuse_the_rest();
    let read = recipient.zip(purpose).zip(code);
    let ((recipient, purpose), code) = fields.finish(read)?;
    let which = Which::Newest {
        app: caller.app,
        to: recipient.to,
        purpose,
    };
    checked(gate.check_code(which, &code).await?)
}

fn checked(checked: Checked) -> Result<Response, ApiError> {
    match checked {
        Checked::Approved => Ok(shown(&CheckedJson {
            valid: true,
            status: VerificationState::Approved.as_str(),
            remaining_attempts: None,
        })),
        Checked::Wrong(view) | Checked::Over(view) => Ok(shown(&CheckedJson {
            valid: false,
            status: view.state.as_str(),
            remaining_attempts: Some(view.remaining_attempts()),
        })),
        Checked::NotFound => Err(ApiError::NotFound),
        Checked::Limited(wait) => Err(ApiError::Limited { wait }),
        Checked::Unavailable | Checked::ToAsk(_) => Err(unchecked()),
    }
}

/// The provider that drew a code did not say whether it is right.
pub(super) fn unchecked() -> ApiError {
    ApiError::CodesUnavailable(
        "the provider that sent the code could not be asked whether it is right; try the same code again",
    )
}

/// `POST /v1/verifications/{id}/cancel`
pub(super) async fn cancel(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::Verify)?;
    nothing_asked(&gate, request).await?;
    let ended = gate.codes().cancel(verification(&id)?, caller.sees());
    match ended.await? {
        Ended::Done(view) => Ok(shown(&json(&view, gate.now()))),
        Ended::NotPending => Err(ApiError::NotPending),
        Ended::NotFound => Err(ApiError::NotFound),
    }
}

/// `GET /v1/verifications/{id}`
pub(super) async fn show(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::Verify)?;
    Query::of(&uri, &[])?;
    let found = gate.store().verification(verification(&id)?, caller.sees());
    let view = found.await?.ok_or(ApiError::NotFound)?;
    Ok(shown(&json(&view, gate.now())))
}

/// What can never have been an id is the id of nothing.
fn verification(id: &Id) -> Result<VerificationId, ApiError> {
    VerificationId::parse(&id.0).ok_or(ApiError::NotFound)
}

const FILTERS: [&str; 5] = ["limit", "cursor", "to", "purpose", "status"];

/// `GET /v1/verifications`
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::Verify)?;
    let mut query = Query::of(&uri, &FILTERS)?;
    let limit = cursor::limit(&mut query);
    let sees = caller.sees();
    let list = {
        let filters = FILTERS[2..].iter().map(|name| query.raw(name));
        let asked = [Some(uri.path()), sees.as_deref()];
        ListId::of(asked.into_iter().chain(filters))
    };
    let now = gate.now();
    let mut filter = VerificationFilter {
        app: sees,
        to: number(&mut query, &gate),
        purpose: query.read("purpose", &must_be_a_purpose(), Purpose::parse),
        state: query.read(
            "status",
            "must be pending, approved, expired, canceled or max_attempts_reached",
            VerificationState::parse,
        ),
        before: None,
        now,
    };
    if !query.problems.is_empty() {
        return Err(ApiError::Invalid(query.problems));
    }
    let cursor = query.raw("cursor");
    filter.before = cursor.map(|cursor| list.position(cursor)).transpose()?;
    // One more than the page shows whether there is another.
    let mut found = gate.store().verifications(filter, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| has_more);
    Ok(shown(&Listing {
        next_cursor: last.map(|last| list.behind(last.seq)),
        data: found.iter().map(|view| json(view, now)).collect(),
        has_more,
    }))
}

fn number(query: &mut Query, gate: &Gate) -> Option<Destination> {
    let given = plus_restored(query.raw("to")?);
    let read = gate.config().numbers.parse(&given);
    read.map_err(|why| query.wrong("to", "invalid_phone", format!("to: {why}")))
        .ok()
}

//! `POST /notification/sms` (http-api.md group A): one template, many numbers.
//!
//! What is wrong is told in a fixed order, one thing at a time; a number that is none fails alone.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Gate;
use super::accept::{self, Asks, Beginning, Refusals};
use super::auth::{Caller, Scope};
use super::envelope;
use super::error::{ApiError, Problem};
use super::extract::Fields;
use super::submission;
use crate::domain::attempt::MadeOf;
use crate::domain::{
    Body, Category, Destination, Encoding, NumberRules, Redacted, Reference, Surface, UnixMillis,
    Variable,
};
use crate::store::{
    Accepted, Answer, BatchSubmission, BatchView, Rejected, Render, Submission, TemplateView,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TakenJson<'a> {
    batch_id: &'a str,
    success: bool,
    message: &'static str,
    /// As the caller wrote them.
    failed_numbers: Vec<&'a str>,
}

/// A request whose fields are what they should be.
struct Asked {
    template: i64,
    numbers: Vec<String>,
    params: Map<String, Value>,
    scheduled_at: Option<String>,
}

/// `POST /notification/sms`
pub(super) async fn send(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let render: Render<BatchView> = Arc::new(taken);
    let (scope, skipped) = (Scope::MessagesSend, accept::never_skipped);
    let begun = match accept::begin(
        &gate,
        &caller,
        scope,
        request,
        Asks::Something,
        &render,
        skipped,
    )
    .await?
    {
        Beginning::Replay(answer) => return Ok(accept::replayed(answer)),
        Beginning::New(begun) => begun,
    };
    let asked = Asked::read(begun.fields, gate.config().schedule.max_numbers)?;
    let found = gate.store().template(asked.template, caller.sees()).await?;
    let template = found.ok_or(ApiError::TemplateNotFound)?;
    let (submission, refused) = asked.submission(&gate, &caller, &template)?;
    gate.has_room_for(Category::Notification)?;
    let (store, once) = (gate.store().clone(), begun.once);
    let write = async move { store.accept_batch(submission, once).await };
    let written = gate.commit(write, begun.run, |bell, _| bell.ring()).await?;
    match (written, refused) {
        (Accepted::NobodyLeft, Some(first)) => Err(first),
        (written, _) => accept::answered(written, &render, skipped),
    }
}

fn taken(view: &BatchView) -> Answer {
    Answer {
        status: 200,
        location: None,
        body: envelope::written(&TakenJson {
            batch_id: view.id.as_str(),
            success: true,
            message: "短信发送请求已接受",
            failed_numbers: view.rejected.iter().map(|one| one.to.as_str()).collect(),
        }),
    }
}

impl Asked {
    /// Unknown fields are ignored here.
    fn read(mut fields: Fields, most_numbers: usize) -> Result<Self, ApiError> {
        let template = fields.whole("templateId");
        if template.is_none() && !fields.is_refused("templateId") {
            fields.refuse::<()>("templateId", "is missing");
        }
        let numbers = fields.texts("phoneNumbers");
        if numbers.is_none() && !fields.is_refused("phoneNumbers") {
            fields.refuse::<()>("phoneNumbers", "is missing");
        }
        if numbers
            .as_ref()
            .is_some_and(|all| all.is_empty() || all.iter().any(String::is_empty))
        {
            fields.refuse::<()>(
                "phoneNumbers",
                "must be numbers, at least one and none of them empty",
            );
        }
        let params = fields.object("params");
        let scheduled_at = fields.text("scheduledAt");
        let (template, numbers) = fields.finish(template.zip(numbers))?;
        if numbers.len() > most_numbers {
            return Err(wrong(
                "phoneNumbers",
                "too_many_recipients",
                format!(
                    "{} numbers; at most {most_numbers} go in one request",
                    numbers.len()
                ),
            ));
        }
        Ok(Self {
            template,
            numbers,
            params: params.unwrap_or_default(),
            scheduled_at,
        })
    }

    /// What is to be stored, and what the first number was refused for, if one was.
    fn submission(
        self,
        gate: &Gate,
        caller: &Caller,
        template: &TemplateView,
    ) -> Result<(BatchSubmission, Option<ApiError>), ApiError> {
        let config = gate.config();
        let now = gate.now();
        let body = self.filled(template)?;
        let made_of = self.made_of(template);
        let width = submission::reference_width(gate, None);
        let plan = body
            .plan(Encoding::Auto, width.into())
            .map_err(|_| params("the text has no alphabet".into()))?;
        let parts = u8::try_from(plan.parts)
            .ok()
            .filter(|parts| *parts <= config.message.max_parts)
            .ok_or_else(|| {
                params(format!(
                    "the text needs {} parts; message.max_parts is {}",
                    plan.parts, config.message.max_parts
                ))
            })?;
        let scheduled_at = due(self.scheduled_at.as_deref(), config.schedule.max_ahead, now)?;
        let mut rules = config.numbers;
        rules.allow_short_codes = false;
        let mut refusals = Refusals::default();
        let (recipients, mut rejected) = recipients(&self.numbers, &rules, &mut refusals);
        let mut messages = Vec::with_capacity(recipients.len());
        const CATEGORY: Category = Category::Notification;
        for (index, to, to_raw) in recipients {
            // Which routes may carry it is a matter of its number.
            let crowd = gate
                .may_send_to(&to, CATEGORY, caller)
                .and_then(|()| gate.crowd(&to, CATEGORY, parts, None, Some(made_of.origin())));
            let crowd = match crowd {
                Ok(crowd) => crowd,
                Err(error) => {
                    let code = error.code().into();
                    rejected.push(Rejected {
                        index,
                        to: to_raw,
                        code,
                    });
                    refusals.note(index, error);
                    continue;
                }
            };
            let goes_at = scheduled_at.unwrap_or(now);
            let submission = Submission {
                counts: gate.counts(Surface::Notify, CATEGORY, &to, caller, goes_at),
                app: caller.app.clone(),
                to,
                to_raw,
                category: CATEGORY,
                severity: None,
                body: body.clone(),
                encoding: plan.encoding,
                parts,
                flash: false,
                ref16: matches!(width, Reference::Sixteen(_)),
                via: None,
                priority: None,
                crowd,
                client_ref: None,
                template: Some(template.id),
                made_of: Some(made_of.clone()),
                scheduled_at,
                expires_at: scheduled_at.unwrap_or(now).plus(config.message.ttl),
                at: now,
                payer: caller.payer(),
            };
            messages.push((index, submission));
        }
        rejected.sort_by_key(|one| one.index);
        let first = refusals.first();
        match BatchSubmission::new(messages, rejected, now) {
            Some(submission) => Ok((submission, first)),
            None => Err(first.unwrap_or_else(|| ApiError::invalid("phoneNumbers is empty"))),
        }
    }

    /// The values of its variables; they were looked at when it was filled.
    fn made_of(&self, template: &TemplateView) -> MadeOf {
        let variables = template.template.variables().iter();
        let values = variables.filter_map(|name| {
            let value = self.params.get(name.as_str())?.as_str()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        MadeOf {
            template: template.id.to_string(),
            provider_template: template.provider_template_id.clone(),
            values: Redacted::new(values.collect()),
        }
    }

    /// The text, with every variable in it replaced.
    fn filled(&self, template: &TemplateView) -> Result<Body, ApiError> {
        let mut values = Vec::with_capacity(self.params.len());
        for (key, value) in &self.params {
            let name = Variable::parse(key)
                .ok_or_else(|| params("a key must be 1 to 64 letters, digits or _".into()))?;
            let Value::String(value) = value else {
                return Err(params(format!("the value of {name} must be a string")));
            };
            values.push((name, value.as_str()));
        }
        let value_of = |name: &Variable| {
            let found = values.iter().find(|(known, _)| known == name);
            found.map(|(_, value)| *value)
        };
        let text = template.template.fill(value_of);
        let text = text.map_err(|missing| params(missing.to_string()))?;
        Body::parse(&text).map_err(|why| params(why.to_string()))
    }
}

/// Those who get the text, with their places in the request, as they are dialled and as the caller wrote them; and those
/// who do not.
type Recipients = (Vec<(usize, Destination, String)>, Vec<Rejected>);

fn recipients(numbers: &[String], rules: &NumberRules, refusals: &mut Refusals) -> Recipients {
    let (mut good, mut rejected) = (Vec::new(), Vec::new());
    for (index, raw) in numbers.iter().enumerate() {
        match rules.parse(raw) {
            Ok(to) => good.push((index, to, raw.clone())),
            Err(why) => {
                const CODE: &str = "invalid_phone";
                let said = format!("phoneNumbers[{index}]: {why}");
                refusals.note(index, wrong("phoneNumbers", CODE, said));
                rejected.push(Rejected {
                    index,
                    to: raw.clone(),
                    code: CODE.into(),
                });
            }
        }
    }
    (good, rejected)
}

/// `None` for now, which is also what the past means.
fn due(
    given: Option<&str>,
    farthest: std::time::Duration,
    now: UnixMillis,
) -> Result<Option<UnixMillis>, ApiError> {
    const NAME: &str = "scheduledAt";
    let refuse = |must: String| wrong(NAME, "invalid_schedule", must);
    let Some(given) = given else {
        return Ok(None);
    };
    let Some(at) = UnixMillis::parse_rfc3339(given) else {
        return Err(refuse(format!(
            "{NAME} must be a time by RFC 3339, such as 2030-01-31T12:00:00Z"
        )));
    };
    if at > now.plus(farthest) {
        let days = farthest.as_secs() / 86_400;
        return Err(refuse(format!("{NAME} must be at most {days} days ahead")));
    }
    Ok(Some(at).filter(|at| *at > now))
}

fn params(message: String) -> ApiError {
    wrong("params", "invalid_params", message)
}

fn wrong(field: &str, code: &'static str, message: String) -> ApiError {
    ApiError::Invalid(vec![Problem {
        field: Some(field.into()),
        code,
        message,
    }])
}

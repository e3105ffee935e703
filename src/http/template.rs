//! Templates: `/template/sms` (http-api.md group A) and `/v1/templates` (G2). The same rows, in two shapes.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use serde::Serialize;
use serde_json::Value;
use tracing::warn;

use super::Gate;
use super::accept::{self, Asks, Beginning};
use super::answer::{shown, written};
use super::auth::{Admitted, Caller, Scope};
use super::cursor::{Listing, Page};
use super::envelope::{self, Paging};
use super::error::{ApiError, Problem};
use super::extract::{Fields, Id};
use super::submission;
use crate::domain::template::InvalidTemplate;
use crate::domain::{Category, Locale, Template, Variable};
use crate::store::{
    Accepted, Answer, ChangedTemplate, NewTemplate, Render, TemplateChange, TemplatePage,
    TemplateView,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeTemplateJson<'a> {
    id: i64,
    name: &'a str,
    content: &'a str,
    variables: Vec<&'a str>,
    provider_template_id: Option<&'a str>,
    created_at: String,
    updated_at: String,
}

#[derive(Debug, Serialize)]
struct NativeTemplateJson<'a> {
    id: i64,
    name: &'a str,
    content: &'a str,
    variables: Vec<&'a str>,
    provider_template_id: Option<&'a str>,
    translations: &'a BTreeMap<String, String>,
    category: Option<&'static str>,
    created_at: String,
    updated_at: String,
}

/// The two groups differ in how fields are called, in what they know, and in how an answer looks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Group {
    Envelope,
    Native,
}

impl Group {
    fn provider_template_id(self) -> &'static str {
        match self {
            Self::Envelope => "providerTemplateId",
            Self::Native => "provider_template_id",
        }
    }

    /// Unknown fields are refused by one and ignored by the other.
    fn finish<T>(self, mut fields: Fields, read: Option<T>) -> Result<T, ApiError> {
        if self == Self::Native {
            fields.refuse_the_rest();
        }
        fields.finish(read)
    }

    fn written(self, view: &TemplateView) -> String {
        match self {
            Self::Envelope => envelope::written(&envelope_json(view)),
            Self::Native => written(&native_json(view)),
        }
    }

    fn created(self, view: &TemplateView) -> Answer {
        let location = match self {
            Self::Envelope => format!("/template/sms/{}", view.id),
            Self::Native => format!("/v1/templates/{}", view.id),
        };
        Answer {
            status: StatusCode::CREATED.as_u16(),
            location: Some(location),
            body: self.written(view),
        }
    }

    fn shown(self, view: &TemplateView) -> Response {
        super::answer::response(&Answer {
            status: StatusCode::OK.as_u16(),
            location: None,
            body: self.written(view),
        })
    }
}

fn envelope_json(view: &TemplateView) -> EnvelopeTemplateJson<'_> {
    EnvelopeTemplateJson {
        id: view.id,
        name: &view.name,
        content: view.template.content(),
        variables: names(view),
        provider_template_id: view.provider_template_id.as_deref(),
        created_at: view.created_at.to_seconds(),
        updated_at: view.updated_at.to_seconds(),
    }
}

fn native_json(view: &TemplateView) -> NativeTemplateJson<'_> {
    NativeTemplateJson {
        id: view.id,
        name: &view.name,
        content: view.template.content(),
        variables: names(view),
        provider_template_id: view.provider_template_id.as_deref(),
        translations: &view.translations,
        category: view.category.map(Category::as_str),
        created_at: view.created_at.to_string(),
        updated_at: view.updated_at.to_string(),
    }
}

fn names(view: &TemplateView) -> Vec<&str> {
    let variables = view.template.variables().iter();
    variables.map(Variable::as_str).collect()
}

/// `POST /template/sms`
pub(super) async fn create(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    add(&gate, &caller, request, Group::Envelope).await
}

/// `POST /v1/templates`
pub(super) async fn create_native(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    add(&gate, &caller, request, Group::Native).await
}

async fn add(
    gate: &Gate,
    caller: &Caller,
    request: Request,
    group: Group,
) -> Result<Response, ApiError> {
    let render: Render<TemplateView> = Arc::new(move |view| group.created(view));
    let (scope, skipped) = (Scope::TemplatesWrite, accept::never_skipped);
    let begun = match accept::begin(
        gate,
        caller,
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
    let new = read_new(gate, caller, begun.fields, group)?;
    let (store, once) = (gate.store().clone(), begun.once);
    let by = gate.entry(caller, "template.create", "");
    let write = async move { store.add_template(new, by, once).await };
    // Nothing of it waits to be sent.
    let written = gate.commit(write, begun.run, |_, _| ()).await?;
    if let Accepted::New(view) = &written
        && let Some(why) = (gate.0.parts.template_warning)(view)
    {
        warn!(
            template = view.id,
            why, "a provider may refuse the codes that go by this template"
        );
    }
    accept::answered(written, &render, skipped)
}

fn read_new(
    gate: &Gate,
    caller: &Caller,
    mut fields: Fields,
    group: Group,
) -> Result<NewTemplate, ApiError> {
    let name = name(&mut fields);
    if name.is_none() && !fields.is_refused("name") {
        fields.refuse::<()>("name", "is missing");
    }
    let content = fields.text("content");
    if content.is_none() && !fields.is_refused("content") {
        fields.refuse::<()>("content", "is missing");
    }
    let variables = variables(&mut fields);
    let provider_template_id = provider_template_id(&mut fields, group);
    let (translations, category) = native_fields(&mut fields, group);
    let (name, content) = group.finish(fields, name.zip(content))?;
    let template = Template::parse(&content, variables, gate.config().max_template)
        .map_err(|why| invalid(&why))?;
    Ok(NewTemplate {
        app: caller.app.clone(),
        name,
        template,
        provider_template_id,
        translations: translations.unwrap_or_default(),
        category,
        at: gate.now(),
    })
}

const LONGEST_NAME: usize = 100;
/// Of an id that a provider gave.
const LONGEST_PROVIDER_ID: usize = 100;
/// Languages of one template.
const MOST_TRANSLATIONS: usize = 50;

/// Without the space around it.
fn name(fields: &mut Fields) -> Option<String> {
    let given = fields.text("name")?;
    let trimmed = given.trim();
    match trimmed.chars().count() {
        1..=LONGEST_NAME => Some(trimmed.to_owned()),
        _ => fields.refuse("name", "must have 1 to 100 characters"),
    }
}

fn variables(fields: &mut Fields) -> Option<Vec<Variable>> {
    const NAME: &str = "variables";
    let given = fields.texts(NAME)?;
    let read = given.iter().map(|name| Variable::parse(name)).collect();
    match read {
        Some(variables) => Some(variables),
        None => fields.wrong(
            NAME,
            "invalid_template",
            format!("{NAME} must be names of 1 to 64 letters, digits or _"),
        ),
    }
}

fn provider_template_id(fields: &mut Fields, group: Group) -> Option<String> {
    let name = group.provider_template_id();
    let given = fields.text(name)?;
    match given.chars().count() {
        1..=LONGEST_PROVIDER_ID => Some(given),
        _ => fields.refuse(name, "must have 1 to 100 characters"),
    }
}

type NativeFields = (Option<BTreeMap<String, String>>, Option<Category>);

/// What group A does not know.
fn native_fields(fields: &mut Fields, group: Group) -> NativeFields {
    match group {
        Group::Envelope => (None, None),
        Group::Native => (translations(fields), submission::category(fields)),
    }
}

/// Texts by language tag; what they hold is checked where they are used, against the variables of the content.
fn translations(fields: &mut Fields) -> Option<BTreeMap<String, String>> {
    const NAME: &str = "translations";
    let given = fields.object(NAME)?;
    if given.len() > MOST_TRANSLATIONS {
        return fields.refuse(NAME, "must be at most 50 texts");
    }
    let mut read = BTreeMap::new();
    for (tag, text) in given {
        match (Locale::parse(&tag), text) {
            (Some(locale), Value::String(text)) => {
                read.insert(locale.as_str().to_owned(), text);
            }
            _ => return fields.refuse(NAME, "must be texts by language tag, such as \"en\""),
        }
    }
    Some(read)
}

fn invalid(why: &InvalidTemplate) -> ApiError {
    ApiError::Invalid(vec![Problem {
        field: Some("content".into()),
        code: "invalid_template",
        message: why.to_string(),
    }])
}

/// `GET /template/sms/page`
pub(super) async fn page(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::TemplatesRead)?;
    let paging = Paging::of(&uri)?;
    let part = |name: &str| paging.raw(name).filter(|part| !part.is_empty());
    let asked = TemplatePage {
        app: caller.sees(),
        name: part("name").map(str::to_owned),
        content: part("content").map(str::to_owned),
        skip: paging.skip(),
        size: paging.size,
    };
    let (templates, total) = gate.store().template_page(asked).await?;
    let items = templates.iter().map(envelope_json).collect();
    Ok(envelope::shown(&paging.page_of(items, total)))
}

/// `GET /template/sms/:id`
pub(super) async fn show(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
) -> Result<Response, ApiError> {
    find(&gate, &caller, &id, Group::Envelope).await
}

/// `GET /v1/templates/{id}`
pub(super) async fn show_native(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
) -> Result<Response, ApiError> {
    find(&gate, &caller, &id, Group::Native).await
}

async fn find(gate: &Gate, caller: &Caller, id: &Id, group: Group) -> Result<Response, ApiError> {
    caller.may(Scope::TemplatesRead)?;
    let found = gate.store().template(number(id)?, caller.sees()).await?;
    Ok(group.shown(&found.ok_or(ApiError::TemplateNotFound)?))
}

/// What is no number was never a template.
fn number(id: &Id) -> Result<i64, ApiError> {
    let is_plain = !id.0.is_empty() && id.0.bytes().all(|octet| octet.is_ascii_digit());
    let read = id.0.parse().ok().filter(|_| is_plain);
    read.ok_or(ApiError::TemplateNotFound)
}

/// `PATCH /template/sms/:id`
pub(super) async fn change(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
    request: Request,
) -> Result<Response, ApiError> {
    patch(&gate, &caller, &id, request, Group::Envelope).await
}

/// `PATCH /v1/templates/{id}`
pub(super) async fn change_native(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
    request: Request,
) -> Result<Response, ApiError> {
    patch(&gate, &caller, &id, request, Group::Native).await
}

async fn patch(
    gate: &Gate,
    caller: &Caller,
    id: &Id,
    request: Request,
    group: Group,
) -> Result<Response, ApiError> {
    caller.may(Scope::TemplatesWrite)?;
    let change = read_change(gate.fields(request).await?, group)?;
    let most = gate.config().max_template;
    let by = gate.entry(caller, "template.change", &id.0);
    let changed = gate
        .store()
        .change_template(number(id)?, caller.sees(), change, most, by)
        .await?;
    match changed {
        ChangedTemplate::Done(view) => Ok(group.shown(&view)),
        ChangedTemplate::NotFound => Err(ApiError::TemplateNotFound),
        ChangedTemplate::Invalid(why) => Err(invalid(&why)),
    }
}

fn read_change(mut fields: Fields, group: Group) -> Result<TemplateChange, ApiError> {
    // Null clears what may be absent; for the others it is as good as nothing.
    let clears_provider_id = fields.is_null(group.provider_template_id());
    let clears_category = group == Group::Native && fields.is_null("category");
    let name = name(&mut fields);
    let content = fields.text("content");
    let variables = variables(&mut fields);
    let provider_template_id = provider_template_id(&mut fields, group);
    let (translations, category) = native_fields(&mut fields, group);
    let change = TemplateChange {
        name,
        content,
        variables,
        provider_template_id: match clears_provider_id {
            true => Some(None),
            false => provider_template_id.map(Some),
        },
        translations,
        category: match clears_category {
            true => Some(None),
            false => category.map(Some),
        },
    };
    group.finish(fields, Some(change))
}

/// `DELETE /template/sms/:id`, `DELETE /v1/templates/{id}`
pub(super) async fn remove(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::TemplatesWrite)?;
    let by = gate.entry(&caller, "template.delete", &id.0);
    match gate
        .store()
        .remove_template(number(&id)?, caller.sees(), by)
        .await?
    {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(ApiError::TemplateNotFound),
    }
}

/// `GET /v1/templates`
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::TemplatesRead)?;
    let sees = caller.sees();
    let page = Page::of(&uri, sees.as_deref())?;
    let mut templates = gate
        .store()
        .templates(sees, page.before, page.one_more())
        .await?;
    let (next_cursor, has_more) = page.cut(&mut templates, |template| template.id);
    Ok(shown(&Listing {
        data: templates.iter().map(native_json).collect(),
        next_cursor,
        has_more,
    }))
}

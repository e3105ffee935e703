//! `/v1/keys` (http-api.md G8): who may call. For administrators only, so that nobody lifts himself.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{StatusCode, Uri};
use ipnet::IpNet;
use serde::Serialize;

use super::Gate;
use super::accept::{self, Asks, Beginning};
use super::answer::{empty, response, shown, written};
use super::auth::{Admitted, Caller, Scope};
use super::cursor::{Listing, Page};
use super::error::ApiError;
use super::extract::{Fields, Id};
use super::keyring::KeyNews;
use crate::domain::{App, Key, KeyHash, KeyId, UnixMillis};
use crate::store::{Accepted, Answer, KeyChange, Render};

#[derive(Debug, Serialize)]
struct KeyJson<'a> {
    id: &'a str,
    name: &'a str,
    app: &'a str,
    scopes: Vec<&'static str>,
    credit: Option<i64>,
    cidrs: Vec<String>,
    enabled: bool,
    created_at: String,
    expires_at: Option<String>,
    /// Only in the answer to its creation, and null in a replay of that: it is nowhere kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Option<&'a str>>,
}

const LONGEST_NAME: usize = 100;
const MOST_CIDRS: usize = 100;

fn json<'a>(key: &'a Key, secret: Option<Option<&'a str>>) -> KeyJson<'a> {
    KeyJson {
        id: key.id.as_str(),
        name: &key.name,
        app: key.app.as_str(),
        scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
        credit: key.credit,
        cidrs: key.cidrs.iter().map(ToString::to_string).collect(),
        enabled: key.enabled,
        created_at: key.created_at.to_string(),
        expires_at: key.expires_at.map(|at| at.to_string()),
        key: secret,
    }
}

fn created(key: &Key, secret: Option<&str>) -> Answer {
    Answer {
        status: StatusCode::CREATED.as_u16(),
        location: None,
        body: written(&json(key, Some(secret))),
    }
}

/// `POST /v1/keys`
pub(super) async fn create(
    State(gate): State<Gate>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    // What is remembered for a repetition is the answer without the key.
    let render: Render<Key> = Arc::new(|key| created(key, None));
    let (scope, skipped) = (Scope::Admin, accept::never_skipped);
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
    let secret = format!("sk_{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()));
    let key = read_new(&gate, begun.fields, &secret)?;
    let by = gate.entry(&caller, "key.create", key.id.as_str());
    let (store, once) = (gate.store().clone(), begun.once);
    let write = async move {
        let _run = begun.run;
        store.add_key(key, by, once).await
    };
    let news = |made: &Accepted<Key>| match made {
        Accepted::New(key) => KeyNews::Is(key.clone()),
        _ => KeyNews::Nothing,
    };
    match gate.change_keys(write, news).await? {
        Accepted::New(key) => Ok(response(&created(&key, Some(&secret)))),
        Accepted::TooMany => Err(ApiError::invalid(
            "there are as many keys as there may be; delete those that are not used",
        )),
        other => accept::answered(other, &render, skipped),
    }
}

fn read_new(gate: &Gate, mut fields: Fields, secret: &str) -> Result<Key, ApiError> {
    let name = name(&mut fields);
    if name.is_none() && !fields.is_refused("name") {
        fields.refuse::<()>("name", "is missing");
    }
    let app = app(&mut fields);
    let scopes = scopes(&mut fields);
    if scopes.is_none() && !fields.is_refused("scopes") {
        fields.refuse::<()>("scopes", "is missing");
    }
    let credit = credit(&mut fields);
    let cidrs = cidrs(&mut fields);
    let expires_at = fields.text("expires_at").and_then(|text| {
        let must = "must be a time by RFC 3339, such as 2030-01-01T00:00:00Z";
        UnixMillis::parse_rfc3339(&text).or_else(|| fields.refuse("expires_at", must))
    });
    fields.refuse_the_rest();
    let (name, scopes) = fields.finish(name.zip(scopes))?;
    let at = gate.now();
    Ok(Key {
        id: KeyId::new(at, rand::random()),
        hash: KeyHash::of(secret),
        name,
        app: app.unwrap_or_else(App::usual),
        scopes,
        cidrs: cidrs.unwrap_or_default(),
        credit,
        enabled: true,
        created_at: at,
        expires_at,
    })
}

/// `GET /v1/keys`
pub(super) async fn list(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    uri: Uri,
) -> Result<Response, ApiError> {
    caller.may(Scope::Admin)?;
    let page = Page::of(&uri, None)?;
    let mut keys = gate.store().key_page(page.before, page.one_more()).await?;
    let (next_cursor, has_more) = page.cut(&mut keys, |(place, _)| *place);
    Ok(shown(&Listing {
        data: keys.iter().map(|(_, key)| json(key, None)).collect(),
        next_cursor,
        has_more,
    }))
}

/// `PATCH /v1/keys/{id}`
pub(super) async fn change(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::Admin)?;
    let id = key_id(&id)?;
    let mut fields = gate.fields(request).await?;
    let lifts_credit = fields.is_null("credit");
    let change = KeyChange {
        name: name(&mut fields),
        scopes: scopes(&mut fields),
        credit: match lifts_credit {
            true => fields.whole("credit").map(Some).or(Some(None)),
            false => credit(&mut fields).map(Some),
        },
        enabled: fields.flag("enabled"),
    };
    fields.refuse_the_rest();
    let change = fields.finish(Some(change))?;
    let by = gate.entry(&caller, "key.change", id.as_str());
    let store = gate.store().clone();
    let write = async move { store.change_key(id, change, by).await };
    let news = |changed: &Option<Key>| match changed {
        Some(key) => KeyNews::Is(Box::new(key.clone())),
        None => KeyNews::Nothing,
    };
    let changed = gate.change_keys(write, news).await?;
    let key = changed.ok_or(ApiError::NotFound)?;
    Ok(shown(&json(&key, None)))
}

/// `DELETE /v1/keys/{id}`: revoked for ever.
pub(super) async fn remove(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    id: Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::Admin)?;
    let id = key_id(&id)?;
    let by = gate.entry(&caller, "key.delete", id.as_str());
    let (store, gone) = (gate.store().clone(), id.clone());
    let write = async move { store.remove_key(id, by).await };
    let removed = gate
        .change_keys(write, |_: &bool| KeyNews::Gone(gone))
        .await?;
    match removed {
        true => Ok(empty(StatusCode::NO_CONTENT)),
        false => Err(ApiError::NotFound),
    }
}

fn key_id(id: &Id) -> Result<KeyId, ApiError> {
    KeyId::parse(&id.0).ok_or(ApiError::NotFound)
}

fn name(fields: &mut Fields) -> Option<String> {
    let given = fields.text("name")?;
    match given.trim().chars().count() {
        1..=LONGEST_NAME => Some(given.trim().to_owned()),
        _ => fields.refuse("name", "must have 1 to 100 characters"),
    }
}

fn app(fields: &mut Fields) -> Option<App> {
    let given = fields.text("app")?;
    let must = "must be 1 to 64 letters, digits, -, _ or .";
    App::parse(&given).or_else(|| fields.refuse("app", must))
}

fn scopes(fields: &mut Fields) -> Option<Vec<Scope>> {
    let given = fields.texts("scopes")?;
    let read: Option<Vec<Scope>> = given.iter().map(|word| Scope::parse(word)).collect();
    match read {
        Some(scopes) if !scopes.is_empty() => Some(scopes),
        _ => {
            let known: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
            fields.refuse("scopes", &format!("must be some of {}", known.join(" ")))
        }
    }
}

fn credit(fields: &mut Fields) -> Option<i64> {
    match fields.whole("credit")? {
        credit @ 0.. => Some(credit),
        _ => fields.refuse(
            "credit",
            "must be 0 or more messages, or null for any number",
        ),
    }
}

fn cidrs(fields: &mut Fields) -> Option<Vec<IpNet>> {
    let given = fields.texts("cidrs")?;
    let network = |text: &String| -> Option<IpNet> {
        text.parse()
            .ok()
            .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
    };
    let read: Option<Vec<IpNet>> = given.iter().map(network).collect();
    match read {
        Some(cidrs) if cidrs.len() <= MOST_CIDRS => Some(cidrs),
        _ => fields.refuse(
            "cidrs",
            "must be addresses or networks, such as \"10.0.0.0/8\", at most 100",
        ),
    }
}

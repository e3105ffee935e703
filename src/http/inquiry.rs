//! `/v1/modems/{id}/ussd` and `/v1/modems/{id}/at`: what is asked of a modem, or of the network through it.
//!
//! On record is who asked which modem, never what: a voucher's number may be in a code.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::Gate;
use super::answer::{empty, shown};
use super::auth::{Admitted, Caller, Scope};
use super::error::{ApiError, Overload};
use super::extract::{Fields, Id};
use crate::dispatch::{Inquiry, Question, TerminalLine, Told, Wish};
use crate::domain::UssdCode;

#[derive(Debug, Serialize)]
struct UssdJson<'a> {
    /// `done`; `reply_expected`: the next code is the reply; or why the network has nothing to say.
    status: &'static str,
    text: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct LineJson<'a> {
    lines: &'a [String],
    /// `OK`, or the error as the modem says it.
    result: &'a str,
    /// What the modem said unasked since the last line.
    unsolicited: &'a [String],
}

/// `POST /v1/modems/{id}/ussd`: asks the network, or replies to what it asked.
pub(super) async fn ussd(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    Id(name): Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::ModemsWrite)?;
    let mut fields = gate.fields(request).await?;
    let code = code(&mut fields);
    fields.refuse_the_rest();
    let code = fields.finish(code)?;
    let question = Question::Ussd(code);
    match gate.ask(&caller, &name, "modem.ussd", question).await? {
        Told::Ussd(answer) => Ok(shown(&UssdJson {
            status: answer.status.as_str(),
            text: answer.text.as_deref(),
        })),
        // A code has no other answer.
        Told::Ended | Told::Line(_) => Err(ApiError::Panicked),
    }
}

fn code(fields: &mut Fields) -> Option<UssdCode> {
    const MUST: &str = "must be 1 to 100 digits, *, #, + and letters, such as *100#";
    match fields.text("code") {
        Some(text) => UssdCode::parse(&text).or_else(|| fields.refuse("code", MUST)),
        None if fields.is_refused("code") => None,
        None => fields.refuse("code", "is missing"),
    }
}

/// `DELETE /v1/modems/{id}/ussd`: ends a dialogue in which the network waits for a reply.
pub(super) async fn end_ussd(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    Id(name): Id,
) -> Result<Response, ApiError> {
    caller.may(Scope::ModemsWrite)?;
    gate.ask(&caller, &name, "modem.ussd_end", Question::EndUssd)
        .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/modems/{id}/at`: one line to the modem itself, for administrators.
pub(super) async fn line(
    State(gate): State<Gate>,
    Admitted(caller): Admitted,
    Id(name): Id,
    request: Request,
) -> Result<Response, ApiError> {
    caller.may(Scope::Admin)?;
    let mut fields = gate.fields(request).await?;
    let line = match fields.text("command") {
        Some(text) => TerminalLine::parse(&text).map_or_else(
            |why| fields.wrong("command", "invalid_request", format!("command: {why}")),
            Some,
        ),
        None if fields.is_refused("command") => None,
        None => fields.refuse("command", "is missing"),
    };
    fields.refuse_the_rest();
    let line = fields.finish(line)?;
    match gate
        .ask(&caller, &name, "modem.at", Question::Line(line))
        .await?
    {
        Told::Line(answer) => Ok(shown(&LineJson {
            lines: &answer.lines,
            result: &answer.result,
            unsolicited: &answer.meanwhile,
        })),
        // A line has no other answer.
        Told::Ended | Told::Ussd(_) => Err(ApiError::Panicked),
    }
}

/// While a modem is waited for, this often it is looked whether the gateway stops.
const LOOK_EVERY: Duration = Duration::from_millis(250);

impl Gate {
    /// Asks this modem and waits for what it says: a minute and a half at most, a search for networks three.
    async fn ask(
        &self,
        caller: &Caller,
        name: &str,
        action: &'static str,
        question: Question,
    ) -> Result<Told, ApiError> {
        let modem = self.modem(name)?.name;
        let (inquiry, answered) = Inquiry::new(question);
        let wish = Wish::Ask { modem, inquiry };
        self.wish(caller, action, name, wish).await?;
        tokio::select! {
            reply = answered.wait() => reply.map_err(ApiError::Modem),
            () = self.closes() => Err(ApiError::Overloaded(Overload::ShuttingDown)),
        }
    }

    async fn closes(&self) {
        while !self.is_closing() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

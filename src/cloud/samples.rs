//! Texts, moments and answers that the tests of several providers begin with.

use std::time::Duration;

use super::{Answer, Cause, Moment, Outgoing, Sought, Verdict};
use crate::domain::attempt::{AttemptId, MadeOf};
use crate::domain::{
    Body, Destination, Encoding, MessageSeq, NumberRules, Redacted, Ticket, UnixMillis,
};

pub(super) const NONCE: &str = "063dbc5b39c6965221af258213e79eff";

pub(super) const ATTEMPT: AttemptId = AttemptId {
    message: MessageSeq(0x2a),
    ticket: Ticket(0x1f),
};

pub(super) fn moment(at: &str) -> Moment {
    Moment {
        now: UnixMillis::parse_rfc3339(at).unwrap(),
        nonce: NONCE.to_owned(),
    }
}

pub(super) fn number(text: &str) -> Destination {
    NumberRules::new("", true).unwrap().parse(text).unwrap()
}

pub(super) fn body(text: &str) -> Body {
    Body::parse(text).unwrap()
}

/// Of our template 17, without a code at the provider.
pub(super) fn made_of(values: &[(&str, &str)]) -> MadeOf {
    let values = values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    MadeOf {
        template: "17".to_owned(),
        provider_template: None,
        values: Redacted::new(values.collect()),
    }
}

pub(super) fn outgoing<'a>(
    to: &'a Destination,
    body: &'a Body,
    made_of: Option<&'a MadeOf>,
) -> Outgoing<'a> {
    Outgoing {
        attempt: ATTEMPT,
        to,
        body,
        encoding: Encoding::Auto,
        made_of,
        validity: Duration::from_secs(300),
        flash: false,
        wants_report: true,
    }
}

pub(super) fn sought<'a>(to: &'a Destination, id: Option<&'a str>, sent_at: &str) -> Sought<'a> {
    Sought {
        attempt: ATTEMPT,
        id,
        to,
        body: None,
        sent_at: UnixMillis::parse_rfc3339(sent_at).unwrap(),
    }
}

pub(super) fn answer(status: u16, body: impl Into<String>) -> Answer {
    let body: String = body.into();
    http::Response::builder()
        .status(status)
        .body(body.into())
        .unwrap()
}

/// An answer of a provider, and what must be concluded from it.
#[derive(serde::Deserialize)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) http_status: u16,
    pub(super) body: String,
    pub(super) expect: Expect,
}

#[derive(serde::Deserialize)]
pub(super) struct Expect {
    /// `accepted`, `rejected`, `unknown` or `verified`.
    pub(super) outcome: String,
    pub(super) provider_id: Option<String>,
    pub(super) api_code: Option<u16>,
    #[serde(default)]
    pub(super) config: bool,
    pub(super) retry_after_hint: Option<u64>,
    #[serde(default)]
    pub(super) retry_same_provider: bool,
}

pub(super) fn cases(file: &str) -> Vec<Case> {
    #[derive(serde::Deserialize)]
    struct Cases {
        cases: Vec<Case>,
    }
    serde_json::from_str::<Cases>(file).unwrap().cases
}

impl Case {
    pub(super) fn answer(&self) -> Answer {
        answer(self.http_status, self.body.clone())
    }

    /// Holds a verdict against what must be concluded, and against how long is to be waited.
    #[track_caller]
    pub(super) fn assert(&self, verdict: &Verdict) {
        self.assert_outcome(verdict);
        if let Verdict::Refused(refusal) = verdict {
            let (name, expect) = (&self.name, &self.expect);
            let wait = refusal.wait.map(|wait| wait.as_secs());
            assert_eq!(wait, expect.retry_after_hint, "{name}");
            assert_eq!(wait.is_some(), expect.retry_same_provider, "{name}");
        }
    }

    /// What must be concluded, where an answer says nothing of waiting.
    #[track_caller]
    pub(super) fn assert_outcome(&self, verdict: &Verdict) {
        let (name, expect) = (&self.name, &self.expect);
        match (expect.outcome.as_str(), verdict) {
            ("accepted", Verdict::Accepted(taken)) => {
                assert_eq!(taken.ids.first(), expect.provider_id.as_ref(), "{name}");
            }
            ("unknown", Verdict::Unknown(_)) => {}
            ("rejected", Verdict::Refused(refusal)) => {
                assert_eq!(code(refusal.cause), expect.api_code, "{name}: {refusal:?}");
                let is_config = matches!(refusal.cause, Cause::Config | Cause::Clock);
                assert_eq!(is_config, expect.config, "{name}: {refusal:?}");
            }
            (expected, verdict) => panic!("{name}: {expected} expected, {verdict:?} concluded"),
        }
    }
}

fn code(cause: Cause) -> Option<u16> {
    match cause {
        Cause::Template => Some(1001),
        Cause::Number => Some(1002),
        Cause::Params => Some(1003),
        Cause::Busy | Cause::NumberLimit => Some(1004),
        Cause::Funds => Some(1005),
        Cause::OptedOut | Cause::Config | Cause::Clock | Cause::Other => None,
    }
}

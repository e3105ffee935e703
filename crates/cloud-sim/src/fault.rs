//! **Fault**: everything a provider can be told to do wrong, as it is ordered.
//!
//! A fault concerns a connection, a send, the reports of a text, or a query; each order says whom it is for and how
//! often. What each does says [`Fault::CATALOGUE`].

use serde::{Deserialize, Serialize};

use crate::account::Provider;
use tagged::tagged;

/// An order: a fault, for whom, and how often.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// None: all of them.
    #[serde(default)]
    pub provider: Option<Provider>,
    /// The last digits of the recipients it is for. None: all of them.
    #[serde(default)]
    pub to: Option<String>,
    pub fault: Fault,
    /// None: until it is cleared.
    #[serde(default)]
    pub times: Option<u32>,
}

impl Order {
    /// For every provider and recipient, until it is cleared.
    pub fn always(fault: Fault) -> Self {
        Self {
            provider: None,
            to: None,
            fault,
            times: None,
        }
    }

    /// For the next that it fits.
    pub fn once(fault: Fault) -> Self {
        Self {
            times: Some(1),
            ..Self::always(fault)
        }
    }

    #[must_use]
    pub fn by(mut self, provider: Provider) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Recipients whose digits end so.
    #[must_use]
    pub fn to(mut self, digits: &str) -> Self {
        self.to = Some(digits.to_owned());
        self
    }

    pub(crate) fn fits(&self, provider: Provider, to: &str) -> bool {
        let is_for = self.provider.is_none_or(|one| one == provider);
        let reaches = |digits: &String| to.ends_with(digits.as_str());
        is_for && self.to.as_ref().is_none_or(reaches)
    }
}

tagged! {
    /// One fault, as it is ordered: `{"kind":"slow","ms":3000}`.
    #[derive(Clone, Debug, Eq, PartialEq)]
    pub enum Fault by "kind" {
        // Connections.
        "refuse_connections" => RefuseConnections,
        "close_unread" => CloseUnread,
        // Sends.
        "refuse_with" => RefuseWith { code: String, retry_after_s: Option<u32> = None },
        "refuse" => Refuse { why: Why },
        "rate_limited" => RateLimited { retry_after_s: u32 },
        "server_error" => ServerError { status: u16, taken: bool = false },
        "bad_gateway" => BadGateway { taken: bool = false },
        "empty" => Empty { taken: bool = false },
        "garbled" => Garbled { taken: bool = false },
        "close" => Close { taken: bool = false },
        "hang" => Hang { taken: bool = false },
        "slow" => Slow { ms: u64 },
        // Reports of a text.
        "undelivered" => Undelivered { code: Option<String> = None },
        "sent_is_last" => SentIsLast,
        "report_withheld" => ReportWithheld,
        "report_twice" => ReportTwice,
        "report_backwards" => ReportBackwards,
        "report_forged" => ReportForged,
        "report_early" => ReportEarly,
        "report_late" => ReportLate { ms: u64 },
        // Queries.
        "query_finds_nothing" => QueryFindsNothing,
        "query_unavailable" => QueryUnavailable { status: u16 },
        "check_unknown" => CheckUnknown,
    }
}

/// Whose trouble a refusal is: each provider has its own code for it, some have none.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// No such number, or none that can be texted.
    Number,
    Template,
    /// The text or its values.
    Params,
    /// Too much at once, of the whole account.
    Busy,
    /// Too many to this number.
    NumberLimit,
    Funds,
    OptedOut,
    /// Sender, sign, permission, region.
    Config,
    /// Credentials and signatures.
    Credentials,
    Clock,
    /// It does not say whether it took the text.
    Unsure,
}

/// What a fault is about, and so when it is used up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    Connection,
    Send,
    Report,
    Query,
}

impl Fault {
    pub(crate) fn stage(&self) -> Stage {
        match self {
            Self::RefuseConnections | Self::CloseUnread => Stage::Connection,
            Self::RefuseWith { .. }
            | Self::Refuse { .. }
            | Self::RateLimited { .. }
            | Self::ServerError { .. }
            | Self::BadGateway { .. }
            | Self::Empty { .. }
            | Self::Garbled { .. }
            | Self::Close { .. }
            | Self::Hang { .. }
            | Self::Slow { .. } => Stage::Send,
            Self::Undelivered { .. }
            | Self::SentIsLast
            | Self::ReportWithheld
            | Self::ReportTwice
            | Self::ReportBackwards
            | Self::ReportForged
            | Self::ReportEarly
            | Self::ReportLate { .. } => Stage::Report,
            Self::QueryFindsNothing | Self::QueryUnavailable { .. } | Self::CheckUnknown => {
                Stage::Query
            }
        }
    }

    /// Whether a text that meets it is sent all the same.
    pub(crate) fn takes(&self) -> bool {
        match self {
            Self::RefuseWith { .. } | Self::Refuse { .. } | Self::RateLimited { .. } => false,
            Self::ServerError { taken, .. }
            | Self::BadGateway { taken }
            | Self::Empty { taken }
            | Self::Garbled { taken }
            | Self::Close { taken }
            | Self::Hang { taken } => *taken,
            _ => true,
        }
    }
}

/// One line of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// The order as it can be given, as JSON.
    pub example: &'static str,
    pub meaning: &'static str,
}

impl Fault {
    /// Every fault, with every parameter it takes.
    pub const CATALOGUE: &'static [Listed] = &[
        Listed {
            example: r#"{"kind":"refuse_connections"}"#,
            meaning: "connections are closed as soon as they are open, for every provider",
        },
        Listed {
            example: r#"{"kind":"close_unread"}"#,
            meaning: "the connection is closed when the head of a request was read; nothing is taken; `to` does not count",
        },
        Listed {
            example: r#"{"kind":"refuse_with","code":"21211","retry_after_s":30}"#,
            meaning: "the provider's own refusal with this code; without retry_after_s no Retry-After",
        },
        Listed {
            example: r#"{"kind":"refuse","why":"number"}"#,
            meaning: "the provider's own refusal for number, template, params, busy, number_limit, funds, opted_out, config, credentials, clock, unsure",
        },
        Listed {
            example: r#"{"kind":"rate_limited","retry_after_s":2}"#,
            meaning: "429, or the provider's own word for it, with Retry-After; not taken",
        },
        Listed {
            example: r#"{"kind":"server_error","status":500,"taken":true}"#,
            meaning: "this status; taken or not (the default)",
        },
        Listed {
            example: r#"{"kind":"bad_gateway","taken":true}"#,
            meaning: "502 with a page of HTML; taken or not",
        },
        Listed {
            example: r#"{"kind":"empty","taken":true}"#,
            meaning: "the status of success and no body; taken or not",
        },
        Listed {
            example: r#"{"kind":"garbled","taken":true}"#,
            meaning: "the status of success and half a body; taken or not",
        },
        Listed {
            example: r#"{"kind":"close","taken":true}"#,
            meaning: "the request was read whole, and the connection is closed without an answer; taken or not",
        },
        Listed {
            example: r#"{"kind":"hang","taken":true}"#,
            meaning: "no answer for ever; taken or not",
        },
        Listed {
            example: r#"{"kind":"slow","ms":3000}"#,
            meaning: "taken, and answered so much later",
        },
        Listed {
            example: r#"{"kind":"undelivered","code":"30003"}"#,
            meaning: "reported as not delivered, for this reason or the provider's usual one",
        },
        Listed {
            example: r#"{"kind":"sent_is_last"}"#,
            meaning: "the network never reports: sent, to a query too",
        },
        Listed {
            example: r#"{"kind":"report_withheld"}"#,
            meaning: "nothing is called back; a query knows",
        },
        Listed {
            example: r#"{"kind":"report_twice"}"#,
            meaning: "every report is told twice",
        },
        Listed {
            example: r#"{"kind":"report_backwards"}"#,
            meaning: "the last report first, then the one before it",
        },
        Listed {
            example: r#"{"kind":"report_forged"}"#,
            meaning: "before the true reports one that says the contrary, with a wrong signature or secret path",
        },
        Listed {
            example: r#"{"kind":"report_early"}"#,
            meaning: "all reports before the answer to the request that sent it",
        },
        Listed {
            example: r#"{"kind":"report_late","ms":60000}"#,
            meaning: "all reports so much later",
        },
        Listed {
            example: r#"{"kind":"query_finds_nothing"}"#,
            meaning: "a query is answered as if nothing had been sent",
        },
        Listed {
            example: r#"{"kind":"query_unavailable","status":503}"#,
            meaning: "a query is answered with this status",
        },
        Listed {
            example: r#"{"kind":"check_unknown"}"#,
            meaning: "dypns: a wrong code is UNKNOWN with 200, in place of isv.ValidateFail with 400",
        },
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn every_example_of_the_catalogue_is_an_order_and_none_is_left_out() {
        let mut kinds: Vec<_> = Fault::CATALOGUE
            .iter()
            .map(|listed| {
                let fault: Fault = serde_json::from_str(listed.example).unwrap();
                let again = serde_json::to_value(&fault).unwrap();
                let given: serde_json::Value = serde_json::from_str(listed.example).unwrap();
                assert_eq!(again, given);
                given["kind"].as_str().unwrap().to_owned()
            })
            .collect();
        kinds.sort();
        kinds.dedup();
        // The variants of [`Fault`].
        assert_eq!(kinds.len(), 23);
        assert!(serde_json::from_str::<Fault>(r#"{"kind":"slow","ms":1,"typo":2}"#).is_err());
    }

    #[test]
    fn every_fault_that_there_is_is_in_the_catalogue() {
        let said = why_not(r#"{"kind":"slo"}"#);
        let kinds = said.strip_prefix("unknown variant `slo`; `kind` is one of ");
        let kinds: BTreeSet<&str> = kinds.expect(&said).split(", ").collect();
        let examples = Fault::CATALOGUE.iter().map(order_of);
        let listed: Vec<Value> = examples.map(|order| order["kind"].clone()).collect();
        let listed: BTreeSet<&str> = listed.iter().filter_map(Value::as_str).collect();
        assert_eq!(kinds, listed);
    }

    fn order_of(listed: &Listed) -> Map<String, Value> {
        serde_json::from_str(listed.example).unwrap()
    }

    fn why_not(order: &str) -> String {
        serde_json::from_str::<Fault>(order)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn every_fault_of_the_catalogue_is_the_same_when_it_was_written_and_read() {
        for listed in Fault::CATALOGUE {
            let fault: Fault = serde_json::from_str(listed.example).unwrap();
            let written = serde_json::to_string(&fault).unwrap();
            assert_eq!(written, listed.example);
            assert_eq!(serde_json::from_str::<Fault>(&written).unwrap(), fault);
        }
    }

    #[test]
    fn a_parameter_of_a_wrong_type_or_of_another_fault_is_refused_with_both_their_names() {
        for listed in Fault::CATALOGUE {
            let order = order_of(listed);
            let kind = order["kind"].as_str().unwrap();
            for parameter in order.keys().filter(|key| *key != "kind") {
                let mut order = order.clone();
                order.insert(parameter.clone(), json!({ "blue": [true] }));
                let why = why_not(&json!(order).to_string());
                let both = format!("field `{parameter}` of {kind}: ");
                assert!(why.starts_with(&both), "{why}");
            }
            let mut order = order.clone();
            order.insert("colour".into(), "blue".into());
            let why = why_not(&json!(order).to_string());
            let both = format!("unknown field `colour` of {kind}, ");
            assert!(why.starts_with(&both), "{why}");
        }
    }

    #[test]
    fn a_parameter_that_is_not_given_has_a_default_or_is_missed_by_name() {
        let read = |order: &str| serde_json::from_str::<Fault>(order).unwrap();
        assert_eq!(
            read(r#"{"kind":"server_error","status":500}"#),
            Fault::ServerError {
                status: 500,
                taken: false
            }
        );
        assert_eq!(
            read(r#"{"kind":"undelivered"}"#),
            Fault::Undelivered { code: None }
        );
        for (order, why) in [
            (
                r#"{"kind":"refuse_with"}"#,
                "missing field `code` of refuse_with",
            ),
            (r#"{"kind":"refuse"}"#, "missing field `why` of refuse"),
            (
                r#"{"kind":"rate_limited"}"#,
                "missing field `retry_after_s` of rate_limited",
            ),
            (
                r#"{"kind":"server_error"}"#,
                "missing field `status` of server_error",
            ),
            (r#"{"kind":"slow"}"#, "missing field `ms` of slow"),
            (
                r#"{"kind":"report_late"}"#,
                "missing field `ms` of report_late",
            ),
            (
                r#"{"kind":"query_unavailable"}"#,
                "missing field `status` of query_unavailable",
            ),
            (r#"{"ms":1}"#, "missing field `kind`"),
            (r#"{"kind":1}"#, "`kind` must be a string"),
            (r#"["slow",1]"#, "an object with `kind` is expected"),
        ] {
            assert_eq!(why_not(order), why);
        }
    }

    #[test]
    fn an_order_is_for_whom_it_says() {
        let order = Order::once(Fault::SentIsLast)
            .by(Provider::Twilio)
            .to("123");
        assert!(order.fits(Provider::Twilio, "+15550123"));
        assert!(!order.fits(Provider::Twilio, "+15550124"));
        assert!(!order.fits(Provider::Aliyun, "+15550123"));
        assert!(Order::always(Fault::SentIsLast).fits(Provider::Aliyun, ""));
    }
}

//! What a text was made of, as it rests beside the text: JSON; of category otp the values are sealed, like the text.

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::domain::attempt::MadeOf;
use crate::domain::route::Origin;
use crate::domain::{Category, MessageId, Pepper, Redacted, Sealed};

/// The two columns of a message.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) plain: Option<String>,
    pub(super) sealed: Option<Vec<u8>>,
}

/// What a text in line was made of.
#[derive(Clone, Debug)]
pub(crate) struct StoredOrigin {
    template: String,
    provider_template: Option<String>,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    Plain(Redacted<Vec<(String, String)>>),
    Sealed(Sealed),
}

#[derive(Deserialize, Serialize)]
struct Written {
    template: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provider_template: Option<String>,
    /// Absent where they are sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<Vec<(String, String)>>,
}

pub(super) fn stored(
    made_of: &MadeOf,
    category: Category,
    id: &MessageId,
    pepper: &Pepper,
) -> Columns {
    let values = made_of.values.expose();
    let is_code = category == Category::Otp;
    let written = Written {
        template: made_of.template.clone(),
        provider_template: made_of.provider_template.clone(),
        values: (!is_code).then(|| values.clone()),
    };
    Columns {
        plain: Some(json(&written)),
        sealed: is_code.then(|| {
            let sealed = pepper.seal(&json(values), &sealed_as(id), rand::random());
            sealed.octets().to_vec()
        }),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts are always JSON")
}

/// What the seal is bound to: not the same as that of the text, so that one cannot stand in the other's place.
fn sealed_as(id: &MessageId) -> String {
    format!("{}/values", id.as_str())
}

impl StoredOrigin {
    pub(super) fn of(plain: &str, sealed: Option<Vec<u8>>) -> Result<Self, StoreError> {
        let written: Written = serde_json::from_str(plain).map_err(unreadable)?;
        Ok(Self {
            template: written.template,
            provider_template: written.provider_template,
            values: match (written.values, sealed) {
                (Some(values), _) => Values::Plain(Redacted::new(values)),
                (None, Some(sealed)) => Values::Sealed(Sealed::from_octets(sealed)),
                (None, None) => Values::Plain(Redacted::new(Vec::new())),
            },
        })
    }

    /// Without its values.
    pub(super) fn unopened(made_of: &MadeOf) -> Self {
        Self {
            template: made_of.template.clone(),
            provider_template: made_of.provider_template.clone(),
            values: Values::Plain(Redacted::new(Vec::new())),
        }
    }

    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin {
            template: &self.template,
            names_the_providers: self.provider_template.is_some(),
        }
    }

    /// # Errors
    /// When the values cannot be opened: another pepper sealed them.
    pub(crate) fn open(&self, id: &MessageId, pepper: &Pepper) -> Result<MadeOf, StoreError> {
        let values = match &self.values {
            Values::Plain(values) => values.clone(),
            Values::Sealed(sealed) => {
                let text = pepper
                    .open(sealed, &sealed_as(id))
                    .map_err(|broken| StoreError::Corrupt(broken.to_string()))?;
                Redacted::new(serde_json::from_str(&text).map_err(unreadable)?)
            }
        };
        Ok(MadeOf {
            template: self.template.clone(),
            provider_template: self.provider_template.clone(),
            values,
        })
    }
}

/// No more than that: the message would show a part of the values.
fn unreadable(_: serde_json::Error) -> StoreError {
    StoreError::Corrupt("what a message was made of cannot be read".into())
}

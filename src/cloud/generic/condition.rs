//! What an answer must be to mean something.
//!
//! Never: holds of an answer that cannot be read where it must be.

use serde_json::Value;

use crate::domain::recipe::{Condition, Says};

/// An answer as conditions see it.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) status: u16,
    pub(super) body: &'a str,
    /// `None`: it is no JSON.
    pub(super) json: Option<&'a Value>,
}

impl Condition {
    pub(super) fn holds(&self, seen: &Seen<'_>) -> bool {
        self.is_status(seen.status) && self.says.as_ref().is_none_or(|says| says.holds(seen))
    }

    pub(super) fn is_status(&self, status: u16) -> bool {
        self.status.is_empty() || self.status.iter().any(|range| range.contains(&status))
    }

    pub(super) fn pointer(&self) -> Option<&str> {
        match self.says.as_ref()? {
            Says::Equals { pointer, .. } => Some(pointer),
            Says::Fits { pointer, .. } => pointer.as_deref(),
        }
    }
}

impl Says {
    fn holds(&self, seen: &Seen<'_>) -> bool {
        let at = |pointer: &str| seen.json.and_then(|json| plain(json.pointer(pointer)?));
        match self {
            Self::Equals { pointer, value } => at(pointer).as_ref() == Some(value),
            Self::Fits {
                pointer: None,
                regex,
            } => regex.is_match(seen.body),
            Self::Fits {
                pointer: Some(pointer),
                regex,
            } => at(pointer).is_some_and(|value| regex.is_match(&value)),
        }
    }
}

/// The content of a string, or what JSON writes for a number, true or false.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

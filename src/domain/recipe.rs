//! What a config can say of a provider that the gateway does not know by itself: when an answer means something, what a
//! report is, and by which code a registered template goes.
//!
//! Whoever reads the config and whoever speaks to the provider meet here.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use regex::Regex;

use super::attempt::Fate;

/// What must hold of an answer: all that is said.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Its HTTP status is in one of these; empty: whatever it is.
    pub status: Vec<RangeInclusive<u16>>,
    pub says: Option<Says>,
}

#[derive(Clone, Debug)]
pub enum Says {
    /// At this JSON pointer (RFC 6901) is this: the content of a string, or a number, true or false as JSON writes it.
    Equals { pointer: String, value: String },
    /// What is at this pointer fits, or the whole body.
    Fits {
        pointer: Option<String>,
        regex: Regex,
    },
}

/// Where a delivery report says what. A `*` in both pointers, at the same place, stands for each of several.
#[derive(Clone, Debug)]
pub struct ReportRecipe {
    pub id_pointer: String,
    pub status_pointer: String,
    /// The provider's words in ours, one at least; others change nothing.
    pub values: BTreeMap<String, Fate>,
}

/// An entry of `template_map`; its key is the number of a template, the name of a code's profile, or `*`. At least one of
/// the three is there; the plain form `"17" = "SMS_1"` is one with a code only.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Registered {
    /// The provider's code; `None`: the template's own `providerTemplateId`.
    pub code: Option<String>,
    /// In the place of the section's.
    pub sign_name: Option<String>,
    /// Those of our variables that the registered template has, in its order; `None`: all of ours.
    pub variables: Option<Vec<String>>,
}

//! The variables that other gateways are set up with, read where the file leaves a key unset: `SMS_PRIMARY_PROVIDER`,
//! `TWILIO_ACCOUNT_SID`, `TWILIO_AUTH_TOKEN`, `TWILIO_FROM_NUMBER` or `TWILIO_PHONE_NUMBER`.
//!
//! Never: goes before the file, mixes two accounts, shows the token.

use secrecy::SecretString;
use toml::Spanned;

use super::cloud::{KindName, a_line, is_unset};
use super::desk::Desk;
use super::raw;

const PRIMARY: &str = "SMS_PRIMARY_PROVIDER";
const ACCOUNT: &str = "TWILIO_ACCOUNT_SID";
/// Its value is never shown.
pub(super) const TOKEN: &str = "TWILIO_AUTH_TOKEN";
const FROM: [&str; 2] = ["TWILIO_FROM_NUMBER", "TWILIO_PHONE_NUMBER"];

pub(super) fn is_read(variable: &str) -> bool {
    [PRIMARY, ACCOUNT, TOKEN].contains(&variable) || FROM.contains(&variable)
}

/// A section as it is written: its name and its keys.
type Written = (Spanned<String>, raw::Cloud);

impl Desk<'_> {
    /// The section that `SMS_PRIMARY_PROVIDER` asks for, if the file has none of its kind.
    pub(super) fn section_of_environment(&mut self, written: &[Written]) -> Option<Written> {
        let asked = self.sheet.variable(PRIMARY)?;
        let word = asked.get_ref().to_ascii_lowercase();
        let is_of_kind = |(_, section): &Written| {
            let kind = section.kind.as_ref();
            kind.is_some_and(|kind| *kind.get_ref() == word)
        };
        if written.iter().any(is_of_kind) {
            return None;
        }
        match KindName::parse(&word) {
            Some(KindName::Twilio) => self.twilio_section(&asked, written),
            Some(kind) => {
                let right = format!(
                    "must have a section of this kind, such as [cloud.{0}] with kind = \"{0}\"; the environment alone is enough for twilio only",
                    kind.as_str()
                );
                self.refuse(PRIMARY, asked.span(), right);
                None
            }
            None => {
                let right = "must be \"twilio\", or the kind of a section: \"aliyun\", \"tencent\", \"vonage\" or \"http\"";
                self.refuse(PRIMARY, asked.span(), right.to_owned());
                None
            }
        }
    }

    fn twilio_section(&mut self, asked: &Spanned<String>, written: &[Written]) -> Option<Written> {
        let twilio = KindName::Twilio.as_str();
        if written.iter().any(|(name, _)| name.get_ref() == twilio) {
            let right = "must not be asked for: the section [cloud.twilio] is of another kind";
            self.refuse(PRIMARY, asked.span(), right.to_owned());
            return None;
        }
        let word = || Spanned::new(asked.span(), twilio.to_owned());
        let section = raw::Cloud {
            kind: Some(word()),
            ..raw::Cloud::default()
        };
        Some((word(), section))
    }

    /// Fills what a section of kind twilio leaves unset; its token, if that is to come from here.
    pub(super) fn fill_from_environment(&mut self, raw: &mut raw::Cloud) -> Option<SecretString> {
        let account = self.sheet.variable(ACCOUNT);
        let is_of_another = |account: &Spanned<String>| {
            let written = raw
                .account
                .as_ref()
                .filter(|text| !text.get_ref().is_empty());
            written.is_some_and(|written| written.get_ref() != account.get_ref())
        };
        if account.as_ref().is_some_and(is_of_another) {
            return None;
        }
        if is_unset(&raw.account) {
            raw.account = account.or(raw.account.take());
        }
        if is_unset(&raw.from) && is_unset(&raw.messaging_service) {
            let from = FROM.into_iter().find_map(|name| self.sheet.variable(name));
            raw.from = from.or(raw.from.take());
        }
        // The token is not the secret of an API key.
        match is_unset(&raw.secret_file) && is_unset(&raw.key_file) {
            true => self.token(),
            false => None,
        }
    }

    fn token(&mut self) -> Option<SecretString> {
        let token = self.sheet.variable(TOKEN)?;
        if a_line(token.get_ref(), 256).is_none() {
            let why = "must be an AuthToken: at most 256 characters on one line".to_owned();
            self.refuse_unshown(TOKEN, token.span(), why);
        }
        Some(SecretString::from(token.into_inner()))
    }
}

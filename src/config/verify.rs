//! `[verify]`: by which rules codes are made, and what they are sent in. Every text is measured here, so that none is found
//! to be too long when somebody waits for it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;

use super::cloud::{KindName, Named, is_unset};
use super::desk::{A_LIMIT, Desk, a_limit};
use super::raw::{self, Given};
use super::values::optional;
use crate::domain::{
    Body, CodeRules, LastLine, Locale, ModemName, Profile, ProfileName, Resend, Template, Texts,
    code, wording,
};

/// Where what belongs to a text was written.
#[derive(Default)]
struct Places {
    brand: Option<Range<usize>>,
    own: BTreeMap<(ProfileName, String), Range<usize>>,
    last_lines: BTreeMap<ProfileName, (&'static str, Range<usize>)>,
}

/// What was written of texts.
#[derive(Default)]
struct Written {
    own: BTreeMap<(ProfileName, String), Template>,
    last_lines: BTreeMap<ProfileName, LastLine>,
    places: Places,
}

impl Desk<'_> {
    /// The provider that makes and checks codes; `None`: the gateway does. `clouds`: all sections of providers.
    pub(super) fn verify_cloud(
        &mut self,
        backend: Given<String>,
        cloud: Given<String>,
        clouds: &[Named],
    ) -> Option<ModemName> {
        let backend_at = backend.as_ref().map(Spanned::span);
        let words = [("local", false), ("aliyun", true)];
        let is_remote = self.word("verify.backend", backend, "local", &words);
        let is_unset = is_unset(&cloud);
        let named = |name: &str| clouds.iter().find(|one| one.name.as_str() == name);
        let right = "must be the NAME of a section [cloud.NAME] of kind aliyun that is enabled";
        let cloud = self.take("verify.cloud", cloud, None, right, |text| {
            optional(&text, |name| {
                let section = named(name)?;
                let serves = section.kind == Some(KindName::Aliyun) && section.is_enabled;
                serves.then(|| section.name.clone())
            })
        });
        if let (true, true, Some(span)) = (is_remote, is_unset, backend_at) {
            let right = "needs verify.cloud, the NAME of a section [cloud.NAME] of kind aliyun";
            self.refuse("verify.backend", span, right.to_owned());
        }
        cloud.filter(|_| is_remote)
    }

    pub(super) fn codes(&mut self, raw: raw::Verify) -> CodeRules {
        let digits = i64::from(*code::DIGITS.start())..=i64::from(*code::DIGITS.end());
        let code_length = self.number("verify.code_length", raw.code_length, 6, digits);
        let default_locale = self.take(
            "verify.default_locale",
            raw.default_locale,
            Locale::parse("zh").expect("zh is a language tag"),
            "must be a language tag, such as \"zh\" or \"pt-BR\"",
            |tag| Locale::parse(&tag),
        );
        let mut written = Written::default();
        written.places.brand = raw.brand.as_ref().map(Spanned::span);
        let brand = self.take(
            "verify.brand",
            raw.brand,
            String::new(),
            "must be a text without control characters",
            |text| (text.is_empty() || Body::parse(&text).is_ok()).then_some(text),
        );
        let sms = raw.profile.sms;
        let mut sections = [
            sms.registration,
            sms.login,
            sms.password_reset,
            sms.payment,
            sms.device_operation,
            raw.profile.otp,
            raw.profile.v1,
        ];
        let mut place = 0;
        let profiles = ProfileName::ALL.map(|name| {
            let section = std::mem::take(&mut sections[place]);
            place += 1;
            self.code_profile(name, section, &mut written)
        });
        let Written {
            own,
            last_lines,
            places,
        } = written;
        let rules = CodeRules {
            texts: Texts::new(brand, default_locale.clone(), own, last_lines),
            profiles,
            code_length,
            default_locale,
        };
        self.measure(&rules, &places);
        rules
    }

    fn code_profile(
        &mut self,
        name: ProfileName,
        raw: raw::CodeProfile,
        written: &mut Written,
    ) -> Profile {
        let usual = name.defaults();
        let key = |key: &str| format!("verify.profile.{}.{key}", name.as_str());
        self.last_line(name, raw.domain, raw.app_hash, written);
        for (tag, text) in raw.template {
            self.own_text(name, &tag, &text, written);
        }
        let words = Resend::ALL.map(|one| (one.as_str(), one));
        Profile {
            ttl: self.seconds(&key("ttl"), raw.ttl, usual.ttl.as_secs(), 30..=86_400),
            attempts: self.number(&key("attempts"), raw.attempts, usual.attempts, 1..=10),
            resend: self.word(&key("resend"), raw.resend, usual.resend.as_str(), &words),
            limits: self.list(&key("limits"), raw.limits, usual.limits, A_LIMIT, a_limit),
        }
    }

    fn last_line(
        &mut self,
        name: ProfileName,
        domain: Given<String>,
        app_hash: Given<String>,
        written: &mut Written,
    ) {
        let key = |key: &str| format!("verify.profile.{}.{key}", name.as_str());
        let domain_at = domain.as_ref().map(Spanned::span);
        let hash_at = app_hash.as_ref().map(Spanned::span);
        let right = "must be a host's name, such as \"example.com\"";
        let domain = self.take(&key("domain"), domain, None, right, |text| {
            optional(&text, LastLine::domain)
        });
        let right = "must be 11 letters, digits, + and /, as Android's SMS Retriever names the app";
        let app_hash = self.take(&key("app_hash"), app_hash, None, right, |text| {
            optional(&text, LastLine::app_hash)
        });
        if let (Some(_), Some(_), Some(span)) = (&domain, &app_hash, &hash_at) {
            let right = "must not stand beside domain: a text has one last line".to_owned();
            self.refuse(&key("app_hash"), span.clone(), right);
        }
        let line = match (domain, app_hash) {
            (Some(domain), _) => Some((domain, "domain", domain_at)),
            (None, Some(hash)) => Some((hash, "app_hash", hash_at)),
            (None, None) => None,
        };
        if let Some((line, key, Some(span))) = line {
            written.last_lines.insert(name, line);
            written.places.last_lines.insert(name, (key, span));
        }
    }

    fn own_text(
        &mut self,
        name: ProfileName,
        tag: &Spanned<String>,
        text: &Spanned<String>,
        written: &mut Written,
    ) {
        let key = format!(
            "verify.profile.{}.template.{}",
            name.as_str(),
            tag.get_ref()
        );
        let Some(locale) = Locale::parse(tag.get_ref()) else {
            let right = "must be a text by a language tag, such as template.en or template.pt-BR";
            self.refuse(&key, tag.span(), right.to_owned());
            return;
        };
        let template = Template::parse(text.get_ref(), None, LONGEST_TEXT)
            .map_err(|why| why.to_string())
            .and_then(|template| {
                let checked = wording::check(&template).map_err(|why| why.to_string());
                checked.map(|()| template)
            });
        match template {
            Ok(template) => {
                let place = (name, locale.as_str().to_owned());
                let is_built_in = name != ProfileName::Otp
                    && wording::built_in()
                        .any(|(tag, built_in)| tag == place.1 && built_in == template.content());
                if !is_built_in {
                    written.places.own.insert(place.clone(), text.span());
                    written.own.insert(place, template);
                }
            }
            Err(why) => self.refuse(&key, text.span(), why),
        }
    }

    /// Names what was written that makes a text too long: the text, the last line, else the brand.
    fn measure(&mut self, rules: &CodeRules, places: &Places) {
        let mut is_brand_refused = false;
        for name in ProfileName::ALL {
            let usual = match name {
                ProfileName::V1 => rules.default_locale.clone(),
                _ => Locale::parse("en").expect("en is a language tag"),
            };
            let misfits = rules
                .texts
                .misfits(name, rules.profile(name), rules.code_length, &usual);
            for misfit in misfits.iter().filter(|one| one.is_own) {
                if let Some(span) = places.own.get(&(name, misfit.locale.clone())) {
                    let key = format!(
                        "verify.profile.{}.template.{}",
                        name.as_str(),
                        misfit.locale
                    );
                    let right = format!(
                        "must fit one SMS with brand and last line: {}",
                        misfit.fault
                    );
                    self.refuse(&key, span.clone(), right);
                }
            }
            let Some(misfit) = misfits.iter().find(|one| !one.is_own) else {
                continue;
            };
            let right = format!(
                "must be shorter: the text of profile \"{}\" in locale \"{}\" must fit one SMS with it: {}",
                name.as_str(),
                misfit.locale,
                misfit.fault,
            );
            if misfit.needs_last_line
                && let Some((key, span)) = places.last_lines.get(&name)
            {
                let key = format!("verify.profile.{}.{key}", name.as_str());
                self.refuse(&key, span.clone(), right);
            } else if let Some(span) = &places.brand
                && !is_brand_refused
            {
                is_brand_refused = true;
                self.refuse("verify.brand", span.clone(), right);
            }
        }
    }
}

/// Characters of a template: more never fits.
const LONGEST_TEXT: usize = 500;

#[cfg(test)]
mod tests {
    use super::super::check::tests::written;
    use crate::domain::{Limit, ProfileName, Resend};
    use std::time::Duration;

    #[test]
    fn a_profile_takes_what_is_written_and_keeps_the_rest() {
        let config = written(
            "[verify]
             code_length = 8
             default_locale = 'en-GB'
             sweep_every = 5
             [verify.profile.sms.login]
             ttl = 120
             attempts = 2
             resend = 'same_code'
             limits = ['2/60']
             app_hash = 'FA+9qCX9VSu'
             [verify.profile.v1]
             domain = 'example.com'
             template.en = 'Code {{code}}'
             template.sw = 'Nambari {{code}}, dakika {{minutes}}'
             [retention]
             verifications_days = 3",
        )
        .config();
        let codes = &config.codes;
        assert_eq!(codes.code_length, 8);
        assert_eq!(codes.default_locale.as_str(), "en-gb");
        assert_eq!(config.sweep_every, Duration::from_secs(5));
        assert_eq!(
            config.retention.verifications,
            Duration::from_secs(3 * 86_400)
        );
        let login = codes.profile(ProfileName::SmsLogin);
        assert_eq!((login.ttl, login.attempts), (Duration::from_secs(120), 2));
        assert_eq!(login.resend, Resend::SameCode);
        assert_eq!(login.limits, [Limit::parse("2/60").unwrap()]);
        let others = [ProfileName::SmsPayment, ProfileName::Otp, ProfileName::V1];
        for name in others {
            assert_eq!(*codes.profile(name), name.defaults(), "{name:?}");
        }
        let text = |tag: &str| {
            let locale = crate::domain::Locale::parse(tag).unwrap();
            codes
                .texts
                .of(ProfileName::V1, &locale)
                .content()
                .to_owned()
        };
        assert_eq!(text("en"), "Code {{code}}");
        assert_eq!(text("sw-KE"), "Nambari {{code}}, dakika {{minutes}}");
        assert!(text("fr").contains("votre code"));
    }

    #[test]
    fn a_text_that_does_not_fit_one_sms_is_named_at_the_start() {
        let long = "x".repeat(150);
        for (text, expected) in [
            (
                format!("[verify.profile.v1]\ntemplate.en = '{{{{code}}}} {long} 4567'"),
                "must fit one SMS with brand and last line: the text would need 2 SMS, and a code goes in one",
            ),
            (
                "[verify]\nbrand = 'A very long name of a company from far away, '".to_owned(),
                "must be shorter: the text of profile \"sms.registration\" in locale",
            ),
            (
                "[verify.profile.v1]\ndomain = 'a-rather-long-name-of-a-host.example.com'"
                    .to_owned(),
                "must be shorter: the text of profile \"v1\" in locale",
            ),
            (
                "[verify.profile.v1]\ntemplate.en = 'no code'".to_owned(),
                "it must contain {{code}}",
            ),
            (
                "[verify.profile.v1]\ntemplate.en = '{{code}} {{name}}'".to_owned(),
                "it may contain {{code}}, {{minutes}} and {{brand}}, not {{name}}",
            ),
            (
                "[verify.profile.v1]\ntemplate.english = '{{code}}'".to_owned(),
                "must be a text by a language tag",
            ),
            (
                "[verify.profile.v1]\ndomain = 'a.b'\napp_hash = 'FA+9qCX9VSu'".to_owned(),
                "must not stand beside domain",
            ),
            (
                "[verify.profile.v1]\nresend = 'again'".to_owned(),
                r#"must be "replace" or "keep" or "same_code""#,
            ),
            (
                "[verify]\ncode_length = 3".to_owned(),
                "verify.code_length = 3: must be 4 to 10",
            ),
            (
                "[verify.profile.v1]\nlimits = ['1/m']".to_owned(),
                "must be how many in how many seconds",
            ),
        ] {
            let problems = written(&text).problems();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].contains(expected), "{problems:?}");
        }
    }
}

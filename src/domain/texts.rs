//! Which text a code is sent in: those built in ([`wording`]), those of the config, and the last line by which a phone
//! fills the code in.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use pdu_codec::ReferenceWidth;

use super::verification::{Profile, minutes};
use super::wording::{self, BRAND, CODE, MINUTES};
use super::{Body, Code, Encoding, InvalidText, Locale, Plan, ProfileName, Template, Variable};

/// A last line that is not for the person but for the phone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LastLine {
    /// WebOTP: `@example.com #123456`.
    Domain(String),
    /// Android's SMS Retriever: 11 characters that stand for the app.
    AppHash(String),
}

/// What goes into a text.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'a> {
    pub code: &'a Code,
    /// How long the code lives.
    pub life: Duration,
    pub last_line: Option<&'a LastLine>,
}

/// Texts by profile and language.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    brand: String,
    default_locale: Locale,
    /// `verify.profile.NAME.template.<locale>`, by the tag in small letters.
    own: BTreeMap<(ProfileName, String), Template>,
    last_lines: BTreeMap<ProfileName, LastLine>,
}

/// Why a text cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum TextFault {
    #[error("the text would need {parts} SMS, and a code goes in one")]
    TooLong { parts: usize },
    #[error("{0}")]
    Invalid(InvalidText),
}

/// A text that does not fit, for whoever wrote the config.
#[derive(Clone, Debug, PartialEq)]
pub struct Misfit {
    pub profile: ProfileName,
    /// A tag in small letters.
    pub locale: String,
    pub fault: TextFault,
    /// It is one of the config, not one built in.
    pub is_own: bool,
    /// Without the last line it would fit.
    pub needs_last_line: bool,
}

/// What group E sends, in every language.
pub const OTP: &str = "Your verification code is: {{code}}\n\nValid for {{minutes}} minutes.";

static BUILT_IN: LazyLock<BTreeMap<&'static str, Template>> = LazyLock::new(|| {
    wording::built_in()
        .map(|(language, text)| (language, template(text)))
        .collect()
});
static OTP_TEMPLATE: LazyLock<Template> = LazyLock::new(|| template(OTP));

fn template(text: &str) -> Template {
    Template::parse(text, None, usize::MAX).expect("the texts built in are templates")
}

impl LastLine {
    /// A host's name, as a browser knows the page by it.
    pub fn domain(text: &str) -> Option<Self> {
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
        };
        (text.len() <= 253 && text.split('.').all(is_label)).then(|| Self::Domain(text.to_owned()))
    }

    /// 11 characters of base64.
    pub fn app_hash(text: &str) -> Option<Self> {
        let is_hash = text.len() == 11
            && text
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || b"+/".contains(&octet));
        is_hash.then(|| Self::AppHash(text.to_owned()))
    }

    fn with(&self, code: &Code) -> String {
        match self {
            Self::Domain(domain) => format!("@{domain} #{}", code.expose()),
            Self::AppHash(hash) => hash.clone(),
        }
    }
}

impl Texts {
    /// `own`: by profile and tag in small letters.
    pub fn new(
        brand: String,
        default_locale: Locale,
        own: BTreeMap<(ProfileName, String), Template>,
        last_lines: BTreeMap<ProfileName, LastLine>,
    ) -> Self {
        Self {
            brand,
            default_locale,
            own,
            last_lines,
        }
    }

    /// The text of the closest language; where there is none, that of the default locale.
    pub fn of(&self, profile: ProfileName, locale: &Locale) -> &Template {
        let tags = locale.fallbacks().into_iter();
        let tags = tags.chain(self.default_locale.fallbacks());
        for tag in tags {
            if let Some(own) = self.own.get(&(profile, tag.clone())) {
                return own;
            }
            // Group E has one text, and no language is closer to it than another.
            if profile != ProfileName::Otp
                && let Some(built_in) = BUILT_IN.get(tag.as_str())
            {
                return built_in;
            }
        }
        match profile {
            ProfileName::Otp => &OTP_TEMPLATE,
            _ => &BUILT_IN["en"],
        }
    }

    /// Of a profile that has one.
    pub fn last_line(&self, profile: ProfileName) -> Option<&LastLine> {
        self.last_lines.get(&profile)
    }

    pub fn brand(&self) -> &str {
        &self.brand
    }

    /// The text as it is sent. A brand stands before a text that has no place for it.
    pub fn filled(&self, template: &Template, filling: &Filling<'_>) -> String {
        let told = minutes(filling.life).to_string();
        let value_of = |name: &Variable| match name.as_str() {
            CODE => Some(filling.code.expose()),
            MINUTES => Some(told.as_str()),
            BRAND => Some(self.brand.as_str()),
            _ => None,
        };
        let text = template
            .fill(value_of)
            .expect("a text for codes has no other variables");
        let places_brand = template.variables().iter().any(|one| one.as_str() == BRAND);
        let brand = if places_brand { "" } else { &self.brand };
        match filling.last_line {
            None => format!("{brand}{text}"),
            Some(line) => format!("{brand}{text}\n{}", line.with(filling.code)),
        }
    }

    /// Every text that would be refused when it is asked for. The last line of the profile counts for the texts that were
    /// written for it, and for that of the `usual` locale; in other languages, whoever asks is told.
    pub fn misfits(
        &self,
        name: ProfileName,
        profile: &Profile,
        code_length: u8,
        usual: &Locale,
    ) -> Vec<Misfit> {
        let code = Code::draw(code_length, || 0);
        let fault = |template: &Template, last_line| {
            let filling = Filling {
                code: &code,
                life: profile.ttl,
                last_line,
            };
            measured(&self.filled(template, &filling)).err()
        };
        let line = self.last_line(name);
        let usual = self.of(name, usual);
        self.candidates(name)
            .into_iter()
            .filter_map(|(tag, template, is_own)| {
                let bare = fault(template, None);
                let counts = is_own || std::ptr::eq(template, usual);
                let whole = line
                    .filter(|_| counts)
                    .and_then(|line| fault(template, Some(line)));
                Some(Misfit {
                    profile: name,
                    locale: tag.to_owned(),
                    fault: bare.or(whole)?,
                    is_own,
                    needs_last_line: bare.is_none(),
                })
            })
            .collect()
    }

    /// The texts that a profile may be asked for, by their tags; whether each is one of the config.
    fn candidates(&self, name: ProfileName) -> Vec<(&str, &Template, bool)> {
        let own = self.own.iter().filter(|((of, _), _)| *of == name);
        let mut candidates: Vec<_> = own
            .map(|((_, tag), template)| (tag.as_str(), template, true))
            .collect();
        if name == ProfileName::Otp {
            candidates.push(("en", &*OTP_TEMPLATE, false));
            return candidates;
        }
        let is_free = |tag: &str| self.own.keys().all(|(of, own)| *of != name || own != tag);
        let built_in = BUILT_IN.iter().filter(|(tag, _)| is_free(tag));
        candidates.extend(built_in.map(|(tag, template)| (*tag, template, false)));
        candidates
    }
}

/// The text, and what it comes to.
///
/// # Errors
/// When it is none, or does not fit one SMS.
pub fn measured(text: &str) -> Result<(Body, Plan), TextFault> {
    let body = Body::parse(text).map_err(TextFault::Invalid)?;
    let plan = body
        .plan(Encoding::Auto, ReferenceWidth::Eight)
        .expect("every text has an alphabet when it may choose");
    match plan.parts {
        1 => Ok((body, plan)),
        parts => Err(TextFault::TooLong { parts }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(tag: &str) -> Locale {
        Locale::parse(tag).unwrap()
    }

    fn texts(brand: &str, own: &[(ProfileName, &str, &str)]) -> Texts {
        let own = own
            .iter()
            .map(|(profile, tag, text)| ((*profile, (*tag).to_owned()), template(text)))
            .collect();
        Texts::new(brand.to_owned(), locale("zh"), own, BTreeMap::new())
    }

    fn filled(
        texts: &Texts,
        profile: ProfileName,
        tag: &str,
        last_line: Option<&LastLine>,
    ) -> String {
        let filling = Filling {
            code: &Code::typed("123456"),
            life: Duration::from_secs(600),
            last_line,
        };
        texts.filled(texts.of(profile, &locale(tag)), &filling)
    }

    use ProfileName::{Otp, SmsLogin, V1};

    #[test]
    fn a_text_is_found_for_the_closest_language() {
        let texts = texts(
            "",
            &[
                (V1, "zh-cn", "{{code}}（简体）"),
                (V1, "fr", "code {{code}}"),
            ],
        );
        let text = |tag: &str| filled(&texts, V1, tag, None);
        assert_eq!(text("zh-Hans-CN"), "123456（简体）");
        assert!(text("zh-TW").contains("验证码123456，10分钟"));
        assert_eq!(text("fr-CA"), "code 123456");
        assert!(
            text("en-GB").starts_with("123456 is your verification code, valid for 10 minutes.")
        );
        // Nothing of its own: the default locale's.
        assert_eq!(text("sw"), text("zh"));
        let of_login = filled(&texts, SmsLogin, "fr", None);
        assert!(of_login.contains("123456 est votre code"), "{of_login}");
    }

    #[test]
    fn group_e_has_its_own_text_whatever_the_language() {
        let usual = texts("", &[]);
        let quoted = "Your verification code is: 123456\n\nValid for 10 minutes.";
        for tag in ["en", "zh", "sw"] {
            assert_eq!(filled(&usual, Otp, tag, None), quoted);
        }
        let own = texts("", &[(Otp, "zh", "{{code}} 是验证码")]);
        assert_eq!(filled(&own, Otp, "en", None), "123456 是验证码");
    }

    #[test]
    fn a_brand_stands_before_the_text_or_where_the_text_puts_it() {
        let texts = texts(
            "Example: ",
            &[
                (V1, "en", "{{code}}"),
                (V1, "de", "{{code}} ({{brand}}Code)"),
            ],
        );
        assert_eq!(filled(&texts, V1, "en", None), "Example: 123456");
        assert_eq!(filled(&texts, V1, "de", None), "123456 (Example: Code)");
        assert!(filled(&texts, V1, "zh", None).starts_with("Example: 验证码123456"));
    }

    #[test]
    fn the_last_line_is_for_the_phone() {
        let texts = texts("", &[]);
        let domain = LastLine::domain("example.com").unwrap();
        let text = filled(&texts, V1, "en", Some(&domain));
        assert_eq!(text.lines().last(), Some("@example.com #123456"));
        let hash = LastLine::app_hash("FA+9qCX9VSu").unwrap();
        let text = filled(&texts, V1, "en", Some(&hash));
        assert_eq!(text.lines().last(), Some("FA+9qCX9VSu"));
        for wrong in [
            "",
            "exa mple",
            "a..b",
            "https://a.b",
            "a\n",
            &"a.".repeat(200),
        ] {
            assert_eq!(LastLine::domain(wrong), None, "{wrong}");
        }
        for wrong in ["", "FA+9qCX9VS", "FA+9qCX9VSu1", "FA 9qCX9VSu"] {
            assert_eq!(LastLine::app_hash(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_text_is_measured_with_the_brand_before_anybody_asks_for_it() {
        let misfits = |texts: &Texts, name: ProfileName, digits| {
            texts.misfits(name, &name.defaults(), digits, &locale("zh"))
        };
        assert_eq!(misfits(&texts("Example: ", &[]), V1, 6), []);
        for name in ProfileName::ALL {
            assert_eq!(misfits(&texts("", &[]), name, 10), [], "{name:?}");
        }
        let long = "A brand that is far too long for any text with letters that take two octets: ";
        let found = misfits(&texts(long, &[]), V1, 6);
        let locales: Vec<&str> = found.iter().map(|one| one.locale.as_str()).collect();
        assert!(
            locales.contains(&"zh") && !locales.contains(&"en"),
            "{locales:?}"
        );
        assert!(found.iter().all(|one| !one.is_own && !one.needs_last_line));
        let own = "{{code}} ".to_owned() + &"x".repeat(160);
        let expected = Misfit {
            profile: V1,
            locale: "en".into(),
            fault: TextFault::TooLong { parts: 2 },
            is_own: true,
            needs_last_line: false,
        };
        assert_eq!(misfits(&texts("", &[(V1, "en", &own)]), V1, 6), [expected]);
    }

    #[test]
    fn a_last_line_is_measured_with_the_texts_that_it_is_meant_for() {
        let line = LastLine::domain("a-host-with-a-rather-long-name.example.com").unwrap();
        let lines = BTreeMap::from([(V1, line)]);
        let own = BTreeMap::from([(
            (V1, "ru".to_owned()),
            template("{{code}} — ваш код для входа на сайт"),
        )]);
        let texts = Texts::new(String::new(), locale("zh"), own, lines);
        let found = texts.misfits(V1, &V1.defaults(), 6, &locale("zh"));
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.locale.as_str(), one.needs_last_line))
            .collect();
        // Thai and Hindi would not fit either, but nobody has said that they are asked for.
        assert_eq!(found, [("ru", true), ("zh", true)]);
    }
}

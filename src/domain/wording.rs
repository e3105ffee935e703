//! What a code is sent in: a text per language, short enough for one SMS (semantics §7).
//!
//! The code stands early, so that a phone shows it without opening the message. Each text leaves room for a brand of
//! some ten characters; with the brand that is configured it is measured at the start.

use super::template::{Template, Variable};

/// A language tag by RFC 5646, as far as it is used here: subtags of letters and digits.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Locale(String);

/// Language, text. `{{brand}}` is empty unless `verify.brand` is set.
const TEXTS: [(&str, &str); 15] = [
    (
        "zh",
        "{{brand}}验证码{{code}}，{{minutes}}分钟内有效，请勿告诉他人。",
    ),
    (
        "en",
        "{{brand}}{{code}} is your verification code, valid for {{minutes}} minutes. Do not share it.",
    ),
    (
        "es",
        "{{brand}}{{code}} es su código, válido {{minutes}} minutos. No lo comparta.",
    ),
    (
        "fr",
        "{{brand}}{{code}} est votre code de vérification, valable {{minutes}} minutes. Ne le partagez pas.",
    ),
    (
        "de",
        "{{brand}}{{code}} ist Ihr Bestätigungscode, gültig für {{minutes}} Minuten. Geben Sie ihn nicht weiter.",
    ),
    (
        "pt",
        "{{brand}}{{code}} é o seu código, válido por {{minutes}} min. Não o partilhe.",
    ),
    (
        "ja",
        "{{brand}}認証コードは{{code}}です。{{minutes}}分間有効です。他人に教えないでください。",
    ),
    (
        "ko",
        "{{brand}}인증번호는 {{code}}입니다. {{minutes}}분 동안 유효합니다. 타인에게 알려주지 마세요.",
    ),
    (
        "ru",
        "{{brand}}{{code}} — ваш код. Действует {{minutes}} мин. Никому не сообщайте.",
    ),
    (
        "ar",
        "{{brand}}{{code}} هو رمز التحقق، صالح لمدة {{minutes}} دقيقة. لا تشاركه.",
    ),
    (
        "hi",
        "{{brand}}{{code}} आपका सत्यापन कोड है, {{minutes}} मिनट तक मान्य। साझा न करें।",
    ),
    (
        "id",
        "{{brand}}{{code}} adalah kode verifikasi Anda, berlaku {{minutes}} menit. Jangan berikan kepada siapa pun.",
    ),
    (
        "vi",
        "{{brand}}{{code}} là mã xác minh, hiệu lực {{minutes}} phút. Đừng chia sẻ.",
    ),
    (
        "th",
        "{{brand}}{{code}} คือรหัสยืนยันของคุณ ใช้ได้ {{minutes}} นาที ห้ามบอกผู้อื่น",
    ),
    (
        "tr",
        "{{brand}}{{code}} doğrulama kodunuz, {{minutes}} dakika geçerli. Paylaşmayın.",
    ),
];

impl Locale {
    /// `None` when it is no language tag: `zh`, `zh-CN`, `zh-Hans-CN`, also with `_`.
    pub fn parse(tag: &str) -> Option<Self> {
        let mut subtags = tag.split(['-', '_']);
        let language = subtags.next()?;
        let is_language =
            (2..=3).contains(&language.len()) && language.bytes().all(|o| o.is_ascii_alphabetic());
        let are_subtags = subtags.all(|subtag| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|o| o.is_ascii_alphanumeric())
        });
        (is_language && are_subtags && tag.len() <= 35)
            .then(|| Self(tag.replace('_', "-").to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tags under which a text is looked for, the closest first: `zh-Hans-CN`, `zh-CN`, `zh-Hans`, `zh`.
    pub fn fallbacks(&self) -> Vec<String> {
        let subtags: Vec<&str> = self.0.split('-').collect();
        let mut tags = vec![self.0.clone()];
        let (language, last) = (subtags[0], subtags[subtags.len() - 1]);
        if subtags.len() > 2 {
            tags.push(format!("{language}-{last}"));
        }
        for length in (1..subtags.len()).rev() {
            let shorter = subtags[..length].join("-");
            if !tags.contains(&shorter) {
                tags.push(shorter);
            }
        }
        tags
    }
}

/// Languages that a text is built in for.
pub fn built_in() -> impl Iterator<Item = (&'static str, &'static str)> {
    TEXTS.into_iter()
}

/// What a text for codes must have, and may.
pub const CODE: &str = "code";
pub const MINUTES: &str = "minutes";
pub const BRAND: &str = "brand";

/// Why a template is none for codes.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NoCodeText {
    #[error("it must contain {{{{code}}}}")]
    NoCode,
    #[error("it may contain {{{{code}}}}, {{{{minutes}}}} and {{{{brand}}}}, not {{{{{0}}}}}")]
    Unknown(Variable),
}

/// # Errors
/// When it has no place for the code, or one for something that nobody gives.
pub fn check(template: &Template) -> Result<(), NoCodeText> {
    let known = [CODE, MINUTES, BRAND];
    let mut variables = template.variables().iter();
    if let Some(unknown) = variables.find(|name| !known.contains(&name.as_str())) {
        return Err(NoCodeText::Unknown(unknown.clone()));
    }
    let has_code = template
        .variables()
        .iter()
        .any(|name| name.as_str() == CODE);
    has_code.then_some(()).ok_or(NoCodeText::NoCode)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Body, Encoding};
    use pdu_codec::ReferenceWidth;

    fn filled(text: &str, code: &str, minutes: &str, brand: &str) -> String {
        let template = Template::parse(text, None, 500).unwrap();
        check(&template).unwrap();
        let values = [(CODE, code), (MINUTES, minutes), (BRAND, brand)];
        let value_of = |name: &Variable| {
            let found = values.iter().find(|(known, _)| *known == name.as_str());
            found.map(|(_, value)| *value)
        };
        template.fill(value_of).unwrap()
    }

    #[test]
    fn every_built_in_text_fits_one_sms_with_a_brand() {
        assert_eq!(built_in().count(), 15);
        for (language, text) in built_in() {
            let text = filled(text, "123456", "15", "Example: ");
            let plan = Body::parse(&text)
                .unwrap()
                .plan(Encoding::Auto, ReferenceWidth::Eight)
                .unwrap();
            assert_eq!(plan.parts, 1, "{language}: {text}");
            assert!(text.starts_with("Example: ") && text.contains("123456"));
            let at = text.chars().position(|c| c == '1').unwrap();
            assert!(at <= 20, "{language}: the code stands late");
        }
    }

    #[test]
    fn a_text_is_found_for_the_closest_tag() {
        let tags = |tag: &str| Locale::parse(tag).unwrap().fallbacks();
        assert_eq!(tags("zh-Hans-CN"), ["zh-hans-cn", "zh-cn", "zh-hans", "zh"]);
        assert_eq!(tags("pt_BR"), ["pt-br", "pt"]);
        assert_eq!(tags("en"), ["en"]);
        for wrong in ["", "x", "english", "en-", "en us", "en-\u{fc}", "{{code}}"] {
            assert_eq!(Locale::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_text_for_codes_has_a_code_and_nothing_that_nobody_gives() {
        let checked = |text: &str| check(&Template::parse(text, None, 500).unwrap());
        assert_eq!(checked("{{code}}"), Ok(()));
        assert_eq!(checked("{{minutes}}"), Err(NoCodeText::NoCode));
        let name = Variable::parse("name").unwrap();
        assert_eq!(checked("{{code}} {{name}}"), Err(NoCodeText::Unknown(name)));
    }
}

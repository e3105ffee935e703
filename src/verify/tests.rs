//! Codes by the rules of their profiles, on a real store.

use super::*;
use crate::domain::texts::TextFault;
use crate::domain::{Encoding, Pepper, Texts, UnixMillis, wording};
use crate::store::{MessageView, SentCode, StoredText};

const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

struct House {
    codes: Codes,
    store: Store,
    _folder: tempfile::TempDir,
}

fn house(brand: &str) -> House {
    let folder = tempfile::tempdir().unwrap();
    let pepper = Pepper::new(&[7; 32]);
    let (store, _) = Store::open(&folder.path().join("cellpost.db"), pepper).unwrap();
    let zh = Locale::parse("zh").unwrap();
    let rules = CodeRules {
        profiles: ProfileName::ALL.map(ProfileName::defaults),
        code_length: 6,
        default_locale: zh.clone(),
        texts: Texts::new(brand.to_owned(), zh, BTreeMap::new(), BTreeMap::new()),
    };
    House {
        codes: Codes::new(
            store.clone(),
            Arc::new(rules),
            Providers::default(),
            Clock::new(|| NOW),
        ),
        store,
        _folder: folder,
    }
}

fn nothing_beside() -> Beside {
    Beside {
        counts: Counts::default(),
        conversion: Conversion {
            block_max: 15,
            min: 0.2,
            auto_block: false,
        },
        payer: None,
    }
}

fn wish(number: usize, profile: ProfileName, locale: &str) -> Wish {
    Wish {
        app: "default".into(),
        to: Destination::stored(&format!("+8613{number:09}")).unwrap(),
        to_raw: String::new(),
        purpose: Purpose::Login,
        profile,
        locale: Locale::parse(locale).unwrap(),
        code_length: None,
        ttl: None,
        attempts: None,
        template: None,
        last_line: None,
        client_ref: None,
        rate_keys: BTreeMap::new(),
        crowd: Some(Crowd::ANYBODY),
    }
}

impl House {
    async fn sends(&self, wish: Wish) -> SentCode {
        let ready = self.codes.begin(wish, nothing_beside()).unwrap();
        match self.codes.send(ready, None).await.unwrap() {
            CodeSent::Done(sent) => *sent,
            other => panic!("{other:?}"),
        }
    }

    /// The text as it will be handed to a modem.
    async fn text(&self, message: &MessageView) -> String {
        let spared = crate::store::Contacts::Spared;
        let line = self.store.line(1000, spared).await.unwrap().front;
        let found = line.into_iter().find(|one| one.id == message.id).unwrap();
        let StoredText::Sealed(sealed) = found.text else {
            panic!("it waits in the clear");
        };
        let id = found.id.as_str();
        self.store.pepper().open(&sealed, id).unwrap()
    }
}

#[tokio::test]
async fn every_language_of_every_profile_is_one_sms() {
    let house = house("Example: ");
    let mut number = 0;
    for profile in ProfileName::ALL {
        for (language, _) in wording::built_in() {
            // Each in a block of its own, and none twice.
            number += 1000;
            let sent = house.sends(wish(number, profile, language)).await;
            assert_eq!(sent.message.parts, 1, "{profile:?} {language}");
            let text = house.text(&sent.message).await;
            let units = match sent.message.encoding {
                Encoding::Ucs2 => text.encode_utf16().count() <= 70,
                _ => text.chars().count() <= 160,
            };
            assert!(units, "{profile:?} {language}: {text}");
            assert!(text.starts_with("Example: "), "{text}");
        }
    }
}

#[tokio::test]
async fn a_wish_that_does_not_fit_one_sms_is_refused_before_anything_is_written() {
    let house = house("");
    let long = LastLine::domain("a-host-with-a-rather-long-name.example.com").unwrap();
    let asked = Wish {
        last_line: Some(long),
        ..wish(1, ProfileName::V1, "ru")
    };
    let refused = house.codes.begin(asked, nothing_beside()).err();
    assert_eq!(refused, Some(TextFault::TooLong { parts: 2 }));
    let line = house.store.line(9, crate::store::Contacts::Spared).await;
    assert!(line.unwrap().front.is_empty());
}

#[tokio::test]
async fn codes_are_drawn_anew_each_time_and_have_all_their_digits() {
    let house = house("");
    let mut seen = std::collections::HashSet::new();
    for number in 1..=50 {
        let asked = Wish {
            code_length: Some(10),
            ..wish(number * 1000, ProfileName::V1, "en")
        };
        let sent = house.sends(asked).await;
        let text = house.text(&sent.message).await;
        let code = text.split(' ').next().unwrap().to_owned();
        assert!(
            code.len() == 10 && code.bytes().all(|octet| octet.is_ascii_digit()),
            "{text}"
        );
        assert!(seen.insert(code), "drawn twice in fifty");
    }
}

#[tokio::test]
async fn a_code_for_one_profile_or_purpose_does_not_stand_in_the_way_of_another() {
    let house = house("");
    let of = |profile, purpose| Wish {
        purpose,
        ..wish(1, profile, "en")
    };
    for (profile, purpose) in [
        (ProfileName::V1, Purpose::Login),
        (ProfileName::V1, Purpose::Payment),
        (ProfileName::SmsLogin, Purpose::Login),
    ] {
        house.sends(of(profile, purpose)).await;
    }
    let again = house
        .codes
        .begin(of(ProfileName::V1, Purpose::Login), nothing_beside())
        .unwrap();
    let refused = house.codes.send(again, None).await.unwrap();
    assert!(matches!(refused, CodeSent::Limited(wait) if wait == Duration::from_secs(60)));
}

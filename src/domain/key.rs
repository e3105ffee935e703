//! Keys of callers: what each may do, in which name space, from where and until when (http-api.md §0.1).
//!
//! The key itself is shown once, when it is made; what is kept of it is its SHA-256.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::UnixMillis;
use super::id::uuid_v7;

/// SHA-256 of a key: what is kept of it.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct KeyHash(pub [u8; 32]);

/// `key_` + UUIDv7.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct KeyId(Arc<str>);

/// The name space of what a key makes: 1 to 64 letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct App(Arc<str>);

/// A key as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    pub id: KeyId,
    pub hash: KeyHash,
    /// For people.
    pub name: String,
    pub app: App,
    pub scopes: Vec<Scope>,
    /// Where it may be used from; empty: anywhere.
    pub cidrs: Vec<IpNet>,
    /// Messages left; `None`: any number.
    pub credit: Option<i64>,
    pub enabled: bool,
    pub created_at: UnixMillis,
    pub expires_at: Option<UnixMillis>,
}

/// One thing that a key may do.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Scope {
    MessagesSend,
    MessagesRead,
    TemplatesRead,
    TemplatesWrite,
    Verify,
    InboxRead,
    InboxWrite,
    ModemsRead,
    ModemsWrite,
    RoutesWrite,
    StatsRead,
    Webhooks,
    Events,
    Privacy,
    Accounts,
    /// Everything, in all apps.
    Admin,
}

impl Scope {
    pub const ALL: [Self; 16] = [
        Self::MessagesSend,
        Self::MessagesRead,
        Self::TemplatesRead,
        Self::TemplatesWrite,
        Self::Verify,
        Self::InboxRead,
        Self::InboxWrite,
        Self::ModemsRead,
        Self::ModemsWrite,
        Self::RoutesWrite,
        Self::StatsRead,
        Self::Webhooks,
        Self::Events,
        Self::Privacy,
        Self::Accounts,
        Self::Admin,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::MessagesSend => "messages:send",
            Self::MessagesRead => "messages:read",
            Self::TemplatesRead => "templates:read",
            Self::TemplatesWrite => "templates:write",
            Self::Verify => "verify",
            Self::InboxRead => "inbox:read",
            Self::InboxWrite => "inbox:write",
            Self::ModemsRead => "modems:read",
            Self::ModemsWrite => "modems:write",
            Self::RoutesWrite => "routes:write",
            Self::StatsRead => "stats:read",
            Self::Webhooks => "webhooks",
            Self::Events => "events",
            Self::Privacy => "privacy",
            Self::Accounts => "accounts",
            Self::Admin => "admin",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

impl Key {
    /// Whether it opens anything at this time.
    pub fn is_live(&self, now: UnixMillis) -> bool {
        self.enabled && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether it may be used from this address. A network written as `::ffff:10.0.0.0/104` means `10.0.0.0/8`.
    pub fn may_come_from(&self, address: Option<IpAddr>) -> bool {
        self.cidrs.is_empty() || address.is_some_and(|address| is_in(&self.cidrs, address))
    }
}

/// Whether one of the networks holds the address, IPv4 in IPv6 or not.
pub fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|net| match (net, address) {
        (IpNet::V6(v6), IpAddr::V4(v4)) => v6.contains(&v4.to_ipv6_mapped()),
        _ => net.contains(&address),
    })
}

impl KeyHash {
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Takes the same time whatever differs.
    pub fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

impl KeyId {
    /// `random`: what tells it from others of the same millisecond.
    pub fn new(at: UnixMillis, random: [u8; 10]) -> Self {
        Self(format!("key_{}", uuid_v7(at, random)).into())
    }

    /// Reads what a caller sent as an id; `None` for what can never have been one.
    pub fn parse(raw: &str) -> Option<Self> {
        let plausible = raw.len() == 40
            && raw.strip_prefix("key_").is_some_and(|uuid| {
                uuid.bytes()
                    .all(|octet| octet.is_ascii_hexdigit() || octet == b'-')
            });
        plausible.then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl App {
    /// That of the admin key, of callers without a key, and of keys made without one.
    pub const USUAL: &str = "default";

    pub fn usual() -> Self {
        Self(Self::USUAL.into())
    }

    pub fn parse(raw: &str) -> Option<Self> {
        let fits = (1..=64).contains(&raw.len())
            && raw
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
        fits.then(|| Self(raw.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key {
            id: KeyId::new(UnixMillis(1_700_000_000_000), [7; 10]),
            hash: KeyHash::of("sk_1"),
            name: "shop".into(),
            app: App::parse("default").unwrap(),
            scopes: vec![Scope::MessagesSend],
            cidrs: Vec::new(),
            credit: None,
            enabled: true,
            created_at: UnixMillis(1_700_000_000_000),
            expires_at: None,
        }
    }

    #[test]
    fn a_key_lives_while_it_is_enabled_and_not_over() {
        let now = UnixMillis(1_700_000_000_000);
        assert!(key().is_live(now));
        let off = Key {
            enabled: false,
            ..key()
        };
        assert!(!off.is_live(now));
        let ending = |at| Key {
            expires_at: Some(UnixMillis(at)),
            ..key()
        };
        assert!(ending(1_700_000_000_001).is_live(now));
        // Exclusive, as every end.
        assert!(!ending(1_700_000_000_000).is_live(now));
    }

    #[test]
    fn a_key_may_be_used_from_its_networks_only() {
        let office = Key {
            cidrs: vec![
                "10.1.0.0/16".parse().unwrap(),
                "2001:db8::/32".parse().unwrap(),
            ],
            ..key()
        };
        for (address, may) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("2001:db8::1", true),
            ("::1", false),
        ] {
            let address = address.parse().ok();
            assert_eq!(office.may_come_from(address), may, "{address:?}");
        }
        assert!(!office.may_come_from(None));
        assert!(key().may_come_from(None));
    }

    #[test]
    fn a_key_does_not_show_its_hash() {
        assert_eq!(format!("{:?}", KeyHash::of("sk_1")), "KeyHash(…)");
        assert!(KeyHash::of("sk_1").is(&KeyHash::of("sk_1")));
        assert!(!KeyHash::of("sk_1").is(&KeyHash::of("sk_2")));
    }

    #[test]
    fn every_word_and_id_is_read_back() {
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
        let id = key().id;
        assert_eq!(KeyId::parse(id.as_str()), Some(id));
        for wrong in ["", "key_", "ver_018bcfe5-6800-7000-8000-000000000000"] {
            assert_eq!(KeyId::parse(wrong), None, "{wrong}");
        }
        for wrong in ["", "a b", "ü", &"a".repeat(65)] {
            assert_eq!(App::parse(wrong), None, "{wrong}");
        }
    }
}

//! Who asks: a key, or a caller of this host who needs none (http-api.md §0.1).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri, header};
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::error::ApiError;
use super::{Gate, cors};

/// SHA-256 of a key: what is kept of it.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(crate) struct KeyHash([u8; 32]);

/// The other end of the connection, and the listener that it came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) listener: SocketAddr,
}

/// Who asks, and what they may do.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) app: String,
    pub(super) who: Who,
    /// Of a caller without a key, by which all of them are counted: where they came in.
    pub(super) listener: Option<String>,
    scopes: Scopes,
}

/// A caller whose key has requests left for this second.
#[derive(Clone, Debug)]
pub(super) struct Admitted(pub(super) Caller);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Who {
    Key(KeyHash),
    Anonymous(IpAddr),
}

#[derive(Clone, Debug)]
enum Scopes {
    /// Everything, in all apps.
    Admin,
    These(Vec<Scope>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scope {
    MessagesSend,
    MessagesRead,
    ModemsRead,
    InboxRead,
    ModemsWrite,
    StatsRead,
    RoutesWrite,
    TemplatesRead,
    TemplatesWrite,
    Verify,
}

/// The only app of callers without a key.
const DEFAULT_APP: &str = "default";

impl KeyHash {
    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Takes the same time whatever differs.
    fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    pub(super) fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(…)")
    }
}

impl Caller {
    /// # Errors
    /// `forbidden` when the scope is not among the caller's.
    pub(super) fn may(&self, scope: Scope) -> Result<(), ApiError> {
        let has = match &self.scopes {
            Scopes::Admin => true,
            Scopes::These(scopes) => scopes.contains(&scope),
        };
        has.then_some(()).ok_or(ApiError::Forbidden(match scope {
            Scope::MessagesSend => "this needs the scope messages:send",
            Scope::MessagesRead => "this needs the scope messages:read",
            Scope::ModemsRead => "this needs the scope modems:read",
            Scope::InboxRead => "this needs the scope inbox:read",
            Scope::ModemsWrite => "this needs the scope modems:write",
            Scope::TemplatesRead => "this needs the scope templates:read",
            Scope::TemplatesWrite => "this needs the scope templates:write",
            Scope::Verify => "this needs the scope verify",
            Scope::StatsRead => "this needs the scope stats:read",
            Scope::RoutesWrite => "this needs the scope routes:write",
        }))
    }

    /// Whose messages the caller sees; `None`: everybody's.
    pub(super) fn sees(&self) -> Option<String> {
        match self.scopes {
            Scopes::Admin => None,
            Scopes::These(_) => Some(self.app.clone()),
        }
    }

    fn admin(key: KeyHash) -> Self {
        Self {
            app: DEFAULT_APP.into(),
            who: Who::Key(key),
            listener: None,
            scopes: Scopes::Admin,
        }
    }

    fn anonymous(address: IpAddr, listener: SocketAddr, scopes: &[String]) -> Self {
        let given = |scope: &String| match scope.as_str() {
            "messages:send" => Some(Scope::MessagesSend),
            "verify" => Some(Scope::Verify),
            _ => None,
        };
        Self {
            app: DEFAULT_APP.into(),
            who: Who::Anonymous(address),
            listener: Some(listener.to_string()),
            scopes: Scopes::These(scopes.iter().filter_map(given).collect()),
        }
    }
}

impl FromRequestParts<Gate> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, ApiError> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return bearer(&parts.headers)
                .map(KeyHash::of)
                .filter(|key| key.is(&gate.0.parts.admin_key))
                .map(Self::admin)
                .ok_or(ApiError::Unauthorized("the key is not known"));
        }
        let path = parts.uri.path();
        let is_open = path.starts_with("/sms/") || path.starts_with("/api/otp/");
        if !is_open && path != "/version" {
            return Err(ApiError::Unauthorized(
                "a key is needed: Authorization: Bearer <key>",
            ));
        }
        let config = gate.config();
        let (address, listener) = anonymous_address(
            parts,
            &config.auth.anonymous_cidrs,
            &config.server.cors_origins,
        )
        .map_err(ApiError::Unauthorized)?;
        let scopes = &config.auth.anonymous_scopes;
        Ok(Self::anonymous(address, listener, scopes))
    }
}

impl FromRequestParts<Gate> for Admitted {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, gate).await?;
        gate.admit(&caller)?;
        Ok(Self(caller))
    }
}

impl Gate {
    /// Counts the request against the limit of its key.
    pub(super) fn admit(&self, caller: &Caller) -> Result<(), ApiError> {
        match caller.who {
            Who::Key(key) => self
                .0
                .buckets
                .take(key)
                .map_err(|wait| ApiError::TooManyRequests { wait }),
            Who::Anonymous(_) => Ok(()),
        }
    }
}

/// The key of the one `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let value = given.next()?.to_str().ok()?;
    if given.next().is_some() {
        return None;
    }
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
}

/// Whatever a proxy adds: behind one, everybody has the proxy's address.
const ADDED_BY_PROXIES: [HeaderName; 4] = [
    header::FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-real-ip"),
    header::VIA,
];
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The address of a caller who needs no key and the listener it came to, or why this one does.
fn anonymous_address(
    request: &Parts,
    cidrs: &[IpNet],
    origins: &[String],
) -> Result<(IpAddr, SocketAddr), &'static str> {
    let headers = &request.headers;
    let all = |name: HeaderName| headers.get_all(name).into_iter();
    if ADDED_BY_PROXIES
        .iter()
        .any(|name| headers.contains_key(name))
    {
        return Err("a key is needed: the request came through a proxy");
    }
    // A page that somebody has open in a browser on this host is not somebody on this host.
    if !all(header::ORIGIN).all(|origin| cors::is_listed(origin, origins)) {
        return Err("a key is needed: the Origin is not in server.cors_origins");
    }
    if !all(SEC_FETCH_SITE).all(|site| site == "none" || site == "same-origin") {
        return Err("a key is needed: the request came from another site's page");
    }
    // A name that an attacker lets resolve to 127.0.0.1 is none of ours.
    let is_ours = |host: &http::HeaderValue| host.to_str().is_ok_and(is_loopback_host);
    if !all(header::HOST).all(is_ours) || !is_loopback_uri(&request.uri) {
        return Err("a key is needed: the Host is not a loopback name or address");
    }
    let peer = request.extensions.get::<Peer>();
    let came = peer.map(|peer| (peer.address.ip().to_canonical(), peer.listener));
    came.filter(|(address, _)| cidrs.iter().any(|net| contains(net, *address)))
        .ok_or("a key is needed from this address")
}

fn contains(net: &IpNet, address: IpAddr) -> bool {
    // A network written as ::ffff:127.0.0.0/104 means the same as 127.0.0.0/8.
    match (net, address) {
        (IpNet::V6(v6), IpAddr::V4(v4)) => v6.contains(&v4.to_ipv6_mapped()),
        _ => net.contains(&address),
    }
}

/// The authority of HTTP/2, or of an absolute target; most HTTP/1 requests have none.
fn is_loopback_uri(uri: &Uri) -> bool {
    uri.authority()
        .is_none_or(|authority| is_loopback_host(authority.as_str()))
}

/// `localhost`, `127.0.0.0/8` or `[::1]`, with or without a port.
fn is_loopback_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, "")) => (name, None),
            Some((name, port)) => (name, port.strip_prefix(':').or(Some("?"))),
            None => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    if port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return false;
    }
    let bracketed = host.starts_with('[');
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_ipv6() == bracketed && address.to_canonical().is_loopback(),
        Err(_) => !bracketed && name.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_ours_only_when_it_is_a_loopback_name_or_address() {
        for host in [
            "localhost",
            "LOCALHOST:30006",
            "127.0.0.1",
            "127.8.9.10:1",
            "[::1]",
            "[::1]:30006",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback_host(host), "{host}");
        }
        for host in [
            "",
            "example.com",
            "localhost.example.com",
            "localhost:evil",
            "user@localhost",
            "127.0.0.1.example.com",
            "10.0.0.1",
            "::1",
            "[::1",
            "[::1]x",
            "[localhost]",
            "[127.0.0.1]",
            "0.0.0.0",
            "2130706433",
            "localhost:99999",
        ] {
            assert!(!is_loopback_host(host), "{host}");
        }
    }

    #[test]
    fn only_a_single_bearer_token_is_a_key() {
        let key = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().unwrap());
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(key(&["Bearer sk_1"]).as_deref(), Some("sk_1"));
        assert_eq!(key(&["bearer  sk_1"]).as_deref(), Some("sk_1"));
        for values in [
            &["Basic sk_1"][..],
            &["sk_1"],
            &["Bearer"],
            &[""],
            &["Bearer sk_1", "Bearer sk_1"],
            &[],
        ] {
            assert_eq!(key(values), None, "{values:?}");
        }
    }

    #[test]
    fn a_key_does_not_show_its_hash() {
        assert_eq!(format!("{:?}", KeyHash::of("sk_1")), "KeyHash(…)");
        assert!(KeyHash::of("sk_1").is(&KeyHash::of("sk_1")));
        assert!(!KeyHash::of("sk_1").is(&KeyHash::of("sk_2")));
    }
}

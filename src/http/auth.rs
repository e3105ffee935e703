//! Who asks: a key, or a caller of this host who needs none (http-api.md §0.1).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName, Uri, header};
use ipnet::IpNet;

use super::error::ApiError;
use super::{Gate, cors};
pub(super) use crate::domain::Scope;
use crate::domain::key::is_in;
use crate::domain::{App, Key, KeyHash, KeyId};

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
    /// The key, unless it is the admin key or nobody's.
    key: Option<Arc<Key>>,
    /// Where they are; `None`: what a proxy said of it cannot be read.
    address: Option<IpAddr>,
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

impl Caller {
    /// # Errors
    /// `forbidden` when the scope is not among the caller's.
    pub(super) fn may(&self, scope: Scope) -> Result<(), ApiError> {
        let has = match &self.scopes {
            Scopes::Admin => true,
            Scopes::These(scopes) => scopes.contains(&scope),
        };
        has.then_some(()).ok_or(ApiError::Forbidden(needed(scope)))
    }

    /// Whose messages the caller sees; `None`: everybody's.
    pub(super) fn sees(&self) -> Option<String> {
        match self.scopes {
            Scopes::Admin => None,
            Scopes::These(_) => Some(self.app.clone()),
        }
    }

    /// The key whose credit pays for what this caller sends.
    pub(super) fn payer(&self) -> Option<KeyId> {
        let key = self.key.as_deref()?;
        key.credit.map(|_| key.id.clone())
    }

    /// What the record knows the caller by.
    pub(super) fn name(&self) -> &str {
        match (&self.key, self.who) {
            (Some(key), _) => key.id.as_str(),
            (None, Who::Key(_)) => "admin",
            (None, Who::Anonymous(_)) => "anonymous",
        }
    }

    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    fn admin(hash: KeyHash, address: Option<IpAddr>) -> Self {
        Self {
            app: App::USUAL.into(),
            who: Who::Key(hash),
            listener: None,
            scopes: Scopes::Admin,
            key: None,
            address,
        }
    }

    fn with_key(key: Arc<Key>, address: Option<IpAddr>) -> Self {
        Self {
            app: key.app.as_str().into(),
            who: Who::Key(key.hash),
            listener: None,
            scopes: match key.scopes.contains(&Scope::Admin) {
                true => Scopes::Admin,
                false => Scopes::These(key.scopes.clone()),
            },
            key: Some(key),
            address,
        }
    }

    fn anonymous(address: IpAddr, listener: SocketAddr, scopes: &[String]) -> Self {
        let scopes = scopes.iter().filter_map(|word| Scope::parse(word));
        Self {
            app: App::USUAL.into(),
            who: Who::Anonymous(address),
            scopes: Scopes::These(scopes.collect()),
            key: None,
            address: Some(address),
            listener: Some(listener.to_string()),
        }
    }
}

fn needed(scope: Scope) -> &'static str {
    match scope {
        Scope::MessagesSend => "this needs the scope messages:send",
        Scope::MessagesRead => "this needs the scope messages:read",
        Scope::TemplatesRead => "this needs the scope templates:read",
        Scope::TemplatesWrite => "this needs the scope templates:write",
        Scope::Verify => "this needs the scope verify",
        Scope::InboxRead => "this needs the scope inbox:read",
        Scope::InboxWrite => "this needs the scope inbox:write",
        Scope::ModemsRead => "this needs the scope modems:read",
        Scope::ModemsWrite => "this needs the scope modems:write",
        Scope::RoutesWrite => "this needs the scope routes:write",
        Scope::StatsRead => "this needs the scope stats:read",
        Scope::Webhooks => "this needs the scope webhooks",
        Scope::Events => "this needs the scope events",
        Scope::Privacy => "this needs the scope privacy",
        Scope::Accounts => "this needs the scope accounts",
        Scope::Admin => "this needs the scope admin",
    }
}

impl FromRequestParts<Gate> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, ApiError> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            return gate.holder(parts);
        }
        let path = parts.uri.path();
        let is_open = path.starts_with("/sms/") || path.starts_with("/api/otp/");
        if !is_open && path != "/version" {
            return Err(ApiError::Unauthorized(
                "a key is needed: Authorization: Bearer <key>",
            ));
        }
        let terms = gate.terms();
        let (address, listener) = anonymous_address(
            parts,
            &terms.anonymous_cidrs,
            &gate.config().server.cors_origins,
        )
        .map_err(ApiError::Unauthorized)?;
        let scopes = &terms.anonymous_scopes;
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
    /// Who holds the key that the request shows.
    fn holder(&self, parts: &Parts) -> Result<Caller, ApiError> {
        const UNKNOWN: ApiError = ApiError::Unauthorized("the key is not known");
        let hash = bearer(&parts.headers).map(KeyHash::of).ok_or(UNKNOWN)?;
        let address = client_address(parts, &self.config().server.trusted_proxies);
        if hash.is(&self.0.parts.admin_key) {
            return Ok(Caller::admin(hash, address));
        }
        // What an expired or a revoked key once was is nobody's business.
        let key = self.keyring().find(&hash, self.now()).ok_or(UNKNOWN)?;
        match key.may_come_from(address) {
            true => Ok(Caller::with_key(key, address)),
            false => Err(ApiError::Forbidden(
                "this key may not be used from this address",
            )),
        }
    }

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

/// Where a caller is: the other end of the connection, or, when that is a proxy of ours, the right-most address in
/// `X-Forwarded-For` that is none of ours.
fn client_address(parts: &Parts, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = parts.extensions.get::<Peer>()?;
    let peer = peer.address.ip().to_canonical();
    if !is_in(trusted, peer) {
        return Some(peer);
    }
    let hops = parts.headers.get_all(X_FORWARDED_FOR).into_iter();
    let mut hops: Vec<&str> = hops
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .filter(|hop| !hop.is_empty())
        .collect();
    let mut client = Some(peer);
    while let Some(hop) = hops.pop() {
        client = hop_address(hop);
        if !client.is_some_and(|address| is_in(trusted, address)) {
            break;
        }
    }
    client
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop.parse::<IpAddr>().ok();
    let with_port = || hop.parse::<SocketAddr>().ok().map(|hop| hop.ip());
    let bracketed = || hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = bare.or_else(with_port).or_else(bracketed);
    address.map(|address| address.to_canonical())
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
    X_FORWARDED_FOR,
    HeaderName::from_static("x-real-ip"),
    header::VIA,
];
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
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
    came.filter(|(address, _)| is_in(cidrs, *address))
        .ok_or("a key is needed from this address")
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
    fn behind_proxies_of_ours_the_client_is_the_last_that_is_none_of_them() {
        let trusted: Vec<IpNet> = ["10.0.0.0/8", "2001:db8::/32"]
            .iter()
            .map(|net| net.parse().unwrap())
            .collect();
        let seen = |peer: &str, hops: &[&str]| {
            let mut request = http::Request::new(());
            for hop in hops {
                request
                    .headers_mut()
                    .append(X_FORWARDED_FOR, hop.parse().unwrap());
            }
            request.extensions_mut().insert(Peer {
                address: peer.parse().unwrap(),
                listener: "127.0.0.1:30006".parse().unwrap(),
            });
            let address = client_address(&request.into_parts().0, &trusted);
            address.map(|address| address.to_string())
        };
        for (peer, hops, client) in [
            ("192.0.2.1:1", &[][..], Some("192.0.2.1")),
            // Whoever is no proxy of ours may write what they like.
            ("192.0.2.1:1", &["198.51.100.7"], Some("192.0.2.1")),
            ("10.0.0.1:1", &[], Some("10.0.0.1")),
            ("10.0.0.1:1", &["198.51.100.7"], Some("198.51.100.7")),
            (
                "[::ffff:10.0.0.1]:1",
                &["198.51.100.7"],
                Some("198.51.100.7"),
            ),
            (
                "10.0.0.1:1",
                &["203.0.113.9, 198.51.100.7, 10.0.0.2"],
                Some("198.51.100.7"),
            ),
            (
                "10.0.0.1:1",
                &["203.0.113.9", "198.51.100.7"],
                Some("198.51.100.7"),
            ),
            ("10.0.0.1:1", &["198.51.100.7:4711"], Some("198.51.100.7")),
            ("10.0.0.1:1", &["[2001:dead::1]:4711"], Some("2001:dead::1")),
            ("10.0.0.1:1", &["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
            ("10.0.0.1:1", &["198.51.100.7, unknown"], None),
        ] {
            assert_eq!(seen(peer, hops).as_deref(), client, "{peer} {hops:?}");
        }
    }
}

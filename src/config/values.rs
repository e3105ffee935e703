//! What makes a URL, an origin, a network, a device: from text to a value, or `None`.

use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use url::Url;

/// An empty string is a key that is not set.
pub(super) fn optional<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        "" => Some(None),
        text => read(text).map(Some),
    }
}

pub(super) fn public_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_plain.then_some(url)
}

/// A proxy is spoken to in plain HTTP, whatever goes through it.
pub(super) fn proxy_url(text: &str) -> Option<Url> {
    public_url(text).filter(|url| url.scheme() == "http" && url.path() == "/")
}

/// Exactly what a browser puts into `Origin`.
pub(super) fn is_origin(text: &str) -> bool {
    public_url(text).is_some_and(|url| url.origin().ascii_serialization() == text)
}

pub(super) fn network(text: &str) -> Option<IpNet> {
    let single = |text: &str| text.parse::<IpAddr>().ok().map(IpNet::from);
    let network: Option<IpNet> = text.parse().ok();
    network
        .or_else(|| single(text))
        .map(|network| network.trunc())
}

/// An address that strangers do not reach; `0.0.0.0` and `::` are every address, so they do.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// A tty's path, or `tcp://host:port` of a device server.
pub(super) fn is_device(text: &str) -> bool {
    match text.strip_prefix("tcp://") {
        Some(address) => is_address(address),
        None => Path::new(text).is_absolute() && !text.ends_with('/'),
    }
}

fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
    let is_host = !host.is_empty()
        && host
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b".-_[]:".contains(&octet));
    is_port && is_host
}

/// 23.040 §9.1.2.5: an address has at most 20 digits.
pub(super) fn is_smsc(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=20).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit())
}

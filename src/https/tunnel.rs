//! A way through a proxy that it does not look into: CONNECT (RFC 9110 §9.3.6).
//!
//! Never: writes anything of a request but host and port of its URL.

use std::io;

use http::{HeaderValue, Uri};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Why a proxy opened no way.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoTunnel {
    #[error("the URL has no host")]
    Host,
    #[error("the proxy wants another user or password (HTTP 407)")]
    Credentials,
    #[error("the proxy opened no tunnel: HTTP {0}")]
    Refused(u16),
    #[error("the proxy answered CONNECT with what is no HTTP; is it a proxy?")]
    Unreadable,
    #[error("the proxy hung up: {0}")]
    Io(#[from] io::Error),
}

/// Octets of a proxy's answer; it has no body when the way is open.
const LONGEST_HEAD: usize = 8192;

/// Opens the way to the host of `to` over a connection to the proxy.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    to: &Uri,
    authorization: Option<&HeaderValue>,
) -> Result<(), NoTunnel> {
    let host = to.host().ok_or(NoTunnel::Host)?;
    let port = to.port_u16().unwrap_or(443);
    let mut head =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(authorization) = authorization {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(authorization.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    stream.write_all(&head).await?;
    match status(&read_head(stream).await?) {
        Some(200..=299) => Ok(()),
        Some(407) => Err(NoTunnel::Credentials),
        Some(status) => Err(NoTunnel::Refused(status)),
        None => Err(NoTunnel::Unreadable),
    }
}

/// Reads up to the empty line and not an octet further: what follows is the server's.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Vec<u8>, NoTunnel> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_HEAD {
            return Err(NoTunnel::Unreadable);
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    let digits = std::str::from_utf8(line.get(2..5)?).ok()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn opened(answer: &'static [u8]) -> Result<(), NoTunnel> {
        let (mut near, mut far) = tokio::io::duplex(16 * 1024);
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let to = Uri::from_static("https://sms.example.com/x");
        open(&mut near, &to, None).await
    }

    #[tokio::test]
    async fn only_a_2xx_opens_the_way() {
        assert!(
            opened(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await
                .is_ok()
        );
        assert!(
            opened(b"HTTP/1.0 200 OK\r\nvia: x\r\n\r\nearly")
                .await
                .is_ok()
        );
        for (answer, words) in [
            (&b"HTTP/1.1 407 No\r\n\r\n"[..], "password"),
            (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP 502"),
            (b"SSH-2.0-OpenSSH\r\n\r\n", "is it a proxy"),
            (b"HTTP/1.1 200 OK\r\n", "hung up"),
            (b"", "hung up"),
        ] {
            let error = opened(answer).await.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn an_answer_without_end_is_given_up() {
        let (mut near, mut far) = tokio::io::duplex(16 * 1024);
        far.write_all(&[b'x'; LONGEST_HEAD + 1]).await.unwrap();
        let to = Uri::from_static("https://[::1]:8443/");
        let outcome = open(&mut near, &to, None).await;
        assert!(matches!(outcome, Err(NoTunnel::Unreadable)));
        let mut asked = vec![0; 29];
        far.read_exact(&mut asked).await.unwrap();
        assert_eq!(asked, b"CONNECT [::1]:8443 HTTP/1.1\r\n");
    }
}

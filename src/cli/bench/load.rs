//! The load generator: keep-alive connections of HTTP/1.1, each with one request under way, on one thread.
//!
//! It writes prepared octets and reads no more of an answer than its status and its length: it shares two cores with
//! what it measures, so it should cost little.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::CommandError;
use super::figures::{count, percentile, sorted};

/// What a measurement came to.
#[derive(Debug)]
pub(super) struct Load {
    /// Counted.
    pub(super) answers: u64,
    /// With those of the warm-up and the last of each connection.
    pub(super) all: u64,
    pub(super) per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Not counted: connections, caches and threads find their pace.
const WARM_UP: Duration = Duration::from_millis(500);

/// Loads the server at `address`. `write` appends the request with a running number to the buffer.
///
/// # Errors
/// When a connection fails, or an answer is not of `status`.
pub(super) fn load(
    address: SocketAddr,
    status: u16,
    connections: usize,
    lasting: Duration,
    write: &(impl Fn(u64, &mut Vec<u8>) + Sync),
) -> Result<Load, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let number = std::cell::Cell::new(0);
    let next = || {
        number.set(number.get() + 1);
        number.get()
    };
    let measured = runtime.block_on(async {
        let begin = Instant::now() + WARM_UP;
        let span = Span {
            begin,
            end: begin + lasting,
        };
        let talks = (0..connections).map(|_| talk(address, status, span, &next, write));
        try_join_all(talks).await
    });
    let waits = measured.map_err(|error| CommandError::Failed(format!("{address}: {error}")))?;
    let waits = sorted(waits.into_iter().flatten().collect());
    let answers = waits.len() as u64;
    Ok(Load {
        answers,
        all: number.get(),
        per_second: count(answers) / lasting.as_secs_f64(),
        p50_ms: percentile(&waits, 50),
        p99_ms: percentile(&waits, 99),
    })
}

/// What is counted: answers that come within.
#[derive(Clone, Copy, Debug)]
struct Span {
    begin: Instant,
    end: Instant,
}

/// One connection; answers how many milliseconds each of its counted answers took.
async fn talk(
    address: SocketAddr,
    status: u16,
    span: Span,
    next: &impl Fn() -> u64,
    write: &impl Fn(u64, &mut Vec<u8>),
) -> io::Result<Vec<f64>> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let mut waits = Vec::new();
    let (mut request, mut answer) = (Vec::new(), Vec::new());
    loop {
        request.clear();
        write(next(), &mut request);
        let asked = Instant::now();
        ask(&mut socket, &request, &mut answer, status).await?;
        let now = Instant::now();
        if now >= span.end {
            return Ok(waits);
        }
        if now >= span.begin {
            waits.push((now - asked).as_secs_f64() * 1e3);
        }
    }
}

/// One request and its answer.
///
/// # Errors
/// When the connection fails, or the answer is not of `status`.
pub(super) async fn ask(
    socket: &mut TcpStream,
    request: &[u8],
    answer: &mut Vec<u8>,
    status: u16,
) -> io::Result<()> {
    socket.write_all(request).await?;
    answer.clear();
    loop {
        if socket.read_buf(answer).await? == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the server closed the connection; it must keep it alive",
            ));
        }
        if length_of(answer).is_some_and(|length| answer.len() >= length) {
            break;
        }
    }
    match status_of(answer) == Some(status) {
        true => Ok(()),
        false => Err(io::Error::other(format!(
            "not answered by {status} but by {}",
            String::from_utf8_lossy(answer)
        ))),
    }
}

/// Octets of head and body together; `None` while the head is not whole.
fn length_of(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let body = answer[..head]
        .split(|octet| *octet == b'\n')
        .filter_map(|line| {
            let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        })
        .next();
    Some(head + body.unwrap_or(0))
}

/// `HTTP/1.1 202 Accepted`
fn status_of(answer: &[u8]) -> Option<u16> {
    std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body() {
        let answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\ndate: today\r\n\r\n{}";
        assert_eq!(length_of(answer), Some(answer.len()));
        assert_eq!(status_of(answer), Some(202));
        assert_eq!(length_of(&answer[..40]), None);
        assert_eq!(length_of(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(27));
    }
}

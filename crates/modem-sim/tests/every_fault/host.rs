//! A host at one modem's line in memory, on a paused clock; its conversations read like a capture.
//!
//! `> AT` the host writes a line and CR; `> 00…^Z` or `> ^[` without CR. `< OK` the modem says a line between
//! CR LF; `< >` the prompt; `<< text` exactly these octets (`\r`, `\n`, `\xHH`); `<* text` all it says now, where
//! `*` stands for anything. `~ 20` so many milliseconds pass in silence.
//! Nothing else may be said: whatever is not expected before the next `>` or `~` fails the test.

use std::time::Duration;

use modem_sim::{Settings, SimInMemory, in_memory};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// "hello" to [`FRIEND`] with a report wanted.
pub(crate) const HELLO: &str = "0021000C91447700091032000005E8329BFD06";
pub(crate) const FRIEND: &str = "+447700900123";

pub(crate) struct Host {
    pub(crate) sim: SimInMemory,
    pub(crate) port: DuplexStream,
    /// The ports of the other modems.
    pub(crate) others: Vec<DuplexStream>,
    heard: String,
}

impl Host {
    /// 20 ms to the prompt, 500 ms to the answer, 1 s to the report.
    pub(crate) fn of(settings: Settings) -> Self {
        let (sim, mut ports) = in_memory(settings);
        Self {
            sim,
            port: ports.remove(0),
            others: ports,
            heard: String::new(),
        }
    }

    /// One whose host has done what every host does first; its next reference is 64.
    pub(crate) async fn quiet() -> Self {
        Self::quiet_of(Settings::default()).await
    }

    pub(crate) async fn quiet_of(settings: Settings) -> Self {
        let mut host = Self::of(settings);
        host.play("> ATE0\n<< ATE0\\r\n< OK\n> AT+CMEE=1;+CNMI=2,1,0,1,0\n< OK")
            .await;
        host.fault(json!({ "kind": "next_reference", "value": 64 }))
            .await;
        host
    }

    /// Orders a fault of modem 0, in the words of the control socket.
    pub(crate) async fn fault(&mut self, fault: Value) {
        let order = json!({ "do": "fault", "modem": 0, "fault": fault });
        self.sim.call(order).await.unwrap();
    }

    pub(crate) async fn receive(&mut self, text: &str) {
        self.sim.reply_to(0, FRIEND, text).await.unwrap();
    }

    /// Sends [`HELLO`] and hears nothing but what these lines say.
    pub(crate) async fn send(&mut self, then: &str) {
        self.play(&format!("> AT+CMGS=18\n~ 20\n< >\n> {HELLO}^Z\n{then}"))
            .await;
    }

    /// The texts that [`FRIEND`] has received.
    pub(crate) async fn friend_reads(&self) -> Vec<String> {
        let texts = self.sim.handset(FRIEND).await;
        texts.into_iter().map(|received| received.text).collect()
    }

    pub(crate) async fn play(&mut self, conversation: &str) {
        self.play_open(conversation).await;
        self.assert_silent("at the end").await;
    }

    /// As [`Host::play`]; more may be said behind it.
    pub(crate) async fn play_open(&mut self, conversation: &str) {
        for line in conversation.lines().map(str::trim) {
            let Some((mark, rest)) = line.split_once(' ') else {
                assert_eq!(line, "", "a line has a mark and a text");
                continue;
            };
            match mark {
                ">" => self.write(rest).await,
                "<" if rest == ">" => self.expect("\r\n> ").await,
                "<" => self.expect(&format!("\r\n{rest}\r\n")).await,
                "<<" => self.expect(&unescaped(rest)).await,
                "<*" => self.expect_like(&unescaped(rest)).await,
                "~" => self.pass(rest.parse().unwrap()).await,
                _ => panic!("unknown mark {mark:?}"),
            }
        }
    }

    pub(crate) async fn write_raw(&mut self, octets: &str) {
        self.port.write_all(octets.as_bytes()).await.unwrap();
    }

    async fn write(&mut self, text: &str) {
        self.assert_silent(text).await;
        let octets = match (text.strip_suffix("^Z"), text.strip_suffix("^[")) {
            (Some(text), _) => format!("{text}\u{1A}"),
            (_, Some(text)) => format!("{text}\u{1B}"),
            _ => format!("{text}\r"),
        };
        self.port.write_all(octets.as_bytes()).await.unwrap();
    }

    async fn assert_silent(&mut self, before: &str) {
        self.listen().await;
        assert_eq!(self.heard, "", "said and not expected, before {before:?}");
    }

    async fn expect(&mut self, expected: &str) {
        self.listen().await;
        let Some(rest) = self.heard.strip_prefix(expected) else {
            panic!("expected {expected:?}, heard {:?}", self.heard);
        };
        self.heard = rest.to_owned();
    }

    async fn expect_like(&mut self, pattern: &str) {
        self.listen().await;
        let heard = std::mem::take(&mut self.heard);
        assert!(
            is_like(&heard, pattern),
            "expected {pattern:?}, heard {heard:?}"
        );
    }

    /// All that is said now.
    pub(crate) async fn hear(&mut self) -> String {
        self.listen().await;
        std::mem::take(&mut self.heard)
    }

    /// Takes what is there; the clock stands still as long as anybody has something to do.
    async fn listen(&mut self) {
        let mut buf = [0; 4096];
        for _ in 0..TURNS {
            tokio::task::yield_now().await;
            let read = std::future::poll_fn(|cx| {
                let mut buf = tokio::io::ReadBuf::new(&mut buf);
                let port = std::pin::Pin::new(&mut self.port);
                let ready = tokio::io::AsyncRead::poll_read(port, cx, &mut buf).is_ready();
                std::task::Poll::Ready(if ready { buf.filled().len() } else { 0 })
            });
            let count = read.await;
            self.heard
                .extend(buf[..count].iter().copied().map(char::from));
        }
    }

    async fn pass(&mut self, ms: u64) {
        self.assert_silent(&format!("{ms} ms")).await;
        tokio::time::sleep(Duration::from_millis(ms.saturating_sub(1))).await;
        self.assert_silent(&format!("the last of {ms} ms")).await;
        tokio::time::sleep(Duration::from_millis(ms.min(1))).await;
    }

    /// The line as it is after the modem's port has gone and come back.
    pub(crate) async fn next_port(&mut self) {
        self.port = self.sim.next_port(0).await.unwrap();
        self.heard.clear();
    }

    /// Whether the line has ended.
    pub(crate) async fn has_ended(&mut self) -> bool {
        let mut octet = [0; 1];
        let read = self.port.read(&mut octet);
        let read = tokio::time::timeout(Duration::from_millis(1), read).await;
        matches!(read, Ok(Ok(0)))
    }
}

fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (octet, length) = match &escape[..1] {
            "r" => ('\r', 1),
            "n" => ('\n', 1),
            "x" => (
                char::from(u8::from_str_radix(&escape[1..3], 16).unwrap()),
                3,
            ),
            other => panic!("unknown escape {other:?}"),
        };
        plain.push(octet);
        rest = &escape[length..];
    }
    plain + rest
}

fn is_like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.is_empty()
}

/// Of the other tasks; two are enough for an answer, a few more for a fault that takes a round.
const TURNS: usize = 12;

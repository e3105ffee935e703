//! What the tests stand on: a client and a receiver of callbacks that speak HTTP/1.1 over plain sockets, and a signer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use base64::Engine;
use cloud_sim::{Provider, Settings, Sim};
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Reports come at once, so that no test waits.
pub(crate) fn settings() -> Settings {
    Settings {
        report_after: Duration::from_millis(60),
        report_again_after: Duration::from_millis(20),
        ..Settings::default()
    }
}

pub(crate) fn start() -> Sim {
    cloud_sim::start(settings()).unwrap()
}

/// A request as it is written, and its parts as they are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Message {
    /// Method and path, or the status line.
    pub(crate) first: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Message {
    pub(crate) fn status(&self) -> u16 {
        self.first.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self
            .headers
            .iter()
            .find(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let mut fields = url::form_urlencoded::parse(self.body.as_bytes());
        fields
            .find(|(one, _)| one == name)
            .map(|(_, value)| value.into_owned())
    }

    /// `None`: the other side closed without a word.
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut message = Self::default();
        if reader.read_line(&mut message.first).ok()? == 0 {
            return None;
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            message.headers.push((name.into(), value.into()));
        }
        let length = message.header("content-length").parse().unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        message.body = String::from_utf8(body).ok()?;
        Some(message)
    }
}

/// Asks once; `None`: no answer came, and the connection was closed or the time was over.
pub(crate) fn ask(
    sim: &Sim,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Message> {
    let stream = TcpStream::connect(sim.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (method, path) = target.split_once(' ').unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        request += &format!("host: {}\r\n", sim.address());
    }
    for (name, value) in headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n{body}", body.len());
    (&stream).write_all(request.as_bytes()).ok()?;
    Message::read(&stream)
}

/// Of a test with an answer that never comes.
const PATIENCE: Duration = Duration::from_millis(700);
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

pub(crate) fn basic(user: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {pair}")
}

/// Twilio's Create with the account's own credentials.
pub(crate) fn create(sim: &Sim, fields: &[(&str, &str)]) -> Option<Message> {
    let account = &sim.settings().twilio;
    let path = format!(
        "POST /twilio/2010-04-01/Accounts/{}/Messages.json",
        account.account_sid
    );
    let proof = basic(&account.account_sid, &account.auth_token);
    ask(
        sim,
        &path,
        &[("authorization", &proof), FORM],
        &form(fields),
    )
}

/// A text by Twilio, with its reports to `callback` unless that is empty.
pub(crate) fn text(sim: &Sim, to: &str, body: &str, callback: &str) -> Option<Message> {
    let mut fields = vec![("To", to), ("From", "+15005550006"), ("Body", body)];
    if !callback.is_empty() {
        fields.push(("StatusCallback", callback));
    }
    create(sim, &fields)
}

/// Twilio's GET behind `/2010-04-01/Accounts/AC…/`.
pub(crate) fn look(sim: &Sim, rest: &str) -> Message {
    let account = &sim.settings().twilio;
    let path = format!(
        "GET /twilio/2010-04-01/Accounts/{}/{rest}",
        account.account_sid
    );
    let proof = basic(&account.account_sid, &account.auth_token);
    ask(sim, &path, &[("authorization", &proof)], "").unwrap()
}

/// A request to Aliyun, signed; what is to be wrong with it is changed in between.
pub(crate) struct Acs {
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) secret: String,
}

impl Acs {
    pub(crate) fn new(sim: &Sim, action: &str, fields: &[(&str, &str)]) -> Self {
        let mut fields = fields.to_vec();
        fields.sort_unstable();
        let query: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encode(value)))
            .collect();
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let header = |name: &str, value: String| (name.to_owned(), value);
        let mut nonce = [0; 16];
        std::fs::File::open("/dev/urandom")
            .unwrap()
            .read_exact(&mut nonce)
            .unwrap();
        Self {
            path: "/aliyun/".into(),
            query: query.join("&"),
            headers: vec![
                header("host", sim.address().to_string()),
                header("x-acs-action", action.into()),
                header("x-acs-content-sha256", hex(&Sha256::digest(b""))),
                header("x-acs-date", iso(now.as_secs())),
                header("x-acs-signature-nonce", hex(&nonce)),
                header("x-acs-version", "2017-05-25".into()),
            ],
            secret: sim.settings().aliyun.access_key_secret.clone(),
        }
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let header = self
            .headers
            .iter_mut()
            .find(|(one, _)| one == name)
            .unwrap();
        value.clone_into(&mut header.1);
    }

    /// Signed over `path`.
    pub(crate) fn authorization(&self, sim: &Sim, path: &str) -> String {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(";");
        let lines: String = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}:{value}\n"))
            .collect();
        let digest = hex(&Sha256::digest(b""));
        let request = format!("POST\n{path}\n{}\n{lines}\n{names}\n{digest}", self.query);
        let to_sign = format!(
            "ACS3-HMAC-SHA256\n{}",
            hex(&Sha256::digest(request.as_bytes()))
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).unwrap();
        mac.update(to_sign.as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        let id = &sim.settings().aliyun.access_key_id;
        format!("ACS3-HMAC-SHA256 Credential={id},SignedHeaders={names},Signature={signature}")
    }

    pub(crate) fn ask(&self, sim: &Sim) -> Option<Message> {
        let proof = self.authorization(sim, "/aliyun/");
        self.ask_with(sim, &proof)
    }

    pub(crate) fn ask_with(&self, sim: &Sim, proof: &str) -> Option<Message> {
        let mut headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        headers.push(("authorization", proof));
        ask(
            sim,
            &format!("POST {}?{}", self.path, self.query),
            &headers,
            "",
        )
    }
}

pub(crate) fn acs(sim: &Sim, action: &str, fields: &[(&str, &str)]) -> Message {
    Acs::new(sim, action, fields).ask(sim).unwrap()
}

/// SendSms with the account's own sign.
pub(crate) fn send_sms(sim: &Sim, number: &str, out_id: &str) -> Message {
    let fields = [
        ("PhoneNumbers", number),
        ("SignName", "测试签名"),
        ("TemplateCode", "SMS_154950909"),
        ("TemplateParam", r#"{"code":"123456"}"#),
        ("OutId", out_id),
    ];
    acs(sim, "SendSms", &fields)
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn encode(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet);
    text.bytes()
        .map(|octet| match plain(octet) {
            true => char::from(octet).to_string(),
            false => format!("%{octet:02X}"),
        })
        .collect()
}

fn iso(unix_s: u64) -> String {
    let (year, month, day) = date(unix_s);
    let (hour, minute, second) = (unix_s / 3600 % 24, unix_s / 60 % 60, unix_s % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `20260102`.
pub(crate) fn day(unix_s: u64) -> String {
    let (year, month, day) = date(unix_s);
    format!("{year:04}{month:02}{day:02}")
}

/// By counting days, so that it shares nothing with what it is a test of.
fn date(unix_s: u64) -> (u64, usize, u64) {
    let (mut days, mut year) = (unix_s / 86_400, 1970);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (year, month + 1, days + 1)
}

fn keyed(key: &[u8], octets: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(octets);
    mac.finalize().into_bytes().to_vec()
}

/// The headers of a request to Tencent that is signed over `path`, so many seconds ago.
pub(crate) fn tc3_headers(
    sim: &Sim,
    action: &str,
    body: &str,
    path: &str,
    ago: u64,
) -> Vec<(String, String)> {
    let account = &sim.settings().tencent;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let stamp = now.as_secs() - ago;
    let (year, month, of_month) = date(stamp);
    let day = format!("{year:04}-{month:02}-{of_month:02}");
    let host = sim.address();
    let digest = hex(&Sha256::digest(body.as_bytes()));
    let request = format!(
        "POST\n{path}\n\ncontent-type:application/json\nhost:{host}\n\ncontent-type;host\n{digest}"
    );
    let to_sign = format!(
        "TC3-HMAC-SHA256\n{stamp}\n{day}/sms/tc3_request\n{}",
        hex(&Sha256::digest(request.as_bytes()))
    );
    let of_day = keyed(
        format!("TC3{}", account.secret_key).as_bytes(),
        day.as_bytes(),
    );
    let of_request = keyed(&keyed(&of_day, b"sms"), b"tc3_request");
    let signature = hex(&keyed(&of_request, to_sign.as_bytes()));
    let proof = format!(
        "TC3-HMAC-SHA256 Credential={}/{day}/sms/tc3_request, SignedHeaders=content-type;host, Signature={signature}",
        account.secret_id
    );
    let header = |name: &str, value: String| (name.to_owned(), value);
    vec![
        header("content-type", "application/json".into()),
        header("host", host.to_string()),
        header("x-tc-action", action.into()),
        header("x-tc-version", "2021-01-11".into()),
        header("x-tc-region", "ap-guangzhou".into()),
        header("x-tc-timestamp", stamp.to_string()),
        header("authorization", proof),
    ]
}

pub(crate) fn tc3(sim: &Sim, action: &str, body: &Value) -> Option<Message> {
    let body = body.to_string();
    let headers = tc3_headers(sim, action, &body, "/tencent/", 0);
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    ask(sim, "POST /tencent/", &headers, &body)
}

/// A POST of JSON to the generic provider with its token.
pub(crate) fn generic(sim: &Sim, body: &Value) -> Option<Message> {
    let proof = format!("Bearer {}", sim.settings().generic.token);
    let headers = [
        ("authorization", proof.as_str()),
        ("content-type", "application/json"),
    ];
    ask(sim, "POST /generic/send", &headers, &body.to_string())
}

/// Takes what is called back, and answers as it is told.
pub(crate) struct Ear {
    address: SocketAddr,
    heard: Receiver<Message>,
}

impl Ear {
    /// Answers these statuses in turn, and then 204.
    pub(crate) fn answering(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, heard) = channel();
        let mut statuses = Vec::from(statuses).into_iter();
        // It ends with the test's process: accept has no deadline.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(message) = Message::read(&stream) else {
                    continue;
                };
                let status = statuses.next().unwrap_or(204);
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                let _ = (&stream).write_all(answer.as_bytes());
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        Self { address, heard }
    }

    pub(crate) fn new() -> Self {
        Self::answering(&[])
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    #[track_caller]
    pub(crate) fn next(&self) -> Message {
        self.heard
            .recv_timeout(Duration::from_secs(5))
            .expect("a callback within 5 s")
    }

    #[track_caller]
    pub(crate) fn hears_no_more(&self) {
        let more = self.heard.recv_timeout(Duration::from_millis(200));
        assert!(more.is_err(), "{more:?}");
    }
}

/// Until the ledger's text has come to this.
#[track_caller]
pub(crate) fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "it did not come to that within 5 s"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The requests that were made, as `what: what came of it`.
pub(crate) fn calls(sim: &Sim, provider: Provider) -> Vec<String> {
    let calls = sim
        .calls()
        .into_iter()
        .filter(|call| call.provider == provider);
    calls
        .map(|call| format!("{}: {}", call.what, call.came_to))
        .collect()
}

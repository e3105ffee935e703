//! **Client** of the control socket, blocking: for command lines, tests and benchmarks.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::error::SimError;
use crate::fault::Fault;
use crate::handset::Received;
use crate::mobile::MobileText;
use crate::verbs::ModemStats;

/// A connection to a running simulation.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    stream: BufReader<UnixStream>,
}

impl Client {
    pub fn connect(control: &Path) -> Result<Self, SimError> {
        let stream = UnixStream::connect(control).map_err(|error| SimError::NotRunning {
            path: control.to_owned(),
            error,
        })?;
        Ok(Self {
            path: control.to_owned(),
            stream: BufReader::new(stream),
        })
    }

    /// The texts a handset has received, oldest first.
    pub fn handset(&mut self, number: &str) -> Result<Vec<Received>, SimError> {
        let answer = self.call(&json!({ "do": "handset", "number": number }))?;
        field(answer, "texts")
    }

    /// A handset writes to the SIM that wrote to it last (else to modem 0); which one it was comes back.
    pub fn reply(&mut self, number: &str, text: &str) -> Result<usize, SimError> {
        let answer = self.call(&json!({ "do": "reply", "number": number, "text": text }))?;
        field(answer, "modem")
    }

    /// A handset writes to the SIM of this modem.
    pub fn reply_to(&mut self, modem: usize, number: &str, text: &str) -> Result<(), SimError> {
        let order = json!({ "do": "reply", "number": number, "text": text, "modem": modem });
        self.call(&order).map(drop)
    }

    pub fn fault(&mut self, modem: usize, fault: &Fault) -> Result<(), SimError> {
        let order = json!({ "do": "fault", "modem": modem, "fault": fault });
        self.call(&order).map(drop)
    }

    pub fn unplug(&mut self, modem: usize) -> Result<(), SimError> {
        self.call(&json!({ "do": "unplug", "modem": modem }))
            .map(drop)
    }

    /// Texts to a SIM, in this order.
    pub fn deliver(&mut self, modem: usize, texts: &[MobileText]) -> Result<(), SimError> {
        let order = json!({ "do": "deliver", "modem": modem, "texts": texts });
        self.call(&order).map(drop)
    }

    /// Unplugs, and plugs in again by itself.
    pub fn unplug_for(&mut self, modem: usize, span: std::time::Duration) -> Result<(), SimError> {
        let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let order = json!({ "do": "unplug", "modem": modem, "for_ms": ms });
        self.call(&order).map(drop)
    }

    pub fn plug(&mut self, modem: usize) -> Result<(), SimError> {
        self.call(&json!({ "do": "plug", "modem": modem }))
            .map(drop)
    }

    pub fn stats(&mut self) -> Result<Vec<ModemStats>, SimError> {
        let answer = self.call(&json!({ "do": "stats" }))?;
        field(answer, "modems")
    }

    /// A page of ledger lines from this number on, and the number to go on with.
    pub fn ledger(&mut self, from: u64) -> Result<(Vec<Value>, u64), SimError> {
        let answer = self.call(&json!({ "do": "ledger", "from": from }))?;
        Ok((field(answer.clone(), "entries")?, field(answer, "next")?))
    }

    /// Waits until the network has accepted so many texts since the simulation began.
    pub fn wait_accepted(
        &mut self,
        count: u64,
        patience: std::time::Duration,
    ) -> Result<u64, SimError> {
        let ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let order = json!({ "do": "wait_accepted", "count": count, "timeout_ms": ms });
        field(self.call(&order)?, "accepted")
    }

    /// Any request; an answer that is not "ok" is [`SimError::Refused`].
    pub fn call(&mut self, request: &Value) -> Result<Value, SimError> {
        let at = |error| SimError::Io {
            path: self.path.clone(),
            error,
        };
        let line = format!("{request}\n");
        self.stream
            .get_mut()
            .write_all(line.as_bytes())
            .map_err(at)?;
        let mut answer = String::new();
        if self.stream.read_line(&mut answer).map_err(at)? == 0 {
            return Err(SimError::Ended);
        }
        checked(serde_json::from_str(&answer)?)
    }
}

/// An answer that says "ok", or the reason why not.
pub(crate) fn checked(answer: Value) -> Result<Value, SimError> {
    if answer["ok"] == true {
        return Ok(answer);
    }
    let why = answer["error"].as_str().unwrap_or("for no reason given");
    Err(SimError::Refused {
        why: why.to_owned(),
    })
}

pub(crate) fn field<T: DeserializeOwned>(mut answer: Value, name: &str) -> Result<T, SimError> {
    Ok(serde_json::from_value(answer[name].take())?)
}

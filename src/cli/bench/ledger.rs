//! What the simulation says of each text's way through a modem.

use std::path::{Path, PathBuf};
use std::time::Duration;

use modem_sim::client::Client as SimClient;
use serde_json::Value;

use super::CommandError;
use super::figures::sorted;
use crate::app::Gateway;
use crate::domain::ModemState;

pub(super) async fn ready(gateway: &Gateway) -> Result<(), CommandError> {
    let mut view = gateway.modems();
    let all_ready = view.wait_for(|fleet| {
        !fleet.is_empty() && fleet.iter().all(|modem| modem.state == ModemState::Ready)
    });
    match tokio::time::timeout(Duration::from_secs(30), all_ready).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(CommandError::Failed(
            "the simulated modems did not become ready within 30 s".into(),
        )),
    }
}

pub(super) fn control_of(gateway: &Gateway) -> Result<PathBuf, CommandError> {
    gateway
        .simulation()
        .map(|simulation| simulation.control().to_owned())
        .ok_or_else(|| CommandError::Failed("no simulation runs".into()))
}

/// Runs `ask` on a thread that may block: the simulation's client does.
pub(super) async fn ask<T: Send + 'static>(
    control: &Path,
    ask: impl FnOnce(&mut SimClient) -> Result<T, modem_sim::SimError> + Send + 'static,
) -> Result<T, CommandError> {
    let control = control.to_owned();
    let answer = tokio::task::spawn_blocking(move || ask(&mut SimClient::connect(&control)?));
    match answer.await {
        Ok(answer) => Ok(answer?),
        Err(error) => Err(CommandError::Failed(error.to_string())),
    }
}

pub(super) async fn at_lines(control: &Path) -> Result<u64, CommandError> {
    let stats = ask(control, SimClient::stats).await?;
    Ok(stats.iter().map(|modem| modem.at_lines).sum())
}

/// Waits until the network has taken so many texts, and reads what the ledger says of them. The ledger's line is
/// written a moment after the acceptance, with the answer.
pub(super) async fn ledger_of(
    control: &Path,
    accepted: usize,
    patience: Duration,
) -> Result<Vec<Value>, CommandError> {
    ask(control, move |client| {
        let started = std::time::Instant::now();
        client.wait_accepted(accepted as u64, patience)?;
        let mut entries = Vec::new();
        let mut from = 1;
        while entries.len() < accepted {
            let (page, next) = client.ledger(from)?;
            if page.is_empty() {
                if started.elapsed() > patience {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
            entries.extend(page);
            from = next;
        }
        Ok(entries)
    })
    .await
}

/// One text's way through a modem, in nanoseconds of CLOCK_MONOTONIC.
pub(super) struct Timing {
    modem: u64,
    pub(super) cmgs: f64,
    pub(super) prompt: f64,
    pub(super) pdu: f64,
    answer: f64,
}

impl Timing {
    /// Ctrl-Z to final result.
    pub(super) fn air(&self) -> f64 {
        self.answer - self.pdu
    }
}

pub(super) fn timings(entries: &[Value]) -> Result<Vec<Timing>, CommandError> {
    entries
        .iter()
        .map(|entry| {
            let at = |key: &str| entry[key].as_f64();
            let timing = (
                entry["modem"].as_u64(),
                at("cmgs_ns"),
                at("prompt_ns"),
                at("pdu_ns"),
                at("answer_ns"),
            );
            let (Some(modem), Some(cmgs), Some(prompt), Some(pdu), Some(answer)) = timing else {
                return Err(CommandError::Failed(
                    "a text of the ledger has no answer: the figures would be wrong".into(),
                ));
            };
            Ok(Timing {
                modem,
                cmgs,
                prompt,
                pdu,
                answer,
            })
        })
        .collect()
}

/// First CMGS line to last final result.
pub(super) fn span(timings: &[Timing]) -> f64 {
    let first = timings.iter().map(|t| t.cmgs).fold(f64::INFINITY, f64::min);
    let last = timings.iter().map(|t| t.answer).fold(0.0, f64::max);
    last - first
}

/// From the final result of one text to a moment of the next one on the same modem, ascending.
pub(super) fn gaps(timings: &[Timing], until: impl Fn(&Timing) -> f64) -> Vec<f64> {
    let mut gaps = Vec::new();
    for (at, timing) in timings.iter().enumerate() {
        let next = timings[at + 1..]
            .iter()
            .find(|next| next.modem == timing.modem);
        gaps.extend(next.map(|next| until(next) - timing.answer));
    }
    sorted(gaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overhead_is_the_gap_on_the_same_modem() {
        let timing = |modem, cmgs, pdu, answer| Timing {
            modem,
            cmgs,
            prompt: cmgs,
            pdu,
            answer,
        };
        let timings = [
            timing(0, 0.0, 1.0, 21.0),
            timing(1, 0.0, 2.0, 22.0),
            timing(0, 21.0, 23.0, 43.0),
        ];
        assert_eq!(gaps(&timings, |next| next.pdu), [2.0]);
        assert_eq!(gaps(&timings, |next| next.cmgs), [0.0]);
        assert_eq!(span(&timings), 43.0);
    }
}

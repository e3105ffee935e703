//! From an HTTP request to AT+CMGS on an idle gateway.

use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::json;

use super::super::client::Client;
use super::figures::{Figures, fsync_p50, monotonic_ns, percentile, rounded, sorted};
use super::ledger::{control_of, ledger_of, ready, timings};
use super::{CommandError, LIFTED, runtime, settings};
use crate::app::Gateway;

/// Between two requests, so that each meets an idle gateway.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) fn latency(
    folder: &Path,
    latency_ms: u64,
    messages: usize,
) -> Result<Figures, CommandError> {
    let config = settings(folder, 1, latency_ms)?;
    let key_file = config.secret_path(&config.auth.admin_key_file);
    let fsync_p50 = fsync_p50(folder)?;
    runtime()?.block_on(async {
        let gateway = Gateway::start(config).await?;
        ready(&gateway).await?;
        let control = control_of(&gateway)?;
        let key = std::fs::read_to_string(&key_file)
            .map_err(|error| CommandError::Failed(error.to_string()))?;
        let client = Client::new(
            format!("http://{}", gateway.addresses()[0]),
            key.trim().to_owned(),
        );
        let mut asked_at = Vec::with_capacity(messages);
        for number in 0..messages {
            asked_at.push(monotonic_ns());
            let request =
                json!({ "to": format!("+86138{number:08}"), "text": "Your table is ready" });
            client
                .call(Method::POST, "/v1/messages", Some(&request))
                .await?
                .accepted()?;
            ledger_of(&control, number + 1, Duration::from_secs(30)).await?;
            tokio::time::sleep(PAUSE).await;
        }
        let entries = ledger_of(&control, messages, Duration::from_secs(30)).await?;
        gateway.stop().await;
        let waits: Vec<f64> = timings(&entries)?
            .iter()
            .zip(&asked_at)
            .map(|(timing, asked)| timing.cmgs - asked)
            .collect();
        let waits = sorted(waits);
        Ok(vec![
            ("messages", json!(messages)),
            (
                "request to CMGS p50 ms",
                rounded(percentile(&waits, 50) / 1e6, 3),
            ),
            (
                "request to CMGS p99 ms",
                rounded(percentile(&waits, 99) / 1e6, 3),
            ),
            (
                "request to CMGS max ms",
                rounded(percentile(&waits, 100) / 1e6, 3),
            ),
            ("fsync p50 ms", rounded(fsync_p50, 3)),
            ("limits lifted", json!(LIFTED)),
        ])
    })
}

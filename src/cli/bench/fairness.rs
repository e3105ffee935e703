//! `cellpost bench fairness`: one code each second while a crowd of bulk messages stands in line.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::drain::{Line, fill_queue};
use super::figures::{Figures, fsync_p50, monotonic_ns, percentile, rounded, sorted};
use super::ledger::{ask, control_of, ready, timings};
use super::{CommandError, LIFTED, settings};
use crate::app::Gateway;
use crate::cli::client::Client;
use crate::cli::runtime;
use crate::domain::Category;

/// From one code to the next.
const EVERY: Duration = Duration::from_secs(1);
/// What the gateway may add to the message that is in the air.
const ALLOWANCE_MS: f64 = 50.0;
/// How long the crowd may take to begin to move.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn fairness(
    folder: &Path,
    latency_ms: u64,
    bulk: usize,
    codes: usize,
    modems: usize,
) -> Result<Figures, CommandError> {
    let config = settings(folder, modems, latency_ms)?;
    let key_file = config.secret_path(&config.auth.admin_key_file);
    let fsync_p50 = fsync_p50(folder)?;
    let (asked_at, entries) = runtime()?.block_on(async {
        let line = Line {
            messages: bulk,
            category: Category::Bulk,
            due: None,
        };
        fill_queue(&config, &line).await?;
        let gateway = Gateway::start(config).await?;
        ready(&gateway).await?;
        let control = control_of(&gateway)?;
        let key = std::fs::read_to_string(&key_file)
            .map_err(|error| CommandError::Failed(error.to_string()))?;
        let url = format!("http://{}", gateway.addresses()[0]);
        let client = Client::new(url, key.trim().to_owned());
        ask(&control, |network| network.wait_accepted(20, PATIENCE)).await?;
        let asked_at = ask_for_codes(&client, codes).await?;
        let entries = whole_ledger(&control).await?;
        gateway.stop().await;
        Ok::<_, CommandError>((asked_at, entries))
    })?;
    let waits = waits(asked_at, &entries)?;
    let air = timings(&entries)?
        .iter()
        .map(|one| one.air() / 1e6)
        .collect();
    let air_p50 = percentile(&sorted(air), 50);
    Ok(vec![
        ("bulk messages in line", json!(bulk)),
        ("texts sent meanwhile", json!(entries.len())),
        ("modems", json!(modems)),
        ("codes", json!(codes)),
        ("network latency ms", json!(latency_ms)),
        ("air time p50 ms", rounded(air_p50, 3)),
        ("code to CMGS p50 ms", rounded(percentile(&waits, 50), 3)),
        ("code to CMGS p99 ms", rounded(percentile(&waits, 99), 3)),
        ("code to CMGS max ms", rounded(percentile(&waits, 100), 3)),
        ("budget of p99 ms", rounded(air_p50 + ALLOWANCE_MS, 3)),
        ("fsync p50 ms", rounded(fsync_p50, 3)),
        ("limits lifted", json!(LIFTED)),
    ])
}

/// When each was asked for, by its number; returns a second after the last.
async fn ask_for_codes(
    client: &Client,
    codes: usize,
) -> Result<HashMap<String, f64>, CommandError> {
    let mut asked_at = HashMap::new();
    let mut clock = tokio::time::interval(EVERY);
    for number in 0..codes {
        clock.tick().await;
        let to = format!("+86139{number:08}");
        let request = json!({ "to": to, "text": "123456 is your code", "category": "otp" });
        asked_at.insert(to, monotonic_ns());
        client
            .call(Method::POST, "/v1/messages", Some(&request))
            .await?
            .accepted()?;
    }
    clock.tick().await;
    Ok(asked_at)
}

async fn whole_ledger(control: &Path) -> Result<Vec<Value>, CommandError> {
    ask(control, |network| {
        let (mut entries, mut from) = (Vec::new(), 1);
        loop {
            let (page, next) = network.ledger(from)?;
            if page.is_empty() {
                return Ok(entries);
            }
            entries.extend(page);
            from = next;
        }
    })
    .await
}

/// From each request to its CMGS line, in milliseconds, ascending.
fn waits(mut asked_at: HashMap<String, f64>, entries: &[Value]) -> Result<Vec<f64>, CommandError> {
    let mut waits = Vec::with_capacity(asked_at.len());
    for entry in entries {
        if let Some(asked) = entry["to"].as_str().and_then(|to| asked_at.remove(to)) {
            let one = timings(std::slice::from_ref(entry))?;
            waits.extend(one.iter().map(|timing| (timing.cmgs - asked) / 1e6));
        }
    }
    match asked_at.len() {
        0 => Ok(sorted(waits)),
        left => Err(CommandError::Failed(format!(
            "{left} codes have not left within a second after the last: they did not go first"
        ))),
    }
}

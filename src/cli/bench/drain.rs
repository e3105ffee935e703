//! How busy the modems are kept while a queue of single texts drains.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::figures::{Figures, count, fsync_p50, percentile, rounded};
use super::ledger::{Timing, at_lines, control_of, gaps, ledger_of, ready, span, timings};
use super::{CommandError, LIFTED, runtime, settings};
use crate::app::{Gateway, wall_clock};
use crate::config::Config;
use crate::domain::{Body, Category, Crowd, Destination, Encoding, Pepper, UnixMillis};
use crate::store::{Counts, Store, Submission};

/// Held back this long after the start, so that the modems are ready before the first text is due.
const UNTIL_DUE: Duration = Duration::from_secs(4);
/// When the AT lines are counted from.
const BEFORE_DUE: Duration = Duration::from_millis(300);

pub(super) fn drain(
    folder: &Path,
    latency_ms: u64,
    messages: usize,
    modems: usize,
) -> Result<Figures, CommandError> {
    let config = settings(folder, modems, latency_ms)?;
    let fsync_p50 = fsync_p50(folder)?;
    runtime()?.block_on(async {
        let due = wall_clock().plus(UNTIL_DUE);
        let line = Line {
            messages,
            category: Category::Transactional,
            due: Some(due),
        };
        fill_queue(&config, &line).await?;
        let gateway = Gateway::start(config).await?;
        ready(&gateway).await?;
        let control = control_of(&gateway)?;
        // A modem that has just become ready looks through its memory first: that is no part of draining.
        let settled = due.since(wall_clock()).saturating_sub(BEFORE_DUE);
        tokio::time::sleep(settled).await;
        let before = at_lines(&control).await?;
        if wall_clock() >= due {
            return Err(CommandError::Failed(
                "the modems were not ready in time; measure again".into(),
            ));
        }
        let patience = UNTIL_DUE
            + Duration::from_secs(30)
            + Duration::from_millis(latency_ms + 50) * u32::try_from(messages).unwrap_or(u32::MAX);
        let entries = ledger_of(&control, messages, patience).await?;
        let after = at_lines(&control).await?;
        gateway.stop().await;
        let timings = timings(&entries)?;
        let span = span(&timings);
        let busy: f64 = timings.iter().map(Timing::air).sum();
        let overhead = gaps(&timings, |next| next.pdu);
        let to_cmgs = gaps(&timings, |next| next.cmgs);
        let to_prompt = gaps(&timings, |next| next.prompt);
        let lines = count(after - before) / count(messages as u64);
        Ok(vec![
            ("messages", json!(messages)),
            ("modems", json!(modems)),
            ("network latency ms", json!(latency_ms)),
            (
                "busy percent",
                rounded(100.0 * busy / span / modems as f64, 2),
            ),
            ("AT lines per message", rounded(lines, 3)),
            (
                "host overhead p50 ms",
                rounded(percentile(&overhead, 50) / 1e6, 3),
            ),
            (
                "host overhead p99 ms",
                rounded(percentile(&overhead, 99) / 1e6, 3),
            ),
            (
                "result to CMGS p50 ms",
                rounded(percentile(&to_cmgs, 50) / 1e6, 3),
            ),
            (
                "result to prompt p50 ms",
                rounded(percentile(&to_prompt, 50) / 1e6, 3),
            ),
            ("fsync p50 ms", rounded(fsync_p50, 3)),
            ("limits lifted", json!(LIFTED)),
        ])
    })
}

/// Texts that stand in line before the gateway starts.
pub(super) struct Line {
    pub(super) messages: usize,
    pub(super) category: Category,
    /// Held back until then.
    pub(super) due: Option<UnixMillis>,
}

/// Accepts the texts straight through the store's door: intake is not what is measured here.
pub(super) async fn fill_queue(config: &Config, line: &Line) -> Result<(), CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    // Nothing here is of category otp, so nothing is sealed with this pepper.
    let pepper = Pepper::new(&[0; Pepper::OCTETS]);
    let (store, threads) =
        Store::open(&config.database_path(), pepper).map_err(|error| failed(&error))?;
    let at = wall_clock();
    let accepts = (0..line.messages).map(|number| {
        let submission = Submission {
            app: "default".into(),
            to: Destination::stored(&format!("+86138{number:08}")).expect("13 digits, first 86"),
            to_raw: String::new(),
            category: line.category,
            severity: None,
            body: Body::stored(format!("Message {number} of a queue")),
            encoding: Encoding::Gsm7,
            parts: 1,
            flash: false,
            ref16: false,
            via: None,
            priority: None,
            crowd: Crowd::ANYBODY,
            client_ref: None,
            template: None,
            made_of: None,
            scheduled_at: line.due,
            expires_at: line.due.unwrap_or(at).plus(Duration::from_secs(86_400)),
            at,
            payer: None,
            counts: Counts::default(),
        };
        store.accept(submission, None)
    });
    for accepted in futures_util::future::join_all(accepts).await {
        accepted.map_err(|error| failed(&error))?;
    }
    drop(store);
    tokio::task::spawn_blocking(|| threads.join())
        .await
        .map_err(|error| failed(&error))
}

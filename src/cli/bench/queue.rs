//! What many stored messages cost: the start, memory, the status of one message; and what an idle gateway costs.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::figures::{Figures, count, percentile, rounded, sorted};
use super::idle::{megabytes, settle, watched};
use super::process::{KEY, Recipe, Served};
use super::{CommandError, runtime};
use crate::app::wall_clock;
use crate::domain::{Body, Category, Crowd, Destination, Encoding, MessageId, Pepper, UnixMillis};
use crate::store::{Accepted, Counts, Store, Submission};

const MODEMS: usize = 4;
const FEW: usize = 10_000;
const FOUR_WEEKS: Duration = Duration::from_secs(4 * 7 * 86_400);
/// Messages of one transaction while tables are filled.
const AT_ONCE: usize = 5_000;
/// Messages whose status is asked for, over and over: their pages are warm.
const ASKED_FOR: usize = 1_000;
const QUESTIONS: usize = 20_000;

pub(super) fn queue(
    folder: &Path,
    stored: usize,
    waiting: bool,
    idle_seconds: u64,
) -> Result<Figures, CommandError> {
    let settings = modem_sim::Settings {
        modems: MODEMS,
        ..modem_sim::Settings::default()
    };
    let simulation = modem_sim::start(&folder.join("sim"), settings)?;
    let recipe = Recipe::new(folder, simulation.ports())?;
    let mut figures: Figures = vec![("modems", json!(MODEMS))];

    figures.push(("nothing stored", json!("")));
    let gateway = recipe.start()?;
    settle();
    figures.extend(watched(&gateway, idle_seconds)?);
    gateway.stop()?;

    let mut known = Vec::new();
    for goal in sizes(stored) {
        let before = known.len();
        let began = Instant::now();
        fill(&recipe, goal, waiting, &mut known)?;
        let filled = count((goal - before) as u64) / began.elapsed().as_secs_f64();
        figures.push(("messages stored", json!(goal)));
        figures.push(("  stored per second", rounded(filled, 0)));
        let size = std::fs::metadata(recipe.database()).map_or(0, |file| file.len());
        figures.push((
            "  octets of the file per message",
            json!(size / goal as u64),
        ));
        figures.extend(with_many(&recipe, &known, idle_seconds)?);
    }
    simulation.stop();
    Ok(figures)
}

/// How many messages are stored one after the other: few, and as many as are asked for.
fn sizes(stored: usize) -> impl Iterator<Item = usize> {
    let few = (stored > FEW).then_some(FEW);
    few.into_iter().chain((stored > 0).then_some(stored))
}

fn with_many(
    recipe: &Recipe,
    known: &[MessageId],
    idle_seconds: u64,
) -> Result<Figures, CommandError> {
    let began = Instant::now();
    let gateway = recipe.start()?;
    let mut asker = Asker::connect(&gateway)?;
    asker.ask(&submission_request(), 202)?;
    let started = began.elapsed().as_secs_f64() * 1e3;
    let mut figures = vec![("  start to first accept ms", rounded(started, 1))];
    settle();
    figures.extend(watched(&gateway, idle_seconds)?);

    let step = (known.len() / ASKED_FOR).max(1);
    let asked_for: Vec<_> = known.iter().step_by(step).collect();
    for id in &asked_for {
        asker.ask(&status_request(id), 200)?;
    }
    let mut waits = Vec::with_capacity(QUESTIONS);
    for id in asked_for.iter().cycle().take(QUESTIONS) {
        let request = status_request(id);
        let asked = Instant::now();
        asker.ask(&request, 200)?;
        waits.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    let waits = sorted(waits);
    figures.push(("  status p50 ms", rounded(percentile(&waits, 50), 3)));
    figures.push(("  status p99 ms", rounded(percentile(&waits, 99), 3)));
    asker.ask(&list_request(), 200)?;
    let resident = gateway.usage()?.resident_kib;
    figures.push(("  RSS MB after questions", megabytes(resident)));
    gateway.stop()?;
    Ok(figures)
}

/// One keep-alive connection.
struct Asker {
    runtime: tokio::runtime::Runtime,
    socket: tokio::net::TcpStream,
    answer: Vec<u8>,
}

impl Asker {
    fn connect(gateway: &Served) -> Result<Self, CommandError> {
        gateway.listens()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| CommandError::Failed(error.to_string()))?;
        let socket = runtime
            .block_on(tokio::net::TcpStream::connect(gateway.address))
            .map_err(|error| CommandError::Failed(error.to_string()))?;
        Ok(Self {
            runtime,
            socket,
            answer: Vec::new(),
        })
    }

    fn ask(&mut self, request: &[u8], status: u16) -> Result<(), CommandError> {
        let asked = super::load::ask(&mut self.socket, request, &mut self.answer, status);
        self.runtime
            .block_on(asked)
            .map_err(|error| CommandError::Failed(error.to_string()))
    }
}

fn status_request(id: &MessageId) -> Vec<u8> {
    get(&format!("/v1/messages/{id}"))
}

fn list_request() -> Vec<u8> {
    get("/v1/messages?limit=200")
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\r\n").into()
}

fn submission_request() -> Vec<u8> {
    let body = r#"{"to":"+8613800138000","text":"The first after the start"}"#;
    format!(
        "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into()
}

/// Stores messages through the store's door until there are `goal`, in large transactions.
fn fill(
    recipe: &Recipe,
    goal: usize,
    waiting: bool,
    known: &mut Vec<MessageId>,
) -> Result<(), CommandError> {
    let failed = |error: &dyn std::fmt::Display| CommandError::Failed(error.to_string());
    // Nothing here is of category otp, so nothing is sealed with this pepper.
    let pepper = Pepper::new(&[0; Pepper::OCTETS]);
    let (store, threads) =
        Store::open(&recipe.database(), pepper).map_err(|error| failed(&error))?;
    let now = wall_clock();
    runtime()?.block_on(async {
        while known.len() < goal {
            let from = known.len();
            let mut group = store.group();
            let receipts: Vec<_> = (from..goal.min(from + AT_ONCE))
                .map(|number| group.accept(submission(number, at(number, goal, now), now), None))
                .collect();
            group.submit().await;
            let mut group = store.group();
            let mut canceled = Vec::new();
            for receipt in receipts {
                let accepted = receipt.committed().await.map_err(|error| failed(&error))?;
                let Accepted::New(view) = accepted else {
                    return Err(CommandError::Failed("a new message was no new one".into()));
                };
                if !waiting {
                    canceled.push(group.cancel(view.id.clone(), None, view.created_at));
                }
                known.push(view.id);
            }
            group.submit().await;
            for receipt in canceled {
                receipt.committed().await.map_err(|error| failed(&error))?;
            }
        }
        Ok(())
    })?;
    drop(store);
    threads.join();
    Ok(())
}

/// When the message was accepted: they came evenly over four weeks, and those of one second have different ids only while
/// they are fewer than a million.
fn at(number: usize, goal: usize, now: UnixMillis) -> UnixMillis {
    let ago = FOUR_WEEKS.mul_f64((goal - number) as f64 / goal as f64);
    UnixMillis(now.0 - i64::try_from(ago.as_millis()).unwrap_or(0))
}

pub(super) fn submission(number: usize, at: UnixMillis, now: UnixMillis) -> Submission {
    // In no order, as numbers are.
    let mixed = (number as u64).wrapping_mul(2_654_435_769) % 100_000_000;
    Submission {
        app: "default".into(),
        to: Destination::stored(&format!("+86138{mixed:08}")).expect("13 digits, first 86"),
        to_raw: format!("138{mixed:08}"),
        category: Category::Transactional,
        severity: None,
        body: Body::stored(format!(
            "Your table for two is ready at eight, number {number}"
        )),
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
        scheduled_at: Some(now.plus(Duration::from_secs(86_400))),
        expires_at: now.plus(Duration::from_secs(2 * 86_400)),
        at,
        payer: None,
        counts: Counts::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_messages_are_stored_than_are_asked_for() {
        let of = |stored| sizes(stored).collect::<Vec<_>>();
        assert!(of(0).is_empty());
        assert_eq!(of(10), [10]);
        assert_eq!(of(FEW), [FEW]);
        assert_eq!(of(1_000_000), [FEW, 1_000_000]);
    }
}

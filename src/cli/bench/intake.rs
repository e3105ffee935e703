//! Durable accepts per second: the gateway and a server that does nothing, loaded in turn by the same generator.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::CommandError;
use super::entries;
use super::figures::{Figures, count, fsync_p50, rounded};
use super::load::{Load, load};
use super::process::{KEY, Recipe, Served};

const CONNECTIONS: [usize; 3] = [1, 16, 64];
const LIFTED: &str = "key_rps, key_burst, max_backlog, the quotas of the SIM";
/// Of the run under strace; the more syncs, the slower it is.
const TRACED: Duration = Duration::from_secs(2);

/// What is measured.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Of each measurement.
    pub(super) seconds: u64,
    /// Each request has an Idempotency-Key of its own.
    pub(super) keyed: bool,
    /// So many entries are in the logs of limits before.
    pub(super) entries: u64,
    /// No limit of what is sent to a number.
    pub(super) unlimited: bool,
    /// What was made before is copied, and nothing made.
    pub(super) database: Option<PathBuf>,
}

/// One modem takes texts meanwhile, as fast as its network of half a second does.
pub(super) fn intake(folder: &Path, wanted: Wanted) -> Result<Figures, CommandError> {
    let Wanted { seconds, keyed, .. } = wanted;
    let fsync_p50 = fsync_p50(folder)?;
    let simulation = modem_sim::start(&folder.join("sim"), modem_sim::Settings::default())?;
    let recipe = match wanted.unlimited {
        true => Recipe::without_limits(folder, simulation.ports())?,
        false => Recipe::new(folder, simulation.ports())?,
    };
    match &wanted.database {
        Some(database) => copy(database, &recipe.database())?,
        None => entries::fill(&recipe, wanted.entries)?,
    }
    let lasting = Duration::from_secs(seconds);
    let request = |number: u64, octets: &mut Vec<u8>| write_submission(number, keyed, octets);

    let bare = Served::bare()?;
    bare.listens()?;
    let gateway = recipe.start()?;
    gateway.listens()?;
    let mut figures: Figures = vec![
        ("Idempotency-Key", json!(keyed)),
        ("limits of numbers", json!(!wanted.unlimited)),
        match &wanted.database {
            Some(database) => ("database before", json!(database)),
            None => ("entries before", json!(wanted.entries)),
        },
        ("seconds each", json!(seconds)),
    ];
    for connections in CONNECTIONS {
        let nothing = load(bare.address, 204, connections, lasting, &request)?;
        let before = gateway.usage()?;
        let accepts = load(gateway.address, 202, connections, lasting, &request)?;
        let after = gateway.usage()?;
        // The figures of the kernel include the warm-up: they are divided by what was answered with it.
        let all = count(accepts.all);
        figures.push((label(connections), json!("")));
        figures.extend(shown(&accepts));
        figures.push(("  bare 204 per second", rounded(nothing.per_second, 0)));
        figures.push(("  bare p50 ms", rounded(nothing.p50_ms, 3)));
        figures.push((
            "  ratio",
            rounded(accepts.per_second / nothing.per_second, 3),
        ));
        let written = count(after.written - before.written) / all;
        figures.push(("  octets written per message", rounded(written, 0)));
        let cpu = (after.cpu - before.cpu).as_secs_f64() * 1e6 / all;
        figures.push(("  CPU µs per message", rounded(cpu, 1)));
    }
    gateway.stop()?;
    drop(bare);
    for connections in CONNECTIONS {
        let syncs = syncs_per_message(folder, &recipe, connections, &request)?;
        figures.push((label(connections), json!("")));
        figures.push(("  syncs per message", syncs));
    }
    figures.push(("fsync p50 ms", rounded(fsync_p50, 3)));
    figures.push(("limits lifted", json!(LIFTED)));
    simulation.stop();
    Ok(figures)
}

/// Any server, by the same generator.
pub(super) fn load_only(
    address: SocketAddr,
    path: &str,
    connections: usize,
    seconds: u64,
) -> Result<Figures, CommandError> {
    let request = |number: u64, octets: &mut Vec<u8>| {
        let path = path.replace("{number}", &phone_number(number));
        octets.extend_from_slice(
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: keep-alive\r\n\r\n")
                .as_bytes(),
        );
    };
    let lasting = Duration::from_secs(seconds);
    let mut figures: Figures = vec![("connections", json!(connections))];
    figures.extend(shown(&load(address, 202, connections, lasting, &request)?));
    Ok(figures)
}

/// A database that nobody has open.
fn copy(from: &Path, to: &Path) -> Result<(), CommandError> {
    let failed = |error| CommandError::Failed(format!("{}: {error}", from.display()));
    std::fs::copy(from, to).map_err(failed)?;
    Ok(())
}

fn label(connections: usize) -> &'static str {
    match connections {
        1 => "1 connection",
        16 => "16 connections",
        _ => "64 connections",
    }
}

pub(super) fn shown(load: &Load) -> Figures {
    vec![
        ("  answers", json!(load.answers)),
        ("  per second", rounded(load.per_second, 0)),
        ("  p50 ms", rounded(load.p50_ms, 3)),
        ("  p99 ms", rounded(load.p99_ms, 3)),
    ]
}

/// Counted from outside, by strace: every call that makes the disk write, of every thread.
fn syncs_per_message(
    folder: &Path,
    recipe: &Recipe,
    connections: usize,
    request: &(impl Fn(u64, &mut Vec<u8>) + Sync),
) -> Result<serde_json::Value, CommandError> {
    let log = folder.join("syncs.log");
    let Ok(gateway) = recipe.start_traced(&log) else {
        return Ok(json!(
            "not counted: strace is not installed, or may not trace"
        ));
    };
    gateway.listens()?;
    let begin = since_epoch();
    let accepts = load(gateway.address, 202, connections, TRACED, request)?;
    let end = since_epoch();
    gateway.stop()?;
    let log = std::fs::read_to_string(&log)
        .map_err(|error| CommandError::Failed(format!("{}: {error}", log.display())))?;
    let syncs = syncs_between(&log, begin, end);
    Ok(rounded(count(syncs) / count(accepts.all), 4))
}

/// Lines of `strace -f -ttt` that begin a call within a span of time.
fn syncs_between(log: &str, begin: f64, end: f64) -> u64 {
    let calls = log.lines().filter(|line| {
        let mut words = line.split_whitespace().skip(1);
        let at: Option<f64> = words.next().and_then(|at| at.parse().ok());
        let is_call = words.next().is_some_and(|call| call.contains("sync"));
        is_call && at.is_some_and(|at| at >= begin && at <= end)
    });
    calls.count() as u64
}

fn since_epoch() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// Eleven digits as they come in life: in no order.
pub(super) fn phone_number(number: u64) -> String {
    // Odd, so that no two of a hundred million running numbers meet in one.
    let mixed = number.wrapping_mul(2_654_435_769) % 100_000_000;
    format!("86138{mixed:08}")
}

fn write_submission(number: u64, keyed: bool, octets: &mut Vec<u8>) {
    let to = phone_number(number);
    let body = format!(
        r#"{{"to":"+{to}","text":"Your table for two is ready at eight, number {number}"}}"#
    );
    let key = match keyed {
        true => format!("Idempotency-Key: {number}-{}\r\n", std::process::id()),
        false => String::new(),
    };
    octets.extend_from_slice(
        format!(
            "POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: application/json\r\n{key}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_goes_to_another_number() {
        let numbers: std::collections::HashSet<_> = (0..10_000).map(phone_number).collect();
        assert_eq!(numbers.len(), 10_000);
    }

    #[test]
    fn syncs_are_counted_where_they_begin_and_within_the_span() {
        let log = "7 99.5 fdatasync(9) = 0\n\
                   7 100.1 fdatasync(9 <unfinished ...>\n\
                   8 100.2 fsync(10) = 0\n\
                   7 100.3 <... fdatasync resumed>) = 0\n\
                   7 201.0 fdatasync(9) = 0\n";
        assert_eq!(syncs_between(log, 100.0, 200.0), 2);
    }
}

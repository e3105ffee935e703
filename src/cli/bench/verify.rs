//! Codes per second: sent and checked over HTTP, with every limit that holds for a number in place.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::CommandError;
use super::entries;
use super::figures::{Figures, count, fsync_p50, rounded};
use super::intake::{phone_number, shown};
use super::load::{Load, load};
use super::process::{KEY, Recipe, Served, Usage};

const CONNECTIONS: usize = 64;
const LIFTED: &str = "key_rps, key_burst, the quotas of the SIM";

/// Each code goes to another number; then each of these is checked in turn, with a code that is wrong: it costs what a
/// right one does. One modem takes texts meanwhile, as fast as its network of half a second does.
///
/// `before`: so many entries are in the logs of limits by then.
pub(super) fn verify(folder: &Path, seconds: u64, before: u64) -> Result<Figures, CommandError> {
    let fsync_p50 = fsync_p50(folder)?;
    let simulation = modem_sim::start(&folder.join("sim"), modem_sim::Settings::default())?;
    let recipe = Recipe::new(folder, simulation.ports())?;
    entries::fill(&recipe, before)?;
    let gateway = recipe.start()?;
    gateway.listens()?;
    let lasting = Duration::from_secs(seconds);
    let mut figures: Figures = vec![
        ("connections", json!(CONNECTIONS)),
        ("entries before", json!(before)),
        ("seconds each", json!(seconds)),
    ];
    let sent = measured(
        &mut figures,
        "codes sent",
        &gateway,
        201,
        lasting,
        &|number, octets| {
            let body = format!(r#"{{"to":"+{}","locale":"en"}}"#, phone_number(number));
            write_request("/v1/verifications", &body, octets);
        },
    )?;
    // Those of the warm-up and the last of each connection too: they were all answered.
    let numbers = sent.all;
    measured(
        &mut figures,
        "codes checked",
        &gateway,
        200,
        lasting,
        &|number, octets| {
            let to = phone_number(number % numbers + 1);
            let body = format!(r#"{{"to":"+{to}","code":"000000"}}"#);
            write_request("/v1/verifications/check", &body, octets);
        },
    )?;
    gateway.stop()?;
    figures.push(("fsync p50 ms", rounded(fsync_p50, 3)));
    figures.push(("limits lifted", json!(LIFTED)));
    simulation.stop();
    Ok(figures)
}

fn measured(
    figures: &mut Figures,
    what: &'static str,
    gateway: &Served,
    status: u16,
    lasting: Duration,
    write: &(impl Fn(u64, &mut Vec<u8>) + Sync),
) -> Result<Load, CommandError> {
    let before = gateway.usage()?;
    let load = load(gateway.address, status, CONNECTIONS, lasting, write)?;
    figures.push((what, json!("")));
    figures.extend(shown(&load));
    figures.extend(cost(before, gateway.usage()?, load.all));
    Ok(load)
}

fn cost(before: Usage, after: Usage, answers: u64) -> Figures {
    let all = count(answers);
    let written = count(after.written - before.written) / all;
    let cpu = (after.cpu - before.cpu).as_secs_f64() * 1e6 / all;
    vec![
        ("  octets written for each", rounded(written, 0)),
        ("  CPU µs for each", rounded(cpu, 1)),
    ]
}

fn write_request(path: &str, body: &str, octets: &mut Vec<u8>) {
    octets.extend_from_slice(
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {KEY}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
}

//! What a gateway costs that has nothing to do: memory, CPU and wake-ups, by the number of its modems.

use std::path::Path;
use std::time::Duration;

use modem_sim::client::Client;
use serde_json::{Value, json};

use super::CommandError;
use super::figures::{Figures, count, rounded};
use super::process::{Recipe, Served};

/// One after another, each fleet with a gateway and a simulation of its own.
pub(super) fn fleets(
    folder: &Path,
    fleets: &[usize],
    seconds: u64,
) -> Result<Figures, CommandError> {
    let mut figures = Figures::new();
    for (at, modems) in fleets.iter().enumerate() {
        let folder = folder.join(format!("fleet{at}"));
        std::fs::create_dir(&folder)
            .map_err(|error| CommandError::Failed(format!("{}: {error}", folder.display())))?;
        figures.extend(fleet(&folder, *modems, seconds)?);
    }
    Ok(figures)
}

fn fleet(folder: &Path, modems: usize, seconds: u64) -> Result<Figures, CommandError> {
    let settings = modem_sim::Settings {
        modems,
        ..modem_sim::Settings::default()
    };
    let simulation = modem_sim::start(&folder.join("sim"), settings)?;
    let mut client = Client::connect(simulation.control())?;
    let gateway = Recipe::new(folder, simulation.ports())?.start()?;
    let mut figures: Figures = vec![("modems", json!(modems))];
    settle();
    let before = lines(&mut client)?;
    figures.extend(watched(&gateway, seconds)?);
    let asked = lines(&mut client)?.saturating_sub(before);
    let each = count(asked) / count(modems as u64) * 60.0 / count(seconds);
    figures.push(("  AT lines per modem and minute", rounded(each, 2)));
    gateway.stop()?;
    simulation.stop();
    Ok(figures)
}

/// AT lines that the modems have read so far. A modem that nobody has set up is not idle but missing.
fn lines(client: &mut Client) -> Result<u64, CommandError> {
    let stats = client.stats()?;
    match stats.iter().find(|modem| modem.at_lines < LINES_OF_A_START) {
        Some(modem) => Err(CommandError::Failed(format!(
            "modem {} was not set up: it has read {} AT lines",
            modem.modem, modem.at_lines
        ))),
        None => Ok(stats.iter().map(|modem| modem.at_lines).sum()),
    }
}

/// The set-up of a modem has some forty.
const LINES_OF_A_START: u64 = 10;

/// The modems start, and the allocator gives back what the start took.
pub(super) fn settle() {
    std::thread::sleep(Duration::from_secs(10));
}

/// Modems ready, nothing to do.
pub(super) fn watched(gateway: &Served, seconds: u64) -> Result<Figures, CommandError> {
    let before = gateway.usage()?;
    std::thread::sleep(Duration::from_secs(seconds));
    let after = gateway.usage()?;
    let lasting = count(seconds);
    let cpu = (after.cpu - before.cpu).as_secs_f64() / lasting;
    let wake_ups = count(after.wake_ups.saturating_sub(before.wake_ups));
    Ok(vec![
        ("  idle RSS MB", megabytes(after.resident_kib)),
        ("  idle CPU percent of a core", rounded(100.0 * cpu, 3)),
        ("  idle wake-ups per second", rounded(wake_ups / lasting, 2)),
    ])
}

pub(super) fn megabytes(kib: u64) -> Value {
    rounded(count(kib) * 1024.0 / 1e6, 2)
}

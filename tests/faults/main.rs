//! Every fault of the simulator against the whole gateway, all at once, on a clock that the test moves.
//!
//! Each fault has a house of its own: a gateway with two modems, of which the first is in trouble. Whatever happens,
//! each text arrives exactly once or is named uncertain, the modem is ready again, and its neighbour never noticed.
//! The table of what became of each is written to `target/tmp/faults.txt`.

// The lint spares test functions, not the verbs that they use; a panic is how a test fails.
#![allow(clippy::unwrap_used)]

mod clock;
mod house;
mod inquest;
mod line;
mod row;
mod site;
mod soak;
mod tap;

use std::time::Duration;

use modem_sim::{Fault, Listed};
use tokio::time::Instant;

use house::House;
use row::{Begins, Row};

/// Not faults of a modem in themselves.
const TOOLS: [&str; 3] = ["clear", "silence_ends", "urc"];

#[tokio::test(start_paused = true)]
async fn whatever_a_modem_does_each_text_arrives_once_or_is_named_uncertain_and_the_modem_heals() {
    let faults: Vec<&Listed> = Fault::CATALOGUE
        .iter()
        .filter(|listed| !TOOLS.contains(&listed.name))
        .collect();
    let only = std::env::var("FAULT").ok();
    let chosen = faults
        .iter()
        .filter(|listed| only.as_deref().is_none_or(|name| name == listed.name));
    let town = tokio::task::LocalSet::new();
    let houses: Vec<_> = chosen
        .flat_map(|listed| Begins::BOTH.map(|begins| (*listed, begins)))
        .map(|(listed, begins)| town.spawn_local(live_through(listed, begins)))
        .collect();
    let all = town.run_until(async move {
        let mut rows = Vec::new();
        for house in houses {
            rows.push(house.await.unwrap());
        }
        rows
    });
    let mut rows = clock::run(all).await;
    rows.sort_by_key(|row| (row.number, row.name, row.begins));
    let table = row::table(&rows);
    println!("{table}");
    std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/faults.txt"), &table).unwrap();
    let failed: Vec<&Row> = rows.iter().filter(|row| !row.problems.is_empty()).collect();
    assert!(failed.is_empty(), "{}", row::problems(&failed));
}

/// So long the fault lasts, at most; what the modem has not got over by then needs the cause to end.
const TROUBLE: Duration = Duration::from_secs(600);
/// A modem that was given up is tried again every 15 minutes.
const HEALING: Duration = Duration::from_secs(20 * 60);

async fn live_through(listed: &'static Listed, begins: Begins) -> Row {
    let mut row = Row::new(listed, begins);
    let fault = listed.example().unwrap();
    let mut house = House::build(row.number).await;
    if begins == Begins::BeforeTheGateway {
        house.order(&fault).await;
    }
    house.open().await;
    if begins == Begins::InOperation {
        house.until_ready(Duration::from_secs(120)).await.unwrap();
        house.order(&fault).await;
    }
    house.submit().await;
    let neighbour = house
        .until_neighbour_is_done(Duration::from_secs(120))
        .await;
    if !row.touches_the_neighbour() {
        row.expect(neighbour, "the neighbour's texts are late");
    }
    row.healed_alone = house.until_all_is_well(TROUBLE).await;
    if row.healed_alone.is_none() {
        row.said = house.last_error().await;
        house.end(&fault).await;
        let ended_at = Instant::now();
        row.healed_after = house.until_all_is_well(HEALING).await;
        row.healed_after = row.healed_after.map(|_| ended_at.elapsed());
        let healed = row.healed_after.is_some();
        row.expect(healed, "not well after the cause had ended");
    }
    house.judge(&mut row).await;
    house.close().await;
    row
}

//! Every fault of the list, ordered as the control socket takes it, and what a host sees of it.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in what they call"
)]

mod answers;
mod host;
mod line;
mod network;
mod ports;
mod receiving;
mod reports;
mod sending;
mod sim_card;

use modem_sim::Fault;

/// All that is written in these files.
const TESTS: &str = concat!(
    include_str!("answers.rs"),
    include_str!("line.rs"),
    include_str!("network.rs"),
    include_str!("ports.rs"),
    include_str!("receiving.rs"),
    include_str!("reports.rs"),
    include_str!("sending.rs"),
    include_str!("sim_card.rs"),
);

#[test]
fn each_of_the_seventy_has_a_test_and_each_name_is_ordered_in_one() {
    for number in 1..=70 {
        let named = format!("fn every_fault_{number:02}_");
        assert!(TESTS.contains(&named), "no test is called {named}…");
    }
    for listed in Fault::CATALOGUE {
        let ordered = format!("\"kind\": \"{}\"", listed.name);
        assert!(
            TESTS.contains(&ordered),
            "{} is ordered by no test",
            listed.name
        );
    }
}

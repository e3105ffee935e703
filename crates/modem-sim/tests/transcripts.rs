//! Every recorded conversation can be read and played, and its host keeps to it.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml allows it in test functions, not in what they call"
)]

use std::path::Path;
use std::time::Instant;

use modem_sim::{Replay, Transcript};

/// Name and content of every file.
fn transcripts() -> Vec<(String, Transcript)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../hardware/transcripts");
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "at"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let transcript = Transcript::parse(&text);
            let transcript = transcript.unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, transcript)
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[test]
fn all_forty_two_are_there() {
    let numbers: Vec<usize> = transcripts()
        .iter()
        .map(|(name, _)| name[..2].parse().unwrap())
        .collect();
    assert_eq!(numbers, (1..=42).collect::<Vec<_>>());
}

#[test]
fn the_recorded_host_keeps_to_its_recording() {
    for (name, transcript) in transcripts() {
        let mut now = Instant::now();
        let mut modem = Replay::new(now, transcript.clone());
        let mut said = Vec::new();
        for turn in transcript.turns() {
            if let Some(host) = &turn.host {
                now += host.pause;
                modem.take(now, &host.octets);
            }
            while let Some(due) = modem.deadline() {
                now = due;
                modem.expire(now);
            }
            said.extend(std::iter::from_fn(|| modem.poll()).flatten());
        }
        assert!(modem.is_over(), "{name}");
        assert_eq!(modem.departures(), [], "{name}");
        let recorded = transcript.turns().iter().flat_map(|turn| &turn.modem);
        let recorded: Vec<u8> = recorded.flat_map(|line| line.octets.clone()).collect();
        assert_eq!(said, recorded, "{name}");
    }
}

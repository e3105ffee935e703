//! What needs the real binary: signals, a kill in the middle of everything, the order of its start, a full disk,
//! and all of it together again and again.

// The lint spares test functions, not the verbs that they use; a panic is how a test fails.
#![allow(clippy::unwrap_used)]

mod daemon;

mod answers_only_after_recovery;
mod backup_and_restore;
mod commands;
mod doctor;
mod modem_terminal;
mod pays_once;
mod pdu_protocol;
mod receives_once;
mod refuses_bad_starts;
mod signals;
mod simulated_cloud;
mod survives_full_disk;
mod survives_kill;
mod survives_read_only_disk;
mod torture;

//! The promises: one module each, the whole gateway in this process, real ptys, sockets and files.

// The lint spares test functions, not the verbs that they use; a panic is how a test fails.
#![allow(clippy::unwrap_used)]

mod batches;
mod cloud;
mod house;
mod machine;
mod sticks;

mod asks_the_network;
mod cares_for_sims;
mod chooses_routes;
mod clock_may_be_set;
mod codes;
mod codes_by_provider;
mod falls_back_to_cloud;
mod finds_sticks;
mod idempotency_key;
mod keys;
mod never_pays_twice;
mod never_sends_twice;
mod quiet_hours;
mod quotas_hold;
mod reads_modems_again;
mod reassembles;
mod receives;
mod refuses_bad_input;
mod reports_delivery;
mod reports_from_cloud;
mod respects_budget;
mod schedules;
mod sends;
mod shuts_down_cleanly;
mod splits_long_texts;
mod stops_when_told;
mod survives_unplug;
mod template_providers;
mod two_modems_share_work;
mod waiting_says_why;
mod yields_to_sections;

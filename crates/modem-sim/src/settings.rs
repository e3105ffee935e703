//! **Settings**: how many modems, and what their network is like.

use std::time::Duration;

/// What a simulation is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    pub modems: usize,
    /// Identities and first message references are drawn from it; the same seed gives the same modems.
    pub seed: u64,
    pub network: NetworkSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            modems: 1,
            seed: 0,
            network: NetworkSettings::default(),
        }
    }
}

/// What a text takes on its way. Can be changed while the simulation runs; what is under way keeps its time.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// From Ctrl-Z to `+CMGS`, for each modem by itself.
    pub latency: Duration,
    /// From `AT+CMGS` to its prompt.
    pub prompt: Duration,
    /// From acceptance to the report.
    pub report_after: Duration,
    /// TP-ST of the reports; 0x00 is "received by the handset".
    pub report_status: u8,
}

impl Default for NetworkSettings {
    fn default() -> Self {
        Self {
            latency: Duration::from_millis(500),
            prompt: Duration::from_millis(20),
            report_after: Duration::from_secs(1),
            report_status: 0x00,
        }
    }
}

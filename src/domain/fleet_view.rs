//! What is known of each modem at this moment: a snapshot that anybody may read and nobody may change.

use std::sync::Arc;
use std::time::Duration;

use super::{ModemName, PendingCode, SimId, UnixMillis};

/// All modems, in the order of the configuration.
pub type FleetView = Arc<[ModemStatus]>;

/// One modem as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ModemStatus {
    pub name: ModemName,
    /// The port as configured.
    pub device: String,
    pub state: ModemState,
    pub imei: Option<String>,
    pub imsi: Option<String>,
    pub iccid: Option<String>,
    /// The SIM's own number, when it tells it.
    pub number: Option<String>,
    pub operator: Option<String>,
    pub network: Network,
    /// Radio technology as `+COPS?`/`+CREG?` name it: `gsm`, `umts`, `lte` …
    pub tech: Option<&'static str>,
    /// −113 … −51; `None` while unknown.
    pub signal_dbm: Option<i16>,
    /// In words for a person: what is wrong and what to do.
    pub last_error: Option<String>,
    /// Since when it is in this state.
    pub since: UnixMillis,
    /// Mean time from Ctrl-Z to the final result.
    pub mean_send: Duration,
    /// How often each rung of the ladder of recovery was tried since the start, the mildest first.
    pub recoveries: [u32; 7],
}

/// Mean send time of a modem that has sent nothing yet (semantics §5).
pub const FIRST_MEAN_SEND: Duration = Duration::from_secs(4);

impl ModemStatus {
    pub fn absent(name: ModemName, device: String, since: UnixMillis) -> Self {
        Self {
            name,
            device,
            state: ModemState::Absent,
            imei: None,
            imsi: None,
            iccid: None,
            number: None,
            operator: None,
            network: Network::None,
            tech: None,
            signal_dbm: None,
            last_error: None,
            since,
            mean_send: FIRST_MEAN_SEND,
            recoveries: [0; 7],
        }
    }

    /// The SIM in it: ICCID, else IMSI.
    pub fn sim(&self) -> Option<SimId> {
        let digits = self.iccid.as_deref().or(self.imsi.as_deref())?;
        SimId::parse(digits)
    }

    /// 0 … 100 on the scale of `+CSQ`.
    pub fn signal_percent(&self) -> Option<u8> {
        let steps = (self.signal_dbm?.clamp(-113, -51) + 113) * 100 / 62;
        u8::try_from(steps).ok()
    }
}

/// `state` of `GET /v1/modems`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ModemState {
    Starting,
    PinRequired,
    NoSim,
    Registering,
    NoNetwork,
    Ready,
    Recovering,
    Quarantined,
    Paused,
    Failed,
    Absent,
}

impl ModemState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::PinRequired => "pin_required",
            Self::NoSim => "no_sim",
            Self::Registering => "registering",
            Self::NoNetwork => "no_network",
            Self::Ready => "ready",
            Self::Recovering => "recovering",
            Self::Quarantined => "quarantined",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Absent => "absent",
        }
    }

    /// Why a message waits when only a modem in this state could take it (the table of http-api.md G5).
    pub fn pending_code(self) -> PendingCode {
        match self {
            Self::Absent => PendingCode::NoModem,
            Self::Starting | Self::Recovering | Self::Quarantined | Self::Failed => {
                PendingCode::ModemRecovering
            }
            Self::PinRequired => PendingCode::PinRequired,
            Self::NoSim => PendingCode::SimMissing,
            Self::Registering | Self::NoNetwork => PendingCode::NoNetwork,
            Self::Ready => PendingCode::InLine,
            Self::Paused => PendingCode::RoutePaused,
        }
    }
}

/// `network` of `GET /v1/modems`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Network {
    Home,
    Roaming,
    Searching,
    Denied,
    None,
}

impl Network {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Roaming => "roaming",
            Self::Searching => "searching",
            Self::Denied => "denied",
            Self::None => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_is_shown_on_the_scale_of_csq() {
        let mut status = ModemStatus::absent(
            ModemName::parse("m1").unwrap(),
            "/dev/ttyUSB2".into(),
            UnixMillis(0),
        );
        assert_eq!(status.signal_percent(), None);
        for (dbm, percent) in [(-113, 0), (-82, 50), (-51, 100), (-40, 100)] {
            status.signal_dbm = Some(dbm);
            assert_eq!(status.signal_percent(), Some(percent), "{dbm} dBm");
        }
    }
}

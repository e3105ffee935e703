//! **Setup**: what a host can set on a modem and a restart forgets.

use super::text_mode::Parameters;
use crate::personality::Personality;

#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) echo: bool,
    /// Result codes in words (V1) rather than digits (V0).
    pub(crate) verbose: bool,
    pub(crate) cmee: u8,
    /// `+CREG`, `+CGREG`, `+CEREG`.
    pub(crate) registration: [u8; 3],
    /// `None` until the host has written `+CNMI` for the first time since the start.
    pub(crate) cnmi: Option<Cnmi>,
    pub(crate) text_mode: bool,
    pub(crate) csmp: Parameters,
    /// `+CSDH`: whether text mode shows the whole header.
    pub(crate) csdh: u8,
    pub(crate) csms: u8,
    /// mem1 (read, delete), mem2 (write, send), mem3 (receive).
    pub(crate) stores: [Store; 3],
    pub(crate) cscs: String,
    pub(crate) cmms: u8,
    pub(crate) clip: u8,
    /// Whether `+COPS?` names the operator long, short or by number.
    pub(crate) operator_format: u8,
    pub(crate) functionality: u8,
    /// `+IFC`: who holds back whom, from the modem and from the host.
    pub(crate) flow_control: [u8; 2],
}

impl Setup {
    pub(crate) fn of(personality: &Personality) -> Self {
        let speech = &personality.speech;
        let start = &personality.stores.start;
        let store = |name: &String| Store::named(name).unwrap_or(Store::Sim);
        Self {
            echo: speech.echo,
            verbose: speech.verbose,
            cmee: speech.cmee,
            registration: [0; 3],
            cnmi: None,
            text_mode: false,
            csmp: Parameters::default(),
            csdh: 0,
            csms: 0,
            stores: [store(&start[0]), store(&start[1]), store(&start[2])],
            cscs: "GSM".into(),
            cmms: 0,
            clip: 0,
            operator_format: 0,
            functionality: 1,
            flow_control: [2, 2],
        }
    }

    /// `ATZ` and `AT&F`: how the line talks is reset, what was agreed about texts stays.
    pub(crate) fn reset_line(&mut self, personality: &Personality) {
        let fresh = Self::of(personality);
        self.echo = fresh.echo;
        self.verbose = fresh.verbose;
        self.cmee = fresh.cmee;
        self.registration = fresh.registration;
    }

    pub(crate) fn notices(&self) -> Cnmi {
        self.cnmi.unwrap_or_default()
    }
}

/// `+CNMI=mode,mt,bm,ds,bfr` (27.005 §3.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cnmi {
    pub(crate) mode: u8,
    pub(crate) mt: u8,
    pub(crate) bm: u8,
    pub(crate) ds: u8,
    pub(crate) bfr: u8,
}

impl Cnmi {
    /// Values left out stay as they were; `None` when one is not supported.
    pub(crate) fn written(self, values: &[&str], allowed: &[Vec<u8>; 5]) -> Option<Self> {
        let mut fields = [self.mode, self.mt, self.bm, self.ds, self.bfr];
        for ((field, value), allowed) in fields.iter_mut().zip(values).zip(allowed) {
            if !value.is_empty() {
                *field = value.parse().ok().filter(|n| allowed.contains(n))?;
            }
        }
        let [mode, mt, bm, ds, bfr] = fields;
        Some(Self {
            mode,
            mt,
            bm,
            ds,
            bfr,
        })
    }
}

/// One of the memories that `+CPMS` names.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Store {
    Sim,
    Device,
    /// Whatever there is: the device's memory, else the SIM's.
    Total,
    Broadcast,
    Reports,
}

impl Store {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "SM" => Self::Sim,
            "ME" => Self::Device,
            "MT" => Self::Total,
            "BM" => Self::Broadcast,
            "SR" => Self::Reports,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sim => "SM",
            Self::Device => "ME",
            Self::Total => "MT",
            Self::Broadcast => "BM",
            Self::Reports => "SR",
        }
    }
}

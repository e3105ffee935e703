//! **Personality**: what distinguishes one make of modem from another, as data.
//!
//! The reader asks questions of it and never for a vendor's name. `generic` follows 27.005 and 27.007 to the
//! letter; other makes become further constructors here.

#[derive(Clone, Debug)]
pub(crate) struct Personality {
    pub(crate) manufacturer: &'static str,
    pub(crate) model: &'static str,
    pub(crate) revision: &'static str,
    /// Slots of the SIM's store; a real SIM has 10 to 50.
    pub(crate) sim_slots: usize,
    /// The index of the first slot: Huawei counts from 0, everybody else from 1.
    pub(crate) first_slot: usize,
    pub(crate) operator: Operator,
    /// Where the service centre is before anybody writes `+CSCA`.
    pub(crate) service_centre: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) long_name: &'static str,
    pub(crate) short_name: &'static str,
    pub(crate) code: &'static str,
}

impl Personality {
    pub(crate) fn generic() -> Self {
        Self {
            manufacturer: "Cellpost",
            model: "SIM-1",
            revision: "1.0",
            sim_slots: 50,
            first_slot: 1,
            operator: Operator {
                long_name: "CHINA MOBILE",
                short_name: "CMCC",
                code: "46000",
            },
            service_centre: "+8613800100500",
        }
    }
}

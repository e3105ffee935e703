//! What is kept to, whatever a caller asks for (semantics §9, §10).

use jiff::tz::TimeZone;

use super::{Curfew, Preferences, StopRules};

/// Of one gateway: from its config.
#[derive(Clone, Debug)]
pub struct Manners {
    pub stop: StopRules,
    /// Preferences of a number that has none of its own.
    pub usual: Preferences,
    pub curfew: Curfew,
}

/// Those of a config that says nothing of them, in UTC.
impl Default for Manners {
    fn default() -> Self {
        Self {
            stop: StopRules::default(),
            usual: Preferences::usual(TimeZone::UTC),
            curfew: Curfew::default(),
        }
    }
}

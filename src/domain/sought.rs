//! Which modem is meant, whatever port it is at today.

use std::fmt;

/// A modem by its IMEI, a SIM by its ICCID; both: this SIM in this modem.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sought {
    /// 15 digits.
    pub imei: Option<String>,
    /// 18 to 20 digits.
    pub iccid: Option<String>,
}

impl Sought {
    pub fn imei(imei: &str) -> Self {
        Self {
            imei: Some(imei.to_owned()),
            iccid: None,
        }
    }

    /// What is asked for is known of it, and is it.
    pub fn is_met_by(&self, imei: Option<&str>, iccid: Option<&str>) -> bool {
        let imei_fits = self.imei.is_none() || imei.is_some() && !self.contradicts(imei, None);
        let iccid_fits = self.iccid.is_none() || iccid.is_some() && !self.contradicts(None, iccid);
        imei_fits && iccid_fits
    }

    /// What is known of it is another one's.
    pub fn contradicts(&self, imei: Option<&str>, iccid: Option<&str>) -> bool {
        let is_other = |wanted: &Option<String>, told: Option<&str>| match (wanted, told) {
            (Some(wanted), Some(told)) => !is_same(wanted, told),
            _ => false,
        };
        is_other(&self.imei, imei) || is_other(&self.iccid, iccid)
    }
}

/// Some modems leave the check digit of an ICCID out, or of an IMEI in its place.
fn is_same(wanted: &str, told: &str) -> bool {
    let (short, long) = match wanted.len() < told.len() {
        true => (wanted, told),
        false => (told, wanted),
    };
    long.len() - short.len() <= 1 && long.starts_with(short)
}

impl fmt::Display for Sought {
    /// The last digits: they tell sticks apart, and are no identity for whoever reads a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tail = |digits: &str| digits[digits.len().saturating_sub(6)..].to_owned();
        let imei = self
            .imei
            .as_deref()
            .map(|imei| format!("IMEI …{}", tail(imei)));
        let iccid = self
            .iccid
            .as_deref()
            .map(|iccid| format!("ICCID …{}", tail(iccid)));
        let all: Vec<String> = imei.into_iter().chain(iccid).collect();
        f.write_str(&all.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMEI: &str = "860000000000017";
    const ICCID: &str = "89860012345678901234";

    #[test]
    fn a_modem_is_meant_when_all_that_is_asked_for_is_known_and_equal() {
        let modem = Sought::imei(IMEI);
        assert!(modem.is_met_by(Some(IMEI), None));
        assert!(!modem.is_met_by(None, Some(ICCID)));
        assert!(!modem.is_met_by(Some("860000000000025"), None));
        let both = Sought {
            iccid: Some(ICCID.to_owned()),
            ..modem
        };
        assert!(
            !both.is_met_by(Some(IMEI), None),
            "its SIM is not known yet"
        );
        assert!(both.is_met_by(Some(IMEI), Some(ICCID)));
        assert!(!both.contradicts(Some(IMEI), None));
        assert!(both.contradicts(Some(IMEI), Some("89860012345678901299")));
    }

    #[test]
    fn a_check_digit_that_is_left_out_makes_no_other_sim() {
        let sim = Sought {
            imei: None,
            iccid: Some(ICCID.to_owned()),
        };
        assert!(sim.is_met_by(None, Some(&ICCID[..19])));
        assert!(!sim.is_met_by(None, Some(&ICCID[..18])));
        assert!(!sim.is_met_by(None, Some("")));
    }

    #[test]
    fn what_is_shown_is_the_end_of_the_numbers() {
        assert_eq!(Sought::imei(IMEI).to_string(), "IMEI …000017");
    }
}

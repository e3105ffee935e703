//! **Identity**: who a simulated modem and its SIM are, drawn from the seed and the modem's index.
//!
//! All numbers have the right length and check digit, and belong to nobody.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    pub(crate) imei: String,
    pub(crate) imsi: String,
    pub(crate) iccid: String,
    /// The SIM's own number.
    pub(crate) number: String,
    /// The reference of the first text sent; a real SIM keeps its last one (EF SMSS).
    pub(crate) first_reference: u8,
}

impl Identity {
    pub(crate) fn of(seed: u64, modem: usize) -> Self {
        let index = modem as u64;
        // One stream per modem: adding a modem must not change its neighbours.
        let mut chance = StdRng::seed_from_u64(seed.rotate_left(17) ^ index.wrapping_mul(PRIME));
        let salt: u64 = chance.random_range(0..1000);
        Self {
            imei: with_check_digit(format!("867962{salt:03}{:05}", index % 100_000)),
            imsi: format!("46000{salt:03}{:07}", index % 10_000_000),
            iccid: with_check_digit(format!("898600{salt:03}{index:010}")),
            number: format!("+{}", FIRST_NUMBER + index),
            first_reference: chance.random(),
        }
    }

    /// What is the SIM's becomes the other's.
    pub(crate) fn trade_cards(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.imsi, &mut other.imsi);
        std::mem::swap(&mut self.iccid, &mut other.iccid);
        std::mem::swap(&mut self.number, &mut other.number);
    }
}

const FIRST_NUMBER: u64 = 8_613_900_000_001;

/// Any odd number with well spread bits: it only has to tell neighbouring indices apart.
const PRIME: u64 = 0x9E37_79B9_7F4A_7C15;

/// Luhn, as IMEI and ICCID have it.
fn with_check_digit(mut digits: String) -> String {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, octet)| {
            let digit = u32::from(octet - b'0');
            match (place % 2 == 0, digit * 2) {
                (true, doubled) if doubled > 9 => doubled - 9,
                (true, doubled) => doubled,
                (false, _) => digit,
            }
        })
        .sum();
    digits.push(char::from(b'0' + ((10 - sum % 10) % 10) as u8));
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_digit_is_the_published_one() {
        assert_eq!(with_check_digit("49015420323751".into()), "490154203237518");
    }

    #[test]
    fn modems_of_one_seed_differ_and_stay_the_same() {
        let (zero, one) = (Identity::of(7, 0), Identity::of(7, 1));
        assert_eq!(zero, Identity::of(7, 0));
        assert_ne!(zero.imei, one.imei);
        assert_ne!(zero.imsi, one.imsi);
        assert_ne!(zero.iccid, one.iccid);
        assert_eq!(zero.number, "+8613900000001");
        assert_eq!(one.number, "+8613900000002");
        assert_eq!(
            (zero.imei.len(), zero.imsi.len(), zero.iccid.len()),
            (15, 15, 20)
        );
    }
}

//! User data read bit by bit, as the specification words it (23.038 §6.1.2.1, 23.040 §9.2.3.24).

/// The octets of a submit in front of TP-UDL, with an address of so many digits.
pub fn octets_in_front(digits: usize, validity: usize) -> usize {
    // First octet, reference, length and type of the address, its digits, protocol, coding scheme.
    2 + 2 + digits.div_ceil(2) + 2 + validity
}

/// TP-UDL, the header with its length octet, and everything of TP-UD.
#[derive(Debug)]
pub struct UserDataOctets<'a> {
    pub length: usize,
    pub header: usize,
    pub octets: &'a [u8],
}

impl<'a> UserDataOctets<'a> {
    /// Of a submit whose user data begins there.
    pub fn of(submit: &'a [u8], at: usize) -> Self {
        let octets = &submit[at + 1..];
        let header = if submit[0] & 0x40 == 0 {
            0
        } else {
            1 + usize::from(octets[0])
        };
        Self {
            length: usize::from(submit[at]),
            header,
            octets,
        }
    }

    /// The septets behind the header. Fill bits and spare bits must be 0, and the octets just enough.
    pub fn septets(&self) -> Vec<u8> {
        assert_eq!(self.octets.len(), (self.length * 7).div_ceil(8));
        let septets = septets_of(self.octets, self.length);
        let behind = (self.header * 8).div_ceil(7);
        let bit = |at: usize| self.octets[at / 8] >> (at % 8) & 1;
        let fill = self.header * 8..behind * 7;
        let spare = self.length * 7..self.octets.len() * 8;
        assert!(fill.chain(spare).all(|at| bit(at) == 0));
        septets[behind..].to_vec()
    }
}

/// Septets one bit after the other, the lowest first.
pub fn septets_of(octets: &[u8], count: usize) -> Vec<u8> {
    let bit = |at: usize| octets[at / 8] >> (at % 8) & 1;
    (0..count)
        .map(|septet| (0..7).map(|low| bit(septet * 7 + low) << low).sum())
        .collect()
}

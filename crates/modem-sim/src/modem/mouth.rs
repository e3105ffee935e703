//! **Mouth**: how what a modem says becomes octets on the line: whole, in pieces, late, or damaged.
//!
//! Pure: pieces that are due later wait here, and chances are drawn from what it is handed.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;

use crate::fault::Fault;
use crate::moment::Moment;

#[derive(Debug, Default)]
pub(super) struct Mouth {
    cut: Cut,
    noise: Noise,
    /// Pieces that are due later, in order.
    pieces: VecDeque<(Instant, Vec<u8>)>,
}

#[derive(Debug, Default)]
enum Cut {
    #[default]
    Whole,
    Pieces {
        octets: usize,
    },
    RandomPieces {
        from: usize,
        to: usize,
    },
    /// In two halves, the second so much later.
    Halves {
        apart: Duration,
    },
    /// Whatever is said within so long, in one piece.
    Together {
        within: Duration,
    },
}

#[derive(Debug, Default)]
struct Noise {
    insert_per_mille: u16,
    drop_per_mille: u16,
    flip_per_mille: u16,
}

impl Mouth {
    pub(super) fn order(&mut self, fault: &Fault) {
        match *fault {
            Fault::Clear => (self.cut, self.noise) = (Cut::Whole, Noise::default()),
            Fault::Fragments { octets: 0 }
            | Fault::RandomFragments { to: 0, .. }
            | Fault::SplitLines { after_ms: 0 }
            | Fault::Coalesce { ms: 0 } => self.cut = Cut::Whole,
            Fault::Fragments { octets } => self.cut = Cut::Pieces { octets },
            Fault::RandomFragments { from, to } => {
                let from = from.clamp(1, to);
                self.cut = Cut::RandomPieces { from, to };
            }
            Fault::SplitLines { after_ms } => {
                let apart = Duration::from_millis(after_ms);
                self.cut = Cut::Halves { apart };
            }
            Fault::Coalesce { ms } => {
                let within = Duration::from_millis(ms);
                self.cut = Cut::Together { within };
            }
            Fault::Noise {
                insert_per_mille,
                drop_per_mille,
                flip_per_mille,
            } => {
                self.noise = Noise {
                    insert_per_mille,
                    drop_per_mille,
                    flip_per_mille,
                }
            }
            _ => {}
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.pieces.front().map(|(due, _)| *due)
    }

    pub(super) fn is_whole(&self) -> bool {
        matches!(self.cut, Cut::Whole)
    }

    /// The next piece whose time has come.
    pub(super) fn take_due(&mut self, now: Moment) -> Option<Vec<u8>> {
        let piece = self.pieces.pop_front_if(|(due, _)| *due <= now.instant);
        piece.map(|(_, octets)| octets)
    }

    pub(super) fn forget(&mut self) {
        self.pieces.clear();
    }

    /// Takes what is said; what is due at once is to be taken with [`Mouth::take_due`].
    pub(super) fn say(&mut self, now: Moment, octets: Vec<u8>, chance: &mut StdRng) {
        let octets = self.noise.over(octets, chance);
        // Nothing overtakes what was said before.
        let after = self.pieces.back().map(|(due, _)| *due);
        let first = after.map_or(now.instant, |due| due.max(now.instant));
        match self.cut {
            Cut::Whole => self.put(first, octets),
            Cut::Pieces { octets: size } => self.put_pieces(after, now, &octets, || size),
            Cut::RandomPieces { from, to } => {
                self.put_pieces(after, now, &octets, || chance.random_range(from..=to));
            }
            Cut::Halves { apart } => {
                let (head, tail) = octets.split_at(octets.len() / 2);
                self.put(first, head.to_vec());
                self.put(first + apart, tail.to_vec());
            }
            Cut::Together { within } => match self.pieces.back_mut() {
                Some((_, waiting)) => waiting.extend(octets),
                None => self.put(now.instant + within, octets),
            },
        }
    }

    fn put_pieces(
        &mut self,
        after: Option<Instant>,
        now: Moment,
        octets: &[u8],
        mut size: impl FnMut() -> usize,
    ) {
        let mut due = after.map_or(now.instant, |due| due + BETWEEN_PIECES);
        let mut rest = octets;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(size().clamp(1, rest.len()));
            self.put(due, piece.to_vec());
            due += BETWEEN_PIECES;
            rest = behind;
        }
    }

    fn put(&mut self, due: Instant, octets: Vec<u8>) {
        if self.pieces.len() == MOST_PIECES {
            self.pieces.pop_front();
        }
        if !octets.is_empty() {
            self.pieces.push_back((due, octets));
        }
    }
}

impl Noise {
    fn over(&self, octets: Vec<u8>, chance: &mut StdRng) -> Vec<u8> {
        let any = self.insert_per_mille + self.drop_per_mille + self.flip_per_mille;
        if any == 0 {
            return octets;
        }
        let mut heard = Vec::with_capacity(octets.len());
        for octet in octets {
            let mut happens = |per_mille: u16| chance.random_range(0..1000) < per_mille;
            if happens(self.insert_per_mille) {
                heard.push(if happens(500) { 0x00 } else { 0xFF });
            }
            if happens(self.drop_per_mille) {
                continue;
            }
            let flips = happens(self.flip_per_mille);
            heard.push(match flips {
                true => octet ^ (1 << chance.random_range(0..7)),
                false => octet,
            });
        }
        heard
    }
}

/// Fragmented output that is not yet due; the oldest piece is lost.
const MOST_PIECES: usize = 64 * 1024;
const BETWEEN_PIECES: Duration = Duration::from_millis(1);

//! What was said on the line of one modem lately, for when something has to be explained.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Mutex;

use cellpost::domain::UnixMillis;

use crate::clock;

#[derive(Debug, Default)]
pub(crate) struct Tap {
    heard: Mutex<VecDeque<Heard>>,
}

#[derive(Debug)]
struct Heard {
    at: UnixMillis,
    who: Who,
    octets: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Host,
    Modem,
}

/// Some minutes of a busy line.
const MOST_HEARD: usize = 300;

impl Tap {
    pub(crate) fn hear(&self, who: Who, octets: &[u8]) {
        let mut heard = self.heard.lock().unwrap();
        if heard.len() == MOST_HEARD {
            heard.pop_front();
        }
        heard.push_back(Heard {
            at: clock::now(),
            who,
            octets: octets.to_vec(),
        });
    }

    /// What is remembered, each with when it was said.
    pub(crate) fn lines(&self) -> Vec<(UnixMillis, String)> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .map(|one| {
                let mark = match one.who {
                    Who::Host => '>',
                    Who::Modem => '<',
                };
                (one.at, format!("{mark} {}", shown(&one.octets)))
            })
            .collect()
    }
}

fn shown(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut shown, octet| {
        let _ = write!(shown, "{}", octet.escape_ascii());
        shown
    })
}

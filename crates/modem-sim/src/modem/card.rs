//! **Card**: the SIM in its holder, its lock and what it answers.

use std::time::{Duration, Instant};

use super::{Answer, Failure, Later, Modem};
use crate::moment::Moment;
use crate::syntax::{Form, values};

#[derive(Debug)]
pub(super) struct Card {
    pub(super) present: bool,
    pub(super) lock: Option<Lock>,
    /// It is there, and the modem has trouble with it until then.
    failing_until: Option<Instant>,
    /// The code of `+CME ERROR` with which its commands are put off until then.
    busy_until: Option<(Instant, u16)>,
}

#[derive(Debug)]
pub(super) struct Lock {
    pub(super) pin: String,
    pub(super) puk: String,
    pub(super) pin_tries: u8,
    pub(super) puk_tries: u8,
    pub(super) open: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CardState {
    Ready,
    Pin,
    Puk,
    /// No tries are left, not even for the PUK.
    Dead,
    Absent,
    Failing,
}

impl Card {
    pub(super) fn new() -> Self {
        Self {
            present: true,
            lock: None,
            failing_until: None,
            busy_until: None,
        }
    }

    pub(super) fn state(&self, now: Moment) -> CardState {
        if !self.present {
            return CardState::Absent;
        }
        if self.failing_until.is_some_and(|until| now.instant < until) {
            return CardState::Failing;
        }
        match &self.lock {
            Some(lock) if lock.open => CardState::Ready,
            Some(lock) if lock.pin_tries > 0 => CardState::Pin,
            Some(lock) if lock.puk_tries > 0 => CardState::Puk,
            Some(_) => CardState::Dead,
            None => CardState::Ready,
        }
    }

    /// Power-up: whatever was typed in is forgotten.
    pub(super) fn restart(&mut self) {
        if let Some(lock) = &mut self.lock {
            lock.open = false;
        }
        self.busy_until = None;
    }

    pub(super) fn be_busy(&mut self, now: Moment, code: u16, ms: u64) {
        if ms > 0 {
            self.busy_until = Some((now.instant + Duration::from_millis(ms), code));
        }
    }

    pub(super) fn fail(&mut self, now: Moment, ms: u64) {
        self.failing_until = Some(now.instant + Duration::from_millis(ms));
    }

    /// No lock and no trouble; whether it is there stays as it is.
    pub(super) fn mend(&mut self) {
        let present = self.present;
        *self = Self {
            present,
            ..Self::new()
        };
    }

    fn busy(&self, now: Moment) -> Option<u16> {
        let busy = self.busy_until.filter(|(until, _)| now.instant < *until);
        busy.map(|(_, code)| code)
    }

    fn tries(&self) -> (u8, u8) {
        let lock = self.lock.as_ref();
        lock.map_or((3, 10), |lock| (lock.pin_tries, lock.puk_tries))
    }
}

impl Modem {
    /// Why a command that needs the SIM cannot be followed.
    pub(super) fn hindrance(&self, now: Moment, name: &str) -> Option<Failure> {
        if !needs_card(name) {
            return None;
        }
        let of_texts = name.starts_with("+CM") || name == "+CPMS";
        if of_texts && self.sms_ready_at.is_some_and(|ready| now.instant < ready) {
            return Some(Failure::Plain);
        }
        let code = match self.card.state(now) {
            CardState::Ready => return self.card.busy(now).map(Failure::Cme),
            // 27.005 §3.2.5 and 27.007 §9.2.1 number these alike, 300 apart.
            CardState::Absent => 10,
            CardState::Pin => 11,
            CardState::Puk => 12,
            CardState::Dead | CardState::Failing => 13,
        };
        Some(match of_texts {
            true => Failure::Cms(300 + code),
            false => Failure::Cme(code),
        })
    }

    pub(super) fn pin(&mut self, now: Moment, form: &Form<'_>) -> Answer {
        if let Some(code) = self.card.busy(now) {
            return Answer::Failed(Failure::Cme(code));
        }
        match form {
            Form::Read => self.pin_state(now),
            Form::Test => Answer::Ok,
            Form::Write(written) => self.enter_pin(now, &values(written)),
            Form::Run => Answer::Failed(Failure::Unknown),
        }
    }

    fn pin_state(&self, now: Moment) -> Answer {
        let wanted = match self.card.state(now) {
            CardState::Ready => "READY",
            CardState::Pin => "SIM PIN",
            CardState::Puk => "SIM PUK",
            CardState::Absent => return Answer::Failed(Failure::Cme(10)),
            CardState::Dead | CardState::Failing => return Answer::Failed(Failure::Cme(13)),
        };
        let line = format!("+CPIN: {wanted}");
        match self.traits.card.cpin_without_ok {
            true => Answer::Unfinished(line),
            false => Answer::Lines(line),
        }
    }

    fn enter_pin(&mut self, now: Moment, written: &[&str]) -> Answer {
        let state = self.card.state(now);
        let Some(lock) = self.card.lock.as_mut() else {
            // 27.007 §8.3: no PIN is wanted, so one that is offered is an operation not allowed.
            return Answer::Failed(Failure::Cme(3));
        };
        match (state, written) {
            (CardState::Pin, [pin]) if *pin == lock.pin => lock.pin_tries = 3,
            (CardState::Pin, [_]) => {
                lock.pin_tries -= 1;
                return Answer::Failed(Failure::Cme(16));
            }
            (CardState::Puk, [puk, pin]) if *puk == lock.puk => {
                lock.pin = (*pin).to_owned();
                (lock.pin_tries, lock.puk_tries) = (3, 10);
            }
            (CardState::Puk, [_, _]) => {
                lock.puk_tries -= 1;
                return Answer::Failed(Failure::Cme(16));
            }
            (CardState::Puk, _) => return Answer::Failed(Failure::Cme(12)),
            _ => return Answer::Failed(Failure::Cme(3)),
        }
        lock.open = true;
        let boot = &self.traits.boot;
        self.card.be_busy(now, boot.busy, boot.busy_ms);
        self.tell_registration(now);
        Answer::Ok
    }

    /// 27.007 §8.65.
    pub(super) fn pin_tries(&self) -> Answer {
        let (pin, puk) = self.card.tries();
        Answer::Lines(format!(
            "+CPINR: SIM PIN,{pin},3\r\n+CPINR: SIM PUK,{puk},10"
        ))
    }

    /// Takes the SIM out or puts it in, and says so the way this make does.
    pub(super) fn insert_card(&mut self, now: Moment, present: bool) {
        if self.card.present == present {
            return;
        }
        self.card.present = present;
        let lines = match present {
            true => self.traits.card.inserted.clone(),
            false => self.traits.card.removed.clone(),
        };
        self.card.restart();
        for line in lines {
            self.announce(now, line);
        }
        self.tell_registration(now);
    }

    /// The SIM in here goes into `other`; the one in there is out, and in this modem's reach.
    pub(crate) fn trade_cards(&mut self, now: Moment, other: &mut Self) {
        self.insert_card(now, false);
        other.insert_card(now, false);
        std::mem::swap(&mut self.card.lock, &mut other.card.lock);
        self.identity.trade_cards(&mut other.identity);
        other.insert_card(now, true);
    }

    pub(super) fn fail_card(&mut self, now: Moment, for_ms: u64) {
        self.card.fail(now, for_ms);
        self.tell_registration(now);
        self.later(now, for_ms, Later::CardRecovers);
    }

    pub(super) fn card_recovers(&mut self, now: Moment) {
        if self.card.state(now) == CardState::Ready {
            self.announce(now, "+CPIN: READY".into());
        }
        self.tell_registration(now);
    }

    /// A line of the maker's with what is true now put in.
    pub(super) fn filled_in(&self, now: Moment, line: &str) -> String {
        let (pin, puk) = self.card.tries();
        let (lock, tries) = match self.card.state(now) {
            CardState::Pin => ("SIM PIN", pin),
            CardState::Puk | CardState::Dead => ("SIM PUK", puk),
            _ => ("READY", pin),
        };
        line.replace("{imei}", &self.identity.imei)
            .replace("{iccid}", &self.identity.iccid)
            .replace("{lock}", lock)
            .replace("{tries}", &tries.to_string())
            .replace("{pin_tries}", &pin.to_string())
            .replace("{puk_tries}", &puk.to_string())
            .replace("{radio}", self.technology().name())
    }

    /// EF ICCID of the SIM, for those who read it themselves: digits swapped in pairs.
    pub(super) fn read_record(&self, now: Moment, written: &str) -> Answer {
        if self.card.state(now) == CardState::Absent {
            return Answer::Failed(Failure::Cme(10));
        }
        match values(written)[..] {
            ["176", "12258", ..] => {
                let digits: Vec<char> = self.identity.iccid.chars().collect();
                let pairs = digits.chunks(2);
                let swapped: String = pairs.flat_map(|pair| pair.iter().rev()).collect();
                Answer::Lines(format!("+CRSM: 144,0,\"{swapped}\""))
            }
            // 51.011 §9.4.4: file not found.
            _ => Answer::Lines("+CRSM: 148,4".into()),
        }
    }
}

/// The ICCID is readable before the PIN; what has to do with texts, subscriber and network is not.
fn needs_card(name: &str) -> bool {
    matches!(
        name,
        "+CIMI"
            | "+CNUM"
            | "+CSCA"
            | "+CSMP"
            | "+CPMS"
            | "+CUSD"
            | "+CMGF"
            | "+CMGL"
            | "+CMGR"
            | "+CMGD"
            | "+CMGS"
            | "+CMMS"
    )
}

//! **Script**: what is left of the faults that were ordered for one modem's sends and answers.
//!
//! A fault is an order for one modem and outlives an unplug: what was asked of "the third send from now" is
//! still asked after a replug. Pure: the modem and the network ask the script; it decides nothing by itself, and
//! draws chances only from what it is handed.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

use crate::fate::{AnswerFate, PromptFate, Refused, ReportFate, ReportManner, SendFate, Wording};
use crate::fault::Fault;
use crate::personality::Technology;

/// What is still to go wrong with one modem.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Send number → code; numbers count from the first send of the simulation.
    refusals: BTreeMap<u64, u16>,
    refusals_late: Counted<LateRefusal>,
    refusals_at_random: Option<(Vec<u16>, u16)>,
    sends: u64,
    prompt_latency: Option<(u64, u64)>,
    prompt_never: u32,
    prompt_late: Counted<u64>,
    answer_late: Counted<u64>,
    answer_lost: u32,
    without_ok: u32,
    without_reference: u32,
    report_status: Counted<u8>,
    report_pending: Counted<u8>,
    report_twice: u32,
    report_national: u32,
    no_reports: Withheld,
    report_first: u32,
    cap: Option<Cap>,
    no_credit: Option<u16>,
    filter: Option<Option<u64>>,
    latency: Option<(Technology, bool)>,
    /// What befalls the modem itself in the next sends, one each.
    mishaps: VecDeque<Mishap>,
    before_answer: Counted<String>,
    inside_list: Counted<Vec<String>>,
    announcement: Counted<Announcement>,
    cnma_refused: u32,
    held_back: u32,
    pub(crate) storage_full: bool,
    pub(crate) loses_in_flight: bool,
}

/// Reports that are not sent.
#[derive(Debug, Default)]
enum Withheld {
    #[default]
    None,
    Next(u32),
    UntilCleared,
}

#[derive(Clone, Copy, Debug, Default)]
struct LateRefusal {
    code: u16,
    ms: u64,
    accepted: bool,
}

#[derive(Debug)]
struct Cap {
    after: u32,
    code: u16,
    denied_after: Option<u32>,
    reset_helps: bool,
    sent: u32,
    refused: u32,
}

/// How a text is announced; what is not given is as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Announcement {
    pub(crate) store: Option<String>,
    pub(crate) index: Option<i64>,
    pub(crate) copies: u32,
}

/// What befalls the modem when it sends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mishap {
    Silence { for_ms: Option<u64> },
    Undervoltage { for_ms: u64, accepted: bool },
    Vanish { for_ms: u64 },
    Ring { number: String },
}

/// A value that holds for so many more times.
#[derive(Debug, Default)]
struct Counted<T> {
    value: T,
    left: u32,
}

impl<T: Clone> Counted<T> {
    fn new(value: T, left: u32) -> Self {
        Self { value, left }
    }

    fn spend(&mut self) -> Option<T> {
        spend(&mut self.left).then(|| self.value.clone())
    }
}

fn spend(left: &mut u32) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

impl Script {
    /// Takes an order in. What is an event or a trait is not for the script, and passes by.
    pub(crate) fn order(&mut self, fault: &Fault) {
        match fault {
            Fault::Clear => {
                *self = Self {
                    sends: self.sends,
                    ..Self::default()
                }
            }
            Fault::PromptLatency { from_ms, to_ms } => {
                self.prompt_latency = Some((*from_ms, *to_ms.max(from_ms)));
            }
            Fault::PromptNever { times } => self.prompt_never = *times,
            Fault::PromptLate { ms, times } => self.prompt_late = Counted::new(*ms, *times),
            Fault::AnswerLate { ms, times } => self.answer_late = Counted::new(*ms, *times),
            Fault::AnswerLost { times } => self.answer_lost = *times,
            Fault::AnswerWithoutOk { times } => self.without_ok = *times,
            Fault::AnswerWithoutReference { times } => self.without_reference = *times,
            Fault::AnswersHeldBack { times } => self.held_back = *times,
            Fault::UrcBeforeAnswer { text, times } => {
                self.before_answer = Counted::new(text.clone(), *times);
            }
            Fault::UrcInsideList { texts, times } => {
                self.inside_list = Counted::new(texts.clone(), *times);
            }
            Fault::CnmaRefused { times } => self.cnma_refused = *times,
            Fault::Announcement {
                store,
                index,
                copies,
                times,
            } => {
                let announcement = Announcement {
                    store: store.clone(),
                    index: *index,
                    copies: (*copies).min(MOST_COPIES),
                };
                self.announcement = Counted::new(announcement, *times);
            }
            Fault::StorageFull { on } => self.storage_full = *on,
            Fault::LosesInFlight { on } => self.loses_in_flight = *on,
            Fault::Latency { radio, tail } => self.latency = Some((*radio, *tail)),
            _ => {
                self.order_of_sends(fault);
                self.order_of_reports(fault);
                self.order_of_mishaps(fault);
            }
        }
    }

    fn order_of_sends(&mut self, fault: &Fault) {
        match fault {
            Fault::Refuse { sends } => {
                let wanted = sends.iter().take(MOST_REFUSALS);
                self.refusals
                    .extend(wanted.map(|&(k, code)| (self.sends + u64::from(k), code)));
                while self.refusals.len() > MOST_REFUSALS {
                    self.refusals.pop_last();
                }
            }
            Fault::RefuseLate {
                code,
                ms,
                accepted,
                times,
            } => {
                let refusal = LateRefusal {
                    code: *code,
                    ms: *ms,
                    accepted: *accepted,
                };
                self.refusals_late = Counted::new(refusal, *times);
            }
            Fault::RefuseAtRandom { codes, per_mille } => {
                let any = *per_mille > 0 && !codes.is_empty();
                self.refusals_at_random = any.then(|| (codes.clone(), *per_mille));
            }
            Fault::SimCap {
                after,
                code,
                denied_after,
                reset_helps,
            } => {
                self.cap = Some(Cap {
                    after: *after,
                    code: *code,
                    denied_after: *denied_after,
                    reset_helps: *reset_helps,
                    sent: 0,
                    refused: 0,
                });
            }
            Fault::NoCredit { code, on } => self.no_credit = on.then_some(*code),
            Fault::OperatorFilter { on, expires_ms } => self.filter = on.then_some(*expires_ms),
            _ => {}
        }
    }

    fn order_of_reports(&mut self, fault: &Fault) {
        match *fault {
            Fault::ReportStatus { status, times } => {
                self.report_status = Counted::new(status, times);
            }
            Fault::ReportPending { status, times } => {
                self.report_pending = Counted::new(status, times);
            }
            Fault::ReportTwice { times } => self.report_twice = times,
            Fault::ReportNational { times } => self.report_national = times,
            Fault::ReportFirst { times } => self.report_first = times,
            Fault::NoReports { times } => {
                self.no_reports = times.map_or(Withheld::UntilCleared, Withheld::Next);
            }
            _ => {}
        }
    }

    fn order_of_mishaps(&mut self, fault: &Fault) {
        let (mishap, times) = match fault {
            Fault::SilentAfterSend { for_ms } => (Mishap::Silence { for_ms: *for_ms }, 1),
            Fault::Undervoltage { for_ms, accepted } => {
                let (for_ms, accepted) = (*for_ms, *accepted);
                (Mishap::Undervoltage { for_ms, accepted }, 1)
            }
            Fault::Reenumeration {
                for_ms,
                in_flight: true,
            } => (Mishap::Vanish { for_ms: *for_ms }, 1),
            Fault::RingDuringSend { number, times } => {
                let number = number.clone();
                (Mishap::Ring { number }, *times)
            }
            _ => return,
        };
        for _ in 0..times {
            if self.mishaps.len() < MOST_MISHAPS {
                self.mishaps.push_back(mishap.clone());
            }
        }
    }

    pub(crate) fn next_prompt(&mut self, chance: &mut StdRng) -> PromptFate {
        if spend(&mut self.prompt_never) {
            return PromptFate::Never;
        }
        let drawn = self.prompt_latency;
        PromptFate::Comes {
            late: Duration::from_millis(self.prompt_late.spend().unwrap_or(0)),
            drawn: drawn.map(|(from, to)| Duration::from_millis(chance.random_range(from..=to))),
        }
    }

    pub(crate) fn next_mishap(&mut self) -> Option<Mishap> {
        self.mishaps.pop_front()
    }

    /// `radio_refuses`: the code with which the radio as it is now refuses texts.
    pub(crate) fn next_send(
        &mut self,
        chance: &mut StdRng,
        radio_refuses: Option<u16>,
    ) -> SendFate {
        self.sends += 1;
        let travel = self
            .latency
            .map(|(radio, tail)| drawn_latency(chance, radio, tail));
        let refused = self.next_refusal(chance, radio_refuses);
        if refused.as_ref().is_some_and(|refused| !refused.accepted) {
            // A refused text has no answer to lose and no report to colour: those orders wait for the next one.
            return SendFate {
                refused,
                answer: AnswerFate::InTime,
                wording: Wording::Whole,
                report: ReportFate::Never,
                travel,
                filtered: false,
            };
        }
        SendFate {
            refused,
            answer: self.next_answer(),
            wording: self.next_wording(),
            report: self.next_report(),
            travel,
            filtered: self.filter.is_some(),
        }
    }

    fn next_refusal(&mut self, chance: &mut StdRng, radio_refuses: Option<u16>) -> Option<Refused> {
        let at_once = |code| Refused {
            code,
            late: Duration::ZERO,
            accepted: false,
        };
        if let Some(code) = self.refusals.remove(&self.sends) {
            return Some(at_once(code));
        }
        if let Some(late) = self.refusals_late.spend() {
            return Some(Refused {
                code: late.code,
                late: Duration::from_millis(late.ms),
                accepted: late.accepted,
            });
        }
        if let Some(code) = radio_refuses.or(self.no_credit).or_else(|| self.capped()) {
            return Some(at_once(code));
        }
        let (codes, per_mille) = self.refusals_at_random.as_ref()?;
        let code = codes[chance.random_range(0..codes.len())];
        (chance.random_range(0..1000) < *per_mille).then(|| at_once(code))
    }

    fn capped(&mut self) -> Option<u16> {
        let cap = self.cap.as_mut()?;
        if cap.sent < cap.after {
            cap.sent += 1;
            return None;
        }
        cap.refused += 1;
        Some(cap.code)
    }

    /// Whether the network has had enough of this SIM.
    pub(crate) fn is_denied(&self) -> bool {
        let cap = self.cap.as_ref();
        cap.is_some_and(|cap| cap.denied_after.is_some_and(|most| cap.refused >= most))
    }

    /// `+CFUN=1,1`.
    pub(crate) fn modem_was_reset(&mut self) {
        if let Some(cap) = self.cap.as_mut().filter(|cap| cap.reset_helps) {
            (cap.sent, cap.refused) = (0, 0);
        }
    }

    pub(crate) fn has_credit(&self) -> bool {
        self.no_credit.is_none()
    }

    fn next_answer(&mut self) -> AnswerFate {
        if spend(&mut self.answer_lost) {
            return AnswerFate::Lost;
        }
        match self.answer_late.spend() {
            Some(ms) => AnswerFate::Late { ms },
            None => AnswerFate::InTime,
        }
    }

    fn next_wording(&mut self) -> Wording {
        if spend(&mut self.without_ok) {
            return Wording::WithoutOk;
        }
        match spend(&mut self.without_reference) {
            true => Wording::WithoutReference,
            false => Wording::Whole,
        }
    }

    fn next_report(&mut self) -> ReportFate {
        let withheld = match &mut self.no_reports {
            Withheld::None => false,
            Withheld::Next(left) => spend(left),
            Withheld::UntilCleared => true,
        };
        match (withheld, self.filter) {
            (true, _) | (_, Some(None)) => ReportFate::Never,
            // 23.040 §9.2.3.15: 0x46, validity period expired.
            (_, Some(Some(expires_ms))) => ReportFate::Comes(ReportManner {
                status: Some(0x46),
                after: Some(Duration::from_millis(expires_ms)),
                ..ReportManner::default()
            }),
            _ => ReportFate::Comes(ReportManner {
                status: self.report_status.spend(),
                before_answer: spend(&mut self.report_first),
                pending_first: self.report_pending.spend(),
                twice: spend(&mut self.report_twice),
                national: spend(&mut self.report_national),
                after: None,
            }),
        }
    }

    pub(crate) fn next_urc_before_answer(&mut self) -> Option<String> {
        self.before_answer.spend()
    }

    pub(crate) fn next_urcs_inside_list(&mut self) -> Option<Vec<String>> {
        self.inside_list.spend()
    }

    pub(crate) fn next_announcement(&mut self) -> Option<Announcement> {
        self.announcement.spend()
    }

    pub(crate) fn refuses_next_cnma(&mut self) -> bool {
        spend(&mut self.cnma_refused)
    }

    pub(crate) fn holds_next_answer_back(&mut self) -> bool {
        spend(&mut self.held_back)
    }
}

/// From Ctrl-Z to the answer, as field logs have it: 4 to 6 s on 2G, 2 to 3 s on 3G, 1 to 3 s on LTE.
fn drawn_latency(chance: &mut StdRng, radio: Technology, tail: bool) -> Duration {
    let (from, to) = match radio {
        Technology::Gsm => (4000, 6000),
        Technology::Umts => (2000, 3000),
        Technology::Lte => (1000, 3000),
    };
    let usual = chance.random_range(from..=to);
    // One send in twenty took up to 14.4 s in the longest log.
    let ms = match tail && chance.random_range(0..20) == 0 {
        true => chance.random_range(to..=15_000),
        false => usual,
    };
    Duration::from_millis(ms)
}

/// More than any test orders; what is over is dropped from the far end.
const MOST_REFUSALS: usize = 10_000;
const MOST_MISHAPS: usize = 1000;
const MOST_COPIES: u32 = 16;

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn send(script: &mut Script) -> SendFate {
        script.next_send(&mut StdRng::seed_from_u64(1), None)
    }

    fn code(script: &mut Script) -> Option<u16> {
        send(script).refused.map(|refused| refused.code)
    }

    #[test]
    fn the_k_th_send_from_now_is_refused_and_no_other() {
        let mut script = Script::default();
        send(&mut script);
        script.order(&Fault::Refuse {
            sends: vec![(1, 38), (3, 42)],
        });
        let codes: Vec<_> = (0..4).map(|_| code(&mut script)).collect();
        assert_eq!(codes, [Some(38), None, Some(42), None]);
    }

    #[test]
    fn a_counted_fault_ends_by_itself() {
        let mut script = Script::default();
        script.order(&Fault::AnswerLost { times: 2 });
        let answers: Vec<_> = (0..3).map(|_| send(&mut script).answer).collect();
        assert_eq!(
            answers,
            [AnswerFate::Lost, AnswerFate::Lost, AnswerFate::InTime]
        );
    }

    #[test]
    fn no_reports_without_a_number_holds_until_clear() {
        let mut script = Script::default();
        script.order(&Fault::NoReports { times: None });
        for _ in 0..5 {
            assert_eq!(send(&mut script).report, ReportFate::Never);
        }
        script.order(&Fault::Clear);
        assert_ne!(send(&mut script).report, ReportFate::Never);
    }

    #[test]
    fn a_capped_sim_is_refused_and_in_the_end_denied() {
        let mut script = Script::default();
        script.order(&Fault::SimCap {
            after: 1,
            code: 50,
            denied_after: Some(2),
            reset_helps: true,
        });
        let codes: Vec<_> = (0..2).map(|_| code(&mut script)).collect();
        assert_eq!(codes, [None, Some(50)]);
        assert!(!script.is_denied());
        code(&mut script);
        assert!(script.is_denied());
        script.modem_was_reset();
        assert!(!script.is_denied());
        assert_eq!(code(&mut script), None);
    }

    #[test]
    fn random_refusals_come_about_as_often_as_was_asked() {
        let mut script = Script::default();
        script.order(&Fault::RefuseAtRandom {
            codes: vec![38, 42],
            per_mille: 250,
        });
        let mut chance = StdRng::seed_from_u64(7);
        let refused = (0..4000).filter(|_| script.next_send(&mut chance, None).refused.is_some());
        let count = refused.count();
        assert!((900..1100).contains(&count), "{count} of 4000");
    }
}

//! **Terminal**: what a host asks about the device itself: activity, battery, attachment, flow control.

use super::{Answer, Failure, Modem, line};
use crate::moment::Moment;
use crate::syntax::{Form, values};

impl Modem {
    /// 27.007 §8.1: ready; there are no calls here.
    pub(super) fn activity(&self, form: &Form<'_>) -> Answer {
        match form {
            Form::Run => line("+CPAS: 0"),
            Form::Test => line("+CPAS: (0,3,4)"),
            _ => Answer::Failed(Failure::Unknown),
        }
    }

    /// 27.007 §8.4: no battery, and full.
    pub(super) fn battery(&self, form: &Form<'_>) -> Answer {
        match form {
            Form::Run => line("+CBC: 2,100"),
            Form::Test => line("+CBC: (0-3),(0-100)"),
            _ => Answer::Failed(Failure::Unknown),
        }
    }

    /// 27.007 §10.1.9: as long as there is a network. Being detached is not simulated, and refused.
    pub(super) fn attachment(&self, now: Moment, form: &Form<'_>) -> Answer {
        let attached = u8::from(self.is_registered(now));
        match form {
            Form::Read => line(&format!("+CGATT: {attached}")),
            Form::Test => line("+CGATT: (0,1)"),
            Form::Write("1") if attached == 1 => Answer::Ok,
            Form::Write("0" | "1") => Answer::Failed(Failure::Cme(148)),
            _ => Answer::Failed(Failure::Unknown),
        }
    }

    /// V.250 §6.2.12. A pty needs none; the agreement is remembered.
    pub(super) fn flow_control(&mut self, form: &Form<'_>) -> Answer {
        let [from_host, from_modem] = self.setup.flow_control;
        let written = match form {
            Form::Read => return line(&format!("+IFC: {from_host},{from_modem}")),
            Form::Test => return line("+IFC: (0-2),(0-2)"),
            Form::Write(written) => values(written),
            Form::Run => return Answer::Failed(Failure::Unknown),
        };
        let kinds: Option<Vec<u8>> = written
            .iter()
            .map(|kind| kind.parse().ok().filter(|kind| *kind <= 2))
            .collect();
        match kinds.as_deref() {
            Some([one]) => self.setup.flow_control = [*one; 2],
            Some([one, other]) => self.setup.flow_control = [*one, *other],
            _ => return Answer::Failed(Failure::Cme(3)),
        }
        Answer::Ok
    }
}

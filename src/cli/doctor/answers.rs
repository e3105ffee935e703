//! From what a modem said in an examination, or to a gateway, to what the doctor looks at.

use serde_json::Value;

use crate::app::{Ending, Examination, Obstacle};
use crate::doctor::{Answers, Contact, Patient, Refusal};

/// A modem that the gateway has open.
pub(super) fn of_gateway(modem: &Value) -> Patient {
    let text = |name: &str| modem[name].as_str().unwrap_or_default().to_owned();
    let quotas = ["hour", "day", "month"];
    let spent = quotas
        .iter()
        .filter(|name| modem["quota"][name].as_u64() == Some(0));
    Patient {
        name: text("id"),
        device: text("device"),
        contact: Contact::Heard,
        state: text("state"),
        network: text("network"),
        error: modem["last_error"].as_str().map(str::to_owned),
        // It has entered what there is.
        has_pin: false,
        iccid: modem["iccid"].as_str().map(str::to_owned),
        signal_dbm: modem["signal_dbm"].as_i64(),
        storage: None,
        spent: spent.map(|name| (*name).to_owned()).collect(),
        unknown: None,
    }
}

/// A modem that was asked.
pub(super) fn of_examination(name: String, has_pin: bool, found: &Examination) -> Patient {
    let status = found.status.as_ref();
    let word = |word: Option<&'static str>| word.unwrap_or_default().to_owned();
    Patient {
        name,
        device: found.device.display().to_string(),
        contact: contact(found),
        state: word(status.map(|status| status.state.as_str())),
        network: word(status.map(|status| status.network.as_str())),
        error: status.and_then(|status| status.last_error.clone()),
        has_pin,
        iccid: status.and_then(|status| status.iccid.clone()),
        signal_dbm: status.and_then(|status| status.signal_dbm).map(i64::from),
        storage: storage(found),
        spent: Vec::new(),
        unknown: found.is_generic.then(|| answers(found)),
    }
}

fn contact(found: &Examination) -> Contact {
    let has_answered = found.said.iter().any(|said| {
        let last = said.answer.last();
        last.is_some_and(|last| last == "OK" || last == "0" || last.contains("ERROR"))
    });
    match &found.ending {
        Ending::Unopened(unopened) => {
            let refusal = match unopened.why {
                Obstacle::Absent => Refusal::Absent,
                Obstacle::Busy => Refusal::Busy,
                Obstacle::NotATty => Refusal::NotATty,
                Obstacle::Forbidden => Refusal::Forbidden,
                Obstacle::Unreachable => Refusal::Unreachable,
                Obstacle::Other => Refusal::Other,
            };
            Contact::Refused(refusal, unopened.words.clone())
        }
        _ if found.is_nmea && !has_answered => Contact::Nmea,
        Ending::Silent => Contact::Silent,
        Ending::OutOfPatience if !has_answered => Contact::Silent,
        Ending::Unfit(why) => Contact::Unfit((*why).to_owned()),
        Ending::Lost => Contact::Lost,
        Ending::Settled | Ending::OutOfPatience => Contact::Heard,
    }
}

/// The last form of a setting that the modem took: what follows `start`.
fn taken<'a>(found: &'a Examination, start: &str) -> Option<(&'a str, &'a [String])> {
    found.said.iter().rev().find_map(|said| {
        let form = said.question.strip_prefix(start)?;
        let is_set = form != "?" && said.answer.last().is_some_and(|last| last == "OK");
        is_set.then_some((form, said.answer.as_slice()))
    })
}

/// `+CPMS: 3,20,…`: used and total of the first.
fn storage(found: &Examination) -> Option<(u32, u32)> {
    let (_, answer) = taken(found, "+CPMS=")?;
    let line = answer.iter().find_map(|line| line.strip_prefix("+CPMS:"))?;
    let mut numbers = line.split(',').map(|number| number.trim().parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

fn answers(found: &Examination) -> Answers {
    let first = |question: &str, start: &str| {
        let lines = found.answer(question)?.iter();
        lines.clone().find(|line| line.starts_with(start)).cloned()
    };
    let iccid = found
        .status
        .as_ref()
        .and_then(|status| status.iccid.as_deref());
    let told_by = iccid.and_then(|iccid| {
        let mut said = found.said.iter();
        said.find(|said| said.answer.iter().any(|line| line.contains(iccid)))
    });
    let asked_of_link = found.said.iter().any(|said| said.question == "+CMMS=?");
    Answers {
        maker: found.maker.clone(),
        model: found.model.clone(),
        announcements: first("+CNMI=?", "+CNMI:"),
        storages_offered: first("+CPMS=?", "+CPMS:"),
        announced: taken(found, "+CNMI=").map(|(form, _)| form.to_owned()),
        stored: taken(found, "+CPMS=").map(|(form, _)| form.to_owned()),
        iccid: told_by.map(|said| said.question.clone()),
        keeps_no_link: asked_of_link && found.answer("+CMMS=?").is_none(),
    }
}

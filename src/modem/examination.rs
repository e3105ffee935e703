//! **Examination**: who is at a port, asked once by the session that would run there, and what came of it.
//!
//! It sends nothing, deletes nothing, acknowledges nothing and enters no PIN. It ends when the session is ready or says
//! why it is not.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::port::{self, PortError};
use super::profile::{GENERIC, Profile, Profiles};
use super::session::{Departure, Entry, Input, Output, Session};
use super::{ModemSettings, actor};
use crate::domain::fleet_view::FIRST_MEAN_SEND;
use crate::domain::{ModemName, ModemState, ModemStatus};
use crate::usb::Roots;

/// What to look at, and how long.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) device: PathBuf,
    pub(crate) baud: u32,
    pub(crate) profiles: Profiles,
    /// The profile that the configuration names.
    pub(crate) profile: Option<Arc<Profile>>,
    /// The storage for texts that the configuration names.
    pub(crate) storage: Option<String>,
    pub(crate) patience: Duration,
    /// Where it is looked for who holds a port that is busy.
    pub(crate) roots: Roots,
}

/// What was learned.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) device: PathBuf,
    pub(crate) ending: Ending,
    /// As far as it got.
    pub(crate) status: Option<ModemStatus>,
    pub(crate) maker: String,
    pub(crate) model: String,
    pub(crate) revision: String,
    /// The profile that it runs on.
    pub(crate) profile: Option<String>,
    pub(crate) is_generic: bool,
    /// Lines that came before anything was asked, or that are no answers: `$GP…`.
    pub(crate) is_nmea: bool,
    /// Questions without `AT` and their answers, in their order. None of them holds a PIN.
    pub(crate) said: Vec<Said>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// It came to rest: ready, or not, as its status says.
    Settled,
    /// Its status says what it was waiting for.
    OutOfPatience,
    Unopened(Unopened),
    /// Nobody answers AT there.
    Silent,
    /// It answers, and cannot be used: why.
    Unfit(&'static str),
    /// The port was lost meanwhile.
    Lost,
}

/// Why a port could not be opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unopened {
    pub(crate) why: Obstacle,
    /// For a person, with the remedy.
    pub(crate) words: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Obstacle {
    Absent,
    Busy,
    NotATty,
    Forbidden,
    Unreachable,
    Other,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Said {
    /// `+CNMI=?`
    pub(crate) question: String,
    /// With the final result.
    pub(crate) answer: Vec<String>,
}

/// A conversation is some hundred short lines; a port that streams is not written down for ever.
const MOST_HEARD: usize = 64 * 1024;

/// Opens the port and asks. The port is closed when this returns.
pub(crate) async fn examine(wanted: Wanted) -> Examination {
    let mut notes = Notes::default();
    let (device, patience) = (wanted.device.clone(), wanted.patience);
    let mut port = match port::open(&device, wanted.baud, &wanted.roots).await {
        Ok(port) => port,
        Err(error) => return notes.written_up(device, Ending::Unopened(unopened(&error)), None),
    };
    let mut session = Session::new(settings(wanted), Entry::Usual, actor::now());
    let until = actor::now() + patience;
    let ending = run(&mut port, &mut session, &mut notes, until).await;
    port::close(port).await;
    let profile = session.profile();
    notes.written_up(device, ending, Some(&profile))
}

fn settings(wanted: Wanted) -> ModemSettings {
    ModemSettings {
        name: ModemName::parse("examined").expect("letters only"),
        device: wanted.device,
        seeking: None,
        left_alone: None,
        baud: wanted.baud,
        command_timeout: Duration::from_secs(5),
        send_timeout: Duration::from_secs(120),
        smsc: None,
        pin: None,
        storage: wanted.storage,
        profiles: wanted.profiles,
        profile: wanted.profile,
        known_profile: None,
        helped: None,
        recordings: None,
        listen_first: None,
        mean_send: FIRST_MEAN_SEND,
        delete_from_sim: false,
        hang_up: false,
    }
}

async fn run<P>(port: &mut P, session: &mut Session, notes: &mut Notes, until: Instant) -> Ending
where
    P: AsyncRead + AsyncWrite + Unpin,
{
    let mut buf = [0; 1024];
    loop {
        while let Some(output) = session.poll() {
            match output {
                Output::Write(octets) => {
                    notes.wrote(&octets);
                    if port.write_all(&octets).await.is_err() {
                        session.handle(actor::now(), Input::Gone);
                    }
                }
                Output::Status(status) => notes.status = Some(*status),
                // There is no PIN here, so none is claimed; and what was stored stays where it is.
                Output::Claim(_) => session.handle(actor::now(), Input::Claimed(false)),
                Output::Event(_) | Output::Opened(_) | Output::Told(..) => {}
                Output::Depart(departure) => return ending_of(departure),
            }
        }
        if notes.is_settled() {
            return Ending::Settled;
        }
        let wait = session.deadline().unwrap_or(until).min(until);
        tokio::select! {
            biased;
            read = port.read(&mut buf) => match read {
                Ok(0) | Err(_) => session.handle(actor::now(), Input::Gone),
                Ok(n) => {
                    notes.heard(&buf[..n]);
                    session.handle(actor::now(), Input::Octets(&buf[..n]));
                }
            },
            () = tokio::time::sleep_until(wait.into()) => session.handle(actor::now(), Input::Deadline),
        }
        // Also of a port that never stops talking.
        if actor::now() >= until {
            return Ending::OutOfPatience;
        }
    }
}

fn ending_of(departure: Departure) -> Ending {
    match departure {
        Departure::PortLost | Departure::Restarting | Departure::Stopped => Ending::Lost,
        Departure::Silent => Ending::Silent,
        Departure::Sick(why, _) | Departure::Unfit(why) => Ending::Unfit(why),
    }
}

fn unopened(error: &PortError) -> Unopened {
    let why = match error {
        PortError::Absent(_) => Obstacle::Absent,
        PortError::Busy { .. } => Obstacle::Busy,
        PortError::NotATty(_) => Obstacle::NotATty,
        PortError::Forbidden(_) => Obstacle::Forbidden,
        PortError::Unreachable(..) => Obstacle::Unreachable,
        PortError::Other { .. } => Obstacle::Other,
    };
    Unopened {
        why,
        words: error.to_string(),
    }
}

/// What is written down of the conversation.
#[derive(Debug, Default)]
struct Notes {
    status: Option<ModemStatus>,
    /// Each line that was written, and the octets that came until the next.
    talk: Vec<(String, Vec<u8>)>,
    /// What came before the first line.
    prelude: Vec<u8>,
    octets: usize,
}

impl Notes {
    fn wrote(&mut self, octets: &[u8]) {
        let line = String::from_utf8_lossy(octets);
        let line = line.trim_matches(|c: char| c.is_control());
        self.talk.push((line.to_owned(), Vec::new()));
    }

    fn heard(&mut self, octets: &[u8]) {
        self.octets += octets.len();
        if self.octets > MOST_HEARD {
            return;
        }
        match self.talk.last_mut() {
            Some((_, heard)) => heard.extend(octets),
            None => self.prelude.extend(octets),
        }
    }

    /// Whether the session waits for nothing but a person.
    fn is_settled(&self) -> bool {
        let state = self.status.as_ref().map(|status| status.state);
        matches!(
            state,
            Some(
                ModemState::Ready
                    | ModemState::PinRequired
                    | ModemState::NoSim
                    | ModemState::NoNetwork
            )
        )
    }

    fn written_up(self, device: PathBuf, ending: Ending, profile: Option<&Profile>) -> Examination {
        let heard = || self.talk.iter().map(|(_, heard)| heard);
        let is_nmea = std::iter::once(&self.prelude).chain(heard()).any(|octets| {
            lines(octets).any(|line| line.starts_with("$GP") || line.starts_with("$GN"))
        });
        let said: Vec<Said> = self.talk.iter().filter_map(said).collect();
        let told = |question: &str| words(&said, question);
        Examination {
            device,
            maker: told("+CGMI"),
            model: told("+CGMM"),
            revision: told("+CGMR"),
            profile: profile.map(|profile| profile.name().to_owned()),
            is_generic: profile.is_some_and(|profile| profile.name() == GENERIC),
            is_nmea,
            ending,
            status: self.status,
            said,
        }
    }
}

fn lines(octets: &[u8]) -> impl Iterator<Item = String> + '_ {
    octets
        .split(|octet| matches!(octet, b'\r' | b'\n'))
        .map(|line| String::from_utf8_lossy(line).trim().to_owned())
        .filter(|line| !line.is_empty())
}

/// A question and its answer, without the echo.
fn said((line, heard): &(String, Vec<u8>)) -> Option<Said> {
    let question = line.strip_prefix("AT")?;
    let answer = lines(heard).filter(|answered| answered != line);
    Some(Said {
        question: question.to_owned(),
        answer: answer.collect(),
    })
}

fn last_answer<'a>(said: &'a [Said], question: &str) -> Option<&'a [String]> {
    let mut asked = said.iter().rev();
    let last = asked.find(|said| said.question == question)?;
    Some(&last.answer)
}

/// The lines of an answer but the final result, without the prefix that some modems write.
fn words(said: &[Said], question: &str) -> String {
    let answer = last_answer(said, question).unwrap_or_default();
    let prefix = format!("{question}:");
    let told = answer
        .iter()
        .filter(|line| *line != "OK" && !line.contains("ERROR"));
    let told = told.map(|line| line.strip_prefix(&prefix).unwrap_or(line).trim());
    told.collect::<Vec<_>>().join(" ")
}

impl Examination {
    /// The answer to the last question that is `question`, when it was not refused.
    pub(crate) fn answer(&self, question: &str) -> Option<&[String]> {
        let answer = last_answer(&self.said, question)?;
        answer
            .last()
            .is_some_and(|last| last == "OK")
            .then_some(answer)
    }
}

#[cfg(feature = "sim")]
#[cfg(test)]
mod tests {
    use std::path::Path;

    use modem_sim::{Fault, Settings, Sim, start};

    use super::*;

    fn sim(personality: &str) -> (tempfile::TempDir, Sim) {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            modems: 1,
            personalities: vec![personality.to_owned()],
            ..Settings::default()
        };
        let sim = start(&folder.path().join("sim"), settings).unwrap();
        (folder, sim)
    }

    fn wanted(device: &Path) -> Wanted {
        Wanted {
            device: device.to_owned(),
            baud: 115_200,
            profiles: Profiles::built_in(),
            profile: None,
            storage: None,
            patience: Duration::from_secs(120),
            roots: Roots::default(),
        }
    }

    #[tokio::test]
    async fn each_personality_is_asked_until_it_is_ready_and_says_what_it_is() {
        for personality in modem_sim::PERSONALITIES {
            let (_folder, sim) = sim(personality);
            let found = examine(wanted(&sim.ports()[0])).await;
            assert_eq!(found.ending, Ending::Settled, "{personality}: {found:?}");
            let status = found.status.as_ref().unwrap();
            assert_eq!(status.state, ModemState::Ready, "{personality}: {status:?}");
            assert!(status.imei.is_some() && status.sim().is_some());
            assert!(!found.maker.is_empty() || !found.model.is_empty());
            assert_eq!(found.is_generic, personality == &"generic");
            assert!(found.answer("+CNMI=?").is_some() || found.answer("+CPMS=?").is_some());
            assert!(!found.is_nmea);
        }
    }

    #[tokio::test]
    async fn a_port_that_cannot_be_opened_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let found = examine(wanted(&folder.path().join("ttyUSB9"))).await;
        let Ending::Unopened(unopened) = &found.ending else {
            panic!("{found:?}");
        };
        assert_eq!(unopened.why, Obstacle::Absent);
        assert!(unopened.words.contains("plugged in"), "{}", unopened.words);
    }

    #[tokio::test]
    async fn a_modem_without_a_sim_is_examined_as_far_as_it_goes() {
        let (_folder, sim) = sim("generic");
        let fault: Fault = serde_json::from_str(r#"{"kind":"sim_absent"}"#).unwrap();
        let mut control = modem_sim::client::Client::connect(sim.control()).unwrap();
        control.fault(0, &fault).unwrap();
        let found = examine(wanted(&sim.ports()[0])).await;
        let status = found.status.unwrap();
        assert_eq!(status.state, ModemState::NoSim);
        assert_eq!(status.iccid, None);
        assert!(status.imei.is_some());
    }
}

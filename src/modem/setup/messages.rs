//! The message service: PDU mode, where texts are stored, how they and reports are announced, the service centre.

use std::time::{Duration, Instant};

use super::{Answer, Next, Setup, Step, enter, first, next_form};
use crate::at::information;
use crate::domain::{ModemState, ModemStatus};
use crate::modem::profile::Profile;

// 27.007 wants quotes; some modems take the bare word only, or know IRA and not GSM.
pub(super) const CHARACTER_SETS: [&str; 3] = ["+CSCS=\"GSM\"", "+CSCS=GSM", "+CSCS=\"IRA\""];

// SIM800 refuses PDU mode until it says "SMS Ready".
const PDU_MODE_PAUSE: Duration = Duration::from_secs(1);

const NO_SERVICE_CENTRE: &str =
    "the SIM has no service centre number: set smsc in the section of this modem";
const NO_PDU_MODE: &str = "the modem refuses PDU mode: it cannot send through this port";
const UNANNOUNCED: &str =
    "the modem announces neither texts nor reports: it sends, and what comes back is not seen";

/// What is remembered of the message service.
#[derive(Debug)]
pub(super) struct Messages {
    own_centre: Option<String>,
    pdu_mode_since: Option<Instant>,
    /// What follows `+CPMS=`, best first.
    pub(super) storages: Vec<String>,
    /// What follows `+CNMI=`, best first.
    pub(super) announcements: Vec<String>,
    /// Which of them the modem took.
    pub(super) announced: Option<usize>,
    pub(super) keeps_link: bool,
    /// Stays in the status when the modem is ready: something for a person to mend.
    complaint: Option<&'static str>,
}

impl Messages {
    pub(super) fn new(own_centre: Option<&str>) -> Self {
        let own_centre = own_centre.filter(|number| information::is_number(number));
        Self {
            own_centre: own_centre.map(str::to_owned),
            pdu_mode_since: None,
            storages: Vec::new(),
            announcements: Vec::new(),
            announced: None,
            keeps_link: false,
            complaint: None,
        }
    }

    pub(super) fn own_centre(&self) -> &str {
        self.own_centre.as_deref().unwrap_or_default()
    }
}

impl Setup {
    pub(super) fn after_message_step(
        &mut self,
        now: Instant,
        step: Step,
        answer: &Answer,
        status: &mut ModemStatus,
    ) -> Next {
        use Next::Ask;
        match step {
            Step::CharacterSet(form) => next_form(form, CHARACTER_SETS.len(), answer)
                .map_or(Ask(Step::PduMode), |form| Ask(Step::CharacterSet(form))),
            Step::PduMode => self.pdu_mode(now, answer),
            Step::Delivery => Ask(Step::StoragesOffered),
            Step::StoragesOffered => {
                self.messages.storages = storages(answer, &self.profile, &self.storage_wish);
                match self.messages.storages.is_empty() {
                    // Nokia S60 offers none: it sends, and keeps nothing.
                    true => Ask(Step::AnnouncementsOffered),
                    false => Ask(Step::Storage(0)),
                }
            }
            Step::Storage(form) => self.storage(form, answer),
            Step::StorageKept(form) => match self.is_kept(form, answer) {
                true => Ask(Step::AnnouncementsOffered),
                false => self.next_storage(form),
            },
            Step::AnnouncementsOffered => {
                self.messages.announcements = announcements(answer, &self.profile);
                self.messages.complaint = None;
                Ask(Step::Announcements(0))
            }
            Step::Announcements(form) => match answer {
                Ok(_) => Ask(Step::AnnouncementsKept(form)),
                Err(_) => self.next_announcements(form),
            },
            Step::AnnouncementsKept(form) => match self.announces(form, answer) {
                true => {
                    self.messages.announced = Some(form);
                    Ask(Step::ServiceCentre)
                }
                false => self.next_announcements(form),
            },
            Step::ServiceCentre => self.service_centre(answer, status),
            Step::SetServiceCentre => {
                if answer.is_err() {
                    self.messages.complaint = Some(NO_SERVICE_CENTRE);
                }
                self.link(status)
            }
            _ => {
                let modes = first(answer, |line| {
                    information::number_lists(line).into_iter().next()
                });
                self.messages.keeps_link = modes.is_some_and(|modes| modes.contains(&2));
                self.done(status)
            }
        }
    }

    fn pdu_mode(&mut self, now: Instant, answer: &Answer) -> Next {
        if answer.is_ok() {
            self.messages.pdu_mode_since = None;
            return Next::Ask(Step::Delivery);
        }
        let since = *self.messages.pdu_mode_since.get_or_insert(now);
        match now.saturating_duration_since(since) < self.profile.messages_within() {
            true => Next::AskAfter(PDU_MODE_PAUSE, Step::PduMode),
            false => {
                self.messages.pdu_mode_since = None;
                Next::Stuck(NO_PDU_MODE)
            }
        }
    }

    fn storage(&mut self, form: usize, answer: &Answer) -> Next {
        let holds_nothing = first(answer, information::storage_size) == Some(0);
        match answer.is_ok() && !holds_nothing {
            true => Next::Ask(Step::StorageKept(form)),
            false => self.next_storage(form),
        }
    }

    fn next_storage(&self, form: usize) -> Next {
        match form + 1 < self.messages.storages.len() {
            true => Next::Ask(Step::Storage(form + 1)),
            false => Next::Ask(Step::AnnouncementsOffered),
        }
    }

    /// What is read back is what was asked for; a modem that cannot be asked is believed.
    fn is_kept(&self, form: usize, answer: &Answer) -> bool {
        let wanted = self.messages.storages[form]
            .split(',')
            .next()
            .unwrap_or_default();
        let kept = first(answer, |line| {
            information::storage_name(line).map(str::to_owned)
        });
        kept.is_none_or(|kept| kept == wanted.trim_matches('"'))
    }

    fn next_announcements(&mut self, form: usize) -> Next {
        match form + 1 < self.messages.announcements.len() {
            true => Next::Ask(Step::Announcements(form + 1)),
            false => {
                self.messages.announced = None;
                self.messages.complaint = Some(UNANNOUNCED);
                Next::Ask(Step::ServiceCentre)
            }
        }
    }

    /// Whether `<mt>` and `<ds>` are as they were set; a modem that cannot be asked is believed.
    pub(in crate::modem) fn announces(&self, form: usize, answer: &Answer) -> bool {
        let read = |text: &str| -> Vec<u8> {
            text.split(',')
                .map_while(|number| number.parse().ok())
                .collect()
        };
        let Some(wanted) = self.messages.announcements.get(form).map(|text| read(text)) else {
            return true;
        };
        let kept = first(answer, |line| Some(information::numbers(line)));
        kept.filter(|kept| kept.len() >= 4).is_none_or(|kept| {
            [1, 3].iter().all(|&field| {
                wanted
                    .get(field)
                    .is_none_or(|wanted| *wanted == kept[field])
            })
        })
    }

    fn service_centre(&mut self, answer: &Answer, status: &mut ModemStatus) -> Next {
        let missing = answer.is_ok() && first(answer, information::service_centre).is_none();
        match missing {
            true if self.messages.own_centre.is_some() => Next::Ask(Step::SetServiceCentre),
            true => {
                self.messages.complaint = Some(NO_SERVICE_CENTRE);
                self.link(status)
            }
            false => self.link(status),
        }
    }

    fn link(&mut self, status: &mut ModemStatus) -> Next {
        match self.profile.keeps_link() {
            true => Next::Ask(Step::LinkOffered),
            false => self.done(status),
        }
    }

    fn done(&self, status: &mut ModemStatus) -> Next {
        enter(status, ModemState::Ready, self.messages.complaint);
        Next::Ready
    }
}

/// Three stores, else two, else one: Wavecom takes two, Brovi E3372-325 three only.
fn three_two_one(storage: &str) -> [String; 3] {
    [3, 2, 1].map(|count| vec![format!("\"{storage}\""); count].join(","))
}

/// What may be asked of `+CPMS=`, best first: a storage that is offered for every use, as the profile likes them.
fn storages(answer: &Answer, profile: &Profile, wish: &Option<String>) -> Vec<String> {
    let offered = first(answer, |line| Some(information::storage_lists(line)));
    let offers = |storage: &str| {
        let lists = offered.as_ref();
        lists.is_none_or(|lists| {
            lists
                .iter()
                .all(|list| list.iter().any(|one| one == storage))
        })
    };
    let liked = match wish {
        Some(wish) => vec![wish.as_str()],
        None => profile.storages(),
    };
    let fits: Vec<&str> = liked
        .iter()
        .copied()
        .filter(|storage| offers(storage))
        .collect();
    let is_empty = offered.is_some_and(|lists| lists.iter().all(Vec::is_empty));
    let chosen = match fits.is_empty() && !is_empty {
        // Offered for some uses only: the modem has the last word.
        true => liked,
        false => fits,
    };
    chosen.into_iter().flat_map(three_two_one).collect()
}

/// `<mt>`: texts are stored and announced, or they come as they are.
const STORED: u8 = 1;
const DIRECT: u8 = 2;

fn how_texts_come(profile: &Profile, offers_direct: bool) -> u8 {
    match profile.delivers_directly() && offers_direct {
        true => DIRECT,
        false => STORED,
    }
}

/// What may be asked of `+CNMI=`, best first. Broadcasts are not wanted.
fn announcements(answer: &Answer, profile: &Profile) -> Vec<String> {
    let lists = first(answer, |line| Some(information::number_lists(line)));
    let Some(lists) = lists.filter(|lists| lists.len() >= 4) else {
        return usual_announcements(profile);
    };
    let offered = |field: usize, number: u8| {
        lists
            .get(field)
            .is_none_or(|list| list.is_empty() || list.contains(&number))
    };
    let texts = how_texts_come(profile, offered(1, DIRECT));
    let mut forms = Vec::new();
    for &report in profile
        .report_modes()
        .iter()
        .filter(|mode| offered(3, **mode))
    {
        for &mode in profile
            .announcement_modes()
            .iter()
            .filter(|mode| offered(0, **mode))
        {
            // Cinterion takes 1 only.
            let buffer = u8::from(!offered(4, 0));
            forms.push(format!("{mode},{texts},0,{report},{buffer}"));
        }
    }
    match forms.is_empty() {
        true => usual_announcements(profile),
        false => forms,
    }
}

/// For a modem that does not say what it takes.
fn usual_announcements(profile: &Profile) -> Vec<String> {
    let modes = profile.announcement_modes().iter().take(2);
    let texts = how_texts_come(profile, true);
    let mut forms: Vec<String> = profile
        .report_modes()
        .iter()
        .flat_map(|report| {
            modes
                .clone()
                .map(move |mode| format!("{mode},{texts},0,{report},0"))
        })
        .collect();
    forms.extend(["1,1".to_owned(), "3,1,0,0,0".to_owned()]);
    forms
}

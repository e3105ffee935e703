//! Every transcript of `hardware/transcripts`, played: those about sending against a session, the others against the
//! chat that a session holds, and what they answer against its readers.
//!
//! In what a chat heard `=` ends an answer, its lines between ` | `; `x` is a refusal; `!` is unsolicited; `>` a prompt.

use super::*;
use crate::at::answer::{Cause, Fault};
use crate::at::information::{self, Domain, Registration, SimState};
use crate::at::urc::Urc;
use crate::modem::replay::{Beat, read};

fn transcript(number: u8) -> Vec<Beat> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("hardware/transcripts");
    let begins = format!("{number:02}-");
    let mut found = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(&begins)
        });
    let path = found.next().expect("a transcript of this number");
    let beats = read(&std::fs::read_to_string(path).unwrap()).unwrap();
    beats
        .into_iter()
        .filter(|beat| !matches!(beat, Beat::Note(_)))
        .collect()
}

/// A chat on its own, and what it heard.
struct Listener {
    chat: Chat,
    now: Instant,
    heard: Vec<String>,
}

impl Listener {
    fn new() -> Self {
        Self {
            chat: Chat::new(Duration::from_secs(5)),
            now: Instant::now(),
            heard: Vec::new(),
        }
    }

    fn hand(&mut self, input: chat::Input<'_>) {
        self.chat.handle(self.now, input);
        while let Some(output) = self.chat.poll() {
            self.heard.push(match output {
                chat::Output::Write(_) => continue,
                chat::Output::Prompt => ">".to_owned(),
                chat::Output::Finished(Ok(lines)) => {
                    format!("= {}", lines.join(" | ")).trim_end().to_owned()
                }
                chat::Output::Finished(Err(Refusal::Silent)) => "x silent".to_owned(),
                chat::Output::Finished(Err(Refusal::Answered(fault))) => {
                    format!("x {}", cause(&fault))
                }
                chat::Output::Unsolicited(Urc::Line(line)) => format!("! {line}"),
                chat::Output::Unsolicited(Urc::Report(pdu)) => format!("! report of {}", pdu.len()),
                chat::Output::Unsolicited(Urc::Deliver(pdu)) => format!("! text of {}", pdu.len()),
                chat::Output::Unsolicited(Urc::Broadcast(_)) => "! broadcast".to_owned(),
            });
        }
    }

    /// What waits for an answer that does not come is given up, or complete without its OK.
    fn settle(&mut self) {
        while let Some(deadline) = self.chat.deadline() {
            self.now = self.now.max(deadline);
            self.hand(chat::Input::Deadline);
        }
    }

    fn write(&mut self, line: &str) {
        if line == "\\x1b" {
            return self.hand(chat::Input::Escape);
        }
        if let Some(text) = line.strip_suffix("\\x1a") {
            let (hex, patience) = (text.to_owned(), Duration::from_secs(120));
            return self.hand(chat::Input::Text { hex, patience });
        }
        self.settle();
        let text = line.trim_end_matches("\\r");
        self.hand(chat::Input::Submit(command(text)));
    }

    fn play(&mut self, beat: &Beat) {
        match beat {
            Beat::Note(_) => {}
            Beat::Passes(pause) => self.now += *pause,
            Beat::Wrote(line) => {
                self.write(line);
                if line == "ATV1\\r" {
                    self.chat.results_are_words();
                }
            }
            Beat::Said(octets) => self.hand(chat::Input::Octets(octets)),
        }
    }
}

fn cause(fault: &Fault) -> String {
    match fault {
        Fault::Plain => "ERROR".to_owned(),
        Fault::Cme(Cause::Code(code)) => format!("CME {code}"),
        Fault::Cms(Cause::Code(code)) => format!("CMS {code}"),
        Fault::Cme(Cause::Words(words)) => format!("CME {words}"),
        Fault::Cms(Cause::Words(words)) => format!("CMS {words}"),
    }
}

/// The command as the session would say it, or one like it.
fn command(line: &str) -> Command {
    use std::borrow::Cow;

    use crate::at::command::Answer;
    let text = line.strip_prefix("AT").unwrap_or(line);
    if let Some(length) = text.strip_prefix("+CMGS=") {
        return Command::submit(length.parse().unwrap_or_default());
    }
    let known = [
        Command::SIM_STATE,
        Command::SIGNAL,
        Command::REGISTRATION,
        Command::MAKER,
        Command::MODEL,
        Command::REVISION,
    ];
    if let Some(known) = known.into_iter().find(|known| known.text == text) {
        return known;
    }
    let answer = match text {
        "I" => Answer::Words("".into()),
        _ if text.starts_with("+CMGR=") => Answer::Words("+CMGR:".into()),
        _ if text.starts_with("+CMGL=") => Answer::Words("+CMGL:".into()),
        _ if text.starts_with(['+', '^', '#']) => return Command::question(text),
        _ => Answer::Prefixed(Cow::Borrowed("+CPMS:")),
    };
    Command {
        answer,
        ..Command::form(text.to_owned())
    }
}

/// All that a chat heard.
fn heard(number: u8) -> Vec<String> {
    let mut listener = Listener::new();
    for beat in &transcript(number) {
        listener.play(beat);
    }
    listener.settle();
    listener.heard
}

/// Each line of the modem as the answer of another model to the same question.
fn answers(number: u8) -> Vec<(String, Vec<String>)> {
    let mut asked = String::new();
    let mut all = Vec::new();
    for beat in transcript(number) {
        match beat {
            Beat::Wrote(line) => asked = line,
            Beat::Said(octets) => {
                let mut listener = Listener::new();
                listener.chat.results_are_words();
                listener.write(&asked);
                listener.hand(chat::Input::Octets(&octets));
                all.push((asked.trim_end_matches("\\r").to_owned(), listener.heard));
            }
            Beat::Note(_) | Beat::Passes(_) => {}
        }
    }
    all
}

/// A ready session sends part after part as the transcript does; what it announced.
fn sent(number: u8) -> Vec<String> {
    let mut player = ready();
    let mut ticket = 0;
    let mut announced = Vec::new();
    let mut written = VecDeque::new();
    for beat in transcript(number) {
        match beat {
            Beat::Note(_) => {}
            Beat::Passes(pause) => player.wait(pause),
            Beat::Said(octets) => player.octets(&octets),
            Beat::Wrote(line) if line.starts_with("AT+CMGS=") => {
                ticket += 1;
                player.order(&format!("prepare {ticket}"));
                assert_eq!(player.said().as_deref(), Some("> AT+CMGS=19"));
                player.order(&format!("go {ticket}"));
            }
            Beat::Wrote(line) if line.ends_with("\\x1a") => {
                assert_eq!(
                    written.pop_front(),
                    Some(format!("> PDU{ticket}^Z")),
                    "{line}"
                );
            }
            Beat::Wrote(line) => panic!("not about sending: {line}"),
        }
        while let Some(said) = player.said() {
            match said.starts_with('>') {
                true => written.push_back(said),
                false => announced.push(said),
            }
        }
    }
    announced.extend(written);
    announced
}

#[test]
fn transcript_01_echo_on_then_off() {
    // The echo of a command is nobody's answer, whether the echo is on or off.
    assert_eq!(heard(1), ["=", "=", "=", "=", "=", "= +CSQ: 9,99",]);
}

#[test]
fn transcript_02_numeric_result_codes_v0() {
    // 0 is OK until ATV1 is answered.
    assert_eq!(heard(2), ["=", "=", "=",]);
}

#[test]
fn transcript_03_send_pdu_ok_echo_off() {
    assert_eq!(
        sent(3),
        [
            "! 1 accepted 64 after 14441",
            "! report of 33 octets for 8944110068256270054",
        ]
    );
}

#[test]
fn transcript_04_send_pdu_echo_on_cms38() {
    assert_eq!(sent(4), ["! 1 refused: network_rejected, Network",]);
}

#[test]
fn transcript_05_send_abort_esc() {
    // What ESC brings settles nothing: OK and 512 are nobody's.
    assert_eq!(heard(5), [">", "! OK", ">", "! +CMS ERROR: 512",]);
}

#[test]
fn transcript_06_send_prompt_never_comes_stuck() {
    // The AT that vanished in the prompt is not answered by the OK of the ESC.
    assert_eq!(heard(6), ["! OK", "=",]);
}

#[test]
fn transcript_07_send_late_cmgs_after_host_timeout() {
    assert_eq!(sent(7), ["! 1 accepted 12 after 41300",]);
}

#[test]
fn transcript_08_send_tr1m_timeout() {
    assert_eq!(sent(8), ["! 1 uncertain: timeout_uncertain",]);
}

#[test]
fn transcript_09_send_two_parts_cmms() {
    assert_eq!(heard(9), ["=", ">", "= +CMGS: 33", ">", "= +CMGS: 34",]);
    // And the session's: the_link_is_kept_once_per_burst_where_the_modem_can.
}

#[test]
fn transcript_10_cmms_rejected_huawei_e1752() {
    // A refused +CMMS changes nothing for what follows.
    assert_eq!(heard(10), ["x CMS 500", "= +CPIN: READY",]);
}

#[test]
fn transcript_11_huawei_init_urc_noise() {
    // Whatever a Huawei says in between is nobody's answer; COMMAND NOT SUPPORT is an error.
    assert_eq!(
        heard(11),
        [
            "! ^BOOT:27710117,0,0,0,75",
            "! ^RSSI:18",
            "=",
            r#"! ^HCSQ:"WCDMA",39,29,45"#,
            "=",
            "= huawei",
            "= E1752",
            "= 11.126.13.00.00",
            "x ERROR",
            "! ^DSFLOWRPT:00000124,00000082,00000EA6,0000000000012325,000000000022771D,0000BB80,0001F400",
            "! ^MODE:3,3",
            "! ^SRVST:2",
        ]
    );
}

#[test]
fn transcript_12_huawei_e3372_urc_inside_csq() {
    assert_eq!(
        heard(12),
        [
            "! ^RSSI:26",
            r#"! ^HCSQ:"LTE",60,52,106,24"#,
            "= +CSQ: 28,99",
            "= +CSQ: 26,99",
        ]
    );
    assert_eq!(information::signal_dbm("+CSQ: 28,99"), Some(-57));
}

#[test]
fn transcript_13_huawei_brovi_e3372_325_cpms() {
    // Only the form with three storages is taken: the session's ladder begins with it.
    assert_eq!(
        heard(13),
        [
            r#"= +CPMS: ("SM","ME"),("SM","ME"),("SM","ME")"#,
            "x ERROR",
            "x ERROR",
            "= +CPMS: 0,20,0,20,0,20",
        ]
    );
}

#[test]
fn transcript_14_huawei_ussd_packed_hex() {
    // The answer to a USSD request comes unasked, long after its OK.
    assert_eq!(
        heard(14),
        [
            "=",
            r#"! +CUSD: 0,"49B41C74ACD3D16171D90D32FBE52072BA0C72CA5DB45CAC76C3CD6CB41B2D060389CB74F9FE4C07D55C371CA85897BF1B",15"#,
        ]
    );
}

#[test]
fn transcript_15_ussd_ucs2_and_plain_and_garbage() {
    // In whatever form it comes; an error after the OK is nobody's.
    assert_eq!(
        heard(15),
        [
            "=",
            r#"! +CUSD: 0,"0414043B044F00200441043F044004300432043A0438",72"#,
            "=",
            r#"! +CUSD: 1,"Kontostand: 3.00 EUR Bitte w{hlen Sie: 1 Konto aufladen 2 CallNow Transfer""#,
            "=",
            "=",
            "! +CME ERROR: 132",
            "=",
            "! +CUSD: 5",
        ]
    );
}

#[test]
fn transcript_16_huawei_e1752_ussdmode() {
    // A refused form is followed by another that is taken.
    assert_eq!(
        heard(16),
        ["x ERROR", "=", "=", r#"! +CUSD: 0,"Balance 3.00",15"#,]
    );
}

#[test]
fn transcript_17_qualcomm_zte_pin_first_and_sim_busy() {
    assert_eq!(
        heard(17),
        [
            "x ERROR",
            "=",
            "= +CPIN: SIM PIN",
            "=",
            "=",
            "=",
            "= +CFUN: 0",
            "=",
            "=",
            "x CME 14",
            "x CME 14",
            r#"= +CSCA: "+447700900000",145"#,
            "=",
            r#"= +CSCA: "",129"#,
            "=",
        ]
    );
    // And the session's: a_pin_is_entered_once_after_its_counter_was_read_and_the_house_agreed, and
    // what_is_busy_after_a_start_is_asked_again_and_not_given_up.
    assert_eq!(information::service_centre(r#"+CSCA: "",129"#), None);
}

#[test]
fn transcript_18_zte_urc_flood_and_cds_comma() {
    // The flood is nobody's answer, and the report with the leading comma is whole.
    assert_eq!(
        heard(18),
        [
            "! +ZUSIMR:2",
            "! +ZUSIMR:2",
            r#"= +CPMS: "SM",1,20,"SM",1,20,"SM",1,20"#,
            "=",
            r#"! +ZPASR: "UMTS""#,
            "! report of 33",
        ]
    );
}

#[test]
fn transcript_19_wavecom_cpin_without_ok() {
    // A +CPIN without OK is complete after a second; the registration behind the OK is unsolicited.
    assert_eq!(
        heard(19),
        [
            "=",
            "x CME 515",
            "= +CPIN: READY",
            "x ERROR",
            r#"= +CPMS: (("SM","BM","SR"),("SM"))"#,
            "x ERROR",
            "= +CPMS: 14,50,14,50",
            "=",
            r#"! +CREG: 5,"25FF","825E""#,
        ]
    );
}

#[test]
fn transcript_20_simcom_sim800_boot_undervoltage() {
    assert_eq!(
        heard(20),
        [
            "! RDY",
            "! +CFUN: 1",
            "! +CPIN: READY",
            "x ERROR",
            "! Call Ready",
            "! SMS Ready",
            "=",
            "= +CNMI: (0-3),(0-3),(0,2),(0,1),(0,1)",
            "x ERROR",
            "=",
            ">",
            "! UNDER-VOLTAGE WARNNING",
            "! UNDER-VOLTAGE POWER DOWN",
            "! RDY",
            "x silent",
        ]
    );
    // And the session's: a_modem_that_restarts_in_the_middle_of_a_part_leaves_it_uncertain_and_is_set_up_anew.
}

#[test]
fn transcript_21_simcom_sim7670g_bare_prompt() {
    // > and a line end is a prompt like any other.
    assert_eq!(heard(21), [">",]);
}

#[test]
fn transcript_22_simcom_a7670_boot_and_sim_failure() {
    assert_eq!(
        heard(22),
        [
            "! *ATREADY: 1",
            "=",
            "x CME 13",
            "! +CPIN: READY",
            "! SMS DONE",
            "! PB DONE",
            "= +CGREG: 0,0",
        ]
    );
    assert!(information::is_restart_word("*ATREADY: 1"));
    assert!(information::is_boot_word("SMS DONE") && information::is_boot_word("PB DONE"));
}

#[test]
fn transcript_23_simcom_sim7600_lte_sms_fails_3g_works() {
    assert_eq!(
        heard(23),
        [
            "= +CPSI: LTE,Online,208-15,0x19C9,104313681,291,EUTRAN-BAND3,1675,4,4,-93,-1006,-731,14",
            ">",
            "x CMS 500",
            "=",
            ">",
            "= +CMGS: 186",
        ]
    );
    // And the session's: lte_that_carries_no_messages_is_left_after_three_failures.
}

#[test]
fn transcript_24_simcom_sim7600_cdsi_sr_321() {
    // A reference that nobody asked for is kept apart; +CDSI is told, and its slot is empty.
    assert_eq!(
        heard(24),
        [
            "! +CMGS: 40",
            "! OK",
            r#"! +CDSI: "SR",8"#,
            "= +CPMS: 0,0,3,23,3,23",
            "x CMS 321",
        ]
    );
}

#[test]
fn transcript_25_quectel_ec25_cdsi_wrong_store() {
    // An announced report whose slot is empty.
    assert_eq!(heard(25), ["=", r#"! +CDSI: "SM",0"#, "=",]);
}

#[test]
fn transcript_26_quectel_ec25_direct_cmt_cds_cnma() {
    // A text and a report are each one announcement of two lines; a second +CNMA is refused.
    assert_eq!(
        heard(26),
        [
            "= +CSMS: 1,1,1",
            "=",
            "! text of 29",
            "=",
            "x CMS 340",
            "! report of 33",
            "= +CNMI: 2,0,0,0,0",
        ]
    );
}

#[test]
fn transcript_27_quectel_m26_capabilities() {
    assert_eq!(
        heard(27),
        [
            "= FOXCOM MODEM | Quectel_M26 | Revision: M26FBR03A04_TTS",
            "= +CSMS: (0,128)",
            "= +CSMS: 0,1,1,1",
            r#"= +CPMS: ("SM","ME","MT"),("SM","ME","MT"),("SM","ME","MT")"#,
            "= +CNMI: (0-3),(0-3),(0,2,3),(0-2),(0,1)",
            "= +CNMA: (0-2)",
            "= +CEER: 0,0",
        ]
    );
    let lists = information::number_lists("+CNMI: (0-3),(0-3),(0,2,3),(0-2),(0,1)");
    assert_eq!(lists[2], [0, 2, 3]);
}

#[test]
fn transcript_28_receive_cmti_cmgr_cmgd() {
    // An empty slot has three forms.
    assert_eq!(
        heard(28),
        [
            r#"! +CMTI: "SM",7"#,
            "= +CPMS: 7,20,7,20,7,20",
            "= +CMGR: 0,,21 | 0791447700090000040C9144770009103200006211029003000002E834",
            "=",
            "=",
            "x CMS 321",
            "= +CMGR: 0,,0",
        ]
    );
}

#[test]
fn transcript_29_receive_cmti_storage_mismatch() {
    // The same slot of the wrong storage is empty.
    assert_eq!(
        heard(29),
        [
            r#"! +CMTI: "ME",0"#,
            "= +CPMS: 0,30,0,30,0,30",
            "=",
            "= +CPMS: 1,23,1,23,1,23",
            "= +CMGR: 0,,21 | 0791447700090000040C9144770009103200006211029003000002E834",
            r#"! +CMTI: "SM",-1"#,
            "! +CMTI: 0,111",
        ]
    );
}

#[test]
fn transcript_30_cmgl_with_urc_in_the_middle() {
    // Announcements in the middle of a list belong to nobody, and the list stays whole.
    assert_eq!(
        heard(30),
        [
            r#"! +CMTI: "SM",2"#,
            "! ^RSSI:18",
            "= +CMGL: 0,1,,21 | 0791447700090000040C9144770009103200006211029003000002E834 | +CMGL: 1,0,,22 | 0791447700090000040C9144770009103200006211029013000003F4FB1B",
            "= +CMGL: 17,3,18 | 0021000C91447700091032000005E8329BFD06 | +CMGL: 15,3,18 | 0021000C91447700091032000005E8329BFD06",
            "=",
        ]
    );
}

#[test]
fn transcript_31_receive_parts_out_of_order() {
    // Three parts in one list, in the order in which they came, each whole: two lines of it.
    let heard = heard(31);
    assert_eq!(
        heard[..3],
        [
            r#"! +CMTI: "ME",1"#,
            r#"! +CMTI: "ME",2"#,
            r#"! +CMTI: "ME",3"#,
        ]
    );
    let list: Vec<&str> = heard[3].trim_start_matches("= ").split(" | ").collect();
    assert_eq!((heard.len(), list.len()), (4, 6));
    let parts: Vec<&str> = list
        .iter()
        .skip(1)
        .step_by(2)
        .map(|pdu| &pdu[58..66])
        .collect();
    assert_eq!(parts, ["03980302", "03980303", "03980301"]);
}

#[test]
fn transcript_32_class0_flash_direct_even_with_mt1() {
    // A text of class 0 is one announcement of two lines.
    assert_eq!(heard(32), ["=", "! text of 32",]);
}

#[test]
fn transcript_33_storage_full() {
    // A full storage says so, and texts come again once there is room.
    assert_eq!(
        heard(33),
        [
            r#"! ^SMMEMFULL:"SM""#,
            r#"= +CPMS: "SM",20,20,"SM",20,20,"SM",20,20"#,
            "=",
            r#"= +CPMS: "SM",0,20,"SM",0,20,"SM",0,20"#,
            r#"! +CMTI: "SM",0"#,
        ]
    );
}

#[test]
fn transcript_34_creg_variants() {
    use Registration::{Denied, Home, HomeMessages, None as Nothing, Roaming};
    let answered: Vec<Option<Registration>> = answers(34)
        .iter()
        .take(10)
        .map(|(_, heard)| Registration::of_answer(heard.first()?.strip_prefix("= ")?))
        .collect();
    assert_eq!(
        answered,
        [
            Some(Home),
            Some(Nothing),
            Some(Home),
            Some(Home),
            Some(Roaming),
            Some(HomeMessages),
            Some(Home),
            // An empty stat is no answer; a broken cell does not matter; neither does a bare OK.
            None,
            Some(Home),
            Some(Home),
        ]
    );
    // Behind the answers: what is announced is told from them by its shape.
    let heard = heard(34);
    let announced: Vec<_> = heard[heard.len() - 5..]
        .iter()
        .map(|line| Registration::of_announcement(line.trim_start_matches("! ")))
        .collect();
    let circuit = |registration| Some((Domain::Circuit, registration));
    assert_eq!(
        announced,
        [
            circuit(Denied),
            circuit(Home),
            circuit(Roaming),
            None,
            circuit(HomeMessages)
        ]
    );
}

#[test]
fn transcript_35_cpin_variants() {
    let all = answers(35);
    let of = |line: &str| -> Vec<String> {
        let asked = all.iter().filter(|(asked, _)| asked == line);
        asked.flat_map(|(_, heard)| heard.clone()).collect()
    };
    let states: Vec<Option<SimState>> = of("AT+CPIN?")[..5]
        .iter()
        .map(|heard| SimState::read(heard.trim_start_matches("= ")))
        .collect();
    assert_eq!(
        states,
        [
            SimState::Ready,
            SimState::Pin,
            SimState::Puk,
            SimState::Locked,
            SimState::NotInserted
        ]
        .map(Some)
    );
    assert_eq!(
        of("AT+CPIN?")[5..],
        ["x CME 10", "x CME 14", "x CME 14", "x ERROR"]
    );
    assert_eq!(of(r#"AT+CPIN="0000""#), ["x CME 16"]);
    // Each vendor's counter is read where its profile says.
    let profiles = Profiles::built_in();
    for (profile, line) in [
        ("huawei-e-series", "AT^CPIN?"),
        ("generic", "AT+CPINR"),
        ("simcom-sim800", "AT+SPIC"),
        ("quectel-ec25", "AT+QPINC?"),
        ("zte", "AT+ZPINPUK=?"),
    ] {
        let counter = profiles.get(profile).unwrap().pin_counter();
        assert_eq!(line, format!("AT{}", counter.command), "{profile}");
        let heard = of(line);
        let first = heard[0].trim_start_matches("= ");
        assert_eq!(
            information::tries_left(first, counter.field),
            Some(3),
            "{profile}"
        );
    }
}

#[test]
fn transcript_36_usb_reenumeration() {
    // The port ends in the middle of a command; what the new one says first is nobody's answer.
    assert_eq!(heard(36), ["! ^BOOT:27710117,0,0,0,75", "x silent",]);
}

#[test]
fn transcript_37_cinterion_mc75i_caps() {
    assert_eq!(
        heard(37),
        [
            r#"= +CPMS: ("ME","SM","MT"),("ME","SM","MT"),("SM","MT")"#,
            "= +CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)",
            "=",
            r#"= +CPMS: "ME",0,25,"ME",0,25,"SM",0,20"#,
        ]
    );
    // And the session's: what_cinterion_offers_is_what_it_is_asked_for.
    assert_eq!(
        information::number_lists("+CNMI: (0-3),(0,1),(0,2,3),(0,2),(1)")[4],
        [1]
    );
}

#[test]
fn transcript_38_nokia_s60_cannot_read() {
    assert_eq!(
        heard(38),
        ["= +CPMS: (),(),()", "= +CPMS: ,,,,,,,,", "x ERROR",]
    );
    // And the session's: a_phone_without_storage_is_sent_by_and_says_that_nothing_comes_back.
    let lists = information::storage_lists("+CPMS: (),(),()");
    assert!(lists.len() == 3 && lists.iter().all(Vec::is_empty));
}

#[test]
fn transcript_39_mr_wrap_and_status_report_before_ok() {
    assert_eq!(
        sent(39),
        [
            "! 1 accepted 255 after 0",
            "! report of 33 octets for 8944110068256270054",
            "! 2 accepted 0 after 0",
        ]
    );
}

#[test]
fn transcript_40_operator_reject_and_sim_block() {
    assert_eq!(heard(40), [">", "x CMS 50", "! +CREG: 3", "= +COPS: 0",]);
    let news = Registration::of_announcement("+CREG: 3");
    assert_eq!(news, Some((Domain::Circuit, Registration::Denied)));
    let fault = Fault::Cms(Cause::Code(50));
    let progress = crate::at::answer::Progress::AfterCtrlZ(Duration::from_millis(2200));
    let crate::at::answer::Verdict::Refused(setback) = crate::at::answer::verdict(&fault, progress)
    else {
        panic!("50 is a refusal");
    };
    assert_eq!(setback.blame, crate::domain::Blame::Sim);
}

#[test]
fn transcript_41_cmee_text_errors() {
    // Errors in words have the codes of the standard, and vendors' words are errors.
    assert_eq!(
        heard(41),
        ["x CMS 321", "x CME 10", "x ERROR", "x ERROR", "x ERROR",]
    );
}

#[test]
fn transcript_42_telit_he910_errors_and_delete() {
    assert_eq!(
        heard(42),
        [
            r#"= +CREG: 0,1,"5E25","605F",2"#,
            "=",
            "! #QSS: 3",
            ">",
            "x CMS 330",
            "=",
            "=",
        ]
    );
}

#[test]
fn every_transcript_has_its_test() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("hardware/transcripts");
    let tests = include_str!("transcripts.rs");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".at") {
            let test = format!("fn transcript_{}()", name.replace('-', "_").to_lowercase());
            assert!(tests.contains(&test), "{test}");
        }
    }
}

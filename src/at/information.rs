//! What stands in the information lines of an answer, read as types.

use std::str::FromStr;

/// `<stat>` of `+CREG` and `+CEREG` (27.007 §7.2, §10.1.22).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Registration {
    Home,
    Roaming,
    /// Registered for messages only.
    HomeMessages,
    RoamingMessages,
    Searching,
    Denied,
    /// Not registered, unknown, or emergency calls only.
    None,
}

impl Registration {
    fn of(stat: u8) -> Self {
        match stat {
            // 9 and 10: circuit switched fallback not preferred.
            1 | 9 => Self::Home,
            5 | 10 => Self::Roaming,
            6 => Self::HomeMessages,
            7 => Self::RoamingMessages,
            2 => Self::Searching,
            3 => Self::Denied,
            _ => Self::None,
        }
    }

    /// The answer to `AT+CREG?` or `AT+CEREG?`: `<n>,<stat>[,…]`.
    pub(crate) fn of_answer(line: &str) -> Option<Self> {
        field::<u8>(line, 1).map(Self::of)
    }

    /// The announcement: `<stat>[,…]`. Returns what it speaks of as well.
    pub(crate) fn of_announcement(line: &str) -> Option<(Domain, Self)> {
        let domain = if line.starts_with("+CREG:") {
            Domain::Circuit
        } else if line.starts_with("+CEREG:") {
            Domain::Lte
        } else {
            return None;
        };
        Some((domain, Self::of(field(line, 0)?)))
    }

    /// Whether messages can be sent. Over LTE alone only a full registration tells so.
    pub(crate) fn is_usable(self, domain: Domain) -> bool {
        match self {
            Self::Home | Self::Roaming => true,
            Self::HomeMessages | Self::RoamingMessages => domain == Domain::Circuit,
            Self::Searching | Self::Denied | Self::None => false,
        }
    }
}

/// Which of the two registrations a modem speaks of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Domain {
    Circuit,
    Lte,
}

/// What a SIM wants (27.007 §8.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SimState {
    Ready,
    Pin,
    Puk,
    /// Bound to another device or network.
    Locked,
    NotInserted,
    NotReady,
}

impl SimState {
    /// Reads `+CPIN: READY`, with or without quotes and blanks.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let state = line.strip_prefix("+CPIN:")?.trim().trim_matches('"');
        Some(match state {
            // PIN2 and PUK2 guard the fixed numbers only.
            "READY" | "SIM PIN2" | "SIM PUK2" => Self::Ready,
            "SIM PIN" => Self::Pin,
            "SIM PUK" => Self::Puk,
            "NOT INSERTED" => Self::NotInserted,
            "NOT READY" => Self::NotReady,
            _ if state.starts_with("PH-") => Self::Locked,
            _ => return None,
        })
    }
}

/// What is said unasked of the SIM: `Some(true)` it is there, `Some(false)` it is gone.
pub(crate) fn sim_presence(line: &str) -> Option<bool> {
    // Huawei: 0, 240 and 255 are no SIM. Quectel tells of insertions only. Telit: 0 is none. Cinterion: 0 is none.
    if let Some(state) = line.strip_prefix("^SIMST:") {
        let state: u8 = state.split(',').next()?.trim().parse().ok()?;
        return Some(!matches!(state, 0 | 240 | 255));
    }
    if line.starts_with("+QUSIM:") {
        return (field::<u8>(line, 0)? == 1).then_some(true);
    }
    let known = ["#QSS:", "^SCKS:"]
        .iter()
        .any(|prefix| line.starts_with(prefix));
    known.then(|| field::<u8>(line, 0).map(|state| state != 0))?
}

/// A modem has started, or one of its services is up.
pub(crate) fn is_boot_word(line: &str) -> bool {
    const WORDS: [&str; 5] = ["SMS Ready", "SMS DONE", "PB DONE", "Call Ready", "+XSIM: 3"];
    WORDS.contains(&line)
}

/// What a modem says when it has just started by itself: whatever it was told before is forgotten.
pub(crate) fn is_restart_word(line: &str) -> bool {
    // Not ^BOOT: some Huawei sticks say it every few seconds.
    const WORDS: [&str; 4] = ["RDY", "APP RDY", "MODEM:STARTUP", "START"];
    WORDS.contains(&line) || line.starts_with("*ATREADY:")
}

/// A modem that lacks power says so before it goes (SIM800).
pub(crate) fn is_power_word(line: &str) -> bool {
    line.starts_with("UNDER-VOLTAGE") || line.starts_with("OVER-VOLTAGE")
}

/// `<fun>` of `+CFUN: 1`. ZTE answers the question with what it would accept; that says nothing.
pub(crate) fn function(line: &str) -> Option<u8> {
    field(line, 0)
}

/// Field `n` of the answer to a question for what a PIN has left.
pub(crate) fn tries_left(line: &str, n: usize) -> Option<u8> {
    field(line, n)
}

/// The ICCID as it stands on the SIM, two digits of each octet swapped: `+CRSM: 144,0,"98…"`.
pub(crate) fn iccid_of_file(line: &str) -> Option<String> {
    let octets = text_field(line.strip_prefix("+CRSM").map(|_| line)?, 2)?;
    let digits: String = octets
        .as_bytes()
        .chunks(2)
        .flat_map(|pair| pair.iter().rev())
        .map(|digit| char::from(*digit))
        .collect();
    self::digits(&digits)
}

/// The lists of a test answer: `+CNMI: (0-3),(0,1),(2)` is `[[0, 1, 2, 3], [0, 1], [2]]`.
pub(crate) fn number_lists(line: &str) -> Vec<Vec<u8>> {
    groups(line)
        .into_iter()
        .map(|group| group.split(',').flat_map(range).collect())
        .collect()
}

fn range(item: &str) -> Vec<u8> {
    let number = |text: &str| text.trim().parse::<u8>().ok();
    match item.split_once('-') {
        Some((first, last)) => match (number(first), number(last)) {
            (Some(first), Some(last)) => (first..=last).collect(),
            _ => Vec::new(),
        },
        None => number(item).into_iter().collect(),
    }
}

/// The storages that `+CPMS=?` offers for each of its three uses. Some modems write one list without brackets.
pub(crate) fn storage_lists(line: &str) -> Vec<Vec<String>> {
    let words = |group: &str| -> Vec<String> {
        let words = group.split(',').map(|word| word.trim().trim_matches('"'));
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let groups = groups(line);
    match groups.is_empty() {
        true => match line.split_once(':') {
            Some((_, list)) => vec![words(list)],
            None => Vec::new(),
        },
        false => groups.into_iter().map(words).collect(),
    }
}

/// What stands in the innermost brackets, in order; Wavecom puts a pair around all of them.
fn groups(line: &str) -> Vec<&str> {
    let mut groups = Vec::new();
    let mut begins = None;
    for (at, character) in line.char_indices() {
        match character {
            '(' => begins = Some(at + 1),
            ')' => groups.extend(begins.take().map(|begins| &line[begins..at])),
            _ => {}
        }
    }
    groups
}

/// How many texts fit into the first storage: `+CPMS: used,total,…` after a selection, with names after a question.
pub(crate) fn storage_size(line: &str) -> Option<u16> {
    field(line, 1)
}

/// The first storage of `+CPMS: "SM",1,20,…`.
pub(crate) fn storage_name(line: &str) -> Option<&str> {
    text_field(line, 0).filter(|name| !name.is_empty())
}

/// The numbers of `+CNMI: 2,1,0,1,0`.
pub(crate) fn numbers(line: &str) -> Vec<u8> {
    let Some((_, fields)) = line.split_once(':') else {
        return Vec::new();
    };
    fields
        .split(',')
        .map_while(|field| field.trim().parse().ok())
        .collect()
}

/// Field number `n` of `+XXX: a,b,c`, read without quotes.
fn field<T: FromStr>(line: &str, n: usize) -> Option<T> {
    text_field(line, n)?.parse().ok()
}

fn text_field(line: &str, n: usize) -> Option<&str> {
    let (_, fields) = line.split_once(':')?;
    Some(fields.split(',').nth(n)?.trim().trim_matches('"'))
}

/// What follows `prefix`.
pub(super) fn rest<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.strip_prefix(prefix)
}

/// Fields between commas, without their quotes; a comma between quotes is text.
pub(super) fn fields(text: &str) -> Vec<&str> {
    let mut quoted = false;
    text.split(move |character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    })
    .map(|field| field.trim().trim_matches('"'))
    .collect()
}

/// The reference of `+CMGS: 12` and `+CMGS: 12,"…"`. The outer `None`: no such line; the inner: no reference in it.
pub(crate) fn message_reference(line: &str) -> Option<Option<u8>> {
    line.starts_with("+CMGS:").then(|| field(line, 0))
}

/// The received level of `+CSQ: 17,99`, in dBm. `None` while it is not known.
pub(crate) fn signal_dbm(line: &str) -> Option<i16> {
    match field::<i16>(line, 0)? {
        rssi @ 0..=31 => Some(2 * rssi - 113),
        // TD-SCDMA.
        rscp @ 100..=191 => Some(rscp - 216),
        _ => None,
    }
}

/// Operator and radio technology of `+COPS: 0,2,"46000",7`.
pub(crate) fn operator(line: &str) -> (Option<String>, Option<&'static str>) {
    let name = text_field(line, 2).filter(|name| !name.is_empty());
    let technology = field::<u8>(line, 3).and_then(|act| match act {
        0 | 1 | 3 => Some("gsm"),
        2 | 4..=6 => Some("umts"),
        7 => Some("lte"),
        8 => Some("ec-gsm"),
        9 => Some("nb-iot"),
        10..=13 => Some("nr"),
        _ => None,
    });
    (name.map(str::to_owned), technology)
}

/// The digits of an IMEI, IMSI or ICCID, with or without prefix, quotes and filler F.
pub(crate) fn digits(line: &str) -> Option<String> {
    let text = line.rsplit_once(':').map_or(line, |(_, text)| text);
    let text = text.split(',').next()?.trim().trim_matches('"');
    let digits = text.trim_end_matches(['F', 'f']);
    let fits = digits.len() >= 14 && digits.bytes().all(|octet| octet.is_ascii_digit());
    fits.then(|| digits.to_owned())
}

/// The number of `+CNUM: "name","+4477…",145`, if it has one.
pub(crate) fn own_number(line: &str) -> Option<String> {
    let number = text_field(line, 1)?;
    is_number(number).then(|| number.to_owned())
}

/// The number of `+CLIP: "+4477…",145`. The outer `None`: no such line; the inner: it is withheld.
pub(crate) fn caller(line: &str) -> Option<Option<&str>> {
    line.starts_with("+CLIP:")
        .then(|| text_field(line, 0).filter(|number| is_number(number)))
}

/// The number of `+CSCA: "+4477…",145`: quoted or bare, plain or as UCS2 in hexadecimal.
pub(crate) fn service_centre(line: &str) -> Option<String> {
    let written = text_field(line, 0)?;
    if is_number(written) && !is_ucs2_of_digits(written) {
        return Some(written.to_owned());
    }
    let units: Option<Vec<u16>> = written
        .as_bytes()
        .chunks(4)
        .map(|unit| u16::from_str_radix(std::str::from_utf8(unit).ok()?, 16).ok())
        .collect();
    let number = String::from_utf16(&units?).ok()?;
    is_number(&number).then_some(number)
}

/// `0033003600…`: the digits of a number, each with an octet 00 before it.
fn is_ucs2_of_digits(text: &str) -> bool {
    text.len() >= 12
        && text.len().is_multiple_of(4)
        && text.as_bytes().chunks(4).all(|unit| &unit[..3] == b"003")
}

/// Digits, with or without `+`: what may stand between the quotes of a command.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=20).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_read_from_every_shape_of_its_answer() {
        use Registration::*;
        for (line, expected) in [
            ("+CREG: 0,1", Some(Home)),
            ("+CREG: 2,0,00,0", Some(None)),
            ("+CREG: 2,1,8BE3,2BAF", Some(Home)),
            ("+CREG: 2,5,\"2AF5\",\"0B88E350\",2", Some(Roaming)),
            ("+CREG: 2,6,\"8B37\",\"0A265185\",7", Some(HomeMessages)),
            ("+CREG:002,001,\"18d8\",\"ffff\"", Some(Home)),
            ("+CREG: 1,3", Some(Denied)),
            ("+CREG: 2,,", Option::None),
        ] {
            assert_eq!(Registration::of_answer(line), expected, "{line}");
        }
        for (line, expected) in [
            ("+CREG: 3", Some((Domain::Circuit, Denied))),
            ("+CREG: 1,84CD,00D30156", Some((Domain::Circuit, Home))),
            ("+CEREG: 2", Some((Domain::Lte, Searching))),
            ("+CGREG: 0", Option::None),
        ] {
            assert_eq!(Registration::of_announcement(line), expected, "{line}");
        }
    }

    #[test]
    fn messages_can_be_sent_where_the_network_says_so() {
        for (stat, circuit, lte) in [
            (0, false, false),
            (1, true, true),
            (2, false, false),
            (3, false, false),
            (4, false, false),
            (5, true, true),
            (6, true, false),
            (7, true, false),
            (8, false, false),
            (9, true, true),
            (10, true, true),
            (11, false, false),
        ] {
            let registration = Registration::of(stat);
            assert_eq!(registration.is_usable(Domain::Circuit), circuit, "{stat}");
            assert_eq!(registration.is_usable(Domain::Lte), lte, "{stat}");
        }
    }

    #[test]
    fn a_sim_state_is_read_with_and_without_quotes() {
        for (line, expected) in [
            ("+CPIN: READY", Some(SimState::Ready)),
            ("+CPIN: \"SIM PIN\"", Some(SimState::Pin)),
            ("+CPIN:SIM PUK", Some(SimState::Puk)),
            ("+CPIN: SIM PIN2", Some(SimState::Ready)),
            ("+CPIN: PH-NET PIN", Some(SimState::Locked)),
            ("+CPIN: NOT INSERTED", Some(SimState::NotInserted)),
            ("+CPIN: NOT READY", Some(SimState::NotReady)),
            ("+CPIN: 7", None),
            ("+CREG: 1", None),
        ] {
            assert_eq!(SimState::read(line), expected, "{line}");
        }
    }

    #[test]
    fn a_reference_is_the_first_field() {
        for (line, expected) in [
            ("+CMGS: 0", Some(Some(0))),
            ("+CMGS:255", Some(Some(255))),
            ("+CMGS: 12,\"07911326040011F5\"", Some(Some(12))),
            ("+CMGS: 012", Some(Some(12))),
            ("+CMGS: 256", Some(None)),
            ("+CMGS:", Some(None)),
            ("+CMGL: 1", None),
        ] {
            assert_eq!(message_reference(line), expected, "{line}");
        }
    }

    #[test]
    fn a_signal_is_read_on_both_scales() {
        for (line, dbm) in [
            ("+CSQ: 0,99", Some(-113)),
            ("+CSQ: 17,99", Some(-79)),
            ("+CSQ: 31,0", Some(-51)),
            ("+CSQ: 99,99", None),
            ("+CSQ: 100,99", Some(-116)),
            ("+CSQ: 199,99", None),
        ] {
            assert_eq!(signal_dbm(line), dbm, "{line}");
        }
    }

    #[test]
    fn an_operator_comes_with_its_technology() {
        for (line, name, technology) in [
            ("+COPS: 0,2,\"46000\",7", Some("46000"), Some("lte")),
            ("+COPS: 0,0,\"O2\"", Some("O2"), None),
            ("+COPS: 1,2,26201,0", Some("26201"), Some("gsm")),
            ("+COPS: 0", None, None),
        ] {
            assert_eq!(operator(line), (name.map(str::to_owned), technology));
        }
    }

    #[test]
    fn identities_are_digits_whatever_is_around_them() {
        for (line, expected) in [
            ("490154203237518", Some("490154203237518")),
            ("+CGSN: \"490154203237518\"", Some("490154203237518")),
            ("+CCID: 8944110068256270054F", Some("8944110068256270054")),
            ("^ICCID: 89860000000000000001", Some("89860000000000000001")),
            ("E1752", None),
            ("+CCID: ", None),
        ] {
            assert_eq!(digits(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn numbers_in_answers_may_be_missing() {
        assert_eq!(
            own_number("+CNUM: \"Subscriber Number\",\"+447700900123\",145").as_deref(),
            Some("+447700900123")
        );
        assert_eq!(own_number("+CNUM: ,,145"), None);
    }

    #[test]
    fn a_service_centre_is_read_quoted_bare_and_as_ucs2() {
        for (line, expected) in [
            ("+CSCA: \"+447700900000\",145", Some("+447700900000")),
            ("+CSCA: +447700900000,145", Some("+447700900000")),
            ("+CSCA: \"002B003400340037\",145", Some("+447")),
            ("+CSCA: 002B003400340037,145", Some("+447")),
            ("+CSCA: \"003400340037\",129", Some("447")),
            ("+CSCA: \"\",129", None),
            ("+CSCA:", None),
            ("+CSCA: \"00G1\",145", None),
        ] {
            assert_eq!(service_centre(line).as_deref(), expected, "{line}");
        }
    }

    #[test]
    fn lists_of_numbers_are_read_however_they_are_written() {
        let all = |lists: &[&[u8]]| lists.iter().map(|list| list.to_vec()).collect::<Vec<_>>();
        for (line, expected) in [
            (
                "+CNMI: (0-3),(0-3),(0,2),(0,1),(0,1)",
                all(&[&[0, 1, 2, 3], &[0, 1, 2, 3], &[0, 2], &[0, 1], &[0, 1]]),
            ),
            ("+CNMI:(2),(0-1,3),(0)", all(&[&[2], &[0, 1, 3], &[0]])),
            ("+CMMS: (0-2)", all(&[&[0, 1, 2]])),
            ("+CNMI: ", all(&[])),
            ("+CNMI: (3-1),(x),()", all(&[&[], &[], &[]])),
        ] {
            assert_eq!(number_lists(line), expected, "{line}");
        }
    }

    #[test]
    fn lists_of_storages_are_read_however_they_are_written() {
        for (line, expected) in [
            ("+CPMS: (\"SM\",\"ME\"),(\"SM\"),(\"SM\")", "SM ME|SM|SM"),
            ("+CPMS: ((\"SM\",\"BM\",\"SR\"),(\"SM\"))", "SM BM SR|SM"),
            ("+CPMS: \"ME\",\"MT\",\"SM\"", "ME MT SM"),
            ("+CPMS: (),(),()", "||"),
        ] {
            let lists: Vec<String> = storage_lists(line)
                .iter()
                .map(|list| list.join(" "))
                .collect();
            assert_eq!(lists.join("|"), expected, "{line}");
        }
    }

    #[test]
    fn an_iccid_is_read_off_the_file_with_its_digits_swapped() {
        let line = "+CRSM: 144,0,\"98441100862665720045\"";
        assert_eq!(iccid_of_file(line).as_deref(), Some("89441100686256270054"));
        assert_eq!(iccid_of_file("+CRSM: 106,130"), None);
    }

    #[test]
    fn the_presence_of_a_sim_is_told_in_many_ways() {
        for (line, expected) in [
            ("^SIMST:255", Some(false)),
            ("^SIMST:1", Some(true)),
            ("^SIMST: 1,0", Some(true)),
            ("+QUSIM: 1", Some(true)),
            ("+QUSIM: 0", None),
            ("#QSS: 0", Some(false)),
            ("#QSS: 3", Some(true)),
            ("^SCKS: 0", Some(false)),
            ("+CSQ: 0", None),
        ] {
            assert_eq!(sim_presence(line), expected, "{line}");
        }
    }

    #[test]
    fn what_a_pin_has_left_stands_where_the_profile_says() {
        for (line, n, left) in [
            ("^CPIN: SIM PIN,3,10,3,10,3", 3, Some(3)),
            ("+CPINR: SIM PIN,2,3", 1, Some(2)),
            ("+SPIC: 1,10,3,10", 0, Some(1)),
            ("+QPINC: \"SC\",3,10", 1, Some(3)),
            ("+ZPINPUK: 3,10,3,10", 0, Some(3)),
            ("+UPINCNT: 3,3,10,10", 0, Some(3)),
            ("#PCT: 3", 0, Some(3)),
            ("+CPINR: SIM PIN", 1, None),
        ] {
            assert_eq!(tries_left(line, n), left, "{line}");
        }
    }

    #[test]
    fn nothing_but_a_number_stands_between_the_quotes_of_a_command() {
        assert!(is_number("+447700900000"));
        for text in ["", "+", "12", "+44\"\rAT+CFUN=0", "1234567890123456789012"] {
            assert!(!is_number(text), "{text:?}");
        }
    }
}

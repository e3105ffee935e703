//! Countries as data: calling code, trunk prefix, and how long a national number can be.
//!
//! Calling codes are those of ITU-T E.164; trunk prefixes and lengths are those of libphonenumber's metadata, which a
//! test compares row by row. Not here: which digits a number of a country may have.

/// A country that a number can belong to.
#[derive(Debug)]
pub(super) struct Region {
    pub(super) iso: &'static str,
    pub(super) calling_code: &'static str,
    /// What is dialled before a national number at home, and not from abroad.
    pub(super) trunk: &'static str,
    /// Digits of a national number, without the trunk prefix: single lengths and ranges, `"7 9-10"`.
    lengths: &'static str,
}

impl Region {
    /// Whether a national number, without the trunk prefix, can have so many digits.
    pub(super) fn allows(&self, digits: usize) -> bool {
        self.lengths.split(' ').any(|one| {
            let (first, last) = one.split_once('-').unwrap_or((one, one));
            let number = |text: &str| text.parse::<usize>().expect("digits of the table below");
            (number(first)..=number(last)).contains(&digits)
        })
    }
}

/// Whether some country that an international number (digits without `+`) can belong to has numbers of this length.
/// Codes of no country, such as those of satellites, are not counted in any.
pub(super) fn allows(digits: &str) -> bool {
    let of_country = REGIONS
        .iter()
        .filter_map(|region| Some((region, digits.strip_prefix(region.calling_code)?)))
        .any(|(region, national)| region.allows(national.len()));
    of_country || NOBODYS.iter().any(|code| digits.starts_with(code))
}

/// Calling codes that no country has: free phone, satellites, networks (E.164.1).
const NOBODYS: &[&str] = &[
    "800", "808", "870", "878", "881", "882", "883", "888", "979",
];

pub(super) fn by_iso(iso: &str) -> Option<&'static Region> {
    REGIONS.iter().find(|region| region.iso == iso)
}

/// Whether this is the ISO 3166 code of a country in the tables.
pub(super) fn is_country(iso: &str) -> bool {
    by_iso(iso).is_some() || NORTH_AMERICA.iter().any(|(known, _)| *known == iso)
}

/// What follows the country code of an international number (digits without `+`); all of it when no country has it.
pub(super) fn subscriber(digits: &str) -> &str {
    if let Some(rest) = digits.strip_prefix('1') {
        return rest;
    }
    REGIONS
        .iter()
        .filter_map(|region| digits.strip_prefix(region.calling_code))
        .min_by_key(|rest| rest.len())
        .unwrap_or(digits)
}

/// ISO 3166 of an international number (digits without `+`).
pub(super) fn of_number(digits: &str) -> Option<&'static str> {
    if let Some(area) = digits.strip_prefix('1') {
        let area = area.get(..3)?;
        let elsewhere = NORTH_AMERICA
            .iter()
            .find(|(_, areas)| areas.split(' ').any(|one| one == area));
        return Some(elsewhere.map_or("US", |(iso, _)| iso));
    }
    // +7 6 and +7 7 are Kazakhstan's.
    if digits.starts_with("76") || digits.starts_with("77") {
        return Some("KZ");
    }
    // Asked several times for each message: most of the table is told apart by one octet.
    let first = digits.as_bytes().first()?;
    REGIONS
        .iter()
        .filter(|region| region.calling_code.as_bytes().first() == Some(first))
        .filter(|region| digits.starts_with(region.calling_code))
        // Of countries that share a code the first in the table is the largest.
        .reduce(|best, one| {
            if one.calling_code.len() > best.calling_code.len() {
                one
            } else {
                best
            }
        })
        .map(|region| region.iso)
}

/// Area codes of +1 outside the United States (North American Numbering Plan).
const NORTH_AMERICA: &[(&str, &str)] = &[
    (
        "CA",
        "204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 514 519 548 579 581 584 587 600 604 613 622 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942",
    ),
    ("AG", "268"),
    ("AI", "264"),
    ("AS", "684"),
    ("BB", "246"),
    ("BM", "441"),
    ("BS", "242"),
    ("DM", "767"),
    ("DO", "809 829 849"),
    ("GD", "473"),
    ("GU", "671"),
    ("JM", "658 876"),
    ("KN", "869"),
    ("KY", "345"),
    ("LC", "758"),
    ("MP", "670"),
    ("MS", "664"),
    ("PR", "787 939"),
    ("SX", "721"),
    ("TC", "649"),
    ("TT", "868"),
    ("VC", "784"),
    ("VG", "284"),
    ("VI", "340"),
];

const fn region(
    iso: &'static str,
    calling_code: &'static str,
    trunk: &'static str,
    lengths: &'static str,
) -> Region {
    Region {
        iso,
        calling_code,
        trunk,
        lengths,
    }
}

/// By calling code; of countries that share one the largest stands first.
const REGIONS: &[Region] = &[
    region("US", "1", "1", "10"),
    region("CA", "1", "1", "7 10"),
    region("AG", "1", "1", "10"),
    region("AI", "1", "1", "10"),
    region("AS", "1", "1", "10"),
    region("BB", "1", "1", "10"),
    region("BM", "1", "1", "10"),
    region("BS", "1", "1", "10"),
    region("DM", "1", "1", "10"),
    region("DO", "1", "1", "10"),
    region("GD", "1", "1", "10"),
    region("GU", "1", "1", "10"),
    region("JM", "1", "1", "10"),
    region("KN", "1", "1", "10"),
    region("KY", "1", "1", "10"),
    region("LC", "1", "1", "10"),
    region("MP", "1", "1", "10"),
    region("MS", "1", "1", "10"),
    region("PR", "1", "1", "10"),
    region("SX", "1", "1", "10"),
    region("TC", "1", "1", "10"),
    region("TT", "1", "1", "10"),
    region("VC", "1", "1", "10"),
    region("VG", "1", "1", "10"),
    region("VI", "1", "1", "10"),
    region("RU", "7", "8", "10 14"),
    region("KZ", "7", "8", "10 14"),
    region("EG", "20", "0", "8-10"),
    region("ZA", "27", "0", "5-10"),
    region("GR", "30", "", "10-12"),
    region("NL", "31", "0", "5-11"),
    region("BE", "32", "0", "8-9"),
    region("FR", "33", "0", "9"),
    region("ES", "34", "", "9"),
    region("HU", "36", "06", "8-9"),
    region("IT", "39", "", "6-12"),
    region("VA", "39", "", "6-12"),
    region("RO", "40", "0", "6 9"),
    region("CH", "41", "0", "9 12"),
    region("AT", "43", "0", "4-13"),
    region("GB", "44", "0", "7 9-10"),
    region("GG", "44", "0", "7 9-10"),
    region("IM", "44", "0", "10"),
    region("JE", "44", "0", "10"),
    region("DK", "45", "", "8"),
    region("SE", "46", "0", "6-10 12"),
    region("NO", "47", "", "5 8"),
    region("SJ", "47", "", "5 8"),
    region("PL", "48", "", "6-10"),
    region("DE", "49", "0", "4-15"),
    region("PE", "51", "0", "8-9"),
    region("MX", "52", "", "10"),
    region("CU", "53", "0", "6-8 10"),
    region("AR", "54", "0", "10-11"),
    region("BR", "55", "0", "8-11"),
    region("CL", "56", "", "9-11"),
    region("CO", "57", "0", "8 10-11"),
    region("VE", "58", "0", "10"),
    region("MY", "60", "0", "8-10"),
    region("AU", "61", "0", "5-10 12"),
    region("CC", "61", "0", "6-10 12"),
    region("CX", "61", "0", "6-10 12"),
    region("ID", "62", "0", "7-17"),
    region("PH", "63", "0", "6 8-13"),
    region("NZ", "64", "0", "5-10"),
    region("SG", "65", "", "8 10-11"),
    region("TH", "66", "0", "8-10 13"),
    region("JP", "81", "0", "8-17"),
    region("KR", "82", "0", "5-6 8-14"),
    region("VN", "84", "0", "7-10"),
    region("CN", "86", "0", "7-12"),
    region("TR", "90", "0", "7 10 12-13"),
    region("IN", "91", "0", "8-13"),
    region("PK", "92", "0", "8-12"),
    region("AF", "93", "0", "9"),
    region("LK", "94", "0", "9"),
    region("MM", "95", "0", "6-10"),
    region("IR", "98", "0", "4-7 10"),
    region("SS", "211", "0", "9"),
    region("MA", "212", "0", "9"),
    region("EH", "212", "0", "9"),
    region("DZ", "213", "0", "8-9"),
    region("TN", "216", "", "8"),
    region("LY", "218", "0", "9"),
    region("GM", "220", "", "7"),
    region("SN", "221", "", "9"),
    region("MR", "222", "", "8"),
    region("ML", "223", "", "8"),
    region("GN", "224", "", "8-9"),
    region("CI", "225", "", "10"),
    region("BF", "226", "", "8"),
    region("NE", "227", "", "8"),
    region("TG", "228", "", "8"),
    region("BJ", "229", "", "8 10"),
    region("MU", "230", "", "7-8 10"),
    region("LR", "231", "0", "7-9"),
    region("SL", "232", "0", "8"),
    region("GH", "233", "0", "8-9"),
    region("NG", "234", "0", "10-14"),
    region("TD", "235", "", "8"),
    region("CF", "236", "", "8"),
    region("CM", "237", "", "8-9"),
    region("CV", "238", "", "7"),
    region("ST", "239", "", "7"),
    region("GQ", "240", "", "9"),
    region("GA", "241", "", "7-8"),
    region("CG", "242", "", "9"),
    region("CD", "243", "0", "7-10"),
    region("AO", "244", "", "9"),
    region("GW", "245", "", "7 9"),
    region("IO", "246", "", "7"),
    region("AC", "247", "", "5-6"),
    region("SC", "248", "", "7"),
    region("SD", "249", "0", "9"),
    region("RW", "250", "0", "8-9"),
    region("ET", "251", "0", "9"),
    region("SO", "252", "0", "6-9"),
    region("DJ", "253", "", "8"),
    region("KE", "254", "0", "7-10"),
    region("TZ", "255", "0", "9"),
    region("UG", "256", "0", "9"),
    region("BI", "257", "", "8"),
    region("MZ", "258", "", "8-9"),
    region("ZM", "260", "0", "9"),
    region("MG", "261", "0", "9"),
    region("RE", "262", "0", "9"),
    region("YT", "262", "0", "9"),
    region("ZW", "263", "0", "5-10"),
    region("NA", "264", "0", "8-9"),
    region("MW", "265", "0", "7 9"),
    region("LS", "266", "", "8"),
    region("BW", "267", "", "7-8 10"),
    region("SZ", "268", "", "8-9"),
    region("KM", "269", "", "7"),
    region("SH", "290", "", "4-5"),
    region("TA", "290", "", "4"),
    region("ER", "291", "0", "7"),
    region("AW", "297", "", "7"),
    region("FO", "298", "", "6"),
    region("GL", "299", "", "6"),
    region("GI", "350", "", "8"),
    region("PT", "351", "", "9"),
    region("LU", "352", "", "4-11"),
    region("IE", "353", "0", "7-10"),
    region("IS", "354", "", "7 9"),
    region("AL", "355", "0", "6-9"),
    region("MT", "356", "", "8"),
    region("CY", "357", "", "8"),
    region("FI", "358", "0", "5-12"),
    region("AX", "358", "0", "5-12"),
    region("BG", "359", "0", "6-9 12"),
    region("LT", "370", "0", "8"),
    region("LV", "371", "", "8"),
    region("EE", "372", "", "7-8 10"),
    region("MD", "373", "0", "8"),
    region("AM", "374", "0", "8"),
    region("BY", "375", "8", "6-11"),
    region("AD", "376", "", "6 8-9"),
    region("MC", "377", "0", "8-9"),
    region("SM", "378", "", "8 10"),
    region("UA", "380", "0", "9-10"),
    region("RS", "381", "0", "6-12"),
    region("ME", "382", "0", "8-9"),
    region("XK", "383", "0", "8-12"),
    region("HR", "385", "0", "7-9"),
    region("SI", "386", "0", "5-8"),
    region("BA", "387", "0", "8-9"),
    region("MK", "389", "0", "8"),
    region("CZ", "420", "", "9-12"),
    region("SK", "421", "0", "6-7 9"),
    region("LI", "423", "0", "7 9"),
    region("FK", "500", "", "5"),
    region("BZ", "501", "", "7 11"),
    region("GT", "502", "", "8 11"),
    region("SV", "503", "", "7-8 11"),
    region("HN", "504", "", "8 11"),
    region("NI", "505", "", "8"),
    region("CR", "506", "", "8 10"),
    region("PA", "507", "", "7-8 10-11"),
    region("PM", "508", "0", "6 9"),
    region("HT", "509", "", "8"),
    region("GP", "590", "0", "9"),
    region("BL", "590", "0", "9"),
    region("MF", "590", "0", "9"),
    region("BO", "591", "0", "8-9"),
    region("GY", "592", "", "7"),
    region("EC", "593", "0", "8-11"),
    region("GF", "594", "0", "9"),
    region("PY", "595", "0", "6-11"),
    region("MQ", "596", "0", "9"),
    region("SR", "597", "", "6-7"),
    region("UY", "598", "0", "4-13"),
    region("CW", "599", "", "7-8"),
    region("BQ", "599", "", "7"),
    region("TL", "670", "", "7-8"),
    region("NF", "672", "", "6"),
    region("BN", "673", "", "7"),
    region("NR", "674", "", "7"),
    region("PG", "675", "", "7-8"),
    region("TO", "676", "", "5 7"),
    region("SB", "677", "", "5 7"),
    region("VU", "678", "", "5 7"),
    region("FJ", "679", "", "7 11"),
    region("PW", "680", "", "7"),
    region("WF", "681", "", "6 9"),
    region("CK", "682", "", "5"),
    region("NU", "683", "", "4 7"),
    region("WS", "685", "", "5-7 10"),
    region("KI", "686", "0", "5 8"),
    region("NC", "687", "", "6"),
    region("TV", "688", "", "5-7"),
    region("PF", "689", "", "6 8-9"),
    region("TK", "690", "", "4-7"),
    region("FM", "691", "", "7"),
    region("MH", "692", "1", "7"),
    region("KP", "850", "0", "8 10"),
    region("HK", "852", "", "5-9 11"),
    region("MO", "853", "", "7-8"),
    region("KH", "855", "0", "8-10"),
    region("LA", "856", "0", "8-10"),
    region("BD", "880", "0", "6-10"),
    region("TW", "886", "0", "7-11"),
    region("MV", "960", "", "7 10"),
    region("LB", "961", "0", "7-8"),
    region("JO", "962", "0", "8-9"),
    region("SY", "963", "0", "8-9"),
    region("IQ", "964", "0", "8-10"),
    region("KW", "965", "", "7-8"),
    region("SA", "966", "0", "9-10"),
    region("YE", "967", "0", "7-9"),
    region("OM", "968", "", "7-9"),
    region("PS", "970", "0", "8-10"),
    region("AE", "971", "0", "5-12"),
    region("IL", "972", "0", "7-12"),
    region("BH", "973", "", "8"),
    region("QA", "974", "", "7-9 11"),
    region("BT", "975", "", "7-8"),
    region("MN", "976", "0", "8-10"),
    region("NP", "977", "0", "8 10-11"),
    region("TJ", "992", "", "9"),
    region("TM", "993", "8", "8"),
    region("AZ", "994", "0", "9"),
    region("GE", "995", "0", "9"),
    region("KG", "996", "0", "9-10"),
    region("UZ", "998", "", "9"),
];

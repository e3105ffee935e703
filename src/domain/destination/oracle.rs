//! The table of regions and the parser against libphonenumber, for every region that it knows.

use phonenumber::Metadata;
use phonenumber::metadata::DATABASE;

use super::super::region;
use super::{Destination, NumberRules};

/// Every region of the oracle: two letters each.
fn regions() -> impl Iterator<Item = &'static Metadata> {
    let letters = || 'A'..='Z';
    letters()
        .flat_map(move |first| letters().map(move |second| format!("{first}{second}")))
        .filter_map(|iso| DATABASE.by_id(&iso))
}

/// A number of each kind that somebody could write to, without trunk prefix.
fn examples(region: &Metadata) -> Vec<&str> {
    let kinds = region.descriptors();
    [
        kinds.mobile(),
        kinds.fixed_line(),
        kinds.voip(),
        kinds.personal_number(),
        kinds.pager(),
        kinds.uan(),
        kinds.toll_free(),
        kinds.shared_cost(),
    ]
    .into_iter()
    .flatten()
    .filter_map(|kind| kind.example())
    .collect()
}

#[test]
fn every_region_has_the_calling_code_the_trunk_prefix_and_the_lengths_of_libphonenumber() {
    let mut known = 0;
    for theirs in regions() {
        let ours =
            region::by_iso(theirs.id()).unwrap_or_else(|| panic!("{} is missing", theirs.id()));
        assert_eq!(
            ours.calling_code,
            theirs.country_code().to_string(),
            "{}",
            theirs.id()
        );
        assert_eq!(
            ours.trunk,
            theirs.national_prefix().unwrap_or(""),
            "{}",
            theirs.id()
        );
        let kinds = theirs.descriptors();
        let possible: Vec<u16> = [
            kinds.fixed_line(),
            kinds.mobile(),
            kinds.toll_free(),
            kinds.premium_rate(),
            kinds.shared_cost(),
            kinds.personal_number(),
            kinds.voip(),
            kinds.pager(),
            kinds.uan(),
            kinds.voicemail(),
        ]
        .into_iter()
        .flatten()
        .flat_map(|kind| kind.possible_length().iter().copied())
        .collect();
        for digits in 1..=17 {
            assert_eq!(
                ours.allows(digits.into()),
                possible.contains(&digits),
                "{} digits of {}",
                digits,
                theirs.id()
            );
        }
        known += 1;
    }
    assert_eq!(known, 245);
}

#[test]
fn a_number_of_every_region_is_read_the_same_however_it_is_written() {
    let mut compared = 0;
    for region in regions() {
        let rules = NumberRules::new(region.id(), false).unwrap().strict(true);
        let trunk = region.national_prefix().unwrap_or("");
        let code = region.country_code();
        for example in examples(region) {
            let expected = format!("+{code}{example}");
            // China's rule is narrower: mobile numbers only (semantics §4).
            if is_out_of_bounds(&expected) || code == 86 {
                continue;
            }
            for typed in [
                example.to_owned(),
                format!("{trunk}{example}"),
                format!("00{code}{example}"),
                format!("tel:+{code}-{example}"),
            ] {
                // Belarus has free phone numbers that begin with its trunk prefix, and others as long without it.
                if code == 375 && typed.starts_with("801") {
                    continue;
                }
                let read = rules.parse(&typed);
                let read = read.as_ref().map(Destination::as_str);
                assert_eq!(read, Ok(expected.as_str()), "{} {typed}", region.id());
                compared += 1;
            }
        }
    }
    assert!(compared > 3_000, "{compared}");
}

/// Fewer than 7 or more than 15 digits: numbers of services inside a country.
fn is_out_of_bounds(e164: &str) -> bool {
    !(7..=15).contains(&(e164.len() - 1))
}

#[test]
fn every_regions_mobile_number_belongs_to_it_or_to_the_largest_country_of_its_code() {
    for region in regions() {
        let Some(example) = region
            .descriptors()
            .mobile()
            .and_then(|kind| kind.example())
        else {
            continue;
        };
        let number = format!("+{}{example}", region.country_code());
        let Some(Destination::Number(number)) = Destination::stored(&number) else {
            continue;
        };
        let sharing = DATABASE.by_code(&region.country_code()).unwrap_or_default();
        let largest = sharing.first().map_or(region.id(), |first| first.id());
        let country = number.country();
        // By the longest code; area codes tell only the countries of North America and Kazakhstan apart.
        let expected = match region.country_code() {
            1 | 7 => region.id(),
            _ => largest,
        };
        assert_eq!(country, Some(expected), "{}", number.as_str());
    }
}

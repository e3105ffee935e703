#!/usr/bin/env bash
# Breaks one rule of the codec at a time, in a copy, and says which test noticed. Ends with an error if none did.
# The table in README.md is what this prints.
set -uo pipefail
root=$(cd "$(dirname "$0")/../../.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
(cd "$root" && git ls-files -z --cached --others --exclude-standard) |
  (cd "$root" && xargs -0 cp --parents -t "$copy")
export CARGO_TARGET_DIR=$root/target/mutants CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0
source=$copy/crates/pdu-codec/src
survived=0

tests() { # tests NAME…: what of the codec's own tests runs
  (cd "$copy" && cargo test --quiet -p pdu-codec "$@" 2>&1)
}

mutant() { # mutant "RULE" FILE 'AS IT IS' 'AS IT IS BROKEN'
  local rule=$1 file=$source/$2 output noticed=""
  cp "$file" "$copy/original"
  FROM=$3 TO=$4 perl -0pi -e 's/\Q$ENV{FROM}\E/$ENV{TO}/' "$file"
  if cmp -s "$file" "$copy/original"; then
    echo "| $rule | **not applied**: \`$3\` is not in $2 |"
    survived=$((survived + 1))
    return
  fi
  for suite in --lib "--test vectors" "--test properties"; do
    # shellcheck disable=SC2086
    output=$(tests $suite) && continue
    noticed=$(grep -oE '^    [a-z0-9_:]+$' <<<"$output" | sort -u | tr -d ' ' || true)
    [ -n "$noticed" ] || noticed=$(grep -m1 '^error' <<<"$output")
    break
  done
  if [ -z "$noticed" ] || [[ $noticed == error* ]]; then
    echo "| $rule | **nobody** $noticed |"
    survived=$((survived + 1))
  else
    local first
    first=$(head -n1 <<<"$noticed")
    echo "| $rule | \`$first\` $(($(wc -l <<<"$noticed") - 1)) more |" | sed 's/ 0 more//; s/` \([0-9]* more\)/` and \1/'
  fi
  cp "$copy/original" "$file"
}

# Nothing is learnt from a test that fails anyway.
if ! output=$(tests --lib --test vectors --test properties); then
  printf 'the tests fail before anything is broken:\n%s\n' "$output" >&2
  exit 2
fi

echo '| rule that was broken | test that noticed |'
echo '| --- | --- |'
mutant 'the euro sign is 1B 65' gsm7/tables.rs 'extension[0x65] = ' 'extension[0x64] = '
mutant 'an escape takes the next septet with it' gsm7.rs 'let behind = singles.next().copied()' 'let behind = singles.clone().next().copied()'
mutant 'an escape that leads nowhere shows the main table' gsm7.rs 'held.unwrap_or_else(|| leads_nowhere(behind, tables))' "held.unwrap_or(' ')"
mutant 'text begins on a septet boundary behind the header' gsm7.rs 'bits: Septets::that_cover(header).0 * 7 - header * 8' 'bits: 0'
mutant 'septets are read from the lowest bit on' gsm7.rs '0x0FFF_C000_0FFF_C000' '0x0FFF_8000_0FFF_C000'
mutant 'a torn escape goes, a pair of escapes stays' gsm7.rs 'escapes.count() % 2 == 1' 'escapes.count() > 0'
mutant 'an escape and its septet stay in one part' split.rs 'if piece.units + units > size' 'if piece.units + 1 > size'
mutant 'a surrogate pair takes two units' split.rs 'Self::Ucs2 => character.len_utf16()' 'Self::Ucs2 => 1'
mutant 'a surrogate without its partner is shown as such' ucs2.rs 'char::REPLACEMENT_CHARACTER' "'?'"
mutant 'of repeated elements the last one counts' udh.rs '.iter().rev().find_map(read)' '.iter().find_map(read)'
mutant 'a header that its elements do not fill is ignored' udh.rs 'octets.is_empty().then_some(Self { elements })' 'Some(Self { elements })'
mutant 'a header that is ignored is skipped' user_data.rs '(header, 1 + length)' '{ let skipped = if header.is_some() { 1 + length } else { 0 }; (header, skipped) }'
mutant 'there is no part 0' udh.rs '(1..=total).contains(&part)' '(0..=total).contains(&part)'
mutant 'the destination port comes first' udh.rs 'destination: u16::from_be_bytes([a, b])' 'destination: u16::from_be_bytes([c, d])'
mutant 'a message of one part is not concatenated' submit.rs '.filter(|_| total > 1)' ''
mutant 'the 256th part is refused' submit.rs 'u8::try_from(parts).map_err(|_| EncodeError::TooManyParts { parts })?' 'u8::try_from(parts).unwrap_or(255)'
mutant 'missing user data is marked' user_data.rs 'let truncated = present.len() < needed' 'let truncated = present.len() + 1 < needed'
mutant 'compressed user data is counted in octets' user_data.rs ' && !coding.is_compressed();' ';'
mutant 'of n semi-octets a name has floor(4n/7) characters' address.rs 'Septets(semi_octets * 4 / 7)' 'Septets((semi_octets * 4).div_ceil(7))'
mutant 'a nibble beyond the length is not a digit' semi_octet.rs '        .take(count)
        .take_while' '        .take(count + 1)
        .take_while'
mutant 'plus stands only before digits' address.rs ' && self.semi_octets > 0' ''
mutant 'the length of a service centre counts its type' address.rs 'length_octet(self.octets().len() + 1)' 'length_octet(self.octets().len())'
mutant 'the sign of the zone is bit 3' timestamp.rs 'const SIGN: u8 = 0x08' 'const SIGN: u8 = 0x80'
mutant 'the 29th of February is there in leap years only' timestamp.rs 'is_leap(year)' 'true'
mutant 'reserved coding groups are GSM 7 bit' dcs.rs '8..=11 => Group::Reserved' '8..=11 => Group::Class'
mutant 'TP-MMS is 0 when more messages wait' deliver.rs 'first & 0x04 == 0' 'first & 0x04 != 0'
mutant 'a validity is rounded up' validity.rs 'div_ceil(5)' 'div_euclid(5)'
exit "$((survived > 0))"

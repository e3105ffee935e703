# For the scripts beside it: a simulation of their own in a temporary folder, what is sent and received, and what
# must hold in the end. Sourced with the binary as its argument; no program is named here.
#
# A script calls `simulate`, starts its program with `start` and has it send `sent_text N` to `sent_number N` for each
# N of `all`; calls `write_in`, waits with `within`; gives `compare_received` what the program has kept, as lines of
# number, tab and text; and ends with `compare_sent` and `verdict`.
set -eEuo pipefail
export LC_ALL=C.UTF-8 PATH=$PATH:/usr/sbin

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
cellpost=$(realpath "${1:-$here/../../target/release/cellpost}")
program=$(basename "$0")
folder=$(mktemp -d "${TMPDIR:-/tmp}/interop-$program.XXXXXX")
logs=$folder/logs
mkdir "$logs"
started=()
mapfile -t sent_texts <"$here/texts/sent"
mapfile -t received_texts <"$here/texts/received"
all=$(seq ${#sent_texts[@]})

finish() {
  local status=$? n
  trap - EXIT ERR
  # The last first: a program would miss its modem.
  for ((n = ${#started[@]} - 1; n >= 0; n--)); do end "${started[n]}"; done
  if ((status != 0)); then
    echo "$program: failed ($status)"
    for log in "$logs"/*; do
      [ -s "$log" ] && printf -- '--- %s: %s\n' "$program" "$(basename "$log")" && tail -n 60 "$log"
    done
  fi >&2
  rm -rf "$folder"
  exit "$status"
}
trap finish EXIT
trap 'echo "$program: line $LINENO: $BASH_COMMAND" >&2' ERR
trap 'exit 130' INT TERM

# start NAME COMMAND…: in the background, until the script ends; what it says is in a log of that name.
start() {
  local name=$1
  shift
  "$@" >>"$logs/$name.out" 2>&1 </dev/null &
  started+=($!)
}

# TERM, and KILL for who does not follow: whoever started it goes on all the same.
end() {
  local children
  children=$(pgrep -P "$1" || true)
  kill "$1" 2>/dev/null || true
  for _ in $(seq 150); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  # shellcheck disable=SC2086 # a list of numbers
  kill -KILL "$1" $children 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# within SECONDS COMMAND…: as soon as it holds. The seconds are a limit for a machine that is busy with other things.
within() {
  local until=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>"$logs/waiting.err"; do
    if ((SECONDS >= until)); then
      echo "$program: gave up waiting for: $*" >&2
      return 1
    fi
    sleep 0.2
  done
}

# simulate PERSONALITY [OPTION…]: one modem, at $modem.
simulate() {
  local personality=$1
  shift
  modem=$folder/sim/modem0
  start simulation "$cellpost" sim run --dir "$folder/sim" --personality "$personality" --latency-ms 100 --report-after-ms 300 "$@"
  within 30 grep -q '^ledger ' "$logs/simulation.out"
}

sim() { "$cellpost" sim "$@" --control "$folder/sim/ctl"; }

# A port of this machine that nobody listens on.
free_port() {
  local port
  while port=$((20000 + RANDOM % 20000)); do
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}

sent_text() { printf '%s' "${sent_texts[$1 - 1]}"; }
sent_number() { printf '+86138001380%02d' "$1"; }
received_text() { printf '%s' "${received_texts[$1 - 1]}"; }
received_number() { printf '+86139002390%02d' "$1"; }

# Whether the default alphabet of GSM and its extension have all of it (23.038 §6.2.1).
is_gsm() { ! grep -q '[^][ -_a-~£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€]' <<<"$1"; }

# For a program that cannot have characters beyond the 65,536 that UCS-2 has.
without_emoji() {
  local n
  for n in $all; do
    sent_texts[n - 1]=$(LC_ALL=C sed 's/[\o360-\o364][\o200-\o277]\{3\}/:)/g' <<<"${sent_texts[n - 1]}")
    received_texts[n - 1]=$(LC_ALL=C sed 's/[\o360-\o364][\o200-\o277]\{3\}/:)/g' <<<"${received_texts[n - 1]}")
  done
}

# Everybody answers.
write_in() {
  local n
  for n in $all; do sim reply "$(received_number "$n")" "$(received_text "$n")"; done >/dev/null
}

# The phones have something from the modem.
phones_have_all() {
  local n
  for n in $all; do sim handset "$(sent_number "$n")" --last || return 1; done
}

# What each phone has, whole and once; and nothing else was accepted: the parts are all lines of the ledger.
compare_sent() {
  local n number got copies parts=0 wrong=0
  for n in $all; do
    number=$(sent_number "$n")
    sim handset "$number" >"$folder/phone" || true
    copies=$(grep -cE '^[0-9T:.-]+Z from \+[0-9]+ \([0-9]+ part\(s\)\)$' "$folder/phone" || true)
    got=$(sim handset "$number" --last 2>&1 || true)
    if ((copies != 1)) || [ "$got" != "$(sent_text "$n")" ]; then
      wrong=$((wrong + 1))
      printf '%s: %s got %s text(s), the last %q in place of %q\n' \
        "$program" "$number" "$copies" "$got" "$(sent_text "$n")" >&2
    fi
    parts=$((parts + $(sed -nE 's/^[0-9T:.-]+Z from \+[0-9]+ \(([0-9]+) part\(s\)\)$/\1/p' "$folder/phone" | paste -sd+ | grep . || echo 0)))
  done
  if ((parts != $(wc -l <"$folder/sim/ledger.jsonl"))); then
    echo "$program: the phones have $parts parts, the network accepted $(wc -l <"$folder/sim/ledger.jsonl")" >&2
    wrong=$((wrong + 1))
  fi
  ((wrong == 0))
}

# compare_received <LINES: what the program has kept is what was written, each text once and nothing else.
compare_received() {
  local n
  for n in $all; do printf '%s\t%s\n' "$(received_number "$n")" "$(received_text "$n")"; done | sort >"$folder/written"
  sort >"$folder/kept"
  diff --label written --label kept "$folder/written" "$folder/kept" >&2 || {
    echo "$program: what was kept is not what was written" >&2
    return 1
  }
}

# verdict [MORE]: the script's only line.
verdict() { echo "$program: ${#sent_texts[@]} sent, ${#received_texts[@]} received${1:+, $1}"; }

# Of four hex digits for each UTF-16 unit.
from_hex() { sed 's/../\\x&/g' | xargs -r0 printf '%b' | iconv -f UTF-16BE -t UTF-8; }

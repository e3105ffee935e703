//! How the program is linked.

use std::path::PathBuf;
use std::{env, fs};

/// What an idle gateway runs all the same, whatever it was made for: the linker folds equal functions into one, and the
/// name that is left may be anybody's.
const SHARED: &[&str] = &["drop_in_place", "raw_vec"];

/// What an idle gateway does not run, by what the names of its functions contain: other commands, the simulators, TLS and
/// HTTP/2, providers, a request of each kind. A name that is missing or in vain costs memory and nothing else.
const SELDOM: &[&str] = &[
    "modem_sim",
    "cloud_sim",
    "tagged",
    "8cellpost3cli5bench",
    "8cellpost3cli6client",
    "8cellpost3cli6doctor",
    "8cellpost3cli3key",
    "8cellpost3cli5modem",
    "8cellpost3cli3otp",
    "8cellpost3cli3pdu",
    "8cellpost3cli3sim",
    "8cellpost3app8accounts",
    "8cellpost4care",
    "8cellpost4http6accept",
    "8cellpost4http8callback",
    "8cellpost4http8template",
    "8cellpost4http12verification",
    "8cellpost5cloud",
    "cellpost..cloud",
    "8cellpost5store12verification",
    "8cellpost6config5cloud",
    "8cellpost6config6recipe",
    "8cellpost6doctor",
    "https",
    "rustls",
    "webpki",
    "4ring",
    "ring_core_",
    "poly1305",
    "chacha20",
    "2h2",
    "$h2..",
    "hyper_util6client",
    "hyper_util..client",
    "axum..handler",
    "4axum7handler",
    "futures_util..future..try_future",
    "4core5slice4sort",
    "core..fmt..Debug",
    "6base64",
    "3url",
    "4idna",
    "regex",
    "5gimli",
    "9addr2line",
    "11miniz_oxide",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let told = |key: &str| env::var(key).unwrap_or_default();
    if told("CARGO_CFG_TARGET_OS") != "linux" || told("CARGO_CFG_TARGET_ENV") != "gnu" {
        return;
    }
    // Where to load the program is put in as a bitmap: half a megabyte less of it. Known to glibc from 2.36 on, which is
    // Debian 12's; a linker that does not know it says so and goes on.
    println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    if told("PROFILE") == "release" {
        let script = PathBuf::from(told("OUT_DIR")).join("seldom.ld");
        if let Err(error) = fs::write(&script, apart()) {
            panic!("{}: {error}", script.display());
        }
        println!("cargo:rustc-link-arg-bins=-T{}", script.display());
    }
}

/// Puts what is seldom run behind the rest. The kernel maps a program in by sixteen pages around each that is touched:
/// functions that are never called are in memory all the same, unless they are among their like.
fn apart() -> String {
    let named = |names: &[&str]| -> String {
        let names: Vec<String> = names.iter().map(|name| format!(".text.*{name}*")).collect();
        names.join(" ")
    };
    // A function is in the first section that asks for it.
    format!(
        "SECTIONS {{ .text.shared : {{ *({}) }} .text.seldom : {{ *({}) }} }} INSERT AFTER .text;\n",
        named(SHARED),
        named(SELDOM)
    )
}

//! Which profile a modem gets, what a profile answers, and what a bad one is told.

use super::*;

/// What modems have answered to `AT+CGMI`, `AT+CGMM` and `AT+CGMR`: from recordings, bug reports and manuals. Empty
/// where no answer to `+CGMR` was found.
const IDENTITIES: [(&str, &str, &str, &str); 64] = [
    ("huawei", "E1752", "11.126.13.00.00", "huawei-e-series"),
    ("huawei", "E1550", "", "huawei-e-series"),
    ("huawei", "E173", "", "huawei-e-series"),
    ("huawei", "E169", "", "huawei-e-series"),
    ("huawei", "E303", "", "huawei-e-series"),
    ("huawei", "E3131", "", "huawei-e-series"),
    ("huawei", "K3765", "", "huawei-e-series"),
    ("huawei", "E3372", "21.200.07.00.00", "huawei-e3372"),
    ("huawei", "E3372h-153", "", "huawei-e3372"),
    ("huawei", "E3276", "", "huawei-e3372"),
    ("huawei", "E3531", "", "huawei-e3372"),
    ("huawei", "E398", "", "huawei-e3372"),
    (
        "Huawei Technologies Co., Ltd.",
        "ME909s-120",
        "",
        "huawei-e3372",
    ),
    ("ZTE CORPORATION", "MF627", "", "zte"),
    ("ZTE INCORPORATED", "MF626", "BD_P673A2V1.0.0B09", "zte"),
    ("ZTE CORPORATION", "MF190", "", "zte"),
    ("ZTE CORPORATION", "MF823", "", "zte"),
    (
        "SIMCOM_Ltd",
        "SIMCOM_SIM800L",
        "Revision:1418B05SIM800L24",
        "simcom-sim800",
    ),
    ("SIMCOM_Ltd", "SIMCOM_SIM800C", "", "simcom-sim800"),
    (
        "SIMCOM_Ltd",
        "SIMCOM_SIM900",
        "Revision:1137B03SIM900M64_ST_MMS",
        "simcom-sim800",
    ),
    ("SIMCOM_Ltd", "SIMCOM_SIM900A", "", "simcom-sim800"),
    ("SIMCOM_Ltd", "SIMCOM_SIM868", "", "simcom-sim800"),
    (
        "SIMCOM INCORPORATED",
        "SIMCOM_SIM7600E-H",
        "+CGMR: LE20B04SIM7600M22",
        "simcom-sim7600",
    ),
    (
        "SIMCOM INCORPORATED",
        "SIMCOM_SIM7600G-H",
        "",
        "simcom-sim7600",
    ),
    (
        "SIMCOM INCORPORATED",
        "SIMCOM_SIM7500A",
        "",
        "simcom-sim7600",
    ),
    (
        "INCORPORATED",
        "A7670E-FASE",
        "A011B07A7670M7_F",
        "simcom-a7670",
    ),
    (
        "INCORPORATED",
        "A7670C-LASC",
        "A7670M6_V1.11.1",
        "simcom-a7670",
    ),
    (
        "INCORPORATED",
        "A7672E-FASE",
        "A7672M7_V1.11.1",
        "simcom-a7670",
    ),
    (
        "INCORPORATED",
        "A7600E-HNVW",
        "A39C4B02A7600M7",
        "simcom-a7670",
    ),
    ("SIMCOM INCORPORATED", "SIM7670G", "", "simcom-a7670"),
    ("Quectel", "EC25", "EC25EFAR06A10M4G", "quectel-ec25"),
    ("Quectel", "EG25", "", "quectel-ec25"),
    ("Quectel", "EC21", "", "quectel-ec25"),
    ("Quectel", "EC20F", "", "quectel-ec25"),
    ("Quectel", "UC20", "", "quectel-ec25"),
    (
        "FOXCOM MODEM",
        "Quectel_M26",
        "Revision: M26FBR03A04_TTS",
        "quectel-m26",
    ),
    ("Quectel_Ltd", "Quectel_M95", "", "quectel-m26"),
    ("Quectel_Ltd", "Quectel_M35", "", "quectel-m26"),
    (
        "Sierra Wireless, Incorporated",
        "MC7304",
        "SWI9X15C_05.05.58.00 r27038",
        "sierra-mc",
    ),
    (
        "Sierra Wireless, Incorporated",
        "EM7455",
        "SWI9X30C_02.24.05.06 r7040",
        "sierra-mc",
    ),
    (
        "Sierra Wireless, Incorporated",
        "EM7455B",
        "SWI9X30C_02.24.05.06 r7040",
        "sierra-mc",
    ),
    (
        "Sierra Wireless, Incorporated",
        "WP7607",
        "SWI9X07Y_02.37.03.00 73df45",
        "sierra-mc",
    ),
    (
        "Sierra Wireless, Incorporated",
        "RC7620",
        "SWI9X07H_00.08.19.00 725c0e",
        "sierra-mc",
    ),
    ("Telit", "HE910", "", "telit"),
    ("Telit", "UC864-E", "", "telit"),
    ("Telit", "GE865-QUAD", "", "telit"),
    ("Telit", "LE910C4-NF", "25.21.660", "telit"),
    ("u-blox", "SARA-U201", "", "u-blox"),
    ("u-blox", "SARA-R410M-02B", "L0.0.00.00.05.08", "u-blox"),
    ("u-blox", "LISA-U200", "", "u-blox"),
    ("WAVECOM MODEM", " MULTIBAND  900E  1800", "", "wavecom"),
    (" WAVECOM MODEM", "900P", "", "wavecom"),
    ("SIEMENS", "TC35i", "", "cinterion"),
    ("SIEMENS", "MC55", "", "cinterion"),
    ("Cinterion", "MC55i", "", "cinterion"),
    ("Cinterion", "EHS6", "", "cinterion"),
    ("Cinterion", "PLS8-X", "REVISION 03.017", "cinterion"),
    ("Cinterion", "ALS6A", "REVISION 04.000", "cinterion"),
    // The standards are enough for these, or nobody has told what they need.
    ("Sierra Wireless", "SL8084T", "", GENERIC),
    ("SIMCOM_Ltd", "SIMCOM_SIM7000G", "1529B11SIM7000G", GENERIC),
    ("Nokia", "Nokia N79", "", GENERIC),
    ("SAMSUNG", "Z810", "", GENERIC),
    ("Cellular Works", "CW-1", "1.0", GENERIC),
    ("", "", "", GENERIC),
];

fn chosen(maker: &str, model: &str, revision: &str) -> String {
    let profiles = Profiles::built_in();
    profiles.of(maker, model, revision).name().to_owned()
}

#[test]
fn every_profile_that_is_compiled_in_is_sound_and_in_the_folder() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("hardware/profiles");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let names: Vec<String> = Profiles::built_in()
        .names()
        .map(|name| format!("{name}.toml"))
        .collect();
    assert_eq!(files, names);
}

#[test]
fn a_modem_gets_the_profile_that_says_most_exactly_what_it_is() {
    for (maker, model, revision, name) in IDENTITIES {
        assert_eq!(chosen(maker, model, revision), name, "{maker} {model}");
    }
    // None is there for nothing.
    for name in Profiles::built_in().names() {
        let models = IDENTITIES.iter().filter(|(.., chosen)| *chosen == name);
        assert!(models.count() > 1, "{name}");
    }
}

#[test]
fn a_revision_may_tell_what_maker_and_model_do_not() {
    let mut profiles = Profiles::built_in();
    let text =
        "[match]\nmaker = [\"quectel\"]\nrevision = [\"R06A10\"]\n[messages]\nreports = [2]\n";
    profiles.add("ours", "ours.toml", text).unwrap();
    let of = |revision| profiles.of("Quectel", "EC25", revision).name().to_owned();
    assert_eq!(of("EC25EFAR06A10M4G"), "ours");
    assert_eq!(of("EC25EFAR06A08M4G"), "quectel-ec25");
}

#[test]
fn a_file_of_ones_own_replaces_what_is_known_of_a_model() {
    let mut profiles = Profiles::built_in();
    let text = "[match]\nmaker = [\"telit\"]\n[start]\ngap_ms = 50\n";
    profiles.add("telit", "telit.toml", text).unwrap();
    let telit = profiles.of("Telit", "HE910", "");
    assert_eq!(telit.gap(), Duration::from_millis(50));
    // Nothing of the one that was compiled in is left.
    assert_eq!(telit.restarts_with(), "+CFUN=1,1");
    assert_eq!(profiles.names().count(), BUILT_IN.len());
}

#[test]
fn what_a_profile_leaves_out_is_answered_by_the_standards() {
    let profile = Profile::parse("bare", "bare.toml", "").unwrap();
    assert_eq!(profile.announcement_modes(), [2, 1, 3]);
    assert_eq!(profile.report_modes(), [1, 2, 0]);
    assert_eq!(profile.storages(), ["ME", "SM", "MT"]);
    assert_eq!(profile.restarts_with(), "+CFUN=1,1");
    assert_eq!(profile.pin_counter().command, "+CPINR");
    assert_eq!(profile.prepares_with().count(), 0);
    assert!(!profile.says_it_started("^SYSSTART"));
    assert_eq!(profile.gap(), Duration::ZERO);
    assert!(!profile.omits_reference());
    assert_eq!(profile.avoids_lte_with(), None);
    assert_eq!(profile.ussd_coding(), Coding::Text);
    assert_eq!(profile.ussd_text_mode(), None);
}

#[test]
fn a_file_replaces_the_profile_of_its_name() {
    let mut profiles = Profiles::built_in();
    let text = "[match]\nmodel = [\"CW-1\"]\n[restart]\ncommand = \"^RESET\"\n";
    profiles.add("ours", "ours.toml", text).unwrap();
    let chosen = profiles.of("Cellular Works", "CW-1", "");
    assert_eq!((chosen.name(), chosen.restarts_with()), ("ours", "^RESET"));
    profiles.add("ours", "ours.toml", "").unwrap();
    assert_eq!(profiles.of("Cellular Works", "CW-1", "").name(), GENERIC);
}

/// The form that `hardware/README.md` shows, as a file.
fn documented() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("hardware");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let section = readme.split("\n## A profile\n").nth(1).unwrap();
    let form = section.split("```toml\n").nth(1).unwrap();
    // What has no usual answer stands there as a comment.
    let form = form.split("```").next().unwrap();
    let lines = form.replace("\n#avoid_lte", "\navoid_lte");
    lines.replace("\n#text_mode", "\ntext_mode")
}

#[test]
fn the_documented_form_has_every_key_there_is() {
    let sections: toml::Table = documented().parse().unwrap();
    for (section, keys) in &sections {
        let text = format!("[{section}]\nnone = 1\n");
        let error = Profile::parse("x", "x.toml", &text).unwrap_err();
        let there_are: Vec<&str> = error.why.split('`').skip(3).step_by(2).collect();
        let mut documented: Vec<&String> = keys.as_table().unwrap().keys().collect();
        documented.sort();
        let mut known = there_are.clone();
        known.sort_unstable();
        assert_eq!(documented, known, "[{section}]");
    }
    let error = Profile::parse("x", "x.toml", "[none]\n").unwrap_err();
    let there_are = error.why.split('`').skip(3).step_by(2);
    assert_eq!(there_are.count(), sections.len(), "{error}");
}

#[test]
fn the_documented_answers_are_those_that_hold_when_a_key_is_left_out() {
    let documented = Profile::parse("documented", "README.md", &documented()).unwrap();
    let bare = Profile::parse("bare", "bare.toml", "").unwrap();
    assert_eq!(documented.matches.fit("huawei", "E1752", ""), None);
    assert_eq!(documented.prepares_with().count(), 0);
    assert!(documented.written.start.words.is_empty());
    assert_eq!(documented.boots_within(), bare.boots_within());
    assert_eq!(documented.messages_within(), bare.messages_within());
    assert_eq!(documented.gap(), bare.gap());
    assert_eq!(documented.iccid_commands().count(), 0);
    assert_eq!(documented.pin_counter(), bare.pin_counter());
    assert_eq!(documented.looks_for_sim_with().count(), 0);
    assert_eq!(documented.announcement_modes(), bare.announcement_modes());
    assert_eq!(documented.report_modes(), bare.report_modes());
    assert_eq!(documented.storages(), bare.storages());
    assert_eq!(documented.delivers_directly(), bare.delivers_directly());
    assert_eq!(documented.omits_reference(), bare.omits_reference());
    assert_eq!(documented.keeps_link(), bare.keeps_link());
    assert_eq!(documented.ussd_coding(), bare.ussd_coding());
    assert_eq!(documented.restarts_with(), bare.restarts_with());
}

#[test]
fn a_bad_profile_is_told_with_file_line_and_key() {
    for (text, said) in [
        (
            "[start]\nprepair = []\n",
            "x.toml:2: prepair: unknown field `prepair`",
        ),
        (
            "[start]\n\nboots_within = \"soon\"",
            "x.toml:3: boots_within: invalid type",
        ),
        (
            "[restart]\ncommand = \"AT+CFUN=1,1\"",
            "x.toml:2: command: must be what follows AT",
        ),
        (
            "[start]\nprepare = [\"E0\\rAT+CMGS=1\"]",
            "x.toml:2: prepare: must be what follows AT",
        ),
        (
            "[start]\nprepare = [\"+CMGS=9\"]",
            "x.toml:2: prepare: must be what follows AT",
        ),
        (
            "[start]\nwords = [\"OK\"]",
            "x.toml:2: words: must be what the modem says when it has started",
        ),
        (
            "[messages]\nmodes = [4]",
            "x.toml:2: modes: must be numbers of +CNMI from 0 to 3",
        ),
        (
            "[messages]\nstorages = [\"S\\\"M\"]",
            "x.toml:2: storages: must be storages",
        ),
        (
            "[ussd]\ncoding = \"ascii\"",
            "x.toml:2: coding: must be \"text\", \"packed\" or \"ucs2\"",
        ),
        (
            "[ussd]\ntext_mode = \"D112\"",
            "x.toml:2: text_mode: must be what follows AT",
        ),
        ("[start", "x.toml:1: "),
    ] {
        let error = Profile::parse("x", "x.toml", text).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

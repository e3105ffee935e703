//! The list of all faults: what `cellpost sim --list-faults` prints and tests go through.

use super::Fault;

/// One line of the list.
#[derive(Clone, Copy, Debug)]
pub struct Listed {
    /// Its place among the 70 things that real modems do; `None` for what is only a tool.
    pub number: Option<u8>,
    pub name: &'static str,
    /// An order that gives every parameter, without its `kind`.
    pub parameters: &'static str,
    pub meaning: &'static str,
}

const fn listed(
    number: u8,
    name: &'static str,
    parameters: &'static str,
    meaning: &'static str,
) -> Listed {
    let number = match number {
        0 => None,
        number => Some(number),
    };
    Listed {
        number,
        name,
        parameters,
        meaning,
    }
}

impl Listed {
    /// The order of the list's example.
    pub fn example(&self) -> Result<Fault, serde_json::Error> {
        let mut order: serde_json::Value = serde_json::from_str(self.parameters)?;
        order["kind"] = self.name.into();
        serde_json::from_value(order)
    }
}

impl Fault {
    /// Every fault, by number.
    #[rustfmt::skip]
    pub const CATALOGUE: &[Listed] = &[
        listed(1, "echo", r#"{"on":true}"#, r#"what the host writes comes back until ATE0, and again after a reset"#),
        listed(2, "numeric_results", r#"{"on":true}"#, r#"results come as digits until ATV1, and again after a reset"#),
        listed(3, "prompt_latency", r#"{"from_ms":5,"to_ms":100}"#, r#"the prompt takes a time drawn anew for each send"#),
        listed(4, "bare_prompt", r#"{"on":true}"#, r#"the prompt is \r\n>\r\n, without a space"#),
        listed(5, "echo_pdu", r#"{"on":true}"#, r#"the PDU and its Ctrl-Z come back although echo is off"#),
        listed(6, "prompt_late", r#"{"ms":6000,"times":1}"#, r#"the prompt of the next sends comes so much later"#),
        listed(7, "prompt_never", r#"{"times":1}"#, r#"no prompt for the next sends; ESC leads out"#),
        listed(8, "stuck_in_prompt", r#"{}"#, r#"the modem is in the prompt of a send whose host has died"#),
        listed(9, "escape_answer", r#"{"answer":"refused"}"#, r#"what ESC brings: ok, refused (+CMS ERROR: 512) or nothing"#),
        listed(10, "answer_without_ok", r#"{"times":1}"#, r#"+CMGS comes and no OK behind it"#),
        listed(11, "answer_without_reference", r#"{"times":1}"#, r#"OK comes and no +CMGS before it"#),
        listed(12, "answer_late", r#"{"ms":41000,"times":1}"#, r#"the next sends are accepted in time and answered so much later"#),
        listed(13, "silent_after_send", r#"{"for_ms":600000}"#, r#"the next send is accepted, and from then on the modem is silent"#),
        listed(13, "answer_lost", r#"{"times":1}"#, r#"the next sends are accepted and never answered; the modem goes on"#),
        listed(13, "silence", r#"{"for_ms":3000}"#, r#"ignores all input and says nothing (until silence_ends without for_ms)"#),
        listed(13, "silence_ends", r#"{}"#, r#"ends silence"#),
        listed(14, "refuse_late", r#"{"code":332,"ms":42000,"accepted":false,"times":1}"#, r#"the next sends are refused after the radio's timer; accepted: the centre has them all the same"#),
        listed(15, "refuse", r#"{"sends":[[1,38],[2,42]]}"#, r#"answers the k-th send from now with +CMS ERROR: code"#),
        listed(15, "refuse_at_random", r#"{"codes":[38,42,500],"per_mille":100}"#, r#"refuses so many of a thousand sends, with a code of the list"#),
        listed(16, "errors_in_words", r#"{"on":true}"#, r#"errors come in words whatever +CMEE says"#),
        listed(17, "unknown_command", r#"{"text":"COMMAND NOT SUPPORT"}"#, r#"what is said to a command that is not known"#),
        listed(18, "busy_after_cfun", r#"{"code":515,"for_ms":10000}"#, r#"after +CFUN= the SIM's commands are answered with +CME ERROR: code"#),
        listed(19, "cpin_without_ok", r#"{"on":true}"#, r#"no OK behind the answer to +CPIN?"#),
        listed(20, "sim_lock", r#"{"pin":"1234","puk":"12345678","pin_tries":3,"puk_tries":10}"#, r#"the SIM wants its PIN; a wrong one costs a try, the last one leads to the PUK"#),
        listed(21, "sim_absent", r#"{"on":true}"#, r#"the SIM is taken out; on false: put in again"#),
        listed(22, "sim_failure", r#"{"for_ms":3000}"#, r#"+CPIN? fails for so long, then +CPIN: READY comes unasked"#),
        listed(23, "atz_refused_before_pin", r#"{"on":true}"#, r#"ATZ is an error as long as the SIM is locked"#),
        listed(24, "csmp_clears_service_centre", r#"{"on":true}"#, r#"+CSMP= wipes the service centre"#),
        listed(25, "no_service_centre", r#"{}"#, r#"the service centre is empty: sends are refused with 330"#),
        listed(26, "sms_not_ready", r#"{"for_ms":4000}"#, r#"commands for texts are errors until SMS Ready is said"#),
        listed(27, "boot", r#"{"lines":["RDY","+CPIN: READY"]}"#, r#"restarts and says these lines, or the personality's"#),
        listed(28, "urc_before_answer", r#"{"text":"^RSSI:26","times":1}"#, r#"a line comes between the next commands and their answers"#),
        listed(29, "urc_inside_list", r#"{"texts":["+CMTI: \"SM\",2","^RSSI:18"],"times":1}"#, r#"lines come between the entries of the next +CMGL"#),
        listed(29, "split_lines", r#"{"after_ms":20}"#, r#"the second half of whatever is said comes later (0 ends it)"#),
        listed(30, "fragments", r#"{"octets":1}"#, r#"output in pieces of n octets, 1 ms apart (0 ends it)"#),
        listed(30, "random_fragments", r#"{"from":1,"to":64}"#, r#"output in pieces of drawn sizes, 1 ms apart (to 0 ends it)"#),
        listed(30, "coalesce", r#"{"ms":50}"#, r#"what is said within so long comes in one piece (0 ends it)"#),
        listed(31, "noise", r#"{"insert_per_mille":10,"drop_per_mille":10,"flip_per_mille":10}"#, r#"octets of its speech are put in (0x00, 0xFF), dropped or damaged"#),
        listed(31, "garbage", r#"{"hex":"FF00"}"#, r#"these octets come now"#),
        listed(32, "line_ends", r#"{"style":"doubled"}"#, r#"standard, doubled (\r\r\n) or blank_lines (one more behind each result)"#),
        listed(33, "ring_during_send", r#"{"number":"+8613800138000","times":1}"#, r#"RING (and +CLIP, if asked for) while the next sends are under way"#),
        listed(34, "cnmi_refuses", r#"{"mode":[2],"mt":[],"bm":[],"ds":[2],"bfr":[0]}"#, r#"these values of +CNMI are errors, advertised or not"#),
        listed(35, "cnma_timeout", r#"{"ms":17000}"#, r#"how long a direct text waits for +CNMA before mt and ds drop to 0"#),
        listed(36, "cnma_refused", r#"{"times":1}"#, r#"the next +CNMA are answered with 340"#),
        listed(37, "report_comma", r#"{"on":true}"#, r#"reports come as +CDS: ,25"#),
        listed(38, "report_store", r#"{"announced":"SM","index":0,"unreadable":true}"#, r#"with ds 2: +CDSI names another place; unreadable: +CMGR in SR gives 321"#),
        listed(39, "report_first", r#"{"times":1}"#, r#"the report of the next sends precedes the answer"#),
        listed(39, "report_twice", r#"{"times":1}"#, r#"the reports of the next sends come twice"#),
        listed(39, "report_pending", r#"{"status":48,"times":1}"#, r#"a report 'still trying' precedes the final one"#),
        listed(39, "report_stray", r#"{"reference":7}"#, r#"a report on a reference that was never given"#),
        listed(39, "report_national", r#"{"times":1}"#, r#"the reports of the next sends name the recipient without country code"#),
        listed(39, "report_status", r#"{"status":70,"times":1}"#, r#"the reports of the next sends carry this TP-ST"#),
        listed(40, "next_reference", r#"{"value":255}"#, r#"the next send gets this reference"#),
        listed(41, "announcement", r#"{"store":"ME","index":-1,"copies":2,"times":1}"#, r#"how +CMTI announces the next texts; copies 0: not at all"#),
        listed(41, "stores_texts_in", r#"{"store":"ME"}"#, r#"received texts go there whatever mem3 says"#),
        listed(42, "announce_empty", r#"{"store":"SM","index":9}"#, r#"+CMTI for a slot that holds nothing"#),
        listed(42, "empty_slot", r#"{"answer":"nothing"}"#, r#"what +CMGR says of an empty slot: refused (321), nothing or zeros"#),
        listed(43, "storage_full", r#"{"on":true}"#, r#"the store is full; what waits in the network comes when it ends"#),
        listed(44, "cpms_forms", r#"{"values":[3]}"#, r#"+CPMS may be written with so many values only"#),
        listed(44, "cpms_empty", r#"{"on":true}"#, r#"+CPMS=? says (),(),() and nothing can be set"#),
        listed(45, "cpms_lies", r#"{"used":0}"#, r#"+CPMS says so many slots are taken"#),
        listed(46, "parts", r#"{"order":"reversed","missing":[2],"duplicated":[1],"wide":true,"reference":513,"times":1}"#, r#"how the parts of the next long texts come; order: straight, reversed, shuffled or {"given":[3,1,2]}"#),
        listed(47, "class0", r#"{"times":1}"#, r#"the next texts are of class 0: they come as +CMT and are not stored"#),
        listed(48, "read_form", r#"{"form":"no_name"}"#, r#"how texts are shown: standard, no_name, trailing_quote, wrong_length, padded, truncated, lower_case, no_service_centre"#),
        listed(49, "registration_form", r#"{"form":"zero_padded"}"#, r#"how +CREG is written: standard, unquoted, zero_padded, empty_state, empty_area, unbalanced_quotes, bare_ok"#),
        listed(50, "registration", r#"{"state":3,"after_sends":2}"#, r#"the state of +CREG: 3 denied, 5 roaming, 6 texts only …; now or behind so many sends"#),
        listed(50, "unregistered", r#"{"on":true}"#, r#"the network is lost"#),
        listed(51, "signal", r#"{"rssi":99,"ber":99,"fade_to":5,"over_ms":60000}"#, r#"what +CSQ says; fade_to: it gets there evenly"#),
        listed(52, "lte_refuses", r#"{"code":500,"on":true}"#, r#"sends are refused as long as the radio is LTE"#),
        listed(53, "ussd", r#"{"form":"ucs2","text":"Balance 3.00"}"#, r#"how USSD answers: text, bare, packed, ucs2, garbage_tail, session, ended, timed_out, late_error, refused"#),
        listed(54, "cmms_refused", r#"{"code":500,"on":true}"#, r#"+CMMS= is refused"#),
        listed(55, "urc_flood", r#"{"text":"+ZUSIMR:2","every_ms":500,"until":"+CPMS"}"#, r#"a line comes again and again until this command is given"#),
        listed(56, "undervoltage", r#"{"for_ms":3000,"accepted":false}"#, r#"the next send draws the supply down: warnings, off for so long, restart"#),
        listed(57, "reenumeration", r#"{"for_ms":9000,"in_flight":false}"#, r#"the port goes and comes back; in_flight: during the next send"#),
        listed(57, "loses_in_flight", r#"{"on":true}"#, r#"unplugging loses the text whose answer is outstanding"#),
        listed(58, "swap_ports", r#"{"with":1,"for_ms":9000}"#, r#"two modems go and come back under each other's port"#),
        listed(59, "brown_out", r#"{"for_ms":3000}"#, r#"all modems lose their ports at once"#),
        listed(60, "slow_commands", r#"{"names":["+CMGD","+CMGL"],"ms":480000}"#, r#"these commands take so long"#),
        listed(61, "sim_cap", r#"{"after":2,"code":50,"denied_after":2,"reset_helps":false}"#, r#"after so many sends all are refused, and at last the network denies the SIM"#),
        listed(62, "no_credit", r#"{"code":127,"on":true}"#, r#"sends are refused and the balance is 0"#),
        listed(63, "operator_filter", r#"{"on":true,"expires_ms":60000}"#, r#"texts are accepted and not delivered; no report, or 0x46 when they expire"#),
        listed(64, "no_reports", r#"{"times":1}"#, r#"no reports for the next sends; without times until clear"#),
        listed(65, "port_busy", r#"{"on":true}"#, r#"another program holds the port: it cannot be opened"#),
        listed(65, "foreign_host", r#"{"text":"AT","every_ms":500,"times":3}"#, r#"another program types on the same port"#),
        listed(66, "latency", r#"{"radio":"gsm","tail":true}"#, r#"sends take as long as on gsm (4-6 s), umts (2-3 s) or lte (1-3 s); tail: rarely up to 15 s"#),
        listed(67, "clock_offset", r#"{"quarters":0,"seconds":0}"#, r#"time stamps in another zone, and wrong by so many seconds"#),
        listed(68, "reset_drops_port", r#"{"for_ms":15000}"#, r#"+CFUN=1,1 takes the port away for so long"#),
        listed(69, "reboots_itself", r#"{"every_ms":3600000,"gone_ms":5000}"#, r#"restarts by itself again and again; gone_ms: its port goes meanwhile"#),
        listed(70, "answers_held_back", r#"{"times":1}"#, r#"the answers to the next commands come before the one after"#),
        listed(0, "urc", r#"{"text":"+CREG: 1"}"#, r#"the modem says a line unasked"#),
        listed(0, "sim_moves", r#"{"to":1}"#, r#"the SIM is put into that modem; its own is out, and is what sim_absent on false puts in here"#),
        listed(0, "clear", r#"{}"#, r#"ends every fault of the modem"#),
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn the_list_holds_all_seventy() {
        let numbers: BTreeSet<u8> = Fault::CATALOGUE
            .iter()
            .filter_map(|one| one.number)
            .collect();
        assert_eq!(numbers, (1..=70).collect());
    }

    #[test]
    fn every_fault_of_the_list_can_be_ordered_with_all_the_parameters_it_names() {
        for listed in Fault::CATALOGUE {
            let fault = listed.example();
            let fault = fault.unwrap_or_else(|error| panic!("{}: {error}", listed.name));
            assert_eq!(fault.name(), listed.name);
            let mut given: serde_json::Value = serde_json::from_str(listed.parameters).unwrap();
            given["kind"] = listed.name.into();
            assert_eq!(
                serde_json::to_value(&fault).unwrap(),
                given,
                "{}",
                listed.name
            );
        }
    }

    #[test]
    fn every_fault_that_there_is_is_in_the_list() {
        let error = serde_json::from_str::<Fault>(r#"{"kind":"silense"}"#).unwrap_err();
        let said = error.to_string();
        let kinds = said.strip_prefix("unknown variant `silense`; `kind` is one of ");
        let kinds: BTreeSet<&str> = kinds.expect(&said).split(", ").collect();
        let listed: BTreeSet<&str> = Fault::CATALOGUE.iter().map(|listed| listed.name).collect();
        assert_eq!(kinds, listed);
    }

    #[test]
    fn every_fault_of_the_list_is_the_same_when_it_was_written_and_read() {
        for listed in Fault::CATALOGUE {
            let fault = listed.example().unwrap();
            let written = serde_json::to_string(&fault).unwrap();
            let kind_first = format!(r#"{{"kind":"{}""#, listed.name);
            assert!(written.starts_with(&kind_first), "{written}");
            assert_eq!(serde_json::from_str::<Fault>(&written).unwrap(), fault);
        }
    }

    /// The example of a fault, as it stands before it is read, and the names of its parameters.
    fn order_of(listed: &Listed) -> (Map<String, Value>, Vec<String>) {
        let mut order: Map<String, Value> = serde_json::from_str(listed.parameters).unwrap();
        let parameters = order.keys().cloned().collect();
        order.insert("kind".into(), listed.name.into());
        (order, parameters)
    }

    fn read(order: &Map<String, Value>) -> Result<Fault, String> {
        serde_json::from_value(order.clone().into()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_parameter_that_a_fault_does_not_have_is_refused_with_both_their_names() {
        for listed in Fault::CATALOGUE {
            let (mut order, _) = order_of(listed);
            order.insert("colour".into(), "blue".into());
            let why = read(&order).unwrap_err();
            let both = format!("unknown field `colour` of {}, ", listed.name);
            assert!(why.starts_with(&both), "{why}");
        }
    }

    #[test]
    fn a_parameter_of_a_wrong_type_is_refused_with_its_name_and_that_of_the_fault() {
        for listed in Fault::CATALOGUE {
            let (order, parameters) = order_of(listed);
            for parameter in parameters {
                let mut order = order.clone();
                // An object of a list of a truth value: no parameter is of this type.
                order.insert(parameter.clone(), json!({ "blue": [true] }));
                let why = read(&order).unwrap_err();
                let both = format!("field `{parameter}` of {}: ", listed.name);
                assert!(why.starts_with(&both), "{why}");
            }
        }
    }

    #[test]
    fn a_parameter_that_is_not_given_has_a_default_or_is_missed_by_name() {
        let mut missed = 0;
        for listed in Fault::CATALOGUE {
            let (order, parameters) = order_of(listed);
            for parameter in parameters {
                let mut order = order.clone();
                order.remove(&parameter);
                if let Err(why) = read(&order) {
                    assert_eq!(
                        why,
                        format!("missing field `{parameter}` of {}", listed.name)
                    );
                    missed += 1;
                }
            }
        }
        // So many parameters have no default.
        assert_eq!(missed, 59);
    }

    #[test]
    fn a_fault_with_a_parameter_it_does_not_have_is_refused() {
        let order = r#"{"kind":"silence","for":3}"#;
        assert!(serde_json::from_str::<Fault>(order).is_err());
    }
}

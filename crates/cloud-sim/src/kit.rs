//! **Kit**: what a gateway needs to use a simulated provider, as a person would paste it into its config.

use crate::account::Provider;
use crate::sim::Sim;

/// A section of the config and the files it names.
#[derive(Clone, Debug)]
pub struct Kit {
    pub provider: Provider,
    /// TOML: one `[cloud.NAME]`.
    pub section: String,
    /// Name and contents of each file that the section names.
    pub files: Vec<(&'static str, String)>,
}

/// The secret part of the paths at which the gateway is called back.
pub const CALLBACK_SECRET: &str = "cloud-sim-callback-0000000000001";
const CALLBACK_FILE: &str = "cloud-sim-callback";

impl Sim {
    /// One for each provider that is a section of its own. Dypns goes with the account of aliyun.
    pub fn kits(&self) -> Vec<Kit> {
        vec![
            self.twilio_kit(),
            self.aliyun_kit(),
            self.tencent_kit(),
            self.vonage_kit(),
            self.generic_kit(),
        ]
    }

    fn twilio_kit(&self) -> Kit {
        let account = &self.settings().twilio;
        let from = account.from.first().map_or("", String::as_str);
        let section = format!(
            "[cloud.twilio]\n\
             kind = \"twilio\"\n\
             base_url = \"{}\"\n\
             account = \"{}\"\n\
             secret_file = \"cloud-sim-twilio\"\n\
             from = \"{from}\"\n",
            self.base_url(Provider::Twilio),
            account.account_sid,
        );
        Kit {
            provider: Provider::Twilio,
            section,
            files: vec![("cloud-sim-twilio", account.auth_token.clone())],
        }
    }

    fn aliyun_kit(&self) -> Kit {
        let account = &self.settings().aliyun;
        let sign = account.sign_names.first().map_or("", String::as_str);
        let section = format!(
            "[cloud.aliyun]\n\
             kind = \"aliyun\"\n\
             base_url = \"{}\"\n\
             account = \"{}\"\n\
             secret_file = \"cloud-sim-aliyun\"\n\
             sign_name = \"{sign}\"\n\
             template_map = {{ \"*\" = \"SMS_154950909\" }}\n\
             callback_secret_file = \"{CALLBACK_FILE}\"\n",
            self.base_url(Provider::Aliyun),
            account.access_key_id,
        );
        Kit {
            provider: Provider::Aliyun,
            section,
            files: vec![
                ("cloud-sim-aliyun", account.access_key_secret.clone()),
                (CALLBACK_FILE, CALLBACK_SECRET.to_owned()),
            ],
        }
    }

    fn tencent_kit(&self) -> Kit {
        let account = &self.settings().tencent;
        let sign = account.sign_names.first().map_or("", String::as_str);
        let section = format!(
            "[cloud.tencent]\n\
             kind = \"tencent\"\n\
             base_url = \"{}\"\n\
             account = \"{}\"\n\
             secret_file = \"cloud-sim-tencent\"\n\
             sdk_app_id = \"{}\"\n\
             sign_name = \"{sign}\"\n\
             template_map = {{ \"*\" = \"449739\" }}\n\
             callback_secret_file = \"{CALLBACK_FILE}\"\n",
            self.base_url(Provider::Tencent),
            account.secret_id,
            account.sdk_app_id,
        );
        Kit {
            provider: Provider::Tencent,
            section,
            files: vec![
                ("cloud-sim-tencent", account.secret_key.clone()),
                (CALLBACK_FILE, CALLBACK_SECRET.to_owned()),
            ],
        }
    }

    fn vonage_kit(&self) -> Kit {
        let account = &self.settings().vonage;
        let section = format!(
            "[cloud.vonage]\n\
             kind = \"vonage\"\n\
             base_url = \"{}\"\n\
             account = \"{}\"\n\
             secret_file = \"cloud-sim-vonage\"\n\
             from = \"Cellpost\"\n\
             callback_secret_file = \"cloud-sim-vonage-signature\"\n",
            self.base_url(Provider::Vonage),
            account.api_key,
        );
        let signature = account.signature_secret.clone().unwrap_or_default();
        Kit {
            provider: Provider::Vonage,
            section,
            files: vec![
                ("cloud-sim-vonage", account.api_secret.clone()),
                ("cloud-sim-vonage-signature", signature),
            ],
        }
    }

    fn generic_kit(&self) -> Kit {
        let errors: Vec<_> = GENERIC_ERRORS
            .iter()
            .map(|(code, is)| {
                format!("{{ pointer = \"/error/code\", equals = \"{code}\", is = {is} }}")
            })
            .collect();
        let section = format!(
            "[cloud.generic]\n\
             kind = \"http\"\n\
             url = \"{}/send\"\n\
             body = '{{\"to\":\"{{to}}\",\"text\":\"{{text}}\",\"reference\":\"{{id}}\",\"callback\":\"{{callback_url}}\"}}'\n\
             auth = \"bearer\"\n\
             secret_file = \"cloud-sim-generic\"\n\
             callback_secret_file = \"{CALLBACK_FILE}\"\n\
             id_pointer = \"/id\"\n\
             errors = [{}]\n\
             report = {{ id_pointer = \"/id\", status_pointer = \"/status\", values = {{ sent = \"sent\", delivered = \"delivered\", undelivered = \"undelivered\" }} }}\n",
            self.base_url(Provider::Generic),
            errors.join(", "),
        );
        Kit {
            provider: Provider::Generic,
            section,
            files: vec![
                ("cloud-sim-generic", self.settings().generic.token.clone()),
                (CALLBACK_FILE, CALLBACK_SECRET.to_owned()),
            ],
        }
    }
}

/// What the codes of the generic provider mean to a gateway.
const GENERIC_ERRORS: [(&str, &str); 7] = [
    ("unknown_template", "1001"),
    ("invalid_number", "1002"),
    ("invalid_text", "1003"),
    ("too_many", "1004"),
    ("no_credit", "1005"),
    ("sender", "\"config\""),
    ("unauthorized", "\"config\""),
];

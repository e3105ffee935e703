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
        vec![self.twilio_kit(), self.aliyun_kit(), self.generic_kit()]
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

    fn generic_kit(&self) -> Kit {
        let section = format!(
            "[cloud.generic]\n\
             kind = \"http\"\n\
             url = \"{}/send\"\n\
             body = '{{\"to\":\"{{to}}\",\"text\":\"{{text}}\",\"reference\":\"{{id}}\",\"callback\":\"{{callback_url}}\"}}'\n\
             auth = \"bearer\"\n\
             secret_file = \"cloud-sim-generic\"\n\
             callback_secret_file = \"{CALLBACK_FILE}\"\n\
             id_pointer = \"/id\"\n\
             report = {{ id_pointer = \"/id\", status_pointer = \"/status\", values = {{ sent = \"sent\", delivered = \"delivered\", undelivered = \"undelivered\" }} }}\n",
            self.base_url(Provider::Generic),
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

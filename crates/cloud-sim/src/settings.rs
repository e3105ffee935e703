//! **Settings**: where the simulated cloud listens, what accounts it knows, and how it behaves when nothing is ordered.

use std::net::SocketAddr;
use std::time::Duration;

use crate::account::{
    AliyunAccount, GenericAccount, Provider, TencentAccount, TwilioAccount, VonageAccount,
};
use crate::fault::Order;

/// What a simulated cloud is made of.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A loopback address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// From taking a text to its last report; the one before it comes at half of this.
    pub report_after: Duration,
    /// Before a report that was not taken is told again; twice as long each time.
    pub report_again_after: Duration,
    /// How often a report is told at most.
    pub report_tries: u32,
    /// Connect here to call back, whatever the host of the URL is. The URL, the `Host` header and what is signed stay
    /// as they are; it is the only way to a URL of `https`, which is then spoken without TLS.
    pub callbacks_to: Option<SocketAddr>,
    /// Ids are drawn from it. None: from the time of the start, so that no two runs give the same.
    pub seed: Option<u64>,
    pub twilio: TwilioAccount,
    pub aliyun: AliyunAccount,
    pub tencent: TencentAccount,
    pub vonage: VonageAccount,
    pub generic: GenericAccount,
    /// In force from the start.
    pub faults: Vec<Order>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            report_after: Duration::from_secs(1),
            report_again_after: Duration::from_millis(500),
            report_tries: 4,
            callbacks_to: None,
            seed: None,
            twilio: TwilioAccount::default(),
            aliyun: AliyunAccount::default(),
            tencent: TencentAccount::default(),
            vonage: VonageAccount::default(),
            generic: GenericAccount::default(),
            faults: Vec::new(),
        }
    }
}

impl Settings {
    /// Where the reports of this provider's account go. Twilio has no such setting: each message says it.
    pub(crate) fn report_to(&mut self, provider: Provider, url: Option<String>) {
        match provider {
            Provider::Twilio => {}
            Provider::Aliyun | Provider::Dypns => self.aliyun.report_url = url,
            Provider::Tencent => self.tencent.report_url = url,
            Provider::Vonage => self.vonage.report_url = url,
            Provider::Generic => self.generic.report_url = url,
        }
    }
}

//! **Account**: the providers there are, and the one account that each of them knows.
//!
//! The credentials are made up and printed on request: nothing outside this simulation knows them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Who is asked to send.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    Twilio,
    /// Alibaba Cloud's Dysmsapi: templates.
    Aliyun,
    /// Alibaba Cloud's Dypnsapi: codes that it draws and checks itself.
    Dypns,
    /// Tencent Cloud SMS: templates.
    Tencent,
    /// Vonage's SMS API.
    Vonage,
    /// Any other: one POST of JSON or of a form.
    Generic,
}

impl Provider {
    pub const ALL: [Self; 6] = [
        Self::Twilio,
        Self::Aliyun,
        Self::Dypns,
        Self::Tencent,
        Self::Vonage,
        Self::Generic,
    ];

    /// In faults, in the ledger, and as the first part of its path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Aliyun => "aliyun",
            Self::Dypns => "dypns",
            Self::Tencent => "tencent",
            Self::Vonage => "vonage",
            Self::Generic => "generic",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug)]
pub struct TwilioAccount {
    /// `AC` and 32 hexadecimal digits.
    pub account_sid: String,
    /// Opens the API, and signs what is called back.
    pub auth_token: String,
    /// `SK` and 32 hexadecimal digits: opens the API in place of the account.
    pub api_key: String,
    pub api_secret: String,
    /// The senders it owns.
    pub from: Vec<String>,
    /// `MG` and 32 hexadecimal digits; sends by the first of the senders.
    pub messaging_service: String,
}

impl Default for TwilioAccount {
    fn default() -> Self {
        Self {
            account_sid: "AC5ca1ab1e0000000000000000000000c1".into(),
            auth_token: "70ca1ab1e000000000000000000000c1".into(),
            api_key: "SK5ca1ab1e0000000000000000000000c2".into(),
            api_secret: "5ec2e7000000000000000000000000c2".into(),
            from: vec!["+15005550006".into()],
            messaging_service: "MG5ca1ab1e0000000000000000000000c3".into(),
        }
    }
}

/// Serves Dysmsapi and Dypnsapi.
#[derive(Clone, Debug)]
pub struct AliyunAccount {
    pub access_key_id: String,
    pub access_key_secret: String,
    /// With it, it must come as `x-acs-security-token`.
    pub security_token: Option<String>,
    /// The signs that are approved.
    pub sign_names: Vec<String>,
    /// Template codes and their texts with `${name}` in them. Empty: every code of the right form is approved, and
    /// nothing is known of its variables.
    pub templates: Vec<(String, String)>,
    /// Where `SmsReport` goes; nowhere without it.
    pub report_url: Option<String>,
}

impl Default for AliyunAccount {
    fn default() -> Self {
        Self {
            access_key_id: "LTAIcloudsim000000000001".into(),
            access_key_secret: "CloudSimAliyunSecret0000000001".into(),
            security_token: None,
            sign_names: vec!["测试签名".into()],
            templates: Vec::new(),
            report_url: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct TencentAccount {
    pub secret_id: String,
    pub secret_key: String,
    pub sdk_app_id: String,
    /// The signs that are approved; texts abroad need none.
    pub sign_names: Vec<String>,
    /// Where statuses go; nowhere without it.
    pub report_url: Option<String>,
}

impl Default for TencentAccount {
    fn default() -> Self {
        Self {
            secret_id: "AKIDcloudsim000000000000000000000001".into(),
            secret_key: "CloudSimTencentKey00000000000001".into(),
            sdk_app_id: "1400000001".into(),
            sign_names: vec!["测试签名".into()],
            report_url: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct VonageAccount {
    pub api_key: String,
    pub api_secret: String,
    /// Signs what is called back, and may sign requests.
    pub signature_secret: Option<String>,
    /// `md5`, `sha1`, `sha256` or `sha512`, all of them keyed.
    pub signature_method: String,
    pub reports: VonageReports,
    /// Where receipts go when a request has no `callback`; nowhere without either.
    pub report_url: Option<String>,
}

/// How an account wants to be called back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum VonageReports {
    /// GET with the fields in the query.
    Get,
    /// POST of a form.
    Form,
    /// POST of JSON.
    Json,
}

impl Default for VonageAccount {
    fn default() -> Self {
        Self {
            api_key: "c10ad51e".into(),
            api_secret: "CloudSimVonage01".into(),
            signature_secret: Some("cloudsimsignature0123456789abcdef".into()),
            signature_method: "sha256".into(),
            reports: VonageReports::Form,
            report_url: None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct GenericAccount {
    /// As `Authorization: Bearer …`, as `X-Api-Key`, as the password of Basic, or as the key of `X-Signature`, the
    /// hexadecimal HMAC-SHA256 of the body.
    pub token: String,
    /// Where reports go when a request has no `callback`; nowhere without either.
    pub report_url: Option<String>,
    /// Signs reports: `X-Signature`, the hexadecimal HMAC-SHA256 of the body.
    pub report_secret: Option<String>,
}

impl Default for GenericAccount {
    fn default() -> Self {
        Self {
            token: "cloud-sim-generic-token".into(),
            report_url: None,
            report_secret: None,
        }
    }
}

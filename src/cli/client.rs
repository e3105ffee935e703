//! How a client command finds the daemon, and talks to it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use super::CommandError;

#[derive(Debug, Default, Args)]
pub(super) struct DaemonArgs {
    /// Address of the gateway. Default: run.json in the data folder.
    #[arg(long, env = "CELLPOST_URL", value_name = "URL")]
    url: Option<String>,
    /// File with a key. Default: admin.key in the data folder.
    #[arg(long, env = "CELLPOST_KEY_FILE", value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Data folder of the gateway on this machine.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Answers of a gateway are small; more is not one.
const LARGEST_ANSWER: usize = 4 << 20;

pub(super) struct Client {
    http: HyperClient<HttpConnector, Full<Bytes>>,
    url: String,
    key: String,
}

/// A gateway's answer, whatever its status.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

impl Client {
    pub(super) fn find(args: &DaemonArgs) -> Result<Self, CommandError> {
        let folder = data_folder(args.data_dir.clone());
        let url = match &args.url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => url_of_daemon(&folder)?,
        };
        let key_file = args
            .key_file
            .clone()
            .unwrap_or_else(|| folder.join("admin.key"));
        let key = std::fs::read_to_string(&key_file).map_err(|error| {
            CommandError::Failed(format!(
                "{}: {error}; name the key's file with --key-file",
                key_file.display()
            ))
        })?;
        Ok(Self::new(url, key.trim().to_owned()))
    }

    /// The gateway that runs on this data folder, and its process; `None`: none has left its address there.
    pub(super) fn of_folder(
        folder: &Path,
        key_file: &Path,
    ) -> Result<Option<(Self, u32)>, CommandError> {
        let Ok(content) = std::fs::read_to_string(folder.join("run.json")) else {
            return Ok(None);
        };
        let run: Value = serde_json::from_str(&content).unwrap_or(Value::Null);
        let pid = run["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        let (Some(url), Some(pid)) = (run["url"].as_str(), pid) else {
            return Ok(None);
        };
        let key = std::fs::read_to_string(key_file).map_err(|error| {
            CommandError::Failed(format!(
                "{}: {error}; run it as the gateway's user, or as root",
                key_file.display()
            ))
        })?;
        Ok(Some((
            Self::new(url.to_owned(), key.trim().to_owned()),
            pid,
        )))
    }

    pub(super) fn new(url: String, key: String) -> Self {
        Self {
            http: HyperClient::builder(TokioExecutor::new()).build_http(),
            url,
            key,
        }
    }

    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, CommandError> {
        let failed = |error: &dyn std::fmt::Display| {
            CommandError::Failed(format!(
                "{}: {error}; is the gateway running? `cellpost serve` starts it",
                self.url
            ))
        };
        let content = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.key))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(content)))
            .map_err(|error| failed(&error))?;
        let response = self.http.request(request).await.map_err(|error| {
            match std::error::Error::source(&error) {
                Some(cause) => failed(&cause),
                None => failed(&error),
            }
        })?;
        let status = response.status();
        let octets = Limited::new(response.into_body(), LARGEST_ANSWER)
            .collect()
            .await
            .map_err(|error| failed(&error))?
            .to_bytes();
        let body = serde_json::from_slice(&octets).unwrap_or(Value::Null);
        Ok(Reply { status, body })
    }
}

impl Reply {
    /// The body of a 2xx answer; else what the gateway said is wrong.
    pub(super) fn accepted(self) -> Result<Value, CommandError> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let said = self.body["detail"]
            .as_str()
            .or(self.body["title"].as_str())
            .unwrap_or("no reason given");
        let code = self.body["code"].as_str().unwrap_or("error");
        Err(CommandError::Failed(format!(
            "the gateway answered {} {code}: {said}",
            self.status.as_u16()
        )))
    }
}

/// `--data-dir`, else where `serve` would put it.
pub(super) fn data_folder(given: Option<PathBuf>) -> PathBuf {
    let installed = PathBuf::from("/var/lib/cellpost");
    given
        .or_else(|| std::env::var_os("STATE_DIRECTORY").map(PathBuf::from))
        .unwrap_or_else(|| {
            let here = PathBuf::from("cellpost-data");
            match here.join("run.json").exists() || !installed.join("run.json").exists() {
                true => here,
                false => installed,
            }
        })
}

fn url_of_daemon(folder: &Path) -> Result<String, CommandError> {
    let file = folder.join("run.json");
    let content = std::fs::read_to_string(&file).map_err(|error| {
        CommandError::Failed(format!(
            "{}: {error}; no gateway runs on this data folder, start one with `cellpost serve` or name one with --url",
            file.display()
        ))
    })?;
    let run: Value = serde_json::from_str(&content).unwrap_or(Value::Null);
    run["url"]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| CommandError::Failed(format!("{} names no address", file.display())))
}

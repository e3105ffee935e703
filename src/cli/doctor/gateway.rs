//! The gateway that runs on a data folder, as `doctor` and `probe` see it: its process and what it says of its modems.

use std::path::{Path, PathBuf};

use http::Method;
use serde_json::Value;

use crate::cli::CommandError;
use crate::cli::client::Client;
use crate::config::Config;

#[derive(Debug)]
pub(in crate::cli) struct Gateway {
    pub(in crate::cli) pid: u32,
    /// As `GET /v1/modems` tells them.
    pub(in crate::cli) modems: Vec<Value>,
}

impl Gateway {
    /// `None`: none runs, or what left its address there is no more.
    pub(in crate::cli) async fn running(config: &Config) -> Result<Option<Self>, CommandError> {
        let key_file = config.secret_path(&config.auth.admin_key_file);
        let Some((client, pid)) = Client::of_folder(&config.data_dir, &key_file)? else {
            return Ok(None);
        };
        if client.call(Method::GET, "/healthz", None).await.is_err() {
            return Ok(None);
        }
        let modems = modems(&client).await?;
        Ok(Some(Self { pid, modems }))
    }

    /// The modem of the gateway whose port this is, under whatever name.
    pub(in crate::cli) fn owner(&self, port: &Path) -> Option<&str> {
        let real = |path: PathBuf| std::fs::canonicalize(&path).unwrap_or(path);
        let port = real(port.to_owned());
        self.modems.iter().find_map(|modem| {
            let device = modem["device"].as_str()?;
            (real(device.into()) == port).then(|| modem["id"].as_str())?
        })
    }
}

async fn modems(client: &Client) -> Result<Vec<Value>, CommandError> {
    let mut modems = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let path = match &cursor {
            None => "/v1/modems?limit=200".to_owned(),
            Some(cursor) => format!("/v1/modems?limit=200&cursor={cursor}"),
        };
        let page = client.call(Method::GET, &path, None).await?.accepted()?;
        modems.extend(page["data"].as_array().into_iter().flatten().cloned());
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(modems);
        }
    }
}

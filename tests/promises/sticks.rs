//! Simulated sticks in the sockets of a machine, and verbs about them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::house::House;
use crate::machine::EC25;

pub(crate) const TO: &str = "+8613800138000";
const NONE: &str = "";

/// Where a stick of the simulation is plugged in.
#[derive(Clone, Copy)]
pub(crate) struct Socket {
    pub(crate) place: &'static str,
    pub(crate) first_tty: usize,
}

pub(crate) const LEFT: Socket = Socket {
    place: "1-1",
    first_tty: 0,
};
pub(crate) const RIGHT: Socket = Socket {
    place: "1-1.4",
    first_tty: 4,
};
pub(crate) const BACK: Socket = Socket {
    place: "2-3",
    first_tty: 12,
};

impl House {
    /// Puts stick `modem` there, an EC25 by its ids; its second port for AT leads nowhere.
    pub(crate) fn puts(&self, modem: usize, socket: Socket) {
        let pty = self.port(modem);
        let ptys = [
            Path::new(NONE),
            Path::new(NONE),
            pty.as_path(),
            Path::new(NONE),
        ];
        self.machine()
            .plug(&EC25, socket.place, socket.first_tty, &ptys);
    }

    pub(crate) fn port(&self, modem: usize) -> PathBuf {
        self.folder.path().join(format!("sim/modem{modem}"))
    }

    /// Pulls it out there: its port hangs up, and what sysfs said of it is gone.
    pub(crate) async fn pulls(&self, modem: usize, socket: Socket) {
        self.phones(move |phones| phones.unplug(modem).unwrap())
            .await;
        self.machine().pull(socket.place);
    }

    /// Puts back what was pulled out, anywhere.
    pub(crate) async fn puts_back(&self, modem: usize, socket: Socket) {
        self.phones(move |phones| phones.plug(modem).unwrap()).await;
        self.puts(modem, socket);
    }

    pub(crate) async fn imei(&self, modem: usize) -> String {
        self.stats().await[modem].imei.clone()
    }

    /// The name that this stick gets when it is adopted.
    pub(crate) async fn nickname(&self, modem: usize) -> String {
        let imei = self.imei(modem).await;
        format!("m{}", &imei[imei.len() - 6..])
    }

    pub(crate) async fn is_ready_as(&self, name: &str, modem: usize) {
        let imei = self.imei(modem).await;
        self.until(&format!("{name} is ready with stick {modem}"), async || {
            let shown = self.shown(name).await?;
            (shown["state"] == "ready" && shown["imei"] == imei.as_str()).then_some(())
        })
        .await;
    }

    pub(crate) async fn shown(&self, name: &str) -> Option<Value> {
        let path = format!("/v1/modems/{name}");
        let reply = self.ask(Method::GET, &path, None).await;
        (reply.status == StatusCode::OK).then_some(reply.body)
    }

    /// A text that may leave by this modem only does so, and by this stick of the simulation.
    pub(crate) async fn sends_by(&self, name: &str, modem: usize) {
        let before = self.stats().await[modem].accepted;
        let id = self.bound_to(name, "by this one").await;
        self.becomes(&id, "delivered").await;
        let after = self.stats().await[modem].accepted;
        assert_eq!(after, before + 1, "{name} sends by stick {modem}");
    }

    pub(crate) async fn bound_to(&self, name: &str, text: &str) -> String {
        self.send_as(json!({ "to": TO, "text": text, "from": name }))
            .await
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        let reply = self.ask(Method::GET, "/v1/modems", None).await;
        let modems = reply.body["data"].as_array().unwrap();
        let names = modems
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned());
        names.collect()
    }

    /// It has been examined and let alone again.
    pub(crate) async fn is_idle(&self, modem: usize) {
        let mut asked = 0;
        self.until("the stick has been asked", async || {
            let now = self.stats().await[modem].at_lines;
            let rests = now > 0 && now == std::mem::replace(&mut asked, now);
            tokio::time::sleep(Duration::from_millis(200)).await;
            rests.then_some(())
        })
        .await;
    }

    /// Puts stick `modem` there, and answers by which name it was adopted and is ready.
    pub(crate) async fn adopts(&self, modem: usize, socket: Socket) -> String {
        self.puts(modem, socket);
        let name = self.nickname(modem).await;
        self.until("it is adopted", async || self.shown(&name).await)
            .await;
        self.is_ready_as(&name, modem).await;
        name
    }
}

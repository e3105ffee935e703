//! Who has a port open, and which programs run, from `/proc`. It only looks: nobody is stopped.

use std::fs;
use std::path::Path;

use super::{Roots, plain};

/// A program that has a port open.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    /// As in `/proc/PID/comm`: at most 15 octets.
    pub(crate) command: String,
}

/// The first program but this one that has `node` open, under whatever name. Programs of other users are only seen by root.
pub(crate) fn holder(roots: &Roots, node: &Path) -> Option<Holder> {
    let node = fs::canonicalize(node).ok()?;
    processes(roots)
        .filter(|pid| *pid != std::process::id())
        .find(|pid| has_open(roots, *pid, &node))
        .map(|pid| Holder {
            pid,
            command: command(roots, pid),
        })
}

/// The process of ModemManager.
pub(crate) fn modem_manager(roots: &Roots) -> Option<u32> {
    running(roots, "ModemManager")
}

/// The first process whose command is `name`.
pub(crate) fn running(roots: &Roots, name: &str) -> Option<u32> {
    processes(roots).find(|pid| command(roots, *pid) == name)
}

/// In rising order.
fn processes(roots: &Roots) -> impl Iterator<Item = u32> + use<> {
    let mut pids: Vec<u32> = fs::read_dir(&roots.proc)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable();
    pids.into_iter()
}

fn has_open(roots: &Roots, pid: u32, node: &Path) -> bool {
    let folder = roots.proc.join(pid.to_string()).join("fd");
    let links = fs::read_dir(folder).into_iter().flatten();
    links.flatten().any(|link| {
        let target = fs::read_link(link.path());
        target.is_ok_and(|target| target == node)
    })
}

fn command(roots: &Roots, pid: u32) -> String {
    let file = roots.proc.join(pid.to_string()).join("comm");
    let octets = fs::read(file).unwrap_or_default();
    plain(&octets)
}

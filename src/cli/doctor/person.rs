//! Who opens the ports, and whether that is permitted: users and groups from `etc`, modes from the nodes.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::doctor::Access;

/// The user a gateway runs as: the owner of its data folder when root asks, else who asks.
#[derive(Debug)]
pub(super) struct Person {
    uid: u32,
    name: String,
    groups: BTreeSet<u32>,
    etc: PathBuf,
}

impl Person {
    /// `unit`: the files of the service, whose groups count too.
    pub(super) fn of(etc: &Path, data_folder: &Path, unit: &str) -> Self {
        let asking = rustix::process::geteuid().as_raw();
        let owner = fs::metadata(data_folder).map(|folder| folder.uid());
        let uid = match asking {
            0 => owner.unwrap_or(0),
            asking => asking,
        };
        let users = table(etc, "passwd");
        let user = users.iter().find(|user| number(user, 2) == Some(uid));
        let name = user
            .and_then(|user| user.first().cloned())
            .unwrap_or_else(|| format!("user {uid}"));
        let supplementary: BTreeSet<&str> = unit
            .lines()
            .filter_map(|line| line.trim().strip_prefix("SupplementaryGroups="))
            .flat_map(str::split_whitespace)
            .collect();
        let in_group = |group: &Vec<String>| {
            let title = group.first().map_or("", String::as_str);
            let members = group.get(3).map_or("", String::as_str);
            supplementary.contains(title) || members.split(',').any(|member| member == name)
        };
        let mut groups: BTreeSet<u32> = table(etc, "group")
            .iter()
            .filter(|group| in_group(group))
            .filter_map(|group| number(group, 2))
            .collect();
        groups.extend(user.and_then(|user| number(user, 3)));
        if uid == asking {
            let own = rustix::process::getgroups().unwrap_or_default();
            groups.extend(own.iter().map(|group| group.as_raw()));
            groups.insert(rustix::process::getegid().as_raw());
        }
        Self {
            uid,
            name,
            groups,
            etc: etc.to_owned(),
        }
    }

    /// Whether the person may read and write what these are the data of.
    pub(super) fn access(&self, node: &Metadata) -> Access {
        let mode = node.mode() & 0o777;
        let needed = match (node.uid() == self.uid, self.groups.contains(&node.gid())) {
            (true, _) => 0o600,
            (false, true) => 0o060,
            (false, false) => 0o006,
        };
        match self.uid == 0 || mode & needed == needed {
            true => Access::Granted,
            false => Access::Denied {
                user: self.name.clone(),
                group: self.group_name(node.gid()),
                mode,
            },
        }
    }

    fn group_name(&self, gid: u32) -> String {
        let groups = table(&self.etc, "group");
        let group = groups.iter().find(|group| number(group, 2) == Some(gid));
        group
            .and_then(|group| group.first().cloned())
            .unwrap_or_else(|| gid.to_string())
    }
}

/// The lines of a file of users or groups, in their fields.
fn table(etc: &Path, name: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(etc.join(name)).unwrap_or_default();
    text.lines()
        .map(|line| line.split(':').map(str::to_owned).collect())
        .collect()
}

fn number(fields: &[String], at: usize) -> Option<u32> {
    fields.get(at)?.parse().ok()
}

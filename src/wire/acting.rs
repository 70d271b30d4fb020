//! What acts on a cluster. The one place that grants a `WriteAccess`, and only where neither the console nor the cluster
//! is read-only: elsewhere nothing that could send is made.

use std::sync::Arc;

use super::lock::CurrentMembers;
use super::stack::{self, AssembledStack};
use crate::action::permit::WriteAccess;
use crate::config::resolved::ClusterSettings;
use crate::driver::port::{Act, LeadWatcher, Lock, MemberAddresses};
use crate::model::name::NodeName;
use crate::observe::picture::Handle;

/// Everything that is needed to act on one cluster.
pub struct Acting {
    /// The right to.
    pub access: WriteAccess,
    /// Who sends.
    pub act: Box<dyn Act>,
    /// Goes alongside a change of leader.
    pub lead_watcher: Arc<dyn LeadWatcher>,
    /// The operation lock.
    pub lock: Box<dyn Lock>,
}

/// What acts on the cluster that `settings` describe; `None`: the console (`read_only`) or the cluster is read-only.
/// `scope` is the one that is followed. `members` are reached where `contacts` says. Nothing is connected or fetched yet.
pub fn acting(
    settings: &Arc<ClusterSettings>,
    scope: Option<&str>,
    read_only: bool,
    member_addresses: MemberAddresses,
    members: CurrentMembers,
) -> Option<Acting> {
    if read_only || settings.read_only {
        return None;
    }
    Some(AssembledStack::of(settings, scope).acting(WriteAccess::granted(), member_addresses, members))
}

/// The right to take back what a job has left, for the process that guards it; `None`: as [`acting`].
pub fn guarding(settings: &ClusterSettings, read_only: bool) -> Option<WriteAccess> {
    (!read_only && !settings.read_only).then(WriteAccess::granted)
}

/// Where members are reached by the newest picture, as observing reaches them.
pub fn member_addresses(settings: &Arc<ClusterSettings>, handle: &Handle) -> MemberAddresses {
    let (settings, pictures) = (Arc::clone(settings), handle.pictures.clone());
    Box::new(move |member: &NodeName| {
        let snapshot = Arc::clone(&pictures.borrow().snapshot);
        let record = snapshot.record().and_then(|reading| reading.last());
        stack::member_address(&settings, member, record.and_then(|content| content.member(member)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::environment::Environment;
    use crate::config::{Flags, load};
    use crate::driver::port::{LockError, MemberAddress};

    fn settings(lines: &str) -> Arc<ClusterSettings> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("config.toml");
        let text = format!("[clusters.c]\n{lines}\n[clusters.c.patroni]\nurls = [\"http://127.0.0.1:1\"]\n");
        std::fs::write(&path, text).expect("written");
        let settings = load(&Flags { config: Some(path), ..Flags::default() }, &Environment::default());
        Arc::new(settings.expect("settings").clusters.remove(0))
    }

    fn nowhere() -> MemberAddresses {
        Box::new(|member| MemberAddress { name: member.clone(), agent_url: None, postgres: None, exporter_url: None })
    }

    #[test]
    fn nothing_that_acts_is_made_where_the_console_or_the_cluster_is_read_only() {
        assert!(acting(&settings(""), None, true, nowhere(), Box::new(Vec::new)).is_none());
        assert!(acting(&settings("read_only = true"), None, false, nowhere(), Box::new(Vec::new)).is_none());
        assert!(acting(&settings(""), None, false, nowhere(), Box::new(Vec::new)).is_some());
    }

    #[tokio::test]
    async fn without_etcd_there_is_no_lock_and_the_reason_says_what_to_configure() {
        let mut acting = acting(&settings(""), Some("pg-ha"), false, nowhere(), Box::new(Vec::new)).expect("allowed");
        let error = acting.lock.holder().await.expect_err("no place for it");
        assert!(
            matches!(&error, LockError::Unavailable(error) if error.to_string().contains("[clusters.NAME.etcd]")),
            "{error}"
        );
    }
}

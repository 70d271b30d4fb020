//! What acts on a cluster. The one place that grants a `WriteAccess`, and only where neither the console nor the cluster
//! is read-only: elsewhere nothing that could send is made.

use std::sync::Arc;

use super::stack;
use crate::action::permit::WriteAccess;
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::{EtcdLock, EtcdRecordWriter};
use crate::driver::dcs::no_lock::NoLock;
use crate::driver::ha::patroni_act::{Contacts, PatroniAct};
use crate::driver::ha::patroni_companion::PatroniCompanion;
use crate::driver::port::{Act, Companion, Lock};
use crate::model::name::NodeName;
use crate::observe::picture::Handle;

/// Everything that is needed to act on one cluster.
pub struct Acting {
    /// The right to.
    pub access: WriteAccess,
    /// Who sends.
    pub act: Box<dyn Act>,
    /// Goes alongside a change of leader.
    pub companion: Arc<dyn Companion>,
    /// The operation lock.
    pub lock: Box<dyn Lock>,
}

/// What acts on the cluster that `settings` describe; `None`: the console (`read_only`) or the cluster is read-only.
/// `scope` is the one that is followed. Members are reached where `contacts` says. Nothing is connected or fetched yet.
pub fn acting(
    settings: &Arc<ClusterSettings>,
    scope: Option<&str>,
    read_only: bool,
    contacts: Contacts,
) -> Option<Acting> {
    if read_only || settings.read_only {
        return None;
    }
    let (lock, record): (Box<dyn Lock>, _) = match (&settings.etcd, scope) {
        (Some(etcd), Some(scope)) => {
            let lock = EtcdLock::new(etcd.clone(), &settings.namespace, scope);
            let record = EtcdRecordWriter::new(etcd.clone(), &settings.namespace, scope, lock.held());
            (Box::new(lock), Some(record))
        }
        _ => (Box::new(NoLock), None),
    };
    let environment = Arc::new(Environment::of_process());
    let contacts = Arc::new(contacts);
    let companion = PatroniCompanion::new(Arc::clone(settings), scope, Arc::clone(&contacts), Arc::clone(&environment));
    let shared: Contacts = Box::new(move |member| contacts(member));
    let act = PatroniAct::new(Arc::clone(settings), scope, shared, environment, record);
    Some(Acting { access: WriteAccess::granted(), act: Box::new(act), companion: Arc::new(companion), lock })
}

/// Where members are reached by the newest picture, as observing reaches them.
pub fn contacts(settings: &Arc<ClusterSettings>, handle: &Handle) -> Contacts {
    let (settings, pictures) = (Arc::clone(settings), handle.pictures.clone());
    Box::new(move |member: &NodeName| {
        let snapshot = Arc::clone(&pictures.borrow().snapshot);
        let record = snapshot.record().and_then(|reading| reading.last());
        stack::contact(&settings, member, record.and_then(|content| content.member(member)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, load};
    use crate::driver::port::{Contact, LockError};

    fn settings(lines: &str) -> Arc<ClusterSettings> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("config.toml");
        let text = format!("[clusters.c]\n{lines}\n[clusters.c.patroni]\nurls = [\"http://127.0.0.1:1\"]\n");
        std::fs::write(&path, text).expect("written");
        let settings = load(&Flags { config: Some(path), ..Flags::default() }, &Environment::default());
        Arc::new(settings.expect("settings").clusters.remove(0))
    }

    fn nowhere() -> Contacts {
        Box::new(|member| Contact { name: member.clone(), agent_url: None, postgres: None, exporter_url: None })
    }

    #[test]
    fn nothing_that_acts_is_made_where_the_console_or_the_cluster_is_read_only() {
        assert!(acting(&settings(""), None, true, nowhere()).is_none());
        assert!(acting(&settings("read_only = true"), None, false, nowhere()).is_none());
        assert!(acting(&settings(""), None, false, nowhere()).is_some());
    }

    #[tokio::test]
    async fn without_etcd_there_is_no_lock_and_the_reason_says_what_to_configure() {
        let mut acting = acting(&settings(""), Some("pg-ha"), false, nowhere()).expect("allowed");
        let error = acting.lock.holder().await.expect_err("no place for it");
        assert!(matches!(&error, LockError::Unavailable(error) if error.to_string().contains("etcd")), "{error}");
    }
}

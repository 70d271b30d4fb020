//! Which operation lock a cluster uses. The one place that decides it.

use std::sync::Arc;

use super::stack;
use crate::config::environment::Environment;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::EtcdRecordWriter;
use crate::driver::lock::advisory::{AdvisoryLock, LockNode};
use crate::driver::lock::etcd::EtcdLock;
use crate::driver::lock::none::NoLock;
use crate::driver::port::{Lock, MemberAddresses};
use crate::model::name::NodeName;
use crate::observe::picture::Handle;

/// Where the operation lock of a cluster is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum LockBackend {
    /// In etcd, under the scope that is followed.
    Etcd {
        /// Scope.
        scope: String,
    },
    /// By advisory locks on the nodes.
    Advisory,
    /// Nowhere: why, and what to configure.
    Nowhere(&'static str),
}

/// Where the operation lock of the cluster that `settings` describe is kept: in etcd where one is configured, else on its
/// nodes where a login for acting is.
pub(super) fn lock_backend(settings: &ClusterSettings, scope: Option<&str>) -> LockBackend {
    match (&settings.etcd, scope) {
        (Some(_), Some(scope)) => LockBackend::Etcd { scope: scope.to_owned() },
        (Some(_), None) => LockBackend::Nowhere(
            "it is stored in etcd under the scope of the cluster, which is unknown: set scope = \"...\" as in patroni.yml",
        ),
        (None, _) if settings.postgres.as_ref().is_some_and(|postgres| postgres.acting.is_some()) => {
            LockBackend::Advisory
        }
        (None, _) => LockBackend::Nowhere(
            "no etcd is configured to store it in ([clusters.NAME.etcd], endpoints), and no login for acting to take \
                advisory locks on the nodes: set [clusters.NAME.postgres.acting] with user = \"...\"",
        ),
    }
}

/// The members of a cluster at present.
pub(super) type CurrentMembers = Box<dyn Fn() -> Vec<NodeName> + Send + Sync>;

/// The members by the newest picture, without those that turned out to be another cluster's.
pub(super) fn current_members(handle: &Handle) -> CurrentMembers {
    let pictures = handle.pictures.clone();
    Box::new(move || {
        let snapshot = Arc::clone(&pictures.borrow().snapshot);
        let cluster = snapshot.system_id().map(|id| id.value);
        let ours = snapshot.views().filter(|view| !view.is_of_another_cluster(cluster));
        ours.map(|view| view.name().clone()).collect()
    })
}

/// The operation lock, and what writes to the record under it, where that is kept in etcd. Nothing is connected yet.
pub(super) fn lock(
    settings: &Arc<ClusterSettings>,
    scope: Option<&str>,
    members: CurrentMembers,
    member_addresses: Arc<MemberAddresses>,
) -> (Box<dyn Lock>, Option<EtcdRecordWriter>) {
    match (lock_backend(settings, scope), &settings.etcd) {
        (LockBackend::Etcd { scope }, Some(etcd)) => {
            let lock = EtcdLock::new(etcd.clone(), &settings.namespace, &scope);
            let record = EtcdRecordWriter::new(etcd.clone(), &settings.namespace, &scope, lock.held());
            (Box::new(lock), Some(record))
        }
        (LockBackend::Advisory, _) => {
            let settings = Arc::clone(settings);
            let place = move |member: NodeName| {
                let address = member_addresses(&member).postgres?;
                let access = stack::acting_access(&settings, &member, address.host.as_str())?;
                Some(LockNode { member, address, access })
            };
            let places = Box::new(move || members().into_iter().filter_map(&place).collect());
            (Box::new(AdvisoryLock::new(places, Arc::new(Environment::of_process()))), None)
        }
        (LockBackend::Nowhere(why), _) => (Box::new(NoLock::because(why)), None),
        (LockBackend::Etcd { .. }, None) => (Box::new(NoLock::because("no etcd is configured")), None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;

    use super::*;
    use crate::config::from_text;

    const ACTING: &str = "[clusters.c.postgres]\nuser = \"looker\"\n[clusters.c.postgres.acting]\nuser = \"admin\"\n";
    const ETCD: &str = "[clusters.c.etcd]\nendpoints = [\"http://h:2379\"]\n";
    const PATRONI: &str = "[clusters.c.patroni]\nurls = [\"http://h:8008\"]\n";
    const NODES: &str = "[clusters.c.nodes.a]\npostgres = \"h:5432\"\n";

    fn kept_by(parts: &[&str], scope: Option<&str>) -> LockBackend {
        let environment: Environment = [("USER", "op"), ("HOME", "/nonexistent")].into_iter().collect();
        let settings = from_text(&parts.concat(), Path::new("config.toml"), &environment).expect("settings");
        lock_backend(&settings.clusters[0], scope)
    }

    #[rstest]
    #[case::etcd(&[PATRONI, ETCD, ACTING], Some("s"), LockBackend::Etcd { scope: "s".to_owned() })]
    #[case::relayed(&[PATRONI, ACTING], Some("s"), LockBackend::Advisory)]
    #[case::plain(&[NODES, ACTING], None, LockBackend::Advisory)]
    fn etcd_keeps_the_lock_else_the_nodes_do(
        #[case] parts: &[&str],
        #[case] scope: Option<&str>,
        #[case] place: LockBackend,
    ) {
        assert_eq!(kept_by(parts, scope), place);
    }

    #[test]
    fn where_there_is_no_place_the_reason_names_both_that_could_be() {
        for parts in [&[NODES][..], &[PATRONI]] {
            let LockBackend::Nowhere(why) = kept_by(parts, None) else { panic!("{parts:?}") };
            assert!(why.contains("[clusters.NAME.etcd]") && why.contains("[clusters.NAME.postgres.acting]"), "{why}");
        }
        let LockBackend::Nowhere(why) = kept_by(&[PATRONI, ETCD, ACTING], None) else { panic!("no scope") };
        assert!(why.contains("scope = "), "{why}");
    }
}

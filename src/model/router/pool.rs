//! Pools that serve nobody because nobody is meant to be served.

use super::super::role::SyncState;
use super::super::snapshot::Snapshot;
use super::super::text::Text;
use super::{PoolPurpose, ProxyRow, Router, RouterReport};

impl Snapshot {
    /// Why a read pool without a server that is up is as it should be; `None`: it is not, as far as anything tells.
    ///
    /// Every check must answer, and say no: a server that does not answer at all is down.
    pub fn empty_by_design(&self, router: &Router, report: &RouterReport, pool: &Text) -> Option<&'static str> {
        let says_no = |row: &ProxyRow| row.check.as_ref().is_some_and(|check| check.result == "L7STS");
        if report.servers_of(pool).next().is_none() || !report.servers_of(pool).all(says_no) {
            return None;
        }
        let leader = self.leader()?.value;
        let replicas: Vec<_> = self.views().filter(|view| !view.is_missing() && *view.name() != leader).collect();
        if replicas.is_empty() {
            return Some("the cluster has no replica");
        }
        if replicas.iter().all(|view| view.tags().is_some_and(|tags| tags.value.noloadbalance)) {
            return Some("every replica is tagged noloadbalance");
        }
        let another_serves = report
            .servers()
            .any(|row| row.proxy != *pool && router.purpose(&row.proxy) == PoolPurpose::Read && row.takes_traffic());
        if !another_serves {
            return None;
        }
        let is_sync = |view: &super::super::view::MemberView<'_>| {
            view.sync().is_some_and(|sync| matches!(sync.value, SyncState::Sync | SyncState::Quorum))
        };
        let name = pool.as_str().to_ascii_lowercase();
        Some(if name.contains("async") {
            "no replica is asynchronous according to its health checks"
        } else if name.contains("sync") && !replicas.iter().any(is_sync) {
            "no replica is synchronous"
        } else {
            "its health checks fail for every member; another read backend is available"
        })
    }
}

//! Plain streaming replication, which nobody manages. It is looked at over SQL; nothing is done to it yet, and every action
//! says so with what to do instead.

use crate::action::Intent;
use crate::action::plan::{Impossible, Plan};
use crate::driver::port::Manage;
use crate::model::snapshot::Snapshot;

/// Plans for a cluster without a manager: none so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StreamingManager;

impl Manage for StreamingManager {
    fn plan(&self, _snapshot: &Snapshot, intent: &Intent) -> Result<Plan, Impossible> {
        Err(Impossible::because(reason(intent)))
    }
}

/// Why the intent cannot be carried out on plain streaming replication, and what to do instead.
fn reason(intent: &Intent) -> &'static str {
    match intent {
        Intent::Switchover { .. } => {
            "plain streaming replication has no manager that hands over: stop the primary, then pg_ctl promote the standby that \
             has replayed everything"
        }
        Intent::Failover { .. } => {
            "plain streaming replication has no manager that fails over: make sure that the old primary is off for good, then \
             pg_ctl promote the standby that is furthest ahead"
        }
        Intent::Reinitialise { .. } => {
            "copying a standby anew is not done here yet: stop it, empty its data directory, pg_basebackup"
        }
        Intent::Restart { .. } | Intent::RollingRestart => {
            "restarts are not done here yet: pg_ctl restart, or the container's own, standbys first"
        }
        Intent::CancelSwitchover | Intent::CancelRestart { .. } => {
            "nothing is ever scheduled on plain streaming replication"
        }
        Intent::Reload { .. } => "reloads are not done here yet: SELECT pg_reload_conf() on each node",
        Intent::Pause | Intent::Resume => "there is no automatic failover to pause on plain streaming replication",
        Intent::Configure { .. } => {
            "there is no shared configuration on plain streaming replication: ALTER SYSTEM on each node"
        }
        Intent::RouterServer { .. } | Intent::Drain { .. } | Intent::Undrain { .. } | Intent::SettleRouters => {
            "routers of plain streaming replication are looked at alone so far: use HAProxy's runtime API"
        }
        Intent::EndSession { .. } => {
            "sessions of plain streaming replication are looked at alone so far: SELECT pg_terminate_backend(PID)"
        }
        Intent::Drill { .. } => "drills need a manager that takes over: plain streaming replication has none",
        Intent::Undo { .. } => "nothing was done to this cluster that could be taken back",
    }
}

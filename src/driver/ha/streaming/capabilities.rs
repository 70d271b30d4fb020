//! What can be done to plain streaming replication: nothing yet. Every verb has the reason, and what to do instead.

use crate::action::capability::{Capabilities, Capability};

const fn lacks(reason: &'static str, instead: &'static str) -> Capability {
    Capability::Lacks { reason, instead }
}

const NO_RESTART: Capability =
    lacks("restart is not supported here yet", "use pg_ctl restart or restart the container, standbys first");
const NO_PAUSE: Capability = lacks("plain streaming replication has no automatic failover to pause", "");
const NO_ROUTER: Capability =
    lacks("router actions are not supported for plain streaming replication yet", "use the runtime API of HAProxy");

/// Every verb.
pub static CAPABILITIES: Capabilities = Capabilities {
    called: "plain streaming replication",
    rows: &[
        (
            "switchover",
            lacks(
                "plain streaming replication has no manager for a switchover",
                "stop the primary, then pg_ctl promote the standby that has replayed everything",
            ),
        ),
        (
            "failover",
            lacks(
                "plain streaming replication has no manager for a failover",
                "make sure that the old primary stays down, then pg_ctl promote the standby with the least lag",
            ),
        ),
        (
            "reinit",
            lacks("reinit is not supported here yet", "stop the standby, empty its data directory, run pg_basebackup"),
        ),
        ("restart", NO_RESTART),
        ("rolling-restart", NO_RESTART),
        ("reload", lacks("reload is not supported here yet", "run SELECT pg_reload_conf() on each node")),
        ("pause", NO_PAUSE),
        ("resume", NO_PAUSE),
        (
            "configure",
            lacks("plain streaming replication has no shared configuration", "use ALTER SYSTEM on each node"),
        ),
        ("cancel", lacks("plain streaming replication has no scheduled actions", "")),
        ("drain", NO_ROUTER),
        ("undrain", NO_ROUTER),
        ("server", NO_ROUTER),
        ("fix-routing", NO_ROUTER),
        (
            "pooler",
            lacks(
                "pooler actions are not supported for plain streaming replication yet",
                "use PAUSE and RESUME in the admin console of PgBouncer",
            ),
        ),
        (
            "session",
            lacks(
                "session actions are not supported for plain streaming replication yet",
                "run SELECT pg_terminate_backend(PID)",
            ),
        ),
        ("drill", lacks("drills need automatic failover", "plain streaming replication has none")),
        ("undo", lacks("nothing was done to this cluster that could be undone", "")),
    ],
};

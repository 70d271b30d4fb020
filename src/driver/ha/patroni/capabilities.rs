//! What can be done to a cluster that Patroni manages.

use crate::action::capability::{Capabilities, Capability};

/// Every verb, and by what it is done.
pub static CAPABILITIES: Capabilities = Capabilities {
    called: "Patroni",
    rows: &[
        ("switchover", Capability::By("`POST /switchover`")),
        ("failover", Capability::By("`POST /failover`")),
        ("reinit", Capability::By("`POST /reinitialize`")),
        ("restart", Capability::By("`POST /restart`")),
        ("rolling-restart", Capability::By("`POST /restart` on one member after the other, `POST /switchover`")),
        ("reload", Capability::By("`POST /reload`")),
        ("pause", Capability::By("`pause` in the dynamic configuration")),
        ("resume", Capability::By("`pause` in the dynamic configuration")),
        ("configure", Capability::By("the dynamic configuration")),
        ("cancel", Capability::By("`DELETE /switchover`, `DELETE /restart`")),
        ("drain", Capability::By("the runtime API of the routers")),
        ("undrain", Capability::By("the runtime API of the routers")),
        ("server", Capability::By("the runtime API of the router")),
        ("fix-routing", Capability::By("the runtime API of the routers")),
        ("pooler", Capability::By("the admin console of PgBouncer")),
        ("session", Capability::By("`pg_cancel_backend`, `pg_terminate_backend`")),
        ("drill", Capability::By("containers or configured commands, where `drills.enabled` is set")),
        ("undo", Capability::By("what was recorded before each temporary change")),
    ],
};

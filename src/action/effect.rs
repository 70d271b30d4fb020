//! What an order does to the cluster, in words of PostgreSQL and not of whichever manager is asked: by this the core knows
//! whose restart to wait for, who may lead next, and what to check beforehand.

use jiff::Timestamp;

use crate::model::name::{NodeName, RouterName};

/// The effect of one order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect<'a> {
    /// Nothing changes: it looks, waits, or prepares.
    None,
    /// The leader hands over in good order.
    Handover {
        /// To whom; `None`: the manager chooses.
        to: Option<&'a NodeName>,
        /// When; `None`: now.
        at: Option<Timestamp>,
    },
    /// A member becomes the leader although nobody hands over.
    Promotes {
        /// Member.
        member: &'a NodeName,
    },
    /// A handover that was asked for does not happen.
    ClearsHandover,
    /// PostgreSQL of a member restarts.
    Restarts {
        /// Member.
        member: &'a NodeName,
        /// When; `None`: now.
        at: Option<Timestamp>,
    },
    /// A restart that was asked for does not happen.
    CancelsRestart {
        /// Member.
        member: &'a NodeName,
    },
    /// PostgreSQL of a member reads its configuration files anew.
    Reloads {
        /// Member.
        member: &'a NodeName,
    },
    /// The data of a member is thrown away and copied anew.
    Copies {
        /// Member.
        member: &'a NodeName,
    },
    /// The configuration that all members share changes.
    Configures {
        /// Whether it is refused where somebody else has changed it meanwhile.
        only_if_unchanged: bool,
    },
    /// A session on a member ends, or what it does.
    EndsSession {
        /// Member.
        member: &'a NodeName,
    },
    /// A router leads its clients elsewhere.
    UpdatesRouter {
        /// Router.
        router: &'a RouterName,
    },
    /// Routers are told as a change of leader is proven.
    UpdatesRouters,
    /// Something is broken on purpose.
    Breaks,
}

impl Effect<'_> {
    /// Whether it is the leader's changing that is asked for now.
    pub fn hands_over_now(self) -> bool {
        matches!(self, Self::Handover { at: None, .. })
    }
}

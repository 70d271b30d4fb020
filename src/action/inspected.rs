//! What no picture shows and only a tool can tell, asked before a plan is made: the planner and the checks take it as data, and
//! stay pure.

use super::drill::Survey;
use super::own_pause::OwnPause;
use super::pooler_traffic::PoolerTraffic;

/// The answers. What nobody has asked is `None`; what was asked and could not be told says so in its own place.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Inspected {
    /// What a drill needs to know; without it none is planned.
    pub drill: Option<Survey>,
    /// Who writes by which way, where poolers are configured and the leader is to change.
    pub pooler_traffic: Option<PoolerTraffic>,
    /// Pauses of poolers that actions of this console have left, where routing is to be fixed.
    pub own_pauses: Vec<OwnPause>,
}

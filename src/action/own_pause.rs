//! Pauses of poolers that an action of this console has left, and no process takes back any more.

use crate::action::record::ActionId;
use crate::model::name::PoolerName;
use crate::model::text::Text;

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnPause {
    /// Pooler.
    pub pooler: PoolerName,
    /// Database that clients ask for.
    pub database: Text,
    /// The action that has paused it.
    pub action: ActionId,
}

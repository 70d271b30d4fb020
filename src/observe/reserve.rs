//! Sources held back: asked only of a member whose agent has not vouched for it in time. For a glance, where the
//! second opinion of a member that its agent calls well is not worth the wait.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::merge::Observation;
use crate::driver::port::{Facts, Observe};
use crate::model::name::NodeName;
use crate::model::source::SourceKind;

/// How long an agent may take to vouch for its member before others are asked as well.
const PATIENCE: Duration = Duration::from_millis(250);

/// Sources, with the token that ends them.
pub(super) type Held = (Vec<Box<dyn Observe>>, CancellationToken);

/// What is held back, by member.
#[derive(Default)]
pub(super) struct Reserve {
    held: BTreeMap<NodeName, (Held, Instant)>,
}

impl Reserve {
    /// Holds back the sources of a member from now on.
    pub(super) fn hold(&mut self, member: &NodeName, sources: Vec<Box<dyn Observe>>, cancel: &CancellationToken) {
        if !sources.is_empty() {
            self.held.insert(member.clone(), ((sources, cancel.clone()), Instant::now() + PATIENCE));
        }
    }

    /// When patience ends next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.held.values().map(|(_, until)| *until).min()
    }

    /// What is to be asked because patience has ended.
    pub(super) fn overdue(&mut self) -> Vec<Held> {
        let now = Instant::now();
        let late: Vec<NodeName> =
            self.held.iter().filter(|(_, (_, until))| *until <= now).map(|(name, _)| name.clone()).collect();
        late.iter().filter_map(|name| self.held.remove(name)).map(|(held, _)| held).collect()
    }

    /// An observation has come. What is to be asked because an agent does not call its PostgreSQL well is returned;
    /// what was held back for a member that its agent vouches for is dropped.
    pub(super) fn hear(&mut self, observation: &Observation) -> Option<Held> {
        if observation.source.kind != SourceKind::PatroniRest {
            return None;
        }
        let (held, _) = self.held.remove(&NodeName::new(observation.source.target.as_str()))?;
        let vouches = matches!(&observation.outcome, Ok(Facts::Agent(report)) if report.state.is_up());
        (!vouches).then_some(held)
    }
}

//! The one way from a plan to something being sent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::generation::Generation;
use super::note::{CheckNote, CheckVerdict};
use super::plan::{Confirm, Plan, PlanHash};
use crate::model::moment::Moment;
use crate::model::name::ClusterName;
use crate::model::text::Text;

/// How long a permit holds before its first step: a confirmation of an hour ago confirms nothing.
const PERMIT_LIFETIME: Duration = Duration::from_secs(60);

/// The right to change anything at all. Made in `wire` alone, and never where the console is read-only.
#[derive(Debug)]
pub struct WriteAccess(());

impl WriteAccess {
    /// Grants it. The architecture test fails on a call outside `wire`.
    pub fn granted() -> Self {
        Self(())
    }
}

/// What the operator did to confirm.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Confirmation {
    /// Fingerprint of the plan that was shown.
    pub plan: Option<PlanHash>,
    /// What was typed; `None` for a plain yes.
    pub typed: Option<Text>,
    /// Why it is done.
    pub reason: Option<Text>,
    /// Checks whose block is overridden, by name.
    pub overridden: Vec<Text>,
}

/// Why a permit is not given.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Another plan was shown.
    #[error("this is not the plan that was confirmed")]
    AnotherPlan,
    /// Nothing was typed, or something else.
    #[error("not confirmed: type {expected}")]
    NotConfirmed {
        /// What must be typed.
        expected: Text,
    },
    /// The cluster is protected.
    #[error("{cluster} is protected: a reason is required")]
    NoReason {
        /// Cluster.
        cluster: ClusterName,
    },
    /// Overriding needs a reason.
    #[error("overriding {check} requires a reason")]
    OverrideWithoutReason {
        /// The check.
        check: Text,
    },
    /// The plan has no fingerprint: nothing can tell that it is the one that was confirmed.
    #[error("the plan cannot be serialised: {why}")]
    NoFingerprint {
        /// Why.
        why: Text,
    },
    /// A check blocks.
    #[error("{}", .notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>().join("; "))]
    Blocked {
        /// The checks that block and are not overridden.
        notes: Vec<CheckNote>,
    },
}

/// Proof that a plan was shown, checked and confirmed. Drivers that change something ask for one.
#[derive(Debug)]
pub struct Permit {
    plan: PlanHash,
    cluster: ClusterName,
    generation: Generation,
    until: Moment,
}

impl Permit {
    /// The plan it is for.
    pub fn plan(&self) -> &PlanHash {
        &self.plan
    }

    /// The cluster it is for.
    pub fn cluster(&self) -> &ClusterName {
        &self.cluster
    }

    /// The generation that the plan was made from.
    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    /// Whether the first step may still begin.
    pub fn is_valid(&self, now: Moment) -> bool {
        now <= self.until
    }
}

impl Plan {
    /// Permits the plan, where everything needed was done. `notes` are those of the newest look at the cluster.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub fn permit(
        &self,
        notes: &[CheckNote],
        confirmation: &Confirmation,
        _access: &WriteAccess,
        now: Moment,
    ) -> Result<Permit, Refusal> {
        let hash =
            self.fingerprint().map_err(|error| Refusal::NoFingerprint { why: Text::redacted(error.to_string()) })?;
        if confirmation.plan.as_ref() != Some(&hash) {
            return Err(Refusal::AnotherPlan);
        }
        let has_reason = confirmation.reason.as_ref().is_some_and(|reason| !reason.as_str().trim().is_empty());
        let blocking: Vec<CheckNote> = notes
            .iter()
            .filter(|note| note.verdict == CheckVerdict::Block)
            .filter(|note| !(note.can_override && confirmation.overridden.contains(&note.check)))
            .cloned()
            .collect();
        if !blocking.is_empty() {
            return Err(Refusal::Blocked { notes: blocking });
        }
        if let (Some(check), false) = (confirmation.overridden.first(), has_reason) {
            return Err(Refusal::OverrideWithoutReason { check: check.clone() });
        }
        if let Confirm::Type(expected) = &self.confirm
            && confirmation.typed.as_ref() != Some(expected)
        {
            return Err(Refusal::NotConfirmed { expected: expected.clone() });
        }
        if self.needs_reason && !has_reason {
            return Err(Refusal::NoReason { cluster: self.cluster.clone() });
        }
        Ok(Permit {
            plan: hash,
            cluster: self.cluster.clone(),
            generation: self.generation.clone(),
            until: now + PERMIT_LIFETIME,
        })
    }
}

//! What `doctor` finds at a simulated endpoint.

use futures::FutureExt;
use futures::future::{BoxFuture, ready};

use crate::driver::port::{Check, Observe};
use crate::model::checkup::{CheckAspect, CheckLine, CheckupVerdict};
use crate::model::text::Text;

use super::{SimulatedSource, answer, lock};

/// One endpoint to examine, at the moment at which the world stands.
pub(crate) struct SimulatedCheck(SimulatedSource);

impl SimulatedCheck {
    pub(crate) fn new(source: SimulatedSource) -> Self {
        Self(source)
    }
}

impl Check for SimulatedCheck {
    fn endpoint(&self) -> Text {
        self.0.endpoint()
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        let outcome = answer(&mut lock(&self.0.world), self.0.ask, &self.0.endpoint);
        let (verdict, text, remedy) = match outcome {
            Ok(_) => (CheckupVerdict::Pass, Text::new("up (simulated)"), Text::default()),
            Err(error) => (CheckupVerdict::Fail, Text::new(error.brief()), Text::new(error.failure_kind.remedy())),
        };
        let line = CheckLine {
            source: self.0.source.clone(),
            endpoint: self.0.endpoint.clone(),
            aspect: CheckAspect::Reach,
            verdict,
            text,
            remedy,
        };
        ready(vec![line]).boxed()
    }
}

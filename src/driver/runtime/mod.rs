//! What parts of a cluster run in, for breaking them on purpose and mending them: containers of the engine on this
//! host, or whatever configured commands reach. Knows no scenario; a fault says all that is needed. And, looked at alone,
//! the container that prepares a cluster.

mod command;
mod docker;
mod find;
mod preparation;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::action::drill::{ClusterPart, Fault, InjectionMethod};
use crate::action::permit::Permit;
use crate::driver::port::drill::InjectFaults;
use crate::driver::port::{NotPerformed, Reply, ReplyVerdict};
use crate::model::name::ClusterName;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

pub use find::{PartLocation, firewall, injection_methods, watchdog};
pub use preparation::ContainerPreparation;

use docker::DockerFaultInjector;

/// Breaks and mends the parts of one cluster.
pub struct RuntimeFaultInjector {
    cluster: ClusterName,
    docker: DockerFaultInjector,
}

/// What is done to one part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum FaultOp {
    Make,
    Mend,
    Admit,
}

impl RuntimeFaultInjector {
    /// For `cluster`; containers are those of the engine at `engine`. Nothing is connected yet.
    pub fn new(cluster: &ClusterName, engine: &str) -> Self {
        Self { cluster: cluster.clone(), docker: DockerFaultInjector::at(engine) }
    }

    async fn apply(
        &self,
        fault: &Fault,
        op: FaultOp,
        part: &ClusterPart,
        means: &InjectionMethod,
    ) -> Result<Reply, NotPerformed> {
        match means {
            InjectionMethod::Container { id, name, port } => self.docker.does(op, fault, id, name, *port).await,
            InjectionMethod::Command { make, repair } => match op {
                FaultOp::Make => command::run(make, part).await,
                FaultOp::Mend => command::run(repair, part).await,
                FaultOp::Admit => Ok(Reply::accepted("nothing to do")),
            },
            InjectionMethod::Simulated => Err(unsupported(part)),
        }
    }

    /// Does it to every part. Breaking ends with the first part that fails: what stands is enough to be mended. Mending goes
    /// on: what can be mended is.
    async fn apply_to_all(&self, fault: &Fault, op: FaultOp) -> Result<Reply, NotPerformed> {
        let mut tally = PartResults::default();
        for (part, means) in &fault.parts {
            let is_done = tally.take(part, self.apply(fault, op, part, means).await);
            if !is_done && op == FaultOp::Make {
                break;
            }
        }
        tally.into_reply()
    }
}

/// What came of doing something to several parts.
#[derive(Debug, Default)]
struct PartResults {
    done: Vec<String>,
    /// The first failure, and of which part.
    failed: Option<(ClusterPart, Result<Reply, NotPerformed>)>,
    /// Something was done, or may have been.
    is_hit: bool,
}

impl PartResults {
    /// Takes in what came of one part. Whether it was done.
    fn take(&mut self, part: &ClusterPart, outcome: Result<Reply, NotPerformed>) -> bool {
        self.is_hit |= match &outcome {
            Ok(reply) => reply.verdict != ReplyVerdict::RefusedNothingBegun,
            Err(NotPerformed::NotSent(_)) => false,
            Err(NotPerformed::NoAnswer(_)) => true,
        };
        match outcome {
            Ok(reply) if reply.is_accepted() => {
                self.done.push(format!("{part}: {}", reply.text));
                true
            }
            failure => {
                self.failed.get_or_insert((part.clone(), failure));
                false
            }
        }
    }

    /// The whole. The first failure is told, by its part; that nothing was done is only said where that holds for every part.
    fn into_reply(self) -> Result<Reply, NotPerformed> {
        let Self { done, failed, is_hit } = self;
        let Some((part, failure)) = failed else { return Ok(Reply::accepted(done.join("; "))) };
        let done = if done.is_empty() { String::new() } else { format!("; done: {}", done.join("; ")) };
        match failure {
            Ok(reply) => {
                let words = format!("{part}: {}{done}", reply.text);
                Ok(if is_hit { Reply::in_doubt(words) } else { Reply::refused(words) })
            }
            Err(NotPerformed::NotSent(error)) if is_hit => {
                let detail = Text::redacted(format!("{}{done}", error.detail));
                Err(NotPerformed::NoAnswer(SourceError { detail, ..error }))
            }
            Err(error) => Err(error),
        }
    }
}

fn unsupported(part: &ClusterPart) -> NotPerformed {
    NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, part.name(), "this part is simulated"))
}

impl InjectFaults for RuntimeFaultInjector {
    fn inject<'a>(&'a mut self, fault: &'a Fault, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            if *permit.cluster() != self.cluster {
                let words = format!("the permit is for {}, and this is {}", permit.cluster(), self.cluster);
                return Err(NotPerformed::NotSent(SourceError::new(
                    FailureKind::Unsupported,
                    self.cluster.as_str(),
                    words,
                )));
            }
            self.apply_to_all(fault, FaultOp::Make).await
        }
        .boxed()
    }

    fn repair<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.apply_to_all(fault, FaultOp::Mend).boxed()
    }

    fn admit<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.apply_to_all(fault, FaultOp::Admit).boxed()
    }
}

#[cfg(test)]
mod tests;

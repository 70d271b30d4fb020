//! What parts of a cluster run in, for breaking them on purpose and mending them: containers of the engine on this
//! host, or whatever configured commands reach. Knows no scenario; a fault says all that is needed.

mod command;
mod docker;
mod find;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::action::drill::{Fault, Means, Part};
use crate::action::permit::Permit;
use crate::driver::port::drill::Break;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::name::ClusterName;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

pub use find::{Place, firewall, means, watchdog};

use docker::DockerBreak;

/// Breaks and mends the parts of one cluster.
pub struct RuntimeBreak {
    cluster: ClusterName,
    docker: DockerBreak,
}

/// What is done to one part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Deed {
    Make,
    Mend,
    Admit,
}

impl RuntimeBreak {
    /// For `cluster`; containers are those of the engine at `engine`. Nothing is connected yet.
    pub fn new(cluster: &ClusterName, engine: &str) -> Self {
        Self { cluster: cluster.clone(), docker: DockerBreak::at(engine) }
    }

    /// Does it to every part, and goes on after one that failed: what can be mended is. The first failure is told.
    async fn each(&self, fault: &Fault, deed: Deed) -> Result<Reply, NotPerformed> {
        let mut words = Vec::new();
        let mut failed = None;
        for (part, means) in &fault.parts {
            let done = match means {
                Means::Container { id, name, port } => self.docker.does(deed, fault, id, name, *port).await,
                Means::Command { make, mend } => match deed {
                    Deed::Make => command::run(make, part).await,
                    Deed::Mend => command::run(mend, part).await,
                    Deed::Admit => Ok(Reply { accepted: true, words: Text::new("nothing to do") }),
                },
                Means::Simulated => Err(unsupported(part)),
            };
            match done {
                Ok(reply) if reply.accepted => words.push(format!("{part}: {}", reply.words)),
                other => {
                    let is_first = words.is_empty() && failed.is_none();
                    failed.get_or_insert(told(other, part, is_first));
                }
            }
        }
        match failed {
            Some(failed) => failed,
            None => Ok(Reply { accepted: true, words: Text::redacted(words.join("; ")) }),
        }
    }
}

/// A failure with the part named. Where another part was hit before, nobody may say that nothing was done.
fn told(failure: Result<Reply, NotPerformed>, part: &Part, is_first: bool) -> Result<Reply, NotPerformed> {
    match failure {
        Ok(reply) if is_first => {
            Ok(Reply { accepted: false, words: Text::redacted(format!("{part}: {}", reply.words)) })
        }
        Ok(reply) => {
            let error = SourceError::new(Trouble::UnexpectedAnswer, part.name(), reply.words.as_str());
            Err(NotPerformed::NoAnswer(error))
        }
        Err(NotPerformed::NotSent(error)) if !is_first => Err(NotPerformed::NoAnswer(error)),
        Err(error) => Err(error),
    }
}

fn unsupported(part: &Part) -> NotPerformed {
    NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, part.name(), "this part is simulated"))
}

impl Break for RuntimeBreak {
    fn make<'a>(&'a mut self, fault: &'a Fault, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            if *permit.cluster() != self.cluster {
                let words = format!("the permit is for {}, and this is {}", permit.cluster(), self.cluster);
                return Err(NotPerformed::NotSent(SourceError::new(
                    Trouble::Unsupported,
                    self.cluster.as_str(),
                    words,
                )));
            }
            self.each(fault, Deed::Make).await
        }
        .boxed()
    }

    fn mend<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.each(fault, Deed::Mend).boxed()
    }

    fn admit<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.each(fault, Deed::Admit).boxed()
    }
}

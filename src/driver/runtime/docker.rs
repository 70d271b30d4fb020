//! Faults in containers.
//!
//! A member that is frozen past the leader's lease is, thawed, a leader of old that takes writes until its agent has
//! looked. So its clients are kept out by the packet filter inside the container before it is frozen: to them both look
//! the same. They are let in again when it is seen not to lead. A cut ends as a freeze does. A cut also ends by itself,
//! in a process inside the container; a frozen or dead container cannot do so.

use super::FaultOp;
use crate::action::drill::{Fault, FaultKind};
use crate::client::docker::{DockerEngine, DockerError};
use crate::client::sending::Unanswered;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// Where PostgreSQL listens in a container, unless its record says otherwise.
const PORT: u16 = 5432;

/// Rules of the packet filter, each marked. `$1` is the port that clients use, `$2` the seconds until a cut ends by
/// itself. Loopback stays open, so that the node talks to itself.
macro_rules! rules {
    ($body:literal) => {
        concat!(
            "set -eu\n",
            "command -v iptables >/dev/null || { echo 'iptables is not installed in the container'; exit 1; }\n",
            "each() { iptables -w \"$@\"; if command -v ip6tables >/dev/null; then ip6tables -w \"$@\" 2>/dev/null || :; fi; }\n",
            "gone() { while iptables -w -D \"$@\" 2>/dev/null; do :; done\n",
            "  if command -v ip6tables >/dev/null; then while ip6tables -w -D \"$@\" 2>/dev/null; do :; done; fi; }\n",
            "fence='-m comment --comment pgctl-tui-fence -j DROP'\n",
            "cut='-m comment --comment pgctl-tui-cut -j DROP'\n",
            "shut() { open\n",
            "  each -I INPUT 1 ! -i lo -p tcp --dport \"$port\" $fence\n",
            "  each -I OUTPUT 1 ! -o lo -p tcp --sport \"$port\" $fence; }\n",
            "open() { gone INPUT ! -i lo -p tcp --dport \"$port\" $fence; gone OUTPUT ! -o lo -p tcp --sport \"$port\" $fence; }\n",
            "sever() { each -I INPUT 1 ! -i lo $cut; each -I OUTPUT 1 ! -o lo $cut; }\n",
            "join() { gone INPUT ! -i lo $cut; gone OUTPUT ! -o lo $cut; }\n",
            "port=$1\n",
            $body
        )
    };
}
const SHUT: &str = rules!("shut");
const OPEN: &str = rules!("open");
/// The end of the cut waits beside it, and keeps clients out for a while longer.
const SEVER: &str =
    rules!("(trap '' HUP; sleep \"$2\"; shut; join; sleep 60; open) </dev/null >/dev/null 2>&1 &\nsever");
const JOIN: &str = rules!("shut\njoin");

/// Breaks and mends containers of one engine.
pub(super) struct DockerFaultInjector {
    address: String,
}

impl DockerFaultInjector {
    pub(super) fn at(address: &str) -> Self {
        Self { address: address.to_owned() }
    }

    pub(super) async fn does(
        &self,
        op: FaultOp,
        fault: &Fault,
        id: &Text,
        name: &Text,
        port: Option<u16>,
    ) -> Result<Reply, NotPerformed> {
        let done = async {
            let engine = DockerEngine::at(&self.address)?;
            let container = FaultedContainer { engine, id: id.as_str(), port: port.unwrap_or(PORT), fault };
            match op {
                FaultOp::Make => container.apply().await,
                FaultOp::Mend => container.repair().await,
                FaultOp::Admit => container.admit().await,
            }
        };
        done.await.map(Reply::accepted).map_err(|error: DockerError| {
            let failure_kind = match &error {
                DockerError::TimedOut(_) => FailureKind::TimedOut,
                DockerError::Lost(_) => FailureKind::Unreachable,
                DockerError::Refused { .. } | DockerError::Command { .. } => FailureKind::UnexpectedAnswer,
                DockerError::Address { .. } | DockerError::Absent { .. } => FailureKind::Unsupported,
            };
            let reported = SourceError::new(failure_kind, name.as_str(), error.to_string());
            match Unanswered::from(error) {
                Unanswered::NotSent(_) => NotPerformed::NotSent(reported),
                Unanswered::NoAnswer(_) => NotPerformed::NoAnswer(reported),
            }
        })
    }
}

/// One container that is hit.
struct FaultedContainer<'a> {
    engine: DockerEngine,
    id: &'a str,
    port: u16,
    fault: &'a Fault,
}

impl FaultedContainer<'_> {
    async fn script(&self, script: &str) -> Result<(), DockerError> {
        let arguments = [self.port.to_string(), self.fault.expires.as_secs().to_string()];
        self.engine.script(self.id, script, &arguments).await
    }

    async fn apply(&self) -> Result<&'static str, DockerError> {
        match self.fault.kind {
            FaultKind::Stop => self.engine.stop(self.id).await.map(|()| "stopped"),
            FaultKind::Kill => self.engine.kill(self.id).await.map(|()| "killed"),
            FaultKind::Freeze => {
                let is_member = self.fault.members().next().is_some();
                if is_member && let Err(error) = self.script(SHUT).await {
                    // One of its rules may stand: clients must not stay shut out of a container that runs on. Whatever comes
                    // of opening it, the failure is not one that proves that nothing was done, so that it is mended too.
                    let _ = self.script(OPEN).await;
                    return Err(error);
                }
                let frozen = self.engine.pause(self.id).await;
                if frozen.as_ref().is_err_and(DockerError::is_refusal)
                    && is_member
                    && let Err(error) = self.script(OPEN).await
                {
                    return Err(error);
                }
                frozen.map(|()| "frozen")
            }
            FaultKind::Cut => self.script(SEVER).await.map(|()| "isolated"),
        }
    }

    /// Whatever is wrong with it by now: it may have been started or thawed by another hand.
    async fn repair(&self) -> Result<&'static str, DockerError> {
        let condition = self.engine.condition(self.id).await?;
        if condition.paused {
            self.engine.unpause(self.id).await?;
        } else if !condition.running {
            self.engine.start(self.id).await?;
            return Ok("started");
        }
        match self.fault.kind {
            FaultKind::Cut => self.script(JOIN).await.map(|()| "reconnected"),
            FaultKind::Freeze => Ok("thawed"),
            FaultKind::Stop | FaultKind::Kill => Ok("runs"),
        }
    }

    async fn admit(&self) -> Result<&'static str, DockerError> {
        if self.fault.kind.may_revive_a_leader() && self.fault.members().next().is_some() {
            self.script(OPEN).await?;
            return Ok("clients are allowed");
        }
        Ok("nothing to do")
    }
}

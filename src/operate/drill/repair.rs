//! Taking a fault back, with the wait that keeps an old leader's clients out until it is seen not to lead.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::action::drill::Fault;
use crate::driver::port::drill::InjectFaults;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::observe::picture::{Handle, Order};

/// How long a node that is back may take to show that it does not lead.
const REPAIR_DEADLINE: Duration = Duration::from_secs(120);

/// Takes `fault` back. May be done again.
///
/// # Errors
/// As [`InjectFaults::repair`].
pub(super) async fn repair(
    fault_injector: &mut dyn InjectFaults,
    handle: &Handle,
    fault: &Fault,
) -> Result<Reply, NotPerformed> {
    let since = handle.clock.now();
    let repaired = fault_injector.repair(fault).await?;
    handle.order(Order::PollNow);
    if !repaired.is_accepted() || !fault.kind.may_revive_a_leader() || fault.members().next().is_none() {
        return Ok(repaired);
    }
    if let Err(why) = harmless(handle.clone(), fault, since).await {
        let words = format!("{}; client connections are still blocked: {why}", repaired.text);
        return Ok(Reply::in_doubt(words));
    }
    let admitted = fault_injector.admit(fault).await?;
    let words = Text::redacted(format!("{}; {}", repaired.text, admitted.text));
    Ok(Reply { text: words, ..admitted })
}

/// Waits until every member of the fault has been seen since not to take itself for a leader, or to lead rightly.
async fn harmless(mut handle: Handle, fault: &Fault, since: Moment) -> Result<(), String> {
    let end = Instant::now() + REPAIR_DEADLINE;
    loop {
        let snapshot = handle.pictures.borrow_and_update().snapshot.clone();
        let Some(doubt) = fault.members().find_map(|member| doubt(&snapshot, member, since)) else { return Ok(()) };
        tokio::select! {
            changed = handle.pictures.changed() => if changed.is_err() { return Err(doubt) },
            () = sleep_until(end) => return Err(doubt),
        }
    }
}

/// Why `member` may not be let in; `None`: it may. Only answers to what was asked since count.
fn doubt(snapshot: &Snapshot, member: &NodeName, since: Moment) -> Option<String> {
    let record = snapshot.records.iter().find_map(|reading| {
        let answer = reading.answer.as_ref().filter(|answer| answer.at > since)?;
        reading.is_fresh(snapshot.now).then_some(&answer.value)
    });
    let Some(record) = record else {
        return Some("the DCS state has not been read since the fault was reverted".to_owned());
    };
    let Some(member) = snapshot.member(member) else { return Some(format!("{member} is unknown")) };
    let agent = member.agent.as_ref().and_then(|reading| {
        let answer = reading.answer.as_ref().filter(|answer| answer.at > since + answer.took)?;
        reading.is_fresh(snapshot.now).then_some(&answer.value)
    });
    let Some(agent) = agent else {
        return Some(format!("the agent of {} has not responded since the fault was reverted", member.name));
    };
    let leads = record.leader.as_ref().is_some_and(|leader| leader.holder == member.name);
    if leads || !(agent.role.is_writable() || agent.role.leads()) {
        return None;
    }
    Some(format!("the agent of {} still reports {}", member.name, agent.role))
}

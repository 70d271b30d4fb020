//! Who waits for whose lock on one server, and who stands at the head of each queue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::postgres::{Session, SqlReport};

/// Waits shorter than this are the ordinary business of locks (PostgreSQL's own `deadlock_timeout`).
const MIN_WAIT: Duration = Duration::from_secs(1);

/// Who holds up a queue.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Head {
    /// A backend that waits for nobody itself.
    Backend(i32),
    /// A prepared transaction: no backend holds its locks.
    Prepared,
    /// Sessions that wait for each other, by pid: a deadlock that PostgreSQL has yet to find and end.
    Circle(Vec<i32>),
}

/// Sessions that wait, directly or behind each other, for one head.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LockQueue {
    /// Whom they wait for.
    pub head: Head,
    /// Those that wait, by pid; of a circle, those in it too.
    pub waiting: Vec<i32>,
    /// The longest wait among them that is known.
    pub longest: Option<Duration>,
}

impl Session {
    /// Whether its transaction is committed here already, and only waits for a synchronous standby to confirm that.
    pub fn waits_for_standby(&self) -> bool {
        self.wait.as_str().rsplit(' ').next() == Some("SyncRep")
    }

    /// How long it has waited for a lock: by the lock itself, else by its query, which cannot have waited for longer.
    pub fn wait_age(&self) -> Option<Duration> {
        if self.blocked_by.is_empty() { None } else { self.waited.or(self.query_age) }
    }
}

impl SqlReport {
    /// Sessions that have waited for another's lock for longer than a moment, or for an unknown time.
    pub fn blocked(&self) -> impl Iterator<Item = &Session> {
        let waits = |session: &&Session| !session.blocked_by.is_empty();
        self.sessions.iter().filter(waits).filter(|session| session.wait_age().is_none_or(|age| age >= MIN_WAIT))
    }

    /// The queues behind each head, the longest queue first. A session that waits for several heads stands behind each.
    pub fn queues(&self) -> Vec<LockQueue> {
        let edges: BTreeMap<i32, &[i32]> = self
            .sessions
            .iter()
            .filter(|session| !session.blocked_by.is_empty())
            .map(|session| (session.pid, session.blocked_by.as_slice()))
            .collect();
        let mut queues: BTreeMap<Head, BTreeSet<i32>> = BTreeMap::new();
        for pid in edges.keys() {
            for head in heads(*pid, &edges) {
                queues.entry(head).or_default().insert(*pid);
            }
        }
        let age = |pid: &i32| self.sessions.iter().find(|session| session.pid == *pid).and_then(Session::wait_age);
        let mut queues: Vec<LockQueue> = queues
            .into_iter()
            .map(|(head, waiting)| LockQueue {
                head,
                longest: waiting.iter().filter_map(age).max(),
                waiting: waiting.into_iter().collect(),
            })
            .collect();
        queues.sort_by_key(|queue| std::cmp::Reverse(queue.waiting.len()));
        queues
    }
}

/// The heads that `pid` waits for in the end.
fn heads(pid: i32, edges: &BTreeMap<i32, &[i32]>) -> BTreeSet<Head> {
    let reached = reach(pid, edges);
    let mut heads = BTreeSet::new();
    for other in &reached {
        if !edges.contains_key(other) {
            // Nobody can have the number 0: it stands for a prepared transaction.
            heads.insert(if *other == 0 { Head::Prepared } else { Head::Backend(*other) });
        }
    }
    if heads.is_empty() {
        // Nobody there waits for nobody: each waits for one of a circle. The smallest part that nothing leads out of is it.
        let circle = reached.iter().map(|other| reach(*other, edges)).min_by_key(BTreeSet::len).unwrap_or_default();
        heads.insert(Head::Circle(circle.into_iter().collect()));
    }
    heads
}

/// Whom `pid` waits for, directly or not; itself only where it waits for itself in the end.
fn reach(pid: i32, edges: &BTreeMap<i32, &[i32]>) -> BTreeSet<i32> {
    let mut reached = BTreeSet::new();
    let mut open = vec![pid];
    while let Some(next) = open.pop() {
        for blocker in edges.get(&next).into_iter().flat_map(|blockers| blockers.iter()) {
            if reached.insert(*blocker) {
                open.push(*blocker);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::test_support::{healthy, session, sql};

    fn queues(edges: &[(i32, &[i32])]) -> Vec<(Head, Vec<i32>)> {
        let mut snapshot = healthy();
        sql(&mut snapshot, "pg-0", |report| {
            report.sessions = edges.iter().map(|(pid, blockers)| session(*pid, "shop", blockers, Some(30))).collect();
        });
        let reading = snapshot.member(&"pg-0".into()).and_then(|member| member.sql.as_ref()).unwrap();
        reading.last().unwrap().queues().into_iter().map(|queue| (queue.head, queue.waiting)).collect()
    }

    #[test]
    fn a_chain_names_the_one_at_its_head() {
        let chain: &[(i32, &[i32])] = &[(10, &[]), (11, &[10]), (12, &[11]), (13, &[12, 11])];
        assert_eq!(queues(chain), [(Head::Backend(10), vec![11, 12, 13])]);
    }

    #[test]
    fn a_head_that_is_not_listed_and_a_prepared_transaction_are_heads_too() {
        assert_eq!(
            queues(&[(11, &[99]), (12, &[0]), (13, &[99])]),
            [(Head::Backend(99), vec![11, 13]), (Head::Prepared, vec![12])]
        );
    }

    #[test]
    fn a_circle_is_its_own_head_also_for_those_behind_it() {
        assert_eq!(
            queues(&[(1, &[2]), (2, &[1]), (3, &[2]), (4, &[3])]),
            [(Head::Circle(vec![1, 2]), vec![1, 2, 3, 4])]
        );
    }
}

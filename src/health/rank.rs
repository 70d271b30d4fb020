//! What each rule's finding costs the cluster's users: one row a code, for all that order findings. The consequence is
//! what may be lost while the finding stands, not what is certain to be: an unreachable leader may be down.

use crate::model::finding::{Consequence, Severity};

/// What a code costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cost {
    /// The same whenever it is found.
    Always(Consequence),
    /// Another one where it is critical: the leader is concerned, or the limit that counts is passed.
    ByState { critical: Consequence, otherwise: Consequence },
}

use Consequence::{
    DataAtRisk, Hygiene, NoFailover, Performance, RedundancyLost, SplitBrain, SplitBrainPossible, WritesDown,
};
use Cost::Always;

const fn by_state(critical: Consequence, otherwise: Consequence) -> Cost {
    Cost::ByState { critical, otherwise }
}

/// Every code of this room with its cost, by the file of its rule.
const TABLE: &[(&str, Cost)] = &[
    // The cluster.
    ("unseen", Always(WritesDown)),
    ("paused", Always(NoFailover)),
    ("switchover-scheduled", Always(Hygiene)),
    ("failover-pending", Always(Hygiene)),
    ("switchover-missed", Always(Hygiene)),
    ("restart-scheduled", Always(Hygiene)),
    ("no-successor", Always(NoFailover)),
    ("successor-unknown", Always(NoFailover)),
    // Strict mode without a standby: commits hang. Else they go on, in one copy.
    ("no-synchronous-standby", by_state(WritesDown, DataAtRisk)),
    // Who leads.
    ("no-leader", Always(WritesDown)),
    ("nobody-writes", Always(WritesDown)),
    ("leader-in-doubt", Always(NoFailover)),
    ("several-primaries", Always(SplitBrain)),
    ("leader-in-recovery", Always(WritesDown)),
    ("primary-without-lock", Always(SplitBrain)),
    ("records-disagree", Always(SplitBrainPossible)),
    ("foreign-system-identifier", Always(DataAtRisk)),
    // Who is who: what is done here may hit another cluster.
    ("wrong-cluster", Always(DataAtRisk)),
    ("foreign-address", by_state(DataAtRisk, Hygiene)),
    ("namespace-ambiguous", Always(DataAtRisk)),
    ("members-not-followed", Always(Hygiene)),
    ("no-router-server", Always(RedundancyLost)),
    ("no-exporter", Always(Hygiene)),
    // Single nodes.
    ("node-without-address", Always(Hygiene)),
    ("agent-refuses", Always(Hygiene)),
    ("postgres-refuses", Always(Hygiene)),
    ("node-silent", by_state(WritesDown, RedundancyLost)),
    ("agent-silent", by_state(WritesDown, RedundancyLost)),
    ("postgres-silent", by_state(WritesDown, RedundancyLost)),
    // What is done to one node hits another.
    ("two-servers-as-one", Always(DataAtRisk)),
    ("entries-share-server", Always(DataAtRisk)),
    ("address-leads-elsewhere", Always(DataAtRisk)),
    // Two nodes overwrite each other's lock.
    ("name-repeated", Always(SplitBrainPossible)),
    ("member-missing", Always(RedundancyLost)),
    ("no-agent-address", Always(Hygiene)),
    ("exporter-silent", Always(Hygiene)),
    ("exporter-blind", Always(Hygiene)),
    ("postgres-not-running", by_state(WritesDown, RedundancyLost)),
    ("copy-running", Always(RedundancyLost)),
    ("state-unknown", Always(RedundancyLost)),
    ("pending-restart", Always(Hygiene)),
    ("prerelease-server", Always(Hygiene)),
    ("tags-conflict", Always(Hygiene)),
    // Of the leader: its clients are refused, too.
    ("connection-slots-taken", by_state(WritesDown, Performance)),
    // A leader that hangs goes on taking writes beside its successor.
    ("watchdog-failed", Always(DataAtRisk)),
    ("failsafe-active", Always(NoFailover)),
    ("versions-mixed", Always(Hygiene)),
    // Replication.
    ("not-streaming", Always(RedundancyLost)),
    ("streaming-unknown", Always(RedundancyLost)),
    // A standby cluster is a copy for the day when the other is gone.
    ("not-fed", Always(DataAtRisk)),
    ("feed-unknown", Always(DataAtRisk)),
    ("slot-remade", Always(DataAtRisk)),
    ("slot-idle-timeout", Always(DataAtRisk)),
    ("lag", Always(RedundancyLost)),
    // Ahead of the leader: it has what the cluster has not.
    ("timeline-differs", by_state(DataAtRisk, RedundancyLost)),
    ("replay-paused", Always(RedundancyLost)),
    ("replay-delayed", Always(Hygiene)),
    ("cascade-without-upstream", Always(Hygiene)),
    ("slot-lost", Always(DataAtRisk)),
    ("slot-unreserved", Always(DataAtRisk)),
    ("slot-retains", by_state(DataAtRisk, Performance)),
    // Servers.
    ("archive-failing", Always(DataAtRisk)),
    ("archive-behind", Always(DataAtRisk)),
    ("connections", Always(Performance)),
    ("long-transaction", Always(Performance)),
    ("prepared-transaction", Always(Performance)),
    ("blocked-sessions", Always(Performance)),
    ("wraparound", by_state(DataAtRisk, Hygiene)),
    ("clock-offset", Always(Hygiene)),
    ("role-too-weak", Always(Hygiene)),
    // The DCS. Without it no lock is kept: writes end within its time to live.
    ("dcs-no-quorum", Always(WritesDown)),
    ("dcs-member-silent", Always(RedundancyLost)),
    ("dcs-member-refuses", Always(Hygiene)),
    ("record-silent", by_state(NoFailover, Hygiene)),
    ("record-defect", Always(Hygiene)),
    // The leader stays while nothing can be written; nobody can take its place.
    ("dcs-alarm", Always(NoFailover)),
    ("dcs-quota", by_state(NoFailover, Hygiene)),
    ("dcs-learner", Always(RedundancyLost)),
    ("dcs-terms-differ", Always(RedundancyLost)),
    // Routers.
    ("router-silent", by_state(WritesDown, RedundancyLost)),
    ("router-unpublished", Always(WritesDown)),
    ("router-no-server", by_state(WritesDown, Performance)),
    ("routers-disagree", Always(SplitBrainPossible)),
    ("router-one-silent", Always(RedundancyLost)),
    ("router-unresolved", Always(RedundancyLost)),
    ("router-status-unknown", Always(Hygiene)),
    ("router-unclear", Always(Hygiene)),
    ("router-stranger", Always(Hygiene)),
    ("router-empty", Always(Hygiene)),
    ("router-no-backend", Always(Hygiene)),
    ("router-half-silent", Always(Hygiene)),
    ("router-no-check", Always(NoFailover)),
    ("router-no-primary", Always(WritesDown)),
    ("router-wrong-primary", Always(WritesDown)),
    ("router-several-primaries", Always(SplitBrainPossible)),
    ("router-no-replica", Always(Performance)),
    ("router-queue", Always(Performance)),
    ("router-maintenance", Always(Hygiene)),
    // Poolers: what holds their clients, and what leads them astray.
    ("pooler-silent", by_state(WritesDown, RedundancyLost)),
    ("pooler-refuses", Always(Hygiene)),
    ("pooler-paused", by_state(WritesDown, Performance)),
    ("pooler-wrong-primary", by_state(WritesDown, Hygiene)),
    ("pooler-stranger", Always(Hygiene)),
    // Their clients' writes fail on a standby.
    ("pooler-old-address", Always(WritesDown)),
    ("pooler-no-server", Always(WritesDown)),
    ("pooler-clients-waiting", Always(Performance)),
    ("pooler-full", by_state(WritesDown, Performance)),
    ("pooler-disabled", Always(WritesDown)),
    // What it makes may be there from an earlier time: nobody is known to be refused.
    ("preparation-failed", Always(Hygiene)),
];

/// What a finding of rule `code` costs. A code without a row, which the tests do not let pass, counts for the least.
pub(super) fn consequence(code: &str, severity: Severity) -> Consequence {
    let cost = TABLE.iter().find(|(known, _)| *known == code).map_or(Always(Hygiene), |(_, cost)| *cost);
    match cost {
        Always(consequence) => consequence,
        Cost::ByState { critical, otherwise } => {
            if severity == Severity::Critical {
                critical
            } else {
                otherwise
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// The texts in double quotes of a line that holds no comment.
    fn literals(line: &str) -> impl Iterator<Item = &str> {
        let line = if line.trim_start().starts_with("//") { "" } else { line };
        line.split('"').skip(1).step_by(2)
    }

    /// Codes as the rules write them: kebab-case words, and single words right behind the severity.
    fn written() -> BTreeSet<String> {
        let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/health");
        let mut codes = BTreeSet::new();
        let mut folders = vec![room];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                if name == "rank.rs" || name.contains("test") {
                    continue;
                }
                let text = std::fs::read_to_string(path).unwrap();
                let rules = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let kebab = |word: &&str| {
                    word.contains('-')
                        && word.split('-').all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()))
                };
                codes.extend(rules.lines().flat_map(literals).filter(kebab).map(ToOwned::to_owned));
                let joined = rules.split_whitespace().collect::<Vec<_>>().join(" ");
                for draft in joined.split("Draft::new(").skip(1) {
                    let code = draft.split(',').nth(1).unwrap_or_default().trim();
                    codes.extend(code.strip_prefix('"').and_then(|code| code.strip_suffix('"')).map(ToOwned::to_owned));
                }
            }
        }
        codes
    }

    #[test]
    fn every_code_of_this_room_has_one_row_and_every_row_a_rule() {
        let rows: BTreeSet<String> = TABLE.iter().map(|(code, _)| (*code).to_owned()).collect();
        assert_eq!(rows.len(), TABLE.len(), "a code has two rows");
        let written = written();
        assert!(written.len() > 50, "the rules were not read: {written:?}");
        let missing: Vec<_> = written.difference(&rows).collect();
        assert!(missing.is_empty(), "say in TABLE what these cost: {missing:?}");
        let dead: Vec<_> = rows.difference(&written).collect();
        assert!(dead.is_empty(), "no rule finds these any more: {dead:?}");
    }

    #[test]
    fn two_nodes_that_take_writes_are_louder_than_whatever_follows_from_it() {
        let several = consequence("several-primaries", Severity::Critical);
        for (code, _) in TABLE {
            assert!(several >= consequence(code, Severity::Critical), "{code}");
        }
        for follows in ["router-several-primaries", "routers-disagree", "router-wrong-primary", "no-leader"] {
            assert!(several > consequence(follows, Severity::Critical), "{follows}");
        }
    }

    #[test]
    fn a_silent_leader_may_mean_that_writes_are_down_and_a_silent_replica_does_not() {
        assert_eq!(consequence("node-silent", Severity::Critical), WritesDown);
        assert_eq!(consequence("node-silent", Severity::Warning), RedundancyLost);
    }
}

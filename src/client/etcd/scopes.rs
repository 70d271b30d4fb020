//! Which clusters a store has: walks over the keys from directory to directory, without reading values and without
//! going through what belongs to others.

use std::collections::BTreeSet;

use etcd_client::GetOptions;

use super::connect::{AuthenticatedConnection, Connector};
use super::error::EtcdError;

/// Reads at most; a store with more directories than this is not searched to its end.
const MAX_STEPS: usize = 400;
/// Keys of a cluster beside its members', below its directory; the one that ends like another comes first.
const OWN_KEYS: [&str; 9] =
    ["optime/leader", "config", "failover", "failsafe", "history", "initialize", "leader", "status", "sync"];
/// Keys without one of which a directory is no cluster's.
const PROOFS: [&str; 3] = ["initialize", "config", "leader"];

/// A directory that looks like a cluster's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundScope {
    /// Path above the scope, with its slashes: `/service/`.
    pub namespace: String,
    /// Scope.
    pub scope: String,
    /// Members on record.
    pub members: Vec<String>,
    /// Citus groups, if there is that level.
    pub groups: Vec<u32>,
    /// Whether somebody holds the leader key (of any group).
    pub led: bool,
}

/// Looks for clusters.
#[derive(Clone, Debug)]
pub struct ScopeFinder {
    connector: Connector,
}

impl ScopeFinder {
    /// A finder over the endpoints of `connector`.
    pub fn new(connector: Connector) -> Self {
        Self { connector }
    }

    /// Clusters under `root`, which ends in a slash; `/` is the whole store.
    ///
    /// # Errors
    /// When no endpoint answers, or the user may not read there.
    pub async fn find(&self, root: &str) -> Result<Vec<FoundScope>, EtcdError> {
        let connector = &self.connector;
        let (_, link) =
            connector.race(0, connector.time_limit(), |index| Box::pin(connector.open(index, true))).await?;
        let mut found = Vec::new();
        let mut cursor = root.to_owned();
        let end = after(root);
        for _ in 0..MAX_STEPS {
            let Some(key) = next_key(&link, &cursor, &end).await? else { break };
            let Some(directory) = cluster_directory(&key) else {
                cursor = beyond(&key);
                continue;
            };
            let names = names_in(&link, directory).await?;
            if let Some(scope) = describe(directory, &names) {
                found.push(scope);
            }
            cursor = after(directory);
        }
        Ok(found)
    }
}

impl ScopeFinder {
    /// The values of single keys, in their order; `None`: there is no such key.
    ///
    /// # Errors
    /// As [`ScopeFinder::find`].
    pub async fn values(&self, keys: &[String]) -> Result<Vec<Option<String>>, EtcdError> {
        let connector = &self.connector;
        let (_, link) =
            connector.race(0, connector.time_limit(), |index| Box::pin(connector.open(index, true))).await?;
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            let mut kv = link.client.kv_client();
            let answer = link.within(kv.get(key.as_str(), None)).await?;
            values.push(answer.kvs().first().map(|kv| String::from_utf8_lossy(kv.value()).into_owned()));
        }
        Ok(values)
    }
}

async fn next_key(link: &AuthenticatedConnection, cursor: &str, end: &str) -> Result<Option<String>, EtcdError> {
    let mut kv = link.client.kv_client();
    let options = GetOptions::new().with_range(end).with_keys_only().with_limit(1);
    let answer = link.within(kv.get(cursor, Some(options))).await?;
    Ok(answer.kvs().first().map(|kv| String::from_utf8_lossy(kv.key()).into_owned()))
}

async fn names_in(link: &AuthenticatedConnection, directory: &str) -> Result<Vec<String>, EtcdError> {
    let mut kv = link.client.kv_client();
    let options = GetOptions::new().with_prefix().with_keys_only().with_limit(500);
    let answer = link.within(kv.get(directory, Some(options))).await?;
    let below =
        |key: &[u8]| String::from_utf8_lossy(key.strip_prefix(directory.as_bytes()).unwrap_or(key)).into_owned();
    Ok(answer.kvs().iter().map(|kv| below(kv.key())).collect())
}

/// The directory `/<namespace>/<scope>/` that `key` would be in if it were one of a cluster's keys.
pub(super) fn cluster_directory(key: &str) -> Option<&str> {
    let own = OWN_KEYS.iter().find_map(|own| key.strip_suffix(own)?.ends_with('/').then_some(own.len()));
    let directory = if let Some(length) = own {
        &key[..key.len() - length]
    } else {
        let (directory, member) = key.rsplit_once("/members/")?;
        (!member.is_empty() && !member.contains('/')).then(|| &key[..=directory.len()])?
    };
    let scope = without_group(directory);
    (scope.matches('/').count() >= 2).then_some(scope)
}

/// Strips the level of a Citus group: a directory whose name is a number, below a scope.
fn without_group(directory: &str) -> &str {
    let trimmed = directory.trim_end_matches('/');
    match trimmed.rsplit_once('/') {
        Some((scope, group))
            if !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit()) && scope.matches('/').count() >= 2 =>
        {
            &directory[..=scope.len()]
        }
        _ => directory,
    }
}

pub(super) fn describe(directory: &str, names: &[String]) -> Option<FoundScope> {
    let (mut members, mut groups) = (BTreeSet::new(), BTreeSet::new());
    let (mut proven, mut led) = (false, false);
    for name in names {
        let own = match name.split_once('/') {
            Some((group, rest)) => match group.parse::<u32>() {
                Ok(group) => {
                    groups.insert(group);
                    rest
                }
                Err(_) => name,
            },
            None => name,
        };
        proven |= PROOFS.contains(&own);
        led |= own == "leader";
        if let Some(member) = own.strip_prefix("members/") {
            members.insert(member.to_owned());
        }
    }
    let (namespace, scope) = directory.trim_end_matches('/').rsplit_once('/')?;
    (proven || !members.is_empty()).then(|| FoundScope {
        namespace: format!("{namespace}/"),
        scope: scope.to_owned(),
        members: members.into_iter().collect(),
        groups: groups.into_iter().collect(),
        led,
    })
}

/// The first key after everything in `directory`, which ends in a slash.
fn after(directory: &str) -> String {
    // '0' follows '/' in ASCII.
    directory.strip_suffix('/').map_or_else(|| format!("{directory}\0"), |stem| format!("{stem}0"))
}

/// Where to go on after a key that is no cluster's: past its first two directories, which are somebody else's.
fn beyond(key: &str) -> String {
    let ends: Vec<usize> = key.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).take(2).collect();
    match ends.last() {
        Some(end) => after(&key[..=*end]),
        None => format!("{key}\0"),
    }
}

//! How many files and sockets this process may hold open.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit on open files to the highest that this user may have. The usual soft limit is for programs that use
/// `select`; some ten sockets a cluster reach it at a hundred clusters. Where it cannot be raised it stays.
pub fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        // Nothing is lost by a refusal; what needs more than there is says so itself.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Sockets to one cluster of three members, at least: SQL and agent of each, one to etcd, one to a router.
const PER_CLUSTER: u64 = 8;
/// Terminal, journal, log, runtime, libraries, and what is opened for a moment.
const OF_THE_CONSOLE: u64 = 64;

/// How many open files `clusters` need at least, where this user may not have so many.
pub fn shortage(clusters: usize) -> Option<Shortage> {
    Shortage::of(clusters, getrlimit(Resource::Nofile).maximum)
}

/// The hard limit on open files is too low.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{clusters} clusters need at least {needed} open files, but the limit is {limit}: some will not be queried; raise it \
        (ulimit -Hn, LimitNOFILE)"
)]
pub struct Shortage {
    clusters: usize,
    needed: u64,
    limit: u64,
}

impl Shortage {
    /// `limit`: the highest that this user may have; `None`: there is none.
    fn of(clusters: usize, limit: Option<u64>) -> Option<Self> {
        let limit = limit?;
        let needed = OF_THE_CONSOLE.saturating_add(PER_CLUSTER.saturating_mul(clusters as u64));
        (needed > limit).then_some(Self { clusters, needed, limit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_for_the_configured_clusters_is_told_beforehand() {
        assert_eq!((Shortage::of(1_000, None), Shortage::of(120, Some(1_024))), (None, None));
        let told = Shortage::of(121, Some(1_024)).map(|shortage| shortage.to_string());
        let expected = "121 clusters need at least 1032 open files, but the limit is 1024: some will not be queried; raise it \
                        (ulimit -Hn, LimitNOFILE)";
        assert_eq!(told.as_deref(), Some(expected));
    }

    #[test]
    fn the_limit_is_as_high_as_this_user_may_have_it() {
        raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}

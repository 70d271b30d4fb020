//! Who writes, and by which way: the sessions on the leader against the servers that poolers say they have there. A server is
//! known by the number of its backend, which is the same whatever router is in between.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::name::PoolerName;
use crate::model::text::Text;

/// What was asked.
#[derive(Clone, PartialEq, Debug)]
pub struct PoolerTraffic {
    /// Client sessions on the leader, this console's own left out; an error: why nobody told.
    pub sessions: Result<Vec<ClientSession>, Text>,
    /// Servers of each pooler; an error: why it did not tell.
    pub poolers: BTreeMap<PoolerName, Result<Vec<PoolerServer>, Text>>,
}

/// One session of a client on the leader.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientSession {
    /// Backend.
    pub pid: i32,
    /// Role.
    pub user: Text,
    /// `application_name`; empty where it is not told.
    pub application: Text,
    /// Client address; empty for a local socket.
    pub client: Text,
    /// `active`, `idle in transaction` ...
    pub state: Text,
    /// Time since its transaction began.
    pub transaction_age: Option<Duration>,
    /// Its role is there to watch: a member of `pg_monitor` and no superuser.
    pub only_watches: bool,
}

/// One server connection of a pooler.
#[derive(Clone, PartialEq, Debug)]
pub struct PoolerServer {
    /// Database that its clients ask for.
    pub database: Text,
    /// Number of its backend; `None`: not told.
    pub pid: Option<i32>,
    /// The client that has it now, in words; `None`: none has.
    pub client: Option<Text>,
}

/// How the leader's writers come.
#[derive(Clone, PartialEq, Debug)]
pub enum WritersWay {
    /// All of them through these poolers, as far as sessions tell.
    Through,
    /// These sessions come past them.
    Past(Vec<ClientSession>),
    /// Nobody can tell, and why.
    Unknown(Text),
}

impl ClientSession {
    /// Who it is, in words.
    pub fn describe(&self) -> String {
        let place = if self.client.is_empty() { "a local socket" } else { self.client.as_str() };
        if self.application.is_empty() {
            format!("{} from {place}", self.user)
        } else {
            format!("{} ({}) from {place}", self.application, self.user)
        }
    }

    /// What manages the cluster, or watches it, writes nothing that a client would miss.
    fn is_of_the_house(&self) -> bool {
        let application = self.application.as_str();
        self.only_watches || application.starts_with("pgctl-tui") || application.starts_with("Patroni ")
    }
}

impl PoolerTraffic {
    /// How the leader's writers come, where `paused` are the poolers and databases that are to be paused. Who could write
    /// counts as a writer: nobody tells who will.
    pub fn writers<'a>(&self, paused: impl Iterator<Item = (&'a PoolerName, &'a [Text])>) -> WritersWay {
        let sessions = match &self.sessions {
            Ok(sessions) => sessions,
            Err(why) => return WritersWay::Unknown(Text::redacted(format!("the sessions are unknown: {why}"))),
        };
        let mut through = BTreeSet::new();
        for (pooler, databases) in paused {
            match self.poolers.get(pooler) {
                Some(Ok(servers)) => through.extend(
                    servers
                        .iter()
                        .filter(|server| databases.contains(&server.database))
                        .filter_map(|server| server.pid),
                ),
                Some(Err(why)) => {
                    return WritersWay::Unknown(Text::redacted(format!("the servers of {pooler} are unknown: {why}")));
                }
                None => return WritersWay::Unknown(Text::redacted(format!("{pooler} was not queried"))),
            }
        }
        let past = sessions.iter().filter(|session| !session.is_of_the_house() && !through.contains(&session.pid));
        let past: Vec<_> = past.cloned().collect();
        if past.is_empty() { WritersWay::Through } else { WritersWay::Past(past) }
    }

    /// Servers of `pooler`'s `databases` that a client has, with the session of each where it is known.
    pub fn held<'a>(
        &'a self,
        pooler: &PoolerName,
        databases: &'a [Text],
    ) -> impl Iterator<Item = (&'a PoolerServer, Option<&'a ClientSession>)> {
        let servers = self.poolers.get(pooler).and_then(|servers| servers.as_ref().ok());
        let held = servers.into_iter().flatten();
        let held = held.filter(|server| server.client.is_some() && databases.contains(&server.database));
        held.map(|server| {
            let session = self
                .sessions
                .as_ref()
                .ok()
                .and_then(|sessions| sessions.iter().find(|session| Some(session.pid) == server.pid));
            (server, session)
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn session(pid: i32, application: &str) -> ClientSession {
        ClientSession {
            pid,
            user: "app".into(),
            application: application.into(),
            client: "10.0.0.9".into(),
            state: "idle".into(),
            transaction_age: None,
            only_watches: false,
        }
    }

    pub(crate) fn server(pid: i32, client: Option<&str>) -> PoolerServer {
        PoolerServer { database: "app".into(), pid: Some(pid), client: client.map(Text::new) }
    }

    fn writers(sessions: Vec<ClientSession>) -> WritersWay {
        let poolers = [("edge".into(), Ok(vec![server(7, None), server(8, None)]))].into();
        let traffic = PoolerTraffic { sessions: Ok(sessions), poolers };
        traffic.writers([(&"edge".into(), &["app".into()][..])].into_iter())
    }

    #[test]
    fn a_session_is_a_poolers_by_the_number_of_its_backend_whatever_is_in_between() {
        assert_eq!(writers(vec![session(7, "shop"), session(8, "")]), WritersWay::Through);
        let past = writers(vec![session(7, "shop"), session(9, "psql")]);
        assert_eq!(past, WritersWay::Past(vec![session(9, "psql")]));
    }

    #[test]
    fn whoever_manages_or_watches_the_cluster_is_no_writer() {
        let watcher = ClientSession { only_watches: true, ..session(11, "exporter") };
        let house = vec![session(9, "Patroni heartbeat"), session(10, "pgctl-tui"), watcher];
        assert_eq!(writers(house), WritersWay::Through);
    }

    #[test]
    fn what_a_pooler_does_not_tell_is_unknown_and_nobodys_way() {
        let poolers = [("edge".into(), Err("connection refused".into()))].into();
        let traffic = PoolerTraffic { sessions: Ok(Vec::new()), poolers };
        let way = traffic.writers([(&"edge".into(), &["app".into()][..])].into_iter());
        assert_eq!(way, WritersWay::Unknown("the servers of edge are unknown: connection refused".into()));
        let untold = PoolerTraffic { sessions: Err("no login".into()), poolers: BTreeMap::new() };
        assert_eq!(untold.writers([].into_iter()), WritersWay::Unknown("the sessions are unknown: no login".into()));
    }
}

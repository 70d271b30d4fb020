//! Whether what a member's wires say is of that member at all. An address, a port or a tunnel may lead elsewhere, and
//! then the facts are true of another server: nobody is to be accused by them.

use super::name::NodeName;
use super::observed::Observed;
use super::units;
use super::view::MemberView;

/// Why a member's facts are not to be taken for its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum IdentityDoubt {
    /// The agent at its address calls itself by another name.
    Elsewhere(NodeName),
    /// Its agent and its PostgreSQL are not one server.
    TwoServers,
    /// Its SQL leads to the server of another member, and no agent tells that it is this one's.
    SharedWith(NodeName),
}

/// Two servers cannot have started at the same moment, so the start tells whether both wires lead to one and the same.
/// The agent rounds it.
const START_TOLERANCE: f64 = 2.0;

impl MemberView<'_> {
    /// Why what this member's wires say is not to be taken for its own; `None`: nothing speaks against it.
    pub fn doubt(&self) -> Option<IdentityDoubt> {
        let named = self.agent_name();
        if let Some(named) = named.as_ref().filter(|named| named.value != *self.name()) {
            return Some(IdentityDoubt::Elsewhere(named.value.clone()));
        }
        if self.two_servers().is_some() {
            return Some(IdentityDoubt::TwoServers);
        }
        // Its own agent stands for it: then it is the other entry that is wrong.
        let confirmed = named.is_some() && self.agent_start().is_some();
        if confirmed { None } else { self.same_server().map(IdentityDoubt::SharedWith) }
    }

    /// What REST and SQL say so differently that they cannot be one server; `None`: they may be.
    pub fn two_servers(&self) -> Option<(Observed<String>, Observed<String>)> {
        let words = |start: Observed<jiff::Timestamp>| start.map(|start| format!("started {}", units::utc(start)));
        if let (Some(agent), Some(sql)) = (self.agent_start(), self.sql_start())
            && agent.value.duration_since(sql.value).as_secs_f64().abs() > START_TOLERANCE
        {
            return Some((words(agent), words(sql)));
        }
        let by_agent = self.agent(|report| report.system_id).filter(|fact| fact.fresh)?;
        let by_sql = self.sql(|report| report.system_id).filter(|fact| fact.fresh)?;
        let differ = by_agent.value != by_sql.value;
        let words = |id: Observed<super::lsn::SystemId>| id.map(|id| format!("system identifier {id}"));
        differ.then(|| (words(by_agent), words(by_sql)))
    }

    /// Another member whose SQL leads to the very server that this one's does.
    fn same_server(&self) -> Option<NodeName> {
        let start = self.sql_start()?.value;
        let id = self.sql(|report| report.system_id)?.value;
        let same = |other: &MemberView<'_>| {
            other.name() != self.name()
                && other.sql_start().is_some_and(|other| other.value == start)
                && other.sql(|report| report.system_id).is_some_and(|other| other.value == id)
        };
        self.snapshot.views().find(same).map(|other| other.name().clone())
    }

    fn agent_name(&self) -> Option<Observed<NodeName>> {
        self.agent(|report| report.name.clone()).filter(|name| name.fresh)
    }

    fn agent_start(&self) -> Option<Observed<jiff::Timestamp>> {
        self.agent(|report| report.postmaster_started).filter(|start| start.fresh)
    }

    fn sql_start(&self) -> Option<Observed<jiff::Timestamp>> {
        self.sql(|report| Some(report.postmaster_started)).filter(|start| start.fresh)
    }
}

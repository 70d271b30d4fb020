//! HAProxy's runtime API (the "stats socket"), read only: a closed list of `show` commands, one connection a question,
//! the answer read to its end.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::cause::{self, Cause};
use crate::client::haproxy::{NotStatistics, StatTable};
use crate::client::resolve::lookup;
use crate::config::endpoint::{RuntimeApi, Timeouts};

/// Larger than the tables of a router with ten thousand servers.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Room for the answer of a router with a few backends.
const INITIAL_CAPACITY: usize = 16 * 1024;

/// The commands that exist here. All of them only show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Show {
    Info,
    Stat,
    ServersState,
    CliLevel,
}

impl Show {
    fn describe(self) -> &'static str {
        match self {
            Self::Info => "show info",
            Self::Stat => "show stat",
            Self::ServersState => "show servers state",
            Self::CliLevel => "show cli level",
        }
    }
}

/// Why the runtime API gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The address is not `host:port`.
    #[error("\"{0}\" is not an address of the form host:port")]
    Address(String),
    /// The host name does not resolve.
    #[error("{}", Cause::Name.with_reason(&cause::why(.0)))]
    Name(io::Error),
    /// No connection.
    #[error("{}", self.cause().with_reason(&cause::why(.0)))]
    Connect(io::Error),
    /// The connection broke.
    #[error("{}", self.cause().with_reason(&cause::why(.0)))]
    Exchange(io::Error),
    /// Time ran out.
    #[error("waited {:.1} s", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The answer does not end within the limit.
    #[error("more than {LIMIT} bytes")]
    TooLarge,
    /// It closed without a word.
    #[error("closed without a response")]
    Silent,
    /// The socket's level does not allow the command.
    #[error("\"{0}\" is not permitted at this socket's level")]
    Denied(&'static str),
    /// The command is not known there.
    #[error("\"{command}\" is not a known command there: {line}")]
    Unknown {
        /// The command.
        command: &'static str,
        /// First line of the complaint.
        line: String,
    },
    /// The table of `show stat` is not one.
    #[error("show stat: {0}")]
    Statistics(#[from] NotStatistics),
    /// Something else answers there.
    #[error("not a HAProxy runtime API: {0}")]
    Foreign(String),
    /// A name that HAProxy cannot have given.
    #[error("\"{0}\" is not a valid name of a backend or server")]
    NotAName(String),
    /// This system has no Unix sockets.
    #[error("Unix sockets are not supported on this system")]
    NoUnixSockets,
}

impl RuntimeError {
    /// The kind of failure.
    pub fn cause(&self) -> Cause {
        match self {
            Self::Address(_) | Self::NotAName(_) | Self::Unknown { .. } | Self::NoUnixSockets => Cause::Unsupported,
            Self::Name(_) => Cause::Name,
            Self::Connect(error) => Cause::of_io(error).unwrap_or(Cause::Unreachable),
            Self::Exchange(error) => Cause::of_io(error).unwrap_or(Cause::Closed),
            Self::TimedOut(_) => Cause::TimedOut,
            Self::TooLarge => Cause::TooLarge,
            Self::Silent => Cause::Closed,
            Self::Denied(_) => Cause::Permission,
            Self::Statistics(_) | Self::Foreign(_) => Cause::UnexpectedAnswer,
        }
    }

    /// The error with its causes, in one line.
    pub fn line(&self) -> String {
        cause::chain(self)
    }
}

/// What a router said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RuntimeAnswer {
    /// `show info`, key by key.
    pub info: BTreeMap<String, String>,
    /// `show stat`.
    pub statistics: StatTable,
    /// Servers by backend and server, from `show servers state`; empty where that is not permitted.
    pub servers: BTreeMap<(String, String), ServerStateRow>,
}

/// One server as `show servers state` (format 1) has it. A column that is missing, or no number, is unknown.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerStateRow {
    /// Address with its port; `None`: its name has none yet.
    pub address: Option<String>,
    /// `srv_fqdn`: the name that HAProxy itself resolves for the address.
    pub fqdn: Option<String>,
    /// `srv_port`.
    pub port: Option<u16>,
    /// `srv_op_state`: 0 stopped, 1 starting, 2 running, 3 stopping.
    pub op_state: Option<u32>,
    /// `srv_admin_state`: a mask of what keeps it from traffic.
    pub admin_state: Option<u32>,
    /// `srv_uweight`: the weight by configuration or by hand; 0 takes nothing new.
    pub weight: Option<u32>,
    /// `srv_check_result`: 0 unknown, 1 neutral, 2 failed, 3 passed, 4 conditionally passed.
    pub check_result: Option<u32>,
    /// `srv_check_state`: a mask; 2 configured, 4 enabled, 8 paused.
    pub check_state: Option<u32>,
    /// `srv_agent_state`: the same of the agent check.
    pub agent_state: Option<u32>,
}

/// A reader of one router's runtime API.
#[derive(Clone, Debug)]
pub struct RuntimeReader {
    api: RuntimeApi,
    timeouts: Timeouts,
}

impl RuntimeReader {
    /// A reader of `api`. Nothing is sent yet.
    pub fn new(api: RuntimeApi, timeouts: Timeouts) -> Self {
        Self { api, timeouts }
    }

    /// Process, statistics and addresses, asked on one connection.
    ///
    /// # Errors
    /// When no complete answer came.
    pub async fn read(&self) -> Result<RuntimeAnswer, RuntimeError> {
        let commands = [Show::Info, Show::Stat, Show::ServersState];
        let text = self.ask(&commands).await?;
        interpret(&text)
    }

    /// The level of the socket: `user`, `operator` or `admin`.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn level(&self) -> Result<String, RuntimeError> {
        let text = self.ask(&[Show::CliLevel]).await?;
        let line = text.trim();
        refusal(line, Show::CliLevel)?;
        Ok(line.lines().next().unwrap_or_default().to_owned())
    }

    async fn ask(&self, commands: &[Show]) -> Result<String, RuntimeError> {
        let mut stream = open(&self.api, self.timeouts.connect).await?;
        let question = commands.iter().map(|command| command.describe()).collect::<Vec<_>>().join(";") + "\n";
        let exchange = async {
            stream.write_all(question.as_bytes()).await.map_err(RuntimeError::Exchange)?;
            let mut answer = Vec::with_capacity(INITIAL_CAPACITY);
            (&mut stream).take(LIMIT + 1).read_to_end(&mut answer).await.map_err(RuntimeError::Exchange)?;
            Ok(answer)
        };
        let answering = self.timeouts.request;
        let late = |_| Err(RuntimeError::TimedOut(answering));
        let answer: Vec<u8> = tokio::time::timeout(answering, exchange).await.unwrap_or_else(late)?;
        match answer.len() as u64 {
            0 => Err(RuntimeError::Silent),
            length if length > LIMIT => Err(RuntimeError::TooLarge),
            _ => Ok(String::from_utf8_lossy(&answer).into_owned()),
        }
    }
}

/// What the runtime API is spoken to over.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Connects to `api` within `patience`.
pub(super) async fn open(api: &RuntimeApi, time_limit: Duration) -> Result<Box<dyn Wire>, RuntimeError> {
    let connect = async {
        match api {
            RuntimeApi::Tcp(address) => {
                let (host, port) = address.rsplit_once(':').ok_or_else(|| RuntimeError::Address(address.clone()))?;
                let port: u16 = port.parse().map_err(|_| RuntimeError::Address(address.clone()))?;
                let host = host.trim_matches(['[', ']']);
                let found = lookup(host, port).await.map_err(RuntimeError::Name)?;
                let stream = TcpStream::connect(found.as_slice()).await.map_err(RuntimeError::Connect)?;
                Ok(Box::new(stream) as Box<dyn Wire>)
            }
            #[cfg(unix)]
            RuntimeApi::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await.map_err(RuntimeError::Connect)?;
                Ok(Box::new(stream) as Box<dyn Wire>)
            }
            #[cfg(not(unix))]
            RuntimeApi::Unix(_) => Err(RuntimeError::NoUnixSockets),
        }
    };
    tokio::time::timeout(time_limit, connect).await.unwrap_or(Err(RuntimeError::TimedOut(time_limit)))
}

/// Takes the joined answer apart. Each command's part ends in an empty line; parts are known by how they begin, not by
/// their place, since a refused command answers with a line of its own.
fn interpret(text: &str) -> Result<RuntimeAnswer, RuntimeError> {
    if text.starts_with("HTTP/") || text.trim_start().starts_with('<') {
        return Err(RuntimeError::Foreign(text.lines().next().unwrap_or_default().to_owned()));
    }
    let mut answer = RuntimeAnswer::default();
    let mut statistics = None;
    let mut complaint = None;
    for part in text.split_inclusive("\n\n").filter(|part| !part.trim().is_empty()) {
        let body = part.trim_start_matches('\n');
        if body.starts_with("# pxname") {
            let whole = part.ends_with("\n\n");
            let table = body.strip_suffix('\n').filter(|_| whole).unwrap_or(body);
            statistics = Some(if whole { StatTable::parse(table.as_bytes())? } else { Err(NotStatistics::CutOff)? });
        } else if body.starts_with("Name:") || body.contains("\nVersion:") {
            answer.info = pairs(body);
        } else if body.lines().nth(1).is_some_and(|line| line.starts_with("# be_id")) {
            answer.servers = servers(body);
        } else if complaint.is_none() {
            complaint = Some(body.trim().to_owned());
        }
    }
    match (statistics, complaint) {
        (Some(statistics), _) => Ok(RuntimeAnswer { statistics, ..answer }),
        (None, Some(line)) => {
            refusal(&line, Show::Stat)?;
            Err(RuntimeError::Foreign(line.lines().next().unwrap_or_default().to_owned()))
        }
        (None, None) => Err(RuntimeError::Statistics(NotStatistics::CutOff)),
    }
}

fn refusal(text: &str, command: Show) -> Result<(), RuntimeError> {
    let line = text.lines().next().unwrap_or_default();
    if line.starts_with("Permission denied") {
        return Err(RuntimeError::Denied(command.describe()));
    }
    if line.starts_with("Unknown command") {
        return Err(RuntimeError::Unknown { command: command.describe(), line: line.to_owned() });
    }
    Ok(())
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| line.split_once(':').map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
    text.lines().filter_map(pair).collect()
}

/// `show servers state`, format 1: a version line, a header line, and blanks between the fields.
fn servers(text: &str) -> BTreeMap<(String, String), ServerStateRow> {
    let mut lines = text.lines().skip(1);
    let header = lines.next().unwrap_or_default().trim_start_matches("# ");
    let place = |name: &str| header.split(' ').position(|column| column == name);
    let (Some(backend), Some(server), Some(address)) = (place("be_name"), place("srv_name"), place("srv_addr")) else {
        return BTreeMap::new();
    };
    let (port, fqdn) = (place("srv_port"), place("srv_fqdn"));
    let columns =
        ["srv_op_state", "srv_admin_state", "srv_uweight", "srv_check_result", "srv_check_state", "srv_agent_state"]
            .map(place);
    let entry = |line: &str| {
        let fields: Vec<_> = line.split(' ').collect();
        let address = fields.get(address).filter(|address| **address != "-");
        let port = port.and_then(|port| fields.get(port)).filter(|port| !matches!(**port, "0" | "-"));
        let address = address.map(|address| match (port, address.contains(':')) {
            (None, _) => (*address).to_owned(),
            (Some(port), true) => format!("[{address}]:{port}"),
            (Some(port), false) => format!("{address}:{port}"),
        });
        let reported = |at: Option<usize>| fields.get(at?).filter(|field| !matches!(**field, "" | "-"));
        let fqdn = reported(fqdn).map(|name| (*name).to_owned());
        let port = port.and_then(|port| port.parse().ok());
        let [operational, administrative, weight, check_result, check_state, agent_state] =
            columns.map(|column| fields.get(column?)?.parse().ok());
        let line = ServerStateRow {
            address,
            fqdn,
            port,
            op_state: operational,
            admin_state: administrative,
            weight,
            check_result,
            check_state,
            agent_state,
        };
        Some((((*fields.get(backend)?).to_owned(), (*fields.get(server)?).to_owned()), line))
    };
    lines.filter_map(entry).collect()
}

#[cfg(test)]
mod tests;

//! HAProxy's runtime API at level admin, for acting: `set server` and nothing else, sent once. The reader
//! ([`super::haproxy_runtime`]) has no such words.
//!
//! A setter answers with an empty line; any text is an error. A setter can also be a silent no-op (health, while the
//! server is in maintenance), so the server's state is read back on the same connection.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::client::haproxy_runtime::{RuntimeError, open};
use crate::client::sending::Unanswered;
use crate::config::endpoint::{RuntimeApi, Timeouts};

/// Larger than the table of a backend with a thousand servers.
const LIMIT: u64 = 1024 * 1024;

/// What a server is set to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerSetting {
    /// `state ready`: as its checks say.
    Ready,
    /// `state drain`: keeps its sessions, gets no new ones.
    Drain,
    /// `state maint`: out of service.
    Maintenance,
    /// `health up`: fully up at once.
    HealthUp,
    /// `health down`: down at once.
    HealthDown,
}

impl ServerSetting {
    /// The words sent.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Ready => "state ready",
            Self::Drain => "state drain",
            Self::Maintenance => "state maint",
            Self::HealthUp => "health up",
            Self::HealthDown => "health down",
        }
    }

    /// Whether `server` is as it was set.
    fn holds(self, server: ServerState) -> bool {
        let forced = server.admin_state & (FORCED_MAINTENANCE | FORCED_DRAIN);
        match self {
            Self::Ready => forced == 0,
            Self::Drain => forced == FORCED_DRAIN,
            Self::Maintenance => forced & FORCED_MAINTENANCE != 0,
            Self::HealthUp => server.op_state == 2,
            Self::HealthDown => server.op_state == 0,
        }
    }
}

/// Bits of `srv_admin_state` that a hand sets.
const FORCED_MAINTENANCE: u32 = 0x01;
const FORCED_DRAIN: u32 = 0x08;

/// A server's state as read back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerState {
    /// `srv_op_state`: 0 stopped, 1 starting, 2 running, 3 stopping.
    pub op_state: u32,
    /// `srv_admin_state`: a mask; 1 maintenance, 8 drain, by hand.
    pub admin_state: u32,
}

impl ServerState {
    /// Whether a hand drains it, and none has it in maintenance.
    pub fn is_draining(self) -> bool {
        self.admin_state & (FORCED_MAINTENANCE | FORCED_DRAIN) == FORCED_DRAIN
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RouterReply {
    /// Taken, and read back as set.
    Set(ServerState),
    /// No complaint, but read back it is not as set: a no-op.
    Ignored(ServerState),
    /// No complaint, and the state could not be read back.
    Unread,
    /// Refused, in HAProxy's words.
    Refused(String),
}

/// A writer to one router process.
#[derive(Clone, Debug)]
pub struct RuntimeWriter {
    api: RuntimeApi,
    timeouts: Timeouts,
}

impl RuntimeWriter {
    /// A writer to `api`. Nothing is sent yet.
    pub fn new(api: RuntimeApi, timeouts: Timeouts) -> Self {
        Self { api, timeouts }
    }

    /// Ends the drain of `server` of `backend`, where a hand drains it and nothing more. `state ready` ends a maintenance, too,
    /// and HAProxy knows no condition: so the state is read first, with the connection for the setter open beside it, and
    /// once more in the setter's own batch; a maintenance that another hand has set in between is set again.
    ///
    /// # Errors
    /// When there is no answer, or a name cannot be HAProxy's.
    pub async fn end_drain(&self, backend: &str, server: &str) -> Result<DrainEnded, Unanswered<RuntimeError>> {
        names([backend, server]).map_err(Unanswered::NotSent)?;
        let open = || open(&self.api, self.timeouts.connect);
        let (looks, sets) = futures::future::join(open(), open()).await;
        let (looks, sets) = (looks.map_err(Unanswered::NotSent)?, sets.map_err(Unanswered::NotSent)?);
        let look = format!("show servers state {backend}\n");
        let seen = self.exchange(looks, &look).await.map_err(Unanswered::NotSent)?;
        match table(&seen).map(|table| state_of(table, backend, server)) {
            Some(Some(state)) if state.is_draining() => {}
            Some(Some(state)) => return Ok(DrainEnded::NotDrained(state)),
            Some(None) => return Ok(DrainEnded::Gone),
            None => return Ok(no_table(&seen)),
        }
        let batch = format!(
            "show servers state {backend};set server {backend}/{server} {};show servers state {backend}\n",
            ServerSetting::Ready.describe()
        );
        let text = self.exchange(sets, &batch).await.map_err(Unanswered::NoAnswer)?;
        // The first table ends with an empty line.
        let (before, after) = text.split_once("\n\n").unwrap_or(("", &text));
        let was = table(before).and_then(|table| state_of(table, backend, server));
        if was.is_some_and(|was| was.admin_state & FORCED_MAINTENANCE != 0) {
            let put_back = self.set(backend, server, ServerSetting::Maintenance, &|| true).await;
            return Ok(DrainEnded::Overtaken { put_back: matches!(put_back, Ok(Some(RouterReply::Set(_)))) });
        }
        Ok(match interpret(after, backend, server, ServerSetting::Ready) {
            RouterReply::Set(state) => DrainEnded::Ready(state),
            RouterReply::Ignored(_) | RouterReply::Unread => DrainEnded::Unread,
            RouterReply::Refused(words) => DrainEnded::Refused(words),
        })
    }

    /// Sets `server` of `backend`, once, if `still` says so when the connection stands. `None`: it did not.
    ///
    /// # Errors
    /// When there is no answer, or a name cannot be HAProxy's.
    pub async fn set(
        &self,
        backend: &str,
        server: &str,
        setting: ServerSetting,
        still: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<Option<RouterReply>, Unanswered<RuntimeError>> {
        names([backend, server]).map_err(Unanswered::NotSent)?;
        let stream = open(&self.api, self.timeouts.connect).await.map_err(Unanswered::NotSent)?;
        if !still() {
            return Ok(None);
        }
        let question = format!("set server {backend}/{server} {};show servers state {backend}\n", setting.describe());
        let text = self.exchange(stream, &question).await.map_err(Unanswered::NoAnswer)?;
        Ok(Some(interpret(&text, backend, server, setting)))
    }

    async fn exchange(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        question: &str,
    ) -> Result<String, RuntimeError> {
        let deadline = self.timeouts.request;
        let answer = tokio::time::timeout(deadline, exchange(&mut stream, question)).await;
        answer.unwrap_or(Err(RuntimeError::TimedOut(deadline)))
    }
}

/// How ending a drain came out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DrainEnded {
    /// Ended, and read back so.
    Ready(ServerState),
    /// No hand drains it, or one has it in maintenance too: left as it is.
    NotDrained(ServerState),
    /// There is no such server, or backend.
    Gone,
    /// Another hand put it in maintenance in between.
    Overtaken {
        /// It is back there.
        put_back: bool,
    },
    /// No complaint, and it does not read back, or not so.
    Unread,
    /// Refused, in HAProxy's words.
    Refused(String),
}

/// HAProxy's table of servers within `text`.
fn table(text: &str) -> Option<&str> {
    text.find("# be_id").and_then(|at| text.get(at..))
}

/// What an answer without a table says. A backend that is gone has no servers (HAProxy, `cli_parse_show_servers`).
fn no_table(text: &str) -> DrainEnded {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    if line.starts_with("Can't find backend") {
        return DrainEnded::Gone;
    }
    DrainEnded::Refused(line.chars().take(200).collect())
}

/// Anything else could be another command.
fn names(names: [&str; 2]) -> Result<(), RuntimeError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
    let odd = names.into_iter().find(|name| name.is_empty() || !name.chars().all(plain));
    odd.map_or(Ok(()), |name| Err(RuntimeError::NotAName(name.to_owned())))
}

async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), question: &str) -> Result<String, RuntimeError> {
    stream.write_all(question.as_bytes()).await.map_err(RuntimeError::Exchange)?;
    let mut answer = Vec::new();
    stream.take(LIMIT).read_to_end(&mut answer).await.map_err(RuntimeError::Exchange)?;
    if answer.is_empty() { Err(RuntimeError::Silent) } else { Ok(String::from_utf8_lossy(&answer).into_owned()) }
}

/// The setter's answer comes first: an empty line, or its complaint. Then the table, which begins with its version.
fn interpret(text: &str, backend: &str, server: &str, setting: ServerSetting) -> RouterReply {
    let (complaint, table) = match text.find("# be_id") {
        Some(at) => {
            let (before, table) = text.split_at(at);
            // The version of the table's form stands on a line of its own before its header.
            (before.trim_end().strip_suffix('1').unwrap_or(before), Some(table))
        }
        None => (text, None),
    };
    if let Some(line) = complaint.lines().map(str::trim).find(|line| !line.is_empty()) {
        return RouterReply::Refused(line.chars().take(200).collect());
    }
    match table.and_then(|table| state_of(table, backend, server)) {
        Some(state) if setting.holds(state) => RouterReply::Set(state),
        Some(state) => RouterReply::Ignored(state),
        None => RouterReply::Unread,
    }
}

fn state_of(table: &str, backend: &str, server: &str) -> Option<ServerState> {
    let mut lines = table.lines();
    let header = lines.next()?.trim_start_matches("# ");
    let place = |name: &str| header.split(' ').position(|column| column == name);
    let (be, sv) = (place("be_name")?, place("srv_name")?);
    let (op_state, admin_state) = (place("srv_op_state")?, place("srv_admin_state")?);
    let row = lines
        .map(|line| line.split(' ').collect::<Vec<_>>())
        .find(|fields| fields.get(be) == Some(&backend) && fields.get(sv) == Some(&server))?;
    let number = |at: usize| row.get(at)?.parse().ok();
    Some(ServerState { op_state: number(op_state)?, admin_state: number(admin_state)? })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use rstest::rstest;

    use super::*;
    use crate::client::cause::Cause;
    use crate::client::double;

    const HEADER: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight";

    fn writer(address: String, time_limit: u64) -> RuntimeWriter {
        let timeouts = Timeouts {
            connect: std::time::Duration::from_secs(5),
            request: std::time::Duration::from_millis(time_limit),
        };
        RuntimeWriter::new(RuntimeApi::Tcp(address), timeouts)
    }

    async fn reply(answer: String, setting: ServerSetting) -> RouterReply {
        let writer = writer(double::answering(answer), 5000);
        writer.set("primary", "pg-1", setting, &|| true).await.expect("a reply").expect("sent")
    }

    #[rstest]
    #[case(ServerSetting::HealthUp, 2, 0, true)]
    #[case(ServerSetting::HealthUp, 0, 1, false)]
    #[case(ServerSetting::HealthDown, 0, 0, true)]
    #[case(ServerSetting::HealthDown, 2, 0, false)]
    #[case(ServerSetting::Ready, 0, 0, true)]
    #[case(ServerSetting::Ready, 2, 8, false)]
    #[case(ServerSetting::Drain, 2, 8, true)]
    #[case(ServerSetting::Maintenance, 0, 1, true)]
    #[case(ServerSetting::Maintenance, 2, 0, false)]
    #[tokio::test]
    async fn a_setter_without_diagnostic_counts_only_if_the_state_reads_back(
        #[case] setting: ServerSetting,
        #[case] op_state: u32,
        #[case] admin_state: u32,
        #[case] holds: bool,
    ) {
        let rows = format!("4 primary 1 pg-0 10.0.0.1 2 0 1\n4 primary 2 pg-1 10.0.0.2 {op_state} {admin_state} 1");
        let state = ServerState { op_state, admin_state };
        let expected = if holds { RouterReply::Set(state) } else { RouterReply::Ignored(state) };
        assert_eq!(reply(format!("\n{HEADER}\n{rows}\n\n"), setting).await, expected);
    }

    #[tokio::test]
    async fn any_text_is_a_refusal() {
        let table = format!("{HEADER}\n4 primary 2 pg-1 10.0.0.2 2 0 1\n\n");
        for words in ["No such server.", "No such backend.", "Permission denied"] {
            let refused = reply(format!("{words}\n\n{table}"), ServerSetting::HealthUp).await;
            assert_eq!(refused, RouterReply::Refused(words.to_owned()));
        }
        assert_eq!(
            reply("Permission denied\n\n".into(), ServerSetting::Ready).await,
            RouterReply::Refused("Permission denied".into())
        );
        assert_eq!(reply("\n".into(), ServerSetting::Ready).await, RouterReply::Unread);
    }

    #[tokio::test]
    async fn the_command_names_one_server_and_names_cannot_smuggle_in_another_command() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let address = double::answering_by(move |request| {
            seen.lock().expect("a lock").push(request.to_owned());
            b"\n".to_vec()
        });
        let writer = writer(address, 5000);
        writer.set("primary", "pg-1", ServerSetting::HealthDown, &|| true).await.expect("a reply");
        for (backend, server) in [("primary", "a;shutdown"), ("p\nx", "a"), ("p/q", "a"), ("", "a"), ("p", "a b")] {
            let error = writer.set(backend, server, ServerSetting::Ready, &|| true).await.expect_err("no name");
            assert!(matches!(error, Unanswered::NotSent(_)), "{error:?}");
        }
        let asked = asked.lock().expect("a lock").clone();
        assert_eq!(asked, ["set server primary/pg-1 health down;show servers state primary\n"]);
    }

    fn rows(admin_state: u32) -> String {
        format!("{HEADER}\n4 primary 2 pg-1 10.0.0.2 2 {admin_state} 1\n\n")
    }

    const SHOW_STATE: &str = "show servers state primary\n";
    const END: &str = "show servers state primary;set server primary/pg-1 state ready;show servers state primary\n";
    const MAINTAIN: &str = "set server primary/pg-1 state maint;show servers state primary\n";

    /// A double of HAProxy whose server is in one state when it is looked at and in another when it is set.
    async fn end(looked: u32, then: u32, server: &str) -> (DrainEnded, Vec<String>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let address = double::answering_by(move |request| {
            seen.lock().expect("a lock").push(request.to_owned());
            let answer = match request {
                SHOW_STATE => rows(looked),
                MAINTAIN => format!("\n{}", rows(1)),
                _ => format!("{}\n{}", rows(then), rows(0)),
            };
            answer.into_bytes()
        });
        let ended = writer(address, 5000).end_drain("primary", server).await.expect("an answer");
        // A connection that was opened and not used says nothing.
        let asked = asked.lock().expect("a lock").iter().filter(|asked| !asked.is_empty()).cloned().collect();
        (ended, asked)
    }

    #[tokio::test]
    async fn a_drain_manually_is_ended_and_read_back() {
        let (ended, asked) = end(8, 8, "pg-1").await;
        assert_eq!(ended, DrainEnded::Ready(ServerState { op_state: 2, admin_state: 0 }));
        assert_eq!(asked, [SHOW_STATE, END]);
    }

    #[rstest]
    #[case::ready(0)]
    #[case::in_maintenance(1)]
    #[case::in_maintenance_and_drained(9)]
    #[tokio::test]
    async fn what_no_hand_drains_alone_is_left_as_it_is(#[case] admin_state: u32) {
        let (ended, asked) = end(admin_state, admin_state, "pg-1").await;
        assert_eq!(ended, DrainEnded::NotDrained(ServerState { op_state: 2, admin_state }));
        assert_eq!(asked, [SHOW_STATE], "nothing was set");
    }

    #[tokio::test]
    async fn a_maintenance_that_another_operator_sets_in_between_is_put_back() {
        let (ended, asked) = end(8, 9, "pg-1").await;
        assert_eq!(ended, DrainEnded::Overtaken { put_back: true });
        assert_eq!(asked, [SHOW_STATE, END, MAINTAIN]);
    }

    #[tokio::test]
    async fn a_server_or_backend_that_is_gone_has_no_drain_to_be_ended() {
        assert_eq!(end(8, 8, "pg-9").await.0, DrainEnded::Gone);
        let writer = writer(double::answering("Can't find backend.\n\n"), 5000);
        assert_eq!(writer.end_drain("primary", "pg-1").await.expect("an answer"), DrainEnded::Gone);
    }

    /// A connection may take a second to stand; a proof is good for half of one.
    #[tokio::test]
    async fn nothing_is_written_where_it_is_not_wanted_any_more_when_the_connection_stands() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let address = double::answering_by(move |request| {
            seen.lock().expect("a lock").push(request.to_owned());
            b"\n".to_vec()
        });
        let set =
            writer(address, 5000).set("primary", "pg-1", ServerSetting::HealthUp, &|| false).await.expect("no trouble");
        assert_eq!(set, None);
        assert!(asked.lock().expect("a lock").iter().all(String::is_empty), "{asked:?}");
    }

    #[tokio::test]
    async fn refused_is_not_sent_and_silence_is_no_answer() {
        let error =
            writer(double::refused(), 100).set("p", "s", ServerSetting::Ready, &|| true).await.expect_err("refused");
        assert!(matches!(error, Unanswered::NotSent(ref error) if error.cause() == Cause::Refused), "{error:?}");
        for address in [double::silent(), double::answering("")] {
            let error = writer(address, 100).set("p", "s", ServerSetting::Ready, &|| true).await.expect_err("silence");
            assert!(matches!(error, Unanswered::NoAnswer(_)), "{error:?}");
        }
    }
}

//! Patroni's REST interface, read only. Answers of 3.0 to 4.1 and whatever comes after: every field optional, numbers
//! possibly text, unknown keys ignored.
//!
//! Patroni answers in HTTP/1.0 and closes; it has few threads. So there is one request in flight a reader, and no
//! connection is kept.

use serde::Deserialize;
use serde_json::Value;

use crate::client::http::{Connections, HttpAnswer, HttpError, HttpHead, HttpReader, first_line};
use crate::client::lenient::{de_flag, de_list, de_object, de_text, de_unsigned};
use crate::config::endpoint::HttpEndpoint;

/// `GET /patroni`: a node's agent on its own node.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PatroniStatus {
    /// State of PostgreSQL, such as `running`.
    #[serde(deserialize_with = "de_text")]
    pub state: Option<String>,
    /// `master` (3.x) or `primary`, `replica`, `standby_leader` ...
    #[serde(deserialize_with = "de_text")]
    pub role: Option<String>,
    /// When the postmaster started; a blank between date and time.
    #[serde(deserialize_with = "de_text")]
    pub postmaster_start_time: Option<String>,
    /// Such as 170011.
    #[serde(deserialize_with = "de_unsigned")]
    pub server_version: Option<u64>,
    /// Timeline.
    #[serde(deserialize_with = "de_unsigned")]
    pub timeline: Option<u64>,
    /// WAL positions, in bytes.
    #[serde(deserialize_with = "de_object")]
    pub xlog: Option<Xlog>,
    /// `streaming` or `in archive recovery`, since 3.0.4.
    #[serde(deserialize_with = "de_text")]
    pub replication_state: Option<String>,
    /// Walsenders of the node.
    #[serde(deserialize_with = "de_list")]
    pub replication: Vec<Walsender>,
    /// A synchronous standby, since 3.0.2.
    #[serde(deserialize_with = "de_flag")]
    pub sync_standby: Option<bool>,
    /// A quorum standby, since 4.0.
    #[serde(deserialize_with = "de_flag")]
    pub quorum_standby: Option<bool>,
    /// Maintenance mode.
    #[serde(deserialize_with = "de_flag")]
    pub pause: Option<bool>,
    /// Nobody holds the leader lock, as this agent knows.
    #[serde(deserialize_with = "de_flag")]
    pub cluster_unlocked: Option<bool>,
    /// Failsafe mode keeps the primary.
    #[serde(deserialize_with = "de_flag")]
    pub failsafe_mode_is_active: Option<bool>,
    /// The watchdog could not be armed.
    #[serde(deserialize_with = "de_flag")]
    pub watchdog_failed: Option<bool>,
    /// A 64-bit number, as text.
    #[serde(deserialize_with = "de_unsigned")]
    pub database_system_identifier: Option<u64>,
    /// Seconds since 1970 at the last contact with the DCS.
    #[serde(deserialize_with = "de_unsigned")]
    pub dcs_last_seen: Option<u64>,
    /// The agent itself.
    #[serde(deserialize_with = "de_object")]
    pub patroni: Option<Agent>,
    /// The whole answer: tags, pending and scheduled restarts are shaped as they are in the DCS.
    #[serde(skip)]
    pub record: Value,
}

/// WAL positions of a node.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Xlog {
    /// Write position of a primary.
    #[serde(deserialize_with = "de_unsigned")]
    pub location: Option<u64>,
    /// Position a standby has received.
    #[serde(deserialize_with = "de_unsigned")]
    pub received_location: Option<u64>,
    /// Position a standby has replayed.
    #[serde(deserialize_with = "de_unsigned")]
    pub replayed_location: Option<u64>,
    /// Commit time of the last replayed transaction.
    #[serde(deserialize_with = "de_text")]
    pub replayed_timestamp: Option<String>,
    /// Replay is paused by hand.
    #[serde(deserialize_with = "de_flag")]
    pub paused: Option<bool>,
}

/// A walsender.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Walsender {
    /// The standby's name.
    #[serde(deserialize_with = "de_text")]
    pub application_name: Option<String>,
    /// `streaming`, `catchup` ...
    #[serde(deserialize_with = "de_text")]
    pub state: Option<String>,
    /// `async`, `sync` ...
    #[serde(deserialize_with = "de_text")]
    pub sync_state: Option<String>,
}

/// The agent on itself.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// Version.
    #[serde(deserialize_with = "de_text")]
    pub version: Option<String>,
    /// Scope of its cluster.
    #[serde(deserialize_with = "de_text")]
    pub scope: Option<String>,
    /// Name of its node, since 3.2.
    #[serde(deserialize_with = "de_text")]
    pub name: Option<String>,
}

/// `GET /cluster`: the DCS as one node relays it. Members are shaped almost as in the DCS, so they stay JSON.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ClusterResponse {
    /// Members.
    pub members: Vec<Value>,
    /// Scope, since 3.2.
    #[serde(deserialize_with = "de_text")]
    pub scope: Option<String>,
    /// Maintenance mode.
    #[serde(deserialize_with = "de_flag")]
    pub pause: Option<bool>,
    /// A switchover that waits for its time.
    pub scheduled_switchover: Value,
}

/// Most bytes of a node's word on itself, which with a hundred standbys is some 30 kB.
const STATUS_LIMIT: usize = 256 << 10;
/// Most bytes of what concerns the whole cluster: `/cluster` with a hundred members is some 50 kB.
const CLUSTER_LIMIT: usize = 1 << 20;

/// An answer with its head.
#[derive(Clone, PartialEq, Debug)]
pub struct PatroniResponse<T> {
    /// What was said.
    pub value: T,
    /// The head of the answer.
    pub head: HttpHead,
}

/// A reader of one node's REST interface.
#[derive(Debug)]
pub struct Patroni {
    http: HttpReader,
}

impl Patroni {
    /// A reader of the REST interface at `endpoint`, whose URL may end in `/patroni` as `api_url` does.
    ///
    /// # Errors
    /// When the URL or the TLS settings cannot be used.
    pub fn new(endpoint: &HttpEndpoint) -> Result<Self, HttpError> {
        Ok(Self { http: HttpReader::new(&base(endpoint), Connections::Fresh)? })
    }

    /// The reader underneath.
    pub fn http(&self) -> &HttpReader {
        &self.http
    }

    /// `GET /patroni`. Never blocks on the DCS. 503 is a good answer: it only says that the node is no primary.
    ///
    /// # Errors
    /// When no answer came, or one that is not Patroni's.
    pub async fn status(&self) -> Result<PatroniResponse<PatroniStatus>, HttpError> {
        let answer = self.status_as_sent().await?;
        Ok(PatroniResponse { value: Self::read_status(&answer)?, head: answer.head })
    }

    /// The same, not read yet: an agent of which nothing moves says the same again and again.
    ///
    /// # Errors
    /// When no answer came.
    pub async fn status_as_sent(&self) -> Result<HttpAnswer, HttpError> {
        self.http.get_within("/patroni", STATUS_LIMIT).await
    }

    /// Reads a status.
    ///
    /// # Errors
    /// When it is not Patroni's.
    pub fn read_status(answer: &HttpAnswer) -> Result<PatroniStatus, HttpError> {
        let record = object(answer)?;
        let ours = record.get("patroni").is_some_and(Value::is_object)
            || (record.get("state").is_some() && record.get("role").is_some());
        if !ours {
            return Err(unexpected(answer, "JSON, but not from Patroni"));
        }
        let mut status =
            PatroniStatus::deserialize(&record).map_err(|_| unexpected(answer, "JSON, but not from Patroni"))?;
        status.record = record;
        Ok(status)
    }

    /// `GET /primary`: whether routers that ask it are told that the node leads. Patroni answers it by the leader lock alone.
    ///
    /// # Errors
    /// When no answer came, or neither 200 nor 503.
    pub async fn is_primary(&self) -> Result<bool, HttpError> {
        let answer = self.http.get_within("/primary", STATUS_LIMIT).await?;
        match answer.head.status {
            200 => Ok(true),
            503 => Ok(false),
            _ => Err(unexpected(&answer, "neither 200 nor 503")),
        }
    }

    /// `GET /cluster`. Blocks while the DCS is away and then closes without an answer.
    ///
    /// # Errors
    /// When no answer came, or one without a member list.
    pub async fn cluster(&self) -> Result<PatroniResponse<ClusterResponse>, HttpError> {
        let answer = self.http.get_within("/cluster", CLUSTER_LIMIT).await?;
        let record = object(&answer)?;
        let cluster =
            record.get("members").is_some_and(Value::is_array).then(|| ClusterResponse::deserialize(&record).ok());
        let value = cluster.flatten().ok_or_else(|| unexpected(&answer, "no member list"))?;
        Ok(PatroniResponse { value, head: answer.head })
    }

    /// `GET /history`: a list of timelines that ended. Blocks as `/cluster` does.
    ///
    /// # Errors
    /// When no answer came, or one that is no list.
    pub async fn history(&self) -> Result<PatroniResponse<Value>, HttpError> {
        let answer = self.http.get_within("/history", CLUSTER_LIMIT).await?;
        let value = json(&answer)?;
        if !value.is_array() {
            return Err(unexpected(&answer, "not a list"));
        }
        Ok(PatroniResponse { value, head: answer.head })
    }

    /// `GET /config`: the dynamic configuration. Blocks as `/cluster` does.
    ///
    /// # Errors
    /// When no answer came, or one that is no object; a cluster without the key answers 502.
    pub async fn config(&self) -> Result<PatroniResponse<Value>, HttpError> {
        let answer = self.http.get_within("/config", CLUSTER_LIMIT).await?;
        if answer.head.status != 200 {
            return Err(unexpected(&answer, "no configuration"));
        }
        Ok(PatroniResponse { value: object(&answer)?, head: answer.head })
    }
}

/// The endpoint with its URL cut down to where all paths begin.
pub fn base(endpoint: &HttpEndpoint) -> HttpEndpoint {
    let url = endpoint.url.trim().trim_end_matches('/');
    let url = url.strip_suffix("/patroni").unwrap_or(url).to_owned();
    HttpEndpoint { url, ..endpoint.clone() }
}

fn json(answer: &HttpAnswer) -> Result<Value, HttpError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let html = answer.body.trim_ascii_start().starts_with(b"<");
        let reason = match (html, error.is_eof()) {
            _ if answer.body.trim_ascii().is_empty() => "empty response instead of JSON",
            (true, _) => "HTML instead of JSON",
            (false, true) => "truncated JSON",
            (false, false) => "text instead of JSON",
        };
        unexpected(answer, reason)
    })
}

fn object(answer: &HttpAnswer) -> Result<Value, HttpError> {
    let value = json(answer)?;
    if value.is_object() { Ok(value) } else { Err(unexpected(answer, "not a JSON object")) }
}

fn unexpected(answer: &HttpAnswer, reason: &'static str) -> HttpError {
    HttpError::Unexpected { status: answer.head.status, reason, line: first_line(&answer.body) }
}

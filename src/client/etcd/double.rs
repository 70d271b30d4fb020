//! A double of an etcd member, for what a real one cannot be brought to do on demand. It serves reads and watches from
//! memory on loopback, and counts every request that would have changed something.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etcd_client::proto::*;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::sync::broadcast;
use tonic::{Request, Response, Status};

use super::double_auth::{Gate, Logins};
use crate::config::endpoint::{EtcdEndpoints, Timeouts, TlsSettings};

/// How the member behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ServerMode {
    /// As it should.
    Healthy,
    /// Alone, and aware of it.
    Leaderless,
    /// Alone, and not aware of it yet: what needs the majority hangs.
    NoLeader,
    /// Says that the user may not read.
    Forbidding,
}

struct State {
    server_mode: ServerMode,
    revision: i64,
    compacted: i64,
    keys: BTreeMap<Vec<u8>, PbKeyValue>,
    log: Vec<PbEvent>,
    deaf: bool,
    lease_left: i64,
    errors: Vec<String>,
    reads: usize,
    statuses: usize,
    term: u64,
    changes: Vec<&'static str>,
    /// Changes are made, not only counted.
    writable: bool,
    /// What is asked to change is changed, and nobody is told.
    mute: bool,
    /// Keys of the operation lock may not be read.
    secretive: bool,
    /// The status is for root alone, as since etcd 3.5.28 with authentication.
    status_for_root: bool,
    leases: Vec<i64>,
    /// Logins are asked for.
    gate: Option<Gate>,
}

/// The member. Clones share it.
#[derive(Clone)]
pub(crate) struct Member {
    /// `http://address:port`.
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    events: broadcast::Sender<PbEvent>,
}

type RpcResult<T> = Result<Response<T>, Status>;

/// Endpoints with short deadlines.
pub(crate) fn endpoints(urls: &[&str]) -> EtcdEndpoints {
    EtcdEndpoints {
        urls: urls.iter().map(ToString::to_string).collect(),
        login: None,
        tls: TlsSettings::default(),
        timeouts: Timeouts { connect: Duration::from_millis(400), request: Duration::from_millis(400) },
    }
}

impl Member {
    /// Starts a member with `keys`.
    pub(crate) async fn start(keys: &[(&str, &str)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = State {
            server_mode: ServerMode::Healthy,
            revision: 1,
            compacted: 0,
            keys: BTreeMap::new(),
            log: Vec::new(),
            deaf: false,
            lease_left: 25,
            errors: Vec::new(),
            reads: 0,
            statuses: 0,
            term: 3,
            changes: Vec::new(),
            writable: false,
            mute: false,
            secretive: false,
            status_for_root: false,
            leases: Vec::new(),
            gate: None,
        };
        let member = Self { url, state: Arc::new(Mutex::new(state)), events: broadcast::channel(64).0 };
        for (key, value) in keys {
            member.put(key, value);
        }
        let server = tonic::transport::Server::builder()
            .add_service(PbKvServer::new(member.clone()))
            .add_service(PbWatchServer::new(member.clone()))
            .add_service(PbLeaseServer::new(member.clone()))
            .add_service(PbMaintenanceServer::new(member.clone()))
            .add_service(PbClusterServer::new(member.clone()))
            .add_service(Logins(member.clone()))
            .serve_with_incoming(tonic::transport::server::TcpIncoming::from(listener));
        #[expect(clippy::disallowed_methods, reason = "the double ends with the test's runtime")]
        drop(tokio::spawn(server));
        member
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a key; `leader` and members hang on lease 7.
    pub(crate) fn put(&self, key: &str, value: &str) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        let old = state.keys.get(key.as_bytes());
        let kv = PbKeyValue {
            key: key.into(),
            value: value.into(),
            create_revision: old.map_or(revision, |old| old.create_revision),
            mod_revision: revision,
            version: old.map_or(1, |old| old.version + 1),
            lease: if key.ends_with("/leader") || key.contains("/members/") { 7 } else { 0 },
        };
        state.keys.insert(key.into(), kv.clone());
        self.tell(&mut state, PbEvent { r#type: 0, kv: Some(kv), prev_kv: None });
    }

    /// Deletes a key.
    pub(crate) fn delete(&self, key: &str) {
        let mut state = self.state();
        state.revision += 1;
        state.keys.remove(key.as_bytes());
        let kv = PbKeyValue { key: key.into(), mod_revision: state.revision, ..PbKeyValue::default() };
        self.tell(&mut state, PbEvent { r#type: 1, kv: Some(kv), prev_kv: None });
    }

    fn tell(&self, state: &mut State, event: PbEvent) {
        state.log.push(event.clone());
        if !state.deaf {
            // Nobody may be watching.
            drop(self.events.send(event));
        }
    }

    /// Changes how it behaves.
    pub(crate) fn set_mode(&self, server_mode: ServerMode) {
        self.state().server_mode = server_mode;
    }

    /// From now on watches are not told of changes.
    pub(crate) fn stop_answering(&self) {
        self.state().deaf = true;
    }

    /// Forgets the history up to now.
    pub(crate) fn compact(&self) {
        let mut state = self.state();
        state.compacted = state.revision;
        state.log.clear();
    }

    /// What a status answer lists as errors.
    pub(crate) fn report_problem(&self, error: &str) {
        self.state().errors.push(error.to_owned());
    }

    /// Reads so far.
    pub(crate) fn reads(&self) -> usize {
        self.state().reads
    }

    /// Status requests so far.
    pub(crate) fn statuses(&self) -> usize {
        self.state().statuses
    }

    /// Begins another term.
    pub(crate) fn elect(&self) {
        self.state().term += 1;
    }

    /// Requests that would have changed something.
    pub(crate) fn changes(&self) -> Vec<&'static str> {
        self.state().changes.clone()
    }

    fn header(&self) -> PbResponseHeader {
        let state = self.state();
        PbResponseHeader { cluster_id: 1, member_id: 11, revision: state.revision, raft_term: state.term }
    }

    /// From now on takes transactions and leases.
    pub(crate) fn take_writes(self) -> Self {
        self.state().writable = true;
        self
    }

    /// From now on asks for the logins that `gate` has.
    pub(crate) fn guard(self, gate: &Gate) -> Self {
        self.state().gate = Some(gate.clone());
        self
    }

    pub(super) fn gate(&self) -> Option<Gate> {
        self.state().gate.clone()
    }

    fn admit<T>(&self, request: &Request<T>) -> Result<(), Status> {
        self.gate().map_or(Ok(()), |gate| gate.admit(request))
    }

    /// From now on does what it is asked to change, and does not answer; `false`: answers again.
    pub(crate) fn swallow_answers(&self, swallow: bool) {
        self.state().mute = swallow;
    }

    /// From now on nobody may read the operation lock.
    pub(crate) fn hide_locks(&self) {
        self.state().secretive = true;
    }

    /// From now on refuses its status, as to every login but root's.
    pub(crate) fn keep_status_for_root(&self) {
        self.state().status_for_root = true;
    }

    /// Lets every lease run out.
    pub(crate) fn expire(&self) {
        let leases = std::mem::take(&mut self.state().leases);
        for lease in leases {
            self.drop_lease(lease);
        }
    }

    /// The value of a key.
    pub(crate) fn value(&self, key: &str) -> Option<String> {
        let state = self.state();
        state.keys.get(key.as_bytes()).map(|kv| String::from_utf8_lossy(&kv.value).into_owned())
    }

    /// Revision at which a key was created; 0: absent.
    pub(crate) fn created(&self, key: &str) -> i64 {
        self.state().keys.get(key.as_bytes()).map_or(0, |kv| kv.create_revision)
    }

    /// Revision at which a key was last written; 0: absent.
    pub(crate) fn written(&self, key: &str) -> i64 {
        self.state().keys.get(key.as_bytes()).map_or(0, |kv| kv.mod_revision)
    }

    fn drop_lease(&self, lease: i64) {
        let hanging: Vec<_> = {
            let mut state = self.state();
            state.leases.retain(|other| *other != lease);
            let on_it = state.keys.values().filter(|kv| kv.lease == lease);
            on_it.map(|kv| String::from_utf8_lossy(&kv.key).into_owned()).collect()
        };
        for key in &hanging {
            self.delete(key);
        }
    }

    /// Notes a request to change something, which is refused unless writing was switched on.
    fn may_change(&self, what: &'static str) -> Result<(), Status> {
        if self.state().writable { Ok(()) } else { self.change::<()>(what).map(|_| ()) }
    }

    async fn reported<T>(&self, answer: T) -> RpcResult<T> {
        if self.state().mute {
            return std::future::pending().await;
        }
        Ok(Response::new(answer))
    }

    fn holds(&self, compare: &PbCompare) -> bool {
        use etcd_client::proto::PbTargetUnion as Target;
        let state = self.state();
        let kv = state.keys.get(&compare.key);
        match &compare.target_union {
            Some(Target::CreateRevision(revision)) => kv.map_or(0, |kv| kv.create_revision) == *revision,
            Some(Target::ModRevision(revision)) => kv.map_or(0, |kv| kv.mod_revision) == *revision,
            Some(Target::Value(value)) => kv.is_some_and(|kv| kv.value == *value),
            other => panic!("the double does not compare {other:?}"),
        }
    }

    fn apply(&self, request: PbTxnRequest) -> PbTxnResponse {
        use etcd_client::proto::{PbTxnOpRequest as Op, PbTxnOpResponse as Done};
        let succeeded = request.compare.iter().all(|compare| self.holds(compare));
        let operations = if succeeded { request.success } else { request.failure };
        let done = operations.into_iter().filter_map(|operation| operation.request).map(|operation| {
            let response = match operation {
                Op::RequestPut(put) => {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    self.put(&text(&put.key), &text(&put.value));
                    if let Some(kv) = self.state().keys.get_mut(&put.key) {
                        kv.lease = put.lease;
                    }
                    Done::ResponsePut(PbPutResponse::default())
                }
                Op::RequestRange(range) => Done::ResponseRange(self.range_of(&range)),
                other => panic!("the double does not do {other:?}"),
            };
            PbResponseOp { response: Some(response) }
        });
        let responses = done.collect();
        PbTxnResponse { header: Some(self.header()), succeeded, responses }
    }

    fn change<T>(&self, what: &'static str) -> RpcResult<T> {
        self.state().changes.push(what);
        Err(Status::unimplemented(what))
    }

    pub(super) async fn majority(&self, strict: bool) -> Result<(), Status> {
        let server_mode = self.state().server_mode;
        match server_mode {
            ServerMode::Healthy | ServerMode::Forbidding => Ok(()),
            ServerMode::Leaderless if strict => Err(Status::unavailable("etcdserver: no leader")),
            ServerMode::Leaderless | ServerMode::NoLeader => std::future::pending().await,
        }
    }

    fn range_of(&self, asked: &PbRangeRequest) -> PbRangeResponse {
        let mut state = self.state();
        state.reads += 1;
        let inside = |key: &[u8]| match asked.range_end.as_slice() {
            [] => key == asked.key,
            [0] => key >= asked.key.as_slice(),
            end => key >= asked.key.as_slice() && key < end,
        };
        let mut kvs: Vec<_> = state.keys.values().filter(|kv| inside(&kv.key)).cloned().collect();
        let count = kvs.len();
        if asked.limit > 0 {
            kvs.truncate(usize::try_from(asked.limit).unwrap_or(usize::MAX));
        }
        if asked.keys_only {
            for kv in &mut kvs {
                kv.value.clear();
            }
        }
        if asked.count_only {
            kvs.clear();
        }
        let header = PbResponseHeader { cluster_id: 1, member_id: 11, revision: state.revision, raft_term: state.term };
        PbRangeResponse { header: Some(header), kvs, more: false, count: i64::try_from(count).unwrap_or(0) }
    }
}

fn strict<T>(request: &Request<T>) -> bool {
    request.metadata().get("hasleader").is_some_and(|value| value == "true")
}

#[tonic::async_trait]
impl PbKvService for Member {
    type RangeStreamStream = BoxStream<'static, Result<PbRangeStreamResponse, Status>>;

    async fn range(&self, request: Request<PbRangeRequest>) -> RpcResult<PbRangeResponse> {
        if !request.get_ref().serializable {
            self.majority(strict(&request)).await?;
        }
        self.admit(&request)?;
        let locks = request.get_ref().key.starts_with(b"/pgctl-tui/");
        let forbidden = { self.state().server_mode == ServerMode::Forbidding || (self.state().secretive && locks) };
        if forbidden {
            return Err(Status::permission_denied("etcdserver: permission denied"));
        }
        Ok(Response::new(self.range_of(request.get_ref())))
    }

    async fn range_stream(&self, _: Request<PbRangeRequest>) -> RpcResult<Self::RangeStreamStream> {
        Err(Status::unimplemented("range stream"))
    }

    async fn put(&self, _: Request<PbPutRequest>) -> RpcResult<PbPutResponse> {
        self.change("put")
    }

    async fn delete_range(&self, _: Request<PbDeleteRequest>) -> RpcResult<PbDeleteResponse> {
        self.change("delete")
    }

    async fn txn(&self, request: Request<PbTxnRequest>) -> RpcResult<PbTxnResponse> {
        self.may_change("txn")?;
        self.majority(strict(&request)).await?;
        self.admit(&request)?;
        let answer = self.apply(request.into_inner());
        self.reported(answer).await
    }

    async fn compact(&self, _: Request<PbCompactionRequest>) -> RpcResult<PbCompactionResponse> {
        self.change("compact")
    }
}

#[tonic::async_trait]
impl PbWatchService for Member {
    type WatchStream = BoxStream<'static, Result<PbWatchResponse, Status>>;

    async fn watch(&self, request: Request<tonic::Streaming<PbWatchRequest>>) -> RpcResult<Self::WatchStream> {
        let admitted = self.admit(&request);
        let mut asked = request.into_inner();
        let created = asked.message().await?.and_then(|message| message.request_union);
        let Some(PbWatchRequestUnion::CreateRequest(wanted)) = created else {
            return Err(Status::invalid_argument("create first"));
        };
        if let Err(status) = admitted {
            let cancel_reason = format!("rpc error: code = {:?} desc = {}", status.code(), status.message());
            let refused =
                PbWatchResponse { created: true, canceled: true, cancel_reason, ..PbWatchResponse::default() };
            return Ok(Response::new(stream::iter([Ok(refused)]).chain(stream::pending()).boxed()));
        }
        let mut first =
            vec![PbWatchResponse { header: Some(self.header()), created: true, ..PbWatchResponse::default() }];
        let live = self.events.subscribe();
        {
            let state = self.state();
            if wanted.start_revision <= state.compacted {
                let compact_revision = state.compacted;
                first.push(PbWatchResponse { canceled: true, compact_revision, ..PbWatchResponse::default() });
            }
            let reported =
                |event: &&PbEvent| event.kv.as_ref().is_some_and(|kv| kv.mod_revision >= wanted.start_revision);
            let events: Vec<_> = state.log.iter().filter(reported).cloned().collect();
            if !events.is_empty() && !state.deaf {
                first.push(PbWatchResponse { events, ..PbWatchResponse::default() });
            }
        }
        let live = stream::unfold((live, asked), |(mut live, asked)| async move {
            let event = live.recv().await.ok()?;
            let revision = event.kv.as_ref().map_or(0, |kv| kv.mod_revision);
            let header = Some(PbResponseHeader { revision, ..PbResponseHeader::default() });
            let response = PbWatchResponse { header, events: vec![event], ..PbWatchResponse::default() };
            Some((response, (live, asked)))
        });
        Ok(Response::new(stream::iter(first).chain(live).map(Ok).boxed()))
    }
}

#[tonic::async_trait]
impl PbLeaseService for Member {
    type LeaseKeepAliveStream = BoxStream<'static, Result<PbLeaseKeepAliveResponse, Status>>;

    async fn lease_grant(&self, request: Request<PbLeaseGrantRequest>) -> RpcResult<PbLeaseGrantResponse> {
        self.may_change("lease grant")?;
        self.majority(strict(&request)).await?;
        self.admit(&request)?;
        let id = {
            let mut state = self.state();
            state.revision += 1;
            let id = 1000 + state.revision;
            state.leases.push(id);
            id
        };
        let ttl = request.get_ref().ttl;
        self.reported(PbLeaseGrantResponse { header: Some(self.header()), id, ttl, error: String::new() }).await
    }

    async fn lease_revoke(&self, request: Request<PbLeaseRevokeRequest>) -> RpcResult<PbLeaseRevokeResponse> {
        self.may_change("lease revoke")?;
        let id = request.get_ref().id;
        let known = self.state().leases.contains(&id);
        if !known {
            return Err(Status::not_found("etcdserver: requested lease not found"));
        }
        self.drop_lease(id);
        self.reported(PbLeaseRevokeResponse { header: Some(self.header()) }).await
    }

    async fn lease_keep_alive(
        &self,
        request: Request<tonic::Streaming<PbLeaseKeepAliveRequest>>,
    ) -> RpcResult<Self::LeaseKeepAliveStream> {
        self.may_change("lease keep-alive")?;
        let mut asked = request.into_inner();
        let id = asked.message().await?.map_or(0, |first| first.id);
        let ttl = if self.state().leases.contains(&id) { 15 } else { 0 };
        let answer = PbLeaseKeepAliveResponse { header: Some(self.header()), id, ttl };
        self.reported(stream::iter([Ok(answer)]).chain(stream::pending()).boxed()).await
    }

    async fn lease_time_to_live(
        &self,
        request: Request<PbLeaseTimeToLiveRequest>,
    ) -> RpcResult<PbLeaseTimeToLiveResponse> {
        self.majority(strict(&request)).await?;
        self.admit(&request)?;
        let ttl = self.state().lease_left;
        let id = request.get_ref().id;
        Ok(Response::new(PbLeaseTimeToLiveResponse {
            header: Some(self.header()),
            id,
            ttl,
            granted_ttl: 30,
            keys: Vec::new(),
        }))
    }

    async fn lease_leases(&self, _: Request<PbLeaseLeasesRequest>) -> RpcResult<PbLeaseLeasesResponse> {
        Err(Status::unimplemented("leases"))
    }
}

#[tonic::async_trait]
impl PbMaintenanceService for Member {
    type SnapshotStream = BoxStream<'static, Result<PbSnapshotResponse, Status>>;

    async fn alarm(&self, request: Request<PbAlarmRequest>) -> RpcResult<PbAlarmResponse> {
        if request.into_inner().action != etcd_client::AlarmAction::Get as i32 {
            return self.change("alarm");
        }
        let header = Some(self.header());
        let mut state = self.state();
        // A proposal to the majority, if one that changes nothing.
        state.changes.push("alarm list");
        let own = PbAlarmMember { member_id: 11, alarm: etcd_client::AlarmType::Nospace as i32 };
        let alarms = if state.errors.iter().any(|line| line.contains("NOSPACE")) { vec![own] } else { Vec::new() };
        Ok(Response::new(PbAlarmResponse { header, alarms }))
    }

    async fn status(&self, _: Request<PbStatusRequest>) -> RpcResult<PbStatusResponse> {
        let header = Some(self.header());
        let mut state = self.state();
        state.statuses += 1;
        if state.status_for_root {
            return Err(Status::permission_denied("etcdserver: permission denied"));
        }
        let led = matches!(state.server_mode, ServerMode::Healthy | ServerMode::Forbidding | ServerMode::NoLeader);
        Ok(Response::new(PbStatusResponse {
            header,
            version: "3.5.16".to_owned(),
            db_size: 40_960,
            db_size_in_use: 36_864,
            leader: if led { 12 } else { 0 },
            raft_index: 90,
            raft_applied_index: 88,
            raft_term: state.term,
            errors: state.errors.clone(),
            ..PbStatusResponse::default()
        }))
    }

    async fn defragment(&self, _: Request<PbDefragmentRequest>) -> RpcResult<PbDefragmentResponse> {
        self.change("defragment")
    }

    async fn hash(&self, _: Request<PbHashRequest>) -> RpcResult<PbHashResponse> {
        self.change("hash")
    }

    async fn hash_kv(&self, _: Request<PbHashKvRequest>) -> RpcResult<PbHashKvResponse> {
        self.change("hash kv")
    }

    async fn snapshot(&self, _: Request<PbSnapshotRequest>) -> RpcResult<Self::SnapshotStream> {
        self.change("snapshot")
    }

    async fn move_leader(&self, _: Request<PbMoveLeaderRequest>) -> RpcResult<PbMoveLeaderResponse> {
        self.change("move leader")
    }

    async fn downgrade(&self, _: Request<PbDowngradeRequest>) -> RpcResult<PbDowngradeResponse> {
        self.change("downgrade")
    }
}

#[tonic::async_trait]
impl PbClusterService for Member {
    async fn member_add(&self, _: Request<PbMemberAddRequest>) -> RpcResult<PbMemberAddResponse> {
        self.change("member add")
    }

    async fn member_remove(&self, _: Request<PbMemberRemoveRequest>) -> RpcResult<PbMemberRemoveResponse> {
        self.change("member remove")
    }

    async fn member_update(&self, _: Request<PbMemberUpdateRequest>) -> RpcResult<PbMemberUpdateResponse> {
        self.change("member update")
    }

    async fn member_list(&self, _: Request<PbMemberListRequest>) -> RpcResult<PbMemberListResponse> {
        let member =
            |id: u64, is_learner| PbMember { id, name: format!("etcd-{id}"), is_learner, ..PbMember::default() };
        let members = vec![member(11, false), member(12, false), member(13, false), member(14, true)];
        Ok(Response::new(PbMemberListResponse { header: Some(self.header()), members }))
    }

    async fn member_promote(&self, _: Request<PbMemberPromoteRequest>) -> RpcResult<PbMemberPromoteResponse> {
        self.change("member promote")
    }
}

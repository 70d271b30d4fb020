//! etcd: one store of three members, in which every cluster has its record. Patroni's heartbeats move it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[expect(clippy::wildcard_imports, reason = "it is the whole of the server's half")]
use etcd_client::proto::*;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use tokio::sync::mpsc;
use tonic::{Request, Response, Status};

use super::world::{Node, World};

type RpcResult<T> = Result<Response<T>, Status>;

/// Whoever watches a range of keys.
struct Watcher {
    key: Vec<u8>,
    end: Vec<u8>,
    events: mpsc::UnboundedSender<PbWatchResponse>,
}

#[derive(Default)]
struct State {
    revision: i64,
    keys: BTreeMap<Vec<u8>, PbKeyValue>,
    watchers: Vec<Watcher>,
    reads: u64,
}

/// The store.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<State>>);

/// One of its members.
#[derive(Clone)]
struct Member {
    store: Store,
    id: u64,
}

fn inside(key: &[u8], from: &[u8], end: &[u8]) -> bool {
    match end {
        [] => key == from,
        [0] => key >= from,
        end => key >= from && key < end,
    }
}

fn header(member_id: u64, revision: i64) -> PbResponseHeader {
    PbResponseHeader { cluster_id: 1, member_id, revision, raft_term: 3 }
}

impl Store {
    /// A store with the record of every cluster.
    pub(crate) fn of(world: &World) -> Self {
        let store = Self::default();
        for cluster in 0..world.clusters {
            let scope = World::scope(cluster);
            let put = |key: &str, value: String, lease| store.put(&format!("/service/{scope}/{key}"), value, lease);
            put("initialize", World::system_id(cluster), 0);
            put(
                "config",
                "{\"ttl\":30,\"loop_wait\":10,\"retry_timeout\":10,\"maximum_lag_on_failover\":1048576,\"postgresql\":\
                 {\"use_pg_rewind\":true,\"use_slots\":true,\"parameters\":{\"wal_level\":\"replica\",\"max_connections\":100}}}"
                    .to_owned(),
                0,
            );
            put("leader", "pg-0".to_owned(), 7);
            store.beat(world, cluster);
        }
        store
    }

    /// One loop of the agents of a cluster: positions move.
    pub(crate) fn beat(&self, world: &World, cluster: u16) {
        let (scope, at) = (World::scope(cluster), world.position(cluster));
        for number in 0..3 {
            let node = Node { cluster, number };
            let (role, address) = (if node.leads() { "primary" } else { "replica" }, node.address());
            let state = if node.leads() { "" } else { "\"replication_state\":\"streaming\"," };
            let value = format!(
                "{{\"conn_url\":\"postgres://{address}:{POSTGRES}/postgres\",\"api_url\":\"http://{address}:{PATRONI}/patroni\",\
                 \"state\":\"running\",\"role\":\"{role}\",\"version\":\"4.0.7\",\"xlog_location\":{at},{state}\"timeline\":1}}",
                POSTGRES = super::POSTGRES,
                PATRONI = super::PATRONI,
            );
            self.put(&format!("/service/{scope}/members/pg-{number}"), value, 7);
        }
        self.put(&format!("/service/{scope}/status"), format!("{{\"optime\":{at},\"slots\":{{}}}}"), 0);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, key: &str, value: String, lease: i64) {
        let mut state = self.state();
        state.revision += 1;
        let revision = state.revision;
        let old = state.keys.get(key.as_bytes());
        let kv = PbKeyValue {
            key: key.into(),
            value: value.into_bytes(),
            create_revision: old.map_or(revision, |old| old.create_revision),
            mod_revision: revision,
            version: old.map_or(1, |old| old.version + 1),
            lease,
        };
        state.keys.insert(key.into(), kv.clone());
        state.watchers.retain(|watcher| {
            if !inside(key.as_bytes(), &watcher.key, &watcher.end) {
                return !watcher.events.is_closed();
            }
            let event = PbEvent { r#type: 0, kv: Some(kv.clone()), prev_kv: None };
            let response =
                PbWatchResponse { header: Some(header(11, revision)), events: vec![event], ..Default::default() };
            watcher.events.send(response).is_ok()
        });
    }

    /// Reads so far, and watches that stand.
    pub(crate) fn counted(&self) -> (u64, usize) {
        let state = self.state();
        (state.reads, state.watchers.len())
    }

    /// Serves as the member with this number at `address` for good.
    pub(crate) async fn serve(self, number: u64, address: SocketAddr) {
        let member = Member { store: self, id: 10 + number };
        let served = tonic::transport::Server::builder()
            .add_service(PbKvServer::new(member.clone()))
            .add_service(PbWatchServer::new(member.clone()))
            .add_service(PbLeaseServer::new(member.clone()))
            .add_service(PbMaintenanceServer::new(member.clone()))
            .add_service(PbClusterServer::new(member))
            .serve(address);
        if let Err(error) = served.await {
            eprintln!("etcd double: {error}");
        }
    }
}

impl Member {
    fn header(&self, state: &State) -> PbResponseHeader {
        header(self.id, state.revision)
    }
}

#[tonic::async_trait]
impl PbKvService for Member {
    type RangeStreamStream = BoxStream<'static, Result<PbRangeStreamResponse, Status>>;

    async fn range(&self, request: Request<PbRangeRequest>) -> RpcResult<PbRangeResponse> {
        let asked = request.into_inner();
        let mut state = self.store.state();
        state.reads += 1;
        let range = state.keys.range(asked.key.clone()..);
        let mut kvs: Vec<_> =
            range.take_while(|(key, _)| inside(key, &asked.key, &asked.range_end)).map(|(_, kv)| kv.clone()).collect();
        let count = i64::try_from(kvs.len()).unwrap_or(0);
        if asked.keys_only {
            for kv in &mut kvs {
                kv.value.clear();
            }
        }
        if asked.count_only {
            kvs.clear();
        }
        Ok(Response::new(PbRangeResponse { header: Some(self.header(&state)), kvs, more: false, count }))
    }

    async fn range_stream(&self, _: Request<PbRangeRequest>) -> RpcResult<Self::RangeStreamStream> {
        Err(Status::unimplemented(""))
    }

    async fn put(&self, _: Request<PbPutRequest>) -> RpcResult<PbPutResponse> {
        Err(Status::unimplemented(""))
    }

    async fn delete_range(&self, _: Request<PbDeleteRequest>) -> RpcResult<PbDeleteResponse> {
        Err(Status::unimplemented(""))
    }

    async fn txn(&self, _: Request<PbTxnRequest>) -> RpcResult<PbTxnResponse> {
        Err(Status::unimplemented(""))
    }

    async fn compact(&self, _: Request<PbCompactionRequest>) -> RpcResult<PbCompactionResponse> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl PbWatchService for Member {
    type WatchStream = BoxStream<'static, Result<PbWatchResponse, Status>>;

    async fn watch(&self, request: Request<tonic::Streaming<PbWatchRequest>>) -> RpcResult<Self::WatchStream> {
        let mut asked = request.into_inner();
        let (events, reported) = mpsc::unbounded_channel();
        let store = self.store.clone();
        let (id, revision) = (self.id, store.state().revision);
        #[expect(clippy::disallowed_methods, reason = "it ends with the connection")]
        tokio::spawn(async move {
            let mut watch_id = 0;
            while let Ok(Some(message)) = asked.message().await {
                if let Some(PbWatchRequestUnion::CreateRequest(wanted)) = message.request_union {
                    let header = Some(header(id, revision));
                    let created = PbWatchResponse { header, watch_id, created: true, ..Default::default() };
                    if events.send(created).is_err() {
                        return;
                    }
                    watch_id += 1;
                    let watcher = Watcher { key: wanted.key, end: wanted.range_end, events: events.clone() };
                    store.state().watchers.push(watcher);
                }
            }
        });
        let reported = stream::unfold(reported, |mut reported| async move {
            reported.recv().await.map(|response| (Ok(response), reported))
        });
        Ok(Response::new(reported.boxed()))
    }
}

#[tonic::async_trait]
impl PbLeaseService for Member {
    type LeaseKeepAliveStream = BoxStream<'static, Result<PbLeaseKeepAliveResponse, Status>>;

    async fn lease_grant(&self, _: Request<PbLeaseGrantRequest>) -> RpcResult<PbLeaseGrantResponse> {
        Err(Status::unimplemented(""))
    }

    async fn lease_revoke(&self, _: Request<PbLeaseRevokeRequest>) -> RpcResult<PbLeaseRevokeResponse> {
        Err(Status::unimplemented(""))
    }

    async fn lease_keep_alive(
        &self,
        _: Request<tonic::Streaming<PbLeaseKeepAliveRequest>>,
    ) -> RpcResult<Self::LeaseKeepAliveStream> {
        Err(Status::unimplemented(""))
    }

    async fn lease_time_to_live(
        &self,
        request: Request<PbLeaseTimeToLiveRequest>,
    ) -> RpcResult<PbLeaseTimeToLiveResponse> {
        let mut state = self.store.state();
        state.reads += 1;
        let id = request.get_ref().id;
        let header = Some(self.header(&state));
        Ok(Response::new(PbLeaseTimeToLiveResponse { header, id, ttl: 25, granted_ttl: 30, keys: Vec::new() }))
    }

    async fn lease_leases(&self, _: Request<PbLeaseLeasesRequest>) -> RpcResult<PbLeaseLeasesResponse> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl PbMaintenanceService for Member {
    type SnapshotStream = BoxStream<'static, Result<PbSnapshotResponse, Status>>;

    async fn alarm(&self, _: Request<PbAlarmRequest>) -> RpcResult<PbAlarmResponse> {
        Err(Status::unimplemented(""))
    }

    async fn status(&self, _: Request<PbStatusRequest>) -> RpcResult<PbStatusResponse> {
        let mut state = self.store.state();
        state.reads += 1;
        Ok(Response::new(PbStatusResponse {
            header: Some(self.header(&state)),
            version: "3.5.16".to_owned(),
            db_size: 4_096_000,
            db_size_in_use: 3_686_400,
            leader: 11,
            raft_index: 90,
            raft_applied_index: 90,
            raft_term: 3,
            ..PbStatusResponse::default()
        }))
    }

    async fn defragment(&self, _: Request<PbDefragmentRequest>) -> RpcResult<PbDefragmentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn hash(&self, _: Request<PbHashRequest>) -> RpcResult<PbHashResponse> {
        Err(Status::unimplemented(""))
    }

    async fn hash_kv(&self, _: Request<PbHashKvRequest>) -> RpcResult<PbHashKvResponse> {
        Err(Status::unimplemented(""))
    }

    async fn snapshot(&self, _: Request<PbSnapshotRequest>) -> RpcResult<Self::SnapshotStream> {
        Err(Status::unimplemented(""))
    }

    async fn move_leader(&self, _: Request<PbMoveLeaderRequest>) -> RpcResult<PbMoveLeaderResponse> {
        Err(Status::unimplemented(""))
    }

    async fn downgrade(&self, _: Request<PbDowngradeRequest>) -> RpcResult<PbDowngradeResponse> {
        Err(Status::unimplemented(""))
    }
}

#[tonic::async_trait]
impl PbClusterService for Member {
    async fn member_add(&self, _: Request<PbMemberAddRequest>) -> RpcResult<PbMemberAddResponse> {
        Err(Status::unimplemented(""))
    }

    async fn member_remove(&self, _: Request<PbMemberRemoveRequest>) -> RpcResult<PbMemberRemoveResponse> {
        Err(Status::unimplemented(""))
    }

    async fn member_update(&self, _: Request<PbMemberUpdateRequest>) -> RpcResult<PbMemberUpdateResponse> {
        Err(Status::unimplemented(""))
    }

    async fn member_list(&self, _: Request<PbMemberListRequest>) -> RpcResult<PbMemberListResponse> {
        let member = |id: u64| PbMember { id, name: format!("etcd-{}", id - 10), ..PbMember::default() };
        let header = Some(self.header(&self.store.state()));
        Ok(Response::new(PbMemberListResponse { header, members: vec![member(11), member(12), member(13)] }))
    }

    async fn member_promote(&self, _: Request<PbMemberPromoteRequest>) -> RpcResult<PbMemberPromoteResponse> {
        Err(Status::unimplemented(""))
    }
}

//! What the simulated pooler does with an order, as PgBouncer does.

use crate::action::order::PoolerRequest;
use crate::driver::ha::sim::core::World;
use crate::driver::ha::sim::core::backups::PoolerPause;
use crate::driver::ha::sim::core::requests::RequestResult;
use crate::driver::ha::sim::sources::POOLER_DATABASE;
use crate::model::text::Text;

impl World {
    pub(super) fn ask_pooler(&mut self, request: &PoolerRequest) -> RequestResult {
        if self.parts.pooler_down {
            return RequestResult::Refused;
        }
        let named: Option<&Text> = match request {
            PoolerRequest::Pause { database }
            | PoolerRequest::Resume { database }
            | PoolerRequest::Kill { database } => Some(database),
            PoolerRequest::Reconnect { database } => database.as_ref(),
            PoolerRequest::PauseAll | PoolerRequest::ResumeAll => None,
        };
        if let Some(name) = named.filter(|name| name.as_str() != POOLER_DATABASE) {
            return RequestResult::result(false, format!("no such database: {name}"));
        }
        let now = self.clock.now();
        let pause = &mut self.parts.pooler_pause;
        match request {
            PoolerRequest::Pause { .. } | PoolerRequest::PauseAll if pause.since().is_some() => {
                RequestResult::result(false, "it is paused already, by another user")
            }
            PoolerRequest::Pause { .. } => {
                pause.database = Some(now);
                RequestResult::result(true, "PAUSE, verified: paused, no server in use")
            }
            PoolerRequest::PauseAll => {
                pause.all = Some(now);
                RequestResult::result(true, "PAUSE, verified: paused, no server in use")
            }
            PoolerRequest::Resume { .. } if pause.all.is_some() => {
                RequestResult::result(false, "database orders is not paused, but everything is paused by another user")
            }
            PoolerRequest::Resume { .. } => {
                *pause = PoolerPause::default();
                RequestResult::result(true, "RESUME, verified: not paused")
            }
            PoolerRequest::ResumeAll => {
                pause.all = None;
                pause.killed &= pause.database.is_some();
                RequestResult::result(true, "RESUME, verified: not paused")
            }
            PoolerRequest::Reconnect { .. } => {
                self.parts.pooler_stale = None;
                RequestResult::result(true, "RECONNECT, verified: no server of before is left")
            }
            PoolerRequest::Kill { .. } => {
                *pause = PoolerPause { database: Some(now), killed: true, ..*pause };
                RequestResult::result(true, "KILL, verified: its clients are gone, and it is paused")
            }
        }
    }
}

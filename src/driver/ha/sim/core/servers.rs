//! What the router's runtime interface is told of a server.

use super::World;
use super::router::{Admin, FALL};
use crate::action::intent::ServerState;
use crate::model::router::PoolPurpose;

impl World {
    /// `set server B/S state ...`, of the server of this place.
    pub(crate) fn set_server_state(&mut self, section: usize, server: usize, state: ServerState) {
        let now = self.clock.now();
        let server = &mut self.router.sections[section].servers[server];
        let admin = match state {
            ServerState::Ready => Admin::Ready,
            ServerState::Drain => Admin::Drain,
            ServerState::Maintenance => Admin::Maintenance,
        };
        if server.admin == admin {
            return;
        }
        let left = server.admin == Admin::Maintenance;
        (server.admin, server.changed, server.forced_down) = (admin, now, false);
        if admin == Admin::Maintenance {
            server.cut_sessions();
        } else if left {
            // It comes back as if it were up, is checked at once, and bears no failure.
            (server.up, server.streak, server.next_check) = (true, FALL - 1, now);
        }
    }

    /// `set server B/S health up|down`. Returns whether it did anything: in maintenance nothing happens, and HAProxy
    /// says nothing of it.
    pub(crate) fn set_server_health(&mut self, section: usize, server: usize, up: bool) -> bool {
        let now = self.clock.now();
        let section = &mut self.router.sections[section];
        let unchecked = self.router.unchecked && section.purpose == PoolPurpose::Write;
        let server = &mut section.servers[server];
        if server.admin == Admin::Maintenance {
            return false;
        }
        // Full health at once: it takes as many failed checks as ever to lose it again.
        server.streak = 0;
        // Where nothing checks, nothing brings it back either.
        server.forced_down = unchecked && !up;
        if server.up == up {
            return true;
        }
        if !up {
            server.cut_sessions();
            server.downs += 1;
        }
        (server.up, server.changed) = (up, now);
        true
    }
}

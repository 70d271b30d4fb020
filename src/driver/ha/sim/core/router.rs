//! HAProxy in front of the nodes: checks every three seconds, three to fall, two to rise.

use crate::model::router::PoolPurpose;

use super::World;
use super::clock::{MILLISECOND, Random, SECOND, Time};
use super::node::Power;
use crate::driver::ha::sim::manager::Manager;

/// `inter`, `fall` and `rise` of every server.
const INTER: Time = 3 * SECOND;
pub(crate) const FALL: u8 = 3;
pub(crate) const RISE: u8 = 2;

/// What a check came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Check {
    /// 200.
    Passed,
    /// 503.
    WrongStatus,
    Refused,
    /// No answer to the connection attempt.
    ConnectTimeout,
    /// Connected, no answer.
    AnswerTimeout,
}

/// What an operator has set a server to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Admin {
    /// As its check says.
    Ready,
    /// Keeps its sessions, gets no new ones.
    Drain,
    /// Out of service, and not checked.
    Maintenance,
}

/// One server of a pool.
#[derive(Clone, Debug)]
pub(crate) struct RouterServer {
    pub(crate) node: usize,
    pub(crate) admin: Admin,
    pub(crate) up: bool,
    /// Told down by hand where nothing checks.
    pub(crate) forced_down: bool,
    /// Checks in a row that speak against `up`.
    pub(crate) streak: u8,
    pub(crate) next_check: Time,
    pub(crate) check: Check,
    /// How long the last check took, in microseconds.
    pub(crate) check_took: Time,
    pub(crate) changed: Time,
    /// Time down in all.
    pub(crate) downtime: Time,
    pub(crate) failures: u64,
    pub(crate) downs: u64,
    pub(crate) traffic: Traffic,
    pub(crate) last_session: Time,
}

impl RouterServer {
    /// Whether new sessions are sent there.
    pub(crate) fn takes_traffic(&self) -> bool {
        self.up && self.admin == Admin::Ready
    }

    /// What `show servers state` tells of it.
    pub(crate) fn describe(&self) -> String {
        let runs = if self.up && self.admin != Admin::Maintenance { "up" } else { "down" };
        match self.admin {
            Admin::Ready => runs.to_owned(),
            Admin::Drain => format!("{runs}, DRAIN"),
            Admin::Maintenance => format!("{runs}, MAINT (manually)"),
        }
    }

    /// `on-marked-down shutdown-sessions`.
    pub(crate) fn cut_sessions(&mut self) {
        self.traffic.server_aborts += self.traffic.sessions;
        self.traffic.sessions = 0;
    }
}

/// Counters of a server or a frontend.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Traffic {
    pub(crate) sessions: u64,
    pub(crate) sessions_max: u64,
    pub(crate) total: u64,
    pub(crate) rate: u64,
    pub(crate) rate_max: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) connect_errors: u64,
    pub(crate) retries: u64,
    pub(crate) redispatches: u64,
    pub(crate) client_aborts: u64,
    pub(crate) server_aborts: u64,
}

impl Traffic {
    /// One second with `sessions` open, of which `fresh` are new.
    fn count(&mut self, sessions: u64, fresh: u64, weight: u64) {
        self.sessions = sessions;
        self.sessions_max = self.sessions_max.max(sessions);
        self.total += fresh;
        self.rate = fresh;
        self.rate_max = self.rate_max.max(fresh);
        self.bytes_in += sessions * 3_100 * weight / 100;
        self.bytes_out += sessions * 14_800 * weight / 100;
    }
}

/// One `listen` section.
#[derive(Clone, Debug)]
pub(crate) struct RouterPool {
    pub(crate) purpose: PoolPurpose,
    pub(crate) servers: Vec<RouterServer>,
    pub(crate) front: Traffic,
    pub(crate) queue: u64,
    pub(crate) queue_max: u64,
    /// When the backend last went from usable to not, or back.
    pub(crate) changed: Time,
    pub(crate) downtime: Time,
    /// Sessions its clients want at full load.
    wanted: u64,
}

impl RouterPool {
    /// Servers that take traffic.
    pub(crate) fn usable(&self) -> u64 {
        self.servers.iter().filter(|server| server.takes_traffic()).count() as u64
    }
}

/// The process.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedRouter {
    pub(crate) up: bool,
    /// Keeps its servers as they are, whatever the checks say.
    pub(crate) stuck: bool,
    /// The statistics page is gone.
    pub(crate) page_down: bool,
    /// The write pool's servers have no checks.
    pub(crate) unchecked: bool,
    pub(crate) started: Time,
    pub(crate) sections: Vec<RouterPool>,
    dice: Random,
}

impl SimulatedRouter {
    /// A router that has run for `age`, with the first node leading. `nodes` tells of each node since when it runs and
    /// whether it takes readers.
    pub(crate) fn new(nodes: &[(Time, bool)], wanted: (u64, u64), seed: u64, now: Time, age: Time) -> Self {
        let mut dice = Random::new(seed ^ 0x4a12);
        let section = |purpose: PoolPurpose, wanted: u64, dice: &mut Random| RouterPool {
            purpose,
            servers: (0..nodes.len()).map(|node| server(purpose, nodes[node], node, (now, age), dice)).collect(),
            front: Traffic::default(),
            queue: 0,
            queue_max: 0,
            changed: now.saturating_sub(age),
            downtime: 0,
            wanted,
        };
        let mut sections = vec![
            section(PoolPurpose::Write, wanted.0, &mut dice),
            section(PoolPurpose::Read, wanted.1, &mut dice),
            section(PoolPurpose::Any, 6, &mut dice),
        ];
        for section in &mut sections {
            let usable = section.usable().max(1);
            let wanted = section.wanted;
            for server in section.servers.iter_mut().filter(|server| server.up) {
                server.traffic = history(wanted / usable, age);
            }
            section.front = history(wanted, age);
        }
        Self {
            up: true,
            stuck: false,
            page_down: false,
            unchecked: false,
            started: now.saturating_sub(age),
            sections,
            dice,
        }
    }

    /// Part of the writing clients that have found a primary, 0 to 1.
    pub(crate) fn write_share(&self) -> f64 {
        if !self.up {
            return 0.0;
        }
        let write = self.sections.iter().filter(|section| section.purpose == PoolPurpose::Write);
        let (sessions, wanted) =
            write.fold((0, 0), |sum, section| (sum.0 + section.front.sessions, sum.1 + section.wanted));
        (sessions as f64 / wanted.max(1) as f64).min(1.0)
    }

    /// Sessions on a node by purpose: write, read, any.
    pub(crate) fn sessions_on(&self, node: usize) -> (u64, u64, u64) {
        let on = |purpose: PoolPurpose| {
            let sections = self.sections.iter().filter(|section| section.purpose == purpose);
            sections.map(|section| section.servers[node].traffic.sessions).sum()
        };
        (on(PoolPurpose::Write), on(PoolPurpose::Read), on(PoolPurpose::Any))
    }

    /// Starts anew: counters at zero, every server up until its first check, as HAProxy has it.
    pub(crate) fn restart(&mut self, now: Time) {
        self.up = true;
        self.started = now;
        for section in &mut self.sections {
            section.front = Traffic::default();
            (section.queue, section.queue_max, section.downtime, section.changed) = (0, 0, 0, now);
            for server in &mut section.servers {
                let next_check = now + self.dice.between(0, 900) * MILLISECOND;
                // One failed check suffices for a server that was never checked.
                *server = RouterServer { up: true, streak: FALL - 1, next_check, ..blank(server.node, now) };
            }
        }
    }
}

fn blank(node: usize, now: Time) -> RouterServer {
    RouterServer {
        node,
        admin: Admin::Ready,
        up: true,
        forced_down: false,
        streak: 0,
        next_check: now,
        check: Check::Passed,
        check_took: 2_000,
        changed: now,
        downtime: 0,
        failures: 0,
        downs: 0,
        traffic: Traffic::default(),
        last_session: 0,
    }
}

fn server(
    purpose: PoolPurpose,
    (started, takes_readers): (Time, bool),
    node: usize,
    (now, age): (Time, Time),
    dice: &mut Random,
) -> RouterServer {
    let up = match purpose {
        PoolPurpose::Write => node == 0,
        PoolPurpose::Read => node != 0 && takes_readers,
        PoolPurpose::Any | PoolPurpose::Unknown => true,
    };
    let since = if started + 9 * SECOND < now { started + 9 * SECOND } else { now };
    let changed = since.max(now.saturating_sub(age));
    RouterServer {
        up,
        next_check: now + dice.between(0, INTER / TIME_STEP) * TIME_STEP,
        check: if up { Check::Passed } else { Check::WrongStatus },
        check_took: dice.between(1_000, 5_000),
        changed,
        downtime: if up { dice.between(9, 40) * SECOND } else { age },
        failures: dice.between(1, 5),
        downs: dice.between(1, 4),
        ..blank(node, now)
    }
}

const TIME_STEP: Time = 100 * MILLISECOND;

fn history(sessions: u64, age: Time) -> Traffic {
    let seconds = age / SECOND;
    let fresh = (sessions * 18).div_ceil(100);
    Traffic {
        sessions,
        sessions_max: sessions * 147 / 100,
        total: fresh * seconds,
        rate: fresh,
        rate_max: fresh * 5 + 20,
        bytes_in: sessions * 3_100 * seconds,
        bytes_out: sessions * 14_800 * seconds,
        connect_errors: sessions / 3,
        retries: sessions / 2,
        redispatches: sessions / 9,
        client_aborts: seconds / 900,
        server_aborts: sessions * 2,
    }
}

impl Check {
    /// Whether nothing of the node answers at all, by what has become of its host. `None`: it may answer.
    pub(crate) fn of_host(power: Power) -> Option<Self> {
        match power {
            Power::On => None,
            Power::Off => Some(Self::Refused),
            Power::Cut => Some(Self::ConnectTimeout),
            Power::Frozen => Some(Self::AnswerTimeout),
        }
    }
}

impl World {
    /// Runs the checks that are due.
    pub(super) fn run_checks(&mut self, manager: &dyn Manager) {
        let now = self.clock.now();
        if !self.router.up {
            return;
        }
        for section in 0..self.router.sections.len() {
            let usable = self.router.sections[section].usable() > 0;
            for server in 0..self.router.sections[section].servers.len() {
                let checked = &self.router.sections[section].servers[server];
                if now >= checked.next_check && checked.admin != Admin::Maintenance && !checked.forced_down {
                    self.run_check(manager, section, server);
                }
            }
            let section = &mut self.router.sections[section];
            if (section.usable() > 0) != usable {
                section.changed = now;
            }
        }
    }

    fn run_check(&mut self, manager: &dyn Manager, section: usize, server: usize) {
        let now = self.clock.now();
        let purpose = self.router.sections[section].purpose;
        let check = manager.check(self, self.router.sections[section].servers[server].node, purpose);
        let took = match check {
            Check::Passed | Check::WrongStatus => self.router.dice.between(900, 5_200),
            Check::Refused => self.router.dice.between(100, 700),
            Check::ConnectTimeout | Check::AnswerTimeout => INTER,
        };
        let stuck = self.router.stuck;
        let server = &mut self.router.sections[section].servers[server];
        server.next_check = now + INTER;
        server.check = check;
        server.check_took = took;
        if (check == Check::Passed) == server.up || stuck {
            server.streak = 0;
            return;
        }
        server.streak += 1;
        server.failures += u64::from(server.up);
        let enough = if server.up { FALL } else { RISE };
        if server.streak < enough {
            return;
        }
        server.streak = 0;
        if server.up {
            server.cut_sessions();
            server.downs += 1;
        }
        server.up = !server.up;
        server.changed = now;
    }

    /// Once a second: clients come and go.
    pub(super) fn carry_traffic(&mut self) {
        let now = self.clock.now();
        if !self.router.up {
            return;
        }
        let rush = self.load.rate as f64 / self.spec.wal_rate.max(1) as f64;
        let busy = (80.0 + 20.0 * rush).clamp(60.0, 130.0) as u64;
        for section in &mut self.router.sections {
            let usable = section.usable();
            let wanted = section.wanted * busy / 100;
            let share = wanted.checked_div(usable).unwrap_or(0);
            let mut open = 0;
            let mut fresh = 0;
            for server in &mut section.servers {
                if !server.up || server.admin == Admin::Maintenance {
                    server.downtime += SECOND;
                    server.traffic.rate = 0;
                    continue;
                }
                let node = &self.nodes[server.node];
                let held = server.traffic.sessions;
                let silent = matches!(node.power, Power::Frozen | Power::Cut);
                if !node.serves() && !silent {
                    // Not noticed yet: connections break, new ones are refused and tried elsewhere.
                    server.traffic.server_aborts += held;
                    server.traffic.connect_errors += share / 8 + 1;
                    server.traffic.retries += share / 6 + 1;
                    server.traffic.redispatches += share / 12;
                    server.traffic.sessions = 0;
                    server.traffic.rate = 0;
                    continue;
                }
                if server.admin == Admin::Drain {
                    // Clients leave one by one, and nobody comes.
                    server.traffic.count(held - held.div_ceil(6), 0, busy);
                    open += server.traffic.sessions;
                    continue;
                }
                let ripple = self.router.dice.between(0, share / 12 + 2);
                let goal = share + ripple;
                let sessions = if silent { held } else { (held + (goal.max(held) - held).div_ceil(3)).min(goal) };
                let came = sessions.saturating_sub(held) + if silent { 0 } else { sessions * 18 / 100 };
                server.traffic.count(sessions, came, busy);
                server.traffic.client_aborts += u64::from(ripple == 0);
                if came > 0 {
                    server.last_session = now;
                }
                open += sessions;
                fresh += came;
            }
            section.queue = if usable == 0 { (section.queue + wanted / 6 + 1).min(wanted) } else { section.queue / 4 };
            section.queue_max = section.queue_max.max(section.queue);
            section.downtime += if usable == 0 { SECOND } else { 0 };
            section.front.count(open + section.queue, fresh, busy);
        }
    }
}

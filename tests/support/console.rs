//! The console on simulated clusters without a terminal: keys in, screen out, and its effects performed by the hand that
//! the demo has.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use pgctl::action::Intent;
use pgctl::driver::ha::sim::{Fault, Scenario, SimulatedCluster};
use pgctl::model::name::ClusterName;
use pgctl::model::thresholds::{Limits, Thresholds};
use pgctl::observe::cluster::{ClusterSetup, start};
use pgctl::observe::picture::{Handle, Picture};
use pgctl::operate::plan_service::PlanService;
use pgctl::operate::ports::{Drills, JobLauncher, JobStore, JobUpdates};
use pgctl::tui::app::App;
use pgctl::tui::effect::Effect;
use pgctl::tui::event::{ActionTicket, Event};
use pgctl::tui::options::{Hooks, Options};
use pgctl::tui::{export, keymap};
use pgctl::wire::rehearsal::DemoJobs;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const DAY: Duration = Duration::from_secs(86_400);

/// A simulated cluster that is observed, and the hand on it.
pub(crate) struct World {
    pub(crate) cluster: SimulatedCluster,
    pub(crate) handle: Handle,
    pub(crate) launcher: Arc<DemoJobs>,
    _tracker: TaskTracker,
    cancel: CancellationToken,
}

#[expect(clippy::disallowed_methods, reason = "a test is a face of its own")]
pub(crate) fn epoch() -> Timestamp {
    Timestamp::now()
}

impl Drop for World {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl World {
    /// A calm cluster, a few seconds old.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A calm cluster with another stack.
    pub(crate) async fn with(change: impl FnOnce(&mut ClusterSetup)) -> Self {
        Self::around(SimulatedCluster::new("prod-eu", 3, Scenario::Calm, epoch()), change).await
    }

    /// This cluster, observed as `change` has it.
    pub(crate) async fn around(cluster: SimulatedCluster, change: impl FnOnce(&mut ClusterSetup)) -> Self {
        let mut stack = ClusterSetup {
            identity: cluster.identity(),
            thresholds: Thresholds { clock_offset: Limits { warning: DAY, critical: DAY }, ..Thresholds::default() },
            interval: Duration::from_secs(1),
            deadline: Duration::from_secs(2),
            sources: cluster.sources(),
            nodes: cluster.node_sources(),
            configured: Vec::new(),
            namespace_is_assumed: false,
            routers: cluster.routers(),
            speed_up: false,
            attentive: false,
            gather: Duration::from_millis(50),
        };
        change(&mut stack);
        let (tracker, cancel) = (TaskTracker::new(), CancellationToken::new());
        let handle = start(stack, &tracker, &cancel);
        let launcher = DemoJobs::on([(cluster.clone(), handle.clone())]).expect("a place for files");
        tokio::time::sleep(Duration::from_secs(8)).await;
        Self { cluster, handle, launcher: Arc::new(launcher), _tracker: tracker, cancel }
    }

    /// Breaks something now.
    pub(crate) fn inject(&self, fault: Fault) {
        let now = self.handle.clock.now();
        self.cluster.world().lock().expect("a world").schedule(now, fault);
    }

    /// What a console that may act is given.
    pub(crate) fn hooks(&self) -> Hooks {
        Hooks {
            plan_services: self.launcher.plan_services(),
            launcher: Some(self.launcher.clone()),
            job_store: Some(Arc::new(self.launcher.job_store())),
            drills: Some(self.launcher.clone()),
            // Asked for as an effect; nothing here opens one.
            editor: Some(Arc::new(|_| Box::pin(std::future::ready(Err("no editor here".to_owned()))))),
            ..Hooks::default()
        }
    }

    /// A console that may act.
    pub(crate) fn console(&self) -> Console {
        Console::new(self, Options::default(), &self.hooks())
    }
}

/// A console.
pub(crate) struct Console {
    pub(crate) app: App,
    pub(crate) size: (u16, u16),
    handle: Handle,
    launcher: Option<Arc<dyn JobLauncher>>,
    job_store: Option<Arc<dyn JobStore>>,
    drills: Option<Arc<dyn Drills>>,
    plan_services: BTreeMap<ClusterName, PlanService>,
    updates: Vec<(ActionTicket, JobUpdates)>,
    preparing: Vec<(ActionTicket, BoxFuture<'static, Result<PlanService, String>>)>,
    began: Instant,
    /// Everything it asked for, but for orders to observers.
    pub(crate) asked: Vec<String>,
}

impl Console {
    pub(crate) fn new(world: &World, options: Options, hooks: &Hooks) -> Self {
        let picture: Arc<Picture> = world.handle.latest();
        let app = App::new(vec![(world.handle.cluster.clone(), picture)], options, hooks);
        let mut console = Self {
            app,
            size: (120, 40),
            handle: world.handle.clone(),
            launcher: hooks.launcher.clone(),
            job_store: hooks.job_store.clone(),
            drills: hooks.drills.clone(),
            plan_services: hooks.plan_services.clone(),
            updates: Vec::new(),
            preparing: Vec::new(),
            began: Instant::now(),
            asked: Vec::new(),
        };
        console.text();
        console
    }

    pub(crate) fn text(&mut self) -> String {
        let (width, height) = self.size;
        export::text(&self.app.screen(width, height))
    }

    async fn happen(&mut self, event: Event) {
        let at = self.elapsed();
        let mut effects = self.app.update(event, at);
        while let Some(effect) = effects.pop() {
            effects.extend(self.perform(effect).await);
        }
    }

    async fn perform(&mut self, effect: Effect) -> Vec<Effect> {
        let at = self.elapsed();
        match effect {
            Effect::Order(_, order) => self.handle.order(order),
            Effect::Begin { ticket, plan, confirmation } => {
                self.asked.push(format!("begin {}", plan.title));
                let launcher = self.launcher.clone().expect("not available in read-only mode");
                return match launcher.begin(*plan, confirmation).await {
                    Ok((action, updates)) => {
                        self.updates.push((ticket, updates));
                        self.app.update(Event::Begun { ticket, action }, at)
                    }
                    Err(why) => self.app.update(Event::NotBegun { ticket, why }, at),
                };
            }
            Effect::Follow { ticket, action } => {
                let job_store = self.job_store.as_ref().expect("a ledger");
                self.updates.push((ticket, job_store.follow(&action)));
            }
            Effect::End(action) => self.launcher.as_ref().expect("a hand").ask_to_end(&action).await.expect("asked"),
            Effect::Acknowledge(action) => {
                self.launcher.as_ref().expect("a hand").acknowledge(&action).await.expect("logged");
            }
            Effect::Strike { action, steps } => {
                self.launcher.as_ref().expect("a hand").mark_reverted(&action, steps).await.expect("struck out");
            }
            Effect::List => {
                let listed = self.job_store.as_ref().expect("a ledger").list().await;
                self.app.deposit_list(listed);
                return self.app.update(Event::Listed, at);
            }
            Effect::Reports(index) => {
                let reports = self.drills.as_ref().expect("drills").reports(&self.handle.cluster).await;
                self.app.deposit_reports(index, reports);
                return self.app.update(Event::Reports(index), at);
            }
            Effect::Prepare { ticket, intent, .. } => {
                let Intent::Drill { scenario, .. } = *intent else { panic!("{intent:?} is not prepared") };
                self.asked.push(format!("prepare {scenario}"));
                let plan_service = &self.plan_services[&self.handle.cluster];
                self.preparing.push((ticket, plan_service.inspect(self.handle.latest().snapshot.clone(), *intent)));
            }
            Effect::Copy(text) => self.asked.push(format!("copy {text}")),
            Effect::Edit { text, .. } => self.asked.push(format!("edit {text}")),
            Effect::Alert(_) => {}
            other => self.asked.push(format!("{other:?}")),
        }
        Vec::new()
    }

    /// The console's own time.
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Does what is done when the console starts.
    pub(crate) async fn start(&mut self) {
        let mut effects = self.app.first_effects();
        while let Some(effect) = effects.pop() {
            effects.extend(self.perform(effect).await);
        }
        self.text();
    }

    /// Presses a row of keys, drawing after each.
    pub(crate) async fn press(&mut self, keys: &str) {
        for key in keymap::sequence(keys).expect("keys") {
            self.happen(Event::Key(key)).await;
            self.text();
        }
    }

    /// The text that the editor was opened on last.
    pub(crate) fn in_editor(&self) -> String {
        let last = self.asked.iter().rev().find_map(|asked| asked.strip_prefix("edit "));
        last.expect("the editor").to_owned()
    }

    /// Leaves the editor with this text.
    pub(crate) async fn edited(&mut self, text: &str) {
        self.happen(Event::Edited { cluster: 0, text: text.to_owned() }).await;
        self.text();
    }

    /// Lets a moment pass, and takes in what came.
    pub(crate) async fn moment(&mut self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut reported = Vec::new();
        for (ticket, updates) in &mut self.updates {
            while let Ok(progress) = updates.try_recv() {
                reported.push((*ticket, progress));
            }
        }
        for (ticket, progress) in reported {
            self.app.deposit_updates(ticket, vec![progress]);
            self.happen(Event::JobUpdates(ticket)).await;
        }
        let mut prepared = Vec::new();
        self.preparing.retain_mut(|(ticket, plan_service)| match plan_service.now_or_never() {
            Some(plan_service) => {
                prepared.push((*ticket, plan_service));
                false
            }
            None => true,
        });
        for (ticket, plan_service) in prepared {
            self.app.deposit_plan_service(ticket, plan_service);
            self.happen(Event::Prepared(ticket)).await;
        }
        let delay = self.handle.clock.now().since(self.handle.latest().snapshot.now);
        self.app.deposit(0, self.handle.latest(), delay);
        self.happen(Event::Picture(0)).await;
        self.happen(Event::Tick).await;
    }

    /// Lets time pass.
    pub(crate) async fn pass(&mut self, moments: u32) {
        for _ in 0..moments {
            self.moment().await;
        }
        self.text();
    }

    /// Lets time pass until the screen shows `text`, for two minutes at most.
    pub(crate) async fn until(&mut self, text: &str) {
        for _ in 0..1200 {
            if self.text().contains(text) {
                return;
            }
            self.moment().await;
        }
        panic!("{text:?} did not appear:\n{}", self.text());
    }

    pub(crate) fn shows(&mut self, texts: &[&str]) {
        let screen = self.text();
        for text in texts {
            assert!(screen.contains(text), "{text:?} is not on the screen:\n{screen}");
        }
    }

    pub(crate) fn hides(&mut self, texts: &[&str]) {
        let screen = self.text();
        for text in texts {
            assert!(!screen.contains(text), "{text:?} is on the screen:\n{screen}");
        }
    }

    /// Keeps the screen as a picture where `PGCTL_SCREENS` says.
    pub(crate) fn keep(&mut self, name: &str) {
        let Some(directory) = std::env::var_os("PGCTL_SCREENS") else { return };
        std::fs::create_dir_all(&directory).expect("the directory can be made");
        let sizes = [(60, 20), (80, 24), (120, 40), (200, 60)];
        for (width, height) in sizes {
            let buffer = self.app.screen(width, height);
            let path = std::path::Path::new(&directory).join(format!("{name}-{width}x{height}"));
            std::fs::write(path.with_extension("svg"), export::svg(&buffer, self.app.theme())).expect("written");
            std::fs::write(path.with_extension("txt"), export::text(&buffer)).expect("written");
        }
        self.text();
    }
}

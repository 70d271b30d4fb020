//! What the console is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::tz::TimeZone;

use super::clipboard::Multiplexer;
use super::effect::PsqlTarget;
use super::theme::ColourDepth;
use super::views::View;
use crate::model::finding::Finding;
use crate::model::name::ClusterName;
use crate::model::text::Text;
use crate::observe::picture::Picture;
use crate::operate::plan_service::PlanService;
use crate::operate::ports::{Drills, JobLauncher, JobStore};
use crate::report::alerts::Alert;

/// How the operator is told of what begins and ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Alerts {
    /// Ring the terminal's bell.
    pub bell: bool,
    /// Send a desktop notification through the terminal (OSC 9).
    pub desktop: bool,
}

/// How the console looks and behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only looking.
    pub read_only: bool,
    /// For a screen nobody touches; implies `read_only`.
    pub wall: bool,
    /// Name of the theme.
    pub theme: String,
    /// Where the operator's own themes are.
    pub theme_directory: Option<PathBuf>,
    /// Colours of the terminal.
    pub depth: ColourDepth,
    /// The terminal knows ASCII alone.
    pub ascii: bool,
    /// Listen to the mouse.
    pub mouse: bool,
    /// Refresh interval at the start.
    pub interval: Duration,
    /// Zone in which times are written.
    pub zone: TimeZone,
    /// What stands between this program and the terminal.
    pub multiplexer: Multiplexer,
    /// Where saved screens go.
    pub save_directory: PathBuf,
    /// The operator's home, which is written `~` where there is little room.
    pub home: Option<PathBuf>,
    /// Alerts.
    pub alerts: Alerts,
    /// How long the wall stays on one page.
    pub rotation: Duration,
    /// View at the start; `None`: the clusters where there are several, else the topology.
    pub view: Option<View>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_only: false,
            wall: false,
            theme: "dark".to_owned(),
            theme_directory: None,
            depth: ColourDepth::True,
            ascii: false,
            mouse: true,
            interval: Duration::from_secs(2),
            zone: TimeZone::UTC,
            multiplexer: Multiplexer::None,
            save_directory: PathBuf::from("."),
            home: None,
            alerts: Alerts::default(),
            rotation: Duration::from_secs(12),
            view: None,
        }
    }
}

/// Runs psql to its end in the terminal that it is given. The error is one line.
pub type PsqlHook = Arc<dyn Fn(PsqlTarget) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Writes an evidence bundle and tells where. The error is one line.
pub type EvidenceHook =
    Arc<dyn Fn(ClusterName, Arc<Picture>) -> BoxFuture<'static, Result<PathBuf, String>> + Send + Sync>;

/// Takes note of an alert. Must return at once; limits on its rate are its own business.
pub type AlertHook = Arc<dyn Fn(Alert) + Send + Sync>;

/// Writes down on this host that a finding is known, with why and for how long; without, that it is not any more. The
/// error is one line.
pub type AcknowledgeHook =
    Arc<dyn Fn(ClusterName, Finding, Option<(Text, Duration)>) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Gives a text to the operator's editor in the terminal that it is given, and returns what became of it. The error is
/// one line.
pub type EditorHook = Arc<dyn Fn(String) -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// What the console cannot do itself, since it knows neither processes nor configuration. What is `None` is listed as
/// not available. A read-only console is given no psql, no desk and no hand.
#[derive(Clone, Default)]
pub struct Hooks {
    /// Draw up plans, for each cluster on which this console may act.
    pub plan_services: BTreeMap<ClusterName, PlanService>,
    /// Begins and ends actions.
    pub launcher: Option<Arc<dyn JobLauncher>>,
    /// Tells what runs and what ran.
    pub job_store: Option<Arc<dyn JobStore>>,
    /// Tells what drills have shown.
    pub drills: Option<Arc<dyn Drills>>,
    /// Opens the operator's editor.
    pub editor: Option<EditorHook>,
    /// Opens psql.
    pub psql: Option<PsqlHook>,
    /// Writes an evidence bundle.
    pub evidence: Option<EvidenceHook>,
    /// Passes on alerts.
    pub alert: Option<AlertHook>,
    /// Writes down which findings are known. A read-only console has none.
    pub acknowledge: Option<AcknowledgeHook>,
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { plan_services, launcher, job_store, drills, editor, psql, evidence, alert, acknowledge: know } =
            self;
        f.debug_struct("Hooks")
            .field("desks", &plan_services.keys().collect::<Vec<_>>())
            .field("hand", &launcher.is_some())
            .field("ledger", &job_store.is_some())
            .field("drills", &drills.is_some())
            .field("editor", &editor.is_some())
            .field("psql", &psql.is_some())
            .field("evidence", &evidence.is_some())
            .field("alert", &alert.is_some())
            .field("know", &know.is_some())
            .finish()
    }
}

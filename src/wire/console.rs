//! Starts the console: on the configured clusters, or on simulated ones; or draws a single frame of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use jiff::tz::TimeZone;

use super::stack::{Purpose, simulated};
use super::{Observers, UsageError, hooks, interval, job, pauses, span};
use crate::cli::args::{self, Arguments};
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::config::environment::Environment;
use crate::config::resolved::{ClusterSettings, Settings, Symbols, UiSettings};
use crate::observe::once;
use crate::observe::picture::Handle;
use crate::operate::plan_service::HostNotes;
use crate::tui::clipboard::Multiplexer;
use crate::tui::theme::{ColourDepth, Theme};
use crate::tui::views::View;
use crate::tui::{self, Alerts, Console, Hooks, Options, Outcome};

/// Columns and rows of the largest frame.
const MAX_WIDTH: u16 = 500;
const MAX_HEIGHT: u16 = 300;

/// Longest wait for the sources before a single frame is drawn.
const FRAME_TIMEOUT: Duration = Duration::from_secs(3);

/// A cluster that is followed: its settings, and its observer.
pub(super) struct ObservedCluster {
    /// Its settings.
    pub(super) cluster: Arc<ClusterSettings>,
    /// Its observer.
    pub(super) handle: Handle,
}

/// The console on every cluster of `settings`.
pub(super) async fn on_clusters(
    arguments: &Arguments,
    settings: Settings,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let read_only = arguments.shared.read_only || arguments.console.wall;
    let observers = Observers::start(&settings, read_only, Purpose::Stay);
    let options = options(arguments, &settings.ui, interval(&settings))?;
    let hook = arguments.console.hook.as_deref();
    let here = HostNotes::default();
    if !read_only {
        let here = here.clone();
        observers.tracker.spawn(async move { here.tell(job::here().await) });
    }
    observers.tracker.spawn(pauses::recall(observers.handles.clone()));
    observers.follow_acknowledged();
    let followed = observers.settings.iter().cloned().zip(observers.handles.iter().cloned());
    let followed: Vec<ObservedCluster> =
        followed.map(|(cluster, handle)| ObservedCluster { cluster, handle }).collect();
    let hooks = hooks::for_clusters(&options, settings, &followed, &arguments.shared, hook, &here);
    show(arguments, observers, options, hooks, printer).await
}

/// The console on simulated clusters.
pub(super) async fn on_simulation(
    arguments: &Arguments,
    demo: &args::Demo,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let interval = match &arguments.shared.interval {
        Some(text) => span("--interval", text)?,
        None => Duration::from_secs(1),
    };
    let read_only = arguments.shared.read_only || arguments.console.wall;
    let mut clusters = simulated::clusters(demo);
    if let Some(named) = &arguments.shared.cluster {
        let there_is: Vec<String> = clusters.iter().map(|cluster| cluster.name().to_string()).collect();
        clusters.retain(|cluster| cluster.name().as_str() == named);
        if clusters.is_empty() {
            return Err(UsageError(format!("--cluster {named}: the demo has {}", there_is.join(", "))).into());
        }
    }
    let stacks = clusters.iter().map(|cluster| simulated::stack(cluster, read_only, interval)).collect();
    let observers = Observers::of(stacks);
    let options = options(arguments, &UiSettings::default(), interval)?;
    let acted = clusters.into_iter().zip(observers.handles.iter().cloned());
    let hooks = hooks::for_simulation(&options, acted, arguments.console.hook.as_deref())?;
    show(arguments, observers, options, hooks, printer).await
}

async fn show(
    arguments: &Arguments,
    observers: Observers,
    options: Options,
    hooks: Hooks,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let console = Console { handles: observers.handles.clone(), options, hooks };
    let exit = match &arguments.console.frame {
        Some(size) => frame(arguments, console, size, printer).await,
        None => {
            let ended = tui::run(console).await?;
            // Nobody reads a terminal that is gone.
            if ended.outcome != Outcome::TerminalLost {
                ended.shutdown_message.iter().for_each(|line| printer.say(line));
            }
            Ok(Exit::Done)
        }
    };
    observers.end().await;
    exit
}

/// One frame, once the sources have answered.
async fn frame(arguments: &Arguments, mut console: Console, size: &str, printer: &mut Printer) -> anyhow::Result<Exit> {
    let parsed = size.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let Some((width, height)) =
        parsed.filter(|(width, height)| (1..=MAX_WIDTH).contains(width) && (1..=MAX_HEIGHT).contains(height))
    else {
        return Err(UsageError(format!(
            "--frame {size}: use COLUMNSxROWS, such as 120x40, at most {MAX_WIDTH}x{MAX_HEIGHT}"
        ))
        .into());
    };
    let settle = |handle: &mut Handle| {
        let mut handle = handle.clone();
        async move { once::settled(&mut handle, FRAME_TIMEOUT).await }
    };
    join_all(console.handles.iter_mut().map(settle)).await;
    let (buffer, theme) = tui::still(&console, width, height).await;
    for warning in &theme.warnings {
        printer.say(format!("pgctl-tui: {warning}"));
    }
    match &arguments.console.svg {
        Some(path) => {
            let picture = tui::export::svg(&buffer, &theme);
            std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))?;
        }
        None => printer.document(&tui::export::text(&buffer))?,
    }
    Ok(Exit::Done)
}

fn options(arguments: &Arguments, ui: &UiSettings, interval: Duration) -> anyhow::Result<Options> {
    let environment = Environment::of_process();
    let console = &arguments.console;
    let view = console.view.as_deref().map(named_view).transpose()?;
    let depth = colour_depth(console, &environment);
    Ok(Options {
        read_only: arguments.shared.read_only || console.wall,
        wall: console.wall,
        theme: console.theme.clone().or_else(|| ui.theme.clone()).unwrap_or_else(|| Theme::usual(depth).to_owned()),
        theme_directory: Some(config_directory(&environment).join("themes")),
        depth,
        ascii: console.ascii || ui.symbols == Symbols::Ascii || environment.is_narrow(),
        mouse: ui.mouse && !console.no_mouse && !console.wall,
        interval,
        zone: TimeZone::system(),
        multiplexer: Multiplexer::detect(environment.get("TMUX"), environment.get("TERM")),
        save_directory: state_directory(&environment),
        home: environment.home(),
        alerts: Alerts { bell: console.bell || ui.wall.bell, desktop: console.notify || ui.wall.notify },
        rotation: ui.wall.page,
        view,
    })
}

/// A saved picture has all colours; a terminal has what it says it has.
fn colour_depth(console: &args::Console, environment: &Environment) -> ColourDepth {
    if console.svg.is_some() {
        return ColourDepth::True;
    }
    ColourDepth::detect(environment.get("NO_COLOR"), environment.get("COLORTERM"), environment.get("TERM"))
}

pub(super) fn named_view(name: &str) -> anyhow::Result<View> {
    let there_is = || View::ALL.map(|view| view.title().to_lowercase()).join(", ");
    View::named(name)
        .ok_or_else(|| UsageError(format!("--view {name}: no such view; available: {}", there_is())).into())
}

fn config_directory(environment: &Environment) -> PathBuf {
    crate::config::default_path(environment).parent().map(PathBuf::from).unwrap_or_default()
}

/// `~/.local/state/pgctl-tui`, where screens and evidence are saved.
pub(super) fn state_directory(environment: &Environment) -> PathBuf {
    let base = environment.get("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = base.or_else(|| environment.home().map(|home| home.join(".local/state")));
    base.unwrap_or_else(|| PathBuf::from(".")).join("pgctl-tui")
}

/// Whether there is a place that every process of this user finds again. Without one nothing may be done to a cluster: what
/// is to be taken back would be looked for in vain.
pub(super) fn has_state_directory(environment: &Environment) -> bool {
    state_directory(environment).is_absolute()
}

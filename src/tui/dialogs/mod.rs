//! What opens above a view: help, everything known of a row, a message, the themes, what runs while one leaves.

mod detail;
mod help;
mod keys;
mod leaving;
mod message;
mod themes;

use ratatui::layout::{Position, Rect};

pub(in crate::tui) use self::detail::grouped as detail_lines;
pub(in crate::tui) use self::keys::{choose, close, scroll};

use super::acting::{PendingAction, Preparing, ReportSelection, width_in};
use super::app::App;
use super::event::ActionTicket;
use super::theme::Theme;
use super::views::View;
use super::widgets::{Canvas, frame, lines};
use crate::action::record::ActionId;
use crate::model::text::Text;
use crate::report::line::Line;

/// Widest a dialog becomes: longer lines are hard to read.
const MAX_WIDTH: u16 = 118;

/// A dialog and where it is scrolled to.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// Every command.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// Everything known of a row, made anew with every picture.
    Detail {
        /// View of the row.
        view: View,
        /// Its pane.
        pane: String,
        /// Its name.
        row: Text,
        /// First line shown.
        scroll: usize,
    },
    /// Something to read.
    Message {
        /// Heading.
        title: String,
        /// Text.
        lines: Vec<String>,
        /// First line shown.
        scroll: usize,
    },
    /// An action that is shown and not yet begun.
    PendingAction(Box<PendingAction>),
    /// A drill whose plan is not there yet.
    Preparing(Preparing),
    /// The report of a drill.
    Story {
        /// Which.
        report_selection: ReportSelection,
        /// First line shown.
        scroll: usize,
    },
    /// The actions for the selected row.
    Menu {
        /// The one selected.
        selected: usize,
        /// Those that do not fit the row are shown too, each with its reason.
        is_whole: bool,
    },
    /// The console is being left while an action of it runs.
    Leaving,
    /// An action that runs, or ran.
    Watch {
        /// Which.
        ticket: ActionTicket,
        /// First line shown.
        scroll: usize,
    },
    /// The actions that run and ran.
    Actions {
        /// The one selected.
        selected: usize,
    },
    /// An action whose process died.
    Leftovers {
        /// Which.
        action: ActionId,
        /// First line shown.
        scroll: usize,
    },
    /// The themes, shown as one goes through them.
    Themes {
        /// Names.
        names: Vec<String>,
        /// The one shown.
        selected: usize,
        /// The one to go back to.
        before: Box<Theme>,
    },
}

impl Dialog {
    /// Whether nothing is asked in it: it can be left without losing anything.
    pub fn is_informational(&self) -> bool {
        match self {
            Self::Help { .. }
            | Self::Detail { .. }
            | Self::Message { .. }
            | Self::Story { .. }
            | Self::Watch { .. }
            | Self::Actions { .. }
            | Self::Leftovers { .. } => true,
            Self::PendingAction(_) | Self::Preparing(_) | Self::Menu { .. } | Self::Themes { .. } | Self::Leaving => {
                false
            }
        }
    }

    /// Whether something is typed in it, so that keys are text.
    pub fn is_typed(&self) -> bool {
        matches!(self, Self::PendingAction(pending_action) if pending_action.typing.is_some())
    }

    /// Moves by `step`, in a text of `total` lines of which `visible` show.
    pub fn scroll(&mut self, step: isize, total: usize, visible: usize) {
        match self {
            Self::PendingAction(pending_action) => {
                pending_action.scroll =
                    pending_action.scroll.saturating_add_signed(step).min(total.saturating_sub(visible));
            }
            Self::Menu { selected, .. } | Self::Actions { selected } => {
                *selected = selected.saturating_add_signed(step).min(total.saturating_sub(1));
            }
            Self::Help { scroll }
            | Self::Detail { scroll, .. }
            | Self::Message { scroll, .. }
            | Self::Watch { scroll, .. }
            | Self::Story { scroll, .. }
            | Self::Leftovers { scroll, .. } => {
                *scroll = scroll.saturating_add_signed(step).min(total.saturating_sub(visible));
            }
            Self::Preparing(_) | Self::Leaving => {}
            Self::Themes { names, selected, .. } => {
                *selected = selected.saturating_add_signed(step.clamp(-1, 1)).min(names.len().saturating_sub(1));
            }
        }
    }

    /// Its name in the breadcrumbs.
    pub fn breadcrumb(&self) -> String {
        match self {
            Self::Help { .. } => "Help".to_owned(),
            Self::Detail { row, .. } => row.to_string(),
            Self::Message { title, .. } => title.clone(),
            Self::Themes { .. } => "Theme".to_owned(),
            Self::PendingAction(pending_action) => pending_action.intent.verb().to_owned(),
            Self::Preparing(preparing) => preparing.intent.verb().to_owned(),
            Self::Story { report_selection, .. } => report_selection.scenario.describe().to_owned(),
            Self::Menu { .. } => "Act".to_owned(),
            Self::Leaving => "Leave".to_owned(),
            Self::Watch { .. } => "Action".to_owned(),
            Self::Actions { .. } => "Actions".to_owned(),
            Self::Leftovers { .. } => "Died".to_owned(),
        }
    }
}

/// The lines of a dialog in `width` columns, with the name of what they are about.
fn content(app: &App, dialog: &Dialog, width: usize) -> (String, Vec<Line>) {
    match dialog {
        Dialog::Help { .. } => ("Help".to_owned(), help::lines(app, width)),
        Dialog::Detail { view, pane, row, .. } => (row.to_string(), detail::lines(app, *view, pane, row, width)),
        Dialog::Message { title, lines, .. } => (title.clone(), message::lines(lines, width)),
        Dialog::Themes { names, selected, .. } => ("Theme".to_owned(), themes::lines(names, *selected)),
        Dialog::Leaving => ("An action is still running".to_owned(), leaving::lines(app, width)),
        Dialog::PendingAction(_)
        | Dialog::Preparing(_)
        | Dialog::Story { .. }
        | Dialog::Menu { .. }
        | Dialog::Watch { .. }
        | Dialog::Actions { .. }
        | Dialog::Leftovers { .. } => (dialog.breadcrumb(), message::lines(&["no longer there".to_owned()], width)),
    }
}

impl App {
    /// Draws the dialog on top into `area`. Returns its lines, how many show, and where the cursor stands while something
    /// is typed in it.
    pub(in crate::tui) fn draw_dialog(
        &self,
        canvas: &mut Canvas<'_>,
        area: Rect,
    ) -> ((usize, usize), Option<Position>) {
        let Some(dialog) = self.dialogs.last() else { return ((0, 0), None) };
        if let Some(dialog_model) = self.dialog_model(dialog, width_in(area, matches!(dialog, Dialog::Story { .. }))) {
            return dialog_model.draw(canvas, area);
        }
        let small = matches!(dialog, Dialog::Themes { .. });
        let width = if small { 40 } else { MAX_WIDTH.min(area.width) };
        let inner_width = usize::from(width.saturating_sub(6));
        let (title, text) = content(self, dialog, inner_width);
        let height = u16::try_from(text.len() + 2).unwrap_or(u16::MAX);
        let place = frame::centred(area, width, height);
        let inner = frame::draw(canvas, place, &title);
        let visible = usize::from(inner.height);
        let scroll = match dialog {
            Dialog::Help { scroll } | Dialog::Detail { scroll, .. } | Dialog::Message { scroll, .. } => *scroll,
            Dialog::Themes { selected, .. } => (selected + 1).saturating_sub(visible),
            _ => 0,
        };
        // The bar stands on the frame.
        let inner =
            Rect { x: inner.x.saturating_sub(1), width: (inner.width + 3).min(place.width.saturating_sub(1)), ..inner };
        lines::draw(canvas, inner, &text, scroll);
        ((text.len(), visible), None)
    }

    /// The text of the dialog on top, for the clipboard.
    pub(in crate::tui) fn dialog_text(&self) -> String {
        let Some(dialog) = self.dialogs.last() else { return String::new() };
        if let Some(dialog_model) = self.dialog_model(dialog, usize::from(MAX_WIDTH)) {
            return dialog_model.text();
        }
        let (title, lines) = content(self, dialog, usize::from(MAX_WIDTH));
        let lines = lines.iter().map(|line| line.text().trim_end().to_owned());
        std::iter::once(title).chain(lines).collect::<Vec<_>>().join("\n")
    }
}

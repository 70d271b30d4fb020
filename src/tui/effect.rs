//! What the console does to the world outside its own state, as plain values: the update of the state decides, the
//! runner performs.

use std::sync::Arc;
use std::time::Duration;

use super::event::{ActionTicket, ClusterIndex, Signal};
use crate::action::Intent;
use crate::action::permit::Confirmation;
use crate::action::plan::Plan;
use crate::action::record::ActionId;
use crate::model::finding::Finding;
use crate::model::name::{ClusterName, NodeName, RouterName};
use crate::model::text::Text;
use crate::observe::picture::{Order, Picture};
use crate::report::alerts::Alert;

/// Why the console ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The operator left.
    Quit,
    /// A signal came.
    Signal(Signal),
    /// The terminal is gone: a lost SSH session.
    TerminalLost,
}

/// What psql is opened on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PsqlTarget {
    /// A node, directly.
    Node {
        /// Its cluster.
        cluster: ClusterName,
        /// The node.
        node: NodeName,
    },
    /// Through a router.
    Router {
        /// Its cluster.
        cluster: ClusterName,
        /// The router.
        router: RouterName,
        /// Proxy of the selected row.
        proxy: Text,
    },
}

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Effect {
    /// End.
    Quit(Outcome),
    /// Pass an order to the observer of a cluster.
    Order(ClusterIndex, Order),
    /// Pass an interval to every observer.
    Interval(Duration),
    /// Put text on the clipboard.
    Copy(String),
    /// Save the screen as drawn last.
    SaveScreen,
    /// Write an evidence bundle of this picture.
    Evidence(ClusterName, Arc<Picture>),
    /// Give the terminal to psql.
    Psql(PsqlTarget),
    /// Begin this very plan.
    Begin {
        /// What the console calls it.
        ticket: ActionTicket,
        /// The plan as it was confirmed.
        plan: Box<Plan>,
        /// How.
        confirmation: Confirmation,
    },
    /// Bring the news of an action.
    Follow {
        /// What the console calls it.
        ticket: ActionTicket,
        /// The action.
        action: ActionId,
    },
    /// Ask an action to end.
    End(ActionId),
    /// Write down that the death of an action is known.
    Acknowledge(ActionId),
    /// Strike steps out of what an action owes, and read the actions again.
    Strike {
        /// The action.
        action: ActionId,
        /// Steps of its plan whose effect is gone.
        steps: Vec<usize>,
    },
    /// Read which actions run and ran.
    List,
    /// Read the reports of a cluster's drills.
    Reports(ClusterIndex),
    /// Ask what a plan needs to know besides the picture.
    Prepare {
        /// What the console calls it.
        ticket: ActionTicket,
        /// Cluster.
        cluster: ClusterIndex,
        /// What is wanted.
        intent: Box<Intent>,
    },
    /// Give the terminal to the operator's editor.
    Edit {
        /// Cluster whose configuration it is.
        cluster: ClusterIndex,
        /// The text.
        text: String,
    },
    /// Switch mouse reporting.
    Mouse(bool),
    /// Stop, as Ctrl-Z does in a shell.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Tell somebody.
    Alert(Alert),
    /// Write down that a finding is known, or, without a reason, that it is not any more.
    Know {
        /// Cluster.
        cluster: ClusterName,
        /// The finding as it is.
        finding: Box<Finding>,
        /// Why, and for how long.
        known: Option<(Text, Duration)>,
    },
}

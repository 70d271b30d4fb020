//! Everything that can happen to the console, as one ordered stream of plain values, so that a session can be written
//! down and played back. Pictures travel beside it: the event only says whose is new.

use serde::{Deserialize, Serialize};

use super::keymap::Key;
use crate::action::record::ActionId;

/// Which cluster, by its place in the console's list.
pub type ClusterIndex = usize;

/// What this console calls an action, before it has a name.
pub type ActionTicket = u64;

/// A mouse gesture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gesture {
    /// Left button pressed.
    Click,
    /// Wheel away from the user.
    WheelUp,
    /// Wheel towards the user.
    WheelDown,
}

/// A gesture at a cell of the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mouse {
    /// What.
    pub gesture: Gesture,
    /// Column, from 0.
    pub column: u16,
    /// Row, from 0.
    pub row: u16,
}

/// A signal that the console obeys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
    /// SIGINT from outside; the key is an ordinary key in raw mode.
    Interrupt,
    /// SIGCONT: running again after a stop.
    Continue,
}

/// How a notice is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeKind {
    /// Something was done.
    Done,
    /// Something could not be done.
    Failed,
}

/// One line for the operator, shown for some seconds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// How it is meant.
    pub kind: NoticeKind,
    /// The line.
    pub text: String,
}

impl Notice {
    /// Something was done.
    pub fn done(text: impl Into<String>) -> Self {
        Self { kind: NoticeKind::Done, text: text.into() }
    }

    /// Something could not be done.
    pub fn failed(text: impl Into<String>) -> Self {
        Self { kind: NoticeKind::Failed, text: text.into() }
    }
}

/// One thing that happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A key.
    Key(Key),
    /// The mouse.
    Mouse(Mouse),
    /// Text pasted.
    Paste(String),
    /// The terminal has another size.
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// A second went by.
    Tick,
    /// There is a new picture of this cluster.
    Picture(ClusterIndex),
    /// A signal came.
    Signal(Signal),
    /// An effect has something to say.
    Notice(Notice),
    /// An action was begun.
    Begun {
        /// What the console calls it.
        ticket: ActionTicket,
        /// Its name.
        action: ActionId,
    },
    /// An action could not be begun.
    NotBegun {
        /// What the console calls it.
        ticket: ActionTicket,
        /// Why, in one line.
        why: String,
    },
    /// There is news of this action.
    #[serde(rename = "news")]
    JobUpdates(ActionTicket),
    /// The list of actions was read.
    Listed,
    /// The reports of a cluster's drills were read.
    Reports(ClusterIndex),
    /// What the plan of a drill needs to know was asked, or could not be.
    Prepared(ActionTicket),
    /// The operator's editor was left.
    Edited {
        /// Cluster whose configuration it is.
        cluster: ClusterIndex,
        /// The text as it became.
        text: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_can_be_written_down_and_read_back() {
        let session = vec![
            Event::Key("Ctrl-s".parse().unwrap()),
            Event::Mouse(Mouse { gesture: Gesture::Click, column: 3, row: 4 }),
            Event::Resize { width: 80, height: 24 },
            Event::Picture(0),
            Event::Signal(Signal::HangUp),
            Event::Notice(Notice::done("saved")),
        ];
        let written = serde_json::to_string(&session).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Event>>(&written).unwrap(), session);
    }
}

//! The verb about sessions of clients.

use super::super::intent::EndSession;
use super::super::parse::ParseError;
use super::super::plan::Danger;
use super::argument::{Kind, Place};
use super::{Argument, Choice, IntentRequest, Shortcut, Subject, Verb};

/// A session ends, or what it does.
pub(super) static SESSION: Verb = Verb {
    name: "session",
    about: "Cancel the statement of a client session, or terminate the session",
    arguments: &[
        Argument::choice(
            "how",
            "HOW",
            &[
                Choice::of("cancel", "Cancel its running statement; the session stays"),
                Choice::of("terminate", "Terminate the session; its open transaction is rolled back"),
            ],
            Place::Positional,
            "Cancel the statement, or terminate the session",
        ),
        Argument::word("node", "NODE", true, "Its node"),
        Argument { name: "pid", form: "PID", kind: Kind::Number, help: "Its process ID, as in the Sessions view" },
        Argument::option(
            "started",
            "TIME",
            "Its backend_start as in `pg_stat_activity`: only this exact session is affected [default: the \
                session that has the process ID now]",
        ),
    ],
    wanted: |given| {
        let started = given.text("started").map(|text| {
            let zone = "a time needs a time zone, such as 2026-11-21T03:00:00.123456+01:00";
            text.parse().map_err(|_| ParseError(format!("--started {text}: {zone}")))
        });
        let how = match given.text("how") {
            Some("cancel") => EndSession::Cancel,
            _ => EndSession::Terminate,
        };
        let pid = given.text("pid").unwrap_or_default();
        let pid = pid.parse().map_err(|_| ParseError(format!("{pid}: a process ID is a number")))?;
        Ok(IntentRequest::Session { member: given.member("node")?, pid, started: started.transpose()?, how })
    },
    commands: &[&CANCEL_STATEMENT, &END_SESSION],
};

/// What it does.
pub static CANCEL_STATEMENT: Shortcut = Shortcut {
    verb: &SESSION,
    name: "cancel-statement",
    aliases: &["cancel-query"],
    letter: 'C',
    danger: Danger::Disruptive,
    help: "cancel the statement of the selected session",
    subject: Subject::Session,
    says: &[("how", "cancel")],
};

/// The session.
pub static END_SESSION: Shortcut = Shortcut {
    verb: &SESSION,
    name: "end-session",
    aliases: &["terminate"],
    letter: 't',
    danger: Danger::Disruptive,
    help: "terminate the selected session",
    subject: Subject::Session,
    says: &[("how", "terminate")],
};

//! What the glossary replaces, and by what; and the few texts that may have such a word all the same.

use super::literals::Literal;

/// Words and phrases in lower case, found whatever the case of the text, and what to say instead.
const PHRASES: &[(&str, &str)] = &[
    // Health and severity.
    ("well", "OK"),
    ("look", "WARNING, or check"),
    ("looks", "checks"),
    ("looked", "checked"),
    ("looking", "monitoring, checking"),
    ("settle", "fix-routing, or pending"),
    ("settles", "is pending"),
    ("settled", "is pending"),
    ("settling", "pending"),
    ("in the making", "pending"),
    ("over:", "resolved:"),
    ("worse:", "escalated:"),
    // Who answers and who does not.
    ("told", "set, reported"),
    ("tells", "reports, shows"),
    ("tell", "report, show"),
    ("heard", "received, read"),
    ("unheard", "no response"),
    ("silent", "unreachable, no response"),
    ("silence", "no response"),
    ("answers", "responds, is up"),
    ("answered", "responded"),
    ("no answer", "no response, timed out"),
    ("not answer", "not respond, is unreachable"),
    ("asked", "queried, requested"),
    ("nobody", "no member, no node"),
    ("somebody", "another user"),
    ("anybody", "anyone"),
    ("everybody", "all members"),
    ("whoever", "name it"),
    ("whom", "name it"),
    ("own word", "self-reported"),
    ("word of", "according to"),
    ("another hand", "another operator"),
    ("by hand", "manually"),
    ("at hand", "available"),
    // Leader and routing.
    ("leads", "is the leader, routes to"),
    ("led", "was the leader, routed to"),
    ("lead", "leader, switch over, route"),
    ("hand over", "switch over"),
    ("handed over", "switched over"),
    ("takes writes", "accepts writes"),
    ("take writes", "accept writes"),
    ("took writes", "accepted writes"),
    ("take over", "be promoted"),
    ("takes over", "is promoted"),
    ("nowhere", "to no server"),
    ("leader lock", "leader key"),
    ("holds the lock", "holds the leader key"),
    ("proven", "verified"),
    ("proves", "verifies"),
    ("prove", "verify"),
    // DCS.
    ("on record", "in the DCS, pending"),
    ("off the record", "not in the DCS"),
    ("the record", "the DCS, the DCS state"),
    // Actions.
    ("owed", "pending undo"),
    ("owes", "has pending undos"),
    ("debt", "pending undo"),
    ("given back", "released"),
    ("give back", "release"),
    ("gives back", "releases"),
    ("taken back", "reverted"),
    ("take back", "revert, undo"),
    ("takes back", "reverts"),
    ("written down", "logged"),
    ("begun", "started"),
    ("began", "started"),
    ("begins", "starts"),
    ("begin", "start"),
    ("wish", "request"),
    ("wished", "requested"),
    ("outage", "downtime"),
    ("practise", "drill, run again"),
    ("practice", "drill"),
    ("mend", "fix, correct, revert"),
    ("mends", "fixes"),
    ("mended", "fixed, reverted"),
    ("thaw", "unpause"),
    ("point of no way back", "point of no return"),
    ("no way back", "point of no return"),
    // PostgreSQL.
    ("anew", "again; reinit, reload"),
    ("waits for a restart", "pending restart"),
    ("wait for a restart", "pending restart"),
    ("of wal for nobody", "inactive slot retains WAL"),
    ("keeps wal", "retains WAL"),
    ("transaction ids", "XID wraparound"),
    ("transaction id age", "XID age"),
    ("on purpose", "recovery_min_apply_delay, or inject a fault"),
    ("sign of life", "message"),
    ("for want of", "no, out of"),
    ("let in", "allowed"),
    ("lets in", "allows"),
    ("cut off", "isolated, terminated"),
    ("the picture", "the data, the display"),
    ("stands still", "is frozen, is down"),
    ("stood still", "were down"),
    ("far end", "service"),
    ("not so", "say what is not"),
];

/// Whole literals, in this very case: headings that nobody could read.
const HEADINGS: &[(&str, &str)] = &[
    ("MOST", "MAX"),
    ("TOOK", "CHECK ms, LATENCY, DURATION"),
    ("HEARD", "LAST MSG"),
    ("IN TIME", "LAG TIME"),
    ("REPLAY T", "REPLAY LAG"),
    ("WRITE T", "WRITE LAG"),
    ("FLUSH T", "FLUSH LAG"),
    ("LONGEST", "MAXWAIT"),
    ("SEEN", "AGE"),
    ("IDLE TX", "IDLE IN XACT"),
    ("XACT", "XACT AGE"),
    ("LEADS TO", "ROUTES TO"),
    ("WAITS FOR", "WAIT EVENT"),
    ("TROUBLE", "ERROR"),
    ("ANSWERED", "AGE"),
    ("WHAT TO DO", "REMEDY"),
    ("ENDING", "OUTCOME"),
    ("UNDONE", "REVERTED"),
    ("WRONG READS", "BAD READS"),
];

/// A text that may have a phrase, and why.
pub(crate) struct Exception {
    /// Beginning of the file's path below `src/`.
    file: &'static str,
    /// Part of the text.
    pub(crate) text: &'static str,
    /// Why.
    #[expect(dead_code, reason = "for those who read the list")]
    reason: &'static str,
}

const fn except(file: &'static str, text: &'static str, reason: &'static str) -> Exception {
    Exception { file, text, reason }
}

impl Exception {
    pub(crate) fn covers(&self, literal: &Literal, _phrase: &str) -> bool {
        literal.file.starts_with(self.file) && literal.text.contains(self.text)
    }
}

pub(crate) const EXCEPTIONS: &[Exception] = &[
    except(
        "action/verb/drill.rs",
        "practi",
        "aliases of the command `drill` in the palette, known from earlier versions",
    ),
    except("action/verb/mod.rs", "settle", "the former name of fix-routing, which goes on working"),
    except("action/verb/router.rs", "settle", "an alias of fix-routing in the palette, which goes on working"),
    except("cli/drill/args.rs", "mend", "the former name of `drill revert`, which goes on working"),
    except("report/document/schema_one.rs", "well", "schema 1 of the status document keeps its words for one release"),
    except("report/document/schema_one.rs", "look", "schema 1 of the status document keeps its words for one release"),
    except("report/alerts.rs", "began", "a value in the JSON of hooks and `watch`, which scripts read"),
    except("tui/command/table.rs", "silence", "an alias of the command `acknowledge`, as in Alertmanager"),
    except("client/postgres/assertion.rs", "BEGIN ISOLATION", "SQL"),
    except("client/postgres/assertion.rs", "AS asked", "SQL"),
    except("model/source.rs", "patroni.looking", "a table of the configuration"),
    except("client/postgres/lock.rs", "answers", "a field of a Debug text, which no user reads"),
    except("driver/lock/advisory.rs", "session that holds the lock", "the operation lock, not the leader key"),
];

/// The phrases in `text`, each with what to say instead. Codes, keys and paths are no text.
pub(crate) fn in_text(text: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let headings = HEADINGS.iter().filter(move |(heading, _)| text == *heading).copied().collect::<Vec<_>>();
    let plain = if is_code(text) { String::new() } else { padded(text) };
    let phrases = PHRASES.iter().filter(move |(phrase, _)| plain.contains(&padded(phrase))).copied();
    headings.into_iter().chain(phrases)
}

/// Such as `node-silent`, `drills.enabled`, `/pgctl-tui/lock` or `--override`.
fn is_code(text: &str) -> bool {
    let is_joined = text.contains(['-', '_', '.', '/', '=']);
    is_joined && !text.contains(char::is_whitespace)
}

/// The words of `text` in lower case, with a space around each; placeholders are none, and a colon counts as a word.
fn padded(text: &str) -> String {
    let mut plain = String::from(" ");
    let mut depth = 0_u32;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            ':' => plain.push_str(": "),
            c if c.is_alphanumeric() || "_-'".contains(c) => plain.extend(c.to_lowercase()),
            _ => plain.push(' '),
        }
    }
    plain.push(' ');
    let words = plain
        .split_whitespace()
        .map(|word| word.trim_end_matches(':').to_owned() + if word.ends_with(':') { ":" } else { "" });
    format!(" {} ", words.collect::<Vec<_>>().join(" "))
}

//! Who holds the lock, as text that every console can read: whole in a comment of the session's statements, and the most of
//! it in its application name, which every role sees.

use jiff::tz::TimeZone;

use crate::action::record::{ActionId, Operator};
use crate::client::postgres::lock::{APPLICATION, COMMENT, COMMENT_END, HolderComment, MAX_APPLICATION_NAME};
use crate::driver::port::LockClaim;
use crate::model::record::OperationLock;
use crate::model::text::Text;

/// Most bytes of the comment: PostgreSQL keeps 1 024 of a statement where nothing else is set.
const MAX_COMMENT_LENGTH: usize = 768;
/// How a time is written in an application name.
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// The application name of whoever holds `claim`: since when, what, who; cut where it gets too long.
pub(super) fn application(claim: &LockClaim) -> String {
    let since = claim.since.to_zoned(TimeZone::UTC).strftime(TIME).to_string();
    let name = format!("{APPLICATION}{since} {} {}", claim.verb, claim.operator);
    name.chars().map(|letter| if letter.is_ascii() { letter } else { '?' }).take(MAX_APPLICATION_NAME).collect()
}

/// The comment that tells `claim`. Of a reason that is too long the beginning is told.
pub(super) fn holder_comment(claim: &LockClaim) -> HolderComment {
    let mut claim = claim.clone();
    loop {
        let holder_comment = HolderComment::new(&serde_json::to_string(&claim).unwrap_or_default());
        let Some(reason) = claim.reason.as_ref().filter(|_| holder_comment.len() > MAX_COMMENT_LENGTH) else {
            return holder_comment;
        };
        let letters = reason.as_str().chars().count();
        let shorter: String = reason.as_str().chars().take(letters / 2).collect();
        claim.reason = (letters > 1).then(|| Text::redacted(shorter + "…"));
        if letters <= 2 {
            claim.reason = None;
        }
    }
}

/// The claim of a session that holds the lock, by its statement, else by its application name; `None`: neither can be read.
pub(crate) fn read(application: Option<&str>, query: Option<&str>) -> Option<LockClaim> {
    query.and_then(by_comment).or_else(|| application.and_then(by_name))
}

fn by_comment(query: &str) -> Option<LockClaim> {
    let (json, _) = query.strip_prefix(COMMENT)?.split_once(COMMENT_END)?;
    serde_json::from_str(json).ok()
}

fn by_name(application: &str) -> Option<LockClaim> {
    let mut words = application.strip_prefix(APPLICATION)?.splitn(3, ' ');
    let (since, verb, who) = (words.next()?, words.next()?, words.next()?);
    let since = jiff::civil::DateTime::strptime(TIME, since).ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let (user, host) = who.split_once('@').unwrap_or((who, ""));
    Some(LockClaim {
        action: ActionId(String::new()),
        verb: Text::redacted(verb),
        operator: Operator { user: Text::redacted(user), host: Text::redacted(host), ..Operator::default() },
        reason: None,
        since,
    })
}

/// What is shown of a claim.
pub(crate) fn shown(claim: LockClaim) -> OperationLock {
    OperationLock {
        holder: Text::redacted(claim.operator.to_string()),
        verb: Text::redacted(claim.verb.as_str()),
        since: Some(claim.since),
        reason: claim.reason.map(|reason| Text::redacted(reason.as_str())),
        action: Text::redacted(claim.action.0),
    }
}

/// What is shown where somebody holds it and the claim cannot be read.
pub(crate) fn unread() -> OperationLock {
    let nothing = Text::new("");
    OperationLock { holder: nothing.clone(), verb: nothing.clone(), since: None, reason: None, action: nothing }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claim(user: &str, reason: Option<&str>) -> LockClaim {
        LockClaim {
            action: ActionId("20261130-143500-123-4711".to_owned()),
            verb: "rolling-restart".into(),
            operator: Operator { user: user.into(), host: "bastion-2.example".into(), pid: 7, ..Operator::default() },
            reason: reason.map(Text::new),
            since: "2026-11-30T14:35:00Z".parse().expect("a time"),
        }
    }

    #[test]
    fn whoever_may_not_read_statements_still_learns_who_what_and_since_when() {
        let name = application(&claim("alice", Some("weekly")));
        assert_eq!(name, "pgctl-tui lock 20261130T143500Z rolling-restart alice@bastion-2");
        let read = read(Some(&name), Some("<insufficient privilege>")).expect("a claim");
        assert_eq!((read.verb.as_str(), read.since), ("rolling-restart", claim("", None).since));
        assert_eq!(read.operator.to_string(), "alice@bastion-2", "what an application name has room for");
    }

    #[test]
    fn a_name_that_only_looks_alike_is_no_claim() {
        for name in
            ["", "psql", "pgctl-tui", "pgctl-tui lock ", "pgctl-tui lock soon switchover a@b", "pgctl-tui locking"]
        {
            assert_eq!(read(Some(name), Some("SELECT 1")), None, "{name}");
        }
    }

    #[test]
    fn a_reason_without_end_is_cut_and_the_rest_stays() {
        let long = "because ".repeat(400);
        let holder_comment = holder_comment(&claim("alice", Some(&long)));
        assert!(holder_comment.len() <= MAX_COMMENT_LENGTH);
        let read = read(None, Some(&format!("{} SELECT 1", holder_comment.as_str()))).expect("a claim");
        assert_eq!(read.action, claim("alice", None).action);
        assert!(read.reason.is_some_and(|reason| reason.as_str().starts_with("because because")));
    }

    proptest! {
        #[test]
        fn every_claim_is_read_back_from_the_statement(user in "\\PC{0,40}", reason in "\\PC{0,60}") {
            let claim = claim(&user, Some(&reason));
            let text = format!("{} SELECT 1", holder_comment(&claim).as_str());
            let read = read(None, Some(&text)).expect("a claim");
            prop_assert_eq!(&read.operator, &claim.operator);
            prop_assert_eq!(&read.reason, &claim.reason);
            prop_assert!(application(&claim).len() <= MAX_APPLICATION_NAME);
        }
    }
}

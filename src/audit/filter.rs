//! Which actions of the journal are wanted.

use jiff::Timestamp;

use crate::action::account::ActionHistory;
use crate::action::outcome::OutcomeKind;
use crate::action::verb::present_name;

/// What an action must be like to be shown; `None` asks for nothing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Cluster.
    pub cluster: Option<String>,
    /// Verb, such as `switchover`.
    pub verb: Option<String>,
    /// Something was recorded at this time or later.
    pub since: Option<Timestamp>,
    /// Beginning of the action's name.
    pub action: Option<String>,
    /// Login name, before or behind sudo.
    pub operator: Option<String>,
    /// How it ended.
    pub ending: Option<OutcomeKind>,
    /// Only what was started and has no end on record.
    pub unended: bool,
}

impl Filter {
    /// Whether `account` is wanted.
    pub fn accepts(&self, account: &ActionHistory) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| found.is_some_and(|found| found == wanted.as_str()))
        };
        let by = self.operator.as_ref().is_none_or(|wanted| {
            let names = account.operator.iter().flat_map(|who| std::iter::once(&who.user).chain(&who.behind_sudo));
            names.into_iter().any(|name| name.as_str() == wanted.as_str())
        });
        let verb = self.verb.as_deref().map(|verb| present_name(verb).to_owned());
        is(&self.cluster, Some(account.cluster.as_str()))
            && is(&verb, account.plan.as_ref().map(|plan| plan.intent.verb()))
            && self.since.is_none_or(|since| account.last >= since)
            && self.action.as_ref().is_none_or(|wanted| account.action.0.starts_with(wanted.as_str()))
            && by
            && self.ending.is_none_or(|ending| account.ending() == Some(ending))
            && (!self.unended || account.is_open())
    }
}

//! What was given behind a verb, wherever it was typed or selected.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::super::intent::Target;
use super::super::parse::{ParseError, moment};
use crate::model::name::{NodeName, RouterName};
use crate::model::role::Role;
use crate::model::units;

/// Arguments by name, with what is needed to read them.
#[derive(Clone, Debug)]
pub struct ArgumentValues<'a> {
    /// The wall clock, for times such as `+10m`.
    pub now: Timestamp,
    /// Routers of the cluster.
    pub routers: &'a [RouterName],
    values: BTreeMap<&'static str, Vec<String>>,
}

impl<'a> ArgumentValues<'a> {
    /// Nothing so far.
    pub fn nothing(now: Timestamp, routers: &'a [RouterName]) -> Self {
        Self { now, routers, values: BTreeMap::new() }
    }

    /// With this value of an argument; a flag has an empty one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.values.entry(name).or_default().push(value.into());
        self
    }

    /// Every value of an argument.
    pub fn texts(&self, name: &str) -> &[String] {
        self.values.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The value of an argument; `None`: it was not given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).first().map(String::as_str)
    }

    /// Whether an option is there.
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// A member.
    ///
    /// # Errors
    /// None was given.
    pub fn member(&self, name: &str) -> Result<NodeName, ParseError> {
        self.text(name).map(NodeName::new).ok_or_else(|| ParseError("give a member".to_owned()))
    }

    /// A time; `None`: now.
    ///
    /// # Errors
    /// What was given is none.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, ParseError> {
        let reported = |error: ParseError| ParseError(format!("--{name} {error}"));
        self.text(name).map(|text| moment(text, self.now).map_err(reported)).transpose()
    }

    /// A span; `default` where none was given.
    ///
    /// # Errors
    /// What was given is none.
    pub fn span(&self, name: &str, default: Duration) -> Result<Duration, ParseError> {
        let Some(text) = self.text(name) else { return Ok(default) };
        units::parsed_duration(text).map_err(|problem| ParseError(format!("--{name} {text}: {problem}")))
    }

    /// The members that are meant.
    ///
    /// # Errors
    /// None are, or they are named in several ways.
    pub fn members(&self) -> Result<Target, ParseError> {
        match (self.text("node"), self.text("role"), self.has("all")) {
            (Some(node), None, false) => Ok(Target::Member(NodeName::new(node))),
            (None, Some("leader"), false) => Ok(Target::Role(Role::Leader)),
            (None, Some("replica"), false) => Ok(Target::Role(Role::Replica)),
            (None, None, true) => Ok(Target::All),
            _ => Err(ParseError("give one node, --role, or --all".to_owned())),
        }
    }

    /// The router that is meant.
    ///
    /// # Errors
    /// There is none of that name, or there are several and none is named.
    pub fn router(&self) -> Result<RouterName, ParseError> {
        let known = || self.routers.iter().map(RouterName::as_str).collect::<Vec<_>>().join(", ");
        match (self.text("router"), self.routers) {
            (_, []) => Err(ParseError("no router is configured for this cluster".to_owned())),
            (None, [one]) => Ok(one.clone()),
            (None, _) => Err(ParseError(format!("choose the router with --router: {}", known()))),
            (Some(name), _) => {
                let found = self.routers.iter().find(|router| **router == *name).cloned();
                found.ok_or_else(|| ParseError(format!("router {name} is not configured; available: {}", known())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_router_needs_no_name() {
        let [a, b] = ["a", "b"].map(RouterName::from);
        let (one, two) = ([a.clone()], [a.clone(), b]);
        let none = |routers| ArgumentValues::nothing(Timestamp::UNIX_EPOCH, routers);
        assert_eq!(none(&one).router(), Ok(a));
        assert!(none(&two).router().unwrap_err().0.contains("--router: a, b"));
        assert!(none(&two).with("router", "c").router().unwrap_err().0.contains("available: a, b"));
    }
}

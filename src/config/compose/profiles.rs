//! Profiles: which services count, as Compose decides it. One without profiles always does; one with profiles only while
//! one of them is active.

use std::collections::{BTreeMap, BTreeSet};

use super::variables::Variables;
use super::yaml::Node;

/// The variable that activates profiles where none is named on the command line.
const VARIABLE: &str = "COMPOSE_PROFILES";
/// The profile that stands for all of them.
const EVERY: &str = "*";

/// The profiles that are active.
pub(super) struct ActiveProfiles(BTreeSet<String>);

/// The services that do not count, by the profile that would have them count.
#[derive(Default)]
pub(super) struct LeftOut(BTreeMap<String, Vec<String>>);

impl ActiveProfiles {
    /// Those that are `named` stand in for what the environment says, as with Compose's own option.
    pub(super) fn new(named: &[String], variables: &Variables) -> Self {
        let said = || variables.get(VARIABLE).into_iter().flat_map(|said| said.split(','));
        let active =
            if named.is_empty() { said().collect() } else { named.iter().map(String::as_str).collect::<Vec<_>>() };
        Self(active.into_iter().map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect())
    }

    /// The services that count, and those that do not.
    pub(super) fn choose(&self, services: Vec<(String, Node)>) -> (Vec<(String, Node)>, LeftOut) {
        let mut left_out = LeftOut::default();
        let counts = |(name, node): &(String, Node)| {
            let profiles: Vec<&str> =
                node.get("profiles").map(Node::items).unwrap_or_default().iter().filter_map(Node::text).collect();
            let active = |profile: &&str| self.0.contains(*profile) || self.0.contains(EVERY);
            let counts = profiles.is_empty() || profiles.iter().any(active);
            if !counts {
                for profile in profiles {
                    left_out.0.entry(profile.to_owned()).or_default().push(name.clone());
                }
            }
            counts
        };
        let chosen = services.into_iter().filter(counts).collect();
        (chosen, left_out)
    }
}

impl LeftOut {
    /// The profiles that could be activated, where there are any.
    pub(super) fn profiles(&self) -> Option<String> {
        let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// What was left out, in one sentence.
    pub(super) fn note(&self) -> Option<String> {
        let each = self.0.iter().map(|(profile, services)| format!("{} ({profile})", services.join(", ")));
        let each: Vec<String> = each.collect();
        let reported = format!("ignored, because their profiles are not active (see --profile): {}", each.join(", "));
        (!each.is_empty()).then_some(reported)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::yaml;
    use super::*;

    #[rstest]
    #[case::none_is_active(&[], None, "always")]
    #[case::named(&["b"], None, "always two both")]
    #[case::several(&["a", "b"], None, "always one two both")]
    #[case::by_the_environment(&[], Some("a"), "always one both")]
    #[case::by_a_list_in_the_environment(&[], Some(" a , b ,"), "always one two both")]
    #[case::named_beats_the_environment(&["b"], Some("a"), "always two both")]
    #[case::every(&["*"], None, "always one two both")]
    #[case::of_no_service(&["c"], None, "always")]
    fn services_count_as_with_compose(#[case] named: &[&str], #[case] said: Option<&str>, #[case] expected: &str) {
        let text = "{always: {image: x}, one: {profiles: [a]}, two: {profiles: b}, both: {profiles: [a, b]}}";
        let services = yaml::parse(text, None).unwrap();
        let services = services.entries().map(|(name, node)| (name.to_owned(), node.clone())).collect();
        let variables: Variables = said.map(|said| (VARIABLE, said)).into_iter().collect();
        let named: Vec<String> = named.iter().map(|&name| name.to_owned()).collect();
        let (chosen, left_out) = ActiveProfiles::new(&named, &variables).choose(services);
        let names: Vec<&str> = chosen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names.join(" "), expected);
        assert_eq!(left_out.note().is_none(), names.len() == 4);
    }
}

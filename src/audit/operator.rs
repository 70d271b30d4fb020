//! Who acts, told from the environment: also behind sudo and SSH.

use crate::action::record::Operator;
use crate::model::text::Text;

/// The operator, by what `get` says of the environment (unset and empty are the same), on `host` in process `pid`.
///
/// The environment is the operator's own word. It answers "who was it" among colleagues, and proves nothing.
pub fn operator<'a>(get: impl Fn(&str) -> Option<&'a str>, host: &str, pid: u32) -> Operator {
    let user = get("USER").or_else(|| get("LOGNAME")).unwrap_or("unknown");
    // sudo without a change of user says nothing new.
    let behind_sudo = get("SUDO_USER").filter(|person| *person != user);
    // `client port port` or `client port server port`. sudo drops neither by default where it keeps the terminal's.
    let from = ["SSH_CONNECTION", "SSH_CLIENT"].into_iter().find_map(get);
    let from = from.and_then(|connection| connection.split_whitespace().next());
    Operator {
        user: Text::new(user),
        behind_sudo: behind_sudo.map(Text::new),
        from: from.map(Text::new),
        host: Text::new(if host.is_empty() { "unknown" } else { host }),
        pid,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn operator_from(variables: &[(&str, &str)]) -> Operator {
        let get = |name: &str| {
            let found = variables.iter().find(|(known, value)| *known == name && !value.is_empty());
            found.map(|(_, value)| *value)
        };
        operator(get, "bastion", 7)
    }

    #[rstest]
    #[case::plain(&[("USER", "anna")], "anna@bastion")]
    #[case::cron(&[("LOGNAME", "postgres")], "postgres@bastion")]
    #[case::sudo(&[("USER", "root"), ("SUDO_USER", "anna")], "anna@bastion")]
    #[case::sudo_to_oneself(&[("USER", "anna"), ("SUDO_USER", "anna")], "anna@bastion")]
    #[case::nothing(&[], "unknown@bastion")]
    #[case::escapes(&[("USER", "an\u{1b}[2Jna")], "anna@bastion")]
    fn the_person_is_named_and_not_the_account_behind_which_they_act(
        #[case] variables: &[(&str, &str)],
        #[case] name: &str,
    ) {
        assert_eq!(operator_from(variables).to_string(), name);
    }

    #[test]
    fn both_names_and_the_far_end_of_ssh_are_kept() {
        let who =
            operator_from(&[("USER", "root"), ("SUDO_USER", "anna"), ("SSH_CONNECTION", "10.1.2.3 5022 10.0.0.1 22")]);
        assert_eq!((who.user.as_str(), who.pid), ("root", 7));
        assert_eq!(who.behind_sudo, Some(Text::new("anna")));
        assert_eq!(who.from, Some(Text::new("10.1.2.3")));
        let old = operator_from(&[("USER", "anna"), ("SSH_CLIENT", "fd00::7 5022 22")]);
        assert_eq!((old.behind_sudo, old.from), (None, Some(Text::new("fd00::7"))));
    }
}

//! Which roles the rights of a dump name.

/// The roles that `definition` grants something to or takes something from, or for whose objects it sets default rights. `PUBLIC` is
/// none.
pub(super) fn grantees(definition: &str) -> Vec<String> {
    let mut roles = Vec::new();
    for statement in definition.split(";\n") {
        let words = words(statement.trim_end_matches(';'));
        for pair in words.windows(2) {
            let [before, role] = pair else { continue };
            let leads = matches!(before.as_str(), "TO" | "FROM" | "ROLE");
            if leads && role != "PUBLIC" && !role.is_empty() {
                roles.push(unquoted(role));
            }
        }
    }
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// Words, where a quoted name is one with its quotes.
fn words(statement: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for letter in statement.chars() {
        quoted ^= letter == '"';
        if !quoted && (letter.is_whitespace() || letter == ',') {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(letter);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(name) => name.replace("\"\"", "\""),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_that_rights_name_is_found_and_public_is_none() {
        let definition = "REVOKE ALL ON TABLE public.\"FROM here\" FROM PUBLIC;\nGRANT SELECT ON TABLE a TO clerk WITH GRANT OPTION;\n\
             ALTER DEFAULT PRIVILEGES FOR ROLE \"the \"\"boss\"\"\" IN SCHEMA public GRANT SELECT ON TABLES TO auditor;\n";
        assert_eq!(grantees(definition), ["auditor", "clerk", "the \"boss\""]);
    }
}

//! Query text, with the passwords that SQL itself may hold masked.

use crate::model::text::{MASK, Text};

/// Cleans a query and masks what follows the word `PASSWORD` as a literal, besides what every text is masked for.
pub(super) fn query_text(query: &str) -> Text {
    Text::redacted(mask_literals(query))
}

/// `ALTER ROLE x PASSWORD 'secret'` and its relatives. A literal that does not end, because the text was cut, is masked
/// to the end.
fn mask_literals(query: &str) -> String {
    const WORD: &str = "password";
    let lower = query.to_ascii_lowercase();
    let mut out = String::with_capacity(query.len());
    let mut position = 0;
    while let Some(found) = lower[position..].find(WORD) {
        let after = position + found + WORD.len();
        out.push_str(&query[position..after]);
        position = after;
        let rest = &query[after..];
        let blanks = rest.len() - rest.trim_start().len();
        let literal = &rest[blanks..];
        let Some(length) = literal_length(literal).filter(|_| blanks > 0 || literal.starts_with(['\'', '$'])) else {
            continue;
        };
        out.push_str(&rest[..blanks]);
        out.push_str(MASK);
        position = after + blanks + length;
    }
    out.push_str(&query[position..]);
    out
}

/// Length in bytes of the string literal that `text` begins with: quoted, with an `E` before it, or in dollars.
fn literal_length(text: &str) -> Option<usize> {
    let prefix = usize::from(text.starts_with(['E', 'e']) && text[1..].starts_with('\''));
    if let Some(body) = text[prefix..].strip_prefix('\'') {
        let mut characters = body.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            match c {
                '\\' if prefix == 1 => drop(characters.next()),
                '\'' if characters.peek().is_some_and(|(_, next)| *next == '\'') => drop(characters.next()),
                '\'' => return Some(prefix + 1 + at + 1),
                _ => {}
            }
        }
        return Some(text.len());
    }
    let tag_end = text.strip_prefix('$')?.find('$')? + 2;
    let tag = &text[..tag_end];
    let end = text[tag_end..].find(tag).map_or(text.len(), |at| tag_end + at + tag_end);
    Some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("ALTER ROLE x PASSWORD 'secret' VALID UNTIL 'now'", "ALTER ROLE x PASSWORD ******** VALID UNTIL 'now'")]
    #[case("create user x with encrypted password\n'se''cret'", "create user x with encrypted password ********")]
    #[case("ALTER ROLE x PASSWORD E'se\\'cret' LOGIN", "ALTER ROLE x PASSWORD ******** LOGIN")]
    #[case("ALTER ROLE x PASSWORD $a$secret$a$ LOGIN", "ALTER ROLE x PASSWORD ******** LOGIN")]
    #[case("ALTER ROLE x PASSWORD 'secret that was c", "ALTER ROLE x PASSWORD ********")]
    #[case("SELECT dblink('host=h password=secret')", "SELECT dblink('host=h password=********")]
    #[case("SELECT password FROM users", "SELECT password FROM users")]
    #[case("SELECT '\u{1b}[2Jx'", "SELECT 'x'")]
    fn passwords_in_queries_are_masked(#[case] query: &str, #[case] expected: &str) {
        let shown = query_text(query);
        assert!(!shown.as_str().contains("secret"), "{shown}");
        assert_eq!(shown, *expected);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(password|PASSWORD|['$E\\\\ é]|[ -~]){0,40}") {
            let _ = query_text(&text);
        }

        #[test]
        fn no_secret_survives(secret in "[a-z]{12}", before in "[ -&(-~]{0,20}") {
            let shown = query_text(&format!("{before} PASSWORD '{secret}'"));
            prop_assert!(!shown.as_str().contains(&secret));
        }
    }
}

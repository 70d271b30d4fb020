//! The variables that a compose file is interpolated with: the process environment over the environment file.

use std::collections::{BTreeMap, HashMap};

use super::yaml;
use crate::config::environment::Environment;

/// Variables by name. Their values may be secrets: they are looked up, and never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// `file` under the environment of the process, which wins as it does with Compose.
    pub(super) fn new(file: Variables, process: &Environment) -> Self {
        let mut variables = file.0;
        variables.extend(process.beginning_with("").map(|(name, value)| (name.to_owned(), value.to_owned())));
        Self(variables)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(super) fn to_map(&self) -> HashMap<String, String> {
        self.0.clone().into_iter().collect()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// What is wrong with a line of an environment file. Values are never repeated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct EnvFileProblem {
    pub(super) line: usize,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// Reads an environment file as Compose does: `NAME=value`, `export NAME=value`, comments, quotes that may span lines,
/// and references to earlier variables and to those of `outer` in unquoted and double-quoted values.
pub(super) fn parse_env_file(text: &str, outer: &Variables) -> Result<Variables, EnvFileProblem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let mut found = Variables::default();
    let mut rest = text.as_str();
    let mut line = 0;
    while !rest.is_empty() {
        line += 1;
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let statement = first.trim_start();
        if statement.is_empty() || statement.starts_with('#') {
            rest = after;
            continue;
        }
        let statement = statement.strip_prefix("export ").map_or(statement, str::trim_start);
        let name_ends = statement.find(['=', ':']).unwrap_or(statement.len());
        let name = statement.get(..name_ends).unwrap_or_default().trim();
        let is_usable = |c: char| c.is_alphanumeric() || "_.-[]".contains(c);
        if name.is_empty() || !name.chars().all(is_usable) {
            let problem = "is not NAME=value".to_owned();
            return Err(EnvFileProblem { line, problem, remedy: "use NAME=value, or # before a comment" });
        }
        let Some(value) = statement.get(name_ends + 1..) else {
            // A name alone hands down what the process has.
            if let Some(value) = outer.get(name) {
                found.0.insert(name.to_owned(), value.to_owned());
            }
            rest = after;
            continue;
        };
        let value = value.trim_start_matches([' ', '\t']);
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let (value, expands) = if let Some(quote) = quote {
            // A quoted value may go on over the following lines.
            let begins = rest.len() - after.len() - usize::from(first.len() < rest.len()) - value.len() + 1;
            let body = rest.get(begins..).unwrap_or_default();
            let Some(length) = closing(body, quote) else {
                let problem = format!("the value of {name} has an opening {quote} and no closing one");
                return Err(EnvFileProblem { line, problem, remedy: "close the quotes" });
            };
            let (inside, behind) = (body.get(..length).unwrap_or_default(), body.get(length + 1..).unwrap_or_default());
            line += inside.matches('\n').count();
            rest = behind.split_once('\n').map_or("", |(_, next)| next);
            (if quote == '"' { unescaped(inside) } else { inside.to_owned() }, quote == '"')
        } else {
            rest = after;
            let comment = value.find(" #").or_else(|| value.find("\t#"));
            let value = if value.starts_with('#') {
                ""
            } else {
                value.get(..comment.unwrap_or(value.len())).unwrap_or_default()
            };
            (value.trim_end().to_owned(), true)
        };
        let value = if expands {
            let mut known = found.clone();
            known.0.extend(outer.0.clone());
            yaml::interpolate(&value, &known).map_err(|error| EnvFileProblem {
                line,
                problem: format!("the value of {name} cannot be read: {}", error.problem),
                remedy: "use $$ for a dollar sign, or put the value in single quotes",
            })?
        } else {
            value
        };
        found.0.insert(name.to_owned(), value);
    }
    Ok(found)
}

/// Where the closing quote stands.
fn closing(body: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            c if c == quote && !escaped => return Some(at),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

/// The inside of double quotes with its escapes resolved.
fn unescaped(inside: &str) -> String {
    let mut value = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            value.push(c);
            continue;
        }
        match characters.next() {
            Some('n') => value.push('\n'),
            Some('r') => value.push('\r'),
            Some('t') => value.push('\t'),
            Some('$') => value.push_str("$$"),
            Some(c @ ('"' | '\\' | '\'')) => value.push(c),
            Some(other) => value.extend(['\\', other]),
            None => value.push('\\'),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("A=1", "1")]
    #[case::spaces("  A = 1  ", "1")]
    #[case::export("export A=1", "1")]
    #[case::colon("A: 1", "1")]
    #[case::comment("A=1 # one", "1")]
    #[case::hash_inside("A=1#2", "1#2")]
    #[case::only_a_comment("A= # nothing", "")]
    #[case::double("A=\"x # y\" # z", "x # y")]
    #[case::single("A='x $HOST' # z", "x $HOST")]
    #[case::escapes("A=\"a\\tb \\\"c\\\" \\$HOST\"", "a\tb \"c\" $HOST")]
    #[case::several_lines("A=\"one\ntwo\"\nB=2", "one\ntwo")]
    #[case::reference("P=5\nA=${P}432", "5432")]
    #[case::outer("A=\"${HOST:-none}\"", "db.local")]
    #[case::equals("A=k=v", "k=v")]
    #[case::windows("\u{feff}A=1\r\nB=2\r\n", "1")]
    #[case::last_wins("A=0\nA=1", "1")]
    #[case::handed_down("HOST\nA=$HOST", "db.local")]
    fn environment_files_are_read_as_compose_does(#[case] text: &str, #[case] expected: &str) {
        let outer = [("HOST", "db.local")].into_iter().collect();
        assert_eq!(parse_env_file(text, &outer).unwrap_or_else(|error| panic!("{error:?}")).get("A"), Some(expected));
    }

    #[rstest]
    #[case::no_name("A=1\n=2", 2)]
    #[case::describe("# x\n\nthis is no setting", 3)]
    #[case::open_quote("A='x\ny\n", 1)]
    #[case::after_lines("A='x\ny'\n?=1", 3)]
    #[case::broken_reference("A=${B", 1)]
    fn a_wrong_line_is_reported_without_its_value(#[case] text: &str, #[case] line: usize) {
        let error = parse_env_file(text, &Variables::default()).err().unwrap();
        assert_eq!(error.line, line, "{error:?}");
    }

    #[test]
    fn the_process_wins_over_the_file() {
        let file = parse_env_file("A=file\nB=file", &Variables::default()).ok().unwrap();
        let process: Environment = [("A", "process"), ("EMPTY", "")].into_iter().collect();
        let variables = Variables::new(file, &process);
        assert_eq!((variables.get("A"), variables.get("B")), (Some("process"), Some("file")));
        assert_eq!(variables.get("EMPTY"), Some(""), "set and empty is not unset");
    }

    proptest! {
        #[test]
        fn no_environment_file_makes_the_reader_panic(text in "[\\PC\\n\\r\\t=\"'$#\\\\{}]{0,120}") {
            let _ = parse_env_file(&text, &Variables::default()).is_ok();
        }
    }
}

//! From what an operator types to values: times, and changes of the dynamic configuration. The same on the command line
//! and on the screen.

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Map, Value};

/// What was typed makes no sense: in one line, with what would.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub String);

/// A time with its zone, or `+` and a span from `now`, the wall clock.
///
/// # Errors
/// What was typed is neither.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, ParseError> {
    if let Some(span) = text.strip_prefix('+') {
        let span = span.trim().parse::<SignedDuration>().ok().filter(|span| !span.is_negative());
        let span = span.ok_or_else(|| ParseError(format!("{text}: use a duration such as +30s, +10m or +1h 30m")))?;
        // To the second: nobody schedules by less, and it is read in titles.
        let later = now.checked_add(span).ok().and_then(|later| later.round(Unit::Second).ok());
        return later.ok_or_else(|| ParseError(format!("{text}: too far in the future")));
    }
    text.parse().map_err(|_| {
        ParseError(format!("{text}: a time needs a time zone, such as 2026-11-21T03:00:00+01:00; or use +10m"))
    })
}

/// `a.b=1` as nested keys. A value is read as JSON where it is JSON, else taken as text; none removes the key. A dot that
/// is part of a name is written `\.`; below `postgresql.parameters` it may be written as it is.
///
/// # Errors
/// A change is none, or contradicts another.
pub fn changes(typed: &[String]) -> Result<Map<String, Value>, ParseError> {
    let mut whole = Map::new();
    for change in typed {
        let Some((path, value)) = change.split_once('=') else {
            return Err(ParseError(format!("{change}: use KEY=VALUE, or KEY= to remove the key")));
        };
        let value = match value {
            "" => Value::Null,
            text => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        };
        let keys = keys(path);
        if keys.iter().any(String::is_empty) {
            return Err(ParseError(format!("{change}: a key is missing before, between or after the dots")));
        }
        put(&mut whole, &one_name(keys), value).map_err(|()| ParseError(format!("{path} is given twice")))?;
    }
    Ok(whole)
}

/// Splits a line into changes: a new one begins where a word has a key and `=`. Blanks within a value stay in it.
pub fn split_changes(line: &str) -> Vec<String> {
    let begins = |word: &str| {
        let key = word.split_once('=').map(|(key, _)| key);
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-\\".contains(c);
        key.is_some_and(|key| !key.is_empty() && key.chars().all(plain))
    };
    let mut typed: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        match typed.last_mut() {
            Some(last) if !begins(word) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => typed.push(word.to_owned()),
        }
    }
    typed
}

/// What `present` becomes by `changes`: `null` removes a key, and a list is one value.
pub fn changed(present: &Map<String, Value>, changes: &Map<String, Value>) -> Map<String, Value> {
    let mut becomes = present.clone();
    for (key, value) in changes {
        match (becomes.get(key), value) {
            (_, Value::Null) => {
                becomes.remove(key);
            }
            (Some(Value::Object(old)), Value::Object(new)) => {
                let new = changed(old, new);
                becomes.insert(key.clone(), Value::Object(new));
            }
            (_, Value::Object(new)) => {
                becomes.insert(key.clone(), Value::Object(changed(&Map::new(), new)));
            }
            (_, new) => {
                becomes.insert(key.clone(), new.clone());
            }
        }
    }
    becomes
}

/// What leads from `before` to `after`: keys to set, and `null` for those that are gone. A list is one value.
pub fn changes_between(before: &Map<String, Value>, after: &Map<String, Value>) -> Map<String, Value> {
    let mut changes = Map::new();
    for (key, value) in after {
        match (before.get(key), value) {
            (Some(old), new) if old == new => {}
            (Some(Value::Object(old)), Value::Object(new)) => {
                changes.insert(key.clone(), Value::Object(changes_between(old, new)));
            }
            _ => {
                changes.insert(key.clone(), value.clone());
            }
        }
    }
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    changes.extend(gone.map(|key| (key.clone(), Value::Null)));
    changes
}

/// Each changed value: its path, what it is in `present`, and what it becomes. `None`: absent.
pub fn differences(changes: &Map<String, Value>, present: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
    let mut found = Vec::new();
    for (key, value) in changes {
        let old = present.get(key);
        let name = key.replace('.', "\\.");
        match value {
            // Nothing to descend into where the whole key is new.
            Value::Object(inner) if old.is_some_and(Value::is_object) => {
                let below = differences(inner, old.unwrap_or(&Value::Null));
                found.extend(below.into_iter().map(|(path, old, new)| (format!("{name}.{path}"), old, new)));
            }
            new => found.push((name, old.cloned(), Some(new.clone()).filter(|new| !new.is_null()))),
        }
    }
    found
}

/// Below `postgresql.parameters` everything is one name: no setting has others below it, and an extension's has a dot. As
/// `patronictl edit-config -s` reads it.
fn one_name(keys: Vec<String>) -> Vec<String> {
    match keys.as_slice() {
        [section, parameters, name @ ..]
            if section == "postgresql" && parameters == "parameters" && !name.is_empty() =>
        {
            vec![section.clone(), parameters.clone(), name.join(".")]
        }
        _ => keys,
    }
}

fn keys(path: &str) -> Vec<String> {
    let mut keys = vec![String::new()];
    let mut escaped = false;
    for c in path.chars() {
        match c {
            '\\' if !escaped => escaped = true,
            '.' if !escaped => keys.push(String::new()),
            c => {
                escaped = false;
                if let Some(last) = keys.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    keys
}

fn put(into: &mut Map<String, Value>, keys: &[String], value: Value) -> Result<(), ()> {
    match keys {
        [] => Err(()),
        [last] => match into.insert(last.clone(), value) {
            None => Ok(()),
            Some(_) => Err(()),
        },
        [first, rest @ ..] => match into.entry(first.clone()).or_insert_with(|| Value::Object(Map::new())) {
            Value::Object(inner) => put(inner, rest, value),
            _ => Err(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-21T02:00:00Z".parse().unwrap()
    }

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[rstest]
    #[case::number("ttl=30", json!({"ttl": 30}))]
    #[case::text("postgresql.parameters.work_mem=64MB", json!({"postgresql": {"parameters": {"work_mem": "64MB"}}}))]
    #[case::together("a.b=1 a.c=true", json!({"a": {"b": 1, "c": true}}))]
    #[case::removed("standby_cluster=", json!({"standby_cluster": null}))]
    #[case::dotted(r"postgresql.parameters.pg_stat_statements\.track=all",
        json!({"postgresql": {"parameters": {"pg_stat_statements.track": "all"}}}))]
    #[case::setting_of_an_extension("postgresql.parameters.auto_explain.log_min_duration=1s",
        json!({"postgresql": {"parameters": {"auto_explain.log_min_duration": "1s"}}}))]
    #[case::setting_of_an_extension_removed("postgresql.parameters.auto_explain.log_min_duration=",
        json!({"postgresql": {"parameters": {"auto_explain.log_min_duration": null}}}))]
    #[case::json(r#"slots={"a": {"type": "physical"}} ttl=1"#, json!({"slots": {"a": {"type": "physical"}}, "ttl": 1}))]
    #[case::blanks("a=x y", json!({"a": "x y"}))]
    fn changes_are_nested_as_the_configuration_is(#[case] typed: &str, #[case] expected: Value) {
        assert_eq!(changes(&split_changes(typed)).map(Value::Object), Ok(expected));
    }

    #[rstest]
    #[case(&["ttl"], "KEY=VALUE")]
    #[case(&["ttl=1", "ttl=2"], "twice")]
    #[case(&["a=1", "a.b=2"], "twice")]
    #[case(&["a..b=1"], "key is missing")]
    fn a_change_that_makes_no_sense_is_named(#[case] typed: &[&str], #[case] words: &str) {
        let typed: Vec<String> = typed.iter().map(|text| (*text).to_owned()).collect();
        let reported = changes(&typed).unwrap_err().to_string();
        assert!(reported.contains(words), "{reported}");
    }

    #[test]
    fn a_time_has_its_zone_or_counts_from_now() {
        assert_eq!(moment("+10m", now()), Ok("2026-11-21T02:10:00Z".parse().unwrap()));
        assert_eq!(moment("2026-11-21T03:30:00+01:00", now()), Ok("2026-11-21T02:30:00Z".parse().unwrap()));
        assert!(moment("2026-11-21T03:30:00", now()).unwrap_err().0.contains("zone"));
        for nonsense in ["soon", "+soon", "+-10m"] {
            assert!(moment(nonsense, now()).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn an_edited_configuration_changes_what_was_edited_and_nothing_else() {
        let before = map(&json!({"ttl": 30, "gone": 1, "postgresql": {"parameters": {"a": 1, "b": [1, 2]}}}));
        let after = map(&json!({"ttl": 30, "new": {"x": 1}, "postgresql": {"parameters": {"a": 2, "b": [1, 2]}}}));
        let changes = changes_between(&before, &after);
        let expected = json!({"gone": null, "new": {"x": 1}, "postgresql": {"parameters": {"a": 2}}});
        assert_eq!(Value::Object(changes.clone()), expected);
        assert!(changes_between(&before, &before).is_empty());
        let differences = differences(&changes, &Value::Object(before));
        let reported =
            |path: &str| differences.iter().find(|(known, ..)| known == path).map(|(_, a, b)| (a.clone(), b.clone()));
        assert_eq!(reported("gone"), Some((Some(json!(1)), None)));
        assert_eq!(reported("new"), Some((None, Some(json!({"x": 1})))));
        assert_eq!(reported("postgresql.parameters.a"), Some((Some(json!(1)), Some(json!(2)))));
        assert_eq!(differences.len(), 3);
    }
}

//! Reading JSON of several versions of a server: numbers that come as text, flags that come as words, keys that are
//! missing. What cannot be read is `None`, never zero and never false, and spoils nothing beside it.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A whole number that is not negative, written as a number or as text.
pub fn unsigned(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number, written as a number or as text.
pub fn signed(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A flag: `true`, a number, or one of PostgreSQL's words for it.
pub fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_f64().map(|number| number != 0.0),
        Value::String(word) => match word.trim().to_ascii_lowercase().as_str() {
            "on" | "true" | "yes" | "1" => Some(true),
            "off" | "false" | "no" | "0" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Text; a number or a flag is taken in its written form.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// [`unsigned`] for `deserialize_with`.
///
/// # Errors
/// Where the text is not JSON at all.
pub fn de_unsigned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Value::deserialize(deserializer).map(|value| unsigned(&value))
}

/// [`flag`] for `deserialize_with`.
///
/// # Errors
/// Where the text is not JSON at all.
pub fn de_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    Value::deserialize(deserializer).map(|value| flag(&value))
}

/// [`text`] for `deserialize_with`.
///
/// # Errors
/// Where the text is not JSON at all.
pub fn de_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(deserializer).map(|value| text(&value))
}

/// A list of objects, those that cannot be read left out; anything but a list is no list.
///
/// # Errors
/// Where the text is not JSON at all.
pub fn de_list<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(items) => items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => Vec::new(),
    })
}

/// An object, `None` where it is missing or something else.
///
/// # Errors
/// Where the text is not JSON at all.
pub fn de_object<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(if value.is_object() { serde_json::from_value(value).ok() } else { None })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case(json!(7), Some(7))]
    #[case(json!(" 7 "), Some(7))]
    #[case(json!(-1), None)]
    #[case(json!("unknown"), None)]
    #[case(json!(null), None)]
    #[case(json!({"a": 1}), None)]
    fn numbers_are_read_from_numbers_and_text(#[case] value: Value, #[case] number: Option<u64>) {
        assert_eq!(unsigned(&value), number);
    }

    #[rstest]
    #[case(json!(true), Some(true))]
    #[case(json!("on"), Some(true))]
    #[case(json!("No"), Some(false))]
    #[case(json!(0), Some(false))]
    #[case(json!("quorum"), None)]
    #[case(json!(null), None)]
    fn flags_are_read_from_words_and_an_unknown_word_is_no_flag(#[case] value: Value, #[case] read: Option<bool>) {
        assert_eq!(flag(&value), read);
    }
}

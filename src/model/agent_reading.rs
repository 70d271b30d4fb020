//! Numbers and flags as Patroni reads them, which is not as they look: `0100` is sixty-four, `on` is true and `2` is not.
//! Source: `utils.py` (`parse_int`, `parse_bool`) and `config.py` of Patroni 3.3, 4.0 and 4.1, which agree.

use serde_json::Value;

/// Units of memory, in bytes, from the smallest; their case matters.
const MEMORY: [(&str, i64); 5] = [("B", 1), ("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1 << 40)];

/// A whole number without a unit (`parse_int`): decimal, octal after a `0`, hexadecimal after `0x`, or a fraction that is
/// rounded. `None`: none of these, and Patroni takes the setting's default.
pub fn as_integer(value: &Value) -> Option<i64> {
    let text = scalar(value)?;
    let (number, rest) = number(&text)?;
    rest.trim().is_empty().then(|| rounded(number))
}

/// A number of bytes, with a unit or without (`parse_int` with the base unit `B`). `None`: neither.
pub fn bytes(text: &str) -> Option<i64> {
    let (number, rest) = number(text)?;
    let unit = rest.trim();
    if unit.is_empty() {
        return Some(rounded(number));
    }
    let at = MEMORY.iter().position(|(name, _)| *name == unit)?;
    let (_, factor) = MEMORY.get(at)?;
    // PostgreSQL rounds to a multiple of the next smaller unit, and Patroni with it.
    let finer = at.checked_sub(1).and_then(|below| MEMORY.get(below)).map(|(_, finer)| *finer);
    Some(match (finer, number) {
        (_, Number::Whole(number)) => number.saturating_mul(*factor),
        (Some(finer), Number::Fraction(number)) => {
            let parts = (number * (*factor / finer) as f64).round_ties_even();
            (parts as i64).saturating_mul(finer)
        }
        (None, Number::Fraction(number)) => number.round_ties_even() as i64,
    })
}

/// A flag in one of the words for it (`parse_bool`). `None`: another word, and Patroni takes it as off.
pub fn flag(value: &Value) -> Option<bool> {
    match scalar(value)?.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A whole number as Python's `int` reads it: decimal alone, a fraction is cut off. Patroni reads `ttl`, `loop_wait` and
/// `retry_timeout` so. `None`: not one, and Patroni refuses the whole configuration that holds it.
pub fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(flag) => Some(i64::from(*flag)),
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number.trunc() as i64)),
        Value::String(text) => {
            let text = text.trim();
            let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
            // Single underscores may stand between digits.
            let parts = digits.split('_').all(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit()));
            parts.then(|| saturating(text.starts_with('-'), &digits.replace('_', ""), 10))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[derive(Clone, Copy)]
enum Number {
    Whole(i64),
    Fraction(f64),
}

fn rounded(number: Number) -> i64 {
    match number {
        Number::Whole(number) => number,
        Number::Fraction(number) => number.round_ties_even() as i64,
    }
}

/// The number that `text` begins with, and the rest.
fn number(text: &str) -> Option<(Number, &str)> {
    let text = text.trim();
    let (is_negative, unsigned) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let whole = leading(unsigned, is_negative);
    let rest = whole.map_or(unsigned, |(_, rest)| rest);
    // Without digits before it only a point begins a fraction; after digits an exponent does too.
    let is_fraction = rest.starts_with('.') || whole.is_some() && rest.starts_with(['e', 'E']);
    if !is_fraction {
        return whole.map(|(number, rest)| (Number::Whole(number), rest));
    }
    let end = fraction(unsigned);
    let (digits, rest) = unsigned.split_at(end?);
    let number: f64 = digits.parse().ok()?;
    Some((Number::Fraction(if is_negative { -number } else { number }), rest))
}

/// A whole number at the beginning, in the base that its prefix tells.
fn leading(text: &str, is_negative: bool) -> Option<(i64, &str)> {
    let run = |text: &str, base: u32| text.find(|c: char| !c.is_digit(base)).unwrap_or(text.len());
    if let Some(digits) = text.strip_prefix("0x")
        && run(digits, 16) > 0
    {
        let (digits, rest) = digits.split_at(run(digits, 16));
        return Some((saturating(is_negative, digits, 16), rest));
    }
    let base = if text.starts_with('0') { 8 } else { 10 };
    let (digits, rest) = text.split_at(run(text, base));
    (!digits.is_empty()).then(|| (saturating(is_negative, digits, base), rest))
}

/// Where a fraction ends: digits, a point, digits, an exponent, and at least one digit before that.
fn fraction(text: &str) -> Option<usize> {
    let run = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.bytes().take_while(u8::is_ascii_digit).count()
    };
    let byte = |at: usize| text.as_bytes().get(at).copied();
    let mut end = run(0);
    if byte(end) == Some(b'.') && run(end + 1) > end + 1 {
        end = run(end + 1);
    }
    if end == 0 {
        return None;
    }
    if matches!(byte(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(byte(end + 1), Some(b'+' | b'-')));
        let digits = end + 1 + sign;
        if run(digits) > digits {
            end = run(digits);
        }
    }
    Some(end)
}

/// What is beyond any number here is as large as one can be.
fn saturating(is_negative: bool, digits: &str, base: u32) -> i64 {
    let most = if is_negative { i64::MIN } else { i64::MAX };
    i64::from_str_radix(digits, base).map_or(most, |number| if is_negative { -number } else { number })
}

/// The value as Python writes it.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    // Each expectation is what `patroni.utils.parse_int` of 3.3.6, 4.0.7 and 4.1.0 answers.
    #[rstest]
    #[case(json!(100), Some(100))]
    #[case(json!("0100"), Some(64))]
    #[case(json!("-0100"), Some(-64))]
    #[case(json!(" +0x400 "), Some(1024))]
    #[case(json!("08"), None)]
    #[case(json!("0"), Some(0))]
    #[case(json!(1.5), Some(2))]
    #[case(json!("2.5"), Some(2))]
    #[case(json!(".5e1"), Some(5))]
    #[case(json!("1e6"), Some(1_000_000))]
    #[case(json!("0100.5"), Some(100))]
    #[case(json!("1."), None)]
    #[case(json!("64MB"), None)]
    #[case(json!("e5"), None)]
    #[case(json!("- 5"), None)]
    #[case(json!(""), None)]
    #[case(json!(true), None)]
    #[case(json!(null), None)]
    #[case(json!([1]), None)]
    #[case(json!("99999999999999999999"), Some(i64::MAX))]
    fn a_whole_number_is_read_in_the_base_that_its_prefix_tells(#[case] value: Value, #[case] read: Option<i64>) {
        assert_eq!(as_integer(&value), read);
    }

    #[rstest]
    #[case("10MB", Some(10 << 20))]
    #[case("10", Some(10))]
    #[case(" 16 kB ", Some(16 << 10))]
    #[case("1.5MB", Some(1536 << 10))]
    #[case("1.0001kB", Some(1024))]
    #[case("0x10MB", Some(16 << 20))]
    #[case("1TB", Some(1 << 40))]
    #[case("7B", Some(7))]
    #[case("10mb", None)]
    #[case("10M", None)]
    #[case("10KB", None)]
    #[case("10PB", None)]
    #[case("lots", None)]
    #[case("", None)]
    fn a_number_of_bytes_may_carry_a_unit_in_its_own_case(#[case] text: &str, #[case] read: Option<i64>) {
        assert_eq!(bytes(text), read);
    }

    #[rstest]
    #[case(json!(30), Some(30))]
    #[case(json!("0030"), Some(30))]
    #[case(json!("3_0"), Some(30))]
    #[case(json!(30.9), Some(30))]
    #[case(json!(true), Some(1))]
    #[case(json!("30s"), None)]
    #[case(json!("30.0"), None)]
    #[case(json!("3__0"), None)]
    #[case(json!(""), None)]
    #[case(json!(null), None)]
    fn a_period_is_read_as_python_reads_an_integer(#[case] value: Value, #[case] read: Option<i64>) {
        assert_eq!(integer(&value), read);
    }

    #[rstest]
    #[case(json!(true), Some(true))]
    #[case(json!("On"), Some(true))]
    #[case(json!(1), Some(true))]
    #[case(json!(2), None)]
    #[case(json!(" on "), None)]
    #[case(json!("No"), Some(false))]
    #[case(json!("quorum"), None)]
    #[case(json!(null), None)]
    fn a_flag_is_one_of_eight_words(#[case] value: Value, #[case] read: Option<bool>) {
        assert_eq!(flag(&value), read);
    }
}

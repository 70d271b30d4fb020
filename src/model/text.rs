//! Text from outside, made harmless once and for good.
//!
//! Names, log lines, query text and error text come from servers that anybody may write to. [`Text`] can only be
//! made by removing everything a terminal would obey, so whatever is typed `Text` may be drawn as it is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest text kept, in characters. Longer outside text is cut and ends in an ellipsis: an answer of 100 MB must not
/// become a line of 100 MB.
pub const LONGEST: usize = 4096;

/// Text without control characters, escape sequences, or direction overrides. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// Cleans `raw`: escape sequences vanish whole, line breaks and tabs become one blank, other control characters
    /// and bidirectional overrides are dropped, and the rest is cut at [`LONGEST`].
    pub fn new(raw: impl AsRef<str>) -> Self {
        Self(clean(raw.as_ref()).into())
    }

    /// Like [`Text::new`], with passwords in connection strings and URLs masked as well. For anything that may carry
    /// a conninfo: error messages, `primary_conninfo`, `conn_url`.
    pub fn redacted(raw: impl AsRef<str>) -> Self {
        Self::new(redact(raw.as_ref()))
    }

    /// `count` blanks: the seam between two pieces of text on one line, which cleaning would take away.
    pub fn blanks(count: usize) -> Self {
        Self(" ".repeat(count.min(LONGEST)).into())
    }

    /// The cleaned text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for Text {
    fn default() -> Self {
        Self("".into())
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<String> for Text {
    fn from(raw: String) -> Self {
        Self::new(raw)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

fn clean(raw: &str) -> String {
    let mut kept = String::with_capacity(raw.len().min(LONGEST));
    let mut count = 0;
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        if count == LONGEST {
            kept.push('…');
            break;
        }
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_csi(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            '\n' | '\r' | '\t' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
                if !kept.ends_with(' ') {
                    kept.push(' ');
                    count += 1;
                }
            }
            c if c.is_control() || overrides_direction(c) => {}
            c => {
                kept.push(c);
                count += 1;
            }
        }
    }
    kept.truncate(kept.trim_end().len());
    kept
}

/// Characters that reorder or hide their neighbours, so that what is read differs from what is there.
fn overrides_direction(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
}

type Characters<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(rest: &mut Characters<'_>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_csi(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        Some(c) if c.is_ascii() => {
            // Intermediates (0x20-0x2f) and one final byte.
            while rest.next_if(|c| (' '..='/').contains(c)).is_some() {}
            rest.next_if(|c| ('0'..='~').contains(c));
        }
        _ => {}
    }
}

fn skip_csi(rest: &mut Characters<'_>) {
    while rest.next_if(|c| (' '..='?').contains(c)).is_some() {}
    rest.next_if(|c| ('@'..='~').contains(c));
}

/// An OSC, DCS, APC, PM or SOS string runs to BEL or ST. One that never ends swallows the rest: it is not text.
fn skip_string(rest: &mut Characters<'_>) {
    while let Some(c) = rest.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// What stands where a secret stood.
pub const MASK: &str = "********";

/// Masks the value of every `password=` (and `sslpassword=`, `passwd=`) and the password of every URL's user part.
pub fn redact(raw: &str) -> String {
    mask_url_passwords(&mask_keywords(raw))
}

fn mask_keywords(raw: &str) -> String {
    const WORDS: [&str; 3] = ["password", "passwd", "pwd"];
    let lower = raw.to_ascii_lowercase();
    let mut out = String::with_capacity(raw.len());
    let mut position = 0;
    while let Some((start, word)) =
        WORDS.iter().filter_map(|word| lower[position..].find(word).map(|at| (position + at, *word))).min()
    {
        let after = start + word.len();
        let tail = &raw[after..];
        let blanks = tail.len() - tail.trim_start_matches([' ', '"', '\'']).len();
        let Some(value) = tail[blanks..].strip_prefix(['=', ':']) else {
            out.push_str(&raw[position..after]);
            position = after;
            continue;
        };
        let value_start = raw.len() - value.len();
        let lead = value.len() - value.trim_start().len();
        let end = value_start + lead + secret_length(value.trim_start());
        out.push_str(&raw[position..value_start]);
        out.push_str(MASK);
        position = end;
    }
    out.push_str(&raw[position..]);
    out
}

/// Length in bytes of a secret at the head of `value`: quoted up to the closing quote, else up to a blank or `&`.
fn secret_length(value: &str) -> usize {
    let Some(quote) = value.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        return value.find([' ', '&', ',', ';', '\n', '\t', '}']).unwrap_or(value.len());
    };
    let mut escaped = false;
    for (at, c) in value.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    value.len()
}

fn mask_url_passwords(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let authority = tail.find(['/', '?', '#', ' ', '"', '\'']).unwrap_or(tail.len());
        match tail[..authority].rfind('@').and_then(|end| tail[..end].find(':').map(|start| (start, end))) {
            Some((start, end)) => {
                out.push_str(&tail[..=start]);
                out.push_str(MASK);
                rest = &tail[end..];
            }
            None => rest = tail,
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("plain", "plain")]
    #[case("a\u{1b}[31mred\u{1b}[0m", "ared")]
    #[case("title\u{1b}]0;owned\u{7}!", "title!")]
    #[case("\u{1b}]52;c;aGk=\u{1b}\\copy", "copy")]
    #[case("c1\u{9b}2Jgone", "c1gone")]
    #[case("two\r\n\tlines", "two lines")]
    #[case("bell\u{7}\u{8}\u{7f}", "bell")]
    #[case("evil\u{202e}txt", "eviltxt")]
    #[case("naïve 日本", "naïve 日本")]
    #[case("unterminated \u{1b}]0;swallowed", "unterminated")]
    fn a_terminal_finds_nothing_to_obey(#[case] raw: &str, #[case] clean: &str) {
        assert_eq!(Text::new(raw).as_str(), clean);
    }

    #[test]
    fn a_monstrous_answer_is_cut() {
        assert_eq!(Text::new("x".repeat(1_000_000)).as_str().chars().count(), LONGEST + 1);
    }

    #[rstest]
    #[case("host=a password=s3cret user=b", "host=a password=******** user=b")]
    #[case("password='it''s' x", "password=********'s' x")]
    #[case("password='a\\'b c' x", "password=******** x")]
    #[case("postgres://u:p@h/db", "postgres://u:********@h/db")]
    #[case("postgres://u@h/db?password=abc&x=1", "postgres://u@h/db?password=********&x=1")]
    #[case("two https://a:b@c and http://d:e@f", "two https://a:********@c and http://d:********@f")]
    #[case("{\"password\": \"abc\"}", "{\"password\":********}")]
    #[case("password authentication failed", "password authentication failed")]
    fn secrets_are_masked(#[case] raw: &str, #[case] masked: &str) {
        assert_eq!(redact(raw), masked);
    }

    proptest! {
        #[test]
        fn nothing_a_terminal_obeys_survives(raw in any::<String>()) {
            let text = Text::new(&raw);
            prop_assert!(!text.as_str().chars().any(|c| c.is_control() || overrides_direction(c)));
        }

        #[test]
        fn cleaning_twice_changes_nothing(raw in any::<String>()) {
            let once = Text::new(&raw);
            prop_assert_eq!(Text::new(once.as_str()), once);
        }

        #[test]
        fn redacting_never_panics(raw in any::<String>()) {
            let _ = redact(&raw);
        }
    }
}

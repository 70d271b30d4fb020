//! YAML as a tree that keeps lines. Compose files come in too many shapes for typed structures: a port is a number, a
//! string or a table, and half of the keys are of no interest here.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{Error, Options, PropertySyntax, Spanned};

use super::variables::Variables;

/// No stack that people run comes near this, and nothing larger is read.
pub(super) const MAX_TEXT_SIZE: usize = 1024 * 1024;

/// Part of a YAML document.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Node {
    /// Line, from one; 0 where the parser cannot tell.
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    Nothing,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The value of `key`, where this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().find(|(name, _)| *name == key).map(|(_, node)| node)
    }

    /// The value at the end of `path`.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text of a scalar; an empty one counts as absent.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(text) if !text.is_empty() => Some(text),
            Kind::Scalar(_) | Kind::Nothing | Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// The text at `key`.
    pub(super) fn text_of(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// The members of a map; nothing for anything else.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        let entries: &[(String, Node)] = match &self.kind {
            Kind::Map(entries) => entries,
            Kind::Nothing | Kind::Scalar(_) | Kind::List(_) => &[],
        };
        entries.iter().map(|(key, node)| (key.as_str(), node))
    }

    /// The items of a list, a scalar as a list of one, nothing for anything else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Scalar(_) => std::slice::from_ref(self),
            Kind::Nothing | Kind::Map(_) => &[],
        }
    }
}

/// What the parser says, in its own words, with the line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct YamlProblem {
    pub(super) line: Option<usize>,
    pub(super) problem: String,
    pub(super) remedy: &'static str,
}

/// What helps with text that is no YAML.
const ASK_COMPOSE: &str = "`docker compose config` reads the same file and shows the position";

/// Reads the first document of `text`. With `variables`, every scalar value is interpolated as Compose does it.
pub(super) fn parse(text: &str, variables: Option<&Variables>) -> Result<Node, YamlProblem> {
    if text.len() > MAX_TEXT_SIZE {
        return Err(YamlProblem { line: None, problem: "is larger than 1 MB".to_owned(), remedy: ASK_COMPOSE });
    }
    if text.trim().is_empty() {
        return Ok(Node { line: 0, kind: Kind::Nothing });
    }
    serde_saphyr::from_str_with_options(text, options(variables)).map_err(|error| problem(&error))
}

/// Interpolates one text with Compose's rules.
pub(super) fn interpolate(text: &str, variables: &Variables) -> Result<String, YamlProblem> {
    if !text.contains('$') {
        return Ok(text.to_owned());
    }
    // A JSON string is a YAML scalar too, whatever the text holds.
    let quoted = serde_json::Value::from(text).to_string();
    serde_saphyr::from_str_with_options(&quoted, options(Some(variables))).map_err(|error| problem(&error))
}

fn problem(error: &serde_saphyr::Error) -> YamlProblem {
    let line = error.location().and_then(|location| usize::try_from(location.line()).ok()).filter(|line| *line > 0);
    let hint = |message: &str| if message.is_empty() { String::new() } else { format!(": {message}") };
    let set_it = "set it in the environment or in the environment file (--env-file)";
    let (problem, remedy) = match error.without_snippet() {
        // Met again where an anchor is used.
        Error::AliasError { error, .. } => {
            let inner = self::problem(error);
            return YamlProblem { line: inner.line.or(line), ..inner };
        }
        Error::PropertyRequiredButUnset { name, message, .. } => {
            (format!("{name} is required and not set{}", hint(message)), set_it)
        }
        Error::PropertyRequiredButEmpty { name, message, .. } => {
            (format!("{name} is required and empty{}", hint(message)), set_it)
        }
        Error::InvalidPropertyName { name, .. } => {
            (format!("`{name}` is not a variable reference"), "use ${NAME}, or $$ for a dollar sign")
        }
        other => {
            let said = other.to_string();
            let said = said.lines().next().unwrap_or_default();
            // The parser repeats the place behind its message; ours stands before it.
            (said.split_once(" at line ").map_or(said, |(said, _)| said).to_owned(), ASK_COMPOSE)
        }
    };
    YamlProblem { line, problem: crate::model::text::redact(&problem), remedy }
}

fn options(variables: Option<&Variables>) -> Options {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: 100_000,
            max_events: 400_000,
            max_total_scalar_bytes: 8 * MAX_TEXT_SIZE,
            max_total_property_interpolation_work: 16 * MAX_TEXT_SIZE,
            // A stack of many services made from few templates is no attack; the replay limits below hold off one.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 200_000 },
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    };
    match variables {
        Some(variables) => {
            let mut options = options.with_properties(variables.to_map());
            options.property_syntax = PropertySyntax::DockerCompose;
            options
        }
        None => options,
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Kind>::deserialize(deserializer)?;
        let line = if spanned.defined.line() > 0 { spanned.defined.line() } else { spanned.referenced.line() };
        Ok(Self { line: usize::try_from(line).unwrap_or(0), kind: spanned.value })
    }
}

/// A key of a map: whatever scalar stands there, as text.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Kind::deserialize(deserializer)? {
            Kind::Scalar(text) => Ok(Self(text)),
            Kind::Nothing => Ok(Self(String::new())),
            Kind::List(_) | Kind::Map(_) => Err(serde::de::Error::custom("a list or a map cannot be a key")),
        }
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        macro_rules! scalars {
            ($($method:ident: $type:ty,)*) => {
                $(fn $method<E: serde::de::Error>(self, value: $type) -> Result<Kind, E> {
                    Ok(Kind::Scalar(value.to_string()))
                })*
            };
        }

        impl<'de> Visitor<'de> for Reader {
            type Value = Kind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            scalars! {
                visit_bool: bool,
                visit_i64: i64,
                visit_u64: u64,
                visit_i128: i128,
                visit_u128: u128,
                visit_f64: f64,
                visit_str: &str,
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Kind, E> {
                Ok(Kind::Scalar(text))
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Kind, E> {
                Ok(Kind::Scalar(String::from_utf8_lossy(bytes).into_owned()))
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Kind, E> {
                Ok(Kind::Nothing)
            }

            fn visit_none<E: serde::de::Error>(self) -> Result<Kind, E> {
                Ok(Kind::Nothing)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
                Kind::deserialize(deserializer)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
                Kind::deserialize(deserializer)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Kind::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Kind, A::Error> {
                let mut entries = Vec::new();
                while let Some((Key(key), node)) = access.next_entry()? {
                    entries.push((key, node));
                }
                Ok(Kind::Map(entries))
            }
        }

        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn variables() -> Variables {
        [("SET", "value"), ("EMPTY", ""), ("PORT", "5433"), ("TRICKY", "a: b # c $SET")].into_iter().collect()
    }

    #[rstest]
    #[case::braced("${SET}", "value")]
    #[case::bare("$SET/x", "value/x")]
    #[case::unset("${UNSET}", "")]
    #[case::default_if_empty("${EMPTY:-x}", "x")]
    #[case::default_if_unset("${EMPTY-x}", "")]
    #[case::default_used("${UNSET-x}", "x")]
    #[case::default_not_used("${SET:-x}", "value")]
    #[case::alternative("${SET:+x}", "x")]
    #[case::alternative_of_empty("${EMPTY:+x}", "")]
    #[case::alternative_if_set("${EMPTY+x}", "x")]
    #[case::required_and_there("${SET:?must be set}", "value")]
    #[case::nested("${UNSET:-${EMPTY:-${SET}}}", "value")]
    #[case::nested_port("127.0.0.1:${UNSET:-${PORT}}:5432", "127.0.0.1:5433:5432")]
    #[case::dollar("pa$$word", "pa$word")]
    #[case::escaped("$${SET}", "${SET}")]
    #[case::never_twice("${TRICKY}", "a: b # c $SET")]
    #[case::empty_default("${UNSET:-}", "")]
    fn values_are_interpolated_as_compose_does(#[case] text: &str, #[case] expected: &str) {
        for style in [format!("\"{text}\""), format!("'{text}'")] {
            let tree = parse(&format!("a: {style}\n"), Some(&variables())).unwrap();
            assert_eq!(tree.text_of("a").unwrap_or_default(), expected, "{style}");
        }
        assert_eq!(interpolate(text, &variables()).unwrap(), expected);
    }

    #[test]
    fn a_required_variable_that_is_missing_is_reported_with_line_and_hint() {
        let error = parse("a: 1\nb: ${UNSET:?set it in .env}\n", Some(&variables())).unwrap_err();
        assert_eq!(error.line, Some(2));
        assert!(error.problem.contains("UNSET") && error.problem.contains("set it in .env"), "{}", error.problem);
    }

    #[rstest]
    #[case("a: [1, 2\nb: c\n")]
    #[case("a:\n\t- b\n")]
    #[case("a: *missing\n")]
    #[case("a: ${UNCLOSED\n")]
    #[case("a: 1\na: 2\n")]
    fn broken_text_is_reported_with_its_line(#[case] text: &str) {
        let error = parse(text, Some(&variables())).unwrap_err();
        assert!(error.line.is_some(), "{}", error.problem);
        assert!(!error.problem.contains('\n'));
    }

    #[test]
    fn anchors_merge_keys_and_tags_are_followed_and_lines_kept() {
        let text = "x-a: &a {k: 1, shared: old}\nx-b: &b\n  m: 2\ns:\n  <<: [*a, *b]\n  shared: new\n  r: !reset null\n  t: !override [9]\n";
        let tree = parse(text, None).unwrap();
        let service = tree.get("s").unwrap();
        assert_eq!(service.text_of("k"), Some("1"));
        assert_eq!(service.text_of("m"), Some("2"));
        assert_eq!(service.text_of("shared"), Some("new"));
        assert_eq!(service.get("shared").unwrap().line, 6);
        assert_eq!(service.get("m").unwrap().line, 3, "a merged value stands where it is written");
        assert_eq!(service.get("t").unwrap().items().len(), 1);
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let items = vec![format!("*a{}", level - 1); 9].join(", ");
            text = format!("{text}a{level}: &a{level} [{items}]\n");
        }
        assert!(parse(&text, None).is_err());
        assert!(parse(&"[".repeat(10_000), None).is_err());
        assert!(parse(&"a: b\n".repeat(MAX_TEXT_SIZE / 4), None).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[\\PC\\n\\t:${}\\[\\]&*!|>'\"#-]{0,200}") {
            let _ = (parse(&text, Some(&variables())).is_ok(), interpolate(&text, &variables()).is_ok());
        }
    }
}

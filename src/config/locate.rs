//! Finding the line of a key and the key of a place in a TOML text, for error messages.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed text that knows where its keys stand.
pub(super) struct Locator<'a> {
    text: &'a str,
    root: Option<Spanned<DeTable<'a>>>,
}

/// One key of a text: its dotted path, where the key stands, and its value.
pub(super) struct Entry<'t, 'a> {
    pub(super) path: String,
    pub(super) key: String,
    pub(super) at: Range<usize>,
    pub(super) value: &'t Spanned<DeValue<'a>>,
}

impl<'a> Locator<'a> {
    /// A text that is not TOML has lines but no keys.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, root: DeTable::parse(text).ok() }
    }

    /// Line of a byte offset, from one.
    pub(super) fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end].split(|byte| *byte == b'\n').count()
    }

    /// Line of a dotted path. A path that is not written gives the line of the longest part of it that is.
    pub(super) fn line_of(&self, path: &str) -> Option<usize> {
        let entries = self.entries();
        let written =
            |path: &str| entries.iter().find(|entry| entry.path == path).map(|entry| self.line(entry.at.start));
        let mut path = path;
        loop {
            if let Some(line) = written(path) {
                return Some(line);
            }
            path = &path[..path.rfind('.')?];
        }
    }

    /// The dotted path of the innermost key whose key or value covers `span`.
    pub(super) fn path_at(&self, span: &Range<usize>) -> Option<String> {
        let covers = |range: &Range<usize>| range.start <= span.start && span.end <= range.end;
        self.entries()
            .into_iter()
            .filter(|entry| covers(&entry.at) || covers(&entry.value.span()))
            .max_by_key(|entry| entry.path.matches('.').count())
            .map(|entry| entry.path)
    }

    /// Every key, outer before inner.
    pub(super) fn entries(&self) -> Vec<Entry<'_, 'a>> {
        let mut found = Vec::new();
        if let Some(root) = &self.root {
            collect_table(root.get_ref(), "", &mut found);
        }
        found
    }
}

fn collect_table<'t, 'a>(table: &'t DeTable<'a>, path: &str, found: &mut Vec<Entry<'t, 'a>>) {
    for (key, value) in table {
        let name = quoted(key.get_ref());
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        found.push(Entry { path: path.clone(), key: key.get_ref().to_string(), at: key.span(), value });
        collect_value(value.get_ref(), &path, found);
    }
}

fn collect_value<'t, 'a>(value: &'t DeValue<'a>, path: &str, found: &mut Vec<Entry<'t, 'a>>) {
    if let Some(table) = value.as_table() {
        collect_table(table, path, found);
    } else if let Some(array) = value.as_array() {
        for (index, element) in array.iter().enumerate() {
            collect_value(element.get_ref(), &format!("{path}[{index}]"), found);
        }
    }
}

/// A key as it has to be written in a dotted path.
pub(super) fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if bare { key.to_owned() } else { format!("\"{key}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "theme = \"dark\"\n\n[clusters.prod]\nscope = \"a\"\n\n[[clusters.prod.routers]]\nname = \"r\"\n\
                        [clusters.\"a b\"]\nscope = 3\n";

    #[test]
    fn a_path_gives_its_line_and_a_missing_key_the_line_of_its_table() {
        let locator = Locator::new(TEXT);
        assert_eq!(locator.line_of("theme"), Some(1));
        assert_eq!(locator.line_of("clusters.prod.scope"), Some(4));
        assert_eq!(locator.line_of("clusters.prod.nothing"), Some(3));
        assert_eq!(locator.line_of("clusters.prod.routers[0].name"), Some(7));
        assert_eq!(locator.line_of("absent"), None);
    }

    #[test]
    fn a_span_gives_the_innermost_path() {
        let locator = Locator::new(TEXT);
        let at = TEXT.find('3').unwrap();
        assert_eq!(locator.path_at(&(at..at + 1)).as_deref(), Some("clusters.\"a b\".scope"));
    }
}

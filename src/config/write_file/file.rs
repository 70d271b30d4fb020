//! The text of the file as it grows: tables, keys, values and comments. Whatever comes from outside is cleaned and
//! quoted here, so that it can neither end a comment nor break the file.

use std::fmt::Write;

use super::super::discovered::DiscoveredLogin;
use super::super::endpoint::SecretSource;
use super::super::locate::quoted;
use crate::model::text::Text;

/// Columns of a comment.
const WIDTH: usize = 100;

/// A file as it grows.
#[derive(Default)]
pub(super) struct File {
    text: String,
}

impl File {
    /// The text so far.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.line("");
    }

    /// A comment. What comes from outside cannot end it.
    pub(super) fn comment(&mut self, words: impl AsRef<str>) {
        self.line(format!("# {}", clean(words.as_ref())).trim_end());
    }

    /// Sentences as comments, broken at a width that can be read.
    pub(super) fn prose(&mut self, words: impl AsRef<str>) {
        let mut line = String::new();
        for word in clean(words.as_ref()).split_whitespace() {
            if !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
                self.line(format!("# {line}"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        if !line.is_empty() {
            self.line(format!("# {line}"));
        }
    }

    /// The keys of a login; whether there is one. The password itself is never among them.
    pub(super) fn login(&mut self, login: Option<&DiscoveredLogin>) -> bool {
        let Some(login) = login.filter(|login| !clean(&login.user).is_empty()) else { return false };
        self.set("user", &text(&login.user), "");
        match &login.password {
            Some(SecretSource::File(path)) => self.set("password_file", &text(&path.to_string_lossy()), ""),
            Some(SecretSource::Environment(name)) => self.set("password_env", &text(name), ""),
            Some(SecretSource::Command(words)) if !words.is_empty() => {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                self.list("password_command", &words);
            }
            Some(SecretSource::Command(_)) | None => {
                self.comment("password_env = \"...\"   # or password_file, password_command, ~/.pgpass");
            }
        }
        login.remarks.iter().for_each(|remark| self.prose(remark));
        true
    }

    pub(super) fn table(&mut self, path: &str) {
        self.line(format!("[{path}]"));
    }

    pub(super) fn set(&mut self, key: &str, value: &str, remark: &str) {
        let line = format!("{key} = {value}");
        let remark = if remark.is_empty() { String::new() } else { format!("   # {remark}") };
        self.line(format!("{line}{remark}"));
    }

    pub(super) fn list(&mut self, key: &str, values: &[&str]) {
        self.line(format!("{key} = ["));
        for value in values {
            // Writing to a string cannot fail.
            let _ = writeln!(self.text, "    {},", text(value));
        }
        self.line("]");
    }
}

/// Outside text on one line, without anything that a terminal or the file would obey.
pub(super) fn clean(raw: &str) -> String {
    Text::new(raw).to_string()
}

/// A basic string of TOML, which may also be a key. Control characters are gone, so only its two signs are escaped.
pub(super) fn text(raw: &str) -> String {
    format!("\"{}\"", clean(raw).replace('\\', "\\\\").replace('"', "\\\""))
}

/// A TOML key.
pub(super) fn key(raw: &str) -> String {
    let bare = quoted(raw);
    if bare == raw { bare } else { text(raw) }
}

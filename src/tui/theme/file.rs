//! A theme as written: TOML with an optional `inherits`, a `[palette]` of named colours, and `[roles]`. Whatever is
//! wrong in it becomes a warning; the rest still applies.

use std::collections::BTreeMap;

use ratatui::style::{Color, Modifier, Style};
use toml::Value;

use super::colour;
use super::role::Role;

/// A theme as read. Roles keep the names of their colours, so that a theme can inherit another's roles and bring a
/// palette of its own.
#[derive(Clone, Debug, Default)]
pub struct ThemeFile {
    /// Theme whose palette and roles apply where this one has none.
    pub inherits: Option<String>,
    /// What is wrong in the file, one line each.
    pub warnings: Vec<String>,
    palette: BTreeMap<String, Color>,
    roles: BTreeMap<Role, Value>,
}

impl ThemeFile {
    /// Reads a theme. Never fails: a text that is no TOML is an empty theme with a warning.
    pub fn parse(text: &str) -> Self {
        let mut file = Self::default();
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                file.warnings.push(format!("not a TOML file: {}", error.message()));
                return file;
            }
        };
        for (key, value) in table {
            match (key.as_str(), value) {
                ("inherits", Value::String(name)) => file.inherits = Some(name),
                ("palette", Value::Table(colours)) => colours.iter().for_each(|(name, value)| file.colour(name, value)),
                ("roles", Value::Table(roles)) => roles.into_iter().for_each(|(name, value)| file.role(&name, value)),
                ("inherits", _) => file.warnings.push("inherits: expected the name of a theme".to_owned()),
                ("palette" | "roles", _) => file.warnings.push(format!("{key}: expected a table")),
                _ => file.warnings.push(format!("{key}: unknown key; known are inherits, palette and roles")),
            }
        }
        file
    }

    fn colour(&mut self, name: &str, value: &Value) {
        match value.as_str().and_then(colour::parse) {
            Some(colour) => {
                self.palette.insert(name.to_owned(), colour);
            }
            None => self.warnings.push(format!("palette.{name}: not a colour: {value}")),
        }
    }

    fn role(&mut self, name: &str, value: Value) {
        match Role::named(name) {
            Some(role) => {
                self.roles.insert(role, value);
            }
            None => self.warnings.push(format!("roles.{name}: unknown role")),
        }
    }

    /// Adds what the inherited `parent` has and this theme lacks.
    pub fn inherit(&mut self, parent: Self) {
        for (name, colour) in parent.palette {
            self.palette.entry(name).or_insert(colour);
        }
        for (role, value) in parent.roles {
            self.roles.entry(role).or_insert(value);
        }
        self.warnings.extend(parent.warnings);
    }

    /// The styles of the roles that are set, and what is wrong with them.
    pub fn styles(&self) -> (BTreeMap<Role, Style>, Vec<String>) {
        let mut warnings = Vec::new();
        let mut warn = |problem: String| warnings.push(problem);
        let styles = self.roles.iter().map(|(role, value)| (*role, self.style(*role, value, &mut warn))).collect();
        (styles, warnings)
    }

    fn style(&self, role: Role, value: &Value, warn: &mut impl FnMut(String)) -> Style {
        let name = role.name();
        let mut colour = |part: &str, text: &str| {
            let found = self.palette.get(text).copied().or_else(|| colour::parse(text));
            if found.is_none() {
                warn(format!("roles.{name}{part}: not a colour: {text}"));
            }
            found
        };
        let mut style = Style::new();
        let mut problems = Vec::new();
        match value {
            Value::String(text) => style.fg = colour("", text),
            Value::Table(parts) => {
                for (key, value) in parts {
                    match (key.as_str(), value, modifier(key)) {
                        ("fg", Value::String(text), _) => style.fg = colour(".fg", text),
                        ("bg", Value::String(text), _) => style.bg = colour(".bg", text),
                        (_, Value::Boolean(true), Some(modifier)) => style = style.add_modifier(modifier),
                        (_, Value::Boolean(false), Some(_)) => {}
                        ("fg" | "bg", _, _) => problems.push(format!("{key}: expected a colour in quotes")),
                        (_, _, Some(_)) => problems.push(format!("{key}: expected true or false")),
                        _ => problems.push(format!("{key}: unknown; known are fg, bg and {MODIFIERS}")),
                    }
                }
            }
            _ => problems.push("expected a colour or a table".to_owned()),
        }
        for problem in problems {
            warn(format!("roles.{name}.{problem}"));
        }
        style
    }
}

const MODIFIERS: &str = "bold, dim, italic, underlined, reversed";

fn modifier(name: &str) -> Option<Modifier> {
    Some(match name {
        "bold" => Modifier::BOLD,
        "dim" => Modifier::DIM,
        "italic" => Modifier::ITALIC,
        "underlined" => Modifier::UNDERLINED,
        "reversed" => Modifier::REVERSED,
        _ => return None,
    })
}

//! Themes: from what a place on the screen means to how it looks. Colours are named in this room and in no other.

pub mod colour;
mod file;
mod role;

use std::collections::BTreeMap;
use std::path::Path;

use ratatui::style::{Modifier, Style};

pub use self::colour::ColourDepth;
pub use self::file::ThemeFile;
pub use self::role::Role;

const BUILT_IN: [(&str, &str); 5] = [
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
    ("terminal16", include_str!("../../../themes/terminal16.toml")),
];

/// What applies where a theme cannot be had.
const FALLBACK: &str = "dark";

/// Longest chain of `inherits`; a longer one is a circle.
const MAX_CHAIN: usize = 8;

/// Every role's style, at the depth of the terminal at hand.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Its name.
    pub name: String,
    /// What is wrong in its file.
    pub warnings: Vec<String>,
    styles: BTreeMap<Role, Style>,
}

impl Default for Theme {
    fn default() -> Self {
        Self::load(FALLBACK, None, ColourDepth::True)
    }
}

impl Theme {
    /// Names of the built-in themes and of the files in `directory`.
    pub fn names(directory: Option<&Path>) -> Vec<String> {
        let mut names: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
        let files = directory.and_then(|directory| std::fs::read_dir(directory).ok());
        for entry in files.into_iter().flatten().flatten() {
            let path = entry.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            if let Some(stem) = stem.filter(|_| path.extension().is_some_and(|extension| extension == "toml"))
                && !names.iter().any(|name| name == stem)
            {
                names.push(stem.to_owned());
            }
        }
        names[BUILT_IN.len()..].sort();
        names
    }

    /// The theme called `name`: a file of that name in `directory`, else the built-in one, else the dark one with a
    /// warning. Without colours every theme looks like `mono`.
    pub fn load(name: &str, directory: Option<&Path>, depth: ColourDepth) -> Self {
        let wanted = if depth == ColourDepth::None { "mono" } else { name };
        let mut warnings = Vec::new();
        if wanted != name && source(name, directory).is_none() {
            warnings.push(missing(name, directory));
        }
        let mut merged: Option<ThemeFile> = None;
        let mut next = Some(wanted.to_owned());
        let mut length = 0;
        while let Some(name) = next.take() {
            length += 1;
            if length > MAX_CHAIN {
                warnings.push(format!("{name}: themes inherit from each other in a circle"));
                break;
            }
            let Some(text) = source(&name, directory) else {
                warnings.push(missing(&name, directory));
                next = (merged.is_none() && name != FALLBACK).then(|| FALLBACK.to_owned());
                continue;
            };
            let mut file = ThemeFile::parse(&text);
            file.warnings.iter_mut().for_each(|warning| *warning = format!("theme {name}: {warning}"));
            next = file.inherits.take();
            match &mut merged {
                Some(child) => child.inherit(file),
                None => merged = Some(file),
            }
        }
        let merged = merged.unwrap_or_default();
        let (written, wrong) = merged.styles();
        warnings.extend(merged.warnings);
        warnings.extend(wrong.into_iter().map(|warning| format!("theme {name}: {warning}")));
        let styles = Role::ALL.iter().map(|role| (*role, degraded(*role, resolve(*role, &written), depth))).collect();
        Self { name: name.to_owned(), warnings, styles }
    }

    /// The theme of a terminal of this depth where none was chosen: colours mixed for a screen that has all of them turn
    /// into whatever is nearest on one of sixteen.
    pub const fn usual(depth: ColourDepth) -> &'static str {
        match depth {
            ColourDepth::Sixteen => "terminal16",
            ColourDepth::None | ColourDepth::Palette | ColourDepth::True => FALLBACK,
        }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }
}

fn missing(name: &str, directory: Option<&Path>) -> String {
    format!("no theme {name}; available: {}", Theme::names(directory).join(", "))
}

fn source(name: &str, directory: Option<&Path>) -> Option<String> {
    // A name is a name: it never leads out of the directory.
    let plain = !name.is_empty() && !name.contains(['/', '\\']) && !name.starts_with('.');
    let own = directory
        .filter(|_| plain)
        .and_then(|directory| std::fs::read_to_string(directory.join(format!("{name}.toml"))).ok());
    own.or_else(|| BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned()))
}

/// The style of the role, or of the longest dotted prefix that the theme has, over that of plain text.
fn resolve(role: Role, written: &BTreeMap<Role, Style>) -> Style {
    let mut name = role.name();
    loop {
        if let Some(style) = Role::named(name).and_then(|role| written.get(&role)) {
            return *style;
        }
        match name.rsplit_once('.') {
            Some((parent, _)) => name = parent,
            None => return Style::new(),
        }
    }
}

fn degraded(role: Role, mut style: Style, depth: ColourDepth) -> Style {
    let is_mixed = matches!(style.bg, Some(colour) if colour::degrade(colour, ColourDepth::Sixteen) != colour);
    if depth == ColourDepth::Sixteen && is_mixed {
        // The nearest of sixteen to a shade just above the ground is a pure colour, or the ground itself.
        match role {
            Role::Selection => return Style::reset().add_modifier(Modifier::REVERSED),
            Role::SelectionIdle => return Style::new().add_modifier(Modifier::UNDERLINED),
            _ => {}
        }
    }
    style.fg = style.fg.map(|colour| colour::degrade(colour, depth));
    style.bg = style.bg.map(|colour| colour::degrade(colour, depth));
    let is_one = style.fg == style.bg && style.fg.is_some_and(|colour| colour != ratatui::style::Color::Reset);
    if depth == ColourDepth::Sixteen && is_one {
        style.fg = None;
        style = style.add_modifier(Modifier::REVERSED);
    }
    style
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_loads_without_warnings_at_every_depth() {
        for name in Theme::names(None) {
            for depth in [ColourDepth::True, ColourDepth::Palette, ColourDepth::Sixteen, ColourDepth::None] {
                let theme = Theme::load(&name, None, depth);
                assert_eq!(theme.warnings, Vec::<String>::new(), "{name}");
            }
        }
    }

    #[test]
    fn what_must_differ_differs_in_every_theme_at_every_depth() {
        let apart = [Role::Well, Role::Look, Role::Act, Role::Stale, Role::Selection];
        for name in Theme::names(None) {
            for depth in [ColourDepth::True, ColourDepth::Palette, ColourDepth::Sixteen, ColourDepth::None] {
                let theme = Theme::load(&name, None, depth);
                for (index, first) in apart.iter().enumerate() {
                    for second in &apart[index + 1..] {
                        let both_calm = depth == ColourDepth::None || name == "mono";
                        if both_calm && [*first, *second].contains(&Role::Well) {
                            continue;
                        }
                        assert_ne!(theme.style(*first), theme.style(*second), "{name} {depth:?} {first:?} {second:?}");
                    }
                }
            }
        }
    }

    /// Of a selected row everything must be readable, in whatever colours its cells are.
    #[test]
    fn on_sixteen_colours_a_selected_row_has_one_pair_of_colours() {
        for name in ["dark", "light", "high-contrast", "terminal16"] {
            let theme = Theme::load(name, None, ColourDepth::Sixteen);
            let selected = |role| theme.style(role).patch(theme.style(Role::Selection));
            let pair = |style: Style| (style.fg, style.bg, style.add_modifier.contains(Modifier::REVERSED));
            for role in [Role::Well, Role::Look, Role::Act, Role::Stale, Role::Dim, Role::Strong] {
                assert_eq!(pair(selected(role)), pair(selected(Role::Text)), "{name} {role:?}");
            }
            assert_ne!(selected(Role::Text).fg, Some(ratatui::style::Color::Blue), "{name}");
        }
    }

    #[test]
    fn where_none_was_chosen_a_terminal_of_sixteen_colours_gets_its_own_theme() {
        assert_eq!(Theme::usual(ColourDepth::detect(None, None, Some("linux"))), "terminal16");
        assert_eq!(Theme::usual(ColourDepth::detect(None, None, Some("xterm-256color"))), "dark");
        assert_eq!(Theme::usual(ColourDepth::detect(None, Some("truecolor"), Some("xterm"))), "dark");
    }

    #[test]
    fn a_wrong_file_warns_and_the_rest_of_it_applies() {
        let directory = tempfile::tempdir().unwrap();
        let text = r##"
            inherits = "light"
            surprise = 1
            [palette]
            leaf = "#00aa00"
            rot = "mouldy"
            [roles]
            "status.ok" = "leaf"
            "status.act" = { fg = "#ff0000", blink = true }
            "no.such" = "leaf"
        "##;
        std::fs::write(directory.path().join("mine.toml"), text).unwrap();
        let theme = Theme::load("mine", Some(directory.path()), ColourDepth::True);
        assert_eq!(theme.style(Role::Well).fg, colour::parse("#00aa00"));
        assert_eq!(theme.style(Role::Act).fg, colour::parse("#ff0000"));
        assert_eq!(theme.style(Role::Look), Theme::load("light", None, ColourDepth::True).style(Role::Look));
        let all = theme.warnings.join("\n");
        for part in ["surprise", "rot", "blink", "no.such"] {
            assert!(all.contains(part), "{part} is not warned about in {all}");
        }
        assert!(Theme::names(Some(directory.path())).contains(&"mine".to_owned()));
    }

    #[test]
    fn a_theme_that_is_not_there_is_reported_with_those_that_are_at_every_depth() {
        for depth in [ColourDepth::None, ColourDepth::True] {
            let warnings = Theme::load("nosuch", None, depth).warnings.join("; ");
            assert!(warnings.contains("nosuch; available: dark, light, high-contrast, mono"), "{depth:?}: {warnings}");
        }
    }

    #[test]
    fn a_missing_theme_a_circle_and_a_path_are_warnings() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.toml"), "inherits = \"b\"").unwrap();
        std::fs::write(directory.path().join("b.toml"), "inherits = \"a\"").unwrap();
        for name in ["a", "../secret", "nowhere"] {
            assert!(!Theme::load(name, Some(directory.path()), ColourDepth::True).warnings.is_empty(), "{name}");
        }
        let fallen_back = Theme::load("nowhere", None, ColourDepth::True);
        assert_eq!(fallen_back.style(Role::Well), Theme::default().style(Role::Well));
    }

    #[test]
    fn a_dotted_role_falls_back_to_its_parent() {
        let written = BTreeMap::from([(Role::KeyLine, Style::new().add_modifier(Modifier::DIM))]);
        assert_eq!(resolve(Role::KeyLineKey, &written), Style::new().add_modifier(Modifier::DIM));
    }
}

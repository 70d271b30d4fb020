//! The key reference as a page of the manual.

use std::fmt::Write as _;

use super::{COMMANDS, Danger, Group};

/// The key reference as Markdown: what `docs/keys.md` holds.
pub fn reference() -> String {
    let mut text = String::from(
        "# Keys and commands\n\nGenerated from the command table (`src/tui/command`).\n\
            Every command can be found by name with `:`. No key starts an action directly: each opens a dialog that shows\n\
            the plan and asks for confirmation.\n\nThe lines at the bottom of the screen show the keys that work in the current place, and `?` lists them all. In\n\
            every dialog `q`, `Esc` and `Backspace` close the top layer and nothing else; `q` also clears a filter and returns to\n\
            live, and leaves the console only if nothing is open.\n",
    );
    // Writing to a string cannot fail.
    for group in Group::ALL {
        let _ = write!(text, "\n## {}\n\n| keys | command | also | what it does |\n|---|---|---|---|\n", group.title());
        for spec in COMMANDS.iter().filter(|spec| spec.group == group) {
            let code = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ");
            let argument = spec.argument.form();
            let note = match spec.danger {
                Danger::None => "",
                Danger::Session => " (not in read-only mode)",
                Danger::Reversible => " (reversible; not in read-only mode)",
                Danger::Disruptive => " (**disruptive**; not in read-only mode)",
                Danger::Destructive => " (**destructive**; not in read-only mode)",
            };
            let letter = spec.letter.map(|letter| format!("`a` `{letter}`")).unwrap_or_default();
            let (keys, aliases) = (code(spec.keys), code(spec.aliases));
            let _ = writeln!(text, "| {keys}{letter} | `{}{argument}` | {aliases} | {}{note} |", spec.name, spec.help);
        }
    }
    text.push_str("\nOn the wall (`--wall`) only `q`, `PageUp`, `PageDown` and `Ctrl-l` work.\n");
    text
}

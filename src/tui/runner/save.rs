//! Writing the screen to files.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Writes text and picture beside each other, readable by the operator alone: a screen may show statements. Returns
/// the path without its ending.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn save(directory: &Path, name: &str, text: &str, picture: &str) -> io::Result<PathBuf> {
    std::fs::create_dir_all(directory)?;
    let stem = free(directory, &plain(name));
    for (ending, contents) in [("txt", text), ("svg", picture)] {
        let path = directory.join(format!("{stem}.{ending}"));
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(contents.as_bytes())?;
    }
    Ok(directory.join(stem))
}

/// A path as it is told: the operator's home as `~`.
pub(super) fn short(path: &Path, home: Option<&Path>) -> String {
    let below = home.filter(|home| home.components().count() > 1).and_then(|home| path.strip_prefix(home).ok());
    below.map_or_else(|| path.display().to_string(), |below| format!("~/{}", below.display()))
}

/// Both files of a saved screen, the names before the directory: where there is little room that is what counts.
pub(super) fn saved_as(path: &Path, home: Option<&Path>) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let directory = path.parent().map(|directory| format!(" in {}", short(directory, home))).unwrap_or_default();
    format!("{name}.txt and .svg{directory}")
}

/// A name that no file has yet: two screens of one second are two screens.
fn free(directory: &Path, name: &str) -> String {
    let taken = |stem: &str| ["txt", "svg"].iter().any(|ending| directory.join(format!("{stem}.{ending}")).exists());
    let numbered = (2..1000).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|stem| !taken(stem)).unwrap_or_else(|| name.to_owned())
}

/// A name of a cluster is no path.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    name.chars().map(plain).collect::<String>().trim_start_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_the_home_is_reported_short_and_no_other() {
        let home = Path::new("/home/anna");
        assert_eq!(short(Path::new("/home/anna/.local/state/x"), Some(home)), "~/.local/state/x");
        assert_eq!(short(Path::new("/home/annabel/x"), Some(home)), "/home/annabel/x");
        assert_eq!(short(Path::new("/var/x"), Some(Path::new("/"))), "/var/x");
        assert_eq!(short(Path::new("/var/x"), None), "/var/x");
    }

    #[test]
    fn a_screen_is_saved_twice_under_two_names_and_never_outside() {
        let directory = tempfile::tempdir().unwrap();
        let first = save(directory.path(), "../../etc/pg:1", "text", "<svg/>").unwrap();
        let second = save(directory.path(), "../../etc/pg:1", "text", "<svg/>").unwrap();
        assert_ne!(first, second);
        assert_eq!(first.parent().unwrap(), directory.path());
        assert_eq!(std::fs::read_to_string(format!("{}.txt", first.display())).unwrap(), "text");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 4);
    }
}

//! Whose the state directory is. A first run under `sudo -E` makes it root's, and everything after that is refused by the
//! system in words that say nothing of it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The user who owns `directory`, where that is neither this one nor this one is root; `None` too where it is not there.
pub fn foreign(directory: &Path) -> Option<u32> {
    let owner = std::fs::metadata(directory).ok()?.uid();
    judge(owner, rustix::process::geteuid().as_raw())
}

fn judge(owner: u32, user: u32) -> Option<u32> {
    (user != 0 && owner != user).then_some(owner)
}

/// What is wrong with a directory of `owner`, and what mends it.
pub fn remedy(directory: &Path, owner: u32) -> String {
    let by = if owner == 0 { "root, as after a first run under sudo".to_owned() } else { format!("user {owner}") };
    format!("{0} belongs to {by}: run `sudo chown -R \"$USER\" {0}`", directory.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_another_user_is_reported_with_its_owner_and_the_remedy() {
        assert_eq!(judge(0, 1000), Some(0));
        assert_eq!(judge(1000, 1000), None);
        assert_eq!(judge(1000, 0), None, "root may write everywhere");
        let reported = remedy(Path::new("/home/a/.local/state/pgctl-tui"), 0);
        assert!(
            reported.contains("root") && reported.contains("sudo chown -R \"$USER\" /home/a/.local/state/pgctl-tui"),
            "{reported}"
        );
    }

    #[test]
    fn ones_own_directory_and_one_that_is_not_there_are_nobody_elses() {
        let home = tempfile::tempdir().expect("a directory");
        assert_eq!(foreign(home.path()), None);
        assert_eq!(foreign(&home.path().join("none")), None);
    }
}

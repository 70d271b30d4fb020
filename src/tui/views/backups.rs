//! Backups.

use super::{Pane, Scene, Size};
use crate::report::backups;

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    vec![Pane::table("backups", "Backups", backups::table(&scene.picture.snapshot, scene.zone), Size::Share(1))]
}

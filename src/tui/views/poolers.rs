//! Pools of the connection poolers.

use super::{Pane, Scene, Size};
use crate::report::poolers;

pub(super) fn panes(scene: Scene<'_>) -> Vec<Pane> {
    vec![Pane::table("pools", "Pools", poolers::table(&scene.picture.snapshot), Size::Share(1))]
}

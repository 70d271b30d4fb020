//! Each milestone: reached, not yet, ruled out, and never from what was said before the action.

mod held;
mod milestones;
mod outcomes;

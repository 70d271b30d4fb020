//! Each milestone: reached, not yet, ruled out, and never from what was said before the action.

mod milestones;
mod outcomes;
mod poolers;
mod sticky;

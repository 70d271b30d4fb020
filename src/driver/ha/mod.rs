//! Drivers for high-availability stacks, one a directory, and the simulated cluster.

pub mod patroni;
pub mod sim;
pub mod streaming;

use crate::action::capability::Capabilities;

/// What each kind of stack can have done to it.
pub static STACKS: [&Capabilities; 2] = [&patroni::capabilities::CAPABILITIES, &streaming::capabilities::CAPABILITIES];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::capability::{Capability, reference};

    #[test]
    fn every_stack_has_a_row_for_every_verb() {
        for stack in STACKS {
            assert_eq!(stack.gaps(), [""; 0], "{}", stack.called);
            for (name, capability) in stack.rows {
                let Capability::Lacks { reason, .. } = capability else { continue };
                assert!(!reason.is_empty(), "{name} of {} is not there for no reason", stack.called);
            }
        }
    }

    #[test]
    fn the_table_of_verbs_in_docs_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/verbs.md");
        let current = reference(&STACKS);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &current).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(written, current, "run `UPDATE_DOCS=1 cargo test the_table_of_verbs` and commit docs/verbs.md");
    }
}

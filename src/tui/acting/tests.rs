//! The dialogs of actions by rows of keys, with plans that say what a test needs.

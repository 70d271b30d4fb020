//! Compose files as people have them: the lab's own, and stacks of other shapes under `tests/compose`.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::config::discovered::DiscoveredMember;
use crate::config::endpoint::SecretSource;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn nobody() -> Environment {
    Environment::default()
}

#[test]
fn dump() {
    let found = load(&root().join("docker-compose.dev.yml"), Some(&root().join(".env")), None, &nobody()).unwrap();
    println!("{found:#?}");
}

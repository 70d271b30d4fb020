//! `init`: asks whoever is named, and writes what was found as a configuration.

use super::Misuse;
use crate::cli::args::{Init, Shared};
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;

/// Discovers and writes.
pub(super) async fn init(_shared: &Shared, _args: &Init, _printer: &mut Printer) -> anyhow::Result<Exit> {
    Err(Misuse("not wired".to_owned()).into())
}

//! `init`: asks whoever is named, and writes what was found as a configuration.

use anyhow::Context as _;

use super::{Misuse, flags};
use crate::cli::args::{Init, Shared};
use crate::cli::exit::Exit;
use crate::cli::init::write;
use crate::cli::printer::Printer;
use crate::config::discovered::Discovered;
use crate::config::environment::Environment;
use crate::config::load::default_path;
use crate::config::write_file::commented_file;
use crate::driver::dcs::etcd::find_scopes;
use crate::driver::ha::patroni_discover::discover;

/// Discovers and writes.
pub(super) async fn init(shared: &Shared, args: &Init, printer: &mut Printer) -> anyhow::Result<Exit> {
    let _ = (flags(shared), &find_scopes, &discover, Discovered::default());
    let _ = (args.compose.as_ref(), printer, default_path(&Environment::of_process()));
    let _ = (commented_file, write);
    Err(Misuse("not wired".to_owned())).context("init")
}

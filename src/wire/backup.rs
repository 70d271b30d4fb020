//! `backup`: dumps are read on a thread that may wait for the disk.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::cli::args::{Backup, BackupDepth, BackupVerb};
use crate::cli::backup;
use crate::cli::exit::Exit;
use crate::cli::printer::Printer;
use crate::driver::backup::dumps;
use crate::model::dump::{DumpDepth, DumpVerification};
use crate::model::text::Text;

pub(super) async fn run(typed: &Backup, printer: &mut Printer) -> anyhow::Result<Exit> {
    match &typed.verb {
        BackupVerb::List(args) => {
            let directory = args.path.clone();
            let found = tokio::task::spawn_blocking(move || dumps::inventory(&directory, threads())).await?;
            backup::list(&args.path.display().to_string(), found, args.output, printer)
        }
        BackupVerb::Show(args) => {
            let found = read(args.path.clone(), DumpDepth::Header).await?;
            backup::show(&args.path.display().to_string(), found, args.output, printer)
        }
        BackupVerb::Verify(args) => {
            let depth = match args.depth {
                BackupDepth::Header => DumpDepth::Header,
                BackupDepth::Blocks => DumpDepth::Blocks,
            };
            let found = read(args.path.clone(), depth).await?;
            backup::verify(&args.path.display().to_string(), found, args.output, printer)
        }
    }
}

async fn read(path: PathBuf, depth: DumpDepth) -> anyhow::Result<Result<DumpVerification, Text>> {
    Ok(tokio::task::spawn_blocking(move || dumps::verify(&path, depth, threads())).await?)
}

fn threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

//! The binary: arguments, the TLS provider, and everything else in `wire`.

use std::process::ExitCode;

use clap::Parser as _;
use pgctl::cli::args::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    pgctl::client::tls::install_provider();
    pgctl::wire::run(&arguments).into()
}

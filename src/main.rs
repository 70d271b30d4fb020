//! The binary: arguments, the TLS provider, and everything else in `wire`.

use std::process::ExitCode;

use pgctl::cli::args::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    pgctl::client::tls::install_provider();
    pgctl::wire::run(&arguments).into()
}

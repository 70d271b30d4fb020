//! Variables of the environment that are set to nothing count as unset, as with libpq.

use std::ffi::OsString;
use std::process::{Command, Output};

use clap::CommandFactory as _;
use pgctl::cli::args::Arguments;

fn run(variables: &[(&str, &str)], arguments: &[&str]) -> std::io::Result<Output> {
    #[expect(clippy::disallowed_methods, reason = "a test runs the program itself")]
    let mut program = Command::new(env!("CARGO_BIN_EXE_pgctl-tui"));
    program.env_clear().env("HOME", "/nonexistent").envs(variables.iter().copied()).args(arguments);
    program.output()
}

/// Every variable that an argument may come from, wherever it is taken.
fn of_arguments() -> Vec<String> {
    fn of(command: &clap::Command, names: &mut Vec<OsString>) {
        names.extend(command.get_arguments().filter_map(|arg| arg.get_env()).map(Into::into));
        command.get_subcommands().for_each(|below| of(below, names));
    }
    let mut names = Vec::new();
    of(&Arguments::command(), &mut names);
    names.into_iter().filter_map(|name| name.into_string().ok()).collect()
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let of_arguments = of_arguments();
    assert!(of_arguments.contains(&"PGCTL_CONFIG".to_owned()), "{of_arguments:?}");
    let others = [
        "PGCTL_PATRONI",
        "PGCTL_ETCD",
        "PGCTL_LOG_LEVEL",
        "PGHOST",
        "PGUSER",
        "PGSERVICE",
        "PGSSLMODE",
        "PGPASSWORD",
        "PGPASSFILE",
        "PGSERVICEFILE",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "NO_COLOR",
        "TERM",
        "LANG",
        "DOCKER_HOST",
    ];
    let names: Vec<&str> = of_arguments.iter().map(String::as_str).chain(others).collect();
    let empty: Vec<(&str, &str)> = names.iter().map(|name| (*name, "")).collect();
    let log = tempfile::tempdir().expect("a directory");
    let log = log.path().join("log");
    let arguments = ["--log", log.to_str().expect("a path"), "--patroni", "http://127.0.0.1:1", "status"];
    // Nothing answers there, which the exit code tells; an argument that cannot be read would be a 2.
    let plain = run(&[], &arguments).expect("the program runs");
    let with_empty = run(&empty, &arguments).expect("the program runs");
    let reported = String::from_utf8_lossy(&with_empty.stderr);
    assert_eq!(with_empty.status.code(), plain.status.code(), "{reported}");
    assert_ne!(plain.status.code(), Some(2), "{}", String::from_utf8_lossy(&plain.stderr));
    for (name, arguments) in names.iter().map(|name| (name, ["completions", "bash"])) {
        let output = run(&[(name, "")], &arguments).expect("the program runs");
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A script that undoes what an action left is told a wrong ID from one that has left nothing, and from a failure.
#[test]
fn an_action_to_undo_that_is_not_known_here_is_wrong_usage() -> std::io::Result<()> {
    let home = tempfile::tempdir()?;
    let config = home.path().join("config.toml");
    std::fs::write(&config, "[clusters.c.patroni]\nurls = [\"http://127.0.0.1:1\"]\n")?;
    let (home, config) = (home.path().to_string_lossy(), config.to_string_lossy());
    for (id, words) in [("20261201-1", "no action 20261201-1 of this user"), ("../../etc", "is not a valid action ID")]
    {
        let output = run(&[("HOME", &home), ("PGCTL_CONFIG", &config)], &["undo", id, "--yes"])?;
        let reported = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && reported.contains(words), "{:?} {reported}", output.status);
        assert!(!reported.contains("job.json"), "{reported}");
    }
    Ok(())
}

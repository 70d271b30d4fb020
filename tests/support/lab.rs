//! The real lab, for live tests: breaks it through `dev/lab`, mends it again whatever happens, and watches it through
//! the binary. Live tests run one at a time and only by `dev/test`, which has the lab up.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The binary under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pgctl-tui");

/// The lab, whole again once this is dropped.
pub(crate) struct Lab {
    directory: tempfile::TempDir,
    broken: bool,
}

impl Lab {
    /// The lab as it is, with a configuration for it made by `init` from the compose file.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let lab = Self { directory, broken: false };
        let mut init =
            lab.command(&["init", "--compose", "docker-compose.dev.yml", "--env-file", ".env", "--name", "lab"]);
        init.args(["--print", "--profile", "patroni"]);
        if std::env::var("LAB_PROFILE").is_ok_and(|profile| profile == "pooler") {
            init.args(["--profile", "pooler"]);
        }
        let made = init.output().expect("init runs");
        assert!(made.status.success(), "init: {}", String::from_utf8_lossy(&made.stderr));
        File::create(lab.config()).and_then(|mut file| file.write_all(&made.stdout)).expect("a configuration");
        lab
    }

    /// The configuration's path.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }

    /// The program with the lab's configuration and the monitoring password in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("HOME", self.directory.path())
            .env_remove("XDG_CONFIG_HOME")
            .env("LAB_MONITOR_PASSWORD", "lab-monitor")
            .env("LAB_POOLER_STATS_PASSWORD", "lab-pooler-stats");
        if Path::new(&self.config()).exists() {
            command.env("PGCTL_CONFIG", self.config());
        }
        command
    }

    /// Exit code, standard output and standard error of a verb that acts, with nobody at the terminal.
    pub(crate) fn act(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = self.command(arguments);
        command
            .env("LAB_REST_PASSWORD", "lab-rest")
            .env("LAB_SUPERUSER_PASSWORD", "lab-superuser")
            .env_remove("XDG_STATE_HOME")
            .stdin(Stdio::null());
        let output = command.output().expect("the program runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().expect("no signal"), text(&output.stdout), text(&output.stderr))
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// `status --output json` of the one cluster.
    pub(crate) fn status(&self) -> Value {
        let output = self.run(&["status", "--output", "json"]);
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        document["clusters"][0].clone()
    }

    /// Breaks something: the arguments of `dev/lab break`.
    pub(crate) fn inject_fault(&mut self, arguments: &[&str]) {
        self.broken = true;
        dev_lab("break", arguments);
    }

    /// From here on the program breaks something by itself.
    pub(crate) fn may_be_broken(&mut self) {
        self.broken = true;
    }

    /// Mends everything and waits until the lab is whole.
    pub(crate) fn repair(&mut self) {
        dev_lab("mend", &[]);
        dev_lab("wait", &["180"]);
        self.broken = false;
    }

    /// Runs `patronictl` in a node and returns what it prints.
    pub(crate) fn patronictl(arguments: &[&str]) -> String {
        let output = lab_command("patronictl", arguments).output().expect("dev/lab runs");
        assert!(output.status.success(), "patronictl: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Follows the lab by `status --watch`, one document every 250 ms.
    pub(crate) fn watch(&self) -> Watch {
        let mut child = self
            .command(&["status", "--watch", "--output", "json", "--interval", "250ms"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = child.stdout.take().expect("its output");
        let (sender, documents) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let Ok(document) = serde_json::from_str::<Value>(&line) else { continue };
                if sender.send((Instant::now(), document["clusters"][0].clone())).is_err() {
                    return;
                }
            }
        });
        Watch { child, documents }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.broken {
            // A test that failed half-way must not leave the next one a broken lab; its own failure is what counts.
            let _ = lab_command("mend", &[]).status();
            let _ = lab_command("wait", &["180"]).status();
        }
    }
}

fn lab_command(verb: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/lab"));
    command.arg(verb).args(arguments);
    command
}

fn dev_lab(verb: &str, arguments: &[&str]) {
    let output = lab_command(verb, arguments).output().expect("dev/lab runs");
    assert!(output.status.success(), "dev/lab {verb} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A running `status --watch`.
pub(crate) struct Watch {
    child: Child,
    documents: Receiver<(Instant, Value)>,
}

impl Watch {
    /// Waits for a document as `wanted` says; returns it and when it came.
    pub(crate) fn until(&mut self, what: &str, longest: Duration, wanted: impl Fn(&Value) -> bool) -> (Instant, Value) {
        let end = Instant::now() + longest;
        let mut last = Value::Null;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let Ok((at, document)) = self.documents.recv_timeout(left) else { break };
            if wanted(&document) {
                return (at, document);
            }
            last = document;
        }
        panic!("{what}: not within {longest:?}; last seen: {last:#}");
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

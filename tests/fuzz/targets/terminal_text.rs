#![no_main]

pgctl_fuzz::target!("terminal-text");

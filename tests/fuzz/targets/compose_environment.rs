#![no_main]

pgctl_fuzz::target!("compose-environment");

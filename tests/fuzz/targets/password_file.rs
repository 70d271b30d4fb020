#![no_main]

pgctl_fuzz::target!("password-file");

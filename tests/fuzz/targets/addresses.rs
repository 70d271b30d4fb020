#![no_main]

pgctl_fuzz::target!("addresses");

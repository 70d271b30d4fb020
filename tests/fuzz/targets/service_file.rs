#![no_main]

pgctl_fuzz::target!("service-file");

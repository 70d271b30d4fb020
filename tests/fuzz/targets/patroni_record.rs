#![no_main]

pgctl_fuzz::target!("patroni-record");

#![no_main]

pgctl_fuzz::target!("haproxy-statistics");

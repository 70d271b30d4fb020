#![no_main]

pgctl_fuzz::target!("prometheus-metrics");

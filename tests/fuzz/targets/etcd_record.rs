#![no_main]

pgctl_fuzz::target!("etcd-record");

//! Drivers for routers.

pub mod haproxy;
mod haproxy_check;
mod haproxy_rows;

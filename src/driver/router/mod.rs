//! Drivers for routers.

pub mod haproxy;
pub mod haproxy_act;
pub mod haproxy_acting;
mod haproxy_check;
mod haproxy_rows;

//! Drivers for routers.

pub mod haproxy;
pub(in crate::driver) mod haproxy_act;
mod haproxy_check;
mod haproxy_rows;

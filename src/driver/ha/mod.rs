//! Drivers for high-availability managers: what an agent says of its node, and how a manager writes its record.

pub(crate) mod patroni_record;

//! The command line: arguments, one verb a file, one printer, exit codes. Shows what `report` makes of a picture; knows
//! no wire and no driver, and keys and colours of the console are none of its business.

pub mod ack;
pub mod act;
pub mod args;
pub mod audit;
pub mod backup;
pub mod doctor;
pub mod drill;
pub mod exit;
pub mod init;
pub mod printer;
pub mod status;
pub mod wait;
pub mod watch;

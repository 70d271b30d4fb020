//! What the screen and the command line share: rows, units, sorting, documents. Knows the model; knows no terminal and
//! writes nothing anywhere.

pub mod table;

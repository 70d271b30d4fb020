//! High-availability managers. Each turns what its manager says of a cluster into the model's facts.

pub mod sim;

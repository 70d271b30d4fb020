//! What Patroni's interfaces and its store tell, in the model's words.

mod agent;
mod record;
mod store;

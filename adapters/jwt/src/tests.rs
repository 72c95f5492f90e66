//! What is accepted and what is refused, for each algorithm.

mod algorithms;
mod claims;
mod fixtures;
mod jwks;
mod keys;
mod minting;
mod times;

//! The `prostream` server: routes, accounts, limits and the API description over the engine of `prostream-core`.
#![forbid(unsafe_code)]

pub mod config;

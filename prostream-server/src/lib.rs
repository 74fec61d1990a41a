//! The `prostream` server: routes, accounts, limits and the API description over the engine of `prostream-core`.
#![forbid(unsafe_code)]
#![allow(dead_code)]

pub mod auth;
pub mod config;
pub mod demo;
mod edge;
mod limit;
pub mod providers;
mod reply;
mod request;

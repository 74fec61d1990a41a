//! The rules of [`prostream_core::provider::debrid::DebridService`] over every vendor, and what is particular to each.
#![cfg(feature = "http")]

mod alldebrid;
mod debrid_link;
mod premiumize;
mod real_debrid;
#[path = "../scenes/mod.rs"]
mod scenes;
mod torbox;

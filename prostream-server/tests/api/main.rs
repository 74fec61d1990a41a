//! The server over real sockets: one file per resource.

mod access;
mod addon;
mod app;
mod auth;
mod cors;
mod doctor;
mod edge;
mod events;
mod extras;
mod files;
mod generated;
mod outbound;
mod over_stand_ins;
mod playbacks;
mod preparing;
mod problems;
mod single;
mod subtitles;
mod titles;

//! For tests of this crate and of crates that bring their own vendors: stand-ins, and (feature `testing`) behaviour suites.

pub mod stand_in;

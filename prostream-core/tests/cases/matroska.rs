//! Cases of Matroska files.

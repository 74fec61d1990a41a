//! Cases of ISO base media files.

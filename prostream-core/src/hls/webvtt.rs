//! WebVTT segments from subtitle packets. Pure.

//! Fragmented MP4 (ISO/IEC 14496-12, CMAF): init segments and movie fragments. Pure.

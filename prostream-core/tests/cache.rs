//! The rules of [`prostream_core::store::cache::Cache`], over every implementation.

mod memory {
    use prostream_core::store::cache::MemoryCache;

    prostream_core::cache_suite!(async { ((), MemoryCache::default()) });
}

//! How the program takes memory from the system and gives it back. The only module of the server with unsafe code: calls of the C library
//! that take numbers.
#![allow(unsafe_code)]

/// Makes the allocator keep what is freed, for the next bytes of a film.
///
/// Media passes through buffers of a few hundred kilobytes. By default the GNU C library gets such a buffer from the system and returns it there
/// each time, and the system clears every page of it before it is written over: up to a third of the processor time that serving a remote film takes.
/// Up to 32 MiB a buffer now comes from memory that stays; [`give_back`] returns it once nobody plays. Call it before other threads start.
///
/// Source: mallopt(3); 32 MiB is the largest threshold that it takes.
pub fn keep_for_media() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const LARGEST_KEPT_SIZE: libc::c_int = 32 << 20;
        const TRIM_ABOVE_BYTES: libc::c_int = 512 << 20;
        // SAFETY: mallopt takes two numbers and touches nothing of ours; a value that it does not know it refuses.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST_KEPT_SIZE);
            libc::mallopt(libc::M_TRIM_THRESHOLD, TRIM_ABOVE_BYTES);
            // One for each of a few cores: what one thread frees another uses again.
            libc::mallopt(libc::M_ARENA_MAX, 2);
        }
    }
}

/// Returns freed memory to the system. Takes milliseconds with hundreds of megabytes free: for quiet moments.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim takes a number and releases only pages that hold nothing.
    unsafe {
        libc::malloc_trim(0);
    }
}

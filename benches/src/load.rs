//! As many requests as connections can make, to find what one costs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;
use crate::client::Client;

/// What was fetched.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fetched {
    /// Bodies.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Fetches `paths` one after the other, again and again, over `connection_count` connections, for `time`. Whatever is begun is finished.
///
/// # Errors
/// The first thing that goes wrong on any connection.
pub fn fetch_for(
    time: Duration,
    address: SocketAddr,
    paths: &[String],
    connection_count: usize,
) -> Result<Fetched, Error> {
    let next = AtomicUsize::new(0);
    let (count, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = Instant::now() + time;
    thread::scope(|scope| {
        let fetch = || -> Result<(), Error> {
            let mut client = Client::connect(address)?;
            while Instant::now() < end {
                let path = &paths[next.fetch_add(1, Relaxed) % paths.len()];
                bytes.fetch_add(client.discard(path)?, Relaxed);
                count.fetch_add(1, Relaxed);
            }
            Ok(())
        };
        let workers: Vec<_> = (0..connection_count).map(|_| scope.spawn(fetch)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a connection panicked")?)
    })?;
    Ok(Fetched { count: count.into_inner(), bytes: bytes.into_inner() })
}

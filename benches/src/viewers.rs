//! Many people who watch at the pace of the film. One thread for all of them: what they receive is thrown away within the system.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep_until, timeout};

use crate::Error;
use crate::client::{DISCARD_SIZE, Head};

/// A segment that takes longer ends its viewer.
const SEGMENT_LIMIT: Duration = Duration::from_secs(60);
/// Longest head of an answer.
const MAX_HEAD_SIZE: usize = 8 << 10;
/// Viewers behind one address; the server allows 64 connections.
const VIEWERS_PER_ADDRESS: usize = 20;

/// What one viewer will do.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Where the film is.
    pub address: SocketAddr,
    /// Paths that are fetched before anything plays: the init segments.
    pub inits: Vec<String>,
    /// Paths of each step, picture and sound, and how long they play.
    pub steps: Vec<(Vec<String>, Duration)>,
    /// When the viewer comes, after the first.
    pub comes_after: Duration,
}

/// What viewers saw.
#[derive(Debug, Default)]
pub struct Seen {
    /// How long each segment took, from the request to the last byte.
    pub segment_times: Vec<Duration>,
    /// Segments that came later than they should have been shown.
    pub stall_count: u64,
    /// How much later, together.
    pub stalled: Duration,
    /// Bytes of all segments.
    pub bytes: u64,
    /// What ended a viewer.
    pub errors: Vec<String>,
}

/// Lets all of them watch to their end. `fetched_bytes` is kept up meanwhile.
///
/// A viewer plays as soon as the first step is there, and asks for the next one whenever one begins to play: it has the whole length of a
/// segment to arrive. One that comes later stalls the viewer, who plays on later from then.
///
/// # Errors
/// The system gives no runtime; what goes wrong for a viewer stands in [`Seen::errors`].
pub fn watch(viewers: Vec<Viewer>, fetched_bytes: &Arc<AtomicU64>) -> Result<Seen, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let started = Instant::now();
        let tasks: Vec<_> = viewers
            .into_iter()
            .enumerate()
            .map(|(number, viewer)| {
                let fetched_bytes = Arc::clone(fetched_bytes);
                tokio::spawn(async move { viewer.watch(number, started, &fetched_bytes).await })
            })
            .collect();
        let mut all = Seen::default();
        for task in tasks {
            let seen = task.await?;
            all.segment_times.extend(seen.segment_times);
            all.stall_count += seen.stall_count;
            all.stalled += seen.stalled;
            all.bytes += seen.bytes;
            all.errors.extend(seen.errors);
        }
        Ok(all)
    })
}

impl Viewer {
    async fn watch(self, number: usize, started: Instant, fetched_bytes: &AtomicU64) -> Seen {
        let mut seen = Seen::default();
        sleep_until((started + self.comes_after).into()).await;
        if let Err(error) = self.play(number, &mut seen, fetched_bytes).await {
            seen.errors.push(format!("viewer {number}: {error}"));
        }
        seen
    }

    async fn play(&self, number: usize, seen: &mut Seen, fetched_bytes: &AtomicU64) -> Result<(), Error> {
        let mut connection = Connection::open(self.address, number).await?;
        for path in &self.inits {
            connection.discard(path).await?;
        }
        // When the step that is asked for should begin to play, once anything plays.
        let mut due: Option<Instant> = None;
        let mut previous = Duration::ZERO;
        for (paths, duration) in &self.steps {
            if let Some(due) = due {
                // The step before it begins to play.
                sleep_until((due - previous).into()).await;
            }
            for path in paths {
                let asked = Instant::now();
                let size = timeout(SEGMENT_LIMIT, connection.discard(path)).await??;
                seen.segment_times.push(asked.elapsed());
                seen.bytes += size;
                fetched_bytes.fetch_add(size, Relaxed);
            }
            let now = Instant::now();
            let begins = due.map_or(now, |due| due.max(now));
            if let Some(late) = due.and_then(|due| now.checked_duration_since(due)).filter(|late| !late.is_zero()) {
                seen.stall_count += 1;
                seen.stalled += late;
            }
            due = Some(begins + *duration);
            previous = *duration;
        }
        Ok(())
    }
}

/// A connection that is kept.
struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    /// Where what is thrown away would go: no page of it is ever touched.
    scratch: Vec<u8>,
}

impl Connection {
    /// Viewers have addresses of their own, as far as a loopback interface gives them.
    async fn open(address: SocketAddr, number: usize) -> Result<Self, Error> {
        let socket = TcpSocket::new_v4()?;
        let house = number / VIEWERS_PER_ADDRESS;
        let from = Ipv4Addr::new(127, 1, (house / 250) as u8, (house % 250 + 1) as u8);
        socket.bind((from, 0).into())?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, address, scratch: vec![0; DISCARD_SIZE] })
    }

    async fn discard(&mut self, path: &str) -> Result<u64, Error> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        let mut rest = request.as_bytes();
        while !rest.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        let (head, early) = self.head().await?;
        let size = head.size.ok_or("an answer without a length")?;
        let mut rest = size.checked_sub(early).ok_or("more than the answer came")?;
        while rest > 0 {
            let space = &mut self.scratch[..rest.min(DISCARD_SIZE)];
            match receive(&self.stream, space, RecvFlags::TRUNC).await? {
                0 => return Err("the server closed the connection".into()),
                count => rest -= count,
            }
        }
        head.check("GET", path, b"")?;
        Ok(size as u64)
    }

    /// The head of an answer, and how many bytes of the body came with it.
    async fn head(&mut self) -> Result<(Head, usize), Error> {
        let mut buffer = vec![0; MAX_HEAD_SIZE];
        let mut filled = 0;
        loop {
            let count = receive(&self.stream, &mut buffer[filled..], RecvFlags::empty()).await?;
            if count == 0 {
                return Err("the server closed the connection, or its head is too long".into());
            }
            filled += count;
            if let Some(end) = buffer[..filled].windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let head = Head::parse(&String::from_utf8_lossy(&buffer[..end]))?;
                return Ok((head, filled - end - 4));
            }
        }
    }
}

async fn receive(stream: &TcpStream, space: &mut [u8], flags: RecvFlags) -> Result<usize, Error> {
    loop {
        stream.readable().await?;
        let received = stream
            .try_io(Interest::READABLE, || Ok(rustix::net::recv(stream, &mut *space, flags).map(|(_, count)| count)?));
        match received {
            Ok(count) => return Ok(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

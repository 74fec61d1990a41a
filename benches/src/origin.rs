//! The host of the files: HTTP/1.1 with ranges, a thread for each connection, bytes sent by the kernel.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::Error;
use crate::media::{Media, Salt};

/// Bytes that are sent before they are counted.
const COUNTED_SIZE: u64 = 256 << 10;

/// A running host. It ends with the process.
#[derive(Debug)]
pub struct Origin {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    files: HashMap<String, (PathBuf, Salt)>,
    delay: Duration,
    request_count: AtomicU64,
    sent_bytes: AtomicU64,
}

/// What a host was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// How often.
    pub request_count: u64,
    /// Bytes of files that it sent, or began to send: what lies in the buffers of a connection that is closed counts.
    pub sent_bytes: u64,
}

impl Origin {
    /// Serves the files on a free loopback port, with `delay` before each answer.
    ///
    /// # Errors
    /// No port is free.
    pub fn start(files: &[Media], delay: Duration) -> Result<Self, Error> {
        let files = files.iter().map(|file| (file.name.to_owned(), (file.path.clone(), file.salt))).collect();
        let shared = Arc::new(Shared { files, delay, request_count: AtomicU64::new(0), sent_bytes: AtomicU64::new(0) });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let of_host = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&of_host);
                // Who leaves in the middle of an answer ends the connection: that is no error here.
                thread::spawn(move || drop(shared.answer_all(stream)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Address of a file. Each `number` is a file of its own: it has its own validator and differs in a few bytes.
    #[must_use]
    pub fn url(&self, name: &str, number: u32) -> String {
        format!("http://{}/{name}?{number}", self.address)
    }

    /// What it was asked for since it was started.
    #[must_use]
    pub fn asked(&self) -> Asked {
        Asked {
            request_count: self.shared.request_count.load(Relaxed),
            sent_bytes: self.shared.sent_bytes.load(Relaxed),
        }
    }
}

impl Shared {
    fn answer_all(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut requests = BufReader::new(stream.try_clone()?);
        loop {
            let mut request_line = String::new();
            if requests.read_line(&mut request_line)? == 0 {
                return Ok(());
            }
            let mut range = None;
            loop {
                let mut header = String::new();
                requests.read_line(&mut header)?;
                let header = header.trim_end().to_ascii_lowercase();
                match header.split_once(':') {
                    None => break,
                    Some(("range", value)) => range = Some(value.trim().to_owned()),
                    Some(_) => {}
                }
            }
            self.request_count.fetch_add(1, Relaxed);
            thread::sleep(self.delay);
            self.answer(&stream, &request_line, range.as_deref())?;
        }
    }

    fn answer(&self, mut stream: &TcpStream, request_line: &str, range: Option<&str>) -> io::Result<()> {
        let mut words = request_line.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (name, number) = target.trim_start_matches('/').split_once('?').unwrap_or((target, ""));
        let Some((path, salt)) = self.files.get(name) else {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        };
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let (start, end) = range.and_then(|range| read_range(range, size)).unwrap_or((0, size));
        let (status, content_range) = match range {
            Some(_) if start >= size => {
                let reply = format!(
                    "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{size}\r\nContent-Length: 0\r\n\r\n"
                );
                return stream.write_all(reply.as_bytes());
            }
            Some(_) => ("206 Partial Content", format!("Content-Range: bytes {start}-{}/{size}\r\n", end - 1)),
            None => ("200 OK", String::new()),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\nContent-Type: application/octet-stream\r\nETag: \"{target}\"\r\n{content_range}Content-Length: {}\r\n\r\n",
            end - start
        );
        stream.write_all(head.as_bytes())?;
        if method == "HEAD" {
            return Ok(());
        }
        file.seek(SeekFrom::Start(start))?;
        let mut rest = end - start;
        let salt_end = salt.offset + Salt::SIZE as u64;
        if start < salt_end {
            let mut front = vec![0; rest.min(salt_end - start) as usize];
            file.read_exact(&mut front)?;
            for (at, letter) in (salt.offset..).zip(Salt::bytes(number.parse().unwrap_or(0))) {
                if let Some(byte) = at.checked_sub(start).and_then(|at| front.get_mut(at as usize)) {
                    *byte = letter;
                }
            }
            stream.write_all(&front)?;
            self.sent_bytes.fetch_add(front.len() as u64, Relaxed);
            rest -= front.len() as u64;
        }
        while rest > 0 {
            let count = io::copy(&mut (&mut file).take(rest.min(COUNTED_SIZE)), &mut stream)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.sent_bytes.fetch_add(count, Relaxed);
            rest -= count;
        }
        Ok(())
    }
}

/// Start and end, exclusive, of `bytes=1-2`, `bytes=1-` or `bytes=-2`.
fn read_range(range: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        return Some((size.saturating_sub(last.parse().ok()?), size));
    }
    let end = if last.is_empty() { size } else { last.parse::<u64>().ok()?.saturating_add(1).min(size) };
    Some((first.parse().ok()?, end))
}

//! A host of films on the loopback: serves ranges of files, or answers wrongly, and remembers what it was asked.
//!
//! On threads of its own, so that tests may wait for the program while it waits for this.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What lies at a path.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A file, whole or in ranges.
    File(PathBuf),
    /// This status, media type and body.
    Told(u16, &'static str, &'static str),
    /// This media type and body, after thinking about it.
    Slow(Duration, &'static str, &'static str),
    /// This status and another address.
    Moved(u16, String),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    /// `Range` as it was sent.
    pub(crate) range: Option<String>,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.range.as_deref().unwrap_or("whole"))
    }
}

/// The host. Answers as long as the test process lives.
#[derive(Debug)]
pub(crate) struct Origin {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Origin {
    /// Starts it; everything that `answers` does not name, with its query or without, is a 404.
    pub(crate) fn start(answers: impl IntoIterator<Item = (String, Answer)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (seen.clone(), Arc::new(answers.into_iter().collect::<HashMap<_, _>>()));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answers) = (log.clone(), answers.clone());
                // A client that hangs up ends the connection, not the host.
                std::thread::spawn(move || serve(&stream, &log, &answers));
            }
        });
        Self { port, seen }
    }

    /// `127.0.0.1:port`.
    pub(crate) fn authority(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.authority())
    }

    /// All requests so far, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panics with the lock").clone()
    }
}

fn serve(stream: &TcpStream, log: &Mutex<Vec<Seen>>, answers: &HashMap<String, Answer>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream);
    loop {
        let mut first = String::new();
        lines.read_line(&mut first)?;
        let Some(path) = first.split(' ').nth(1).map(str::to_owned) else { return Ok(()) };
        let mut range = None;
        loop {
            let mut line = String::new();
            lines.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("range") {
                range = Some(value.trim().to_owned());
            }
        }
        log.lock().expect("nobody panics with the lock").push(Seen { path: path.clone(), range: range.clone() });
        let mut out = stream;
        match answers.get(&path).or_else(|| answers.get(path.split('?').next()?)) {
            Some(Answer::File(file)) => write_range(stream, file, range.as_deref())?,
            Some(Answer::Told(status, media_type, body)) => tell(stream, *status, media_type, body)?,
            Some(Answer::Slow(time, media_type, body)) => {
                std::thread::sleep(*time);
                tell(stream, 200, media_type, body)?;
            }
            Some(Answer::Moved(status, to)) => {
                write!(out, "HTTP/1.1 {status} Moved\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")?;
            }
            None => write!(out, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")?,
        }
    }
}

fn tell(mut out: &TcpStream, status: u16, media_type: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(out, "HTTP/1.1 {status} Told\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn write_range(mut out: &TcpStream, path: &PathBuf, range: Option<&str>) -> io::Result<()> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let head = format!("content-type: application/octet-stream\r\naccept-ranges: bytes\r\netag: \"{size}\"\r\n");
    let Some(range) = range else {
        write!(out, "HTTP/1.1 200 OK\r\n{head}content-length: {size}\r\n\r\n")?;
        return io::copy(&mut file, &mut out).map(drop);
    };
    let Some((start, end)) = bounds(range, size) else {
        return write!(out, "HTTP/1.1 416 Out\r\ncontent-range: bytes */{size}\r\ncontent-length: 0\r\n\r\n");
    };
    write!(
        out,
        "HTTP/1.1 206 Part\r\n{head}content-range: bytes {start}-{}/{size}\r\ncontent-length: {}\r\n\r\n",
        end - 1,
        end - start
    )?;
    file.seek(SeekFrom::Start(start))?;
    io::copy(&mut file.take(end - start), &mut out).map(drop)
}

/// The first byte of a range of a file of `size` bytes and the one after its last; `None` where it holds none.
fn bounds(range: &str, size: u64) -> Option<(u64, u64)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (start.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(start), Some(last)) => (start, last.saturating_add(1).min(size)),
        (Some(start), None) => (start, size),
        (None, Some(count)) => (size.saturating_sub(count), size),
        (None, None) => return None,
    };
    (start < end).then_some((start, end))
}

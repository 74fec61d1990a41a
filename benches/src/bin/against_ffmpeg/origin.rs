//! The host of the files: HTTP/1.1 with ranges, a thread for each connection, bytes sent by the kernel.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use prostream_benches::{Error, media::Media};

/// A running host. It ends with the process.
pub(crate) struct Origin {
    address: SocketAddr,
}

impl Origin {
    /// Serves the files on a free loopback port, with `delay` before each answer.
    pub(crate) fn start(files: &[Media], delay: Duration) -> Result<Self, Error> {
        let files: HashMap<String, PathBuf> =
            files.iter().map(|file| (file.name.to_owned(), file.path.clone())).collect();
        let files = Arc::new(files);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let files = Arc::clone(&files);
                // Who leaves in the middle of an answer ends the connection: that is no error here.
                thread::spawn(move || drop(answer_all(stream, &files, delay)));
            }
        });
        Ok(Self { address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn answer_all(stream: TcpStream, files: &HashMap<String, PathBuf>, delay: Duration) -> io::Result<()> {
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
        thread::sleep(delay);
        answer(&stream, &request_line, range.as_deref(), files)?;
    }
}

fn answer(
    mut stream: &TcpStream,
    request_line: &str,
    range: Option<&str>,
    files: &HashMap<String, PathBuf>,
) -> io::Result<()> {
    let mut words = request_line.split_whitespace();
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let name = target.trim_start_matches('/').split('?').next().unwrap_or_default();
    let Some(path) = files.get(name) else {
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
    // Every address is a file of its own, so that nothing learned of one helps with the next.
    let head = format!(
        "HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\nContent-Type: application/octet-stream\r\nETag: \"{target}\"\r\n{content_range}Content-Length: {}\r\n\r\n",
        end - start
    );
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        file.seek(SeekFrom::Start(start))?;
        io::copy(&mut file.take(end - start), &mut stream)?;
    }
    Ok(())
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

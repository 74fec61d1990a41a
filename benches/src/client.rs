//! As much of an HTTP/1.1 client as the benches need: one connection that is kept, bodies with a length or in chunks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::RecvFlags;

use crate::Error;

/// A connection that is broken for longer ends the bench.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Read ahead of what is asked for: a head and its small body. Large bodies do not pass through it.
const BUFFER_SIZE: usize = 16 << 10;
/// Most that is thrown away with one call.
pub(crate) const DISCARD_SIZE: usize = 1 << 20;

/// A connection to one server.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    /// Where what is thrown away would go.
    scratch: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { address, stream: BufReader::with_capacity(BUFFER_SIZE, stream), scratch: vec![0; DISCARD_SIZE] })
    }

    /// The body at `path`.
    ///
    /// # Errors
    /// The connection breaks, or the answer is none of success.
    pub fn get(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        self.request("GET", path, "", b"")
    }

    /// Fetches the body at `path` and throws it away within the system, where it costs no copy. Says how long it was.
    ///
    /// # Errors
    /// The connection breaks, the answer is none of success or has no length.
    pub fn discard(&mut self, path: &str) -> Result<u64, Error> {
        self.send("GET", path, "", b"")?;
        let head = self.head()?;
        let size = head.size.ok_or("an answer without a length")?;
        let mut rest = size;
        let buffered = rest.min(self.stream.buffer().len());
        self.stream.consume(buffered);
        rest -= buffered;
        // With TRUNC TCP drops what it would copy; see tcp(7).
        while rest > 0 {
            let space = &mut self.scratch[..rest.min(DISCARD_SIZE)];
            match rustix::net::recv(self.stream.get_ref(), space, RecvFlags::TRUNC)? {
                (_, 0) => return Err("the server closed the connection".into()),
                (_, count) => rest -= count,
            }
        }
        head.check("GET", path, b"")?;
        Ok(size as u64)
    }

    /// Sends JSON and reads JSON.
    ///
    /// # Errors
    /// The connection breaks, or the answer is none of success.
    pub fn post(
        &mut self,
        path: &str,
        token: Option<&str>,
        body: &serde_json::Value,
    ) -> Result<serde_json::Value, Error> {
        let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let headers = format!("{authorization}Content-Type: application/json\r\n");
        Ok(serde_json::from_slice(&self.request("POST", path, &headers, body.to_string().as_bytes())?)?)
    }

    fn request(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Vec<u8>, Error> {
        self.send(method, path, headers, body)?;
        let head = self.head()?;
        let mut reply = Vec::new();
        if head.is_chunked {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16)?;
                self.append(&mut reply, size)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.append(&mut reply, head.size.ok_or("an answer without a length")?)?;
        }
        head.check(method, path, &reply)?;
        Ok(reply)
    }

    fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<(), Error> {
        let mut message = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        message.extend_from_slice(body);
        Ok(self.stream.get_mut().write_all(&message)?)
    }

    fn head(&mut self) -> Result<Head, Error> {
        let mut head = Head { status_line: self.line()?, size: None, is_chunked: false };
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(head);
            }
            head.read(&line)?;
        }
    }

    fn line(&mut self) -> Result<String, Error> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err("the server closed the connection".into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn append(&mut self, reply: &mut Vec<u8>, size: usize) -> Result<(), Error> {
        let start = reply.len();
        reply.resize(start + size, 0);
        Ok(self.stream.read_exact(&mut reply[start..])?)
    }
}

/// What the head of an answer says.
pub(crate) struct Head {
    pub(crate) status_line: String,
    pub(crate) size: Option<usize>,
    is_chunked: bool,
}

impl Head {
    /// A whole head: the status line and the headers.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let mut lines = text.lines();
        let status_line = lines.next().unwrap_or_default().to_owned();
        let mut head = Self { status_line, size: None, is_chunked: false };
        lines.try_for_each(|line| head.read(line))?;
        Ok(head)
    }

    fn read(&mut self, line: &str) -> Result<(), Error> {
        let line = line.to_ascii_lowercase();
        match line.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("content-length", value)) => self.size = Some(value.parse()?),
            Some(("transfer-encoding", value)) => self.is_chunked = value == "chunked",
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn check(&self, method: &str, path: &str, body: &[u8]) -> Result<(), Error> {
        if self.status_line.starts_with("HTTP/1.1 2") {
            return Ok(());
        }
        Err(format!("{method} {path}: {}: {}", self.status_line, String::from_utf8_lossy(body)).into())
    }
}

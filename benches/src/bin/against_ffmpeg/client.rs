//! As much of an HTTP/1.1 client as the bench needs: one connection that is kept, bodies with a length or in chunks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use prostream_benches::Error;

/// A connection that is broken for longer ends the bench.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to one server.
pub(crate) struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { address, stream: BufReader::with_capacity(256 << 10, stream) })
    }

    pub(crate) fn get(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        self.request("GET", path, "", b"")
    }

    pub(crate) fn post(
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
        let mut message = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        )
        .into_bytes();
        message.extend_from_slice(body);
        self.stream.get_mut().write_all(&message)?;

        let status_line = self.line()?;
        let mut size = None;
        let mut is_chunked = false;
        loop {
            let line = self.line()?.to_ascii_lowercase();
            match line.split_once(':').map(|(name, value)| (name, value.trim())) {
                None => break,
                Some(("content-length", value)) => size = Some(value.parse::<usize>()?),
                Some(("transfer-encoding", value)) => is_chunked = value == "chunked",
                Some(_) => {}
            }
        }
        let mut reply = Vec::new();
        if is_chunked {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16)?;
                self.append(&mut reply, size)?;
                self.line()?;
                if size == 0 {
                    break;
                }
            }
        } else {
            self.append(&mut reply, size.ok_or("an answer without a length")?)?;
        }
        if !status_line.starts_with("HTTP/1.1 2") {
            return Err(format!("{method} {path}: {status_line}: {}", String::from_utf8_lossy(&reply)).into());
        }
        Ok(reply)
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

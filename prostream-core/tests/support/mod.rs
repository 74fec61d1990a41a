//! A host on the loopback that answers as a test wants it to: whole, in part, wrongly, or not at all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prostream_core::net::{AddressPolicy, HttpClient, HttpClientConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// How many others were being answered when it came.
    pub(crate) others: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// What the host does with a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Said instead of the true length.
    pub(crate) claimed_length: Option<usize>,
    /// Closes after so many bytes of the body.
    pub(crate) cut_after: Option<usize>,
    /// Waits before the body.
    pub(crate) pause: Duration,
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A closed connection and not a byte.
    pub(crate) fn hang_up() -> Self {
        Self::default()
    }
}

type Answers = dyn Fn(&Seen, usize) -> Answer + Send + Sync;

/// A host that answers with `answer(request, number of the request from 0)`. Ends when dropped.
pub(crate) struct Host {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    _tasks: JoinSet<()>,
}

impl Host {
    pub(crate) async fn start(answer: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("address").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer, busy) = (seen.clone(), Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Head and body are written apart: the body is not to wait for the other side's acknowledgement.
                stream.set_nodelay(true).expect("an open socket");
                connections.spawn(serve(stream, log.clone(), answer.clone(), busy.clone()));
            }
        });
        Self { port, seen, _tasks: tasks }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://127.0.0.1:{}{path}", self.port)).expect("a URL")
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("lock").clone()
    }

    /// A client that may reach this host and no other inner address.
    pub(crate) fn client(&self) -> HttpClient {
        client_for(&[self], HttpClientConfig::default())
    }
}

pub(crate) fn client_for(hosts: &[&Host], config: HttpClientConfig) -> HttpClient {
    let allow = hosts.iter().map(|host| format!("127.0.0.1:{}", host.port).parse().expect("an exception")).collect();
    HttpClient::new(HttpClientConfig { policy: AddressPolicy { allow }, ..config }).expect("a client")
}

/// One who is being answered.
struct Busy(Arc<AtomicUsize>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, answer: Arc<Answers>, busy: Arc<AtomicUsize>) {
    while let Some(mut request) = read_request(&mut stream).await {
        request.others = busy.fetch_add(1, Ordering::SeqCst);
        let _busy = Busy(busy.clone());
        let number = {
            let mut log = log.lock().expect("lock");
            log.push(request.clone());
            log.len() - 1
        };
        let answer = answer(&request, number);
        if write_answer(&mut stream, &answer, request.method == "HEAD").await.is_none() {
            return;
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_len = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_len].to_vec()).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while bytes.len() < head_len + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(Seen { method, path, headers, body: bytes[head_len..].to_vec(), others: 0 })
}

/// `None` when the connection is to be closed.
async fn write_answer(stream: &mut TcpStream, answer: &Answer, is_head: bool) -> Option<()> {
    if answer.status == 0 {
        return None;
    }
    let mut head = format!("HTTP/1.1 {} Told\r\n", answer.status);
    let length = answer.claimed_length.unwrap_or(answer.body.len());
    head.push_str(&format!("content-length: {length}\r\n"));
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await.ok()?;
    tokio::time::sleep(answer.pause).await;
    if is_head {
        return Some(());
    }
    let end = answer.cut_after.unwrap_or(usize::MAX).min(answer.body.len());
    stream.write_all(&answer.body[..end]).await.ok()?;
    (end == length).then_some(())
}

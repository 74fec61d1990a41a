//! Connections: who is let in, how long they may take, and how the last of them are let out.
//!
//! warp's own server installs no timer, sets no limit and cannot be told to (its acceptor is private), so the filters run behind an accept
//! loop of ours. Only HTTP/1.1 is spoken in clear text (EDGE-05).

mod admission;
mod answer;
mod guarded;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri, Version};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt};

use crate::config::{AddressBlock, Config};
use admission::Admission;
use answer::Answer;
use guarded::{Guarded, Patience, Progress};

/// Most header fields of a request (EDGE-04).
const MAX_HEADER_FIELDS: usize = 64;

/// Largest header of a request in bytes (EDGE-04).
const MAX_HEADER_BYTES: usize = 32 << 10;

/// Longest target of a request in bytes (EDGE-04).
const MAX_TARGET_BYTES: usize = 8 << 10;

/// How long the accept loop rests when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is known of a request from its connection; an extension of every request that reaches the filters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The other end of the connection: a client or a proxy.
    pub(crate) peer: IpAddr,
    /// What is wrong with the request before its path is looked at.
    pub(crate) fault: Option<ArrivalFault>,
}

/// A request that is refused for its form (EDGE-06).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ArrivalFault {
    /// None or several `Host` fields (RFC 9112 section 3.2).
    Host,
    /// The target is no path: `*`, or an authority alone (RFC 9112 sections 3.2.3 and 3.2.4).
    Target,
    /// The target is longer than [`MAX_TARGET_BYTES`].
    TargetTooLong,
    /// The header fields are larger than [`MAX_HEADER_BYTES`].
    HeaderTooLarge,
}

/// How connections are treated.
#[derive(Debug)]
pub(crate) struct EdgeConfig {
    patience: Patience,
    admission: Arc<Admission>,
    trusted_proxies: Vec<AddressBlock>,
}

impl EdgeConfig {
    pub(crate) fn new(config: &Config) -> Arc<Self> {
        let limits = &config.limits;
        let seconds = |count: u32| Duration::from_secs(count.into());
        Arc::new(Self {
            patience: Patience {
                first_byte: seconds(limits.first_byte_timeout_s),
                header: seconds(limits.header_timeout_s),
                idle: seconds(limits.idle_timeout_s),
                write: seconds(limits.write_timeout_s),
            },
            admission: Admission::new(limits.connections, limits.connections_per_address),
            trusted_proxies: config.listen.trusted_proxies.clone(),
        })
    }
}

/// Running accept loops and their connections.
#[derive(Debug)]
pub(crate) struct Edge {
    addresses: Vec<SocketAddr>,
    tasks: TaskTracker,
    drain: CancellationToken,
    abort: CancellationToken,
}

impl Edge {
    /// Listens on every address. `drain` stops accepting and lets every running answer be the last of its connection.
    ///
    /// # Errors
    /// The system's, when an address cannot be taken.
    pub(crate) async fn listen<S, B>(
        addresses: &[SocketAddr],
        config: Arc<EdgeConfig>,
        service: S,
        drain: CancellationToken,
    ) -> io::Result<Self>
    where
        S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
    {
        let mut listeners = Vec::with_capacity(addresses.len());
        for address in addresses {
            listeners.push(TcpListener::bind(address).await?);
        }
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;
        let edge = Self { addresses, tasks: TaskTracker::new(), drain, abort: CancellationToken::new() };
        for listener in listeners {
            edge.tasks.spawn(accept_loop(
                listener,
                Arc::clone(&config),
                service.clone(),
                edge.tasks.clone(),
                edge.drain.clone(),
                edge.abort.clone(),
            ));
        }
        Ok(edge)
    }

    /// The addresses that were taken, in the order asked, with their real ports.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops accepting, waits at most `limit` for running answers, then cuts the rest (EDGE-11). True when none had to be cut.
    pub(crate) async fn shutdown(self, limit: Duration) -> bool {
        self.drain.cancel();
        self.tasks.close();
        let is_drained = tokio::time::timeout(limit, self.tasks.wait()).await.is_ok();
        self.abort.cancel();
        self.tasks.wait().await;
        is_drained
    }
}

async fn accept_loop<S, B>(
    listener: TcpListener,
    config: Arc<EdgeConfig>,
    service: S,
    tasks: TaskTracker,
    drain: CancellationToken,
    abort: CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    loop {
        let accepted = tokio::select! {
            () = drain.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let peer = peer.ip().to_canonical();
        let is_trusted_proxy = config.trusted_proxies.iter().any(|block| block.contains(peer));
        let Some(admitted) = config.admission.admit(peer, is_trusted_proxy) else {
            tracing::debug!("too many connections: one refused");
            continue; // dropping the stream closes it
        };
        let (service, patience, drain, abort) = (service.clone(), config.patience, drain.clone(), abort.clone());
        tasks.spawn(async move {
            let _admitted = admitted;
            tokio::select! {
                () = abort.cancelled() => {}
                () = serve_connection(stream, peer, patience, service, &drain) => {}
            }
        });
    }
}

async fn serve_connection<S, B>(
    stream: TcpStream,
    peer: IpAddr,
    patience: Patience,
    service: S,
    drain: &CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set TCP_NODELAY");
    }
    let progress = Arc::new(Progress::default());
    let io = TokioIo::new(Guarded::new(stream, patience, Arc::clone(&progress)));
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let answering = progress.answering();
        let answer = service.clone().oneshot(arrive(request, peer));
        async move { answer.await.map(|response| response.map(|body| Answer::new(body, answering))) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .max_headers(MAX_HEADER_FIELDS)
        .max_buf_size(MAX_HEADER_BYTES)
        .header_read_timeout(None)
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = drain.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Adds what is known of the connection, and lets HEAD take the way of GET: hyper leaves the body out and keeps its length. Ranges are
/// defined for GET alone (RFC 9110 section 14.2), so HEAD tells of the whole.
fn arrive(mut request: Request<Incoming>, peer: IpAddr) -> Request<Incoming> {
    let fault = fault_of(&request);
    if fault == Some(ArrivalFault::Target) {
        *request.uri_mut() = Uri::from_static("/"); // warp panics where there is no path
    }
    if request.method() == Method::HEAD {
        *request.method_mut() = Method::GET;
        request.headers_mut().remove(http::header::RANGE);
    }
    request.extensions_mut().insert(Arrival { peer, fault });
    request
}

fn fault_of(request: &Request<Incoming>) -> Option<ArrivalFault> {
    let headers = request.headers();
    let host_count = headers.get_all(http::header::HOST).iter().count();
    let is_host_missing = host_count == 0 && request.version() > Version::HTTP_10;
    // hyper measures the header only while it is incomplete, so one that came in a single read may be larger.
    let header_bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    let target = request.uri().path_and_query().filter(|target| target.path().starts_with('/'));
    if is_host_missing || host_count > 1 {
        return Some(ArrivalFault::Host);
    }
    match target {
        None => Some(ArrivalFault::Target),
        Some(target) if target.as_str().len() > MAX_TARGET_BYTES => Some(ArrivalFault::TargetTooLong),
        Some(_) if header_bytes > MAX_HEADER_BYTES => Some(ArrivalFault::HeaderTooLarge),
        Some(_) => None,
    }
}

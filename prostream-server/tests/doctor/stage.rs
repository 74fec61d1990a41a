//! Stand-ins on the loopback, and what goes wrong around them.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use prostream_core::testing::stand_in::{StandIn, StandInReply, StandInRequest};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio_util::task::AbortOnDropHandle;

/// A stand-in that listens until it is dropped.
pub(crate) struct Mounted {
    address: SocketAddr,
    _listening: AbortOnDropHandle<()>,
}

impl Mounted {
    pub(crate) async fn new(stand_in: Arc<dyn StandIn>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let listening = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let stand_in = Arc::clone(&stand_in);
                let service = hyper::service::service_fn(move |request| answer(Arc::clone(&stand_in), request));
                // A client that hangs up, or speaks TLS, is none of our business.
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(connection), service),
                );
            }
        });
        Self { address, _listening: AbortOnDropHandle::new(listening) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address)
    }
}

async fn answer(stand_in: Arc<dyn StandIn>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let request = Request::from_parts(head, body);
    // One that is slow sleeps.
    let reply = tokio::task::spawn_blocking(move || stand_in.reply(&request)).await.expect("a stand-in does not panic");
    Ok(reply.map(Full::new))
}

/// An address where nothing listens.
pub(crate) fn dead_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Answers late.
#[derive(Debug)]
pub(crate) struct Slow<S>(pub(crate) S, pub(crate) Duration);

impl<S: StandIn> StandIn for Slow<S> {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        std::thread::sleep(self.1);
        self.0.reply(request)
    }
}

/// Tells another time.
#[derive(Debug)]
pub(crate) struct OtherClock<S>(pub(crate) S, pub(crate) Duration);

impl<S: StandIn> StandIn for OtherClock<S> {
    fn reply(&self, request: &StandInRequest) -> StandInReply {
        let mut reply = self.0.reply(request);
        let date = OffsetDateTime::from(SystemTime::now() + self.1).format(&Rfc2822).unwrap();
        reply.headers_mut().insert("date", date.parse().unwrap());
        reply
    }
}

//! A stand-in on a listener of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use prostream_core::testing::stand_in::StandIn;
use prostream_core::{Error, ErrorKind, Result};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{failed, loopback};
use crate::config::Config;
use crate::edge::{Edge, EdgeConfig};

/// Largest request that a stand-in takes: a torrent file and what is around it.
const MAX_REQUEST_BYTES: usize = 16 << 20;

/// How long stopping waits for running answers.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(1);

/// A stand-in that listens.
#[derive(Debug)]
pub(super) struct Mount {
    edge: Edge,
    address: SocketAddr,
}

impl Mount {
    pub(super) async fn start<S: StandIn>(stand_in: Arc<S>) -> Result<Self> {
        let service = tower::service_fn(move |request: Request<Incoming>| {
            let stand_in = Arc::clone(&stand_in);
            async move { Ok::<_, Infallible>(answer(stand_in.as_ref(), request).await) }
        });
        let config = EdgeConfig::new(&Config::default());
        let edge = Edge::listen(&[loopback()], config, service, CancellationToken::new()).await.map_err(failed)?;
        let address = *edge.addresses().first().ok_or_else(|| Error::new(ErrorKind::Internal, "start stand-in"))?;
        Ok(Self { edge, address })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// An address below it.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        Url::parse(&format!("http://{}/{path}", self.address))
            .map_err(|error| Error::new(ErrorKind::Internal, "name stand-in").because(error))
    }

    pub(super) async fn shutdown(self) {
        self.edge.shutdown(SHUTDOWN_LIMIT).await;
    }
}

async fn answer<S: StandIn>(stand_in: &S, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_REQUEST_BYTES).collect().await {
        Ok(body) => stand_in.reply(&Request::from_parts(head, body.to_bytes())).map(Full::new),
        Err(_) => {
            let mut reply = Response::new(Full::default());
            *reply.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            reply
        }
    }
}

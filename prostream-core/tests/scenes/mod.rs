//! Puts stand-ins behind a listener on the loopback, and the real client in front of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prostream_core::net::{AddressPolicy, HttpClient, HttpClientConfig};
use prostream_core::testing::stand_in::{StandIn, StandInRequest};
use url::Url;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers};

/// A stand-in that listens, and a client that may reach it.
pub(crate) struct Mounted<T> {
    pub(crate) stand_in: Arc<T>,
    pub(crate) http: HttpClient,
    server: MockServer,
}

impl<T: StandIn> Mounted<T> {
    pub(crate) async fn new(stand_in: T) -> Self {
        Self::slow(stand_in, Duration::ZERO).await
    }

    /// One that thinks about each answer for a while.
    pub(crate) async fn slow(stand_in: T, delay: Duration) -> Self {
        let stand_in = Arc::new(stand_in);
        let server = MockServer::start().await;
        Mock::given(matchers::any()).respond_with(Mount(stand_in.clone(), delay)).mount(&server).await;
        let allow = vec![server.address().to_string().parse().unwrap()];
        let config = HttpClientConfig { policy: AddressPolicy { allow }, ..HttpClientConfig::default() };
        Self { stand_in, http: HttpClient::new(config).unwrap(), server }
    }

    /// The address of `path` at the stand-in.
    pub(crate) fn url(&self, path: &str) -> Url {
        format!("{}{path}", self.server.uri()).parse().unwrap()
    }

    /// Paths and queries of all requests so far.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().map(|request| request.url[url::Position::BeforePath..].to_owned()).collect()
    }
}

struct Mount(Arc<dyn StandIn>, Duration);

impl Respond for Mount {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut asked = StandInRequest::new(Bytes::copy_from_slice(&request.body));
        *asked.method_mut() = request.method.clone();
        *asked.uri_mut() = request.url[url::Position::BeforePath..].parse().unwrap();
        *asked.headers_mut() = request.headers.clone();
        let reply = self.0.reply(&asked);
        let content_type = reply.headers().get("content-type").map_or("", |value| value.to_str().unwrap()).to_owned();
        let mut template = ResponseTemplate::new(reply.status());
        for (name, value) in reply.headers() {
            template = template.insert_header(name, value);
        }
        template.set_body_raw(reply.into_body(), &content_type).set_delay(self.1)
    }
}

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::time::timeout;
use url::{Host, Url};

use super::ByteStream;
use super::health::Tried;
use super::host::{HostState, Hosts};
use super::own::is_own;
use super::policy::not_public;
#[cfg(feature = "testing")]
use super::resolve::StagedNames;
use super::resolve::{NotPublic, PublicResolver};
use super::retry::chance;
use super::{AddressPolicy, Body, Call, Reply, Request, SharedBudget, StreamReply, redact_url, trouble};
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = super::SEND_OPERATION;
/// Connections kept open to a host without a request under way.
const MAX_IDLE_PER_HOST: usize = 8;
/// Largest header block of an HTTP/2 reply, in bytes.
const MAX_HEADER_BYTES: u32 = 64 * 1024;
/// The headers of a caller that follow a media link to another host; everything else may be a credential.
const HEADERS_FOR_ANY_HOST: [HeaderName; 4] =
    [header::RANGE, header::IF_RANGE, header::ACCEPT, header::ACCEPT_ENCODING];

/// Limits and policy of the client. Every field's default is the number of SECURITY_REQUIREMENTS OUT-04 and OUT-06.
#[derive(Clone, Debug)]
pub struct HttpClientConfig {
    /// Which addresses may be reached.
    pub policy: AddressPolicy,
    /// Longest wait for a connection. Default: 5 s.
    pub connect_timeout: Duration,
    /// Longest wait for the first byte of a reply. Default: 15 s.
    pub first_byte_timeout: Duration,
    /// Longest silence within a body. Default: 20 s.
    pub idle_timeout: Duration,
    /// Largest API body after decompression, in bytes. Default: 4 MiB.
    pub max_body_bytes: u64,
    /// Most redirects of a media link. API requests follow none. Default: 5.
    pub max_redirects: u8,
    /// Most tries beyond the first of an idempotent request. Default: 2.
    pub max_retries: u8,
    /// Name sent as `User-Agent`.
    pub user_agent: String,
    /// Counts the requests of accounts that other processes use as well. Default: none, each process keeps the pace by itself.
    pub shared_budget: Option<Arc<dyn SharedBudget>>,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            policy: AddressPolicy::default(),
            connect_timeout: Duration::from_secs(5),
            first_byte_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(20),
            max_body_bytes: 4 << 20,
            max_redirects: 5,
            max_retries: 2,
            user_agent: concat!("prostream/", env!("CARGO_PKG_VERSION")).to_owned(),
            shared_budget: None,
        }
    }
}

/// The one client. Clones share the pool, the budgets and the policy.
#[derive(Clone, Debug)]
pub struct HttpClient {
    shared: Arc<Shared>,
    pace: Option<Arc<DefaultDirectRateLimiter>>,
}

#[derive(Debug)]
struct Shared {
    config: HttpClientConfig,
    api: Connections,
    media: Connections,
    hosts: Hosts,
}

/// Two pools, because a resolver sees the name and not the port: one that reaches public addresses only, and one for URLs that are
/// exact exceptions.
#[derive(Debug)]
struct Connections {
    public: reqwest::Client,
    excepted: Option<reqwest::Client>,
}

impl HttpClient {
    /// A client with these limits.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn new(config: HttpClientConfig) -> Result<Self> {
        Self::with_resolver(config, PublicResolver::system())
    }

    /// A client for which names are played, so that a test can let them point wherever it wants, and elsewhere the next time.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    #[cfg(feature = "testing")]
    pub fn with_staged_names(config: HttpClientConfig, names: &StagedNames) -> Result<Self> {
        Self::with_resolver(config, PublicResolver::staged(names))
    }

    fn with_resolver(config: HttpClientConfig, resolver: PublicResolver) -> Result<Self> {
        let connections = |builder: fn(&HttpClientConfig) -> reqwest::ClientBuilder| {
            let failed = |error: reqwest::Error| Error::new(ErrorKind::Internal, "set up HTTP client").because(error);
            let build = |resolver| builder(&config).dns_resolver(resolver).build().map_err(failed);
            Ok::<_, Error>(Connections {
                public: build(resolver.clone())?,
                excepted: match config.policy.allow.is_empty() {
                    true => None,
                    false => Some(build(resolver.without_judging())?),
                },
            })
        };
        let (api, media) = (connections(api_builder)?, connections(media_builder)?);
        Ok(Self { shared: Arc::new(Shared { config, api, media, hosts: Hosts::default() }), pace: None })
    }

    /// The same client for one provider that allows `count` requests in any `period`: [`send`](Self::send) waits for its turn, or
    /// answers `RateLimited` when the turn comes after the deadline. All clones of the answer share the pace. A zero period is no limit.
    #[must_use]
    pub fn paced(&self, count: NonZeroU32, period: Duration) -> Self {
        let quota = period.checked_div(count.get()).and_then(Quota::with_period).map(|quota| quota.allow_burst(count));
        Self { shared: self.shared.clone(), pace: quota.map(|quota| Arc::new(DefaultDirectRateLimiter::direct(quota))) }
    }

    /// What counts the requests of accounts for several processes, if there is such a thing.
    pub(crate) fn shared_budget(&self) -> Option<&Arc<dyn SharedBudget>> {
        self.shared.config.shared_budget.as_ref()
    }

    /// How far the clocks of the hosts whose API answered after `since` are ahead of this machine's, in seconds; one entry a host that told
    /// its time. Exact to a second and the time that a reply takes.
    #[must_use]
    pub fn clock_offsets_s(&self, since: Instant) -> Vec<i64> {
        self.shared.hosts.clock_offsets_s(since)
    }

    /// Sends an API request and reads the whole reply, whatever its status. Idempotent requests are tried again on connection
    /// failures, 429, 502, 503 and 504, within the call's deadline and the retry budget; `Retry-After` is obeyed.
    ///
    /// # Errors
    /// `Forbidden` by the address policy, `TimedOut`, `Unavailable` when no reply came or the host failed too often just now,
    /// `RateLimited` by [`paced`](Self::paced), `LimitExceeded` for a body over the cap, `InvalidInput` for a header that cannot be sent.
    /// Error statuses are replies, not errors: the vendor reads them.
    /// # Cancel safety
    /// Safe to drop for idempotent requests.
    pub async fn send(&self, call: &Call, request: Request) -> Result<Reply> {
        self.shared.config.policy.check_url(&request.url)?;
        let host = self.shared.hosts.state(&request.url);
        host.with_health(|health| health.begin(Instant::now()));
        let mut retries = 0_u8;
        loop {
            let outcome = self.send_once(call, &request, &host).await;
            let tried = Tried {
                is_idempotent: request.is_idempotent,
                retries,
                max_retries: self.shared.config.max_retries,
                remaining: call.remaining(),
            };
            let again =
                host.with_health(|health| health.retry(Instant::now(), SystemTime::now(), &outcome, &tried, chance()));
            let Some(wait) = again else { return outcome };
            retries = retries.saturating_add(1);
            tracing::debug!(
                url = redact_url(&request.url),
                retries,
                wait_ms = wait.as_millis(),
                "request is tried again"
            );
            tokio::time::sleep(wait).await;
        }
    }

    /// Opens a media link: follows redirects by hand, each hop checked anew, credentials dropped on a change of host, never from
    /// https to http. The body is not decompressed and has no cap; it ends with an error when it is silent for too long. The call's
    /// deadline holds until the headers of the last reply. Nothing is tried again here: who reads the body knows where to go on.
    ///
    /// # Errors
    /// As [`Self::send`], and `LimitExceeded` for too many redirects; error statuses are replies.
    /// # Cancel safety
    /// Safe to drop for idempotent requests; dropping the body closes the connection unless it was read to its end.
    pub async fn stream(&self, call: &Call, mut request: Request) -> Result<StreamReply> {
        let config = &self.shared.config;
        request.headers.entry(header::ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        let mut redirects = 0_u8;
        loop {
            config.policy.check_url(&request.url)?;
            let reply = self.shared.media.execute(config, call, &request).await?;
            let Some(next) = redirect_target(&request, &reply)? else {
                let (status, headers) = (reply.status(), reply.headers().clone());
                return Ok(StreamReply {
                    status,
                    headers,
                    url: request.url,
                    body: body_stream(reply, config.idle_timeout),
                });
            };
            if redirects >= config.max_redirects {
                return Err(Error::new(ErrorKind::LimitExceeded, OPERATION).detail("too many redirects"));
            }
            redirects = redirects.saturating_add(1);
            request.follow(next);
        }
    }

    /// One try of an API request, counted by the breaker of its host.
    async fn send_once(&self, call: &Call, request: &Request, host: &HostState) -> Result<Reply> {
        let timed_out = || Error::new(ErrorKind::TimedOut, OPERATION).detail("too many requests were waiting");
        let lane = host.lane(request.lane);
        let entered = async { (lane.enter().await, host.permits.acquire().await) };
        let Ok((_place, permit)) = timeout(call.remaining(), entered).await else { return Err(timed_out()) };
        let _permit = permit.map_err(|closed| Error::new(ErrorKind::Internal, OPERATION).because(closed))?;
        self.wait_for_turn(call).await?;
        host.with_health(|health| health.admit(Instant::now()))?;
        let sent = Instant::now();
        let outcome = self.exchange(call, request).await;
        let given_up_after = call.remaining().is_zero().then(|| sent.elapsed());
        let now = Instant::now();
        let sign = host.with_health(|health| health.ended(now, SystemTime::now(), &outcome, given_up_after));
        lane.told(sign, now);
        outcome
    }

    async fn exchange(&self, call: &Call, request: &Request) -> Result<Reply> {
        let config = &self.shared.config;
        let mut reply = self.shared.api.execute(config, call, request).await?;
        let cap = request.max_body_bytes.unwrap_or(config.max_body_bytes);
        let too_large = || Error::new(ErrorKind::LimitExceeded, "read reply").detail(format!("more than {cap} bytes"));
        // Known for bodies that come as they are; what a compressed one grows to is counted below.
        if reply.content_length().is_some_and(|length| length > cap) {
            return Err(too_large());
        }
        let (status, headers) = (reply.status(), reply.headers().clone());
        let mut body = BytesMut::new();
        while let Some(piece) = next_piece(&mut reply, config.idle_timeout.min(call.remaining())).await? {
            let len = body.len().saturating_add(piece.len());
            if u64::try_from(len).unwrap_or(u64::MAX) > cap {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status, headers, body: body.freeze() })
    }

    async fn wait_for_turn(&self, call: &Call) -> Result<()> {
        let Some(pace) = &self.pace else { return Ok(()) };
        while let Err(not_until) = pace.check() {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            if wait >= call.remaining() {
                return Err(Error::new(ErrorKind::RateLimited, OPERATION)
                    .detail("our own limit for this service is used up")
                    .after(wait));
            }
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }
}

impl Connections {
    /// Sends one request and waits for the headers of the reply.
    async fn execute(&self, config: &HttpClientConfig, call: &Call, request: &Request) -> Result<reqwest::Response> {
        let client = match &self.excepted {
            Some(excepted) if config.policy.is_exception(&request.url) => excepted,
            // Names are judged by the resolver of the pool, literal addresses never pass it.
            _ if is_own_literal(&request.url) => return Err(not_public(&request.url)),
            _ => &self.public,
        };
        let built = build(client, request)?;
        let limit = config.connect_timeout.saturating_add(config.first_byte_timeout).min(call.remaining());
        let sent = Instant::now();
        let outcome = match timeout(limit, client.execute(built)).await {
            Ok(outcome) if !call.remaining().is_zero() => outcome.map_err(|error| failure(error, &request.url)),
            _ => Err(Error::new(ErrorKind::TimedOut, OPERATION).detail("no reply in time")),
        };
        tracing::debug!(
            method = %request.method,
            url = redact_url(&request.url),
            status = outcome.as_ref().ok().map(|reply| reply.status().as_u16()),
            error = outcome.as_ref().err().map(tracing::field::display),
            elapsed_ms = sent.elapsed().as_millis(),
            "request was sent"
        );
        outcome
    }
}

/// Is the host a literal address of this machine?
fn is_own_literal(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_own(address.into()),
        Some(Host::Ipv6(address)) => is_own(address.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

/// What both kinds of connections have in common: nothing happens by itself, neither redirects nor retries nor cookies nor a proxy.
fn builder(config: &HttpClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(config.connect_timeout)
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
        .user_agent(config.user_agent.as_str())
}

fn api_builder(config: &HttpClientConfig) -> reqwest::ClientBuilder {
    builder(config).http2_max_header_list_size(MAX_HEADER_BYTES)
}

/// Media comes over HTTP/1.1: viewers who pause hold back their own connection, where in HTTP/2 they would use up the window that all
/// streams of a connection share.
fn media_builder(config: &HttpClientConfig) -> reqwest::ClientBuilder {
    builder(config).no_gzip().no_brotli().http1_only()
}

fn build(client: &reqwest::Client, request: &Request) -> Result<reqwest::Request> {
    let invalid = || Error::new(ErrorKind::InvalidInput, OPERATION);
    let mut builder = client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
    let bearer = request.bearer.as_ref().map(|key| ("authorization", format!("Bearer {}", key.expose())));
    let secrets = request.secret_headers.iter().map(|(name, secret)| (*name, secret.expose().to_owned()));
    for (name, secret) in bearer.into_iter().chain(secrets) {
        let mut value = HeaderValue::try_from(secret).map_err(|_| {
            invalid()
                .detail(format!("the secret for {name} cannot be sent"))
                .advise("check the key for spaces and line breaks")
        })?;
        value.set_sensitive(true);
        builder = builder.header(name, value);
    }
    builder = match &request.body {
        Body::Empty => builder,
        Body::Form(fields) => builder.form(fields),
        Body::Fields(fields) => builder.multipart(multipart(fields)),
        Body::Json(value) => builder.header(header::CONTENT_TYPE, "application/json").body(value.to_string()),
        Body::Bytes { content_type, bytes } => builder.header(header::CONTENT_TYPE, *content_type).body(bytes.clone()),
        Body::File { fields, field, file_name, content_type, bytes } => {
            let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let part = reqwest::multipart::Part::stream_with_length(bytes.clone(), len)
                .file_name(file_name.clone())
                .mime_str(content_type)
                .map_err(|error| invalid().detail("content type").because(error))?;
            builder.multipart(multipart(fields).part(field.clone(), part))
        }
    };
    builder.build().map_err(|error| invalid().because(error.without_url()))
}

fn multipart(fields: &[(String, String)]) -> reqwest::multipart::Form {
    let empty = reqwest::multipart::Form::new();
    fields.iter().fold(empty, |form, (name, value)| form.text(name.clone(), value.clone()))
}

impl Request {
    /// Turns to where a redirect points. Another host gets nothing but what says which bytes are wanted.
    fn follow(&mut self, next: Url) {
        if next.origin() != self.url.origin() {
            self.bearer = None;
            self.secret_headers.clear();
            let headers = std::mem::take(&mut self.headers);
            self.headers = HEADERS_FOR_ANY_HOST
                .into_iter()
                .filter_map(|name| Some((name.clone(), headers.get(&name)?.clone())))
                .collect::<HeaderMap>();
        }
        self.url = next;
    }
}

/// Where a reply sends us, if it does. Only GET and HEAD are followed.
fn redirect_target(request: &Request, reply: &reqwest::Response) -> Result<Option<Url>> {
    let is_redirect = matches!(reply.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    if !is_redirect || !matches!(request.method, Method::GET | Method::HEAD) {
        return Ok(None);
    }
    let malformed = || Error::new(ErrorKind::Malformed, "follow redirect").detail("no address to go to");
    let location = reply.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).ok_or_else(malformed)?;
    let mut next = request.url.join(location).map_err(|_| malformed())?;
    next.set_fragment(None);
    if request.url.scheme() == "https" && next.scheme() != "https" {
        return Err(Error::new(ErrorKind::Forbidden, "follow redirect").detail("from https to something else"));
    }
    Ok(Some(next))
}

async fn next_piece(reply: &mut reqwest::Response, limit: Duration) -> Result<Option<Bytes>> {
    match timeout(limit, reply.chunk()).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) => Err(Error::new(ErrorKind::Unavailable, "read reply")
            .detail("the connection broke")
            .because(error.without_url())),
        Err(_) => Err(Error::new(ErrorKind::TimedOut, "read reply").detail("the other side fell silent")),
    }
}

fn body_stream(reply: reqwest::Response, idle_timeout: Duration) -> ByteStream {
    Box::pin(futures_util::stream::unfold(Some(reply), move |reply| async move {
        let mut reply = reply?;
        match next_piece(&mut reply, idle_timeout).await {
            Ok(piece) => piece.map(|piece| (Ok(piece), Some(reply))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

fn failure(error: reqwest::Error, url: &Url) -> Error {
    if NotPublic::is_cause_of(&error) {
        return not_public(url);
    }
    let (kind, detail) = match () {
        () if error.is_timeout() => (ErrorKind::TimedOut, "no connection in time"),
        () if error.is_connect() => {
            let (detail, advice) = trouble::of_connection(&error, url);
            return Error::new(ErrorKind::Unavailable, OPERATION)
                .detail(detail)
                .advise(advice)
                .because(error.without_url());
        }
        () if error.is_builder() => (ErrorKind::InvalidInput, "the request cannot be sent"),
        () => (ErrorKind::Unavailable, "the connection broke"),
    };
    Error::new(kind, OPERATION).detail(detail).because(error.without_url())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::net::TcpListener;

    use super::*;

    /// Goal: a name that pointed outside when it was looked at first cannot lead inside later.
    /// Method: a resolver whose answers are inner addresses, alone and behind a public one nobody answers at; a canary listens inside.
    #[tokio::test]
    async fn a_rebinding_name_reaches_nothing_inside() {
        let canary = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = canary.local_addr().expect("address").port();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let resolver = PublicResolver::with(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            let inner =
                ["127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0"].map(|text| text.parse::<SocketAddr>().expect(text));
            Box::pin(async move { Ok(inner.to_vec()) })
        });
        let policy = AddressPolicy { allow: vec![format!("other.example:{port}").parse().expect("an exception")] };
        let config = HttpClientConfig { policy, ..HttpClientConfig::default() };
        let client = HttpClient::with_resolver(config, resolver).expect("a client");
        let url = Url::parse(&format!("http://rebinding.example:{port}/?key=SECRET")).expect("a URL");
        let call = Call::within(Duration::from_secs(5));
        let sent = client.send(&call, Request::get(url.clone())).await.expect_err("an inner address");
        let streamed = client.stream(&call, Request::get(url)).await.expect_err("an inner address");
        for error in [sent, streamed] {
            assert_eq!(error.kind(), ErrorKind::Forbidden);
            assert!(error.advice().is_some_and(|advice| advice.contains(&format!("rebinding.example:{port}"))));
            assert!(!format!("{error} {error:?}").contains("SECRET"));
        }
        assert_eq!(asked.load(Ordering::Relaxed), 2, "the decision was made at the resolver, at each connection");
        let touched = timeout(Duration::from_millis(50), canary.accept()).await;
        assert!(touched.is_err(), "the canary was reached");
    }

    /// Goal: a media link never goes on from https to anything less, and a redirect without an address is none (OUT-02).
    #[test]
    fn redirects_stay_on_https() {
        let to = |from: &str, location: &str| {
            let reply = http::Response::builder().status(307).header("location", location).body("").expect("a reply");
            redirect_target(&Request::get(Url::parse(from).expect("a URL")), &reqwest::Response::from(reply))
        };
        let went = to("https://a.example/b/c", "../d#part").expect("a redirect").expect("an address");
        assert_eq!(went.as_str(), "https://a.example/d");
        assert!(to("http://a.example/", "https://b.example/").expect("a redirect").is_some());
        for wrong in ["http://a.example/", "http://b.example:443/", "file:///etc/passwd", "magnet:?a=b"] {
            assert_eq!(to("https://a.example/", wrong).expect_err(wrong).kind(), ErrorKind::Forbidden, "{wrong}");
        }
        assert_eq!(to("https://a.example/", "https://").expect_err("no host").kind(), ErrorKind::Malformed);
    }
}

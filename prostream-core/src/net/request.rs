use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::ByteStream;
use super::{Secret, redact_url};

/// A request as a vendor's wire part makes it. `Debug` shows no secret.
#[derive(Clone)]
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
    /// Whom the host asks for us, by a number of its own, such as an indexer of a Prowlarr: requests at a time are counted for each. Default: 0,
    /// the host itself.
    pub lane: i64,
}

/// What is sent. `Debug` shows which kind only.
#[derive(Clone, Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// `application/x-www-form-urlencoded`.
    Form(Vec<(String, String)>),
    /// `multipart/form-data` without a file.
    Fields(Vec<(String, String)>),
    /// `application/json`.
    Json(serde_json::Value),
    /// Bytes as they are.
    Bytes {
        /// Their media type.
        content_type: &'static str,
        /// Them.
        bytes: Bytes,
    },
    /// `multipart/form-data` with one file: further fields, then field, file name, content type, bytes.
    File {
        /// Fields beside the file.
        fields: Vec<(String, String)>,
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
            lane: 0,
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
/// `Debug` shows the status and the length of the body only: both the rest of the headers and the body may hold links and keys.
#[derive(Clone)]
pub struct Reply {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body, decompressed and below the cap.
    pub body: Bytes,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("url", &redact_url(&self.url))
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("has_bearer", &self.bearer.is_some())
            .field("secret_headers", &self.secret_headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("body", &self.body)
            .field("is_idempotent", &self.is_idempotent)
            .field("max_body_bytes", &self.max_body_bytes)
            .field("lane", &self.lane)
            .finish()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Body::Empty => "Empty",
            Body::Form(_) => "Form(…)",
            Body::Fields(_) => "Fields(…)",
            Body::Json(_) => "Json(…)",
            Body::Bytes { .. } => "Bytes(…)",
            Body::File { .. } => "File(…)",
        })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
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

impl fmt::Debug for StreamReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamReply").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
impl Reply {
    /// A reply without headers.
    pub(crate) fn of(status: u16, body: impl AsRef<[u8]>) -> Self {
        let status = StatusCode::from_u16(status).expect("a status");
        Self { status, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_ref()) }
    }

    /// A good one.
    pub(crate) fn ok(body: impl AsRef<[u8]>) -> Self {
        Self::of(200, body)
    }

    /// A good one with one byte changed and its end cut off.
    pub(crate) fn damaged(body: &str, at: usize, byte: u8, cut: usize) -> Self {
        let mut bytes = body.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        Self::ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a request or reply may be logged whole.
    #[test]
    fn debug_shows_no_secret() {
        let url = Url::parse("https://user:SECRET@api.example/SECRET?apikey=SECRET#SECRET").expect("a URL");
        let mut request =
            Request::post(url, Body::Form(vec![("SECRET".into(), "SECRET".into())])).bearer(Secret::new("SECRET"));
        request.headers.insert("cookie", "SECRET".parse().expect("a header value"));
        request.secret_headers.push(("X-Api-Key", Secret::new("SECRET")));
        let json = Request { body: Body::Json("SECRET".into()), ..request.clone() };
        let fields = Request { body: Body::Fields(vec![("SECRET".into(), "SECRET".into())]), ..request.clone() };
        let reply =
            Reply { status: StatusCode::OK, headers: request.headers.clone(), body: Bytes::from_static(b"SECRET") };
        let shown = format!("{request:?} {json:?} {fields:?} {reply:?}");
        assert!(shown.contains("api.example") && shown.contains("X-Api-Key"), "{shown}");
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}

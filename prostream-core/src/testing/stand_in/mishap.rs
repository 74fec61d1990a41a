//! What can go wrong with any service, whatever it was asked.

use bytes::Bytes;
use http::{StatusCode, header};
use serde_json::Value;

use super::{StandInReply, wire};

/// A mishap that a stand-in is told to have with every request until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mishap {
    /// A web page of something in between, with this HTTP status.
    WebPage {
        /// Status of the reply.
        status: u16,
    },
    /// A plain text of something in between, with this HTTP status.
    PlainText {
        /// Status of the reply.
        status: u16,
        /// The text.
        text: &'static str,
    },
    /// The right reply, cut off in its middle.
    Truncated,
    /// The right reply, its parts being of other types than documented.
    WrongTypes,
    /// The right reply, all of its values being of other types.
    OtherTypes(OtherTypes),
    /// 429, where told with `Retry-After` in seconds.
    RateLimited {
        /// Value of the header.
        retry_after_s: Option<u64>,
    },
    /// 500 without a body.
    Broken,
    /// 40 MB of data that never comes to its end.
    Huge,
}

/// What the values of a reply in JSON become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtherTypes {
    /// Numbers become texts, and texts numbers.
    NumbersAndTexts,
    /// Lists become objects, and objects lists of their values.
    ListsAndObjects,
    /// Every value that holds no others becomes null.
    Null,
}

impl OtherTypes {
    /// All of them.
    pub const ALL: [OtherTypes; 3] = [Self::NumbersAndTexts, Self::ListsAndObjects, Self::Null];

    fn of(self, value: Value) -> Value {
        match (self, value) {
            (Self::NumbersAndTexts, Value::Number(number)) => number.to_string().into(),
            (Self::NumbersAndTexts, Value::String(text)) => text.len().into(),
            (Self::Null, value) if !value.is_array() && !value.is_object() => Value::Null,
            (Self::ListsAndObjects, Value::Array(values)) => {
                values.into_iter().enumerate().map(|(at, value)| (at.to_string(), self.of(value))).collect()
            }
            (Self::ListsAndObjects, Value::Object(fields)) => {
                fields.into_iter().map(|(_, value)| self.of(value)).collect()
            }
            (_, Value::Array(values)) => values.into_iter().map(|value| self.of(value)).collect(),
            (_, Value::Object(fields)) => {
                fields.into_iter().map(|(name, value)| (name, self.of(value))).collect::<serde_json::Map<_, _>>().into()
            }
            (_, value) => value,
        }
    }
}

impl Mishap {
    /// What becomes of the right reply.
    pub(super) fn befall(self, right: StandInReply) -> StandInReply {
        match self {
            Mishap::WebPage { status } => {
                let page = Bytes::from_static(b"<!DOCTYPE html><html><body>One moment, please</body></html>");
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                wire::reply(status, "text/html; charset=UTF-8", page)
            }
            Mishap::PlainText { status, text } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                wire::reply(status, "text/plain; charset=UTF-8", Bytes::from_static(text.as_bytes()))
            }
            Mishap::Truncated => right.map(|body| body.slice(..body.len() / 2)),
            Mishap::WrongTypes => right.map(|body| match serde_json::from_slice::<Value>(&body) {
                Ok(Value::Object(fields)) => {
                    let is_whole = |value: &Value| !value.is_array() && !value.is_object();
                    // A flat reply has its parts beside the envelope's status.
                    let is_flat = fields.values().all(is_whole);
                    let odd = |(name, value): (String, Value)| match value {
                        value if !is_whole(&value) => (name, "odd".into()),
                        value if is_flat && name != "status" => (name, vec![value].into()),
                        value => (name, value),
                    };
                    let fields = fields.into_iter().map(odd).collect();
                    Value::Object(fields).to_string().into()
                }
                _ => body,
            }),
            Mishap::OtherTypes(types) => right.map(|body| match serde_json::from_slice::<Value>(&body) {
                Ok(value) => types.of(value).to_string().into(),
                Err(_) => body,
            }),
            Mishap::RateLimited { retry_after_s } => {
                let page = Bytes::from_static(b"<html><body>429 Too Many Requests</body></html>");
                let mut reply = wire::reply(StatusCode::TOO_MANY_REQUESTS, "text/html", page);
                if let Some(seconds) = retry_after_s {
                    reply.headers_mut().insert(header::RETRY_AFTER, seconds.into());
                }
                reply
            }
            Mishap::Huge => {
                let mut body = br#"{"status":"success","data":[""#.to_vec();
                body.resize(40_000_000, b'a');
                wire::reply(StatusCode::OK, "application/json", body)
            }
            Mishap::Broken => wire::reply(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", Bytes::new()),
        }
    }
}

//! What other hosts think the time is.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, header};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Largest age of a reply from a cache that is believed.
const MAX_AGE_S: u64 = 10 * 365 * 24 * 3600;

/// How far the clock of whoever answered is ahead of `now` (behind: negative), in seconds. A reply that lay in a cache says for how long.
///
/// Source: RFC 9110 section 6.6.1 (`Date`), RFC 9111 section 5.1 (`Age`).
pub(super) fn offset_s(headers: &HeaderMap, now: SystemTime) -> Option<i64> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let told: SystemTime = OffsetDateTime::parse(text(header::DATE)?, &Rfc2822).ok()?.into();
    let age = text(header::AGE).and_then(|age| age.parse::<u64>().ok()).unwrap_or_default();
    let told = told.checked_add(Duration::from_secs(age.min(MAX_AGE_S)))?;
    let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Some(match told.duration_since(now) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => seconds(behind.duration()).saturating_neg(),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// Goal: the offset has the right sign, a cached reply is not taken for a wrong clock, and nonsense says nothing.
    #[test]
    fn offsets_are_read() {
        // 1994-11-06 08:49:37 UTC
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |date: &str, age: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, HeaderValue::from_str(date).expect("a header value"));
            if let Some(age) = age {
                headers.insert(header::AGE, HeaderValue::from_str(age).expect("a header value"));
            }
            offset_s(&headers, now)
        };
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT", None), Some(0));
        assert_eq!(read("Sun, 06 Nov 1994 09:49:37 GMT", None), Some(3600));
        assert_eq!(read("Sun, 06 Nov 1994 07:49:37 GMT", None), Some(-3600));
        assert_eq!(read("Sun, 06 Nov 1994 07:49:37 GMT", Some("3600")), Some(0));
        assert!(read("Fri, 31 Dec 9999 23:59:59 GMT", Some("18446744073709551615")).is_some());
        assert_eq!(read("yesterday", None), None);
        assert_eq!(offset_s(&HeaderMap::new(), now), None);
    }
}

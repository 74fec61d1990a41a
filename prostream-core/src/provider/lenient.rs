//! Reading what outside services answer: JSON that breaks its own documentation, texts that may hold anything, replies that are a web
//! page instead (OUT-05). Only what a reply cannot do without is required; the rest is taken where it fits and left out where not.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

use crate::net::{Reply, Secret};
use crate::{Error, ErrorKind, Result};

/// Longest name that is kept, in characters: a title, a file name, a genre.
pub(crate) const MAX_NAME_CHARS: usize = 512;

/// Longest running text that is kept, in characters: an overview.
pub(crate) const MAX_TEXT_CHARS: usize = 4_000;

/// Longest piece of a service's own error text that is quoted, in characters.
const MAX_QUOTE_CHARS: usize = 200;

/// What helps against a web page where data is expected.
const WEB_PAGE_ADVICE: &str = "check the address in the settings, and open it in a browser: a login page, a proxy or a block may stand before the service";

/// What Cloudflare, which stands before many services, calls an address (1006 to 1008, 1106), a network (1005) or a country (1009) that it
/// lets nothing through for, and the rules of a service's owner (1020). Source: developers.cloudflare.com, "Cloudflare 1xxx errors".
const EDGE_REFUSALS: [u16; 7] = [1005, 1006, 1007, 1008, 1009, 1020, 1106];

/// Longest text that is looked at for such a code.
const MAX_EDGE_TEXT: usize = 64;

/// Longest wait that is believed when a service asks for one.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// Without control characters and without the marks that turn the direction of text around, trimmed, at most `max_chars` long.
pub(crate) fn clean(text: &str, max_chars: usize) -> String {
    let harmless =
        |c: &char| !c.is_control() && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let spaced = |c: char| if c.is_whitespace() { ' ' } else { c };
    let kept: String = text.chars().map(spaced).filter(harmless).skip_while(|c| *c == ' ').take(max_chars).collect();
    kept.trim_end().to_owned()
}

/// [`clean`], or `None` where nothing is left.
pub(crate) fn clean_some(text: Option<&str>, max_chars: usize) -> Option<String> {
    text.map(|text| clean(text, max_chars)).filter(|text| !text.is_empty())
}

/// A text without what follows the host in its addresses: paths and queries of trackers hold passkeys.
pub(crate) fn without_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | ')' | ']'))
            .unwrap_or(after.len());
        let (address, left) = after.split_at_checked(end).unwrap_or((after, ""));
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        // What stands before an `@` is a login.
        out.push_str(authority.rsplit('@').next().unwrap_or_default());
        if address.len() > authority.len() {
            out.push_str("/…");
        }
        rest = left;
    }
    out.push_str(rest);
    out
}

/// A service's own words, fit for an error text: markup and `secrets` taken out, short.
pub(crate) fn quote(text: &str, secrets: &[&Secret]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret.expose(), "…");
    }
    let mut is_markup = false;
    let words: String = text
        .chars()
        .filter(|c| match c {
            '<' => {
                is_markup = true;
                false
            }
            '>' => !std::mem::take(&mut is_markup),
            _ => !is_markup,
        })
        .collect();
    clean(&words, MAX_QUOTE_CHARS)
}

/// A calendar date, the first ten characters of what a service writes: `YYYY-MM-DD`. Blank and impossible dates are `None`.
pub(crate) fn date(text: Option<&str>) -> Option<String> {
    let text = text?.trim().get(..10)?;
    let format = time::macros::format_description!("[year]-[month]-[day]");
    time::Date::parse(text, &format).ok().map(|_| text.to_owned())
}

/// The day of a moment in UTC, `YYYY-MM-DD`.
pub(crate) fn day(moment: SystemTime) -> String {
    let date = OffsetDateTime::from(moment).date();
    format!("{:04}-{:02}-{:02}", date.year(), u8::from(date.month()), date.day())
}

/// The year that a date, or a span such as `2011–2019`, begins with.
pub(crate) fn year(text: Option<&str>) -> Option<u16> {
    let year: u16 = text?.trim().get(..4)?.parse().ok()?;
    (1870..=2200).contains(&year).then_some(year)
}

/// A moment as `2025-07-30T20:40:42Z`, with or without a fraction and another offset. Source: RFC 3339.
pub(crate) fn moment(text: Option<&str>) -> Option<SystemTime> {
    OffsetDateTime::parse(text?.trim(), &Rfc3339).ok().map(SystemTime::from)
}

/// Is this the reply of something in between that speaks HTML: a proxy, a protection page, a maintenance page?
pub(crate) fn is_web_page(reply: &Reply) -> bool {
    let says_html = reply
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.to_ascii_lowercase().contains("html"));
    let first = reply.body.iter().find(|byte| !byte.is_ascii_whitespace());
    first == Some(&b'<') || (says_html && !matches!(first, Some(b'{' | b'[')))
}

/// Is the body a JSON object or list, which only the service itself writes? What stands before it speaks HTML or plain text.
pub(crate) fn is_json(reply: &Reply) -> bool {
    let first = reply.body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[')) && serde_json::from_slice::<IgnoredAny>(&reply.body).is_ok()
}

/// The refusal of this server's address by what stands before `service`, which programs are told as a bare `error code: 1006`.
pub(crate) fn edge_refusal(reply: &Reply, operation: &'static str, service: &'static str) -> Option<Error> {
    if reply.status != StatusCode::FORBIDDEN || reply.body.len() > MAX_EDGE_TEXT {
        return None;
    }
    let code = std::str::from_utf8(&reply.body).ok()?.trim().strip_prefix("error code:")?.trim().parse().ok()?;
    EDGE_REFUSALS.contains(&code).then(|| {
        Error::new(ErrorKind::AddressRefused, operation).detail(format!("error code: {code}")).advise(format!(
            "what protects {service} refuses this server's address, as it does with those that were abused; ask the support of {service} \
             about this address, or run ProStream on another connection"
        ))
    })
}

/// Reads a JSON body. The cause is told by its place alone: what stands there may be secret.
pub(crate) fn json<T: DeserializeOwned>(reply: &Reply, operation: &'static str) -> Result<T> {
    if is_web_page(reply) {
        return Err(status_error(reply, operation).detail("a web page came instead of data").advise(WEB_PAGE_ADVICE));
    }
    serde_json::from_slice(&reply.body).map_err(|error| malformed(operation, &error))
}

/// Reads a part of a JSON body that was taken apart before.
pub(crate) fn part<T: DeserializeOwned>(value: Value, operation: &'static str) -> Result<T> {
    serde_json::from_value(value).map_err(|error| malformed(operation, &error))
}

fn malformed(operation: &'static str, error: &serde_json::Error) -> Error {
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the data ends too early",
        serde_json::error::Category::Data => "the data has another shape than expected",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "the data is no JSON",
    };
    Error::new(ErrorKind::Malformed, operation)
        .detail(format!("{what} (line {}, column {})", error.line(), error.column()))
        .advise("the service answered with something unexpected; try again later, and report it if it stays")
}

/// The error that a reply's status alone tells, for replies that say nothing else. A web page is never worth more than `Unavailable`, nor is
/// a 403 that is no JSON: what stands before a service refuses whoever asks with it, and that says nothing of what was asked for.
pub(crate) fn status_error(reply: &Reply, operation: &'static str) -> Error {
    let kind = match reply.status {
        StatusCode::TOO_MANY_REQUESTS => ErrorKind::RateLimited,
        status if status.is_server_error() => ErrorKind::Unavailable,
        _ if is_web_page(reply) => ErrorKind::Unavailable,
        StatusCode::UNAUTHORIZED => ErrorKind::Unauthorized,
        StatusCode::FORBIDDEN if !is_json(reply) => ErrorKind::Unavailable,
        StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => ErrorKind::Refused,
        StatusCode::NOT_FOUND | StatusCode::GONE => ErrorKind::NotFound,
        StatusCode::REQUEST_TIMEOUT => ErrorKind::Unavailable,
        _ => ErrorKind::Malformed,
    };
    let error = Error::new(kind, operation).detail(format!("HTTP {}", reply.status.as_u16()));
    with_wait(error, reply)
}

/// With the wait that the reply asks for, where it asks for one.
pub(crate) fn with_wait(error: Error, reply: &Reply) -> Error {
    match retry_after(&reply.headers, SystemTime::now()) {
        Some(wait) if error.kind().is_transient() => error.after(wait),
        _ => error,
    }
}

/// `Retry-After` as a wait from `now`, at most [`MAX_RETRY_AFTER`]. Source: RFC 9110 section 10.2.3 (seconds or a date).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then: SystemTime = OffsetDateTime::parse(text, &Rfc2822).ok()?.into();
            then.duration_since(now).unwrap_or_default()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// For a field that may be missing, null or of another type: its value where it fits.
pub(crate) fn maybe<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

/// For a list whose entries may be of another type, that may be null, missing, or a single entry without its list: what fits.
pub(crate) fn list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    Ok(match Value::deserialize(deserializer)? {
        Value::Array(entries) => entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect(),
        Value::Null => Vec::new(),
        single => serde_json::from_value(single).ok().into_iter().collect(),
    })
}

/// For a list that has to be there, of entries that may be of another type: the entries that fit.
pub(crate) fn required_list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let entries = Vec::<Value>::deserialize(deserializer)?;
    Ok(entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect())
}

/// For a list whose entries may be of another type, that may be null, missing, or written as an object (PHP writes an empty list as `{}` and
/// one with gaps as `{"0": …}`): the entries that fit, by their numbers. Anything else is an error.
pub(crate) fn php_list<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let entries: Vec<Value> = match Value::deserialize(deserializer)? {
        Value::Array(entries) => entries,
        Value::Object(fields) => {
            let mut numbered: Vec<_> = fields.into_iter().map(|(at, entry)| (at.parse::<u64>().ok(), entry)).collect();
            numbered.sort_by_key(|(at, _)| *at);
            numbered.into_iter().map(|(_, entry)| entry).collect()
        }
        Value::Null => Vec::new(),
        _ => return Err(serde::de::Error::custom("no list")),
    };
    Ok(entries.into_iter().filter_map(|entry| serde_json::from_value(entry).ok()).collect())
}

/// For a whole number that may be written as text, missing or null.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

fn whole(number: f64) -> Option<u64> {
    // 2^53: beyond it a JSON number with a fraction names no exact integer.
    (0.0..=9_007_199_254_740_992.0).contains(&number).then_some(number as u64)
}

/// For a number with a fraction that may be written as text, missing or null.
pub(crate) fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let number = match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    Ok(number.filter(|number| number.is_finite()))
}

/// For a text that may be written as a number, missing or null.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: no text from outside moves a terminal, turns a line around or fills the memory (OUT-05).
    #[test]
    fn texts_lose_control_characters_and_excess() {
        assert_eq!(clean("  a\u{1b}[31m\u{202e}b\0\nc ", 100), "a[31mb c");
        assert_eq!(clean("äöü", 2), "äö");
        assert_eq!(clean_some(Some(" \u{7} "), 9), None);
    }

    /// Goal: a service that repeats our key in its error text does not bring it into a log.
    #[test]
    fn quotes_hold_no_secret_and_no_markup() {
        let key = Secret::new("k3y");
        assert_eq!(quote("key <b>k3y</b> is\nbad", &[&key]), "key … is bad");
    }

    /// Goal: of an address only the host is told.
    #[test]
    fn addresses_hold_no_secrets() {
        for (text, told) in [
            ("GET https://t.example/pass/dl?k=1 failed", "GET https://t.example/… failed"),
            ("(http://user:pw@t.example:80/x)", "(http://t.example:80/…)"),
            ("udp://t.example", "udp://t.example"),
            ("a://b/c d://e?f 'g://h#i'", "a://b/… d://e/… 'g://h/…'"),
            ("no address: //x ://", "no address: //x ://"),
        ] {
            assert_eq!(without_addresses(text), told);
        }
    }

    /// Goal: blank, short and impossible dates are no dates; times of day are cut off.
    #[test]
    fn dates_are_real_days() {
        assert_eq!(date(Some("2011-04-18T01:00:00.000Z")).as_deref(), Some("2011-04-18"));
        for wrong in [None, Some(""), Some("2011"), Some("2011-02-30"), Some("0000-00-00"), Some("é011-04-18x")] {
            assert_eq!(date(wrong), None, "{wrong:?}");
        }
        assert_eq!(day(SystemTime::UNIX_EPOCH + Duration::from_secs(1_753_908_042)), "2025-07-30");
        assert_eq!(year(Some("2011–2019")), Some(2011));
        assert_eq!(year(Some("")), None);
    }

    /// Goal: a moment is read with and without a fraction and an offset; what is none is none.
    #[test]
    fn moments_are_read_in_their_forms() {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_753_908_042);
        assert_eq!(moment(Some("2025-07-30T20:40:42Z")), Some(then));
        assert_eq!(moment(Some(" 2025-07-30T22:40:42.5+02:00 ")), Some(then + Duration::from_millis(500)));
        for wrong in [None, Some(""), Some("soon"), Some("2025-07-30"), Some("2025-02-30T00:00:00Z")] {
            assert_eq!(moment(wrong), None, "{wrong:?}");
        }
    }

    /// Goal: an empty list is empty in all its spellings, gaps are no loss, and a text is no list.
    #[test]
    fn lists_come_as_php_writes_them() {
        #[derive(Debug, Deserialize)]
        struct Row {
            #[serde(default, deserialize_with = "php_list")]
            list: Vec<u8>,
        }
        let read = |body: &str| serde_json::from_str::<Row>(body).map(|row| row.list).ok();
        for empty in ["{}", r#"{"list":[]}"#, r#"{"list":{}}"#, r#"{"list":null}"#] {
            assert_eq!(read(empty), Some(Vec::new()), "{empty}");
        }
        assert_eq!(read(r#"{"list":[1,"x",2]}"#), Some(vec![1, 2]));
        assert_eq!(read(r#"{"list":{"0":1,"10":3,"2":2}}"#), Some(vec![1, 2, 3]));
        assert_eq!(read(r#"{"list":"odd"}"#), None);
    }

    /// Goal: the wait is read in both its forms and never longer than we believe.
    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let wait = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(wait("999999999"), Some(MAX_RETRY_AFTER));
        assert_eq!(wait("soon"), None);
    }

    /// Goal: each kind of broken body gets its own kind of error.
    #[test]
    fn web_pages_are_unavailable_and_broken_data_is_malformed() {
        let kind = |status, body| json::<Vec<u8>>(&Reply::of(status, body), "test").unwrap_err().kind();
        assert_eq!(kind(200, "<html>"), ErrorKind::Unavailable);
        assert_eq!(kind(429, "<html>"), ErrorKind::RateLimited);
        assert_eq!(kind(403, "<html>"), ErrorKind::Unavailable);
        assert_eq!(kind(200, "[1, 2"), ErrorKind::Malformed);
        assert_eq!(kind(200, "{}"), ErrorKind::Malformed);
    }

    /// Goal: fractions are read as numbers and as texts; what is no number of this world is none.
    #[test]
    fn decimals_are_numbers_or_texts() {
        let read = |text: &str| decimal(serde_json::from_str::<Value>(text).unwrap()).unwrap();
        assert_eq!((read("0.5"), read("1"), read("\" 0.25 \"")), (Some(0.5), Some(1.0), Some(0.25)));
        for nothing in ["null", "\"\"", "\"NaN\"", "\"inf\"", "[1]", "true"] {
            assert_eq!(read(nothing), None, "{nothing}");
        }
    }

    /// Goal: cutting off never splits a character and never leaves more than allowed.
    #[test]
    fn any_text_is_cleaned() {
        proptest::proptest!(|(text: String, max_chars in 0usize..50)| {
            let cleaned = clean(&text, max_chars);
            proptest::prop_assert!(cleaned.chars().count() <= max_chars);
            proptest::prop_assert!(!cleaned.chars().any(char::is_control));
            proptest::prop_assert_eq!(clean(&cleaned, max_chars), cleaned);
        });
    }

    /// Goal: only what is known to mean the address is told as that.
    #[test]
    fn the_edge_refuses_addresses_by_number() {
        let kind = |status, body| edge_refusal(&Reply::of(status, body), "test", "it").map(|error| error.kind());
        assert_eq!(kind(403, "error code: 1006\n"), Some(ErrorKind::AddressRefused));
        assert_eq!(kind(403, "error code: 1020"), Some(ErrorKind::AddressRefused));
        assert_eq!(kind(403, "error code: 1010"), None);
        assert_eq!(kind(429, "error code: 1015"), None);
        assert_eq!(kind(403, "error code: 99999999"), None);
        assert_eq!(kind(403, ""), None);
    }

    /// Goal: a 403 is a refusal of what was asked for only where the service itself says it, which speaks JSON.
    #[test]
    fn a_403_without_json_refuses_nothing() {
        let kind = |body| status_error(&Reply::of(403, body), "test").kind();
        assert_eq!(kind(r#"{"error":"no"}"#), ErrorKind::Refused);
        assert_eq!(kind(" [] "), ErrorKind::Refused);
        for body in ["", "error code: 1010", "1020", "Forbidden", "{", "[blocked]", "<html>blocked</html>"] {
            assert_eq!(kind(body), ErrorKind::Unavailable, "{body}");
        }
        assert_eq!(status_error(&Reply::of(451, ""), "test").kind(), ErrorKind::Refused);
    }
}

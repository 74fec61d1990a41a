//! The outgoing HTTP client against hosts that fail, redirect and lie.
#![cfg(feature = "http")]

#[allow(dead_code, reason = "shared with other tests, each of which uses a part")]
mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::TryStreamExt;
use http::{HeaderValue, StatusCode, header};
use prostream_core::ErrorKind;
use prostream_core::net::{AddressPolicy, Body, Call, HttpClient, HttpClientConfig, Request, Secret};
use support::{Answer, Host, client_for};
use tokio::io::AsyncWriteExt;
use url::Url;

fn call() -> Call {
    Call::within(Duration::from_secs(10))
}

/// 64 KiB of zeros as gzip makes them: 96 bytes, most of them zero as well.
fn gzip_of_zeros() -> Vec<u8> {
    let head = [
        0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0xff, 0xed, 0xc1, 0x01, 0x01, 0x00, 0x00, 0x00, 0x80,
        0x90, 0xfe, 0xaf, 0xee, 0x08, 0x0a,
    ];
    let tail = [0x6a, 0xeb, 0x8e, 0x97, 0xd7, 0x00, 0x00, 0x01, 0x00];
    [&head[..], &[0; 63], &tail].concat()
}

/// Goal: what is asked for is what is sent: method, secrets, form, JSON and file.
#[tokio::test]
async fn a_request_is_sent_as_written() {
    let host = Host::start(|_, _| Answer::new(201, "done").header("x-answer", "yes")).await;
    let client = host.client();
    let mut request = Request::get(host.url("/a?b=c")).bearer(Secret::new("key"));
    request.secret_headers.push(("X-Api-Key", Secret::new("other")));
    let reply = client.send(&call(), request).await.unwrap();
    assert_eq!((reply.status, &reply.body[..]), (StatusCode::CREATED, &b"done"[..]));
    assert_eq!(reply.headers["x-answer"], "yes");
    let form = Body::Form(vec![("a b".into(), "c&d".into())]);
    client.send(&call(), Request::post(host.url("/form"), form)).await.unwrap();
    client.send(&call(), Request::post(host.url("/json"), Body::Json(serde_json::json!({"a": 1})))).await.unwrap();
    let file = Body::File {
        fields: Vec::new(),
        field: "file".into(),
        file_name: "a.torrent".into(),
        content_type: "application/x-bittorrent".into(),
        bytes: "d4:infoe".into(),
    };
    client.send(&call(), Request::post(host.url("/file"), file)).await.unwrap();
    let seen = host.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].path.as_str()), ("GET", "/a?b=c"));
    assert_eq!((seen[0].header("authorization"), seen[0].header("x-api-key")), (Some("Bearer key"), Some("other")));
    assert_eq!(seen[0].header("cookie"), None);
    assert_eq!(seen[1].body, b"a+b=c%26d");
    assert_eq!(seen[2].body, br#"{"a":1}"#);
    assert_eq!(seen[2].header("content-type"), Some("application/json"));
    let file = String::from_utf8(seen[3].body.clone()).unwrap();
    assert!(file.contains(r#"name="file"; filename="a.torrent""#) && file.contains("d4:infoe"), "{file}");
}

/// Goal: what another try may heal is tried again, at most twice; what is not idempotent never is.
#[tokio::test]
async fn only_idempotent_requests_are_tried_again() {
    let host = Host::start(|request, number| match (request.path.as_str(), number) {
        ("/heals", 0) => Answer::new(503, ""),
        ("/heals", 1) => Answer::hang_up(),
        ("/heals", _) => Answer::new(200, "at last"),
        ("/missing", _) => Answer::new(404, ""),
        _ => Answer::new(502, "down"),
    })
    .await;
    let client = host.client();
    let reply = client.send(&call(), Request::get(host.url("/heals"))).await.unwrap();
    assert_eq!((&reply.body[..], host.seen().len()), (&b"at last"[..], 3));
    let reply = client.send(&call(), Request::get(host.url("/down"))).await.unwrap();
    assert_eq!((reply.status.as_u16(), host.seen().len()), (502, 6));
    client.send(&call(), Request::post(host.url("/down"), Body::Empty)).await.unwrap();
    client.send(&call(), Request::get(host.url("/missing"))).await.unwrap();
    assert_eq!(host.seen().len(), 8);
}

/// Goal: a wait that the host asks for and that does not fit into the deadline is handed to the caller at once.
#[tokio::test]
async fn a_long_retry_after_is_left_to_the_caller() {
    let host = Host::start(|_, _| Answer::new(429, "").header("retry-after", "3600")).await;
    let reply = host.client().send(&call(), Request::get(host.url("/"))).await.unwrap();
    assert_eq!((reply.status.as_u16(), host.seen().len()), (429, 1));
}

/// Goal: a host that is down is left alone after ten failures, with an error that says so.
#[tokio::test]
async fn a_failing_host_is_left_alone() {
    let host = Host::start(|_, _| Answer::new(503, "")).await;
    let client = host.client();
    let call = call();
    let post = || client.send(&call, Request::post(host.url("/"), Body::Empty));
    for _ in 0..10 {
        assert_eq!(post().await.unwrap().status, 503);
    }
    let error = post().await.unwrap_err();
    assert_eq!((error.kind(), host.seen().len()), (ErrorKind::Unavailable, 10));
    assert!(error.retry_after().is_some() && error.advice().is_some());
}

/// Goal: callers who give up by their own deadline close a host to nobody; one that is silent for as long as the client waits is left alone.
/// Method: twenty callers who wait 20 ms for an answer that takes 400, then one who has time; the same with a client that waits 20 ms.
#[tokio::test]
async fn a_callers_short_deadline_is_no_failure_of_the_host() {
    let host = Host::start(|_, _| Answer { pause: Duration::from_millis(400), ..Answer::new(200, "late") }).await;
    let client = client_for(&[&host], HttpClientConfig { max_retries: 0, ..HttpClientConfig::default() });
    let hurry = Duration::from_millis(20);
    for _ in 0..20 {
        let error = client.send(&Call::within(hurry), Request::get(host.url("/"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    assert_eq!(client.send(&call(), Request::get(host.url("/"))).await.unwrap().status, 200);

    let config = HttpClientConfig { idle_timeout: hurry, max_retries: 0, ..HttpClientConfig::default() };
    let client = client_for(&[&host], config);
    for _ in 0..10 {
        let error = client.send(&call(), Request::get(host.url("/"))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    let error = client.send(&call(), Request::get(host.url("/"))).await.unwrap_err();
    assert_eq!((error.kind(), error.retry_after().is_some()), (ErrorKind::Unavailable, true));
}

/// Goal: no body fills the memory, whether it says its length, hides it, or is small only while compressed.
#[tokio::test]
async fn a_body_over_the_cap_is_an_error() {
    let bomb = gzip_of_zeros();
    let compressed = bomb.clone();
    let host = Host::start(move |request, _| match request.path.as_str() {
        "/compressed" => Answer::new(200, compressed.clone()).header("content-encoding", "gzip"),
        _ => Answer::new(200, vec![0; 1025]),
    })
    .await;
    let client = host.client();
    for (path, cap, is_fine) in
        [("/plain", 1024, false), ("/plain", 1025, true), ("/compressed", 65_535, false), ("/compressed", 65_536, true)]
    {
        let request = Request { max_body_bytes: Some(cap), ..Request::get(host.url(path)) };
        match client.send(&call(), request).await {
            Ok(reply) => assert!(is_fine && reply.body.iter().all(|&byte| byte == 0), "{path} {cap}"),
            Err(error) => assert_eq!((error.kind(), is_fine), (ErrorKind::LimitExceeded, false), "{path} {cap}"),
        }
    }
    // Media comes as it lies there.
    let reply = client.stream(&call(), Request::get(host.url("/compressed"))).await.unwrap();
    let body: Vec<_> = reply.body.try_collect().await.unwrap();
    assert_eq!(body.concat(), bomb);
    assert_eq!(host.seen().last().unwrap().header("accept-encoding"), Some("identity"));
}

/// Goal: API requests follow nothing; media links go on, and what is secret stays with the host it was meant for.
#[tokio::test]
async fn redirects_of_media_drop_credentials_at_another_host() {
    let end = Host::start(|_, _| Answer::new(200, "media")).await;
    let target = end.url("/end").to_string();
    let start = Host::start(move |request, _| match request.path.as_str() {
        "/first" => Answer::new(302, "").header("location", "/second"),
        _ => Answer::new(307, "").header("location", target.clone()),
    })
    .await;
    let client = client_for(&[&start, &end], HttpClientConfig::default());
    let mut request = Request::get(start.url("/first")).bearer(Secret::new("key"));
    request.secret_headers.push(("x-token", Secret::new("other")));
    request.headers.insert(header::COOKIE, HeaderValue::from_static("a=b"));
    request.headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-4"));
    let reply = client.send(&call(), request.clone()).await.unwrap();
    assert_eq!(reply.headers["location"], "/second");
    let reply = client.stream(&call(), request).await.unwrap();
    assert_eq!((reply.status, reply.url), (StatusCode::OK, end.url("/end")));
    let second = start.seen().pop().unwrap();
    for name in ["authorization", "x-token", "cookie", "range"] {
        assert!(second.header(name).is_some(), "{name} stays at the host");
    }
    let last = end.seen().pop().unwrap();
    for name in ["authorization", "x-token", "cookie", "referer"] {
        assert_eq!(last.header(name), None, "{name} at another host");
    }
    assert_eq!(last.header("range"), Some("bytes=0-4"));
}

/// Goal: a redirect leads neither inside, nor in circles, nor to another scheme, and the canary inside is not touched.
#[tokio::test]
async fn every_redirect_is_checked_anew() {
    let canary = Host::start(|_, _| Answer::new(200, "inside")).await;
    let inside = canary.port;
    let host = Host::start(move |request, _| {
        let location = match request.path.as_str() {
            "/literal" => format!("http://127.0.0.1:{inside}/"),
            "/short" => format!("http://127.1:{inside}/"),
            "/mapped" => format!("http://[::ffff:7f00:1]:{inside}/"),
            "/name" => format!("http://localhost:{inside}/"),
            "/file" => "file:///etc/passwd".to_owned(),
            "/nowhere" => "http://[".to_owned(),
            _ => "/circle".to_owned(),
        };
        Answer::new(302, "").header("location", location)
    })
    .await;
    let client = host.client();
    for (path, kind) in [
        ("/literal", ErrorKind::Forbidden),
        ("/short", ErrorKind::Forbidden),
        ("/mapped", ErrorKind::Forbidden),
        ("/name", ErrorKind::Forbidden),
        ("/file", ErrorKind::Forbidden),
        ("/nowhere", ErrorKind::Malformed),
        ("/circle", ErrorKind::LimitExceeded),
    ] {
        let error = client.stream(&call(), Request::get(host.url(path))).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{path}");
    }
    assert_eq!(host.seen().iter().filter(|request| request.path == "/circle").count(), 6);
    assert!(canary.seen().is_empty());
}

/// Goal: an exception for one port of a name opens no other, and the answer does not tell an open port from a closed one.
#[tokio::test]
async fn a_name_is_opened_at_one_port_only() {
    let open = Host::start(|_, _| Answer::new(200, "open")).await;
    let canary = Host::start(|_, _| Answer::new(200, "inside")).await;
    let allow = vec![format!("localhost:{}", open.port).parse().unwrap()];
    let config = HttpClientConfig { policy: AddressPolicy { allow }, ..HttpClientConfig::default() };
    let client = HttpClient::new(config).unwrap();
    let url = |port: u16| Url::parse(&format!("http://localhost:{port}/")).unwrap();
    assert_eq!(client.send(&call(), Request::get(url(open.port))).await.unwrap().body, "open");
    let mut answers = Vec::new();
    for port in [canary.port, 1024] {
        let error = client.send(&call(), Request::get(url(port))).await.unwrap_err();
        answers.push((error.to_string(), error.advice().unwrap().replace(&port.to_string(), "PORT")));
    }
    assert_eq!(answers[0], answers[1]);
    assert!(canary.seen().is_empty());
}

/// Goal: silence ends a request, before the first byte and within a body, and a broken body is never a short one.
#[tokio::test]
async fn silence_and_broken_bodies_are_errors() {
    let host = Host::start(|request, _| match request.path.as_str() {
        "/silent" => Answer { pause: Duration::from_secs(60), ..Answer::new(200, "late") },
        _ => Answer { cut_after: Some(3), ..Answer::new(200, "broken") },
    })
    .await;
    let config =
        HttpClientConfig { idle_timeout: Duration::from_millis(50), max_retries: 0, ..HttpClientConfig::default() };
    let client = client_for(&[&host], config);
    let sent = client.send(&call(), Request::get(host.url("/silent"))).await.unwrap_err();
    let reply = client.stream(&call(), Request::get(host.url("/silent"))).await.unwrap();
    let streamed = reply.body.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!((sent.kind(), streamed.kind()), (ErrorKind::TimedOut, ErrorKind::TimedOut));
    let sent = client.send(&call(), Request::get(host.url("/broken"))).await.unwrap_err();
    let reply = client.stream(&call(), Request::get(host.url("/broken"))).await.unwrap();
    let streamed = reply.body.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!((sent.kind(), streamed.kind()), (ErrorKind::Unavailable, ErrorKind::Unavailable));
    let late = client.send(&Call::within(Duration::ZERO), Request::get(host.url("/"))).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::TimedOut);
}

/// Goal: a provider's own pace holds over all clones, and a turn after the deadline is an error with the wait in it.
#[tokio::test]
async fn a_paced_client_waits_or_says_so() {
    let host = Host::start(|_, _| Answer::new(200, "")).await;
    let client = host.client().paced(NonZeroU32::new(2).unwrap(), Duration::from_secs(3600));
    for _ in 0..2 {
        client.clone().send(&call(), Request::get(host.url("/"))).await.unwrap();
    }
    let error = client.clone().send(&call(), Request::get(host.url("/"))).await.unwrap_err();
    assert_eq!((error.kind(), host.seen().len()), (ErrorKind::RateLimited, 2));
    assert!(error.retry_after().is_some());
    host.client().send(&call(), Request::get(host.url("/"))).await.unwrap();
}

/// Goal: a host that tells its time is heard, and only if it was heard since the moment that is asked about.
#[tokio::test]
async fn the_clocks_of_others_are_heard() {
    let before = std::time::Instant::now();
    let host = Host::start(|_, _| Answer::new(200, "").header("date", "Fri, 31 Dec 2100 23:59:59 GMT")).await;
    let client = host.client();
    assert!(client.clock_offsets_s(before).is_empty());
    client.send(&call(), Request::get(host.url("/"))).await.unwrap();
    assert!(client.clock_offsets_s(before).iter().all(|offset| *offset > 1_000_000_000));
    assert_eq!(client.clock_offsets_s(before).len(), 1);
    assert!(client.clock_offsets_s(std::time::Instant::now()).is_empty());
}

/// Goal: who cannot be reached is told why, with an advice and without its address.
#[tokio::test]
async fn a_failed_connection_is_worded() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let plain = listener.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let allow = [plain, dead].map(|address| address.to_string().parse().unwrap()).to_vec();
    let policy = AddressPolicy { allow };
    let client = HttpClient::new(HttpClientConfig { policy, max_retries: 0, ..HttpClientConfig::default() }).unwrap();
    for (url, words) in [
        (format!("https://{plain}/?key=SECRET"), "what answers there does not speak TLS"),
        (format!("http://{dead}/?key=SECRET"), "nothing listens at that address"),
    ] {
        let error = client.send(&call(), Request::get(url.parse().unwrap())).await.unwrap_err();
        assert_eq!((error.kind(), error.detail_text()), (ErrorKind::Unavailable, Some(words)));
        assert!(error.advice().is_some_and(|advice| !advice.contains("127.0.0.1")), "{error}");
        assert!(!format!("{error} {error:?}").contains("SECRET"), "{error:?}");
    }
    answering.abort();
}

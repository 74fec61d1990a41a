use reqwest::Method;
use serde_json::Value;

use crate::app::{FILM_ID, TestApp, assert_problem, body};

/// Goal: search, the title and its releases, best first with reasons, the misfit left out with one.
#[tokio::test]
async fn from_a_name_to_releases() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let found = body(app.get_as(&token, "/api/v1/titles?query=a%20film").await).await;
    assert_eq!(found["titles"][0]["media_id"], FILM_ID);
    let title = body(app.get_as(&token, &format!("/api/v1/titles/{FILM_ID}")).await).await;
    assert_eq!((title["name"].as_str(), title["kind"].as_str()), (Some("A Film"), Some("movie")));
    let releases = body(app.get_as(&token, &format!("/api/v1/titles/{FILM_ID}/releases?device=chromium")).await).await;
    assert_eq!(releases["candidates"].as_array().unwrap().len(), 1, "{releases}");
    assert!(!releases["candidates"][0]["reasons"].as_array().unwrap().is_empty());
    assert_eq!(releases["rejected"].as_array().unwrap().len(), 1);
    assert_eq!(releases["is_partial"], false);
    assert!(
        !releases.to_string().contains(app.film.parent().unwrap().to_str().unwrap()),
        "no path of the server is shown"
    );
}

/// Goal: whoever accepts events gets them, ending with `done`, and the last ranking equals the JSON answer.
#[tokio::test]
async fn releases_come_as_events() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let path = format!("/api/v1/titles/{FILM_ID}/releases");
    let request = app.request(Method::GET, &path).bearer_auth(&token).header("accept", "text/event-stream");
    let reply = request.send().await.unwrap();
    assert_eq!(reply.headers()["content-type"], "text/event-stream");
    let text = reply.text().await.unwrap();
    let events: Vec<(&str, Value)> = text
        .split_terminator("\n\n")
        .map(|block| {
            let (name, data) = block.split_once('\n').unwrap();
            let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            (name.strip_prefix("event: ").unwrap(), data)
        })
        .collect();
    let names: Vec<&str> = events.iter().map(|(name, _)| *name).collect();
    assert_eq!((names.first(), names.last()), (Some(&"title"), Some(&"done")), "{names:?}");
    assert!(names.contains(&"indexer_answered"));
    let ranked = &events.iter().rfind(|(name, _)| *name == "ranked").unwrap().1;
    let whole = body(app.get_as(&token, &path).await).await;
    assert_eq!(ranked["candidates"], whole["candidates"]);
}

/// Goal: what is watched these days comes page by page, and titles by conditions; what cannot be listed is told apart from what cannot be asked.
#[tokio::test]
async fn lists_of_titles() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let page = body(app.get_as(&token, "/api/v1/trending?kind=movie&period=day&language=en").await).await;
    assert_eq!((page["titles"].as_array().unwrap().len(), &page["has_more"]), (20, &Value::Bool(true)));
    assert_eq!((&page["titles"][0]["name"], &page["titles"][0]["kind"]), (&"Film 0".into(), &"movie".into()));
    let last = body(app.get_as(&token, "/api/v1/trending?page=7").await).await;
    assert_eq!((last["titles"].as_array().unwrap().len(), &last["has_more"]), (10, &Value::Bool(false)));
    let dramas = body(app.get_as(&token, "/api/v1/discover?kind=movie&genre=Drama&year=2020&sort=newest").await).await;
    assert_eq!(dramas["titles"][0]["media_id"], FILM_ID);
    for path in [
        "/api/v1/trending?page=0",
        "/api/v1/trending?page=501",
        "/api/v1/trending?page=-1",
        "/api/v1/trending?kind=person",
        "/api/v1/trending?period=year",
        "/api/v1/trending?query=a",
        "/api/v1/trending?language=!",
        "/api/v1/discover",
        "/api/v1/discover?kind=movie&genre=Knitting",
        "/api/v1/discover?kind=movie&genre=",
        "/api/v1/discover?kind=movie&year=1",
        "/api/v1/discover?kind=movie&sort=worst",
    ] {
        assert_problem(app.get_as(&token, path).await, 400, "invalid_input").await;
    }
    let unsupported = app.get_as(&token, "/api/v1/discover?kind=movie").await;
    assert!(unsupported.status().is_client_error() || unsupported.status().is_server_error());
    assert_eq!(body(unsupported).await["code"], "unsupported");
}

/// Goal: bad input and unknown titles are told apart, and answers are problems.
#[tokio::test]
async fn bad_questions_are_problems() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let long = format!("/api/v1/titles?query={}", "a".repeat(201));
    for path in [
        "/api/v1/titles",
        "/api/v1/titles?query=",
        "/api/v1/titles?query=a&query=b",
        "/api/v1/titles?query=a&page=2",
        "/api/v1/titles?query=a%00b",
        "/api/v1/titles?query=a&language=!",
        &long,
        "/api/v1/titles/nothing",
        "/api/v1/titles/tt1%2F..",
        "/api/v1/titles/%ff",
        "/api/v1/titles/tt7654321/releases?device=toaster",
    ] {
        assert_problem(app.get_as(&token, path).await, 400, "invalid_input").await;
    }
    assert_problem(app.get_as(&token, "/api/v1/titles/tt0000001").await, 404, "not_found").await;
    let nothing = body(app.get_as(&token, "/api/v1/titles?query=zzz").await).await;
    assert_eq!(nothing["titles"].as_array().unwrap().len(), 0);
}

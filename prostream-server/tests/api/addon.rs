use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{FILM, FILM_ID, LISTED_COUNT, Link, TROUBLE_ID, TestApp, assert_problem, body, config};

/// The JSON of an answer of the protocol.
async fn told(app: &TestApp, path: &str) -> Value {
    let reply = app.get(path).await;
    assert_eq!(reply.status(), StatusCode::OK, "{path}");
    assert_eq!(reply.headers()["content-type"], "application/json; charset=utf-8");
    assert_eq!(reply.headers()["access-control-allow-origin"], "*");
    body(reply).await
}

/// The streams of the film, without the one that stands for the best of them.
async fn streams(app: &TestApp, link: &Link) -> Vec<Value> {
    let answer = told(app, &format!("{}/stream/movie/{FILM_ID}.json", link.base)).await;
    let mut streams = answer["streams"].as_array().unwrap().clone();
    if !streams.is_empty() {
        let best = streams.remove(0);
        assert_eq!(best["name"], "ProStream\nBest");
        let address = best["url"].as_str().unwrap();
        assert!(address.ends_with(&format!("{}/play/movie/{FILM_ID}", link.base)), "{address}");
    }
    streams
}

/// Where an address leads.
async fn led_to(app: &TestApp, method: Method, address: &str) -> String {
    let reply = app.ask(method, address).await;
    assert_eq!((reply.status(), &reply.headers()["cache-control"]), (StatusCode::FOUND, &"no-store".parse().unwrap()));
    reply.headers()["location"].to_str().unwrap().to_owned()
}

/// Waits until an address opens nothing any more, at most the second that it may take (AUTH-06).
async fn assert_ends(app: &TestApp, path: &str) {
    let asked = Instant::now();
    while app.get(path).await.status() != StatusCode::NOT_FOUND {
        assert!(asked.elapsed() < Duration::from_secs(1), "{path}");
    }
}

/// Goal: with the link alone a player finds a film, sees what plays it, and plays it; what it was begun with once is found again; when the
/// link is revoked, all of it ends.
#[tokio::test]
async fn a_link_from_beginning_to_end() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let link = app.link(&token, json!({})).await;
    let manifest = told(&app, &format!("{}/manifest.json", link.base)).await;
    assert_eq!(
        (&manifest["name"], &manifest["version"]),
        (&json!("ProStream · TV"), &json!(env!("CARGO_PKG_VERSION")))
    );
    let search = format!("{}/catalog/movie/search/search=a%20film.json", link.base);
    let found = told(&app, &search).await;
    assert_eq!((&found["metas"][0]["id"], &found["metas"][0]["type"]), (&json!(FILM_ID), &json!("movie")));
    assert_eq!(found["cacheMaxAge"], 3600);
    assert_eq!(
        app.get(&search).await.headers()["cache-control"],
        "private, max-age=3600, stale-while-revalidate=14400, stale-if-error=604800"
    );
    let meta = told(&app, &format!("{}/meta/movie/{FILM_ID}.json", link.base)).await;
    assert_eq!(
        (&meta["meta"]["name"], &meta["meta"]["behaviorHints"]["defaultVideoId"]),
        (&json!("A Film"), &json!(FILM_ID))
    );
    let subtitles = format!("{}/subtitles/movie/{FILM_ID}/videoSize=1&filename=a.mkv.json", link.base);
    assert_eq!(told(&app, &subtitles).await["subtitles"].as_array().unwrap().len(), 3);

    let listing = app.get(&format!("{}/stream/movie/{FILM_ID}.json", link.base)).await;
    assert_eq!(listing.headers()["cache-control"], "private, no-store");
    let streams = streams(&app, &link).await;
    assert_eq!(streams.len(), 1, "what does not fit is not listed");
    let hints = &streams[0]["behaviorHints"];
    assert_eq!((&hints["videoSize"], &hints["notWebReady"]), (&json!(FILM.len()), &json!(true)));
    assert_eq!(hints["filename"], "A.Film.2020.1080p.WEB-DL.H.264-GRP.mkv");
    let address = streams[0]["url"].as_str().unwrap();
    assert!(address.starts_with(&app.base), "{address}");
    let playbacks = async || {
        let list = body(app.get_as(&token, "/api/v1/playbacks").await).await;
        list["playbacks"].as_array().unwrap().len()
    };
    assert_eq!(playbacks().await, 0, "nothing begins before it is asked for");
    let main = led_to(&app, Method::GET, address).await;
    assert!(main.starts_with("/hls/") && main.ends_with("/main.m3u8"), "{main}");
    assert!(app.get(&main).await.text().await.unwrap().starts_with("#EXTM3U"));
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(led_to(&app, method, address).await, main, "asked again it is the same playback");
    }
    assert_eq!(playbacks().await, 1);
    let best = led_to(&app, Method::GET, &format!("{}/play/movie/{FILM_ID}", link.base)).await;
    assert_ne!(best, main);

    let listed = body(app.get_as(&token, "/api/v1/addons").await).await["addons"][0].clone();
    assert_eq!((&listed["id"], &listed["name"]), (&json!(link.id), &json!("TV")));
    assert!(listed["used_at"].is_string() && !listed.to_string().contains(&link.token), "{listed}");
    let revoked = app.request(Method::DELETE, &format!("/api/v1/addons/{}", link.id)).bearer_auth(&token);
    assert_eq!(revoked.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    for path in [&format!("{}/manifest.json", link.base), address, &main, &best] {
        assert_ends(&app, path).await;
    }
    assert_problem(app.get_as(&token, &format!("/api/v1/addons/{}", link.id)).await, 404, "not_found").await;
}

/// Goal: what is watched these days is a catalogue of its own for each type, in pages of a hundred rows that lie end to end.
#[tokio::test]
async fn what_is_watched_is_a_catalogue() {
    let app = TestApp::start().await;
    let link = app.link(&app.user("mia").await, json!({})).await;
    let manifest = told(&app, &format!("{}/manifest.json", link.base)).await;
    let catalogs = manifest["catalogs"].as_array().unwrap();
    let named: Vec<_> =
        catalogs.iter().map(|one| (one["type"].as_str().unwrap(), one["id"].as_str().unwrap())).collect();
    assert_eq!(named, [("movie", "trending"), ("movie", "search"), ("series", "trending"), ("series", "search")]);

    let ids = async |path: &str| {
        let answer = told(&app, &format!("{}/catalog/{path}.json", link.base)).await;
        let metas = answer["metas"].as_array().unwrap().clone();
        (
            metas.iter().map(|meta| meta["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>(),
            answer["cacheMaxAge"].clone(),
        )
    };
    let expected: Vec<String> = (1..=LISTED_COUNT).map(|number| format!("tmdb:{number}")).collect();
    assert_eq!(ids("movie/trending").await, (expected[..100].to_vec(), json!(3600)));
    assert_eq!(ids("movie/trending/skip=100").await.0, expected[100..]);
    for path in ["movie/trending/skip=130", "movie/trending/skip=999999", "movie/trending/skip=x", "series/trending"] {
        assert_eq!(ids(path).await, (Vec::new(), json!(0)), "{path}");
    }
    let films = app.link(&app.user("leo").await, json!({ "catalogs": ["movie"] })).await;
    let reply = app.get(&format!("{}/catalog/series/trending.json", films.base)).await;
    assert_eq!(reply.status(), StatusCode::NOT_FOUND);
}

/// Goal: many who ask for one address at once begin one playback; one that its user ended is begun anew.
#[tokio::test]
async fn an_address_is_one_playback() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let link = app.link(&token, json!({})).await;
    let address = streams(&app, &link).await[0]["url"].as_str().unwrap().to_owned();
    let asked = (0..6).map(|_| led_to(&app, Method::GET, &address));
    let mut led = futures_util::future::join_all(asked).await;
    led.dedup();
    assert_eq!(led.len(), 1, "{led:?}");
    let list = body(app.get_as(&token, "/api/v1/playbacks").await).await;
    let playbacks = list["playbacks"].as_array().unwrap();
    assert_eq!(playbacks.len(), 1);
    let path = format!("/api/v1/playbacks/{}", playbacks[0]["id"].as_str().unwrap());
    app.request(Method::DELETE, &path).bearer_auth(&token).send().await.unwrap();
    let again = led_to(&app, Method::GET, &address).await;
    assert_ne!(again, led[0]);
    assert_eq!(app.get(&again).await.status(), StatusCode::OK);
}

/// Goal: whatever is wrong with a token, the answer is the same, in the protocol's words too; a token opens nothing but its addon, and no
/// other token opens that.
#[tokio::test]
async fn bad_tokens_are_alike() {
    let app = TestApp::start().await;
    let (mia, leo) = (app.user("mia").await, app.user("leo").await);
    let (link, other, revoked) =
        (app.link(&mia, json!({})).await, app.link(&leo, json!({})).await, app.link(&mia, json!({})).await);
    let media = app.play(&mia).await["hls_url"].as_str().unwrap().split('/').nth(2).unwrap().to_owned();
    let path = format!("/api/v1/addons/{}", revoked.id);
    app.request(Method::DELETE, &path).bearer_auth(&mia).send().await.unwrap();
    let mixed = format!("{}.{}", link.token.rsplit_once('.').unwrap().0, other.token.rsplit_once('.').unwrap().1);
    let mut altered = link.token.clone();
    altered.replace_range(5..6, if &link.token[5..6] == "0" { "1" } else { "0" });
    let mut answers = Vec::new();
    for token in [
        mixed,
        altered,
        revoked.token,
        media,
        mia.clone(),
        link.id.clone(),
        "x".to_owned(),
        "1..".to_owned(),
        "x".repeat(4_000),
    ] {
        for below in ["manifest.json", "stream/movie/tt7654321.json", "play/movie/tt7654321", "m3u/movie/tt7654321.m3u"]
        {
            let reply = app.get(&format!("/addon/{token}/{below}")).await;
            let mut problem = assert_problem(reply, 404, "not_found").await;
            problem.as_object_mut().unwrap().remove("request_id");
            answers.push(problem);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["err"], "not found");
    for path in ["/api/v1/me", "/api/v1/addons", "/api/v1/playbacks"] {
        assert_problem(app.get_as(&link.token, path).await, 401, "unauthorized").await;
    }
    assert_problem(app.get(&format!("/hls/{}/main.m3u8", link.token)).await, 404, "not_found").await;
    told(&app, &format!("{}/manifest.json", link.base)).await;
}

/// Goal: another's links answer as if they were missing (AUTHZ-02), what a link plays is its owner's, and it ends with the owner's account.
#[tokio::test]
async fn authz_02_links_belong_to_their_owner() {
    let app = TestApp::start().await;
    let (mia, leo) = (app.user("mia").await, app.user("leo").await);
    let link = app.link(&mia, json!({})).await;
    let mut answers = Vec::new();
    for path in [
        format!("/api/v1/addons/{}", link.id),
        format!("/api/v1/addons/{}", "0".repeat(32)),
        "/api/v1/addons/x".to_owned(),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let request = app.request(method, &path).bearer_auth(&leo).header("content-type", "application/json");
            let reply = request.body(json!({ "name": "mine now" }).to_string()).send().await.unwrap();
            let mut problem = assert_problem(reply, 404, "not_found").await;
            problem.as_object_mut().unwrap().remove("request_id");
            answers.push(problem);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(body(app.get_as(&leo, "/api/v1/addons").await).await["addons"], json!([]));
    assert_eq!(body(app.get_as(&mia, "/api/v1/addons").await).await["addons"][0]["name"], "TV");

    let main = led_to(&app, Method::GET, &format!("{}/play/movie/{FILM_ID}", link.base)).await;
    for (token, expected) in [(&mia, 1), (&leo, 0)] {
        let list = body(app.get_as(token, "/api/v1/playbacks").await).await;
        assert_eq!(list["playbacks"].as_array().unwrap().len(), expected);
    }
    // Whoever signs out of a browser does not turn the television off; a disabled account does.
    app.post_as(&mia, "/api/v1/auth/logout", &json!({})).await;
    assert_eq!(app.get(&main).await.status(), StatusCode::OK);
    app.accounts.set_disabled("mia", true).await.unwrap();
    assert_ends(&app, &main).await;
    assert_ends(&app, &format!("{}/manifest.json", link.base)).await;
    app.accounts.set_disabled("mia", false).await.unwrap();
    assert_ends(&app, &format!("{}/manifest.json", link.base)).await;
}

/// Goal: a link is set on the server: its address stays, what it offers changes at once, and what is no setting is refused, secrets above all.
#[tokio::test]
async fn a_link_is_set_on_the_server() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let link = app.link(&token, json!({ "catalogs": ["series"] })).await;
    let manifest = format!("{}/manifest.json", link.base);
    assert_eq!(told(&app, &manifest).await["catalogs"][0]["type"], "series");
    assert_problem(app.get(&format!("{}/catalog/movie/search/search=film.json", link.base)).await, 404, "not_found")
        .await;
    let path = format!("/api/v1/addons/{}", link.id);
    let change = async |wish: Value| {
        let request = app.request(Method::PUT, &path).bearer_auth(&token).header("content-type", "application/json");
        request.body(wish.to_string()).send().await.unwrap()
    };
    let reply = change(json!({ "name": "Kitchen", "settings": { "max_resolution": 720 } })).await;
    assert_eq!(reply.status(), StatusCode::OK);
    let changed = body(reply).await;
    assert_eq!((&changed["name"], &changed["settings"]["max_resolution"]), (&json!("Kitchen"), &json!(720)));
    assert_eq!(told(&app, &manifest).await["name"], "ProStream · Kitchen");
    assert!(streams(&app, &link).await.is_empty(), "the film is taller");
    for wish in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "a\u{200b}b" }),
        json!({ "name": "x".repeat(65) }),
        json!({ "name": "x", "user_id": "leo" }),
        json!({ "name": "x", "settings": { "alldebrid_key": "0123" } }),
        json!({ "name": "x", "settings": { "device": "toaster" } }),
        json!({ "name": "x", "settings": { "language": "!" } }),
        json!({ "name": "x", "settings": null }),
    ] {
        assert_problem(change(wish.clone()).await, 400, "invalid_input").await;
        assert_problem(app.post_as(&token, "/api/v1/addons", &wish).await, 400, "invalid_input").await;
    }
    for _ in 1..20 {
        app.link(&token, json!({})).await;
    }
    let reply = app.post_as(&token, "/api/v1/addons", &json!({ "name": "one more" })).await;
    assert_problem(reply, 422, "limit_exceeded").await;
}

/// Goal: each link, each address and each user has a budget; what was begun already costs no search.
#[tokio::test]
async fn links_have_limits() {
    let mut config = config();
    config.limits.addon_per_token = 6;
    config.limits.addon_per_address = 40;
    config.limits.search_per_user = 4;
    let app = TestApp::with(config).await;
    let (mia, leo) = (app.user("mia").await, app.user("leo").await);
    let (link, other) = (app.link(&mia, json!({})).await, app.link(&leo, json!({})).await);
    let play = format!("{}/play/movie/{FILM_ID}", link.base);
    for _ in 0..6 {
        led_to(&app, Method::GET, &play).await;
    }
    let refused = assert_problem(app.ask(Method::GET, &play).await, 429, "rate_limited").await;
    assert!(refused["retry_after_s"].as_u64().is_some_and(|wait| wait >= 1), "{refused}");
    assert_eq!(refused["err"], "handler error");
    for _ in 0..4 {
        assert_eq!(streams(&app, &other).await.len(), 1);
    }
    let listing = format!("{}/stream/movie/{FILM_ID}.json", other.base);
    assert_problem(app.get(&listing).await, 429, "rate_limited").await;
    let of_user = app.get_as(&leo, "/api/v1/titles?query=film").await;
    assert_eq!(of_user.status(), StatusCode::TOO_MANY_REQUESTS, "a link has no more than its user");
    let guessed = format!("/addon/{}/manifest.json", "x".repeat(40));
    let mut guesses = 0;
    while app.get(&guessed).await.status() == StatusCode::NOT_FOUND {
        guesses += 1;
        assert!(guesses < 40, "guessing goes on");
    }
    assert_eq!(app.get(&guessed).await.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(app.get("/health/live").await.status(), StatusCode::OK);
}

/// Goal: what is not ours is nothing found, where the protocol has a word for it, and missing elsewhere; never a failure, whatever is sent.
#[tokio::test]
async fn hostile_paths_find_nothing() {
    let mut config = config();
    config.limits.search_per_user = 10_000;
    config.limits.addon_per_token = 10_000;
    config.limits.addon_per_address = 10_000;
    let app = TestApp::with(config).await;
    let token = app.user("mia").await;
    let link = app.link(&token, json!({})).await;
    let long = "9".repeat(4_000);
    for id in [
        "tt0000001",
        "movie",
        "%00",
        "%ff",
        "%",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5c",
        "tt7654321%0d%0aX:y",
        "tt7654321.json",
        "tt7654321:1:2",
        "tmdb:99999999999999999999999999",
        "yt_id:a:b",
        "-",
        "'%20OR%201=1--",
        "{}",
        long.as_str(),
    ] {
        let streams = told(&app, &format!("{}/stream/movie/{id}.json", link.base)).await;
        assert_eq!(streams, json!({ "streams": [], "cacheMaxAge": 0 }), "{id}");
        for below in ["meta/movie/{}.json", "play/movie/{}", "strm/movie/{}.strm", "m3u/movie/{}.m3u8"] {
            let reply = app.get(&format!("{}/{}", link.base, below.replace("{}", id))).await;
            assert_eq!(assert_problem(reply, 404, "not_found").await["err"], "not found", "{below} {id}");
        }
    }
    for below in [
        "",
        "manifest.json/",
        "configure",
        "meta/series/tt7654321.json",
        "meta/movie/tt7654321:1.json",
        "catalog/movie/top.json",
        "catalog/channel/search/search=film.json",
        "addon_catalog/movie/x.json",
        "stream/movie/.json",
        "stream/movie/tt7654321",
        "stream/movie//tt7654321.json",
        "play/movie/tt7654321/best",
        "play/movie/tt7654321/..%2f..%2fx",
        "play/channel/tt7654321",
        "play/series/tt7654321",
        "strm/series/tt7654321:1.strm",
    ] {
        let reply = app.get(&format!("{}/{below}", link.base)).await;
        assert_eq!(assert_problem(reply, 404, "not_found").await["err"], "not found", "{below}");
    }
    let unknown = format!("{}/play/movie/{FILM_ID}/{}", link.base, "0".repeat(40));
    assert_problem(app.get(&unknown).await, 404, "not_found").await;
    let nothing = json!({ "metas": [], "cacheMaxAge": 0 });
    for extra in [
        "search=",
        "search=zzz",
        "search=film&skip=100",
        "genre=Drama",
        "search=%00",
        "%",
        "&&==&",
        &format!("search={long}"),
    ] {
        assert_eq!(told(&app, &format!("{}/catalog/movie/search/{extra}.json", link.base)).await, nothing, "{extra}");
    }
    assert_eq!(told(&app, &format!("{}/catalog/movie/search.json", link.base)).await, nothing);
    assert_eq!(told(&app, &format!("{}/stream/channel/{FILM_ID}.json", link.base)).await["streams"], json!([]));
    let escaped = told(&app, &format!("{}/stream/movie/%74t7654321.json", link.base)).await;
    assert_eq!(escaped["streams"].as_array().unwrap().len(), 2, "an id may come escaped");
}

/// Goal: why there is nothing to play is told where people see it, and nothing more than the API would tell.
#[tokio::test]
async fn trouble_is_told_as_a_stream() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let link = app.link(&token, json!({})).await;
    let answer = told(&app, &format!("{}/stream/movie/{TROUBLE_ID}.json", link.base)).await;
    assert_eq!(answer["streams"].as_array().unwrap().len(), 1);
    let stream = &answer["streams"][0];
    assert_eq!(stream["description"], "test_shelf: the key is wrong\nlook at its settings");
    assert_eq!((&stream["externalUrl"], stream.get("url")), (&json!(format!("{}/", app.base)), None));
}

/// Goal: every page may read what lies below a link, whatever the answer, without credentials (EDGE-08); the links themselves are the API's.
#[tokio::test]
async fn edge_08_links_open_to_all_without_credentials() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let link = app.link(&token, json!({})).await;
    for (method, below, status) in [
        (Method::GET, "manifest.json", 200),
        (Method::GET, "stream/movie/tt7654321.json", 200),
        (Method::GET, "meta/movie/x.json", 404),
        (Method::GET, "nothing", 404),
        (Method::GET, "play/movie/tt7654321", 302),
        (Method::POST, "manifest.json", 405),
        (Method::OPTIONS, "stream/movie/tt7654321.json", 204),
    ] {
        let mut request =
            app.request(method.clone(), &format!("{}/{below}", link.base)).header("origin", "https://web.example");
        if method == Method::OPTIONS {
            request = request.header("access-control-request-method", "GET");
        }
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let reply = http.execute(request.build().unwrap()).await.unwrap();
        assert_eq!(reply.status().as_u16(), status, "{method} {below}");
        assert_eq!(reply.headers()["access-control-allow-origin"], "*", "{method} {below}");
        assert!(!reply.headers().contains_key("access-control-allow-credentials"));
        if method == Method::OPTIONS {
            assert_eq!(reply.headers()["access-control-allow-headers"], "*");
        }
    }
    let request =
        app.request(Method::GET, "/api/v1/addons").bearer_auth(&token).header("origin", "https://web.example");
    assert!(!request.send().await.unwrap().headers().contains_key("access-control-allow-origin"));
}

/// Goal: addresses that leave the server begin with what is configured, or with what is listened on, never with what a client calls us
/// (EDGE-07); a server that does not know how it is reached says so.
#[tokio::test]
async fn edge_07_addresses_are_made_from_the_configuration() {
    let mut public = config();
    public.listen.public_url = Some("https://tv.example/films".parse().unwrap());
    for (config, expected) in [(config(), None), (public, Some("https://tv.example/films"))] {
        let app = TestApp::with(config).await;
        let base = expected.unwrap_or(&app.base).to_owned();
        let token = app.user("mia").await;
        let link = app.link(&token, json!({})).await;
        let below = format!("/addon/{}", link.token);
        let installs = expected.map(|_| format!("stremio://tv.example/films{below}/manifest.json"));
        assert_eq!(link.made["manifest_url"], format!("{base}{below}/manifest.json"));
        assert_eq!(link.made["install_url"].as_str(), installs.as_deref());
        assert_eq!(link.made["strm_url_template"], format!("{base}{below}/strm/{{type}}/{{id}}.strm"));
        let as_evil = async |path: String| {
            let request = app.request(Method::GET, &format!("{below}/{path}")).header("host", "evil.example");
            let reply = request.send().await.unwrap();
            assert_eq!(reply.status(), StatusCode::OK);
            (reply.headers()["content-disposition"].clone(), reply.text().await.unwrap())
        };
        let play = format!("{base}{below}/play/movie/{FILM_ID}");
        let (name, text) = as_evil(format!("strm/movie/{FILM_ID}.strm")).await;
        assert_eq!(
            (name.to_str().unwrap(), text),
            ("attachment; filename*=UTF-8''A%20Film%20%282020%29.strm", format!("{play}\n"))
        );
        for ending in ["m3u", "m3u8"] {
            let (_, text) = as_evil(format!("m3u/movie/{FILM_ID}.{ending}")).await;
            assert_eq!(
                text,
                format!("#EXTM3U\n#EXTENC:UTF-8\n#PLAYLIST:A Film (2020)\n#EXTINF:60,A Film (2020)\n{play}\n")
            );
        }
        let listing =
            app.request(Method::GET, &format!("{below}/stream/movie/{FILM_ID}.json")).header("host", "evil.example");
        let streams = body(listing.send().await.unwrap()).await;
        assert!(streams["streams"][1]["url"].as_str().unwrap().starts_with(&format!("{play}/")), "{streams}");
    }
    let mut unknown = config();
    unknown.listen.addresses = vec![([0, 0, 0, 0], 0).into()];
    let mut app = TestApp::with(unknown).await;
    app.base = format!("http://127.0.0.1:{}", app.server.addresses()[0].port());
    let token = app.user("mia").await;
    let reply = app.post_as(&token, "/api/v1/addons", &json!({ "name": "TV" })).await;
    let problem = assert_problem(reply, 422, "unsupported").await;
    assert_eq!(problem["advice"], "set listen.public_url");
    assert_eq!(body(app.get_as(&token, "/api/v1/addons").await).await["addons"], json!([]), "nothing is left behind");
}

/// Goal: whoever reads the data folder learns no link from it (PRIV-01).
#[tokio::test]
async fn priv_01_tokens_are_kept_as_hashes() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    let link = app.link(&token, json!({ "language": "pt-BR" })).await;
    told(&app, &format!("{}/manifest.json", link.base)).await;
    let random = link.token.split('.').nth(1).unwrap();
    assert_eq!(random.len(), 32);
    let mut settings_seen = false;
    for entry in std::fs::read_dir(app._folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!has(random) && !has(&link.token), "{}", path.display());
        settings_seen |= has("pt-BR");
    }
    assert!(settings_seen, "the files that were looked at are the right ones");
}

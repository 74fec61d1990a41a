use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{PASSWORD, TestApp, assert_problem, body, config};

/// Goal: a person signs in, is known, refreshes, signs out, and is unknown again at once.
#[tokio::test]
async fn a_sign_in_from_beginning_to_end() {
    let app = TestApp::start().await;
    app.user("Mia").await;
    let login = json!({ "name": " MIA", "password": PASSWORD, "token_in_body": true });
    let reply = app.post("/api/v1/auth/login", &login).await;
    assert_eq!((reply.status(), &reply.headers()["cache-control"]), (StatusCode::OK, &"no-store".parse().unwrap()));
    assert!(!reply.headers().contains_key("set-cookie"));
    let signed_in = body(reply).await;
    let token = signed_in["access_token"].as_str().unwrap();
    let me = body(app.get_as(token, "/api/v1/me").await).await;
    assert_eq!((me["name"].as_str(), me["role"].as_str()), (Some("Mia"), Some("user")));

    let refresh = json!({ "refresh_token": signed_in["refresh_token"], "token_in_body": true });
    let refreshed = body(app.post("/api/v1/auth/refresh", &refresh).await).await;
    let token = refreshed["access_token"].as_str().unwrap();
    assert_ne!(refreshed["refresh_token"], signed_in["refresh_token"]);

    let reply = app.post_as(token, "/api/v1/auth/logout", &json!({})).await;
    assert_eq!(reply.status(), StatusCode::NO_CONTENT);
    assert_problem(app.get_as(token, "/api/v1/me").await, 401, "unauthorized").await;
    let refresh = json!({ "refresh_token": refreshed["refresh_token"] });
    assert_problem(app.post("/api/v1/auth/refresh", &refresh).await, 401, "unauthorized").await;
}

/// Goal: a browser's refresh token is a cookie that no script reads and no other page can use (AUTH-10).
#[tokio::test]
async fn auth_10_the_refresh_cookie_is_bound() {
    let app = TestApp::start().await;
    app.user("mia").await;
    let reply = app.post("/api/v1/auth/login", &json!({ "name": "mia", "password": PASSWORD })).await;
    let cookie = reply.headers()["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/api/v1/auth/refresh"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(body(reply).await["refresh_token"].is_null());
    let pair = cookie.split(';').next().unwrap();
    let refresh = |origin: Option<&str>, site: Option<&str>| {
        let mut request = app.request(Method::POST, "/api/v1/auth/refresh").header("cookie", pair);
        request = request.header("content-type", "application/json").body("{}");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        if let Some(site) = site {
            request = request.header("sec-fetch-site", site);
        }
        request.send()
    };
    for (origin, site) in [
        (None, None),
        (Some("null"), None),
        (Some("https://evil.example"), None),
        (Some(app.base.as_str()), Some("cross-site")),
    ] {
        assert_problem(refresh(origin, site).await.unwrap(), 403, "forbidden").await;
    }
    assert_eq!(refresh(Some(&app.base), Some("same-origin")).await.unwrap().status(), StatusCode::OK);
}

/// Goal: unknown names, wrong passwords and disabled accounts answer alike (AUTH-02), and tries end (AUTH-03).
#[tokio::test]
async fn auth_02_refusals_are_alike_and_end() {
    let app = TestApp::start().await;
    app.user("mia").await;
    app.user("old").await;
    app.accounts.set_disabled("old", true).await.unwrap();
    let mut bodies = Vec::new();
    for (name, password) in [("mia", "wrong password!"), ("nobody", PASSWORD), ("old", PASSWORD)] {
        let reply = app.post("/api/v1/auth/login", &json!({ "name": name, "password": password })).await;
        let mut problem = assert_problem(reply, 401, "unauthorized").await;
        problem.as_object_mut().unwrap().remove("request_id");
        bodies.push(problem);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    // At once: while a busy machine looks at one password after the other, some tries are given back.
    let tries = ["mia", "MIA", " mia ", "Ｍia"].iter().cycle().take(12).map(|spelling| {
        let wrong = json!({ "name": spelling, "password": "wrong password!" });
        let app = &app;
        async move { app.post("/api/v1/auth/login", &wrong).await }
    });
    let replies = futures_util::future::join_all(tries).await;
    let refused = replies.into_iter().find(|reply| reply.status() == StatusCode::TOO_MANY_REQUESTS);
    let refused = refused.expect("the eleventh try is refused");
    assert!(refused.headers().contains_key("retry-after"));
    assert_problem(refused, 429, "rate_limited").await;
}

/// Goal: registration is closed, and the first administrator needs the one-time token (AUTH-08).
#[tokio::test]
async fn auth_08_accounts_are_not_for_the_taking() {
    let app = TestApp::start().await;
    let account = json!({ "name": "eve", "password": PASSWORD });
    assert_problem(app.post("/api/v1/auth/register", &account).await, 403, "forbidden").await;
    let mut setup = json!({ "name": "root", "password": PASSWORD, "setup_token": "0000" });
    assert_problem(app.post("/api/v1/auth/setup", &setup).await, 403, "forbidden").await;
    setup["setup_token"] = app.accounts.setup_token().unwrap().into();
    let reply = app.post("/api/v1/auth/setup", &setup).await;
    assert_eq!(reply.status(), StatusCode::CREATED);
    assert_eq!(body(reply).await["user"]["role"], "admin");
    setup["name"] = "second".into();
    assert_problem(app.post("/api/v1/auth/setup", &setup).await, 403, "forbidden").await;

    let mut open = config();
    open.auth.is_registration_open = true;
    let app = TestApp::with(open).await;
    let reply = app.post("/api/v1/auth/register", &account).await;
    assert_eq!(reply.status(), StatusCode::CREATED);
    assert_eq!(body(reply).await["user"]["role"], "user");
    assert_problem(app.post("/api/v1/auth/register", &account).await, 400, "invalid_input").await;
}

/// Goal: nothing of weight comes from a client's body (AUTHZ-03).
#[tokio::test]
async fn authz_03_privilege_fields_are_refused() {
    let mut open = config();
    open.auth.is_registration_open = true;
    open.limits.login_per_address = 1000;
    let app = TestApp::with(open).await;
    for field in [
        "role",
        "is_admin",
        "admin",
        "id",
        "user_id",
        "owner",
        "epoch",
        "is_disabled",
        "created_at",
        "created_at_ms",
        "password_hash",
        "permissions",
        "scope",
        "scopes",
        "groups",
        "verified",
        "sid",
        "sign_in_id",
        "expires_at",
        "__proto__",
    ] {
        let mut account = json!({ "name": "eve", "password": PASSWORD });
        account[field] = json!("admin");
        let problem = assert_problem(app.post("/api/v1/auth/register", &account).await, 400, "invalid_input").await;
        assert!(problem["detail"].as_str().unwrap().contains("unknown field"), "{problem}");
    }
}

/// Goal: an access token counts in `Authorization` alone (AUTH-09).
#[tokio::test]
async fn auth_09_tokens_elsewhere_do_not_count() {
    let app = TestApp::start().await;
    let token = app.user("mia").await;
    assert_problem(app.get(&format!("/api/v1/me?access_token={token}")).await, 401, "unauthorized").await;
    let with = |name: &'static str, value: String| app.request(Method::GET, "/api/v1/me").header(name, value).send();
    for (name, value) in [
        ("cookie", format!("access_token={token}")),
        ("x-access-token", token.clone()),
        ("authorization", token.clone()),
        ("authorization", format!("Basic {token}")),
        ("authorization", format!("Bearer {token}x")),
        ("authorization", "Bearer ".to_owned()),
    ] {
        let reply = with(name, value).await.unwrap();
        assert_eq!(reply.headers()["www-authenticate"], "Bearer");
        assert_problem(reply, 401, "unauthorized").await;
    }
    assert_eq!(with("authorization", format!("bearer {token}")).await.unwrap().status(), StatusCode::OK);
}

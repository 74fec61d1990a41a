//! `/api/v1/auth/…` and `/api/v1/me`.
//!
//! A browser keeps its refresh token in a cookie that scripts cannot read and that is sent to the refresh route alone (AUTH-10); programs ask
//! for it in the body. The access token goes into `Authorization` and nowhere else.

use std::sync::Arc;

use http::StatusCode;
use http::header::{HOST, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use warp::reply::Response;

use super::table::{Route, get, post};
use crate::app::App;
use crate::auth::{Caller, Role, SignIn, canonical};
use crate::limit::RateClass;
use crate::reply::{Answer, Problem, empty, json};
use crate::request::Request;

/// Where the refresh cookie is sent to, and nowhere else.
const REFRESH_PATH: &str = "/api/v1/auth/refresh";

const COOKIE: &str = "prostream_refresh";

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// Name of the account.
    #[schema(max_length = 256)]
    name: String,
    /// Its password.
    password: String,
    /// Give the refresh token in the body instead of a cookie: for programs that are no browser.
    #[serde(default)]
    token_in_body: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Register {
    /// Name of the new account, 1 to 64 characters.
    #[schema(max_length = 256)]
    name: String,
    /// Its password, 12 to 256 characters.
    password: String,
    /// As for login.
    #[serde(default)]
    token_in_body: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The one-time token that the server printed at its first start.
    setup_token: String,
    /// Name of the first administrator, 1 to 64 characters.
    #[schema(max_length = 256)]
    name: String,
    /// Its password, 12 to 256 characters.
    password: String,
    /// As for login.
    #[serde(default)]
    token_in_body: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// The refresh token, for programs that keep it themselves; without it the cookie counts.
    #[serde(default)]
    refresh_token: Option<String>,
    /// As for login.
    #[serde(default)]
    token_in_body: bool,
}

#[derive(Serialize, ToSchema)]
struct SignedIn {
    /// Goes into `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Life of the access token in seconds.
    expires_in_s: u64,
    /// Trades itself for a new pair, once; only when it was asked for in the body.
    refresh_token: Option<String>,
    /// Who signed in.
    user: User,
}

#[derive(Serialize, ToSchema)]
struct User {
    /// Random id.
    id: String,
    /// Name as its owner wrote it.
    name: String,
    /// What the user may do.
    role: Role,
}

impl From<Caller> for User {
    fn from(caller: Caller) -> Self {
        Self { id: caller.user_id, name: caller.name, role: caller.role }
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/v1/auth/login", "Sign in")
            .takes::<Login>()
            .gives::<SignedIn>(200, "signed in")
            .public(RateClass::Login, login),
        post(REFRESH_PATH, "Trade the refresh token for new tokens")
            .takes::<Refresh>()
            .gives::<SignedIn>(200, "still signed in")
            .public(RateClass::Login, refresh),
        post("/api/v1/auth/logout", "End this sign-in, its tokens and its playbacks")
            .gives_bytes(204, "signed out", &[])
            .user(RateClass::Api, logout),
        post("/api/v1/auth/register", "Make an account, where the administrator allows it")
            .takes::<Register>()
            .gives::<SignedIn>(201, "made, and signed in")
            .public(RateClass::Login, register),
        post("/api/v1/auth/setup", "Make the first administrator")
            .takes::<Setup>()
            .gives::<SignedIn>(201, "made, and signed in")
            .public(RateClass::Login, set_up),
        get("/api/v1/me", "Who is signed in").gives::<User>(200, "the user").user(RateClass::Api, me),
    ]
}

async fn login(app: Arc<App>, mut request: Request) -> Answer {
    let input: Login = request.json(&app.config.limits).await?;
    app.budgets.draw_for_account(&canonical(&input.name))?;
    let sign_in = app.full()?.accounts.login(&input.name, &input.password).await?;
    signed_in(&app, StatusCode::OK, sign_in, input.token_in_body)
}

async fn register(app: Arc<App>, mut request: Request) -> Answer {
    let input: Register = request.json(&app.config.limits).await?;
    let sign_in = app.full()?.accounts.register(&input.name, &input.password).await?;
    signed_in(&app, StatusCode::CREATED, sign_in, input.token_in_body)
}

async fn set_up(app: Arc<App>, mut request: Request) -> Answer {
    let input: Setup = request.json(&app.config.limits).await?;
    let sign_in = app.full()?.accounts.set_up(&input.setup_token, &input.name, &input.password).await?;
    signed_in(&app, StatusCode::CREATED, sign_in, input.token_in_body)
}

async fn refresh(app: Arc<App>, mut request: Request) -> Answer {
    let input: Refresh = request.json(&app.config.limits).await?;
    let token = match input.refresh_token {
        Some(token) => token,
        None => {
            check_same_origin(&app, &request)?;
            request.cookie(COOKIE).ok_or_else(Problem::unauthorized)?.to_owned()
        }
    };
    let sign_in = app.full()?.accounts.refresh(&token).await?;
    signed_in(&app, StatusCode::OK, sign_in, input.token_in_body)
}

async fn logout(app: Arc<App>, _request: Request, caller: Caller) -> Answer {
    app.full()?.accounts.logout(&caller).await?;
    let mut response = empty(StatusCode::NO_CONTENT);
    set_cookie(&app, &mut response, "", 0);
    Ok(response)
}

async fn me(_app: Arc<App>, _request: Request, caller: Caller) -> Answer {
    json(StatusCode::OK, &User::from(caller))
}

fn signed_in(app: &App, status: StatusCode, sign_in: SignIn, is_token_in_body: bool) -> Answer {
    let SignIn { caller, access_token, expires_in_s, refresh_token, refresh_idle_s } = sign_in;
    let body = SignedIn {
        access_token,
        token_type: "Bearer",
        expires_in_s,
        refresh_token: is_token_in_body.then(|| refresh_token.clone()),
        user: caller.into(),
    };
    let mut response = json(status, &body)?;
    if !is_token_in_body {
        set_cookie(app, &mut response, &refresh_token, refresh_idle_s);
    }
    Ok(response)
}

fn set_cookie(app: &App, response: &mut Response, token: &str, life_s: u32) {
    let secure = if app.config.auth.is_cookie_secure { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path={REFRESH_PATH}; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
}

/// A cookie counts only for a request that a page of this very server made: its `Origin` is the public address, or, where none is
/// configured, the host that the browser itself names in the same request.
fn check_same_origin(app: &App, request: &Request) -> Result<(), Problem> {
    const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
    let origin = request.header(&ORIGIN).and_then(|text| url::Url::parse(text).ok());
    let is_ours = origin.is_some_and(|origin| match &app.config.listen.public_url {
        Some(public) => public.origin() == origin.origin(),
        None => {
            let named =
                request.header(&HOST).and_then(|host| url::Url::parse(&format!("{}://{host}", origin.scheme())).ok());
            named.is_some_and(|named| named.origin() == origin.origin())
        }
    });
    let is_same_site = request.header(&SEC_FETCH_SITE).is_none_or(|site| site == "same-origin");
    if is_ours && is_same_site {
        return Ok(());
    }
    Err(Problem::of(prostream_core::ErrorKind::Forbidden)
        .detail("the refresh cookie counts only for this server's own page"))
}

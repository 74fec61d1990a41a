//! The routes: one table, one way through it. What is checked, in order: the form of the request, the path, the method, the budget of the
//! address, who is calling, the budget of the caller; then the handler runs.

mod addon;
mod auth;
mod docs;
mod doctor;
mod events;
mod extras;
mod health;
mod hls;
mod page;
mod playbacks;
mod preparing;
mod releases;
mod subtitles;
mod table;
mod titles;

use std::convert::Infallible;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue,
    ORIGIN, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, StatusCode};
use prostream_core::ErrorKind;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use crate::app::App;
use crate::auth::{Role, random_bytes, to_hex};
use crate::edge::{Arrival, ArrivalFault};
use crate::limit::RateClass;
use crate::reply::{self, Problem, REQUEST_ID};
use crate::request::{BodyStream, Request, client_address};

use table::Endpoint;
pub(crate) use table::{Access, NamedSchema, Route};

/// Header fields that scripts of other origins may send and read under `/hls/`.
const MEDIA_REQUEST_HEADERS: &str = "Range, If-Range, If-None-Match";
const MEDIA_ANSWER_HEADERS: &str = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag";

/// Header fields that scripts of allowed origins may send to `/api/`.
const API_REQUEST_HEADERS: &str = "Authorization, Content-Type";

/// How long a browser may keep the answer to a preflight, in seconds.
const PREFLIGHT_LIFE_S: &str = "600";

/// Every route of a server with accounts.
pub(crate) fn full_table() -> Vec<Route> {
    [
        health::routes(),
        docs::routes(),
        auth::routes(),
        titles::routes(),
        releases::routes(),
        playbacks::routes(),
        subtitles::routes(),
        addon::routes(),
        doctor::routes(),
        hls::routes(),
        extras::routes(),
        page::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every route of a server of one playback.
pub(crate) fn single_table() -> Vec<Route> {
    [health::routes(), hls::routes(), extras::routes(), page::routes()].into_iter().flatten().collect()
}

/// The table as a warp filter. It matches every request and never rejects: what is wrong is answered, not tried on.
pub(crate) fn filter(app: Arc<App>, table: Vec<Route>) -> BoxedFilter<(Response,)> {
    let table: Arc<[Route]> = table.into();
    warp::any()
        .and(warp::method())
        .and(warp::path::full())
        .and(warp::query::raw().or(warp::any().map(String::new)).unify())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Arrival>())
        .and(body())
        .then(
            move |method: Method,
                  path: warp::path::FullPath,
                  query,
                  headers: HeaderMap,
                  arrival: Option<Arrival>,
                  body| {
                let (app, table) = (Arc::clone(&app), Arc::clone(&table));
                async move {
                    let whole = Whole { method, path: path.as_str().to_owned(), query, headers, arrival, body };
                    answer(&app, &table, whole).await
                }
            },
        )
        .boxed()
}

fn body() -> impl Filter<Extract = (BodyStream,), Error = warp::Rejection> + Clone {
    warp::body::stream().map(boxed_body)
}

fn boxed_body<B: Buf + 'static>(body: impl Stream<Item = Result<B, warp::Error>> + Send + 'static) -> BodyStream {
    Box::pin(body.map(whole_piece))
}

/// A piece of a body as it came: hyper's pieces are whole already, so nothing is copied.
fn whole_piece<B: Buf>(piece: Result<B, warp::Error>) -> Result<Bytes, warp::Error> {
    piece.map(|mut piece| piece.copy_to_bytes(piece.remaining()))
}

/// A request before its path is looked at.
struct Whole {
    method: Method,
    path: String,
    query: String,
    headers: HeaderMap,
    arrival: Option<Arrival>,
    body: BodyStream,
}

async fn answer(app: &Arc<App>, table: &[Route], whole: Whole) -> Response {
    let id = random_bytes::<8>().map_or_else(|_| "0".to_owned(), |bytes| to_hex(&bytes));
    let origin = whole.headers.get(ORIGIN).cloned();
    let cors = Cors::of_path(&whole.path);
    let is_addon = addon::is_below(&whole.path);
    let answer = dispatch(app, table, whole, &id).await;
    let told = |problem: Problem| if is_addon { problem.for_addon() } else { problem }.into_response(&id);
    let mut response = answer.unwrap_or_else(told);
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    cors.allow(app, origin.as_ref(), headers);
    response
}

async fn dispatch(app: &Arc<App>, table: &[Route], whole: Whole, id: &str) -> Result<Response, Problem> {
    // A request that did not come through our own accept loop has no address to count against: it is refused (R0).
    let arrival = whole.arrival.ok_or_else(|| Problem::of(ErrorKind::Forbidden))?;
    match arrival.fault {
        Some(ArrivalFault::Host) => return Err(Problem::invalid("exactly one Host field is needed")),
        Some(ArrivalFault::Target) => return Err(Problem::invalid("the target of a request is a path")),
        Some(ArrivalFault::HeaderTooLarge) => return Err(Problem::header_too_large()),
        Some(ArrivalFault::TargetTooLong) => return Err(Problem::target_too_long()),
        None => {}
    }
    let client = client_address(arrival.peer, &whole.headers, &app.config.listen.trusted_proxies);
    let matching: Vec<_> = table.iter().filter_map(|route| Some((route, route.params(&whole.path)?))).collect();
    let Some((first, _)) = matching.first() else {
        app.budgets.draw_for_address(RateClass::Public, client)?;
        return Err(Problem::not_found());
    };
    let is_preflight = whole.method == Method::OPTIONS && whole.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight && Cors::of_path(first.template) != Cors::Closed {
        let rate = if first.access() == Access::Addon { RateClass::Addon } else { first.rate };
        app.budgets.draw_for_address(rate, client)?;
        let mut response = reply::empty(StatusCode::NO_CONTENT);
        Cors::of_path(first.template).preflight(&methods(&matching), response.headers_mut());
        return Ok(response);
    }
    let allow = methods(&matching);
    let Some((route, params)) = matching.into_iter().find(|(route, _)| route.method == whole.method) else {
        app.budgets.draw_for_address(RateClass::Public, client)?;
        return Err(Problem::method_not_allowed(allow));
    };
    if route.access() == Access::Media && !whole.path.splitn(4, '/').nth(3).is_some_and(hls::is_media_name) {
        app.budgets.draw_for_address(route.rate, client)?;
        return Err(hls::no_such_name());
    }
    let Whole { query, headers, body, .. } = whole;
    let request = Request { id: id.to_owned(), client, headers, query, params, body };
    run(app, route, request).await
}

async fn run(app: &Arc<App>, route: &Route, request: Request) -> Result<Response, Problem> {
    let client = request.client;
    match &route.endpoint {
        Endpoint::Public(handler) => {
            app.budgets.draw_for_address(route.rate, client)?;
            handler(Arc::clone(app), request, ()).await
        }
        Endpoint::User(handler) | Endpoint::Admin(handler) | Endpoint::Owner(handler) => {
            let caller = match request.bearer() {
                Some(token) => app.authenticate(token).await,
                None => Err(Problem::unauthorized()),
            };
            let caller = match caller {
                Ok(caller) => caller,
                Err(problem) => {
                    // Guessing tokens costs the address.
                    app.budgets.draw_for_address(route.rate, client)?;
                    return Err(problem);
                }
            };
            app.budgets.draw_for_user(route.rate, &caller.user_id)?;
            if route.access() == Access::Admin && caller.role != Role::Admin {
                return Err(Problem::of(ErrorKind::Forbidden).advise("ask an administrator of this server"));
            }
            handler(Arc::clone(app), request, caller).await
        }
        Endpoint::Media(handler) => {
            app.budgets.draw_for_address(route.rate, client)?;
            let playback = app.open_media(request.param("token")).await?;
            handler(Arc::clone(app), request, playback).await
        }
        Endpoint::Addon(handler) => {
            app.budgets.draw_for_address(RateClass::Addon, client)?;
            let addon = app.full()?.accounts.open_addon(request.param("token")).await?;
            app.budgets.draw_for_addon(route.rate, &addon.id, &addon.user_id)?;
            handler(Arc::clone(app), request, addon).await
        }
    }
}

/// The methods of a path, as `Allow` lists them.
fn methods(matching: &[(&Route, Vec<(&'static str, String)>)]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (route, _) in matching {
        names.push(route.method.as_str());
        if route.method == Method::GET {
            names.push("HEAD");
        }
    }
    names.join(", ")
}

/// Which pages of other origins may read an answer (EDGE-08).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cors {
    /// All, without credentials: the address is the permission, and players live on other origins.
    Open,
    /// All, without credentials and with whatever they send: what players of addons send is theirs to choose.
    Addon,
    /// Those of the configuration, without credentials.
    Listed,
    /// None.
    Closed,
}

impl Cors {
    fn of_path(path: &str) -> Self {
        if path.starts_with("/hls/") {
            Cors::Open
        } else if addon::is_below(path) {
            Cors::Addon
        } else if path.starts_with("/api/") {
            Cors::Listed
        } else {
            Cors::Closed
        }
    }

    fn allow(self, app: &App, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        match self {
            Cors::Open | Cors::Addon => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(MEDIA_ANSWER_HEADERS));
            }
            Cors::Listed => {
                headers.append(VARY, HeaderValue::from_static("Origin"));
                let listed = &app.config.cors.allowed_origins;
                if let Some(origin) =
                    origin.filter(|origin| listed.iter().any(|one| one.as_bytes() == origin.as_bytes()))
                {
                    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                    headers.insert(
                        ACCESS_CONTROL_EXPOSE_HEADERS,
                        HeaderValue::from_static("Location, Retry-After, X-Request-Id"),
                    );
                }
            }
            Cors::Closed => {}
        }
    }

    fn preflight(self, methods: &str, headers: &mut HeaderMap) {
        let allowed = match self {
            Cors::Addon => "*",
            Cors::Open => MEDIA_REQUEST_HEADERS,
            Cors::Listed | Cors::Closed => API_REQUEST_HEADERS,
        };
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_LIFE_S));
        if let Ok(methods) = HeaderValue::from_str(methods) {
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
    }
}

/// Words what warp itself rejects. The filter above rejects nothing, so this answers only what nobody thought of.
pub(crate) async fn recover(_rejection: warp::Rejection) -> Result<Response, Infallible> {
    Ok(Problem::of(ErrorKind::Internal).into_response("0"))
}

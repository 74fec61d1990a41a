//! What a route is. The one table of them is what requests are matched against, what 405 and `Allow` are answered from, what decides who may
//! call, and what the API description is made of: a route that does not stand there does not exist.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use prostream_core::playback::Playback;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::app::App;
use crate::auth::Caller;
use crate::limit::RateClass;
use crate::reply::Answer;
use crate::request::Request;

type Handler<A> = Box<dyn Fn(Arc<App>, Request, A) -> BoxFuture<'static, Answer> + Send + Sync>;

/// Who may call, and what is called. A handler gets its caller only through this: it cannot be mounted without the check.
pub(crate) enum Endpoint {
    /// Anyone.
    Public(Handler<()>),
    /// Any user who is signed in.
    User(Handler<Caller>),
    /// Any administrator who is signed in; other users are told that they may not.
    Admin(Handler<Caller>),
    /// The user whose resource it is; to all others it does not exist. The handler passes the caller on to the store (AUTHZ-02).
    Owner(Handler<Caller>),
    /// Whoever holds the media token in the path.
    Media(Handler<Arc<Playback>>),
}

/// The class of an [`Endpoint`], for tests and the API description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Public,
    User,
    Admin,
    Owner,
    Media,
}

/// A schema with its name and all that it refers to.
pub(crate) struct NamedSchema {
    pub(crate) name: String,
    pub(crate) schema: RefOr<Schema>,
    pub(crate) others: Vec<(String, RefOr<Schema>)>,
}

impl NamedSchema {
    pub(crate) fn of<T: ToSchema>() -> Self {
        let mut others = Vec::new();
        T::schemas(&mut others);
        Self { name: T::name().into_owned(), schema: T::schema(), others }
    }
}

/// An answer besides the problems.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    pub(crate) content: Vec<(&'static str, Option<NamedSchema>)>,
}

/// A parameter of the query.
pub(crate) struct QueryParam {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) is_required: bool,
}

/// One route.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) template: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) rate: RateClass,
    pub(crate) endpoint: Endpoint,
    pub(crate) query: Vec<QueryParam>,
    pub(crate) body: Option<NamedSchema>,
    pub(crate) replies: Vec<Reply>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({:?})", self.method, self.template, self.access())
    }
}

/// A route without its handler, while the table is written.
pub(crate) struct Draft {
    method: Method,
    template: &'static str,
    summary: &'static str,
    query: Vec<QueryParam>,
    body: Option<NamedSchema>,
    replies: Vec<Reply>,
}

/// `GET`; `HEAD` follows by itself.
pub(crate) fn get(template: &'static str, summary: &'static str) -> Draft {
    Draft::new(Method::GET, template, summary)
}

/// `POST`.
pub(crate) fn post(template: &'static str, summary: &'static str) -> Draft {
    Draft::new(Method::POST, template, summary)
}

/// `DELETE`.
pub(crate) fn delete(template: &'static str, summary: &'static str) -> Draft {
    Draft::new(Method::DELETE, template, summary)
}

impl Draft {
    fn new(method: Method, template: &'static str, summary: &'static str) -> Self {
        Self { method, template, summary, query: Vec::new(), body: None, replies: Vec::new() }
    }

    /// A parameter of the query.
    pub(crate) fn query(mut self, name: &'static str, description: &'static str, is_required: bool) -> Self {
        self.query.push(QueryParam { name, description, is_required });
        self
    }

    /// The JSON it takes.
    pub(crate) fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some(NamedSchema::of::<T>());
        self
    }

    /// An answer in JSON.
    pub(crate) fn gives<T: ToSchema>(self, status: u16, description: &'static str) -> Self {
        self.reply(status, description, vec![("application/json", Some(NamedSchema::of::<T>()))])
    }

    /// An answer of other types, or of none.
    pub(crate) fn gives_bytes(self, status: u16, description: &'static str, types: &[&'static str]) -> Self {
        self.reply(status, description, types.iter().map(|name| (*name, None)).collect())
    }

    /// A further type of the last answer.
    pub(crate) fn or_as(mut self, content_type: &'static str) -> Self {
        if let Some(reply) = self.replies.last_mut() {
            reply.content.push((content_type, None));
        }
        self
    }

    fn reply(
        mut self,
        status: u16,
        description: &'static str,
        content: Vec<(&'static str, Option<NamedSchema>)>,
    ) -> Self {
        self.replies.push(Reply { status, description, content });
        self
    }

    /// Anyone may call.
    pub(crate) fn public<F, R>(self, rate: RateClass, handler: F) -> Route
    where
        F: Fn(Arc<App>, Request) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        self.with(rate, Endpoint::Public(Box::new(move |app, request, ()| handler(app, request).boxed())))
    }

    /// Any user may call.
    pub(crate) fn user<F, R>(self, rate: RateClass, handler: F) -> Route
    where
        F: Fn(Arc<App>, Request, Caller) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        self.with(rate, Endpoint::User(boxed(handler)))
    }

    /// Any administrator may call.
    pub(crate) fn admin<F, R>(self, rate: RateClass, handler: F) -> Route
    where
        F: Fn(Arc<App>, Request, Caller) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        self.with(rate, Endpoint::Admin(boxed(handler)))
    }

    /// The owner may call.
    pub(crate) fn owner<F, R>(self, rate: RateClass, handler: F) -> Route
    where
        F: Fn(Arc<App>, Request, Caller) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        self.with(rate, Endpoint::Owner(boxed(handler)))
    }

    /// Whoever holds the media token may call; the template has a `{token}`.
    pub(crate) fn media<F, R>(self, handler: F) -> Route
    where
        F: Fn(Arc<App>, Request, Arc<Playback>) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        self.with(RateClass::Media, Endpoint::Media(boxed(handler)))
    }

    fn with(self, rate: RateClass, endpoint: Endpoint) -> Route {
        let Self { method, template, summary, query, body, replies } = self;
        Route { method, template, summary, rate, endpoint, query, body, replies }
    }
}

fn boxed<A, F, R>(handler: F) -> Handler<A>
where
    A: Send + 'static,
    F: Fn(Arc<App>, Request, A) -> R + Send + Sync + 'static,
    R: Future<Output = Answer> + Send + 'static,
{
    Box::new(move |app, request, who| handler(app, request, who).boxed())
}

impl Route {
    pub(crate) fn access(&self) -> Access {
        match &self.endpoint {
            Endpoint::Public(_) => Access::Public,
            Endpoint::User(_) => Access::User,
            Endpoint::Admin(_) => Access::Admin,
            Endpoint::Owner(_) => Access::Owner,
            Endpoint::Media(_) => Access::Media,
        }
    }

    /// The parameters of the path, if it is one of this route. Segments are compared as they came, undecoded.
    pub(crate) fn params(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        let mut params = Vec::new();
        let (mut wanted, mut given) = (self.template.split('/'), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return Some(params),
                (Some(wanted), Some(given)) => match placeholder(wanted) {
                    Some(name) if !given.is_empty() => params.push((name, given.to_owned())),
                    None if wanted == given => {}
                    _ => return None,
                },
                _ => return None,
            }
        }
    }

    /// Names of the parameters of the path.
    pub(crate) fn param_names(&self) -> impl Iterator<Item = &'static str> {
        self.template.split('/').filter_map(placeholder)
    }
}

fn placeholder(segment: &'static str) -> Option<&'static str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

//! The API description, made of the table of routes and nothing else.

use http::Method;
use prostream_core::Result;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn, Paths};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ResponseBuilder, Schema,
};

use crate::reply::ProblemBody;
use crate::routes::{Access, NamedSchema, Route};

/// Name of the security scheme of access tokens.
const BEARER: &str = "access_token";

/// The document of a table, as JSON.
///
/// # Errors
/// `Internal`.
pub(crate) fn document(table: &[Route]) -> Result<String> {
    describe(table).to_pretty_json().map_err(|error| {
        prostream_core::Error::new(prostream_core::ErrorKind::Internal, "write API description").because(error)
    })
}

fn describe(table: &[Route]) -> OpenApi {
    let mut components = ComponentsBuilder::new().security_scheme(
        BEARER,
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build()),
    );
    let bodies = table.iter().filter_map(|route| route.body.as_ref());
    let answers = table.iter().flat_map(|route| &route.replies).flat_map(|reply| &reply.content);
    let problem = NamedSchema::of::<ProblemBody>();
    for named in bodies.chain(answers.filter_map(|(_, named)| named.as_ref())).chain([&problem]) {
        components = components.schema(&named.name, named.schema.clone()).schemas_from_iter(named.others.clone());
    }
    let mut paths = Paths::new();
    for route in table {
        paths.add_path_operation(route.template, vec![method(&route.method)], operation(route));
    }
    let info = InfoBuilder::new()
        .title("ProStream")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "From a title to a stream that plays. Errors are problems (RFC 9457) with a stable `code` and an `advice`.",
        ))
        .license(Some(LicenseBuilder::new().name("MIT OR Apache-2.0").build()))
        .build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

fn operation(route: &Route) -> OperationBuilder {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(operation_id(route)))
        .tag(tag(route.template))
        .summary(Some(route.summary));
    for name in route.param_names() {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text())),
        );
    }
    for param in &route.query {
        let required = if param.is_required { Required::True } else { Required::False };
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(param.name)
                .parameter_in(ParameterIn::Query)
                .required(required)
                .description(Some(param.description))
                .schema(Some(text())),
        );
    }
    if let Some(body) = &route.body {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(&body.name))).build();
        let body =
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
        operation = operation.request_body(Some(body));
    }
    for reply in &route.replies {
        let mut response = ResponseBuilder::new().description(reply.description);
        for (content_type, named) in &reply.content {
            let schema: RefOr<Schema> = match named {
                Some(named) => Ref::from_schema_name(&named.name).into(),
                None => text(),
            };
            response = response.content(*content_type, ContentBuilder::new().schema(Some(schema)).build());
        }
        operation = operation.response(reply.status.to_string(), response.build());
    }
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    let problem = ResponseBuilder::new().description("a problem").content("application/problem+json", problem).build();
    operation = operation.response("default", problem);
    match route.access() {
        Access::User | Access::Admin | Access::Owner => {
            operation.security(SecurityRequirement::new(BEARER, [] as [&str; 0]))
        }
        // The token in the path is a parameter, which OpenAPI knows no security scheme for.
        Access::Public | Access::Media => operation,
    }
}

fn text() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).into()
}

/// `POST /api/v1/playbacks` is `post_playbacks`.
fn operation_id(route: &Route) -> String {
    let path = route.template.trim_start_matches("/api/v1").trim_matches('/');
    let words: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' }).collect();
    let words: Vec<&str> = words.split_whitespace().collect();
    let name = if words.is_empty() { "page".to_owned() } else { words.join("_") };
    format!("{}_{name}", route.method.as_str().to_ascii_lowercase())
}

/// The resource: the first word below the prefix.
fn tag(template: &'static str) -> &'static str {
    let path = template.strip_prefix("/api/v1/").unwrap_or_else(|| template.trim_start_matches('/'));
    match path.split('/').next() {
        None | Some("") | Some("{asset}") => "page",
        Some("openapi.json") => "docs",
        Some(word) => word,
    }
}

fn method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

//! `/api/v1/addons`: the links of the caller: make one, set it, see which there are, revoke it.

use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderValue, LOCATION};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::path;
use crate::addon::AddonSettings;
use crate::app::App;
use crate::auth::{AddonSummary, Caller};
use crate::limit::RateClass;
use crate::reply::{Answer, Problem, empty, json};
use crate::request::Request;
use crate::routes::playbacks::moment;
use crate::routes::table::{Route, delete, get, post, put};

/// An addon link as its owner wants it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddonWish {
    /// Name that tells it from others, 1 to 64 characters; it stands in the player's list of addons.
    #[schema(max_length = 256, example = "Living room")]
    name: String,
    /// What it is set to.
    #[serde(default)]
    settings: AddonSettings,
}

/// An addon link as it is.
#[derive(Serialize, ToSchema)]
#[schema(as = Addon)]
struct AddonOut {
    /// Random id.
    id: String,
    /// Name that its owner gave it.
    name: String,
    /// What it is set to.
    settings: AddonSettings,
    /// When it was made (RFC 3339).
    created_at: String,
    /// When it was last used, to the hour (RFC 3339).
    used_at: Option<String>,
}

/// A new addon link. Its addresses are in this answer and nowhere else: what is kept of them is a hash.
#[derive(Serialize, ToSchema)]
#[schema(as = NewAddon)]
struct NewAddonOut {
    #[serde(flatten)]
    addon: AddonOut,
    /// Address of the manifest: paste it where Stremio asks for an addon. Whoever has it can search and play as you.
    manifest_url: String,
    /// Opens Stremio and installs it; only where this server is reached by https.
    install_url: Option<String>,
    /// Address of a file for Kodi (RFC 6570): `movie` or `series`, and the media id of a film or an episode.
    #[schema(example = "https://tv.example/addon/…/strm/{type}/{id}.strm")]
    strm_url_template: String,
    /// Address of a list for VLC and Infuse (RFC 6570): a film, a series, a season such as `tt0944947:1`, or an episode.
    #[schema(example = "https://tv.example/addon/…/m3u/{type}/{id}.m3u")]
    m3u_url_template: String,
}

#[derive(Serialize, ToSchema)]
struct AddonList {
    /// Newest first, at most 20.
    addons: Vec<AddonOut>,
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/v1/addons", "Make a link for Stremio, Kodi, VLC and other players")
            .takes::<AddonWish>()
            .gives::<NewAddonOut>(201, "it works; `Location` names it")
            .user(RateClass::Api, add),
        get("/api/v1/addons", "The caller's links")
            .gives::<AddonList>(200, "the links, without their addresses")
            .user(RateClass::Api, list),
        get("/api/v1/addons/{addon_id}", "One link")
            .gives::<AddonOut>(200, "the link, without its address")
            .owner(RateClass::Api, show),
        put("/api/v1/addons/{addon_id}", "Name and set a link anew; its address stays")
            .takes::<AddonWish>()
            .gives::<AddonOut>(200, "the link as it is now")
            .owner(RateClass::Api, change),
        delete(
            "/api/v1/addons/{addon_id}",
            "Revoke a link: its address opens nothing any more, and what plays through it ends",
        )
        .gives_bytes(204, "revoked", &[])
        .owner(RateClass::Api, revoke),
    ]
}

async fn add(app: Arc<App>, mut request: Request, caller: Caller) -> Answer {
    let AddonWish { name, settings } = request.json(&app.config.limits).await?;
    settings.check()?;
    // Known before anything is made: a link that leads nowhere helps nobody.
    app.absolute_link("/")?;
    let made = app.full()?.accounts.add_addon(&caller, &name, &settings.to_kept()?).await?;
    let absolute = |below: &str| app.absolute_link(&path(&made.token, below));
    let manifest_url = absolute("manifest.json")?;
    let install_url = manifest_url.strip_prefix("https://").map(|rest| format!("stremio://{rest}"));
    let location = app.link(&format!("/api/v1/addons/{}", made.summary.id));
    let out = NewAddonOut {
        manifest_url,
        install_url,
        strm_url_template: absolute("strm/{type}/{id}.strm")?,
        m3u_url_template: absolute("m3u/{type}/{id}.m3u")?,
        addon: shown(made.summary)?,
    };
    let mut response = json(StatusCode::CREATED, &out)?;
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

async fn list(app: Arc<App>, _request: Request, caller: Caller) -> Answer {
    let found = app.full()?.accounts.addons(&caller).await?;
    let addons = found.into_iter().map(shown).collect::<Result<_, _>>()?;
    json(StatusCode::OK, &AddonList { addons })
}

async fn show(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    let found = app.full()?.accounts.addon(&caller, request.param("addon_id")).await?;
    json(StatusCode::OK, &shown(found)?)
}

async fn change(app: Arc<App>, mut request: Request, caller: Caller) -> Answer {
    let accounts = &app.full()?.accounts;
    // What belongs to another answers as if it were missing, whatever is sent.
    accounts.addon(&caller, request.param("addon_id")).await?;
    let AddonWish { name, settings } = request.json(&app.config.limits).await?;
    settings.check()?;
    let changed = accounts.change_addon(&caller, request.param("addon_id"), &name, &settings.to_kept()?).await?;
    json(StatusCode::OK, &shown(changed)?)
}

async fn revoke(app: Arc<App>, request: Request, caller: Caller) -> Answer {
    app.full()?.accounts.revoke_addon(&caller, request.param("addon_id")).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}

fn shown(addon: AddonSummary) -> Result<AddonOut, Problem> {
    Ok(AddonOut {
        settings: AddonSettings::of_kept(&addon.settings)?,
        id: addon.id,
        name: addon.name,
        created_at: moment(addon.created_at_ms),
        used_at: addon.used_at_ms.map(moment),
    })
}

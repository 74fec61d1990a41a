//! What the protocol's answers look like, and how titles and candidates become them.

use std::collections::BTreeSet;

use prostream_core::model::{Episode, MediaId, Season, Title, TitleKind, TitleSummary};
use prostream_core::release::{Candidate, ReleaseName};
use serde::Serialize;

use super::asked::protocol_id;
use super::settings::{AddonSettings, CatalogKind};
use crate::size::size;

/// Name of the addon and of its streams.
const NAME: &str = "ProStream";

/// Id of the search catalogues; one for each type.
pub(crate) const SEARCH_CATALOG: &str = "search";

/// Id of the catalogues of what is watched these days; one for each type.
pub(crate) const TRENDING_CATALOG: &str = "trending";

/// Ids that we can say something about.
const ID_PREFIXES: [&str; 3] = ["tt", "tmdb:", "local:"];

/// Most reasons of a candidate that are told.
const MAX_REASONS: usize = 3;

/// The protocol's word for a kind.
pub(crate) fn type_of(kind: TitleKind) -> &'static str {
    match kind {
        TitleKind::Movie => "movie",
        TitleKind::Series => "series",
    }
}

/// What an addon is and offers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    id: &'static str,
    version: &'static str,
    name: String,
    description: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logo: Option<String>,
    resources: Vec<Resource>,
    types: [&'static str; 2],
    id_prefixes: [&'static str; 3],
    catalogs: Vec<Catalog>,
    behavior_hints: ManifestHints,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    name: &'static str,
    types: [&'static str; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    id_prefixes: Option<[&'static str; 3]>,
}

#[derive(Serialize)]
struct Catalog {
    r#type: &'static str,
    id: &'static str,
    name: &'static str,
    extra: [Extra; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Extra {
    name: &'static str,
    is_required: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ManifestHints {
    adult: bool,
    p2p: bool,
    configurable: bool,
    configuration_required: bool,
}

impl Manifest {
    /// The manifest of a link of this name; with `has_trending` a provider tells what is watched these days.
    pub(crate) fn new(name: &str, settings: &AddonSettings, has_trending: bool, logo: Option<String>) -> Self {
        const TYPES: [&str; 2] = ["movie", "series"];
        let resource = |name, id_prefixes| Resource { name, types: TYPES, id_prefixes };
        let catalogs: Vec<Catalog> = [CatalogKind::Movie, CatalogKind::Series]
            .into_iter()
            .filter(|kind| settings.catalogs.contains(kind))
            .flat_map(|kind| {
                let r#type = type_of(kind.into());
                let catalog = |id, extra| Catalog { r#type, id, name: NAME, extra: [extra] };
                // The one is for search alone: what needs an extra is not shown on the board.
                let search = catalog(SEARCH_CATALOG, Extra { name: "search", is_required: true });
                let trending = catalog(TRENDING_CATALOG, Extra { name: "skip", is_required: false });
                has_trending.then_some(trending).into_iter().chain([search])
            })
            .collect();
        let mut resources: Vec<Resource> =
            ["meta", "stream", "subtitles"].map(|name| resource(name, Some(ID_PREFIXES))).into();
        if !catalogs.is_empty() {
            resources.insert(0, resource("catalog", None));
        }
        Self {
            id: "prostream.addon",
            version: env!("CARGO_PKG_VERSION"),
            name: format!("{NAME} · {name}"),
            description: "Films and series from your own ProStream server, packaged on the fly, each with the reasons for its rank.",
            logo,
            resources,
            types: TYPES,
            id_prefixes: ID_PREFIXES,
            catalogs,
            behavior_hints: ManifestHints {
                adult: false,
                p2p: false,
                configurable: false,
                configuration_required: false,
            },
        }
    }
}

impl From<CatalogKind> for TitleKind {
    fn from(kind: CatalogKind) -> Self {
        match kind {
            CatalogKind::Movie => TitleKind::Movie,
            CatalogKind::Series => TitleKind::Series,
        }
    }
}

/// A title in a catalogue.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetaPreview {
    id: String,
    r#type: &'static str,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    poster: Option<String>,
    poster_shape: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release_info: Option<String>,
}

impl From<TitleSummary> for MetaPreview {
    fn from(title: TitleSummary) -> Self {
        Self {
            id: protocol_id(&title.media_id),
            r#type: type_of(title.kind),
            name: title.name,
            poster: title.poster_url,
            poster_shape: "poster",
            description: title.overview,
            release_info: title.year.map(|year| year.to_string()),
        }
    }
}

/// A title with its episodes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Meta {
    #[serde(flatten)]
    preview: MetaPreview,
    #[serde(skip_serializing_if = "Option::is_none")]
    background: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<String>,
    genres: Vec<String>,
    /// Only of a series: a film without videos is its own video.
    #[serde(skip_serializing_if = "Option::is_none")]
    videos: Option<Vec<Video>>,
    behavior_hints: MetaHints,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetaHints {
    #[serde(skip_serializing_if = "Option::is_none")]
    default_video_id: Option<String>,
}

#[derive(Serialize)]
struct Video {
    id: String,
    title: String,
    season: u32,
    episode: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    released: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overview: Option<String>,
}

impl Meta {
    /// A title under the id that it was asked for by. Its videos are named by IMDb where that is known: other addons, such as those of
    /// subtitles, know them by it.
    pub(crate) fn new(asked_id: &MediaId, title: &Title) -> Self {
        let kind = title.summary.kind;
        let imdb = title.imdb_id.as_deref().and_then(|id| id.parse::<MediaId>().ok());
        let video_id = imdb.unwrap_or_else(|| MediaId::of_title(asked_id.title.clone()));
        let mut summary = title.summary.clone();
        summary.media_id = MediaId::of_title(asked_id.title.clone());
        let videos = (kind == TitleKind::Series).then(|| {
            let of_season = |season: &Season| {
                let number = season.number;
                let video_id = &video_id;
                season.episodes.iter().map(move |episode| Video::new(video_id, number, episode)).collect::<Vec<_>>()
            };
            title.seasons.iter().flat_map(of_season).collect()
        });
        Self {
            preview: summary.into(),
            background: title.backdrop_url.clone(),
            runtime: title.runtime_min.map(|minutes| format!("{minutes} min")),
            genres: title.genres.clone(),
            videos,
            behavior_hints: MetaHints { default_video_id: (kind == TitleKind::Movie).then(|| protocol_id(&video_id)) },
        }
    }
}

impl Video {
    fn new(title: &MediaId, season: u32, episode: &Episode) -> Self {
        Self {
            id: protocol_id(&title.with_episode(season, episode.number)),
            title: episode.name.clone().unwrap_or_else(|| format!("Episode {}", episode.number)),
            season,
            episode: episode.number,
            released: episode.air_date.as_ref().map(|date| format!("{date}T00:00:00.000Z")),
            overview: episode.overview.clone(),
        }
    }
}

/// Something to play, or a word about why there is nothing.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stream {
    name: String,
    description: String,
    /// As `description`, for older clients.
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    behavior_hints: Option<StreamHints>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StreamHints {
    /// It is no MP4 at an https address: pages play it through Stremio's own streaming server.
    not_web_ready: bool,
    /// The next episode takes the stream of the same group.
    binge_group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_size: Option<u64>,
}

impl Stream {
    /// Whichever release is best and can be played now. It stands first: what a player takes by itself must play, and of a single release
    /// nobody knows that before it was tried.
    pub(crate) fn of_best(url: String) -> Self {
        let description = "The best release that plays now".to_owned();
        Self {
            name: format!("{NAME}\nBest"),
            title: description.clone(),
            description,
            url: Some(url),
            external_url: None,
            behavior_hints: Some(StreamHints {
                not_web_ready: true,
                binge_group: "prostream|best".to_owned(),
                filename: None,
                video_size: None,
            }),
        }
    }

    /// A candidate at an address of ours.
    pub(crate) fn new(candidate: &Candidate, url: String) -> Self {
        let (release, parsed) = (&candidate.release, &candidate.parsed);
        let picture: Vec<&str> =
            parsed.resolution.iter().map(String::as_str).chain(parsed.hdr.iter().map(String::as_str)).collect();
        let is_ready = candidate.known_ready == Some(true) || release.playable.is_some();
        let mark = if is_ready { " ⚡" } else { "" };
        let file = release.playable.as_ref();
        // What holds several episodes has none of their sizes.
        let size_bytes = file.and_then(|file| file.size_bytes).or(release.size_bytes);
        let facts = [
            size_bytes.map(size),
            release.seeder_count.map(|count| format!("{count} seeders")),
            Some(release.tracker.clone().unwrap_or_else(|| release.indexer.to_string())),
        ];
        let media =
            [parsed.source.clone(), parsed.video_codec.clone(), listed(&parsed.audio), listed(&parsed.languages)];
        let reasons = candidate.reasons.iter().take(MAX_REASONS).map(|reason| reason.text.as_str());
        let lines = [
            release.name.clone(),
            joined(facts.into_iter().flatten()),
            joined(media.into_iter().flatten()),
            joined(reasons.map(str::to_owned)),
        ];
        let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        let description = lines.join("\n");
        Self {
            name: format!("{NAME}{mark}\n{}", picture.join(" ")).trim_end().to_owned(),
            title: description.clone(),
            description,
            url: Some(url),
            external_url: None,
            behavior_hints: Some(StreamHints {
                not_web_ready: true,
                binge_group: binge_group(parsed),
                filename: Some(file.map_or_else(|| release.name.clone(), |file| file.file_name.clone())),
                video_size: size_bytes.filter(|_| file.is_some() || !parsed.is_pack()),
            }),
        }
    }
}

/// An item that plays nothing and says why, with the page as its address.
pub(crate) fn trouble_stream(text: String, page_url: String) -> Stream {
    Stream {
        name: format!("{NAME}\n⚠"),
        title: text.clone(),
        description: text,
        url: None,
        external_url: Some(page_url),
        behavior_hints: None,
    }
}

fn listed(words: &[String]) -> Option<String> {
    let words: BTreeSet<&str> = words.iter().map(String::as_str).collect();
    (!words.is_empty()).then(|| words.into_iter().collect::<Vec<_>>().join(", "))
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(" · ")
}

/// What the streams of two episodes must share for one to follow the other: how they look, not who lists them.
fn binge_group(parsed: &ReleaseName) -> String {
    let words = [&parsed.resolution, &parsed.source, &parsed.video_codec];
    let words = words.into_iter().map(|word| word.as_deref().unwrap_or("any"));
    let hdr = listed(&parsed.hdr).unwrap_or_else(|| "sdr".to_owned());
    ["prostream"].into_iter().chain(words).chain([hdr.as_str()]).collect::<Vec<_>>().join("|")
}

#[cfg(test)]
mod tests {
    use prostream_core::model::{ProviderId, Release};
    use prostream_core::release::Reason;
    use serde_json::{Value, json};

    use super::*;

    fn written<T: Serialize>(value: &T) -> Value {
        serde_json::to_value(value).unwrap()
    }

    fn candidate(name: &str, size_bytes: Option<u64>) -> Candidate {
        let release = Release {
            indexer: ProviderId::new("shelf"),
            tracker: None,
            name: name.to_owned(),
            info_hash: None,
            link: None,
            size_bytes,
            seeder_count: Some(58),
            age_days: None,
            playable: None,
        };
        let reason = |text: &str| Reason { text: text.to_owned(), points: 1 };
        Candidate {
            parsed: ReleaseName::parse(name),
            release,
            score: 0,
            reasons: ["a", "b", "c", "d"].map(reason).into(),
            known_ready: Some(true),
        }
    }

    /// Goal: a candidate tells what Stremio shows and matches subtitles by; the next episode finds its like, whatever its group and size.
    #[test]
    fn candidates_become_streams() {
        let name = "A.Show.S01E02.1080p.WEB-DL.AAC2.0.H.264-GRP";
        let stream = written(&Stream::new(&candidate(name, Some(1_200_000_000)), "https://tv.example/x".to_owned()));
        assert_eq!(stream["name"], "ProStream ⚡\n1080p");
        assert_eq!(
            stream["description"],
            "A.Show.S01E02.1080p.WEB-DL.AAC2.0.H.264-GRP\n1.20 GB · 58 seeders · shelf\nWEB-DL · h264 · aac\na · b · c"
        );
        assert_eq!((&stream["title"], &stream["url"]), (&stream["description"], &json!("https://tv.example/x")));
        let hints = &stream["behaviorHints"];
        assert_eq!((&hints["notWebReady"], &hints["videoSize"]), (&json!(true), &json!(1_200_000_000)));
        assert_eq!(hints["filename"], name);
        let group = |name: &str| {
            written(&Stream::new(&candidate(name, None), String::new()))["behaviorHints"]["bingeGroup"].clone()
        };
        assert_eq!(group("A.Show.S01E03.1080p.WEB-DL.AAC2.0.H.264-OTHER"), hints["bingeGroup"]);
        assert_ne!(group("A.Show.S01E03.720p.WEB-DL.AAC2.0.H.264-GRP"), hints["bingeGroup"]);
    }

    /// Goal: nothing is told that is not known: no size of a pack for one of its episodes, no empty members.
    #[test]
    fn what_is_unknown_is_left_out() {
        let pack = written(&Stream::new(&candidate("A.Show.S01.1080p.WEB-DL.H.264-GRP", Some(9)), String::new()));
        assert!(pack["behaviorHints"].get("videoSize").is_none());
        let bare = written(&Stream::new(&candidate("A Show", None), String::new()));
        assert_eq!(bare["name"], "ProStream ⚡");
        assert!(!bare.to_string().contains("null"), "{bare}");
        let trouble = written(&trouble_stream("no indexer answers".to_owned(), "https://tv.example/".to_owned()));
        assert_eq!(trouble["externalUrl"], "https://tv.example/");
        assert!(trouble.get("url").is_none() && !trouble.to_string().contains("null"), "{trouble}");
    }

    /// Goal: the manifest keeps the protocol's rules: only catalogues that are wanted, a version that is one, within 8 KiB.
    #[test]
    fn a_manifest_offers_what_is_set() {
        let whole = written(&Manifest::new("TV", &AddonSettings::default(), false, None));
        assert_eq!(whole["catalogs"].as_array().unwrap().len(), 2);
        assert_eq!(whole["resources"][0]["name"], "catalog");
        assert!(whole.to_string().len() < 8 << 10);
        let settings: AddonSettings = serde_json::from_value(json!({ "catalogs": ["series"] })).unwrap();
        let series = written(&Manifest::new("TV", &settings, false, None));
        assert_eq!(
            (series["catalogs"].as_array().unwrap().len(), &series["catalogs"][0]["type"]),
            (1, &json!("series"))
        );
        let both = written(&Manifest::new("TV", &settings, true, None));
        let ids: Vec<_> = both["catalogs"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
        assert_eq!(ids, [&json!("trending"), &json!("search")]);
        assert_eq!(both["catalogs"][0]["extra"], json!([{ "name": "skip", "isRequired": false }]));
        let settings: AddonSettings = serde_json::from_value(json!({ "catalogs": [] })).unwrap();
        let none = written(&Manifest::new("TV", &settings, false, None));
        assert_eq!((&none["catalogs"], &none["resources"][0]["name"]), (&json!([]), &json!("meta")));
    }

    /// Goal: a series keeps the id it was asked by, its episodes are named by IMDb where that is known, and what has no date has none.
    #[test]
    fn a_series_lists_its_episodes() {
        let episode = |number, air_date: Option<&str>| Episode {
            number,
            name: None,
            air_date: air_date.map(str::to_owned),
            overview: None,
            runtime_min: None,
        };
        let id: MediaId = "tmdb:series:7".parse().unwrap();
        let mut title = Title {
            summary: TitleSummary {
                media_id: id.clone(),
                kind: TitleKind::Series,
                name: "A Show".to_owned(),
                year: Some(2020),
                overview: None,
                poster_url: None,
            },
            original_name: None,
            other_names: Vec::new(),
            original_language: None,
            runtime_min: Some(40),
            genres: vec!["Drama".to_owned()],
            backdrop_url: None,
            imdb_id: Some("tt7654321".to_owned()),
            tmdb_id: Some(7),
            tvdb_id: None,
            seasons: vec![Season {
                number: 0,
                name: None,
                episodes: vec![episode(1, Some("2020-02-03")), episode(2, None)],
            }],
        };
        let meta = written(&Meta::new(&id, &title));
        assert_eq!(
            (&meta["id"], &meta["type"], &meta["runtime"]),
            (&json!("tmdb:7"), &json!("series"), &json!("40 min"))
        );
        let videos = meta["videos"].as_array().unwrap();
        assert_eq!(
            (&videos[0]["id"], &videos[0]["released"]),
            (&json!("tt7654321:0:1"), &json!("2020-02-03T00:00:00.000Z"))
        );
        assert_eq!((&videos[1]["title"], videos[1].get("released")), (&json!("Episode 2"), None));
        title.imdb_id = None;
        assert_eq!(written(&Meta::new(&id, &title))["videos"][0]["id"], "tmdb:7:0:1");
    }
}

//! A player without a screen: reads the playlists, and fetches what they name in whatever order.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use url::Url;

/// What kind of rendition it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Video,
    Audio,
    Text,
}

/// A media playlist and what it names.
#[derive(Clone, Debug)]
pub(crate) struct MediaPlaylist {
    pub(crate) kind: Kind,
    /// Its address relative to the multivariant playlist: the same for every copy of the program.
    pub(crate) path: String,
    /// `LANGUAGE` of its `EXT-X-MEDIA`.
    pub(crate) language: Option<String>,
    pub(crate) text: String,
    pub(crate) init: Option<Url>,
    /// Length in seconds and address of each segment.
    pub(crate) segments: Vec<(f64, Url)>,
}

impl MediaPlaylist {
    /// Number of the track behind it, which closes the name of a rendition: `audio-2`.
    pub(crate) fn track_number(&self) -> u64 {
        let name = self.path.rsplit('/').nth(1).unwrap_or_default();
        name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{}", self.path))
    }
}

/// A presentation as its playlists tell it, video first, then in order of the tracks.
#[derive(Clone, Debug)]
pub(crate) struct Presentation {
    pub(crate) multivariant: String,
    pub(crate) playlists: Vec<MediaPlaylist>,
}

/// The bytes of a rendition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fetched {
    pub(crate) init: Vec<u8>,
    pub(crate) segments: Vec<Vec<u8>>,
}

/// A client that waits for a minute at most.
pub(crate) fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(60)).no_proxy().build().expect("a client")
}

/// Fetches an address that must answer 200.
pub(crate) async fn fetch(client: &Client, url: &Url) -> Vec<u8> {
    let response = ask(client, url).await;
    let status = response.status();
    let announced = response.content_length();
    let body = response.bytes().await.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    assert_eq!(status, StatusCode::OK, "{url}: {}", String::from_utf8_lossy(&body));
    assert!(announced.is_none_or(|length| length == body.len() as u64), "{url}: length is known before");
    body.to_vec()
}

/// Asks for an address, whatever it answers.
pub(crate) async fn ask(client: &Client, url: &Url) -> Response {
    client.get(url.clone()).send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"))
}

async fn fetch_playlist(client: &Client, url: &Url) -> String {
    let response = ask(client, url).await;
    assert_eq!(response.status(), StatusCode::OK, "{url}");
    let media_type = response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(media_type, "application/vnd.apple.mpegurl", "{url}");
    response.text().await.expect("playlists are UTF-8")
}

/// Reads the multivariant playlist and every media playlist that it names.
pub(crate) async fn open(client: &Client, url: &Url) -> Presentation {
    let multivariant = fetch_playlist(client, url).await;
    let mut named: BTreeMap<String, (Kind, Option<String>)> = BTreeMap::new();
    let mut variant: Option<String> = None;
    for line in multivariant.lines() {
        if let Some(attributes) = line.strip_prefix("#EXT-X-MEDIA:") {
            let kind = if attribute(attributes, "TYPE").as_deref() == Some("AUDIO") { Kind::Audio } else { Kind::Text };
            let path = attribute(attributes, "URI").unwrap_or_else(|| panic!("a rendition without an address: {line}"));
            named.insert(path, (kind, attribute(attributes, "LANGUAGE")));
        } else if let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            variant = Some(attributes.to_owned());
        } else if !line.starts_with('#') && !line.is_empty() {
            let attributes = variant.take().unwrap_or_else(|| panic!("an address without a variant: {line}"));
            let kind = if attribute(&attributes, "RESOLUTION").is_some() { Kind::Video } else { Kind::Audio };
            named.entry(line.to_owned()).or_insert((kind, None));
        }
    }
    let mut playlists = Vec::new();
    for (path, (kind, language)) in named {
        let url = url.join(&path).expect("an address");
        let text = fetch_playlist(client, &url).await;
        let (init, segments) = read_media(&text, &url);
        playlists.push(MediaPlaylist { kind, path, language, text, init, segments });
    }
    playlists.sort_by_key(|playlist| (playlist.kind, playlist.track_number()));
    Presentation { multivariant, playlists }
}

fn read_media(text: &str, url: &Url) -> (Option<Url>, Vec<(f64, Url)>) {
    assert!(text.starts_with("#EXTM3U\n"), "{url}: {text}");
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{url}: complete at once");
    let mut init = None;
    let mut duration_s = None;
    let mut segments = Vec::new();
    for line in text.lines() {
        if let Some(attributes) = line.strip_prefix("#EXT-X-MAP:") {
            init = attribute(attributes, "URI").map(|path| url.join(&path).expect("an address"));
        } else if let Some(rest) = line.strip_prefix("#EXTINF:") {
            duration_s = rest.split(',').next().and_then(|number| number.parse().ok());
        } else if !line.starts_with('#') && !line.is_empty() {
            let duration_s = duration_s.take().unwrap_or_else(|| panic!("{url}: no EXTINF before {line}"));
            segments.push((duration_s, url.join(line).expect("an address")));
        }
    }
    assert!(!segments.is_empty(), "{url}: no segments");
    (init, segments)
}

/// An attribute of a tag, without its quotes.
pub(crate) fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes;
    while let Some((key, after)) = rest.split_once('=') {
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        if key == name {
            return Some(value.to_owned());
        }
        rest = next.trim_start_matches(',');
    }
    None
}

/// Fetches every init segment and every segment, shuffled by `seed`, four at a time. One for each playlist.
pub(crate) async fn fetch_all(client: &Client, presentation: &Presentation, seed: u64) -> Vec<Fetched> {
    use futures_util::StreamExt;
    let mut wanted: Vec<(usize, Option<usize>, Url)> = Vec::new();
    for (at, playlist) in presentation.playlists.iter().enumerate() {
        wanted.extend(playlist.init.iter().map(|url| (at, None, url.clone())));
        let segments = playlist.segments.iter().enumerate();
        wanted.extend(segments.map(|(index, (_, url))| (at, Some(index), url.clone())));
    }
    shuffle(&mut wanted, seed);
    let bodies: Vec<(usize, Option<usize>, Vec<u8>)> = futures_util::stream::iter(wanted)
        .map(|(at, index, url)| async move { (at, index, fetch(client, &url).await) })
        .buffer_unordered(4)
        .collect()
        .await;
    let empty =
        |playlist: &MediaPlaylist| Fetched { init: Vec::new(), segments: vec![Vec::new(); playlist.segments.len()] };
    let mut fetched: Vec<Fetched> = presentation.playlists.iter().map(empty).collect();
    for (at, index, body) in bodies {
        match index {
            Some(index) => fetched[at].segments[index] = body,
            None => fetched[at].init = body,
        }
    }
    fetched
}

/// Fisher-Yates with a linear congruential generator: the same order for the same seed, on every machine.
fn shuffle<T>(items: &mut [T], mut seed: u64) {
    for at in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(at, (seed >> 33) as usize % (at + 1));
    }
}

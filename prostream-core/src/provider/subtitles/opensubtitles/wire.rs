//! OpenSubtitles' wire format: requests out, replies in; pure. Source: opensubtitles.stoplight.io, REST API version 1.

use http::{HeaderValue, header};
use serde::Deserialize;
use serde_json::json;
use url::{Url, form_urlencoded};

use super::sign_in::Session;
use crate::model::{Language, ProviderId, TitleKind};
use crate::net::{Body, Reply, Request, Secret};
use crate::provider::lenient::{self, MAX_NAME_CHARS};
use crate::provider::subtitles::{
    MAX_LANGUAGES, MAX_SUBTITLE_BYTES, MAX_SUBTITLES, SIGN_IN_OPERATION, Subtitle, SubtitleId, SubtitleSearch,
};
use crate::provider::{CheckUp, Trouble};
use crate::{Error, ErrorKind, Result};

/// The service refuses programs that do not say who they are, in this form.
const USER_AGENT: &str = concat!("ProStream v", env!("CARGO_PKG_VERSION"));

/// The domain of the real service: only hosts in it are switched to.
const DOMAIN: &str = "opensubtitles.com";

/// Longest name that is searched for, in characters.
const MAX_QUERY_CHARS: usize = 200;

/// Pictures a second that a film can have; others are not believed.
const FRAME_RATES: std::ops::RangeInclusive<f64> = 1.0..=240.0;

/// Languages whose codes are the service's own, with what they mean.
const OWN_CODES: &[(&str, &str)] = &[
    ("ze", "zh"),
    ("ea", "es-419"),
    ("sp", "es-ES"),
    ("pm", "pt-MZ"),
    ("me", "cnr"),
    ("at", "ast"),
    ("ma", "mni"),
    ("sx", "sat"),
    ("pr", "fa-AF"),
    ("zh-ca", "yue"),
];

/// Where and with which key requests go.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    pub(super) base_url: Url,
    pub(super) key: Secret,
}

impl Endpoint {
    fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(&format!("{}{path}", self.base_url.path().trim_end_matches('/')));
        url
    }

    /// With what every request carries.
    fn signed(&self, mut request: Request, token: Option<&Secret>) -> Request {
        request.headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        request.secret_headers.push(("Api-Key", self.key.clone()));
        request.bearer = token.cloned();
        request
    }

    /// One page of a search; `None` for a question that tells nothing to look for.
    ///
    /// Names are sorted and all is in lower case: the service redirects every other spelling of a question to that one.
    pub(super) fn search(&self, search: &SubtitleSearch, page: u64) -> Option<Request> {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let digits = |id: &str| id.strip_prefix("tt")?.parse::<u64>().ok();
        let imdb_id = search.imdb_id.as_deref().and_then(digits);
        let is_episode = search.episode.is_some();
        let names = if is_episode { ("parent_imdb_id", "parent_tmdb_id") } else { ("imdb_id", "tmdb_id") };
        let name = lenient::clean_some(search.name.as_deref(), MAX_QUERY_CHARS);
        match (imdb_id, search.tmdb_id, name) {
            (Some(id), ..) => pairs.push((names.0, id.to_string())),
            (None, Some(id), _) => pairs.push((names.1, id.to_string())),
            (None, None, Some(name)) => {
                pairs.push(("query", name));
                pairs.extend(search.year.filter(|_| !is_episode).map(|year| ("year", year.to_string())));
                let kind = match (is_episode, search.kind) {
                    (true, _) => Some("episode"),
                    (false, Some(TitleKind::Movie)) => Some("movie"),
                    (false, _) => None,
                };
                pairs.extend(kind.map(|kind| ("type", kind.to_owned())));
            }
            (None, None, None) => {}
        }
        if let Some(hash) = search.file_hash {
            pairs.push(("moviehash", hash.to_string()));
        }
        if pairs.is_empty() {
            return None;
        }
        if let Some(number) =
            search.episode.filter(|_| imdb_id.is_some() || search.tmdb_id.is_some() || search.name.is_some())
        {
            pairs.push(("season_number", number.season.to_string()));
            pairs.push(("episode_number", number.episode.to_string()));
        }
        if !search.languages.is_empty() {
            pairs.push(("languages", codes(&search.languages).join(",")));
        }
        if page > 1 {
            pairs.push(("page", page.to_string()));
        }
        pairs.sort_by_key(|pair| pair.0);
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs.iter().map(|(name, value)| (name, value.to_lowercase())));
        let mut url = self.url("/subtitles");
        url.set_query(Some(&query.finish().replace("%2C", ",").to_ascii_lowercase()));
        Some(self.signed(Request::get(url), None))
    }

    /// Where a search is redirected to: the same service, and no other, which would get the key.
    pub(super) fn redirect(&self, reply: &Reply, from: &Url) -> Result<Option<Request>> {
        if !reply.status.is_redirection() {
            return Ok(None);
        }
        let location = reply.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let next = location.and_then(|location| from.join(location).ok()).filter(|next| next.origin() == from.origin());
        let next = next.ok_or_else(|| {
            Error::new(ErrorKind::Malformed, "search subtitles").detail("a redirect that leads elsewhere")
        })?;
        Ok(Some(self.signed(Request::get(next), None)))
    }

    pub(super) fn login(&self, user: &str, password: &Secret) -> Request {
        let body = json!({"username": user, "password": password.expose()});
        self.signed(Request::post(self.url("/login"), Body::Json(body)), None)
    }

    /// Asks for the link of a file; counts against the account's quota.
    pub(super) fn download(&self, file_id: u64, token: Option<&Secret>) -> Request {
        let body = json!({"file_id": file_id, "sub_format": "srt"});
        self.signed(Request::post(self.url("/download"), Body::Json(body)), token)
    }

    /// What is left of the account's quota.
    pub(super) fn user(&self, token: Option<&Secret>) -> Request {
        self.signed(Request::get(self.url("/infos/user")), token)
    }

    /// The formats it knows: the shortest answer that needs the key.
    pub(super) fn formats(&self) -> Request {
        self.signed(Request::get(self.url("/infos/formats")), None)
    }

    /// The same service at the host that a sign-in names. A token goes to hosts of the real service alone, and to those only when the
    /// settings name one of them; whatever else is named, the host of the settings stays.
    fn switched(&self, host: &str) -> Url {
        let is_ours = |host: &str| host == DOMAIN || host.strip_suffix(DOMAIN).is_some_and(|rest| rest.ends_with('.'));
        let is_name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        let host = host.to_ascii_lowercase();
        let mut url = self.base_url.clone();
        let may_switch = self.base_url.host_str().is_some_and(is_ours) && is_name(&host) && is_ours(&host);
        if !may_switch || url.set_host(Some(&host)).is_err() {
            return self.base_url.clone();
        }
        url
    }

    pub(super) fn parse_login(&self, reply: &Reply) -> Result<Session> {
        #[derive(Deserialize)]
        struct LoginBody {
            token: String,
            #[serde(default, deserialize_with = "lenient::maybe")]
            base_url: Option<String>,
        }
        const OPERATION: &str = SIGN_IN_OPERATION;
        let body: LoginBody = lenient::json(reply, OPERATION)?;
        if body.token.is_empty() {
            return Err(Error::new(ErrorKind::Malformed, OPERATION).detail("the token is empty"));
        }
        let base_url = self.switched(body.base_url.as_deref().unwrap_or_default());
        Ok(Session { token: Secret::new(body.token), base_url })
    }

    /// The link of a file, and the file's name. The link is a secret: whoever has it can fetch on the account.
    pub(super) fn parse_download(&self, reply: &Reply) -> Result<(Url, Option<String>)> {
        #[derive(Deserialize)]
        struct DownloadBody {
            link: String,
            #[serde(default, deserialize_with = "lenient::maybe")]
            file_name: Option<String>,
        }
        const OPERATION: &str = "fetch subtitle";
        let body: DownloadBody = lenient::json(reply, OPERATION)?;
        let link = Url::parse(body.link.trim()).ok().filter(|link| is_followed(&self.base_url, link));
        let link =
            link.ok_or_else(|| Error::new(ErrorKind::Malformed, OPERATION).detail("the link is no web address"))?;
        Ok((link, lenient::clean_some(body.file_name.as_deref(), MAX_NAME_CHARS)))
    }
}

/// May a link be followed? Nothing that came over https leads to http.
pub(super) fn is_followed(from: &Url, to: &Url) -> bool {
    to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http")
}

/// A file behind a link of [`Endpoint::download`]: none of the service's headers goes there.
pub(super) fn file(link: Url) -> Request {
    let mut request = Request::get(link);
    request.max_body_bytes = Some(MAX_SUBTITLE_BYTES);
    request
}

/// The service's codes of languages, sorted, each once.
fn codes(languages: &[Language]) -> Vec<String> {
    let mut codes: Vec<String> = languages.iter().take(MAX_LANGUAGES).flat_map(codes_of).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The service's codes for a language: some have one for each region, or several.
fn codes_of(language: &Language) -> Vec<String> {
    let rest = language.as_str().split_once('-').map_or("", |(_, rest)| rest);
    let (script, region) = rest.split_once('-').unwrap_or((rest, rest));
    let codes: &[&str] = match (language.primary(), script, region) {
        ("pt", "", _) => &["pt-br", "pt-pt"],
        ("pt", _, "BR") => &["pt-br"],
        ("pt", _, "MZ") => &["pm", "pt-pt"],
        ("pt", ..) => &["pt-pt"],
        ("zh", "", _) => &["ze", "zh-cn", "zh-tw"],
        ("zh", "Hant", _) | ("zh", _, "TW" | "HK" | "MO") => &["zh-tw"],
        ("zh", ..) => &["zh-cn"],
        ("yue", ..) => &["zh-ca"],
        ("es", "", _) => &["ea", "es", "sp"],
        ("es", _, "ES") => &["es", "sp"],
        ("es", ..) => &["ea", "es"],
        ("nb" | "nn" | "no", ..) => &["no"],
        (primary, ..) => match OWN_CODES.iter().find(|(_, meaning)| *meaning == primary) {
            Some((code, _)) => &[*code],
            None => return vec![primary.to_owned()],
        },
    };
    codes.iter().map(|code| (*code).to_owned()).collect()
}

/// The language of a code of the service.
fn language_of(code: &str) -> Option<Language> {
    let code = code.to_ascii_lowercase();
    let own = OWN_CODES.iter().find(|(own, _)| *own == code);
    Language::parse(own.map_or(code.as_str(), |(_, meaning)| meaning))
}

#[derive(Debug, Deserialize)]
struct Page {
    #[serde(deserialize_with = "lenient::required_list")]
    data: Vec<Row>,
    #[serde(default, deserialize_with = "lenient::number")]
    total_pages: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Row {
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
struct Attributes {
    #[serde(default, deserialize_with = "lenient::maybe")]
    language: Option<String>,
    #[serde(default, deserialize_with = "lenient::number")]
    download_count: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    hearing_impaired: Option<bool>,
    #[serde(default, deserialize_with = "lenient::decimal")]
    fps: Option<f64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    from_trusted: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    foreign_parts_only: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    ai_translated: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    machine_translated: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    moviehash_match: Option<bool>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    release: Option<String>,
    #[serde(default, deserialize_with = "lenient::list")]
    files: Vec<FileRow>,
}

#[derive(Debug, Deserialize)]
struct FileRow {
    #[serde(default, deserialize_with = "lenient::number")]
    file_id: Option<u64>,
    #[serde(default, deserialize_with = "lenient::maybe")]
    file_name: Option<String>,
}

/// One page of found subtitles, and how many pages there are.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) subtitles: Vec<Subtitle>,
    pub(super) page_count: u64,
}

/// Reads a page of a search. A subtitle in several parts, from the days of two discs, fits no film in one file and is left out; so is a
/// language that nobody asked for.
pub(super) fn parse_search(reply: &Reply, search: &SubtitleSearch, provider: &ProviderId) -> Result<Found> {
    let page: Page = lenient::json(reply, "search subtitles")?;
    let wanted = codes(&search.languages);
    let read = |Row { attributes }: Row| {
        let code = attributes.language.as_deref().map(str::to_ascii_lowercase);
        if !wanted.is_empty() && !code.as_ref().is_some_and(|code| wanted.contains(code)) {
            return None;
        }
        let [file] = attributes.files.as_slice() else { return None };
        let release_name = lenient::clean_some(attributes.release.as_deref(), MAX_NAME_CHARS)
            .or_else(|| lenient::clean_some(file.file_name.as_deref(), MAX_NAME_CHARS));
        Some(Subtitle {
            provider: provider.clone(),
            id: SubtitleId::new(file.file_id?.to_string())?,
            language: code.as_deref().and_then(language_of),
            release_name,
            // Said only of a question with a hash; believed only then.
            is_hash_match: search.file_hash.is_some() && attributes.moviehash_match == Some(true),
            is_hearing_impaired: attributes.hearing_impaired == Some(true),
            is_foreign_parts_only: attributes.foreign_parts_only == Some(true),
            is_machine_translated: [attributes.ai_translated, attributes.machine_translated].contains(&Some(true)),
            is_trusted: attributes.from_trusted == Some(true),
            download_count: attributes.download_count.unwrap_or(0),
            frames_per_s: attributes.fps.filter(|fps| FRAME_RATES.contains(fps)),
        })
    };
    let subtitles = page.data.into_iter().filter_map(read).take(MAX_SUBTITLES).collect();
    Ok(Found { subtitles, page_count: page.total_pages.unwrap_or(1) })
}

/// Reads what is left of the quota.
pub(super) fn parse_user(reply: &Reply) -> Result<CheckUp> {
    #[derive(Deserialize)]
    struct UserBody {
        data: User,
    }
    #[derive(Deserialize)]
    struct User {
        #[serde(default, deserialize_with = "lenient::number")]
        allowed_downloads: Option<u64>,
        #[serde(default, deserialize_with = "lenient::number")]
        remaining_downloads: Option<u64>,
    }
    let body: UserBody = lenient::json(reply, "check up")?;
    Ok(match (body.data.remaining_downloads, body.data.allowed_downloads) {
        (Some(0), Some(allowed)) => CheckUp::default().with(Trouble::warning(
            format!("all {allowed} downloads of the day are used up"),
            "wait for the next day, or become a VIP at opensubtitles.com",
        )),
        (Some(left), Some(allowed)) => CheckUp::well(format!("{left} of {allowed} downloads are left today")),
        _ => CheckUp::default(),
    })
}

/// Is this the answer to [`Endpoint::formats`]?
pub(super) fn parse_formats(reply: &Reply) -> Result<()> {
    #[derive(Deserialize)]
    struct FormatsBody {
        #[serde(rename = "data")]
        _data: Formats,
    }
    #[derive(Deserialize)]
    struct Formats {
        #[serde(rename = "output_formats")]
        _output_formats: Vec<String>,
    }
    lenient::json::<FormatsBody>(reply, "check up").map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EpisodeNumber;

    fn endpoint(base_url: &str) -> Endpoint {
        Endpoint { base_url: base_url.parse().unwrap(), key: Secret::new("k3y") }
    }

    fn api() -> Endpoint {
        endpoint("https://api.opensubtitles.com/api/v1")
    }

    fn languages(tags: &[&str]) -> Vec<Language> {
        tags.iter().map(|tag| Language::parse(tag).unwrap()).collect()
    }

    fn query(search: &SubtitleSearch) -> String {
        api().search(search, 1).unwrap().url.query().unwrap().to_owned()
    }

    fn provider() -> ProviderId {
        ProviderId::new("opensubtitles")
    }

    /// Goal: a question stands as the service would redirect it to: names sorted, all in lower case, ids without what pads them; the best
    /// id and no other, since all conditions have to hold.
    #[test]
    fn questions_are_canonical() {
        let film = SubtitleSearch {
            imdb_id: Some("tt0133093".into()),
            tmdb_id: Some(603),
            name: Some("A Film".into()),
            year: Some(1999),
            kind: Some(TitleKind::Movie),
            file_hash: Some("8E245D9679D31E12".parse().unwrap()),
            languages: languages(&["pt-BR", "en", "de"]),
            ..Default::default()
        };
        assert_eq!(query(&film), "imdb_id=133093&languages=de,en,pt-br&moviehash=8e245d9679d31e12");
        let episode = SubtitleSearch {
            imdb_id: None,
            episode: Some(EpisodeNumber { season: 2, episode: 11 }),
            file_hash: None,
            languages: Vec::new(),
            ..film.clone()
        };
        assert_eq!(query(&episode), "episode_number=11&parent_tmdb_id=603&season_number=2");
        let named = SubtitleSearch { tmdb_id: None, imdb_id: None, file_hash: None, ..film.clone() };
        assert_eq!(query(&named), "languages=de,en,pt-br&query=a+film&type=movie&year=1999");
        let odd = SubtitleSearch::of_name("ÄB&page=2/../c");
        assert_eq!(query(&odd), "query=%c3%a4b%26page%3d2%2f..%2fc");
        assert_eq!(query(&SubtitleSearch::of_file("00000000000000ff".parse().unwrap())), "moviehash=00000000000000ff");
        assert_eq!(api().search(&film, 3).unwrap().url.query().unwrap().matches("page=3").count(), 1);
        for nothing in [SubtitleSearch::default(), SubtitleSearch::of_name(" \u{7} ")] {
            assert!(api().search(&nothing, 1).is_none());
        }
    }

    /// Goal: key and token stand in headers, never in an address; the program says who it is; nothing of it goes to the link of a file.
    #[test]
    fn secrets_stand_in_headers() {
        let token = Secret::new("t0ken");
        let request = api().download(7, Some(&token));
        assert_eq!(request.url.as_str(), "https://api.opensubtitles.com/api/v1/download");
        assert_eq!(request.secret_headers[0].1.expose(), "k3y");
        assert_eq!(request.bearer.as_ref().unwrap().expose(), "t0ken");
        assert_eq!(request.headers["user-agent"], concat!("ProStream v", env!("CARGO_PKG_VERSION")));
        let shown = format!("{request:?} {:?} {:?}", api(), api().login("mia", &Secret::new("p4ss")));
        assert!(["k3y", "t0ken", "p4ss"].iter().all(|secret| !shown.contains(secret)), "{shown}");
        let file = file("https://cdn.example/x".parse().unwrap());
        assert!(file.bearer.is_none() && file.secret_headers.is_empty() && file.headers.is_empty());
        assert_eq!(file.max_body_bytes, Some(MAX_SUBTITLE_BYTES));
    }

    /// Goal: a token never goes to a host that the service's answer chose freely.
    #[test]
    fn hosts_are_switched_within_the_service_alone() {
        let host = |base: &str, named: &str| endpoint(base).switched(named).to_string();
        let real = "https://api.opensubtitles.com/api/v1";
        assert_eq!(host(real, "vip-api.opensubtitles.com"), "https://vip-api.opensubtitles.com/api/v1");
        assert_eq!(host(real, "VIP-API.OpenSubtitles.com"), "https://vip-api.opensubtitles.com/api/v1");
        for hostile in [
            "",
            "evil.example",
            "evilopensubtitles.com",
            "opensubtitles.com.evil.example",
            "evil.example/.opensubtitles.com",
            "evil.example#.opensubtitles.com",
            "evil.example?.opensubtitles.com",
            "mia@evil.example",
            "evil.example:80@api.opensubtitles.com",
            "api.opensubtitles.com:8080",
            "evil.example\\.opensubtitles.com",
            "https://evil.example",
            "127.0.0.1",
            "[::1]",
            "\u{ff45}vil.opensubtitles.com",
        ] {
            assert_eq!(host(real, hostile), real, "{hostile}");
        }
        let own = "http://subtitles.example:8080/api/v1";
        for named in ["vip-api.opensubtitles.com", "evil.example", "subtitles.example", "subtitles.example:8080"] {
            assert_eq!(host(own, named), own, "{named}");
        }
    }

    /// Goal: a sign-in gives its token and where it goes; one without a token is none.
    #[test]
    fn sign_ins_are_read() {
        let read = |body: &str| api().parse_login(&Reply::ok(body));
        let body = r#"{"user":{"vip":true},"base_url":"vip-api.opensubtitles.com","token":"t","status":200}"#;
        let session = read(body).unwrap();
        assert_eq!((session.token.expose(), session.base_url.host_str()), ("t", Some("vip-api.opensubtitles.com")));
        assert_eq!(read(r#"{"base_url":7,"token":"t"}"#).unwrap().base_url, api().base_url);
        for wrong in ["{}", r#"{"token":""}"#, r#"{"token":7}"#, "[]", ""] {
            assert_eq!(read(wrong).unwrap_err().kind(), ErrorKind::Malformed, "{wrong}");
        }
    }

    /// Goal: a link is one to the web, and no weaker than the service that gave it.
    #[test]
    fn links_are_web_addresses() {
        let read = |base: &str, link: &str| {
            let body = json!({"link": link, "file_name": " a\u{7}.srt "}).to_string();
            endpoint(base).parse_download(&Reply::ok(&body)).map(|(link, name)| (link.to_string(), name.unwrap()))
        };
        let (link, name) = read("https://a.example/", "https://cdn.example/f.srt?x").unwrap();
        assert_eq!((link.as_str(), name.as_str()), ("https://cdn.example/f.srt?x", "a.srt"));
        assert!(read("http://a.example/", "http://cdn.example/f").is_ok());
        for wrong in ["http://cdn.example/f", "file:///etc/passwd", "/relative", "", "javascript:1"] {
            assert_eq!(read("https://a.example/", wrong).unwrap_err().kind(), ErrorKind::Malformed, "{wrong}");
        }
    }

    const ROW: &str = r#"{"total_pages":2,"total_count":1,"per_page":60,"page":1,"data":[{"id":"7061050","type":"subtitle","attributes":{
        "subtitle_id":"7061050","language":"pt-BR","download_count":697844,"hearing_impaired":true,"fps":23.976,"from_trusted":true,
        "foreign_parts_only":false,"ai_translated":false,"machine_translated":true,"moviehash_match":true,"release":"A.Film.2019.1080p",
        "feature_details":{"feature_id":1},"files":[{"file_id":7157051,"cd_number":1,"file_name":"A.Film.srt"}]}}]}"#;

    /// Goal: all that is told of a subtitle is read; a file's own number names it, and a hash match is believed where a hash was sent.
    #[test]
    fn rows_are_read() {
        let search = SubtitleSearch::of_file("8e245d9679d31e12".parse().unwrap());
        let found = parse_search(&Reply::ok(ROW), &search, &provider()).unwrap();
        let expected = Subtitle {
            provider: provider(),
            id: SubtitleId::new("7157051").unwrap(),
            language: Language::parse("pt-BR"),
            release_name: Some("A.Film.2019.1080p".into()),
            is_hash_match: true,
            is_hearing_impaired: true,
            is_foreign_parts_only: false,
            is_machine_translated: true,
            is_trusted: true,
            download_count: 697_844,
            frames_per_s: Some(23.976),
        };
        assert_eq!((found.subtitles, found.page_count), (vec![expected], 2));
        let by_name = parse_search(&Reply::ok(ROW), &SubtitleSearch::of_name("x"), &provider()).unwrap();
        assert!(!by_name.subtitles[0].is_hash_match);
    }

    /// Goal: rows are taken as they come: null languages, texts for numbers, several discs, languages nobody asked for.
    #[test]
    fn rows_are_read_leniently() {
        let row = |attributes: &str| format!(r#"{{"id":"1","attributes":{{{attributes}}}}}"#);
        let rows = [
            row(r#""language":null,"files":[{"file_id":1}]"#),
            row(r#""language":"ze","fps":0,"download_count":"5","files":[{"file_id":"2","file_name":"b.srt"}]"#),
            row(r#""language":"en","files":[{"file_id":3,"cd_number":1},{"file_id":4,"cd_number":2}]"#),
            row(r#""language":"en","files":[]"#),
            row(r#""language":"en","files":[{"file_id":-5}]"#),
            row(r#""language":"de","hearing_impaired":"yes","files":[{"file_id":6}]"#),
            r#""odd""#.to_owned(),
        ];
        let body = format!(r#"{{"data":[{}]}}"#, rows.join(","));
        let read = |languages| {
            let search = SubtitleSearch { languages, ..SubtitleSearch::of_name("x") };
            let found = parse_search(&Reply::ok(&body), &search, &provider()).unwrap();
            let short = |one: Subtitle| (one.id.as_str().to_owned(), one.language.map(|language| language.to_string()));
            found.subtitles.into_iter().map(short).collect::<Vec<_>>()
        };
        let all = [("1", None), ("2", Some("zh")), ("6", Some("de"))];
        let all = all.map(|(id, language)| (id.to_owned(), language.map(str::to_owned)));
        assert_eq!(read(Vec::new()), all);
        assert_eq!(read(languages(&["zh"])), all[1..2]);
        for wrong in ["{}", r#"{"data":"odd"}"#, r#"{"data":null}"#, "[1"] {
            let error = parse_search(&Reply::ok(wrong), &SubtitleSearch::default(), &provider()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{wrong}");
        }
    }

    /// Goal: a language is asked for by all the codes the service has for it, and what comes under them is that language again.
    #[test]
    fn languages_go_and_come() {
        let asked = |tag: &str| codes(&languages(&[tag])).join(",");
        for (tag, expected) in [
            ("en", "en"),
            ("en-GB", "en"),
            ("pt", "pt-br,pt-pt"),
            ("pt-BR", "pt-br"),
            ("pt-AO", "pt-pt"),
            ("zh", "ze,zh-cn,zh-tw"),
            ("zh-Hans", "zh-cn"),
            ("zh-Hant-HK", "zh-tw"),
            ("zh-TW", "zh-tw"),
            ("yue", "zh-ca"),
            ("es", "ea,es,sp"),
            ("es-MX", "ea,es"),
            ("es-ES", "es,sp"),
            ("nb", "no"),
            ("ast", "at"),
        ] {
            assert_eq!(asked(tag), expected, "{tag}");
        }
        for (code, tag) in [("EN", "en"), ("zh-ca", "yue"), ("ea", "es-419"), ("at", "ast"), ("pt-PT", "pt-PT")] {
            assert_eq!(language_of(code).unwrap().as_str(), tag);
        }
        assert!(language_of("").is_none());
    }

    /// Goal: the quota is told in words; an answer without numbers tells nothing, one of another shape is none.
    #[test]
    fn quotas_are_told() {
        let read = |body: &str| parse_user(&Reply::ok(body));
        let some = read(r#"{"data":{"allowed_downloads":100,"remaining_downloads":99,"vip":false}}"#).unwrap();
        assert_eq!((some.has.as_str(), some.troubles.len()), ("99 of 100 downloads are left today", 0));
        let none = read(r#"{"data":{"allowed_downloads":20,"remaining_downloads":0}}"#).unwrap();
        assert_eq!(none.troubles[0].what, "all 20 downloads of the day are used up");
        assert_eq!(read(r#"{"data":{}}"#).unwrap(), CheckUp::default());
        assert!(read("{}").is_err() && read(r#"{"data":7}"#).is_err());
        assert!(parse_formats(&Reply::ok(r#"{"data":{"output_formats":["srt"]}}"#)).is_ok());
        assert!(parse_formats(&Reply::ok("{}")).is_err());
    }

    /// Goal: no body panics, whatever is wrong with it.
    #[test]
    fn any_body_is_survived() {
        let download = r#"{"link":"https://cdn.example/f.srt","file_name":"f.srt","requests":1,"remaining":9}"#;
        let login = r#"{"base_url":"vip-api.opensubtitles.com","token":"t","status":200}"#;
        proptest::proptest!(|(at: usize, byte: u8, cut in 0usize..200)| {
            let damaged = |body| Reply::damaged(body, at, byte, cut);
            let _ = parse_search(&damaged(ROW), &SubtitleSearch::of_name("x"), &provider());
            let _ = api().parse_download(&damaged(download));
            if let Ok(session) = api().parse_login(&damaged(login)) {
                let host = session.base_url.host_str().unwrap_or_default().to_owned();
                proptest::prop_assert!(host.ends_with(".opensubtitles.com"), "{}", host);
            }
            let _ = parse_user(&damaged(r#"{"data":{"allowed_downloads":100,"remaining_downloads":99}}"#));
        });
    }
}

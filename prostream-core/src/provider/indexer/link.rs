//! From the link of a release to its torrent: Prowlarr and Jackett answer with a redirect to a magnet, a redirect to the site, or the
//! torrent file itself.

use http::{StatusCode, header};
use url::Url;

use super::{MAX_TORRENT_BYTES, TorrentLink, torrent_file};
use crate::model::{InfoHash, Magnet, Release};
use crate::net::{Call, HttpClient, Reply, Request, Secret};
use crate::provider::lenient;
use crate::{Error, ErrorKind, Result};

/// Most redirects that are followed.
const MAX_REDIRECTS: u8 = 5;

/// Longest link that is kept, in bytes.
pub(super) const MAX_LINK_BYTES: usize = 16 * 1024;

const OPERATION: &str = "follow release link";

/// A header with a secret that goes to one server and nowhere else.
pub(super) struct ServerKey<'a> {
    /// The server.
    pub(super) url: &'a Url,
    /// Name of the header.
    pub(super) header: &'static str,
    /// The secret.
    pub(super) key: &'a Secret,
}

/// A link as it stands in an answer: an absolute http or https address, or one relative to `base`.
pub(super) fn parse_link(text: &str, base: &Url) -> Option<Url> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_LINK_BYTES {
        return None;
    }
    base.join(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// A magnet as it stands in an answer, with its address for [`Release::link`].
pub(super) fn parse_magnet(text: &str) -> Option<(Magnet, Url)> {
    let magnet: Magnet = text.trim().parse().ok()?;
    let url = Url::parse(&magnet.to_uri()).ok()?;
    Some((magnet, url))
}

/// What a row says of its torrent's hash: of version 1, or a magnet of version 2 where it tells that.
pub(super) fn parse_hash(text: &str) -> (Option<InfoHash>, Option<(Magnet, Url)>) {
    let v2 = text.parse().ok().map(|hash| Magnet::from_hash_v2(hash).to_uri());
    (text.parse().ok(), v2.as_deref().and_then(parse_magnet))
}

/// The hash and the link that a row gives: what it says of the hash, the first magnet in it, the link it has besides. `None` for a row
/// that leads nowhere. A magnet of another torrent than the row says is not believed. A torrent without a version 1 hash is its magnet: what it
/// is called otherwise is the hash of no torrent.
pub(super) fn choose_way(
    info_hash: Option<InfoHash>,
    magnet: Option<(Magnet, Url)>,
    link: Option<Url>,
) -> Option<(Option<InfoHash>, Option<Url>)> {
    match (info_hash, magnet) {
        (None, None) => link.map(|link| (None, Some(link))),
        (None, Some((magnet, url))) => Some(((!magnet.is_v2_only()).then_some(magnet.info_hash), Some(url))),
        (Some(info_hash), Some((magnet, url))) if magnet.info_hash == info_hash => Some((Some(info_hash), Some(url))),
        (Some(info_hash), _) => Some((Some(info_hash), link)),
    }
}

/// The torrent of a release. Redirects are followed by hand, because clients refuse those to `magnet:`. Nothing is tried again: each
/// request may count as a grab.
pub(super) async fn follow(
    http: &HttpClient,
    call: &Call,
    release: &Release,
    server: Option<ServerKey<'_>>,
    failure: impl Fn(&Reply) -> Error,
) -> Result<TorrentLink> {
    let mut url = match (&release.link, release.info_hash) {
        (Some(link), _) => link.clone(),
        (None, Some(info_hash)) => return Ok(Magnet::from_hash(info_hash).into()),
        (None, None) => return Err(Error::new(ErrorKind::NotFound, OPERATION).detail("it has none")),
    };
    if url.scheme() == "magnet" {
        return read_magnet(url.as_str());
    }
    for _ in 0..=MAX_REDIRECTS {
        let mut request = Request::get(url.clone());
        request.is_idempotent = false;
        request.max_body_bytes = Some(MAX_TORRENT_BYTES);
        if let Some(server) = server.as_ref().filter(|server| server.url.origin() == url.origin()) {
            request.secret_headers.push((server.header, server.key.clone()));
        }
        let reply = http.send(call, request).await?;
        match read_step(&url, &reply, &failure)? {
            Step::Go(next) => url = next,
            Step::Done(torrent) => return Ok(torrent),
        }
    }
    Err(Error::new(ErrorKind::LimitExceeded, OPERATION).detail("too many redirects"))
}

fn read_magnet(text: &str) -> Result<TorrentLink> {
    let magnet = text.parse::<Magnet>();
    magnet
        .map(TorrentLink::from)
        .map_err(|cause| Error::new(ErrorKind::Malformed, OPERATION).detail("the magnet cannot be read").because(cause))
}

#[derive(Debug, PartialEq)]
enum Step {
    Go(Url),
    Done(TorrentLink),
}

fn read_step(url: &Url, reply: &Reply, failure: impl Fn(&Reply) -> Error) -> Result<Step> {
    match reply.status.as_u16() {
        301 | 302 | 303 | 307 | 308 => {
            let malformed = || Error::new(ErrorKind::Malformed, OPERATION).detail("a redirect that leads nowhere");
            // Read as raw bytes: names in magnets often stand there unescaped.
            let location = reply.headers.get(header::LOCATION).ok_or_else(malformed)?;
            let location = String::from_utf8_lossy(location.as_bytes());
            if location.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("magnet:")) {
                return read_magnet(&location).map(Step::Done);
            }
            let next = parse_link(&location, url).ok_or_else(malformed)?;
            if url.scheme() == "https" && next.scheme() != "https" {
                return Err(Error::new(ErrorKind::Forbidden, OPERATION).detail("a redirect from https to http"));
            }
            Ok(Step::Go(next))
        }
        _ if reply.status != StatusCode::OK => Err(failure(reply)),
        _ if lenient::is_web_page(reply) => {
            Err(Error::new(ErrorKind::Unavailable, OPERATION).detail("a web page came instead of a torrent file"))
        }
        _ => {
            let info_hash = torrent_file::info_hash(&reply.body)?;
            Ok(Step::Done(TorrentLink::File { info_hash, bytes: reply.body.clone() }))
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn redirect(location: &[u8]) -> Reply {
        let mut headers = HeaderMap::new();
        headers.insert(header::LOCATION, HeaderValue::from_bytes(location).unwrap());
        Reply { status: StatusCode::MOVED_PERMANENTLY, headers, body: Bytes::new() }
    }

    fn step(from: &str, location: &[u8]) -> Result<Step> {
        let failure = |_: &Reply| Error::new(ErrorKind::Internal, "not asked");
        read_step(&Url::parse(from).unwrap(), &redirect(location), failure)
    }

    /// Goal: a magnet with unescaped spaces and bytes beyond ASCII is still a magnet.
    #[test]
    fn unescaped_magnets_are_read() {
        let location = "MAGNET:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10&dn=Ein Läufer [1080p]".as_bytes();
        let Step::Done(TorrentLink::Magnet(magnet)) = step("http://a.example/1", location).unwrap() else { panic!() };
        assert_eq!(magnet.name.as_deref(), Some("Ein Läufer [1080p]"));
    }

    /// Goal: hash and link of a release are always those of one torrent.
    #[test]
    fn a_magnet_of_another_torrent_is_not_believed() {
        let magnet = |byte| parse_magnet(&Magnet::from_hash(InfoHash([byte; 20])).to_uri());
        let link = || Url::parse("http://a.example/1").ok();
        let (one, uri) = (Some(InfoHash([1; 20])), magnet(1).map(|(_, url)| url));
        assert_eq!(choose_way(None, None, None), None);
        assert_eq!(choose_way(None, None, link()), Some((None, link())));
        assert_eq!(choose_way(None, magnet(1), link()), Some((one, uri.clone())));
        assert_eq!(choose_way(one, magnet(1), link()), Some((one, uri)));
        assert_eq!(choose_way(one, magnet(2), link()), Some((one, link())));
        assert_eq!(choose_way(one, None, None), Some((one, None)));
        let (v1, v2) = parse_hash(&"ab".repeat(32));
        let uri = v2.as_ref().map(|(_, url)| url.clone());
        assert_eq!((v1, choose_way(None, v2.clone(), link())), (None, Some((None, uri))));
        assert_eq!(choose_way(one, v2, link()), Some((one, link())), "a hybrid goes by its first hash");
        assert_eq!((parse_hash(&"ab".repeat(20)).0, parse_hash("").0), (Some(InfoHash([0xab; 20])), None));
    }

    /// Goal: a redirect goes to http or https only, and never from https to http (OUT-02).
    #[test]
    fn redirects_lead_to_safe_schemes_only() {
        let go = |url: &str| Step::Go(Url::parse(url).unwrap());
        assert_eq!(step("http://a.example/x/1", b"../2").unwrap(), go("http://a.example/2"));
        assert_eq!(step("http://a.example/1", b"https://b.example/2").unwrap(), go("https://b.example/2"));
        assert_eq!(step("https://a.example/1", b"http://a.example/2").unwrap_err().kind(), ErrorKind::Forbidden);
        for wrong in ["magnet:?dn=no+hash", "file:///etc/passwd", "javascript:1", "data:,x", "http://", ""] {
            assert_eq!(
                step("http://a.example/1", wrong.as_bytes()).unwrap_err().kind(),
                ErrorKind::Malformed,
                "{wrong}"
            );
        }
    }
}

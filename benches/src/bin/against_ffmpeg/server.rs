//! The real server in a process of its own, and a player's requests to it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use prostream_benches::Error;
use serde_json::{Value, json};

use crate::client::Client;
use crate::cpu;
use crate::target::Target;

/// A running `prostream serve` with one signed-in user.
pub(crate) struct Server {
    child: Child,
    client: Client,
    access_token: String,
}

impl Server {
    /// Starts it with its data in `folder`, allowed to read what lies there and to reach `origin`.
    pub(crate) fn start(program: &Path, folder: &Path, origin: SocketAddr) -> Result<Self, Error> {
        let mut child = Command::new(program)
            .args(["serve", "--json", "--listen", "127.0.0.1:0", "--allow-outbound", &origin.to_string(), "--data"])
            .arg(folder.join("data"))
            .args(["--set", &format!("library.folders={}", folder.display())])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output of the server")?).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line)?;
        let address = text(&ready, "api_url")?.trim_start_matches("http://").trim_end_matches("/api/v1").parse()?;
        let (_, setup_token) = text(&ready, "setup_url")?.split_once("#setup=").ok_or("no set-up token")?;
        let mut client = Client::connect(address)?;
        let account = json!({ "setup_token": setup_token, "name": "bench", "password": "only for this run" });
        let signed_in = client.post("/api/v1/auth/setup", None, &account)?;
        let access_token = text(&signed_in, "access_token")?.to_owned();
        Ok(Self { child, client, access_token })
    }

    /// From the request to play a file to the last byte of the first segments of picture and sound, fetched one after the other.
    pub(crate) fn first_segment(&mut self, target: &Target) -> Result<Duration, Error> {
        let started = Instant::now();
        for playlist in self.media_playlists(target)?.iter().take(2) {
            for address in playlist.files.iter().take(2) {
                self.client.get(address)?;
            }
        }
        Ok(started.elapsed())
    }

    /// Processor time that the server takes for all segments of all renditions, and how many bytes those were.
    pub(crate) fn whole_file(&mut self, target: &Target) -> Result<(Duration, u64), Error> {
        let before = cpu::of_process(self.child.id())?;
        let playlists = self.media_playlists(target)?;
        let mut segment_bytes = 0;
        // Renditions side by side, as a player reads them.
        for at in 0..playlists.iter().map(|playlist| playlist.files.len()).max().unwrap_or(0) {
            for address in playlists.iter().filter_map(|playlist| playlist.files.get(at)) {
                segment_bytes += self.client.get(address)?.len() as u64;
            }
        }
        Ok((cpu::of_process(self.child.id())? - before, segment_bytes))
    }

    /// Starts playing and reads every playlist.
    fn media_playlists(&mut self, target: &Target) -> Result<Vec<MediaPlaylist>, Error> {
        let wish = match target {
            Target::Path(path) => json!({ "path": path }),
            Target::Url(url) => json!({ "url": url }),
        };
        let playback = self.client.post("/api/v1/playbacks", Some(&self.access_token), &wish)?;
        let address = path_of(text(&playback, "hls_url")?).to_owned();
        let multivariant = String::from_utf8(self.client.get(&address)?)?;
        let mut playlists = Vec::new();
        // The picture is the one that a line of its own names; it comes first.
        let pictures = multivariant.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let sounds = multivariant.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:")).filter_map(quoted_uri);
        for relative in pictures.chain(sounds) {
            let address = sibling(&address, relative);
            let text = String::from_utf8(self.client.get(&address)?)?;
            let init = text.lines().find(|line| line.starts_with("#EXT-X-MAP:")).and_then(quoted_uri);
            let segments = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            let files: Vec<String> = init.into_iter().chain(segments).map(|file| sibling(&address, file)).collect();
            if files.len() < 2 {
                return Err(format!("no segments in {address}").into());
            }
            playlists.push(MediaPlaylist { files });
        }
        if playlists.len() < 2 {
            return Err("picture and sound are not both there".into());
        }
        Ok(playlists)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to be saved: its data folder goes with the bench.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The files of a rendition: the init segment, then the segments.
struct MediaPlaylist {
    files: Vec<String>,
}

fn text<'v>(value: &'v Value, field: &str) -> Result<&'v str, Error> {
    value.get(field).and_then(Value::as_str).ok_or_else(|| format!("no {field} in {value}").into())
}

/// The path of an address that may be absolute.
fn path_of(url: &str) -> &str {
    let without_scheme = url.split_once("://").map(|(_, rest)| rest);
    without_scheme.and_then(|rest| rest.find('/').map(|at| &rest[at..])).unwrap_or(url)
}

/// What `relative` in the playlist at `address` names.
fn sibling(address: &str, relative: &str) -> String {
    let folder = address.rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{folder}/{relative}")
}

fn quoted_uri(line: &str) -> Option<&str> {
    line.split_once("URI=\"")?.1.split('"').next()
}

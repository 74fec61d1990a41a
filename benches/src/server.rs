//! The real server in a process of its own, and a player's requests to it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Error;
use crate::client::Client;
use crate::options::Options;
use crate::process::{Core, cpu_of};
use crate::target::Target;

/// Limits of one client that a bench, which is many clients in one, must not meet. Checking them costs as much as ever.
const WIDE_LIMITS: [&str; 4] = [
    "limits.media_per_address=100000000",
    "limits.api_per_user=100000000",
    "limits.search_per_user=100000000",
    "limits.connections_per_address=10000",
];

/// How a server is started.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'s> {
    /// The program.
    pub program: &'s Path,
    /// Folder of the films, which it may read. It keeps its data there.
    pub folder: &'s Path,
    /// Address of the origin, which it may reach.
    pub origin: Option<SocketAddr>,
    /// Further settings.
    pub settings: &'s [String],
    /// Where it runs.
    pub core: Option<Core>,
}

impl<'s> Setup<'s> {
    /// A server as the options of the bench want it.
    #[must_use]
    pub fn new(options: &'s Options, folder: &'s Path, origin: Option<SocketAddr>) -> Self {
        Self { program: &options.prostream, folder, origin, settings: &options.settings, core: None }
    }
}

/// A running `prostream serve` with one signed-in user.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: SocketAddr,
    client: Option<Client>,
    access_token: String,
    /// Goes with the server.
    _data: tempfile::TempDir,
}

/// A film as a player sees it.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The picture, then the sounds.
    pub playlists: Vec<MediaPlaylist>,
}

/// One rendition.
#[derive(Clone, Debug)]
pub struct MediaPlaylist {
    /// Path of the init segment.
    pub init: String,
    /// Paths of the segments with their durations.
    pub segments: Vec<(String, Duration)>,
}

impl Server {
    /// Starts it.
    ///
    /// # Errors
    /// It ends, or does not say what it should.
    pub fn start(setup: Setup<'_>) -> Result<Self, Error> {
        let data = tempfile::tempdir()?;
        let mut command = Core::command(setup.core, setup.program);
        command.args(["serve", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(data.path().join("data"));
        command.args(["--set", &format!("library.folders={}", setup.folder.display())]);
        if let Some(origin) = setup.origin {
            command.args(["--allow-outbound", &origin.to_string()]);
        }
        for setting in WIDE_LIMITS.iter().copied().chain(setup.settings.iter().map(String::as_str)) {
            command.args(["--set", setting]);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output of the server")?).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line)?;
        let address = text(&ready, "api_url")?.trim_start_matches("http://").trim_end_matches("/api/v1").parse()?;
        let (_, setup_token) = text(&ready, "setup_url")?.split_once("#setup=").ok_or("no set-up token")?;
        let mut client = Client::connect(address)?;
        let account = json!({ "setup_token": setup_token, "name": "bench", "password": "only for this run" });
        let signed_in = client.post("/api/v1/auth/setup", None, &account)?;
        let access_token = text(&signed_in, "access_token")?.to_owned();
        Ok(Self { child, address, client: Some(client), access_token, _data: data })
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the connection that requests are made on; the next one opens another.
    pub fn hang_up(&mut self) {
        self.client = None;
    }

    fn client(&mut self) -> Result<&mut Client, Error> {
        let client = match self.client.take() {
            Some(client) => client,
            None => Client::connect(self.address)?,
        };
        Ok(self.client.insert(client))
    }

    /// The body at `path`.
    ///
    /// # Errors
    /// See [`Client::get`].
    pub fn get(&mut self, path: &str) -> Result<Vec<u8>, Error> {
        self.client()?.get(path)
    }

    /// Fetches the body at `path` and throws it away.
    ///
    /// # Errors
    /// See [`Client::discard`].
    pub fn discard(&mut self, path: &str) -> Result<u64, Error> {
        self.client()?.discard(path)
    }

    /// From the request to play a file to the last byte of the first segments of picture and sound, fetched one after the other.
    ///
    /// # Errors
    /// See [`Server::play`].
    pub fn first_segment(&mut self, target: &Target) -> Result<Duration, Error> {
        let started = Instant::now();
        for playlist in self.play(target)?.playlists.iter().take(2) {
            self.client()?.get(&playlist.init)?;
            if let Some((path, _)) = playlist.segments.first() {
                self.client()?.get(path)?;
            }
        }
        Ok(started.elapsed())
    }

    /// Processor time that the server takes for all segments of all renditions, and how many bytes those were.
    ///
    /// # Errors
    /// See [`Server::play`].
    pub fn whole_file(&mut self, target: &Target) -> Result<(Duration, u64), Error> {
        let before = cpu_of(self.pid())?;
        let playlists = self.play(target)?.playlists;
        let mut segment_bytes = 0;
        for playlist in &playlists {
            segment_bytes += self.client()?.discard(&playlist.init)?;
        }
        // Renditions side by side, as a player reads them.
        for at in 0..playlists.iter().map(|playlist| playlist.segments.len()).max().unwrap_or(0) {
            for (path, _) in playlists.iter().filter_map(|playlist| playlist.segments.get(at)) {
                segment_bytes += self.client()?.discard(path)?;
            }
        }
        Ok((cpu_of(self.pid())? - before, segment_bytes))
    }

    /// Starts playing: gives the address of the multivariant playlist, which nobody has read yet.
    ///
    /// # Errors
    /// The server refuses.
    pub fn start_playback(&mut self, target: &Target) -> Result<String, Error> {
        let wish = match target {
            Target::Path(path) => json!({ "path": path }),
            Target::Url(url) => json!({ "url": url }),
        };
        let token = self.access_token.clone();
        let playback = self.client()?.post("/api/v1/playbacks", Some(&token), &wish)?;
        Ok(path_of(text(&playback, "hls_url")?).to_owned())
    }

    /// Starts playing and reads every playlist.
    ///
    /// # Errors
    /// The server refuses, or picture and sound are not both there.
    pub fn play(&mut self, target: &Target) -> Result<Presented, Error> {
        let address = self.start_playback(target)?;
        let multivariant = String::from_utf8(self.client()?.get(&address)?)?;
        let mut playlists = Vec::new();
        // The picture is the one that a line of its own names; it comes first.
        let pictures = multivariant.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let sounds = multivariant.lines().filter(|line| line.starts_with("#EXT-X-MEDIA:")).filter_map(quoted_uri);
        let mut seen = Vec::new();
        for relative in pictures.chain(sounds) {
            // Several variants may share a rendition.
            if seen.contains(&relative) {
                continue;
            }
            seen.push(relative);
            let address = sibling(&address, relative);
            let text = String::from_utf8(self.client()?.get(&address)?)?;
            playlists.push(MediaPlaylist::parse(&text, &address)?);
        }
        if playlists.len() < 2 {
            return Err("picture and sound are not both there".into());
        }
        Ok(Presented { playlists })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to be saved: its data folder goes with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl MediaPlaylist {
    fn parse(text: &str, address: &str) -> Result<Self, Error> {
        let init = text.lines().find(|line| line.starts_with("#EXT-X-MAP:")).and_then(quoted_uri);
        let init = sibling(address, init.ok_or_else(|| format!("no init segment in {address}"))?);
        let mut segments = Vec::new();
        let mut duration = Duration::ZERO;
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("#EXTINF:") {
                duration = Duration::try_from_secs_f64(value.split(',').next().unwrap_or_default().parse()?)?;
            } else if !line.is_empty() && !line.starts_with('#') {
                segments.push((sibling(address, line), duration));
            }
        }
        if segments.is_empty() {
            return Err(format!("no segments in {address}").into());
        }
        Ok(Self { init, segments })
    }

    /// Number of the segment that holds the time, or of the last.
    #[must_use]
    pub fn segment_at(&self, time: Duration) -> usize {
        let mut end = Duration::ZERO;
        let ends = self.segments.iter().map(|(_, duration)| {
            end += *duration;
            end
        });
        ends.take_while(|end| *end <= time).count().min(self.segments.len() - 1)
    }

    /// Length of all segments together.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.segments.iter().map(|(_, duration)| *duration).sum()
    }
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

//! Makes films, opens them as a player would, and reads what was made with ffprobe.

#[path = "../support/fragment.rs"]
#[allow(dead_code, reason = "shared with other tests")]
mod fragment;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prostream_core::container::{self, MediaIndex};
use prostream_core::hls::{HlsProvider, NativePackager, Presentation, Rendition};
use prostream_core::model::{ByteRange, DeviceProfile, Rope};
use prostream_core::source::{ByteSource, ByteStream, FileSource, MemorySource, SourceStats};
use prostream_core::testing::tool;
use prostream_core::{Error, Result};

/// A folder of films that is gone after the test.
pub(crate) struct Workshop {
    folder: tempfile::TempDir,
}

/// One packet as ffprobe reads it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Probed {
    /// In seconds; `None` where the container says none.
    pub(crate) pts_s: Option<f64>,
    pub(crate) size: u64,
    pub(crate) is_key: bool,
    /// Of the payload.
    pub(crate) hash: String,
}

impl Workshop {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// Where a file of this name lies.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a program in the folder; arguments are parted by spaces.
    pub(crate) fn run(&self, program: &str, arguments: &str) -> String {
        let output =
            tool::run(Command::new(program).args(arguments.split_whitespace()).current_dir(self.folder.path()));
        // mkvmerge ends with 1 where it only warned.
        let is_fine = output.status.success() || (program == "mkvmerge" && output.status.code() == Some(1));
        assert!(is_fine, "{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Makes a file with ffmpeg; its name is the last of `arguments`.
    pub(crate) fn ffmpeg(&self, arguments: &str) -> PathBuf {
        self.run("ffmpeg", &format!("-v error -nostdin -y {arguments}"));
        self.path(arguments.split_whitespace().next_back().expect("the name of a file"))
    }

    /// Writes bytes to a file of this name.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

/// The index of a file.
pub(crate) async fn index(path: &Path) -> Result<MediaIndex> {
    container::open(&source(path).await).await
}

/// A file as the packager reads it.
pub(crate) async fn source(path: &Path) -> Arc<dyn ByteSource> {
    Arc::new(FileSource::open(path).await.unwrap())
}

/// Bytes as the packager reads them.
pub(crate) fn memory(bytes: Vec<u8>) -> Arc<dyn ByteSource> {
    Arc::new(MemorySource::new(bytes))
}

/// A presentation for a device that plays everything.
pub(crate) async fn present(source: Arc<dyn ByteSource>) -> Result<Arc<dyn Presentation>> {
    NativePackager::default().open(source, &DeviceProfile::any()).await
}

/// The whole of a rendition in one piece, as a player that reads from start to end gets it.
pub(crate) async fn whole(rendition: &Arc<dyn Rendition>) -> Result<Vec<u8>> {
    let mut bytes = rendition.init().await?.to_vec();
    for index in 0..rendition.info().listed_durations_s().len() {
        bytes.extend_from_slice(&rendition.segment(index as u32).await?.into_bytes().await?);
    }
    Ok(bytes)
}

/// The rendition of a name's beginning (`video`, `audio-2`).
pub(crate) fn rendition<'a>(presentation: &'a Arc<dyn Presentation>, name: &str) -> &'a Arc<dyn Rendition> {
    let mut all = presentation.renditions().iter();
    all.find(|rendition| rendition.info().name.starts_with(name)).unwrap_or_else(|| panic!("no rendition {name}"))
}

/// The packets of a stream (`v:0`, `a:1`), in decode order.
pub(crate) fn packets(path: &Path, stream: &str) -> Vec<Probed> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", stream, "-show_data_hash", "md5", "-show_entries"]);
    let output = tool::run(command.args(["packet=pts_time,size,flags,data_hash", "-of", "compact=p=0"]).arg(path));
    // A packet with side data is broken over two lines.
    let text = String::from_utf8(output.stdout).unwrap().replace("\n|", "|");
    let packet = |line: &str| {
        let field = |name: &str| line.split('|').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        Some(Probed {
            pts_s: field("pts_time").and_then(|time| time.parse().ok()),
            size: field("size")?.parse().ok()?,
            is_key: field("flags")?.starts_with('K'),
            hash: field("data_hash")?.to_owned(),
        })
    };
    text.lines().filter_map(packet).collect()
}

/// Holds a rendition to the stream it was made of: same payloads in the same order, all times off by one constant, which is given back in
/// seconds. `tolerance_s` is how coarse the stamps of the source are.
pub(crate) async fn check_copied(
    workshop: &Workshop,
    original: &Path,
    stream: &str,
    rendition: &Arc<dyn Rendition>,
    tolerance_s: f64,
) -> f64 {
    let made = workshop.write("made.mp4", &whole(rendition).await.unwrap());
    let (expected, mut actual) = (packets(original, stream), packets(&made, &stream[..1]));
    // As the segments tell it: ffprobe moves pictures with negative composition offsets.
    let timescale = f64::from(rendition.info().track.timescale);
    let mut times_s = Vec::with_capacity(actual.len());
    for index in 0..rendition.info().listed_durations_s().len() {
        let segment = rendition.segment(index as u32).await.unwrap().into_bytes().await.unwrap();
        times_s.extend(fragment::samples(&segment).iter().map(|sample| sample.pts_ticks as f64 / timescale));
    }
    assert_eq!(times_s.len(), actual.len(), "ffprobe reads what the segments declare");
    actual.iter_mut().zip(times_s).for_each(|(packet, time_s)| packet.pts_s = Some(time_s));
    let hashes = |packets: &[Probed]| packets.iter().map(|packet| packet.hash.clone()).collect::<Vec<_>>();
    assert!(!expected.is_empty(), "{stream} of the original has no packets");
    assert_eq!(hashes(&expected), hashes(&actual), "payloads of {stream}");
    let shift = |(before, after): (&Probed, &Probed)| Some(after.pts_s? - before.pts_s?);
    let shifts: Vec<f64> = expected.iter().zip(&actual).filter_map(shift).collect();
    let first = *shifts.first().expect("times");
    assert!(shifts.iter().all(|shift| (shift - first).abs() <= tolerance_s), "times of {stream} drift: {shifts:?}");
    first
}

/// The error of a file that must not open.
pub(crate) async fn refusal(source: Arc<dyn ByteSource>) -> Error {
    present(source).await.expect_err("the file is refused")
}

/// Where a link leads: reads cost requests, and each is counted.
#[derive(Debug)]
pub(crate) struct Link {
    file: Arc<dyn ByteSource>,
    /// How many there were.
    pub(crate) requests: AtomicU64,
}

impl Link {
    /// A link to a file.
    pub(crate) async fn to(path: &Path) -> Arc<Self> {
        Arc::new(Self { file: source(path).await, requests: AtomicU64::new(0) })
    }
}

#[async_trait::async_trait]
impl ByteSource for Link {
    fn size_bytes(&self) -> u64 {
        self.file.size_bytes()
    }

    fn identity(&self) -> &str {
        self.file.identity()
    }

    async fn read_at(&self, range: ByteRange) -> Result<Rope> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.file.read_at(range).await
    }

    fn stream(self: Arc<Self>, range: ByteRange) -> ByteStream {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.file.clone().stream(range)
    }

    fn stats(&self) -> SourceStats {
        self.file.stats()
    }
}

/// Makes films of 40 s with an IDR picture every eight seconds and a recovery point every two, all of which muxers mark as keyframes: some that
/// pictures shown before them follow, and some that nothing but their own bytes tells from IDR pictures. Their middle is not at hand when they are
/// opened.
pub(crate) const CUT_AT_ALL: [&str; 2] = [
    "-f lavfi -i testsrc2=s=320x180:r=25:d=40 -vf noise=alls=24:allf=t -c:v libx264 -preset veryfast -qp 36 -bf 3 -pix_fmt yuv420p \
     -x264-params keyint=50:min-keyint=50:scenecut=0:b-adapt=0:open-gop=1 -force_key_frames expr:gte(t,n_forced*8) -forced-idr 1",
    "-f lavfi -i testsrc2=s=320x180:r=25:d=40 -vf noise=alls=24:allf=t -c:v libx264 -preset ultrafast -qp 38 -pix_fmt yuv420p \
     -x264-params intra-refresh=1:keyint=50:min-keyint=50:bframes=0 -force_key_frames expr:gte(t,n_forced*8) -forced-idr 1",
];

/// The boxes that stand one behind the other, by kind and payload.
fn boxes(mut bytes: &[u8]) -> Vec<([u8; 4], &[u8])> {
    let mut boxes = Vec::new();
    while let Some((size, rest)) = bytes.split_first_chunk() {
        let size = u32::from_be_bytes(*size) as usize;
        boxes.push((*rest.first_chunk().unwrap(), &bytes[8..size]));
        bytes = &bytes[size..];
    }
    boxes
}

/// Which samples of a rendition its segments begin with, and which they mark as places to begin, by number in decode order. Read here because ffprobe goes by the pictures, and takes a
/// recovery point for one whatever the file says.
pub(crate) fn marked(rendition: &[u8]) -> (Vec<usize>, Vec<usize>) {
    /// ISO/IEC 14496-12 section 8.8.3.1: `sample_is_non_sync_sample`.
    const NON_SYNC: u32 = 0x1_0000;
    let of = |boxes: &[u8], kind: &[u8; 4]| -> Vec<u32> {
        let (_, body) = self::boxes(boxes).into_iter().find(|(at, _)| at == kind).expect("a box");
        body.chunks_exact(4).map(|word| u32::from_be_bytes(word.try_into().unwrap())).collect()
    };
    let (mut starts, mut marked, mut count) = (Vec::new(), Vec::new(), 0);
    for (_, moof) in boxes(rendition).into_iter().filter(|(kind, _)| kind == b"moof") {
        let traf = boxes(moof).into_iter().find(|(kind, _)| kind == b"traf").expect("a track").1;
        let (header, run) = (of(traf, b"tfhd"), of(traf, b"trun"));
        // Default flags come last in a header; duration, size, flags and offset of a sample are each there or not.
        let default = (header[0] & 0x20 != 0).then(|| *header.last().unwrap());
        starts.push(count);
        let fields = |bits: u32| (run[0] & bits).count_ones() as usize;
        let first = 3 + fields(0x4);
        let each = fields(0xF00);
        for at in 0..run[1] as usize {
            let flags = match (run[0] & 0x400 != 0, at) {
                (true, _) => Some(run[first + at * each + fields(0x300)]),
                (false, 0) if run[0] & 0x4 != 0 => Some(run[3]),
                _ => default,
            };
            if flags.expect("flags") & NON_SYNC == 0 {
                marked.push(count);
            }
            count += 1;
        }
    }
    (starts, marked)
}

/// Holds such a film, opened from this machine, to its five IDR pictures: it is cut at them alone, and no other picture is marked.
pub(crate) async fn check_cut_at_idr(workshop: &Workshop, film: &Path, tolerance_s: f64) {
    let what = film.display();
    let keys = packets(film, "v:0").iter().filter(|packet| packet.is_key).count();
    assert_eq!(keys, 20, "{what}: recovery points are marked too");
    assert!(std::fs::metadata(film).unwrap().len() > 2 << 20, "{what}: larger than its ends");
    let track = &index(film).await.unwrap().tracks[0];
    let first = track.sync_points[0].pts_ticks;
    let seconds = |ticks: i64| (ticks - first) as f64 / f64::from(track.info.timescale);
    let times: Vec<f64> = track.sync_points.iter().map(|point| seconds(point.pts_ticks).round()).collect();
    assert_eq!(times, [0.0, 8.0, 16.0, 24.0, 32.0], "{what}");
    let film_of = present(source(film).await).await.unwrap();
    let video = rendition(&film_of, "video");
    check_copied(workshop, film, "v:0", video, tolerance_s).await;
    let idr = vec![0, 200, 400, 600, 800];
    assert_eq!(marked(&std::fs::read(workshop.path("made.mp4")).unwrap()), (idr.clone(), idr), "{what}");
}

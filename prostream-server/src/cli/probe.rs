//! `prostream probe`: what a file holds, and what reading it cost.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use prostream_core::container::{self, ContainerKind};
use prostream_core::hls::{NativePackager, PackagerConfig, Presentation};
use prostream_core::model::{DeviceProfile, TrackInfo, TrackKind};
use prostream_core::net::{HttpClient, HttpClientConfig};
use prostream_core::source::{ByteSource, FileSource, HttpSource, HttpSourceConfig, SourceStats};
use prostream_core::{Error, ErrorKind, Result};
use serde::Serialize;

use super::output::{Output, printable};
use super::{OutboundArgs, Target};
use crate::size::size;

/// Longest wait for a file to be opened.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// Arguments of `probe`.
#[derive(Debug, Args)]
pub(super) struct ProbeArgs {
    /// A file, or an http or https link.
    #[arg(value_name = "FILE|URL")]
    target: Target,
    #[command(flatten)]
    outbound: OutboundArgs,
}

#[derive(Serialize)]
struct Report {
    container: ContainerKind,
    size_bytes: u64,
    duration_s: f64,
    tracks: Vec<ReportTrack>,
    /// Start of each segment and the end of the last, in seconds from the start of the presentation; empty when nothing can be packaged.
    cuts_s: Vec<f64>,
    /// Why nothing can be packaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(flatten)]
    cost: SourceStats,
    index_memory_bytes: usize,
}

#[derive(Serialize)]
struct ReportTrack {
    #[serde(flatten)]
    info: TrackInfo,
    /// The name of its rendition, where it is packaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    rendition: Option<String>,
}

pub(super) async fn run(args: ProbeArgs, output: &Output) -> Result<()> {
    let source = open_source(&args.target, &args.outbound).await?;
    let index = Arc::new(container::open(&source).await?);
    let packager = NativePackager::new(PackagerConfig::default());
    let presented = packager.present(Arc::clone(&index), Arc::clone(&source), &DeviceProfile::any());
    let (presentation, problem) = match presented {
        Ok(presentation) => (Some(presentation), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let rendition = |track: &TrackInfo| {
        let presentation = presentation.as_ref()?;
        let found = presentation.renditions().iter().find(|rendition| rendition.info().track.number == track.number)?;
        Some(found.info().name.clone())
    };
    let report = Report {
        container: index.container,
        size_bytes: index.size_bytes,
        duration_s: index.duration_ns as f64 / 1e9,
        tracks: index
            .tracks
            .iter()
            .map(|track| ReportTrack { rendition: rendition(&track.info), info: track.info.clone() })
            .collect(),
        cuts_s: presentation.as_deref().map(cuts).unwrap_or_default(),
        problem,
        cost: source.stats(),
        index_memory_bytes: index.memory_bytes(),
    };
    if output.is_json() { output.object(&report) } else { show(&report, output) }
}

pub(super) async fn open_source(target: &Target, outbound: &OutboundArgs) -> Result<Arc<dyn ByteSource>> {
    match target {
        Target::File(path) => Ok(Arc::new(FileSource::open(path).await?)),
        Target::Link(url) => {
            let client =
                HttpClient::new(HttpClientConfig { policy: outbound.policy(), ..HttpClientConfig::default() })?;
            let config = HttpSourceConfig::default();
            let opening = HttpSource::open(&client, url.clone(), &[], &config);
            let source = tokio::time::timeout(OPEN_LIMIT, opening)
                .await
                .map_err(|_| Error::new(ErrorKind::TimedOut, "open link").advise("the host is slow or down"))??;
            Ok(Arc::new(source))
        }
    }
}

fn cuts(presentation: &dyn Presentation) -> Vec<f64> {
    let durations = presentation.renditions().first().map(|rendition| rendition.info().segment_durations_s.clone());
    let mut at = 0.0;
    let mut cuts = vec![0.0];
    for duration in durations.unwrap_or_default() {
        at += duration;
        cuts.push((at * 1e6_f64).round() / 1e6);
    }
    cuts
}

fn show(report: &Report, output: &Output) -> Result<()> {
    output.line(&format!("{:?}, {}, {}", report.container, duration(report.duration_s), size(report.size_bytes)))?;
    for track in &report.tracks {
        output.line(&format!("  {}", describe(track)))?;
    }
    match &report.problem {
        Some(problem) => output.line(&format!("cannot be packaged: {}", printable(problem)))?,
        None => {
            let count = report.cuts_s.len().saturating_sub(1);
            let starts: Vec<String> = report.cuts_s.iter().take(8).map(|at| format!("{at:.3}")).collect();
            let more = if report.cuts_s.len() > 8 { ", …" } else { "" };
            output.line(&format!("{count} segments, cut at {}{more}", starts.join(", ")))?;
        }
    }
    output.line(&format!(
        "read {} in {} requests, index {}",
        size(report.cost.read_bytes),
        report.cost.request_count,
        size(report.index_memory_bytes as u64)
    ))
}

fn describe(track: &ReportTrack) -> String {
    let info = &track.info;
    let kind = match info.kind {
        TrackKind::Video => "video",
        TrackKind::Audio => "audio",
        TrackKind::Subtitle => "subtitle",
    };
    let mut text = format!("{kind:<8} {:>3}  {}", info.number, printable(&info.codec_string));
    if let Some(video) = &info.video {
        text += &format!("  {}x{}", video.width, video.height);
        if let Some((frames, seconds)) = video.frame_rate {
            text += &format!("  {:.3} fps", f64::from(frames) / f64::from(seconds.max(1)));
        }
    }
    if let Some(audio) = &info.audio {
        text += &format!("  {} Hz  {} ch", audio.sample_rate_hz, audio.channel_count);
    }
    if let Some(language) = &info.language {
        text += &format!("  {language}");
    }
    if let Some(name) = &info.name {
        text += &format!("  \"{}\"", printable(name));
    }
    match &track.rendition {
        Some(rendition) => text += &format!("  → {rendition}"),
        None => text += "  (left out)",
    }
    text
}

fn duration(seconds: f64) -> String {
    let whole = seconds as u64;
    format!("{}:{:02}:{:06.3}", whole / 3600, whole / 60 % 60, seconds - (whole / 60 * 60) as f64)
}

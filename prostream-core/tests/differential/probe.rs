//! What ffprobe reads of a film.

use std::path::Path;

use serde_json::Value;

use crate::films::run;

/// A film as ffprobe reads it.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) duration_s: Option<f64>,
    pub(crate) streams: Vec<Stream>,
}

/// One stream of it.
#[derive(Debug)]
pub(crate) struct Stream {
    /// `track_ID` of MP4.
    pub(crate) id: Option<u32>,
    pub(crate) codec: String,
    pub(crate) kind: String,
    pub(crate) width_height: Option<(u64, u64)>,
    pub(crate) sample_rate_hz: Option<u32>,
    pub(crate) channel_count: Option<u64>,
    pub(crate) language: Option<String>,
    /// Those of its dispositions that are set.
    pub(crate) dispositions: Vec<String>,
    pub(crate) packets: Vec<ProbedPacket>,
}

/// One packet of it, in decode order.
#[derive(Clone, Debug)]
pub(crate) struct ProbedPacket {
    pub(crate) pts_s: Option<f64>,
    pub(crate) dts_s: Option<f64>,
    pub(crate) duration_s: Option<f64>,
    pub(crate) size: u64,
    pub(crate) is_key: bool,
    /// SHA-256 of the payload.
    pub(crate) hash: String,
}

impl Stream {
    pub(crate) fn is(&self, disposition: &str) -> bool {
        self.dispositions.iter().any(|one| one == disposition)
    }
}

impl Probe {
    pub(crate) fn of(path: &Path) -> Self {
        let options = "-v error -show_format -show_streams -show_packets -show_data_hash SHA256 -of json";
        let mut arguments: Vec<String> = options.split(' ').map(str::to_owned).collect();
        arguments.push(path.to_string_lossy().into_owned());
        let json: Value = serde_json::from_slice(&run("ffprobe", &arguments)).expect("ffprobe writes JSON");
        let list = |key: &str| json[key].as_array().cloned().unwrap_or_default();
        let mut streams: Vec<Stream> = list("streams").iter().map(read_stream).collect();
        for packet in list("packets") {
            let index = packet["stream_index"].as_u64().expect("the number of a stream") as usize;
            streams[index].packets.push(read_packet(&packet));
        }
        Self { duration_s: seconds(&json["format"]["duration"]), streams }
    }
}

fn seconds(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok()
}

fn read_stream(json: &Value) -> Stream {
    let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
    let dispositions = json["disposition"].as_object().expect("dispositions");
    Stream {
        id: json["id"].as_str().and_then(|id| u32::from_str_radix(id.strip_prefix("0x")?, 16).ok()),
        codec: text("codec_name"),
        kind: text("codec_type"),
        width_height: json["width"].as_u64().zip(json["height"].as_u64()),
        sample_rate_hz: json["sample_rate"].as_str().and_then(|rate| rate.parse().ok()),
        channel_count: json["channels"].as_u64(),
        language: json["tags"]["language"].as_str().map(str::to_owned),
        dispositions: dispositions.iter().filter(|(_, set)| **set == 1).map(|(name, _)| name.clone()).collect(),
        packets: Vec::new(),
    }
}

fn read_packet(json: &Value) -> ProbedPacket {
    ProbedPacket {
        pts_s: seconds(&json["pts_time"]),
        dts_s: seconds(&json["dts_time"]),
        duration_s: seconds(&json["duration_time"]),
        size: json["size"].as_str().and_then(|size| size.parse().ok()).expect("a size"),
        is_key: json["flags"].as_str().is_some_and(|flags| flags.starts_with('K')),
        hash: json["data_hash"].as_str().unwrap_or_default().trim_start_matches("SHA256:").to_owned(),
    }
}

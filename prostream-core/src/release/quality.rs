//! Marks of the picture: resolution, source, codec, bit depth, dynamic range, container, streaming service.

use super::marks::Fact::{self, *};
use super::marks::Strength::{self, *};
use super::marks::{Mark, Row, look_up};
use super::tokens::{Tokens, leading_number, number};

/// Words of the picture. Sources: the scene's naming rules (x264 and x265 standards), common P2P and anime practice.
pub(super) const MARKS: &[Row] = &[
    // Resolution.
    ("4k", Strong, &[Resolution("2160p")]),
    ("uhd", Strong, &[Fact::Noise]),
    ("ultrahd", Strong, &[Fact::Noise]),
    ("4kuhd", Strong, &[Resolution("2160p")]),
    ("uhd4k", Strong, &[Resolution("2160p")]),
    ("4kultrahd", Strong, &[Resolution("2160p")]),
    ("ultrahd4k", Strong, &[Resolution("2160p")]),
    ("2k", Weak, &[Resolution("1440p")]),
    ("8k", Weak, &[Resolution("4320p")]),
    ("fullhd", Strong, &[Resolution("1080p")]),
    ("fhd", Strong, &[Resolution("1080p")]),
    ("qhd", Strong, &[Resolution("1440p")]),
    ("sd", Tail, &[Noise]),
    // What broadcasts were called.
    ("hd", Tail, &[VagueSource("HDTV")]),
    ("hq", Weak, &[Noise]),
    // Discs.
    ("bluray", Strong, &[Source("BluRay")]),
    ("fullbluray", Strong, &[Source("BluRay")]),
    ("uhdbluray", Strong, &[Source("BluRay")]),
    ("ultrahdbluray", Strong, &[Source("BluRay")]),
    ("bluray3d", Strong, &[Source("BluRay"), Stereoscopic]),
    ("bd", Weak, &[Source("BDRip")]),
    ("bd25", Strong, &[Source("BluRay")]),
    ("bd50", Strong, &[Source("BluRay")]),
    ("bd66", Strong, &[Source("BluRay")]),
    ("bd100", Strong, &[Source("BluRay")]),
    ("bdfull", Strong, &[Source("BluRay")]),
    ("uhdbd", Strong, &[Source("BluRay")]),
    ("mbluray", Strong, &[Source("BluRay")]),
    ("bdr", Tail, &[Source("BDRip")]),
    ("brip", Tail, &[Source("BRRip")]),
    ("brdrip", Strong, &[Source("BRRip")]),
    ("bdmv", Strong, &[Source("BluRay")]),
    ("bdiso", Strong, &[Source("BluRay")]),
    ("bdrip", Strong, &[Source("BDRip")]),
    ("bdrm", Strong, &[Source("BDRip")]),
    ("bdmux", Strong, &[Source("BDRip")]),
    ("bdlight", Strong, &[Source("BDRip")]),
    ("brrip", Strong, &[Source("BRRip")]),
    ("brmux", Strong, &[Source("BRRip")]),
    ("blurayrip", Strong, &[Source("BRRip")]),
    ("blueray", Strong, &[Source("BluRay")]),
    ("bluraymux", Strong, &[Source("BDRip")]),
    ("uhdrip", Strong, &[Source("UHDRip")]),
    ("uhdbdrip", Strong, &[Source("UHDRip")]),
    ("hddvd", Strong, &[Source("HD-DVD")]),
    ("hddvdrip", Strong, &[Source("DVDRip")]),
    ("dvd", Weak, &[Source("DVD")]),
    ("dvd5", Strong, &[Source("DVD")]),
    ("dvd9", Strong, &[Source("DVD")]),
    ("dvdr", Strong, &[Source("DVD")]),
    ("dvdrrip", Strong, &[Source("DVDRip")]),
    ("dvdfull", Strong, &[Source("DVD")]),
    ("mdvdr", Strong, &[Source("DVD")]),
    ("dvdr5", Strong, &[Source("DVD")]),
    ("dvdr9", Strong, &[Source("DVD")]),
    ("fulldvd", Strong, &[Source("DVD")]),
    ("videots", Strong, &[Source("DVD")]),
    ("dvdrip", Strong, &[Source("DVDRip")]),
    ("dvdmux", Strong, &[Source("DVDRip")]),
    ("dvdivx", Strong, &[Source("DVDRip"), Codec("xvid")]),
    ("laserdisc", Strong, &[Source("LaserDisc")]),
    ("ldrip", Strong, &[Source("LaserDisc")]),
    ("vhs", Weak, &[Source("VHSRip")]),
    ("vhsrip", Strong, &[Source("VHSRip")]),
    ("remux", Strong, &[Remux]),
    ("bdremux", Strong, &[Source("BluRay REMUX"), Remux]),
    ("brremux", Strong, &[Source("BluRay REMUX"), Remux]),
    ("blurayremux", Strong, &[Source("BluRay REMUX"), Remux]),
    ("uhdremux", Strong, &[Source("BluRay REMUX"), Remux]),
    ("uhdbdremux", Strong, &[Source("BluRay REMUX"), Remux]),
    ("4kuhdremux", Strong, &[Resolution("2160p"), Source("BluRay REMUX"), Remux]),
    ("dvdremux", Strong, &[Source("DVD"), Remux]),
    ("hybridremux", Strong, &[Remux, Edition("hybrid")]),
    // The web.
    ("web", Weak, &[Source("WEB")]),
    ("webdl", Strong, &[Source("WEB-DL")]),
    ("webhd", Strong, &[Source("WEB-DL")]),
    ("hdweb", Strong, &[Source("WEB-DL")]),
    ("webmux", Strong, &[Source("WEB-DL")]),
    ("webdlmux", Strong, &[Source("WEB-DL")]),
    ("webrip", Strong, &[Source("WEBRip")]),
    ("webhdrip", Strong, &[Source("WEBRip")]),
    ("webdlrip", Strong, &[Source("WEBRip")]),
    ("dlmux", Strong, &[Source("WEB-DL")]),
    ("dlrip", Strong, &[Source("WEBRip")]),
    ("webcap", Strong, &[Source("WEBRip")]),
    ("webdvdrip", Strong, &[Source("WEBRip")]),
    ("itunesdl", Strong, &[Source("WEB-DL"), Network("iTunes")]),
    ("ituneshd", Strong, &[Source("WEB-DL"), Network("iTunes")]),
    ("amazonhd", Strong, &[Source("WEB-DL"), Network("Amazon")]),
    ("netflixrip", Strong, &[Source("WEBRip"), Network("Netflix")]),
    ("nfrip", Strong, &[Source("WEBRip"), Network("Netflix")]),
    ("vodrip", Strong, &[Source("VODRip")]),
    ("vodr", Strong, &[Source("VODRip")]),
    ("vod", Tail, &[Source("VODRip")]),
    ("hdrip", Strong, &[Source("HDRip")]),
    ("microhd", Strong, &[Source("HDRip")]),
    ("hdlight", Strong, &[Noise]),
    ("4klight", Strong, &[Resolution("2160p")]),
    ("ppvrip", Strong, &[Source("PPVRip")]),
    ("ppv", Weak, &[Noise]),
    // Broadcast.
    ("hdtv", Strong, &[Source("HDTV")]),
    ("ahdtv", Strong, &[Source("HDTV")]),
    ("uhdtv", Strong, &[Source("HDTV")]),
    ("hdtvrip", Strong, &[Source("HDTV")]),
    ("uhdtvrip", Strong, &[Source("HDTV")]),
    ("hdtvremux", Strong, &[Source("HDTV"), Remux]),
    ("hdtvmux", Strong, &[Source("HDTV")]),
    ("pdtv", Strong, &[Source("PDTV")]),
    ("dvb", Weak, &[Source("HDTV")]),
    ("dvbrip", Strong, &[Source("HDTV")]),
    ("dtv", Weak, &[Source("HDTV")]),
    ("dtvrip", Strong, &[Source("HDTV")]),
    ("dsr", Strong, &[Source("DSR")]),
    ("dsrip", Strong, &[Source("DSR")]),
    ("dthrip", Strong, &[Source("SATRip")]),
    ("sat", Tail, &[Source("SATRip")]),
    ("satrip", Strong, &[Source("SATRip")]),
    ("satrips", Strong, &[Source("SATRip")]),
    ("satremux", Strong, &[Source("SATRip")]),
    ("sdtv", Strong, &[Source("SDTV")]),
    ("tvrip", Strong, &[Source("TVRip")]),
    ("tvrips", Strong, &[Source("TVRip")]),
    ("tvhdrip", Strong, &[Source("HDTV")]),
    ("iptvrip", Strong, &[Source("TVRip")]),
    ("iptv", Strong, &[Source("TVRip")]),
    ("cablerip", Strong, &[Source("TVRip")]),
    // Before the disc: filmed screens, copied reels, review copies.
    ("cam", Weak, &[Source("CAM")]),
    ("camrip", Strong, &[Source("CAM")]),
    ("hdcam", Strong, &[Source("CAM")]),
    ("camhd", Strong, &[Source("CAM")]),
    ("camhq", Strong, &[Source("CAM")]),
    ("hqcam", Strong, &[Source("CAM")]),
    ("hdcamrip", Strong, &[Source("CAM")]),
    ("newcam", Strong, &[Source("CAM")]),
    ("cleancam", Strong, &[Source("CAM")]),
    ("sprint", Tail, &[Source("CAM")]),
    ("hqsprint", Strong, &[Source("CAM")]),
    ("ts", Tail, &[Source("TeleSync")]),
    ("tsrip", Strong, &[Source("TeleSync")]),
    ("hdts", Strong, &[Source("TeleSync")]),
    ("hdtsrip", Strong, &[Source("TeleSync")]),
    ("hqts", Strong, &[Source("TeleSync")]),
    ("tsscreener", Strong, &[Source("TeleSync")]),
    ("telesync", Strong, &[Source("TeleSync")]),
    ("telesyncrip", Strong, &[Source("TeleSync")]),
    ("tvsync", Strong, &[Source("TeleSync")]),
    ("tsync", Strong, &[Source("TeleSync")]),
    ("telesynch", Strong, &[Source("TeleSync")]),
    ("hdtelesync", Strong, &[Source("TeleSync")]),
    ("tc", Tail, &[Source("TeleCine")]),
    ("hdtc", Strong, &[Source("TeleCine")]),
    ("hdtcrip", Strong, &[Source("TeleCine")]),
    ("tcrip", Strong, &[Source("TeleCine")]),
    ("hqtc", Strong, &[Source("TeleCine")]),
    ("telecine", Strong, &[Source("TeleCine")]),
    ("hdtelecine", Strong, &[Source("TeleCine")]),
    ("scr", Weak, &[Source("SCR")]),
    ("scrrip", Strong, &[Source("SCR")]),
    ("screener", Weak, &[Source("SCR")]),
    ("dvdscr", Strong, &[Source("SCR")]),
    ("dscr", Strong, &[Source("SCR")]),
    ("dvdscreener", Strong, &[Source("SCR")]),
    ("bdscr", Strong, &[Source("SCR")]),
    ("brscreener", Strong, &[Source("SCR")]),
    ("brscr", Strong, &[Source("SCR")]),
    ("blurayscreener", Strong, &[Source("SCR")]),
    ("blurayscr", Strong, &[Source("SCR")]),
    ("hdscreener", Strong, &[Source("SCR")]),
    ("vhsscr", Strong, &[Source("SCR")]),
    ("vhsscreener", Strong, &[Source("SCR")]),
    ("dvdscrrip", Strong, &[Source("SCR")]),
    ("bdscreener", Strong, &[Source("SCR")]),
    ("webscreener", Strong, &[Source("SCR")]),
    ("webscr", Strong, &[Source("SCR")]),
    ("hdscr", Strong, &[Source("SCR")]),
    ("predvd", Strong, &[Source("SCR")]),
    ("predvdrip", Strong, &[Source("SCR")]),
    ("prehd", Strong, &[Source("SCR")]),
    ("prehdrip", Strong, &[Source("SCR")]),
    ("phdrip", Strong, &[Source("SCR")]),
    ("pdvd", Strong, &[Source("SCR")]),
    ("pdvdrip", Strong, &[Source("SCR")]),
    ("r5", Weak, &[Source("R5"), Region("R5")]),
    ("r5line", Strong, &[Source("R5"), Region("R5")]),
    ("workprint", Strong, &[Source("WORKPRINT")]),
    ("wp", Tail, &[Source("WORKPRINT")]),
    // Codecs.
    ("x264", Strong, &[Codec("h264")]),
    ("h264", Strong, &[Codec("h264")]),
    ("avc", Strong, &[Codec("h264")]),
    ("mpeg4avc", Strong, &[Codec("h264")]),
    ("x264avc", Strong, &[Codec("h264")]),
    ("h264avc", Strong, &[Codec("h264")]),
    ("x265", Strong, &[Codec("hevc")]),
    ("h265", Strong, &[Codec("hevc")]),
    ("hevc", Strong, &[Codec("hevc")]),
    ("hevc10", Strong, &[Codec("hevc"), Depth(10)]),
    ("x265hevc", Strong, &[Codec("hevc")]),
    ("hevcx265", Strong, &[Codec("hevc")]),
    ("h265hevc", Strong, &[Codec("hevc")]),
    ("x266", Strong, &[Codec("vvc")]),
    ("h266", Strong, &[Codec("vvc")]),
    ("vvc", Strong, &[Codec("vvc")]),
    ("av1", Strong, &[Codec("av1")]),
    ("vp8", Strong, &[Codec("vp8")]),
    ("vp9", Strong, &[Codec("vp9")]),
    ("vc1", Strong, &[Codec("vc1")]),
    ("xvid", Strong, &[Codec("xvid")]),
    ("xvidhd", Strong, &[Codec("xvid")]),
    ("divx", Strong, &[Codec("xvid")]),
    ("divx5", Strong, &[Codec("xvid")]),
    ("divx6", Strong, &[Codec("xvid")]),
    ("mpeg", Weak, &[Codec("mpeg2")]),
    ("mpeg2", Strong, &[Codec("mpeg2")]),
    ("h262", Strong, &[Codec("mpeg2")]),
    ("mpeg4", Strong, &[Codec("mpeg4")]),
    ("rv10", Strong, &[Codec("realvideo")]),
    // Depth and dynamic range.
    ("8bit", Weak, &[Depth(8)]),
    ("8bits", Strong, &[Depth(8)]),
    ("10bit", Strong, &[Depth(10)]),
    ("10bits", Strong, &[Depth(10)]),
    ("12bit", Strong, &[Depth(12)]),
    ("12bits", Strong, &[Depth(12)]),
    ("hi10", Strong, &[Depth(10)]),
    ("hi10p", Strong, &[Depth(10)]),
    ("hi444pp", Strong, &[Depth(10)]),
    ("yuv420p10", Strong, &[Depth(10)]),
    ("main10", Strong, &[Depth(10)]),
    ("ma10p", Strong, &[Depth(10)]),
    ("hdr", Strong, &[Hdr("HDR")]),
    ("hdr10", Strong, &[Hdr("HDR10"), Depth(10)]),
    ("hdr10p", Strong, &[Hdr("HDR10+"), Depth(10)]),
    ("hdr10plus", Strong, &[Hdr("HDR10+"), Depth(10)]),
    ("hdrplus", Strong, &[Hdr("HDR10+")]),
    ("hlg", Strong, &[Hdr("HLG")]),
    ("pq10", Strong, &[Hdr("HDR")]),
    ("sdr", Weak, &[Hdr("SDR")]),
    ("dv", Tail, &[Hdr("DV")]),
    ("dovi", Strong, &[Hdr("DV")]),
    ("dolbyvision", Strong, &[Hdr("DV")]),
    ("dvhdr", Strong, &[Hdr("DV"), Hdr("HDR")]),
    ("hdrdv", Strong, &[Hdr("HDR"), Hdr("DV")]),
    // Two pictures.
    ("3d", Tail, &[Stereoscopic]),
    ("2d", Tail, &[Noise]),
    ("3dvideo", Strong, &[Stereoscopic]),
    ("sbs", Weak, &[Stereoscopic]),
    ("3dhsbs", Strong, &[Stereoscopic]),
    ("3dsbs", Strong, &[Stereoscopic]),
    ("3dhou", Strong, &[Stereoscopic]),
    ("3dou", Strong, &[Stereoscopic]),
    ("halftab", Strong, &[Stereoscopic]),
    ("fulltab", Strong, &[Stereoscopic]),
    ("overunder", Weak, &[Stereoscopic]),
    ("hsbs", Strong, &[Stereoscopic]),
    ("halfsbs", Strong, &[Stereoscopic]),
    ("fullsbs", Strong, &[Stereoscopic]),
    ("sidebyside", Weak, &[Stereoscopic]),
    ("halfsidebyside", Strong, &[Stereoscopic]),
    ("ou", Tail, &[Stereoscopic]),
    ("hou", Tail, &[Stereoscopic]),
    ("halfou", Strong, &[Stereoscopic]),
    ("fullou", Strong, &[Stereoscopic]),
    ("halfoverunder", Strong, &[Stereoscopic]),
    ("htab", Strong, &[Stereoscopic]),
    ("bd3d", Strong, &[Source("BluRay"), Stereoscopic]),
    // Containers named inside the name.
    ("mkv", Strong, &[Container("mkv")]),
    ("mp4", Strong, &[Container("mp4")]),
    ("m4v", Strong, &[Container("m4v")]),
    ("avi", Strong, &[Container("avi")]),
    ("wmv", Strong, &[Container("wmv")]),
    ("rmvb", Strong, &[Container("rmvb")]),
    ("webm", Strong, &[Container("webm")]),
    // Streaming services.
    ("amzn", Strong, &[Network("Amazon")]),
    ("amazon", Tail, &[Network("Amazon")]),
    ("nf", Weak, &[Network("Netflix")]),
    ("netflix", Weak, &[Network("Netflix")]),
    ("hulu", Weak, &[Network("Hulu")]),
    ("dsnp", Strong, &[Network("Disney")]),
    ("dsny", Strong, &[Network("Disney")]),
    ("atvp", Strong, &[Network("Apple TV")]),
    ("aptv", Strong, &[Network("Apple TV")]),
    ("hmax", Strong, &[Network("HBO")]),
    ("hbo", Weak, &[Network("HBO")]),
    ("max", Tail, &[Network("HBO")]),
    ("pcok", Strong, &[Network("Peacock")]),
    ("pmtp", Strong, &[Network("Paramount")]),
    ("paramountplus", Strong, &[Network("Paramount")]),
    ("paramount", Tail, &[Network("Paramount")]),
    ("roku", Tail, &[Network("Roku")]),
    ("dcu", Tail, &[Network("DC Universe")]),
    ("all4", Tail, &[Network("All 4")]),
    ("viki", Tail, &[Network("Viki")]),
    ("viu", Tail, &[Network("Viu")]),
    ("wetv", Tail, &[Network("WeTV")]),
    ("zee5", Tail, &[Network("ZEE5")]),
    ("sonyliv", Tail, &[Network("SonyLIV")]),
    ("hotstar", Tail, &[Network("Hotstar")]),
    ("mubi", Tail, &[Network("MUBI")]),
    ("natg", Tail, &[Network("National Geographic")]),
    ("natgeo", Tail, &[Network("National Geographic")]),
    ("hgtv", Tail, &[Network("HGTV")]),
    ("espn", Tail, &[Network("ESPN")]),
    ("itv", Tail, &[Network("ITV")]),
    ("mtv", Tail, &[Network("MTV")]),
    ("itunes", Weak, &[Network("iTunes")]),
    ("stan", Tail, &[Network("Stan")]),
    ("crav", Strong, &[Network("Crave")]),
    ("nick", Tail, &[Network("Nickelodeon")]),
    ("cbs", Tail, &[Network("CBS")]),
    ("nbc", Tail, &[Network("NBC")]),
    ("amc", Tail, &[Network("AMC")]),
    ("pbs", Tail, &[Network("PBS")]),
    ("vice", Tail, &[Network("VICE")]),
    ("sony", Tail, &[Network("Sony")]),
    ("hallmark", Tail, &[Network("Hallmark")]),
    ("adultswim", Weak, &[Network("Adult Swim")]),
    ("animalplanet", Weak, &[Network("Animal Planet")]),
    ("anpl", Tail, &[Network("Animal Planet")]),
    ("cartoonnetwork", Weak, &[Network("Cartoon Network")]),
    ("nickelodeon", Weak, &[Network("Nickelodeon")]),
    ("showtime", Tail, &[Network("Showtime")]),
    ("sho", Tail, &[Network("Showtime")]),
    ("starz", Tail, &[Network("Starz")]),
    ("stz", Tail, &[Network("Starz")]),
    ("syfy", Tail, &[Network("Syfy")]),
    ("peacock", Tail, &[Network("Peacock")]),
    ("hbomax", Strong, &[Network("HBO")]),
    ("disneyplus", Strong, &[Network("Disney")]),
    ("disney", Tail, &[Network("Disney")]),
    ("appletv", Strong, &[Network("Apple TV")]),
    ("atv", Tail, &[Network("Apple TV")]),
    ("dscp", Strong, &[Network("Discovery")]),
    ("crunchyroll", Weak, &[Network("Crunchyroll")]),
    ("cr", Tail, &[Network("Crunchyroll")]),
    ("funi", Tail, &[Network("Funimation")]),
    ("vrv", Tail, &[Network("VRV")]),
    ("hidive", Strong, &[Network("HIDIVE")]),
    ("bglobal", Strong, &[Network("B-Global")]),
    ("baha", Weak, &[Network("Baha")]),
    ("ip", Tail, &[Noise]),
    ("iplayer", Strong, &[Network("iPlayer")]),
    ("red", Tail, &[Noise]),
    ("ma", Tail, &[Noise]),
    // Frame rate, standards, shapes.
    ("60fps", Strong, &[Noise]),
    ("50fps", Strong, &[Noise]),
    ("48fps", Strong, &[Noise]),
    ("hfr", Strong, &[Noise]),
    ("vfr", Strong, &[Noise]),
    ("ntsc", Strong, &[Region("NTSC")]),
    ("pal", Tail, &[Region("PAL")]),
    ("r2jdvd", Strong, &[Source("DVD"), Region("R2J")]),
    ("r2jdvdrip", Strong, &[Source("DVDRip"), Region("R2J")]),
    ("r2dvd", Strong, &[Source("DVD"), Region("R2")]),
    ("r2dvdrip", Strong, &[Source("DVDRip"), Region("R2")]),
    ("dvdr1", Strong, &[Source("DVD"), Region("R1")]),
    ("dvdr2", Strong, &[Source("DVD"), Region("R2")]),
    ("dvdr2j", Strong, &[Source("DVD"), Region("R2J")]),
    ("dvdr3", Strong, &[Source("DVD"), Region("R3")]),
    ("dvdr4", Strong, &[Source("DVD"), Region("R4")]),
    ("r2j", Strong, &[Region("R2J")]),
    ("r1", Tail, &[Region("R1")]),
    ("r2", Tail, &[Region("R2")]),
    ("r3", Tail, &[Region("R3")]),
    ("r4", Tail, &[Region("R4")]),
    ("r6", Tail, &[Region("R6")]),
    ("secam", Tail, &[Region("SECAM")]),
    ("ws", Tail, &[Noise]),
    ("fs", Tail, &[Noise]),
    ("aienhanced", Strong, &[Noise]),
    ("aiupscaled", Strong, &[Noise]),
    ("aiupscale", Strong, &[Noise]),
    ("upscaled", Weak, &[Noise]),
    ("upscale", Weak, &[Noise]),
];

/// Heights that names state, and what the nearest ones are called.
const HEIGHTS: &[(u32, &str)] = &[
    (4320, "4320p"),
    (2160, "2160p"),
    (1440, "1440p"),
    (1080, "1080p"),
    (720, "720p"),
    (576, "576p"),
    (540, "540p"),
    (480, "480p"),
    (360, "360p"),
    (240, "240p"),
    (144, "144p"),
];

/// Widths from which a picture counts as the next class, whatever its height was cropped to.
const WIDTHS: &[(u32, &str)] = &[(3000, "2160p"), (2200, "1440p"), (1500, "1080p"), (1100, "720p"), (1000, "576p")];

/// Resolution by height alone: `1080p`, and `406p` as the class above it.
fn by_height(height: u32) -> Option<&'static str> {
    if let Some(row) = HEIGHTS.iter().find(|row| row.0 == height) {
        return Some(row.1);
    }
    // "10800p", "1O8Op" and other slips of the finger stay unread, but for a zero too many.
    if let Some(row) = HEIGHTS.iter().find(|row| row.0 * 10 == height) {
        return Some(row.1);
    }
    match height {
        200..=2160 => HEIGHTS.iter().rev().find(|row| row.0 >= height).map(|row| row.1),
        _ => None,
    }
}

/// Resolution by width and height: `1920x800` is a cropped 1080p.
fn by_size(width: u32, height: u32) -> Option<&'static str> {
    if height < 120 || width < height {
        return None;
    }
    // "1440x1080" is squeezed, not cropped.
    if let Some(row) = HEIGHTS.iter().find(|row| row.0 == height && row.0 >= 720) {
        return Some(row.1);
    }
    if let Some(row) = WIDTHS.iter().find(|row| width >= row.0) {
        return Some(row.1);
    }
    HEIGHTS.iter().rev().find(|row| row.0 >= height).map(|row| row.1)
}

/// Reads resolutions, and marks written in one word: `TC1080p`, `webrip720p`, `x2651080p`.
pub(super) fn read(tokens: &Tokens<'_>, at: usize) -> Option<Mark> {
    let token = tokens.list.get(at)?;
    let text = token.folded;
    // All that follows has a number in it.
    if !token.has_digit {
        return None;
    }
    let mark =
        |span, strength, facts: Vec<Fact>| Some(Mark { tokens: at..at + 1, span, strength, facts: facts.into() });
    if let Some(name) = whole_resolution(text) {
        return mark(token.span.clone(), Strong, vec![Resolution(name)]);
    }
    // "1920 x 1080", "1920×1080", "1080 p": the pieces stand apart.
    let next = tokens.list.get(at + 1);
    let crossed = match next {
        Some(next) if next.gap == "×" => Some(at + 1),
        Some(next) if next.folded == "x" && next.gap == " " => Some(at + 2),
        _ => None,
    };
    if let Some(last_at) = crossed
        && let Some(last) = tokens.list.get(last_at)
        && let (Some(width), Some(height)) = (token.number(4), last.number(4))
        && token.folded.len() >= 3
        && last.folded.len() >= 3
        && let Some(name) = by_size(width, height)
    {
        let span = token.span.start..last.span.end;
        return Some(Mark { tokens: at..last_at + 1, span, strength: Strong, facts: vec![Resolution(name)].into() });
    }
    if let Some(next) = next.filter(|next| next.gap == " " && matches!(next.folded, "p" | "i"))
        && let Some(height @ (480 | 720 | 1080 | 2160)) = number(text, 4)
        && let Some(name) = by_height(height)
    {
        let span = token.span.start..next.span.end;
        return Some(Mark { tokens: at..at + 2, span, strength: Strong, facts: vec![Resolution(name)].into() });
    }
    // "[720]", "[1080]": bare heights count alone in brackets or among other marks.
    if let Some(height @ (480 | 540 | 576 | 720 | 1080 | 2160)) = number(text, 4) {
        let alone = token.bracket > 0
            && tokens.brackets.get(token.bracket - 1).is_some_and(|bracket| bracket.tokens == (at..at + 1));
        let strength = if alone { Strong } else { Strength::Tail };
        return by_height(height).and_then(|name| mark(token.span.clone(), strength, vec![Resolution(name)]));
    }
    if !text.is_ascii() || text.len() != token.text.len() {
        return None;
    }
    // "2DVD9", "2xDVD5".
    if let Some((strength, facts)) = leading_number(text, 1)
        .map(|(_, rest)| rest.strip_prefix('x').unwrap_or(rest))
        .filter(|rest| rest.starts_with("dvd"))
        .and_then(look_up)
    {
        return mark(token.span.clone(), strength, facts.to_vec());
    }
    // "HEVC10bit", "x265_10bit" without its separator.
    let depth = [("10bits", 10), ("10bit", 10), ("8bit", 8), ("12bit", 12)].iter().find_map(|(ending, depth)| {
        let (strength, facts) = look_up(text.strip_suffix(ending)?)?;
        Some((strength, facts.iter().copied().chain([Depth(*depth)]).collect::<Vec<_>>()))
    });
    if let Some((strength, facts)) = depth {
        return mark(token.span.clone(), strength, facts);
    }
    glued_resolution(text).and_then(|(range, name)| {
        let (front, back) = (text.get(..range.start)?, text.get(range.end..)?);
        // "3x11m720p" numbers an episode, which is read from the same word.
        if front.contains('x') && front.starts_with(|letter: char| letter.is_ascii_digit()) {
            let start = token.span.start + range.start;
            let end = token.span.start + range.end;
            return Some(Mark {
                tokens: at..at,
                span: start..end,
                strength: Strong,
                facts: vec![Resolution(name)].into(),
            });
        }
        let mut facts = vec![Resolution(name)];
        let mut start = range.start;
        match look_up(front) {
            Some((_, more)) => {
                facts.extend(more);
                start = 0;
            }
            // "m1080p", "BD1080": a letter or two of the source.
            None if front == "m" || front == "hd" => start = 0,
            None if front.ends_with("bd") || front.ends_with("hd") => start -= 2,
            None if front.ends_with('m') => start -= 1,
            None => {}
        }
        if let Some((_, more)) = look_up(back) {
            facts.extend(more);
        } else if !back.is_empty() && back.len() > 3 && !front.is_empty() {
            return None;
        }
        mark(token.span.start + start..token.span.end, Strong, facts)
    })
}

/// `1080p`, `1080i`, `1080p60`, `1920x1080`, `1280x720p`.
fn whole_resolution(text: &str) -> Option<&'static str> {
    let (first, rest) = leading_number(text, 5)?;
    if rest == "hd" && matches!(first, 720 | 1080) {
        return by_height(first);
    }
    let frames = |rest: &str| rest.is_empty() || number(rest, 3).is_some() || rest == "hd" || rest == "hevc";
    if let Some(rest) = rest.strip_prefix(['p', 'i'])
        && frames(rest)
    {
        return by_height(first);
    }
    let (height, rest) = leading_number(rest.strip_prefix('x')?, 4)?;
    (rest.is_empty() || rest == "p" || rest == "i").then(|| by_size(first, height)).flatten()
}

/// A known height with `p` inside a longer word, or `1080` and its kin behind a source.
fn glued_resolution(text: &str) -> Option<(std::ops::Range<usize>, &'static str)> {
    const STEPS: &[(&str, &str)] =
        &[("2160", "2160p"), ("1080", "1080p"), ("720", "720p"), ("576", "576p"), ("480", "480p")];
    let bytes = text.as_bytes();
    let has_height = bytes.windows(3).any(|three| three.iter().all(u8::is_ascii_digit));
    STEPS.iter().filter(|_| has_height).find_map(|(digits, name)| {
        let start = bytes.windows(digits.len()).position(|part| part == digits.as_bytes())?;
        let end = start + digits.len();
        let rest = text.get(end..)?;
        let with_p = rest.starts_with(['p', 'i']);
        let bare = rest.is_empty()
            && text.get(..start).is_some_and(|front| {
                ["bd", "hd", "m"].iter().any(|ending| front.ends_with(ending))
                    || matches!(front, "br" | "bluray" | "web")
            });
        (with_p || bare).then(|| (start..end + usize::from(with_p), *name))
    })
}

//! The other marks of a name: group, site, edition, picture and sound.

use prostream_core::release::ReleaseName;

/// Goal: group, site, edition and size of the picture are told from what stands beside them.
/// Method: one field each, with what must not be taken for it.
#[test]
fn groups_sites_and_editions_are_told_apart() {
    let parse = ReleaseName::parse;
    for (name, group) in [
        ("Glass.Harbour.2012.1080p.x264-D-QWXZ", Some("D-QWXZ")),
        ("Glass.Harbour.2012.1080p.x264-QWXZ-xpost", Some("QWXZ")),
        ("Glass.Harbour.2012.1080p.x264-QWXZ-Obfuscated", Some("QWXZ")),
        ("Glass.Harbour.2012.1080p.x264-QWXZ.EtHD", Some("QWXZ")),
        ("Glass Harbour S01E05 1080p WEB H264-QWXZ EZTV mkv", Some("QWXZ")),
        ("Glass Harbour S01E05 1080p WEB x265[eztv re] mkv", None),
        ("Glass Harbour S01-S06 480p BluRay x264 ESub - Qwxz", Some("Qwxz")),
        ("Glass.Harbour.2012.1080p.x264-QWXZ.glassport.com", Some("QWXZ")),
        ("102 - The Catch-Up.avi", None),
        // Without a dash: right behind the codec or the sound, and who listed it left out.
        ("Glass Harbour S01E18 The Gate 720p AMZN WEB DL DDP5 1 H 264 QWXZ EZTV", Some("QWXZ")),
        ("Glass.Harbour.2012.1080p.BluRay.x264.Qwxz", Some("Qwxz")),
        ("Glass Harbour 2012 720p BRRip x264 The Long Way", None),
        ("Glass Harbour 2012 720p BRRip x264 English", None),
        ("Glass Harbour S01E05 1080p WEB-DL (Qwxz-Raws)", Some("Qwxz-Raws")),
        ("Glass Harbour (Port Glass) 1080p WEB-DL", None),
        ("Glass Harbour Season 1 2 3 + 4 Movies - qwxz", Some("qwxz")),
        ("Glass Harbour S02 - Origins", None),
        ("Glass.Harbour.2012.1080p.x264-MAX", Some("MAX")),
        ("Glass.Harbour.2012.1080p.x264-Ro[glassport.com].mkv", Some("Ro")),
        ("Glass Harbour 2012 1080p [700MB] [Qwxz] [1.4GB]", Some("Qwxz")),
        ("S01E05.Catch-QWXZ.avi", Some("QWXZ")),
        ("Glass Harbour (2012) - HQ HDRip - x264 - AAC - ESub", None),
        ("Гавань / Glass Harbour [TV] [12 из 12] [2012, BDRip] [Дубляж]", None),
    ] {
        assert_eq!(parse(name).group.as_deref(), group, "{name}");
    }
    for (name, site) in [
        ("Glass Harbour 2012 1080p - Glassport.to", Some("Glassport.to")),
        ("Glass.Harbour.2012.1080p.glassport.com.mkv", Some("glassport.com")),
        ("glassport.com_Glass.Harbour.2012.1080p", Some("glassport.com")),
        ("glassport.com_Glass_Harbour_2012_1080p", Some("glassport.com")),
        ("glassport.com-Glass.Harbour.2012.1080p", Some("glassport.com")),
        ("Startup.com 2001 1080p", None),
        ("https://www.glassport.com - Glass Harbour 2012", Some("www.glassport.com")),
        ("www.glassport.co.uk - Glass Harbour 2012", Some("www.glassport.co.uk")),
        ("www 1Glassport cafe - Glass Harbour 2012", Some("www 1Glassport cafe")),
        ("www,1Glassport,cafe - Glass Harbour 2012", Some("www,1Glassport,cafe")),
        ("[电影www.glassport.com]玻璃港.Glass.Harbour.2012.1080p", Some("www.glassport.com")),
        ("[glassport.ninja] Glass Harbour 2012", Some("glassport.ninja")),
        ("[glassport.co.uk] Glass Harbour 2012", Some("glassport.co.uk")),
        ("www.glassport.co.in - Glass Harbour 2012", Some("www.glassport.co.in")),
        ("@glassport.com@Glass.Harbour.2012.1080p", Some("glassport.com")),
        ("Glass Harbour 2012 1080p glassport.mx", Some("glassport.mx")),
        ("Glass.Harbour.2012.glassport.com.1080p", Some("glassport.com")),
        ("[glassport.ph] Glass Harbour 2012", Some("glassport.ph")),
        ("Glass Harbour 2012 [XviD.HU]", None),
        ("Glass.Harbour.-.S05E19.-.legendado.br.rmvb", None),
        ("Glass Harbour 2012 1080p the-glassport.com", Some("the-glassport.com")),
        ("Glass.Harbour.2012.1080p.x264-QWXZ.glassport.com", Some("glassport.com")),
        ("Glass.Dot.com.2012.1080p", None),
        ("Glass.Harbour.S01E05.Find.Me.1080p", None),
    ] {
        assert_eq!(parse(name).site.as_deref(), site, "{name}");
    }
    for (name, edition) in [
        ("Glass Harbour 1978 40th Anniversary 1080p", "anniversary"),
        ("Glass.Harbour.1978.25th.Anniversary.Edition.1080p", "anniversary"),
        ("The 40th Anniversary 1978 1080p", ""),
        ("Glass Harbour 1978 edicion especial 1080p", "special"),
        ("Glass.Harbour.Special.Extended.Edition.1978.1080p", "special extended"),
        ("Glass.Harbour.1978.40th.Anniversary.Special.Edition.1080p", "anniversary special"),
        ("Glass Harbour - 30th Anniversary Remastered (1978) 1080p", "anniversary remastered"),
        ("Glass Harbour Unrated Version 1080p", "unrated"),
        ("Glass Harbour (Uncut Edition) 1978", "uncut"),
        ("Glass Harbour (1978) [Alternate Ending] 1080p", "alternative_cut"),
        ("Glass.Harbour.1978.Collector's.Ed.1080p", "collectors"),
        ("Glass.Harbour.1978.Directors.Definitive.Edition.1080p", "directors_cut"),
        ("Glass.Harbour.1978.4K.Restoration.1080p", "restored"),
        ("Glass Harbour (Digitally Remastered) 1978 1080p", "remastered"),
        ("Glass Harbour 1978 Remasterizado 1080p", "remastered"),
        ("Glass.Harbour.1978.SIGNATURE.1080p", "signature"),
        ("The Uncut Harbour 1978 1080p", ""),
        ("2012.Extended.Harbour.Bluray.1080p", ""),
        ("Glass Harbour (1978) Extended Director's 1080p", "extended directors_cut"),
        ("Signature Harbour 1978 1080p", ""),
        ("The Extended Harbour 1978 1080p", ""),
    ] {
        assert_eq!(parse(name).edition.join(" "), edition, "{name}");
    }
    for (name, is_multi) in [
        ("Glass Harbour Dual 1080p", true),
        ("Glass Harbour 2012 dual Qwxz", true),
        ("The Dual S01E05 720p", false),
        ("Dual 2022 1080p", false),
    ] {
        assert_eq!(parse(name).multi_audio, is_multi, "{name}");
    }
    for (name, network) in [
        ("Glass Harbour _ Adult Swim.mp4", "Adult Swim"),
        ("Glass Harbour S01E02 The Gate Nickelodeon WEB-DL 1080p", "Nickelodeon"),
    ] {
        assert_eq!(parse(name).network.as_deref(), Some(network), "{name}");
    }
    assert!(parse("G.L.A.S.S. HD [1080p]").audio.is_empty());
    assert!(parse("[Qwxz] 9-1-1 (1972) DVDRip").channels.is_empty());
    for (name, source) in [
        ("Glass.Harbour.2012.WEB-HDRip.x264", "WEBRip"),
        ("Glass Harbour 2012 DVDR-Rip", "DVDRip"),
        ("Glass Harbour 2012 HDTVRemux", "HDTV"),
        ("Glass Harbour 2012 SATRemux", "SATRip"),
        ("Glass.Harbour.2012.TVSync.x264", "TeleSync"),
        ("Glass Harbour 2012 BluRayScreener", "SCR"),
        ("Glass.Harbour.2012.720p.PreHD.x264", "SCR"),
        ("Glass Harbour 2012 CAMHQ", "CAM"),
        ("Glass Harbour 2012 SAT-Rips", "SATRip"),
        ("Glass Harbour DVD R2 2012", "DVD"),
        ("Glass Harbour [2012, drama, IPTV]", "TVRip"),
    ] {
        assert_eq!(parse(name).source.as_deref(), Some(source), "{name}");
    }
    for (name, resolution) in [
        ("Glass Harbour [4KULTRAHD][2020]", "2160p"),
        ("Glass Harbour 2018 1920×1080", "1080p"),
        ("Glass Harbour 2018 1280 x 720", "720p"),
        ("Glass Harbour 2018 1080 p", "1080p"),
        ("Glass Harbour AI Upscaled 2018 1080p", "1080p"),
        ("Glass Harbour INTERNAL 2018 720p", "720p"),
        ("Glass Harbour 3x11m720p", "720p"),
    ] {
        assert_eq!(parse(name).resolution.as_deref(), Some(resolution), "{name}");
        assert!(parse(name).title == "Glass Harbour", "{name}: {}", parse(name).title);
    }
    let telesync = parse("Glass.Harbour.2018.MD.TS");
    assert_eq!((telesync.source.as_deref(), telesync.container), (Some("TeleSync"), None));
    assert_eq!(parse("Glass.Harbour.2018.ts").container.as_deref(), Some("ts"));
}

/// Goal: what decides playback is read from one full name.
/// Method: every such field of it.
#[test]
fn every_field_of_playback_is_read() {
    let name = "Glass.Harbour.2021.PROPER.2160p.UHD.BluRay.REMUX.DV.HDR10+.HEVC.10bit.TrueHD.7.1.Atmos-QWXZ.mkv";
    let parsed = ReleaseName::parse(name);
    assert_eq!(parsed.resolution.as_deref(), Some("2160p"));
    assert_eq!(parsed.source.as_deref(), Some("BluRay REMUX"));
    assert!(parsed.remux && parsed.proper && parsed.revised);
    assert_eq!(parsed.video_codec.as_deref(), Some("hevc"));
    assert_eq!(parsed.bit_depth, Some(10));
    assert_eq!(parsed.hdr, ["DV", "HDR10+"]);
    assert_eq!(parsed.audio, ["truehd", "atmos"]);
    assert_eq!(parsed.channels, ["7.1"]);
    assert_eq!(parsed.container.as_deref(), Some("mkv"));
    let spelled = |field: &str| {
        let span = parsed.spans.iter().find(|(known, _)| *known == field).map(|(_, span)| span.clone());
        span.map(|span| &name[span])
    };
    assert_eq!(spelled("title"), Some("Glass.Harbour"));
    assert_eq!(spelled("video_codec"), Some("HEVC"));
    assert_eq!(spelled("group"), Some("QWXZ"));
}

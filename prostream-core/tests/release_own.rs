//! The parser, the matcher and the picker against made-up names with invented groups: sequels, remakes, numbers as titles, languages, packs.

use proptest::prelude::*;
use prostream_core::model::{EpisodeNumber, FileEntry, TitleKind};
use prostream_core::release::{Pick, ReleaseName, Wanted, matches, pick_file};

/// What a name says, in one line: title, year or date, seasons and episodes, then the given fields.
fn summary(name: &str) -> String {
    let parsed = ReleaseName::parse(name);
    let list = |numbers: &[u32]| match numbers {
        [first, .., last] if numbers.len() > 2 => format!("{first}-{last}"),
        _ => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
    };
    let mut out = parsed.title.clone();
    if let Some(year) = parsed.year {
        out += &format!(" ({year})");
    }
    if let Some(date) = &parsed.date {
        out += &format!(" {date}");
    }
    if !parsed.seasons.is_empty() {
        out += &format!(" S{}", list(&parsed.seasons));
    }
    if !parsed.episodes.is_empty() {
        out += &format!(" E{}", list(&parsed.episodes));
    }
    for language in &parsed.languages {
        out += &format!(" {language}");
    }
    if let Some(group) = &parsed.group {
        out += &format!(" -{group}");
    }
    out
}

/// Goal: sequels keep their number, and numbers that are titles stay titles.
/// Method: films in every shape of name.
#[test]
fn numbers_in_titles_of_films_stay() {
    for (name, says) in [
        ("Rocket.Harbour.2.2011.1080p.BluRay.x264-QWXZ", "Rocket Harbour 2 (2011) -QWXZ"),
        ("Rocket.Harbour.III.2014.720p.WEB-DL.H264-QWXZ", "Rocket Harbour III (2014) -QWXZ"),
        ("Rocket Harbour: Part Two (2016) [1080p] [WEBRip]", "Rocket Harbour: Part Two (2016)"),
        ("1999.1999.1080p.BluRay.x264-QWXZ", "1999 (1999) -QWXZ"),
        ("1917.Lanterns.2020.2160p.WEB-DL.H265-QWXZ", "1917 Lanterns (2020) -QWXZ"),
        ("Copper.Runner.2049.2017.1080p.BluRay.x264-QWXZ", "Copper Runner 2049 (2017) -QWXZ"),
        ("2031.An.Attic.Tale.1987.REMASTERED.BDRip.x264-QWXZ", "2031 An Attic Tale (1987) -QWXZ"),
        ("84.Lanterns.2004.DVDRip.XviD-QWXZ", "84 Lanterns (2004) -QWXZ"),
        ("7.Lives.Left.2009.DVDRip.XviD-QWXZ", "7 Lives Left (2009) -QWXZ"),
        ("Harbour 13 (1995) 720p BRRip", "Harbour 13 (1995)"),
        ("Ten.Miles.2.Go.2002.DVDRip-QWXZ", "Ten Miles 2 Go (2002) -QWXZ"),
        ("Lantern Street 451 (2018) 1080p", "Lantern Street 451 (2018)"),
        ("The.4.20.Heist.2018.1080p.BluRay.x264.AAC-QWXZ", "The 4 20 Heist (2018) -QWXZ"),
        ("Harbour.3D.Dreams.2012.1080p.BluRay-QWXZ", "Harbour 3D Dreams (2012) -QWXZ"),
        ("Web.of.Lanterns.2008.DVDRip-QWXZ", "Web of Lanterns (2008) -QWXZ"),
        ("The.Proper.Rocket.2008.DVDRip-QWXZ", "The Proper Rocket (2008) -QWXZ"),
        ("Lantern Vol. 2 (2017) 1080p BluRay", "Lantern Vol. 2 (2017)"),
        ("Rocket.Harbour.2011.PAL.2DVD9-QWXZ", "Rocket Harbour (2011) -QWXZ"),
        ("Гавань і маяк (2011) 1080p", "Гавань і маяк (2011) uk"),
        ("A Complete Harbour 2024 1080p WEB-DL", "A Complete Harbour (2024)"),
        ("(2003) Harbour of Glass (DvdRip Ita).avi", "Harbour of Glass (2003) it"),
        ("Harbour of Glass AKA Port de Verre (2003) 1080p", "Harbour of Glass (2003)"),
        ("Harbour.of.Glass.[2003].DVDRip.XviD-QWXZ", "Harbour of Glass (2003) -QWXZ"),
    ] {
        assert_eq!(summary(name), says, "{name}");
    }
}

/// Goal: episodes are read in every way that people number them.
/// Method: one show, many forms.
#[test]
fn episodes_are_read_in_every_form() {
    for (name, says) in [
        ("Rocket.Harbour.S02E05.Title.1080p.AMZN.WEB-DL.DDP5.1.H.264-QWXZ", "Rocket Harbour S2 E5 -QWXZ"),
        ("rocket.harbour.s02e05e06.720p.hdtv.x264-qwxz", "rocket harbour S2 E5,6 -qwxz"),
        ("Rocket Harbour S02E05-E09 720p", "Rocket Harbour S2 E5-9"),
        ("Rocket.Harbour.S02E05-07.720p", "Rocket Harbour S2 E5-7"),
        ("Rocket Harbour - 2x05 - Title.avi", "Rocket Harbour S2 E5"),
        ("Rocket Harbour [2x05-06] Title.avi", "Rocket Harbour S2 E5,6"),
        ("Rocket Harbour Season 2 Episode 5 720p", "Rocket Harbour S2 E5"),
        ("Rocket Harbour Season 2 E5 720p", "Rocket Harbour S2 E5"),
        ("Rocket Harbour S02EP(01-10) 720p", "Rocket Harbour S2 E1-10"),
        ("Rocket Harbour EP 1 - EP 12 720p", "Rocket Harbour E1-12"),
        ("Rocket.Harbour.ep.01-ep.12.720p", "Rocket Harbour E1-12"),
        ("Rocket Harbour Episodes 01 through 12 720p", "Rocket Harbour E1-12"),
        ("Rocket Harbour Sæson 2 Afsnit 5 720p", "Rocket Harbour S2 E5"),
        ("Rocket.Harbour.S02.1080p.WEB-DL-QWXZ", "Rocket Harbour S2 -QWXZ"),
        ("Rocket.Harbour.S01-S04.COMPLETE.720p-QWXZ", "Rocket Harbour S1-4 -QWXZ"),
        ("Rocket Harbour Season 1-4 Complete", "Rocket Harbour S1-4"),
        ("Rocket Harbour Seasons 1, 2 & 3", "Rocket Harbour S1-3"),
        ("Rocket.Harbour.2020.02.14.Guest.Name.WEB.x264-QWXZ", "Rocket Harbour 2020-02-14 -QWXZ"),
        ("Rocket Harbour 14th Feb 2020 WEBRip h264-QWXZ", "Rocket Harbour 2020-02-14 -QWXZ"),
        ("1923 S02E01 1080p WEB H264-QWXZ", "1923 S2 E1 -QWXZ"),
        ("1883.S01E01.1883.2160p.WEB-DL.H.265-QWXZ.mkv", "1883 S1 E1 -QWXZ"),
        ("24.Lanterns.S01E01.720p-QWXZ", "24 Lanterns S1 E1 -QWXZ"),
        ("The.Desk.US.S01E01.720p.WEB-QWXZ", "The Desk S1 E1 -QWXZ"),
        ("Rocket.Harbour.2004.S01E01.720p.WEB.x264-QWXZ", "Rocket Harbour (2004) S1 E1 -QWXZ"),
        ("Rocket.Harbour.S2025E86.1080p.HDTV-QWXZ", "Rocket Harbour S2025 E86 -QWXZ"),
        ("Rocket Harbour S00E04 OVA.mkv", "Rocket Harbour S0 E4"),
        ("[Qwxz] Hoshi no Minato - 07 [1080p][HEVC].mkv", "Hoshi no Minato E7 -Qwxz"),
        ("[Qwxz] Hoshi no Minato - 07v2 (720p) [A1B2C3D4].mkv", "Hoshi no Minato E7 -Qwxz"),
        ("[Qwxz] Hoshi no Minato 2nd Season - 07 [1080p].mkv", "Hoshi no Minato S2 E7 -Qwxz"),
        ("[Qwxz] Hoshi no Minato S2 - 07 [1080p].mkv", "Hoshi no Minato S2 E7 -Qwxz"),
        ("[Qwxz] Hoshi no Minato 100 - 07 [1080p].mkv", "Hoshi no Minato 100 E7 -Qwxz"),
        ("[Qwxz] Hoshi no Minato - 1107 [1080p].mkv", "Hoshi no Minato E1107 -Qwxz"),
        ("[Qwxz] Hoshi no Minato (01-24) [BD 1080p]", "Hoshi no Minato E1-24 -Qwxz"),
        ("[Qwxz][Hoshi no Minato][07][1080p]", "Hoshi no Minato E7 -Qwxz"),
        ("Hoshi_no_Minato_-_07_-_The_Title.mkv", "Hoshi no Minato E7"),
    ] {
        assert_eq!(summary(name), says, "{name}");
    }
}

/// Goal: seasons and episodes are read however people write them down.
/// Method: a list of forms that were thought up, with made-up names.
#[test]
fn numbers_are_read_in_every_form() {
    let spelled = |numbers: &[u32]| match numbers {
        [first, .., last] if numbers.len() > 2 && (last - first) as usize == numbers.len() - 1 => {
            format!("{first}-{last}")
        }
        _ => numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
    };
    let forms = include_str!("data/release_names/own_numbers.tsv").lines().filter(|line| !line.starts_with("# "));
    let mut count = 0;
    for form in forms {
        let [name, seasons, episodes] = form.split('\t').collect::<Vec<_>>()[..] else { panic!("{form:?}") };
        let parsed = ReleaseName::parse(name);
        for (wanted, found) in [(seasons, &parsed.seasons), (episodes, &parsed.episodes)] {
            assert!(wanted == "?" || spelled(found) == wanted, "{name}: {found:?}, not {wanted}");
        }
        count += 1;
    }
    assert!(count > 400, "{count} forms");
}

/// Goal: names of other languages are read like English ones.
/// Method: Russian, Polish, Portuguese, Spanish, French, German, Italian, Turkish and Chinese forms.
#[test]
fn foreign_names_are_read() {
    for (name, says) in [
        ("Гавань / Harbour / Сезон: 2 / Серии: 1-5 (12) [2016, США, WEBRip 1080p] MVO", "Harbour (2016) S2 E1-5 ru"),
        ("Гавань (2007) DVDRip", "Гавань (2007) ru"),
        ("Гавань 2 сезон 24 серия.avi", "Гавань S2 E24 ru"),
        ("Port.Rakietowy.S01E03.PL.720p.WEB-DL.H264-QWXZ", "Port Rakietowy S1 E3 pl -QWXZ"),
        ("Port Rakietowy - Sezon 4 Odcinek 10 [Lektor PL]", "Port Rakietowy S4 E10 pl"),
        ("Porto de Vidro 1ª Temporada Completa Dublado 1080p", "Porto de Vidro S1 pt"),
        ("Puerto de Cristal - Temporada 2 [HDTV][Cap.205][Castellano]", "Puerto de Cristal S2 E205 es"),
        ("Le.Port.de.Verre.2012.TRUEFRENCH.DVDRip.XviD-QWXZ", "Le Port de Verre (2012) fr -QWXZ"),
        ("Le Port de Verre Saison 2 Episode 5 FRENCH HDTV", "Le Port de Verre S2 E5 fr"),
        ("Der.Glashafen.2012.German.DL.1080p.BluRay.x264-QWXZ", "Der Glashafen (2012) de -QWXZ"),
        ("Der Glashafen Staffel 2 Folge 5 German", "Der Glashafen S2 E5 de"),
        ("Il Porto di Vetro 2012 iTA-ENG Bluray 1080p", "Il Porto di Vetro (2012) en it"),
        ("Cam.Liman.2.Sezon.7.Bölüm.1080p.WEB-DL.H.264-QWXZ", "Cam Liman S2 E7 -QWXZ"),
        ("[Qwxz][玻璃港/GLASS -グラス-][07][1080p]", "GLASS E7 ja zh -Qwxz"),
        ("[Qwxz][玻璃港][Glass Harbour][07][1080p][简体]", "Glass Harbour E7 zh -Qwxz"),
        ("Glass.Harbour.2012.SWESUB.DANSUB.720p.WEB-DL-QWXZ", "Glass Harbour (2012) da sv -QWXZ"),
        ("Glass Harbour (2012) [Hindi + Tamil + Telugu] 720p HDRip", "Glass Harbour (2012) hi ta te"),
        ("Ночи гавани - Glass Harbour (2012) BDRip", "Glass Harbour (2012) ru"),
        ("Ночи гавани. Glass Harbour (2012) BDRip", "Glass Harbour (2012) ru"),
        ("Glass Harbour (Ночи гавани) S01 1080p", "Glass Harbour S1 ru"),
        ("Гавань II (2012) BDRip", "Гавань II (2012) ru"),
        ("هاربور Glass Harbour 2012 1080p", "Glass Harbour (2012) ar"),
        ("ท่าเรือ Glass Harbour 2012 1080p", "Glass Harbour (2012) th"),
        ("[Glass Harbour] 2012 1080p BluRay", "Glass Harbour (2012)"),
        ("[Qwxz] 2012 1080p BluRay", "2012 -Qwxz"),
        ("Glass Harbour Extended 2012 1080p", "Glass Harbour (2012)"),
        ("glassport.com - Glass Harbour 2012 1080p", "Glass Harbour (2012)"),
        ("The Polish Harbour (2012) 1080p BluRay", "The Polish Harbour (2012)"),
        ("Captain English 2003 1080p BluRay", "Captain English (2003)"),
        ("Гавань (Иван Смирнов) [2012, мелодрама, 8 серий, WEB-DL]", "Гавань (2012) E1-8 ru"),
        ("Гавань (Ночь) [2012, мелодрама, WEB-DL]", "Гавань (Ночь) (2012) ru"),
        ("[玻璃港].Glass.Harbour.2012.1080p.BluRay.x264-QWXZ", "Glass Harbour (2012) zh -QWXZ"),
        ("Glass Harbour (aka Porto) 2012 1080p", "Glass Harbour (2012)"),
        ("Der Glashafen Die komplette 2. Staffel 720p", "Der Glashafen S2"),
        ("Leave and Let Die 1973 1080p BluRay", "Leave and Let Die (1973)"),
    ] {
        assert_eq!(summary(name), says, "{name}");
    }
}

/// Goal: languages are told by codes and words wherever releases put them, and words that only look like codes tell none.
/// Method: codes before the group, at the end and in runs; words for subtitles in their language; signs; counter-examples of each.
#[test]
fn languages_are_told_by_codes_and_words() {
    for (name, languages) in [
        // A code between a mark and the group, or in capitals at the end.
        ("Glass.Harbour.2012.1080p.WEB-DL.x264.AC3.iTA-QWXZ", "it"),
        ("Glass.Harbour.2012.1080p.BluRay.x264.HUN-QWXZ", "hu"),
        ("Glass.Harbour.2012.1080p.BluRay.x264-HUN", ""),
        ("Glass Harbour S02E05 Wrak PL", "pl"),
        ("Glass Harbour S02E05 The Pl", ""),
        // Runs of codes, in whatever letters.
        ("Glass Harbour (2012) Fr Eng 1080p", "en fr"),
        ("Glass Harbour (2012) en/fr/de 1080p", "de en fr"),
        ("Glass Harbour 2012 eng ita 1080p", "en it"),
        ("Glass Harbour 2012 CN EN 1080p", "en zh"),
        ("Glass Harbour 2012 CN WEB-DL", ""),
        ("Glass Harbour 2012 SE 1080p BluRay", ""),
        // In capitals before a mark, behind the title or the episode's.
        ("Glass.Harbour.1x05.Notte.ITA.WEBMux.x264-QWXZ", "it"),
        ("Glass.Harbour.S01E05.Noc.PL.1080p.WEB", "pl"),
        ("Glass.Harbour.S01E05.The.IT.Crowd.1080p.WEB", ""),
        ("GLASS.HARBOUR.POR.1080p.WEB", ""),
        // Cut off by the end of a name of 64 letters; shorter names are whole.
        ("Glass Night Boatsx (1995) Some Actor.DVDrip.XviD - English Frenc", "en fr"),
        ("Glass Night Boats of Lanterns and Rainf (2011) BDRip x264 (ENG S", "en"),
        ("Glass (1995) DVDrip.XviD - English Frenc", "en"),
        ("Portuguese (Brazil).srt", "pt"),
        ("Glass Harbour S02E03 No.Se.Puede.1080p.WEB", ""),
        ("Glass Harbour S02E03 Es No Ben 1080p", ""),
        ("Glass Harbour (2012) [CAST-ENG] 720p", "en es"),
        ("Glass Harbour The Cast 2012 720p", ""),
        // Words for subtitles and dubbing.
        ("Glass Harbour 2012 1080p Sub Indo", "id"),
        ("Glass Harbour 2012 1080p CZ titulky", "cs"),
        ("Glass Harbour 2012 1080p SK dabing", "sk"),
        ("Glass Harbour 2012 1080p NORDICSUBS", "da fi no sv"),
        ("Glass Harbour (2012) Subtitulada 1080p", "es"),
        ("Glass Harbour (2012) E-Subs", "en"),
        ("Glass Harbour.eng.forced.srt", "en"),
        // Signs.
        ("[Qwxz] Glass Harbour - 07 [1080p][简日双语]", "ja zh"),
        ("[Qwxz] Glass Harbour - 07 [1080p][中英字幕]", "en zh"),
        ("[Qwxz] Glass Harbour - 07 [1080p][日本語吹替]", "ja"),
        ("Glass Harbour 2012 1080p دوبله فارسی", "fa"),
        // Before what makes a sound track, behind a mark, at the very end behind a dash, between marks in small letters.
        ("Glass Harbour 2012 [2160p DoVi P8 Es-DTSHD AC3 En-AC3]", "en es"),
        ("Glass Harbour 2012 DVDRip XviD ITA by Qwxz", "it"),
        ("Glass Harbour 2012 DVDRip XviD por Qwxz", ""),
        ("Glass Harbour - ITA.avi", "it"),
        ("Glass Harbour - Dan.avi", ""),
        ("Glass Harbour S01E05.French Canada.srt", "fr"),
        ("Glass.Harbour.2012.1080p.pl.x264-QWXZ", "pl"),
        ("Glass.Harbour.3x11m720p.es[www.glassport.com].mkv", "es"),
        ("Glass.Harbour.2012.2160p.iT.WEB-DL", ""),
        ("Glass Harbour PL.mp4", "pl"),
        ("Glass Harbour [26 из 26] [RUS(ext), ENG, JAP+Sub] [2019, BDRip]", "en ja ru"),
        ("Glass Harbour 2012 - en,es,de", "de en es"),
        ("Glass.Harbour.2012.Sp.DVDRip", "es"),
        ("Glass Harbour 2012 legendado em PT", "pt"),
        ("Glass Harbour Dual 1080p", ""),
        // What stands before the title is told from it, wherever that begins.
        ("【玻璃港发布】玻璃港[简繁英字幕].French.Harbour.2012.2160p", "en zh"),
        ("2012.French.Harbour.Bluray.1080p", ""),
        ("[Qwxz] ｶﾞﾗｽ - 05", "ja"),
        // A title in capitals does not make the whole name shout.
        ("The.GH.1x08.La.Casa.Quieta.ITA.WEBMux.x264-Qwxz", "it"),
        // Words that say it with another one.
        ("Glass Harbour 2012 DVDRip Espanol De Espana", "es"),
        ("Glass Harbour S01E05 720p English HI", "en"),
        ("Glass Harbour 2012 720p Legendas", "pt"),
        ("Glass Harbour 2012 [bra-por]", "pt"),
        ("Glass Harbour 2012 720p VOST", "fr"),
        ("Glass Harbour 2012 720p [Tam + Guj]", "gu ta"),
        // No languages: the last episode, specials.
        ("[Qwxz] Glass Harbour [01-12][Fin][1080p]", ""),
        ("[Qwxz] Glass Harbour [01-12+SP][1080p]", ""),
    ] {
        assert_eq!(ReleaseName::parse(name).languages.join(" "), languages, "{name}");
    }
}

/// Goal: dates are read with the month in front, in one word, and as six digits before a mark; titles with dates keep them.
/// Method: every form, and what only looks like it.
#[test]
fn dates_are_read_in_every_form() {
    for (name, says) in [
        ("Evening Harbour Jan 15 2024 480p", "Evening Harbour 2024-01-15"),
        ("Evening Harbour January 15, 2024 480p", "Evening Harbour 2024-01-15"),
        ("Evening.Harbour.Jan.15.2024.720p", "Evening Harbour 2024-01-15"),
        ("Evening Harbour 15Jan2024 720p", "Evening Harbour 2024-01-15"),
        ("Evening Harbour 2024年01月15日", "Evening Harbour 2024-01-15 zh"),
        ("Evening.Harbour.240115.720p-QWXZ", "Evening Harbour 2024-01-15 -QWXZ"),
        ("Evening.Harbour.E101.240115.HDTV.H264.720p-QWXZ", "Evening Harbour 2024-01-15 E101 -QWXZ"),
        ("September 30 1955 1977 1080p BluRay", "September 30 1955 (1977)"),
        ("Evening Harbour 240115 The Wreck", "Evening Harbour 240115 The Wreck"),
        ("Evening Harbour 991399 720p", "Evening Harbour 991399"),
    ] {
        assert_eq!(summary(name), says, "{name}");
    }
}

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

/// Goal: a word for sound or colours that opens the name is its title; behind it, it says how the film is made.
/// Method: such titles, and the same words in their place.
#[test]
fn marks_that_open_a_name_are_titles() {
    for (name, says) in [
        ("Atmos.Harbour.2018.1080p.WEB", "Atmos Harbour (2018)"),
        ("HDR.Harbour.2018.1080p.WEB", "HDR Harbour (2018)"),
        ("Remux.2018.1080p.WEB", "Remux (2018)"),
        ("[1080p] Glass Harbour 2018", "Glass Harbour (2018)"),
        ("Glass.Harbour.Remux.2018.1080p", "Glass Harbour (2018)"),
        // Numbers, too.
        ("(500) Harbours of Glass (2009)", "(500) Harbours of Glass (2009)"),
        ("[Qwxz] 86 - 05 [1080p].mkv", "86 E5 -Qwxz"),
        ("Glass Harbour 2.0 (2009) 1080p", "Glass Harbour 2.0 (2009)"),
        ("[Qwxz&Abc][Glass Harbour][S01-S02+OVA][BDRip][1080p]", "Glass Harbour S1,2 -Qwxz&Abc"),
    ] {
        assert_eq!(summary(name), says, "{name}");
    }
    assert_eq!(ReleaseName::parse("Atmos.Harbour.2018.1080p.WEB").audio, Vec::<String>::new());
}

/// Goal: numbers of a title are told from what counts episodes and seasons beside them.
/// Method: one title after the other that ends, begins or consists of numbers, in the forms that count.
#[test]
fn numbers_of_titles_do_not_count() {
    for (name, says) in [
        ("[Qwxz] 9-1-1 - 23.mp4", "9-1-1 E23 -Qwxz"),
        ("9-1-1 - 103 - The End.mkv", "9-1-1 E103"),
        ("004 - 91 Nights - [DVD].avi", "91 Nights E4"),
        ("004 - 012 [DVD].avi", " E4-12"),
        ("S01E01-91 Nights [47C8F23B].mkv", "91 Nights S1 E1"),
        ("Harbour Zone 2 - 04ª Temporada 720p", "Harbour Zone 2 S4 es"),
        ("Harbour.Zone.2.1x08.720p.HDTV", "Harbour Zone 2 S1 E8"),
        ("Harbour.Zone.2-04_05.avi", "Harbour Zone 2 S4 E5"),
        ("[Qwxz] Harbour 51 (Season 2) [1080p]", "Harbour 51 S2 -Qwxz"),
        ("[Qwxz] Harbour 2202 [1080p]", "Harbour 2202 -Qwxz"),
        ("[Qwxz] Harbour 51 [BD 1080p]", "Harbour 51 -Qwxz"),
        ("[Qwxz] Harbour 51 [1080p].mkv", "Harbour E51 -Qwxz"),
        ("Hello, Harbour! - 6.01 - Door.mkv", "Hello, Harbour! S6 E1"),
        ("Hello.Harbour!.02.09.avi", "Hello Harbour! S2 E9"),
        ("G.L.A.S.S. - 6.01 - Door.mkv", "G L A S S S6 E1"),
        ("Солнце 91 Nights (2007) BDRip", "91 Nights (2007) ru"),
        ("[Qwxz] Harbour #1 - 23.mp4", "Harbour #1 E23 -Qwxz"),
        ("02 ¿Harbour?.mp4", "Harbour? E2"),
        ("2-06. Season of Harbours.mkv", "Season of Harbours S2 E6"),
        ("Bottle.Cap.2014.1080p", "Bottle Cap (2014)"),
        ("The Folge (2014) 720p", "The Folge (2014)"),
        ("Glass Harbour [Cap.2014]", "Glass Harbour E2014"),
        // Words that begin like words for subtitles, and end like codes.
        ("Le.Harbour.de.Nuit.2014.1080p", "Le Harbour de Nuit (2014)"),
        ("Legit S01E02 720p", "Legit S1 E2"),
        ("Glass Harbour 2014 720p NUiTA SubES", "Glass Harbour (2014) es it"),
        ("Harbour, The - Seasons 1 + 2", "Harbour, The S1,2"),
        ("Harbour (Night) - 6.01 - Door.mkv", "Harbour (Night) S6 E1"),
        ("S01E01-Léa [47C8F23B].mkv", "Léa S1 E1"),
        ("www.glassport.com - IT (2020) S02 EP (01-10)", "IT (2020) S2 E1-10"),
        ("www.glassport.com - French Harbour (2020) 1080p", "French Harbour (2020)"),
        ("[www.glassport.com] - [Qwxz] Harbour - 23.mp4", "Harbour E23 -Qwxz"),
        ("glassport.org - [Qwxz] Harbour - 23.mp4", "Harbour E23 -Qwxz"),
        ("[glassport.com] 4-13 Harbour (HD)", "Harbour S4 E13"),
        ("www.glassport.com.mkv", ""),
        ("Гавань 3D / Harbour 3D (2014) BDRip", "Harbour 3D (2014) ru"),
        ("Гавань II / Harbour II (2014) BDRip", "Harbour II (2014) ru"),
        // Files without their endings.
        ("321 - Glass Harbour", "Glass Harbour E321"),
        ("04. Glass Harbour [720p]", "Glass Harbour E4"),
        ("Glass Harbour [5.134] The Gate", "Glass Harbour S5 E134"),
        ("300 - Harbour 2014 1080p", "300 - Harbour (2014)"),
        ("Glass Harbour 18 09 00.avi", "Glass Harbour 2000-09-18"),
        ("11 22 63 - Temporada 1 [HDTV]", "11 22 63 S1 es"),
    ] {
        assert_eq!(summary(name), says, "{name}");
        check_spans(name).unwrap();
    }
}

/// Goal: a title that stands in one word with the first mark is found, and its year with it.
/// Method: names as a site of small files gives them.
#[test]
fn titles_glued_to_a_mark_are_read() {
    for (name, says) in [
        ("GlassHarbour2M1080.www.glassport.com.mkv", "GlassHarbour2"),
        ("GlassHarbour2012BD720.www.glassport.com.mkv", "GlassHarbour (2012)"),
        ("GlassHarbourHD1080.www.glassport.com.mkv", "GlassHarbour"),
        ("GlassHarbour720p_105_www.glassport.com.mkv", "GlassHarbour"),
        ("GlassHarbour720p_1x05_www.glassport.com.mkv", "GlassHarbour S1 E5"),
        ("Glass Harbour Series Complete 720p", "Glass Harbour"),
        ("Glass Harbour All 8 Movies 1080p", "Glass Harbour"),
        ("Glass Harbour Full 12 Episodes", "Glass Harbour"),
        ("Glass Harbour All 3 Seasons 1080p", "Glass Harbour S1-3"),
        ("A.Harbour.for.All.Seasons.1966.1080p", "A Harbour for All Seasons (1966)"),
        ("Glass Harbour kolekcja filmów 720p", "Glass Harbour"),
        ("Glass Harbour Full Movie 2012 720p", "Glass Harbour (2012)"),
        ("Glass Harbour Complete Seasons S01-S03 720p", "Glass Harbour S1-3"),
    ] {
        assert_eq!(summary(name), says, "{name}");
        check_spans(name).unwrap();
    }
}

/// Goal: words and file paths are read together.
/// Method: a folder that says what the file does not.
#[test]
fn paths_are_read_as_a_whole() {
    assert_eq!(summary("Rocket Harbour/Season 2/05 - Title.mkv"), "Rocket Harbour S2 E5");
    assert_eq!(summary("Rocket.Harbour.2011.1080p.BluRay.x264-QWXZ/qwxz-rh.mkv"), "Rocket Harbour (2011) -QWXZ");
    assert_eq!(ReleaseName::parse("Subs/21_Bokmal.srt").languages, ["no"]);
    for (path, says) in [
        // Scene files have short names; their folders say what they are.
        ("Rocket Harbour (2011)/qwxz-rh.1080p.mkv", "Rocket Harbour (2011)"),
        ("Rocket.Harbour.2011.1080p.BluRay.x264-QWXZ/qwxz-rh1080p.mkv", "Rocket Harbour (2011) -QWXZ"),
        ("Rocket.Harbour.2011.1080p.BluRay.x264-QWXZ/qwxz-rocket.harbour.2011.mkv", "Rocket Harbour (2011) -QWXZ"),
        ("Rocket.Harbour.S02E05.720p.HDTV.x264-QWXZ/rh.205.720p-qwxz.mkv", "Rocket Harbour S2 E5 -qwxz"),
        ("Rocket.Harbour.S02.720p.HDTV.x264-QWXZ/rh.205.720p-qwxz.mkv", "Rocket Harbour S2 E5 -qwxz"),
        ("Rocket.Harbour.S02.720p.HDTV.x264-QWXZ/qwxz-rh205.mkv", "Rocket Harbour S2 E5 -QWXZ"),
        ("Rocket.Harbour.S02.720p.HDTV.x264-QWXZ/qwxz-rhs02e05.mkv", "Rocket Harbour S2 E5 -QWXZ"),
        ("Rocket.Harbour.S02.720p.HDTV.x264-QWXZ/qwxz.rocket.harbour.s02e05.mkv", "Rocket Harbour S2 E5 -QWXZ"),
        ("Rocket.Harbour.S02E01-E10.720p.x264-QWXZ/qwxz-rh.s02e05.mkv", "Rocket Harbour S2 E5 -QWXZ"),
        // A subtitle's number among its like is no episode.
        ("Subs/Rocket.Harbour.S02E05.720p.x264-QWXZ/34_tam.srt", "Rocket Harbour S2 E5 ta -QWXZ"),
        ("Rocket.Harbour.2011.1080p.x264-QWXZ/Subs/2_English.srt", "Rocket Harbour (2011) en -QWXZ"),
        ("Rocket Harbour/Season 2/05.en.srt", "Rocket Harbour S2 E5 en"),
        ("Subs/5_nor.srt", " no"),
        ("Rocket.Harbour.S02.720p/rocket.harbour.205.720p.mkv", "rocket harbour S2 E5"),
        ("Rocket Harbour/2-05.mkv", "Rocket Harbour S2 E5"),
        // The nearest folder tells it, whatever stands around that one; a sample belongs to its release.
        (
            "Rocket.Harbour.Saga.1080p.x264-QWXZ/Rocket.Harbour.2011.x264-QWXZ/qwxz-rh.mkv",
            "Rocket Harbour (2011) -QWXZ",
        ),
        (
            "Rocket.Harbour.2011.1080p.x264-QWXZ/Rocket.Harbour.2011.1080p.x264-QWXZ-sample.mkv",
            "Rocket Harbour (2011) -QWXZ",
        ),
        // Another film of a collection keeps its own title.
        ("Rocket.Harbour.Trilogy.1080p.x264-QWXZ/Rocket.2008.1080p.x264-QWXZ.mkv", "Rocket (2008) -QWXZ"),
        ("Rocket.Harbour.Trilogy.1080p.x264-QWXZ/Rocket.Harbour.II.x264-QWXZ.mkv", "Rocket Harbour II -QWXZ"),
    ] {
        assert_eq!(summary(path), says, "{path}");
        check_spans(path).unwrap();
    }
}

/// Goal: a title that looks like marks or numbers is found by whoever knows it, and what stands behind it is read as ever.
/// Method: names whose title ends too early when read alone; beside each what must not match.
#[test]
fn a_wanted_title_may_look_like_marks() {
    for (name, title, is_match) in [
        ("Harbour.Uncut.Diamonds.2019.1080p.BluRay.x264-QWXZ", "Harbour Uncut Diamonds", true),
        ("Harbour.Uncut.Diamonds.2019.1080p.BluRay.x264-QWXZ", "Harbour", false),
        ("Harbour.Uncut.2019.1080p.BluRay.x264-QWXZ", "Harbour Uncut Diamonds", false),
        ("Rocket.1080p.Dreams.2019.720p.WEB-DL-QWXZ", "Rocket 1080p Dreams", true),
        ("Rocket.1080p.Dreamsong.2019.720p.WEB-DL-QWXZ", "Rocket 1080p Dreams", false),
        ("The.Extended.Summer.2019.720p.WEB-DL-QWXZ", "The Extended Summer", true),
        ("The.Extended.Summer.2.2019.720p.WEB-DL-QWXZ", "The Extended Summer", false),
    ] {
        let verdict = matches(&ReleaseName::parse(name), &film(title, 2019));
        assert_eq!(verdict.is_match, is_match, "{name}: {:?}", verdict.reasons);
    }
    let area = ReleaseName::parse("Area.51.S02E03.720p.WEB-DL-QWXZ");
    assert!(matches(&area, &episode("Area 51", 2, 3)).is_match);
    assert!(!matches(&area, &episode("Area 51", 2, 4)).is_match);
    assert!(!matches(&area, &episode("Area", 2, 3)).is_match);
    // What stands before such a title counts.
    let numbered = ReleaseName::parse("4-13 Harbour HD (HD)");
    assert!(matches(&numbered, &episode("Harbour HD", 4, 13)).is_match);
    assert!(!matches(&numbered, &episode("Harbour HD", 4, 14)).is_match);
    let dated = ReleaseName::parse("(2000) Harbour HD (DVDRip AC3 5.1).avi");
    assert!(matches(&dated, &film("Harbour HD", 2000)).is_match);
    assert!(!matches(&dated, &film("Harbour HD", 2004)).is_match);
    let remarked = ReleaseName::parse("Гавань / Harbour (Night) / Сезон: 2 / Серии: 1-8 из 8 [2014]");
    assert!(matches(&remarked, &episode("Harbour (Night)", 2, 8)).is_match);
    assert!(matches(&remarked, &episode("Harbour", 2, 8)).is_match);
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

fn film(name: &str, year: u16) -> Wanted {
    Wanted {
        kind: TitleKind::Movie,
        names: vec![name.to_owned()],
        year: Some(year),
        episode: None,
        absolute_episode: None,
        air_date: None,
        runtime_min: None,
    }
}

fn episode(name: &str, season: u32, episode: u32) -> Wanted {
    Wanted { kind: TitleKind::Series, year: None, episode: Some(EpisodeNumber { season, episode }), ..film(name, 0) }
}

/// Goal: a release passes for what it is and for nothing near it.
/// Method: names against the wanted title, its sequels, remakes and spin-offs.
#[test]
fn releases_match_only_what_they_hold() {
    let harbour = film("Rocket Harbour", 2008);
    let show = episode("Rocket Harbour", 2, 5);
    for (name, wanted, is_match) in [
        ("Rocket.Harbour.2008.1080p.BluRay-QWXZ", &harbour, true),
        ("The.Rocket.Harbour.2008.1080p.BluRay-QWXZ", &harbour, true),
        ("Rocket.Harbour.2009.1080p.BluRay-QWXZ", &harbour, true),
        ("Rocket.Harbour.1978.1080p.BluRay-QWXZ", &harbour, false),
        ("Rocket.Harbour.2.2008.1080p.BluRay-QWXZ", &harbour, false),
        ("Rocket.Harbour.Reloaded.2008.1080p.BluRay-QWXZ", &harbour, false),
        ("Return.to.Rocket.Harbour.2008.1080p-QWXZ", &harbour, false),
        ("Rocket.Harbour.S01E01.1080p-QWXZ", &harbour, false),
        ("Rakete / Rocket Harbour (2008) DVDRip", &harbour, true),
        ("Rakete AKA Rocket Harbour (2008) DVDRip", &harbour, true),
        ("Rocket.Harbour.S02E05.1080p-QWXZ", &show, true),
        ("Rocket.Harbour.S02E04-E06.1080p-QWXZ", &show, true),
        ("Rocket.Harbour.S02.1080p-QWXZ", &show, true),
        ("Rocket.Harbour.COMPLETE.SERIES.1080p-QWXZ", &show, true),
        ("Rocket.Harbour.S02E06.1080p-QWXZ", &show, false),
        ("Rocket.Harbour.S03E05.1080p-QWXZ", &show, false),
        ("Rocket.Harbour.Kids.S02E05.1080p-QWXZ", &show, false),
        ("Rocket.Harbour.2008.1080p.BluRay-QWXZ", &show, false),
    ] {
        let verdict = matches(&ReleaseName::parse(name), wanted);
        assert_eq!(verdict.is_match, is_match, "{name}: {:?}", verdict.reasons);
    }
}

/// Goal: sequels, remakes, spin-offs, numbers that are titles, and other spellings and languages of a title are told apart.
/// Method: a list of questions with made-up names.
#[test]
fn own_questions_are_answered() {
    let questions = include_str!("data/release_names/own_matches.tsv").lines().filter(|line| !line.starts_with("# "));
    let mut count = 0;
    for question in questions {
        let [kind, title, year, number, name, answer] = question.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{question:?}")
        };
        let mut wanted = film(title, 0);
        wanted.year = (!year.is_empty()).then(|| year.parse().unwrap());
        if kind == "episode" {
            wanted.kind = TitleKind::Series;
            if let Some(number) = number.strip_prefix('A') {
                wanted.absolute_episode = Some(number.parse().unwrap());
            } else {
                let (season, episode) = number.strip_prefix('S').and_then(|number| number.split_once('E')).unwrap();
                let (season, episode) = (season.parse().unwrap(), episode.parse().unwrap());
                wanted.episode = Some(EpisodeNumber { season, episode });
            }
        }
        let verdict = matches(&ReleaseName::parse(name), &wanted);
        assert_eq!(verdict.is_match, answer == "yes", "{title} {year} {number}: {name}: {:?}", verdict.reasons);
        count += 1;
    }
    assert!(count > 200, "{count} questions");
}

const GB: u64 = 1_000_000_000;
const MB: u64 = 1_000_000;

fn files(list: &[(&str, u64)]) -> Vec<FileEntry> {
    list.iter().map(|(path, size_bytes)| FileEntry { path: (*path).to_owned(), size_bytes: *size_bytes }).collect()
}

/// The path picked, or `ask`.
fn picked<'f>(files: &'f [FileEntry], wanted: &Wanted) -> &'f str {
    match pick_file(files, wanted) {
        Pick::File { file_index, confidence, .. } => {
            assert!((0.7..=1.0).contains(&confidence), "{confidence}");
            &files[file_index].path
        }
        Pick::Ask { .. } => "ask",
    }
}

/// Names of a pack, built from a pattern in which `##` is the number.
fn numbered(pattern: &str, numbers: std::ops::RangeInclusive<u32>, width: usize) -> Vec<FileEntry> {
    numbers
        .map(|number| FileEntry {
            path: pattern.replace("##", &format!("{number:0width$}")),
            size_bytes: 400 * MB + u64::from(number),
        })
        .collect()
}

/// Goal: in packs numbered in any way the right episode is found, or the viewer is asked; never a wrong file.
/// Method: packs of one pattern; season 2, episode 3 is wanted, the 15th of all.
#[test]
fn packs_of_one_pattern() {
    let plain = episode("Rocket Harbour", 2, 3);
    let counted = Wanted { absolute_episode: Some(15), ..plain.clone() };
    let cases: Vec<(Vec<FileEntry>, &Wanted, &str)> = vec![
        (numbered("P/Rocket.Harbour.S02E##.mkv", 1..=10, 2), &plain, "P/Rocket.Harbour.S02E03.mkv"),
        (numbered("P/rocket.harbour.2x##.avi", 1..=10, 2), &plain, "P/rocket.harbour.2x03.avi"),
        (numbered("Rocket Harbour S02/E##.mkv", 1..=10, 2), &plain, "Rocket Harbour S02/E03.mkv"),
        (
            numbered("Rocket Harbour/Season 2/## - Title.mkv", 1..=10, 2),
            &plain,
            "Rocket Harbour/Season 2/03 - Title.mkv",
        ),
        (
            numbered("Rocket Harbour Season 2/Rocket Harbour - ##.mkv", 1..=12, 2),
            &plain,
            "Rocket Harbour Season 2/Rocket Harbour - 03.mkv",
        ),
        (
            numbered("P/[Qw] Rocket Harbour - ## [720p].mkv", 1..=24, 2),
            &counted,
            "P/[Qw] Rocket Harbour - 15 [720p].mkv",
        ),
        (numbered("P/[Qw] Rocket Harbour - ## [720p].mkv", 1..=24, 2), &plain, "ask"),
        (
            numbered("Rocket Harbour S2/[Qw] Rocket Harbour - ##.mkv", 13..=24, 2),
            &counted,
            "Rocket Harbour S2/[Qw] Rocket Harbour - 15.mkv",
        ),
        (
            numbered("Rocket Harbour S2/[Qw] Rocket Harbour - ##.mkv", 13..=24, 2),
            &plain,
            "Rocket Harbour S2/[Qw] Rocket Harbour - 15.mkv",
        ),
        (numbered("P/Rocket Harbour S01E##.mkv", 1..=24, 2), &counted, "P/Rocket Harbour S01E15.mkv"),
        (numbered("P/Rocket Harbour S01E##.mkv", 1..=10, 2), &plain, "ask"),
        (numbered("P/Rocket Harbour - 2## - Title.avi", 1..=10, 2), &plain, "P/Rocket Harbour - 203 - Title.avi"),
        (numbered("P/Гавань 2 сезон ## серия.avi", 1..=10, 2), &plain, "P/Гавань 2 сезон 03 серия.avi"),
        (
            numbered("P/Puerto - Temporada 2 [HDTV][Cap.2##].avi", 1..=10, 2),
            &plain,
            "P/Puerto - Temporada 2 [HDTV][Cap.203].avi",
        ),
        (numbered("P/Rocket Harbour S02E## 5.1 AC3.mkv", 1..=10, 2), &plain, "P/Rocket Harbour S02E03 5.1 AC3.mkv"),
    ];
    for (files, wanted, path) in &cases {
        assert_eq!(picked(files, wanted), *path, "{}", files[0].path);
    }
}

/// Goal: samples, extras, subtitles, two seasons and doubles do not lead astray.
/// Method: packs with such files; season 2, episode 3 is wanted.
#[test]
fn packs_with_other_files() {
    let wanted = episode("Rocket Harbour", 2, 3);
    let cases: &[(&[(&str, u64)], &str)] = &[
        (
            &[("P/Rocket.Harbour.S02E03.mkv", GB), ("P/Sample/rocket.harbour.s02e03.sample.mkv", 40 * MB)],
            "P/Rocket.Harbour.S02E03.mkv",
        ),
        (
            &[("P/Rocket.Harbour.S02E03.mkv", GB), ("P/Rocket.Harbour.S02E03.srt", 1), ("P/x.nfo", 1)],
            "P/Rocket.Harbour.S02E03.mkv",
        ),
        (
            &[("P/Rocket.Harbour.S02E03-E04.mkv", GB), ("P/Rocket.Harbour.S02E05.mkv", GB)],
            "P/Rocket.Harbour.S02E03-E04.mkv",
        ),
        (&[("P/Rocket.Harbour.S01E03.mkv", GB), ("P/Rocket.Harbour.S02E03.mkv", GB)], "P/Rocket.Harbour.S02E03.mkv"),
        (&[("P/S1/E03.mkv", GB), ("P/S2/E03.mkv", GB)], "P/S2/E03.mkv"),
        (&[("P/Season 1/03.mkv", GB), ("P/Season 2/03.mkv", GB), ("P/Season 2/04.mkv", GB)], "P/Season 2/03.mkv"),
        (
            &[("P/Rocket.Harbour.S02E03.mkv", GB), ("P/Featurettes/Making of S02E03.mkv", 300 * MB)],
            "P/Rocket.Harbour.S02E03.mkv",
        ),
        (&[("P/Rocket.Harbour.S02E03.720p.mkv", GB), ("P/Rocket.Harbour.S02E03.1080p.mkv", 2 * GB)], "ask"),
        (
            &[("P/Rocket.Harbour.S02E03v2.mkv", GB), ("P/Rocket.Harbour.S02E03.mkv", GB)],
            "P/Rocket.Harbour.S02E03v2.mkv",
        ),
        (&[("P/Rocket.Harbour.S02E03.mkv", GB), ("P/Other.Show.S02E03.mkv", GB)], "P/Rocket.Harbour.S02E03.mkv"),
        (&[("P/Rocket.Harbour.S02E04.mkv", GB), ("P/Other.Show.S02E03.mkv", GB)], "ask"),
        (&[("P/Rocket.Harbour.S02E04.mkv", GB)], "ask"),
        (&[("Rocket.Harbour.S02E03.1080p/qwxz.mkv", GB)], "Rocket.Harbour.S02E03.1080p/qwxz.mkv"),
        (
            &[("P/Specials/Rocket Harbour - 03.mkv", GB), ("P/Season 2/Rocket Harbour - 03.mkv", GB)],
            "P/Season 2/Rocket Harbour - 03.mkv",
        ),
        (&[("P/readme.txt", 1), ("P/cover.jpg", 2)], "ask"),
        (&[], "ask"),
    ];
    for (list, path) in cases {
        assert_eq!(picked(&files(list), &wanted), *path, "{list:?}");
    }
}

/// Goal: packs as people make them: absolute numbers, doubles, specials, two seasons, extras, misnumbered and foreign files.
/// Method: names alone, all files of one size; season 2, episode 3 of `Rocket Harbour` is wanted, the 15th of all where it is counted.
#[test]
fn packs_of_every_kind() {
    let plain = episode("Rocket Harbour", 2, 3);
    let counted = Wanted { absolute_episode: Some(15), ..plain.clone() };
    let special = episode("Rocket Harbour", 0, 2);
    let named = Wanted { names: vec!["Rocket Harbour".to_owned(), "Port Rakietowy".to_owned()], ..plain.clone() };
    let cases: &[(&Wanted, &[&str], &str)] = &[
        (
            &plain,
            &["P/Rocket Harbour S02E01-E02.mkv", "P/Rocket Harbour S02E03-E04.mkv"],
            "P/Rocket Harbour S02E03-E04.mkv",
        ),
        (&plain, &["P/Rocket Harbour S02E01E02.mkv", "P/Rocket Harbour S02E03.mkv"], "P/Rocket Harbour S02E03.mkv"),
        (
            &plain,
            &["P/S01/Rocket Harbour S01E03.mkv", "P/S02/Rocket Harbour S02E03.mkv"],
            "P/S02/Rocket Harbour S02E03.mkv",
        ),
        (&plain, &["P/S01E03.mkv", "P/S02E03.mkv", "P/S03E03.mkv"], "P/S02E03.mkv"),
        (&plain, &["P/1x03.avi", "P/2x03.avi", "P/2x04.avi"], "P/2x03.avi"),
        (&plain, &["P/103.avi", "P/203.avi", "P/204.avi"], "P/203.avi"),
        (&plain, &["P/Season 1/Episode 3.mkv", "P/Season 2/Episode 3.mkv"], "P/Season 2/Episode 3.mkv"),
        (&plain, &["P/Season 2/03. The Door.mkv", "P/Season 2/04. The Key.mkv"], "P/Season 2/03. The Door.mkv"),
        (
            &plain,
            &["P/Season 02/Rocket Harbour 03.mkv", "P/Season 02/Rocket Harbour 04.mkv"],
            "P/Season 02/Rocket Harbour 03.mkv",
        ),
        (&plain, &["Staffel 2/Folge 03.mkv", "Staffel 2/Folge 04.mkv"], "Staffel 2/Folge 03.mkv"),
        (&plain, &["Temporada 2/Capitulo 03.avi", "Temporada 2/Capitulo 04.avi"], "Temporada 2/Capitulo 03.avi"),
        (&plain, &["Saison 2/Episode 03.mkv", "Saison 1/Episode 03.mkv"], "Saison 2/Episode 03.mkv"),
        (&plain, &["Сезон 2/03 серия.avi", "Сезон 2/04 серия.avi"], "Сезон 2/03 серия.avi"),
        (
            &named,
            &["P/Port.Rakietowy.S02E03.PL.mkv", "P/Port.Rakietowy.S02E04.PL.mkv"],
            "P/Port.Rakietowy.S02E03.PL.mkv",
        ),
        (
            &counted,
            &["P/[Qw] Rocket Harbour - 14.mkv", "P/[Qw] Rocket Harbour - 15.mkv"],
            "P/[Qw] Rocket Harbour - 15.mkv",
        ),
        (
            &counted,
            &["P/[Qw] Rocket Harbour - 14.mkv", "P/[Qw] Rocket Harbour - 15v2.mkv"],
            "P/[Qw] Rocket Harbour - 15v2.mkv",
        ),
        (
            &counted,
            &["P/[Qw] Rocket Harbour S2 - 03.mkv", "P/[Qw] Rocket Harbour S2 - 04.mkv"],
            "P/[Qw] Rocket Harbour S2 - 03.mkv",
        ),
        (
            &counted,
            &["P/[Qw] Rocket Harbour 2nd Season - 03.mkv", "P/[Qw] Rocket Harbour - 03.mkv"],
            "P/[Qw] Rocket Harbour 2nd Season - 03.mkv",
        ),
        (
            &counted,
            &["P/Rocket Harbour - S02E03 - 015 - Door.mkv", "P/Rocket Harbour - S02E04 - 016 - Key.mkv"],
            "P/Rocket Harbour - S02E03 - 015 - Door.mkv",
        ),
        (
            &special,
            &["P/Rocket Harbour S00E01.mkv", "P/Rocket Harbour S00E02.mkv", "P/Rocket Harbour S01E02.mkv"],
            "P/Rocket Harbour S00E02.mkv",
        ),
        (&special, &["P/Rocket Harbour S01E02.mkv", "P/Rocket Harbour S02E02.mkv"], "ask"),
        (&plain, &["P/Rocket Harbour S02E03.mkv", "P/Rocket Harbour S02E03 Commentary.mkv"], "ask"),
        (
            &plain,
            &["P/Rocket Harbour S02E03.mkv", "P/Extras/Rocket Harbour S02E03 Deleted Scenes.mkv"],
            "P/Rocket Harbour S02E03.mkv",
        ),
        (
            &plain,
            &["P/Rocket Harbour S02E03 5.1.mkv", "P/Rocket Harbour S02E05 5.1.mkv"],
            "P/Rocket Harbour S02E03 5.1.mkv",
        ),
        (&plain, &["P/Rocket.Harbour.S05E01.DDP5.1.mkv", "P/Rocket.Harbour.S05E02.DDP5.1.mkv"], "ask"),
        (&plain, &["P/Rocket Harbour S02E13.mkv", "P/Rocket Harbour S12E03.mkv"], "ask"),
        (&plain, &["P/Rocket Harbour S02E01.mkv", "P/Rocket Harbour S02E02.mkv"], "ask"),
        (&plain, &["P/Rocket Harbour Kids S02E03.mkv", "P/Rocket Harbour S02E03.mkv"], "P/Rocket Harbour S02E03.mkv"),
        (&plain, &["P/qwxz.mkv", "P/trailer.mkv"], "P/qwxz.mkv"),
        (&plain, &["P/Rocket Harbour S02E03 Part 1.mkv", "P/Rocket Harbour S02E03 Part 2.mkv"], "ask"),
        (&plain, &["P/rh.s02e03.mkv", "P/rh.s02e04.mkv"], "P/rh.s02e03.mkv"),
        (&plain, &["P/rh203.avi", "P/rh204.avi"], "ask"),
    ];
    for (wanted, paths, path) in cases {
        let list: Vec<(&str, u64)> = paths.iter().map(|path| (*path, GB)).collect();
        assert_eq!(picked(&files(&list), wanted), *path, "{paths:?}");
    }
}

/// Goal: a film is the largest video, unless several could be it.
/// Method: films with samples, extras, parts and in collections.
#[test]
fn films_among_other_files() {
    let wanted = film("Rocket Harbour 2", 2011);
    let cases: &[(&[(&str, u64)], &str)] = &[
        (&[("P/Rocket.Harbour.2.2011.mkv", 8 * GB), ("P/sample.mkv", 50 * MB)], "P/Rocket.Harbour.2.2011.mkv"),
        (&[("P/qwxz.mkv", 8 * GB), ("P/Extras/Interview.mkv", GB)], "P/qwxz.mkv"),
        (&[("P/qwxz.cd1.avi", 700 * MB), ("P/qwxz.cd2.avi", 700 * MB)], "ask"),
        (
            &[
                ("C/Rocket Harbour (2008).mkv", 9 * GB),
                ("C/Rocket Harbour 2 (2011).mkv", 8 * GB),
                ("C/Rocket Harbour 3 (2014).mkv", 9 * GB),
            ],
            "C/Rocket Harbour 2 (2011).mkv",
        ),
        (&[("C/one.mkv", 9 * GB), ("C/two.mkv", 8 * GB)], "ask"),
        (&[("P/Rocket.Harbour.2.2011.mkv", 8 * GB)], "P/Rocket.Harbour.2.2011.mkv"),
    ];
    for (list, path) in cases {
        assert_eq!(picked(&files(list), &wanted), *path, "{list:?}");
    }
}

/// A name as people write them: words, numbers and marks in any order.
fn any_name() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        prop::sample::select(vec![
            "Rocket",
            "Harbour",
            "S02E05",
            "2x05",
            "E07",
            "1080p",
            "WEB-DL",
            "x264",
            "DDP5.1",
            "2011",
            "[Qwxz]",
            "(2019)",
            "-",
            "01-12",
            "Season",
            "2",
            "Серия",
            "玻璃港",
            "FRENCH",
            "PL",
            "Complete",
            "v2",
            "[A1B2C3D4]",
            "www.site.com",
            "03.05.2011",
            "of",
            "/",
            "【",
            "]",
            "é",
            "İ",
            "3D",
            "-QWXZ",
            "x264-QWXZ/qwxz-",
            "rh205",
            ".mkv",
            "#5",
            "第3季",
            "S01-S03",
            "~",
            "+",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
        "[0-9]{1,9}",
    ];
    (prop::collection::vec(word, 0..30), prop::sample::select(vec![" ", ".", "_", "-", ""]))
        .prop_map(|(words, separator)| words.join(separator))
}

fn check_spans(name: &str) -> Result<(), TestCaseError> {
    let parsed = ReleaseName::parse(name);
    let mut end = 0;
    for (field, span) in &parsed.spans {
        prop_assert!(span.start >= end && span.start < span.end, "{field} {span:?} after {end}");
        prop_assert!(name.get(span.clone()).is_some(), "{field} {span:?} is not inside");
        end = span.end;
    }
    Ok(())
}

/// Goal: a letter that folding drops or shortens does not move the spans behind it.
/// Method: what a property test found, and forms near it.
#[test]
fn folded_letters_do_not_move_spans() {
    for name in ["\u{bd7}2x05", "Café2x05", "2х05", "İ2x05", "\u{1e01b}S02E05🌀", "\u{1e01b}S02", "İS02E05"] {
        check_spans(name).unwrap();
    }
    let parsed = ReleaseName::parse("\u{bd7}2x05");
    assert_eq!((parsed.seasons, parsed.episodes), (vec![2], vec![5]));
}

proptest! {
    /// Goal: no name makes the parser panic, and its spans are ordered, apart and within the name.
    /// Method: any text at all.
    #[test]
    fn any_text_is_read(name in "\\PC*") {
        check_spans(&name)?;
    }

    /// Goal: the same for texts that look like names.
    /// Method: words, numbers and marks in any order.
    #[test]
    fn any_name_is_read(name in any_name()) {
        check_spans(&name)?;
    }

    /// Goal: names past the limit are cut within a character and read.
    /// Method: one piece repeated past the limit.
    #[test]
    fn long_names_are_cut(piece in "\\PC{1,8}") {
        check_spans(&piece.repeat(ReleaseName::MAX_BYTES / piece.len() + 2))?;
    }

    /// Goal: upper and lower case and the separator do not change what a scene name says.
    /// Method: a name put together from parts, in three cases and four separators.
    #[test]
    fn case_and_separator_keep_the_meaning(season in 1u32..30, episode in 1u32..99, tall in prop::sample::select(vec!["720p", "1080p", "2160p"])) {
        let words = ["rocket", "harbour", &format!("s{season:02}e{episode:02}"), "proper", tall, "bluray", "x264", "ac3"].map(str::to_owned);
        for separator in [".", " ", "_"] {
            let name = words.join(separator) + "-qwxz";
            for name in [name.clone(), name.to_uppercase()] {
                let parsed = ReleaseName::parse(&name);
                prop_assert_eq!(parsed.title.to_lowercase(), "rocket harbour", "{}", name);
                prop_assert_eq!(parsed.seasons, vec![season]);
                prop_assert_eq!(parsed.episodes, vec![episode]);
                prop_assert_eq!(parsed.resolution.as_deref(), Some(tall));
                prop_assert_eq!(parsed.source.as_deref(), Some("BluRay"));
                prop_assert_eq!(parsed.video_codec.as_deref(), Some("h264"));
                prop_assert_eq!(parsed.audio, vec!["ac3".to_owned()]);
                prop_assert!(parsed.proper);
                prop_assert_eq!(parsed.group.map(|group| group.to_lowercase()), Some("qwxz".to_owned()));
            }
        }
    }

    /// Goal: no list of files makes the picker panic, and it names only files that are there.
    /// Method: any names and sizes.
    #[test]
    fn any_pack_is_picked_from(list in prop::collection::vec((any_name(), any::<u64>()), 0..12), season in 0u32..5, number in 0u32..40) {
        let files: Vec<FileEntry> =
            list.into_iter().map(|(path, size_bytes)| FileEntry { path: path + ".mkv", size_bytes }).collect();
        match pick_file(&files, &episode("Rocket Harbour", season, number)) {
            Pick::File { file_index, .. } => prop_assert!(file_index < files.len()),
            Pick::Ask { file_indexes } => prop_assert!(file_indexes.iter().all(|index| *index < files.len())),
        }
    }
}

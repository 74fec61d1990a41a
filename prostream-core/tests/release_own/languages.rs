//! Names in other languages, and the languages that a name tells of.

use prostream_core::release::ReleaseName;

use crate::summary;

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

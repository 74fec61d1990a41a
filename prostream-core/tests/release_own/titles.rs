//! Where a title begins and ends: numbers and marks in it, before it, and in one word with it.

use prostream_core::release::ReleaseName;

use crate::{check_spans, summary};

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

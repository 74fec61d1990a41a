//! Seasons, episodes and dates, in every way that people write them.

use prostream_core::release::ReleaseName;

use crate::summary;

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
        ("Rocket Harbour Capítulos 3 al 18 720p", "Rocket Harbour E3-18"),
        ("Rocket Harbour Cap 05 al 08 720p", "Rocket Harbour E5-8"),
        ("Rocket Harbour [cap. 3 al 18] 720p", "Rocket Harbour E3"),
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
    let forms = include_str!("../data/release_names/own_numbers.tsv").lines().filter(|line| !line.starts_with("# "));
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

//! The wanted file among those of a torrent.

use std::ops::RangeInclusive;

use prostream_core::model::FileEntry;
use prostream_core::release::{Pick, Wanted, pick_file};

use crate::{episode, film};

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
fn numbered(pattern: &str, numbers: RangeInclusive<u32>, width: usize) -> Vec<FileEntry> {
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

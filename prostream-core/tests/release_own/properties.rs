//! What holds for any name and any pack, however odd.

use proptest::prelude::*;
use prostream_core::model::FileEntry;
use prostream_core::release::{Pick, ReleaseName, pick_file};

use crate::{check_spans, episode};

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

/// Goal: words past the limit are left, so that no name takes longer than its words may.
/// Method: a name with its season right before the limit and right behind it.
#[test]
fn words_past_the_limit_are_left() {
    let name = |words: usize| format!("{}S02.1080p", "lantern.".repeat(words));
    assert_eq!(ReleaseName::parse(&name(ReleaseName::MAX_WORDS - 1)).seasons, [2]);
    assert_eq!(ReleaseName::parse(&name(ReleaseName::MAX_WORDS)).seasons, [0_u32; 0]);
}

/// Goal: sites in front of sites do not have the rest read again for each of them (it took 12 ms).
/// Method: three sites before a title, and more than can be.
#[test]
fn sites_in_front_of_sites_are_read_a_few_times() {
    let name = |sites: usize| format!("{}Glass Harbour 2011 720p", "www.lantern.com - ".repeat(sites));
    let three = ReleaseName::parse(&name(3));
    assert_eq!((three.title.as_str(), three.site.as_deref()), ("Glass Harbour", Some("www.lantern.com")));
    let many = ReleaseName::parse(&name(60));
    assert_eq!((many.site.as_deref(), many.year), (Some("www.lantern.com"), Some(2011)));
}

//! What a release passes for, and what it does not.

use prostream_core::model::{EpisodeNumber, TitleKind};
use prostream_core::release::{ReleaseName, matches};

use crate::{episode, film};

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
    let questions =
        include_str!("../data/release_names/own_matches.tsv").lines().filter(|line| !line.starts_with("# "));
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

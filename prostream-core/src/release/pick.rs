use super::matching::joined_number;
use super::{ReleaseName, Wanted, comparable, matches};
use crate::model::{EpisodeNumber, FileEntry, TitleKind, is_video_extension};

/// Which file of a torrent holds what is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Pick {
    /// This one, for certain enough.
    File {
        /// Index in the list given.
        file_index: usize,
        /// 0 to 1.
        confidence: f32,
        /// Why, for people.
        reason: String,
    },
    /// Several could be: the caller chooses. Indexes in the list given, likeliest first; empty when none is a video at all.
    Ask {
        /// Candidates.
        file_indexes: Vec<usize>,
    },
}

/// Below this we ask instead of picking.
const LEAST_CONFIDENCE: f32 = 0.7;
/// Most candidates that are offered when we ask.
const MAX_OFFERED: usize = 50;
/// A film's file is alone when the next largest has less than this share of its bytes, in percent.
const CLEARLY_SMALLER_PERCENT: u64 = 60;
/// A video below this share of the median video is a sample or an extra, in percent.
const TINY_PERCENT: u64 = 6;

/// Folders that never hold the film or an episode.
const EXTRA_FOLDERS: &[&str] = &[
    "sample",
    "samples",
    "extra",
    "extras",
    "featurette",
    "featurettes",
    "bonus",
    "trailer",
    "trailers",
    "interviews",
    "behindthescenes",
    "deletedscenes",
    "makingof",
    "creditless",
    "menus",
    "nc",
    "nced",
    "ncop",
    "scans",
    "screens",
    "proof",
    "promo",
    "promos",
    "shorts",
    "themes",
];

/// Words of a file name that mark something beside the film or episode.
const EXTRA_WORDS: &[&str] = &[
    "sample",
    "trailer",
    "teaser",
    "featurette",
    "featurettes",
    "extras",
    "bonus",
    "creditless",
    "ncop",
    "nced",
    "menu",
    "promo",
    "interview",
    "interviews",
    "preview",
    "bloopers",
    "outtakes",
    "recap",
];

/// Such words in a row.
const EXTRA_PHRASES: &[&[&str]] =
    &[&["behind", "the", "scenes"], &["deleted", "scenes"], &["making", "of"], &["gag", "reel"], &["deleted", "scene"]];

/// A video of the list, read.
struct Video {
    file_index: usize,
    size_bytes: u64,
    /// What the file's own name says.
    name: ReleaseName,
    /// Season of the file's name, or of the nearest folder that names exactly one.
    season: Option<u32>,
    /// The season stands in the file's own name.
    own_season: bool,
    stem: String,
}

/// Picks the file of a film or an episode by looking at all names and sizes together.
///
/// Samples, extras and files that are no videos are left aside. The numbers of all files together tell whether they count within a season
/// or through all of them; where that stays open, or two files are as good, the answer is [`Pick::Ask`].
#[must_use]
pub fn pick_file(files: &[FileEntry], wanted: &Wanted) -> Pick {
    let videos = read_videos(files, wanted);
    if videos.is_empty() {
        return Pick::Ask { file_indexes: Vec::new() };
    }
    let finding = match wanted.kind {
        TitleKind::Movie => find_film(&videos, wanted),
        TitleKind::Series => find_episode(&videos, wanted),
    };
    finding.into_pick(&videos)
}

/// What was found, before the confidence is weighed.
struct Finding {
    /// Positions in the list of videos, likeliest first.
    found: Vec<usize>,
    confidence: f32,
    reason: String,
}

impl Finding {
    fn sure(found: Vec<usize>, confidence: f32, reason: impl Into<String>) -> Self {
        Self { found, confidence, reason: reason.into() }
    }

    fn unsure(found: Vec<usize>) -> Self {
        Self { found, confidence: 0.0, reason: String::new() }
    }

    fn into_pick(self, videos: &[Video]) -> Pick {
        let mut file_indexes: Vec<usize> =
            self.found.iter().filter_map(|at| videos.get(*at)).map(|video| video.file_index).collect();
        match file_indexes.as_slice() {
            [file_index] if self.confidence >= LEAST_CONFIDENCE => {
                Pick::File { file_index: *file_index, confidence: self.confidence, reason: self.reason }
            }
            _ => {
                let rest = by_size(videos).into_iter().filter_map(|at| videos.get(at)).map(|video| video.file_index);
                for index in rest {
                    if !file_indexes.contains(&index) && file_indexes.len() < MAX_OFFERED {
                        file_indexes.push(index);
                    }
                }
                file_indexes.truncate(MAX_OFFERED);
                Pick::Ask { file_indexes }
            }
        }
    }
}

/// Positions, largest first.
fn by_size(videos: &[Video]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..videos.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(videos.get(*at).map(|video| video.size_bytes)));
    order
}

fn read_videos(files: &[FileEntry], wanted: &Wanted) -> Vec<Video> {
    let wanted_words: Vec<Vec<String>> = wanted.names.iter().map(|name| comparable::words(name)).collect();
    let season_zero = wanted.episode.is_some_and(|number| number.season == 0);
    let mut videos = Vec::new();
    let mut set_aside = Vec::new();
    for (file_index, file) in files.iter().enumerate() {
        let Some((folders, stem)) = video_path(&file.path) else { continue };
        let video = read_video(file_index, file, &folders, stem);
        if is_extra(&folders, stem, &wanted_words) && !(season_zero && video.season == Some(0)) {
            set_aside.push(video);
        } else {
            videos.push(video);
        }
    }
    // A pack where everything looks like an extra is a show about trailers, not a pack of trailers.
    if videos.is_empty() {
        videos = set_aside;
    }
    drop_tiny(&mut videos);
    videos
}

/// Folders and stem of a video's path; `None` for every other file.
fn video_path(path: &str) -> Option<(Vec<&str>, &str)> {
    let mut folders: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
    let file = folders.pop()?;
    let (stem, extension) = file.rsplit_once('.')?;
    is_video_extension(extension).then_some((folders, stem))
}

fn read_video(file_index: usize, file: &FileEntry, folders: &[&str], stem: &str) -> Video {
    let file_name = file.path.rsplit(['/', '\\']).next().unwrap_or(&file.path);
    let mut name = ReleaseName::parse(file_name);
    // "21.mkv" alone may be a film; among other files it is a number.
    if let Some(number) = super::tokens::number(stem, 4).filter(|_| name.episodes.is_empty()) {
        name.episodes.push(number);
        name.title.clear();
    }
    let own = match name.seasons.as_slice() {
        [season] => Some(*season),
        _ => None,
    };
    let season = own.or_else(|| folders.iter().rev().find_map(|folder| folder_season(folder)));
    Video { file_index, size_bytes: file.size_bytes, season, own_season: own.is_some(), name, stem: stem.to_owned() }
}

/// The one season that a folder names; folders of specials are season 0.
fn folder_season(folder: &str) -> Option<u32> {
    let key = comparable::key(folder);
    if matches!(key.as_str(), "specials" | "special" | "ovas" | "ova" | "oads") {
        return Some(0);
    }
    match ReleaseName::parse(folder).seasons.as_slice() {
        [season] => Some(*season),
        _ => None,
    }
}

fn is_extra(folders: &[&str], stem: &str, wanted_words: &[Vec<String>]) -> bool {
    if folders.iter().any(|folder| EXTRA_FOLDERS.contains(&comparable::key(folder).as_str())) {
        return true;
    }
    let words = comparable::words(stem);
    let in_title = |word: &str| wanted_words.iter().flatten().any(|known| known == word);
    words.iter().enumerate().any(|(at, word)| {
        // "Menu 1", "NCOP2": the number is part of the mark.
        let bare = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let marks = EXTRA_WORDS.contains(&bare) && !in_title(bare);
        // An episode may be called "The Interview" or "Trailer Park": a mark stands at the end or before a number.
        let closes = words.get(at + 1).is_none_or(|next| next.chars().all(|letter| letter.is_ascii_digit()));
        let opens = at == 0 && matches!(bare, "sample" | "trailer" | "ncop" | "nced" | "menu" | "teaser");
        marks && (closes || opens || matches!(bare, "sample" | "ncop" | "nced" | "creditless" | "featurette"))
    }) || EXTRA_PHRASES.iter().any(|phrase| {
        !in_title(phrase[0])
            && words.windows(phrase.len()).any(|window| window.iter().zip(*phrase).all(|(a, b)| a == b))
    })
}

/// Samples without the word: far smaller than the usual file of the list.
fn drop_tiny(videos: &mut Vec<Video>) {
    let mut sizes: Vec<u64> = videos.iter().map(|video| video.size_bytes).collect();
    sizes.sort_unstable();
    // With two or three files the median may be the sample itself: hold against the largest then.
    let usual = if sizes.len() < 4 { sizes.last() } else { sizes.get(sizes.len() / 2) };
    let least = usual.copied().unwrap_or(0) / 100 * TINY_PERCENT;
    videos.retain(|video| video.size_bytes >= least);
}

fn find_film(videos: &[Video], wanted: &Wanted) -> Finding {
    let order = by_size(videos);
    let Some((&largest, others)) = order.split_first() else { return Finding::unsure(order) };
    let matching: Vec<usize> =
        order.iter().copied().filter(|at| videos.get(*at).is_some_and(|video| names_film(video, wanted))).collect();
    if others.is_empty() {
        return Finding::sure(vec![largest], 0.95, "the only video");
    }
    let size = |at: usize| videos.get(at).map_or(0, |video| video.size_bytes);
    let clearly_larger =
        |at: usize, than: &[usize]| than.iter().all(|other| size(*other) < size(at) / 100 * CLEARLY_SMALLER_PERCENT);
    match matching.as_slice() {
        [one] if *one == largest => Finding::sure(vec![*one], 0.97, "the largest video, and its name matches"),
        [one] if size(*one) >= size(largest) / 10 => Finding::sure(vec![*one], 0.9, "the only name that matches"),
        [] if clearly_larger(largest, others) && !numbers_episodes(videos) => {
            Finding::sure(vec![largest], 0.85, "by far the largest video")
        }
        [first, rest @ ..] if clearly_larger(*first, rest) => {
            Finding::sure(vec![*first], 0.85, "the largest of the names that match")
        }
        [] => Finding::unsure(order),
        _ => Finding::unsure(matching),
    }
}

fn names_film(video: &Video, wanted: &Wanted) -> bool {
    let part = comparable::words(&video.stem).iter().any(|word| {
        ["cd", "disc", "disk"].iter().any(|mark| {
            word.strip_prefix(mark).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        })
    });
    !part && matches(&video.name, wanted).is_match
}

fn numbers_episodes(videos: &[Video]) -> bool {
    videos.len() > 1 && videos.iter().filter(|video| !video.name.episodes.is_empty()).count() * 2 > videos.len()
}

fn find_episode(videos: &[Video], wanted: &Wanted) -> Finding {
    let Some(number) = wanted.episode else {
        let Some(absolute) = wanted.absolute_episode else { return Finding::unsure(by_size(videos)) };
        let found = positions(videos, |video| counts_through(video) && video.name.episodes.contains(&absolute));
        return settle(videos, wanted, found, 0.92, format!("episode {absolute} counted through"));
    };
    if let Some(aired) = &wanted.air_date {
        let found =
            positions(videos, |video| video.name.date.as_ref() == Some(aired) && video.name.episodes.is_empty());
        if !found.is_empty() {
            return settle(videos, wanted, found, 0.95, format!("aired on {aired}"));
        }
    }
    let EpisodeNumber { season, episode } = number;
    let found =
        positions(videos, |video| video.own_season && video.season == Some(season) && holds(video, season, episode));
    if !found.is_empty() {
        return settle(videos, wanted, found, 0.98, format!("its name says season {season}, episode {episode}"));
    }
    find_by_folder(videos, wanted, number)
        .or_else(|| find_counted_through(videos, wanted, number))
        .or_else(|| find_joined(videos, wanted, number))
        .or_else(|| find_without_season(videos, wanted, number))
        .unwrap_or_else(|| find_leftover(videos, wanted, number))
}

/// Positions of the videos for which `is` holds.
fn positions(videos: &[Video], is: impl Fn(&Video) -> bool) -> Vec<usize> {
    videos.iter().enumerate().filter(|(_, video)| is(video)).map(|(at, _)| at).collect()
}

fn holds(video: &Video, season: u32, episode: u32) -> bool {
    let numbers = &video.name.episodes;
    numbers.contains(&episode) || numbers.contains(&joined_number(season, episode))
}

/// The file's own name has a number and no season.
fn counts_through(video: &Video) -> bool {
    !video.name.episodes.is_empty() && !video.own_season
}

/// The folder tells the season, the file the number: counted within the season, or through all of them when the folder starts late.
fn find_by_folder(videos: &[Video], wanted: &Wanted, number: EpisodeNumber) -> Option<Finding> {
    let EpisodeNumber { season, episode } = number;
    let within: Vec<usize> = positions(videos, |video| counts_through(video) && video.season == Some(season));
    let mut numbers: Vec<u32> =
        within.iter().filter_map(|at| videos.get(*at)).flat_map(|video| video.name.episodes.iter().copied()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    let pick_number = |wanted_number: u32| -> Vec<usize> {
        let holds = |at: &usize| videos.get(*at).is_some_and(|video| video.name.episodes.contains(&wanted_number));
        within.iter().copied().filter(holds).collect()
    };
    let joined = joined_number(season, episode);
    if season > 0 && first > joined_number(season, 0) && last < joined_number(season + 1, 0) {
        let found = pick_number(joined);
        if !found.is_empty() {
            return Some(settle(videos, wanted, found, 0.93, format!("{joined} in the folder of season {season}")));
        }
    }
    let starts_late = season > 1 && first > 1;
    match wanted.absolute_episode {
        Some(absolute) if starts_late && first >= absolute.saturating_sub(episode.saturating_sub(1)) => {
            let found = pick_number(absolute);
            if !found.is_empty() {
                let reason = format!("episode {absolute} counted through, in the folder of season {season}");
                return Some(settle(videos, wanted, found, 0.92, reason));
            }
        }
        None if starts_late && first > episode => {
            // The folder holds the whole season in a row, so its order tells, though less surely.
            let unbroken = numbers.len() as u64 == u64::from(last - first) + 1;
            let offset = first.checked_add(episode)?.checked_sub(1)?;
            let found = if unbroken { pick_number(offset) } else { Vec::new() };
            if !found.is_empty() {
                let reason = format!("number {offset} is the {episode}th of the folder of season {season}");
                return Some(settle(videos, wanted, found, 0.72, reason));
            }
        }
        _ => {}
    }
    let found = pick_number(episode);
    (!found.is_empty())
        .then(|| settle(videos, wanted, found, 0.94, format!("episode {episode} in the folder of season {season}")))
}

/// Numbers counted through all seasons, where the metadata tells ours.
fn find_counted_through(videos: &[Video], wanted: &Wanted, number: EpisodeNumber) -> Option<Finding> {
    let absolute = wanted.absolute_episode?;
    if absolute == number.episode && number.season > 1 {
        return None;
    }
    let beside = positions(videos, |video| video.name.absolute_episodes.contains(&absolute));
    if !beside.is_empty() {
        return Some(settle(videos, wanted, beside, 0.9, format!("episode {absolute} counted through")));
    }
    let found = positions(videos, |video| {
        let season_fits =
            video.season.is_none_or(|season| season == number.season || (season == 1 && number.season > 1));
        season_fits && video.name.episodes.contains(&absolute)
    });
    (!found.is_empty()).then(|| settle(videos, wanted, found, 0.9, format!("episode {absolute} counted through")))
}

/// `103` for season 1, episode 3, when the numbers of all files look like that.
fn find_joined(videos: &[Video], wanted: &Wanted, number: EpisodeNumber) -> Option<Finding> {
    let joined = joined_number(number.season, number.episode);
    let found = positions(videos, |video| video.season.is_none() && video.name.episodes.contains(&joined));
    let all: Vec<u32> = videos.iter().flat_map(|video| video.name.episodes.iter().copied()).collect();
    // Within a season of a hundred numbers, no show reaches the upper half; counted-through numbers do.
    let looks_joined = number.season > 0 && all.iter().all(|value| *value > 100 && (1..=50).contains(&(value % 100)));
    (!found.is_empty() && looks_joined).then(|| {
        let reason = format!("{joined} is season {}, episode {}", number.season, number.episode);
        settle(videos, wanted, found, 0.85, reason)
    })
}

/// Only episode numbers anywhere: certain for a first season, open for later ones.
fn find_without_season(videos: &[Video], wanted: &Wanted, number: EpisodeNumber) -> Option<Finding> {
    let found = positions(videos, |video| video.season.is_none() && video.name.episodes.contains(&number.episode));
    if found.is_empty() {
        return None;
    }
    let confidence = if number.season == 1 { 0.88 } else { 0.4 };
    Some(settle(videos, wanted, found, confidence, format!("episode {}, no season anywhere", number.episode)))
}

/// Nothing fits by number: one unnumbered video may still be it, and the order of unnumbered names may tell.
fn find_leftover(videos: &[Video], wanted: &Wanted, number: EpisodeNumber) -> Finding {
    let order = by_size(videos);
    let numberless = |video: &Video| video.name.episodes.is_empty() && video.name.date.is_none();
    match videos {
        [only] if numberless(only) && only.season.is_none_or(|season| season == number.season) => {
            Finding::sure(order, 0.85, "the only video, and it has no number")
        }
        _ if videos.len() > 2 && videos.iter().all(numberless) => match find_by_changing_number(videos, number.episode)
        {
            Some(at) if number.season == 1 || videos.get(at).and_then(|video| video.season) == Some(number.season) => {
                settle(videos, wanted, vec![at], 0.75, format!("{} is the number that changes", number.episode))
            }
            Some(at) => Finding::unsure(vec![at]),
            None => Finding::unsure(order),
        },
        _ => Finding::unsure(order),
    }
}

/// Among names built alike, the one number that changes from file to file counts the episodes.
fn find_by_changing_number(videos: &[Video], episode: u32) -> Option<usize> {
    let rows: Vec<Vec<u32>> = videos.iter().map(|video| numbers_in(&video.stem)).collect();
    let width = rows.iter().map(Vec::len).min()?;
    let mut found = None;
    for column in 0..width {
        let mut values: Vec<u32> = rows.iter().filter_map(|row| row.get(column).copied()).collect();
        values.sort_unstable();
        let before = values.len();
        values.dedup();
        let (Some(first), Some(last)) = (values.first(), values.last()) else { continue };
        let counts_up = values.len() == before && *first <= 1 && u64::from(*last) < values.len() as u64 + 2;
        if counts_up {
            if found.is_some() {
                return None;
            }
            found = rows.iter().position(|row| row.get(column) == Some(&episode));
        }
    }
    found
}

/// Runs of digits, those too long for an episode left out.
fn numbers_in(text: &str) -> Vec<u32> {
    text.split(|letter: char| !letter.is_ascii_digit())
        .filter(|run| !run.is_empty() && run.len() <= 4)
        .filter_map(|run| run.parse().ok())
        .collect()
}

/// Several files with the right number: the right title, the corrected version, or else the viewer decides.
fn settle(videos: &[Video], wanted: &Wanted, mut found: Vec<usize>, confidence: f32, reason: String) -> Finding {
    let title_fits = |at: &usize| videos.get(*at).is_some_and(|video| title_agrees(video, wanted));
    let any_title_fits = videos.iter().any(|video| title_agrees(video, wanted));
    if any_title_fits {
        let fitting: Vec<usize> =
            found.iter().copied().filter(|at| title_fits(at) || videos.get(*at).is_some_and(untitled)).collect();
        if fitting.is_empty() {
            // Another show's episode with our number lies in the same pack.
            return Finding::unsure(found);
        }
        found = fitting;
    }
    if found.len() > 1 {
        let revised: Vec<usize> =
            found.iter().copied().filter(|at| videos.get(*at).is_some_and(|video| video.name.revised)).collect();
        if revised.len() == 1 {
            return Finding::sure(revised, confidence - 0.1, format!("{reason}, the corrected one"));
        }
        // Single episodes go before files that hold several.
        let singles: Vec<usize> = found
            .iter()
            .copied()
            .filter(|at| videos.get(*at).is_some_and(|video| video.name.episodes.len() == 1))
            .collect();
        if singles.len() == 1 {
            return Finding::sure(singles, confidence - 0.1, reason);
        }
        found.sort_by_key(|at| std::cmp::Reverse(videos.get(*at).map(|video| video.size_bytes)));
    }
    Finding::sure(found, confidence, reason)
}

fn untitled(video: &Video) -> bool {
    video.name.title.is_empty()
}

fn title_agrees(video: &Video, wanted: &Wanted) -> bool {
    let key = comparable::key(&video.name.title);
    !key.is_empty() && wanted.names.iter().any(|name| comparable::key(name) == key)
}

use std::cmp::Reverse;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::rules::{self, Rule, Weights};
use super::{ReleaseName, Wanted, comparable, matches};
use crate::Result;
use crate::model::{DeviceProfile, InfoHash, Language, Release};

/// What a person prefers. All defaults are sane for a living-room screen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Preferences {
    /// Languages of the sound, best first; empty: the original.
    pub languages: Vec<Language>,
    /// Tallest resolution wanted, in lines: 2160, 1080, 720. Default: none.
    pub max_resolution: Option<u32>,
    /// Largest file in bytes. Default: none.
    pub max_size_bytes: Option<u64>,
    /// Releases whose name holds one of these words are dropped.
    pub excluded_words: Vec<String>,
    /// What ranking counts, and how much.
    pub weights: Weights,
    /// Rules of one's own, all of which are looked at.
    pub rules: Vec<Rule>,
}

impl Preferences {
    /// Can these be ranked by? To be asked of what was read from outside.
    ///
    /// # Errors
    /// `InvalidInput`, naming what is wrong: too many rules ([`MAX_RULES`](super::MAX_RULES)), one that says nothing, points beyond
    /// [`MAX_POINTS`](super::MAX_POINTS).
    pub fn check(&self) -> Result<()> {
        rules::check(&self.weights, &self.rules)
    }
}

/// One reason of a rank.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reason {
    /// Short text for people: `1080p`, `played here 3 h ago`, `chromium does not decode hevc`.
    pub text: String,
    /// What it added to the score; may be negative.
    pub points: i32,
}

/// What is known of whether a release plays at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// It does, or it does not.
    pub is_ready: bool,
    /// How sure that is, from 0 to 100: the share of [`Weights::ready`] or [`Weights::not_ready`] that counts.
    pub certainty_percent: u8,
    /// What was seen, and when, for people: `was absent at torbox 2 h ago`.
    pub text: String,
}

/// A release that passed the rules and has a rank.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The release; equal info hashes from several indexers are merged into the best-described one.
    pub release: Release,
    /// What its name says.
    pub parsed: ReleaseName,
    /// Sum of the reasons.
    pub score: i32,
    /// Why it stands where it does, largest effect first.
    pub reasons: Vec<Reason>,
    /// Known to be ready at some service: `Some(true)`; known not to be: `Some(false)`.
    pub known_ready: Option<bool>,
}

/// A release that was dropped.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejected {
    /// The release.
    pub release: Release,
    /// Why, for people.
    pub reason: String,
}

/// All releases, judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Best first; equal scores keep a stable order (seeders, size, name).
    pub candidates: Vec<Candidate>,
    /// Dropped ones.
    pub rejected: Vec<Rejected>,
}

/// Share of the bandwidth that a stream may use, in percent; the rest is for peaks and others in the house.
const BANDWIDTH_SHARE_PERCENT: u64 = 80;

/// Fewest bytes a minute that a picture of so many lines can have with any sense, tallest first. From the smallest well-known encodes, halved.
const LEAST_BYTES_PER_MINUTE: &[(u32, u64)] = &[(2160, 8_000_000), (1080, 2_500_000), (720, 1_500_000), (0, 500_000)];

/// Judges and orders releases. `known` tells what is known of an info hash at the viewer's services.
///
/// Releases that hold something else, or break a rule of `preferences`, are dropped with the reason; the others get points, each with its
/// reason. The order is the same for the same releases, whatever order they come in.
#[must_use]
pub fn rank(
    releases: Vec<Release>,
    wanted: &Wanted,
    preferences: &Preferences,
    device: &DeviceProfile,
    known: &dyn Fn(&Release) -> Option<Readiness>,
) -> Ranking {
    let mut ranker = Ranker::new(wanted, preferences, device);
    ranker.add(releases, known);
    ranker.into_ranking()
}

/// Ranks releases that come bit by bit: each is read and judged once, however often the list is asked for.
///
/// ```
/// use prostream_core::model::{DeviceProfile, ProviderId, Release, TitleKind};
/// use prostream_core::release::{Preferences, Ranker, Wanted};
///
/// # let release = |name: &str| Release {
/// #     indexer: ProviderId::new("shelf"), tracker: None, name: name.to_owned(), info_hash: None, link: None, size_bytes: None,
/// #     seeder_count: None, age_days: None, playable: None,
/// # };
/// # let wanted = Wanted {
/// #     kind: TitleKind::Movie, names: vec!["Paper Lanterns at Noon".to_owned()], year: Some(2019), episode: None,
/// #     absolute_episode: None, air_date: None, runtime_min: None,
/// # };
/// let (preferences, device) = (Preferences::default(), DeviceProfile::any());
/// let mut ranker = Ranker::new(&wanted, &preferences, &device);
/// ranker.add(vec![release("Paper.Lanterns.at.Noon.2019.720p.WEB-DL-GRP")], &|_| None);
/// assert_eq!(ranker.ranking().candidates.len(), 1);
/// ranker.add(vec![release("Paper.Lanterns.at.Noon.2019.1080p.WEB-DL-GRP")], &|_| None);
/// assert!(ranker.ranking().candidates[0].release.name.contains("1080p"));
/// ```
pub struct Ranker<'a> {
    wanted: &'a Wanted,
    preferences: &'a Preferences,
    device: &'a DeviceProfile,
    excluded: Vec<(&'a str, Vec<String>)>,
    rules: Vec<(&'a Rule, Vec<Vec<String>>)>,
    /// One for each info hash.
    judged: Vec<Judged>,
    index_of: HashMap<InfoHash, usize>,
}

/// A release and what was made of it.
#[derive(Clone)]
enum Judged {
    Kept(Box<Candidate>),
    Dropped(Box<Rejected>),
}

impl Judged {
    fn release(&self) -> &Release {
        match self {
            Judged::Kept(candidate) => &candidate.release,
            Judged::Dropped(rejected) => &rejected.release,
        }
    }
}

impl<'a> Ranker<'a> {
    /// Nothing to rank yet.
    #[must_use]
    pub fn new(wanted: &'a Wanted, preferences: &'a Preferences, device: &'a DeviceProfile) -> Self {
        Self {
            wanted,
            preferences,
            device,
            excluded: preferences.excluded_words.iter().map(|word| (word.as_str(), comparable::words(word))).collect(),
            rules: preferences.rules.iter().map(|rule| (rule, rule.phrases())).collect(),
            judged: Vec::new(),
            index_of: HashMap::new(),
        }
    }

    /// More releases. One whose info hash is there already completes it: the best-described one stays.
    pub fn add(&mut self, releases: Vec<Release>, known: &dyn Fn(&Release) -> Option<Readiness>) {
        for release in releases {
            let at = release.info_hash.and_then(|hash| self.index_of.get(&hash).copied());
            match at.and_then(|at| Some((at, self.judged.get(at)?.release()))) {
                Some((at, listed)) => {
                    let merged = merge(listed, release);
                    if merged != *listed {
                        let judged = self.judge(merged, known);
                        if let Some(place) = self.judged.get_mut(at) {
                            *place = judged;
                        }
                    }
                }
                None => {
                    if let Some(hash) = release.info_hash {
                        self.index_of.insert(hash, self.judged.len());
                    }
                    let judged = self.judge(release, known);
                    self.judged.push(judged);
                }
            }
        }
    }

    /// All releases so far.
    #[must_use]
    pub fn ranking(&self) -> Ranking {
        ordered(self.judged.clone())
    }

    /// All releases.
    #[must_use]
    pub fn into_ranking(self) -> Ranking {
        ordered(self.judged)
    }

    fn judge(&self, release: Release, known: &dyn Fn(&Release) -> Option<Readiness>) -> Judged {
        let parsed = ReleaseName::parse(&release.name);
        let needs_words = !self.excluded.is_empty() || !self.rules.is_empty();
        let words = if needs_words { comparable::words(&release.name) } else { Vec::new() };
        let holding = self.rules.iter().filter(|(rule, phrases)| rule.holds(&parsed, phrases, &words));
        let holding: Vec<&Rule> = holding.map(|(rule, _)| *rule).collect();
        let (wanted, preferences) = (self.wanted, self.preferences);
        if let Some(reason) = rejection(&release, &parsed, wanted, preferences, &self.excluded, &words, &holding) {
            return Judged::Dropped(Box::new(Rejected { release, reason }));
        }
        let readiness = known(&release);
        let mut reasons = judge(&release, &parsed, wanted, preferences, self.device, readiness.as_ref());
        holding.iter().for_each(|rule| add(&mut reasons, rule.reason(), rule.points));
        reasons.sort_by_key(|reason| Reverse(reason.points.unsigned_abs()));
        let score = reasons.iter().fold(0i32, |sum, reason| sum.saturating_add(reason.points));
        let known_ready = readiness.map(|readiness| readiness.is_ready);
        Judged::Kept(Box::new(Candidate { release, parsed, score, reasons, known_ready }))
    }
}

fn ordered(judged: Vec<Judged>) -> Ranking {
    let mut ranking = Ranking::default();
    for one in judged {
        match one {
            Judged::Kept(candidate) => ranking.candidates.push(*candidate),
            Judged::Dropped(rejected) => ranking.rejected.push(*rejected),
        }
    }
    ranking.candidates.sort_by(|one, other| {
        let order = |candidate: &Candidate| {
            (
                Reverse(candidate.score),
                Reverse(candidate.release.seeder_count),
                Reverse(candidate.release.size_bytes),
                candidate.release.info_hash,
            )
        };
        order(one)
            .cmp(&order(other))
            .then_with(|| one.release.name.cmp(&other.release.name))
            .then_with(|| one.release.indexer.cmp(&other.release.indexer))
    });
    ranking.rejected.sort_by(|one, other| {
        (&one.release.name, one.release.info_hash).cmp(&(&other.release.name, other.release.info_hash))
    });
    ranking
}

/// One torrent listed twice: the best-described listing, completed by what the other knows.
fn merge(known: &Release, release: Release) -> Release {
    if describes_better(&release, known) { complete(release, known.clone()) } else { complete(known.clone(), release) }
}

/// Playable first, then the fuller name, then the indexer's name so that the order of arrival never matters.
fn describes_better(one: &Release, other: &Release) -> bool {
    let one_rank = (one.playable.is_some(), one.name.len(), Reverse(&one.name), Reverse(&one.indexer));
    let other_rank = (other.playable.is_some(), other.name.len(), Reverse(&other.name), Reverse(&other.indexer));
    one_rank > other_rank
}

fn complete(best: Release, other: Release) -> Release {
    Release {
        tracker: best.tracker.or(other.tracker),
        link: best.link.or(other.link),
        size_bytes: best.size_bytes.max(other.size_bytes),
        seeder_count: best.seeder_count.max(other.seeder_count),
        age_days: best.age_days.max(other.age_days),
        playable: best.playable.or(other.playable),
        ..best
    }
}

/// Why a release is dropped at once.
fn rejection(
    release: &Release,
    parsed: &ReleaseName,
    wanted: &Wanted,
    preferences: &Preferences,
    excluded: &[(&str, Vec<String>)],
    words: &[String],
    holding: &[&Rule],
) -> Option<String> {
    let verdict = matches(parsed, wanted);
    if !verdict.is_match {
        return Some(verdict.reasons.last().cloned().unwrap_or_else(|| "holds something else".to_owned()));
    }
    if let Some((word, _)) = excluded.iter().find(|(_, phrase)| comparable::holds_phrase(words, phrase)) {
        return Some(format!("the name holds the excluded word {word}"));
    }
    if let Some(rule) = holding.iter().find(|rule| rule.is_dropped) {
        return Some(format!("a rule leaves it out: {}", rule.reason()));
    }
    if let (Some(most), Some(lines)) = (preferences.max_resolution, lines(parsed))
        && lines > most
    {
        return Some(format!("{lines} lines are more than the limit of {most}"));
    }
    // A pack is larger than the one file that is played, so its whole size says nothing.
    if let (Some(most), Some(size)) = (preferences.max_size_bytes, release.size_bytes)
        && size > most
        && !parsed.is_pack()
    {
        return Some(format!("{} are more than the limit of {}", size_text(size), size_text(most)));
    }
    None
}

fn judge(
    release: &Release,
    parsed: &ReleaseName,
    wanted: &Wanted,
    preferences: &Preferences,
    device: &DeviceProfile,
    readiness: Option<&Readiness>,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let weights = &preferences.weights;
    judge_readiness(weights, release, readiness, &mut reasons);
    judge_quality(weights, parsed, &mut reasons);
    judge_device_fit(weights, parsed, device, &mut reasons);
    judge_size(weights, release, parsed, wanted, device, &mut reasons);
    judge_languages(parsed, preferences, &mut reasons);
    reasons
}

fn add(reasons: &mut Vec<Reason>, text: impl Into<String>, points: i32) {
    if points != 0 {
        reasons.push(Reason { text: text.into(), points });
    }
}

fn judge_readiness(weights: &Weights, release: &Release, known: Option<&Readiness>, reasons: &mut Vec<Reason>) {
    if release.playable.is_some() {
        add(reasons, "on our own disk", weights.local);
        return;
    }
    if let Some(known) = known {
        let weight = if known.is_ready { weights.ready } else { weights.not_ready };
        let points = weight.saturating_mul(i32::from(known.certainty_percent.min(100))) / 100;
        add(reasons, known.text.as_str(), points);
    }
    match release.seeder_count {
        // What a service holds does not depend on seeders any more.
        Some(0) if !known.is_some_and(|known| known.is_ready) => add(reasons, "no seeders", weights.no_seeders),
        Some(count) => {
            let doublings = i32::try_from(count.saturating_add(1).ilog2()).unwrap_or(i32::MAX);
            let points = doublings.saturating_mul(weights.seeders_doubled).min(weights.seeders_most);
            add(reasons, format!("{count} seeders"), points);
        }
        None => {}
    }
}

fn judge_quality(weights: &Weights, parsed: &ReleaseName, reasons: &mut Vec<Reason>) {
    match lines(parsed) {
        Some(lines) => {
            let points = weights.resolution.iter().find(|row| lines >= row.lines).map_or(0, |row| row.points);
            add(reasons, format!("{lines}p"), points);
        }
        None => add(reasons, "resolution not stated", weights.unknown_resolution),
    }
    if let Some(source) = &parsed.source {
        let points = weights.source.iter().find(|row| row.source == *source).map_or(0, |row| row.points);
        add(reasons, source.clone(), points);
    }
    if parsed.threed {
        add(reasons, "stereoscopic picture", weights.stereoscopic);
    }
    if parsed.hardcoded {
        add(reasons, "subtitles burnt in", weights.hardcoded);
    }
    if parsed.proper || parsed.repack || parsed.revised {
        add(reasons, "corrects an earlier release", weights.revised);
    }
}

fn judge_device_fit(weights: &Weights, parsed: &ReleaseName, device: &DeviceProfile, reasons: &mut Vec<Reason>) {
    if let (Some(lines), Some(most)) = (lines(parsed), device.max_height)
        && lines > most
    {
        add(reasons, format!("{} shows up to {most} lines", device.name), weights.too_tall);
    }
    if let Some(codec) = parsed.video_codec.as_deref() {
        match device.video.iter().find(|capability| capability.codec == codec) {
            None => add(reasons, format!("{} does not decode {codec}", device.name), weights.video_not_decoded),
            Some(capability) if parsed.bit_depth.is_some_and(|depth| depth > capability.max_bit_depth) => {
                let text = format!("{} decodes {codec} up to {} bits", device.name, capability.max_bit_depth);
                add(reasons, text, weights.video_not_decoded);
            }
            Some(_) => {}
        }
    }
    let shows = |kind: &str| device.hdr.iter().any(|shown| shown == kind);
    let wide: Vec<&str> = parsed.hdr.iter().map(String::as_str).filter(|kind| *kind != "SDR").collect();
    let needs = if wide == ["HLG"] { "hlg" } else { "pq" };
    match wide.as_slice() {
        [] => {}
        _ if !shows(needs) => {
            add(reasons, format!("{} does not show {}", device.name, wide.join(" ")), weights.hdr_not_shown);
        }
        ["DV"] => add(reasons, "Dolby Vision, perhaps without a base that others show", weights.vision_only),
        _ => add(reasons, wide.join(" "), weights.hdr_shown),
    }
    let sounds: Vec<&str> = parsed.audio.iter().map(String::as_str).filter(|codec| *codec != "atmos").collect();
    if !sounds.is_empty() && !sounds.iter().any(|codec| device.audio.iter().any(|plays| plays == codec)) {
        add(reasons, format!("{} does not decode {}", device.name, sounds.join(" or ")), weights.audio_not_decoded);
    }
}

fn judge_size(
    weights: &Weights,
    release: &Release,
    parsed: &ReleaseName,
    wanted: &Wanted,
    device: &DeviceProfile,
    reasons: &mut Vec<Reason>,
) {
    let (Some(size), Some(minutes)) = (release.size_bytes, wanted.runtime_min.filter(|minutes| *minutes > 0)) else {
        return;
    };
    // Of a whole season we do not know how many files share the size; of named episodes we do.
    if parsed.is_pack() && parsed.episodes.is_empty() {
        return;
    }
    let file_count = u64::try_from(parsed.episodes.len().max(1)).unwrap_or(1);
    let per_minute = size / file_count / u64::from(minutes);
    let floor = LEAST_BYTES_PER_MINUTE.iter().find(|row| lines(parsed).unwrap_or(0) >= row.0).map_or(0, |row| row.1);
    if per_minute < floor {
        let text = format!("{} is too small for {minutes} minutes", size_text(size));
        add(reasons, text, weights.implausibly_small);
    }
    let bits_per_s = per_minute.saturating_mul(8) / 60;
    if let Some(bandwidth) = device.bandwidth_bits_per_s
        && bits_per_s > bandwidth / 100 * BANDWIDTH_SHARE_PERCENT
    {
        let text = format!("needs about {} Mbit/s", bits_per_s.div_ceil(1_000_000));
        add(reasons, text, weights.over_bandwidth);
    }
}

fn judge_languages(parsed: &ReleaseName, preferences: &Preferences, reasons: &mut Vec<Reason>) {
    let weights = &preferences.weights;
    if preferences.languages.is_empty() {
        if parsed.dubbed && !parsed.multi_audio {
            add(reasons, "dubbed", weights.dubbed);
        }
        return;
    }
    let spoken: Vec<&str> = parsed
        .languages
        .iter()
        .filter(|language| !parsed.subtitle_languages.contains(language))
        .map(String::as_str)
        .collect();
    let found = preferences.languages.iter().position(|language| spoken.contains(&language.primary()));
    match found {
        Some(index) => {
            let steps = i32::try_from(index).unwrap_or(i32::MAX).saturating_mul(weights.language_step);
            let text = preferences.languages.get(index).map_or("language", |language| language.name()).to_owned();
            add(reasons, text, weights.language.saturating_sub(steps).max(weights.language_step));
        }
        None if !spoken.is_empty() && !parsed.multi_audio => {
            add(reasons, format!("spoken in {}", spoken.join(", ")), weights.other_language);
        }
        None => {}
    }
}

/// Lines of the picture: 1080 of `1080p`.
fn lines(parsed: &ReleaseName) -> Option<u32> {
    parsed.resolution.as_deref()?.trim_end_matches(['p', 'i']).parse().ok()
}

/// A size for people.
fn size_text(bytes: u64) -> String {
    if bytes >= 1_000_000_000 {
        format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10)
    } else {
        format!("{} MB", bytes / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::LinesWeight;
    use super::*;
    use crate::model::{EpisodeNumber, ProviderId, TitleKind, VideoCapability};

    fn release(name: &str, seeders: u32) -> Release {
        Release {
            indexer: ProviderId::new("stand_in"),
            tracker: None,
            name: name.to_owned(),
            info_hash: None,
            link: None,
            size_bytes: None,
            seeder_count: Some(seeders),
            age_days: None,
            playable: None,
        }
    }

    fn known(is_ready: bool, certainty_percent: u8) -> Readiness {
        Readiness { is_ready, certainty_percent, text: "as seen".to_owned() }
    }

    fn sized(name: &str, size_bytes: u64) -> Release {
        Release { size_bytes: Some(size_bytes), ..release(name, 10) }
    }

    fn wanted() -> Wanted {
        Wanted {
            kind: TitleKind::Series,
            names: vec!["Rocket Harbour".to_owned()],
            year: None,
            episode: Some(EpisodeNumber { season: 2, episode: 5 }),
            absolute_episode: None,
            air_date: None,
            runtime_min: Some(45),
        }
    }

    fn order(releases: Vec<Release>, preferences: &Preferences, device: &DeviceProfile) -> Vec<String> {
        let ranking = rank(releases, &wanted(), preferences, device, &|_| None);
        ranking.candidates.into_iter().map(|candidate| candidate.release.name).collect()
    }

    const FULL_HD: &str = "Rocket.Harbour.S02E05.1080p.WEB-DL.DDP5.1.H.264-GRP";
    const HD: &str = "Rocket.Harbour.S02E05.720p.WEB-DL.AAC2.0.H.264-GRP";
    const FILMED: &str = "Rocket.Harbour.S02E05.1080p.HDCAM.x264-GRP";
    const HEVC: &str = "Rocket.Harbour.S02E05.2160p.WEB-DL.DDP5.1.H.265-GRP";

    /// Goal: quality decides between equals, and filmed screens come last.
    /// Method: three releases of one episode in the wrong order.
    #[test]
    fn better_pictures_come_first() {
        let releases = vec![release(FILMED, 900), release(HD, 10), release(FULL_HD, 10)];
        assert_eq!(order(releases, &Preferences::default(), &DeviceProfile::any()), [FULL_HD, HD, FILMED]);
    }

    /// Goal: what the device cannot decode falls behind what it can, with the reason said.
    /// Method: a taller HEVC release on a browser.
    #[test]
    fn device_fit_beats_resolution() {
        let device = DeviceProfile::named("chromium").unwrap();
        let ranking =
            rank(vec![release(HEVC, 10), release(HD, 10)], &wanted(), &Preferences::default(), &device, &|_| None);
        assert_eq!(ranking.candidates[0].release.name, HD);
        assert_eq!(ranking.candidates[1].reasons[0].text, "chromium does not decode hevc");
        let device = DeviceProfile {
            video: vec![VideoCapability { codec: "hevc".to_owned(), max_bit_depth: 10 }],
            ..DeviceProfile::any()
        };
        assert_eq!(order(vec![release(HD, 10), release(HEVC, 10)], &Preferences::default(), &device), [HEVC, HD]);
    }

    /// Goal: the score is the sum of its reasons, the largest first.
    /// Method: every candidate of a mixed list.
    #[test]
    fn reasons_add_up_to_the_score() {
        let releases = vec![release(HEVC, 3), release(FILMED, 0), sized(HD, 900_000_000)];
        let ranking =
            rank(releases, &wanted(), &Preferences::default(), &DeviceProfile::any(), &|_| Some(known(true, 100)));
        for candidate in &ranking.candidates {
            assert_eq!(candidate.score, candidate.reasons.iter().map(|reason| reason.points).sum::<i32>());
            assert!(candidate.reasons.is_sorted_by_key(|reason| Reverse(reason.points.unsigned_abs())));
        }
        assert_eq!(ranking.candidates.len(), 3);
    }

    /// Goal: what plays at once beats what would be a little sharper.
    /// Method: the smaller picture is cached.
    #[test]
    fn cached_releases_come_first() {
        let ready = |release: &Release| Some(known(release.name == HD, 100));
        let releases = vec![release(FULL_HD, 10), release(HD, 10)];
        let ranking = rank(releases, &wanted(), &Preferences::default(), &DeviceProfile::any(), &ready);
        assert_eq!(ranking.candidates[0].release.name, HD);
        assert_eq!(ranking.candidates[0].known_ready, Some(true));
    }

    /// Goal: what was seen counts less the less sure it is, and is told as it was seen.
    /// Method: two equal releases, one surely ready and one perhaps; then one surely absent and one perhaps.
    #[test]
    fn fading_changes_the_order_of_equals() {
        let (one, other) = (FULL_HD.replace("GRP", "ONE"), FULL_HD.replace("GRP", "OTHER"));
        let ranked = |is_ready: bool| {
            let seen = |release: &Release| Some(known(is_ready, if release.name == one { 40 } else { 90 }));
            let releases = vec![release(&one, 10), release(&other, 10)];
            rank(releases, &wanted(), &Preferences::default(), &DeviceProfile::any(), &seen).candidates
        };
        for (is_ready, first, weight) in [(true, &other, 400), (false, &one, -60)] {
            let candidates = ranked(is_ready);
            assert_eq!(&candidates[0].release.name, first);
            for candidate in candidates {
                let percent = if candidate.release.name == one { 40 } else { 90 };
                let reason = candidate.reasons.iter().find(|reason| reason.text == "as seen").unwrap();
                assert_eq!(reason.points, weight * percent / 100);
            }
        }
    }

    /// Goal: every rule drops what breaks it and says why.
    /// Method: one release for each rule.
    #[test]
    fn rules_drop_releases_with_a_reason() {
        let preferences = Preferences {
            max_resolution: Some(1080),
            max_size_bytes: Some(2_000_000_000),
            excluded_words: vec!["HDCAM".to_owned(), "AI".to_owned()],
            ..Preferences::default()
        };
        let releases = vec![
            release("Other.Show.S02E05.1080p.WEB-DL.H.264-GRP", 10),
            release(HEVC, 10),
            sized(FULL_HD, 3_500_000_000),
            release(FILMED, 10),
            release(HD, 10),
        ];
        let ranking = rank(releases, &wanted(), &preferences, &DeviceProfile::any(), &|_| None);
        assert_eq!(ranking.candidates.len(), 1, "AI is no word of WEB-DL.AAC");
        let reasons: Vec<&str> = ranking.rejected.iter().map(|rejected| rejected.reason.as_str()).collect();
        assert_eq!(
            reasons,
            [
                "Rocket Harbour is wanted, the name says Other Show",
                "the name holds the excluded word HDCAM",
                "3.5 GB are more than the limit of 2.0 GB",
                "2160 lines are more than the limit of 1080",
            ]
        );
    }

    /// Goal: rules and weights of one's own decide, each with its reason; what they leave out says why.
    /// Method: a rule for each kind of list, and one weight turned round.
    #[test]
    fn own_rules_and_weights_decide() {
        let list = |value: &str| vec![value.to_owned()];
        let holds = |rule: Rule| {
            let preferences = Preferences { rules: vec![Rule { points: 7, ..rule }], ..Preferences::default() };
            preferences.check().unwrap();
            let ranking = rank(vec![release(FULL_HD, 10)], &wanted(), &preferences, &DeviceProfile::any(), &|_| None);
            ranking.candidates[0].reasons.iter().find(|reason| reason.points == 7).map(|reason| reason.text.clone())
        };
        assert_eq!(holds(Rule { groups: list("grp"), ..Rule::default() }).as_deref(), Some("grp"));
        assert_eq!(
            holds(Rule { groups: list("GRP"), text: "kept".to_owned(), ..Rule::default() }).as_deref(),
            Some("kept")
        );
        assert!(holds(Rule { words: list("web dl"), codecs: list("H264"), ..Rule::default() }).is_some());
        assert!(holds(Rule { audio: list("eac3"), resolutions: list("1080p"), ..Rule::default() }).is_some());
        assert!(holds(Rule { audio: list("eac3"), resolutions: list("720p"), ..Rule::default() }).is_none());
        assert!(holds(Rule { sources: vec!["BluRay".to_owned(), "WEB-DL".to_owned()], ..Rule::default() }).is_some());
        for rule in [
            Rule { hdr: list("DV"), ..Rule::default() },
            Rule { languages: list("de"), ..Rule::default() },
            Rule { editions: list("imax"), ..Rule::default() },
            Rule { networks: list("Netflix"), ..Rule::default() },
            Rule { words: list("WEBDL"), ..Rule::default() },
        ] {
            assert_eq!(holds(rule.clone()), None, "{rule:?}");
        }
        let dropped = Rule { groups: list("GRP"), resolutions: list("720p"), is_dropped: true, ..Rule::default() };
        let mut preferences = Preferences { rules: vec![dropped], ..Preferences::default() };
        let releases = vec![release(FULL_HD, 10), release(HD, 10)];
        let ranking = rank(releases.clone(), &wanted(), &preferences, &DeviceProfile::any(), &|_| None);
        assert_eq!(ranking.rejected[0].reason, "a rule leaves it out: GRP, 720p");
        preferences.rules.clear();
        preferences.weights.resolution =
            vec![LinesWeight { lines: 1080, points: -300 }, LinesWeight { lines: 0, points: 0 }];
        assert_eq!(order(releases, &preferences, &DeviceProfile::any()), [HD, FULL_HD]);
        for wrong in [Rule::default(), Rule { words: list("x"), points: i32::MAX, ..Rule::default() }] {
            assert!(Preferences { rules: vec![wrong], ..Preferences::default() }.check().is_err());
        }
    }

    /// Goal: a stream that the network cannot carry, and a file too small to be true, fall behind.
    /// Method: 45 minutes in 9 GB over 10 Mbit/s, and in 20 MB.
    #[test]
    fn sizes_are_held_against_network_and_length() {
        let device = DeviceProfile { bandwidth_bits_per_s: Some(10_000_000), ..DeviceProfile::any() };
        let releases = vec![sized(FULL_HD, 9_000_000_000), sized(HD, 900_000_000)];
        assert_eq!(order(releases, &Preferences::default(), &device), [HD, FULL_HD]);
        let releases = vec![sized(FULL_HD, 20_000_000), sized(HD, 900_000_000)];
        assert_eq!(order(releases, &Preferences::default(), &DeviceProfile::any()), [HD, FULL_HD]);
    }

    /// Goal: a wanted language leads, another one falls behind, and an unnamed one stays between.
    /// Method: German wanted; German, unnamed and French releases.
    #[test]
    fn languages_follow_the_preference() {
        let preferences = Preferences { languages: vec![Language::parse("de").unwrap()], ..Preferences::default() };
        let german = "Rocket.Harbour.S02E05.GERMAN.720p.WEB-DL.AAC2.0.H.264-GRP";
        let french = "Rocket.Harbour.S02E05.FRENCH.720p.WEB-DL.AAC2.0.H.264-GRP";
        let releases = vec![release(french, 10), release(HD, 10), release(german, 10)];
        assert_eq!(order(releases, &preferences, &DeviceProfile::any()), [german, HD, french]);
    }

    /// Goal: one torrent listed twice is one candidate that knows all that either listing knew.
    /// Method: the same hash with a short and a full name.
    #[test]
    fn equal_info_hashes_are_merged() {
        let hash = Some(InfoHash([7; 20]));
        let short = Release { info_hash: hash, size_bytes: Some(5), ..release("Rocket Harbour S02E05", 80) };
        let full = Release { info_hash: hash, ..release(FULL_HD, 2) };
        for releases in [vec![short.clone(), full.clone()], vec![full, short]] {
            let ranking = rank(releases, &wanted(), &Preferences::default(), &DeviceProfile::any(), &|_| None);
            assert_eq!(ranking.candidates.len(), 1);
            let release = &ranking.candidates[0].release;
            assert_eq!((release.name.as_str(), release.size_bytes, release.seeder_count), (FULL_HD, Some(5), Some(80)));
        }
    }

    /// Goal: a list that grew bit by bit is the one that was ranked at once, merged torrents included.
    /// Method: releases with repeated hashes, one at a time and all together.
    #[test]
    fn ranking_bit_by_bit_is_ranking_at_once() {
        let hashed =
            |name: &str, hash: u8, seeders| Release { info_hash: Some(InfoHash([hash; 20])), ..release(name, seeders) };
        let releases = vec![
            hashed("Rocket Harbour S02E05", 1, 80),
            hashed(HD, 2, 5),
            hashed(FULL_HD, 1, 2),
            hashed("Other.Show.S02E05.1080p.WEB-DL.H.264-GRP", 3, 9),
            hashed("Rocket Harbour S02E05", 1, 3),
            sized(HEVC, 4_000_000_000),
        ];
        let (wanted, preferences, device) = (wanted(), Preferences::default(), DeviceProfile::any());
        let known = |release: &Release| release.info_hash.map(|hash| known(hash.0[0] == 2, 80));
        let mut ranker = Ranker::new(&wanted, &preferences, &device);
        for release in &releases {
            ranker.add(vec![release.clone()], &known);
        }
        let at_once = rank(releases, &wanted, &preferences, &device, &known);
        assert_eq!((at_once.candidates.len(), at_once.rejected.len()), (3, 1));
        assert_eq!(ranker.ranking(), at_once);
        assert_eq!(ranker.into_ranking(), at_once);
    }

    /// Goal: the same releases always come in the same order.
    /// Method: every rotation of a list with equal scores.
    #[test]
    fn order_does_not_depend_on_arrival() {
        let mut releases: Vec<Release> =
            ["A", "B", "C", "D"].map(|group| release(&FULL_HD.replace("GRP", group), 10)).to_vec();
        let first = order(releases.clone(), &Preferences::default(), &DeviceProfile::any());
        for _ in 0..releases.len() {
            releases.rotate_left(1);
            assert_eq!(order(releases.clone(), &Preferences::default(), &DeviceProfile::any()), first);
        }
    }
}

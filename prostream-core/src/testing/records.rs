//! What every [`Records`] keeps to: [`records_suite!`](crate::records_suite) makes a test of each rule.

use crate::ErrorKind;
use crate::model::{ContentId, InfoHash, MediaId, ProviderId};
use crate::store::records::{
    Availability, MAX_ALIASES, MAX_FILE_BYTES, MAX_HASHES, MAX_OBSERVED_FILES, MAX_PREPARINGS, MAX_STORED_INDEX_BYTES,
    MediaAlias, Observation, ObservedFile, PlaybackRecord, PreparingRecord, Records, StoredIndex,
};

/// A moment to count from: 2026-01-01 UTC, in milliseconds.
const NOW_MS: i64 = 1_767_225_600_000;

/// A test for each rule of this module. `$start` is an expression that gives `(guard, impl Records)` of an empty store when
/// awaited; the guard lives as long as the test.
#[macro_export]
macro_rules! records_suite {
    ($start:expr) => {
        $crate::records_suite!(@ $start;
            keeps_the_latest_observation a_file_is_observed_by_itself files_of_a_torrent_have_a_limit observations_are_kept_by_service too_many_hashes_are_refused playbacks_come_back_whole
            an_id_is_taken_once anothers_playback_is_missing an_expired_playback_is_missing playbacks_are_listed_newest_first
            prune_forgets_what_is_over concurrent_writes_all_stay an_index_comes_back_by_any_of_its_names
            an_index_of_another_format_is_forgotten indexes_unused_for_longest_give_way a_content_has_only_so_many_names
            an_alias_needs_an_index preparings_come_back_whole_and_oldest_first anothers_preparing_is_missing
            what_was_given_up_is_kept_to_be_taken_away what_was_prepared_becomes_a_playback_once too_many_preparings_are_refused);
    };
    (@ $start:expr; $($rule:ident)*) => { $(
        #[tokio::test]
        async fn $rule() {
            let (_guard, records) = $start.await;
            $crate::testing::records::$rule(&records).await;
        }
    )* };
}

fn hash(number: u8) -> InfoHash {
    InfoHash([number; 20])
}

fn seen(service: &str, number: u8, availability: Availability, seen_at_ms: i64) -> Observation {
    Observation { service: ProviderId::new(service), info_hash: hash(number), file: None, availability, seen_at_ms }
}

fn playback(owner: &str, id: u128, created_at_ms: i64) -> PlaybackRecord {
    PlaybackRecord {
        id: format!("{id:032x}"),
        owner: owner.to_owned(),
        media_id: Some("tt0944947:1:2".parse::<MediaId>().unwrap()),
        name: "Läufer 'n' \"Quotes\"; DROP TABLE playbacks; -- \u{1F3AC}".to_owned(),
        reopen: r#"{"link":"https://files.example/1?key=x"}"#.to_owned(),
        start_ms: Some(3_500),
        created_at_ms,
        expires_at_ms: created_at_ms + 1_000,
    }
}

/// Goal: what was seen last counts, in whatever order the news arrives.
pub async fn keeps_the_latest_observation(records: &impl Records) {
    let service = ProviderId::new("alldebrid");
    records.observe(&seen("alldebrid", 1, Availability::Absent, NOW_MS)).await.unwrap();
    let later = seen("alldebrid", 1, Availability::Refused, NOW_MS + 5);
    records.observe(&later).await.unwrap();
    records.observe(&seen("alldebrid", 1, Availability::Ready, NOW_MS + 4)).await.unwrap();
    assert_eq!(records.observations(&service, &[hash(1), hash(2)]).await.unwrap(), [later]);
}

/// Goal: what is seen of one file changes nothing that is known of its torrent or of another file, whatever it is called; each keeps its latest.
pub async fn a_file_is_observed_by_itself(records: &impl Records) {
    let of_file = |path: &str, availability, seen_at_ms| Observation {
        file: ObservedFile::of(path),
        ..seen("alldebrid", 1, availability, seen_at_ms)
    };
    let long = "Ordner/".repeat(MAX_FILE_BYTES);
    let torrent = seen("alldebrid", 1, Availability::Ready, NOW_MS);
    let refused = of_file("Show/Läufer 'n' \"E01\".mkv", Availability::Refused, NOW_MS - 5);
    let played = of_file(&(long.clone() + "2.mkv"), Availability::Played, NOW_MS + 5);
    let absent = of_file(&(long.clone() + "3.mkv"), Availability::Absent, NOW_MS);
    for earlier in
        [of_file(&(long + "2.mkv"), Availability::Ready, NOW_MS + 4), seen("alldebrid", 2, Availability::Ready, NOW_MS)]
    {
        records.observe(&earlier).await.unwrap();
    }
    records.observe_all(&[torrent.clone(), refused.clone(), played.clone(), absent.clone()]).await.unwrap();
    let mut known = records.observations(&ProviderId::new("alldebrid"), &[hash(1)]).await.unwrap();
    let mut all = [torrent, refused, played, absent];
    let order = |one: &Observation| one.file.clone();
    known.sort_by_key(order);
    all.sort_by_key(order);
    assert_eq!(known, all);
    assert_eq!(records.prune(NOW_MS, NOW_MS).await.unwrap(), 1, "the refusal is the oldest");
}

/// Goal: a torrent of any number of files takes so many rows; what was seen last stays, and so does what is known of the torrent.
pub async fn files_of_a_torrent_have_a_limit(records: &impl Records) {
    let limit = i64::try_from(MAX_OBSERVED_FILES).unwrap();
    let of_file = |number: i64| Observation {
        file: ObservedFile::of(&format!("{number}.mkv")),
        ..seen("alldebrid", 1, Availability::Ready, NOW_MS + number)
    };
    let of_another = Observation { info_hash: hash(2), ..of_file(0) };
    records.observe_all(&[seen("alldebrid", 1, Availability::Ready, NOW_MS), of_another]).await.unwrap();
    for number in 0..limit + 2 {
        records.observe(&of_file(number)).await.unwrap();
    }
    let known = records.observations(&ProviderId::new("alldebrid"), &[hash(1)]).await.unwrap();
    assert_eq!(known.len(), MAX_OBSERVED_FILES + 1);
    for number in 0..limit + 2 {
        assert_eq!(known.contains(&of_file(number)), number >= 2, "{number}");
    }
    assert_eq!(records.observations(&ProviderId::new("alldebrid"), &[hash(2)]).await.unwrap().len(), 1);
}

/// Goal: what one service holds says nothing about another, or about another instance of the same vendor.
pub async fn observations_are_kept_by_service(records: &impl Records) {
    records.observe(&seen("alldebrid", 1, Availability::Ready, NOW_MS)).await.unwrap();
    let other = ProviderId::with_instance("alldebrid", "second");
    assert_eq!(records.observations(&other, &[hash(1)]).await.unwrap(), []);
    assert_eq!(records.observations(&ProviderId::new("alldebrid"), &[]).await.unwrap(), []);
    assert_eq!(records.observations(&ProviderId::new("alldebrid"), &[hash(1), hash(1)]).await.unwrap().len(), 1);
}

/// Goal: the count has its limit, and the limit itself is fine.
pub async fn too_many_hashes_are_refused(records: &impl Records) {
    let service = ProviderId::new("alldebrid");
    let mut hashes: Vec<InfoHash> = vec![hash(9); MAX_HASHES];
    assert_eq!(records.observations(&service, &hashes).await.unwrap(), []);
    hashes.push(hash(9));
    assert_eq!(records.observations(&service, &hashes).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
}

/// Goal: every field is kept, text of any kind is only text.
pub async fn playbacks_come_back_whole(records: &impl Records) {
    let with_title = playback("anna", 1, NOW_MS);
    let without_title = PlaybackRecord { media_id: None, start_ms: None, ..playback("anna", 2, NOW_MS) };
    for record in [&with_title, &without_title] {
        records.add_playback(record).await.unwrap();
        assert_eq!(&records.playback("anna", &record.id, NOW_MS).await.unwrap(), record);
    }
}

/// Goal: an id names one playback, whoever comes with it again, and the first stays as it was.
pub async fn an_id_is_taken_once(records: &impl Records) {
    let first = playback("anna", 1, NOW_MS);
    records.add_playback(&first).await.unwrap();
    let error = records.add_playback(&playback("ben", 1, NOW_MS)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(records.playback("anna", &first.id, NOW_MS).await.unwrap(), first);
}

/// Goal: AUTHZ-02. Another's playback answers exactly like a missing one, and stays.
pub async fn anothers_playback_is_missing(records: &impl Records) {
    let record = playback("anna", 1, NOW_MS);
    records.add_playback(&record).await.unwrap();
    let missing = records.playback("ben", &format!("{:032x}", 99), NOW_MS).await.unwrap_err();
    let foreign = records.playback("ben", &record.id, NOW_MS).await.unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::NotFound);
    assert_eq!(foreign.to_string(), missing.to_string());
    assert_eq!(records.remove_playback("ben", &record.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(records.playbacks("ben", NOW_MS, 10).await.unwrap(), []);
    assert_eq!(records.playback("anna", &record.id, NOW_MS).await.unwrap(), record);
    records.remove_playback("anna", &record.id).await.unwrap();
    assert_eq!(records.remove_playback("anna", &record.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Goal: at its end a playback is gone, unless it was extended.
pub async fn an_expired_playback_is_missing(records: &impl Records) {
    let record = playback("anna", 1, NOW_MS);
    records.add_playback(&record).await.unwrap();
    let end = record.expires_at_ms;
    assert!(records.playback("anna", &record.id, end - 1).await.is_ok());
    assert_eq!(records.playback("anna", &record.id, end).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(records.playbacks("anna", end, 10).await.unwrap(), []);
    records.extend_playback(&record.id, end + 1).await.unwrap();
    assert_eq!(records.playback("anna", &record.id, end).await.unwrap().expires_at_ms, end + 1);
    assert_eq!(records.extend_playback("none", end).await.unwrap_err().kind(), ErrorKind::NotFound);
}

/// Goal: a list is newest first and has its limits.
pub async fn playbacks_are_listed_newest_first(records: &impl Records) {
    for id in 0..120 {
        records.add_playback(&playback("anna", id, NOW_MS + i64::try_from(id).unwrap())).await.unwrap();
    }
    let listed = records.playbacks("anna", NOW_MS, 3).await.unwrap();
    assert_eq!(listed.iter().map(|record| record.created_at_ms - NOW_MS).collect::<Vec<_>>(), [119, 118, 117]);
    assert_eq!(records.playbacks("anna", NOW_MS, u32::MAX).await.unwrap().len(), 100);
    assert_eq!(records.playbacks("anna", NOW_MS, 0).await.unwrap(), []);
}

/// Goal: pruning takes what is over and nothing else, and counts it.
pub async fn prune_forgets_what_is_over(records: &impl Records) {
    let (over, on) = (playback("anna", 1, NOW_MS - 1_000), playback("anna", 2, NOW_MS));
    records.add_playback(&over).await.unwrap();
    records.add_playback(&on).await.unwrap();
    records.observe(&seen("alldebrid", 1, Availability::Ready, NOW_MS - 1)).await.unwrap();
    records.observe(&seen("alldebrid", 2, Availability::Ready, NOW_MS)).await.unwrap();
    assert_eq!(records.prune(NOW_MS, NOW_MS).await.unwrap(), 2);
    assert_eq!(records.prune(NOW_MS, NOW_MS).await.unwrap(), 0);
    assert_eq!(records.playbacks("anna", 0, 10).await.unwrap(), [on]);
    let left = records.observations(&ProviderId::new("alldebrid"), &[hash(1), hash(2)]).await.unwrap();
    assert_eq!(left.iter().map(|known| known.info_hash).collect::<Vec<_>>(), [hash(2)]);
}

/// Goal: writers at once neither fail nor lose anything.
pub async fn concurrent_writes_all_stay(records: &impl Records) {
    let writes = (0..40).map(|id| async move {
        records.add_playback(&playback("anna", id, NOW_MS)).await.unwrap();
        records.observe(&seen("alldebrid", u8::try_from(id).unwrap(), Availability::Ready, NOW_MS)).await.unwrap();
        records.playbacks("anna", NOW_MS, 100).await.unwrap();
    });
    futures_util::future::join_all(writes).await;
    assert_eq!(records.playbacks("anna", NOW_MS, 100).await.unwrap().len(), 40);
}

/// Format of the indexes here.
const FORMAT: u32 = 3;
/// A budget that nothing here reaches.
const ROOM: u64 = 1 << 20;
const DAY_MS: i64 = 24 * 3_600_000;

fn content(number: u8) -> ContentId {
    ContentId::from_ends(number.into(), b"first", b"last")
}

fn index(number: u8, len: usize) -> StoredIndex {
    StoredIndex { content_id: content(number), format: FORMAT, bytes: vec![number; len].into() }
}

fn alias(name: &str, number: u8, validator: Option<&str>) -> MediaAlias {
    MediaAlias { alias: name.to_owned(), content_id: content(number), validator: validator.map(str::to_owned) }
}

async fn is_kept(records: &impl Records, number: u8, now_ms: i64) -> bool {
    records.index(content(number), FORMAT, now_ms).await.unwrap().is_some()
}

/// Goal: an index is found by each of its names, until it is forgotten; a name can come to mean another content.
pub async fn an_index_comes_back_by_any_of_its_names(records: &impl Records) {
    for number in [1, 2] {
        records.keep_index(&index(number, 40), NOW_MS, ROOM).await.unwrap();
    }
    let (torrent, link) = (alias("torrent:a", 1, None), alias("link:b", 1, Some("\"tag\"")));
    for alias in [&torrent, &link] {
        records.keep_alias(alias, NOW_MS).await.unwrap();
        assert_eq!(records.alias(&alias.alias, NOW_MS + DAY_MS).await.unwrap().as_ref(), Some(alias));
    }
    assert_eq!(records.index(content(1), FORMAT, NOW_MS + DAY_MS).await.unwrap().unwrap(), vec![1; 40]);
    records.keep_index(&StoredIndex { bytes: vec![9; 3].into(), ..index(1, 0) }, NOW_MS, ROOM).await.unwrap();
    assert_eq!(records.index(content(1), FORMAT, NOW_MS).await.unwrap().unwrap(), vec![9; 3]);
    assert!(records.alias("torrent:a", NOW_MS).await.unwrap().is_some(), "aliases stay with a newer index");
    records.keep_alias(&alias("link:b", 2, None), NOW_MS).await.unwrap();
    assert_eq!(records.alias("link:b", NOW_MS).await.unwrap(), Some(alias("link:b", 2, None)));
    records.forget_index(content(1)).await.unwrap();
    records.forget_index(content(7)).await.unwrap();
    assert!(!is_kept(records, 1, NOW_MS).await && is_kept(records, 2, NOW_MS).await);
    assert_eq!(records.alias("torrent:a", NOW_MS).await.unwrap(), None);
    records.forget_alias("link:b").await.unwrap();
    records.forget_alias("link:b").await.unwrap();
    assert_eq!(records.alias("link:b", NOW_MS).await.unwrap(), None);
    assert!(is_kept(records, 2, NOW_MS).await);
}

/// Goal: what another version of the program wrote is not read and does not stay; one that is too large is never kept.
pub async fn an_index_of_another_format_is_forgotten(records: &impl Records) {
    records.keep_index(&index(1, 40), NOW_MS, ROOM).await.unwrap();
    records.keep_alias(&alias("torrent:a", 1, None), NOW_MS).await.unwrap();
    assert_eq!(records.index(content(1), FORMAT + 1, NOW_MS).await.unwrap(), None);
    assert!(!is_kept(records, 1, NOW_MS).await);
    assert_eq!(records.alias("torrent:a", NOW_MS).await.unwrap(), None);
    let large = index(2, MAX_STORED_INDEX_BYTES + 1);
    let error = records.keep_index(&large, NOW_MS, u64::MAX).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
}

/// Goal: the budget holds, and what was used last stays; names go with their index.
pub async fn indexes_unused_for_longest_give_way(records: &impl Records) {
    for number in 1..=3 {
        records.keep_index(&index(number, 100), NOW_MS + i64::from(number), 300).await.unwrap();
        records.keep_alias(&alias(&format!("link:{number}"), number, None), NOW_MS).await.unwrap();
    }
    // Used days later, the first is the newest.
    assert!(is_kept(records, 1, NOW_MS + DAY_MS).await);
    records.keep_index(&index(4, 150), NOW_MS + DAY_MS + 1, 300).await.unwrap();
    let mut kept = Vec::new();
    for number in 1..=4 {
        kept.push(is_kept(records, number, NOW_MS).await);
        let is_named = records.alias(&format!("link:{number}"), NOW_MS).await.unwrap().is_some();
        assert_eq!(is_named, kept[usize::from(number) - 1] && number < 4, "{number}");
    }
    assert_eq!(kept, [true, false, false, true]);
    records.keep_index(&index(5, 301), NOW_MS + 2 * DAY_MS, 300).await.unwrap();
    assert!(!is_kept(records, 5, NOW_MS).await, "larger than the budget");
}

/// Goal: links that change by the hour do not pile up.
pub async fn a_content_has_only_so_many_names(records: &impl Records) {
    records.keep_index(&index(1, 10), NOW_MS, ROOM).await.unwrap();
    records.keep_index(&index(2, 10), NOW_MS, ROOM).await.unwrap();
    records.keep_alias(&alias("of another", 2, None), NOW_MS).await.unwrap();
    for number in 0..=MAX_ALIASES {
        records.keep_alias(&alias(&format!("link:{number}"), 1, None), NOW_MS + i64::from(number)).await.unwrap();
    }
    assert_eq!(records.alias("link:0", NOW_MS).await.unwrap(), None);
    for number in 1..=MAX_ALIASES {
        assert!(records.alias(&format!("link:{number}"), NOW_MS).await.unwrap().is_some(), "{number}");
    }
    assert!(records.alias("of another", NOW_MS).await.unwrap().is_some());
}

/// Goal: a name of nothing is not kept.
pub async fn an_alias_needs_an_index(records: &impl Records) {
    records.keep_alias(&alias("link:a", 1, None), NOW_MS).await.unwrap();
    assert_eq!(records.alias("link:a", NOW_MS).await.unwrap(), None);
}

fn preparing(owner: &str, id: u128, created_at_ms: i64) -> PreparingRecord {
    PreparingRecord {
        id: format!("{id:032x}"),
        owner: owner.to_owned(),
        media_id: "tt0944947:1:2".parse().unwrap(),
        name: "Läufer 'n' \"Quotes\"; DROP TABLE preparings; --".to_owned(),
        release: hash(1).to_string(),
        service: ProviderId::with_instance("alldebrid", "second"),
        info_hash: hash(1),
        torrent: None,
        was_known: true,
        is_ending: false,
        device: r#"{"name":"any"}"#.to_owned(),
        start_ms: Some(3_500),
        created_at_ms,
    }
}

/// Goal: every field is kept, also what the service answers later; who starts again finds all of them, whoever they belong to.
pub async fn preparings_come_back_whole_and_oldest_first(records: &impl Records) {
    let intended = preparing("anna", 1, NOW_MS + 5);
    let noted = PreparingRecord { start_ms: None, ..preparing("ben", 2, NOW_MS) };
    for record in [&intended, &noted] {
        records.add_preparing(record).await.unwrap();
    }
    records.note_preparing(&noted.id, "4711", false).await.unwrap();
    let noted = PreparingRecord { torrent: Some("4711".to_owned()), was_known: false, ..noted };
    assert_eq!(records.preparings().await.unwrap(), [noted.clone(), intended.clone()]);
    let error = records.add_preparing(&preparing("ben", 1, NOW_MS)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    records.remove_preparing(&noted.id).await.unwrap();
    records.remove_preparing(&noted.id).await.unwrap();
    assert_eq!(records.note_preparing(&noted.id, "4711", false).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(records.preparings().await.unwrap(), [intended]);
}

/// Goal: AUTHZ-02. Nobody ends what is another's, or plays it, and is not told that it is there.
pub async fn anothers_preparing_is_missing(records: &impl Records) {
    let record = preparing("anna", 1, NOW_MS);
    records.add_preparing(&record).await.unwrap();
    let missing = records.end_preparing("ben", &format!("{:032x}", 99)).await.unwrap_err();
    let foreign = records.end_preparing("ben", &record.id).await.unwrap_err();
    assert_eq!((foreign.kind(), foreign.to_string()), (ErrorKind::NotFound, missing.to_string()));
    let error = records.play_prepared(&playback("ben", 1, NOW_MS)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(records.playbacks("ben", NOW_MS, 10).await.unwrap(), []);
    assert_eq!(records.preparings().await.unwrap(), [record]);
}

/// Goal: what was given up is given up once and for all, and not forgotten before it is taken away.
pub async fn what_was_given_up_is_kept_to_be_taken_away(records: &impl Records) {
    let record = preparing("anna", 1, NOW_MS);
    records.add_preparing(&record).await.unwrap();
    records.note_preparing(&record.id, "4711", false).await.unwrap();
    records.end_preparing("anna", &record.id).await.unwrap();
    assert_eq!(records.end_preparing("anna", &record.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(records.note_preparing(&record.id, "4712", true).await.unwrap_err().kind(), ErrorKind::NotFound);
    let error = records.play_prepared(&playback("anna", 1, NOW_MS)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let kept = PreparingRecord { torrent: Some("4711".to_owned()), was_known: false, is_ending: true, ..record };
    assert_eq!(records.preparings().await.unwrap(), [kept]);
}

/// Goal: a playback takes the place of what was prepared, in one step, and only once.
pub async fn what_was_prepared_becomes_a_playback_once(records: &impl Records) {
    let (played, taken) = (playback("anna", 1, NOW_MS), playback("anna", 2, NOW_MS));
    for id in [1, 2] {
        records.add_preparing(&preparing("anna", id, NOW_MS)).await.unwrap();
    }
    records.play_prepared(&played).await.unwrap();
    assert_eq!(records.playback("anna", &played.id, NOW_MS).await.unwrap(), played);
    assert_eq!(records.play_prepared(&played).await.unwrap_err().kind(), ErrorKind::NotFound);
    // Where the playback cannot be added, what was prepared stays.
    records.add_playback(&taken).await.unwrap();
    assert_eq!(records.play_prepared(&taken).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(records.preparings().await.unwrap(), [preparing("anna", 2, NOW_MS)]);
}

/// Goal: the count has its limit, and room that becomes free is used again.
pub async fn too_many_preparings_are_refused(records: &impl Records) {
    for id in 0..u128::from(MAX_PREPARINGS) {
        records.add_preparing(&preparing("anna", id, NOW_MS)).await.unwrap();
    }
    let another = preparing("anna", u128::from(MAX_PREPARINGS), NOW_MS);
    assert_eq!(records.add_preparing(&another).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    records.remove_preparing(&format!("{:032x}", 7)).await.unwrap();
    records.add_preparing(&another).await.unwrap();
    assert_eq!(records.preparings().await.unwrap().len(), 1_000);
}

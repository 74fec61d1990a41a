//! What every [`Records`] keeps to: [`records_suite!`](crate::records_suite) makes a test of each rule.

use crate::ErrorKind;
use crate::model::{InfoHash, MediaId, ProviderId};
use crate::store::records::{Availability, MAX_HASHES, Observation, PlaybackRecord, Records};

/// A moment to count from: 2026-01-01 UTC, in milliseconds.
const NOW_MS: i64 = 1_767_225_600_000;

/// A test for each rule of this module. `$start` is an expression that gives `(guard, impl Records)` of an empty store when
/// awaited; the guard lives as long as the test.
#[macro_export]
macro_rules! records_suite {
    ($start:expr) => {
        $crate::records_suite!(@ $start;
            keeps_the_latest_observation observations_are_kept_by_service too_many_hashes_are_refused playbacks_come_back_whole
            an_id_is_taken_once anothers_playback_is_missing an_expired_playback_is_missing playbacks_are_listed_newest_first
            prune_forgets_what_is_over concurrent_writes_all_stay);
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
    Observation { service: ProviderId::new(service), info_hash: hash(number), availability, seen_at_ms }
}

fn playback(owner: &str, id: u128, created_at_ms: i64) -> PlaybackRecord {
    PlaybackRecord {
        id: format!("{id:032x}"),
        owner: owner.to_owned(),
        media_id: Some("tt0944947:1:2".parse::<MediaId>().unwrap()),
        name: "Läufer 'n' \"Quotes\"; DROP TABLE playbacks; -- \u{1F3AC}".to_owned(),
        reopen: r#"{"link":"https://files.example/1?key=x"}"#.to_owned(),
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
    let without_title = PlaybackRecord { media_id: None, ..playback("anna", 2, NOW_MS) };
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

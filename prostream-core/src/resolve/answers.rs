//! What an indexer answered, as it is kept for others who ask the same: without what only this machine can use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::{InfoHash, ProviderId, Release};
use crate::provider::indexer::{Indexer, MAX_MISSING, MAX_RELEASES, Missing, Releases, Sharing};

/// How long an answer with something missing is kept: for those who wait for it now. Who comes later deserves another try.
const PARTIAL_TIME_TO_LIVE: Duration = Duration::from_secs(10);

#[derive(Serialize, Deserialize)]
struct StoredAnswer {
    was_by_id: bool,
    is_partial: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing: Vec<Missing>,
    releases: Vec<StoredRelease>,
}

#[derive(Serialize, Deserialize)]
struct StoredRelease {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracker: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    info_hash: Option<InfoHash>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<Url>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seeder_count: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    age_days: Option<u32>,
}

/// The bytes of an answer and how long they are kept. Links are left out where the info hash says all; an answer that cannot be used
/// without links is kept only when it is sealed with a key that outsiders do not have. Files of this machine are nobody else's.
pub(super) fn written(
    answer: &Releases,
    indexer: &ProviderId,
    sharing: &Sharing,
    time_to_live: Duration,
) -> Option<(Vec<u8>, Duration)> {
    let mut releases = Vec::with_capacity(answer.releases.len());
    for release in &answer.releases {
        let is_for_all = release.playable.is_none() && release.indexer == *indexer;
        let link = release.link.clone().filter(|_| release.info_hash.is_none());
        if !is_for_all || (link.is_some() && !sharing.has_key()) {
            return None;
        }
        releases.push(StoredRelease {
            name: release.name.clone(),
            tracker: release.tracker.clone(),
            info_hash: release.info_hash,
            link,
            size_bytes: release.size_bytes,
            seeder_count: release.seeder_count,
            age_days: release.age_days,
        });
    }
    let time_to_live = if answer.is_partial { time_to_live.min(PARTIAL_TIME_TO_LIVE) } else { time_to_live };
    let stored = StoredAnswer {
        was_by_id: answer.was_by_id,
        is_partial: answer.is_partial,
        missing: answer.missing.clone(),
        releases,
    };
    Some((serde_json::to_vec(&stored).ok()?, time_to_live))
}

/// The answer in these bytes, as `indexer` would have given it; `None` for what is no answer, and for a partial one to somebody who did not
/// wait for it.
pub(super) fn read(bytes: &[u8], has_waited: bool, indexer: &dyn Indexer) -> Option<Releases> {
    let stored: StoredAnswer = serde_json::from_slice(bytes).ok()?;
    if stored.is_partial && !has_waited {
        return None;
    }
    let releases = stored.releases.into_iter().take(MAX_RELEASES).map(|release| Release {
        indexer: indexer.id().clone(),
        tracker: release.tracker,
        name: release.name,
        info_hash: release.info_hash,
        link: release.link.filter(|link| matches!(link.scheme(), "http" | "https" | "magnet")),
        size_bytes: release.size_bytes,
        seeder_count: release.seeder_count,
        age_days: release.age_days,
        playable: None,
    });
    Some(Releases {
        releases: releases.collect(),
        was_by_id: stored.was_by_id,
        is_partial: stored.is_partial,
        missing: stored.missing.into_iter().take(MAX_MISSING).collect(),
    })
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::Result;
    use crate::model::{Location, Playable};
    use crate::net::{Call, Secret};
    use crate::provider::indexer::Query;

    const HOUR: Duration = Duration::from_secs(3600);

    #[derive(Debug)]
    struct Named(ProviderId);

    #[async_trait]
    impl Indexer for Named {
        fn id(&self) -> &ProviderId {
            &self.0
        }
        async fn search(&self, _: &Call, _: &Query) -> Result<Releases> {
            Ok(Releases::default())
        }
    }

    fn home() -> ProviderId {
        ProviderId::with_instance("torznab", "home")
    }

    fn sharing(key: &str) -> Sharing {
        Sharing::new("torznab", &"http://indexer.example/api".parse().unwrap(), &Secret::new(key))
    }

    fn release(info_hash: Option<InfoHash>) -> Release {
        Release {
            indexer: home(),
            tracker: Some("A Tracker".into()),
            name: "A.Film.2019.1080p.WEB.H264-GRP".into(),
            info_hash,
            link: "http://indexer.example/dl?passkey=SECRET".parse().ok(),
            size_bytes: Some(u64::MAX),
            seeder_count: Some(0),
            age_days: None,
            playable: None,
        }
    }

    fn answer(releases: Vec<Release>) -> Releases {
        Releases { releases, was_by_id: true, ..Releases::default() }
    }

    fn kept(answer: &Releases, key: &str) -> Option<Vec<u8>> {
        written(answer, &home(), &sharing(key), HOUR).map(|(bytes, _)| bytes)
    }

    /// Goal: what is kept reads as what was answered, under the reader's own name for the indexer; a link that is not needed is not kept.
    #[test]
    fn answers_come_back_without_links_that_nobody_needs() {
        let hash = Some(InfoHash([7; 20]));
        let bytes = kept(&answer(vec![release(hash), release(None)]), "k3y").unwrap();
        let reader = Named(ProviderId::with_instance("torznab", "there"));
        let read = read(&bytes, false, &reader).unwrap();
        let with_hash = Release { link: None, indexer: reader.0.clone(), ..release(hash) };
        let with_link = Release { indexer: reader.0.clone(), ..release(None) };
        assert_eq!(read, answer(vec![with_hash, with_link]));
    }

    /// Goal: what outsiders could open holds no link, and what only this machine can play stays here.
    #[test]
    fn what_is_not_for_others_is_not_kept() {
        let only_hashes = kept(&answer(vec![release(Some(InfoHash([7; 20])))]), "").unwrap();
        assert!(!String::from_utf8(only_hashes).unwrap().contains("SECRET"));
        assert_eq!(kept(&answer(vec![release(None)]), ""), None, "a link, and no key to seal it with");
        let playable = Playable {
            location: Location::File("/films/a.mkv".into()),
            file_name: "a.mkv".into(),
            size_bytes: None,
            info_hash: None,
            provider: home(),
            expires_at: None,
        };
        assert_eq!(kept(&answer(vec![Release { playable: Some(playable), ..release(None) }]), "k3y"), None);
        let of_another = Release { indexer: ProviderId::new("other"), ..release(None) };
        assert_eq!(kept(&answer(vec![of_another]), "k3y"), None);
    }

    /// Goal: a partial answer serves those who wait for it, and nobody for long.
    #[test]
    fn partial_answers_are_for_those_who_wait() {
        let missing = vec![Missing { tracker: "A Tracker".into(), reason: "it is away".into() }];
        let partial = Releases { is_partial: true, missing, ..answer(vec![release(None)]) };
        let (bytes, time_to_live) = written(&partial, &home(), &sharing("k3y"), HOUR).unwrap();
        assert_eq!(time_to_live, PARTIAL_TIME_TO_LIVE);
        assert_eq!(read(&bytes, false, &Named(home())), None);
        assert_eq!(read(&bytes, true, &Named(home())), Some(partial));
    }

    /// Goal: whatever lies in the cache is an answer within the limits, or none.
    /// Method: an answer cut at every length and with every byte changed; one with more releases than allowed, and links of wrong schemes.
    #[test]
    fn damaged_answers_are_none() {
        let bytes = kept(&answer(vec![release(None), release(Some(InfoHash([7; 20])))]), "k3y").unwrap();
        for len in 0..bytes.len() {
            assert_eq!(read(&bytes[..len], true, &Named(home())), None, "{len}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x15;
            if let Some(answer) = read(&changed, true, &Named(home())) {
                assert!(answer.releases.len() <= 2);
            }
        }
        let many = format!(
            r#"{{"was_by_id":false,"is_partial":false,"releases":[{}]}}"#,
            vec![r#"{"name":"x","link":"file:///etc/passwd"}"#; MAX_RELEASES + 1].join(",")
        );
        let answer = read(many.as_bytes(), false, &Named(home())).unwrap();
        assert_eq!(answer.releases.len(), MAX_RELEASES);
        assert!(answer.releases.iter().all(|release| release.link.is_none()));
    }
}

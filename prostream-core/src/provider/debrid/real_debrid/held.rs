//! What the account holds. Real-Debrid makes a second entry of a torrent that is there already, under a new id: so the account is looked at
//! before anything is added, and what it has is used.

use std::time::{Duration, Instant};

use super::wire::{Stage, Torrent};
use crate::model::InfoHash;
use crate::provider::debrid::TorrentId;

/// How long a listing is believed. An entry of the user that is younger is not seen, and one of ours comes to stand beside it: ids are never
/// used twice, so his stays what it is.
const FRESH_FOR: Duration = Duration::from_secs(30);

/// The torrents of the account, newest first, as far as they were read.
#[derive(Debug)]
pub(super) struct Held {
    read_at: Instant,
    torrents: Vec<Torrent>,
    /// The account holds no others.
    is_whole: bool,
}

impl Held {
    /// A listing that was asked for at `read_at`.
    pub(super) fn new(read_at: Instant, torrents: Vec<Torrent>, is_whole: bool) -> Self {
        Self { read_at, torrents, is_whole }
    }

    /// Is it still to be believed?
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.read_at) < FRESH_FOR
    }

    /// Is every torrent of the account in it?
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The torrent with this id.
    pub(super) fn torrent(&self, id: &TorrentId) -> Option<&Torrent> {
        self.torrents.iter().find(|torrent| torrent.id() == Some(id.0.as_str()))
    }

    /// The entry of `hash` that can be used: a ready one before one on its way. One that has failed, or whose owner has not chosen files
    /// yet, leads nowhere and stays untouched; `is_ours` tells those whose files we are to choose.
    pub(super) fn usable(&self, hash: InfoHash, is_ours: impl Fn(&TorrentId) -> bool) -> Option<TorrentId> {
        let rank = |torrent: &Torrent, id: &TorrentId| match torrent.stage() {
            Stage::Ready => Some(0),
            Stage::Preparing | Stage::Metadata => Some(1),
            Stage::Selection => is_ours(id).then_some(1),
            Stage::Failed(_) => None,
        };
        let ranked = self.of_hash(hash).filter_map(|(torrent, id)| Some((rank(torrent, &id)?, id)));
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, id)| id)
    }

    /// The entries of `hash` that are ready, newest first.
    pub(super) fn ready(&self, hash: InfoHash) -> impl Iterator<Item = TorrentId> {
        self.of_hash(hash).filter(|(torrent, _)| torrent.is_ready()).map(|(_, id)| id)
    }

    /// Any entry of `hash`.
    pub(super) fn any(&self, hash: InfoHash) -> Option<TorrentId> {
        self.of_hash(hash).map(|(_, id)| id).next()
    }

    fn of_hash(&self, hash: InfoHash) -> impl Iterator<Item = (&Torrent, TorrentId)> {
        let of_hash = self.torrents.iter().filter(move |torrent| torrent.hash() == Some(hash));
        of_hash.filter_map(|torrent| Some((torrent, TorrentId(torrent.id()?.to_owned()))))
    }

    /// Adds one that was just made.
    pub(super) fn added(&mut self, id: &TorrentId, hash: InfoHash) {
        self.torrents.insert(0, Torrent::new(id, hash));
    }

    /// Forgets a torrent that was removed.
    pub(super) fn removed(&mut self, id: &TorrentId) {
        self.torrents.retain(|torrent| torrent.id() != Some(id.0.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: InfoHash = InfoHash([7; 20]);

    fn torrent(id: &str, status: &str) -> Torrent {
        let links = if status == "downloaded" { r#"["https://a.example/d/1"]"# } else { "[]" };
        let row = format!(r#"{{"id":"{id}","hash":"{HASH}","status":"{status}","links":{links}}}"#);
        serde_json::from_str(&row).unwrap()
    }

    fn id(id: &str) -> TorrentId {
        TorrentId(id.to_owned())
    }

    /// Goal: of several entries the ready one is used, and none that leads nowhere.
    #[test]
    fn the_best_entry_is_used() {
        let held = |torrents| Held::new(Instant::now(), torrents, true);
        let several = held(vec![torrent("A", "dead"), torrent("B", "queued"), torrent("C", "downloaded")]);
        assert_eq!(several.usable(HASH, |_| false), Some(id("C")));
        assert_eq!(several.usable(InfoHash([8; 20]), |_| false), None);
        let useless = held(vec![torrent("A", "magnet_error"), torrent("B", "waiting_files_selection")]);
        assert_eq!((useless.usable(HASH, |_| false), useless.any(HASH)), (None, Some(id("A"))));
        assert_eq!(useless.usable(HASH, |ours| *ours == id("B")), Some(id("B")));
    }

    /// Goal: what was added is found until it is removed.
    #[test]
    fn what_was_added_is_there() {
        let mut held = Held::new(Instant::now(), vec![torrent("A", "queued")], true);
        let other = InfoHash([8; 20]);
        assert_eq!(held.any(other), None);
        held.added(&id("B"), other);
        assert_eq!((held.usable(other, |_| false), held.torrent(&id("B")).is_some()), (Some(id("B")), true));
        held.removed(&id("B"));
        assert_eq!((held.any(other), held.any(HASH)), (None, Some(id("A"))));
    }

    /// Goal: an old listing is not believed.
    #[test]
    fn listings_grow_old() {
        let now = Instant::now();
        let held = Held::new(now, Vec::new(), true);
        assert!(held.is_fresh(now) && !held.is_fresh(now + FRESH_FOR));
    }
}

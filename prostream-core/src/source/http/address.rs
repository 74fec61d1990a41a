use std::time::{Duration, SystemTime};

use http::HeaderMap;
use url::Url;

use super::facts::Validator;
use super::header_map;
use crate::Result;
use crate::model::{ByteRange, ContentId, Extents, Rope};
use crate::source::LeasedLink;

/// Where a file is read.
#[derive(Clone)]
pub(super) struct Address {
    /// What we were given.
    pub(super) original: Url,
    pub(super) headers: HeaderMap,
    /// Where its redirects ended: asked directly from then on.
    pub(super) current: Url,
    pub(super) expires_at: Option<SystemTime>,
    /// What the host of this address calls the file.
    pub(super) validator: Option<Validator>,
    /// Counts the links to the file that were had one after the other.
    pub(super) generation: u64,
}

impl Address {
    pub(super) fn new(link: LeasedLink) -> Result<Self> {
        Ok(Self {
            headers: header_map(&link.headers)?,
            current: link.url.clone(),
            original: link.url,
            expires_at: link.expires_at,
            validator: None,
            generation: 0,
        })
    }

    /// The next address of the same file.
    pub(super) fn renewed(&self, link: LeasedLink) -> Result<Self> {
        let fresh = Self::new(link)?;
        Ok(Self { validator: self.validator.clone(), generation: self.generation.saturating_add(1), ..fresh })
    }

    /// Does it end so soon, as far as is known?
    pub(super) fn ends_within(&self, time: Duration, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|end| end.duration_since(now).unwrap_or_default() < time)
    }
}

/// Both ends of a file: what tells whether another place serves the same one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub(super) head: ByteRange,
    pub(super) tail: ByteRange,
    id: ContentId,
}

impl Ends {
    /// As much of both as content ids look at and opening brought along.
    pub(super) fn of(size_bytes: u64, at_hand: &Extents) -> Self {
        let head = ByteRange::new(0, at_hand.end_of_run(0).min(ContentId::END_SIZE));
        let start = size_bytes.saturating_sub(ContentId::END_SIZE);
        let begins = at_hand.iter().map(|(at, rope)| (at, at.saturating_add(rope.len())));
        let tail = begins.last().filter(|(_, end)| *end == size_bytes).map_or(size_bytes, |(at, _)| at.max(start));
        let tail = ByteRange::new(tail, size_bytes);
        let bytes = |range| at_hand.bytes(range).unwrap_or_default();
        Self { head, tail, id: ContentId::from_ends(size_bytes, &bytes(head), &bytes(tail)) }
    }

    /// Are these the bytes of both ends?
    pub(super) fn are(&self, size_bytes: u64, head: &Rope, tail: &Rope) -> bool {
        let (head, tail) = (head.clone().into_bytes(), tail.clone().into_bytes());
        ContentId::from_ends(size_bytes, &head, &tail) == self.id
    }

    /// The name of the content, if enough of both ends is known.
    pub(super) fn content_id(&self) -> Option<ContentId> {
        let whole = self.id.size_bytes().min(ContentId::END_SIZE);
        (self.head.len() == whole && self.tail.len() == whole).then_some(self.id)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Goal: the ends are those of content ids where enough was read, and what there is otherwise.
    #[test]
    fn ends_are_those_of_content_ids() {
        let file: Vec<u8> = (0..300_000u32).map(|n| (n * 7 + n / 256) as u8).collect();
        let part = |start: usize, end: usize| Rope::from(Bytes::copy_from_slice(&file[start..end]));
        let mut at_hand = Extents::new();
        at_hand.insert(0, part(0, 100_000));
        assert_eq!(Ends::of(300_000, &at_hand).tail, ByteRange::new(300_000, 300_000));
        assert_eq!(Ends::of(300_000, &at_hand).content_id(), None);
        at_hand.insert(200_000, part(200_000, 300_000));
        let ends = Ends::of(300_000, &at_hand);
        let id = ContentId::from_ends(300_000, &file[..65_536], &file[300_000 - 65_536..]);
        assert_eq!(ends.content_id(), Some(id));
        assert!(ends.are(300_000, &part(0, 65_536), &part(300_000 - 65_536, 300_000)));
        assert!(!ends.are(300_000, &part(0, 65_536), &part(200_000, 265_536)));
        let mut whole = Extents::new();
        whole.insert(0, part(0, 1000));
        assert_eq!(Ends::of(1000, &whole).content_id(), Some(ContentId::from_ends(1000, &file[..1000], &file[..1000])));
    }

    /// Goal: a link is renewed shortly before its end, and one without an end is not.
    #[test]
    fn a_link_ends_when_its_service_says() {
        let now = SystemTime::now();
        let minute = Duration::from_secs(60);
        let link = |expires_at| LeasedLink {
            url: Url::parse("http://host.example/").unwrap(),
            headers: Vec::new(),
            expires_at,
        };
        let ends = |expires_at| Address::new(link(expires_at)).unwrap().ends_within(minute, now);
        assert!(!ends(None));
        assert!(!ends(Some(now + 2 * minute)));
        assert!(ends(Some(now + minute / 2)));
        assert!(ends(Some(now - minute)));
    }
}

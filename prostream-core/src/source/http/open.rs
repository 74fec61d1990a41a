use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{Either, select};

use super::HttpSourceConfig;
use super::address::Ends;
use super::facts::Facts;
use super::link::{Link, MAX_ASKED_WAIT, Opened, Wanted, changed};
use super::reader::{RangeReader, no_ranges};
use crate::model::{ByteRange, Extents, Rope};
use crate::net::retry::backoff;
use crate::source::Run;
use crate::{Error, ErrorKind, Result};

/// Largest file that is read whole from a host that does not answer ranges, in bytes.
const MAX_WHOLE_BYTES: u64 = 64 << 20;
/// Most tries to get the head.
const MAX_TRIES: u32 = 3;

/// What one of the two first requests brought.
struct End {
    start: u64,
    facts: Option<Facts>,
    is_partial: bool,
    bytes: Rope,
}

/// Learns what lies behind a link, and brings its head and its tail along.
pub(super) async fn open(link: &Arc<Link>, config: &HttpSourceConfig) -> Result<(Facts, Extents)> {
    let head_size = config.head_size.max(1);
    let head = pin!(fetch_head(link, config));
    let tail = pin!(fetch_tail(link, config.tail_size));
    let (head, tail) = match select(head, tail).await {
        Either::Left((head, tail)) => {
            let head = head?;
            // The whole file came: the other request is dropped.
            let is_whole = head.facts.as_ref().is_some_and(|facts| head.bytes.len() >= facts.size_bytes);
            let tail = if is_whole || config.tail_size == 0 { None } else { Some(tail.await) };
            (head, tail)
        }
        Either::Right((tail, head)) => (head.await?, Some(tail)),
    };
    let tail = tail.and_then(Result::ok);

    let head_facts = head.facts.clone();
    let tail_facts = tail.as_ref().and_then(|tail| tail.facts.clone());
    if let (Some(head), Some(tail)) = (&head_facts, &tail_facts)
        && head.differs_from(tail)
    {
        return Err(changed());
    }
    let facts = head_facts.or(tail_facts).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "open link").detail("the host does not say how long the file is")
    })?;
    let size = facts.size_bytes;
    let is_whole = head.bytes.len() >= size;
    if !head.is_partial && !is_whole && tail.is_none() {
        return Err(no_ranges());
    }

    let mut at_hand = Extents::new();
    at_hand.insert(head.start, head.bytes);
    if let Some(tail) = tail {
        at_hand.insert(tail.start, tail.bytes);
    }
    // What is still missing must come from the same file.
    link.hold_to(&facts);
    let shared = Arc::new(facts.clone());
    for end in [ByteRange::new(0, head_size.min(size)), ByteRange::new(size.saturating_sub(config.tail_size), size)] {
        complete(link, &shared, &mut at_hand, end).await?;
    }
    link.remember(Ends::of(size, &at_hand));
    Ok((facts, at_hand))
}

/// The first bytes; transient failures are tried again. A host that sends the whole file is read to the end if that is not far.
async fn fetch_head(link: &Arc<Link>, config: &HttpSourceConfig) -> Result<End> {
    let mut tries = 1;
    loop {
        let failure = match try_head(link, config).await {
            Ok(head) => return Ok(head),
            Err(error) => error,
        };
        let asked = failure.retry_after().unwrap_or_default();
        if tries >= MAX_TRIES || !failure.kind().is_transient() || asked > MAX_ASKED_WAIT {
            return Err(failure);
        }
        tokio::time::sleep(asked.max(backoff(tries.saturating_sub(1)))).await;
        tries = tries.saturating_add(1);
    }
}

async fn try_head(link: &Arc<Link>, config: &HttpSourceConfig) -> Result<End> {
    let head_size = config.head_size.max(1);
    let wanted = if config.goes_on { Wanted::From(0) } else { Wanted::Part(ByteRange::new(0, head_size)) };
    let mut opened = link.open(wanted, None).await?;
    let is_too_large = opened.size_bytes.is_some_and(|size| size > MAX_WHOLE_BYTES);
    if opened.is_partial || is_too_large {
        let (head, _) = collect(link, &mut opened, head_size).await;
        let end = head.start.saturating_add(head.bytes.len());
        // Much of what is read next lies behind: the rest of a long index, the first segment. Whoever waits for the connection gets it there
        // too: the tail, first of all, from a host that grants one.
        if end >= head_size {
            link.park(end, opened);
        }
        return Ok(head);
    }
    let claimed = opened.size_bytes.take();
    let facts = opened.validator.clone();
    let (mut head, has_ended) = collect(link, &mut opened, MAX_WHOLE_BYTES.saturating_add(1)).await;
    let size_bytes = head.bytes.len();
    if size_bytes > MAX_WHOLE_BYTES {
        return Err(no_ranges());
    }
    if !has_ended || claimed.is_some_and(|claimed| claimed != size_bytes) {
        return Err(Error::new(ErrorKind::Unavailable, "open link").detail("the body ended early"));
    }
    head.facts = Some(Facts { size_bytes, validator: facts });
    Ok(head)
}

/// The last bytes. Failing is no error here: not every host knows this form of range.
async fn fetch_tail(link: &Link, tail_size: u64) -> Result<End> {
    if tail_size == 0 {
        return Err(no_ranges());
    }
    let mut opened = link.open(Wanted::Last(tail_size), None).await?;
    if !opened.is_partial {
        return Err(no_ranges());
    }
    Ok(collect(link, &mut opened, tail_size).await.0)
}

/// Reads a body up to `limit` bytes, and says whether it ended by itself. What a broken connection brought is kept.
async fn collect(link: &Link, opened: &mut Opened, limit: u64) -> (End, bool) {
    let promised = opened.end.map(|end| end.saturating_sub(opened.start)).unwrap_or(u64::MAX);
    let limit = limit.min(promised);
    let mut bytes = Rope::new();
    let mut has_ended = limit == promised;
    while bytes.len() < limit {
        match opened.next(limit.saturating_sub(bytes.len())).await {
            Some(Ok(piece)) => {
                link.count(piece.len());
                bytes.push(piece);
            }
            ended => {
                has_ended = ended.is_none();
                break;
            }
        }
    }
    (End { start: opened.start, facts: opened.facts(), is_partial: opened.is_partial, bytes }, has_ended)
}

/// Fetches what `range` still misses.
async fn complete(link: &Arc<Link>, facts: &Arc<Facts>, at_hand: &mut Extents, range: ByteRange) -> Result<()> {
    let mut rest = range;
    while !rest.is_empty() {
        let known = match Run::first(at_hand, rest) {
            Run::Have(rope) => rope.len(),
            Run::Miss(missing) => {
                let mut reader = RangeReader::new(link.clone(), facts.clone(), missing);
                let mut rope = Rope::new();
                while let Some(piece) = reader.next().await? {
                    rope.push(piece);
                }
                at_hand.insert(missing.start, rope);
                missing.len()
            }
        };
        rest.start = rest.start.saturating_add(known).min(rest.end);
    }
    Ok(())
}

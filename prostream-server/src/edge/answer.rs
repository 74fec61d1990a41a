//! The body of an answer on its way to the connection.
//!
//! A segment is handed on in the pieces that it was read and framed in, often a frame each; hyper writes what it was given as soon as that
//! is some ten kilobytes. Pieces that are ready together are given to it together, so that the system is asked less often for the same
//! bytes. Nothing is copied, and nothing waits for more.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};

use super::guarded::Answering;

/// Once so many bytes are together they are written.
const GATHERED_BYTES: usize = 256 << 10;
/// Most pieces that hyper hands to the system at once.
const GATHERED_PIECES: usize = 64;

/// The body of an answer; while it lives the request is being answered.
pub(super) struct Answer<B: Body> {
    body: B,
    /// Came behind bytes that go first: the fields behind a body, or what went wrong.
    held: Option<Result<Frame<Pieces>, B::Error>>,
    is_over: bool,
    _answering: Answering,
}

impl<B: Body<Data = Bytes> + Unpin> Answer<B> {
    pub(super) fn new(body: B, answering: Answering) -> Self {
        Self { body, held: None, is_over: false, _answering: answering }
    }
}

// Nothing but the body is ever pinned.
impl<B: Body + Unpin> Unpin for Answer<B> {}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Pieces;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Pieces>, B::Error>>> {
        if let Some(held) = self.held.take() {
            return Poll::Ready(Some(held));
        }
        let mut pieces = Pieces::default();
        while !self.is_over && pieces.remaining < GATHERED_BYTES && pieces.count() < GATHERED_PIECES {
            let next = Pin::new(&mut self.body).poll_frame(context);
            let next = if pieces.has_remaining() {
                // What is there goes now; the body has the waker and tells when there is more.
                let Poll::Ready(next) = next else { break };
                next
            } else {
                ready!(next)
            };
            match next.map(|next| next.map(Frame::into_data)) {
                None => self.is_over = true,
                Some(Ok(Ok(piece))) => pieces.push(piece),
                Some(Ok(Err(other))) => {
                    self.held = Some(Ok(other.map_data(Pieces::from)));
                    break;
                }
                Some(Err(error)) => {
                    self.is_over = true;
                    self.held = Some(Err(error));
                }
            }
        }
        let held = if pieces.has_remaining() { Some(Ok(Frame::data(pieces))) } else { self.held.take() };
        Poll::Ready(held)
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && (self.is_over || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        // Nothing of the data stays here between two polls.
        self.body.size_hint()
    }
}

/// Bytes in pieces, none of them empty, that are written together.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    first: Bytes,
    others: VecDeque<Bytes>,
    remaining: usize,
}

impl Pieces {
    fn push(&mut self, piece: Bytes) {
        if piece.is_empty() {
            return;
        }
        self.remaining = self.remaining.saturating_add(piece.len());
        if self.first.is_empty() {
            self.first = piece;
        } else {
            self.others.push_back(piece);
        }
    }

    fn count(&self) -> usize {
        self.others.len() + usize::from(!self.first.is_empty())
    }
}

impl From<Bytes> for Pieces {
    fn from(piece: Bytes) -> Self {
        let mut pieces = Self::default();
        pieces.push(piece);
        pieces
    }
}

impl Buf for Pieces {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        &self.first
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let pieces = std::iter::once(&self.first).chain(&self.others).filter(|piece| !piece.is_empty());
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        count
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.remaining, "advance by {count} of {} bytes", self.remaining);
        self.remaining -= count;
        let mut left = count;
        while left >= self.first.len() {
            left -= self.first.len();
            match self.others.pop_front() {
                Some(next) => self.first = next,
                None => {
                    self.first = Bytes::new();
                    return;
                }
            }
        }
        self.first.advance(left);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::stream;
    use http::HeaderMap;
    use http_body_util::{BodyExt, StreamBody};

    use super::super::guarded::Progress;
    use super::*;

    type Step = Option<Result<Frame<Bytes>, &'static str>>;

    /// A body that gives these one after the other; `None` is a moment without any.
    fn answer(steps: Vec<Step>) -> Answer<impl Body<Data = Bytes, Error = &'static str> + Unpin> {
        let mut steps = VecDeque::from(steps);
        let body = stream::poll_fn(move |context| match steps.pop_front() {
            Some(None) => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(step) => Poll::Ready(step),
            None => Poll::Ready(None),
        });
        Answer::new(StreamBody::new(body), Arc::new(Progress::default()).answering())
    }

    fn data(text: &'static str) -> Step {
        Some(Ok(Frame::data(Bytes::from_static(text.as_bytes()))))
    }

    /// All frames, the data as text.
    async fn frames<B: Body<Data = Bytes, Error = &'static str> + Unpin>(mut answer: Answer<B>) -> Vec<String> {
        let mut frames = Vec::new();
        while let Some(frame) = answer.frame().await {
            frames.push(match frame.map(Frame::into_data) {
                Ok(Ok(mut pieces)) => {
                    let bytes = pieces.copy_to_bytes(pieces.remaining());
                    String::from_utf8(bytes.into()).expect("text")
                }
                Ok(Err(_)) => "fields".to_owned(),
                Err(error) => error.to_owned(),
            });
        }
        assert!(answer.is_end_stream());
        frames
    }

    /// Goal: what is ready together goes together, what is not does not wait for more, and nothing is lost or changes its place.
    #[tokio::test]
    async fn ready_pieces_go_together() {
        let all = frames(answer(vec![data("a"), data(""), data("b"), None, data("c"), None, None, data("d")])).await;
        assert_eq!(all, ["ab", "c", "d"]);
        assert!(frames(answer(vec![])).await.is_empty());
        assert!(frames(answer(vec![data(""), None])).await.is_empty());
    }

    /// Goal: an error, and the fields behind a body, come after the bytes before them.
    #[tokio::test]
    async fn what_comes_behind_stays_behind() {
        assert_eq!(frames(answer(vec![data("a"), data("b"), Some(Err("broken"))])).await, ["ab", "broken"]);
        let fields = Some(Ok(Frame::trailers(HeaderMap::new())));
        assert_eq!(frames(answer(vec![data("a"), fields])).await, ["a", "fields"]);
        assert_eq!(frames(answer(vec![Some(Err("broken"))])).await, ["broken"]);
    }

    /// Goal: the limits hold.
    #[tokio::test]
    async fn not_too_much_goes_together() {
        let many = frames(answer((0..150).map(|_| data("x")).collect())).await;
        assert_eq!(many.iter().map(String::len).collect::<Vec<_>>(), [64, 64, 22]);
        let large: &'static str = "y".repeat(200 << 10).leak();
        let few = frames(answer(vec![data(large), data(large), data(large)])).await;
        assert_eq!(few.iter().map(String::len).collect::<Vec<_>>(), [400 << 10, 200 << 10]);
    }

    /// Goal: pieces are one run of bytes to whoever writes a part of them.
    #[test]
    fn pieces_advance_over_their_borders() {
        for step in 1..=7 {
            let mut pieces = Pieces::default();
            for part in ["abc", "", "d", "efg"] {
                pieces.push(Bytes::from_static(part.as_bytes()));
            }
            let mut seen = Vec::new();
            while pieces.has_remaining() {
                let mut slices = [IoSlice::new(&[]); 4];
                let count = pieces.chunks_vectored(&mut slices);
                let bytes: Vec<u8> = slices[..count].iter().flat_map(|slice| slice.iter().copied()).collect();
                assert_eq!(bytes.len(), pieces.remaining());
                let taken = step.min(bytes.len());
                seen.extend_from_slice(&bytes[..taken]);
                pieces.advance(taken);
            }
            assert_eq!(seen, b"abcdefg", "{step}");
            assert!(pieces.chunk().is_empty());
        }
    }
}

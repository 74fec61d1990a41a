//! A connection that closes itself when its peer makes no progress (EDGE-01, EDGE-02).
//!
//! hyper's own header timeout starts when a connection falls idle, so that one number would have to serve for "nothing more is asked",
//! which is fine for a minute, and for "half a header", which is not. Here the two are told apart, and a stalled reader is seen as well.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a peer may take for each step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) first_byte: Duration,
    pub(crate) header: Duration,
    pub(crate) idle: Duration,
    pub(crate) write: Duration,
}

/// What the service tells the connection: whether a request is being answered, and how many were.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    is_answering: AtomicBool,
    answered_count: AtomicU32,
    /// The connection's task. It may have looked for the next request before the answer was over, and would then sleep without a deadline.
    reader: AtomicWaker,
}

impl Progress {
    /// A request's header is complete. Its answer is over when the guard goes.
    pub(crate) fn answering(self: &Arc<Self>) -> Answering {
        self.is_answering.store(true, Ordering::Release);
        Answering(Arc::clone(self))
    }
}

/// One request on its way; held until the last byte of its answer was handed over.
#[derive(Debug)]
pub(crate) struct Answering(Arc<Progress>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered_count.fetch_add(1, Ordering::AcqRel);
        self.0.is_answering.store(false, Ordering::Release);
        self.0.reader.wake();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    FirstByte,
    Header,
    Idle,
}

/// A stream with deadlines on it.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    stream: S,
    patience: Patience,
    progress: Arc<Progress>,
    seen_answers: u32,
    waiting: Waiting,
    read_deadline: Pin<Box<Sleep>>,
    write_deadline: Pin<Box<Sleep>>,
    is_write_waiting: bool,
}

impl<S> Guarded<S> {
    pub(crate) fn new(stream: S, patience: Patience, progress: Arc<Progress>) -> Self {
        Self {
            stream,
            patience,
            progress,
            seen_answers: 0,
            waiting: Waiting::FirstByte,
            read_deadline: Box::pin(tokio::time::sleep(patience.first_byte)),
            write_deadline: Box::pin(tokio::time::sleep(patience.write)),
            is_write_waiting: false,
        }
    }

    fn wait_for(&mut self, what: Waiting) {
        let limit = match what {
            Waiting::FirstByte => self.patience.first_byte,
            Waiting::Header => self.patience.header,
            Waiting::Idle => self.patience.idle,
        };
        self.waiting = what;
        self.read_deadline.as_mut().reset(Instant::now() + limit);
    }

    /// After each try to write: did the peer take something, or is its time up?
    fn judge_write<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.is_write_waiting = false;
            return outcome;
        }
        if !self.is_write_waiting {
            self.is_write_waiting = true;
            self.write_deadline.as_mut().reset(Instant::now() + self.patience.write);
        }
        self.write_deadline.as_mut().poll(context).map(|()| Err(timed_out("the peer takes no bytes")))
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.progress.reader.register(context.waker());
        let filled_before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.progress.is_answering.load(Ordering::Acquire) {
            return outcome; // the body reader and the write deadline watch over this time
        }
        let answered_count = self.progress.answered_count.load(Ordering::Acquire);
        if answered_count != self.seen_answers {
            self.seen_answers = answered_count;
            self.wait_for(Waiting::Idle);
        }
        match outcome {
            Poll::Ready(_) => {
                if buffer.filled().len() > filled_before && self.waiting != Waiting::Header {
                    self.wait_for(Waiting::Header);
                }
                outcome
            }
            Poll::Pending => {
                self.read_deadline.as_mut().poll(context).map(|()| Err(timed_out("the peer sends nothing")))
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge_write(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.judge_write(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.judge_write(context, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge_write(context, outcome)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    const PATIENCE: Patience = Patience {
        first_byte: Duration::from_secs(5),
        header: Duration::from_secs(10),
        idle: Duration::from_secs(60),
        write: Duration::from_secs(30),
    };

    fn connection() -> (Guarded<DuplexStream>, DuplexStream, Arc<Progress>) {
        let (ours, theirs) = tokio::io::duplex(16);
        let progress = Arc::new(Progress::default());
        (Guarded::new(ours, PATIENCE, Arc::clone(&progress)), theirs, progress)
    }

    /// Reads until the guard closes; says after how many seconds of (paused) time it did.
    async fn seconds_until_closed(guarded: &mut Guarded<DuplexStream>) -> u64 {
        let start = Instant::now();
        let mut byte = [0; 1];
        loop {
            match guarded.read(&mut byte).await {
                Ok(0) => panic!("the peer closed first"),
                Ok(_) => {}
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
                    return start.elapsed().as_secs();
                }
            }
        }
    }

    /// Goal: silence is cut at the first-byte limit.
    #[tokio::test(start_paused = true)]
    async fn edge_01_silence_is_cut() {
        let (mut guarded, _theirs, _progress) = connection();
        assert_eq!(seconds_until_closed(&mut guarded).await, 5);
    }

    /// Goal: dripping bytes do not stretch the header limit.
    #[tokio::test(start_paused = true)]
    async fn edge_01_an_endless_header_is_cut() {
        let (mut guarded, mut theirs, _progress) = connection();
        let drip = tokio::spawn(async move {
            while theirs.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        });
        assert_eq!(seconds_until_closed(&mut guarded).await, 10);
        drip.abort();
    }

    /// Goal: after an answer the idle limit counts, and while one is made none does.
    #[tokio::test(start_paused = true)]
    async fn edge_01_idle_begins_after_the_answer() {
        let (mut guarded, mut theirs, progress) = connection();
        theirs.write_all(b"GET /").await.unwrap();
        guarded.read_exact(&mut [0; 5]).await.unwrap();
        let answering = progress.answering();
        let mut byte = [0; 1];
        assert!(tokio::time::timeout(Duration::from_secs(600), guarded.read(&mut byte)).await.is_err());
        drop(answering);
        assert_eq!(seconds_until_closed(&mut guarded).await, 60);
    }

    /// Goal: a peer that takes nothing is cut; one that takes a little now and then is not.
    #[tokio::test(start_paused = true)]
    async fn edge_02_a_stalled_reader_is_cut() {
        let (mut guarded, mut theirs, _progress) = connection();
        let reader = tokio::spawn(async move {
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_secs(20)).await;
                theirs.read_exact(&mut [0; 16]).await.unwrap();
            }
            theirs
        });
        let start = Instant::now();
        let error = guarded.write_all(&[0; 16 * 8]).await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, 80 + 30));
        drop(reader.await);
    }
}

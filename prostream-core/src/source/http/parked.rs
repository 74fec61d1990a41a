use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use super::link::{Link, Opened};
use crate::source::Connections;

/// How long a reply that nobody reads is kept open for who goes on where it stands.
const MAX_REST: Duration = Duration::from_secs(10);

/// A reply that has more to give than was asked for so far: who reads on at its place needs no request. It goes when its time is over, or
/// when somebody waits for a connection to the link.
#[derive(Default)]
pub(super) struct Parked(Mutex<Option<Rest>>);

struct Rest {
    /// Of its next byte.
    at: u64,
    opened: Opened,
    _watch: AbortOnDropHandle<()>,
}

impl Parked {
    /// Keeps a reply whose next byte lies at `at`; one that was kept before goes.
    pub(super) fn put(&self, at: u64, opened: Opened, connections: &Arc<Connections>, link: Weak<Link>) {
        let connections = connections.clone();
        // Held until it is there: a watch that is over at once must find it, or nobody would ever let it go.
        let mut rest = self.lock();
        let watch = AbortOnDropHandle::new(tokio::spawn(async move {
            // Whichever comes first.
            let _ = tokio::time::timeout(MAX_REST, connections.wanted()).await;
            if let Some(link) = link.upgrade() {
                link.parked().drop_at(at);
            }
        }));
        let before = rest.replace(Rest { at, opened, _watch: watch });
        drop(rest);
        drop(before);
    }

    /// The reply whose next byte lies at `at`.
    pub(super) fn take(&self, at: u64) -> Option<Opened> {
        self.lock().take_if(|rest| rest.at == at).map(|rest| rest.opened)
    }

    /// Lets the reply go, whatever it stands at: was there one?
    pub(super) fn drop_any(&self) -> bool {
        let rest = self.lock().take();
        rest.is_some()
    }

    fn drop_at(&self, at: u64) {
        let rest = self.lock().take_if(|rest| rest.at == at);
        drop(rest);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Rest>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

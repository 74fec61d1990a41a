use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Most connections to one link at a time: what debrid services and CDNs commonly grant (PACKAGING 5.6).
const MAX_CONNECTIONS: usize = 2;
/// Who waits tells those who could leave again after so long.
const ASKS_AGAIN: Duration = Duration::from_secs(1);

/// The links that are read in this process, by a hash of their address: a limit of the host counts all readers of a link together.
/// Each is forgotten with its last reader.
static LINKS: LazyLock<Mutex<HashMap<String, Weak<Connections>>>> = LazyLock::new(Mutex::default);

/// The few connections that a link permits, handed out in the order in which they were asked for.
///
/// Who has one and does not need it just now can see that others wait, and [leave](Self::leave) his to them. So a viewer who pauses
/// may keep his connection for a while without keeping a third one from reading.
pub struct Connections {
    /// Its name in [`LINKS`].
    link: String,
    permits: Arc<Semaphore>,
    state: Mutex<State>,
    /// Somebody waits for a connection: wakes the one who has been listening for longest.
    wanted: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    waiting_count: usize,
    /// Promises to leave that are not kept yet.
    leaving_count: usize,
}

/// One of the connections; given back when dropped.
#[derive(Debug)]
pub(super) struct Connection {
    permit: OwnedSemaphorePermit,
    /// Another had it just before: his host may not have noticed yet that he is gone.
    pub(super) is_taken_over: bool,
}

/// A promise to give a connection back; dropped when that is done.
#[derive(Debug)]
pub struct Leaving {
    connections: Arc<Connections>,
}

impl Connections {
    fn new(link: &str) -> Arc<Self> {
        Arc::new(Self {
            link: link.to_owned(),
            permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            state: Mutex::new(State { limit: MAX_CONNECTIONS, waiting_count: 0, leaving_count: 0 }),
            wanted: Notify::new(),
        })
    }

    /// Those of the link with this name, the same for all who read it.
    pub(super) fn of(link: &str) -> Arc<Self> {
        let mut links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = links.get(link).and_then(Weak::upgrade) {
            return connections;
        }
        let connections = Self::new(link);
        links.insert(link.to_owned(), Arc::downgrade(&connections));
        connections
    }

    /// A connection, if one is free.
    pub(super) fn try_acquire(self: &Arc<Self>) -> Option<Connection> {
        let permit = self.permits.clone().try_acquire_owned().ok()?;
        Some(Connection { permit, is_taken_over: false })
    }

    /// Waits for a connection.
    ///
    /// # Cancel safety
    /// Safe to drop: the place in the queue is lost.
    pub(super) async fn acquire(self: &Arc<Self>) -> Option<Connection> {
        if let Some(connection) = self.try_acquire() {
            return Some(connection);
        }
        let _waiting = Waiting::new(self);
        let mut permit = pin!(self.permits.clone().acquire_owned());
        loop {
            match timeout(ASKS_AGAIN, permit.as_mut()).await {
                // Never closed.
                Ok(permit) => return Some(Connection { permit: permit.ok()?, is_taken_over: true }),
                // Who promised to leave may have had no connection, and who was told meanwhile have counted on that promise.
                Err(_) => self.wanted.notify_one(),
            }
        }
    }

    /// The host refused this connection while another was open: from now on there is one less, but always one. When it was
    /// the only one that is open it is given back, and nothing changes.
    pub(super) fn give_up(&self, refused: Connection) -> Result<(), Connection> {
        let mut state = self.lock();
        let open_count = state.limit.saturating_sub(self.permits.available_permits());
        if state.limit <= 1 || open_count <= 1 {
            return Err(refused);
        }
        state.limit = state.limit.saturating_sub(1);
        refused.permit.forget();
        Ok(())
    }

    /// Does somebody wait for whom nobody has promised to leave?
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.lock().is_wanted()
    }

    /// Waits until somebody waits for a connection. Of several who listen the one is told who began to listen first.
    ///
    /// # Cancel safety
    /// Safe to drop at any point.
    pub async fn wanted(&self) {
        while !self.is_wanted() {
            self.wanted.notified().await;
        }
    }

    /// A promise to give a connection back at once, if somebody waits for one.
    #[must_use]
    pub fn leave(self: &Arc<Self>) -> Option<Leaving> {
        let mut state = self.lock();
        if !state.is_wanted() {
            return None;
        }
        state.leaving_count = state.leaving_count.saturating_add(1);
        Some(Leaving { connections: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_wanted(&self) -> bool {
        self.waiting_count > self.leaving_count
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        let mut links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
        // Another reader may have come since the last one went, and have put new ones there.
        if links.get(&self.link).is_some_and(|connections| connections.strong_count() == 0) {
            links.remove(&self.link);
        }
        // A process that has no use for the engine any more keeps nothing of it.
        if links.is_empty() {
            *links = HashMap::new();
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        state.leaving_count = state.leaving_count.saturating_sub(1);
    }
}

/// One who stands in the queue.
struct Waiting<'a> {
    connections: &'a Connections,
}

impl<'a> Waiting<'a> {
    fn new(connections: &'a Connections) -> Self {
        let mut state = connections.lock();
        state.waiting_count = state.waiting_count.saturating_add(1);
        drop(state);
        connections.wanted.notify_one();
        Self { connections }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        state.waiting_count = state.waiting_count.saturating_sub(1);
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("state", &*self.lock()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: who waits is seen once by those who could leave, and gets what one of them leaves.
    #[tokio::test]
    async fn one_leaves_for_one_who_waits() {
        let connections = Connections::new("test: of no other");
        let (first, second) = (connections.acquire().await, connections.acquire().await);
        assert!(connections.leave().is_none(), "nobody waits");
        let waits = tokio::spawn({
            let connections = connections.clone();
            async move { connections.acquire().await.is_some() }
        });
        connections.wanted().await;
        let leaving = connections.leave().expect("somebody waits");
        assert!(connections.leave().is_none(), "one is enough");
        drop(first);
        drop(leaving);
        assert!(waits.await.expect("the task ends"));
        assert!(!connections.is_wanted());
        drop(second);
    }

    /// Goal: a promise that brought no connection is made good by who had counted on it.
    #[tokio::test(start_paused = true)]
    async fn a_promise_that_brings_nothing_is_told_again() {
        let connections = Connections::new("test: of no other");
        let _taken = (connections.acquire().await, connections.acquire().await);
        let mut waits = Box::pin(connections.acquire());
        assert!(futures_util::poll!(&mut waits).is_pending());
        let leaving = connections.leave().expect("somebody waits");
        let mut listens = Box::pin(connections.wanted());
        assert!(futures_util::poll!(&mut listens).is_pending(), "another has promised");
        drop(leaving);
        tokio::select! {
            _ = waits => panic!("nobody has left"),
            () = listens => {}
        }
    }

    /// Goal: a promise that is kept costs one viewer his connection, not two.
    #[tokio::test]
    async fn a_promise_that_is_kept_is_told_to_no_other() {
        let connections = Connections::new("test: of no other");
        let (leaves, _stays) = (connections.acquire().await, connections.acquire().await);
        let mut waits = Box::pin(connections.acquire());
        assert!(futures_util::poll!(&mut waits).is_pending());
        let leaving = connections.leave().expect("somebody waits");
        let mut listens = Box::pin(connections.wanted());
        assert!(futures_util::poll!(&mut listens).is_pending(), "another has promised");
        drop(leaves);
        drop(leaving);
        // Before the one who waits has looked.
        assert!(futures_util::poll!(&mut listens).is_pending(), "it is kept");
        assert!(waits.await.is_some());
    }

    /// Goal: a host that grants one connection is read with one, and never with none.
    #[tokio::test]
    async fn a_refused_connection_is_given_up_but_not_the_last() {
        let connections = Connections::new("test: of no other");
        let (first, second) =
            (connections.acquire().await.expect("a place"), connections.acquire().await.expect("a place"));
        assert!(connections.give_up(second).is_ok());
        assert!(connections.give_up(first).is_err(), "it is the only one");
        let again = connections.acquire().await;
        assert!(again.is_some());
        assert_eq!(connections.permits.available_permits(), 0);
    }

    /// Goal: readers of the same link share its connections, and links that nobody reads are forgotten.
    #[test]
    fn a_link_has_one_set_of_connections() {
        let one = Connections::of("test: one");
        assert!(Arc::ptr_eq(&one, &Connections::of("test: one")), "while one reads");
        assert!(!Arc::ptr_eq(&one, &Connections::of("test: other")));
        drop(one);
        let links = LINKS.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(!links.contains_key("test: one") && !links.contains_key("test: other"));
    }
}

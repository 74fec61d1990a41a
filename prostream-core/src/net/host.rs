use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Semaphore;
use url::Url;

use super::health::Health;
use super::lane::Lane;

/// Most hosts whose state is kept; beyond, hosts without a request under way are forgotten.
const MAX_HOSTS: usize = 1024;
/// Most API requests to one host at a time, all its lanes together.
const MAX_CONCURRENT: usize = 16;
/// Most lanes of a host that are kept; beyond, those without a request under way are forgotten.
const MAX_LANES: usize = 256;

/// What is known of one host: how many requests run, how many retries are left, and whether it answers at all.
#[derive(Debug)]
pub(super) struct HostState {
    /// One permit for each request under way.
    pub(super) permits: Semaphore,
    health: Mutex<Health>,
    lanes: Mutex<HashMap<i64, Arc<Lane>>>,
}

impl HostState {
    fn new() -> Self {
        Self {
            permits: Semaphore::new(MAX_CONCURRENT),
            health: Mutex::new(Health::new(Instant::now())),
            lanes: Mutex::default(),
        }
    }

    /// Those requests at a time that count together.
    pub(super) fn lane(&self, number: i64) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= MAX_LANES && !lanes.contains_key(&number) {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        Arc::clone(lanes.entry(number).or_insert_with(|| Arc::new(Lane::new())))
    }

    /// Looks at or changes the counts; never held across a wait.
    pub(super) fn with_health<T>(&self, act: impl FnOnce(&mut Health) -> T) -> T {
        act(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The hosts that were asked, by `host:port`.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    by_name: Mutex<HashMap<String, Arc<HostState>>>,
}

impl Hosts {
    /// How far the clocks of hosts that answered after `since` are ahead of ours, in seconds.
    pub(super) fn clock_offsets_s(&self, since: Instant) -> Vec<i64> {
        let states: Vec<Arc<HostState>> =
            self.by_name.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let told = states.iter().filter_map(|state| state.with_health(|health| health.clock()));
        told.filter(|(at, _)| *at >= since).map(|(_, offset_s)| offset_s).collect()
    }

    /// The state of the host of `url`.
    pub(super) fn state(&self, url: &Url) -> Arc<HostState> {
        let port = url.port_or_known_default().unwrap_or_default();
        let name = format!("{}:{port}", url.host_str().unwrap_or_default());
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        if by_name.len() >= MAX_HOSTS && !by_name.contains_key(&name) {
            by_name.retain(|_, state| Arc::strong_count(state) > 1);
        }
        by_name.entry(name).or_insert_with(|| Arc::new(HostState::new())).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: many hosts do not fill the memory, and a host in use keeps its state.
    #[test]
    fn idle_hosts_are_forgotten_beyond_the_limit() {
        let hosts = Hosts::default();
        let url = |n: usize| Url::parse(&format!("https://h{n}.example/")).expect("a URL");
        let kept = hosts.state(&url(0));
        for n in 1..3 * MAX_HOSTS {
            hosts.state(&url(n));
        }
        assert!(hosts.by_name.lock().expect("lock").len() <= MAX_HOSTS);
        assert!(Arc::ptr_eq(&kept, &hosts.state(&url(0))));
        assert!(!Arc::ptr_eq(&hosts.state(&url(1)), &kept));
        let lane = kept.lane(0);
        for number in 1..1_000 {
            kept.lane(number);
        }
        assert!(kept.lanes.lock().expect("lock").len() <= MAX_LANES);
        assert!(Arc::ptr_eq(&lane, &kept.lane(0)));
    }
}

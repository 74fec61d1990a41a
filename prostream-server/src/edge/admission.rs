//! How many connections there may be, in all and of one address (EDGE-03). Above the limit a connection is closed at once: nothing queues.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::limit::address_key;

/// The share of the system's descriptors that connections may take; files, the database and outgoing connections need the rest.
const DESCRIPTOR_SHARE: (usize, usize) = (3, 4);

/// Descriptors where the system does not say.
const USUAL_DESCRIPTORS: usize = 1024;

/// Counts connections.
#[derive(Debug)]
pub(crate) struct Admission {
    most: usize,
    most_per_address: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One admitted connection; leaving gives its place back.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    address: Option<IpAddr>,
}

impl Admission {
    pub(crate) fn new(most: Option<usize>, most_per_address: usize) -> Arc<Self> {
        let most = most.unwrap_or_else(|| descriptor_limit() / DESCRIPTOR_SHARE.1 * DESCRIPTOR_SHARE.0).max(1);
        Arc::new(Self { most, most_per_address, counts: Mutex::default() })
    }

    /// A place for a connection of `peer`, if there is one. A trusted proxy carries many clients: only the limit of all counts for it.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr, is_trusted_proxy: bool) -> Option<Admitted> {
        let address = (!is_trusted_proxy).then(|| address_key(peer));
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.all >= self.most {
            return None;
        }
        if let Some(address) = address {
            let count = counts.by_address.entry(address).or_insert(0);
            if *count >= self.most_per_address {
                return None;
            }
            *count += 1;
        }
        counts.all += 1;
        Some(Admitted { admission: Arc::clone(self), address })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all = counts.all.saturating_sub(1);
        let Some(address) = self.address else { return };
        if let Some(count) = counts.by_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

/// How many descriptors this process may open, as Linux tells it; [`USUAL_DESCRIPTORS`] elsewhere.
fn descriptor_limit() -> usize {
    std::fs::read_to_string("/proc/self/limits")
        .ok()
        .and_then(|text| soft_descriptor_limit(&text))
        .unwrap_or(USUAL_DESCRIPTORS)
}

/// The soft limit in the text of `/proc/self/limits` (proc(5)).
fn soft_descriptor_limit(text: &str) -> Option<usize> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// Goal: one address cannot take what belongs to all, and what is given back can be taken again.
    #[test]
    fn edge_03_limits_hold_and_places_come_back() {
        let admission = Admission::new(Some(3), 2);
        let first = admission.admit(address(1), false);
        let second = admission.admit(address(1), false);
        assert!(first.is_some() && second.is_some());
        assert!(admission.admit(address(1), false).is_none());
        let third = admission.admit(address(2), false);
        assert!(third.is_some());
        assert!(admission.admit(address(3), false).is_none());
        drop(second);
        assert!(admission.admit(address(1), false).is_some());
        drop((first, third));
        assert!(admission.counts.lock().unwrap().by_address.is_empty());
    }

    /// Goal: a proxy is held by the limit of all only.
    #[test]
    fn edge_03_trusted_proxies_carry_many() {
        let admission = Admission::new(Some(3), 1);
        let held: Vec<_> = (0..4).map(|_| admission.admit(address(1), true)).collect();
        assert_eq!(held.iter().filter(|place| place.is_some()).count(), 3);
    }

    /// Goal: the limit is read from the system's own words.
    #[test]
    fn descriptor_limits_are_read() {
        let text = "Limit     Soft Limit   Hard Limit   Units\nMax open files            2048                 524288               files\n";
        assert_eq!(soft_descriptor_limit(text), Some(2048));
        assert_eq!(soft_descriptor_limit("Max open files unlimited"), None);
        assert_eq!(soft_descriptor_limit(""), None);
    }
}

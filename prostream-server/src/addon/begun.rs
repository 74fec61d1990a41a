//! Which playback an address of an addon has begun: players ask for one address again and again, and it is one playback all the time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most addresses whose playback is remembered. Beyond it those that nobody is waiting for are forgotten: asked for again, they begin anew.
const MAX_BEGUN: usize = 10_000;

/// What makes two requests mean one playback.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct BegunKey {
    pub(crate) addon_id: String,
    pub(crate) media_id: String,
    pub(crate) release: Option<String>,
    pub(crate) device: String,
}

/// The playback of an address, once there is one. Whoever holds the lock begins it; the others wait and find it.
pub(crate) type Place = Arc<tokio::sync::Mutex<Option<String>>>;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Begun {
    places: Mutex<HashMap<BegunKey, Place>>,
}

impl Begun {
    /// Where the playback of an address is noted.
    pub(crate) fn place(&self, key: BegunKey) -> Place {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MAX_BEGUN && !places.contains_key(&key) {
            places.retain(|_, place| Arc::strong_count(place) > 1);
            if places.len() >= MAX_BEGUN {
                // So many wait at once: this one begins by itself and is not remembered.
                return Place::default();
            }
        }
        Arc::clone(places.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> BegunKey {
        BegunKey {
            addon_id: "a".to_owned(),
            media_id: format!("tt{number:07}"),
            release: None,
            device: "vlc".to_owned(),
        }
    }

    /// Goal: one address has one place, and memory ends at the limit, whether places are in use or not.
    #[test]
    fn places_are_shared_and_bounded() {
        let begun = Begun::default();
        let held = begun.place(key(0));
        assert!(Arc::ptr_eq(&held, &begun.place(key(0))));
        for number in 1..=MAX_BEGUN {
            begun.place(key(number));
        }
        assert!(begun.places.lock().unwrap().len() <= MAX_BEGUN);
        assert!(Arc::ptr_eq(&held, &begun.place(key(0))), "what is in use stays");
        let all: Vec<Place> = (0..MAX_BEGUN + 10).map(|number| begun.place(key(number))).collect();
        assert_eq!(begun.places.lock().unwrap().len(), MAX_BEGUN);
        assert_eq!(Arc::strong_count(all.last().unwrap()), 1, "beyond the limit nothing is remembered");
    }
}

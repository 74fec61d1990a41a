//! Pauses that the service has asked for: a route that was asked too often is shut for an hour, and every further request is one too many.

use std::time::{Duration, Instant};

/// How long a route is shut that was asked too often. Source: debrid-link.com/api_doc/v2, error `floodDetected` ("retry after 1 hour").
pub(super) const PAUSE: Duration = Duration::from_secs(3_600);

/// What the service counts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Account,
    Limits,
    List,
    Add,
    Remove,
}

/// The routes that are shut, and until when. At most one row a route.
#[derive(Debug, Default)]
pub(super) struct Shut {
    routes: Vec<(Route, Instant)>,
}

impl Shut {
    /// How long a route stays shut; `None` for one that may be asked.
    pub(super) fn left(&mut self, now: Instant, route: Route) -> Option<Duration> {
        self.routes.retain(|(_, until)| *until > now);
        let (_, until) = self.routes.iter().find(|(shut, _)| *shut == route)?;
        Some(until.saturating_duration_since(now))
    }

    /// A route was shut at `now` for `wait`, at most [`PAUSE`].
    pub(super) fn shut(&mut self, now: Instant, route: Route, wait: Duration) {
        self.routes.retain(|(shut, _)| *shut != route);
        if let Some(until) = now.checked_add(wait.min(PAUSE)) {
            self.routes.push((route, until));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a route is shut for its time and by itself; the last word of the service counts.
    #[test]
    fn routes_are_shut_one_by_one() {
        let now = Instant::now();
        let mut shut = Shut::default();
        assert_eq!(shut.left(now, Route::Add), None);
        shut.shut(now, Route::Add, Duration::MAX);
        assert_eq!(shut.left(now, Route::Add), Some(PAUSE));
        assert_eq!(shut.left(now, Route::List), None);
        let later = now + Duration::from_secs(60);
        assert_eq!(shut.left(later, Route::Add), Some(PAUSE - Duration::from_secs(60)));
        shut.shut(later, Route::Add, Duration::from_secs(5));
        assert_eq!(shut.left(later, Route::Add), Some(Duration::from_secs(5)));
        assert_eq!(shut.left(later + Duration::from_secs(5), Route::Add), None);
        assert!(shut.routes.is_empty());
    }
}

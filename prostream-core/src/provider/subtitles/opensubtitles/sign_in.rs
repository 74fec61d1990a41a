//! The sign-in that downloads need: one for all that wait for it, kept until the service takes it no longer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use crate::net::{Call, Secret};
use crate::provider::subtitles::SIGN_IN_OPERATION;
use crate::{Error, ErrorKind, Result};

const OPERATION: &str = SIGN_IN_OPERATION;

/// How long a token is used. It lives for about a day, as the JWT says; half of that is believed, and a 401 ends it before.
const TOKEN_LIFE: Duration = Duration::from_secs(12 * 3600);

/// How long a refused password is not tried again: the service blocks addresses that keep trying one.
const REFUSED_FOR: Duration = Duration::from_secs(300);

/// A token, and the host that wants to be asked with it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) token: Secret,
    pub(super) base_url: Url,
}

/// A user of the service, signed in or not.
#[derive(Debug)]
pub(super) struct SignIn {
    pub(super) user: String,
    pub(super) password: Secret,
    /// Held while somebody signs in.
    flight: AsyncMutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    session: Option<(Session, Instant)>,
    refused_at: Option<Instant>,
}

impl State {
    fn session(&self, now: Instant) -> Option<Session> {
        let (session, since) = self.session.as_ref()?;
        (now.saturating_duration_since(*since) < TOKEN_LIFE).then(|| session.clone())
    }
}

impl SignIn {
    pub(super) fn new(user: String, password: Secret) -> Self {
        Self { user, password, flight: AsyncMutex::default(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session as it is now, without asking for one.
    pub(super) fn current(&self) -> Option<Session> {
        self.state().session(Instant::now())
    }

    /// A session other than `stale`, which the service took no longer: the one that is there, or the one that `sign_in` begins. Of many
    /// who want one, one signs in and the others wait for him.
    ///
    /// # Errors
    /// Those of `sign_in`; `Unauthorized` without asking for a while after the password was refused; `TimedOut` while waiting.
    pub(super) async fn session(
        &self,
        call: &Call,
        stale: Option<&Secret>,
        sign_in: impl Future<Output = Result<Session>>,
    ) -> Result<Session> {
        let timed_out = |_| Error::new(ErrorKind::TimedOut, OPERATION);
        let _flight = tokio::time::timeout(call.remaining(), self.flight.lock()).await.map_err(timed_out)?;
        {
            let mut state = self.state();
            let now = Instant::now();
            match state.session(now) {
                Some(session) if stale != Some(&session.token) => return Ok(session),
                _ => state.session = None,
            }
            if state.refused_at.is_some_and(|then| now.saturating_duration_since(then) < REFUSED_FOR) {
                return Err(Error::new(ErrorKind::Unauthorized, OPERATION)
                    .detail("the password was refused a moment ago")
                    .advise("check user name and password of OpenSubtitles, then wait five minutes"));
            }
        }
        let answer = sign_in.await;
        let mut state = self.state();
        match &answer {
            Ok(session) => *state = State { session: Some((session.clone(), Instant::now())), refused_at: None },
            Err(error) if error.kind() == ErrorKind::Unauthorized && error.operation() == OPERATION => {
                state.refused_at = Some(Instant::now())
            }
            Err(_) => {}
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn session(token: &str) -> Session {
        Session { token: Secret::new(token), base_url: "https://api.example/".parse().unwrap() }
    }

    fn call() -> Call {
        Call::within(Duration::from_secs(30))
    }

    /// Goal: however many want a session, and however many find it stale at once, each time one signs in.
    /// Method: fifty ask together, then fifty with the token they got.
    #[tokio::test]
    async fn one_signs_in_for_all() {
        let count = AtomicUsize::new(0);
        let user = SignIn::new("mia".into(), Secret::new("p"));
        let begin = async || {
            tokio::task::yield_now().await;
            Ok(session(&format!("t{}", count.fetch_add(1, Ordering::SeqCst))))
        };
        let (user, begin, call) = (&user, &begin, &call());
        let asked = (0..50).map(|_| user.session(call, None, begin()));
        let first = futures_util::future::try_join_all(asked).await.unwrap();
        assert!(first.iter().all(|session| session.token.expose() == "t0"));
        let stale = Secret::new("t0");
        let asked = (0..50).map(|_| user.session(call, Some(&stale), begin()));
        let second = futures_util::future::try_join_all(asked).await.unwrap();
        assert!(second.iter().all(|session| session.token.expose() == "t1"));
        assert_eq!(count.load(Ordering::SeqCst), 2);
        assert_eq!(user.current().unwrap().token.expose(), "t1");
    }

    /// Goal: a refused password is not tried again at once; trouble that passes is.
    #[tokio::test]
    async fn a_refused_password_is_not_hammered() {
        let count = AtomicUsize::new(0);
        let user = SignIn::new("mia".into(), Secret::new("p"));
        let fail = async |kind| {
            count.fetch_add(1, Ordering::SeqCst);
            Err(Error::new(kind, "sign in"))
        };
        for kind in [ErrorKind::Unavailable, ErrorKind::Unavailable, ErrorKind::Unauthorized, ErrorKind::Unauthorized] {
            let error = user.session(&call(), None, fail(kind)).await.unwrap_err();
            assert_eq!(error.kind(), kind);
        }
        assert_eq!(count.load(Ordering::SeqCst), 3);
    }

    /// Goal: a sign-in may be logged whole.
    #[tokio::test]
    async fn no_secret_shows() {
        let user = SignIn::new("mia".into(), Secret::new("p4ssword"));
        user.session(&call(), None, async { Ok(session("t0ken")) }).await.unwrap();
        let shown = format!("{user:?}");
        assert!(!shown.contains("p4ssword") && !shown.contains("t0ken"), "{shown}");
    }
}

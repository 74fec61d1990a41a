//! How often: one budget per class of route, kept per user or per address (AUTH-03, EDGE-10).

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use prostream_core::ErrorKind;
use sha2::{Digest, Sha256};

use crate::config::Limits;
use crate::reply::Problem;

/// Most keys (users, addresses, accounts) that one budget remembers; beyond it those that rest are forgotten first.
const MAX_KEYS: usize = 100_000;

/// The window of the sign-in limits.
const LOGIN_WINDOW: Duration = Duration::from_secs(300);

/// Which budget a route draws from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateClass {
    /// Sign-in, refresh, registration: per address; sign-in per account as well.
    Login,
    /// Ordinary calls of a user.
    Api,
    /// Calls of a user that ask outside services.
    Search,
    /// The page, health, the API description: per address.
    Public,
    /// Playlists, segments and files: per address.
    Media,
    /// Addon routes: per addon, and per address before its token is looked at.
    Addon,
}

/// All budgets.
#[derive(Debug)]
pub(crate) struct Budgets {
    login_by_account: Budget<[u8; 16]>,
    login_by_address: Budget<IpAddr>,
    api: Budget<String>,
    search: Budget<String>,
    public: Budget<IpAddr>,
    media: Budget<IpAddr>,
    addon: Budget<String>,
    addon_by_address: Budget<IpAddr>,
}

impl Budgets {
    pub(crate) fn new(limits: &Limits) -> Self {
        let minute = Duration::from_secs(60);
        Self {
            login_by_account: Budget::new(limits.login_per_account, LOGIN_WINDOW),
            login_by_address: Budget::new(limits.login_per_address, LOGIN_WINDOW),
            api: Budget::new(limits.api_per_user, minute),
            search: Budget::new(limits.search_per_user, minute),
            public: Budget::new(limits.public_per_address, minute),
            media: Budget::new(limits.media_per_address, minute),
            addon: Budget::new(limits.addon_per_token, minute),
            addon_by_address: Budget::new(limits.addon_per_address, minute),
        }
    }

    /// Draws one call of a user.
    pub(crate) fn draw_for_user(&self, class: RateClass, user_id: &str) -> Result<(), Problem> {
        match class {
            RateClass::Search => self.search.draw(user_id.to_owned()),
            _ => self.api.draw(user_id.to_owned()),
        }
    }

    /// Draws one call of an address. Classes that are kept per user draw from the public budget here: this counts those who are not signed in.
    pub(crate) fn draw_for_address(&self, class: RateClass, address: IpAddr) -> Result<(), Problem> {
        let key = address_key(address);
        match class {
            RateClass::Login => self.login_by_address.draw(key),
            RateClass::Media => self.media.draw(key),
            RateClass::Addon => self.addon_by_address.draw(key),
            RateClass::Api | RateClass::Search | RateClass::Public => self.public.draw(key),
        }
    }

    /// Draws one call of an addon, and one of its user where outside services are asked.
    pub(crate) fn draw_for_addon(&self, class: RateClass, addon_id: &str, user_id: &str) -> Result<(), Problem> {
        self.addon.draw(addon_id.to_owned())?;
        match class {
            RateClass::Search => self.draw_for_user(class, user_id),
            _ => Ok(()),
        }
    }

    /// Draws one try to sign in to an account, existing or not, by its canonical name.
    pub(crate) fn draw_for_account(&self, canonical_name: &str) -> Result<(), Problem> {
        let mut key = [0; 16];
        key.iter_mut().zip(Sha256::digest(canonical_name)).for_each(|(slot, byte)| *slot = byte);
        self.login_by_account.draw(key)
    }

    /// Forgets whoever has a full budget again. Called now and then, so that memory follows who is active.
    pub(crate) fn forget_rested(&self) {
        self.login_by_account.limiter.retain_recent();
        self.login_by_address.limiter.retain_recent();
        self.api.limiter.retain_recent();
        self.search.limiter.retain_recent();
        self.public.limiter.retain_recent();
        self.media.limiter.retain_recent();
        self.addon.limiter.retain_recent();
        self.addon_by_address.limiter.retain_recent();
    }
}

#[derive(Debug)]
struct Budget<K: Clone + Hash + Eq> {
    limiter: DefaultKeyedRateLimiter<K>,
    clock: DefaultClock,
}

impl<K: Clone + Hash + Eq> Budget<K> {
    /// At most `count` at once, and `count` again over each `window`.
    fn new(count: u32, window: Duration) -> Self {
        let burst = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let each = (window / burst.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(each).unwrap_or(Quota::per_second(burst)).allow_burst(burst);
        Self { limiter: RateLimiter::keyed(quota), clock: DefaultClock::default() }
    }

    fn draw(&self, key: K) -> Result<(), Problem> {
        if self.limiter.len() >= MAX_KEYS {
            self.limiter.retain_recent();
            if self.limiter.len() >= MAX_KEYS {
                return Err(Problem::of(ErrorKind::RateLimited).after(Duration::from_secs(1)));
            }
        }
        self.limiter.check_key(&key).map_err(|refusal| {
            let wait = refusal.wait_time_from(self.clock.now());
            Problem::of(ErrorKind::RateLimited).advise("wait as long as Retry-After says").after(wait)
        })
    }
}

/// Whose budget an address draws from: an IPv6 client has a /64 to itself, so that counts as one.
pub(crate) fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budgets(limits: Limits) -> Budgets {
        Budgets::new(&limits)
    }

    /// Goal: the tries of an account end at the limit, whatever the address, and others are not touched.
    #[test]
    fn auth_03_tries_of_an_account_end() {
        let budgets = budgets(Limits { login_per_account: 3, ..Limits::default() });
        assert_eq!((0..60).filter(|_| budgets.draw_for_account("mia").is_ok()).count(), 3);
        assert!(budgets.draw_for_account("leo").is_ok());
        let refusal = budgets.draw_for_account("mia").unwrap_err().body("id");
        assert_eq!(refusal.code, "rate_limited");
        assert!(refusal.retry_after_s.is_some_and(|wait| (1..=100).contains(&wait)));
    }

    /// Goal: hopping through the addresses of one IPv6 network gains nothing.
    #[test]
    fn auth_03_an_ipv6_network_is_one_client() {
        let budgets = budgets(Limits { login_per_address: 2, ..Limits::default() });
        let tries = (0..9u128).filter(|n| {
            let address = Ipv6Addr::from_bits(0x2001_0db8 << 96 | n);
            budgets.draw_for_address(RateClass::Login, address.into()).is_ok()
        });
        assert_eq!(tries.count(), 2);
    }

    /// Goal: whoever rests is forgotten.
    #[test]
    fn rested_keys_are_forgotten() {
        let budgets = budgets(Limits::default());
        budgets.draw_for_user(RateClass::Api, "mia").unwrap();
        assert_eq!(budgets.api.limiter.len(), 1);
        std::thread::sleep(Duration::from_millis(250));
        budgets.forget_rested();
        assert_eq!(budgets.api.limiter.len(), 0);
    }
}

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::AddressPolicy;
use super::own::is_own;

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// Resolves names for the connector and hands out public addresses only, at every connection anew: a name that points elsewhere
/// from one request to the next is judged by where it points now. For hosts that are exact exceptions there is one that hands out all.
#[derive(Clone)]
pub(super) struct PublicResolver {
    lookup: Lookup,
    /// False for the names of exceptions, which may lead anywhere.
    is_judging: bool,
    #[cfg(feature = "testing")]
    played_at: Option<fn(IpAddr) -> IpAddr>,
}

impl PublicResolver {
    /// Asks the system.
    pub(super) fn system() -> Self {
        Self::with(|name| {
            Box::pin(
                async move { Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.take(MAX_ADDRESSES).collect()) },
            )
        })
    }

    /// Asks `lookup`.
    pub(super) fn with(lookup: impl Fn(String) -> Found + Send + Sync + 'static) -> Self {
        Self {
            lookup: Arc::new(lookup),
            is_judging: true,
            #[cfg(feature = "testing")]
            played_at: None,
        }
    }

    /// Asks whoever plays the names.
    #[cfg(feature = "testing")]
    pub(super) fn staged(names: &StagedNames) -> Self {
        let lookup = Arc::clone(&names.lookup);
        let found = move |name: String| -> Found {
            let found = lookup(&name).into_iter().map(|address| SocketAddr::new(address, 0)).collect();
            Box::pin(async move { Ok(found) })
        };
        Self { played_at: Some(names.played_at), ..Self::with(found) }
    }

    /// The same for the pool of exceptions.
    pub(super) fn without_judging(&self) -> Self {
        Self { is_judging: false, ..self.clone() }
    }
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let is_judging = self.is_judging;
        #[cfg(feature = "testing")]
        let played_at = self.played_at;
        Box::pin(async move {
            let mut addresses = found.await.map_err(NameUnknown)?;
            if addresses.is_empty() {
                return Err(NameUnknown(io::ErrorKind::NotFound.into()).into());
            }
            if is_judging {
                addresses.retain(|address| AddressPolicy::is_public(address.ip()) && !is_own(address.ip()));
                if addresses.is_empty() {
                    return Err(NotPublic.into());
                }
            }
            #[cfg(feature = "testing")]
            if let Some(played_at) = played_at {
                for address in &mut addresses {
                    address.set_ip(played_at(address.ip()));
                }
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The addresses of a name at this moment.
#[cfg(feature = "testing")]
pub type StagedLookup = Arc<dyn Fn(&str) -> Vec<IpAddr> + Send + Sync>;

/// Who answers for names in place of the system, and where the addresses among the answers are played: for tests of what must never be
/// reached. Answers are judged as those of the system are, before they are played elsewhere.
#[cfg(feature = "testing")]
#[derive(Clone)]
pub struct StagedNames {
    /// The addresses of a name; none where nobody knows it.
    pub lookup: StagedLookup,
    /// Where an address is played that was judged already: a public one on the loopback, say.
    pub played_at: fn(IpAddr) -> IpAddr,
}

#[cfg(feature = "testing")]
impl fmt::Debug for StagedNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StagedNames").finish_non_exhaustive()
    }
}

/// What the resolver answers for a name without a public address; the client makes `Forbidden` of it.
#[derive(Debug)]
pub(super) struct NotPublic;

impl NotPublic {
    /// Is it somewhere among the causes of `error`?
    pub(super) fn is_cause_of(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<NotPublic>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name has no public address")
    }
}

impl std::error::Error for NotPublic {}

/// What the resolver answers for a name that cannot be looked up.
#[derive(Debug, thiserror::Error)]
#[error("the name is not known")]
pub(super) struct NameUnknown(#[source] pub(super) io::Error);

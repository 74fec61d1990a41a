use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::AddressPolicy;

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

type Found = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;
type Lookup = Arc<dyn Fn(String) -> Found + Send + Sync>;

/// Resolves names for the connector and hands out public addresses only, at every connection anew: a name that points elsewhere
/// from one request to the next is judged by where it points now. For hosts that are exact exceptions there is one that hands out all.
#[derive(Clone)]
pub(super) struct PublicResolver {
    lookup: Lookup,
    hands_out_all: bool,
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
        Self { lookup: Arc::new(lookup), hands_out_all: false }
    }

    /// The same for exceptions: whatever a name points to.
    pub(super) fn for_exceptions(&self) -> Self {
        Self { lookup: Arc::clone(&self.lookup), hands_out_all: true }
    }
}

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = (self.lookup)(name.as_str().to_owned());
        let hands_out_all = self.hands_out_all;
        Box::pin(async move {
            let mut addresses = found.await.map_err(NameUnknown)?;
            if addresses.is_empty() {
                return Err(NameUnknown(io::ErrorKind::NotFound.into()).into());
            }
            addresses.retain(|address| hands_out_all || AddressPolicy::is_public(address.ip()));
            if addresses.is_empty() {
                return Err(NotPublic.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
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

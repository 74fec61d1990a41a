use std::net::IpAddr;
use std::str::FromStr;

use url::Url;

use crate::{Error, ErrorKind, Result};

/// An exact exception to the address policy: `host:port`, as the administrator wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllowedHost {
    /// Name or literal address, lower case, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl FromStr for AllowedHost {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::InvalidInput, "read outbound exception")
                .advise("write HOST:PORT, such as 192.168.1.5:9696")
        };
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Self { host, port })
    }
}

/// Which addresses may be reached (OUT-01): none that is not public, but for exact exceptions.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// Exceptions.
    pub allow: Vec<AllowedHost>,
}

impl AddressPolicy {
    /// Is this a public address, not loopback, private, link-local, shared, documentation, multicast or a form of those?
    #[must_use]
    pub fn is_public(_address: IpAddr) -> bool {
        false
    }

    /// Checks scheme, user info, literal address and port of a URL before anything is sent. Names are checked once more when resolved.
    ///
    /// # Errors
    /// `Forbidden`, with advice naming the setting that would allow it.
    pub fn check_url(&self, _url: &Url) -> Result<()> {
        Err(Error::new(ErrorKind::Forbidden, "check address"))
    }
}

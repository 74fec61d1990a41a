//! Why no connection came about, as far as its error tells: in words for whoever wrote the address.

use std::error::Error as StdError;
use std::io;

use url::Url;

use super::resolve::NameUnknown;

/// A cause, and what to do about it. No address: users of a server read this, too.
pub(super) type Words = (&'static str, &'static str);

const CHECK_NAME: &str =
    "check the address for typing mistakes, and that this machine can look up names (its DNS server)";
const CHECK_RUNS: &str = "check that the service runs, and that address and port are the right ones";
const CHECK_NETWORK: &str = "check the network of this machine, and its firewall";
const CHECK_SCHEME: &str = "the service may speak plain http at this port: try http in place of https";
const CHECK_CERTIFICATE: &str = "check the address, and renew or install the service's certificate";
const CHECK_CLOCK: &str = "check the clock of this machine; if it is right, the service has to renew its certificate";
const CHECK_TLS: &str =
    "check the address and its port, and whatever stands between: a proxy, a firewall, a virus scanner";

/// What the TLS library says begins with, or holds, these words; compared in lower case. Source: `Display` of rustls' errors.
const TLS: [(&str, Words); 8] = [
    ("not valid for", ("the certificate is made out for another name", CHECK_CERTIFICATE)),
    ("notvalidforname", ("the certificate is made out for another name", CHECK_CERTIFICATE)),
    ("notvalidyet", ("the certificate is not valid yet", CHECK_CLOCK)),
    ("not valid yet", ("the certificate is not valid yet", CHECK_CLOCK)),
    ("expired", ("the certificate has expired", CHECK_CLOCK)),
    ("unknownissuer", ("the certificate is signed by nobody whom this machine trusts", CHECK_CERTIFICATE)),
    ("invalid peer certificate", ("the certificate is not accepted", CHECK_CERTIFICATE)),
    ("corrupt message", ("what answers there does not speak TLS", CHECK_SCHEME)),
];

/// Why a connection to `url` could not be made.
pub(super) fn of_connection(error: &(dyn StdError + 'static), url: &Url) -> Words {
    let mut words = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<NameUnknown>() {
            return ("its name is not known", CHECK_NAME);
        }
        match error.downcast_ref::<io::Error>().map(innermost_kind) {
            Some(io::ErrorKind::ConnectionRefused) => return ("nothing listens at that address", CHECK_RUNS),
            Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown) => {
                return ("no way leads to that address", CHECK_NETWORK);
            }
            _ => words.push(error.to_string().to_lowercase()),
        }
        cause = error.source();
    }
    if url.scheme() != "https" {
        return ("no connection", CHECK_RUNS);
    }
    let known = TLS.iter().find(|(part, _)| words.iter().any(|text| text.contains(part)));
    known.map_or(("no secure connection could be agreed on", CHECK_TLS), |(_, words)| *words)
}

/// An error of the system may be wrapped into another of the same type, which does not name it as its source.
fn innermost_kind(error: &io::Error) -> io::ErrorKind {
    let mut error = error;
    while let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()) {
        error = inner;
    }
    error.kind()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(error: io::Error, url: &str) -> &'static str {
        of_connection(&error, &Url::parse(url).expect("a URL")).0
    }

    /// Goal: what the system and the TLS library say becomes words, however deep it is wrapped; the rest stays what it is.
    #[test]
    fn causes_have_words() {
        let refused = || io::Error::other(io::Error::from(io::ErrorKind::ConnectionRefused));
        let unknown = || io::Error::other(NameUnknown(io::Error::other("no such host")));
        assert_eq!(told(refused(), "https://a.example/"), "nothing listens at that address");
        assert_eq!(told(io::Error::other(refused()), "http://a.example/"), "nothing listens at that address");
        assert_eq!(told(io::ErrorKind::NetworkUnreachable.into(), "http://a.example/"), "no way leads to that address");
        assert_eq!(
            of_connection(&NameUnknown(unknown()), &Url::parse("http://a.example/").expect("a URL")).0,
            "its name is not known"
        );
        for (said, words) in [
            ("invalid peer certificate: Expired", "the certificate has expired"),
            (
                "invalid peer certificate: certificate expired: verification time 2 (UNIX)",
                "the certificate has expired",
            ),
            ("invalid peer certificate: NotValidYet", "the certificate is not valid yet"),
            (
                "invalid peer certificate: certificate not valid for name \"a\"; certificate is only valid for b",
                "the certificate is made out for another name",
            ),
            ("invalid peer certificate: UnknownIssuer", "the certificate is signed by nobody whom this machine trusts"),
            ("invalid peer certificate: BadSignature", "the certificate is not accepted"),
            ("received corrupt message of type InvalidContentType", "what answers there does not speak TLS"),
            ("received fatal alert: HandshakeFailure", "no secure connection could be agreed on"),
        ] {
            let error = || io::Error::new(io::ErrorKind::InvalidData, said);
            assert_eq!(told(error(), "https://a.example/"), words);
            assert_eq!(told(error(), "http://a.example/"), "no connection");
        }
    }
}

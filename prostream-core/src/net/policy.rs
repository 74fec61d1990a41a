use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use url::{Host, Url};

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
        let port = port.parse().map_err(|_| wrong())?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        // Written the way a parsed URL writes it, so that comparing text is enough: `0:0::1` and `::1` are one address.
        let host = match host.parse::<IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => match Host::parse(host).map_err(|_| wrong())? {
                Host::Domain(name) => name.trim_end_matches('.').to_owned(),
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            },
        };
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Self { host, port })
    }
}

/// Ports that the Fetch standard forbids, because other protocols listen there that can be talked into harm with a request line
/// (WHATWG Fetch, "port blocking"), and 0, which is none.
const BLOCKED_PORTS: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

/// Which addresses may be reached (OUT-01): none that is not public, but for exact exceptions.
///
/// A literal address is judged by [`check_url`](Self::check_url), a name by the client's resolver, which hands out public
/// addresses only: the address that was judged is the address that is connected to.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    /// Exceptions.
    pub allow: Vec<AllowedHost>,
}

impl AddressPolicy {
    /// Is this a public address, not loopback, private, link-local, shared, documentation, multicast or a form of those?
    ///
    /// Source: the IANA special-purpose address registries (RFC 6890 and its updates).
    ///
    /// ```
    /// use prostream_core::net::AddressPolicy;
    /// assert!(AddressPolicy::is_public("1.1.1.1".parse().unwrap()));
    /// assert!(!AddressPolicy::is_public("::ffff:127.0.0.1".parse().unwrap()));
    /// ```
    #[must_use]
    pub fn is_public(address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => is_public_v4(address),
            IpAddr::V6(address) => is_public_v6(address),
        }
    }

    /// Checks scheme, user info, literal address and port of a URL before anything is sent. Names are checked once more when resolved.
    ///
    /// # Errors
    /// `Forbidden`, with advice naming the setting that would allow it.
    pub fn check_url(&self, url: &Url) -> Result<()> {
        let forbidden = |detail: &'static str| Error::new(ErrorKind::Forbidden, "check address").detail(detail);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(forbidden("only http and https are spoken").advise("use an http or https address"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden("a user name or password stands in the address")
                .advise("give credentials in their own settings"));
        }
        if self.is_exception(url) {
            return Ok(());
        }
        let is_allowed = match url.host() {
            Some(Host::Domain(name)) => !is_local_name(name),
            Some(Host::Ipv4(address)) => is_public_v4(address),
            Some(Host::Ipv6(address)) => is_public_v6(address),
            None => false,
        };
        let port_is_allowed = url.port_or_known_default().is_some_and(|port| !BLOCKED_PORTS.contains(&port));
        if is_allowed && port_is_allowed { Ok(()) } else { Err(not_public(url)) }
    }

    /// Is exactly this host and port an exception?
    pub(super) fn is_exception(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else { return false };
        let host = match host {
            Host::Domain(name) => name.trim_end_matches('.').to_ascii_lowercase(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        self.allow.iter().any(|allowed| allowed.port == port && allowed.host == host)
    }
}

/// The one answer for every address that may not be reached: the same whether something listens there or not.
pub(super) fn not_public(url: &Url) -> Error {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    Error::new(ErrorKind::Forbidden, "check address").detail("the address is not public").advise(format!(
        "if this address is meant, allow \"{host}:{port}\": in outbound.allow (settings file), with --allow-outbound (command line) or in \
         outbound_allow (C library)"
    ))
}

/// Names that mean this machine or this network wherever they are resolved (RFC 6761, RFC 6762, RFC 8375, RFC 9476).
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    ["localhost", "local", "internal", "home.arpa"]
        .iter()
        .any(|local| name.strip_suffix(local).is_some_and(|before| before.is_empty() || before.ends_with('.')))
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_within = |network: [u8; 4], bits: u32| {
        let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
        u32::from(address) & mask == u32::from(Ipv4Addr::from(network))
    };
    const SPECIAL: [([u8; 4], u32); 17] = [
        ([0, 0, 0, 0], 8),          // this network
        ([10, 0, 0, 0], 8),         // private
        ([100, 64, 0, 0], 10),      // shared (carrier-grade NAT)
        ([127, 0, 0, 0], 8),        // loopback
        ([168, 63, 129, 16], 32),   // the platform service inside every Azure machine, although public by its number
        ([169, 254, 0, 0], 16),     // link-local, cloud metadata
        ([172, 16, 0, 0], 12),      // private
        ([192, 0, 0, 0], 24),       // protocol assignments
        ([192, 0, 2, 0], 24),       // documentation
        ([192, 88, 99, 0], 24),     // former 6to4 relays
        ([192, 168, 0, 0], 16),     // private
        ([198, 18, 0, 0], 15),      // benchmarks
        ([198, 51, 100, 0], 24),    // documentation
        ([203, 0, 113, 0], 24),     // documentation
        ([224, 0, 0, 0], 4),        // multicast
        ([240, 0, 0, 0], 4),        // reserved
        ([255, 255, 255, 255], 32), // broadcast
    ];
    !SPECIAL.iter().any(|&(network, bits)| is_within(network, bits))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // `::ffff:a.b.c.d` is connected to as IPv4.
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match (a, b, c, d, e, f) {
        // NAT64 (RFC 6052): how an IPv6-only network reaches IPv4; as good as the address within.
        (0x64, 0xff9b, 0, 0, 0, 0) => is_public_v4(embedded(g, h)),
        // 6to4 (RFC 3056), likewise.
        (0x2002, ..) => is_public_v4(embedded(b, c)),
        // Protocol assignments 2001::/23: Teredo, benchmarks, ORCHID; nothing there serves media.
        (0x2001, 0..=0x01ff, ..) => false,
        // Documentation (RFC 3849, RFC 9637).
        (0x2001, 0x0db8, ..) | (0x3fff, 0..=0x0fff, ..) => false,
        // ISATAP (RFC 5214): the interface part is an IPv4 address of the inner network.
        (_, _, _, _, 0 | 0x0200, 0x5efe) => is_public_v4(embedded(g, h)),
        // Global unicast is 2000::/3 and nothing else: loopback, unspecified, IPv4-compatible, local NAT64, discard, unique local,
        // link-local, site-local and multicast all lie outside.
        _ => (0x2000..=0x3fff).contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(policy: &AddressPolicy, url: &str) -> Result<()> {
        policy.check_url(&Url::parse(url).expect("a URL"))
    }

    /// Goal: no special-purpose address passes, in either family, nor wrapped into the other.
    #[test]
    fn special_addresses_are_not_public() {
        let special = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "100:0:0:1::1",
            "2001::1",
            "2001:0:7f00:1::",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:c0a8:101::1",
            "2002:a9fe:a9fe::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
            "2600::5efe:a00:1",
        ];
        for text in special {
            assert!(!AddressPolicy::is_public(text.parse().expect("an address")), "{text}");
        }
    }

    /// Goal: the rule is no wider than the special networks: their neighbours pass.
    #[test]
    fn neighbours_of_special_networks_are_public() {
        let public = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
            "2a00:1450::1",
            "3fff:1000::1",
        ];
        for text in public {
            assert!(AddressPolicy::is_public(text.parse().expect("an address")), "{text}");
        }
    }

    /// Goal: however an inner address is spelled, it is seen for what it is.
    #[test]
    fn odd_spellings_of_inner_addresses_are_forbidden() {
        let spellings = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://127.0.1/",
            "http://0x7f.1/",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://017700000001/",
            "http://0177.0.0.1/",
            "http://0x7f.0x0.0x0.0x1/",
            "http://127.0.0.1./",
            "http://127.000.000.001/",
            "http://%31%32%37.0.0.1/",
            "http://\u{ff11}27.0.0.1/",
            "http://127\u{3002}0\u{3002}0\u{3002}1/",
            "http://\u{2460}27.0.0.1/",
            "http:127.0.0.1/",
            "http:\\\\127.0.0.1/",
            "http://127.0.0.1:80/",
            "https://127.0.0.1:443/",
            "HTTP://127.0.0.1/",
            "http://0/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://localhost/",
            "http://LOCALHOST/",
            "http://localhost./",
            "http://a.localhost/",
            "http://169.254.169.254/latest/meta-data/",
            "http://metadata.google.internal/",
            "http://0xa9fea9fe/",
            "http://10.1/",
            "http://192.168.1/",
            "http://nas.local/",
            "http://router.home.arpa/",
        ];
        for spelling in spellings {
            let error = check(&AddressPolicy::default(), spelling).expect_err(spelling);
            assert_eq!(error.kind(), ErrorKind::Forbidden, "{spelling}");
            assert!(error.advice().is_some_and(|advice| advice.contains("outbound_allow")), "{spelling}");
        }
    }

    /// Goal: what is not plain http to a plain host is refused; public names and addresses pass.
    #[test]
    fn scheme_user_info_and_port_are_checked() {
        let policy = AddressPolicy::default();
        for url in [
            "https://example.com/a?b=c",
            "http://example.com:8080/",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]:8443/",
        ] {
            check(&policy, url).expect(url);
        }
        for url in [
            "ftp://example.com/",
            "file:///etc/passwd",
            "data:text/plain,a",
            "gopher://example.com/",
            "javascript:alert(1)",
            "https://user@example.com/",
            "https://:secret@example.com/",
            "http://example.com:22/",
            "http://example.com:25/",
            "http://example.com:0/",
            "http://notlocalhost.local./",
        ] {
            assert_eq!(check(&policy, url).expect_err(url).kind(), ErrorKind::Forbidden, "{url}");
        }
        check(&policy, "https://internal.example.com/").expect("only the last label counts");
        check(&policy, "https://mylocalhost/").expect("a label is compared whole");
    }

    /// Goal: an exception opens one host at one port, in any spelling of the address, and nothing beside.
    #[test]
    fn an_exception_opens_one_host_at_one_port() {
        let allow =
            ["127.0.0.1:9696", "Prowlarr:9696", "[::1]:8080", "[0:0::2]:80"].map(|text| text.parse().expect(text));
        let policy = AddressPolicy { allow: allow.to_vec() };
        for url in [
            "http://127.0.0.1:9696/",
            "http://127.1:9696/",
            "https://2130706433:9696/",
            "http://prowlarr:9696/",
            "http://PROWLARR.:9696/",
            "http://[::1]:8080/",
            "http://[::2]/",
        ] {
            check(&policy, url).expect(url);
        }
        for url in [
            "http://127.0.0.1/",
            "http://127.0.0.1:9697/",
            "http://127.0.0.2:9696/",
            "http://[::1]/",
            "http://localhost:9696/",
        ] {
            check(&policy, url).expect_err(url);
        }
        assert_eq!(check(&policy, "http://a:b@127.0.0.1:9696/").expect_err("user info").kind(), ErrorKind::Forbidden);
    }

    /// Goal: an exception that cannot be meant is told apart when it is read.
    #[test]
    fn malformed_exceptions_are_refused() {
        for text in ["", "host", "host:", ":80", "host:99999", "host:x", "ho st:80", "[]:80", "http://host:80"] {
            assert_eq!(text.parse::<AllowedHost>().expect_err(text).kind(), ErrorKind::InvalidInput, "{text}");
        }
    }
}

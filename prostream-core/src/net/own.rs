//! Which addresses are this machine's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// A port for the question below; nothing is sent to it.
const ANY_PORT: u16 = 9;

/// Does this machine itself answer at `address`? A server with a public address would be reached at its own door otherwise, past whatever
/// stands in front of it, and so would everything else that listens here (OUT-01: the server's own listen addresses).
///
/// The system is asked from where it would send there: to its own addresses it sends from the same one. Connecting a datagram socket sends
/// nothing. Where the question fails there is no way to the address either. Addresses that a router outside maps to this machine are not
/// known here.
pub(super) fn is_own(address: IpAddr) -> bool {
    source_for(address.to_canonical()).is_some_and(|source| source == address.to_canonical())
}

/// The address that the system sends from to `address`.
fn source_for(address: IpAddr) -> Option<IpAddr> {
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    socket.connect(SocketAddr::new(address, ANY_PORT)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the machine knows itself, by the loopback and by the address it has in its network, and takes no other for itself.
    #[test]
    fn own_addresses_are_known() {
        let own = |text: &str| is_own(text.parse().expect("an address"));
        assert!(own("127.0.0.1") && own("::ffff:127.0.0.1"));
        assert!(!own("1.1.1.1") && !own("2606:4700::1111"));
        // Without a network there is none.
        if let Some(address) = source_for("1.1.1.1".parse().expect("an address")) {
            assert!(is_own(address), "{address}");
        }
    }
}

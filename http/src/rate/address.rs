//! Where a request comes from, when it may have come through proxies. Pure.

use std::net::{IpAddr, Ipv6Addr};

use warp::http::HeaderMap;

/// The most entries of `X-Forwarded-For` that are looked at; no chain of trusted proxies is as long.
const HOPS_MAX: usize = 32;

/// A range of addresses, such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8` or `10.0.0.7`.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(bits_max), |bits| bits.trim().parse().ok())?;
        (bits <= bits_max).then_some(Self { address, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                let cut = |address: u32| address.checked_shr(shift).unwrap_or(0);
                cut(own.to_bits()) == cut(other.to_bits())
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                let cut = |address: u128| address.checked_shr(shift).unwrap_or(0);
                cut(own.to_bits()) == cut(other.to_bits())
            }
            _ => false,
        }
    }
}

/// The address of the client behind `peer`: the nearest one in `X-Forwarded-For` that is no trusted proxy. What a client
/// itself puts into the header stands further away and is never reached.
pub(crate) fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer.to_canonical();
    if !is_trusted(nearest) {
        return nearest;
    }
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
    for hop in hops.iter().rev().take(HOPS_MAX) {
        if !is_trusted(nearest) {
            break;
        }
        match hop_address(hop) {
            Some(address) => nearest = address.to_canonical(),
            None => break,
        }
    }
    nearest
}

/// The address of one entry; some proxies add the port.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
}

/// What is counted as one address: an IPv6 client has a whole /64 to itself.
pub(super) fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use warp::http::HeaderValue;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn behind(peer: &str, forwarded: &str, trusted: &[&str]) -> String {
        let trusted: Vec<Network> = trusted.iter().map(|text| Network::parse(text).unwrap()).collect();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", HeaderValue::from_str(forwarded).unwrap());
        client_address(ip(peer), &headers, &trusted).to_string()
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        let network = |text: &str| Network::parse(text).unwrap();
        assert!(network("10.0.0.0/8").contains(ip("10.255.1.2")));
        assert!(!network("10.0.0.0/8").contains(ip("11.0.0.0")));
        assert!(
            network("10.0.0.7").contains(ip("10.0.0.7")) && !network("10.0.0.7").contains(ip("10.0.0.8"))
        );
        assert!(network("0.0.0.0/0").contains(ip("8.8.8.8")) && !network("0.0.0.0/0").contains(ip("::1")));
        assert!(network("2001:db8::/32").contains(ip("2001:db8:7::1")));
        assert_eq!(Network::parse("10.0.0.0/33"), None);
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_about_its_own_peer() {
        assert_eq!(behind("9.9.9.9", "1.1.1.1", &[]), "9.9.9.9");
        assert_eq!(behind("9.9.9.9", "1.1.1.1", &["10.0.0.0/8"]), "9.9.9.9");
        assert_eq!(behind("10.0.0.1", "1.1.1.1", &["10.0.0.0/8"]), "1.1.1.1");
        // The client invented the first entry; the proxy added the second.
        assert_eq!(behind("10.0.0.1", "5.5.5.5, 1.1.1.1", &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(behind("10.0.0.1", "1.1.1.1, 10.0.0.2", &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(behind("10.0.0.1", "1.1.1.1, rubbish", &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(behind("::ffff:10.0.0.1", "[2001:db8::1]:443", &["10.0.0.0/8"]), "2001:db8::1");
        assert_eq!(behind("10.0.0.1", "1.1.1.1:5555", &["10.0.0.0/8"]), "1.1.1.1");
    }

    #[test]
    fn an_ipv6_client_is_counted_by_its_network() {
        assert_eq!(counted(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
        assert_eq!(counted(ip("::ffff:1.2.3.4")), ip("1.2.3.4"));
    }

    proptest! {
        #[test]
        fn without_trust_no_header_moves_the_address(text in "[ -~]{0,80}") {
            prop_assert_eq!(behind("9.9.9.9", &text, &[]), "9.9.9.9");
            let _ = behind("10.0.0.1", &text, &["10.0.0.0/8"]);
        }
    }
}

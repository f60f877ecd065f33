//! Which addresses belong to the public internet. Pure, and closed by default: what is not known to be public is denied.
//!
//! The table follows the IANA special-purpose registries, with the metadata services that clouds put on addresses
//! which those registries call global. IPv6 is not a list of what is denied but of what is not: only `2000::/3` is
//! handed out, and a few parts of it are for special purposes or carry an IPv4 address inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A public address of the internet.
    Global,
    /// Anything else.
    Denied {
        /// The range it belongs to, for operators: a customer is never told.
        range: &'static str,
    },
}

impl Verdict {
    /// Whether it is public.
    #[must_use]
    pub const fn is_global(self) -> bool {
        matches!(self, Self::Global)
    }
}

/// Ranges of IPv4 that are never called.
const DENIED_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this network"), // On Linux 0.0.0.0 reaches loopback.
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared by carriers"), // Alibaba's metadata service is 100.100.100.200.
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(168, 63, 129, 16, 32), "metadata"), // Azure's WireServer, "global" in every registry.
    (v4(169, 254, 0, 0, 16), "link-local"), // The metadata services of most clouds.
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "protocol assignments"), // Oracle's metadata service is 192.0.0.192.
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 31, 196, 0, 24), "AS112"),
    (v4(192, 52, 193, 0, 24), "AMT"),
    (v4(192, 88, 99, 0, 24), "6to4 relay"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(192, 175, 48, 0, 24), "AS112"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"), // With the broadcast address.
];

/// The part of IPv6 that is handed out at all.
const UNICAST_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// Parts of [`UNICAST_V6`] that are never called.
const DENIED_V6: &[(Ipv6Net, &str)] = &[
    (v6(0x2001, 0, 0, 23), "protocol assignments"), // Teredo, ORCHID, benchmarking, AMT.
    (v6(0x2001, 0xdb8, 0, 32), "documentation"),
    (v6(0x2002, 0, 0, 16), "6to4"), // Whatever IPv4 address it carries.
    (v6(0x2620, 0x4f, 0x8000, 48), "AS112"),
    (v6(0x3fff, 0, 0, 20), "documentation"),
];

/// The well-known prefix of NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is reached.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// Addresses at which clouds hand out credentials to whoever asks. A permission for a range that happens to hold one
/// does not reach it: it must be named exactly.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// Says whether an address is public. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) is that IPv4 address, and a
/// NAT64 address is as public as the IPv4 address inside: to deny all of them would cut off networks that have nothing else.
#[must_use]
pub fn classify(address: IpAddr) -> Verdict {
    match address.to_canonical() {
        IpAddr::V4(v4) => find(DENIED_V4.iter().map(|(net, range)| (net.contains(&v4), *range))),
        IpAddr::V6(v6) => match nat64(v6) {
            Some(inside) => classify(IpAddr::V4(inside)),
            None if !UNICAST_V6.contains(&v6) => Verdict::Denied { range: "not global unicast" },
            None => find(DENIED_V6.iter().map(|(net, range)| (net.contains(&v6), *range))),
        },
    }
}

fn find(mut ranges: impl Iterator<Item = (bool, &'static str)>) -> Verdict {
    ranges.find(|(inside, _)| *inside).map_or(Verdict::Global, |(_, range)| Verdict::Denied { range })
}

/// The IPv4 address that a NAT64 address reaches.
pub(super) fn nat64(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = address.octets();
    NAT64.contains(&address).then(|| Ipv4Addr::new(a, b, c, d))
}

/// Whether this is the address of a cloud's metadata service.
pub(super) fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_metadata_address_lies_in_a_denied_range() {
        for address in METADATA {
            assert!(!classify(*address).is_global(), "{address}");
        }
    }

    #[test]
    fn both_ends_of_every_denied_range_are_denied() {
        for (net, range) in DENIED_V4 {
            assert_eq!(classify(net.network().into()), Verdict::Denied { range }, "{net}");
            assert_eq!(classify(net.broadcast().into()), Verdict::Denied { range }, "{net}");
        }
        for (net, range) in DENIED_V6 {
            assert_eq!(classify(net.network().into()), Verdict::Denied { range }, "{net}");
            assert_eq!(classify(net.broadcast().into()), Verdict::Denied { range }, "{net}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_has_one_verdict_in_every_form_that_reaches_it(bits: u32) {
            let v4 = Ipv4Addr::from(bits);
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let plain = classify(v4.into());
            prop_assert_eq!(classify(v4.to_ipv6_mapped().into()), plain);
            prop_assert_eq!(classify(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low).into()), plain);
        }

        #[test]
        fn forms_that_hide_an_ipv4_address_are_never_public(bits: u32, low: u64) {
            let [a, b, c, d] = bits.to_be_bytes();
            let (high_half, low_half) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let tail = |prefix: [u16; 6]| {
                let [s0, s1, s2, s3, s4, s5] = prefix;
                IpAddr::V6(Ipv6Addr::new(s0, s1, s2, s3, s4, s5, high_half, low_half))
            };
            let six_to_four = u128::from(0x2002u16) << 112 | u128::from(bits) << 80 | u128::from(low);
            let teredo = 0x2001u128 << 112 | u128::from(bits) << 64 | u128::from(low);
            let hidden = [
                tail([0; 6]),                              // compatible, ::a.b.c.d
                tail([0, 0, 0, 0, 0xffff, 0]),             // SIIT, ::ffff:0:a.b.c.d
                tail([0, 0, 0, 0, 0, 0x5efe]),             // ISATAP
                tail([0xfe80, 0, 0, 0, 0, 0x5efe]),
                tail([0x64, 0xff9b, 1, 0, 0, 0]),          // NAT64 of a local prefix
                IpAddr::V6(six_to_four.into()),
                IpAddr::V6(teredo.into()),
            ];
            for address in hidden {
                prop_assert!(!classify(address).is_global(), "{}", address);
            }
        }

        #[test]
        fn nothing_outside_global_unicast_is_public_but_ipv4_in_disguise(bits: u128) {
            let v6 = Ipv6Addr::from(bits);
            if classify(v6.into()).is_global() {
                let handed_out = v6.segments()[0] & 0xe000 == 0x2000;
                prop_assert!(handed_out || v6.to_ipv4_mapped().is_some() || nat64(v6).is_some(), "{}", v6);
            }
        }
    }
}

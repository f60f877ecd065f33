//! Every row of `data/ssrf_vectors.tsv`: kind, input, verdict, why.
//!
//! `deny` is an address or URL that is well formed and must not be called, `reject` one that is not well formed.

use std::net::IpAddr;

use ringback_engine::egress::{EgressPolicy, TargetUrl, classify};

const VECTORS: &str = include_str!("../data/ssrf_vectors.tsv");

/// URLs that are refused, but not for their form: the form is taken apart in registration, with a warning, and what is
/// left is denied for its address.
const REFUSED_FOR_THE_ADDRESS: [&str; 2] = [
    "http://127.0.0.1#@ok.example/", // A fragment is taken off.
    "http://ok.example@127.0.0.1/",  // Userinfo becomes basic authentication.
];

fn rows(kind: &str) -> impl Iterator<Item = (String, &'static str)> {
    VECTORS.lines().filter_map(move |line| {
        let mut columns = line.split('\t');
        let (row_kind, input, verdict) = (columns.next()?, columns.next()?, columns.next()?);
        (row_kind == kind).then(|| (unescape(input), verdict))
    })
}

/// The file writes what is not visible ASCII as `\t` or `\xNN`.
fn unescape(input: &str) -> String {
    input.replace("\\t", "\t").replace("\\xfc", "\u{fc}")
}

#[test]
fn every_address_gets_the_verdict_of_its_row() {
    let mut rows_seen = 0;
    for (input, verdict) in rows("ip") {
        let address: IpAddr = input.parse().unwrap();
        let expected = match verdict {
            "allow" => true,
            "deny" => false,
            other => panic!("unknown verdict {other}"),
        };
        assert_eq!(classify(address).is_global(), expected, "{input}");
        // The same by way of a URL.
        let host = if address.is_ipv6() { format!("[{input}]") } else { input.clone() };
        let target = TargetUrl::parse(&format!("https://{host}/")).unwrap();
        assert_eq!(EgressPolicy::public().check_url(&target).is_ok(), expected, "{input}");
        assert_eq!(EgressPolicy::public().vet(&target, &[address]).is_ok(), expected, "{input}");
        rows_seen += 1;
    }
    assert_eq!(rows_seen, 599);
}

#[test]
fn every_url_gets_the_verdict_of_its_row() {
    let mut rows_seen = 0;
    for (input, verdict) in rows("url") {
        let found = match TargetUrl::parse(&input) {
            Err(_) => "reject",
            Ok(target) if EgressPolicy::public().check_url(&target).is_err() => "deny",
            Ok(_) => "allow",
        };
        let expected = if REFUSED_FOR_THE_ADDRESS.contains(&input.as_str()) { "deny" } else { verdict };
        assert_eq!(found, expected, "{input:?}");
        rows_seen += 1;
    }
    assert_eq!(rows_seen, 34);
}

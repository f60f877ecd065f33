//! Which rule decides.

use proptest::prelude::*;

use super::*;

fn policy(allow: &str) -> EgressPolicy {
    EgressPolicy::public().allow(parse_networks(allow).unwrap())
}

fn check(policy: &EgressPolicy, url: &str) -> Result<(), Denied> {
    policy.check_url(&TargetUrl::parse(url).unwrap())
}

fn vet(policy: &EgressPolicy, url: &str, addresses: &[&str]) -> Result<VettedAddrs, Denied> {
    let addresses: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
    policy.vet(&TargetUrl::parse(url).unwrap(), &addresses)
}

const PUBLIC: &str = "93.184.215.14";

#[test]
fn without_rules_only_public_addresses_on_web_ports_are_called() {
    let policy = EgressPolicy::public();
    assert!(vet(&policy, "https://ok.example/", &[PUBLIC]).is_ok());
    assert_eq!(vet(&policy, "https://ok.example/", &["10.0.0.1"]), Err(Denied::Address));
    assert_eq!(check(&policy, "http://backend:8071/"), Err(Denied::InternalName));
    for port in [22, 25, 1023, 5432, 6379, 27_017] {
        assert_eq!(check(&policy, &format!("http://ok.example:{port}/")), Err(Denied::Port(port)));
    }
    for port in [80, 443, 1024, 8080, 65_535] {
        assert_eq!(check(&policy, &format!("http://ok.example:{port}/")), Ok(()));
    }
}

#[test]
fn one_forbidden_address_refuses_all() {
    let both = vet(&EgressPolicy::public(), "https://ok.example/", &[PUBLIC, "10.0.0.1"]);
    assert_eq!(both, Err(Denied::Address));
    let six = vet(&EgressPolicy::public(), "https://ok.example/", &[PUBLIC, "::1"]);
    assert_eq!(six, Err(Denied::Address));
}

#[test]
fn more_addresses_than_a_receiver_has_are_refused() {
    let addresses: Vec<IpAddr> = (0..33).map(|n| Ipv4Addr::new(93, 184, 215, n).into()).collect();
    let target = TargetUrl::parse("https://ok.example/").unwrap();
    assert!(EgressPolicy::public().vet(&target, &addresses[..32]).is_ok());
    assert_eq!(EgressPolicy::public().vet(&target, &addresses), Err(Denied::TooManyAddresses));
}

#[test]
fn an_allowed_address_is_called_on_any_port_and_so_is_localhost() {
    let policy = policy("127.0.0.0/8");
    assert_eq!(check(&policy, "http://127.0.0.1:5432/"), Ok(()));
    assert_eq!(check(&policy, "http://localhost:22/"), Ok(()));
    assert_eq!(policy.granted_loopback(), [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    assert_eq!(check(&policy, "http://[::1]/"), Err(Denied::Address));
    assert_eq!(check(&policy, "http://10.0.0.1/"), Err(Denied::Address));
}

#[test]
fn an_internal_name_or_a_database_port_is_held_to_the_allowed_ranges() {
    let policy = policy("172.16.0.0/12");
    assert!(vet(&policy, "http://receiver:8000/", &["172.18.0.3"]).is_ok());
    assert_eq!(vet(&policy, "http://receiver:8000/", &[PUBLIC]), Err(Denied::InternalName));
    assert_eq!(vet(&policy, "http://receiver:8000/", &["172.18.0.3", PUBLIC]), Err(Denied::InternalName));
    assert!(vet(&policy, "http://db.example:5432/", &["172.18.0.3"]).is_ok());
    assert_eq!(vet(&policy, "http://db.example:5432/", &[PUBLIC]), Err(Denied::Port(5_432)));
}

#[test]
fn the_most_specific_rule_wins_and_a_refusal_wins_a_tie() {
    let deny = parse_networks("10.0.0.5, 93.184.215.0/24").unwrap();
    let policy = policy("10.0.0.0/8,93.184.215.14").deny(deny);
    assert_eq!(check(&policy, "http://10.0.0.4/"), Ok(()));
    assert_eq!(check(&policy, "http://10.0.0.5/"), Err(Denied::Address));
    assert_eq!(check(&policy, "http://93.184.215.14/"), Ok(()));
    assert_eq!(check(&policy, "http://93.184.215.15/"), Err(Denied::Address));
    let tie =
        EgressPolicy::public().allow(parse_networks("10.0.0.0/8").unwrap()).deny(parse_networks("10.0.0.0/8").unwrap());
    assert_eq!(check(&tie, "http://10.0.0.4/"), Err(Denied::Address));
}

#[test]
fn metadata_services_need_a_rule_of_their_own() {
    for (wide, exact) in
        [("169.254.0.0/16", "169.254.169.254"), ("168.63.0.0/16", "168.63.129.16"), ("fd00::/8", "fd00:ec2::254")]
    {
        let host = if exact.contains(':') { format!("[{exact}]") } else { exact.to_owned() };
        let url = format!("http://{host}/");
        assert_eq!(check(&policy(wide), &url), Err(Denied::Address), "{exact}");
        assert_eq!(check(&policy(&format!("{wide},{exact}")), &url), Ok(()), "{exact}");
    }
    assert_eq!(check(&policy("169.254.0.0/16"), "http://169.254.1.1/"), Ok(()));
}

#[test]
fn a_refused_address_stays_refused_behind_nat64_and_an_allowed_one_is_not_allowed_by_it() {
    let denied = EgressPolicy::public().deny(parse_networks("93.184.215.0/24").unwrap());
    assert_eq!(check(&denied, "http://[64:ff9b::93.184.215.14]/"), Err(Denied::Address));
    assert_eq!(check(&denied, "http://[64:ff9b::8.8.8.8]/"), Ok(()));
    assert_eq!(check(&policy("127.0.0.0/8"), "http://[64:ff9b::127.0.0.1]/"), Err(Denied::Address));
    assert_eq!(check(&policy("127.0.0.0/8"), "http://[::ffff:127.0.0.1]/"), Ok(()));
}

#[test]
fn own_listeners_are_refused_whatever_is_allowed() {
    let at = |listener: &str| policy("127.0.0.0/8,10.0.0.0/8").listeners([listener.parse().unwrap()]);
    assert_eq!(check(&at("127.0.0.1:8071"), "http://127.0.0.1:8071/"), Err(Denied::OwnListener));
    assert_eq!(check(&at("127.0.0.1:8071"), "http://localhost:8071/"), Err(Denied::OwnListener));
    assert_eq!(check(&at("127.0.0.1:8071"), "http://127.0.0.1:8072/"), Ok(()));
    assert_eq!(check(&at("0.0.0.0:8071"), "http://127.0.0.9:8071/"), Err(Denied::OwnListener));
    assert_eq!(check(&at("[::]:8071"), "http://127.0.0.1:8071/"), Err(Denied::OwnListener));
    let own = "10.1.2.3:8071".parse().unwrap();
    assert!(at("0.0.0.0:8071").is_own_listener("10.1.2.3:50000".parse().unwrap(), own));
    assert!(!at("0.0.0.0:8071").is_own_listener("10.1.2.4:50000".parse().unwrap(), own));
}

#[test]
fn https_only_refuses_plain_http() {
    let policy = policy("127.0.0.1").https_only(true);
    assert_eq!(check(&policy, "http://ok.example/"), Err(Denied::HttpsOnly));
    assert_eq!(check(&policy, "http://127.0.0.1/"), Err(Denied::HttpsOnly));
    assert_eq!(check(&policy, "https://ok.example/"), Ok(()));
}

#[test]
fn a_range_of_everything_and_a_name_are_no_rules() {
    for text in ["0.0.0.0/0", "::/0"] {
        assert_eq!(parse_networks(text), Err(PolicyError::Everything { text: text.to_owned() }));
    }
    for text in ["localhost", "10.0.0.0/33", "10.0.0/8"] {
        assert_eq!(parse_networks(text), Err(PolicyError::Range { text: text.to_owned() }));
    }
    assert_eq!(parse_networks("").unwrap(), []);
}

proptest! {
    #[test]
    fn a_set_of_addresses_is_vetted_exactly_if_each_of_them_is_public(bits in proptest::collection::vec(any::<u32>(), 1..32)) {
        let addresses: Vec<IpAddr> = bits.iter().map(|b| Ipv4Addr::from(*b).into()).collect();
        let target = TargetUrl::parse("https://ok.example/").unwrap();
        let vetted = EgressPolicy::public().vet(&target, &addresses);
        prop_assert_eq!(vetted.is_ok(), addresses.iter().all(|a| classify(*a).is_global()));
        if let Ok(vetted) = vetted {
            prop_assert!(vetted.sockets().all(|s| addresses.contains(&s.ip()) && s.port() == 443));
        }
    }
}

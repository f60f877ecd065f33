//! What is never dialled, whatever the URL, the DNS or a redirect says. A canary counts connections: it must see none.

use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use ringback_engine::egress::{EgressPolicy, ResolveError, ScriptedResolver, TargetUrl, Trust};
use ringback_engine::transport::Transport;
use ringback_model::{AttemptOutcome, Failure, NotSent};

use crate::receiver::{Receiver, ok, send};
use crate::world::{DENIED, call, failed, ip, on_loopback, outcome, policy, transport, with_trust};

/// A public address, which no test dials: it stands only where another address refuses it.
const PUBLIC: &str = "93.184.215.14";

#[tokio::test]
async fn no_spelling_of_loopback_reaches_a_listener() {
    let canary = Receiver::start_on("0.0.0.0:0", vec![ok("")]).await;
    let transport = transport(EgressPolicy::public(), ScriptedResolver::new());
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "127.0.0.1.",
        "0x7f.0.0.0x1",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "127.255.255.254",
        "0.0.0.0",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[::127.0.0.1]",
        "[2002:7f00:1::]",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "loc%61lhost",
        "ｌｏｃａｌｈｏｓｔ",
        "local\u{ad}host",
    ] {
        let sent = call(&transport, &format!("http://{host}:{}/", canary.port())).await;
        assert_eq!(outcome(&sent), DENIED, "{host}");
        assert_eq!(sent.exchange.address, None, "{host}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn one_private_address_among_public_ones_refuses_all() {
    let canary = Receiver::start(vec![ok("")]).await;
    for answer in [
        vec![PUBLIC, "127.0.0.1"],
        vec!["127.0.0.1", PUBLIC],
        vec![PUBLIC, "::1"],
        vec!["::ffff:127.0.0.1"],
        vec!["64:ff9b::7f00:1"],
    ] {
        let resolver = ScriptedResolver::new().with_addresses("hooks.example", answer.iter().map(|a| ip(a)));
        let transport = transport(EgressPolicy::public(), resolver);
        let sent = call(&transport, &format!("http://hooks.example:{}/", canary.port())).await;
        assert_eq!(outcome(&sent), DENIED, "{answer:?}");
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_name_that_turns_private_after_the_look_up_is_dialled_where_it_was_vetted() {
    let allowed = Receiver::start_on("127.0.0.1:0", vec![ok("allowed")]).await;
    let port = allowed.port();
    let canary = Receiver::start_on(&format!("127.0.0.2:{port}"), vec![ok("canary")]).await;
    let script = [Ok(vec![ip("127.0.0.1")]), Ok(vec![ip("127.0.0.2")])];
    let resolver = Arc::new(ScriptedResolver::new().with("hooks.example", script));
    let transport = with_trust(policy("127.0.0.1/32"), Arc::clone(&resolver), Trust::public());

    let first = call(&transport, &format!("http://hooks.example:{port}/")).await;
    assert_eq!(first.exchange.response, "allowed");
    assert_eq!(resolver.asked("hooks.example"), 1, "one look-up per connection");

    let kept_alive = call(&transport, &format!("http://hooks.example:{port}/")).await;
    assert_eq!(kept_alive.exchange.response, "allowed");
    assert_eq!(resolver.asked("hooks.example"), 1, "none for a connection that is used again");

    transport.close_idle();
    let rebound = call(&transport, &format!("http://hooks.example:{port}/")).await;
    assert_eq!(outcome(&rebound), DENIED);
    assert_eq!((resolver.asked("hooks.example"), canary.connections()), (2, 0));
}

#[tokio::test]
async fn a_name_without_an_answer_is_not_asked_for_elsewhere() {
    for (error, asked) in
        [(ResolveError::NotFound, 1), (ResolveError::Timeout, 1), (ResolveError::Failed("SERVFAIL".into()), 1)]
    {
        let resolver = Arc::new(ScriptedResolver::new().with("hooks.example", [Err(error)]));
        let transport = with_trust(EgressPolicy::public(), Arc::clone(&resolver), Trust::public());
        let sent = call(&transport, "http://hooks.example/").await;
        assert_eq!(outcome(&sent), AttemptOutcome::NotSent { why: NotSent::Dns });
        assert_eq!(resolver.asked("hooks.example"), asked);
    }
}

#[tokio::test]
async fn a_refused_name_or_port_is_not_even_looked_up() {
    let resolver = Arc::new(
        ScriptedResolver::new().with_addresses("backend", [ip(PUBLIC)]).with_addresses("hooks.example", [ip(PUBLIC)]),
    );
    let transport = with_trust(EgressPolicy::public(), Arc::clone(&resolver), Trust::public());
    assert_eq!(outcome(&call(&transport, "http://backend/").await), DENIED);
    assert_eq!(outcome(&call(&transport, "http://hooks.example:6379/").await), DENIED);
    assert_eq!((resolver.asked("backend"), resolver.asked("hooks.example")), (0, 0));
}

#[tokio::test]
async fn redirects_are_failures_and_are_not_followed() {
    let canary = Receiver::start(vec![ok("")]).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://127.0.0.1:{}/", canary.port());
        let answer = format!(
            "HTTP/1.1 {status} Moved\r\nlocation: {location}\r\nrefresh: 0;url={location}\r\ncontent-length: 0\r\n\r\n"
        );
        let receiver = Receiver::start(vec![vec![send(answer)]]).await;
        let sent = call(&on_loopback(), &format!("http://127.0.0.1:{}/", receiver.port())).await;
        assert_eq!(outcome(&sent), failed(Failure::Status(status)));
    }
    assert_eq!(canary.connections(), 0);
}

#[tokio::test]
async fn a_change_of_policy_closes_what_was_kept_alive() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{}/", receiver.port());
    assert_eq!(outcome(&call(&transport, &target).await), AttemptOutcome::Delivered);
    assert_eq!(transport.idle(), 1);

    transport.set_policy(EgressPolicy::public());
    assert_eq!(transport.idle(), 0);
    assert_eq!(outcome(&call(&transport, &target).await), DENIED);

    transport.set_policy(policy("127.0.0.1"));
    assert_eq!(outcome(&call(&transport, &target).await), AttemptOutcome::Delivered);
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn a_policy_put_in_force_past_the_transport_makes_idle_connections_unusable_too() {
    let receiver = Receiver::start(vec![ok("")]).await;
    let transport = on_loopback();
    let target = format!("http://127.0.0.1:{}/", receiver.port());
    call(&transport, &target).await;
    transport.connector().set_policy(EgressPolicy::public());
    assert_eq!(outcome(&call(&transport, &target).await), DENIED);
    assert_eq!(transport.idle(), 0);
}

#[tokio::test]
async fn own_listeners_are_not_called_even_where_loopback_is_allowed() {
    let own = Receiver::start_on("0.0.0.0:0", vec![ok("")]).await;
    let other = Receiver::start(vec![ok("")]).await;
    let policy = policy("127.0.0.0/8").listeners([own.address]);
    let transport = transport(policy, ScriptedResolver::new().with_addresses("hooks.example", [ip("127.0.0.1")]));
    for host in ["127.0.0.1", "127.0.0.77", "localhost", "hooks.example"] {
        let sent = call(&transport, &format!("http://{host}:{}/", own.port())).await;
        assert_eq!(outcome(&sent), DENIED, "{host}");
    }
    assert_eq!(own.connections(), 0);
    let sent = call(&transport, &format!("http://localhost:{}/", other.port())).await;
    assert_eq!(outcome(&sent), AttemptOutcome::Delivered);
}

#[tokio::test]
async fn an_address_that_turns_out_to_be_this_machine_gets_no_byte_of_a_request() {
    // A listener on all addresses, reached by one that no table knows to be this machine's own.
    let own = Receiver::start_on("0.0.0.0:0", vec![ok("")]).await;
    let Some(address) = own_address() else { return };
    let policy = policy(&format!("{address}/32")).listeners([own.address]);
    let sent = call(&transport(policy, ScriptedResolver::new()), &format!("http://{address}:{}/", own.port())).await;
    assert_eq!(outcome(&sent), DENIED);
    assert!(own.requests().is_empty());
}

/// An address of this machine other than loopback, if it has one: where a route out would start. Nothing is sent.
fn own_address() -> Option<IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect((PUBLIC, 9)).ok()?;
    socket.local_addr().ok().map(|local| local.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

/// Set for the run of this test inside itself.
const PROXIED: &str = "RINGBACK_TEST_RECEIVER";

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    if let Ok(target) = std::env::var(PROXIED) {
        let sent = call(&on_loopback(), &target).await;
        assert_eq!(outcome(&sent), AttemptOutcome::Delivered);
        return;
    }
    // A process cannot change its own environment safely, so the test runs once more in one that has proxies in it.
    let receiver = Receiver::start(vec![ok("")]).await;
    let canary = Receiver::start(vec![ok("")]).await;
    let proxy = format!("http://127.0.0.1:{}", canary.port());
    let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "ssrf::proxies_of_the_environment_are_not_used"]);
    again.env(PROXIED, format!("http://127.0.0.1:{}/", receiver.port()));
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        again.env(name, &proxy);
    }
    assert!(again.output().await.unwrap().status.success());
    assert_eq!((receiver.requests().len(), canary.connections()), (1, 0));
}

fn check(host: &str) -> bool {
    let target = TargetUrl::parse(&format!("http://{host}/"));
    target.is_ok_and(|target| EgressPolicy::public().check_url(&target).is_ok())
}

proptest! {
    #[test]
    fn no_spelling_of_a_denied_address_becomes_allowed(block in 0usize..8, low: u32, form in 0usize..9) {
        let (base, mask) = [
            (0x7f00_0000u32, 8), (0x0a00_0000, 8), (0xac10_0000, 12), (0xc0a8_0000, 16), (0xa9fe_0000, 16),
            (0x6440_0000, 10), (0xa83f_8110, 32), (0, 8),
        ][block];
        let bits = base | low & u32::MAX.checked_shr(mask).unwrap_or(0);
        let [a, b, c, d] = bits.to_be_bytes();
        let (high, tail) = (bits >> 16, bits & 0xffff);
        let host = match form {
            0 => format!("{bits}"),
            1 => format!("{bits:#x}"),
            2 => format!("0{bits:o}"),
            3 => format!("{a:#x}.{:#x}", bits & 0xff_ffff),
            4 => format!("0{a:o}.{b}.{}", u16::from_be_bytes([c, d])),
            5 => format!("[::ffff:{high:x}:{tail:x}]"),
            6 => format!("[64:ff9b::{high:x}:{tail:x}]"),
            7 => format!("[2002:{high:x}:{tail:x}::1]"),
            _ => format!("{a}。{b}。{c}。{d}."),
        };
        prop_assert!(!check(&host), "{}", host);
    }
}

/// Not a test of behaviour: a transport must be shareable between tasks.
#[test]
fn a_transport_is_shared_between_tasks() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Transport>();
}

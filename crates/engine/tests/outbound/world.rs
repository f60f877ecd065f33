//! What most tests stand on: a transport whose policy allows what a test says and whose resolver is a script.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use ringback_engine::egress::{Connector, EgressPolicy, ScriptedResolver, TargetUrl, Trust, parse_networks};
use ringback_engine::transport::{OutgoingRequest, Sent, Transport};
use ringback_model::{AttemptOutcome, EndpointNo, Failure, NotSent, Timestamp};

pub(crate) const ENDPOINT: EndpointNo = EndpointNo(1);
/// Long enough for anything on loopback; short tests give their own.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn policy(allow: &str) -> EgressPolicy {
    EgressPolicy::public().allow(parse_networks(allow).unwrap())
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn url(text: &str) -> TargetUrl {
    TargetUrl::parse(text).unwrap()
}

/// A transport that may call all of 127.0.0.0/8.
pub(crate) fn on_loopback() -> Transport {
    transport(policy("127.0.0.0/8"), ScriptedResolver::new())
}

pub(crate) fn transport(policy: EgressPolicy, resolver: ScriptedResolver) -> Transport {
    with_trust(policy, Arc::new(resolver), Trust::public())
}

pub(crate) fn with_trust(policy: EgressPolicy, resolver: Arc<ScriptedResolver>, trust: Trust) -> Transport {
    Transport::new(Arc::new(Connector::new(policy, resolver, trust)))
}

pub(crate) fn post(target: &TargetUrl, body: &str) -> OutgoingRequest {
    OutgoingRequest {
        method: Method::POST,
        path_and_query: target.path_and_query().clone(),
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
    }
}

/// Sends a POST to `target` for the usual endpoint.
pub(crate) async fn call(transport: &Transport, target: &str) -> Sent {
    call_within(transport, target, TIMEOUT).await
}

pub(crate) async fn call_within(transport: &Transport, target: &str, timeout: Duration) -> Sent {
    let target = url(target);
    transport.send(ENDPOINT, &target, post(&target, "{}"), timeout).await
}

pub(crate) fn outcome(sent: &Sent) -> AttemptOutcome {
    sent.outcome(Timestamp::from_seconds(1_800_000_000))
}

pub(crate) const fn failed(why: Failure) -> AttemptOutcome {
    AttemptOutcome::Failed { why, retry_after: None }
}

pub(crate) const DENIED: AttemptOutcome = AttemptOutcome::NotSent { why: NotSent::AddressDenied };

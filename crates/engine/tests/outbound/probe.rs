//! Requests that are no deliveries share the way out with them, and no connection.

use std::sync::Arc;
use std::time::Duration;

use ringback_engine::egress::{Connector, ScriptedResolver, Trust};
use ringback_engine::transport::Fault;
use ringback_engine::{Probe, Route};
use ringback_model::{
    AppNo, AttemptOutcome, Endpoint, EndpointNo, EndpointSecrets, Failure, IdMaker, OrganizationSettings, RetryPolicy,
    SeededRandom, Timestamp,
};
use ringback_store::EndpointConfig;
use ringback_wire::Prepared;

use crate::receiver::{Act, Receiver, ok};
use crate::world::{DENIED, TIMEOUT, failed, outcome, policy};

fn probe(allow: &str) -> Probe {
    Probe::new(Arc::new(Connector::new(policy(allow), Arc::new(ScriptedResolver::new()), Trust::public())))
}

fn route(url: &str) -> Route {
    let now = Timestamp::from_seconds(0);
    let endpoint = Endpoint::new(IdMaker::new().make(now, &SeededRandom::new(1)), url.to_owned(), now);
    let config = EndpointConfig {
        no: EndpointNo(0),
        app: AppNo(1),
        version: 0,
        deleted: false,
        endpoint,
        secrets: EndpointSecrets::default(),
    };
    Route::new(Arc::new(config), &Arc::new(OrganizationSettings::default()), &RetryPolicy::default()).unwrap()
}

fn get(target: &str) -> Prepared {
    Prepared {
        method: http::Method::GET,
        target: target.parse().unwrap(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::new(),
        left_out: None,
    }
}

#[tokio::test]
async fn every_probe_has_a_connection_of_its_own_and_a_target_of_its_own() {
    let receiver = Receiver::start(vec![ok("hello")]).await;
    let (probe, route) = (probe("127.0.0.1/32"), route(&format!("http://127.0.0.1:{}/hook", receiver.port())));
    for number in 1..=3 {
        let sent = probe.send(&route, get("/hook?token=1"), TIMEOUT).await;
        assert_eq!((outcome(&sent), sent.exchange.response.as_ref()), (AttemptOutcome::Delivered, b"hello".as_slice()));
        assert_eq!(receiver.connections(), number);
    }
    assert!(receiver.requests()[0].starts_with("GET /hook?token=1 HTTP/1.1\r\n"), "{:?}", receiver.requests());
}

#[tokio::test]
async fn a_probe_obeys_the_policy_and_its_time() {
    let receiver = Receiver::start(vec![vec![Act::Hang]]).await;
    let url = format!("http://127.0.0.1:{}/", receiver.port());
    let sent = probe("10.0.0.0/8").send(&route(&url), get("/"), TIMEOUT).await;
    assert!(matches!(&sent.result, Err(Fault::Connect(error)) if error.to_string().contains("not allowed")));
    assert_eq!((outcome(&sent), receiver.connections()), (DENIED, 0));
    let sent = probe("127.0.0.1/32").send(&route(&url), get("/"), Duration::from_millis(50)).await;
    assert_eq!(outcome(&sent), failed(Failure::Timeout));
}

#[tokio::test]
async fn what_runs_in_the_background_ends_when_the_server_stops() {
    let probe = Arc::new(probe("127.0.0.1/32"));
    let (told, mut end) = tokio::sync::oneshot::channel::<()>();
    let waiting = probe.clone();
    probe.spawn(async move {
        waiting.pause(Duration::from_secs(3_600)).await;
        told.send(()).ok();
    });
    tokio::task::yield_now().await;
    assert!(end.try_recv().is_err());
    probe.stop();
    assert!(end.await.is_err(), "it was dropped before its time");
}

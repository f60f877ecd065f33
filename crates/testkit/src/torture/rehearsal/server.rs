//! A server in memory with just enough of the API for the harness, and bugs to order. It delivers over real sockets.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1 as client;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use crate::signature::sign;

/// A planted bug; it strikes one delivery in twenty, where it strikes deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    Forgets,
    Repeats,
    ChangesBody,
    WrongSecret,
    PassesWaiting,
    IgnoresKeys,
    NeverTells,
}

#[derive(Debug, Clone)]
struct Endpoint {
    id: String,
    app: String,
    url: String,
    secret: String,
    ordered: bool,
}

#[derive(Debug, Clone)]
struct Delivery {
    number: usize,
    message: String,
    body: String,
    endpoint: Endpoint,
}

#[derive(Debug, Default)]
struct State {
    made: usize,
    deliveries: usize,
    endpoints: Vec<Endpoint>,
    keys: HashMap<String, String>,
    arrived: HashMap<(String, String), bool>,
    queues: HashMap<(String, String), UnboundedSender<Delivery>>,
}

#[derive(Debug)]
struct Server {
    bug: Option<Bug>,
    state: Mutex<State>,
}

/// Starts it. Ends when the tasks are dropped.
pub(super) async fn start(bug: Option<Bug>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Arc::new(Server { bug, state: Mutex::default() });
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let server = server.clone();
            let service = service_fn(move |request| answer(server.clone(), request));
            connections.spawn(async move {
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
            });
        }
    });
    (address, tasks)
}

async fn answer(server: Arc<Server>, request: Request<Incoming>) -> hyper::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let path: Vec<_> = head.uri.path().trim_matches('/').split('/').collect();
    let (status, answer) = match (&head.method, &path[2..]) {
        (&Method::POST, ["app"]) => (201, json!({ "id": server.id("app") })),
        (&Method::POST, ["app", app, "endpoint"]) => {
            (201, server.register(app, &serde_json::from_slice(&body).unwrap()))
        }
        (&Method::POST, ["app", app, "msg"]) => (202, server.accept(app, &head.headers, &body)),
        (&Method::GET, ["app", _, "msg", message, "endpoint"] | ["app", _, "attempt", "msg", message]) => {
            (200, server.deliveries(message))
        }
        _ => (404, json!({})),
    };
    let mut response = Response::new(Full::new(answer.to_string().into()));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
    Ok(response)
}

impl Server {
    fn id(&self, prefix: &str) -> String {
        let mut state = self.state.lock().unwrap();
        state.made += 1;
        format!("{prefix}_{}", state.made)
    }

    fn register(&self, app: &str, body: &Value) -> Value {
        let id = self.id("ep");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let (url, secret, ordered) = (text("url"), text("secret"), text("ordering") == "per_key");
        let endpoint = Endpoint { id: id.clone(), app: app.to_owned(), url, secret, ordered };
        self.state.lock().unwrap().endpoints.push(endpoint);
        json!({ "id": id })
    }

    fn accept(self: &Arc<Self>, app: &str, headers: &HeaderMap, body: &[u8]) -> Value {
        let key = headers["idempotency-key"].to_str().unwrap().to_owned();
        if let Some(id) = self.state.lock().unwrap().keys.get(&key)
            && self.bug != Some(Bug::IgnoresKeys)
        {
            return json!({ "id": id });
        }
        let id = self.id("msg");
        let members: HashMap<String, Box<RawValue>> = serde_json::from_slice(body).unwrap();
        let ordering = members.get("orderingKey").map_or("", |key| key.get());
        let mut state = self.state.lock().unwrap();
        state.keys.insert(key, id.clone());
        let matching: Vec<_> = state.endpoints.iter().filter(|endpoint| endpoint.app == app).cloned().collect();
        for endpoint in matching {
            state.deliveries += 1;
            state.arrived.insert((id.clone(), endpoint.id.clone()), false);
            let body = members["payload"].get().to_owned();
            let delivery = Delivery { number: state.deliveries, message: id.clone(), body, endpoint };
            self.dispatch(&mut state, delivery, ordering);
        }
        json!({ "id": id })
    }

    /// Starts a delivery; where order was asked for, behind those of the same key.
    fn dispatch(self: &Arc<Self>, state: &mut State, delivery: Delivery, ordering: &str) {
        if !delivery.endpoint.ordered || self.bug == Some(Bug::PassesWaiting) {
            tokio::spawn(self.clone().deliver(delivery));
            return;
        }
        let queue = state.queues.entry((delivery.endpoint.id.clone(), ordering.to_owned())).or_insert_with(|| {
            let (queue, mut waiting) = unbounded_channel();
            let server = self.clone();
            tokio::spawn(async move {
                while let Some(delivery) = waiting.recv().await {
                    server.clone().deliver(delivery).await;
                }
            });
            queue
        });
        queue.send(delivery).unwrap();
    }

    async fn deliver(self: Arc<Self>, mut delivery: Delivery) {
        let struck = delivery.number.is_multiple_of(20);
        match self.bug {
            Some(Bug::Forgets) if struck => {
                self.state.lock().unwrap().arrived.insert((delivery.message, delivery.endpoint.id), true);
                return;
            }
            Some(Bug::ChangesBody) if struck => delivery.body.push(' '),
            Some(Bug::WrongSecret) if struck => delivery.endpoint.secret = "whsec_AAAA".to_owned(),
            Some(Bug::Repeats) if struck => send(&delivery).await.map_or((), drop),
            _ => {}
        }
        while send(&delivery).await != Some(200) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.state.lock().unwrap().arrived.insert((delivery.message, delivery.endpoint.id), true);
    }

    /// Serves as the list of deliveries and as that of attempts.
    fn deliveries(&self, message: &str) -> Value {
        let state = self.state.lock().unwrap();
        let of_message = state.arrived.iter().filter(|((of, _), _)| of == message);
        let data = of_message.map(|((_, endpoint), arrived)| {
            let success = *arrived && self.bug != Some(Bug::NeverTells);
            json!({ "id": endpoint, "endpointId": endpoint, "status": i32::from(!success) })
        });
        json!({ "data": data.collect::<Vec<_>>() })
    }
}

/// One attempt, over a connection of its own; the status of the answer.
async fn send(delivery: &Delivery) -> Option<u16> {
    #[expect(clippy::disallowed_methods, reason = "the clock of the wall stands in the timestamp")]
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs().to_string();
    let (authority, path) = delivery.endpoint.url.strip_prefix("http://")?.split_once('/')?;
    #[expect(clippy::disallowed_methods, reason = "a rehearsal on loopback")]
    let stream = TcpStream::connect(authority).await.ok()?;
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let signature = sign(&delivery.endpoint.secret, &delivery.message, &now, delivery.body.as_bytes()).unwrap();
    let request = Request::post(format!("/{path}"))
        .header("host", authority)
        .header("webhook-id", &delivery.message)
        .header("webhook-timestamp", &now)
        .header("webhook-signature", signature)
        .body(Full::new(Bytes::from(delivery.body.clone())))
        .unwrap();
    Some(sender.send_request(request).await.ok()?.status().as_u16())
}

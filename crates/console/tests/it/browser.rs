//! A browser, as far as the server can tell: it keeps cookies, sends origins, and posts what forms hold.

use std::collections::BTreeMap;

use axum::body::Body;
use http::Request;

use crate::harness::{Answer, World};

/// Cookies, an address, and the server that it looks at.
#[derive(Clone, Debug)]
pub(crate) struct Browser<'a> {
    pub(crate) world: &'a World,
    pub(crate) host: &'static str,
    pub(crate) address: &'static str,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, host: "localhost:8071", address: "127.0.0.1", cookies: BTreeMap::new() }
    }

    fn cookie_line(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = self.world.send(request, self.address).await;
        for line in answer.headers.get_all("set-cookie") {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = Request::get(path).header("host", self.host).header("cookie", self.cookie_line());
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Posts fields to a path, as a page of this server does, with the token of the page `on`.
    pub(crate) async fn post(&mut self, on: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.get(on).await.hidden("csrf");
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        let origin = if self.host.starts_with("localhost") { "http" } else { "https" };
        let origin = format!("{origin}://{}", self.host);
        self.post_from(&origin, path, &all).await
    }

    /// Posts fields from a page of any origin, with nothing added.
    pub(crate) async fn post_from(&mut self, origin: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(path)
            .header("host", self.host)
            .header("cookie", self.cookie_line())
            .header("origin", origin)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        let fields = [("email", email), ("password", password)];
        self.post("/console/sign-in", "/console/sign-in", &fields).await
    }
}

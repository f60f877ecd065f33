//! Hands a request on to a program on this machine or elsewhere, and its answer back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, RETRY_AFTER, TRANSFER_ENCODING};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use ringback_engine::egress::{Connector, DnsResolver, EgressPolicy, TargetUrl, Trust, UrlError};
use ringback_model::Exchange;
use tokio::time::{Instant, timeout_at};

use super::{BODY_MAX, Reply};

/// How long the program may take: as long as a server waits at most.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where requests are handed on to.
#[derive(Debug)]
pub(crate) struct Forward {
    target: TargetUrl,
    connector: Connector,
}

impl Forward {
    /// To this URL. If it has no path, the path of the request is kept; its query is kept always.
    pub(crate) fn to(url: &str) -> Result<Self, UrlError> {
        let target = TargetUrl::parse(url)?;
        // Somebody has named it: its address may be of any network.
        let all = ["0.0.0.0/0", "::/0"].map(|net| net.parse::<IpNet>().expect("it is a network"));
        let policy = EgressPolicy::public().allow(all);
        Ok(Self { target, connector: Connector::new(policy, Arc::new(DnsResolver::system()), Trust::public()) })
    }

    /// What the program answers; 502 with the reason if it does not.
    pub(super) async fn send(&self, head: &Parts, body: Bytes) -> Reply {
        match self.exchange(head, body).await {
            Ok(answer) => {
                let (head, body) = answer.into_parts();
                let mut headers = HeaderMap::new();
                for name in [CONTENT_TYPE, RETRY_AFTER] {
                    headers.extend(head.headers.get(&name).map(|value| (name, value.clone())));
                }
                Reply { status: head.status, body, headers, delay: Duration::ZERO }
            }
            Err(error) => {
                let words =
                    format!("{} did not answer: {error:#}\n", self.target.as_str()).replace("receiver", "program");
                Reply { body: words.into(), ..StatusCode::BAD_GATEWAY.into() }
            }
        }
    }

    async fn exchange(&self, head: &Parts, body: Bytes) -> anyhow::Result<Response<Bytes>> {
        let deadline = Instant::now() + TIMEOUT;
        let connection = self.connector.connect(&self.target, None, deadline, &mut Exchange::default()).await?;
        let (mut sender, driver) = handshake(TokioIo::new(connection.socket)).await?;
        // What goes wrong on it is told to whoever waits for the answer.
        tokio::spawn(async move { drop(driver.await) });
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = self.path_and_query(head).parse()?;
        *request.headers_mut() = head.headers.clone();
        for name in [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            request.headers_mut().remove(name);
        }
        request.headers_mut().insert(HOST, self.target.host_header().clone());
        let answer = timeout_at(deadline, sender.send_request(request)).await??;
        let (head, body) = answer.into_parts();
        let body = timeout_at(deadline, Limited::new(body, BODY_MAX).collect()).await?;
        Ok(Response::from_parts(head, body.map_err(anyhow::Error::from_boxed)?.to_bytes()))
    }

    fn path_and_query(&self, head: &Parts) -> String {
        let own = self.target.path_and_query();
        let path = if own.path() == "/" { head.uri.path() } else { own.path() };
        let queries: Vec<&str> = [own.query(), head.uri.query()].into_iter().flatten().collect();
        if queries.is_empty() { path.to_owned() } else { format!("{path}?{}", queries.join("&")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_the_one_that_was_named_and_no_query_is_lost() {
        for (url, asked, sent) in [
            ("http://a.example", "/hook?x=1", "/hook?x=1"),
            ("http://a.example/in", "/hook?x=1", "/in?x=1"),
            ("http://a.example/in?k=v", "/hook?x=1", "/in?k=v&x=1"),
            ("http://a.example/in", "/", "/in"),
        ] {
            let head = Request::get(asked).body(()).unwrap().into_parts().0;
            assert_eq!(Forward::to(url).unwrap().path_and_query(&head), sent);
        }
    }
}

//! The API over TCP: connections are taken, kept within limits, and ended gracefully.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::Api;

/// How long the head of a request may take to come. It counts from when the connection is free for it, so a connection
/// that is kept open and not used is closed after it too.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest head of a request, and how much of a body is read ahead.
const BUFFER_MAX: usize = 64 * 1_024;
/// How long requests under way may take once the server was told to stop.
const GRACE: Duration = Duration::from_secs(20);
/// How long to wait before the next connection is taken when the machine has no socket left.
const BREATHER: Duration = Duration::from_millis(50);

/// Answers requests that come in over `listener` until `stop` is there; then no connection is taken any more, and those
/// that there are end after the request under way.
pub async fn serve(listener: TcpListener, api: Api, stop: impl Future<Output = ()> + Send) {
    let (stopping, watched) = watch::channel(());
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => drop(tokio::spawn(converse(stream, peer, api.clone(), watched.clone()))),
            Err(error) => {
                // The peer may have gone again, which is nothing; or this machine is out of files, and needs a moment.
                tracing::debug!(%error, "a connection was not taken");
                tokio::time::sleep(BREATHER).await;
            }
        }
    }
    drop((listener, watched));
    // Every connection holds a watch: the channel is closed when the last one has ended.
    stopping.send_replace(());
    if tokio::time::timeout(GRACE, stopping.closed()).await.is_err() {
        tracing::warn!("requests that were still under way are cut off");
    }
}

async fn converse(stream: TcpStream, peer: SocketAddr, api: Api, mut stopping: watch::Receiver<()>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection cannot be set to send at once");
    }
    let service = service_fn(|mut request: http::Request<Incoming>| {
        let api = &api;
        request.extensions_mut().insert(ConnectInfo(peer));
        async move { Ok::<_, Infallible>(api.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(BUFFER_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // Cut off, too slow or not HTTP: what clients do.
        tracing::debug!(%error, "a connection ended early");
    }
}

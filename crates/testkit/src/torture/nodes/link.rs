//! The way from a node to its database, which can be cut as a network is: nothing is refused and nothing is closed, it just
//! does not arrive until the way is there again.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A way to one address. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Link {
    address: SocketAddr,
    is_up: watch::Sender<bool>,
    // Owns all connections.
    _tasks: JoinSet<()>,
}

impl Link {
    /// A way to this address, whether somebody listens there yet or not.
    ///
    /// # Errors
    /// If there is no port to be had.
    pub(super) async fn to(target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port for a link")?;
        let (address, is_up) = (listener.local_addr()?, watch::Sender::new(true));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, target, is_up.subscribe()));
        Ok(Self { address, is_up, _tasks: tasks })
    }

    /// Where it begins.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on nothing gets through, in either direction.
    pub(super) fn cut(&self) {
        self.is_up.send_replace(false);
    }

    /// What was held arrives, and all that comes after it.
    pub(super) fn mend(&self) {
        self.is_up.send_replace(true);
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, is_up: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(carry(stream, target, is_up.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries what both sides of a connection say, until one of them ends it.
async fn carry(near: TcpStream, target: SocketAddr, mut is_up: watch::Receiver<bool>) {
    if is_up.wait_for(|up| *up).await.is_err() {
        return;
    }
    #[expect(clippy::disallowed_methods, reason = "the harness connects to its own database on loopback")]
    let connected = TcpStream::connect(target).await;
    let Ok(far) = connected else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::join!(pump(near_in, far_out, is_up.clone()), pump(far_in, near_out, is_up));
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut is_up: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if is_up.wait_for(|up| *up).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    // An end is news, too.
    if is_up.wait_for(|up| *up).await.is_ok() {
        drop(to.shutdown().await);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_way_that_is_cut_holds_what_is_sent_until_it_is_mended() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let link = Link::to(listener.local_addr().unwrap()).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "it is on loopback")]
        let mut near = TcpStream::connect(link.address()).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        let mut byte = [0];
        near.write_all(b"a").await.unwrap();
        far.read_exact(&mut byte).await.unwrap();
        link.cut();
        near.write_all(b"b").await.unwrap();
        let held = tokio::time::timeout(Duration::from_millis(50), far.read_exact(&mut byte)).await;
        assert!(held.is_err(), "it came through");
        link.mend();
        far.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"b");
        drop(near);
        assert_eq!(far.read(&mut byte).await.unwrap(), 0, "the end is passed on");
    }
}

//! A connection between the store and the server that is cut at the worst moment: around a commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a commit looks on its way to the server.
const COMMIT: &[u8] = b"COMMIT\0";
/// One commit in so many is cut off.
const EVERY: u32 = 7;

/// Listens on a port and passes everything on to the server, but for what it cuts off.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    cuts: Arc<AtomicU32>,
}

/// Where a connection is cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The server never sees the commit.
    Before,
    /// The server is still at it.
    During,
    /// The server has committed, and its answer gets lost.
    After,
}

impl Proxy {
    pub(crate) async fn start(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (commits, cuts) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let counted = cuts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, server, commits.clone(), counted.clone()));
            }
        });
        Self { port, cuts }
    }

    /// How many commits were cut off.
    pub(crate) fn cuts(&self) -> u32 {
        self.cuts.load(Ordering::Relaxed)
    }
}

async fn pass_on(mut client: TcpStream, server: u16, commits: Arc<AtomicU32>, cuts: Arc<AtomicU32>) {
    #[expect(clippy::disallowed_methods, reason = "it leads to the test's own server")]
    let connected = TcpStream::connect(("127.0.0.1", server)).await;
    let Ok(mut server) = connected else { return };
    let (mut asked, mut answered) = (vec![0; 1 << 20], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let asked = &asked[..length];
                let commit = asked.windows(COMMIT.len()).position(|window| window == COMMIT);
                if let Some(at) = commit {
                    let number = commits.fetch_add(1, Ordering::Relaxed);
                    if number % EVERY == EVERY - 1 {
                        let cut = [Cut::Before, Cut::During, Cut::After][number as usize / EVERY as usize % 3];
                        cuts.fetch_add(1, Ordering::Relaxed);
                        return cut_off(&mut server, asked, at, cut).await;
                    }
                }
                if server.write_all(asked).await.is_err() { return }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() { return }
            }
        }
    }
}

/// Passes on what comes before the cut. The client sees nothing but the end of its connection.
async fn cut_off(server: &mut TcpStream, asked: &[u8], commit: usize, cut: Cut) {
    // The commit is a message of its own: a letter and a length come before its text.
    let passed = if matches!(cut, Cut::Before) { &asked[..commit - 5] } else { asked };
    if server.write_all(passed).await.is_ok() && matches!(cut, Cut::After) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

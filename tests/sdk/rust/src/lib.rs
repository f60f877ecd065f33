//! The server under test, the real binary with a store of its own in a temporary folder; and a receiver of webhooks.

mod every_method;

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub use every_method::never_called;

/// How long anything may take; a failure, not a measure.
const LIMIT: Duration = Duration::from_secs(30);

/// A running server. It is ended when this is dropped.
pub struct Server {
    pub url: String,
    pub token: String,
    child: Child,
    folder: PathBuf,
}

impl Server {
    /// Starts it on a free port.
    pub fn start(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ringback-sdk-rust-{}-{name}", std::process::id()));
        let store = format!("sqlite:{}", folder.display());
        let mut child = program("serve")
            .args(["--listen", "127.0.0.1:0", "--store", &store, "--egress-allow", "127.0.0.0/8"])
            .args(["--retry-schedule", "200ms,200ms,5m", "--log", "error"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("RINGBACK_BIN is a server that starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines.find_map(|line| line.unwrap().strip_prefix("Ringback listens on ").map(str::to_owned));
        let token = program("token").args(["--store", &store]).output().unwrap();
        let token = String::from_utf8(token.stdout).unwrap().trim().to_owned();
        Self { url: url.expect("it says where it listens"), token, child, folder }
    }

    /// Makes a polling endpoint of an application: the first generation of the client reads from one, and cannot make it.
    pub fn polling_endpoint(&self, app: &str) -> String {
        let body = r#"{"type":"pollingEndpoint","config":{}}"#;
        let address = self.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let (token, length) = (&self.token, body.len());
        write!(
            stream,
            "POST /api/v1/app/{app}/destination HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let made: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        made["id"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

/// The program, with none of the settings of the shell that the tests run in.
fn program(command: &str) -> Command {
    let mut program = Command::new(std::env::var_os("RINGBACK_BIN").expect("RINGBACK_BIN names the server"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RINGBACK_")) {
        program.env_remove(name);
    }
    program.arg(command);
    program
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

/// A request as it arrived.
#[derive(Clone)]
pub struct Arrival {
    pub path: String,
    pub headers: http::HeaderMap,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Seen {
    arrivals: Vec<Arrival>,
    /// What is answered next at a path; 200 behind that.
    statuses: HashMap<String, VecDeque<u16>>,
}

/// A receiver of webhooks.
#[derive(Clone)]
pub struct Receiver {
    address: SocketAddr,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Receiver {
    /// Starts it on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let receiver = Self { address: listener.local_addr().unwrap(), seen: Arc::default() };
        let of_thread = receiver.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let receiver = of_thread.clone();
                std::thread::spawn(move || receiver.serve(stream));
            }
        });
        receiver
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers the next requests at a path with these statuses.
    pub fn answer(&self, path: &str, statuses: &[u16]) {
        self.seen.0.lock().unwrap().statuses.insert(path.to_owned(), statuses.iter().copied().collect());
    }

    /// What has arrived at a path, as soon as there are so many.
    pub fn wait_for(&self, path: &str, count: usize) -> Vec<Arrival> {
        let began = Instant::now();
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            let at: Vec<_> = seen.arrivals.iter().filter(|arrival| arrival.path == path).cloned().collect();
            if at.len() >= count {
                return at;
            }
            assert!(began.elapsed() < LIMIT, "{} of {count} have arrived at {path}", at.len());
            seen = self.seen.1.wait_timeout(seen, Duration::from_secs(1)).unwrap().0;
        }
    }

    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(arrival) = read(&mut reader) {
            let status = {
                let mut seen = self.seen.0.lock().unwrap();
                let status = seen.statuses.get_mut(&arrival.path).and_then(VecDeque::pop_front).unwrap_or(200);
                seen.arrivals.push(arrival);
                self.seen.1.notify_all();
                status
            };
            if write!(reader.get_mut(), "HTTP/1.1 {status} X\r\ncontent-length: 8\r\n\r\nreceived").is_err() {
                return;
            }
        }
    }
}

/// The next request on a connection.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Arrival> {
    let (mut first, mut line, mut headers) = (String::new(), String::new(), http::HeaderMap::new());
    reader.read_line(&mut first).ok().filter(|length| *length > 0)?;
    while reader.read_line(&mut line).ok()? > 2 {
        let (name, value) = line.split_once(':')?;
        headers.append(http::HeaderName::try_from(name).ok()?, value.trim().try_into().ok()?);
        line.clear();
    }
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Arrival { path: first.split(' ').nth(1)?.to_owned(), headers, body })
}

/// A word that nothing else has.
pub fn unique(prefix: &str) -> String {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    format!("{prefix}-{}", NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

/// What `find` gives, as soon as it gives something.
pub async fn eventually<T, F: Future<Output = Option<T>>>(mut find: impl FnMut() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = find().await {
            return found;
        }
        assert!(began.elapsed() < LIMIT, "not within {} s", LIMIT.as_secs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

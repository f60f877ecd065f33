//! A throw-away server of one test, which it may stop, kill and start again.

use std::net::TcpStream;
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use tempfile::TempDir;

use super::programs::{Programs, Running, free_port, wait_for};

/// A cluster in a temporary folder, with its server.
#[derive(Debug)]
pub(crate) struct Cluster {
    // Above the folder, so that it has ended when its files go.
    server: Option<Running>,
    programs: Programs,
    folder: TempDir,
    port: u16,
}

impl Cluster {
    /// A fresh one that is running; none where PostgreSQL is not installed.
    pub(crate) fn start() -> Option<Self> {
        let programs = Programs::find()?;
        let folder = tempfile::Builder::new().prefix("ringback-postgres-").tempdir().unwrap();
        programs.give(folder.path());
        init(&programs, &data(folder.path()));
        let mut cluster = Self { server: None, programs, folder, port: free_port() };
        cluster.up();
        Some(cluster)
    }

    /// Starts the server.
    pub(crate) fn up(&mut self) {
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(self.data()).args(settings(self.port));
        let mut server = Running::start(&mut command);
        wait_for("the start of the server", || {
            // After a kill the server's children hold its memory for a moment, and a new one gives up.
            if server.has_ended() {
                server = Running::start(&mut command);
            }
            is_up(&self.programs, self.port)
        });
        self.server = Some(server);
    }

    /// Ends the server: fast (`INT`), immediately (`QUIT`) or without a chance to do anything (`KILL`).
    pub(crate) fn down(&mut self, signal: Signal) {
        if let Some(mut server) = self.server.take() {
            server.end(signal);
        }
    }

    /// Where its files are.
    pub(crate) fn data(&self) -> PathBuf {
        data(self.folder.path())
    }

    /// The port that the server listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where a database of it is.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

/// Where a cluster keeps its files in a folder.
pub(crate) fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// Makes a cluster.
pub(crate) fn init(programs: &Programs, data: &Path) {
    let mut command = programs.command("initdb");
    command.arg("-D").arg(data);
    command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]);
    assert!(command.status().unwrap().success(), "initdb fails");
}

/// What a server of a test is started with. It has no sockets but those of TCP, as any user may run the tests.
pub(crate) fn settings(port: u16) -> Vec<String> {
    let port = format!("port={port}");
    ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200", "shared_buffers=64MB", &port]
        .into_iter()
        .flat_map(|setting| ["-c".to_owned(), setting.to_owned()])
        .collect()
}

/// Whether a server takes connections.
pub(crate) fn is_up(programs: &Programs, port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok() && {
        let mut command = programs.command("pg_isready");
        command.args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()]);
        command.status().unwrap().success()
    }
}

//! How the parts are put together: store, way out, service, API and engine, and how they are stopped again.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use ringback_api::{Api, Hosts};
use ringback_engine::egress::{Connector, DnsResolver, EgressPolicy, Trust};
use ringback_engine::transport::Transport;
use ringback_engine::{Engine, EngineOptions, Probe, SystemClock, SystemRandom, Transformer};
use ringback_model::{Clock, Random};
use ringback_service::{Monitor, MonitorParts, Service, ServiceParts, TokenKey};
use ringback_store::Directory;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::ServeConfig;
use crate::keys;
use crate::store::OpenStore;
use crate::telemetry::Telemetry;
use crate::url_rules::EgressRules;

/// How long what is under way may take when the server stops: the longest timeout that an endpoint can have, and one
/// second to record the outcome.
const GRACE: Duration = Duration::from_secs(31);

/// The store takes no more writes, so the process stops.
#[derive(Debug, thiserror::Error)]
#[error("the store is broken and takes no more writes: {0}")]
pub(crate) struct StoreBroken(pub(crate) Arc<str>);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    /// Where people find it.
    url: String,
    admin_address: Option<SocketAddr>,
    store: OpenStore,
    engine: Engine,
    probe: Arc<Probe>,
    /// Reads words for the search, does background tasks, lets go of what is old, and tells what was noticed.
    background: JoinHandle<()>,
    service: Arc<Service>,
    monitor: Arc<Monitor>,
    api: Listener,
    /// The operator's own listener, if there is one.
    admin: Option<Listener>,
    telemetry: Option<Telemetry>,
}

/// A listener that serves.
#[derive(Debug)]
struct Listener {
    task: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Listener {
    fn start(listener: TcpListener, api: Api) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(ringback_api::serve(listener, api, async {
            // An error is the sender being dropped, which is the end as well.
            stopped.await.ok();
        }));
        Self { task, stop }
    }

    /// Takes no more connections, and waits until those that there are have ended.
    async fn stop(self) -> anyhow::Result<()> {
        // Nobody to receive it: it has ended already.
        self.stop.send(()).ok();
        self.task.await.context("a listener has panicked")
    }
}

/// The runtime that everything runs on.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    // The store's writer is as busy as all else together: a core of its own spares both sides the switching.
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let workers = cores.saturating_sub(1).max(1);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// This program, also after another one was put in its place.
fn own_program() -> anyhow::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        return Ok(PathBuf::from("/proc/self/exe"));
    }
    std::env::current_exe().context("cannot tell which program this is")
}

impl Server {
    /// Starts all parts. When this returns, the API answers and due deliveries are under way.
    ///
    /// # Errors
    /// What is in the way, in words for the operator.
    pub(crate) async fn start(config: ServeConfig) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let random: Arc<dyn Random> = Arc::new(SystemRandom::new());
        let tokens = TokenKey::new(keys::token_secret(&config.access, &*random)?);
        let (store, feed) = OpenStore::open(
            &config.access.store,
            config.migrate_url,
            &config.master_key_file,
            random.clone(),
            clock.clone(),
        )
        .await?;
        let port = store.port();
        let directory = Arc::new(Directory::new(port.clone()));

        let listener = listen(config.listen, "--listen").await?;
        let address = listener.local_addr()?;
        let admin_listener = listen_for_the_operator(config.admin_listen).await?;
        let admin_address = admin_listener.as_ref().map(TcpListener::local_addr).transpose()?;
        let policy = EgressPolicy::public()
            .allow(config.egress_allow)
            .https_only(config.https_only)
            .listeners([address].into_iter().chain(admin_address));
        let connector = Connector::new(policy, Arc::new(DnsResolver::system()), Trust::public());
        let connector = Arc::new(connector.through(config.egress_proxy));
        let transport = Arc::new(Transport::new(connector.clone()));

        let transformer = Arc::new(Transformer::apart(own_program()?));
        let probe = Arc::new(Probe::new(connector.clone()).with_transformer(transformer.clone()));
        let service = Service::new(ServiceParts {
            store: port.clone(),
            directory: directory.clone(),
            clock: clock.clone(),
            random: random.clone(),
            urls: Arc::new(EgressRules(connector)),
            probe: probe.clone(),
            tokens,
            issuer: config.issuer,
        });
        let origin = config.public_url.map(|url| url.origin);
        let service = Arc::new(
            service.with_management(config.management_org).with_public_url(origin.clone()).with_alerts(config.alerts),
        );
        let options = EngineOptions {
            store: port.clone(),
            directory: directory.clone(),
            feed,
            transport,
            clock: clock.clone(),
            random,
            retry: config.retry,
            transformer,
            node: node_name(address),
        };
        let engine = Engine::start_telling(options, Some(service.noticed()));
        let background = tokio::spawn(work_in_the_background(service.clone()));
        let pending = service.pending_count();
        let watched = MonitorParts { store: port, directory, engine: engine.watch(), pending, clock };
        let monitor = Arc::new(Monitor::new(watched));
        let api = Api::new(service.clone())
            .for_hosts(Hosts::new(config.hosts))
            .with_routes(ringback_console::routes(service.clone()));
        let figures = api.figures(monitor.clone());
        let telemetry = config.telemetry.map(|config| Telemetry::start(config, figures, &node_name(address)));
        let (api, admin) = serve_both((listener, api), admin_listener, &monitor);
        let url = origin.unwrap_or_else(|| format!("http://{address}"));
        Ok(Self {
            address,
            url,
            admin_address,
            store,
            engine,
            probe,
            background,
            service,
            monitor,
            api,
            admin,
            telemetry,
        })
    }

    /// Where the API listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people find it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where metrics and readiness are served, if that is not where the API listens.
    pub(crate) fn admin_address(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// The use cases, for a program that runs in the same process.
    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    /// Waits until the store breaks; for ever as long as all is well.
    pub(crate) async fn broken(&self) -> StoreBroken {
        StoreBroken(self.store.broken().await)
    }

    /// Stops: no more connections and no more attempts; what is under way is finished and recorded.
    ///
    /// # Errors
    /// [`StoreBroken`] if that is what happens on the way.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let Self {
            address: _,
            url: _,
            admin_address: _,
            store,
            engine,
            probe,
            background,
            service,
            monitor,
            api,
            admin,
            telemetry,
        } = self;
        monitor.stopping();
        // Words are read again at the next start, tasks go on where they were, and what was noticed is told then.
        background.abort();
        // What it holds of the store is let go.
        drop(service);
        // A handshake that is cut off here is made again when somebody asks for it.
        probe.stop();
        tokio::select! {
            // The API has a grace of its own, which is shorter.
            (api, ()) = async { tokio::join!(api.stop(), engine.stop(GRACE)) } => api?,
            reason = store.broken() => return Err(StoreBroken(reason).into()),
        }
        if let Some(telemetry) = telemetry {
            telemetry.stop().await;
        }
        // Last, so that whoever looks sees that the server stops.
        if let Some(admin) = admin {
            admin.stop().await?;
        }
        drop(monitor);
        store.close().await
    }
}

/// What people know this server by among others: the machine, and the port.
fn node_name(address: SocketAddr) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = host.trim();
    format!("{}:{}", if host.is_empty() { "server" } else { host }, address.port())
}

/// Listens on an address that this flag has named.
async fn listen(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            bail!("cannot listen on {address}: the port is taken (choose another with {flag})")
        }
        bound => bound.with_context(|| format!("cannot listen on {address}")),
    }
}

/// Serves the API, and metrics and readiness beside it or on a listener of their own.
fn serve_both(
    (listener, api): (TcpListener, Api),
    admin: Option<TcpListener>,
    monitor: &Arc<Monitor>,
) -> (Listener, Option<Listener>) {
    match admin {
        Some(admin) => {
            let admin = Listener::start(admin, api.monitor(monitor.clone()));
            (Listener::start(listener, api), Some(admin))
        }
        None => (Listener::start(listener, api.with_monitor(monitor.clone())), None),
    }
}

/// Reads words for the search, does background tasks, lets go of what is old, and tells what was noticed, by e-mail
/// too.
async fn work_in_the_background(service: Arc<Service>) {
    tokio::join!(
        service.read_words(),
        service.clone().run_tasks(),
        service.let_go(),
        service.tell_notices(),
        service.send_alerts()
    );
}

/// The listener of the operator alone, if the configuration asks for one.
async fn listen_for_the_operator(address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    match address {
        Some(address) => Ok(Some(listen(address, "--admin-listen").await?)),
        None => Ok(None),
    }
}

//! The cache of configuration: what matching and sending read, without a look at the disk.
//!
//! An entry is one application with all of its living endpoints, as they stood at one version. It is loaded at first
//! use, bounded in number, and dropped when a commit changes it, to be loaded with what changed alone; whoever holds an old one finds out at `accept`, which
//! refuses an old version inside its commit.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use indexmap::IndexMap;
use ringback_model::{
    AppNo, Application, ApplicationSecrets, Endpoint, EndpointNo, EndpointSecrets, OrgNo, OrganizationSettings, Poller,
    PollerNo, ReportMapping, Schema,
};
use serde::Deserialize;

use crate::takers::Takers;
use crate::{Configuration, Direction, Document, DocumentKind, DocumentPage, KnownVersions, Paging, Store, StoreError};

/// Applications that are kept at most.
const APPLICATIONS: usize = 20_000;
/// Organizations whose settings are kept at most.
const ORGANIZATIONS: usize = 20_000;
/// Event types that are read at a time.
const EVENT_TYPES_PER_LOOK: usize = 500;

/// One endpoint's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Its number.
    pub no: EndpointNo,
    /// Its application's number.
    pub app: AppNo,
    /// Its version.
    pub version: i64,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Its document.
    pub endpoint: Endpoint,
    /// Its secrets.
    pub secrets: EndpointSecrets,
}

/// One application's configuration.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Its number.
    pub no: AppNo,
    /// Its organization's number.
    pub org: OrgNo,
    /// The version of all of it: rises when the application or any of its endpoints changes.
    pub version: i64,
    /// The version of the application's own document.
    pub document_version: i64,
    /// Its document.
    pub application: Application,
    /// Its secrets.
    pub secrets: ApplicationSecrets,
    /// What holds for its organization.
    pub settings: Arc<OrganizationSettings>,
    /// What it gets depends for some endpoint on the report that a message carries.
    pub reads_reports: bool,
    /// Its living endpoints, by number.
    pub endpoints: Vec<Arc<EndpointConfig>>,
    /// Its living pollers, by id.
    pub pollers: Vec<PollerConfig>,
    takers: Takers,
}

/// A poller as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollerConfig {
    /// Its number.
    pub no: PollerNo,
    /// Rises with every change.
    pub version: i64,
    /// Its document.
    pub poller: Poller,
}

impl PollerConfig {
    /// Reads it out of its document.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`].
    pub fn read(document: &Document) -> Result<Self, StoreError> {
        let corrupt = |source: serde_json::Error| StoreError::Corrupt { what: "poller", source: source.into() };
        let poller = serde_json::from_str(&document.body).map_err(corrupt)?;
        Ok(Self { no: PollerNo(document.no), version: document.version, poller })
    }
}

impl AppConfig {
    /// Reads it out of what the store has found, with what has not changed out of the entry before.
    fn read(
        found: &Configuration,
        before: Option<&Self>,
        settings: Arc<OrganizationSettings>,
    ) -> Result<Self, StoreError> {
        let document = &found.application;
        let corrupt = |source: serde_json::Error| StoreError::Corrupt { what: "application", source: source.into() };
        let (new_endpoints, new_pollers): (Vec<_>, Vec<_>) =
            found.parts.iter().partition(|part| part.kind == DocumentKind::Endpoint);
        let read = new_endpoints.into_iter().map(|endpoint| EndpointConfig::read(endpoint).map(Arc::new));
        let mut endpoints = read.collect::<Result<Vec<_>, _>>()?;
        let mut pollers = new_pollers.into_iter().map(PollerConfig::read).collect::<Result<Vec<_>, _>>()?;
        if let Some(before) = before {
            let unchanged: HashSet<i64> = found.unchanged.iter().copied().collect();
            endpoints.extend(before.endpoints.iter().filter(|kept| unchanged.contains(&kept.no.0)).cloned());
            pollers.extend(before.pollers.iter().filter(|kept| unchanged.contains(&kept.no.0)).cloned());
        }
        endpoints.sort_unstable_by_key(|config| config.no);
        pollers.sort_unstable_by_key(|config| config.poller.id);
        Ok(Self {
            no: AppNo(document.no),
            org: OrgNo(document.parent),
            version: found.version,
            document_version: document.version,
            application: serde_json::from_str(&document.body).map_err(corrupt)?,
            secrets: match &document.secret {
                Some(secret) => serde_json::from_str(secret.reveal()).map_err(corrupt)?,
                None => ApplicationSecrets::default(),
            },
            settings,
            reads_reports: endpoints.iter().any(|config| config.endpoint.reads_reports()),
            takers: Takers::new(&endpoints),
            endpoints,
            pollers,
        })
    }

    /// The versions of its endpoints and pollers.
    fn versions(&self) -> KnownVersions {
        let endpoints = self.endpoints.iter().map(|config| (config.no.0, config.version));
        endpoints.chain(self.pollers.iter().map(|config| (config.no.0, config.version))).collect()
    }

    /// The living endpoint with this number.
    #[must_use]
    pub fn endpoint(&self, no: EndpointNo) -> Option<&Arc<EndpointConfig>> {
        self.endpoints.binary_search_by_key(&no, |e| e.no).ok().map(|at| &self.endpoints[at])
    }

    /// The endpoints that may get a message of this type with these channels, whose report is of this number, by number.
    /// All that do are among them; whether one does is for its filters to say.
    pub fn takers(
        &self,
        event_type: &str,
        channels: &[String],
        number: Option<&str>,
    ) -> impl Iterator<Item = &EndpointConfig> {
        self.takers.of(event_type, channels, number).into_iter().map(|place| &*self.endpoints[place])
    }

    /// The living poller with this id or uid.
    #[must_use]
    pub fn poller_by_name(&self, id_or_uid: &str) -> Option<&PollerConfig> {
        let is_it = |poller: &Poller| poller.uid.as_deref() == Some(id_or_uid) || poller.id.to_string() == id_or_uid;
        self.pollers.iter().find(|config| is_it(&config.poller))
    }

    /// The living endpoint with this id or uid.
    #[must_use]
    pub fn endpoint_by_name(&self, id_or_uid: &str) -> Option<&Arc<EndpointConfig>> {
        let id = id_or_uid.parse().ok();
        self.endpoints
            .iter()
            .find(|e| Some(e.endpoint.id) == id)
            .or_else(|| self.endpoints.iter().find(|e| e.endpoint.uid.as_deref() == Some(id_or_uid)))
    }
}

impl EndpointConfig {
    /// Whether nothing is sent any more, not even what was pending when it was deleted.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.deleted && !self.endpoint.drains
    }

    /// Reads a document of an endpoint.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it cannot be read.
    pub fn read(document: &Document) -> Result<Self, StoreError> {
        let corrupt = |source: serde_json::Error| StoreError::Corrupt { what: "endpoint", source: source.into() };
        Ok(Self {
            no: EndpointNo(document.no),
            app: AppNo(document.parent),
            version: document.version,
            deleted: document.deleted_at.is_some(),
            endpoint: serde_json::from_str(&document.body).map_err(corrupt)?,
            secrets: match &document.secret {
                Some(secret) => serde_json::from_str(secret.reveal()).map_err(corrupt)?,
                None => EndpointSecrets::default(),
            },
        })
    }
}

type Mappings = IndexMap<String, ReportMapping>;
type Schemas = IndexMap<String, Schema>;

/// The newest of several schemas by version.
fn newest(schemas: &str) -> Option<Schema> {
    let by_version: IndexMap<String, serde_json::Value> = serde_json::from_str(schemas).ok()?;
    by_version.into_iter().max_by_key(|(version, _)| version.parse::<u64>().ok()).map(|(_, newest)| Schema::new(newest))
}

/// The cache over a store.
#[derive(Debug)]
pub struct Directory {
    store: Arc<dyn Store>,
    cache: RwLock<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    apps: HashMap<AppNo, Arc<AppConfig>>,
    /// What was dropped because it changed: of its endpoints those that did are read anew, and no others.
    changed: HashMap<AppNo, Arc<AppConfig>>,
    /// Settings by organization, with the version of its document that they were read at.
    settings: HashMap<OrgNo, (i64, Arc<OrganizationSettings>)>,
    /// Ids and uids that were looked up, by organization.
    names: HashMap<OrgNo, HashMap<String, AppNo>>,
    /// Rises whenever an entry is dropped, so that a load that began before is not kept.
    drops: u64,
}

impl Cache {
    /// Drops an application and the names it is known by: they are its own, as of the entry that is dropped.
    fn remove(&mut self, app: AppNo) {
        let Some(gone) = self.apps.remove(&app) else { return };
        if let Some(names) = self.names.get_mut(&gone.org) {
            names.remove(&gone.application.id.to_string());
            if let Some(uid) = &gone.application.uid {
                names.remove(uid);
            }
        }
        if self.changed.len() >= APPLICATIONS {
            self.changed.clear();
        }
        self.changed.insert(app, gone);
    }
}

impl Directory {
    /// An empty cache.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, cache: RwLock::default() }
    }

    /// An application's configuration, from memory or from the store; `None` if it does not exist or was deleted.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn app(&self, no: AppNo) -> Result<Option<Arc<AppConfig>>, StoreError> {
        let drops = {
            let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(app) = cache.apps.get(&no) {
                return Ok(Some(app.clone()));
            }
            cache.drops
        };
        self.load(no, drops).await
    }

    /// The application of an organization with this id or uid. A miss reads the store before it answers.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn app_by_name(&self, org: OrgNo, id_or_uid: &str) -> Result<Option<Arc<AppConfig>>, StoreError> {
        {
            let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
            let no = cache.names.get(&org).and_then(|names| names.get(id_or_uid));
            if let Some(app) = no.and_then(|no| cache.apps.get(no)) {
                return Ok(Some(app.clone()));
            }
        }
        let kind = DocumentKind::Application;
        let found = match self.store.document_by_key(kind, org.0, id_or_uid.to_owned()).await? {
            Some(found) => Some(found),
            None => self.store.document_by_uid(kind, org.0, id_or_uid.to_owned()).await?,
        };
        let Some(found) = found else { return Ok(None) };
        let app = self.app(AppNo(found.no)).await?;
        if let Some(app) = &app
            && (app.application.uid.as_deref() == Some(id_or_uid) || found.key == id_or_uid)
        {
            let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
            if cache.apps.get(&app.no).is_some_and(|kept| Arc::ptr_eq(kept, app)) {
                cache.names.entry(org).or_default().insert(id_or_uid.to_owned(), app.no);
            }
        }
        Ok(app)
    }

    /// An endpoint's configuration, deleted or not, if it ever was.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn endpoint(&self, app: AppNo, no: EndpointNo) -> Result<Option<Arc<EndpointConfig>>, StoreError> {
        if let Some(config) = self.app(app).await?.and_then(|app| app.endpoint(no).cloned()) {
            return Ok(Some(config));
        }
        match self.store.document(no.0).await? {
            Some(document) if document.kind.is_endpoint() => {
                EndpointConfig::read(&document).map(|config| Some(Arc::new(config)))
            }
            Some(_) | None => Ok(None),
        }
    }

    /// Drops what is kept of an application: it has changed.
    pub fn forget(&self, app: AppNo) {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.drops += 1;
        cache.remove(app);
    }

    /// Drops everything: what holds for an organization, and so for all of its applications, has changed.
    pub fn forget_all(&self) {
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        cache.drops += 1;
        let dropped: Vec<_> = cache.apps.keys().copied().collect();
        dropped.into_iter().for_each(|app| cache.remove(app));
        cache.settings.clear();
        cache.names.clear();
    }

    /// What holds for an organization: its document, with what its event types say of reports. Whoever changes either
    /// raises the version of the document.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn settings(&self, org: OrgNo) -> Result<Arc<OrganizationSettings>, StoreError> {
        let corrupt = |source: serde_json::Error| StoreError::Corrupt { what: "organization", source: source.into() };
        let Some(document) = self.store.document(org.0).await? else { return Ok(Arc::default()) };
        {
            let cache = self.cache.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((version, settings)) = cache.settings.get(&org)
                && *version == document.version
            {
                return Ok(settings.clone());
            }
        }
        // The document was read first: what is put beside its version here is never older than that.
        let settings: OrganizationSettings = serde_json::from_str(&document.body).map_err(corrupt)?;
        let (report_mappings, schemas) = self.event_types(org, settings.validate_payloads).await?;
        let settings = Arc::new(OrganizationSettings {
            report_mappings: Arc::new(report_mappings),
            schemas: Arc::new(schemas),
            ..settings
        });
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.settings.len() >= ORGANIZATIONS {
            cache.settings.clear();
        }
        cache.settings.insert(org, (document.version, settings.clone()));
        Ok(settings)
    }

    /// How the producer's own JSON becomes a report, by event type; and their schemas, if they are wanted.
    async fn event_types(&self, org: OrgNo, with_schemas: bool) -> Result<(Mappings, Schemas), StoreError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct EventTypeParts {
            #[serde(default)]
            archived: bool,
            #[serde(default)]
            report_mapping: ReportMapping,
            #[serde(default)]
            schemas: Option<String>,
        }
        let corrupt = |source: serde_json::Error| StoreError::Corrupt { what: "event type", source: source.into() };
        let (mut mappings, mut all_schemas) = (Mappings::new(), Schemas::new());
        let mut after = None;
        loop {
            let paging = Paging { limit: EVENT_TYPES_PER_LOOK, after, direction: Direction::Ascending };
            let page = DocumentPage { kind: DocumentKind::EventType, parent: org.0, paging };
            let found = self.store.documents(page).await?;
            for document in &found {
                let EventTypeParts { archived, report_mapping, schemas } =
                    serde_json::from_str(&document.body).map_err(corrupt)?;
                // Deleted: it says nothing any more, until somebody makes it again.
                if archived {
                    continue;
                }
                if !report_mapping.is_empty() {
                    mappings.insert(document.key.clone(), report_mapping);
                }
                if let Some(schema) = schemas.filter(|_| with_schemas).and_then(|schemas| newest(&schemas)) {
                    all_schemas.insert(document.key.clone(), schema);
                }
            }
            match found.last() {
                Some(last) if found.len() == EVENT_TYPES_PER_LOOK => after = Some(last.key.clone()),
                Some(_) | None => return Ok((mappings, all_schemas)),
            }
        }
    }

    async fn load(&self, no: AppNo, drops: u64) -> Result<Option<Arc<AppConfig>>, StoreError> {
        let before = self.cache.read().unwrap_or_else(PoisonError::into_inner).changed.get(&no).cloned();
        let known = before.as_ref().map(|before| before.versions()).unwrap_or_default();
        let is_living =
            |document: &Document| document.kind == DocumentKind::Application && document.deleted_at.is_none();
        let found = self.store.configuration(no, known).await?.filter(|found| is_living(&found.application));
        let Some(found) = found else {
            self.cache.write().unwrap_or_else(PoisonError::into_inner).changed.remove(&no);
            return Ok(None);
        };
        let settings = self.settings(OrgNo(found.application.parent)).await?;
        let app = Arc::new(AppConfig::read(&found, before.as_deref(), settings)?);
        let mut cache = self.cache.write().unwrap_or_else(PoisonError::into_inner);
        if cache.drops == drops {
            if cache.apps.len() >= APPLICATIONS {
                // Rare, and cheap to load again: an exact order of use would cost every look-up.
                cache.apps.clear();
                cache.names.clear();
            }
            cache.remove(no);
            cache.changed.remove(&no);
            cache.apps.insert(no, app.clone());
        }
        Ok(Some(app))
    }
}

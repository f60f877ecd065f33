//! What the pump has to know of an endpoint before it sends anything to it.

use std::sync::Arc;

use ringback_model::{AppNo, EndpointNo, Health, RetryPolicy};
use ringback_store::{Directory, LaneStart, Store, StoreError};

use crate::route::Route;
use crate::scheduler::LanePolicy;

/// What the store knows of an endpoint's lane: its health as it was last written, and whether deliveries are held.
pub(crate) async fn lane(store: &dyn Store, endpoint: EndpointNo) -> Result<LaneStart, StoreError> {
    let found = store.lanes(EndpointNo(endpoint.0 - 1), 1).await?;
    let known = found.first().filter(|lane| lane.endpoint == endpoint).copied();
    Ok(known.unwrap_or(LaneStart { endpoint, health: Health::default(), held: false }))
}

/// What an endpoint wants and how to reach it; `None` if it never was or cannot be used.
pub(crate) async fn read(
    store: &dyn Store,
    directory: &Directory,
    retry: &RetryPolicy,
    endpoint: EndpointNo,
    app: Option<AppNo>,
) -> Result<Option<(LanePolicy, Arc<Route>)>, StoreError> {
    let app = match app {
        Some(app) => app,
        None => match store.document(endpoint.0).await? {
            Some(document) => AppNo(document.parent),
            None => return Ok(None),
        },
    };
    let Some(config) = directory.endpoint(app, endpoint).await? else { return Ok(None) };
    let app = directory.app(app).await?;
    let app_rate = app.as_ref().and_then(|app| app.application.throttle_rate);
    // A deleted application takes its endpoints with it.
    let deleted = config.is_gone() || app.is_none();
    let policy = LanePolicy::new(config.app, app_rate, &config.endpoint, deleted);
    let settings = app.as_ref().map(|app| app.settings.clone()).unwrap_or_default();
    match Route::new(config, &settings, retry) {
        Ok(route) => Ok(Some((policy, Arc::new(route)))),
        Err(error) => {
            tracing::error!(?error, endpoint = endpoint.0, "an endpoint's stored configuration cannot be used");
            Ok(None)
        }
    }
}

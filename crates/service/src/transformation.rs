//! Transformations of endpoints: read, changed and tried out.

use indexmap::IndexMap;
use ringback_model::{CODE_MAX, Endpoint, EndpointSecrets, Redacted, Timestamp, Transformation};
use ringback_store::Idempotency;
use ringback_wire::RenderError;

use crate::check::Faults;
use crate::exchange::request_view;
use crate::probe::{masked, route_of};
use crate::{Actor, ProbeEvent, RequestView, Right, Service, ServiceError};

/// Variables that a transformation may have.
const VARIABLES_MAX: usize = 50;
/// The longest name of a variable, in bytes.
const NAME_MAX: usize = 64;
/// The longest value of a variable, in bytes.
const VALUE_MAX: usize = 4_096;

/// What is to be changed about a transformation; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransformationChange {
    /// The code; none takes it away.
    pub code: Option<Option<Redacted>>,
    /// Whether it is run.
    pub enabled: Option<bool>,
    /// All of its variables.
    pub variables: Option<IndexMap<String, Redacted>>,
}

/// A transformation to try, on an event.
#[derive(Clone, Debug)]
pub struct TransformationTrial {
    /// The code; that of the endpoint if absent, whether it is run or not.
    pub code: Option<Redacted>,
    /// Its variables; those of the endpoint if absent.
    pub variables: Option<IndexMap<String, Redacted>>,
    /// The event.
    pub event: ProbeEvent,
}

impl Service {
    /// The transformation of an endpoint; one without code if it has none.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`].
    pub async fn get_transformation(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
    ) -> Result<Option<Transformation>, ServiceError> {
        actor.require(Right::ManageTransformations)?;
        let (_, config) = self.endpoint_config(actor, app, endpoint).await?;
        Ok(config.secrets.transformation.as_deref().cloned())
    }

    /// Changes the transformation of an endpoint. What is pending and was held for a failure of it is tried again.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Invalid`] for code that cannot be run.
    pub async fn change_transformation(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        change: &TransformationChange,
        idempotency: Option<Idempotency>,
    ) -> Result<(), ServiceError> {
        actor.require(Right::ManageTransformations)?;
        check_variables(change.variables.as_ref())?;
        if let Some(Some(code)) = &change.code {
            self.check_code(code).await?;
        }
        let now = self.clock.now();
        self.change_secrets(actor, app, endpoint, idempotency, |endpoint, secrets| {
            let secrets = changed(secrets, change, now)?;
            refuse_beside_batch(endpoint, &secrets).map(|()| secrets)
        })
        .await
    }

    /// Makes the request of an event with a transformation, without sending it; none if the code calls the event off.
    /// Nothing is kept.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], and [`ServiceError::Invalid`] for code that cannot be run and for events of which no
    /// request can be made.
    pub async fn try_transformation(
        &self,
        actor: &Actor,
        app: &str,
        endpoint: &str,
        trial: TransformationTrial,
    ) -> Result<Option<RequestView>, ServiceError> {
        actor.require(Right::ManageTransformations)?;
        let (app, config) = self.endpoint_config(actor, app, endpoint).await?;
        let code = match trial.code {
            Some(code) => self.check_code(&code).await.map(|()| Some(code))?,
            None => None,
        };
        check_variables(trial.variables.as_ref())?;
        let change = TransformationChange { code: code.map(Some), enabled: Some(true), variables: trial.variables };
        let wall = self.clock.wall();
        let secrets = changed(&config.secrets, &change, wall)?;
        let message = self.probe_message(actor, &app, &config.endpoint, trial.event).await?;
        let route = route_of(&app, &config.endpoint, &secrets)?;
        let hidden = route_of(&app, &config.endpoint, &masked(&secrets))?;
        match self.verifier.probe.transformer().prepare_both([&route, &hidden], &message, wall).await {
            Ok([request, shown]) => Ok(Some(request_view(&route, &request, &shown))),
            Err(RenderError::CalledOff) => Ok(None),
            Err(error @ RenderError::Transformation { .. }) => Err(ServiceError::body("code", error.to_string())),
            Err(error) => Err(ServiceError::body("payload", format!("No request can be made of it: {error}"))),
        }
    }

    async fn check_code(&self, code: &Redacted) -> Result<(), ServiceError> {
        if code.reveal().len() > CODE_MAX {
            return Err(ServiceError::body("code", format!("The code has at most {CODE_MAX} bytes.")));
        }
        let checked = self.verifier.probe.transformer().check(code).await;
        checked.map_err(|why| ServiceError::body("code", why))
    }
}

/// The secrets with the transformation changed.
fn changed(
    secrets: &EndpointSecrets,
    change: &TransformationChange,
    now: Timestamp,
) -> Result<EndpointSecrets, ServiceError> {
    let mut secrets = secrets.clone();
    let mut kept = match secrets.transformation.take() {
        Some(kept) => *kept,
        None => Transformation { code: None, enabled: false, variables: IndexMap::new(), updated_at: now },
    };
    if let Some(code) = &change.code {
        kept.code.clone_from(code);
    }
    if let Some(variables) = &change.variables {
        kept.variables.clone_from(variables);
    }
    kept.enabled = change.enabled.unwrap_or(kept.enabled);
    if kept.enabled && kept.code.is_none() {
        return Err(ServiceError::body("enabled", "There is no code to run: give `code` too."));
    }
    kept.updated_at = now;
    secrets.transformation = Some(Box::new(kept));
    Ok(secrets)
}

/// A transformation makes a request of one message.
fn refuse_beside_batch(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Result<(), ServiceError> {
    if endpoint.batch.is_none() || secrets.transformation.as_deref().is_none_or(|kept| kept.running().is_none()) {
        return Ok(());
    }
    let rule = "The endpoint takes several messages in one request, as they are: take its `batch` away first.";
    Err(ServiceError::body("enabled", rule))
}

fn check_variables(variables: Option<&IndexMap<String, Redacted>>) -> Result<(), ServiceError> {
    let mut faults = Faults::default();
    let variables = variables.into_iter().flatten();
    for (at, (name, value)) in variables.enumerate() {
        if at == VARIABLES_MAX {
            faults.note("variables", format!("There are at most {VARIABLES_MAX} variables."));
            break;
        }
        if name.is_empty() || name.len() > NAME_MAX || value.reveal().len() > VALUE_MAX {
            let shown: String = name.chars().take(NAME_MAX).collect();
            let rule = format!("A name has 1 to {NAME_MAX} bytes, a value at most {VALUE_MAX}.");
            faults.note_item("variables", &shown, rule);
        }
    }
    faults.finish()
}

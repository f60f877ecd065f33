//! A filter tried out: whether it would let a message through that was accepted before.

use ringback_model::{Filter, FilterSubject, Finding};
use serde_json::Value;

use crate::check::Faults;
use crate::{Actor, Right, Service, ServiceError};

/// The longest filter, in bytes.
const FILTER_MAX: usize = 16_384;

/// What a filter makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterTrial {
    /// It lets the message through.
    pub matched: bool,
    /// Each of its conditions.
    pub findings: Vec<Finding>,
}

/// Compiles a filter, if it is one.
pub(crate) fn compile(source: &Value, faults: &mut Faults) -> Option<Filter> {
    if source.to_string().len() > FILTER_MAX {
        faults.note("filter", format!("A filter has at most {FILTER_MAX} bytes."));
        return None;
    }
    Filter::compile(source.clone()).map_err(|error| faults.note_filter(error)).ok()
}

impl Service {
    /// Tries a filter on a message. Nothing is kept.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Invalid`] for what is no filter, [`ServiceError::Refused`] when the
    /// payload is gone, and [`ServiceError::Forbidden`] for those who see no phone numbers.
    pub async fn try_filter(
        &self,
        actor: &Actor,
        app: &str,
        message: &str,
        source: &Value,
    ) -> Result<FilterTrial, ServiceError> {
        actor.require(Right::ReadMessages)?;
        // Whoever may ask anything of a number that is masked knows it before long.
        self.numbers_for(actor).await?.require()?;
        let app = self.app(actor, app).await?;
        let message = self.message(&app, message).await?;
        let mut faults = Faults::default();
        let filter = compile(source, &mut faults);
        faults.finish()?;
        if message.payload.is_none() {
            return Err(ServiceError::Refused {
                code: "missing_payload",
                detail: "The payload of this message was removed or has expired, so there is nothing to look at."
                    .to_owned(),
            });
        }
        let subject = FilterSubject::of(&message);
        Ok(filter.map_or(FilterTrial { matched: true, findings: Vec::new() }, |filter| FilterTrial {
            matched: filter.matches(&subject),
            findings: filter.explain(&subject),
        }))
    }
}

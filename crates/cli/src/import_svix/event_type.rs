//! Event types.

use http::Method;
use serde_json::{Map, Value, json};

use super::report::{Item, Outcome};
use super::source::EventType;
use super::{Import, Stopped, difference};
use crate::client::{Failure, encode};

/// Archived ones, too: endpoints may name them.
const QUERY: &[(&str, &str)] = &[("include_archived", "true"), ("with_content", "true")];

impl Import {
    /// All event types.
    pub(super) async fn event_types(&mut self) -> Result<(), Stopped> {
        let mut iterator = None;
        loop {
            let place = || "the list of event types".to_owned();
            let (page, next) = self
                .source
                .page::<EventType>("/event-type", QUERY, iterator)
                .await
                .map_err(|failure| (place(), failure))?;
            for event_type in page {
                let done = self.event_type(&event_type).await;
                let name = event_type.name;
                let outcome = stop_or(done, || format!("event type {name}"))?;
                let target = (!matches!(outcome, Outcome::Failed(_))).then(|| name.clone());
                self.report.add(&Item {
                    kind: "event-type",
                    source: name.clone(),
                    name,
                    target,
                    outcome,
                    notes: Vec::new(),
                });
            }
            let Some(next) = next else { return Ok(()) };
            iterator = Some(next);
        }
    }

    async fn event_type(&mut self, event_type: &EventType) -> Result<Outcome, Failure> {
        let mut wanted = wanted(event_type);
        let mut path = "/event-type/".to_owned();
        encode(&event_type.name, &mut path);
        let Some(here) = self.target.get(&path).await? else {
            self.target.write(Method::POST, "/event-type", wanted).await?;
            return Ok(Outcome::Made);
        };
        let differing = difference::differing(&wanted, &here);
        if differing.is_empty() {
            return Ok(Outcome::Same);
        }
        if !self.overwrite {
            return Ok(Outcome::Differs(differing));
        }
        wanted.retain(|name, _| differing.contains(&name.as_str()));
        self.target.write(Method::PATCH, &path, wanted).await?;
        Ok(Outcome::Changed(differing))
    }
}

/// What went wrong with one thing is told of it, and the others are gone on with, unless they would meet the same.
pub(super) fn stop_or(done: Result<Outcome, Failure>, place: impl FnOnce() -> String) -> Result<Outcome, Stopped> {
    match done {
        Ok(outcome) => Ok(outcome),
        Err(failure) if failure.is_of_the_connection() => Err((place(), failure)),
        Err(failure) => Ok(Outcome::Failed(failure)),
    }
}

fn wanted(event_type: &EventType) -> Map<String, Value> {
    let EventType { name, description, archived, deprecated, feature_flag, schemas } = event_type;
    let mut wanted = Map::new();
    wanted.insert("name".to_owned(), json!(name));
    wanted.insert("description".to_owned(), json!(description));
    wanted.insert("archived".to_owned(), json!(archived));
    wanted.insert("deprecated".to_owned(), json!(deprecated));
    wanted.insert("featureFlag".to_owned(), json!(feature_flag));
    wanted.insert("schemas".to_owned(), json!(schemas));
    wanted
}

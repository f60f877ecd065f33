//! Applications.

use std::collections::HashMap;

use http::Method;
use serde_json::{Map, Value, json};

use super::event_type::stop_or;
use super::report::{Item, Outcome};
use super::source::Application;
use super::{Import, MARK, Stopped, difference};
use crate::client::Failure;

/// What is here, by the ids that it is found again by.
#[derive(Debug, Default)]
pub(super) struct Known {
    by_mark: HashMap<String, usize>,
    by_uid: HashMap<String, usize>,
    items: Vec<Value>,
}

impl Known {
    pub(super) fn new(items: Vec<Value>) -> Self {
        let index = |place: &dyn Fn(&Value) -> Option<&str>| {
            let found = items.iter().enumerate().filter_map(|(at, item)| Some((place(item)?.to_owned(), at)));
            found.collect::<HashMap<_, _>>()
        };
        let by_mark = index(&|item| item["metadata"].get(MARK)?.as_str());
        let by_uid = index(&|item| item["uid"].as_str());
        Self { by_mark, by_uid, items }
    }

    /// The one that was taken over from `id`, or that has the uid. A uid can be given to another; the mark cannot.
    pub(super) fn find(&self, id: &str, uid: Option<&str>) -> Option<&Value> {
        let by_uid = || self.by_uid.get(uid?);
        self.items.get(*self.by_mark.get(id).or_else(by_uid)?)
    }
}

impl Import {
    /// These applications with their endpoints; all if none is named.
    pub(super) async fn applications(&mut self, only: &[String]) -> Result<(), Stopped> {
        let here = self.target.list("/app").await.map_err(|failure| ("the applications here".to_owned(), failure))?;
        let known = Known::new(here);
        let (mut iterator, mut last) = (None, String::new());
        let mut unseen: Vec<&String> = only.iter().collect();
        loop {
            let page = self.source.page::<Application>("/app", &[("order", "ascending")], iterator).await;
            let (page, next) = page.map_err(|failure| (format!("the list of applications{last}"), failure))?;
            for app in page {
                let is_meant = |named: &String| *named == app.id || Some(named) == app.uid.as_ref();
                unseen.retain(|named| !is_meant(named));
                if only.is_empty() || only.iter().any(is_meant) {
                    self.application(&app, &known).await?;
                }
                last = format!(", behind {}", app.id);
            }
            let Some(next) = next else { break };
            iterator = Some(next);
        }
        self.not_there(&unseen);
        Ok(())
    }

    /// Tells of those that were named and are not there: a name may be mistyped.
    fn not_there(&mut self, names: &[&String]) {
        for name in names {
            let (source, name) = ((*name).clone(), (*name).clone());
            let (target, outcome) = (None, Outcome::NotThere);
            self.report.add(&Item { kind: "application", source, name, target, outcome, notes: Vec::new() });
        }
    }

    async fn application(&mut self, app: &Application, known: &Known) -> Result<(), Stopped> {
        let name = app.uid.as_ref().unwrap_or(&app.name).clone();
        let here = known.find(&app.id, app.uid.as_deref());
        let mut target = here.and_then(|here| here["id"].as_str()).map(ToOwned::to_owned);
        let done = self.settle_application(app, here, &mut target).await;
        let outcome = stop_or(done, || format!("application {} ({name})", app.id))?;
        let is_lost = matches!(outcome, Outcome::Failed(_)) && target.is_none();
        let notes = if is_lost { vec!["its endpoints were not looked at".to_owned()] } else { Vec::new() };
        self.report.add(&Item {
            kind: "application",
            source: app.id.clone(),
            name: name.clone(),
            target: target.clone(),
            outcome,
            notes,
        });
        if is_lost { Ok(()) } else { self.endpoints(app, &name, target.as_deref()).await }
    }

    async fn settle_application(
        &mut self,
        app: &Application,
        here: Option<&Value>,
        target: &mut Option<String>,
    ) -> Result<Outcome, Failure> {
        let mut wanted = wanted(app);
        let Some(here) = here else {
            let made = self.target.write(Method::POST, "/app", wanted).await?;
            *target = made["id"].as_str().map(ToOwned::to_owned);
            return Ok(Outcome::Made);
        };
        let differing = difference::differing(&wanted, here);
        if differing.is_empty() {
            return Ok(Outcome::Same);
        }
        if !self.overwrite {
            return Ok(Outcome::Differs(differing));
        }
        wanted.retain(|name, _| differing.contains(&name.as_str()));
        let path = format!("/app/{}", here["id"].as_str().unwrap_or_default());
        self.target.write(Method::PATCH, &path, wanted).await?;
        Ok(Outcome::Changed(differing))
    }
}

fn wanted(app: &Application) -> Map<String, Value> {
    let mut wanted = Map::new();
    wanted.insert("name".to_owned(), json!(app.name));
    wanted.insert("uid".to_owned(), json!(app.uid));
    wanted.insert("throttleRate".to_owned(), json!(app.throttle_rate()));
    wanted.insert("metadata".to_owned(), marked(&app.metadata, &app.id));
    wanted
}

/// The metadata with the id that the thing had on the other server.
pub(super) fn marked(metadata: &Map<String, Value>, id: &str) -> Value {
    let mut metadata = metadata.clone();
    metadata.insert(MARK.to_owned(), json!(id));
    Value::Object(metadata)
}

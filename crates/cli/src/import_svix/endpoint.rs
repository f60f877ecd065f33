//! Endpoints, with their secrets and headers.

use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::application::{Known, marked};
use super::event_type::stop_or;
use super::report::{Item, Outcome};
use super::source::{Application, Endpoint, Headers};
use super::{Import, Stopped, difference, url};
use crate::client::{Failure, encode};

/// What an endpoint signs with.
#[derive(Deserialize)]
struct Secret {
    key: String,
}

impl Import {
    /// The endpoints of an application, which is `target` here unless nothing is written.
    pub(super) async fn endpoints(
        &mut self,
        app: &Application,
        name: &str,
        target: Option<&str>,
    ) -> Result<(), Stopped> {
        let place = format!("the endpoints of application {} ({name})", app.id);
        let stopped = |failure| (place.clone(), failure);
        let here = match target {
            Some(target) => self.target.list(&format!("/app/{target}/endpoint")).await.map_err(stopped)?,
            None => Vec::new(),
        };
        let known = Known::new(here);
        let path = format!("/app/{}/endpoint", app.id);
        let mut iterator = None;
        loop {
            let page = self.source.page::<Endpoint>(&path, &[("order", "ascending")], iterator).await;
            let (page, next) = page.map_err(stopped)?;
            for endpoint in page {
                self.endpoint(&path, target, &endpoint, &known)
                    .await
                    .map_err(|(at, failure)| (format!("{at} of application {} ({name})", app.id), failure))?;
            }
            let Some(next) = next else { return Ok(()) };
            iterator = Some(next);
        }
    }

    async fn endpoint(
        &mut self,
        source: &str,
        app: Option<&str>,
        endpoint: &Endpoint,
        known: &Known,
    ) -> Result<(), Stopped> {
        let here = known.find(&endpoint.id, endpoint.uid.as_deref());
        let mut item = Item {
            kind: "endpoint",
            source: endpoint.id.clone(),
            name: endpoint.uid.clone().unwrap_or_else(|| url::masked(&endpoint.url)),
            target: here.and_then(|here| here["id"].as_str()).map(ToOwned::to_owned),
            outcome: Outcome::Same,
            notes: Vec::new(),
        };
        let path = format!("/app/{}/endpoint", app.unwrap_or_default());
        let done = self.settle_endpoint((source, &path), endpoint, here, &mut item).await;
        item.outcome = stop_or(done, || format!("endpoint {}", endpoint.id))?;
        self.report.add(&item);
        Ok(())
    }

    async fn settle_endpoint(
        &mut self,
        (source, path): (&str, &str),
        endpoint: &Endpoint,
        here: Option<&Value>,
        item: &mut Item,
    ) -> Result<Outcome, Failure> {
        let wanted = self.wanted(source, endpoint, &mut item.notes).await?;
        let Some(here) = here else {
            if let Some(refused) = self.would_fail(endpoint, item) {
                return Ok(refused);
            }
            let made = self.target.write(Method::POST, path, wanted).await?;
            item.target = made["id"].as_str().map(ToOwned::to_owned);
            return Ok(Outcome::Made);
        };
        let path = format!("{path}/{}", here["id"].as_str().unwrap_or_default());
        let mut here = here.clone();
        for (part, member, name) in [("secret", "key", "secret"), ("headers", "headers", "headers")] {
            let found = self.target.get(&format!("{path}/{part}")).await?.unwrap_or_default();
            here[name] = found[member].clone();
        }
        let differing = difference::differing(&wanted, &here);
        if differing.is_empty() {
            return Ok(Outcome::Same);
        }
        if !self.overwrite {
            return Ok(Outcome::Differs(differing));
        }
        if differing.contains(&"url")
            && let Some(refused) = self.would_fail(endpoint, item)
        {
            return Ok(refused);
        }
        self.change(&path, wanted, &differing).await?;
        Ok(Outcome::Changed(differing))
    }

    /// What a dry run can tell of the URL, which nobody is asked about: why it would be refused, or what is noted of it.
    fn would_fail(&self, endpoint: &Endpoint, item: &mut Item) -> Option<Outcome> {
        if !self.target.dry_run {
            return None;
        }
        match url::outlook(&endpoint.url) {
            url::Outlook::Taken => None,
            url::Outlook::Depends(on) => {
                item.notes.push(on);
                None
            }
            url::Outlook::Refused(why) => Some(Outcome::WouldFail(why)),
        }
    }

    /// The endpoint as it is to be here. What the other server does not tell is noted.
    async fn wanted(
        &mut self,
        source: &str,
        endpoint: &Endpoint,
        notes: &mut Vec<String>,
    ) -> Result<Map<String, Value>, Failure> {
        let mut path = format!("{source}/");
        encode(&endpoint.id, &mut path);
        let secret: Secret = self.source.get(&format!("{path}/secret")).await?;
        let headers: Headers = self.source.get(&format!("{path}/headers")).await?;
        let mut wanted = Map::new();
        for (name, value) in [
            ("url", json!(endpoint.url)),
            ("uid", json!(endpoint.uid)),
            ("description", json!(endpoint.description)),
            ("disabled", json!(endpoint.disabled)),
            ("eventTypes", json!(endpoint.event_types())),
            ("channels", json!(endpoint.channels)),
            ("throttleRate", json!(endpoint.throttle_rate())),
            ("metadata", marked(&endpoint.metadata, &endpoint.id)),
            ("headers", Value::Object(headers.headers)),
        ] {
            wanted.insert(name.to_owned(), value);
        }
        if secret.key.starts_with("whpk_") {
            notes.push(
                "it signs with a pair of keys, whose private half is not told: give its owner the secret of here"
                    .to_owned(),
            );
        } else {
            wanted.insert("secret".to_owned(), json!(secret.key));
        }
        if !headers.sensitive.is_empty() {
            let names = headers.sensitive.join(", ");
            notes.push(format!(
                "headers whose values are not told: {names}; set them with `ringback endpoint update-headers`"
            ));
        }
        Ok(wanted)
    }

    async fn change(&mut self, path: &str, mut wanted: Map<String, Value>, differing: &[&str]) -> Result<(), Failure> {
        wanted.retain(|name, _| differing.contains(&name.as_str()));
        let (secret, headers) = (wanted.remove("secret"), wanted.remove("headers"));
        if !wanted.is_empty() {
            self.target.write(Method::PATCH, path, wanted).await?;
        }
        if let Some(headers) = headers {
            // Those that somebody has set here stay.
            let body = Map::from_iter([("headers".to_owned(), headers)]);
            self.target.write(Method::PATCH, &format!("{path}/headers"), body).await?;
        }
        if let Some(secret) = secret {
            let body = Map::from_iter([("key".to_owned(), secret)]);
            self.target.write(Method::POST, &format!("{path}/secret/rotate"), body).await?;
        }
        Ok(())
    }
}

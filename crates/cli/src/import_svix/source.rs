//! What the other server says, as far as it is taken over. Unknown members are passed over.

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::client::{Call, Client, Failure, LIMIT, Page};

/// The server that is taken over.
#[derive(Debug)]
pub(super) struct Source(pub(super) Client);

/// An event type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventType {
    pub(super) name: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) archived: bool,
    #[serde(default)]
    pub(super) deprecated: bool,
    pub(super) feature_flag: Option<String>,
    pub(super) schemas: Option<Value>,
}

/// An application.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Application {
    pub(super) id: String,
    pub(super) uid: Option<String>,
    pub(super) name: String,
    throttle_rate: Option<u64>,
    /// Its old name.
    rate_limit: Option<u64>,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
}

impl Application {
    pub(super) fn throttle_rate(&self) -> Option<u64> {
        self.throttle_rate.or(self.rate_limit)
    }
}

/// An endpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Endpoint {
    pub(super) id: String,
    pub(super) uid: Option<String>,
    pub(super) url: String,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) disabled: bool,
    event_types: Option<Vec<String>>,
    /// Its old name.
    filter_types: Option<Vec<String>>,
    pub(super) channels: Option<Vec<String>>,
    throttle_rate: Option<u64>,
    /// Its old name.
    rate_limit: Option<u64>,
    #[serde(default)]
    pub(super) metadata: Map<String, Value>,
}

impl Endpoint {
    pub(super) fn throttle_rate(&self) -> Option<u64> {
        self.throttle_rate.or(self.rate_limit)
    }

    pub(super) fn event_types(&self) -> Option<&[String]> {
        self.event_types.as_deref().or(self.filter_types.as_deref())
    }
}

/// The headers of an endpoint: those that are told, and the names of the others.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Headers {
    #[serde(default)]
    pub(super) headers: Map<String, Value>,
    #[serde(default)]
    pub(super) sensitive: Vec<String>,
}

impl Source {
    /// Reads one thing.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        let answer = self.0.call(&Call::new(Method::GET, format!("/api/v1{path}"), None)).await?;
        self.read(&answer, path)
    }

    /// The page of a list that `iterator` leads to, and what leads to the next.
    pub(super) async fn page<T: DeserializeOwned>(
        &mut self,
        path: &str,
        query: &[(&'static str, &str)],
        iterator: Option<String>,
    ) -> Result<(Vec<T>, Option<String>), Failure> {
        let mut call = Call::new(Method::GET, format!("/api/v1{path}"), None);
        call.query.push(("limit", LIMIT.to_owned()));
        call.query.extend(query.iter().map(|(name, value)| (*name, (*value).to_owned())));
        call.query.extend(iterator.map(|iterator| ("iterator", iterator)));
        let answer = self.0.call(&call).await?;
        let page = Page::read(&answer, &self.0)?;
        let items = page.data.iter().map(|item| self.read(item.get().as_bytes(), path)).collect::<Result<_, _>>()?;
        Ok((items, page.next()))
    }

    fn read<T: DeserializeOwned>(&self, answer: &[u8], path: &str) -> Result<T, Failure> {
        serde_json::from_slice(answer).map_err(|error| {
            self.0.stranger(format_args!("what it answers to {path} is not of the Svix API ({error})"))
        })
    }
}

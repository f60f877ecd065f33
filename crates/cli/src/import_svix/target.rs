//! What is here, and writing to it.

use http::Method;
use serde_json::{Map, Value};

use crate::client::{Call, Client, Failure, LIMIT, Page};

/// The server that takes over.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) client: Client,
    /// Nothing is written.
    pub(super) dry_run: bool,
}

impl Target {
    /// Reads one thing, if it is there.
    pub(super) async fn get(&mut self, path: &str) -> Result<Option<Value>, Failure> {
        match self.client.call(&Call::new(Method::GET, format!("/api/v1{path}"), None)).await {
            Ok(answer) => Ok(Some(self.read(&answer)?)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// All items of a list.
    pub(super) async fn list(&mut self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut call = Call::new(Method::GET, format!("/api/v1{path}"), None);
        call.query.push(("limit", LIMIT.to_owned()));
        let mut items = Vec::new();
        loop {
            let answer = self.client.call(&call).await?;
            let page = Page::read(&answer, &self.client)?;
            for item in &page.data {
                items.push(self.read(item.get().as_bytes())?);
            }
            let Some(next) = page.next() else { return Ok(items) };
            call.query.retain(|(name, _)| *name != "iterator");
            call.query.push(("iterator", next));
        }
    }

    /// Writes, and returns what came of it: nothing if nothing is to be written.
    pub(super) async fn write(
        &mut self,
        method: Method,
        path: &str,
        body: Map<String, Value>,
    ) -> Result<Value, Failure> {
        if self.dry_run {
            return Ok(Value::Null);
        }
        let body = Value::Object(body).to_string().into();
        let answer = self.client.call(&Call::new(method, format!("/api/v1{path}"), Some(body))).await?;
        if answer.is_empty() { Ok(Value::Null) } else { self.read(&answer) }
    }

    fn read(&self, answer: &[u8]) -> Result<Value, Failure> {
        serde_json::from_slice(answer)
            .map_err(|error| self.client.stranger(format_args!("what it answers is no JSON ({error})")))
    }
}

//! What the API can do, read out of its own OpenAPI document: an operation that the server has is a command, and a
//! member that it knows is a flag, with the words that the document has for them.

use std::sync::LazyLock;

use http::{Method, StatusCode};
use serde_json::{Map, Value};

use super::answer::Success;
use super::field::{Field, fields_of, resolve};

/// One operation of the API.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its name in the document, such as `v1.endpoint.list`.
    pub(crate) id: &'static str,
    /// How it is called.
    pub(crate) method: Method,
    /// Where, with places in braces.
    pub(crate) path: &'static str,
    /// What it does.
    pub(crate) summary: &'static str,
    /// The places in the path, from left to right.
    pub(crate) places: Vec<Field>,
    /// What may stand in the query.
    pub(crate) query: Vec<Field>,
    /// What may stand in the body, if there is one.
    pub(crate) body: Option<Vec<Field>>,
    /// Its successful answers.
    pub(crate) successes: Vec<Success>,
    /// The schema of the answer; that of the items if it is a list.
    pub(crate) answer: Option<&'static str>,
    /// Whether the answer is one page of a list.
    pub(crate) is_list: bool,
}

impl Operation {
    /// Whether a body has to be given: one without any member would be refused, or change nothing.
    pub(crate) fn wants_body(&self) -> bool {
        let required = self.body.iter().flatten().any(|field| field.required);
        required || (self.body.is_some() && self.method != Method::POST)
    }
}

/// All operations, in the order of the document.
pub(crate) fn operations() -> &'static [Operation] {
    &OPERATIONS
}

/// The operation of this name in the document.
pub(crate) fn operation(id: &str) -> Option<&'static Operation> {
    operations().iter().find(|operation| operation.id == id)
}

/// The document lives as long as the process, as the names of commands do.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(ringback_api::openapi_document()).expect("the document is JSON, as it was written")
});

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let document: &'static Value = &DOCUMENT;
    let mut operations = Vec::new();
    for (path, item) in members(document.get("paths")) {
        for (method, operation) in item.as_object().into_iter().flatten() {
            operations.extend(read(document, path, method, operation));
        }
    }
    operations
});

fn members(value: Option<&'static Value>) -> impl Iterator<Item = (&'static str, &'static Value)> {
    value.and_then(Value::as_object).into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn read(document: &'static Value, path: &'static str, method: &str, operation: &'static Value) -> Option<Operation> {
    let method = method.to_uppercase().parse().ok()?;
    let parameters = |place: &str| -> Vec<Field> {
        let all = operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        all.filter(|one| one["in"] == place).filter_map(|one| Field::of_parameter(document, one)).collect()
    };
    let body = operation.pointer("/requestBody/content/application~1json/schema");
    let (answer, is_list) = answer(document, operation);
    let query = parameters("query");
    Some(Operation {
        id: operation.get("operationId")?.as_str()?,
        method,
        path,
        summary: operation.get("summary").and_then(Value::as_str).unwrap_or_default(),
        places: parameters("path"),
        is_list: is_list && query.iter().any(|field| field.name == "iterator"),
        query,
        body: body.map(|schema| fields_of(document, schema)),
        successes: successes(operation).collect(),
        answer,
    })
}

/// The statuses of success, and which of them have a body.
fn successes(operation: &'static Value) -> impl Iterator<Item = Success> {
    members(operation.get("responses")).filter_map(|(status, response)| {
        let status: StatusCode = status.parse().ok().filter(StatusCode::is_success)?;
        Some(Success { status, has_body: response.get("content").is_some() })
    })
}

/// The schema of a successful answer, and whether it is a list of such things.
fn answer(document: &'static Value, operation: &'static Value) -> (Option<&'static str>, bool) {
    let good = members(operation.get("responses")).filter(|(status, _)| status.starts_with('2'));
    for (_, response) in good {
        let Some(schema) = response.pointer("/content/application~1json/schema") else { continue };
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.rsplit('/').next());
        // A list is named after what is in it.
        let item = name.map(|name| name.strip_prefix("ListResponse_").unwrap_or(name));
        return (item, resolve(document, schema).pointer("/properties/data").is_some());
    }
    (None, false)
}

//! What the tests and benches of requests begin with.

#![allow(dead_code, reason = "not every one of them uses all of it")]

use bytes::Bytes;
use ringback_model::{
    AppNo, CustomParameter, Endpoint, EndpointSecrets, HeaderField, Message, MessageNo, OrganizationSettings, Redacted,
    SigningKey, SigningSecret, Timestamp, Transformation,
};
use ringback_wire::{Prepared, Recipe, RecipeError, RenderError, prepare};
use serde_json::{Map, Value};

/// When requests are made, unless a test says otherwise: August 2024.
pub(crate) const WALL: Timestamp = Timestamp::from_seconds(1_724_235_300);

/// A message of this type, accepted in August 2024, whose payload stays.
pub(crate) fn message(event_type: &str, payload: &str) -> Message {
    Message {
        no: MessageNo(1),
        app: AppNo(1),
        id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().expect("it is an id"),
        event_type: event_type.to_owned(),
        event_id: None,
        channels: Vec::new(),
        tags: Vec::new(),
        payload: Some(Bytes::copy_from_slice(payload.as_bytes())),
        raw: None,
        raw_content_type: None,
        ordering_key: None,
        occurred_at: None,
        callback_url: None,
        deliver_at: None,
        deliver_until: None,
        accepted_at: WALL,
        expires_at: Timestamp::MAX,
    }
}

/// An endpoint that says this, as far as it is about its requests: `customParameters` and `headers` are objects of texts.
pub(crate) fn endpoint(said: &Value) -> (Endpoint, EndpointSecrets) {
    let mut said: Map<String, Value> = said.as_object().expect("an endpoint is an object").clone();
    let mut text = |name: &str| said.remove(name).map(|value| value.as_str().expect("it is a text").to_owned());
    let url = text("url").unwrap_or_else(|| "https://h.example/in".to_owned());
    let (product, report_type, provider_secret) = (text("product"), text("reportType"), text("providerSecret"));
    let mut pairs = |name: &str| -> Vec<(String, String)> {
        let value = said.remove(name).unwrap_or_default();
        let pairs = value.as_object().into_iter().flatten();
        pairs.map(|(name, value)| (name.clone(), value.as_str().expect("it is a text").to_owned())).collect()
    };
    let (custom, headers) = (pairs("customParameters"), pairs("headers"));
    let transformation = said.remove("transformation").map(|code| Transformation {
        code: code.as_str().map(|code| Redacted::new(code.to_owned())),
        enabled: true,
        variables: [("region".to_owned(), Redacted::new("eu".to_owned()))].into(),
        updated_at: WALL,
    });
    let event_types =
        said.remove("eventTypes").map(|said| serde_json::from_value(said).expect("it is a list of texts"));
    let status_policy = said.remove("statusPolicy").map(|said| serde_json::from_value(said).expect("it is a policy"));
    let batch = said.remove("batch").map(|said| serde_json::from_value(said).expect("it is a number and a wait"));
    let auth = said.remove("auth").map(|auth| serde_json::from_value(auth).expect("it is a way to authenticate"));
    said.insert(
        "customParameters".to_owned(),
        custom
            .into_iter()
            .map(|(name, value)| serde_json::to_value(CustomParameter { name, value, secret: false }))
            .collect::<Result<_, _>>()
            .expect("texts can be written"),
    );
    let id = "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().expect("it is an id");
    let endpoint = Endpoint {
        product,
        report_type,
        event_types,
        status_policy,
        batch,
        headers: headers.iter().map(|(name, _)| HeaderField { name: name.clone(), sensitive: false }).collect(),
        shape: Some(serde_json::from_value(Value::Object(said)).expect("it is the shape of a request")),
        ..Endpoint::new(id, url, Timestamp::from_seconds(0))
    };
    let secret = SigningSecret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("it is a secret");
    let custom_values = endpoint.shape.iter().flat_map(|shape| &shape.custom_parameters);
    let secrets = EndpointSecrets {
        keys: vec![SigningKey { secret, expires_at: None }],
        custom_values: custom_values.map(|_| Redacted::default()).collect(),
        header_values: headers.into_iter().map(|(_, value)| Redacted::new(value)).collect(),
        auth,
        provider_secret: provider_secret.map(Redacted::new),
        transformation: transformation.map(Box::new),
        ..EndpointSecrets::default()
    };
    (endpoint, secrets)
}

/// The recipe of an endpoint that says this.
pub(crate) fn recipe(said: &Value) -> Result<Recipe, RecipeError> {
    let (endpoint, secrets) = endpoint(said);
    Recipe::new(&endpoint, &secrets, &OrganizationSettings::default())
}

/// The member at fault of an endpoint that says this, if there is any.
pub(crate) fn refused(said: &Value) -> Option<String> {
    recipe(said).err().map(|error| error.field)
}

/// The request of an endpoint that says this.
pub(crate) fn request(said: &Value, event_type: &str, payload: &str) -> Result<Prepared, RenderError> {
    let recipe = recipe(said).unwrap_or_else(|error| panic!("{said}: {error}"));
    prepare(&recipe, &message(event_type, payload), WALL)
}

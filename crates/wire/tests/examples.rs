//! The example of each built-in event type makes a request in every dialect and send method that has a form for it: it is
//! what a test sends where nobody gives a payload.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use ringback_model::{
    Endpoint, EndpointSecrets, OrganizationSettings, SendMethod, Shape, SigningKey, SigningSecret, Timestamp,
};
use ringback_wire::report::report_schemas;
use ringback_wire::{Prepared, Recipe, RenderError, prepare};

const METHODS: [SendMethod; 4] = [SendMethod::Get, SendMethod::Post, SendMethod::Json, SendMethod::Xml];

/// Product and report type of what each of the documented dialects has a form for.
const FORMS: &[(&str, &[&str])] = &[
    ("ant", &["sms.dlr", "whatsapp.dlr", "voice.ivr", "voice.call"]),
    ("rich-dlr", &["sms.dlr", "whatsapp.dlr"]),
    ("console", &["sms.dlr", "whatsapp.dlr", "whatsapp.mo"]),
];

fn request(
    dialect: &str,
    method: SendMethod,
    event_type: &str,
    payload: &'static str,
) -> Result<Prepared, RenderError> {
    let shape = Shape { dialect: Some(dialect.to_owned()), send_method: Some(method), ..Shape::default() };
    let id = "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap();
    let endpoint = Endpoint {
        shape: Some(Box::new(shape)),
        ..Endpoint::new(id, "https://h.example/in".to_owned(), Timestamp::from_seconds(0))
    };
    let secret = SigningSecret::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let secrets = EndpointSecrets { keys: vec![SigningKey { secret, expires_at: None }], ..EndpointSecrets::default() };
    let recipe = Recipe::new(&endpoint, &secrets, &OrganizationSettings::default()).unwrap();
    let message = kit::message(event_type, payload);
    prepare(&recipe, &message, Timestamp::from_seconds(1_724_235_300))
}

#[test]
fn every_example_makes_a_request_in_every_dialect_that_has_a_form_for_it() {
    for schema in report_schemas() {
        let name = schema.event_type;
        for dialect in ["standard-webhooks", "antly"] {
            request(dialect, SendMethod::Json, name, schema.example).unwrap();
        }
        for (dialect, forms) in FORMS {
            for method in METHODS {
                match request(dialect, method, name, schema.example) {
                    Ok(_) => assert!(forms.contains(&name), "{dialect} {name}"),
                    Err(RenderError::NoShape { .. }) => assert!(!forms.contains(&name), "{dialect} {name}"),
                    Err(error) => panic!("{dialect} {name} {method:?}: {error}"),
                }
            }
        }
    }
}

#[test]
fn an_example_shows_every_value_that_the_documents_dialects_send_of_a_delivery_report() {
    for name in ["rich-dlr", "console", "ant"] {
        for schema in report_schemas().iter().filter(|schema| schema.event_type == "sms.dlr") {
            let body = request(name, SendMethod::Post, schema.event_type, schema.example).unwrap().body;
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.split('&').all(|pair| !pair.ends_with('=')), "{name}: {body}");
        }
    }
}

//! The example of each built-in event type makes a request in every dialect and send method that has a form for it: it is
//! what a test sends where nobody gives a payload.

mod kit;

use ringback_wire::report::report_schemas;
use ringback_wire::{Prepared, RenderError};
use serde_json::json;

const METHODS: [&str; 4] = ["get", "post", "json", "xml"];

/// Product and report type of what each of the documented dialects has a form for.
const FORMS: &[(&str, &[&str])] = &[
    ("ant", &["sms.dlr", "whatsapp.dlr", "voice.ivr", "voice.call"]),
    ("rich-dlr", &["sms.dlr", "whatsapp.dlr"]),
    ("console", &["sms.dlr", "whatsapp.dlr", "whatsapp.mo"]),
];

fn request(dialect: &str, method: &str, event_type: &str, payload: &str) -> Result<Prepared, RenderError> {
    kit::request(&json!({ "dialect": dialect, "sendMethod": method }), event_type, payload)
}

#[test]
fn every_example_makes_a_request_in_every_dialect_that_has_a_form_for_it() {
    for schema in report_schemas() {
        let name = schema.event_type;
        for dialect in ["standard-webhooks", "antly"] {
            request(dialect, "json", name, schema.example).unwrap();
        }
        for (dialect, forms) in FORMS {
            for method in METHODS {
                match request(dialect, method, name, schema.example) {
                    Ok(_) => assert!(forms.contains(&name), "{dialect} {name}"),
                    Err(RenderError::NoShape { .. }) => assert!(!forms.contains(&name), "{dialect} {name}"),
                    Err(error) => panic!("{dialect} {name} {method}: {error}"),
                }
            }
        }
    }
}

#[test]
fn an_example_shows_every_value_that_the_documents_dialects_send_of_a_delivery_report() {
    for name in ["rich-dlr", "console", "ant"] {
        for schema in report_schemas().iter().filter(|schema| schema.event_type == "sms.dlr") {
            let body = request(name, "post", schema.event_type, schema.example).unwrap().body;
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.split('&').all(|pair| !pair.ends_with('=')), "{name}: {body}");
        }
    }
}

//! The document in the repository is the one that the code makes.

use std::path::Path;

#[test]
fn the_document_in_the_repository_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi.json");
    if std::env::var_os("RINGBACK_UPDATE").is_some() {
        std::fs::write(&path, ringback_api::openapi_document()).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == ringback_api::openapi_document(),
        "openapi.json is not what the code says: run this test with RINGBACK_UPDATE=1 and look at the difference"
    );
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let text = ringback_api::openapi_document();
    let document: serde_json::Value = serde_json::from_str(text).unwrap();
    for reference in text.split("\"$ref\": \"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    let mut ids = std::collections::HashSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{operation}");
            assert!(operation["summary"].is_string() && operation["responses"].is_object());
        }
    }
}

#[test]
fn an_operation_lists_the_parameters_and_errors_that_it_has_and_no_others() {
    let document: serde_json::Value = serde_json::from_str(ringback_api::openapi_document()).unwrap();
    let has_order = |path: &str| {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        parameters.iter().any(|parameter| parameter["name"] == "order")
    };
    assert!(has_order("/api/v1/app") && has_order("/api/v1/app/{app_id}/endpoint"));
    assert!(!has_order("/api/v1/app/{app_id}/msg") && !has_order("/api/v1/app/{app_id}/attempt/msg/{msg_id}"));
    let answers = |path: &str, method: &str| document["paths"][path][method]["responses"].as_object().unwrap().clone();
    assert!(answers("/api/v1/app", "post").contains_key("413") && !answers("/api/v1/app", "get").contains_key("413"));
    let health: Vec<_> = answers("/api/v1/health", "get").into_iter().map(|(status, _)| status).collect();
    assert_eq!(health, ["204", "421", "500"]);
    let rotation = answers("/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate", "post");
    assert!(rotation.contains_key("200") && rotation.contains_key("204"));
    assert!(answers("/api/v1/app/{app_id}/msg", "post").contains_key("429"));
    for path in ["/api/v1/auth/app-portal-access/{app_id}", "/api/v1/auth/logout"] {
        let parameters = document["paths"][path]["post"]["parameters"].as_array().unwrap();
        assert!(parameters.iter().any(|parameter| parameter["name"] == "idempotency-key"), "{path}");
    }
}

#[test]
fn nothing_in_the_document_is_told_twice_and_nothing_in_vain() {
    let text = ringback_api::openapi_document();
    let document: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(document["servers"].as_array().unwrap().len(), 1);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "{name} is nowhere used");
        if let Some(item) = name.strip_prefix("ListResponse_") {
            let items = &schema["properties"]["data"]["items"];
            assert_eq!(items, &serde_json::json!({ "$ref": format!("#/components/schemas/{item}") }));
        }
    }
    for item in document["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('4')), "{}", operation["operationId"]);
        }
    }
}

#[test]
fn every_setting_of_an_endpoint_and_an_application_is_explained_on_a_page() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let files = std::fs::read_dir(docs).unwrap().map(|file| file.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let pages: String = pages.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let document: serde_json::Value = serde_json::from_str(ringback_api::openapi_document()).unwrap();
    for body in ["EndpointIn", "ApplicationIn"] {
        let members = document["components"]["schemas"][body]["properties"].as_object().unwrap();
        // A number of the caller's own, which changes nothing.
        for name in members.keys().filter(|name| *name != "version") {
            let spellings = [format!("`{name}`"), format!("\"{name}\":"), format!("`{name}:")];
            assert!(spellings.iter().any(|spelling| pages.contains(spelling)), "{body}: `{name}` is on no page");
        }
    }
}

//! One exchange with a customer's URL as its owner may see it: secrets masked, the answer's body cut.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use indexmap::IndexMap;
use ringback_engine::Route;
use ringback_engine::transport::Sent;
use ringback_model::{Auth, Endpoint, EndpointSecrets, Phases, Redacted};
use ringback_wire::{MASK, Prepared};

/// How much of an answer's body is shown, in bytes.
const SHOWN_MAX: usize = 16 * 1_024;

/// A request as it went out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestView {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: String,
    /// The headers, but for those of the connection. Values of one name are joined with commas.
    pub headers: IndexMap<String, String>,
    /// The body, with U+FFFD where it is not UTF-8.
    pub body: String,
}

/// An answer as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseView {
    /// The status.
    pub status: u16,
    /// The headers. Values of one name are joined with commas.
    pub headers: IndexMap<String, String>,
    /// The first 16 KiB of the body, with U+FFFD where it is not UTF-8.
    pub body: String,
    /// Whether there was more.
    pub truncated: bool,
}

/// A request, its answer if one came, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeView {
    /// What went out.
    pub request: RequestView,
    /// What came back.
    pub response: Option<ResponseView>,
    /// How long each phase took.
    pub phases: Phases,
}

/// Names of headers whose values are secrets, in lower case.
fn secret_headers(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Vec<String> {
    let of_auth = match &secrets.auth {
        Some(Auth::ApiKey { header, .. }) => Some(header),
        Some(Auth::Bearer { .. } | Auth::Basic(_) | Auth::Oauth2 { .. } | Auth::Mtls { .. }) | None => None,
    };
    let sensitive = endpoint.headers.iter().filter(|field| field.sensitive).map(|field| &field.name);
    let names = of_auth.into_iter().chain(sensitive).map(|name| name.to_ascii_lowercase());
    [AUTHORIZATION.to_string()].into_iter().chain(names).collect()
}

/// Puts what stands for a token into a request that will show one: it is fetched when the request is sent.
pub(crate) fn announce_token(route: &Route, request: &mut Prepared) {
    if route.oauth.is_some() {
        request.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer ****"));
    }
}

/// A request: `sent` is what goes out along a route; `shown` the same made with other values in the place of secret ones,
/// which may be written in any encoding.
pub(crate) fn request_view(route: &Route, sent: &Prepared, shown: &Prepared) -> RequestView {
    let secret = secret_headers(&route.config.endpoint, &route.config.secrets);
    let mut headers = all(&sent.headers);
    for (name, value) in &mut headers {
        if secret.contains(name) {
            let scheme = value.split_once(' ').filter(|_| name == AUTHORIZATION.as_str());
            *value = scheme.map_or_else(|| MASK.to_owned(), |(scheme, _)| format!("{scheme} {MASK}"));
        }
    }
    RequestView {
        method: sent.method.to_string(),
        url: format!("{}{}", route.target.origin(), shown.target),
        headers,
        body: String::from_utf8_lossy(&shown.body).into_owned(),
    }
}

/// What came back along a route, without what nobody may see of it. Judge it before.
pub(crate) fn without_secrets(route: &Route, mut sent: Sent) -> Sent {
    // Receivers know these without being shown them.
    let keys = route.config.secrets.keys.iter().map(|key| {
        let key = key.secret.to_private_text();
        Redacted::new(key.split_once('_').map_or(&*key, |(_, key)| key).to_owned())
    });
    let mask = route.secret_mask(sent.token.clone().into_iter().chain(keys));
    sent.mask(&mask);
    sent.mask_headers(&mask);
    sent
}

/// What came of a request, by what is left without secrets.
pub(crate) fn exchange_view(request: RequestView, sent: &Sent) -> ExchangeView {
    let response = sent.result.as_ref().ok().map(|answer| {
        let mut body = String::from_utf8_lossy(&sent.exchange.response).into_owned();
        let truncated = body.len() > SHOWN_MAX || answer.body == ringback_engine::transport::BodyEnd::TooLong;
        let end = (0..=SHOWN_MAX.min(body.len())).rev().find(|at| body.is_char_boundary(*at));
        body.truncate(end.unwrap_or_default());
        ResponseView { status: answer.status, headers: all(&answer.headers), body, truncated }
    });
    ExchangeView { request, response, phases: sent.exchange.phases }
}

fn all(headers: &HeaderMap) -> IndexMap<String, String> {
    let mut all = IndexMap::<String, String>::new();
    for (name, value) in headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        all.entry(name.to_string())
            .and_modify(|so_far| {
                so_far.push_str(", ");
                so_far.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use bytes::Bytes;
    use http::Method;
    use proptest::prelude::*;
    use ringback_engine::transport::{Answer, BodyEnd};
    use ringback_model::{
        AppNo, AttemptOutcome, BasicAuth, EndpointNo, Exchange, Failure, HeaderField, OrganizationSettings,
        RetryPolicy, SeededRandom, SigningKey, SigningSecret, Timestamp,
    };
    use ringback_store::EndpointConfig;
    use url::form_urlencoded;

    use super::*;
    use crate::Verdict;

    fn secret(text: &str) -> Redacted {
        Redacted::new(text.to_owned())
    }

    fn route(secrets: EndpointSecrets) -> Route {
        let now = Timestamp::from_seconds(0);
        let id = ringback_model::IdMaker::new().make(now, &SeededRandom::new(1));
        let mut endpoint = Endpoint::new(id, "https://a.example/".to_owned(), now);
        endpoint.headers = vec![
            HeaderField { name: "X-Secret".into(), sensitive: true },
            HeaderField { name: "X-Env".into(), sensitive: false },
        ];
        let (no, app) = (EndpointNo(1), AppNo(1));
        let config = EndpointConfig { no, app, version: 0, deleted: false, endpoint, secrets };
        Route::new(Arc::new(config), &Arc::new(OrganizationSettings::default()), &RetryPolicy::default()).unwrap()
    }

    fn usual_route() -> Route {
        route(EndpointSecrets {
            keys: vec![key()],
            auth: Some(Auth::Bearer { token: secret("1233XXX") }),
            header_values: vec![secret("hush-hush"), secret("prod")],
            custom_values: vec![secret(""), secret("team secret")],
            validation_key: Some(secret("9012XX")),
            ..EndpointSecrets::default()
        })
    }

    fn key() -> SigningKey {
        SigningKey { secret: SigningSecret::generate(&SeededRandom::new(1)), expires_at: None }
    }

    fn answered(body: &str, end: BodyEnd) -> Sent {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", HeaderValue::from_static("a"));
        headers.append("set-cookie", HeaderValue::from_static("1233XXX"));
        Sent {
            result: Ok(Answer { status: 200, headers, body: end }),
            exchange: Exchange { response: Bytes::copy_from_slice(body.as_bytes()), ..Exchange::default() },
            token: None,
        }
    }

    fn prepared(target: &str, body: &'static str) -> Prepared {
        Prepared {
            method: Method::POST,
            target: target.parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
            left_out: None,
        }
    }

    fn response(route: &Route, sent: Sent) -> ResponseView {
        let view = request_view(route, &prepared("/", ""), &prepared("/", ""));
        exchange_view(view, &without_secrets(route, sent)).response.unwrap()
    }

    #[test]
    fn secrets_are_masked_in_the_request_and_names_stay() {
        let (mut sent, shown) = (prepared("/x?k=team%20secret", "team secret"), prepared("/x?k=****", "****"));
        for (name, value) in [("authorization", "Bearer 1233XXX"), ("x-secret", "hush-hush"), ("x-env", "prod")] {
            sent.headers.insert(name, HeaderValue::from_static(value));
        }
        let view = request_view(&usual_route(), &sent, &shown);
        assert_eq!((view.url.as_str(), view.body.as_str()), ("https://a.example/x?k=****", "****"));
        let headers: Vec<_> = view.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("authorization", "Bearer ****"), ("x-secret", "****"), ("x-env", "prod")]);
    }

    #[test]
    fn secrets_that_a_receiver_sends_back_are_masked_too() {
        let body = "Bearer 1233XXX hush-hush prod team secret 9012XX";
        let response = response(&usual_route(), answered(body, BodyEnd::Complete));
        assert_eq!(response.body, "Bearer **** **** prod **** ****");
        assert_eq!((response.headers["set-cookie"].as_str(), response.truncated), ("a, ****", false));
    }

    #[test]
    fn a_signing_key_that_a_receiver_prints_is_masked() {
        let text = key().secret.to_private_text();
        let body = format!("WEBHOOK_SECRET={} or {}", &text[..], text.trim_start_matches("whsec_"));
        let response = response(&usual_route(), answered(&body, BodyEnd::Complete));
        assert_eq!(response.body, "WEBHOOK_SECRET=whsec_**** or ****");
    }

    #[test]
    fn sixteen_kibibytes_of_a_body_are_shown_and_never_half_a_character_or_secret() {
        let route = usual_route();
        let body = format!("{}é", "x".repeat(SHOWN_MAX - 1));
        let shown = response(&route, answered(&body, BodyEnd::Complete));
        assert_eq!((shown.body.len(), shown.truncated), (SHOWN_MAX - 1, true));
        let body = format!("{}1233XXX", "x".repeat(SHOWN_MAX - 4));
        assert!(response(&route, answered(&body, BodyEnd::Complete)).body.ends_with("x****"));
        let cut = response(&route, answered("... team sec", BodyEnd::TooLong));
        assert_eq!((cut.body.as_str(), cut.truncated), ("... ****", true));
    }

    #[test]
    fn a_token_that_was_fetched_is_announced_and_masked() {
        let route = route(EndpointSecrets {
            auth: Some(Auth::Oauth2 {
                token_url: "https://t.example/".to_owned(),
                client_id: "me".to_owned(),
                client_secret: secret("s:cret"),
                scope: None,
            }),
            ..EndpointSecrets::default()
        });
        let mut request = prepared("/", "");
        announce_token(&route, &mut request);
        assert_eq!(request_view(&route, &request, &request).headers["authorization"], "Bearer ****");
        let sent =
            Sent { token: Some(secret("a.b/c")), ..answered(r"a.b\/c s%3Acret bWU6cyUzQWNyZXQ=", BodyEnd::Complete) };
        assert_eq!(response(&route, sent).body, "**** **** ****=");
    }

    /// Where a secret may stand in what is kept of an endpoint.
    fn with_secret(place: usize, text: &str) -> EndpointSecrets {
        let mut secrets = EndpointSecrets { header_values: vec![secret(""), secret("")], ..EndpointSecrets::default() };
        let password = secret(text);
        match place {
            0 => secrets.auth = Some(Auth::Bearer { token: password }),
            1 => secrets.auth = Some(Auth::Basic(BasicAuth { username: "user".to_owned(), password })),
            2 => secrets.auth = Some(Auth::ApiKey { header: "x-key".to_owned(), value: password }),
            3 => secrets.header_values[0] = password,
            4 => secrets.validation_key = Some(password),
            _ => secrets.provider_secret = Some(password),
        }
        secrets
    }

    fn inside(quoted: &str) -> &str {
        &quoted[1..quoted.len() - 1]
    }

    proptest! {
        #[test]
        fn whatever_the_secret_a_test_answers_with_no_form_of_it(
            // A comma stands between values of one header, whatever they are.
            text in r"[!-)+\--~]{1,40}",
            place in 0..6usize,
            status in prop_oneof![Just(200u16), Just(302), Just(400), Just(401), Just(405), Just(429)],
        ) {
            let route = route(with_secret(place, &text));
            let forms = [
                text.clone(),
                form_urlencoded::byte_serialize(text.as_bytes()).collect(),
                inside(&serde_json::to_string(&text).unwrap()).to_owned(),
                text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;"),
                BASE64.encode(&text),
                BASE64.encode(format!("user:{text}")),
            ];
            // The last only where it is told to somebody: nobody shows a key as a password.
            let forms = &forms[..if place == 1 { 6 } else { 5 }];
            let mut sent = answered(&forms.join(" "), BodyEnd::Complete);
            if let Ok(answer) = &mut sent.result {
                answer.status = status;
                for name in ["location", "allow", "www-authenticate", "retry-after", "accept"] {
                    for form in forms {
                        answer.headers.append(name, HeaderValue::from_str(form).unwrap());
                    }
                }
            }
            let outcome = AttemptOutcome::Failed { why: Failure::Status(status), retry_after: None };
            let request = prepared("/", "");
            let sent = without_secrets(&route, sent);
            let verdict = Verdict::of(&request, &sent, &outcome, route.recipe.success());
            let shown = exchange_view(request_view(&route, &request, &request), &sent).response.unwrap();
            for form in forms {
                prop_assert!(!shown.body.contains(form), "{} has {form}", shown.body);
                prop_assert!(!shown.headers.values().any(|value| value.contains(form)), "{:?}", shown.headers);
                // A secret that is a word of ours stays in our sentences.
                let told = verdict.sentences();
                prop_assert!(form.len() < 8 || !told.contains(form), "{told} has {form}");
            }
        }
    }
}

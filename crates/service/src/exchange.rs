//! One exchange with a customer's URL as its owner may see it: secrets masked, the answer's body cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use indexmap::IndexMap;
use ringback_engine::transport::Sent;
use ringback_model::{Auth, BasicAuth, Endpoint, EndpointSecrets, Phases, Redacted};
use ringback_wire::Prepared;

/// What stands where a secret was.
pub(crate) const MASK: &str = "****";
/// How much of an answer's body is shown, in bytes.
const SHOWN_MAX: usize = 16 * 1_024;
/// Secrets that are shorter are not looked for in answers: they would be found everywhere.
const SECRET_MIN: usize = 4;

/// A request as it went out.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// What must not be shown of an endpoint's exchanges.
#[derive(Debug)]
pub(crate) struct Mask {
    /// Names of headers whose values are secrets, in lower case.
    headers: Vec<String>,
    /// Texts that a receiver may send back.
    texts: Vec<Redacted>,
}

impl Mask {
    /// The mask of an endpoint.
    pub(crate) fn new(endpoint: &Endpoint, secrets: &EndpointSecrets) -> Self {
        let mut mask = Self { headers: vec![AUTHORIZATION.to_string()], texts: Vec::new() };
        match &secrets.auth {
            Some(Auth::Bearer { token }) => mask.hide(token),
            Some(Auth::Basic(BasicAuth { username, password })) => {
                mask.hide(password);
                mask.hide(&Redacted::new(BASE64.encode(format!("{username}:{}", password.reveal()))));
            }
            Some(Auth::ApiKey { header, value }) => {
                mask.headers.push(header.to_ascii_lowercase());
                mask.hide(value);
            }
            Some(Auth::Oauth2 { client_secret, .. }) => mask.hide(client_secret),
            Some(Auth::Mtls { .. }) | None => {}
        }
        for (field, value) in endpoint.headers.iter().zip(&secrets.header_values) {
            if field.sensitive {
                mask.headers.push(field.name.to_ascii_lowercase());
                mask.hide(value);
            }
        }
        secrets.custom_values.iter().chain(&secrets.validation_key).for_each(|value| mask.hide(value));
        mask
    }

    fn hide(&mut self, secret: &Redacted) {
        if secret.reveal().len() >= SECRET_MIN {
            self.texts.push(secret.clone());
            // The longer first, for one secret may stand inside another.
            self.texts.sort_by_key(|text| std::cmp::Reverse(text.reveal().len()));
        }
    }

    fn text(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, secret| text.replace(secret.reveal(), MASK))
    }

    /// A request: `sent` is what went out; `shown` the same made with other values in the place of secret ones, which
    /// may be written in any encoding.
    pub(crate) fn request(&self, origin: &str, sent: &Prepared, shown: &Prepared) -> RequestView {
        let mut headers = all(&sent.headers);
        for (name, value) in &mut headers {
            if self.headers.contains(name) {
                let scheme = value.split_once(' ').filter(|_| name == AUTHORIZATION.as_str());
                *value = scheme.map_or_else(|| MASK.to_owned(), |(scheme, _)| format!("{scheme} {MASK}"));
            }
        }
        RequestView {
            method: sent.method.to_string(),
            url: format!("{origin}{}", shown.target),
            headers,
            body: String::from_utf8_lossy(&shown.body).into_owned(),
        }
    }

    /// What came of a request.
    pub(crate) fn exchange(&self, request: RequestView, sent: &Sent) -> ExchangeView {
        let response = sent.result.as_ref().ok().map(|answer| {
            let mut body = self.text(&String::from_utf8_lossy(&sent.exchange.response));
            let truncated = body.len() > SHOWN_MAX || answer.body == ringback_engine::transport::BodyEnd::TooLong;
            let end = (0..=SHOWN_MAX.min(body.len())).rev().find(|at| body.is_char_boundary(*at));
            body.truncate(end.unwrap_or_default());
            let mut headers = all(&answer.headers);
            headers.values_mut().for_each(|value| *value = self.text(value));
            ResponseView { status: answer.status, headers, body, truncated }
        });
        ExchangeView { request, response, phases: sent.exchange.phases }
    }
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
    use bytes::Bytes;
    use http::{HeaderValue, Method};
    use ringback_engine::transport::{Answer, BodyEnd};
    use ringback_model::{Exchange, HeaderField, SeededRandom, Timestamp};

    use super::*;

    fn secret(text: &str) -> Redacted {
        Redacted::new(text.to_owned())
    }

    fn endpoint() -> (Endpoint, EndpointSecrets) {
        let now = Timestamp::from_seconds(0);
        let id = ringback_model::IdMaker::new().make(now, &SeededRandom::new(1));
        let mut endpoint = Endpoint::new(id, "https://a.example/".to_owned(), now);
        endpoint.headers = vec![
            HeaderField { name: "X-Secret".into(), sensitive: true },
            HeaderField { name: "X-Env".into(), sensitive: false },
        ];
        let secrets = EndpointSecrets {
            auth: Some(Auth::Bearer { token: secret("1233XXX") }),
            header_values: vec![secret("hush-hush"), secret("prod")],
            custom_values: vec![secret(""), secret("team secret")],
            validation_key: Some(secret("9012XX")),
            ..EndpointSecrets::default()
        };
        (endpoint, secrets)
    }

    fn mask() -> Mask {
        let (endpoint, secrets) = endpoint();
        Mask::new(&endpoint, &secrets)
    }

    fn answered(body: &str, end: BodyEnd) -> Sent {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", HeaderValue::from_static("a"));
        headers.append("set-cookie", HeaderValue::from_static("1233XXX"));
        Sent {
            result: Ok(Answer { status: 200, headers, body: end }),
            exchange: Exchange { response: Bytes::copy_from_slice(body.as_bytes()), ..Exchange::default() },
        }
    }

    #[test]
    fn secrets_are_masked_in_the_request_and_names_stay() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("authorization", "Bearer 1233XXX"), ("x-secret", "hush-hush"), ("x-env", "prod")] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let prepared = |target: &str, body: &'static str| Prepared {
            method: Method::POST,
            target: target.parse().unwrap(),
            headers: headers.clone(),
            body: Bytes::from_static(body.as_bytes()),
            left_out: None,
        };
        let (sent, shown) = (prepared("/x?k=team%20secret", "team secret"), prepared("/x?k=****", "****"));
        let view = mask().request("https://a.example", &sent, &shown);
        assert_eq!((view.url.as_str(), view.body.as_str()), ("https://a.example/x?k=****", "****"));
        let headers: Vec<_> = view.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(headers, [("authorization", "Bearer ****"), ("x-secret", "****"), ("x-env", "prod")]);
    }

    #[test]
    fn secrets_that_a_receiver_sends_back_are_masked_too() {
        let (mask, view) = (mask(), mask().request("o", &nothing(), &nothing()));
        let body = "Bearer 1233XXX hush-hush prod team secret 9012XX";
        let response = mask.exchange(view, &answered(body, BodyEnd::Complete)).response.unwrap();
        assert_eq!(response.body, "Bearer **** **** prod **** ****");
        assert_eq!((response.headers["set-cookie"].as_str(), response.truncated), ("a, ****", false));
    }

    #[test]
    fn sixteen_kibibytes_of_a_body_are_shown_and_never_half_a_character_or_secret() {
        let (mask, view) = (mask(), mask().request("o", &nothing(), &nothing()));
        let body = format!("{}é", "x".repeat(SHOWN_MAX - 1));
        let response = mask.exchange(view.clone(), &answered(&body, BodyEnd::Complete)).response.unwrap();
        assert_eq!((response.body.len(), response.truncated), (SHOWN_MAX - 1, true));
        let body = format!("{}1233XXX", "x".repeat(SHOWN_MAX - 4));
        let response = mask.exchange(view, &answered(&body, BodyEnd::Complete)).response.unwrap();
        assert!(response.body.ends_with("x****"));
    }

    fn nothing() -> Prepared {
        Prepared {
            method: Method::GET,
            target: "/".parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            left_out: None,
        }
    }
}

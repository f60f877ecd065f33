use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use ringback_engine::transport::Answer;
use ringback_model::{BodyRule, BodyTest, Exchange, SuccessRule};
use ringback_wire::StatusPattern;

use super::*;

fn request(method: SendMethod, text: &'static str) -> Prepared {
    let content_type = match method {
        SendMethod::Get => None,
        SendMethod::Post => Some("application/x-www-form-urlencoded"),
        SendMethod::Json => Some("application/json"),
        SendMethod::Xml => Some("application/xml; charset=utf-8"),
    };
    let mut headers = HeaderMap::new();
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        return Prepared {
            method: Method::POST,
            target: "/hook".parse().unwrap(),
            headers,
            body: Bytes::from_static(text.as_bytes()),
            left_out: None,
        };
    }
    let target = format!("/hook?{text}").parse().unwrap();
    Prepared { method: Method::GET, target, headers, body: Bytes::new(), left_out: None }
}

fn answered(status: u16, headers: &[(&str, &str)], body: &'static str) -> Sent {
    let headers = headers
        .iter()
        .map(|(name, value)| (HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap()));
    let answer = Answer { status, headers: headers.collect(), body: BodyEnd::Complete };
    Sent {
        result: Ok(answer),
        exchange: Exchange { response: Bytes::from_static(body.as_bytes()), ..Exchange::default() },
        token: None,
    }
}

/// The verdict on an answer that does not count as success.
fn failed(request: &Prepared, status: u16, headers: &[(&str, &str)]) -> Verdict {
    let outcome = AttemptOutcome::Failed { why: Failure::Status(status), retry_after: None };
    Verdict::of(request, &answered(status, headers, ""), &outcome, &Success::default())
}

fn faulty(fault: impl Into<Fault>) -> Verdict {
    let sent = Sent { result: Err(fault.into()), exchange: Exchange::default(), token: None };
    let outcome = AttemptOutcome::Failed { why: Failure::Connect, retry_after: None };
    Verdict::of(&request(SendMethod::Json, "{}"), &sent, &outcome, &Success::default())
}

#[test]
fn a_405_says_which_send_method_the_receiver_takes() {
    for (sent, allow, advice) in [
        (SendMethod::Json, Some("GET"), "Switch the send method to GET."),
        (SendMethod::Post, Some("HEAD, get"), "Switch the send method to GET."),
        (SendMethod::Xml, Some("GET,HEAD,OPTIONS"), "Switch the send method to GET."),
        (SendMethod::Get, Some("POST"), "Switch the send method to POST for a form, or to JSON or XML"),
        (SendMethod::Get, None, "Switch the send method to POST for a form, or to JSON or XML"),
        (SendMethod::Json, None, "Switch the send method to GET, or"),
        (SendMethod::Json, Some("GET, POST"), "refuses POST and names it as allowed"),
        (SendMethod::Get, Some("GET"), "refuses GET and names it as allowed"),
        (SendMethod::Json, Some("PUT, PATCH"), "let the receiver take one of them"),
        (SendMethod::Get, Some("DELETE"), "let the receiver take one of them"),
    ] {
        let headers: Vec<_> = allow.map(|allow| ("allow", allow)).into_iter().collect();
        let verdict = failed(&request(sent, ""), 405, &headers);
        assert_eq!(verdict.class, VerdictClass::Method);
        assert!(verdict.advice.contains(advice), "{sent:?} {allow:?}: {verdict:?}");
    }
}

#[test]
fn a_400_names_the_parameters_that_were_empty() {
    let advice = |method, text| failed(&request(method, text), 400, &[]).advice;
    assert!(advice(SendMethod::Get, "smsId=1&dr=&k").contains("`dr`, `k`"));
    assert!(advice(SendMethod::Post, "smsId=1&dr=").starts_with("The parameter `dr` was sent empty"));
    assert!(advice(SendMethod::Json, r#"{"a":"","b":null,"c":0}"#).contains("`a`, `b` were"));
    assert!(advice(SendMethod::Xml, "<w><a>1</a><dr></dr><b/></w>").contains("`dr` was"));
    assert!(advice(SendMethod::Post, "a=&b=&c=&d=&e=&f=&g=").contains("`e` and 2 more were"));
    for method in [SendMethod::Get, SendMethod::Post, SendMethod::Json, SendMethod::Xml] {
        assert!(advice(method, "").contains(&format!("send method ({})", name(method))));
    }
}

#[test]
fn a_415_says_which_send_method_to_try() {
    let advice = |sent, headers: &[(&str, &str)]| failed(&request(sent, ""), 415, headers).advice;
    assert!(advice(SendMethod::Json, &[]).contains("to POST for a form"));
    assert!(advice(SendMethod::Post, &[]).contains("to JSON"));
    assert!(advice(SendMethod::Xml, &[]).contains("to JSON"));
    assert!(advice(SendMethod::Json, &[("accept", "text/xml; q=1, */*")]).contains("to XML: the receiver says"));
    assert!(advice(SendMethod::Xml, &[("accept-post", "application/x-www-form-urlencoded")]).contains("to POST: "));
    assert!(advice(SendMethod::Json, &[("accept", "application/json")]).contains("to POST for a form"));
}

#[test]
fn every_status_has_its_class_and_something_to_do() {
    use VerdictClass::{
        BadRequest, MediaType, Method, NotFound, RateLimited, Redirect, ServerError, Status, TooLarge, Unauthorized,
    };
    let request = request(SendMethod::Json, "{}");
    for (statuses, class, word) in [
        (&[301, 302, 303, 307, 308][..], Redirect, "not followed"),
        (&[401, 403], Unauthorized, "secret was rejected"),
        (&[404, 410], NotFound, "nothing at this path"),
        (&[405], Method, "405"),
        (&[400, 422], BadRequest, "does not accept"),
        (&[413, 414, 431], TooLarge, "too large"),
        (&[415], MediaType, "does not read"),
        (&[429], RateLimited, "too many"),
        (&[500, 501, 502, 503, 504, 599], ServerError, "failed"),
        (&[100, 300, 304, 305, 402, 418, 499], Status, "does not count"),
        (&[202], Status, "does not count"),
    ] {
        for status in statuses {
            let verdict = failed(&request, *status, &[]);
            assert_eq!(verdict.class, class, "{status}");
            assert!(verdict.text.contains(word) && verdict.text.contains(&status.to_string()), "{verdict:?}");
            assert!(verdict.advice.ends_with('.'), "{verdict:?}");
        }
    }
}

#[test]
fn a_redirect_tells_where_it_leads_and_a_429_how_long_to_wait() {
    let request = request(SendMethod::Get, "a=1");
    assert!(
        failed(&request, 302, &[("location", "https://b.example/login")]).advice.contains("https://b.example/login")
    );
    assert!(failed(&request, 429, &[("retry-after", "30")]).text.contains("(30)"));
    assert!(failed(&request, 413, &[]).advice.contains("POST or JSON"));
}

#[test]
fn a_rejected_secret_and_a_missing_one_are_told_apart() {
    let mut request = request(SendMethod::Json, "{}");
    let headers = [("www-authenticate", "Bearer realm=\"x\"")];
    assert!(
        failed(&request, 401, &headers).advice.contains("no `authorization` header, and the receiver asks for Bearer")
    );
    request.headers.insert("authorization", HeaderValue::from_static("Bearer x"));
    assert!(failed(&request, 403, &[]).advice.contains("Compare the secret"));
}

/// The verdict on an answer by this rule of the endpoint, and these statuses of its dialect.
fn judged(rule: Option<&SuccessRule>, dialect: &[&str], status: u16, body: &'static str) -> Verdict {
    let dialect: Vec<_> = dialect.iter().map(|text| StatusPattern::parse(text).unwrap()).collect();
    let (success, sent) = (Success::new(rule, &dialect).unwrap(), answered(status, &[], body));
    let outcome = sent.outcome_by(&success, false, ringback_model::Timestamp::from_seconds(0));
    Verdict::of(&request(SendMethod::Json, "{}"), &sent, &outcome, &success)
}

fn rule(status: &[&str], test: BodyTest, value: &str) -> SuccessRule {
    SuccessRule {
        status: status.iter().map(|status| (*status).to_owned()).collect(),
        body: Some(BodyRule { rule: test, value: Some(value.to_owned()) }),
    }
}

#[test]
fn an_answer_without_its_acknowledgement_is_told_what_is_missing() {
    for (test, value, advice) in [
        (BodyTest::Equals, "ACK/Jasmin", "the body `ACK/Jasmin`"),
        (BodyTest::Contains, "ACK/Jasmin", "`ACK/Jasmin` in the body"),
        (BodyTest::JsonPath, "$.a == 1", "JSON in which `$.a == 1` holds"),
    ] {
        // A status may count that means something else where nobody says so.
        for status in [200, 302] {
            let verdict = judged(Some(&rule(&["2xx", "3xx"], test, value)), &["2xx"], status, "ok");
            assert_eq!(verdict.class, VerdictClass::BodyMismatch);
            assert!(verdict.advice.contains(advice) && verdict.advice.contains(" The body was `ok`."), "{verdict:?}");
        }
    }
    let verdict = judged(Some(&rule(&[], BodyTest::NonEmpty, "")), &["2xx"], 200, "");
    assert!(verdict.advice.contains("any text") && verdict.advice.contains("was empty"), "{verdict:?}");
    let verdict = judged(Some(&rule(&["201", "202"], BodyTest::NonEmpty, "")), &["2xx"], 200, "ok");
    assert_eq!((verdict.class, verdict.advice.contains("201 or 202")), (VerdictClass::Status, true));
}

#[test]
fn the_statuses_that_count_in_a_dialect_are_those_that_are_asked_for() {
    let acknowledged = rule(&[], BodyTest::Equals, "OK");
    for rule in [None, Some(&acknowledged)] {
        for status in [201, 304, 402] {
            let verdict = judged(rule, &["200", "202"], status, "OK");
            assert_eq!(verdict.class, VerdictClass::Status, "{verdict:?}");
            assert!(verdict.advice.contains("200 or 202") && verdict.advice.contains("dialect"), "{verdict:?}");
        }
        assert_eq!(judged(rule, &["200", "202"], 202, "OK").class, VerdictClass::Success);
    }
    assert_eq!(judged(Some(&acknowledged), &["200", "202"], 202, "no").class, VerdictClass::BodyMismatch);
}

#[test]
fn a_token_server_that_fails_is_told_from_one_that_knows_no_such_client() {
    let refused = |status| TokenError::Refused { status, code: None };
    let silent = TokenError::NoAnswer(AttemptOutcome::Failed { why: Failure::Timeout, retry_after: None });
    for (error, word) in [
        (refused(401), "clientSecret"),
        (refused(400), "clientSecret"),
        (refused(500), "failed by itself"),
        (refused(302), "redirect"),
        (refused(404), "nothing takes a POST"),
        (refused(429), "too many"),
        (TokenError::NoToken, "token endpoint itself"),
        (silent, "is up"),
    ] {
        let verdict = faulty(error.clone());
        assert_eq!(verdict.class, VerdictClass::Unauthorized);
        let blames = verdict.advice.contains("clientSecret");
        assert!(verdict.advice.contains(word) && (blames == (word == "clientSecret")), "{verdict:?}");
    }
}

#[test]
fn success_says_so() {
    let verdict = Verdict::of(
        &request(SendMethod::Json, "{}"),
        &answered(204, &[], ""),
        &AttemptOutcome::Delivered,
        &Success::default(),
    );
    assert_eq!((verdict.class, verdict.advice.as_str()), (VerdictClass::Success, ""));
    assert_eq!(verdict.sentences(), "The URL answered 204, which counts as success.");
}

#[test]
fn every_reason_for_no_connection_has_its_class_and_something_to_do() {
    use VerdictClass::{Connect, Denied as Refused, Dns, Local, Timeout, Tls};
    for (error, class) in [
        (ConnectError::Dns(ResolveError::NotFound), Dns),
        (ConnectError::Dns(ResolveError::Timeout), Dns),
        (ConnectError::Dns(ResolveError::Failed("10.0.0.1 said no".to_owned())), Dns),
        (ConnectError::Denied(Denied::Address), Refused),
        (ConnectError::Denied(Denied::OwnListener), Refused),
        (ConnectError::Denied(Denied::InternalName), Refused),
        (ConnectError::Denied(Denied::HttpsOnly), Refused),
        (ConnectError::Denied(Denied::Port(25)), Refused),
        (ConnectError::Denied(Denied::TooManyAddresses), Refused),
        (ConnectError::LocalResource, Local),
        (ConnectError::Proxy("it is away"), Local),
        (ConnectError::Refused, Connect),
        (ConnectError::Timeout, Timeout),
    ] {
        let verdict = faulty(error.clone());
        assert_eq!(verdict.class, class, "{error:?}");
        assert!(verdict.text.ends_with('.') && verdict.advice.ends_with('.'), "{verdict:?}");
        assert!(!verdict.sentences().contains("10.0.0.1"), "an address of ours is told to nobody");
    }
    for (problem, word) in [
        (TlsProblem::Expired, "Renew"),
        (TlsProblem::NotYetValid, "dates"),
        (TlsProblem::WrongHost, "host name"),
        (TlsProblem::UnknownIssuer, "chain"),
        (TlsProblem::OtherAuthority, "`ca`"),
        (TlsProblem::AuthorityAsServer, "for the host name"),
        (TlsProblem::Certificate, "issued anew"),
        (TlsProblem::NotTls, "http://"),
        (TlsProblem::Incompatible, "TLS 1.2"),
        (TlsProblem::Ended, "client certificate"),
        (TlsProblem::Silent, "speaks TLS at all"),
        (TlsProblem::ClientCertificate, "`mtls`"),
    ] {
        let verdict = faulty(ConnectError::Tls(problem));
        assert_eq!(verdict.class, Tls);
        assert!(verdict.advice.contains(word), "{verdict:?}");
        let advises_public = verdict.advice.contains("public authority");
        assert_eq!(
            advises_public,
            problem == TlsProblem::UnknownIssuer,
            "no other may have one of its own: {verdict:?}"
        );
    }
}

#[test]
fn every_way_to_get_no_answer_has_its_class() {
    for (failure, class) in [
        (Failure::Timeout, VerdictClass::Timeout),
        (Failure::Closed, VerdictClass::Closed),
        (Failure::Protocol, VerdictClass::Protocol),
        (Failure::Tls, VerdictClass::Tls),
        (Failure::Connect, VerdictClass::Connect),
    ] {
        let verdict = faulty(Fault::Failed(failure));
        assert_eq!(verdict.class, class);
        assert!(verdict.advice.ends_with('.'));
    }
}

#[test]
fn every_class_has_a_word_of_its_own() {
    use VerdictClass::{
        BadRequest, BodyMismatch, Closed, Connect, Denied, Dns, Local, MediaType, Method, NotFound, Protocol,
        RateLimited, Redirect, ServerError, Status, Success, Timeout, Tls, TooLarge, Unauthorized,
    };
    let classes = [
        BadRequest,
        BodyMismatch,
        Closed,
        Connect,
        Denied,
        Dns,
        Local,
        MediaType,
        Method,
        NotFound,
        Protocol,
        RateLimited,
        Redirect,
        ServerError,
        Status,
        Success,
        Timeout,
        Tls,
        TooLarge,
        Unauthorized,
    ];
    let words: std::collections::HashSet<_> = classes.iter().map(|class| class.text()).collect();
    assert_eq!(words.len(), classes.len());
}

#[test]
fn a_rejected_client_certificate_is_told_as_such_though_the_handshake_was_over() {
    let sent = Sent { result: Err(Fault::Failed(Failure::Tls)), exchange: Exchange::default(), token: None };
    let outcome = AttemptOutcome::Failed { why: Failure::Tls, retry_after: None };
    let verdict = Verdict::of(&request(SendMethod::Json, "{}"), &sent, &outcome, &Success::default());
    assert_eq!(verdict.class, VerdictClass::Tls);
    assert!(
        verdict.text.contains("client certificate") && verdict.advice.contains("trusts for clients"),
        "{verdict:?}"
    );
}

#[test]
fn a_304_is_no_redirect() {
    let verdict = failed(&request(SendMethod::Get, "a=1"), 304, &[("location", "https://b.example/")]);
    assert_eq!(verdict.class, VerdictClass::Status);
    assert!(verdict.advice.contains("cache"), "{verdict:?}");
}

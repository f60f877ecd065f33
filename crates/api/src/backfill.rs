//! `POST /sms/verifyCode/validate`: a customer tells whether a one-time password came through (ANT, "OTP Backfill
//! Interface"). The secret stands in the body, so no body is logged. ANT's clients look at `code` alone: every answer but
//! that of a store that cannot be reached has status 200.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::ALLOW;
use http::{HeaderValue, StatusCode};
use ringback_model::Redacted;
use ringback_service::{FeedbackResult, Service};
use serde::Deserialize;
use serde_json::json;

use crate::explain::explain;
use crate::extract;
use crate::object::Object;
use crate::problem::Problem;
use crate::respond;

/// The largest body.
const BODY_MAX: usize = 16 * 1_024;
/// The longest id of a message.
const ID_MAX: usize = 256;

/// `code` of what was taken.
const TAKEN: i32 = 200;
/// `code` of a secret that nobody has.
const WRONG_SECRET: i32 = -22;
/// `code` of a body that makes no sense; ANT names none.
const WRONG_BODY: i32 = -1;

/// What a customer says. Everything is optional here, so that what is missing is told by its name.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Backfill {
    auth_secret: Redacted,
    sms_id: String,
    validate_result: String,
}

/// The path of the backfill.
pub(crate) fn routes() -> Router<Arc<Service>> {
    Router::new().route("/sms/verifyCode/validate", post(validate).fallback(other_method))
}

/// What any other method is answered: in the form that clients of this path read, and with the status that says so.
async fn other_method() -> Response {
    let body = json!({"msg": "parameter error: send it by POST, as JSON", "code": WRONG_BODY});
    let mut answer = respond::json(StatusCode::METHOD_NOT_ALLOWED, &body);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    answer
}

async fn validate(State(service): State<Arc<Service>>, request: Request<Body>) -> Response {
    let body = match extract::read(request.into_body()).await {
        Ok(body) if body.len() <= BODY_MAX => body,
        Ok(_) => return answer("parameter error: a body has at most 16 KiB", WRONG_BODY),
        Err(problem) => return problem.into_response(),
    };
    let mut reader = serde_json::Deserializer::from_slice(&body);
    let Object(said): Object<Backfill> = match serde_path_to_error::deserialize(&mut reader) {
        Ok(said) => said,
        // The text of the error may hold what stands there, and so a secret: only the name of the member is told.
        Err(error) => {
            let (path, error) = (error.path().to_string(), error.into_inner());
            let (line, column) = (error.line(), error.column());
            let member = explain(&error).member.unwrap_or(path);
            let text = match member.as_str() {
                "authSecret" | "smsId" | "validateResult" if error.is_data() => {
                    format!("parameter error: {member} is a text, given once and in quotes")
                }
                _ => format!("parameter error: no JSON of this shape, line {line} column {column}"),
            };
            return answer(&text, WRONG_BODY);
        }
    };
    let result = match said.validate_result.as_str() {
        "SUCCESS" => FeedbackResult::Success,
        "FAILURE" => FeedbackResult::Failure,
        _ => return answer("parameter error: validateResult is SUCCESS or FAILURE", WRONG_BODY),
    };
    if said.sms_id.is_empty() || said.sms_id.len() > ID_MAX {
        return answer(&format!("parameter error: smsId has 1 to {ID_MAX} bytes"), WRONG_BODY);
    }
    match service.take_feedback(&said.auth_secret, &said.sms_id, result).await {
        Ok(true) => answer("SUCCESS", TAKEN),
        Ok(false) => answer("auth secret error!", WRONG_SECRET),
        Err(error) => Problem::from(error).into_response(),
    }
}

fn answer(text: &str, code: i32) -> Response {
    respond::json(StatusCode::OK, &json!({"msg": text, "code": code}))
}

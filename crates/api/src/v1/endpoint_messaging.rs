//! What an endpoint says of reports, of how requests look and of how the two sides know each other, as answers write it.

use indexmap::IndexMap;
use ringback_model::{
    BodyTemplate, CustomParameter, EmptyValue, Endpoint, NumberFormat, SendMethod, StatusPolicy, SuccessRule,
    TimeFormat, Timestamp, VerificationKind, VerificationMode, VerificationState,
};
use ringback_service::AuthView;
use serde::Serialize;
use utoipa::ToSchema;

/// What a messaging platform's endpoint says beside. What is not set is left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessagingOut {
    #[serde(skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_unique_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    /// The dialect in force.
    dialect: String,
    /// The send method in force.
    #[schema(value_type = String)]
    send_method: SendMethod,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    #[schema(value_type = std::collections::HashMap<String, String>, required = false)]
    parameters: IndexMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    custom_parameters: Vec<CustomParameterOut>,
    #[serde(skip_serializing_if = "is_true")]
    #[schema(required = false)]
    custom_parameters_enabled: bool,
    #[serde(skip_serializing_if = "is_true")]
    #[schema(required = false)]
    custom_headers_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    time_format: Option<TimeFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    number_format: Option<NumberFormat>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    mask: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    empty_value: Option<EmptyValue>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    nested: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    xml_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    template: Option<BodyTemplate>,
    #[serde(skip_serializing_if = "is_true")]
    #[schema(required = false)]
    standard_signature: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<AuthOut>,
    /// Authorities that are believed beside the public ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<VerificationOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    success: Option<SuccessRule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_policy: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_mask: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registered_by: Option<String>,
}

/// A parameter of the owner.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CustomParameterOut {
    name: String,
    /// Not shown of a secret one.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    secret: bool,
}

/// How requests authenticate, without secrets.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AuthOut {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
}

/// A handshake and where it stands.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerificationOut {
    #[schema(value_type = String)]
    kind: VerificationKind,
    #[schema(value_type = String)]
    mode: VerificationMode,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    #[schema(value_type = String)]
    state: VerificationState,
    reason: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    checked_at: Option<Timestamp>,
    /// A URL that takes the place of the present one as soon as it passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_url: Option<String>,
}

impl MessagingOut {
    /// What an endpoint says.
    pub(crate) fn new(endpoint: &Endpoint, auth: Option<AuthView>) -> Self {
        let shape = endpoint.shape.as_deref().cloned().unwrap_or_default();
        let dialect = ringback_service::dialect_of(&shape);
        let (status_policy, status_mask) = match endpoint.status_policy {
            None => (None, None),
            Some(StatusPolicy::All) => (Some("all"), None),
            Some(StatusPolicy::FinalOnly) => (Some("final_only"), None),
            Some(StatusPolicy::Mask(mask)) => (Some("mask"), Some(mask)),
        };
        Self {
            product: endpoint.product.clone(),
            report_type: endpoint.report_type.clone(),
            product_unique_id: endpoint.product_unique_id.clone(),
            category: endpoint.category.clone(),
            dialect: dialect.0,
            send_method: dialect.1,
            parameters: shape.parameters,
            custom_parameters: shape.custom_parameters.into_iter().map(CustomParameterOut::from).collect(),
            custom_parameters_enabled: shape.custom_parameters_enabled,
            custom_headers_enabled: shape.custom_headers_enabled,
            time_format: shape.time_format,
            time_zone: shape.time_zone,
            number_format: shape.number_format,
            mask: shape.mask,
            empty_value: shape.empty_value,
            nested: shape.nested,
            xml_root: shape.xml_root,
            template: shape.template,
            standard_signature: shape.standard_signature,
            auth: auth.map(AuthOut::from),
            ca: endpoint.ca.clone(),
            verification: endpoint.verification.as_deref().cloned().map(VerificationOut::from),
            success: endpoint.success.as_deref().cloned(),
            status_policy,
            status_mask,
            prefix: endpoint.prefix.clone(),
            registered_by: endpoint.registered_by.clone(),
        }
    }
}

impl From<CustomParameter> for CustomParameterOut {
    fn from(parameter: CustomParameter) -> Self {
        let CustomParameter { name, value, secret } = parameter;
        Self { name, value: (!secret).then_some(value), secret }
    }
}

impl From<AuthView> for AuthOut {
    fn from(view: AuthView) -> Self {
        let AuthView { kind, username, header, token_url, client_id, scope, certificate, ca } = view;
        Self { kind, username, header, token_url, client_id, scope, certificate, ca }
    }
}

impl From<ringback_model::Verification> for VerificationOut {
    fn from(verification: ringback_model::Verification) -> Self {
        let ringback_model::Verification { kind, mode, parameter, state, reason, checked_at, pending_url } =
            verification;
        Self { kind, mode, parameter, state, reason, checked_at, pending_url }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_true(value: &bool) -> bool {
    *value
}

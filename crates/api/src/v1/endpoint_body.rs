//! Endpoints as requests write them.

use std::borrow::Cow;

use indexmap::IndexMap;
use ringback_model::{
    Auth, BodyTemplate, EmptyValue, NumberFormat, OnExhausted, Ordering, Redacted, SendMethod, Shape, StatusPolicy,
    TimeFormat, VerificationKind, VerificationMode,
};
use ringback_service::{Change, EndpointDraft, FieldError, HeadersChange, MessagingDraft, VerificationDraft};
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::endpoint_out::{OnExhaustedName, OrderingName};
use super::endpoint_value::{Batch, Concurrency, HeaderList, Length, Mask, ParameterList, Schedule, Success};
use crate::not_yet;
use crate::object::Object;
use crate::patch::{Patch, refuse_nulls};
use crate::problem::Problem;

/// What changes about an endpoint; what is absent stays, null takes it back to its default.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EndpointPatch {
    /// Where requests go: http or https. User and password in it become basic authentication.
    #[serde(default)]
    #[schema(value_type = String, format = "uri", max_length = 2048, example = "https://example.com/webhook/")]
    url: Patch<String>,
    /// For people.
    #[serde(default)]
    #[schema(value_type = String, max_length = 8192)]
    description: Patch<String>,
    /// Your own id for it: every path takes it in place of the server's.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 256, pattern = "^[a-zA-Z0-9\\-_.]+$")]
    uid: Patch<String>,
    /// A number of your own.
    #[serde(default)]
    #[schema(value_type = u16)]
    version: Patch<u16>,
    /// New messages make no delivery, and pending ones wait.
    #[serde(default)]
    #[schema(value_type = bool)]
    disabled: Patch<bool>,
    /// Messages are taken and held.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    paused: Patch<bool>,
    /// The event types that it gets; all of them if absent or null. A part between dots and colons may be `*`, for any.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1)]
    event_types: Patch<Vec<String>>,
    /// The old name of `eventTypes`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, deprecated)]
    filter_types: Patch<Vec<String>>,
    /// It gets messages that carry one of these; all of them if absent or null.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 10)]
    channels: Patch<Vec<String>>,
    /// What must be true of a message for it to get it: conditions on `payload`, `headers`, `type` and `channel`.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"payload": {"message": {"status": {"$in": ["delivered", "failed"]}}}}))]
    filter: Patch<serde_json::Value>,
    /// At most so many attempts a second.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1)]
    throttle_rate: Patch<u16>,
    /// The old name of `throttleRate`.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, deprecated)]
    rate_limit: Patch<u16>,
    /// At most so many attempts under way; 10 if absent.
    #[serde(default)]
    #[schema(value_type = Option<u16>, minimum = 1, maximum = 2048)]
    max_concurrency: Patch<Concurrency>,
    /// How long one attempt may take, 1s to 30s: a text such as `"15s"`, or a number of seconds.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "15s")]
    timeout: Patch<Length>,
    /// Delays between tries, as a list or as a text with commas.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, example = json!(["5s", "5m", "30m"]))]
    retry_schedule: Patch<Schedule>,
    /// In which order messages go: `none`, `per_key` (those with one `orderingKey`), `fifo` (all).
    #[serde(default)]
    #[schema(value_type = Option<OrderingName>, example = "none")]
    ordering: Patch<Ordering>,
    /// What an ordered endpoint does when a message has used up its tries: `skip` it, or `pause`.
    #[serde(default)]
    #[schema(value_type = Option<OnExhaustedName>, example = "skip")]
    on_exhausted: Patch<OnExhausted>,
    /// Several messages go in one request, as a JSON array: `maxMessages` of them, or those that are there when the first
    /// has waited for `maxWaitMs`. For payloads that go as they are.
    #[serde(default)]
    #[schema(value_type = Option<Batch>)]
    batch: Patch<Object<Batch>>,
    /// Your own notes.
    #[serde(default)]
    #[schema(value_type = std::collections::HashMap<String, String>)]
    metadata: Patch<IndexMap<String, String>>,
    /// Request headers, all of them: an object, or a list of `name`, `value` and `secret`.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    headers: Patch<HeaderList>,
    /// The signing secret, when an endpoint is made; one is drawn if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")]
    secret: Patch<String>,
    /// It gets reports of this product: `sms`, `whatsapp`, `voice`, `otp`, `lookup`, or one of the operator's.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "sms")]
    product: Patch<String>,
    /// It gets reports of this type: `dlr`, `mo`, `ivr`, `call`, `feedback`, `result`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "dlr")]
    report_type: Patch<String>,
    /// It gets reports of this number of the customer; of all if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    product_unique_id: Patch<String>,
    /// It gets reports of this category; of all if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    category: Patch<String>,
    /// How requests are written: `standard-webhooks`, or the name of another dialect.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "standard-webhooks")]
    dialect: Patch<String>,
    /// `get` (query), `post` (form), `json` or `xml`; the dialect's own if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "json")]
    send_method: Patch<SendMethod>,
    /// Names on the wire by the dialect's names of the values.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    parameters: Patch<IndexMap<String, String>>,
    /// Parameters of your own: an object, or a list of `name`, `value` and `secret`. A value may hold `{{path}}`.
    #[serde(default)]
    #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
    custom_parameters: Patch<ParameterList>,
    /// false keeps them and does not send them.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    custom_parameters_enabled: Patch<bool>,
    /// false keeps `headers` and does not send them.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    custom_headers_enabled: Patch<bool>,
    /// How times are written; the dialect's own if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "epoch_ms")]
    time_format: Patch<TimeFormat>,
    /// In which zone: a name of the IANA data base.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "Africa/Nairobi")]
    time_zone: Patch<String>,
    /// How numbers are written: `e164_plus`, `digits`, `00_prefix`, `national`, `raw`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "digits")]
    number_format: Patch<NumberFormat>,
    /// Numbers are written with their middle digits hidden.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    mask: Patch<bool>,
    /// What is written for a value that is not there: `empty`, `omit`, `null`.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "empty")]
    empty_value: Patch<EmptyValue>,
    /// Dots in names make objects (JSON, XML).
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    nested: Patch<bool>,
    /// The name of the root element; `webhook` if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    xml_root: Patch<String>,
    /// A body of your own making: `contentType`, and `body` with `{{path}}` where values go.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    template: Patch<Object<BodyTemplate>>,
    /// Whether Standard Webhooks headers are sent beside whatever the dialect signs with.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    standard_signature: Patch<bool>,
    /// How requests authenticate: `{"type": "bearer", "token"}`, `basic`, `apiKey`, `oauth2` or `mtls`. Secrets are never
    /// returned; null sends none, those of the URL included.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    auth: Patch<Object<Auth>>,
    /// Authorities, as PEM, that the certificates of the receiver and of its token server may come from beside the public
    /// ones.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    ca: Patch<String>,
    /// What the dialect signs with. Never returned.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    provider_secret: Patch<Redacted>,
    /// A handshake before the first event: `kind`, `validationKey`, `mode`, `parameter`.
    #[serde(default)]
    #[schema(value_type = Option<VerificationIn>)]
    verification: Patch<Object<VerificationIn>>,
    /// What counts as success: `status`, and a rule on the `body`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    success: Patch<Object<Success>>,
    /// Which states of a message it gets: `all`, `final_only`, `mask`; the dialect's own if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "all")]
    status_policy: Patch<StatusPolicyIn>,
    /// With `mask`: 1 delivered, 2 failed, 4 buffered, 8 accepted by the operator, 16 rejected by it, or a sum of them.
    /// A mask alone stands for the policy `mask`.
    #[serde(default)]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 31)]
    status_mask: Patch<Mask>,
    /// Who registered it in the customer's place. Only a token of the organization can say so.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    registered_by: Patch<String>,
}

/// Which states of a message make a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatusPolicyIn {
    All,
    FinalOnly,
    Mask,
    Monotonic,
}

/// A handshake before the first event.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct VerificationIn {
    /// `token`, `hub_challenge`, `echo` or `ping`.
    #[schema(value_type = String, example = "token")]
    kind: VerificationKind,
    /// The key that the receiver knows; one is drawn if absent.
    #[schema(value_type = Option<String>, min_length = 4, max_length = 128)]
    validation_key: Option<Redacted>,
    /// How strictly the answer is read: `default`, `strict`, `lenient`.
    #[schema(value_type = Option<String>, example = "default")]
    mode: Option<VerificationMode>,
    /// The name of the query parameter that carries the key; `token` if absent.
    parameter: Option<String>,
    /// What answers tell of it, which whoever sends back what was read sends along.
    #[serde(default, rename = "state")]
    #[schema(ignore)]
    _state: IgnoredAny,
    #[serde(default, rename = "reason")]
    #[schema(ignore)]
    _reason: IgnoredAny,
    #[serde(default, rename = "checkedAt")]
    #[schema(ignore)]
    _checked_at: IgnoredAny,
    #[serde(default, rename = "pendingUrl")]
    #[schema(ignore)]
    _pending_url: IgnoredAny,
}

/// What is said about an endpoint: the members of a change, of which the URL has to be there.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct EndpointIn(EndpointPatch);

impl PartialSchema for EndpointIn {
    fn schema() -> RefOr<Schema> {
        let mut schema = EndpointPatch::schema();
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.description = Some("What is said about an endpoint.".to_owned());
            object.required.push("url".to_owned());
            if let Some(RefOr::T(Schema::Object(url))) = object.properties.get_mut("url") {
                url.schema_type = Type::String.into();
            }
        }
        schema
    }
}

impl ToSchema for EndpointIn {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("EndpointIn")
    }
}

impl EndpointIn {
    /// The draft of the use case.
    pub(crate) fn draft(self) -> Result<EndpointDraft, Problem> {
        let patch = self.0.settled()?;
        let Patch::Set(url) = &patch.url else {
            return Err(Problem::invalid([FieldError::body("url", "An endpoint needs a URL to send to.")]));
        };
        let mut draft = EndpointDraft::new(url.clone());
        patch.apply(&mut draft);
        Ok(draft)
    }
}

impl EndpointPatch {
    /// Refuses null for what an endpoint always has, in a change.
    pub(crate) fn refuse_nulls(&self) -> Result<(), Problem> {
        refuse_nulls(&[
            ("url", self.url.is_null()),
            ("description", self.description.is_null()),
            ("version", self.version.is_null()),
            ("disabled", self.disabled.is_null()),
            ("metadata", self.metadata.is_null()),
        ])
    }

    /// The same change, with old names of members replaced by the new ones.
    pub(crate) fn settled(mut self) -> Result<Self, Problem> {
        self.check_status_policy()?;
        let types = std::mem::take(&mut self.event_types).or_older(
            std::mem::take(&mut self.filter_types),
            "eventTypes",
            "filterTypes",
        );
        let rate = self.throttle_rate.or_older(self.rate_limit, "throttleRate", "rateLimit");
        match (types, rate) {
            (Ok(types), Ok(rate)) => Ok(Self { event_types: types, throttle_rate: rate, ..self }),
            (types, rate) => Err(Problem::invalid(types.err().into_iter().chain(rate.err()))),
        }
    }

    fn check_status_policy(&self) -> Result<(), Problem> {
        if self.status_policy == Patch::Set(StatusPolicyIn::Monotonic) {
            return Err(Problem::invalid([not_yet::fault("statusPolicy")]));
        }
        let names_mask = match self.status_policy {
            Patch::Set(policy) => policy == StatusPolicyIn::Mask,
            Patch::Absent => true,
            Patch::Null => false,
        };
        let rule = match self.status_mask {
            Patch::Set(Mask(0)) => {
                "It is 1 to 31: 1 delivered, 2 failed, 4 buffered, 8 accepted by the operator, 16 rejected by it, or a \
                 sum of them."
            }
            Patch::Set(_) if !names_mask => "A mask goes with the policy `mask`: leave one of the two out.",
            Patch::Null if self.status_policy == Patch::Set(StatusPolicyIn::Mask) => {
                "The policy `mask` needs a mask of 1 to 31."
            }
            Patch::Absent | Patch::Null | Patch::Set(_) => return Ok(()),
        };
        Err(Problem::invalid([FieldError::body("statusMask", rule)]))
    }

    /// Refuses to change the secret by the way: the old one has to sign along for a while, as receivers still have it.
    pub(crate) fn keeps_the_secret(&self) -> Result<(), Problem> {
        match self.secret {
            Patch::Absent => Ok(()),
            Patch::Null | Patch::Set(_) => {
                let rule = "A secret is changed with POST to `secret/rotate` below this path. Leave it out here.";
                Err(Problem::invalid([FieldError::body("secret", rule)]))
            }
        }
    }

    /// Writes the change over a draft.
    pub(crate) fn apply(&self, draft: &mut EndpointDraft) {
        self.url.clone().write(&mut draft.url, String::new());
        self.description.clone().write(&mut draft.description, String::new());
        self.uid.clone().write_option(&mut draft.uid);
        self.version.write(&mut draft.version, 1);
        self.disabled.write(&mut draft.disabled, false);
        self.paused.write(&mut draft.paused, false);
        self.event_types.clone().write_option(&mut draft.event_types);
        self.channels.clone().write_option(&mut draft.channels);
        self.filter.clone().write_option(&mut draft.filter);
        self.throttle_rate.write_option(&mut draft.throttle_rate);
        self.max_concurrency.map(|Concurrency(max)| max).write_option(&mut draft.max_concurrency);
        self.timeout.map(|length| length.0).write_option(&mut draft.timeout);
        self.retry_schedule.clone().map(|schedule| schedule.0).write_option(&mut draft.retry_schedule);
        self.ordering.write(&mut draft.ordering, Ordering::default());
        self.on_exhausted.write(&mut draft.on_exhausted, OnExhausted::default());
        self.batch.map(|Object(batch)| batch.into()).write_option(&mut draft.batch);
        self.metadata.clone().write(&mut draft.metadata, IndexMap::new());
        self.secret.clone().write_option(&mut draft.secret);
        let headers = self.headers.clone().map(|headers| HeadersChange::Replace(headers.0));
        headers.write(&mut draft.headers, HeadersChange::Replace(Vec::new()));
        self.apply_messaging(&mut draft.messaging);
    }

    fn apply_messaging(&self, draft: &mut MessagingDraft) {
        self.product.clone().write_option(&mut draft.product);
        self.report_type.clone().write_option(&mut draft.report_type);
        self.product_unique_id.clone().write_option(&mut draft.product_unique_id);
        self.category.clone().write_option(&mut draft.category);
        self.registered_by.clone().write_option(&mut draft.registered_by);
        self.success.clone().map(|Object(rule)| rule.into()).write_option(&mut draft.success);
        self.ca.clone().write_option(&mut draft.ca);
        draft.status_policy = self.new_status_policy(draft.status_policy);
        self.apply_shape(&mut draft.shape);
        let parameters = self.custom_parameters.clone().map(|list| Change::Replace(list.0));
        parameters.write(&mut draft.custom_parameters, Change::Replace(Vec::new()));
        let auth = self.auth.clone().map(|Object(auth)| Change::Replace(Some(auth)));
        auth.write(&mut draft.auth, Change::Replace(None));
        let secret = self.provider_secret.clone().map(|secret| Change::Replace(Some(secret)));
        secret.write(&mut draft.provider_secret, Change::Replace(None));
        let verification = self.verification.clone().map(|Object(said)| {
            let VerificationIn { kind, validation_key, mode, parameter, .. } = said;
            let mode = mode.unwrap_or_default();
            Change::Replace(Some(VerificationDraft { kind, validation_key, mode, parameter }))
        });
        verification.write(&mut draft.verification, Change::Replace(None));
    }

    fn apply_shape(&self, shape: &mut Shape) {
        let standard = Shape::default();
        self.dialect.clone().write_option(&mut shape.dialect);
        self.send_method.write_option(&mut shape.send_method);
        self.parameters.clone().write(&mut shape.parameters, standard.parameters);
        self.custom_parameters_enabled.write(&mut shape.custom_parameters_enabled, true);
        self.custom_headers_enabled.write(&mut shape.custom_headers_enabled, true);
        self.time_format.write_option(&mut shape.time_format);
        self.time_zone.clone().write_option(&mut shape.time_zone);
        self.number_format.write_option(&mut shape.number_format);
        self.mask.write(&mut shape.mask, false);
        self.empty_value.write_option(&mut shape.empty_value);
        self.nested.write(&mut shape.nested, false);
        self.xml_root.clone().write_option(&mut shape.xml_root);
        self.template.clone().map(|Object(template)| template).write_option(&mut shape.template);
        self.standard_signature.write(&mut shape.standard_signature, true);
    }

    /// The policy that there will be in the place of `old`. One that has no mask has the mask 0, which is refused.
    fn new_status_policy(&self, old: Option<StatusPolicy>) -> Option<StatusPolicy> {
        let old_mask = match old {
            Some(StatusPolicy::Mask(mask)) => Some(mask),
            Some(StatusPolicy::All | StatusPolicy::FinalOnly) | None => None,
        };
        match (self.status_policy, self.status_mask) {
            (Patch::Absent, Patch::Set(Mask(mask))) => Some(StatusPolicy::Mask(mask)),
            (Patch::Absent, Patch::Null) => old.filter(|_| old_mask.is_none()),
            (Patch::Absent, Patch::Absent) => old,
            (Patch::Null, _) => None,
            (Patch::Set(StatusPolicyIn::All | StatusPolicyIn::Monotonic), _) => Some(StatusPolicy::All),
            (Patch::Set(StatusPolicyIn::FinalOnly), _) => Some(StatusPolicy::FinalOnly),
            (Patch::Set(StatusPolicyIn::Mask), Patch::Set(Mask(mask))) => Some(StatusPolicy::Mask(mask)),
            (Patch::Set(StatusPolicyIn::Mask), Patch::Absent | Patch::Null) => {
                Some(StatusPolicy::Mask(old_mask.unwrap_or(0)))
            }
        }
    }
}

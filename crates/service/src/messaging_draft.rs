//! What a caller may say about an endpoint of a messaging platform: which reports it gets, how requests look, and how
//! the two sides know each other.

use std::time::Duration;

use ringback_model::{
    Auth, CustomParameter, Endpoint, EndpointSecrets, OrganizationSettings, Random, Redacted, RetiredAuth, SendMethod,
    Shape, StatusPolicy, SuccessRule, Timestamp, Verification, VerificationKind, VerificationMode, VerificationState,
    product_faults,
};

use crate::auth::{self, SECRET_RULE, is_secret};
use crate::check::Faults;

/// For how long an old bearer secret is tried after a 401.
const AUTH_GRACE: Duration = Duration::from_secs(24 * 3_600);
/// Letters of a validation key that is drawn.
const KEY_LENGTH: usize = 24;
/// How long a validation key may be.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 4..=128;
/// The longest word that reports are matched by, in bytes.
const NAME_MAX: usize = 256;
/// Masks that ask for something.
const STATUS_MASKS: std::ops::RangeInclusive<u8> = 1..=31;
/// The longest body template, in bytes.
const TEMPLATE_MAX: usize = 65_536;
/// Parameters of the owner, and the longest value of one, in bytes.
const CUSTOM_MAX: usize = 50;
const VALUE_MAX: usize = 4_096;

/// A member that may stay as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays.
    #[default]
    Keep,
    /// This takes its place.
    Replace(T),
}

/// One parameter of the owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomParameterDraft {
    /// Its name on the wire.
    pub name: String,
    /// Its value, or a template; empty for a secret one that stays as it is.
    pub value: Redacted,
    /// Its value is named, never returned.
    pub secret: bool,
}

/// A handshake that an endpoint has to pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerificationDraft {
    /// Which one.
    pub kind: VerificationKind,
    /// The key; one is drawn if absent.
    pub validation_key: Option<Redacted>,
    /// How strictly the answer is read.
    pub mode: VerificationMode,
    /// The name of the query parameter that carries the key.
    pub parameter: Option<String>,
}

/// What a caller may say. See the members of [`Endpoint`] and [`EndpointSecrets`] of the same names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the endpoint's members")]
pub struct MessagingDraft {
    pub product: Option<String>,
    pub report_type: Option<String>,
    pub product_unique_id: Option<String>,
    pub category: Option<String>,
    pub status_policy: Option<StatusPolicy>,
    pub shape: Shape,
    pub success: Option<SuccessRule>,
    pub ca: Option<String>,
    pub registered_by: Option<String>,
    pub prefix: Option<String>,
    pub custom_parameters: Change<Vec<CustomParameterDraft>>,
    pub auth: Change<Option<Auth>>,
    pub verification: Change<Option<VerificationDraft>>,
    pub provider_secret: Change<Option<Redacted>>,
}

impl MessagingDraft {
    /// What an endpoint says now: the draft that changes nothing.
    #[must_use]
    pub fn of(endpoint: &Endpoint) -> Self {
        Self {
            product: endpoint.product.clone(),
            report_type: endpoint.report_type.clone(),
            product_unique_id: endpoint.product_unique_id.clone(),
            category: endpoint.category.clone(),
            status_policy: endpoint.status_policy,
            shape: endpoint.shape.as_deref().cloned().unwrap_or_default(),
            success: endpoint.success.as_deref().cloned(),
            ca: endpoint.ca.clone(),
            registered_by: endpoint.registered_by.clone(),
            prefix: endpoint.prefix.clone(),
            ..Self::default()
        }
    }

    /// Notes everything that is wrong and can be told without a look at how requests look, which the recipe judges.
    pub(crate) fn check(&self, settings: &OrganizationSettings, faults: &mut Faults) {
        let (product, report_type) = (self.product.as_deref(), self.report_type.as_deref());
        for (field, message) in
            product_faults(&settings.products, product, report_type, self.product_unique_id.as_deref())
        {
            faults.note(field, message);
        }
        for (field, text) in [
            ("productUniqueId", &self.product_unique_id),
            ("category", &self.category),
            ("registeredBy", &self.registered_by),
            ("prefix", &self.prefix),
        ] {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > NAME_MAX) {
                faults.note(field, format!("1 to {NAME_MAX} bytes are allowed; leave it out for all."));
            }
            if text.as_ref().is_some_and(|text| text.contains('\0')) {
                faults.note(field, "The character U+0000 is not allowed.");
            }
        }
        if let Some(ca) = &self.ca {
            auth::check_pem("ca", ca, "CERTIFICATE", faults);
        }
        if matches!(self.status_policy, Some(StatusPolicy::Mask(mask)) if !STATUS_MASKS.contains(&mask)) {
            faults.note("statusMask", "The policy `mask` needs a mask of 1 to 31.");
        }
        if let Some(template) = &self.shape.template
            && template.body.len() > TEMPLATE_MAX
        {
            faults.note_path("template.body", format!("At most {TEMPLATE_MAX} bytes are allowed."));
        }
        if let Change::Replace(Some(secret)) = &self.provider_secret
            && !is_secret(secret)
        {
            faults.note("providerSecret", SECRET_RULE);
        }
        if let Change::Replace(parameters) = &self.custom_parameters {
            check_custom(parameters, faults);
        }
        if let Change::Replace(Some(draft)) = &self.verification {
            check_verification(draft, faults);
        }
    }

    /// Puts in the secrets that somebody has left out who sends back what was shown, in which there are none; notes
    /// those that cannot be found, and what else is wrong with the authentication.
    pub(crate) fn fill_in(&mut self, endpoint: &Endpoint, secrets: &EndpointSecrets, faults: &mut Faults) {
        if let Change::Replace(parameters) = &mut self.custom_parameters {
            let kept = endpoint.shape.iter().flat_map(|shape| &shape.custom_parameters).zip(&secrets.custom_values);
            let kept: Vec<_> = kept.filter(|(parameter, _)| parameter.secret).collect();
            for (at, draft) in
                parameters.iter_mut().enumerate().filter(|(_, d)| d.secret && d.value.reveal().is_empty())
            {
                match kept.iter().find(|(parameter, _)| parameter.name == draft.name) {
                    Some((_, value)) => draft.value = (*value).clone(),
                    None => {
                        faults.note_path(&format!("customParameters.{at}.value"), "A secret parameter needs a value.")
                    }
                }
            }
        }
        if let Change::Replace(Some(auth)) = &mut self.auth {
            auth::fill_in(auth, secrets.auth.as_ref());
            auth::check(auth, faults);
        }
    }

    /// Writes the draft into an endpoint and its secrets.
    pub(crate) fn write_to(
        self,
        endpoint: &mut Endpoint,
        secrets: &mut EndpointSecrets,
        random: &dyn Random,
        wall: Timestamp,
    ) {
        endpoint.product = self.product;
        endpoint.report_type = self.report_type;
        endpoint.product_unique_id = self.product_unique_id;
        endpoint.category = self.category;
        endpoint.status_policy = self.status_policy;
        endpoint.success = self.success.map(Box::new);
        endpoint.ca = self.ca;
        endpoint.registered_by = self.registered_by;
        endpoint.prefix = self.prefix;
        let mut shape = self.shape;
        match self.custom_parameters {
            Change::Replace(parameters) => {
                (shape.custom_parameters, secrets.custom_values) = parameters.into_iter().map(split).unzip();
            }
            // What replaces an endpoint and names none has none.
            Change::Keep if shape.custom_parameters.is_empty() => secrets.custom_values.clear(),
            Change::Keep => {}
        }
        // Who sends back what was shown has not chosen the dialect's own method.
        let had_none = endpoint.shape.as_ref().is_none_or(|old| old.send_method.is_none());
        let own = Shape { send_method: None, ..shape.clone() };
        shape.send_method = shape.send_method.filter(|method| !had_none || *method != dialect_of(&own).1);
        // Who names the dialect of those that name none says nothing.
        shape.dialect = shape.dialect.filter(|name| name != ringback_wire::dialect::DEFAULT);
        endpoint.shape = (shape != Shape::default()).then(|| Box::new(shape));
        if let Change::Replace(secret) = self.provider_secret {
            secrets.provider_secret = secret;
        }
        if let Change::Replace(auth) = self.auth {
            retire(secrets, auth, wall);
        }
        match self.verification {
            Change::Keep => {}
            Change::Replace(None) => {
                // Without a handshake there is nothing that a URL could wait for.
                if let Some(pending) = endpoint.verification.take().and_then(|old| old.pending_url) {
                    endpoint.url = pending;
                }
                secrets.validation_key = None;
            }
            Change::Replace(Some(draft)) => verify_anew(endpoint, secrets, draft, random),
        }
    }
}

fn check_verification(draft: &VerificationDraft, faults: &mut Faults) {
    if let Some(key) = &draft.validation_key {
        let key = key.reveal();
        if !KEY_LENGTHS.contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            faults.note_path("verification.validationKey", "A key has 4 to 128 visible ASCII characters.");
        }
    }
    let is_name = |text: &str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    if draft.parameter.as_deref().is_some_and(|name| !is_name(name)) {
        faults
            .note_path("verification.parameter", "1 to 64 characters of a-z, A-Z, 0-9, `-`, `_` and `.` are allowed.");
    }
}

fn check_custom(parameters: &[CustomParameterDraft], faults: &mut Faults) {
    if parameters.len() > CUSTOM_MAX {
        faults.note("customParameters", format!("At most {CUSTOM_MAX} parameters are allowed."));
    }
    for (at, parameter) in parameters.iter().enumerate().take(CUSTOM_MAX) {
        if parameter.name.is_empty() || parameter.name.len() > NAME_MAX {
            faults.note_path(&format!("customParameters.{at}.name"), "A parameter needs a name.");
        }
        if parameter.value.reveal().len() > VALUE_MAX {
            faults
                .note_path(&format!("customParameters.{at}.value"), format!("At most {VALUE_MAX} bytes are allowed."));
        }
    }
}

/// The dialect in force and how it sends, where the shape does not say.
#[must_use]
pub fn dialect_of(shape: &Shape) -> (String, SendMethod) {
    let dialect = ringback_wire::dialect::find_or_default(shape.dialect.as_deref()).ok();
    let name = dialect.map_or(ringback_wire::dialect::DEFAULT, |dialect| dialect.name.as_str());
    let method = shape.send_method.or(dialect.map(|dialect| dialect.send_method)).unwrap_or(SendMethod::Json);
    (name.to_owned(), method)
}

/// Puts another authentication in force; an old bearer secret stays good for a while, as the receiver may still have it.
fn retire(secrets: &mut EndpointSecrets, auth: Option<Auth>, wall: Timestamp) {
    if secrets.auth == auth {
        return;
    }
    let old = std::mem::replace(&mut secrets.auth, auth);
    let both_bearer = matches!((&old, &secrets.auth), (Some(Auth::Bearer { .. }), Some(Auth::Bearer { .. })));
    secrets.retired_auth = old.filter(|_| both_bearer).map(|auth| RetiredAuth { auth, expires_at: wall + AUTH_GRACE });
}

fn verify_anew(endpoint: &mut Endpoint, secrets: &mut EndpointSecrets, draft: VerificationDraft, random: &dyn Random) {
    let same = endpoint.verification.as_ref().filter(|old| {
        let key_stays = draft.validation_key.is_none() || draft.validation_key == secrets.validation_key;
        old.kind == draft.kind && old.mode == draft.mode && old.parameter == draft.parameter && key_stays
    });
    if same.is_some() {
        return;
    }
    // Whoever waited for another handshake waits for this one.
    if let Some(pending) = endpoint.verification.as_deref_mut().and_then(|old| old.pending_url.take()) {
        endpoint.url = pending;
    }
    let drawn = || Redacted::new(draw(random));
    secrets.validation_key = Some(draft.validation_key.or(secrets.validation_key.take()).unwrap_or_else(drawn));
    endpoint.verification = Some(Box::new(Verification {
        kind: draft.kind,
        mode: draft.mode,
        parameter: draft.parameter,
        state: VerificationState::Unverified,
        reason: None,
        checked_at: None,
        pending_url: None,
    }));
}

fn draw(random: &dyn Random) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bytes = [0; KEY_LENGTH];
    random.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 64)])).collect()
}

fn split(draft: CustomParameterDraft) -> (CustomParameter, Redacted) {
    let CustomParameterDraft { name, value, secret } = draft;
    if secret {
        return (CustomParameter { name, value: String::new(), secret }, value);
    }
    (CustomParameter { name, value: value.reveal().to_owned(), secret }, Redacted::default())
}

//! What a caller may say about an endpoint of a messaging platform: which reports it gets, how requests look, and how
//! the two sides know each other.

use std::time::Duration;

use ringback_model::{
    Auth, CustomParameter, Endpoint, EndpointSecrets, OrganizationSettings, Random, Redacted, RetiredAuth, SendMethod,
    Shape, StatusPolicy, SuccessRule, Timestamp, Verification, VerificationKind, VerificationMode, VerificationState,
    product_faults,
};

use crate::check::Faults;

/// For how long an old bearer secret is tried after a 401.
const AUTH_GRACE: Duration = Duration::from_secs(24 * 3_600);
/// Letters of a validation key that is drawn.
const KEY_LENGTH: usize = 24;
/// How long a validation key may be.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 4..=128;
/// The longest secret or product word, in bytes.
const TEXT_MAX: usize = 4_096;

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
    /// Its value, or a template.
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
        ] {
            if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > 256) {
                faults.note(field, "1 to 256 bytes are allowed; leave it out for all.");
            }
        }
        if let Change::Replace(Some(Auth::Bearer { token })) = &self.auth
            && (token.reveal().is_empty() || token.reveal().len() > TEXT_MAX)
        {
            faults.note("auth", format!("A token has 1 to {TEXT_MAX} bytes."));
        }
        if let Change::Replace(Some(draft)) = &self.verification {
            self.check_verification(draft, faults);
        }
    }

    fn check_verification(&self, draft: &VerificationDraft, faults: &mut Faults) {
        let Some(key) = &draft.validation_key else { return };
        let key = key.reveal();
        let is_fit = KEY_LENGTHS.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_fit {
            faults.note_item("verification", &"validationKey", "A key has 4 to 128 visible ASCII characters.");
        }
        // The key stands in access logs, where a secret must not.
        if matches!(&self.auth, Change::Replace(Some(Auth::Bearer { token })) if token.reveal() == key) {
            faults.note_item("verification", &"validationKey", "The key must be another than the bearer secret.");
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
        endpoint.registered_by = self.registered_by;
        endpoint.prefix = self.prefix;
        let mut shape = self.shape;
        if let Change::Replace(parameters) = self.custom_parameters {
            (shape.custom_parameters, secrets.custom_values) = parameters.into_iter().map(split).unzip();
        }
        endpoint.shape = (shape != Shape::default()).then(|| Box::new(shape));
        if let Change::Replace(secret) = self.provider_secret {
            secrets.provider_secret = secret;
        }
        if let Change::Replace(auth) = self.auth {
            retire(secrets, auth, wall);
        }
        match self.verification {
            Change::Keep => {}
            Change::Replace(None) => (endpoint.verification, secrets.validation_key) = (None, None),
            Change::Replace(Some(draft)) => verify_anew(endpoint, secrets, draft, random),
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

//! What a draft makes of an endpoint: both parts of its document, when all of it makes sense together.

use ringback_engine::check_auth;
use ringback_model::{
    Auth, Endpoint, EndpointSecrets, SigningKey, SigningSecret, Verification, VerificationKind, VerificationMode,
    VerificationState, near, product_name, sentence,
};
use ringback_store::AppConfig;
use ringback_wire::report::{product_of_event, type_of_event};
use ringback_wire::{Handshake, Recipe, dialect};

use crate::check::Faults;
use crate::header;
use crate::moving;
use crate::secret::read_secret;
use crate::verification;
use crate::{Change, CheckedUrl, EndpointDraft, HeadersChange, Service, ServiceError, VerificationDraft};

/// How many endpoints that get the same are named.
const OVERLAPS_NAMED: usize = 3;

/// An endpoint as it will be kept, both parts of it.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) endpoint: Endpoint,
    pub(crate) secrets: EndpointSecrets,
    pub(crate) warnings: Vec<String>,
}

impl Service {
    /// A new endpoint as a draft describes it, when all of it makes sense. Nothing is kept.
    pub(crate) async fn compose_unsaved(
        &self,
        app: &AppConfig,
        mut draft: EndpointDraft,
    ) -> Result<Composed, ServiceError> {
        let secret = match draft.secret.take() {
            Some(text) => read_secret("secret", &text)?,
            None => SigningSecret::generate(&*self.random),
        };
        let secrets = EndpointSecrets { keys: vec![SigningKey { secret, expires_at: None }], ..Default::default() };
        let now = self.clock.now();
        let endpoint = Endpoint::new(self.ids.make(now, &*self.random), String::new(), now);
        // Where the organization asks everybody for a handshake, who names none gets the usual one.
        if app.settings.require_verification && !matches!(draft.messaging.verification, Change::Replace(Some(_))) {
            draft.messaging.verification = Change::Replace(Some(usual_handshake()));
        }
        let mut composed = self.compose(app, endpoint, secrets, draft).await?;
        // What was never changed says so.
        composed.endpoint.updated_at = now;
        Ok(composed)
    }

    /// What a draft makes of an endpoint, when all of it makes sense.
    pub(crate) async fn compose(
        &self,
        app: &AppConfig,
        mut endpoint: Endpoint,
        mut secrets: EndpointSecrets,
        mut draft: EndpointDraft,
    ) -> Result<Composed, ServiceError> {
        // One from before the organization asked everybody for a handshake passes it before it is called elsewhere.
        let moves = !endpoint.url.is_empty() && draft.url != wanted_url(&endpoint);
        if moves
            && app.settings.require_verification
            && endpoint.verification.is_none()
            && !matches!(draft.messaging.verification, Change::Replace(Some(_)))
        {
            draft.messaging.verification = Change::Replace(Some(usual_handshake()));
        }
        let mut faults = Faults::default();
        draft.check(&app.settings, &mut faults);
        let url = self.new_url(&endpoint, &draft, &mut faults);
        // IMPORTANT: a secret goes to the server that it was given for, and to no other.
        if url.as_ref().is_some_and(|url| moving::leads_elsewhere(&endpoint, &url.url)) {
            moving::check(&endpoint, &secrets, &draft, &mut faults);
        }
        draft.messaging.fill_in(&endpoint, &secrets, &mut faults);
        self.check_token_url(&mut draft, &mut faults);
        if let HeadersChange::Replace(mut headers) = std::mem::take(&mut draft.headers) {
            header::fill_in(&mut headers, &endpoint, &secrets);
            header::check(&headers, &mut faults);
            (endpoint.headers, secrets.header_values) = headers.into_iter().map(header::HeaderDraft::split).unzip();
        }
        // A filter that stays as it was may name types that were removed since.
        if draft.messaging.prefix.is_none()
            && draft.event_types != endpoint.event_types
            && let Some(types) = &draft.event_types
        {
            self.check_event_types_exist(app.org, types, &mut faults).await?;
        }
        let takes_away = matches!(draft.messaging.verification, Change::Replace(None));
        if takes_away && app.settings.require_verification && endpoint.verification.is_some() {
            faults.note("verification", "The organization asks for a handshake: it can be another one, and not none.");
        }
        faults.finish()?;

        let mut faults = Faults::default();
        let messaging = std::mem::take(&mut draft.messaging);
        let names_auth = matches!(messaging.auth, Change::Replace(_));
        draft.write_to(&mut endpoint);
        messaging.write_to(&mut endpoint, &mut secrets, &*self.random, self.clock.wall());
        let mut warnings = filter_warnings(&endpoint);
        warnings.extend(listing_warnings(app, &endpoint));
        warnings.extend(overlap_warning(app, &endpoint));
        warnings.extend(
            url.map_or_else(Vec::new, |url| put_url(url, names_auth, &mut endpoint, &mut secrets, &mut faults)),
        );
        warnings.extend(check_request(&endpoint, &secrets, app, &mut faults));
        faults.finish()?;
        endpoint.updated_at = self.clock.now();
        Ok(Composed { endpoint, secrets, warnings })
    }

    /// The URL of a draft, if it is another one than that which the endpoint has or waits for.
    fn new_url(&self, endpoint: &Endpoint, draft: &EndpointDraft, faults: &mut Faults) -> Option<CheckedUrl> {
        if draft.url == wanted_url(endpoint) && !endpoint.url.is_empty() {
            return None;
        }
        self.urls.check(&draft.url).map_err(|wrong| faults.note("url", sentence(&wrong))).ok()
    }

    /// Where tokens are fetched is as much a URL that is called as any other.
    fn check_token_url(&self, draft: &mut EndpointDraft, faults: &mut Faults) {
        if let Change::Replace(Some(Auth::Oauth2 { token_url, .. })) = &mut draft.messaging.auth {
            match self.urls.check(token_url) {
                Ok(checked) if checked.basic.is_some() => {
                    faults.note_path(
                        "auth.tokenUrl",
                        "Leave user and password out: `clientId` and `clientSecret` are sent.",
                    );
                }
                Ok(checked) => *token_url = checked.url,
                Err(wrong) => faults.note_path("auth.tokenUrl", sentence(&wrong)),
            }
        }
    }
}

const fn usual_handshake() -> VerificationDraft {
    VerificationDraft {
        kind: VerificationKind::Token,
        validation_key: None,
        mode: VerificationMode::Default,
        parameter: None,
    }
}

/// The URL that the owner wants: the one that receives, or the one that has still to pass its handshake.
pub(crate) fn wanted_url(endpoint: &Endpoint) -> &str {
    let pending = endpoint.verification.as_ref().and_then(|verification| verification.pending_url.as_deref());
    pending.unwrap_or(&endpoint.url)
}

/// Puts a URL in its place, and what came with it; returns what was changed in it. A URL that has passed its handshake
/// keeps receiving until the new one has passed, too.
fn put_url(
    url: CheckedUrl,
    names_auth: bool,
    endpoint: &mut Endpoint,
    secrets: &mut EndpointSecrets,
    faults: &mut Faults,
) -> Vec<String> {
    let CheckedUrl { url, basic, mut warnings } = url;
    let moves = origin(&url) != origin(&endpoint.url);
    let waits = endpoint.verification.as_deref().is_some_and(|v| v.state == VerificationState::Verified);
    // IMPORTANT: a password goes to the server that it was given for, and to no other.
    match basic {
        Some(_) if names_auth => {
            faults.note("auth", "The URL has a user and a password of its own: keep one of the two.")
        }
        Some(_) if waits && moves => {
            let rule = "The present URL keeps receiving until this one has passed its handshake, and must not get the \
                        password of another server: leave it out, and set `auth` afterwards.";
            faults.note("url", rule);
        }
        Some(basic) => secrets.auth = Some(Auth::Basic(basic)),
        None if moves && !names_auth && matches!(secrets.auth, Some(Auth::Basic(_))) => {
            if waits {
                let rule = "User and password were given for the server of the present URL, which keeps receiving until \
                            this one has passed its handshake: set `auth` along with the URL, or null.";
                faults.note("auth", rule);
            } else {
                secrets.auth = None;
                warnings
                    .push("user and password were for another server and are no longer sent: set `auth`".to_owned());
            }
        }
        None => {}
    }
    match endpoint.verification.as_deref_mut() {
        Some(verification) if waits => {
            verification.pending_url = (url != endpoint.url).then_some(url);
            verification.reason = None;
        }
        Some(verification) => {
            *verification = Verification {
                kind: verification.kind,
                mode: verification.mode,
                parameter: verification.parameter.take(),
                state: VerificationState::Unverified,
                reason: None,
                checked_at: None,
                pending_url: None,
            };
            endpoint.url = url;
        }
        None => endpoint.url = url,
    }
    warnings
}

/// Filters that let nothing through together, and a category that looks like one of those that every report may have.
fn filter_warnings(endpoint: &Endpoint) -> Vec<String> {
    let mut warnings = Vec::new();
    // What is no built-in type says by itself what it is about.
    let is_kept_away = |name: &String| {
        let (product, report_type) = (product_of_event(name), type_of_event(name).filter(|_| !name.contains('*')));
        let differs = |wanted: &Option<String>, is: Option<&str>| {
            wanted.as_deref().zip(is).is_some_and(|(wanted, is)| wanted != is)
        };
        differs(&endpoint.product, product) || differs(&endpoint.report_type, report_type)
    };
    let types = endpoint.event_types.as_deref().unwrap_or_default();
    let kept_away: Vec<_> = types.iter().filter(|name| is_kept_away(name)).map(|name| format!("`{name}`")).collect();
    let filters = [("product", &endpoint.product), ("reportType", &endpoint.report_type)];
    let filters: Vec<_> =
        filters.iter().filter(|(_, said)| said.is_some()).map(|(name, _)| format!("`{name}`")).collect();
    let filters = filters.join(" and ");
    if !kept_away.is_empty() && kept_away.len() == types.len() {
        warnings.push(format!("no event comes: {filters} and `eventTypes` exclude each other"));
    } else if !kept_away.is_empty() {
        warnings.push(format!("{} in `eventTypes` never comes: {filters} keeps it away", kept_away.join(", ")));
    }
    let classes = ["otp", "notification", "transactional", "marketing"];
    if let Some(category) = &endpoint.category
        && !classes.iter().any(|known| known.eq_ignore_ascii_case(category))
        && let Some(meant) = near(category, classes).first()
    {
        warnings.push(format!("only reports of the category `{category}` come; is it `{meant}`?"));
    }
    warnings
}

/// A number that the application does not list gets what is reported of it all the same, so it may be a mistake.
fn listing_warnings(app: &AppConfig, endpoint: &Endpoint) -> Vec<String> {
    let (Some(product), Some(number)) = (&endpoint.product, &endpoint.product_unique_id) else { return Vec::new() };
    let listed = app.application.product_unique_ids.get(product).filter(|listed| !listed.is_empty());
    let is_missing = listed.is_some_and(|listed| listed.iter().all(|one| one.id != *number));
    is_missing.then(|| format!("`{number}` is none of the numbers that the application lists")).into_iter().collect()
}

/// An inbound message goes to the endpoints of its number and to those of all numbers: who saves one of each is told.
fn overlap_warning(app: &AppConfig, endpoint: &Endpoint) -> Option<String> {
    const MO: Option<&str> = Some("mo");
    let product = endpoint.product.as_deref().map(product_name)?;
    if endpoint.report_type.as_deref() != MO || endpoint.disabled {
        return None;
    }
    let category = |other: &Endpoint| match (&other.category, &endpoint.category) {
        (Some(theirs), Some(own)) => theirs == own,
        _ => true,
    };
    let others = app.endpoints.iter().map(|config| &config.endpoint).filter(|other| {
        other.id != endpoint.id
            && other.product == endpoint.product
            && other.report_type.as_deref() == MO
            && other.product_unique_id.is_some() != endpoint.product_unique_id.is_some()
            && !other.disabled
            && category(other)
    });
    // People know a URL, programs an id.
    let name =
        |other: &Endpoint| format!("`{}` (`{}`)", other.url, other.uid.clone().unwrap_or_else(|| other.id.to_string()));
    let names: Vec<_> = others.map(name).collect();
    let named = match names.as_slice() {
        [] => return None,
        [one] => format!("the {product} endpoint {one}"),
        [first @ .., last] if first.len() < OVERLAPS_NAMED => {
            format!("the {product} endpoints {} and {last}", first.join(", "))
        }
        all => {
            let named = all[..OVERLAPS_NAMED].join(", ");
            format!("the {product} endpoints {named} and {} more", all.len() - OVERLAPS_NAMED)
        }
    };
    Some(match &endpoint.product_unique_id {
        Some(number) => format!("{named} for all numbers will get the messages to `{number}`, too"),
        None => format!("{named} for single numbers will get the messages to these, too"),
    })
}

/// Notes why no request could be made; returns what its receiver may stumble over.
fn check_request(endpoint: &Endpoint, secrets: &EndpointSecrets, app: &AppConfig, faults: &mut Faults) -> Vec<String> {
    let sends_headers = endpoint.shape.as_ref().is_none_or(|shape| shape.custom_headers_enabled);
    if let Some(header) = secrets.auth.as_ref().and_then(auth_header)
        && sends_headers
        && endpoint.headers.iter().any(|field| field.name.eq_ignore_ascii_case(header))
    {
        faults.note("headers", format!("`{header}` is sent for `auth` already: keep one of the two."));
    }
    let url = wanted_url(endpoint).to_owned();
    if let Some(verification) = &endpoint.verification {
        check_handshake(verification, &url, endpoint, secrets, faults);
    }
    if let Err(error) = check_auth(secrets.auth.as_ref(), endpoint.ca.as_deref()) {
        faults.note_path(&error.field, error.message);
    }
    let is_tls = |url: &str| url.starts_with("https://");
    let asks_over_tls = matches!(&secrets.auth, Some(Auth::Oauth2 { token_url, .. }) if is_tls(token_url));
    if endpoint.ca.is_some() && !is_tls(&url) && !asks_over_tls {
        faults.note(
            "ca",
            "An authority vouches for certificates, which plain HTTP has none of: register a URL that begins with \
             `https://`, or leave it out.",
        );
    }
    if matches!(secrets.auth, Some(Auth::Mtls { .. })) && !is_tls(&url) {
        faults.note("auth", "A certificate is shown over TLS alone: register a URL that begins with `https://`.");
    }
    match Recipe::new(&Endpoint { url: url.clone(), ..endpoint.clone() }, secrets, &app.settings) {
        Ok(recipe) => {
            check_signature_headers(endpoint, secrets, &recipe, faults);
            let review = recipe.review(&Endpoint { url, ..endpoint.clone() }, &app.settings);
            review.faults.into_iter().for_each(|fault| faults.note_path(&fault.field, fault.message));
            review.warnings
        }
        Err(error) => {
            faults.note_path(&error.field, error.message);
            Vec::new()
        }
    }
}

/// What the dialect signs with would take the place of a header of the same name.
fn check_signature_headers(endpoint: &Endpoint, secrets: &EndpointSecrets, recipe: &Recipe, faults: &mut Faults) {
    let shape = endpoint.shape.as_deref();
    let sends_headers = shape.is_none_or(|shape| shape.custom_headers_enabled);
    let dialect = shape.and_then(|shape| shape.dialect.as_deref()).unwrap_or(dialect::DEFAULT);
    for name in recipe.signature_headers() {
        let own = endpoint.headers.iter().filter(|_| sends_headers).map(|field| field.name.as_str());
        if let Some(own) = own.into_iter().find(|own| own.eq_ignore_ascii_case(name)) {
            let rule = format!("The dialect `{dialect}` signs with the header `{name}`: leave this one out.");
            faults.note_item("headers", &own, rule);
        }
        if secrets.auth.as_ref().and_then(auth_header).is_some_and(|header| header.eq_ignore_ascii_case(name)) {
            let rule = format!("The dialect `{dialect}` signs with the header `{name}`: choose another one.");
            faults.note_path("auth.header", rule);
        }
    }
}

fn check_handshake(
    verification: &Verification,
    url: &str,
    endpoint: &Endpoint,
    secrets: &EndpointSecrets,
    faults: &mut Faults,
) {
    // The key stands in access logs, where a secret must not.
    if let (Some(Auth::Bearer { token }), Some(key)) = (&secrets.auth, &secrets.validation_key)
        && token == key
    {
        faults.note_path("verification.validationKey", "The key must be another than the bearer secret.");
    }
    let has_key = secrets.validation_key.is_some();
    let own = verification.parameter.as_deref().filter(|_| verification.kind == VerificationKind::Token);
    if let Some(own) = own.filter(|own| ["validation_key", "challenge"].contains(own)) {
        let rule = format!("The handshake sends `{own}` of its own beside this one: choose another name.");
        faults.note_path("verification.parameter", rule);
        return;
    }
    let names = Handshake::parameters(verification, has_key, verification::send_method(endpoint));
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            let rule =
                format!("The handshake sends a parameter `{name}` of its own beside this one: choose another name.");
            faults.note_path("verification.parameter", rule);
        }
        if has_parameter(url, name) {
            let renamed = if at == 0 && verification.kind == VerificationKind::Token {
                ", or set `verification.parameter`"
            } else {
                ""
            };
            let rule = format!("The URL has a parameter `{name}`, which the handshake needs: rename it{renamed}.");
            faults.note("url", rule);
        }
    }
}

/// The header that an authentication takes.
fn auth_header(auth: &Auth) -> Option<&str> {
    match auth {
        Auth::Bearer { .. } | Auth::Basic(_) | Auth::Oauth2 { .. } => Some("authorization"),
        Auth::ApiKey { header, .. } => Some(header),
        Auth::Mtls { .. } => None,
    }
}

fn has_parameter(url: &str, name: &str) -> bool {
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).any(|(known, _)| known == name)
}

/// Scheme, host and port of a URL that was normalised before.
pub(crate) fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    url[host..].find(['/', '?']).map_or(url, |end| &url[..host + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_password_was_given_for() {
        assert_eq!(origin("https://a.example/x?y=/"), "https://a.example");
        assert_eq!(origin("https://a.example:8443?y"), "https://a.example:8443");
        assert_eq!(origin("https://a.example"), "https://a.example");
    }

    #[test]
    fn a_parameter_of_the_url_is_found_by_its_whole_name() {
        assert!(has_parameter("https://a.example/?x=1&token=2", "token"));
        assert!(has_parameter("https://a.example/?token", "token"));
        assert!(has_parameter("https://a.example/?%74oken=1", "token"));
        assert!(!has_parameter("https://a.example/token?tokens=1&x=token", "token"));
    }
}

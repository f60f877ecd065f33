//! Another issuer of tokens for JQL: settings that make sense only together.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use ringback_engine::egress::TargetUrl;
use ringback_model::{DEFAULT_ORGANIZATION, OrgId, Redacted};
use ringback_service::{IssuerSettings, IssuerSource, SignatureAlgorithm};
use serde::Deserialize;

use super::value::ValueError;
use super::{ConfigError, File, Secret};
use crate::args::JqlArgs;

/// The scope that a token has to have unless another is named.
const DEFAULT_SCOPE: &str = "webhooks:write";
/// The claim that names the application unless another is named.
const DEFAULT_CLAIM: &str = "client_id";

/// What flags or file say of the issuer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JqlFile {
    jql_jwks_url: Option<IssuerUrl>,
    jql_algorithms: Option<Algorithms>,
    jql_introspection_url: Option<IssuerUrl>,
    jql_client_id: Option<String>,
    jql_client_secret: Option<Secret>,
    jql_client_secret_file: Option<PathBuf>,
    jql_issuer: Option<String>,
    jql_audience: Option<String>,
    jql_scope: Option<String>,
    jql_app_claim: Option<String>,
    jql_org: Option<OrgId>,
}

/// A URL that an issuer is asked at. It gets tokens and gives keys, so it is `https` wherever a network lies between.
#[derive(Clone, Debug)]
pub(crate) struct IssuerUrl(TargetUrl);

impl FromStr for IssuerUrl {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        ringback_service::issuer_url(text).map(Self).map_err(ValueError::IssuerUrl)
    }
}

/// Kinds of signatures, with commas between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Algorithms(Vec<SignatureAlgorithm>);

impl FromStr for Algorithms {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Ok(Self(text.split(',').map(|name| name.trim().parse()).collect::<Result<_, _>>()?))
    }
}

/// The flags over the file; `None` if nobody but the server makes tokens.
pub(super) fn issuer(args: JqlArgs, file: &mut File) -> Result<Option<IssuerSettings>, ConfigError> {
    let file = std::mem::take(&mut file.jql);
    // The two secrets are one setting: whichever the higher layer names displaces both of the lower one.
    let (secret, secret_file) = match (args.jql_client_secret, args.jql_client_secret_file) {
        (None, None) => (file.jql_client_secret, file.jql_client_secret_file),
        given => given,
    };
    let client_id = args.jql_client_id.or(file.jql_client_id);
    let issuer = args.jql_issuer.or(file.jql_issuer);
    let audience = args.jql_audience.or(file.jql_audience);
    let algorithms = args.jql_algorithms.or(file.jql_algorithms);
    let scope = args.jql_scope.or(file.jql_scope);
    let app_claim = args.jql_app_claim.or(file.jql_app_claim);
    let org = args.jql_org.or(file.jql_org);
    let has_client = client_id.is_some() || secret.is_some() || secret_file.is_some();
    let refuse = |rule| Err(ConfigError::Issuer(rule));
    let urls = (args.jql_jwks_url.or(file.jql_jwks_url), args.jql_introspection_url.or(file.jql_introspection_url));
    let source = match urls {
        (Some(_), Some(_)) => return refuse("jql_jwks_url and jql_introspection_url exclude each other: keep one"),
        (Some(_), None) if has_client => {
            return refuse("jql_client_id and its secret go with jql_introspection_url: keys are public");
        }
        (Some(_), None) if issuer.is_none() || audience.is_none() => {
            return refuse(
                "jql_jwks_url needs jql_issuer and jql_audience, what `iss` and `aud` of a token have to be: without \
                 them, tokens for others would be good here",
            );
        }
        (Some(url), None) => {
            let algorithms = algorithms.map_or_else(|| SignatureAlgorithm::ALL.to_vec(), |algorithms| algorithms.0);
            IssuerSource::Keys { url: url.0, algorithms }
        }
        (None, Some(_)) if algorithms.is_some() => {
            return refuse("jql_algorithms goes with jql_jwks_url: a token that is asked about is not verified here");
        }
        (None, Some(url)) => {
            let client_secret = match (secret, secret_file) {
                (Some(_), Some(_)) => return refuse("jql_client_secret and jql_client_secret_file are one: keep one"),
                (Some(secret), None) => Some(secret.0),
                (None, Some(path)) => Some(read(&path)?),
                (None, None) => None,
            };
            let (Some(client_id), Some(client_secret)) = (client_id, client_secret) else {
                return refuse("jql_introspection_url needs jql_client_id and jql_client_secret (or its file)");
            };
            IssuerSource::Introspection { url: url.0, client_id, client_secret }
        }
        (None, None) => {
            let others = [&issuer, &audience, &scope, &app_claim].into_iter().any(Option::is_some);
            if others || has_client || algorithms.is_some() || org.is_some() {
                return refuse(
                    "settings of jql_... need jql_jwks_url or jql_introspection_url, where the issuer is asked",
                );
            }
            return Ok(None);
        }
    };
    Ok(Some(IssuerSettings {
        org: org.unwrap_or_else(|| DEFAULT_ORGANIZATION.parse().expect("it is an id")),
        app_claim: app_claim.unwrap_or_else(|| DEFAULT_CLAIM.to_owned()),
        scope: scope.unwrap_or_else(|| DEFAULT_SCOPE.to_owned()),
        issuer,
        audience,
        source,
    }))
}

fn read(path: &Path) -> Result<Redacted, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::IssuerSecret { path: path.to_owned(), source })?;
    match text.trim() {
        "" => Err(ConfigError::Issuer("the file that jql_client_secret_file names is empty")),
        secret => Ok(Redacted::new(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &str = "jql_jwks_url = 'https://issuer.example/keys'\n";
    const ASK: &str = "jql_introspection_url = 'https://issuer.example/ask'\n";

    fn of(text: &str) -> Result<Option<IssuerSettings>, ConfigError> {
        issuer(JqlArgs::default(), &mut toml::from_str(text).unwrap())
    }

    #[test]
    fn keys_or_questions_make_an_issuer_and_nothing_makes_none() {
        assert!(of("").unwrap().is_none());
        let keys =
            of(&format!("{KEYS}jql_issuer = 'i'\njql_audience = 'a'\njql_algorithms = ['ES256', 'EdDSA']")).unwrap();
        let keys = keys.unwrap();
        assert_eq!(
            (&*keys.app_claim, &*keys.scope, &*keys.org.to_string()),
            ("client_id", "webhooks:write", DEFAULT_ORGANIZATION)
        );
        assert!(matches!(keys.source, IssuerSource::Keys { algorithms, .. } if algorithms.len() == 2));
        let asked =
            of(&format!("{ASK}jql_client_id = 'me'\njql_client_secret = 'hunter2'\njql_app_claim = 'azp'")).unwrap();
        let asked = asked.unwrap();
        assert_eq!((&*asked.app_claim, asked.audience.as_deref()), ("azp", None));
        assert!(!format!("{asked:?}").contains("hunter2"));
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused_with_what_is_missing() {
        for (text, told) in [
            (format!("{KEYS}{ASK}"), "exclude each other"),
            (format!("{KEYS}jql_issuer = 'i'"), "needs jql_issuer and jql_audience"),
            (format!("{KEYS}jql_client_id = 'me'"), "keys are public"),
            (format!("{ASK}jql_client_id = 'me'"), "needs jql_client_id and jql_client_secret"),
            (format!("{ASK}jql_algorithms = 'RS256'"), "goes with jql_jwks_url"),
            ("jql_audience = 'a'".to_owned(), "need jql_jwks_url or jql_introspection_url"),
        ] {
            let refused = of(&text).unwrap_err().to_string();
            assert!(refused.contains(told), "{text}: {refused}");
        }
    }

    #[test]
    fn a_secret_in_a_file_loses_the_white_space_around_and_a_file_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let text = format!("{ASK}jql_client_id = 'me'\njql_client_secret_file = '{}'", path.display());
        assert!(of(&text).unwrap_err().to_string().contains(&*path.display().to_string()));
        std::fs::write(&path, "hunter2\n").unwrap();
        let source = of(&text).unwrap().unwrap().source;
        assert!(
            matches!(source, IssuerSource::Introspection { client_secret, .. } if client_secret.reveal() == "hunter2")
        );
    }

    #[test]
    fn tokens_and_keys_cross_no_network_in_the_clear() {
        for good in ["https://issuer.example/keys", "http://127.0.0.1:8080/keys", "http://[::1]/keys"] {
            good.parse::<IssuerUrl>().unwrap();
        }
        for bad in
            ["http://issuer.example/keys", "http://localhost/keys", "https://me:you@issuer.example/", "issuer.example"]
        {
            assert!(bad.parse::<IssuerUrl>().unwrap_err().to_string().starts_with("the URL of an issuer"), "{bad}");
        }
        assert!("RS256,HS256".parse::<Algorithms>().unwrap_err().to_string().contains("`ES256`"));
        assert!("none".parse::<Algorithms>().is_err());
    }
}

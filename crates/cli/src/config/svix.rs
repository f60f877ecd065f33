//! Variables of the environment of a Svix server: `SVIX_` and the name of one of its settings, and the one other that it
//! reads, `DATABASE_URL`. Those that mean the same
//! here are twins of our own, between these and the file; of each of the others it is told what there is in its place.
//!
//! Whoever moves a server over starts this one where the other was started, and reads in the log what is left to do.

use std::str::FromStr;

use super::{ConfigError, File};

const PREFIX: &str = "SVIX_";
/// Read by that server where `SVIX_DB_DSN` is not given.
const DATABASE_URL: &str = "DATABASE_URL";
/// What is told of the database of the other server.
const DATABASE: &str = "what is in that database stays there; name one for this server with --store";
/// The one whose value is a secret.
const JWT_SECRET: &str = "JWT_SECRET";

/// What was found in the environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SvixVariables {
    /// Variables that count, each with the flag of `serve` that it is a twin of.
    pub(crate) understood: Vec<(String, &'static str)>,
    /// Variables that do not, each with what there is in its place.
    pub(crate) passed_over: Vec<(String, &'static str)>,
}

impl SvixVariables {
    /// Whether the secret that tokens are signed with is among them.
    pub(crate) fn have_jwt_secret(&self) -> bool {
        self.understood.iter().any(|(name, _)| name.ends_with(JWT_SECRET))
    }
}

/// Puts those of `variables` that are settings of a Svix server over what the file says. An empty one says nothing.
///
/// # Errors
/// [`ConfigError::Svix`] for a value that cannot be.
pub(crate) fn over(
    file: &mut File,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<SvixVariables, ConfigError> {
    let mut given: Vec<_> = variables.into_iter().filter(|(name, value)| is_meant(name, value)).collect();
    // The environment has no order, and what is told should have one.
    given.sort_unstable();
    let mut found = SvixVariables::default();
    for (name, value) in given {
        let Some(key) = name.strip_prefix(PREFIX) else {
            found.passed_over.push((name, DATABASE));
            continue;
        };
        let twin = write(file, key, &value).map_err(|what| ConfigError::Svix { name: name.clone(), what })?;
        if let Some(flag) = twin {
            found.understood.push((name, flag));
        } else if let Some(instead) = instead(key, &value) {
            found.passed_over.push((name, instead));
        }
    }
    Ok(found)
}

fn is_meant(name: &str, value: &str) -> bool {
    (name.starts_with(PREFIX) || name == DATABASE_URL) && !value.trim().is_empty()
}

/// Writes the setting of this name; the flag that says the same, or `None` if there is none.
fn write(file: &mut File, key: &str, value: &str) -> Result<Option<&'static str>, String> {
    let flag = match key {
        "LISTEN_ADDRESS" => {
            file.listen = Some(read(plain(value))?);
            "--listen"
        }
        JWT_SECRET => {
            file.jwt_secret = Some(read(value)?);
            file.jwt_secret_file = None;
            "--jwt-secret"
        }
        "RETRY_SCHEDULE" => {
            file.retry_schedule = Some(read(&list(value))?);
            "--retry-schedule"
        }
        "ENDPOINT_HTTPS_ONLY" => {
            file.https_only = Some(plain(value).parse().map_err(|_| "it is true or false".to_owned())?);
            "--https-only"
        }
        "WHITELIST_SUBNETS" => {
            file.egress_allow = Some(read(&list(value))?);
            "--egress-allow"
        }
        "PROXY_ADDR" => {
            file.egress_proxy = Some(read(plain(value))?);
            "--egress-proxy"
        }
        "LOG_LEVEL" => {
            file.log = Some(plain(value).to_lowercase());
            "--log"
        }
        "LOG_FORMAT" => {
            let format = plain(value);
            file.log_format = Some(read(if format == "default" { "human" } else { format })?);
            "--log-format"
        }
        _ => return Ok(None),
    };
    Ok(Some(flag))
}

/// What there is in the place of a setting that is none here; `None` if there is nothing to tell.
fn instead(key: &str, value: &str) -> Option<&'static str> {
    let value = plain(value).to_lowercase();
    Some(match key {
        "JWT_ALGORITHM" if value != "hs256" => {
            "tokens are signed with HS256 here, and those of the other server do not count"
        }
        "MAIN_SECRET" => "secrets are sealed with a key of this store's own: --master-key-file",
        "DEFAULT_SIGNATURE_TYPE" if value != "hmac256" => {
            "an endpoint without a `secret` gets one for HMAC; give it one that begins with `whsk_` for Ed25519"
        }
        "DB_DSN" => DATABASE,
        "DB_POOL_MAX_SIZE" => "a server opens as many connections as it needs",
        "BACKGROUND_MIGRATIONS_ENABLED" => {
            "the store is brought up to date at the start, by --migrate-url if another role has to"
        }
        "DB_TRACING" if value != "false" => "the log says what takes long by itself",
        "WHITELABEL_HEADERS" if value != "false" => {
            "requests carry `svix-id` and its like beside `webhook-id`, with the same values"
        }
        "ENDPOINT_FAILURE_DISABLE_AFTER" if value != "120" => "an endpoint is disabled after five days of failures",
        "WORKER_REQUEST_TIMEOUT" => "a request may take 15 seconds, or what the endpoint's `timeout` says",
        "API_ENABLED" | "WORKER_ENABLED" if value != "true" => "every server takes messages in and delivers them",
        "DANGEROUS_DISABLE_TLS_VERIFICATION" if value != "false" => "certificates of receivers are always checked",
        "NOPROXY" => "with --egress-proxy every webhook goes through the proxy",
        "OPERATIONAL_WEBHOOK_ADDRESS" => "operational webhooks are built in: /api/v1/operational-webhook/endpoint",
        "OPENTELEMETRY_ADDRESS" => "it names a collector by gRPC; name where it takes HTTP with --otlp-endpoint",
        "OPENTELEMETRY_SAMPLE_RATIO" => "--otlp-sample-ratio beside --otlp-endpoint means the same",
        "OPENTELEMETRY_SERVICE_NAME" => "the service is named `ringback`, with --otlp-endpoint",
        "SENTRY_DSN" => "what goes wrong is in the log, and what there is to measure at /metrics",
        "REDIS_DSN"
        | "REDIS_POOL_MAX_SIZE"
        | "REDIS_PENDING_DURATION_SECS"
        | "QUEUE_TYPE"
        | "QUEUE_DSN"
        | "QUEUE_PREFIX"
        | "QUEUE_MAX_POLL_SECS"
        | "CACHE_TYPE"
        | "CACHE_DSN"
        | "RABBIT_DSN"
        | "RABBIT_CONSUMER_PREFETCH_SIZE"
        | "WORKER_MAX_TASKS" => "there is neither queue nor cache beside the store",
        _ => return None,
    })
}

fn read<T: FromStr<Err = super::value::ValueError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// A value without the quotes that it may stand in there.
fn plain(value: &str) -> &str {
    let value = value.trim();
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// A list as it is written there, `[5, 300]`, as it is written here, `5,300`.
fn list(value: &str) -> String {
    let value = value.trim();
    let items = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).unwrap_or(value);
    items.split(',').map(plain).filter(|item| !item.is_empty()).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{JwtSource, ServeConfig};
    use super::*;
    use crate::args::ServeArgs;

    fn found(variables: &[(&str, &str)]) -> Result<(File, SvixVariables), ConfigError> {
        let mut file: File =
            toml::from_str("listen = '127.0.0.1:1'\njwt_secret_file = 'key'\nhttps_only = true").unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let found = over(&mut file, variables)?;
        Ok((file, found))
    }

    #[test]
    fn what_means_the_same_goes_over_the_file_as_it_is_written_there() {
        let (mut file, found) = found(&[
            ("SVIX_LISTEN_ADDRESS", "127.0.0.1:9"),
            ("SVIX_JWT_SECRET", "hunter2"),
            ("SVIX_RETRY_SCHEDULE", "[5, 300,1800]"),
            ("SVIX_ENDPOINT_HTTPS_ONLY", "false"),
            ("SVIX_WHITELIST_SUBNETS", "[\"10.1.0.0/16\", 172.17.0.0/16]"),
            ("SVIX_PROXY_ADDR", "http://proxy.internal:3128"),
            ("SVIX_LOG_LEVEL", "debug"),
            ("SVIX_LOG_FORMAT", "default"),
            ("RINGBACK_LISTEN", "127.0.0.1:10"),
            ("SVIX_AUTH_TOKEN", "of a client"),
        ])
        .unwrap();
        let flags: Vec<_> = found.understood.iter().map(|(_, flag)| *flag).collect();
        let all = [
            "--https-only",
            "--jwt-secret",
            "--listen",
            "--log-format",
            "--log",
            "--egress-proxy",
            "--retry-schedule",
            "--egress-allow",
        ];
        assert_eq!(
            (flags.as_slice(), found.passed_over.as_slice(), found.have_jwt_secret()),
            (&all[..], &[][..], true)
        );
        assert_eq!(file.log.take().as_deref(), Some("debug"));
        let config = ServeConfig::new(ServeArgs::default(), &mut file).unwrap();
        assert_eq!((config.listen.port(), config.https_only, config.egress_allow.len()), (9, false, 2));
        assert_eq!(config.retry.delays(), [5, 300, 1_800].map(Duration::from_secs));
        assert!(config.egress_proxy.is_some());
        assert!(matches!(config.access.jwt, JwtSource::Given(secret) if secret.reveal() == "hunter2"));
    }

    #[test]
    fn what_is_none_here_is_named_with_what_there_is_unless_it_asks_for_what_is_so_anyhow() {
        let (file, found) = found(&[
            ("SVIX_DB_DSN", "postgresql://svix:hunter2@db/svix"),
            ("SVIX_MAIN_SECRET", "hunter2"),
            ("SVIX_JWT_ALGORITHM", "HS512"),
            ("SVIX_QUEUE_TYPE", "redis"),
            ("SVIX_WHITELABEL_HEADERS", "true"),
            ("SVIX_API_ENABLED", "true"),
            ("SVIX_DEFAULT_SIGNATURE_TYPE", "hmac256"),
            ("SVIX_ENDPOINT_FAILURE_DISABLE_AFTER", "120"),
            ("SVIX_REDIS_DSN", ""),
        ])
        .unwrap();
        let names: Vec<_> = found.passed_over.iter().map(|(name, _)| name.trim_start_matches(PREFIX)).collect();
        assert_eq!(names, ["DB_DSN", "JWT_ALGORITHM", "MAIN_SECRET", "QUEUE_TYPE", "WHITELABEL_HEADERS"]);
        assert!(!format!("{found:?}").contains("hunter2"));
        assert!(found.understood.is_empty() && file.store.is_none());
    }

    #[test]
    fn a_value_that_cannot_be_is_refused_with_its_variable() {
        for (name, value, words) in [
            ("SVIX_LISTEN_ADDRESS", "localhost:8071", "SVIX_LISTEN_ADDRESS: an address is an IP address and a port"),
            ("SVIX_RETRY_SCHEDULE", "[5,soon]", "`soon` is no length of time"),
            ("SVIX_ENDPOINT_HTTPS_ONLY", "perhaps", "it is true or false"),
            ("SVIX_PROXY_ADDR", "socks5://proxy:1080", "http://HOST:PORT"),
            ("SVIX_LOG_FORMAT", "xml", "`human` and `json`"),
        ] {
            let refused = found(&[(name, value)]).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn every_setting_of_the_reference_is_understood_or_has_something_in_its_place() {
        // All that its operators know, with values that are not the usual ones, in the order of its reference.
        let understood = [
            ("SVIX_LISTEN_ADDRESS", "127.0.0.1:9"),
            ("SVIX_JWT_SECRET", "hunter2"),
            ("SVIX_RETRY_SCHEDULE", "[5]"),
            ("SVIX_ENDPOINT_HTTPS_ONLY", "true"),
            ("SVIX_WHITELIST_SUBNETS", "[10.0.0.0/8]"),
            ("SVIX_PROXY_ADDR", "http://proxy.internal:3128"),
            ("SVIX_LOG_LEVEL", "debug"),
            ("SVIX_LOG_FORMAT", "json"),
        ];
        for (name, value) in understood {
            assert_eq!(found(&[(name, value)]).unwrap().1.understood.len(), 1, "{name}");
        }
        let words = [
            ("SVIX_JWT_ALGORITHM", "RS256"),
            ("SVIX_DEFAULT_SIGNATURE_TYPE", "ed25519"),
            ("SVIX_WHITELABEL_HEADERS", "true"),
            ("SVIX_API_ENABLED", "false"),
            ("SVIX_WORKER_ENABLED", "false"),
            ("SVIX_BACKGROUND_MIGRATIONS_ENABLED", "false"),
            ("SVIX_DANGEROUS_DISABLE_TLS_VERIFICATION", "true"),
            ("DATABASE_URL", "postgresql://svix:hunter2@db/svix"),
        ];
        let plain = "MAIN_SECRET DB_DSN DB_POOL_MAX_SIZE REDIS_DSN REDIS_POOL_MAX_SIZE QUEUE_TYPE CACHE_TYPE QUEUE_PREFIX \
                     ENDPOINT_FAILURE_DISABLE_AFTER WORKER_REQUEST_TIMEOUT WORKER_MAX_TASKS QUEUE_MAX_POLL_SECS \
                     REDIS_PENDING_DURATION_SECS RABBIT_DSN RABBIT_CONSUMER_PREFETCH_SIZE NOPROXY OPERATIONAL_WEBHOOK_ADDRESS \
                     OPENTELEMETRY_ADDRESS OPENTELEMETRY_SAMPLE_RATIO OPENTELEMETRY_SERVICE_NAME SENTRY_DSN";
        let plain = plain.split(' ').map(|key| (format!("{PREFIX}{key}"), "1"));
        let all = words.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(plain);
        for (name, value) in all {
            let passed_over = found(&[(&name, value)]).unwrap().1.passed_over;
            assert!(passed_over.len() == 1 && passed_over[0].0 == name, "{name}: {passed_over:?}");
        }
        assert!(found(&[("DATABASE_URL", " ")]).unwrap().1.passed_over.is_empty());
    }
}

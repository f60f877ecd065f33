//! Where the keys of an issuer are: named, or found in what it says of itself (OpenID Connect Discovery 1.0, section 4;
//! RFC 8414, section 3).

use ringback_engine::egress::TargetUrl;
use ringback_engine::{Inquiry, InquiryError};
use serde::Deserialize;

use crate::issuer::{Way, issuer_url};

/// Where keys are.
pub(in crate::issuer) enum KeySource {
    /// There.
    At(Box<Inquiry>),
    /// Where the issuer of this name says.
    Told {
        /// Its name, as `iss` has it.
        issuer: String,
        /// Where it may say so, in the order in which it is asked.
        documents: Vec<Inquiry>,
    },
}

/// What an issuer says of itself, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

impl KeySource {
    pub(in crate::issuer) fn at(url: TargetUrl) -> Self {
        Self::At(Box::new(Inquiry::get(url)))
    }

    /// By the name of an issuer, which is a URL.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub(in crate::issuer) fn told(issuer: &str) -> Result<Self, String> {
        if issuer.contains(['?', '#']) {
            return Err("it has no query and no fragment".to_owned());
        }
        let whole = issuer.trim_end_matches('/');
        let host = whole.find("://").map_or(0, |at| at + 3);
        let path = whole[host..].find('/').map_or(whole.len(), |at| host + at);
        let (origin, path) = whole.split_at(path);
        let documents = [
            format!("{whole}/.well-known/openid-configuration"),
            format!("{origin}/.well-known/oauth-authorization-server{path}"),
        ];
        let documents = documents.iter().map(|url| issuer_url(url).map(Inquiry::get)).collect::<Result<_, _>>()?;
        Ok(Self::Told { issuer: issuer.to_owned(), documents })
    }

    /// Asks for the keys.
    pub(in crate::issuer) async fn ask(&self, way: &Way) -> Result<bytes::Bytes, String> {
        let told = |error: InquiryError| error.to_string();
        match self {
            Self::At(keys) => way.ask(keys).await.map_err(told),
            Self::Told { issuer, documents } => {
                let mut why = String::new();
                for document in documents {
                    match way.ask(document).await {
                        Ok(answer) => {
                            let keys = Inquiry::get(read(&answer, issuer)?);
                            return way.ask(&keys).await.map_err(told);
                        }
                        // Whoever knows one of the two documents need not know the other.
                        Err(error @ InquiryError::Status(_)) => why = told(error),
                        Err(error) => return Err(told(error)),
                    }
                }
                Err(format!("it says nowhere where its keys are: {why}"))
            }
        }
    }
}

/// Where the keys are, by a document of the issuer of this name.
fn read(document: &[u8], issuer: &str) -> Result<TargetUrl, String> {
    let metadata: Metadata = serde_json::from_slice(document)
        .map_err(|_| "what it says of itself is no JSON with `issuer` and `jwks_uri`".to_owned())?;
    // IMPORTANT: what speaks in the name of another issuer says nothing about this one (RFC 8414, section 3.3).
    if metadata.issuer != issuer {
        return Err("what it says of itself is about another issuer".to_owned());
    }
    issuer_url(&metadata.jwks_uri).map_err(|why| format!("where it says that its keys are: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_counts_if_it_is_of_the_issuer_and_names_a_safe_place() {
        let read = |issuer: &str, keys: &str| {
            let document = serde_json::json!({"issuer": issuer, "jwks_uri": keys, "more": 1});
            read(document.to_string().as_bytes(), "https://login.example").map(|url| url.origin().to_string())
        };
        assert_eq!(read("https://login.example", "https://keys.example/a").unwrap(), "https://keys.example");
        assert!(read("https://login.example/", "https://keys.example/a").unwrap_err().contains("another issuer"));
        assert!(read("https://login.example", "http://keys.example/a").unwrap_err().contains("https://"));
        assert!(super::read(b"{}", "i").unwrap_err().contains("`jwks_uri`"));
    }

    #[test]
    fn an_issuer_is_asked_at_both_places_whatever_its_path_is() {
        let documents = |issuer: &str| match KeySource::told(issuer) {
            Ok(KeySource::Told { documents, .. }) => documents.iter().map(|one| format!("{one:?}")).collect::<Vec<_>>(),
            Ok(KeySource::At(_)) => Vec::new(),
            Err(error) => vec![error],
        };
        let of_a_tenant = documents("https://login.example/tenant/");
        assert!(of_a_tenant[0].contains("/tenant/.well-known/openid-configuration"), "{of_a_tenant:?}");
        assert!(of_a_tenant[1].contains("/.well-known/oauth-authorization-server/tenant"), "{of_a_tenant:?}");
        for bad in ["http://login.example", "login.example", "https://a:b@login.example", "https://login.example/?a"] {
            assert_eq!(documents(bad).len(), 1, "{bad}");
        }
    }
}

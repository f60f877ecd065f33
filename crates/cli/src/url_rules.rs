//! What may be registered as a URL: the rules of the way out, told to the service.

use std::sync::Arc;

use ringback_engine::egress::{Connector, Denied, TargetUrl};
use ringback_service::{CheckedUrl, UrlRules};

/// The grammar of URLs and the policy in force. No name is resolved: addresses are judged at each connection.
#[derive(Debug)]
pub(crate) struct EgressRules(pub(crate) Arc<Connector>);

impl UrlRules for EgressRules {
    fn check(&self, url: &str) -> Result<CheckedUrl, String> {
        let target = TargetUrl::parse(url).map_err(|error| error.to_string())?;
        self.0.policy().check_url(&target).map_err(|denied| advice(&denied))?;
        Ok(CheckedUrl {
            url: target.as_str().to_owned(),
            basic: target.credentials().cloned(),
            warnings: target.warnings().iter().map(ToString::to_string).collect(),
        })
    }
}

/// What is wrong and what would do. Whoever registers a URL has written the address, so nothing is told by naming it.
fn advice(denied: &Denied) -> String {
    match denied {
        Denied::Address | Denied::OwnListener | Denied::InternalName => format!(
            "{denied}: webhooks go to the public internet. To receive them in a private network, have the operator allow \
             its range with --egress-allow"
        ),
        Denied::HttpsOnly | Denied::Port(_) | Denied::TooManyAddresses => denied.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use ringback_engine::egress::{EgressPolicy, ScriptedResolver, Trust};

    use super::*;

    fn check(policy: EgressPolicy, url: &str) -> Result<CheckedUrl, String> {
        EgressRules(Arc::new(Connector::new(policy, Arc::new(ScriptedResolver::default()), Trust::public()))).check(url)
    }

    #[test]
    fn what_may_be_called_may_be_registered_and_nothing_else() {
        let inner = "http://127.0.0.1:9000/hook";
        let refused = check(EgressPolicy::public(), inner).unwrap_err();
        assert!(refused.starts_with("the address is not allowed: ") && refused.contains("--egress-allow"), "{refused}");
        assert_eq!(check(EgressPolicy::public().allow(["127.0.0.1/32".parse().unwrap()]), inner).unwrap().url, inner);
        let plain = check(EgressPolicy::public().https_only(true), "http://a.example/").unwrap_err();
        assert!(plain.contains("https://"), "{plain}");
        assert!(check(EgressPolicy::public(), "ftp://a.example/").is_err());
    }

    #[test]
    fn a_url_is_kept_normalised_and_its_userinfo_apart() {
        let checked = check(EgressPolicy::public(), "HTTPS://user:pa%3Ass@A.Example/x#y").unwrap();
        assert_eq!(checked.url, "https://a.example/x");
        assert_eq!(checked.basic.map(|basic| basic.password.reveal().to_owned()).as_deref(), Some("pa:ss"));
        assert_eq!(checked.warnings.len(), 2);
    }
}

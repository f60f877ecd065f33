//! What can be told of a URL without asking the server that would take it.

use ringback_engine::egress::{EgressPolicy, TargetUrl};

/// What becomes of a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It is taken by a server that is set up as usual.
    Taken,
    /// It is taken if the server is set up for it.
    Depends(String),
    /// No server takes it.
    Refused(String),
}

/// What becomes of this URL. How the server is set up is not known here, and no name is resolved.
pub(super) fn outlook(url: &str) -> Outlook {
    let target = match TargetUrl::parse(url) {
        Ok(target) => target,
        Err(error) => return Outlook::Refused(format!("url: {error}")),
    };
    EgressPolicy::public().check_url(&target).map_or_else(
        |denied| Outlook::Depends(format!("refused unless the server allows it with --egress-allow: {denied}")),
        |()| Outlook::Taken,
    )
}

/// The URL without the password that may stand in it.
pub(super) fn masked(url: &str) -> String {
    let begin = url.find("://").map_or(0, |at| at + 3);
    let end = url[begin..].find(['/', '?', '#']).map_or(url.len(), |at| begin + at);
    let Some(at) = url[begin..end].rfind('@').map(|at| begin + at) else { return url.to_owned() };
    match url[begin..at].find(':') {
        Some(colon) => format!("{}:***{}", &url[..begin + colon], &url[at..]),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_a_url_is_masked_and_nothing_else_is() {
        for (url, shown) in [
            ("https://user:hunter2@a.example/x?y=1", "https://user:***@a.example/x?y=1"),
            ("https://user:hunter2@a.example", "https://user:***@a.example"),
            ("https://:hunter2@a.example:8443/", "https://:***@a.example:8443/"),
            ("https://user:hun@ter:2@a.example/", "https://user:***@a.example/"),
            ("https://user@a.example/", "https://user@a.example/"),
            ("https://a.example:8443/b:c@d?e:f@g", "https://a.example:8443/b:c@d?e:f@g"),
            ("no url", "no url"),
        ] {
            assert_eq!(masked(url), shown);
        }
    }

    #[test]
    fn what_no_server_takes_is_told_from_what_depends_on_the_server() {
        assert_eq!(outlook("https://a.example/hook"), Outlook::Taken);
        for (url, words) in [("ftp://a.example/", "not to `ftp://`"), ("a.example", "begins with `https://`")] {
            assert!(matches!(outlook(url), Outlook::Refused(why) if why.contains(words)), "{url}");
        }
        for url in ["http://10.0.0.5/hook", "http://localhost:9000/", "https://a.example:22/"] {
            assert!(matches!(outlook(url), Outlook::Depends(on) if on.contains("--egress-allow")), "{url}");
        }
    }
}

//! The signatures of dialects: whether those of a captured request hold, and if not, why.

use ringback_model::Timestamp;
use ringback_wire::dialect::Dialect;
use ringback_wire::{CheckError, Checked, Received, check_signatures};

use super::{distance, rewritten, shown};
use crate::receiver::Arrival;
use crate::receiver::signature::TOLERANCE;
use crate::terminal::Style;

/// What is the matter with the signatures of a request.
#[derive(Debug)]
pub(super) struct Findings {
    /// What was looked at, if anything could be.
    checked: Vec<Checked>,
    /// Why they do not hold, in a word and in sentences; none if they do.
    fault: Option<(&'static str, String)>,
    /// The URL that was looked at.
    url: String,
}

/// A request with the URL that is taken for its own.
#[derive(Clone, Copy)]
struct Guess<'a> {
    arrival: &'a Arrival,
    url: &'a str,
    body: &'a [u8],
}

impl Findings {
    /// Looks at a request; `url` is the endpoint's, and `at` is when it arrived, if that is to be asked.
    ///
    /// # Errors
    /// A sentence, when a secret cannot be one of this dialect.
    pub(super) fn of(
        arrival: &Arrival,
        dialect: &'static Dialect,
        secrets: &[&str],
        url: Option<&str>,
        at: Option<Timestamp>,
    ) -> Result<Self, String> {
        let urls = urls(arrival, url);
        let own = urls.first().cloned().unwrap_or_default();
        // Without --url it is any that the request may have been for.
        let meant = if url.is_some() { &urls[..1] } else { &urls[..] };
        let try_as = |guess: Guess<'_>| looks(dialect, secrets, guess);
        let as_it_is = Guess { arrival, url: &own, body: &arrival.body };
        let first = match try_as(as_it_is) {
            Ok(first) => first,
            Err(CheckError::Secret { what, rule }) => return Err(format!("a secret should be {what}. {rule}")),
            Err(error) => {
                return Ok(Self { checked: Vec::new(), fault: Some(header_fault(arrival, &error)), url: own });
            }
        };
        let found = |guess: Guess<'_>| try_as(guess).ok().filter(|checked| checked.iter().all(|one| one.holds));
        let mut held = None;
        for url in meant {
            held = held.or_else(|| found(Guess { url, ..as_it_is }).map(|checked| (checked, url.clone())));
        }
        if let Some((checked, url)) = held {
            let fault =
                of_body(dialect, secrets, &checked, Guess { url: &url, ..as_it_is }).or_else(|| of_time(&checked, at));
            return Ok(Self { checked, fault, url });
        }
        let other_url = urls.iter().find(|url| found(Guess { url, ..as_it_is }).is_some());
        let fault = if let Some(other) = other_url {
            let text = format!(
                "With this secret the URL `{other}` was signed, and `{own}` is taken for it. A proxy in front of the receiver \
                 hides what was called: give the validator the endpoint's URL as it is registered."
            );
            ("the URL", text)
        } else if let Some(how) = rewritten_body(dialect, secrets, meant, as_it_is) {
            ("the body was changed", format!("With this secret another body was signed: {how}."))
        } else {
            ("the secret", no_secret(&first, &own, url.is_none()))
        };
        Ok(Self { checked: first, fault: Some(fault), url: own })
    }

    /// Whether they hold.
    pub(super) fn hold(&self) -> bool {
        self.fault.is_none()
    }

    /// What is printed of it.
    pub(super) fn describe(&self, style: Style) -> String {
        let mut text = match &self.fault {
            None => format!("{}\nIt is by the secret, over this request.\n", style.good("the signature holds")),
            Some((reason, sentences)) => {
                format!("{}: {reason}\n{sentences}\n", style.bad("the signature does not hold"))
            }
        };
        for one in &self.checked {
            text += &format!(
                "\n{}\n{}",
                style.bold(format!("what is signed, with {}: {}", one.algorithm, one.pattern)),
                shown(&one.content)
            );
            if one.signs_url {
                text += &format!("\n{}\n{}\n", style.bold("the URL that is taken for the one called"), self.url);
            }
            text += &format!("\n{}\n{}\n", style.bold(format!("signature in `{}`", one.header)), one.signature);
            if let Some(made) = &one.made {
                text += &format!("\n{}\n{made}\n", style.bold("signature that the secret makes"));
            }
        }
        text
    }
}

/// What is found with the secret that fits, or with the first one.
fn looks(dialect: &'static Dialect, secrets: &[&str], guess: Guess<'_>) -> Result<Vec<Checked>, CheckError> {
    let received =
        Received { method: &guess.arrival.method, url: guess.url, headers: &guess.arrival.headers, body: guess.body };
    let mut first = None;
    for secret in secrets {
        let checked = check_signatures(dialect, secret, received)?;
        if checked.iter().all(|one| one.holds) {
            return Ok(checked);
        }
        first.get_or_insert(checked);
    }
    Ok(first.unwrap_or_default())
}

/// What a request may have been sent to: the given URL first, else that of its `host` header, then what proxies make of it.
fn urls(arrival: &Arrival, given: Option<&str>) -> Vec<String> {
    let target = &arrival.target;
    let mut urls = Vec::new();
    if let Some(given) = given {
        let origin_end = given.find("://").map_or(0, |at| at + 3);
        let origin_end = given[origin_end..].find(['/', '?']).map_or(given.len(), |at| origin_end + at);
        urls.push(format!("{}{target}", &given[..origin_end]));
        urls.push(given.to_owned());
    }
    for name in ["x-forwarded-host", "host"] {
        let host = arrival.header(name);
        if host.is_empty() {
            continue;
        }
        let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
        for (scheme, port) in [("https", ":443"), ("http", ":80")] {
            urls.extend([host, bare].map(|host| format!("{scheme}://{host}{target}")));
            urls.push(format!("{scheme}://{bare}{port}{target}"));
        }
    }
    let mut more = Vec::new();
    for url in &urls {
        let swapped = url.strip_prefix("https://").map(|rest| format!("http://{rest}"));
        more.extend(swapped.or_else(|| url.strip_prefix("http://").map(|rest| format!("https://{rest}"))));
        let (base, query) =
            url.split_once('?').map_or((url.as_str(), String::new()), |(base, query)| (base, format!("?{query}")));
        more.push(base.to_owned());
        more.push(match base.strip_suffix('/') {
            Some(base) => format!("{base}{query}"),
            None => format!("{base}/{query}"),
        });
    }
    urls.extend(more);
    let mut seen = std::collections::HashSet::new();
    urls.retain(|url| seen.insert(url.clone()));
    urls
}

fn header_fault(arrival: &Arrival, error: &CheckError) -> (&'static str, String) {
    let is_near = |name: &&str| ["signature", "timestamp", "twilio", "telnyx"].iter().any(|part| name.contains(part));
    let near: Vec<_> = arrival.headers.keys().map(|name| name.as_str()).filter(is_near).collect();
    let mut text = format!("{error}: it has to come through every proxy in front of the receiver.");
    if !near.is_empty() {
        text += &format!("\nThere is `{}`.", near.join("`, `"));
    }
    ("a header", text)
}

/// The URL vouches for the body by its hash, and it may be of another.
fn of_body(
    dialect: &'static Dialect,
    secrets: &[&str],
    checked: &[Checked],
    guess: Guess<'_>,
) -> Option<(&'static str, String)> {
    checked.iter().any(|one| one.vouches == Some(false)).then(|| {
        let how = rewritten::forms(guess.body).into_iter().find(|(_, form)| {
            let checked = looks(dialect, secrets, Guess { body: form, ..guess }).unwrap_or_default();
            checked.iter().all(|one| one.holds && one.vouches != Some(false))
        });
        let how = how.map_or("it has another hash than the URL says", |(how, _)| how);
        ("the body was changed", format!("With this secret another body was signed: {how}."))
    })
}

fn of_time(checked: &[Checked], at: Option<Timestamp>) -> Option<(&'static str, String)> {
    let at = at?;
    let signed =
        checked.iter().filter_map(|one| one.at).find(|signed| at.since(*signed).max(signed.since(at)) > TOLERANCE)?;
    let text = format!(
        "The signature is genuine, but of another time: it was signed at {signed}, {} it arrived ({at}), and a receiver takes \
         5 minutes.\nWas it repeated by somebody, or is a clock wrong? For a request that was kept, give --at or --any-time.",
        distance(signed, at)
    );
    Some(("the time", text))
}

/// What was made of the body on its way, if one of the usual forms is what was signed.
fn rewritten_body(
    dialect: &'static Dialect,
    secrets: &[&str],
    urls: &[String],
    guess: Guess<'_>,
) -> Option<&'static str> {
    let holds = |body: &[u8], url: &str| {
        let checked = looks(dialect, secrets, Guess { body, url, ..guess }).unwrap_or_default();
        !checked.is_empty() && checked.iter().all(|one| one.holds)
    };
    let forms = rewritten::forms(guess.body);
    forms.into_iter().find(|(_, form)| urls.iter().any(|url| holds(form, url))).map(|(how, _)| how)
}

fn no_secret(checked: &[Checked], url: &str, guessed: bool) -> String {
    let mut text =
        "No signature is by this secret, over this request: it is the secret of another endpoint, or something of the \
                    request was changed."
            .to_owned();
    if checked.iter().any(|one| one.signs_url) {
        text += &format!("\nThe URL is part of what is signed, and `{url}` is taken for it");
        text.push_str(if guessed { ": give the endpoint's with --url." } else { "." });
    }
    text
}

#[cfg(test)]
mod tests {
    use ringback_wire::dialect::find;

    use super::super::captured;
    use super::*;

    const TOKEN: &str = "12345";
    const SIGNED: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const BODY: &str =
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212";

    fn request(host: &str, target: &str, body: &str) -> String {
        format!(
            "POST {target} HTTP/1.1\nhost: {host}\ncontent-type: application/x-www-form-urlencoded\n\
             x-twilio-signature: GvWf1cFY/Q7PnoempGyD5oXAezc=\n\n{body}"
        )
    }

    fn fault(request: &str, dialect: &str, secret: &str, url: Option<&str>) -> (&'static str, String) {
        let arrival = captured::read(request.as_bytes(), None).unwrap();
        let findings = Findings::of(&arrival, find(dialect).unwrap(), &["other", secret], url, None).unwrap();
        findings.fault.unwrap_or_default()
    }

    #[test]
    fn a_request_of_twilio_is_told_from_one_that_was_changed() {
        let target = "/myapp.php?foo=1&bar=2";
        for (host, target, body, secret, url, reason, words) in [
            ("mycompany.com", target, BODY, TOKEN, Some(SIGNED), "", ""),
            ("mycompany.com", target, BODY, TOKEN, None, "", ""),
            // Behind a proxy, with what the endpoint is registered with.
            ("10.0.0.7:8080", target, BODY, TOKEN, Some("https://mycompany.com/myapp.php?foo=1&bar=2"), "", ""),
            (
                "10.0.0.7",
                target,
                BODY,
                TOKEN,
                Some("http://mycompany.com/myapp.php"),
                "the URL",
                "`https://mycompany.com/",
            ),
            ("mycompany.com", "/x", BODY, TOKEN, Some(SIGNED), "the URL", "as it is registered"),
            ("10.0.0.7", target, BODY, TOKEN, None, "the secret", "--url"),
            ("mycompany.com", target, BODY, "12346", Some(SIGNED), "the secret", "another endpoint"),
            ("mycompany.com", target, "Digits=1", TOKEN, Some(SIGNED), "the secret", "was changed"),
        ] {
            let found = fault(&request(host, target, body), "twilio", secret, url);
            assert!(found.0 == reason && found.1.contains(words), "{host}{target} {url:?}: {found:?}");
        }
        let bare = format!("POST {target}\nhost: mycompany.com\nx-twilio-sig: a\n\n{BODY}");
        let found = fault(&bare, "twilio", TOKEN, Some(SIGNED));
        assert!(found.0 == "a header" && found.1.contains("`x-twilio-sig`"), "{found:?}");
    }

    #[test]
    fn what_is_printed_has_the_secret_nowhere() {
        let arrival = captured::read(request("mycompany.com", "/x", BODY).as_bytes(), None).unwrap();
        let findings = Findings::of(&arrival, find("twilio").unwrap(), &["31337"], Some(SIGNED), None).unwrap();
        let text = findings.describe(Style::plain());
        assert!(!findings.hold() && text.contains("{url}{params}") && text.contains("HMAC-SHA1"), "{text}");
        assert!(!text.contains("31337"), "{text}");
    }
}

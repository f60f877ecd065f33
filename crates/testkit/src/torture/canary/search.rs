//! The secrets of a canary run, and the search for them.

use std::fmt;
use std::path::Path;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::torture::plan;
use crate::torture::seed::Seed;

/// Every secret of the run, each unlike anything that could stand in a log by chance.
#[derive(Debug)]
pub(super) struct Canaries {
    pub(super) secret: String,
    pub(super) header: String,
    pub(super) api_key: String,
    pub(super) password: String,
    /// User and password as basic auth writes them.
    pub(super) basic: String,
    pub(super) query: String,
    pub(super) payload: String,
    pub(super) response: String,
    pub(super) bad_token: String,
    /// What nobody may find in output: kind and text.
    needles: Vec<(&'static str, Vec<u8>)>,
    /// What nobody may find in the store.
    at_rest: Vec<(&'static str, Vec<u8>)>,
}

/// A secret where none may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hit {
    kind: &'static str,
    place: String,
    line: usize,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} line {}", self.kind, self.place, self.line)
    }
}

impl Canaries {
    pub(super) fn new(mut seed: Seed, token: &str) -> Self {
        let mut canary = |kind: &str| format!("canary{kind}{:016x}", seed.next());
        let (header, api_key, password) = (canary("header"), canary("apikey"), canary("password"));
        let (query, payload, response) = (canary("query"), canary("payload"), canary("response"));
        let bad_token = format!("{}.{}.{}", canary("bad"), canary("bad"), canary("bad"));
        let secret = plan::secret(&mut seed);
        let encoded = secret.trim_start_matches("whsec_").to_owned();
        let raw = STANDARD.decode(&encoded).unwrap_or_default();
        let basic = STANDARD.encode(format!("canary:{password}"));
        // The signature of a token is what makes it one; head and claims are no secret.
        let signature = token.rsplit('.').next().unwrap_or(token).to_owned();
        let texts = [
            ("endpoint secret", &encoded),
            ("header value", &header),
            ("api key", &api_key),
            ("password", &password),
            ("basic auth", &basic),
            ("query", &query),
            ("payload", &payload),
            ("response body", &response),
            ("token", &signature),
            ("refused token", &bad_token),
        ];
        let needles = texts.map(|(kind, text)| (kind, text.as_bytes().to_vec())).to_vec();
        let at_rest = vec![
            ("endpoint secret", encoded.as_bytes().to_vec()),
            ("endpoint secret, decoded", raw),
            ("password", password.as_bytes().to_vec()),
        ];
        Self { secret, header, api_key, password, basic, query, payload, response, bad_token, needles, at_rest }
    }

    /// Adds what lies in the key files beside the store, as it stands there.
    pub(super) fn add_key_files(&mut self, store: &Path) -> Result<()> {
        for (kind, name) in [("master key", "master.key"), ("token key", "jwt.key")] {
            let path = store.join(name);
            if path.is_file() {
                let key = std::fs::read(path)?.trim_ascii().to_vec();
                // Shorter than any key, and an empty one would be found everywhere.
                if key.len() >= 16 {
                    self.needles.push((kind, key));
                }
            }
        }
        Ok(())
    }

    /// Looks for everything in what was written; at most one hit for each kind and line.
    pub(super) fn search(&self, place: &str, written: &[u8]) -> Vec<Hit> {
        let needles = self.needles.iter().flat_map(|(kind, needle)| {
            let (hex, list) = (hex(needle), list(needle));
            [(*kind, needle.clone()), (*kind, hex), (*kind, list)]
        });
        find(&needles.collect::<Vec<_>>(), place, written)
    }

    /// Looks for what must be encrypted in a file of the store.
    pub(super) fn search_at_rest(&self, place: &str, bytes: &[u8]) -> Vec<Hit> {
        find(&self.at_rest, place, bytes)
    }
}

fn find(needles: &[(&'static str, Vec<u8>)], place: &str, bytes: &[u8]) -> Vec<Hit> {
    let mut hits = Vec::new();
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        for (kind, needle) in needles {
            if contains(line, needle) {
                hits.push(Hit { kind, place: place.to_owned(), line: number + 1 });
            }
        }
    }
    hits
}

/// Whether `needle` is in `line`. Jumps from first byte to first byte: most lines have few of them.
fn contains(line: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    let mut rest = line;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// The bytes as a hexadecimal dump would show them.
fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into_bytes()
}

/// The bytes as `Debug` of a vector would show them.
fn list(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canaries() -> Canaries {
        Canaries::new(Seed::new(1), "head.claims.signature-of-the-token")
    }

    #[test]
    fn every_secret_is_found_plain_in_hex_and_as_a_list_of_bytes() {
        let canaries = canaries();
        for secret in [&canaries.header, &canaries.password, &canaries.payload, &canaries.response, &canaries.query] {
            for text in [secret.clone().into_bytes(), hex(secret.as_bytes()), format!("{:?}", secret.as_bytes()).into()]
            {
                let log = [b"a line\nand ccc", &text[..], b" in it\n"].concat();
                let hits = canaries.search("log", &log);
                assert_eq!(hits.len(), 1, "{secret}");
                assert_eq!((hits[0].line, hits[0].place.as_str()), (2, "log"));
            }
        }
        assert_eq!(canaries.search("log", canaries.secret.as_bytes()).len(), 1);
        assert_eq!(canaries.search("log", b"Bearer head.claims.signature-of-the-token").len(), 1);
    }

    #[test]
    fn a_clean_log_has_no_hit() {
        let log = b"canary whsec_ claims head 12, 34\n\x00\xff\n";
        assert_eq!(canaries().search("log", log), []);
        assert_eq!(canaries().search_at_rest("store", canaries().query.as_bytes()), []);
    }

    #[test]
    fn the_key_files_of_the_store_are_secrets_too() {
        let store = tempfile::tempdir().unwrap();
        std::fs::write(store.path().join("jwt.key"), "0123456789abcdef0123456789abcdef\n").unwrap();
        let mut canaries = canaries();
        canaries.add_key_files(store.path()).unwrap();
        let hits = canaries.search("log", b"key=0123456789abcdef0123456789abcdef!");
        assert_eq!(hits.iter().map(|hit| hit.kind).collect::<Vec<_>>(), ["token key"]);
    }
}

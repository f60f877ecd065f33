//! Variables of the environment that look like a setting and are none.
//!
//! They are told, not refused: an orchestrator may put variables of its own under the same prefix (`RINGBACK_PORT` and
//! the like, for a service of that name).

use super::file::KEYS;
use ringback_model::near;

const PREFIX: &str = "RINGBACK_";
/// Variables that are no keys of the file: those of other commands, and the name of the file itself.
const OTHERS: [&str; 10] = ["config", "org", "app", "ttl", "secret", "server", "token", "from", "to", "rows"];

/// Those of `names` that are probably mistyped, each with the variables that were probably meant.
pub(crate) fn mistyped_variables(names: impl IntoIterator<Item = String>) -> Vec<(String, Vec<String>)> {
    let mistyped = |name: String| {
        let key = name.strip_prefix(PREFIX)?.to_lowercase();
        let known = KEYS.into_iter().chain(OTHERS);
        if known.clone().any(|known| known == key) {
            return None;
        }
        let meant: Vec<_> = near(&key, known).iter().map(|key| format!("{PREFIX}{}", key.to_uppercase())).collect();
        (!meant.is_empty()).then_some((name, meant))
    };
    names.into_iter().filter_map(mistyped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_variable_is_found_and_one_of_an_orchestrator_is_not() {
        let names = [
            "RINGBACK_EGRES_ALLOW",
            "RINGBACK_LISTEN",
            "RINGBACK_TTL",
            "RINGBACK_PORT",
            "RINGBACK_SERVICE_HOST",
            "PATH",
        ];
        let found = mistyped_variables(names.map(str::to_owned));
        assert_eq!(found, [("RINGBACK_EGRES_ALLOW".to_owned(), vec!["RINGBACK_EGRESS_ALLOW".to_owned()])]);
    }
}

//! Host names that by their form belong to somebody's own network.
//!
//! Such a name is not proof of anything (a public name can point inside as well), so addresses are judged in any case.
//! It is refused early because no public receiver has one, and because what it resolves to differs with the resolver.

/// Last labels of names that do not exist in the public DNS, or are kept for use inside (RFC 6761, RFC 6762, RFC 8375,
/// `.internal` as reserved by ICANN, and what Kubernetes and home routers hand out).
const SUFFIXES: &[&str] = &[
    "localhost",
    "localdomain",
    "local",    // mDNS, and `cluster.local`.
    "internal", // With `metadata.google.internal`.
    "svc",
    "home.arpa",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
];

/// Whether a name (lower case, without its last dot) is of an internal form: one label alone, or one of the suffixes.
pub(super) fn is_internal(host: &str) -> bool {
    !host.contains('.') || SUFFIXES.iter().any(|suffix| is_under(host, suffix))
}

/// Whether a name means this very machine: `localhost` and all below it (RFC 6761, section 6.3).
pub(super) fn is_localhost(host: &str) -> bool {
    is_under(host, "localhost")
}

fn is_under(host: &str, suffix: &str) -> bool {
    host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_machines_clusters_and_clouds_are_internal() {
        for host in [
            "localhost",
            "a.localhost",
            "backend",
            "kubernetes",
            "metadata.google.internal",
            "api.default.svc",
            "api.default.svc.cluster.local",
            "printer.local",
            "nas.home.arpa",
            "localhost.localdomain",
        ] {
            assert!(is_internal(host), "{host}");
        }
    }

    #[test]
    fn a_suffix_counts_only_as_whole_labels() {
        for host in ["ok.example", "notlocalhost.example", "my-internal.example", "glocal.example", "a.notlocal"] {
            assert!(!is_internal(host), "{host}");
        }
    }
}

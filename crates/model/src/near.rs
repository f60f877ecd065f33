//! Names that look like a mistyped one, for errors that say what was probably meant.

/// The candidates nearest to `name`, best first: those that differ by at most a third of their letters, and not by more
/// than twice as many as the best. A swap of two neighbours counts as one difference, and `-` is the same as `_`.
#[must_use]
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase().replace('-', "_");
    let mut found: Vec<_> = candidates
        .into_iter()
        .map(|candidate| (distance(&name, &candidate.to_lowercase().replace('-', "_")), candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count().max(3))
        .collect();
    found.sort_unstable();
    let best = found.first().map_or(0, |(distance, _)| *distance);
    found.retain(|(distance, _)| *distance <= 2 * best.max(1));
    found.into_iter().map(|(_, candidate)| candidate).take(3).collect()
}

/// How many letters have to be inserted, removed, replaced or swapped with their neighbour to make `b` of `a`
/// (the optimal string alignment distance).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    let swapped = (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                        .then(|| rows[i - 2][j - 2] + 1);
                    let changed = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(replaced);
                    swapped.map_or(changed, |swapped| swapped.min(changed))
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_typo_finds_what_was_meant_and_nonsense_finds_nothing() {
        let keys = ["listen", "store", "egress_allow", "jwt_secret", "jwt_secret_file"];
        assert_eq!(near("listne", keys), ["listen"]);
        assert_eq!(near("Egress-Allow", keys), ["egress_allow"]);
        assert_eq!(near("jwt_secrets", keys)[0], "jwt_secret");
        assert!(near("colour", keys).is_empty());
    }

    #[test]
    fn capitals_and_dashes_of_the_candidates_count_for_nothing_either() {
        assert_eq!(near("webhook-url", ["webhookUrl", "WEBHOOK_URL"])[0], "WEBHOOK_URL");
        assert_eq!(near("unsubscribefromwebhook", ["unsubscribeFromWebhook"]), ["unsubscribeFromWebhook"]);
        assert_eq!(near("DELIVRDTEXTS", ["delivrd-text"]), ["delivrd-text"]);
    }

    proptest! {
        #[test]
        fn the_distance_is_symmetric_and_zero_only_for_the_same_text(a in "[a-d]{0,8}", b in "[a-d]{0,8}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}

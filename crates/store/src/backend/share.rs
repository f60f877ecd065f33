//! How the places of one answer are shared among priorities.

/// One place in so many belongs to each group that has anything, however much waits in the groups before it.
const GUARANTEED: usize = 20;

/// Shares `limit` places among groups of these lengths. Earlier groups go first, but each that has any gets at least one
/// place in [`GUARANTEED`] (at least one place, while there are places).
pub(in crate::backend) fn shares(limit: usize, lengths: &[usize]) -> Vec<usize> {
    let least = (limit / GUARANTEED).max(1);
    let mut free = limit;
    let mut shares: Vec<usize> = lengths
        .iter()
        .map(|length| {
            let share = least.min(*length).min(free);
            free -= share;
            share
        })
        .collect();
    for (share, length) in shares.iter_mut().zip(lengths) {
        let more = (length - *share).min(free);
        *share += more;
        free -= more;
    }
    shares
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_place_is_lost_and_nobody_with_work_is_left_out(
            limit in 8usize..200,
            lengths in proptest::collection::vec(0usize..300, 1..8),
        ) {
            let shares = shares(limit, &lengths);
            prop_assert_eq!(shares.iter().sum::<usize>(), limit.min(lengths.iter().sum()));
            for (share, length) in shares.iter().zip(&lengths) {
                prop_assert!(share <= length);
                prop_assert!(*share >= (limit / GUARANTEED).max(1).min(*length));
            }
        }
    }

    #[test]
    fn earlier_groups_go_first() {
        assert_eq!(shares(64, &[100, 100, 100]), [58, 3, 3]);
        assert_eq!(shares(64, &[10, 0, 100]), [10, 0, 54]);
        assert_eq!(shares(2, &[5, 5, 5]), [1, 1, 0]);
    }
}

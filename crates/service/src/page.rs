//! Pages of lists, and what a write answers.

use std::fmt::Display;

use ringback_store::{Direction, Hits, Paging};

/// At how many messages or attempts one request for a page looks, where few may meet its conditions: a few milliseconds.
pub(crate) const LOOK: usize = 6_000;

/// Which part of a list is asked for: `limit` items behind `from`, or before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window<K> {
    /// At most so many items.
    pub limit: usize,
    /// The item beside the first one wanted; from the beginning if absent.
    pub from: Option<K>,
    /// Towards the beginning of the list: the items before `from`, still in the list's order.
    pub backwards: bool,
    /// The list's order.
    pub order: Direction,
}

/// A part of a list, in the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// There are no more in the direction that was asked for.
    pub done: bool,
    /// Where the search stopped before the page was full, because it had looked at as much as it may at once.
    pub stopped: Option<Stopped>,
}

/// Where a search stopped, and goes on when it is asked for the page beside this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The id of the last thing that it looked at.
    pub at: String,
    /// It ran towards the beginning of the list.
    pub backwards: bool,
}

/// A thing that was written, and whether it is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made<T> {
    /// The thing.
    pub item: T,
    /// It was not there before.
    pub created: bool,
}

impl<K> Window<K> {
    /// The same part of a list whose items go by other keys.
    #[must_use]
    pub fn map<L>(self, change: impl FnOnce(K) -> L) -> Window<L> {
        let Self { limit, from, backwards, order } = self;
        Window { limit, from: from.map(change), backwards, order }
    }
}

impl<K: Clone> Window<K> {
    /// What to ask the store for: one row more than wanted, which tells whether there are more.
    #[must_use]
    pub fn paging(&self) -> Paging<K> {
        let direction = if self.backwards { self.order.reversed() } else { self.order };
        Paging { limit: self.limit + 1, after: self.from.clone(), direction }
    }

    /// The page out of the rows that [`Window::paging`] asked for.
    #[must_use]
    pub fn page<T>(&self, mut rows: Vec<T>) -> Page<T> {
        let done = rows.len() <= self.limit;
        rows.truncate(self.limit);
        if self.backwards {
            rows.reverse();
        }
        Page { items: rows, done, stopped: None }
    }
}

impl<K: Clone + Display> Window<K> {
    /// The page out of what a search has found that [`Window::paging`] asked for.
    pub(crate) fn page_of_hits<T>(&self, hits: Hits<T, K>) -> Page<T> {
        let stopped = hits.looked_to.map(|at| Stopped { at: at.to_string(), backwards: self.backwards });
        let page = self.page(hits.items);
        // One row more than the page takes may be there; then the page is full, and goes on behind its last item.
        let stopped = stopped.filter(|_| page.done);
        Page { done: page.done && stopped.is_none(), stopped, ..page }
    }
}

impl<K: Clone + Ord> Window<K> {
    /// The page out of all items of a list, in any order.
    #[must_use]
    pub fn page_of<T>(&self, mut items: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let paging = self.paging();
        items.sort_by_key(|item| key(item));
        if paging.direction == Direction::Descending {
            items.reverse();
        }
        if let Some(after) = &paging.after {
            items.retain(|item| match paging.direction {
                Direction::Ascending => key(item) > *after,
                Direction::Descending => key(item) < *after,
            });
        }
        items.truncate(paging.limit);
        self.page(items)
    }
}

impl<T> Page<T> {
    /// A page of an empty list.
    #[must_use]
    pub const fn empty() -> Self {
        Self { items: Vec::new(), done: true, stopped: None }
    }

    /// The same page of other things.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), done: self.done, stopped: self.stopped }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn walk(items: &[u16], limit: usize, order: Direction, backwards: bool, from: Option<u16>) -> Vec<Vec<u16>> {
        let (mut pages, mut from) = (Vec::new(), from);
        loop {
            let page = Window { limit, from, backwards, order }.page_of(items.to_vec(), |item| *item);
            let next = if backwards { page.items.first() } else { page.items.last() };
            from = next.copied().or(from);
            if !page.items.is_empty() {
                pages.push(page.items);
            }
            if page.done {
                return pages;
            }
        }
    }

    #[test]
    fn a_search_that_stopped_is_not_done_and_says_where_it_goes_on() {
        let window = |backwards| Window { limit: 2, from: None::<u8>, backwards, order: Direction::Descending };
        let hits = |items: &[u8], looked_to| Hits { items: items.to_vec(), looked_to };
        for backwards in [false, true] {
            let stopped = Some(Stopped { at: "9".to_owned(), backwards });
            for items in [&[][..], &[7], &[7, 7]] {
                let page = window(backwards).page_of_hits(hits(items, Some(9)));
                assert_eq!(page, Page { items: items.to_vec(), done: false, stopped: stopped.clone() });
                let page = window(backwards).page_of_hits(hits(items, None));
                assert_eq!(page, Page { items: items.to_vec(), done: true, stopped: None });
            }
            // A full page goes on behind its last item.
            let page = window(backwards).page_of_hits(hits(&[7, 7, 7], None));
            assert_eq!(page, Page { items: vec![7, 7], done: false, stopped: None });
        }
    }

    proptest! {
        #[test]
        fn pages_put_together_are_the_list_in_both_directions(
            items in proptest::collection::btree_set(any::<u16>(), 0..60), limit in 1usize..20, descending: bool,
        ) {
            let mut expected: Vec<u16> = items.into_iter().collect();
            let order = if descending { Direction::Descending } else { Direction::Ascending };
            if descending {
                expected.reverse();
            }
            prop_assert_eq!(walk(&expected, limit, order, false, None).concat(), expected.clone());
            if let Some(last) = expected.pop() {
                let mut back = walk(&expected, limit, order, true, Some(last));
                back.reverse();
                prop_assert_eq!(back.concat(), expected);
            }
        }
    }
}

//! Which endpoints of an application may get a message, found without a look at each of them.
//!
//! An endpoint stands under what is most its own of the filters that name something: its number, else its channels, else
//! its event types. One with none of them, or with a pattern in place of a name, may get anything.

use std::collections::HashMap;
use std::sync::Arc;

use ringback_model::Endpoint;

use crate::EndpointConfig;

/// Places of endpoints in the list that they were read from, rising, under what they ask for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Takers {
    by_number: HashMap<String, Vec<usize>>,
    by_channel: HashMap<String, Vec<usize>>,
    by_event_type: HashMap<String, Vec<usize>>,
    others: Vec<usize>,
}

impl Takers {
    /// Those of a list that get messages at all.
    pub(crate) fn new(endpoints: &[Arc<EndpointConfig>]) -> Self {
        let mut takers = Self::default();
        for (place, config) in endpoints.iter().enumerate() {
            if !config.endpoint.disabled && !config.endpoint.callback {
                takers.add(place, &config.endpoint);
            }
        }
        takers
    }

    fn add(&mut self, place: usize, endpoint: &Endpoint) {
        let names = |types: &&Vec<String>| types.iter().all(|name| !name.contains('*'));
        let (map, keys) = if let Some(number) = &endpoint.product_unique_id {
            (&mut self.by_number, std::slice::from_ref(number))
        } else if let Some(channels) = &endpoint.channels {
            (&mut self.by_channel, channels.as_slice())
        } else if let Some(types) = endpoint.event_types.as_ref().filter(names) {
            (&mut self.by_event_type, types.as_slice())
        } else {
            return self.others.push(place);
        };
        for key in keys {
            map.entry(key.clone()).or_default().push(place);
        }
    }

    /// The places of all that may get a message with these, and of some that do not, each once and rising.
    pub(crate) fn of(&self, event_type: &str, channels: &[String], number: Option<&str>) -> Vec<usize> {
        let mut places = self.others.clone();
        let of_channels = channels.iter().filter_map(|channel| self.by_channel.get(channel));
        let of_type = self.by_event_type.get(event_type);
        let of_number = number.and_then(|number| self.by_number.get(number));
        of_channels.chain(of_type).chain(of_number).for_each(|found| places.extend(found));
        places.sort_unstable();
        places.dedup();
        places
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ringback_model::{AppNo, EndpointNo, Timestamp};

    use super::*;

    fn config(place: usize, change: impl FnOnce(&mut Endpoint)) -> Arc<EndpointConfig> {
        let id = "ep_27UH4WbU6Z5A5EzD8u03UvzRbpk".parse().unwrap();
        let mut endpoint = Endpoint::new(id, "https://a.example/".to_owned(), Timestamp::MIN);
        change(&mut endpoint);
        let no = EndpointNo(i64::try_from(place).unwrap());
        Arc::new(EndpointConfig {
            no,
            app: AppNo(1),
            version: 1,
            deleted: false,
            endpoint,
            secrets: Default::default(),
        })
    }

    fn some_of(names: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        prop::collection::vec(prop::sample::select(names).prop_map(str::to_owned), 1..4)
    }

    fn endpoints() -> impl Strategy<Value = Vec<Arc<EndpointConfig>>> {
        let types = prop::option::of(some_of(&["a.b", "a.c", "b.c", "a.*", "*.c"]));
        let channels = prop::option::of(some_of(&["x", "y", "z"]));
        let number = prop::option::of(prop::sample::select(&["1", "2"][..]));
        let one = (types, channels, number, prop::bool::weighted(0.1), prop::bool::weighted(0.1));
        prop::collection::vec(one, 0..20).prop_map(|all| {
            let of = |(place, (types, channels, number, disabled, callback)): (usize, (_, _, Option<&str>, _, _))| {
                config(place, |endpoint| {
                    endpoint.event_types = types;
                    endpoint.channels = channels;
                    endpoint.product_unique_id = number.map(str::to_owned);
                    endpoint.disabled = disabled;
                    endpoint.callback = callback;
                })
            };
            all.into_iter().enumerate().map(of).collect()
        })
    }

    proptest! {
        #[test]
        fn whoever_gets_a_message_is_found_once_and_in_order(
            endpoints in endpoints(),
            event_type in prop::sample::select(&["a.b", "a.c", "b.c", "d.e"][..]),
            channels in prop::collection::vec(prop::sample::select(&["x", "y", "w"][..]).prop_map(str::to_owned), 0..3),
            number in prop::option::of(prop::sample::select(&["1", "3"][..])),
        ) {
            let found = Takers::new(&endpoints).of(event_type, &channels, number);
            prop_assert!(found.is_sorted_by(|one, next| one < next));
            for (place, config) in endpoints.iter().enumerate() {
                let endpoint = &config.endpoint;
                let gets = !endpoint.disabled
                    && !endpoint.callback
                    && endpoint.matches_type(event_type)
                    && endpoint.matches_channels(&channels)
                    && endpoint.product_unique_id.as_deref().is_none_or(|wanted| number == Some(wanted));
                prop_assert!(!gets || found.contains(&place), "{place} of {endpoints:?}");
            }
        }
    }

    #[test]
    fn whoever_asks_for_something_else_is_not_looked_at() {
        let types = |name: &str| Some(vec![name.to_owned()]);
        let endpoints = [
            config(0, |endpoint| endpoint.event_types = types("a.b")),
            config(1, |endpoint| endpoint.event_types = types("a.c")),
            config(2, |endpoint| endpoint.channels = types("x")),
            config(3, |endpoint| endpoint.channels = types("y")),
            config(4, |endpoint| endpoint.product_unique_id = Some("1".to_owned())),
            config(5, |endpoint| endpoint.product_unique_id = Some("2".to_owned())),
            config(6, |_| ()),
        ];
        let found = Takers::new(&endpoints).of("a.b", &["x".to_owned(), "x".to_owned()], Some("1"));
        assert_eq!(found, [0, 2, 4, 6]);
    }
}

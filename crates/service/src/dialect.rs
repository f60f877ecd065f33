//! The dialects that an endpoint may be written in, for people to choose from.

use ringback_model::SendMethod;

/// A dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialectView {
    /// Its name, as endpoints write it.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// How it sends where the endpoint does not say.
    pub send_method: SendMethod,
    /// The methods that it knows.
    pub send_methods: Vec<SendMethod>,
    /// What the endpoint's `parameters` may name: the slot, its name on the wire, and whether it is sent only by request.
    pub parameters: Vec<(&'static str, &'static str, bool)>,
    /// What it signs with, if the endpoint has to give it.
    pub takes_secret: bool,
}

/// All dialects, in the order in which they are told.
#[must_use]
pub fn dialects() -> Vec<DialectView> {
    let all = ringback_wire::dialect::names().filter_map(ringback_wire::dialect::find);
    let view = |dialect: &'static ringback_wire::dialect::Dialect| {
        let every = [SendMethod::Post, SendMethod::Get, SendMethod::Json, SendMethod::Xml];
        let known = |method: &SendMethod| dialect.send_methods.is_empty() || dialect.send_methods.contains(method);
        let parameters = dialect.parameters();
        DialectView {
            name: &dialect.name,
            title: &dialect.title,
            send_method: dialect.send_method,
            send_methods: every.into_iter().filter(known).collect(),
            parameters: parameters.into_iter().map(|(slot, (name, optional))| (slot, name, optional)).collect(),
            takes_secret: dialect.takes_secret(),
        }
    };
    all.map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dialect_can_be_chosen_with_what_it_knows() {
        let all = dialects();
        let find = |name: &str| all.iter().find(|dialect| dialect.name == name).unwrap();
        let console = find("console");
        assert_eq!((console.send_method, console.send_methods.len()), (SendMethod::Post, 4));
        assert!(console.parameters.contains(&("transactionId", "transId", false)));
        assert!(console.parameters.contains(&("readTime", "readTime", true)));
        assert!(find("twilio").takes_secret && !console.takes_secret);
        assert!(!find("twilio").send_methods.contains(&SendMethod::Xml));
    }
}

//! What decides who gets a report: read by itself, for a message is accepted more often than all of its report is asked for.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{Call, Feedback, Lookup, Message, Report, Text, read_object};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Head<'a> {
    #[serde(borrow)]
    product: Option<Text<'a>>,
    product_unique_id: Option<Text<'a>>,
    category: Option<Text<'a>>,
    message: Option<HeadOfMessage<'a>>,
    call: Option<HeadOfCall<'a>>,
    inbound: Option<&'a RawValue>,
    feedback: Option<IgnoredAny>,
    lookup: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct HeadOfMessage<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    status: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct HeadOfCall<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    ivr_id: Option<Text<'a>>,
}

impl<'a> Report<'a> {
    /// Reads of a report what says whose it is, in which state, and what it stays in order with: product, number,
    /// category, the message's id and state, the call's ids, an inbound message, and whether there is feedback or a
    /// lookup. All else is absent, whatever the payload says.
    ///
    /// # Errors
    /// When it is no JSON object, or one of these members is of another kind.
    pub fn parse_head(payload: &'a [u8]) -> Result<Self, serde_json::Error> {
        let head: Head<'a> = read_object(payload)?;
        let message = |head: HeadOfMessage<'a>| Message { id: head.id, status: head.status, ..Message::default() };
        let call = |head: HeadOfCall<'a>| Call { id: head.id, ivr_id: head.ivr_id, ..Call::default() };
        Ok(Self {
            product: head.product,
            product_unique_id: head.product_unique_id,
            category: head.category,
            message: head.message.map(|head| Box::new(message(head))),
            call: head.call.map(|head| Box::new(call(head))),
            inbound: head.inbound,
            feedback: head.feedback.map(|IgnoredAny| Feedback::default()),
            lookup: head.lookup.map(|IgnoredAny| Lookup::default()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"{"product":"sms","productUniqueId":"254","category":"otp","x":[{"y":1}],
        "message":{"id":7,"status":"sent","to":"+254","network":{"mcc":639}},"call":{"id":"c","ivrId":"i","to":"1"},
        "inbound":{"messages":[{"from":"254"}]},"feedback":{"result":"SUCCESS"},"lookup":{"ported":true}}"#;

    #[test]
    fn the_head_says_of_a_report_what_the_whole_says() {
        for member in ["", "message", "call", "inbound", "feedback", "lookup", "product"] {
            let mut payload: serde_json::Value = serde_json::from_str(FULL).unwrap();
            for other in ["message", "call", "inbound", "feedback", "lookup"] {
                if !member.is_empty() && other != member {
                    payload.as_object_mut().unwrap().remove(other);
                }
            }
            let payload = payload.to_string();
            let (head, whole) =
                (Report::parse_head(payload.as_bytes()).unwrap(), Report::parse(payload.as_bytes()).unwrap());
            for event_type in ["sms.dlr", "order.created"] {
                assert_eq!(head.report_type(event_type), whole.report_type(event_type), "{payload}");
                assert_eq!(head.tells_state(event_type), whole.tells_state(event_type), "{payload}");
                assert_eq!(head.product_of(event_type), whole.product_of(event_type), "{payload}");
            }
            assert_eq!(head.ordering_key(), whole.ordering_key(), "{payload}");
            assert_eq!(head.status(), whole.status(), "{payload}");
            assert_eq!((&head.category, &head.product_unique_id), (&whole.category, &whole.product_unique_id));
        }
    }

    #[test]
    fn only_what_it_reads_can_be_wrong() {
        assert!(Report::parse_head(b"[1]").is_err());
        assert!(Report::parse_head(br#"{"message":{"status":{}}}"#).is_err());
        assert!(Report::parse_head(br#"{"message":{"status":"sent","to":{}}}"#).is_ok());
    }
}

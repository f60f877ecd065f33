//! The report: the canonical messaging event (delivery report, inbound message, call) that dialects are rendered from.

mod derived;
mod digits;
mod failure;
mod fault;
mod head;
mod mapping;
mod mention;
mod path;
mod schema;
mod status;
mod text;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

pub(crate) use digits::read;
pub use failure::{FailureReason, failure_reason};
pub(crate) use fault::in_words;
pub use mapping::{Mapped, check_mapping};
pub use mention::search_word;
pub use path::paths;
pub(crate) use path::{Kind, Path};
pub use schema::{ReportSchema, SCHEMA_VERSION, report_schema, report_schemas};
pub use status::Status;
pub use text::Text;
use text::Word;

/// A report, borrowed from the payload. Unknown members are ignored; what is absent or null is `None`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report<'a> {
    /// `sms`, `whatsapp`, `voice`, `otp`, `lookup`, or another of the operator's.
    #[serde(borrow)]
    pub product: Option<Text<'a>>,
    /// The customer's number (a WABA number).
    pub product_unique_id: Option<Text<'a>>,
    /// `otp`, `notification`, `transactional`, `marketing`, or another of the operator's.
    pub category: Option<Text<'a>>,
    /// The message that is reported on.
    pub message: Option<Box<Message<'a>>>,
    /// The call that is reported on.
    pub call: Option<Box<Call<'a>>>,
    /// An inbound message: the `value` object of the WhatsApp Cloud API, its bytes kept.
    pub inbound: Option<&'a RawValue>,
    /// What the customer says of an OTP.
    pub feedback: Option<Feedback<'a>>,
    /// What was found about a number.
    pub lookup: Option<Lookup<'a>>,
}

/// A message of a report.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Message<'a> {
    /// Its id.
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    /// The id of its batch or transaction.
    pub group_id: Option<Text<'a>>,
    /// Its place in the batch.
    pub index: Option<Text<'a>>,
    /// The sender.
    pub from: Option<Text<'a>>,
    /// The recipient.
    pub to: Option<Text<'a>>,
    /// The state, in the words of [`Status`].
    pub status: Option<Text<'a>>,
    /// The state in the upstream's word.
    pub raw_status: Option<Text<'a>>,
    /// What went wrong.
    pub error: Option<ReportError<'a>>,
    /// Billed parts.
    pub parts: Option<Text<'a>>,
    /// When the platform took it.
    pub accepted_at: Option<Text<'a>>,
    /// When the operator took it.
    pub sent_at: Option<Text<'a>>,
    /// When the handset took it.
    pub delivered_at: Option<Text<'a>>,
    /// When it was read.
    pub read_at: Option<Text<'a>>,
    /// What it cost.
    pub price: Option<Price<'a>>,
    /// The customer's own reference.
    pub client_ref: Option<Text<'a>>,
    /// What the customer wants back as it is.
    pub custom: Option<Custom<'a>>,
    /// The network of the recipient.
    pub network: Option<Network<'a>>,
}

/// What went wrong, as code and text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ReportError<'a> {
    /// The code.
    #[serde(borrow)]
    pub code: Option<Text<'a>>,
    /// Whose code it is.
    pub scheme: Option<Text<'a>>,
    /// In words.
    pub text: Option<Text<'a>>,
}

/// An amount of money: decimal text.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Price<'a> {
    /// The amount.
    #[serde(borrow)]
    pub amount: Option<Text<'a>>,
    /// The currency.
    pub currency: Option<Text<'a>>,
}

/// Passthrough values by name, in the order given.
#[derive(Clone, Debug, Default)]
pub struct Custom<'a>(pub Vec<(Cow<'a, str>, Text<'a>)>);

/// The network of a recipient.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Network<'a> {
    #[serde(borrow)]
    pub country_name: Option<Text<'a>>,
    pub country_code: Option<Text<'a>>,
    pub region_name: Option<Text<'a>>,
    pub region_code: Option<Text<'a>>,
    pub operator_name: Option<Text<'a>>,
    pub operator_code: Option<Text<'a>>,
    pub mcc: Option<Text<'a>>,
    pub mnc: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "text::truth")]
    pub ported: Option<Text<'a>>,
}

/// A call of a report.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Call<'a> {
    /// Its id.
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    /// The customer's own id of it.
    pub user_call_id: Option<Text<'a>>,
    /// The task that it belongs to.
    pub task_id: Option<Text<'a>>,
    /// The IVR file that was played.
    pub ivr_id: Option<Text<'a>>,
    /// Who called.
    pub from: Option<Text<'a>>,
    /// Who was called.
    pub to: Option<Text<'a>>,
    /// When it began.
    pub started_at: Option<Text<'a>>,
    /// When it was answered.
    pub answered_at: Option<Text<'a>>,
    /// When it ended.
    pub ended_at: Option<Text<'a>>,
    /// Seconds of talk.
    pub talk_seconds: Option<Text<'a>>,
    /// Why it ended, as given.
    pub end_reason: Option<Text<'a>>,
    /// Who ended it: `caller`, `callee` or `platform`.
    pub ended_by: Option<Text<'a>>,
    /// When the record was made.
    pub recorded_at: Option<Text<'a>>,
    /// Where the recording is.
    pub recording: Option<Text<'a>>,
}

/// What the customer says of an OTP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Feedback<'a> {
    /// `SUCCESS` or `FAILURE`.
    #[serde(borrow)]
    pub result: Option<Text<'a>>,
}

/// What was found about a number.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Lookup<'a> {
    #[serde(borrow, deserialize_with = "text::truth")]
    pub reachable: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "text::truth")]
    pub ported: Option<Text<'a>>,
    pub mcc_mnc: Option<Text<'a>>,
    pub error_code: Option<Text<'a>>,
}

/// Reads a report or a part of one from the JSON object of a payload.
fn read_object<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, serde_json::Error> {
    // A list would be taken as members in their order.
    if payload.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(serde::de::Error::invalid_type(serde::de::Unexpected::Other("no object"), &"an object"));
    }
    // Once for the whole: from bytes, serde_json looks at each text by itself.
    let text = std::str::from_utf8(payload).map_err(serde::de::Error::custom)?;
    read(text)
}

impl<'de: 'a, 'a> Deserialize<'de> for Custom<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<'a>(std::marker::PhantomData<&'a ()>);
        impl<'de: 'a, 'a> serde::de::Visitor<'de> for Pairs<'a> {
            type Value = Custom<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Custom<'a>, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Text(name), value)) = map.next_entry::<Text<'a>, Option<Word<'a>>>()? {
                    pairs.extend(value.map(|Word(value)| (name, value)));
                }
                Ok(Custom(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(std::marker::PhantomData))
    }
}

/// The type of report that an event type names, if it is one of these: that of `sms.dlr` is `dlr`.
#[must_use]
pub fn type_of_event(event_type: &str) -> Option<&'static str> {
    const TYPES: [&str; 6] = ["dlr", "mo", "ivr", "call", "feedback", "result"];
    let (_, last) = event_type.rsplit_once('.')?;
    TYPES.into_iter().find(|known| *known == last)
}

/// The product of an event type of reports that every server knows: that of `sms.dlr` is `sms`. What a payload says beside
/// it does not count.
#[must_use]
pub fn product_of_event(event_type: &str) -> Option<&'static str> {
    const PRODUCTS: [&str; 5] = ["sms", "whatsapp", "voice", "otp", "lookup"];
    let (product, report_type) = event_type.split_once('.')?;
    type_of_event(event_type).filter(|known| *known == report_type)?;
    PRODUCTS.into_iter().find(|known| *known == product)
}

impl<'a> Report<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// When it is no JSON object, or one of the report's members is of another kind.
    pub fn parse(payload: &'a [u8]) -> Result<Self, serde_json::Error> {
        read_object(payload)
    }

    /// The state of the message, if the report has one that is known.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.message.as_ref()?.status.as_ref().and_then(|status| Status::parse(status.as_str()))
    }

    /// Whether it says by a code what went wrong, or that nothing did.
    pub(crate) fn has_error_code(&self) -> bool {
        let error = self.message.as_ref().and_then(|message| message.error.as_ref());
        error.and_then(|error| error.code.as_ref()).is_some_and(|code| !code.as_str().is_empty())
    }

    /// The code that it has, where that is a zero: it stands for what was delivered.
    pub(crate) fn zero_code(&self) -> Option<&str> {
        let code = self.message.as_ref()?.error.as_ref()?.code.as_ref()?.as_str();
        path::is_zero(code).then_some(code)
    }

    /// Whether it is about the state of a message: by its event type, else by what is in it.
    #[must_use]
    pub fn tells_state(&self, event_type: &str) -> bool {
        match type_of_event(event_type) {
            Some(known) => known == "dlr",
            None => self.message.as_ref().is_some_and(|message| message.status.is_some()),
        }
    }

    /// The type of the report: that of the event type (`sms.dlr`: `dlr`) if it is one, else by what is in it.
    #[must_use]
    pub fn report_type(&self, event_type: &str) -> Option<&'static str> {
        type_of_event(event_type).or(match self {
            Self { inbound: Some(_), .. } => Some("mo"),
            Self { call: Some(call), .. } => Some(if call.ivr_id.is_some() { "ivr" } else { "call" }),
            Self { feedback: Some(_), .. } => Some("feedback"),
            Self { lookup: Some(_), .. } => Some("result"),
            Self { message: Some(_), .. } => Some("dlr"),
            _ => None,
        })
    }

    /// The product: that of an event type that every server knows; of others the report's own word, else the part of the
    /// event type before its dot.
    #[must_use]
    pub fn product_of<'b>(&'b self, event_type: &'b str) -> Option<&'b str> {
        let named = || event_type.split_once('.').map(|(product, _)| product);
        product_of_event(event_type).or_else(|| self.product.as_ref().map(Text::as_str)).or_else(named)
    }

    /// The same report with the product that its event type decides, where that is one that every server knows.
    #[must_use]
    pub fn settled(self, event_type: &str) -> Self {
        match product_of_event(event_type) {
            Some(product) => Self { product: Some(Text(Cow::Borrowed(product))), ..self },
            None => self,
        }
    }

    /// A part of an inbound message, by its name where it is told flat.
    pub(crate) fn inbound_part(&self, name: &str) -> Option<Cow<'a, str>> {
        let raw = self.inbound?.get();
        let value: crate::inbound::Value<'a> = read(raw).ok()?;
        value.part(name)
    }

    /// What must stay in order where nothing else is said: the id of the message or call; channel and sender of an
    /// inbound message.
    #[must_use]
    pub fn ordering_key(&self) -> Option<Cow<'_, str>> {
        if let Some(inbound) = self.inbound {
            let value: crate::inbound::Value<'_> = read(inbound.get()).ok()?;
            let product = self.product.as_ref().map_or("inbound", Text::as_str);
            return Some(format!("{product}:{}", value.message()?.from.as_ref()?.as_str()).into());
        }
        let message = self.message.as_ref().and_then(|message| message.id.as_ref());
        let call = || self.call.as_ref().and_then(|call| call.id.as_ref());
        message.or_else(call).map(|id| Cow::Borrowed(id.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_digits_and_texts_lose_their_escapes() {
        let report = Report::parse(br#"{"message":{"id":007e1,"to":null}}"#.as_slice());
        assert!(report.is_err(), "no JSON number begins with 00");
        let report = Report::parse(br#"{"message":{"id":12345678901234567890123,"clientRef":"a\u00e9\"","price":{"amount":2.0000},"custom":{"custom":"x","n":1.50}}}"#).unwrap();
        let message = report.message.unwrap();
        assert_eq!(message.id.unwrap().as_str(), "12345678901234567890123");
        assert_eq!(message.client_ref.unwrap().as_str(), "aé\"");
        assert_eq!(message.price.unwrap().amount.unwrap().as_str(), "2.0000");
        assert_eq!(message.custom.unwrap().0[1], ("n".into(), Text("1.50".into())));
    }

    #[test]
    fn the_order_is_kept_by_message_by_call_and_by_sender() {
        let key =
            |payload: &'static str| Report::parse(payload.as_bytes()).unwrap().ordering_key().map(Cow::into_owned);
        assert_eq!(key(r#"{"message":{"id":"m1"}}"#).as_deref(), Some("m1"));
        assert_eq!(key(r#"{"call":{"id":"c1"}}"#).as_deref(), Some("c1"));
        let mo = r#"{"product":"whatsapp","inbound":{"messages":[{"from":"254"}]}}"#;
        assert_eq!(key(mo).as_deref(), Some("whatsapp:254"));
        assert_eq!(key("{}"), None);
    }

    #[test]
    fn a_report_that_is_none_says_so() {
        assert!(Report::parse(b"[1]").is_err());
        assert!(Report::parse(br#"{"message":{"id":{}}}"#).is_err());
    }
}

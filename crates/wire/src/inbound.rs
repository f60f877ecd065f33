//! An inbound message of the WhatsApp Cloud API: what its `value` object says, flat.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::unquote;
use crate::report::{Text, read};

/// Members that the `value` object may have: a parameter of the owner cannot take their names.
pub(crate) const MEMBERS: [&str; 6] = ["messaging_product", "metadata", "contacts", "messages", "statuses", "errors"];

/// Names that a query or a form has of it: a parameter of the owner cannot take these there.
pub(crate) const FLAT: [&str; 12] = [
    "from",
    "id",
    "type",
    "timestamp",
    "text",
    "name",
    "wa_id",
    "phone_number_id",
    "display_phone_number",
    "media_id",
    "media_link",
    "payload",
];

/// The `value` object, as far as it is looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Value<'a> {
    #[serde(borrow)]
    metadata: Metadata<'a>,
    contacts: Vec<Contact<'a>>,
    messages: Messages<'a>,
}

/// The messages, and the list of them as it stands.
#[derive(Debug, Default)]
struct Messages<'a> {
    items: Vec<Message<'a>>,
    raw: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Messages<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?;
        let items = read(raw.get()).map_err(serde::de::Error::custom)?;
        Ok(Self { items, raw: Some(raw) })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata<'a> {
    #[serde(borrow)]
    display_phone_number: Option<Text<'a>>,
    phone_number_id: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Contact<'a> {
    #[serde(borrow)]
    profile: Profile<'a>,
    wa_id: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Profile<'a> {
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

/// One inbound message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) from: Option<Text<'a>>,
    id: Option<Text<'a>>,
    timestamp: Option<Text<'a>>,
    #[serde(rename = "type")]
    kind: Option<Text<'a>>,
    text: Option<&'a RawValue>,
    button: Option<&'a RawValue>,
    interactive: Option<&'a RawValue>,
    image: Option<&'a RawValue>,
    video: Option<&'a RawValue>,
    audio: Option<&'a RawValue>,
    document: Option<&'a RawValue>,
    sticker: Option<&'a RawValue>,
    reaction: Option<&'a RawValue>,
}

/// A part of a message that may hold words or a medium.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    body: Option<Text<'a>>,
    text: Option<Text<'a>>,
    title: Option<Text<'a>>,
    emoji: Option<Text<'a>>,
    caption: Option<Text<'a>>,
    link: Option<Text<'a>>,
    mime_type: Option<Text<'a>>,
    button_reply: Option<&'a RawValue>,
    list_reply: Option<&'a RawValue>,
}

impl<'a> Value<'a> {
    /// How many messages there are.
    pub(crate) fn count(&self) -> usize {
        self.messages.items.len()
    }

    /// The list of messages as it stands.
    pub(crate) fn messages_raw(&self) -> Option<&'a str> {
        self.messages.raw.map(RawValue::get)
    }

    /// The first message.
    pub(crate) fn message(&self) -> Option<&Message<'a>> {
        self.messages.items.first()
    }

    /// Names and values, flat, in the order of the dialect; `raw` is the whole object.
    pub(crate) fn flat(&self, raw: &'a str) -> Vec<(&'static str, Cow<'a, str>)> {
        let message = self.messages.items.first();
        let contact = self.contacts.first();
        let of = |text: Option<&Text<'a>>| text.map(|text| text.0.clone()).unwrap_or_default();
        let mut flat = vec![
            ("from", of(message.and_then(|m| m.from.as_ref()))),
            ("id", of(message.and_then(|m| m.id.as_ref()))),
            ("type", of(message.and_then(|m| m.kind.as_ref()))),
            ("timestamp", of(message.and_then(|m| m.timestamp.as_ref()))),
            ("text", message.map(Message::words).unwrap_or_default()),
            ("name", of(contact.and_then(|c| c.profile.name.as_ref()))),
            ("wa_id", of(contact.and_then(|c| c.wa_id.as_ref()))),
            ("phone_number_id", of(self.metadata.phone_number_id.as_ref())),
            ("display_phone_number", of(self.metadata.display_phone_number.as_ref())),
        ];
        let medium = message.map(Message::medium).unwrap_or_default();
        flat.extend(medium.id.map(|id| ("media_id", id.0)));
        flat.extend(medium.link.map(|link| ("media_link", link.0)));
        flat.push(("payload", Cow::Borrowed(raw)));
        flat
    }

    /// One of these values, or the type of the medium (`media_type`).
    pub(crate) fn part(&self, name: &str) -> Option<Cow<'a, str>> {
        let (message, contact) = (self.messages.items.first(), self.contacts.first());
        let text = match name {
            "from" => message?.from.as_ref(),
            "id" => message?.id.as_ref(),
            "type" => message?.kind.as_ref(),
            "timestamp" => message?.timestamp.as_ref(),
            "name" => contact?.profile.name.as_ref(),
            "wa_id" => contact?.wa_id.as_ref(),
            "display_phone_number" => self.metadata.display_phone_number.as_ref(),
            "text" => return Some(message?.words()),
            "media_link" => return message?.medium().link.map(|link| link.0),
            "media_type" => return message?.medium().mime_type.map(|kind| kind.0),
            _ => None,
        };
        text.map(|text| text.0.clone())
    }
}

impl<'a> Message<'a> {
    /// What the sender said: the text, the caption, or the title of what was chosen.
    fn words(&self) -> Cow<'a, str> {
        let parts = [self.text, self.button, self.reaction, self.interactive, self.image, self.video, self.document];
        for raw in parts.into_iter().flatten() {
            if raw.get().starts_with('"') {
                return unquote(raw.get()).unwrap_or_default();
            }
            let part: Part<'a> = read(raw.get()).unwrap_or_default();
            let chosen = part.button_reply.or(part.list_reply);
            let chosen = chosen.and_then(|raw| read::<Part<'a>>(raw.get()).ok()?.title);
            let said = part.body.or(part.text).or(part.emoji).or(part.caption).or(chosen);
            if let Some(said) = said {
                return said.0;
            }
        }
        Cow::default()
    }

    /// A picture, a recording or a document.
    fn medium(&self) -> Part<'a> {
        let media = [self.image, self.video, self.audio, self.document, self.sticker];
        let part = media.into_iter().flatten().next().and_then(|raw| read::<Part<'a>>(raw.get()).ok());
        part.unwrap_or_default()
    }
}

//! Dialects: how a provider writes, signs and acknowledges a webhook, as data. Each is a TOML file in `dialects/`;
//! `docs/dialects.md` says what may stand in it.

use std::sync::LazyLock;
use std::time::Duration;

use indexmap::IndexMap;
use ringback_model::{EmptyValue, NumberFormat, SendMethod, StatusPolicy, TimeFormat, near};
use serde::Deserialize;

use crate::RenderError;
use crate::report::{Report, Status};
use crate::signature::Scheme;
use crate::source::Source;

/// The dialect of endpoints that name none.
pub const DEFAULT: &str = "standard-webhooks";

/// The files, in the order in which the names are told.
const FILES: &[(&str, &str)] = &[
    ("standard-webhooks", include_str!("../../dialects/standard-webhooks.toml")),
    ("ant", include_str!("../../dialects/ant.toml")),
    ("rich-dlr", include_str!("../../dialects/rich-dlr.toml")),
    ("console", include_str!("../../dialects/console.toml")),
    ("antly", include_str!("../../dialects/antly.toml")),
    ("twilio", include_str!("../../dialects/twilio.toml")),
    ("telnyx", include_str!("../../dialects/telnyx.toml")),
];

static ALL: LazyLock<Vec<Dialect>> = LazyLock::new(|| {
    FILES
        .iter()
        .map(|(name, text)| match read(text) {
            Ok(dialect) => dialect,
            // The files are part of the program, and a test reads each of them.
            Err(error) => panic!("dialects/{name}.toml: {error}"),
        })
        .collect()
});

/// A dialect.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dialect {
    /// Its name, as endpoints write it.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// How requests are sent where the endpoint does not say.
    pub send_method: SendMethod,
    /// The methods that it knows; all four if absent.
    #[serde(default)]
    pub send_methods: Vec<SendMethod>,
    /// Statuses that count as success: `200`, `2xx`.
    #[serde(default = "any_success")]
    pub success: Vec<String>,
    /// Which states of a message make a delivery where the endpoint does not say.
    #[serde(default)]
    pub status_policy: StatusPolicy,
    /// How times are written where the endpoint does not say.
    #[serde(default = "rfc3339")]
    pub time_format: TimeFormat,
    /// How numbers are written where the endpoint does not say.
    #[serde(default = "raw")]
    pub number_format: NumberFormat,
    /// What stands for a value that is not there where the endpoint does not say.
    #[serde(default = "empty")]
    pub empty_value: EmptyValue,
    /// Every value is text, in JSON too.
    #[serde(default)]
    pub all_text: bool,
    /// Dots in names make objects, and numbers between them lists: `to.0.status`. JSON alone.
    #[serde(default)]
    pub nested: bool,
    /// `{NAME}` in a URL stands for the field of this name; a URL with any gets no field appended.
    #[serde(default)]
    pub placeholders: bool,
    /// What requests say of themselves; the product's own name if absent.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// Delays between tries, as its owner documents them.
    #[serde(default)]
    pub retry_schedule: Option<Vec<String>>,
    /// What requests are signed with beside the standard signature.
    #[serde(default, rename = "signature")]
    pub(crate) signatures: Vec<Scheme>,
    /// Words for values, by the name that fields call them.
    #[serde(default)]
    pub words: IndexMap<String, IndexMap<String, String>>,
    /// What requests say, by product and type of report; the first that fits counts. None: the payload as it stands.
    #[serde(default, rename = "shape")]
    pub(crate) shapes: Vec<ShapeOf>,
}

/// What leaves a state out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// The dialect has no word for a state this early: it cannot be sent at all.
    Dialect,
    /// The status policy: it can be sent where somebody asks for it.
    StatusPolicy,
}

/// What a request says of one kind of report.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShapeOf {
    /// For these products; for all if absent.
    #[serde(default)]
    pub(crate) products: Vec<String>,
    /// For these types of report; for all if absent.
    #[serde(default)]
    pub(crate) report_types: Vec<String>,
    /// States below this rank never go out.
    #[serde(default)]
    pub(crate) min_rank: u8,
    /// A code is all that it tells of the outcome: a report that has none says at least which state it is about.
    #[serde(default)]
    pub(crate) outcome_by_code: bool,
    /// What the body is made of.
    #[serde(default)]
    pub(crate) body: BodyOf,
    /// Names and values, in order.
    #[serde(default)]
    pub(crate) fields: Vec<Field>,
    /// Values for placeholders alone.
    #[serde(default)]
    pub(crate) more: Vec<Field>,
}

/// What a body is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BodyOf {
    /// Of fields.
    #[default]
    Fields,
    /// Of an inbound message: its object in JSON and XML, its values elsewhere.
    Inbound,
}

/// A name and where its value comes from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Field {
    /// The name on the wire.
    pub(crate) name: String,
    /// What the endpoint's `parameters` call it; its name if absent.
    #[serde(default)]
    pub(crate) slot: Option<String>,
    /// Where the value comes from.
    #[serde(default)]
    pub(crate) from: Option<Source>,
    /// A value that is always the same.
    #[serde(default)]
    pub(crate) value: Option<String>,
    /// The endpoint's URL as it is registered.
    #[serde(default)]
    pub(crate) url: bool,
    /// A number of JSON.
    #[serde(default)]
    pub(crate) integer: bool,
    /// A list: empty unless other names have places in it.
    #[serde(default)]
    pub(crate) list: bool,
    /// So many decimals.
    #[serde(default)]
    pub(crate) decimals: Option<u8>,
    /// The table of words that the value is looked up in.
    #[serde(default)]
    pub(crate) words: Option<String>,
    /// How the time is written, whatever the endpoint says; in UTC.
    #[serde(default)]
    pub(crate) format: Option<TimeFormat>,
    /// Without it there is nothing to send.
    #[serde(default)]
    pub(crate) required: bool,
    /// It tells what became of the message: of one that failed it is not empty, unless another such field tells it.
    #[serde(default)]
    pub(crate) outcome: bool,
    /// Sent only where the endpoint gives it a name.
    #[serde(default)]
    pub(crate) optional: bool,
    /// Left out where there is no value.
    #[serde(default)]
    pub(crate) omit: bool,
    /// Stands in front of the value.
    #[serde(default)]
    pub(crate) prefix: Option<String>,
}

fn any_success() -> Vec<String> {
    vec!["2xx".to_owned()]
}

const fn rfc3339() -> TimeFormat {
    TimeFormat::Rfc3339Ms
}

const fn raw() -> NumberFormat {
    NumberFormat::Raw
}

const fn empty() -> EmptyValue {
    EmptyValue::Empty
}

/// The dialect of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Dialect> {
    ALL.iter().find(|dialect| dialect.name == name)
}

/// All names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|dialect| dialect.name.as_str())
}

/// The dialect of this name, or that of endpoints that name none.
///
/// # Errors
/// A sentence that names what was probably meant.
pub fn find_or_default(name: Option<&str>) -> Result<&'static Dialect, String> {
    let name = name.unwrap_or(DEFAULT);
    find(name).ok_or_else(|| {
        let near = near(name, names());
        let all = names().collect::<Vec<_>>().join(", ");
        if near.is_empty() {
            format!("There is no dialect `{name}`; there are {all}.")
        } else {
            crate::unknown("dialect", name, &near)
        }
    })
}

impl Dialect {
    /// Whether a dialect that carries the payload as it is.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.shapes.is_empty()
    }

    /// Delays between tries, where the dialect has some of its own.
    #[must_use]
    pub fn retry_schedule(&self) -> Option<Vec<Duration>> {
        self.retry_schedule.as_ref()?.iter().map(|text| ringback_model::parse_duration(text).ok()).collect()
    }

    /// Whether a request says where it was sent to.
    pub(crate) fn tells_url(&self) -> bool {
        self.shapes.iter().flat_map(|shape| &shape.fields).any(|field| field.url)
    }

    /// Whether it signs with what the endpoint has to give.
    #[must_use]
    pub fn takes_secret(&self) -> bool {
        !self.signatures.is_empty()
    }

    /// What the endpoint's `parameters` may name: the slot, its name on the wire, and whether it is sent only by request.
    #[must_use]
    pub fn parameters(&self) -> IndexMap<&str, (&str, bool)> {
        let fields = self.shapes.iter().flat_map(|shape| &shape.fields);
        fields.map(|field| (field.slot(), (field.name.as_str(), field.optional))).collect()
    }

    /// Whether a report's state makes a delivery at all: by the endpoint's policy, or the dialect's own. One that nobody
    /// can tell makes one, which is held where its state matters: [`crate::prepare`] names what is wrong.
    ///
    /// # Errors
    /// What leaves it out.
    pub fn admits(&self, policy: Option<StatusPolicy>, event_type: &str, report: &Report<'_>) -> Result<(), Withheld> {
        let Some(status) = report.status() else { return Ok(()) };
        if status.rank() < self.min_rank(event_type, report) {
            return Err(Withheld::Dialect);
        }
        let admitted = match policy.unwrap_or(self.status_policy) {
            StatusPolicy::All => true,
            // An uncertain end is none: a certain one may follow.
            StatusPolicy::FinalOnly => status.is_final() || status == Status::Unknown,
            StatusPolicy::Mask(mask) => status.kannel_bits() & mask != 0,
        };
        if admitted { Ok(()) } else { Err(Withheld::StatusPolicy) }
    }

    /// Whether it matters under this policy which state a report is about.
    pub(crate) fn asks_state(&self, policy: Option<StatusPolicy>) -> bool {
        policy.unwrap_or(self.status_policy) != StatusPolicy::All
            || self.shapes.iter().any(|shape| shape.min_rank > 0 || shape.outcome_by_code)
    }

    /// Refuses a report whose state matters and cannot be told, and one of a state that this dialect has no word for.
    /// What the policy leaves out is not refused: somebody may want it sent all the same.
    ///
    /// # Errors
    /// [`RenderError::NoState`], [`RenderError::Value`] and [`RenderError::Early`].
    pub(crate) fn check_state(
        &'static self,
        policy: Option<StatusPolicy>,
        event_type: &str,
        report: &Report<'_>,
    ) -> Result<(), RenderError> {
        let shape = self.shape_of(event_type, report);
        let min_rank = shape.map_or(0, |shape| shape.min_rank);
        let by_state = shape.is_some_and(|shape| shape.outcome_by_code) && !report.has_error_code();
        let policy = policy.unwrap_or(self.status_policy);
        if min_rank == 0 && !by_state && (policy == StatusPolicy::All || !report.tells_state(event_type)) {
            return Ok(());
        }
        let word = report.message.as_ref().and_then(|message| message.status.as_ref());
        let Some(word) = word.filter(|word| !word.as_str().is_empty()) else {
            return Err(RenderError::NoState);
        };
        let none = || RenderError::word("message.status".to_owned(), word.as_str(), Status::all().map(Status::text));
        let status = Status::parse(word.as_str()).ok_or_else(none)?;
        if status.rank() < min_rank {
            return Err(RenderError::Early { dialect: self.name.as_str(), state: status.text() });
        }
        Ok(())
    }

    /// States below this rank never go out of such a report.
    fn min_rank(&self, event_type: &str, report: &Report<'_>) -> u8 {
        self.shape_of(event_type, report).map_or(0, |shape| shape.min_rank)
    }

    fn shape_of(&self, event_type: &str, report: &Report<'_>) -> Option<&ShapeOf> {
        self.shape(report.product_of(event_type), report.report_type(event_type))
    }

    /// What a request says of such a report.
    pub(crate) fn shape(&self, product: Option<&str>, report_type: Option<&str>) -> Option<&ShapeOf> {
        let fits = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_some_and(|value| list.iter().any(|one| one.eq_ignore_ascii_case(value)))
        };
        self.shapes.iter().find(|shape| fits(&shape.products, product) && fits(&shape.report_types, report_type))
    }
}

impl Field {
    /// What the endpoint's `parameters` call it.
    pub(crate) fn slot(&self) -> &str {
        self.slot.as_deref().unwrap_or(&self.name)
    }
}

fn read(text: &str) -> Result<Dialect, String> {
    let dialect: Dialect = toml::from_str(text).map_err(|error| error.to_string())?;
    for scheme in &dialect.signatures {
        scheme.check()?;
    }
    if dialect.nested && dialect.send_methods != [SendMethod::Json] {
        return Err("only JSON has objects within objects: with `nested`, `send_methods` is [\"json\"]".to_owned());
    }
    for field in dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more)) {
        let told = [field.from.is_some(), field.value.is_some(), field.url, field.list];
        if told.into_iter().filter(|is| *is).count() != 1 {
            return Err(format!("field `{}` needs either `from`, `value`, `url` or `list`", field.name));
        }
        if let Some(words) = &field.words
            && !dialect.words.contains_key(words)
        {
            return Err(format!("field `{}` names the words `{words}`, which there are none of", field.name));
        }
    }
    Ok(dialect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::names as names_of;

    #[test]
    fn every_file_can_be_read_and_is_named_as_its_dialect() {
        for (name, text) in FILES {
            let dialect = read(text).unwrap_or_else(|error| panic!("dialects/{name}.toml: {error}"));
            assert_eq!(dialect.name, *name);
            assert!(dialect.retry_schedule.is_none() || dialect.retry_schedule().is_some(), "{name}");
        }
    }

    #[test]
    fn a_fault_in_a_file_is_named() {
        let head = "name = 'x'\ntitle = 'X'\nsend_method = 'get'\n[[shape]]\n";
        let fault = |fields: &str| read(&format!("{head}fields = [{fields}]")).unwrap_err();
        assert!(fault("{ name = 'a' }").contains("`a` needs either"));
        assert!(fault("{ name = 'a', from = 'message.idd' }").contains("message.id"));
        assert!(fault("{ name = 'a', from = 'message.id', words = 'w' }").contains("`w`"));
        assert!(fault("{ name = 'a', form = 'message.id' }").contains("form"));
    }

    #[test]
    fn every_word_of_a_file_stands_in_the_document() {
        let document = include_str!("../../../../docs/dialects.md");
        let words = [names_of::<Dialect>(), names_of::<ShapeOf>(), names_of::<Field>(), names_of::<Scheme>()];
        for word in words.into_iter().flatten() {
            let spellings = [format!("`{word}`"), format!("`{word} = "), format!("[[{word}]]"), format!("\n{word} = ")];
            assert!(
                spellings.iter().any(|spelling| document.contains(spelling)),
                "`{word}` is not in docs/dialects.md"
            );
        }
        for name in names() {
            assert!(document.contains(&format!("`{name}`")), "`{name}` is not in docs/dialects.md");
        }
    }

    #[test]
    fn an_unknown_dialect_is_answered_with_what_was_meant() {
        assert!(find_or_default(Some("rich_dlr")).unwrap_err().contains("rich-dlr"));
        assert!(find_or_default(Some("carrier-pigeon")).unwrap_err().contains("ant, rich-dlr"));
    }

    #[test]
    fn states_go_out_as_policy_and_dialect_say() {
        let report = |status: &str| format!(r#"{{"message":{{"status":"{status}"}}}}"#);
        let admits = |dialect: &str, policy, status: &str| {
            let text = report(status);
            find(dialect).unwrap().admits(policy, "sms.dlr", &Report::parse(text.as_bytes()).unwrap()).is_ok()
        };
        assert!(!admits("ant", None, "sent") && admits("ant", None, "delivered"));
        assert!(admits("ant", Some(StatusPolicy::All), "sent") && !admits("ant", Some(StatusPolicy::All), "queued"));
        assert!(admits("standard-webhooks", None, "queued"));
        let mask = Some(StatusPolicy::Mask(1 | 2));
        assert!(admits("rich-dlr", mask, "expired") && !admits("rich-dlr", mask, "sent"));
    }
}

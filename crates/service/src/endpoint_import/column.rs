//! The columns of an import: their names are those of the members of an endpoint in the API, and each writes its cell
//! into a draft.

use ringback_model::{
    Auth, BasicAuth, Batching, Redacted, StatusPolicy, VerificationKind, VerificationMode, near, parse_duration,
    parse_schedule, sentence,
};

use crate::{Change, CustomParameterDraft, EndpointDraft, HeaderDraft, HeadersChange, VerificationDraft};

/// What writes a cell into a draft; the error says what to write instead.
type Write = fn(&mut EndpointDraft, &str) -> Result<(), String>;

/// The column that names whose endpoint it is.
pub(super) const APPLICATION: &str = "application";
/// The column of the URL.
pub(super) const URL: &str = "url";

/// Columns of a fixed name. The order is that in which cells are written: what leans on another comes behind it.
const COLUMNS: &[(&str, Write)] = &[
    (APPLICATION, |_, _| Ok(())),
    (URL, |draft, cell| put(&mut draft.url, cell.to_owned())),
    ("uid", |draft, cell| put(&mut draft.uid, Some(cell.to_owned()))),
    ("description", |draft, cell| put(&mut draft.description, cell.to_owned())),
    ("product", |draft, cell| put(&mut draft.messaging.product, Some(cell.to_lowercase()))),
    ("reportType", |draft, cell| put(&mut draft.messaging.report_type, Some(cell.to_lowercase()))),
    ("productUniqueId", |draft, cell| number_of_customer(cell).map(|id| draft.messaging.product_unique_id = Some(id))),
    ("category", |draft, cell| put(&mut draft.messaging.category, Some(cell.to_owned()))),
    ("eventTypes", |draft, cell| put(&mut draft.event_types, Some(list(cell)))),
    ("channels", |draft, cell| put(&mut draft.channels, Some(list(cell)))),
    ("dialect", |draft, cell| put(&mut draft.messaging.shape.dialect, Some(cell.to_lowercase()))),
    ("sendMethod", |draft, cell| word(&cell.to_lowercase(), &mut draft.messaging.shape.send_method)),
    ("timeFormat", |draft, cell| word(cell, &mut draft.messaging.shape.time_format)),
    ("timeZone", |draft, cell| put(&mut draft.messaging.shape.time_zone, Some(cell.to_owned()))),
    ("numberFormat", |draft, cell| word(cell, &mut draft.messaging.shape.number_format)),
    ("emptyValue", |draft, cell| word(cell, &mut draft.messaging.shape.empty_value)),
    ("mask", |draft, cell| flag(cell, &mut draft.messaging.shape.mask)),
    ("nested", |draft, cell| flag(cell, &mut draft.messaging.shape.nested)),
    ("xmlRoot", |draft, cell| put(&mut draft.messaging.shape.xml_root, Some(cell.to_owned()))),
    ("standardSignature", |draft, cell| flag(cell, &mut draft.messaging.shape.standard_signature)),
    ("statusPolicy", status_policy),
    ("statusMask", |draft, cell| {
        number(cell).map(|mask| draft.messaging.status_policy = Some(StatusPolicy::Mask(mask)))
    }),
    ("secret", |draft, cell| put(&mut draft.secret, Some(cell.to_owned()))),
    ("providerSecret", |draft, cell| put(&mut draft.messaging.provider_secret, Change::Replace(Some(hidden(cell))))),
    ("auth.token", |draft, cell| {
        put(&mut draft.messaging.auth, Change::Replace(Some(Auth::Bearer { token: hidden(cell) })))
    }),
    ("auth.username", |draft, cell| {
        let basic = BasicAuth { username: cell.to_owned(), password: Redacted::default() };
        put(&mut draft.messaging.auth, Change::Replace(Some(Auth::Basic(basic))))
    }),
    ("auth.password", |draft, cell| match &mut draft.messaging.auth {
        Change::Replace(Some(Auth::Basic(basic))) => put(&mut basic.password, hidden(cell)),
        _ => Err("A password needs a user name, in the column `auth.username`.".to_owned()),
    }),
    ("ca", |draft, cell| put(&mut draft.messaging.ca, Some(cell.to_owned()))),
    ("verification", |draft, cell| {
        let kind: VerificationKind = serde_word(&cell.to_lowercase())?;
        let (mode, validation_key, parameter) = (VerificationMode::Default, None, None);
        let asked = VerificationDraft { kind, validation_key, mode, parameter };
        put(&mut draft.messaging.verification, Change::Replace(Some(asked)))
    }),
    ("verification.validationKey", |draft, cell| match &mut draft.messaging.verification {
        Change::Replace(Some(asked)) => put(&mut asked.validation_key, Some(hidden(cell))),
        _ => Err("A key needs a kind of handshake, such as `token`, in the column `verification`.".to_owned()),
    }),
    ("throttleRate", |draft, cell| number(cell).map(|rate| draft.throttle_rate = Some(rate))),
    ("maxConcurrency", |draft, cell| number(cell).map(|max| draft.max_concurrency = Some(max))),
    ("timeout", |draft, cell| {
        let timeout = parse_duration(cell).map_err(|error| sentence(&error.to_string()))?;
        put(&mut draft.timeout, Some(timeout))
    }),
    ("retrySchedule", |draft, cell| {
        let schedule = parse_schedule(&list(cell).join(",")).map_err(|error| sentence(&error.to_string()))?;
        put(&mut draft.retry_schedule, Some(schedule))
    }),
    ("ordering", |draft, cell| serde_word(cell).map(|ordering| draft.ordering = ordering)),
    ("onExhausted", |draft, cell| serde_word(cell).map(|word| draft.on_exhausted = word)),
    ("batch.maxMessages", |draft, cell| {
        let max_messages = number(cell)?;
        put(&mut draft.batch, Some(Batching { max_messages, max_wait_ms: Batching::WAIT_MS_DEFAULT }))
    }),
    ("batch.maxWaitMs", |draft, cell| match &mut draft.batch {
        Some(batch) => number(cell).map(|wait| batch.max_wait_ms = wait),
        None => Err("It needs `batch.maxMessages` beside it.".to_owned()),
    }),
    ("registeredBy", |draft, cell| put(&mut draft.messaging.registered_by, Some(cell.to_owned()))),
    ("disabled", |draft, cell| flag(cell, &mut draft.disabled)),
    ("paused", |draft, cell| flag(cell, &mut draft.paused)),
];
/// What the console's table calls some of them.
const ALIASES: &[(&str, &str)] = &[
    ("app", APPLICATION),
    ("webhook", URL),
    ("serverMethod", "sendMethod"),
    ("method", "sendMethod"),
    ("wabaNumber", "productUniqueId"),
];
/// Columns that carry a name of their own behind a dot.
const PREFIXES: [(&str, Prefix); 4] = [
    ("parameters", Prefix::Parameters),
    ("customParameters", Prefix::CustomParameters),
    ("headers", Prefix::Headers),
    ("metadata", Prefix::Metadata),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Prefix {
    Parameters,
    CustomParameters,
    Headers,
    Metadata,
}

/// What a column of a table stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    /// Its name as the API has it.
    pub(super) name: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// A place in [`COLUMNS`].
    Fixed(usize),
    Named(Prefix, String),
}

impl Column {
    /// The column of this heading; upper and lower case, spaces, `_` and `-` make no difference.
    ///
    /// # Errors
    /// That there is none, in words, with those that may have been meant.
    pub(super) fn of(heading: &str) -> Result<Self, String> {
        let wanted = squashed(heading);
        let alias = ALIASES.iter().find(|(alias, _)| squashed(alias) == wanted).map(|(_, name)| squashed(name));
        let wanted = alias.unwrap_or(wanted);
        if let Some(at) = COLUMNS.iter().position(|(name, _)| squashed(name) == wanted) {
            return Ok(Self { name: COLUMNS[at].0.to_owned(), kind: Kind::Fixed(at) });
        }
        if let Some((before, own)) = heading.split_once('.')
            && let Some((name, prefix)) = PREFIXES.iter().find(|(name, _)| squashed(name) == squashed(before))
        {
            let own = own.trim().to_owned();
            return Ok(Self { name: format!("{name}.{own}"), kind: Kind::Named(*prefix, own) });
        }
        Err(unknown(heading))
    }

    /// Where it stands among the others when cells are written.
    pub(super) fn turn(&self) -> usize {
        match &self.kind {
            Kind::Fixed(at) => *at,
            Kind::Named(..) => COLUMNS.len(),
        }
    }

    /// Whether it is one of those that stand in the list of custom parameters.
    pub(super) fn is_custom_parameter(&self) -> bool {
        matches!(self.kind, Kind::Named(Prefix::CustomParameters, _))
    }

    /// Writes a cell that says something into a draft.
    ///
    /// # Errors
    /// What to write instead.
    pub(super) fn write(&self, draft: &mut EndpointDraft, cell: &str) -> Result<(), String> {
        match &self.kind {
            Kind::Fixed(at) => return COLUMNS[*at].1(draft, cell),
            Kind::Named(Prefix::Parameters, slot) => {
                draft.messaging.shape.parameters.insert(slot.clone(), cell.to_owned());
            }
            Kind::Named(Prefix::CustomParameters, name) => {
                let parameter = CustomParameterDraft { name: name.clone(), value: hidden(cell), secret: false };
                match &mut draft.messaging.custom_parameters {
                    Change::Replace(parameters) => parameters.push(parameter),
                    Change::Keep => draft.messaging.custom_parameters = Change::Replace(vec![parameter]),
                }
            }
            Kind::Named(Prefix::Headers, name) => {
                let header = HeaderDraft { name: name.clone(), value: hidden(cell), secret: false };
                match &mut draft.headers {
                    HeadersChange::Replace(headers) => headers.push(header),
                    HeadersChange::Keep => draft.headers = HeadersChange::Replace(vec![header]),
                }
            }
            Kind::Named(Prefix::Metadata, name) => {
                draft.metadata.insert(name.clone(), cell.to_owned());
            }
        }
        Ok(())
    }
}

fn unknown(heading: &str) -> String {
    let shown: String = heading.chars().take(64).collect();
    let names = COLUMNS.iter().map(|(name, _)| *name).chain(ALIASES.iter().map(|(alias, _)| *alias));
    let meant: Vec<_> = near(heading, names).into_iter().map(|name| format!("`{name}`")).collect();
    if meant.is_empty() {
        return format!("`{shown}` is no column. The documentation of the import lists those that there are.");
    }
    format!("`{shown}` is no column; did you mean {}?", meant.join(" or "))
}

fn squashed(name: &str) -> String {
    name.chars().filter(|c| !c.is_whitespace() && !"_-".contains(*c)).flat_map(char::to_lowercase).collect()
}

fn put<T>(place: &mut T, value: T) -> Result<(), String> {
    *place = value;
    Ok(())
}

fn hidden(cell: &str) -> Redacted {
    Redacted::new(cell.to_owned())
}

/// Items with white space, commas, semicolons or bars between.
fn list(cell: &str) -> Vec<String> {
    let between = |c: char| c.is_whitespace() || ",;|".contains(c);
    cell.split(between).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn number<T: std::str::FromStr>(cell: &str) -> Result<T, String> {
    cell.parse().map_err(|_| "Write a whole number.".to_owned())
}

fn flag(cell: &str, place: &mut bool) -> Result<(), String> {
    *place = match cell.to_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => true,
        "false" | "no" | "off" | "0" => false,
        _ => return Err("Write `true` or `false`.".to_owned()),
    };
    Ok(())
}

fn word<T: serde::de::DeserializeOwned>(cell: &str, place: &mut Option<T>) -> Result<(), String> {
    serde_word(cell).map(|value| *place = Some(value))
}

/// The value that a word of the API stands for.
fn serde_word<T: serde::de::DeserializeOwned>(cell: &str) -> Result<T, String> {
    serde_json::from_value(cell.into()).map_err(|error| sentence(&error.to_string()))
}

fn status_policy(draft: &mut EndpointDraft, cell: &str) -> Result<(), String> {
    draft.messaging.status_policy = Some(match cell {
        "all" => StatusPolicy::All,
        "final_only" => StatusPolicy::FinalOnly,
        // The column behind it says which.
        "mask" => StatusPolicy::Mask(0),
        _ => return Err("It is `all`, `final_only` or `mask`.".to_owned()),
    });
    Ok(())
}

/// A number of the customer. Spreadsheets shorten long numbers, and the digits are gone for good.
fn number_of_customer(cell: &str) -> Result<String, String> {
    let is_shortened = cell.split_once(['E', 'e']).is_some_and(|(digits, power)| {
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b".,".contains(&b));
        is_number(digits) && power.strip_prefix('+').is_some_and(is_number)
    });
    if is_shortened {
        return Err("A spreadsheet has shortened this number: make its cells text, and write it anew.".to_owned());
    }
    Ok(cell.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_however_they_are_written_and_unknown_ones_name_what_was_meant() {
        for (heading, name) in [
            ("Report Type", "reportType"),
            ("REPORT_TYPE", "reportType"),
            ("Webhook", "url"),
            ("Product Unique ID", "productUniqueId"),
            ("headers.X-Env", "headers.X-Env"),
            ("Custom Parameters.team", "customParameters.team"),
        ] {
            assert_eq!(Column::of(heading).map(|column| column.name), Ok(name.to_owned()), "{heading}");
        }
        assert_eq!(Column::of("reportTyp"), Err("`reportTyp` is no column; did you mean `reportType`?".to_owned()));
        assert!(Column::of("colour").unwrap_err().starts_with("`colour` is no column. The documentation"));
    }

    #[test]
    fn a_number_that_a_spreadsheet_has_shortened_is_not_taken_for_one() {
        assert!(number_of_customer("2.547E+11").is_err() && number_of_customer("2,547E+11").is_err());
        assert_eq!(number_of_customer("254700000001"), Ok("254700000001".to_owned()));
        assert_eq!(number_of_customer("E+11"), Ok("E+11".to_owned()));
    }
}

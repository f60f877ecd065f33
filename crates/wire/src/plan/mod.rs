//! What a request says where it is not the event's own JSON: compiled once for an endpoint, carried out for each event.

mod names;
mod review;
mod several;
mod text;
mod value;

use std::borrow::Cow;

use http::HeaderValue;
use ringback_model::{EmptyValue, Endpoint, EndpointSecrets, LeftOut, OrganizationSettings, SendMethod, Shape};

use crate::dialect::{BodyOf, Dialect, Field, ShapeOf};
use crate::format::template::{Encoding, Filling, FillingKind, Slot, Template};
use crate::format::{Nesting, Pair, Value, form, json, query, xml};
use crate::json::{Members, plain};
use crate::report::{Kind, Report, Status, read};
use crate::source::{Event, Source};
use crate::{RecipeError, RenderError, inbound};

pub use review::Review;
use value::Style;

/// The root of an XML document where the endpoint does not say.
const XML_ROOT: &str = "webhook";

/// What requests say, and how.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    dialect: &'static Dialect,
    pub(crate) method: SendMethod,
    /// For each shape of the dialect: names on the wire, with their fields.
    shapes: Vec<Vec<(String, &'static Field)>>,
    custom: Vec<(String, Template)>,
    style: Style,
    nesting: Nesting,
    xml_root: String,
    template: Option<(HeaderValue, Template, Encoding)>,
    /// The URL as it is registered, where the dialect tells it.
    endpoint_url: String,
    /// Path and query, where they have places for values.
    url: Option<Template>,
    /// How long path and query are where they have no places for values, in bytes.
    target_length: usize,
    /// The names in the URL's own query that a GET may not append again.
    query_names: Vec<String>,
    needs_report: bool,
    /// All names stand in JSON as they are.
    plain_names: bool,
}

/// What a plan makes of an event.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// What stands in the query; nothing if it is not a GET.
    pub(crate) query: String,
    /// The body; nothing if it is a GET.
    pub(crate) body: String,
    /// Path and query of the URL, where they depend on the event.
    pub(crate) target: Option<String>,
    /// What it goes without.
    pub(crate) left_out: Option<LeftOut>,
}

impl Plan {
    /// The plan of an endpoint; `None` if requests are the event's own JSON.
    pub(crate) fn new(
        endpoint: &Endpoint,
        secrets: &EndpointSecrets,
        settings: &OrganizationSettings,
        target: &str,
    ) -> Result<Option<Self>, RecipeError> {
        let standard = Shape::default();
        let shape = endpoint.shape.as_deref().unwrap_or(&standard);
        let dialect = crate::dialect::find_or_default(shape.dialect.as_deref())
            .map_err(|message| RecipeError::new("dialect", message))?;
        let method = shape.send_method.unwrap_or(dialect.send_method);
        check_method(shape, dialect, method)?;
        let mut plan = Self {
            dialect,
            method,
            shapes: names::names(dialect, endpoint, shape)?,
            custom: names::custom(dialect, shape, secrets)?,
            style: Style::new(dialect, shape, settings)?,
            nesting: match (dialect.nested, shape.nested) {
                (true, _) => Nesting::Lists,
                (false, true) => Nesting::Objects,
                (false, false) => Nesting::Flat,
            },
            xml_root: shape.xml_root.clone().unwrap_or_else(|| XML_ROOT.to_owned()),
            template: text::template(dialect, shape)?,
            endpoint_url: if dialect.tells_url() { endpoint.url.clone() } else { String::new() },
            url: text::url(dialect, target)?,
            target_length: target.len(),
            query_names: if method == SendMethod::Get { names::of_query(target) } else { Vec::new() },
            needs_report: false,
            plain_names: false,
        };
        let names = plan.fields().map(|(name, _)| name).chain(plan.custom.iter().map(|(name, _)| name));
        let plain_names = names.into_iter().all(|name| json::is_plain(name));
        plan.plain_names = plain_names;
        plan.needs_report = plan.asks_for_report();
        plan.check_names(endpoint, shape, target)?;
        let is_plain = dialect.is_plain() && method == SendMethod::Json && plan.custom.is_empty();
        Ok((!is_plain || plan.template.is_some() || plan.url.is_some()).then_some(plan))
    }

    /// The content type of the body.
    pub(crate) fn content_type(&self) -> Option<HeaderValue> {
        match (&self.template, self.method) {
            (Some((kind, ..)), _) => Some(kind.clone()),
            (None, SendMethod::Get) => None,
            (None, SendMethod::Post) => Some(HeaderValue::from_static("application/x-www-form-urlencoded")),
            (None, SendMethod::Json) => Some(HeaderValue::from_static("application/json")),
            (None, SendMethod::Xml) => Some(HeaderValue::from_static("application/xml; charset=utf-8")),
        }
    }

    /// The send method whose bodies are written as these are.
    pub(crate) fn written_as(&self) -> SendMethod {
        match &self.template {
            None => self.method,
            Some((.., Encoding::Form)) => SendMethod::Post,
            // No form: what vouches for a body of JSON does for this one.
            Some(_) => SendMethod::Json,
        }
    }

    /// Path and query as a request asks for them that is about no event: with `in_path` in the places for values of the
    /// path, and `in_query` in those of the query. Nothing if they have no places.
    pub(crate) fn target_without_event(&self, in_path: &str, in_query: &str) -> String {
        self.url.as_ref().map_or_else(String::new, |url| url.render_target(in_path, in_query))
    }

    fn is_nested(&self) -> bool {
        self.nesting != Nesting::Flat
    }

    /// Whether path and query depend on the event.
    pub(crate) fn writes_target(&self) -> bool {
        self.url.is_some()
    }

    pub(crate) fn dialect(&self) -> &'static Dialect {
        self.dialect
    }

    /// Whether it takes anything from a report.
    pub(crate) fn needs_report(&self) -> bool {
        self.needs_report
    }

    fn asks_for_report(&self) -> bool {
        let in_template = |template: &Template| {
            template.slots().any(|slot| match slot {
                Slot::Path(source) => source.needs_report(),
                Slot::Field(_) => true,
            })
        };
        self.dialect.shapes.iter().any(|shape| shape.body == BodyOf::Inbound)
            || self.fields().any(|(_, field)| field.from.as_ref().is_some_and(Source::needs_report))
            || self.custom.iter().any(|(_, template)| in_template(template))
            || self.url.as_ref().is_some_and(in_template)
            || self.template.as_ref().is_some_and(|(_, template, _)| in_template(template))
    }

    fn fields(&self) -> impl Iterator<Item = &(String, &'static Field)> {
        self.shapes.iter().flatten()
    }

    /// Makes what is sent of an event.
    pub(crate) fn make(&self, event: Event<'_>) -> Result<Made, RenderError> {
        let shape = self.shape(event)?;
        self.check_several(shape, event, false)?;
        let target = match &self.url {
            Some(url) => Some(self.target(url, shape, event)?),
            None => None,
        };
        let mut made = Made { target, ..Made::default() };
        if let Some((_, template, encoding)) = &self.template {
            made.body = self.fill(template, *encoding, shape, event)?;
            return Ok(made);
        }
        let custom = self.own(shape, event)?;
        match shape {
            Some((at, shape)) if shape.body == BodyOf::Fields => {
                // A URL that says where values go gets none appended.
                let skipped = self.places_values() && self.method == SendMethod::Get;
                let mut pairs = if skipped { Vec::new() } else { self.pairs(at, event)? };
                pairs.extend(custom);
                self.write_pairs(&pairs, &mut made)?;
            }
            Some(_) => {
                self.write_inbound(event, custom, &mut made)?;
                if made.left_out == Some(LeftOut::Payload) {
                    self.check_several(shape, event, true)?;
                }
            }
            None => self.write_payload(event.payload, custom, &mut made)?,
        }
        Ok(made)
    }

    /// Path and query with the values of an event; none of them leads out of its place in the path.
    fn target(
        &self,
        url: &Template,
        shape: Option<(usize, &'static ShapeOf)>,
        event: Event<'_>,
    ) -> Result<String, RenderError> {
        let text = self.fill(url, Encoding::Query, shape, event)?;
        let path = text.split('?').next().unwrap_or_default();
        match path.split('/').position(is_dots) {
            None => Ok(text),
            Some(at) => match url.slots_of_part(at).join(" and ") {
                paths if paths.is_empty() => Err(RenderError::Target),
                paths => Err(RenderError::Segment { paths }),
            },
        }
    }

    /// The shape for this event; `None` if the dialect has none at all.
    fn shape(&self, event: Event<'_>) -> Result<Option<(usize, &'static ShapeOf)>, RenderError> {
        if self.dialect.is_plain() {
            return Ok(None);
        }
        let event_type = event.message.event_type.as_str();
        let (product, report_type) = match event.report {
            Some(report) => (report.product_of(event_type), report.report_type(event_type)),
            None => (None, None),
        };
        let shape = self.dialect.shape(product, report_type);
        let at = shape.and_then(|found| self.dialect.shapes.iter().position(|shape| std::ptr::eq(shape, found)));
        match at {
            Some(at) => Ok(Some((at, &self.dialect.shapes[at]))),
            None => {
                Err(RenderError::NoShape { dialect: self.dialect.name.as_str(), event_type: event_type.to_owned() })
            }
        }
    }

    /// Whether the URL says where values go, in a dialect whose customers are used to that.
    fn places_values(&self) -> bool {
        self.dialect.placeholders && self.url.is_some()
    }

    /// The owner's own parameters with their values.
    fn own(&self, shape: Option<(usize, &'static ShapeOf)>, event: Event<'_>) -> Result<Vec<Pair<'_>>, RenderError> {
        let mut pairs = Vec::with_capacity(self.custom.len());
        for (name, template) in &self.custom {
            let text = self.fill(template, Encoding::Plain, shape, event)?;
            // What the owner left empty is so for a reason.
            let value =
                if text.is_empty() && !template.is_fixed() { self.empty() } else { Some(Value::Text(text.into())) };
            pairs.extend(value.map(|value| (name.as_str(), value)));
        }
        Ok(pairs)
    }

    /// What stands for a value that is not there; `None`: not even its name.
    fn empty(&self) -> Option<Value<'static>> {
        match self.style.empty {
            EmptyValue::Omit => None,
            EmptyValue::Empty => Some(Value::Text(Cow::Borrowed(""))),
            EmptyValue::Null => Some(Value::Null),
        }
    }

    /// The same for a field of the dialect: one that is a number in JSON is null there, never empty text.
    fn empty_field(&self, field: &Field) -> Option<Value<'static>> {
        self.empty().map(|empty| match empty {
            Value::Text(_) if self.is_number(field) => Value::Digits(Cow::Borrowed("")),
            other => other,
        })
    }

    fn missing(&self, field: &Field) -> RenderError {
        let path = field.from.as_ref().map(Source::member).unwrap_or_default();
        RenderError::Missing { path, dialect: self.dialect.name.as_str() }
    }

    fn pairs<'a>(&'a self, at: usize, event: Event<'a>) -> Result<Vec<Pair<'a>>, RenderError> {
        let mut pairs = Vec::with_capacity(self.shapes[at].len() + self.custom.len());
        for (name, field) in &self.shapes[at] {
            match self.value(field, event)? {
                Some(value) => pairs.push((name.as_str(), value)),
                None if field.required => {
                    return Err(self.missing(field));
                }
                None if field.omit => {}
                None => pairs.extend(self.empty_field(field).map(|value| (name.as_str(), value))),
            }
        }
        let fields = self.shapes[at].iter().map(|(_, field)| *field);
        self.check_outcome(fields.filter(|field| field.outcome), event)?;
        Ok(pairs)
    }

    /// Refuses a message that failed where nothing of what tells it has a value: an empty one says that it is under way.
    fn check_outcome<'a>(
        &'a self,
        mut fields: impl Iterator<Item = &'a Field> + Clone,
        event: Event<'a>,
    ) -> Result<(), RenderError> {
        let failed = |report: &Report<'_>| report.status().is_some_and(Status::is_failure);
        if fields.clone().next().is_none() || !event.report.is_some_and(failed) {
            return Ok(());
        }
        let has_value = |source: &Source| source.get(event).is_some();
        let tells = |field: &Field| field.from.as_ref().is_some_and(has_value);
        // What the owner asks for beside, in parameters or the URL, may tell it too.
        let templates = self.custom.iter().map(|(_, template)| template).chain(&self.url);
        let mut own = templates.flat_map(Template::slots).filter_map(|slot| match slot {
            Slot::Path(source) => Some(source),
            Slot::Field(_) => None,
        });
        if fields.any(tells) || own.any(|source| source.tells_outcome() && has_value(source)) {
            return Ok(());
        }
        let dialect = self.dialect.name.as_str();
        Err(match event.report.and_then(Report::zero_code) {
            Some(code) => RenderError::ZeroCode { code: code.to_owned(), dialect },
            None => RenderError::Missing { path: "message.error.code".to_owned(), dialect },
        })
    }

    fn fill(
        &self,
        template: &Template,
        encoding: Encoding,
        shape: Option<(usize, &'static ShapeOf)>,
        event: Event<'_>,
    ) -> Result<String, RenderError> {
        let mut out = String::new();
        let mut length = 0;
        let find = |slot: &Slot| match slot {
            Slot::Path(source) => {
                if let Some(json) = source.json(event) {
                    return Ok(Filling::json(json));
                }
                let (text, digits) = match source.get(event) {
                    Some(text) => self.style.write(source, None, text)?,
                    None => (Cow::Borrowed(""), self.style.is_number(source, None)),
                };
                let is_number = digits || source.kind() == Kind::Integer;
                let kind = if is_number { FillingKind::Digits } else { FillingKind::Text };
                Ok(Filling { text: text.into_owned(), kind })
            }
            Slot::Field(name) => {
                let fields = shape.map(|(at, shape)| {
                    let named = self.dialect.shapes[at].fields.iter().chain(&shape.more);
                    named.filter(|field| field.name == *name).collect::<Vec<_>>()
                });
                let value = match fields.unwrap_or_default().first() {
                    Some(field) => match self.value(field, event)? {
                        None if field.required => return Err(self.missing(field)),
                        value => value,
                    },
                    None => None,
                };
                Ok(Filling::text(value.map(|value| value.text().to_owned()).unwrap_or_default()))
            }
        };
        // A short template may ask for a long value many times.
        let measured = |slot: &Slot| {
            let filling = find(slot)?;
            length += filling.text.len();
            if length > crate::BODY_MAX { Err(RenderError::BodyTooLong) } else { Ok(filling) }
        };
        template.render::<RenderError>(encoding, measured, &mut out)?;
        Ok(out)
    }

    fn write_pairs(&self, pairs: &[Pair<'_>], made: &mut Made) -> Result<(), RenderError> {
        if let Some((name, _)) = pairs.iter().find(|(name, _)| self.query_names.iter().any(|known| known == name)) {
            return Err(RenderError::QueryTaken { name: (*name).to_owned() });
        }
        // Names, values, and what stands around them where little has to be encoded.
        let around = if self.method == SendMethod::Xml { 8 } else { 6 };
        let names = |name: &str| if self.method == SendMethod::Xml { 2 * name.len() } else { name.len() };
        let length: usize = pairs.iter().map(|(name, value)| names(name) + value.text().len() + around).sum();
        let into = if self.method == SendMethod::Get { &mut made.query } else { &mut made.body };
        into.reserve(length + 80);
        match self.method {
            SendMethod::Get => query::pairs(pairs, &mut made.query),
            SendMethod::Post => form::pairs(pairs, &mut made.body),
            SendMethod::Json => json::object(pairs, self.nesting, self.plain_names, &mut made.body),
            SendMethod::Xml => xml::document(&self.xml_root, pairs, self.is_nested(), &mut made.body),
        }
        Ok(())
    }

    fn write_inbound(&self, event: Event<'_>, custom: Vec<Pair<'_>>, made: &mut Made) -> Result<(), RenderError> {
        let missing = || RenderError::Missing { path: "inbound".to_owned(), dialect: self.dialect.name.as_str() };
        let raw = event.report.and_then(|report| report.inbound).ok_or_else(missing)?.get();
        let wanted = "the `value` object of the WhatsApp Cloud API";
        let no_value = || RenderError::value("inbound".to_owned(), raw, wanted);
        if !raw.starts_with('{') {
            return Err(no_value());
        }
        match self.method {
            SendMethod::Json | SendMethod::Xml => self.write_payload(raw, custom, made),
            SendMethod::Get | SendMethod::Post => {
                let value: inbound::Value<'_> = read(raw).map_err(|_| no_value())?;
                // Each parameter is a part of it: without one the receiver would get nothing but names.
                if value.message().is_none() {
                    let (path, dialect) = ("inbound.messages".to_owned(), self.dialect.name.as_str());
                    return Err(RenderError::Missing { path, dialect });
                }
                let flat = value.flat(raw);
                if let Some((name, _)) = custom.iter().find(|(name, _)| flat.iter().any(|(known, _)| known == name)) {
                    return Err(RenderError::NameTaken { name: (*name).to_owned() });
                }
                let all = flat.into_iter().map(|(name, text)| (name, Value::Text(text)));
                let mut pairs: Vec<Pair<'_>> = all.chain(custom).collect();
                self.write_pairs(&pairs, made)?;
                // What the URL has of its own, and the mark between.
                let own = made.target.as_ref().map_or(self.target_length, String::len) + 1;
                if own + made.query.len() > crate::TARGET_MAX {
                    made.left_out = Some(LeftOut::Payload);
                    // The message is whole without it; with it the request line would be refused.
                    pairs.retain(|(name, _)| *name != "payload");
                    made.query.clear();
                    self.write_pairs(&pairs, made)?;
                }
                Ok(())
            }
        }
    }

    /// Writes a JSON object with more members: as it stands where that is JSON, its members elsewhere.
    fn write_payload(&self, payload: &str, custom: Vec<Pair<'_>>, made: &mut Made) -> Result<(), RenderError> {
        let members: Members<'_> = serde_json::from_str(payload).map_err(|_| RenderError::NotAnObject)?;
        for (name, _) in &custom {
            let name = self.member_of(name);
            if members.0.iter().any(|(known, _)| known == name) {
                return Err(RenderError::NameTaken { name: name.to_owned() });
            }
        }
        match self.method {
            SendMethod::Json => json::append(payload, &custom, self.nesting, &mut made.body),
            SendMethod::Xml => xml::converted(&self.xml_root, &members, &custom, self.is_nested(), &mut made.body),
            SendMethod::Get | SendMethod::Post => {
                let own = members.0.iter().filter_map(|(name, value)| match plain(value) {
                    Some(text) => Some((&**name, Value::Text(text))),
                    None => (self.style.empty != EmptyValue::Omit).then_some((&**name, Value::Null)),
                });
                let pairs: Vec<Pair<'_>> = own.chain(custom).collect();
                self.write_pairs(&pairs, made)?;
            }
        }
        Ok(())
    }
}

/// Whether a part of a path is `.` or `..`, encoded or not: each leads to another path.
fn is_dots(part: &str) -> bool {
    let (mut rest, mut count) = (part, 0);
    while let Some(behind) = [".", "%2e", "%2E"].iter().find_map(|dot| rest.strip_prefix(dot)) {
        (rest, count) = (behind, count + 1);
    }
    rest.is_empty() && (1..=2).contains(&count)
}

fn check_method(shape: &Shape, dialect: &Dialect, method: SendMethod) -> Result<(), RecipeError> {
    if !dialect.send_methods.is_empty() && !dialect.send_methods.contains(&method) {
        return Err(RecipeError::new("sendMethod", format!("The dialect `{}` does not send this way.", dialect.name)));
    }
    if shape.nested && matches!(method, SendMethod::Get | SendMethod::Post) {
        return Err(RecipeError::new("nested", "Only JSON and XML have objects within objects: leave it out."));
    }
    if shape.template.is_some() && method == SendMethod::Get {
        return Err(RecipeError::new("template", "A GET has no body: choose another send method, or no template."));
    }
    Ok(())
}

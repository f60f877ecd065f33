//! What a request says where it is not the event's own JSON: compiled once for an endpoint, carried out for each event.

use std::borrow::Cow;
use std::collections::HashSet;

use http::HeaderValue;
use jiff::tz::TimeZone;
use ringback_model::{
    EmptyValue, Endpoint, EndpointSecrets, NumberFormat, OrganizationSettings, SendMethod, Shape, TimeFormat, Timestamp,
};

use crate::dialect::{BodyOf, Dialect, Field, ShapeOf};
use crate::format::template::{Encoding, Filling, Slot, Template};
use crate::format::{Nesting, Pair, Value, form, json, number, query, time, xml};
use crate::json::{Members, plain};
use crate::report::{Kind, read};
use crate::source::{Event, Source};
use crate::{RecipeError, RenderError, inbound};

/// The longest name of a parameter, in bytes.
const NAME_MAX: usize = 64;
/// Parameters of the owner that an endpoint may have.
const CUSTOM_MAX: usize = 50;
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
    /// Path and query, where they have places for values.
    url: Option<Template>,
    needs_report: bool,
}

/// How values are written.
#[derive(Clone, Debug)]
struct Style {
    time_format: TimeFormat,
    zone: TimeZone,
    number_format: NumberFormat,
    mask: bool,
    empty: EmptyValue,
    all_text: bool,
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
            shapes: names(dialect, shape)?,
            custom: custom(shape, secrets)?,
            style: style(dialect, shape, settings)?,
            nesting: match (dialect.nested, shape.nested) {
                (true, _) => Nesting::Lists,
                (false, true) => Nesting::Objects,
                (false, false) => Nesting::Flat,
            },
            xml_root: shape.xml_root.clone().unwrap_or_else(|| XML_ROOT.to_owned()),
            template: template(shape)?,
            url: url(dialect, target)?,
            needs_report: false,
        };
        plan.needs_report = plan.asks_for_report();
        plan.check_names(endpoint, shape)?;
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

    /// Path and query with this text in the places for values; nothing if they have no places.
    pub(crate) fn target_with(&self, value: &str) -> String {
        let mut out = String::new();
        let same = |_: &Slot| Ok::<_, std::convert::Infallible>(Filling { text: value.to_owned(), digits: false });
        if let Some(url) = &self.url {
            url.render(Encoding::Query, same, &mut out).unwrap_or_else(|never| match never {});
        }
        out
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
        let target = match &self.url {
            Some(url) => Some(self.fill(url, Encoding::Query, shape, event)?),
            None => None,
        };
        let mut made = Made { target, ..Made::default() };
        if let Some((_, template, encoding)) = &self.template {
            made.body = self.fill(template, *encoding, shape, event)?;
            return Ok(made);
        }
        let custom = self.custom.iter().map(|(name, template)| {
            let text = self.fill(template, Encoding::Plain, shape, event)?;
            Ok((name.as_str(), Value::Text(Cow::Owned(text))))
        });
        let custom: Vec<Pair<'_>> = custom.collect::<Result<_, RenderError>>()?;
        match shape {
            Some((at, shape)) if shape.body == BodyOf::Fields => {
                // A URL that says where values go gets none appended.
                let placed =
                    self.url.as_ref().is_some_and(|url| url.slots().any(|slot| matches!(slot, Slot::Field(_))));
                let skipped = placed && self.method == SendMethod::Get;
                let mut pairs = if skipped { Vec::new() } else { self.pairs(at, event)? };
                pairs.extend(custom);
                self.write_pairs(&pairs, &mut made);
            }
            Some(_) => self.write_inbound(event, custom, &mut made)?,
            None => self.write_payload(event.payload, custom, &mut made)?,
        }
        Ok(made)
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

    fn pairs<'a>(&'a self, at: usize, event: Event<'a>) -> Result<Vec<Pair<'a>>, RenderError> {
        let mut pairs = Vec::with_capacity(self.shapes[at].len() + self.custom.len());
        for (name, field) in &self.shapes[at] {
            match self.value(field, event)? {
                Some(value) => pairs.push((name.as_str(), value)),
                None if field.required => {
                    let path = field.from.as_ref().map(Source::text).unwrap_or_default();
                    return Err(RenderError::Missing { path, dialect: self.dialect.name.as_str() });
                }
                None if field.omit => {}
                None => match self.style.empty {
                    EmptyValue::Omit => {}
                    EmptyValue::Empty => pairs.push((name.as_str(), Value::Text(Cow::Borrowed("")))),
                    EmptyValue::Null => pairs.push((name.as_str(), Value::Null)),
                },
            }
        }
        Ok(pairs)
    }

    fn value<'a>(&'a self, field: &'a Field, event: Event<'a>) -> Result<Option<Value<'a>>, RenderError> {
        let Some(source) = &field.from else {
            let value = field.value.as_deref().map(Cow::Borrowed);
            let digits = field.integer && !self.style.all_text;
            return Ok(match value {
                _ if field.list => Some(Value::List),
                Some(value) => Some(if digits { Value::Digits(value) } else { Value::Text(value) }),
                None => None,
            });
        };
        if source.kind() == Kind::Json {
            return Ok(source.json(event).map(Value::Json));
        }
        let Some(text) = source.get(event) else { return Ok(None) };
        let text = match &field.words {
            Some(words) => Cow::Borrowed(self.word(words, &text, source)?),
            None => text,
        };
        let (text, digits) = self.style.write(source, field.format, text)?;
        let text = match (field.decimals, &field.prefix) {
            (Some(places), _) => number::decimal(text, usize::from(places)),
            (None, Some(prefix)) => Cow::Owned(format!("{prefix}{text}")),
            (None, None) => text,
        };
        let digits = (field.integer || digits) && !self.style.all_text;
        Ok(Some(if digits { Value::Digits(text) } else { Value::Text(text) }))
    }

    fn word(&self, words: &str, text: &str, source: &Source) -> Result<&'static str, RenderError> {
        let table = self.dialect.words.get(words);
        let word = table.and_then(|table| table.iter().find(|(known, _)| known.eq_ignore_ascii_case(text)));
        word.map(|(_, word)| word.as_str()).ok_or_else(|| RenderError::Value {
            path: source.text(),
            wanted: table.map(|table| table.keys().cloned().collect::<Vec<_>>().join(", ")).unwrap_or_default(),
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
                let text = match source.get(event) {
                    Some(text) => self.style.write(source, None, text)?,
                    None => (Cow::Borrowed(""), false),
                };
                let digits = text.1 || source.kind() == Kind::Integer;
                Ok(Filling { text: text.0.into_owned(), digits })
            }
            Slot::Field(name) => {
                let fields = shape.map(|(at, shape)| {
                    let named = self.dialect.shapes[at].fields.iter().chain(&shape.more);
                    named.filter(|field| field.name == *name).collect::<Vec<_>>()
                });
                let value = match fields.unwrap_or_default().first() {
                    Some(field) => self.value(field, event)?,
                    None => None,
                };
                Ok(Filling { text: value.map(|value| value.text().to_owned()).unwrap_or_default(), digits: false })
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

    fn write_pairs(&self, pairs: &[Pair<'_>], made: &mut Made) {
        // Names, values, and what stands around them where little has to be encoded.
        let around = if self.method == SendMethod::Xml { 8 } else { 6 };
        let names = |name: &str| if self.method == SendMethod::Xml { 2 * name.len() } else { name.len() };
        let length: usize = pairs.iter().map(|(name, value)| names(name) + value.text().len() + around).sum();
        let into = if self.method == SendMethod::Get { &mut made.query } else { &mut made.body };
        into.reserve(length + 80);
        match self.method {
            SendMethod::Get => query::pairs(pairs, &mut made.query),
            SendMethod::Post => form::pairs(pairs, &mut made.body),
            SendMethod::Json => json::object(pairs, self.nesting, &mut made.body),
            SendMethod::Xml => xml::document(&self.xml_root, pairs, self.is_nested(), &mut made.body),
        }
    }

    fn write_inbound(&self, event: Event<'_>, custom: Vec<Pair<'_>>, made: &mut Made) -> Result<(), RenderError> {
        let missing = || RenderError::Missing { path: "inbound".to_owned(), dialect: self.dialect.name.as_str() };
        let raw = event.report.and_then(|report| report.inbound).ok_or_else(missing)?.get();
        match self.method {
            SendMethod::Json | SendMethod::Xml => self.write_payload(raw, custom, made),
            SendMethod::Get | SendMethod::Post => {
                let value: inbound::Value<'_> = read(raw).map_err(|_| RenderError::Value {
                    path: "inbound".to_owned(),
                    wanted: "the `value` object of the WhatsApp Cloud API".to_owned(),
                })?;
                let flat = value.flat(raw);
                let all = flat.into_iter().map(|(name, text)| (name, Value::Text(text)));
                let mut pairs: Vec<Pair<'_>> = all.chain(custom).collect();
                self.write_pairs(&pairs, made);
                if made.query.len() > crate::TARGET_MAX {
                    // The message is whole without it; with it the request line would be refused.
                    pairs.retain(|(name, _)| *name != "payload");
                    made.query.clear();
                    self.write_pairs(&pairs, made);
                }
                Ok(())
            }
        }
    }

    /// Writes a JSON object with more members: as it stands where that is JSON, its members elsewhere.
    fn write_payload(&self, payload: &str, custom: Vec<Pair<'_>>, made: &mut Made) -> Result<(), RenderError> {
        let Members(members) = serde_json::from_str(payload).map_err(|_| RenderError::NotAnObject)?;
        for (name, _) in &custom {
            if members.iter().any(|(known, _)| known == name) {
                return Err(RenderError::NameTaken { name: (*name).to_owned() });
            }
        }
        match self.method {
            SendMethod::Json => json::append(payload, &custom, self.nesting, &mut made.body),
            SendMethod::Xml => xml::converted(&self.xml_root, payload, &custom, self.is_nested(), &mut made.body),
            SendMethod::Get | SendMethod::Post => {
                let own = members.iter().filter_map(|(name, value)| match plain(value) {
                    Some(text) => Some((&**name, Value::Text(text))),
                    None => (self.style.empty != EmptyValue::Omit).then_some((&**name, Value::Null)),
                });
                let pairs: Vec<Pair<'_>> = own.chain(custom).collect();
                self.write_pairs(&pairs, made);
            }
        }
        Ok(())
    }

    /// Whether an inbound message has a parameter of this name, as this endpoint gets it.
    fn is_of_inbound(&self, name: &str) -> bool {
        match self.method {
            SendMethod::Json | SendMethod::Xml => inbound::MEMBERS.contains(&name),
            SendMethod::Get | SendMethod::Post => {
                self.dialect.shapes.iter().any(|shape| shape.body == BodyOf::Inbound) && inbound::FLAT.contains(&name)
            }
        }
    }

    fn check_names(&self, endpoint: &Endpoint, shape: &Shape) -> Result<(), RecipeError> {
        let place = |at: usize| format!("customParameters.{at}.name");
        if shape.custom_parameters.len() > CUSTOM_MAX {
            return Err(RecipeError::new("customParameters", format!("At most {CUSTOM_MAX} are allowed.")));
        }
        for (at, (name, _)) in self.custom.iter().enumerate() {
            self.check_name(name, || place(at))?;
            let before = self.custom[..at].iter().any(|(other, _)| other == name);
            let taken = self.fields().any(|(other, _)| other == name);
            let inbound = endpoint.report_type.as_deref() == Some("mo") && self.is_of_inbound(name);
            if before || taken || inbound {
                return Err(RecipeError::new(place(at), format!("There is another parameter `{name}`: rename one.")));
            }
        }
        for (name, field) in self.fields() {
            self.check_name(name, || format!("parameters.{}", field.slot()))?;
        }
        for names in &self.shapes {
            let mut seen = HashSet::new();
            if let Some((name, field)) = names.iter().find(|(name, _)| !seen.insert(name.as_str())) {
                let field = format!("parameters.{}", field.slot());
                return Err(RecipeError::new(field, format!("There is another parameter `{name}`: rename one.")));
            }
        }
        if self.is_nested() {
            self.check_nesting()?;
        }
        if self.method == SendMethod::Xml && !xml::is_name(&self.xml_root) {
            let rule = format!("`{}` is no name of an XML element: begin with a letter or `_`.", self.xml_root);
            return Err(RecipeError::new("xmlRoot", rule));
        }
        Ok(())
    }

    /// Two names of one request that differ in their case alone.
    pub(crate) fn names_alike(&self) -> Option<(&str, &str)> {
        let custom = || self.custom.iter().map(|(name, _)| name.as_str());
        // What is no form of the dialect's has the owner's own all the same.
        let shapes = self.shapes.iter().map(Vec::as_slice).chain([&[][..]]);
        shapes.into_iter().find_map(|fields| {
            let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).chain(custom()).collect();
            names.iter().enumerate().find_map(|(at, name)| {
                let other = names[..at].iter().find(|other| other.to_lowercase() == name.to_lowercase());
                other.map(|other| (*other, *name))
            })
        })
    }

    fn check_name(&self, name: &str, field: impl Fn() -> String) -> Result<(), RecipeError> {
        let nested = self.is_nested();
        if name.is_empty() || name.len() > NAME_MAX || name.chars().any(char::is_control) {
            let rule = format!("A name has 1 to {NAME_MAX} bytes and no control characters.");
            return Err(RecipeError::new(field(), rule));
        }
        let parts = || name.split('.').filter(|_| nested);
        if nested && parts().any(str::is_empty) {
            return Err(RecipeError::new(field(), "Between two dots stands a name: `a.b`."));
        }
        let is_xml = |name: &str| if nested { name.split('.').all(xml::is_name) } else { xml::is_name(name) };
        if self.method == SendMethod::Xml && !is_xml(name) {
            let rule = format!("`{name}` is no name of an XML element: begin with a letter or `_`, and use no spaces.");
            return Err(RecipeError::new(field(), rule));
        }
        Ok(())
    }

    /// Where dots make objects, no name of one request is a value and holds another.
    fn check_nesting(&self) -> Result<(), RecipeError> {
        let custom = || {
            let place = |at: usize| format!("customParameters.{at}.name");
            self.custom.iter().enumerate().map(move |(at, (name, _))| (name.as_str(), place(at)))
        };
        for shape in self.shapes.iter().map(Vec::as_slice).chain([&[][..]]) {
            let lists = shape.iter().filter(|(_, field)| field.list).map(|(name, _)| name.as_str());
            let lists: HashSet<&str> = lists.collect();
            let fields = shape.iter().map(|(name, field)| (name.as_str(), format!("parameters.{}", field.slot())));
            let all: Vec<_> = custom().chain(fields).collect();
            for (name, place) in all.iter().filter(|(name, _)| !lists.contains(name)) {
                let inside = |other: &str| other.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
                if let Some((other, _)) = all.iter().find(|(other, _)| inside(other)) {
                    let rule = format!(
                        "`{name}` cannot be a value and hold `{other}`, too: rename one, or turn `nested` off."
                    );
                    return Err(RecipeError::new(place.clone(), rule));
                }
            }
        }
        Ok(())
    }
}

impl Style {
    /// Writes a value as its kind asks; says whether it is a number where there are numbers.
    fn write<'a>(
        &self,
        source: &Source,
        own: Option<TimeFormat>,
        text: Cow<'a, str>,
    ) -> Result<(Cow<'a, str>, bool), RenderError> {
        match source.kind() {
            Kind::Text | Kind::Json => Ok((text, false)),
            Kind::Integer => Ok((text, false)),
            Kind::Number => {
                let written = number::number(text, self.number_format);
                Ok((if self.mask { number::masked(written) } else { written }, false))
            }
            Kind::Time => {
                let refuse = || RenderError::Value {
                    path: source.text(),
                    wanted: "a time such as 2024-12-18T08:08:04.831Z".to_owned(),
                };
                let at: Timestamp = text.parse().map_err(|_| refuse())?;
                let utc = TimeZone::UTC;
                let (format, zone) = own.map_or((self.time_format, &self.zone), |own| (own, &utc));
                let written = time::time(at, format, zone).ok_or_else(refuse)?;
                Ok((Cow::Owned(written), time::is_number(format)))
            }
        }
    }
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

fn names(dialect: &'static Dialect, shape: &Shape) -> Result<Vec<Vec<(String, &'static Field)>>, RecipeError> {
    let known = dialect.parameters();
    for (slot, name) in &shape.parameters {
        let field = || format!("parameters.{slot}");
        match known.get(slot.as_str()) {
            None if known.is_empty() => {
                let rule = format!("The dialect `{}` has no parameters to rename.", dialect.name);
                return Err(RecipeError::new("parameters", rule));
            }
            None => {
                let near = ringback_model::near(slot, known.keys().copied());
                return Err(RecipeError::new(field(), crate::unknown("parameter", slot, &near)));
            }
            Some((_, false)) if name.is_empty() => {
                return Err(RecipeError::new(field(), "This parameter is always sent: give it a name."));
            }
            Some(_) => {}
        }
    }
    let named = |field: &'static Field| match shape.parameters.get(field.slot()) {
        Some(name) if name.is_empty() => None,
        Some(name) => Some((name.clone(), field)),
        None => (!field.optional).then(|| (field.name.clone(), field)),
    };
    // In the order in which the owner names them, the others behind in that of the dialect.
    let place = |field: &Field| shape.parameters.get_index_of(field.slot()).unwrap_or(usize::MAX);
    let ordered = dialect.shapes.iter().map(|shape| {
        let mut fields: Vec<_> = shape.fields.iter().filter_map(named).collect();
        fields.sort_by_key(|(_, field)| place(field));
        fields
    });
    Ok(ordered.collect())
}

fn custom(shape: &Shape, secrets: &EndpointSecrets) -> Result<Vec<(String, Template)>, RecipeError> {
    if !shape.custom_parameters_enabled {
        return Ok(Vec::new());
    }
    let compile = |(at, parameter): (usize, &ringback_model::CustomParameter)| {
        let secret = secrets.custom_values.get(at).filter(|_| parameter.secret);
        let value = secret.map_or(parameter.value.as_str(), |secret| secret.reveal());
        let template = Template::parse(value, None)
            .map_err(|message| RecipeError::new(format!("customParameters.{at}.value"), message))?;
        Ok((parameter.name.clone(), template))
    };
    shape.custom_parameters.iter().enumerate().map(compile).collect()
}

fn style(dialect: &Dialect, shape: &Shape, settings: &OrganizationSettings) -> Result<Style, RecipeError> {
    let name = shape.time_zone.as_deref().or(settings.time_zone.as_deref()).unwrap_or("UTC");
    let zone = TimeZone::get(name).map_err(|_| {
        let near =
            ringback_model::near(name, ["Asia/Kolkata", "Africa/Nairobi", "Africa/Lagos", "Europe/Berlin", "UTC"]);
        RecipeError::new("timeZone", crate::unknown("time zone of the IANA data base", name, &near))
    })?;
    Ok(Style {
        time_format: shape.time_format.unwrap_or(dialect.time_format),
        zone,
        number_format: shape.number_format.unwrap_or(dialect.number_format),
        mask: shape.mask,
        empty: shape.empty_value.unwrap_or(dialect.empty_value),
        all_text: dialect.all_text,
    })
}

fn template(shape: &Shape) -> Result<Option<(HeaderValue, Template, Encoding)>, RecipeError> {
    let Some(template) = &shape.template else { return Ok(None) };
    let essence = template.content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let encoding = match essence.as_str() {
        "application/x-www-form-urlencoded" => Encoding::Form,
        kind if kind == "application/json" || kind.ends_with("+json") => Encoding::Json,
        kind if kind.ends_with("/xml") || kind.ends_with("+xml") => Encoding::Xml,
        _ => Encoding::Plain,
    };
    let refuse = |_| RecipeError::new("template.contentType", "It is a media type such as `application/json`.");
    let kind = HeaderValue::from_str(&template.content_type).map_err(refuse)?;
    if !essence.contains('/') {
        return Err(RecipeError::new("template.contentType", "It is a media type such as `application/json`."));
    }
    let parsed = Template::parse(&template.body, None).map_err(|message| RecipeError::new("template.body", message))?;
    if encoding == Encoding::Json {
        let mut sample = String::new();
        let fill = |_: &Slot| Ok::<_, std::convert::Infallible>(Filling { text: "1".to_owned(), digits: true });
        parsed.render(encoding, fill, &mut sample).unwrap_or_else(|never| match never {});
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&sample) {
            return Err(RecipeError::new("template.body", format!("With values in it, it is no JSON: {error}.")));
        }
    }
    Ok(Some((kind, parsed, encoding)))
}

/// Path and query with places for values; `None` if they have none.
fn url(dialect: &'static Dialect, target: &str) -> Result<Option<Template>, RecipeError> {
    if !target.contains('{') {
        return Ok(None);
    }
    let is_field = |name: &str| {
        let fields = dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
        fields.into_iter().any(|field| field.name == name)
    };
    let parsed = Template::parse(target, dialect.placeholders.then_some(&is_field as &dyn Fn(&str) -> bool))
        .map_err(|message| RecipeError::new("url", message))?;
    // A brace that is left is a placeholder that the dialect does not know.
    if dialect.placeholders
        && let Some(name) = leftover(target, &is_field)
    {
        let fields = dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
        let near = ringback_model::near(name, fields.map(|field| field.name.as_str()));
        return Err(RecipeError::new("url", crate::unknown("placeholder", name, &near)));
    }
    Ok((!parsed.is_fixed()).then_some(parsed))
}

fn leftover<'a>(target: &'a str, is_field: &dyn Fn(&str) -> bool) -> Option<&'a str> {
    let mut rest = target;
    while let Some((_, from)) = rest.split_once('{') {
        if let Some(inside) = from.strip_prefix('{') {
            rest = inside.split_once("}}").map_or("", |(_, behind)| behind);
            continue;
        }
        let (name, behind) = from.split_once('}')?;
        if !is_field(name) {
            return Some(name);
        }
        rest = behind;
    }
    None
}

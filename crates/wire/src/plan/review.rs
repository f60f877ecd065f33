//! What an endpoint says that can be carried out and would do nothing, or something else than its owner means: told when
//! it is saved. Deliveries do not look at it.

use std::collections::HashSet;

use ringback_model::{
    EmptyValue, Endpoint, OrganizationSettings, SendMethod, Shape, VerificationKind, VerificationMode, is_report,
    products,
};

use super::{Plan, text};
use crate::RecipeError;
use crate::dialect::{BodyOf, Dialect, ShapeOf};
use crate::format::template::{Slot, Template};
use crate::format::time;
use crate::report::{Kind, type_of_event};
use crate::source::Source;

/// What is to be said of an endpoint that is saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// What makes it useless, or shows what it says is hidden: it is not to be saved.
    pub faults: Vec<RecipeError>,
    /// What its owner may not have meant, in words.
    pub warnings: Vec<String>,
}

/// What the values of requests are.
#[derive(Debug, Default)]
struct Used {
    numbers: bool,
    times: bool,
    /// Something may have no value, so that it matters what stands for it.
    empties: bool,
    /// The payload goes out as it stands.
    payload: bool,
    /// So does an inbound message.
    inbound: bool,
    /// Members of the payload that are written as they stand.
    members: HashSet<String>,
}

impl Review {
    /// Looks at an endpoint, whose requests a plan makes if they are not the event's own JSON.
    pub(crate) fn of(
        endpoint: &Endpoint,
        settings: &OrganizationSettings,
        dialect: &'static Dialect,
        plan: Option<&Plan>,
    ) -> Self {
        let standard = Shape::default();
        let shape = endpoint.shape.as_deref().unwrap_or(&standard);
        let mut review = Self::default();
        if !has_form_for(dialect, endpoint, settings) {
            let said = [&endpoint.product, &endpoint.report_type].into_iter().flatten().map(String::as_str);
            let said = said.chain(endpoint.event_types.iter().flatten().map(String::as_str));
            let said: Vec<_> = said.map(|word| format!("`{word}`")).collect();
            let rule = format!(
                "The dialect `{}` has no form for {}: nothing of what this endpoint gets could be sent. Choose another \
                 dialect.",
                dialect.name,
                said.join(" ")
            );
            review.faults.push(RecipeError::new("dialect", rule));
        }
        let used = plan.map_or(Used { payload: true, ..Used::default() }, |plan| Used::of(plan, endpoint));
        if let Some(plan) = plan {
            review.names(endpoint, settings, shape, plan);
            review.places(plan, shape);
        }
        review.mask(shape, &used);
        review.formats(shape, &used);
        review.zone(shape, dialect, &used);
        review.beside(endpoint, shape, dialect, plan);
        if let Some((one, other)) = plan.and_then(Plan::names_alike) {
            review
                .warnings
                .push(format!("`{one}` and `{other}` differ in case alone, which many receivers do not tell"));
        }
        if let Some(meant) = text::encoded_placeholder(dialect, &endpoint.url) {
            review.warnings.push(format!(
                "encoded braces in the URL are sent as they stand: write `{meant}` where the value goes"
            ));
        } else if let Some((written, meant)) = text::bare_placeholder(dialect, &endpoint.url) {
            let meant = meant.map_or_else(String::new, |path| format!(", such as `{{{{{path}}}}}`"));
            review.warnings.push(format!(
                "`{written}` in the URL is sent as it stands, for the dialect `{}` has no placeholders of its own: write a \
                 path in two braces{meant}",
                dialect.name
            ));
        }
        if let Some((written, meant)) = text::percent_placeholder(dialect, &endpoint.url) {
            let meant = meant.unwrap_or_else(|| "{{message.id}}".to_owned());
            review.warnings.push(format!(
                "`{written}` in the URL is sent as it stands, for it is no encoded byte: a place for a value is written such \
                 as `{meant}`, and a percent sign `%25`"
            ));
        }
        review
    }

    /// Names that no request has, or one would have twice. Refused here and not where requests are made, so that an
    /// endpoint from before gets all else.
    fn names(&mut self, endpoint: &Endpoint, settings: &OrganizationSettings, shape: &Shape, plan: &Plan) {
        let reports = reports_of(endpoint, settings);
        let shapes = || {
            let fits = |it: &&ShapeOf| reports.iter().any(|(product, kind)| it.fits(Some(product), Some(kind)));
            plan.dialect.shapes.iter().filter(fits)
        };
        let is_filtered =
            endpoint.product.is_some() || endpoint.report_type.is_some() || endpoint.event_types.is_some();
        let gets_inbound = shapes().any(|it| it.body == BodyOf::Inbound);
        for (at, name) in plan.names_of_inbound().filter(|_| gets_inbound) {
            if is_filtered {
                let rule = format!("An inbound message has a parameter `{name}`, too: rename this one.");
                self.faults.push(RecipeError::new(format!("customParameters.{at}.name"), rule));
            } else {
                self.warnings.push(format!(
                    "an inbound message has a parameter `{name}`, too, and is held for that: rename the one in \
                     `customParameters`, or say with `product` and `reportType` what the endpoint is for"
                ));
            }
        }
        let types = endpoint.event_types.as_deref().unwrap_or_default();
        // Another type may have a report of any kind in it.
        if !types.is_empty()
            && types.iter().all(|name| is_report(&settings.products, name))
            && shapes().next().is_some()
        {
            let is_used = |slot: &str| shapes().flat_map(|it| &it.fields).any(|field| field.slot() == slot);
            let named = shape.parameters.iter().filter(|(slot, name)| !name.is_empty() && !is_used(slot));
            self.faults.extend(named.map(|(slot, _)| {
                let rule = "The event types of this endpoint have no such parameter: leave it out.";
                RecipeError::new(format!("parameters.{slot}"), rule)
            }));
        }
    }

    /// Places for values that never have one, or could make something else of what they stand in. Refused here and not where
    /// requests are made, as above.
    fn places(&mut self, plan: &Plan, shape: &Shape) {
        let templates = plan.url.iter().map(|template| ("url".to_owned(), template));
        let templates = templates.chain(plan.template.iter().map(|(_, it, _)| ("template.body".to_owned(), it)));
        let custom = plan.custom.iter().enumerate();
        let templates = templates.chain(custom.map(|(at, (_, it))| (format!("customParameters.{at}.value"), it)));
        for (field, template) in templates {
            for slot in template.slots() {
                if let Slot::Path(source) = slot
                    && let Some(meant) = source.meant()
                {
                    let rule = format!("`{}` has never a value: write `{meant}`.", source.text());
                    self.faults.push(RecipeError::new(field.clone(), rule));
                }
            }
        }
        if plan.url.as_ref().is_some_and(Template::has_open_percent) {
            let rule = "A value cannot complete an encoded byte: write all of it, or `%25` for a percent sign.";
            self.faults.push(RecipeError::new("url", rule));
        }
        if let Some(template) = shape.template.as_ref().filter(|template| !text::is_media_type(&template.content_type))
        {
            let rule =
                format!("`{}` is no media type, such as `application/json; charset=utf-8`.", template.content_type);
            self.faults.push(RecipeError::new("template.contentType", rule));
        }
        for (at, list) in plan.names_in_lists() {
            let rule = format!("`{list}` is a list: in it stand numbers, such as `{list}.0`.");
            self.faults.push(RecipeError::new(format!("customParameters.{at}.name"), rule));
        }
    }

    /// A number that its owner wants hidden is not sent in full unnoticed.
    fn mask(&mut self, shape: &Shape, used: &Used) {
        if !shape.mask {
            return;
        }
        if used.payload {
            let rule = "The payload goes out as it stands, and with it the numbers in it: choose a dialect that has \
                        parameters, or a `template` with `{{message.to}}`.";
            self.faults.push(RecipeError::new("mask", rule));
        } else if used.inbound && !used.numbers {
            let rule = "An inbound message goes out as it stands, and with it the numbers in it: choose a `template` with \
                        `{{inbound.from}}`.";
            self.faults.push(RecipeError::new("mask", rule));
        } else if used.inbound {
            self.warnings.push("inbound messages go out as they stand: `mask` hides no number in them".to_owned());
        } else if !used.numbers {
            self.warnings.push("`mask` changes nothing, for no number of the report is sent".to_owned());
        }
        let mut members: Vec<_> = used.members.iter().collect();
        members.sort_unstable();
        for member in members {
            self.warnings.push(format!("`mask` hides nothing in `{{{{{member}}}}}`, which is written as it stands"));
        }
    }

    fn formats(&mut self, shape: &Shape, used: &Used) {
        for (name, is_said, is_used, what) in [
            ("numberFormat", shape.number_format.is_some(), used.numbers, "no number of the report is sent"),
            ("timeFormat", shape.time_format.is_some(), used.times, "no time of the report is sent"),
            ("timeZone", shape.time_zone.is_some(), used.times, "no time of the report is sent"),
            ("emptyValue", shape.empty_value.is_some(), used.empties, "no parameter is sent that may be empty"),
        ] {
            if is_said && !is_used {
                let why = if used.payload { "the payload goes out as it stands" } else { what };
                self.warnings.push(format!("`{name}` changes nothing, for {why}"));
            }
        }
    }
}

impl Review {
    /// A zone that no time is written in.
    fn zone(&mut self, shape: &Shape, dialect: &Dialect, used: &Used) {
        let format = shape.time_format.unwrap_or(dialect.time_format);
        if shape.time_zone.is_some() && used.times && !time::has_zone(format) {
            let format = serde_json::to_value(format).unwrap_or_default();
            let format = format.as_str().unwrap_or_default();
            self.warnings.push(format!("`timeZone` changes nothing, for times go out as `{format}`, which has none"));
        }
    }

    /// What stands beside something that does without it.
    fn beside(&mut self, endpoint: &Endpoint, shape: &Shape, dialect: &Dialect, plan: Option<&Plan>) {
        let method = plan.map_or(dialect.send_method, |plan| plan.method);
        let is_empty = shape.parameters.is_empty();
        let mut nothing = |member: &str, is_said: bool, why: &str| {
            if is_said {
                self.warnings.push(format!("`{member}` changes nothing, for {why}"));
            }
        };
        if shape.template.is_some() {
            let why = "the `template` is all that is sent";
            nothing("parameters", !is_empty, why);
            nothing("customParameters", !shape.custom_parameters.is_empty(), why);
            nothing("nested", shape.nested, why);
        } else if plan.is_some_and(Plan::places_values) && method == SendMethod::Get {
            nothing("parameters", !is_empty, "a URL that says where values go gets none appended");
        }
        let is_null = shape.empty_value == Some(EmptyValue::Null) && dialect.empty_value == EmptyValue::Empty;
        if is_null && method != SendMethod::Json && shape.template.is_none() && !dialect.is_plain() {
            nothing("emptyValue", true, "JSON alone has a null, and what is not there is empty anyway");
        }
        let writes_xml = method == SendMethod::Xml && shape.template.is_none();
        nothing("xmlRoot", shape.xml_root.is_some() && !writes_xml, "no XML is written");
        if let Some(verification) = endpoint.verification.as_deref().filter(|v| v.kind != VerificationKind::Token) {
            let why = "it is for the handshake of the kind `token`";
            nothing("verification.mode", verification.mode != VerificationMode::Default, why);
            nothing("verification.parameter", verification.parameter.is_some(), why);
        }
        // Refused here and not where requests are made, so that one from before goes on.
        let root = shape.xml_root.as_deref().filter(|_| writes_xml).unwrap_or_default();
        if root.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("xml")) {
            let rule = "Names that begin with `xml`, in any case, are kept for XML itself: choose another one.";
            self.faults.push(RecipeError::new("xmlRoot", rule));
        }
    }
}

impl Used {
    fn of(plan: &Plan, endpoint: &Endpoint) -> Self {
        let mut used = Self::default();
        for slot in plan.url.iter().flat_map(Template::slots) {
            match slot {
                Slot::Path(source) => used.note(source, false),
                Slot::Field(name) => {
                    let fields = plan.dialect.shapes.iter().flat_map(|shape| shape.fields.iter().chain(&shape.more));
                    let from = fields.filter(|field| field.name == *name);
                    from.for_each(|field| field.from.iter().for_each(|from| used.note(from, field.format.is_some())));
                }
            }
        }
        if let Some((_, template, _)) = &plan.template {
            used.note_slots(template);
            return used;
        }
        used.empties = plan.custom.iter().any(|(_, template)| !template.is_fixed());
        plan.custom.iter().for_each(|(_, template)| used.note_slots(template));
        if plan.dialect.is_plain() {
            used.payload = true;
            used.empties |= matches!(plan.method, SendMethod::Get | SendMethod::Post);
            return used;
        }
        let skipped = plan.places_values() && plan.method == SendMethod::Get;
        let shapes = plan.dialect.shapes.iter().zip(&plan.shapes).filter(|(shape, _)| shape.may_fit(endpoint));
        for (shape, fields) in shapes {
            used.inbound |= shape.body == BodyOf::Inbound;
            for (_, field) in fields.iter().filter(|_| !skipped) {
                used.empties |= !field.required;
                field.from.iter().for_each(|from| used.note(from, field.format.is_some()));
            }
        }
        used
    }

    fn note_slots(&mut self, template: &Template) {
        template.slots().for_each(|slot| match slot {
            Slot::Path(source) => self.note(source, false),
            Slot::Field(_) => {}
        });
    }

    /// Notes a value; `is_fixed` says whether its time is written in one way alone.
    fn note(&mut self, source: &Source, is_fixed: bool) {
        match (source, source.kind()) {
            (Source::WholePayload, _) => self.payload = true,
            (Source::Payload(_), _) => drop(self.members.insert(source.text())),
            (_, Kind::Number) => self.numbers = true,
            (_, Kind::Time) => self.times |= !is_fixed,
            (_, Kind::Json) => self.inbound = true,
            (_, Kind::Text | Kind::Integer | Kind::Money) => {}
        }
    }
}

/// The reports that an endpoint gets, by product and type, of those that are sent in this organization.
fn reports_of(endpoint: &Endpoint, settings: &OrganizationSettings) -> Vec<(String, String)> {
    let is = |wanted: &Option<String>, one: &str| wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(one));
    let all = products(&settings.products).into_iter();
    let all = all.flat_map(|(product, types)| types.into_iter().map(move |kind| (product.clone(), kind)));
    all.filter(|(product, kind)| {
        let is_named = is(&endpoint.product, product) && is(&endpoint.report_type, kind);
        is_named && endpoint.matches_type(&format!("{product}.{kind}"))
    })
    .collect()
}

/// Whether the dialect can write anything that this endpoint gets.
fn has_form_for(dialect: &Dialect, endpoint: &Endpoint, settings: &OrganizationSettings) -> bool {
    let all = products(&settings.products);
    let types = endpoint.product.as_ref().filter(|_| endpoint.report_type.is_none()).and_then(|one| all.get(one));
    // A product has only reports of its own types.
    let is_of_product = |shape: &ShapeOf| {
        let knows = |named: &String| shape.report_types.iter().any(|known| known == named);
        shape.report_types.is_empty() || types.is_none_or(|types| types.iter().any(knows))
    };
    let tells = |shape: &ShapeOf, event_type: &str| match type_of_event(event_type) {
        Some(named) => shape.report_types.is_empty() || shape.report_types.iter().any(|known| known == named),
        // It says by itself what it is about.
        None => true,
    };
    let named = endpoint.event_types.as_deref().unwrap_or_default();
    dialect.is_plain()
        || dialect.shapes.iter().any(|shape| {
            shape.may_fit(endpoint)
                && is_of_product(shape)
                && (named.is_empty() || named.iter().any(|event_type| tells(shape, event_type)))
        })
}

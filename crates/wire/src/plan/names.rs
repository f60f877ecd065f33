//! Names on the wire: which there are, and which cannot stand together.

use std::collections::HashSet;

use indexmap::IndexMap;
use ringback_model::{Endpoint, EndpointSecrets, SendMethod, Shape};

use super::{Plan, text};
use crate::dialect::{BodyOf, Dialect, Field, ShapeOf};
use crate::format::Nesting;
use crate::format::template::Template;
use crate::format::xml;
use crate::{RecipeError, inbound};

/// The longest name of a parameter, in bytes.
const NAME_MAX: usize = 64;
/// Parameters of the owner that an endpoint may have.
const CUSTOM_MAX: usize = 50;

impl Plan {
    /// Every name can be sent, and stands in a request once; `target` is path and query of the URL.
    pub(super) fn check_names(&self, endpoint: &Endpoint, shape: &Shape, target: &str) -> Result<(), RecipeError> {
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
        if self.method == SendMethod::Get { self.check_query(endpoint, target) } else { Ok(()) }
    }

    /// No name of the URL's own query is one that a GET appends: receivers would take either value.
    fn check_query(&self, endpoint: &Endpoint, target: &str) -> Result<(), RecipeError> {
        let own = of_query(target);
        if own.is_empty() {
            return Ok(());
        }
        let custom = self.custom.iter().enumerate();
        let mut appended: Vec<(&str, String)> =
            custom.map(|(at, (name, _))| (name.as_str(), format!("`customParameters.{at}`"))).collect();
        let shapes = self.dialect.shapes.iter().zip(&self.shapes);
        for (shape, fields) in shapes.filter(|(shape, _)| shape.may_fit(endpoint)) {
            match shape.body {
                BodyOf::Inbound if endpoint.report_type.is_some() => {
                    appended.extend(inbound::FLAT.map(|name| (name, "the inbound message".to_owned())));
                }
                BodyOf::Inbound => {}
                BodyOf::Fields if self.places_values() => {}
                BodyOf::Fields => {
                    let fields = fields.iter();
                    appended
                        .extend(fields.map(|(name, field)| (name.as_str(), format!("`parameters.{}`", field.slot()))));
                }
            }
        }
        match appended.into_iter().find(|(name, _)| own.iter().any(|known| known == name)) {
            None => Ok(()),
            Some((name, place)) => {
                let rule = format!("The query of the URL has `{name}`, and so has {place}: rename one of them.");
                Err(RecipeError::new("url", rule))
            }
        }
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

    /// The owner's own parameters that make an object of a list of the dialect, each with that and its place.
    pub(super) fn names_in_lists(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_list = |field: &Field| self.nesting == Nesting::Lists && field.list;
        self.custom.iter().enumerate().filter_map(move |(at, (name, _))| {
            let mut lists = self.fields().filter(move |(_, field)| is_list(field)).map(|(list, _)| list.as_str());
            lists.find_map(|list| {
                let inside = name.strip_prefix(list)?.strip_prefix('.')?.split('.').next()?;
                (!inside.bytes().all(|byte| byte.is_ascii_digit())).then_some((at, list))
            })
        })
    }

    /// The owner's own parameters that have a name of an inbound message, each with its place.
    pub(super) fn names_of_inbound(&self) -> impl Iterator<Item = (usize, &str)> {
        let named = self.custom.iter().map(|(name, _)| name.as_str()).enumerate();
        named.filter(|(_, name)| self.template.is_none() && self.is_of_inbound(name))
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

    /// The name of the member that a parameter of the owner makes in JSON and XML.
    pub(super) fn member_of<'n>(&self, name: &'n str) -> &'n str {
        if self.is_nested() { name.split('.').next().unwrap_or(name) } else { name }
    }

    /// Whether an inbound message has a parameter of this name, as this endpoint gets it.
    fn is_of_inbound(&self, name: &str) -> bool {
        match self.method {
            SendMethod::Json | SendMethod::Xml => inbound::MEMBERS.contains(&self.member_of(name)),
            SendMethod::Get | SendMethod::Post => {
                self.dialect.shapes.iter().any(|shape| shape.body == BodyOf::Inbound) && inbound::FLAT.contains(&name)
            }
        }
    }
}

/// The names in the query of a target, as receivers read them.
pub(super) fn of_query(target: &str) -> Vec<String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.into_owned()).collect()
}

/// For each form of the dialect: names on the wire, with their fields.
pub(super) fn names(
    dialect: &'static Dialect,
    endpoint: &Endpoint,
    shape: &Shape,
) -> Result<Vec<Vec<(String, &'static Field)>>, RecipeError> {
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
            Some(_) if name.is_empty() || has(dialect, endpoint, slot) => {}
            Some(_) => {
                let rule = "What this endpoint is for has no such parameter, and names of its own: leave it out.";
                return Err(RecipeError::new(field(), rule));
            }
        }
    }
    let named = |field: &'static Field| match shape.parameters.get(field.slot()) {
        Some(name) if name.is_empty() => None,
        Some(name) => Some((name.clone(), field)),
        None => (!field.optional).then(|| (field.name.clone(), field)),
    };
    let ordered = dialect.shapes.iter().map(|form| {
        let fields: Vec<_> = form.fields.iter().filter_map(named).collect();
        in_order_of(&shape.parameters, fields)
    });
    Ok(ordered.collect())
}

/// Puts those that the owner names in the owner's order; the others keep their places, so that one new name moves nothing.
fn in_order_of(
    named: &IndexMap<String, String>,
    mut fields: Vec<(String, &'static Field)>,
) -> Vec<(String, &'static Field)> {
    let place = |field: &Field| named.get_index_of(field.slot());
    let places: Vec<usize> = (0..fields.len()).filter(|at| place(fields[*at].1).is_some()).collect();
    let mut moved: Vec<_> = places.iter().map(|at| fields[*at].clone()).collect();
    moved.sort_by_key(|(_, field)| place(field));
    for (at, field) in places.into_iter().zip(moved) {
        fields[at] = field;
    }
    fields
}

/// Whether anything that this endpoint gets has a parameter of this slot.
fn has(dialect: &Dialect, endpoint: &Endpoint, slot: &str) -> bool {
    let shapes = dialect.shapes.iter().filter(|shape| shape.may_fit(endpoint));
    shapes.flat_map(|shape| &shape.fields).any(|field| field.slot() == slot)
}

impl ShapeOf {
    /// Whether anything that this endpoint gets may have this form.
    pub(super) fn may_fit(&self, endpoint: &Endpoint) -> bool {
        self.fits(endpoint.product.as_deref(), endpoint.report_type.as_deref())
    }

    /// Whether a report of this product and type may have it; `None` where that is not known.
    pub(super) fn fits(&self, product: Option<&str>, report_type: Option<&str>) -> bool {
        let fits = |list: &[String], value: Option<&str>| {
            list.is_empty() || value.is_none_or(|value| list.iter().any(|one| one.eq_ignore_ascii_case(value)))
        };
        fits(&self.products, product) && fits(&self.report_types, report_type)
    }
}

/// The owner's own parameters, in order; none if they are not sent.
pub(super) fn custom(
    dialect: &Dialect,
    shape: &Shape,
    secrets: &EndpointSecrets,
) -> Result<Vec<(String, Template)>, RecipeError> {
    if !shape.custom_parameters_enabled {
        return Ok(Vec::new());
    }
    let compile = |(at, parameter): (usize, &ringback_model::CustomParameter)| {
        let secret = secrets.custom_values.get(at).filter(|_| parameter.secret);
        let value = secret.map_or(parameter.value.as_str(), |secret| secret.reveal());
        let template = Template::parse(value, None)
            .map_err(|message| text::with_meant(dialect, value, false, message))
            .map_err(|message| RecipeError::new(format!("customParameters.{at}.value"), message))?;
        Ok((parameter.name.clone(), template))
    };
    shape.custom_parameters.iter().enumerate().map(compile).collect()
}

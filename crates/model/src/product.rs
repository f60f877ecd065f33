//! Products and the types of report that each of them has.

use indexmap::IndexMap;

use crate::near;

/// A product that is known everywhere: its word, its name for people, its types of report, and whether customers have
/// numbers of it to choose from.
const PRODUCTS: [(&str, &str, &[&str], bool); 5] = [
    ("sms", "SMS", &["dlr"], false),
    ("whatsapp", "WhatsApp", &["dlr", "mo"], true),
    ("voice", "Voice", &["ivr", "call"], true),
    ("otp", "OTP", &["feedback"], true),
    ("lookup", "Lookup", &["result"], true),
];

/// Products by their word, with their types of report: what an operator adds to those that are known everywhere.
pub type ProductList = IndexMap<String, Vec<String>>;

/// The name of a product for people. One of the operator's own is written as such words are: `RCS`, `Email`.
#[must_use]
pub fn product_name(product: &str) -> String {
    if let Some(row) = PRODUCTS.iter().find(|row| row.0 == product) {
        return row.1.to_owned();
    }
    // What cannot be spoken as a word is spelled.
    if product.len() <= 4 && !product.contains(['a', 'e', 'i', 'o', 'u']) {
        return product.to_uppercase();
    }
    let mut letters = product.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// All products with their types of report, the operator's own behind or in place of those that are known everywhere.
#[must_use]
pub fn products(own: &ProductList) -> ProductList {
    let mut all: ProductList = PRODUCTS
        .iter()
        .map(|(word, _, types, _)| ((*word).to_owned(), types.iter().map(|t| (*t).to_owned()).collect()))
        .collect();
    all.extend(own.iter().map(|(word, types)| (word.clone(), types.clone())));
    all
}

/// What is wrong with the choice of product, report type and number: the member and a sentence.
#[must_use]
pub fn product_faults(
    own: &ProductList,
    product: Option<&str>,
    report_type: Option<&str>,
    product_unique_id: Option<&str>,
) -> Vec<(&'static str, String)> {
    let all = products(own);
    let mut faults = Vec::new();
    let types = product.map(|product| (product, all.get(product)));
    if let Some((product, None)) = types {
        faults.push(("product", unknown("product", product, all.keys().map(String::as_str))));
    }
    if let Some(report_type) = report_type {
        let known = |report_type: &str| all.values().flatten().any(|known| known == report_type);
        match types {
            Some((product, Some(types))) if known(report_type) && !types.iter().any(|known| known == report_type) => {
                let (report_type, product) = (report_type.to_uppercase(), product_name(product));
                faults.push(("reportType", format!("{report_type} is not available for the {product} product.")));
            }
            _ if !known(report_type) => {
                let names = all.values().flatten().map(String::as_str);
                faults.push(("reportType", unknown("report type", report_type, names)));
            }
            _ => {}
        }
    }
    if let (Some(product), Some(_)) = (product, product_unique_id)
        && !has_numbers(own, product)
    {
        let name = product_name(product);
        faults.push(("productUniqueId", format!("The {name} product has no numbers to choose from: leave it out.")));
    }
    faults
}

/// Whether customers have numbers of a product to choose from: of one with inbound messages they do.
#[must_use]
pub fn has_numbers(own: &ProductList, product: &str) -> bool {
    let inbound = own.get(product).is_some_and(|types| types.iter().any(|one| one == "mo"));
    inbound || PRODUCTS.iter().find(|row| row.0 == product).is_none_or(|row| row.3)
}

/// What is wrong with the numbers of a customer being listed under these products: the product and a sentence.
#[must_use]
pub fn number_list_faults<'a>(own: &ProductList, listed: impl IntoIterator<Item = &'a str>) -> Vec<(&'a str, String)> {
    let all = products(own);
    let fault = |product: &'a str| match all.contains_key(product) {
        false => Some((product, unknown("product", product, all.keys().map(String::as_str)))),
        true if !has_numbers(own, product) => {
            let name = product_name(product);
            Some((product, format!("The {name} product has no numbers to choose from.")))
        }
        true => None,
    };
    listed.into_iter().filter_map(fault).collect()
}

/// Whether an event type is that of reports: `sms.dlr`, where `sms` has `dlr`.
#[must_use]
pub fn is_report(own: &ProductList, event_type: &str) -> bool {
    let Some((product, report_type)) = event_type.split_once('.') else { return false };
    match own.get(product) {
        Some(types) => types.iter().any(|known| known == report_type),
        None => PRODUCTS.iter().any(|row| row.0 == product && row.2.contains(&report_type)),
    }
}

fn unknown<'a>(what: &str, word: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    match near(word, names.clone()).first() {
        Some(meant) => format!("There is no {what} `{word}`; is it `{meant}`?"),
        None => {
            let mut all: Vec<&str> = names.collect();
            all.sort_unstable();
            all.dedup();
            format!("There is no {what} `{word}`; there are {}.", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(
        product: &str,
        report_type: &str,
        number: Option<&str>,
        own: &ProductList,
    ) -> Vec<(&'static str, String)> {
        product_faults(own, Some(product), Some(report_type), number)
    }

    #[test]
    fn mo_belongs_to_whatsapp_unless_the_operator_has_it_for_sms() {
        let none = ProductList::new();
        let said = faults("sms", "mo", None, &none);
        assert_eq!(said, [("reportType", "MO is not available for the SMS product.".to_owned())]);
        assert!(faults("whatsapp", "mo", Some("254"), &none).is_empty());
        let own: ProductList = [("sms".to_owned(), vec!["dlr".to_owned(), "mo".to_owned()])].into();
        assert!(faults("sms", "mo", Some("254"), &own).is_empty());
        assert!(is_report(&own, "sms.mo") && !is_report(&none, "sms.mo") && is_report(&none, "sms.dlr"));
    }

    #[test]
    fn a_product_of_the_operators_own_has_a_name_as_others_have() {
        let names = ["sms", "rcs", "email", "push", "Viber", ""].map(product_name);
        assert_eq!(names, ["SMS", "RCS", "Email", "Push", "Viber", ""]);
    }

    #[test]
    fn a_number_for_sms_and_unknown_words_are_refused() {
        let none = ProductList::new();
        assert_eq!(faults("sms", "dlr", Some("254"), &none)[0].0, "productUniqueId");
        assert!(faults("watsapp", "dlr", None, &none)[0].1.contains("whatsapp"));
        assert!(faults("whatsapp", "delivery", None, &none)[0].1.contains("dlr"));
    }
}

//! Bodies of the owner's own making: which are refused when the endpoint is saved, and that no value changes what a
//! receiver takes apart. Documents of XML are read back by a parser of another's making.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod kit;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::kit::recipe;

fn said(kind: &str, body: &str) -> Value {
    json!({ "template": { "contentType": kind, "body": body } })
}

/// What is said against this body, if anything.
fn fault(kind: &str, body: &str) -> Option<String> {
    recipe(&said(kind, body)).err().map(|error| {
        assert_eq!(error.field, "template.body");
        error.message
    })
}

fn rendered(kind: &str, body: &str, id: &str) -> String {
    let payload = json!({ "message": { "id": id } }).to_string();
    let request = kit::request(&said(kind, body), "sms.dlr", &payload).unwrap();
    String::from_utf8(request.body.to_vec()).unwrap()
}

const V: &str = "{{message.id}}";

#[test]
fn a_template_of_xml_that_is_not_well_formed_is_refused_with_the_place() {
    for (body, place, word) in [
        ("", "Line 1, column 1", "no element"),
        ("<a>", "Line 1, column 4", "`<a>` is not closed"),
        ("<a>\n <b></a>", "Line 2, column 5", "close that first"),
        ("<a></a></b>", "Line 1, column 8", "No `<b>`"),
        ("<a/><b/>", "Line 1, column 5", "one root"),
        ("<a/> x", "Line 1, column 6", "within the root"),
        ("<a>é&nbsp;</a>", "Line 1, column 5", "&amp;"),
        ("<a>&#0;</a>", "Line 1, column 4", "&amp;"),
        ("<a>1 < 2</a>", "Line 1, column 7", "&lt;"),
        ("<a>]]></a>", "Line 1, column 6", "&gt;"),
        ("<a b='1' b='2'/>", "Line 1, column 10", "twice"),
        ("<a b='1'c='2'/>", "Line 1, column 9", "space"),
        ("<a b='<'/>", "Line 1, column 7", "&lt;"),
        ("<a b/>", "Line 1, column 5", "`=`"),
        ("<a b=1/>", "Line 1, column 6", "quotes"),
        ("<a b='1/>", "Line 1, column 10", "no end"),
        ("<1a/>", "Line 1, column 2", "not the name"),
        ("<p:a/>", "Line 1, column 1", "`xmlns:p`"),
        ("<a p:b='1'/>", "Line 1, column 1", "`xmlns:p`"),
        ("<a><!-- -- --></a>", "Line 1, column 4", "`--`"),
        ("<a><!-- </a>", "Line 1, column 8", "not closed"),
        ("<a>\u{1}</a>", "Line 1, column 4", "no such character"),
        (" <?xml version='1.0'?><a/>", "Line 1, column 2", "other than `xml`"),
        ("<?xml encoding='UTF-8'?><a/>", "Line 1, column 1", "begins with"),
        ("<?xml version='1.0' encoding='latin1'?><a/>", "Line 1, column 1", "UTF-8"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "Line 1, column 1", "declares nothing"),
        ("<!DOCTYPE><a/>", "Line 1, column 1", "declares nothing"),
        ("<!DOCTYPEa><a/>", "Line 1, column 1", "declares nothing"),
        ("<!DOCTYPE a \"x\"><a/>", "Line 1, column 1", "declares nothing"),
        ("<!DOCTYPE a SYSTEM x><a/>", "Line 1, column 1", "declares nothing"),
        ("<!DOCTYPE a PUBLIC 'x'><a/>", "Line 1, column 1", "declares nothing"),
        ("<!DOCTYPE a PUBLIC '\"' 'y'><a/>", "Line 1, column 1", "declares nothing"),
        ("<!DOCTYPE a><!DOCTYPE a><a/>", "Line 1, column 13", "once"),
        ("<?xml version='1.0' standalone='maybe'?><a/>", "Line 1, column 1", "begins with"),
        ("<?xml version='1.0' standalone='no' encoding='UTF-8'?><a/>", "Line 1, column 1", "begins with"),
        ("<?xml version='&amp;'?><a/>", "Line 1, column 1", "begins with"),
        ("<?xml version='2'?><a/>", "Line 1, column 1", "begins with"),
        ("<a xmlns:p=''/>", "Line 1, column 1", "namespace"),
        ("<a xmlns:xml='x'/>", "Line 1, column 1", "namespace"),
        ("<a xmlns:xmlns='x'/>", "Line 1, column 1", "namespace"),
        ("<a xmlns:p='http://www.w3.org/2000/xmlns/'/>", "Line 1, column 1", "namespace"),
        ("<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "Line 1, column 1", "namespace"),
        ("<a xmlns:p='u&amp;' xmlns:q='u&#38;' p:b='1' q:b='2'/>", "Line 1, column 1", "twice"),
        ("<a><!-- \u{1} --></a>", "Line 1, column 4", "no such character"),
    ] {
        for kind in ["application/xml", "text/xml; charset=utf-8", "application/soap+xml"] {
            let said = fault(kind, body).unwrap_or_else(|| panic!("{body} is taken"));
            assert!(said.starts_with(place) && said.contains(word), "{body}: {said}");
        }
        // What it does not look at.
        let is_ours = ["latin1", "DOCTYPE", "<?xml", "xmlns", "\u{1} -->"].iter().any(|word| body.contains(word));
        assert!(roxmltree::Document::parse(body).is_err() || is_ours, "{body}");
    }
    for body in [
        "<!DOCTYPE cXML SYSTEM \"http://xml.cxml.org/a>b.dtd\"><cXML/>",
        "<?xml version=\"1.0\" encoding='utf-8' standalone=\"yes\" ?>\n<!DOCTYPE p:a PUBLIC '-//X//EN' \"a.dtd\" ><a/>",
        "<!DOCTYPE a><a xml:lang='en' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<p:a xmlns:p='u' xmlns:q='v' p:b='1' q:b='2' b='3'><p:a xmlns:p='w' p:b='1'/><b xmlns=''/></p:a>",
    ] {
        assert_eq!(fault("application/xml", body), None);
        let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
        assert!(roxmltree::Document::parse_with_options(body, options).is_ok(), "{body}");
    }
}

#[test]
fn a_value_completes_no_escape_of_json() {
    for body in [
        r#"{"a":"\u111{{message.id}}"}"#,
        r#"{"a":"\u{{message.id}}"}"#,
        r#"{"a":"\{{message.id}}"}"#,
        r#"{"a":"\u00{{message.id}}0"}"#,
    ] {
        let said = fault("application/json", body).unwrap_or_else(|| panic!("{body} is taken"));
        assert!(said.starts_with("Line 1, "), "{body}: {said}");
    }
    let body = r#"{"a":"\u0041{{message.id}}","b":"\\u{{message.id}}"}"#;
    let sent = rendered("application/json", body, "g\"");
    assert_eq!(serde_json::from_str::<Value>(&sent).unwrap(), json!({ "a": "Ag\"", "b": "\\ug\"" }));
}

#[test]
fn a_value_stands_in_the_text_of_an_element_or_in_a_quoted_attribute_and_nowhere_else() {
    for (body, word) in [
        (format!("<{V}/>"), "name of an element"),
        (format!("<a{V}/>"), "name of an element"),
        (format!("<a></a{V}>"), "name of an element"),
        (format!("<a {V}='1'/>"), "name of an attribute"),
        (format!("<a b={V}/>"), "quotes"),
        (format!("<a><!-- {V} --></a>"), "a comment"),
        (format!("<a><![CDATA[{V}]]></a>"), "a CDATA section"),
        (format!("<?x {V}?><a/>"), "a processing instruction"),
        (format!("<!DOCTYPE {V}><a/>"), "a document type"),
        (format!("<a/>{V}"), "within the root"),
        (format!("{V}<a/>"), "within the root"),
        (format!("<a xmlns='{V}'/>"), "namespace"),
        (format!("<a>&{V};</a>"), "&amp;"),
        (format!("<a>]]{V}></a>"), "&gt;"),
        (format!("<?xml version='{V}'?><a/>"), "begins with"),
    ] {
        let said = fault("application/xml", &body).unwrap_or_else(|| panic!("{body} is taken"));
        assert!(said.starts_with("Line 1, column ") && said.contains(word), "{body}: {said}");
    }
    for (body, word) in [
        (format!("<{V}>"), "name of an element"),
        (format!("<a{V}>"), "name of an element"),
        (format!("<p>1 <{V}"), "&lt;"),
        (format!("</{V}>"), "closes"),
        (format!("<a {V}>"), "name of an attribute"),
        (format!("<a b={V}>"), "quotes around"),
        (format!("<a b=c{V}>"), "quotes around"),
        (format!("<a onclick=\"f('{V}')\">"), "read as code"),
        (format!("<a href=\"javascript:f('{V}')\">"), "read as code"),
        (format!("<a href=' Java&#115cript&colon;f({V})'>"), "read as code"),
        (format!("<a href=\"java\nscript:{V}\">"), "read as code"),
        (format!("<p style=\"{V}\">"), "read as code"),
        (format!("<a href=\"java{V}\">"), "read as code"),
        (format!("<a href=' J&#97;{V}'>"), "read as code"),
        (format!("<form action=\"vbscript{V}\">"), "read as code"),
        (format!("<script>var a=\"</scriptx>{V}\";</script>"), "`<script>`"),
        (format!("<script><!--<script>\"</script>{V}\"--></script>"), "`<script>`"),
        (format!("<script><!-- <SCRIPT/ </Script >{V}</script>"), "`<script>`"),
        (format!("<textarea></textareas><b x={V}></textarea><b x={V}>"), "quotes around"),
        (format!("<script>{V}</script>"), "`<script>`"),
        (format!("<STYLE>{V}</style>"), "`<style>`"),
        (format!("<!-- {V} -->"), "a comment"),
        (format!("<!--> --!><!-- {V} --!>"), "a comment"),
        (format!("<!doctype {V}>"), "declares"),
        (format!("<title><b x='</title><b x={V}>"), "quotes around"),
    ] {
        let said = fault("text/html", &body).unwrap_or_else(|| panic!("{body} is taken"));
        assert!(said.contains(word), "{body}: {said}");
    }
}

#[test]
fn a_value_of_html_is_escaped_and_what_browsers_mend_is_let_through() {
    let body = format!("<!doctype html><title>{V}</title><p a='{V}' b>1 < 2 & {V}<br><script>if (a<b) {{}}</script>");
    let safe = "&lt;b&gt;&quot;&#39;&amp;";
    let sent = rendered("text/html; charset=utf-8", &body, "<b>\"'&");
    assert_eq!(sent, body.replace(V, safe));
    for body in [
        format!("<a href='{V}' title='java{V}'>"),
        format!("<a href=\"https://h.example/{V}\" data-x=j>"),
        format!("<script><!-- f() //--></script>{V}"),
        format!("<script><!--><script></script>{V}"),
        format!("<script><!--<scripts></script>{V}"),
        format!("<script><!--<script></script>--></script>{V}"),
    ] {
        assert_eq!(fault("text/html", &body), None, "{body}");
    }
}

#[test]
fn a_value_of_csv_is_a_field_and_no_formula() {
    let fields = |text: &str| rendered("text/csv", "n,{{message.id}},\"a {{message.id}}\"\r\n", text);
    assert_eq!(fields("x"), "n,\"x\",\"a x\"\r\n");
    assert_eq!(fields("a\",\"b\r\n"), "n,\"a\"\",\"\"b\r\n\",\"a a\"\",\"\"b\r\n\"\r\n");
    for text in ["=1+1", "+254", "-7", "@x", "\tx", "\rx"] {
        assert_eq!(fields(text), format!("n,\"'{text}\",\"a {text}\"\r\n"), "{text}");
        assert_eq!(rendered("text/csv", "\"{{message.id}}\"", text), format!("\"'{text}\""));
    }
    assert_eq!(rendered("text/csv", "a;{{message.id}};b", ";"), "a;\";\";b");
    for (body, place) in [
        (format!("a{V}"), "column 2"),
        (format!("{V}{V}"), "column 15"),
        (format!("a,b;{V},c"), "column 5"),
        ("a,\"b".to_owned(), "column 3"),
        (format!("\"a\"{V}"), "column 4"),
    ] {
        let said = fault("text/csv", &body).unwrap_or_else(|| panic!("{body} is taken"));
        assert!(said.starts_with("Line 1, ") && said.contains(place), "{body}: {said}");
    }
}

#[test]
fn a_template_of_json_is_json_whatever_the_value_is() {
    for body in [r#"{"a":1{{message.id}}}"#, r#"{"a":{{message.id}}{{message.id}}}"#, r#"{"a":-{{message.id}}}"#] {
        assert!(fault("application/json", body).unwrap().contains("no JSON"), "{body}");
    }
    assert_eq!(fault("application/json", r#"{"a":{{message.id}},"b":["x{{message.id}}\":","{{message.id}}"]}"#), None);
}

#[test]
fn a_value_is_no_name_of_a_member_of_json() {
    for body in [r#"{"{{message.id}}":1}"#, "{\"status\":\"x\",\n\"a{{message.id}}b\" \n : 1}"] {
        let said = fault("application/json", body).unwrap();
        assert!(said.contains("name of a member") && said.starts_with("Line "), "{body}: {said}");
    }
}

#[test]
fn a_body_of_plain_text_has_its_values_as_they_are() {
    assert_eq!(rendered("text/plain; charset=UTF-8", "<a>{{message.id}}", "<b>&"), "<a><b>&");
}

#[test]
fn a_body_whose_syntax_a_value_could_break_out_of_is_refused_and_one_without_values_is_sent() {
    for kind in [
        "multipart/form-data; boundary=b",
        "multipart/mixed; boundary=b",
        "application/yaml",
        "application/graphql",
        "text/javascript",
        "text/markdown",
        "application/octet-stream",
    ] {
        let error = recipe(&said(kind, &format!("--b\r\n\r\n{V}\r\n--b--"))).unwrap_err();
        assert_eq!(error.field, "template.contentType", "{kind}");
        assert!(error.message.contains("`text/plain`") && error.message.contains("ndjson"), "{}", error.message);
        assert_eq!(rendered(kind, "a: 1", "x"), "a: 1", "{kind}");
    }
}

#[test]
fn a_value_adds_no_line_to_lines_of_json() {
    for kind in ["application/x-ndjson", "application/jsonl; charset=utf-8", "application/vnd.x+json-seq"] {
        let body = "{\"a\":{{payload.v}}}\n{\"b\":\"{{payload.v}}\"}\n";
        for v in [json!("1}\n{\"admin\":true"), json!([1, {"a": "\n"}]), json!(null), json!(7), json!("\u{1e}")] {
            // A producer may write its JSON over many lines.
            let payload = serde_json::to_string_pretty(&json!({ "v": v })).unwrap();
            let sent = kit::request(&said(kind, body), "order.paid", &payload).unwrap().body;
            let lines: Vec<Value> = sent
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).unwrap())
                .collect();
            assert_eq!((lines.len(), &lines[0]["a"]), (2, &v), "{kind}");
            assert!(lines[1]["b"].is_string() && lines[1].as_object().unwrap().len() == 1);
        }
        assert!(fault(kind, "{\"a\":\n{{message.id}}}").unwrap().contains("line 1 is no JSON"));
    }
    assert_eq!(rendered("application/json-seq", "\u{1e}{\"a\":{{message.id}}}\n", "x"), "\u{1e}{\"a\":\"x\"}\n");
}

#[test]
fn a_charset_that_the_body_does_not_have_is_refused() {
    for kind in ["application/json; charset=utf-16", "text/plain;charset=\"iso-8859-1\"", "text/xml; Charset=latin1"] {
        let error = recipe(&said(kind, "<a/>")).unwrap_err();
        assert!(error.field == "template.contentType" && error.message.contains("UTF-8"), "{kind}: {error}");
    }
}

#[test]
fn a_value_of_the_payload_that_stands_alone_in_json_is_what_it_was() {
    let body = r#"{"n":{{payload.n}},"b":{{payload.b}},"o":{{payload.o}},"z":{{payload.z}},"s":{{payload.s}},"all":{{payload}},"in":"{{payload.n}} {{payload.z}}{{payload.b}}","no":{{payload.no}}}"#;
    let payload = r#"{"n":1.50,"b":true,"o":{"a": [1]},"z":null,"s":"x\"y"}"#;
    let sent = kit::request(&said("application/json", body), "order.paid", payload).unwrap().body;
    let wanted = r#"{"n":1.50,"b":true,"o":{"a": [1]},"z":null,"s":"x\"y","all":ALL,"in":"1.50 true","no":""}"#;
    assert_eq!(String::from_utf8(sent.to_vec()).unwrap(), wanted.replace("ALL", payload));
}

/// What a parser makes of a document: its elements and attributes with their texts, in order.
fn parts(document: &str) -> Vec<(String, String)> {
    let document = roxmltree::Document::parse(document).unwrap_or_else(|error| panic!("{document}: {error}"));
    let mut parts = Vec::new();
    for node in document.descendants() {
        if node.is_element() {
            parts.push((node.tag_name().name().to_owned(), String::new()));
            parts.extend(node.attributes().map(|one| (one.name().to_owned(), one.value().to_owned())));
        } else if let Some(text) = node.text().filter(|_| node.is_text()) {
            parts.push(("text".to_owned(), text.to_owned()));
        }
    }
    parts
}

/// A text as XML 1.0 can carry it.
fn carried(text: &str) -> String {
    let is_char =
        |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|letter| if is_char(&letter) { letter } else { '\u{fffd}' }).collect()
}

/// Pieces of which documents are made, most of which are none.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "<a>",
        "</a>",
        "<a",
        "/>",
        ">",
        "<b c='",
        "' d=\"",
        "\"",
        "'",
        "<",
        "&amp;",
        "&",
        "]]",
        "]]>",
        "<!--",
        "-->",
        "--",
        "<![CDATA[",
        "<?x",
        "?>",
        " ",
        "=",
        "x",
        "{",
        "}",
        V,
        "&#65;",
        "xmlns:p='u'",
        "xmlns:q='u'",
        "xmlns='u'",
        "q:c='1'",
        "p:c='2'",
        "p:",
        "\n",
    ]);
    prop::collection::vec(pieces, 1..9).prop_map(|pieces| format!("<a>{}</a>", pieces.concat()))
}

const HOSTILE: &str = "\\PC{1,20}|[&=<>\"'#;/!\\[\\]? \r\n\t\u{0}\u{fffe}a-]{1,12}|]]>|-->|</a>|<b/>";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_template_of_xml_is_taken_only_if_a_parser_takes_it_with_any_value(body in soup(), id in HOSTILE) {
        if fault("application/xml", &body).is_none() {
            let with = |text: &str| parts(&rendered("application/xml", &body, text));
            let names = |parts: &[(String, String)]| {
                parts.iter().map(|part| part.0.clone()).filter(|name| name != "text").collect::<Vec<_>>()
            };
            prop_assert_eq!(names(&with(&id)), names(&with("x")), "{}", body);
            let nothing = rendered("application/xml", &body, "");
            prop_assert!(roxmltree::Document::parse(&nothing).is_ok(), "{}", nothing);
        } else if !body.contains("{{") && !body.contains("<?") {
            prop_assert!(roxmltree::Document::parse(&body).is_err(), "{} is refused", body);
        }
    }
}

proptest! {
    #[test]
    fn a_value_reads_back_from_xml_as_it_was(id in HOSTILE) {
        let document = rendered("text/xml", "<a b='{{message.id}}' c=\"{{message.id}}\">{{message.id}}</a>", &id);
        let same = carried(&id);
        let expected = [("a", ""), ("b", &same), ("c", &same), ("text", &same)];
        let expected: Vec<_> = expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        prop_assert_eq!(parts(&document), expected);
    }

    #[test]
    fn a_value_reads_back_from_csv_as_one_field(id in HOSTILE) {
        let line = rendered("text/csv", "a,{{message.id}},b", &id);
        let field = line.strip_prefix("a,\"").unwrap().strip_suffix("\",b").unwrap();
        prop_assert!(!field.replace("\"\"", "").contains('"'), "{}", line);
        let read = field.replace("\"\"", "\"");
        prop_assert_eq!(read.strip_prefix('\'').filter(|_| !id.starts_with('\'')).unwrap_or(&read), &id);
    }

    #[test]
    fn no_value_adds_anything_to_html(id in HOSTILE) {
        let body = "<p a='{{message.id}}'>{{message.id}}";
        let sent = rendered("text/html", body, &id);
        let count = |text: &str, letter| text.matches(letter).count();
        for letter in ['<', '>', '\'', '"'] {
            prop_assert_eq!(count(&sent, letter), count(body, letter), "{}", sent);
        }
    }
}

#[test]
fn names_that_xml_cannot_have_are_mended_and_never_fall_together() {
    let xml = |payload: &str| {
        let custom = serde_json::json!({ "team_x": "blue" });
        let said = serde_json::json!({ "sendMethod": "xml", "customParameters": custom });
        let sent = kit::request(&said, "order.created", payload).unwrap();
        let body = String::from_utf8(sent.body.to_vec()).unwrap();
        body.split_once("<webhook>").unwrap().1.trim_end_matches("</webhook>").to_owned()
    };
    let team = "<team_x>blue</team_x>";
    assert_eq!(xml(r#"{"a b":1,"a_b":2,"a?b":3}"#), format!("<a_b_2>1</a_b_2><a_b>2</a_b><a_b_3>3</a_b_3>{team}"));
    assert_eq!(xml(r#"{"team x":1}"#), format!("<team_x_2>1</team_x_2>{team}"));
    assert_eq!(xml(r#"{"a b":[1,2]}"#), format!("<a_b>1</a_b><a_b>2</a_b>{team}"), "a list stays one");
    assert_eq!(xml(r#"{"o":{"a b":1,"a_b":2}}"#), format!("<o><a_b_2>1</a_b_2><a_b>2</a_b></o>{team}"));
}

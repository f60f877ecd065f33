//! Why a message failed, in words of our own: the codes of several schemes as data. `docs/reporting.md` publishes them.

use super::{Report, Status, Text};

/// Why a message failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureReason {
    /// The word for it.
    pub name: &'static str,
    /// Whether trying again is pointless.
    pub permanent: bool,
}

/// A reason, whether it is permanent, and the codes that stand for it by their scheme. An `x` in a code is any digit.
type Row = (&'static str, bool, &'static [(&'static str, &'static [&'static str])]);

/// The reason of what did not fail.
const NONE: &str = "none";
/// The reason of a message whose time ended, which has no code.
const EXPIRED: &str = "expired";
/// The reason where nothing is known of the code, or there is none.
const UNKNOWN: &str = "unknown";

// `gsm`: errors of MAP (3GPP TS 29.002) and failure causes of TP (TS 23.040, 9.2.3.22), as gateways put them into `err` of a
// receipt. `smpp`: command_status (SMPP 3.4, 5.1.3). `vonage`: err-code of its delivery receipts. `whatsapp`: error
// codes of the Cloud API. `msg91`: status of its report. `exotel`: Status of its callback. `africastalking`: failureReason.
const TABLE: &[Row] = &[
    (NONE, false, &[("gsm", &["0"]), ("vonage", &["0"])]),
    ("unknown_subscriber", true, &[("gsm", &["1", "5"]), ("vonage", &["3"]), ("whatsapp", &["131026"])]),
    ("absent_subscriber", false, &[("gsm", &["6", "27"]), ("vonage", &["2"]), ("whatsapp", &["131026"])]),
    ("handset_busy", false, &[("gsm", &["31", "32", "33", "208", "211"]), ("vonage", &["7"])]),
    ("call_barred", true, &[("gsm", &["9", "13"]), ("vonage", &["4"])]),
    ("service_unsupported", true, &[("gsm", &["10", "11", "21"]), ("vonage", &["10"]), ("whatsapp", &["131051"])]),
    (
        "network_error",
        false,
        &[("gsm", &["34", "35", "36"]), ("vonage", &["5", "8"]), ("whatsapp", &["131000", "131016"])],
    ),
    ("no_route", false, &[("vonage", &["11", "12"])]),
    ("content_rejected", true, &[("vonage", &["6", "52"]), ("whatsapp", &["131048", "132xxx"])]),
    ("sender_rejected", true, &[("vonage", &["50", "51", "53", "54"]), ("whatsapp", &["131031"])]),
    (
        "opted_out",
        true,
        &[("vonage", &["14"]), ("whatsapp", &["131050"]), ("msg91", &["9"]), ("exotel", &["failed_dnd"])],
    ),
    (
        "insufficient_credit",
        false,
        &[("vonage", &["15", "16"]), ("whatsapp", &["131042"]), ("africastalking", &["InsufficientCredit"])],
    ),
    ("throttled", false, &[("smpp", &["88", "ESME_RTHROTTLED"]), ("whatsapp", &["130429", "131056", "80007"])]),
    ("session_window_closed", false, &[("whatsapp", &["131047"])]),
    ("platform_withheld", false, &[("whatsapp", &["131049", "130472"])]),
    ("invalid_number", true, &[("vonage", &["9"]), ("whatsapp", &["100", "131009"])]),
    (EXPIRED, false, &[]),
    (UNKNOWN, false, &[("gsm", &["99", "255"]), ("vonage", &["1", "99"]), ("whatsapp", &["1", "2"])]),
];

/// The reason that a code stands for; the schemes are those of the table. Of two reasons, the one that may pass.
#[must_use]
pub fn failure_reason(scheme: &str, code: &str) -> Option<FailureReason> {
    let rows = TABLE.iter().filter(|row| {
        let codes = row.2.iter().filter(|(known, _)| *known == scheme).flat_map(|(_, codes)| *codes);
        codes.into_iter().any(|pattern| is_code(pattern, code))
    });
    rows.map(reason).min_by_key(|reason| reason.permanent)
}

/// The reason of a report's outcome; nothing before that is known. Whose code it is follows from the product where the
/// report does not say.
pub(super) fn of_report(report: &Report<'_>) -> Option<FailureReason> {
    let status = report.status().filter(|status| status.is_final())?;
    let named = |name: &str| TABLE.iter().find(|row| row.0 == name).map(reason);
    if matches!(status, Status::Delivered | Status::Read | Status::Played) {
        return named(NONE);
    }
    let error = report.message.as_ref()?.error.as_ref();
    let usual =
        if report.product.as_ref().is_some_and(|text| text.as_str() == "whatsapp") { "whatsapp" } else { "gsm" };
    let scheme = error.and_then(|error| error.scheme.as_ref()).map_or(usual, Text::as_str);
    let code = error.and_then(|error| error.code.as_ref());
    // `000` on what failed says nothing.
    let known = code.and_then(|code| failure_reason(scheme, code.as_str())).filter(|reason| reason.name != NONE);
    known.or_else(|| named(if status == Status::Expired { EXPIRED } else { UNKNOWN }))
}

const fn reason(row: &Row) -> FailureReason {
    FailureReason { name: row.0, permanent: row.1 }
}

/// Whether a code is the one of the table, with zeros in front of it or not.
fn is_code(pattern: &str, code: &str) -> bool {
    let digits = code.bytes().all(|byte| byte.is_ascii_digit());
    let code = match code.trim_start_matches('0') {
        "" if !code.is_empty() => "0",
        short if digits => short,
        _ => code,
    };
    let is_same = |(pattern, letter): (u8, u8)| match pattern {
        b'x' if digits => true,
        _ => pattern.eq_ignore_ascii_case(&letter),
    };
    pattern.len() == code.len() && pattern.bytes().zip(code.bytes()).all(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_by_their_scheme_and_one_alone_stands_twice() {
        let name = |scheme, code| failure_reason(scheme, code).map(|reason| reason.name);
        assert_eq!(name("gsm", "027"), Some("absent_subscriber"));
        assert_eq!(name("gsm", "000"), Some("none"));
        assert!(failure_reason("whatsapp", "131050").unwrap().permanent);
        for (scheme, code) in
            [("gsm", "131050"), ("gsm", ""), ("whatsapp", "13200"), ("whatsapp", "132abc"), ("x", "1")]
        {
            assert_eq!(name(scheme, code), None, "{scheme} {code}");
        }
        for (scheme, code, reason) in [
            ("whatsapp", "131026", "absent_subscriber"),
            ("whatsapp", "132068", "content_rejected"),
            ("msg91", "9", "opted_out"),
            ("exotel", "failed_dnd", "opted_out"),
            ("africastalking", "InsufficientCredit", "insufficient_credit"),
            ("smpp", "ESME_RTHROTTLED", "throttled"),
            ("smpp", "88", "throttled"),
        ] {
            assert_eq!(name(scheme, code), Some(reason), "{scheme} {code}");
        }
        let all =
            TABLE.iter().flat_map(|row| row.2).flat_map(|(scheme, codes)| codes.iter().map(move |code| (scheme, code)));
        let mut seen = std::collections::HashSet::new();
        let twice: Vec<_> = all.filter(|code| !seen.insert(*code)).collect();
        assert_eq!(twice, [(&"whatsapp", &"131026")]);
    }

    #[test]
    fn the_reason_of_a_report_is_known_when_its_state_is_final() {
        for (payload, reason) in [
            (r#"{"message":{"status":"sent","error":{"code":"027"}}}"#, None),
            (r#"{"message":{"status":"delivered"}}"#, Some(("none", false))),
            (r#"{"message":{"status":"undelivered","error":{"code":"027"}}}"#, Some(("absent_subscriber", false))),
            (
                r#"{"message":{"status":"undelivered","error":{"code":3,"scheme":"vonage"}}}"#,
                Some(("unknown_subscriber", true)),
            ),
            (
                r#"{"product":"whatsapp","message":{"status":"undelivered","error":{"code":131050}}}"#,
                Some(("opted_out", true)),
            ),
            (r#"{"message":{"status":"rejected","error":{"code":"000"}}}"#, Some(("unknown", false))),
            (r#"{"message":{"status":"expired"}}"#, Some(("expired", false))),
        ] {
            let found = of_report(&Report::parse(payload.as_bytes()).unwrap());
            assert_eq!(found.map(|found| (found.name, found.permanent)), reason, "{payload}");
        }
    }

    #[test]
    fn the_table_is_the_one_of_the_document() {
        let document = include_str!("../../../../docs/reporting.md");
        for (name, permanent, schemes) in TABLE {
            let codes = schemes.iter().map(|(scheme, codes)| format!("`{scheme}` {}", codes.join(", ")));
            let line = [
                format!("| `{name}` | {} |", if *permanent { "yes" } else { "no" }),
                codes.collect::<Vec<_>>().join("; "),
            ];
            let line = format!("\n{} |\n", line.join(" ").trim_end());
            assert!(document.contains(&line), "docs/reporting.md lacks the line {line}");
        }
        let lines = document.split_once("| reason | permanent | codes |").unwrap().1.lines().skip(2);
        assert_eq!(lines.take_while(|line| line.starts_with('|')).count(), TABLE.len());
    }
}

//! Why a message failed, in words of our own: the codes of several schemes as data.

/// Why a message failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureReason {
    /// The word for it.
    pub name: &'static str,
    /// Whether trying again is pointless.
    pub permanent: bool,
}

/// Rows of the table: reason, permanent, codes of GSM MAP/TP, of Vonage, of the WhatsApp Cloud API.
type Row = (&'static str, bool, &'static [u32], &'static [u32], &'static [u32]);

const TABLE: &[Row] = &[
    ("none", false, &[0], &[0], &[]),
    ("unknown_subscriber", true, &[1, 5], &[3], &[131_026]),
    ("absent_subscriber", false, &[6, 27], &[2], &[]),
    ("handset_busy", false, &[31, 32, 33, 208, 211], &[7], &[]),
    ("call_barred", true, &[9, 13], &[4], &[]),
    ("service_unsupported", true, &[10, 11, 21], &[10], &[131_051]),
    ("network_error", false, &[34, 35, 36], &[8, 5], &[131_000, 131_016]),
    ("no_route", false, &[], &[11, 12], &[]),
    (
        "content_rejected",
        true,
        &[],
        &[6, 52],
        &[131_048, 132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016],
    ),
    ("sender_rejected", true, &[], &[50, 51, 53, 54], &[131_031]),
    ("opted_out", true, &[], &[14], &[131_050]),
    ("insufficient_credit", false, &[], &[15, 16], &[131_042]),
    ("throttled", false, &[], &[], &[130_429, 131_056, 80_007]),
    ("session_window_closed", false, &[], &[], &[131_047]),
    ("platform_withheld", false, &[], &[], &[131_049, 130_472]),
    ("invalid_number", true, &[], &[9], &[100, 131_009]),
    ("unknown", false, &[99, 255], &[1, 99], &[1, 2]),
];

/// The reason that a code stands for; the scheme is `gsm`, `vonage` or `whatsapp`.
#[must_use]
pub fn failure_reason(scheme: &str, code: &str) -> Option<FailureReason> {
    let code: u32 = code.parse().ok()?;
    let found = TABLE.iter().find(|row| {
        let codes = match scheme {
            "gsm" => row.2,
            "vonage" => row.3,
            "whatsapp" => row.4,
            _ => &[],
        };
        codes.contains(&code)
    });
    found.map(|row| FailureReason { name: row.0, permanent: row.1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_by_their_scheme_and_none_stands_twice() {
        assert_eq!(failure_reason("gsm", "027").unwrap().name, "absent_subscriber");
        assert!(failure_reason("whatsapp", "131050").unwrap().permanent);
        assert_eq!(failure_reason("gsm", "131050"), None);
        for column in [|row: &Row| row.2, |row: &Row| row.3, |row: &Row| row.4] {
            let mut codes: Vec<u32> = TABLE.iter().flat_map(column).copied().collect();
            let all = codes.len();
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), all);
        }
    }
}

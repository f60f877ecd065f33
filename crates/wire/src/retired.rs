//! The secret that an endpoint showed before it was changed: tried once more, within its grace, when the new one is
//! rejected.

use http::{HeaderMap, HeaderName, HeaderValue};
use ringback_model::Timestamp;

/// A header that takes the place of another one.
#[derive(Debug)]
pub(crate) struct Retired {
    /// The name of the header that the present secret is shown in.
    pub(crate) in_place_of: Option<HeaderName>,
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
    pub(crate) expires_at: Timestamp,
}

impl Retired {
    /// Shows the old secret in place of the present one; `false` once its grace has ended at `wall`.
    pub(crate) fn show(&self, headers: &mut HeaderMap, wall: Timestamp) -> bool {
        if wall >= self.expires_at {
            return false;
        }
        if let Some(name) = &self.in_place_of {
            headers.remove(name);
        }
        headers.insert(self.name.clone(), self.value.clone());
        true
    }
}

//! How the signatures of a request were made, for whoever checks one and finds that it differs.

/// One signature of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// How it is made: `HMAC-SHA256`.
    pub algorithm: String,
    /// The digest, as tools call it, where it is an HMAC.
    pub digest: Option<&'static str>,
    /// What it is signed with.
    pub key: SignedWith,
    /// How the signed text is put together: `{timestamp}|{body}`.
    pub pattern: String,
    /// The signed text, byte for byte; where the secret is part of it, asterisks stand for that.
    pub content: Vec<u8>,
    /// The secret is part of the signed text.
    pub has_secret: bool,
    /// How its bytes are written.
    pub written: Written,
    /// The headers that carry it, or what it was made of.
    pub headers: Vec<&'static str>,
}

/// What a signature is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignedWith {
    /// The signing secret of the endpoint: base64 behind `whsec_`, or an ed25519 key.
    SigningSecret,
    /// The secret of the provider, in words, and whether it is the base64 of the key.
    ProviderSecret {
        /// What it is: `the auth token of the account`.
        what: &'static str,
        /// It is the base64 of the key, and not the key itself.
        is_base64: bool,
    },
}

/// How the bytes of a signature are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As base64.
    Base64,
    /// As base64 without padding and with `-_`: the last part of a token.
    Base64Url,
    /// As lower-case hexadecimal digits.
    Hex,
}

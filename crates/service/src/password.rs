//! Passwords: Argon2id, a few at a time, and as slow for whoever is not known as for whoever is.

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ringback_model::{PasswordHash, Random, Redacted};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use crate::ServiceError;
use crate::check::Faults;

/// Memory, passes and lanes of a new hash: the second choice of RFC 9106 scaled to what OWASP asks for.
const MEMORY_KIB: u32 = 19 * 1_024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT: usize = 16;
const HASH: usize = 32;
/// Hashes that are computed at a time: each holds its memory and a core.
const AT_ONCE: usize = 2;
/// How long a password may be, in characters and in bytes.
const CHARACTERS_MIN: usize = 12;
const BYTES_MAX: usize = 256;

/// Computes hashes of passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    turns: Semaphore,
}

impl Passwords {
    pub(crate) fn new() -> Self {
        Self { turns: Semaphore::new(AT_ONCE) }
    }

    /// A password as it is kept.
    pub(crate) async fn hash(&self, password: &Redacted, random: &dyn Random) -> Result<PasswordHash, ServiceError> {
        let mut salt = [0; SALT];
        random.fill(&mut salt);
        let hash = self.compute(password.clone(), salt.to_vec(), (MEMORY_KIB, PASSES, LANES)).await?;
        Ok(PasswordHash {
            memory: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
            salt: BASE64.encode(salt),
            hash: Redacted::new(BASE64.encode(hash)),
        })
    }

    /// Whether a password is the one that was kept. Where none was, the same work is done for nothing, so that the time
    /// that it takes does not tell.
    pub(crate) async fn verify(&self, password: &Redacted, kept: Option<&PasswordHash>) -> Result<bool, ServiceError> {
        if password.reveal().len() > BYTES_MAX {
            return Ok(false);
        }
        let work = kept.map_or((MEMORY_KIB, PASSES, LANES), |kept| (kept.memory, kept.passes, kept.lanes));
        let decode = |text: &str| BASE64.decode(text).map_err(|error| ServiceError::Internal(Box::new(error)));
        let salt = kept.map(|kept| decode(&kept.salt)).transpose()?.unwrap_or_else(|| vec![0; SALT]);
        let hash = self.compute(password.clone(), salt, work).await?;
        let expected = kept.map(|kept| decode(kept.hash.reveal())).transpose()?;
        Ok(expected.is_some_and(|expected| bool::from(hash.as_slice().ct_eq(&expected))))
    }

    async fn compute(
        &self,
        password: Redacted,
        salt: Vec<u8>,
        (memory, passes, lanes): (u32, u32, u32),
    ) -> Result<[u8; HASH], ServiceError> {
        // The semaphore is never closed.
        let Ok(_turn) = self.turns.acquire().await else { return Err(ServiceError::contended()) };
        let work = move || {
            let params = Params::new(memory, passes, lanes, Some(HASH))?;
            let mut hash = [0; HASH];
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
                password.reveal().as_bytes(),
                &salt,
                &mut hash,
            )?;
            Ok::<_, argon2::Error>(hash)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(hash)) => Ok(hash),
            Ok(Err(error)) => Err(ServiceError::Internal(error.to_string().into())),
            Err(error) => Err(ServiceError::Internal(Box::new(error))),
        }
    }
}

/// Notes what is wrong with a new password.
pub(crate) fn check(password: &Redacted, email: &str, faults: &mut Faults) {
    let text = password.reveal();
    if text.chars().count() < CHARACTERS_MIN {
        faults.note("password", format!("A password has at least {CHARACTERS_MIN} characters."));
    } else if text.len() > BYTES_MAX {
        faults.note("password", format!("A password has at most {BYTES_MAX} bytes."));
    } else if text.eq_ignore_ascii_case(email) || text.chars().all(|c| text.starts_with(c)) {
        faults.note("password", "This password is too easy to guess: take a few words of your own.");
    }
}

#[cfg(test)]
mod tests {
    use ringback_model::SeededRandom;

    use super::*;

    fn secret(text: &str) -> Redacted {
        Redacted::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_alone_and_nobody_against_none() {
        let passwords = Passwords::new();
        let kept = passwords.hash(&secret("correct horse battery"), &SeededRandom::new(1)).await.unwrap();
        assert!(passwords.verify(&secret("correct horse battery"), Some(&kept)).await.unwrap());
        assert!(!passwords.verify(&secret("correct horse battery "), Some(&kept)).await.unwrap());
        assert!(!passwords.verify(&secret("correct horse battery"), None).await.unwrap());
        assert!(!passwords.verify(&secret(&"x".repeat(BYTES_MAX + 1)), Some(&kept)).await.unwrap());
    }

    #[test]
    fn short_and_simple_passwords_are_refused() {
        let faults = |text: &str| {
            let mut faults = Faults::default();
            check(&secret(text), "somebody@example.com", &mut faults);
            faults.finish().is_err()
        };
        assert!(faults("elevenchars") && faults("aaaaaaaaaaaaaaaa") && faults("Somebody@example.com"));
        assert!(faults(&"ab".repeat(200)) && !faults("twelve chars") && !faults("日本語のパスワードです長い"));
    }
}

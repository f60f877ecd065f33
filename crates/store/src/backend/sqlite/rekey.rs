//! Another master key for all sealed secrets, in one commit: before it all are sealed with the old one, after it with the
//! new one, whenever the power fails.

use std::path::Path;

use ringback_model::Random;
use rusqlite::{Connection, TransactionBehavior, params};

use super::connection::{FILE, open_connection};
use super::error::open_error;
use super::lock::Lock;
use super::{document, schema};
use crate::{MasterKey, SealError, StoreError};

/// What a change of the key has found and done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rekeyed {
    /// So many secrets were sealed anew.
    Now(usize),
    /// The new key is the store's key already.
    Before,
}

/// Seals all secrets of the store in a folder with `new` in place of `old`.
///
/// # Errors
/// [`StoreError::Open`]: there is no store, a server works on it, or it is sealed with neither key. Then nothing was
/// changed.
pub fn rekey(folder: &Path, old: &MasterKey, new: &MasterKey, random: &dyn Random) -> Result<Rekeyed, StoreError> {
    let path = folder.join(FILE);
    if !path.is_file() {
        return Err(StoreError::Open(format!("there is no store in {}", folder.display())));
    }
    let _lock = Lock::take(folder)?;
    let mut connection = open_connection(&path)?;
    let failed = |error: rusqlite::Error| open_error("the secrets cannot be sealed anew", &error);
    // What is replaced is overwritten, so that nothing sealed with the old key stays behind in the file.
    connection.pragma_update(None, "secure_delete", true).map_err(failed)?;
    let done = seal_anew(&mut connection, old, new, random)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failed)?;
    Ok(done)
}

fn seal_anew(
    connection: &mut Connection,
    old: &MasterKey,
    new: &MasterKey,
    random: &dyn Random,
) -> Result<Rekeyed, StoreError> {
    let failed = |error: rusqlite::Error| open_error("the secrets cannot be sealed anew", &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if schema::is_master_key(&transaction, new).map_err(failed)? {
        return Ok(Rekeyed::Before);
    }
    if !schema::is_master_key(&transaction, old).map_err(failed)? {
        return Err(StoreError::Open(
            "the secrets in this store were sealed with another master key than the one given: nothing was changed"
                .to_owned(),
        ));
    }
    let sealed = document::secrets(&transaction).map_err(failed)?;
    for secret in &sealed {
        let plain = old.open(&secret.place, &secret.secret).map_err(|error: SealError| {
            StoreError::Open(format!(
                "the secret of document {} does not open: {error}; nothing was changed",
                secret.no
            ))
        })?;
        let anew = new.seal(random, &secret.place, &plain);
        transaction
            .execute("UPDATE document SET secret = ?2 WHERE no = ?1", params![secret.no, anew])
            .map_err(failed)?;
    }
    schema::set_master_key(&transaction, new, random).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(Rekeyed::Now(sealed.len()))
}

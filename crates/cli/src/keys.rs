//! The secret that tokens are signed with, and the folder of the store, where both keys live unless they are given.
//!
//! The secret is given, or in a file of the operator's, or in `jwt.key` in the folder. A file holds it as text; white
//! space at its ends does not count. `jwt.key` is made by whichever of `serve` and `token` comes first, so that a token can
//! be had before the first start and beside a running server. The master key is made by [`ringback_store::MasterKey`],
//! and only for a store that is not there yet: no other key opens what an existing one holds.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ringback_model::{Random, Redacted};
use ringback_store::{MasterKey, SealError};

use crate::config::{Access, JwtSource};

/// Name of the file beside the store.
const FILE: &str = "jwt.key";
/// Name of the store's own file in the folder.
const STORE_FILE: &str = "ringback.db";
/// Random bytes in a secret that is made here: as many as the hash of HS256 has.
const BYTES: usize = 32;
/// A secret shorter than this is less than HS256 asks for (RFC 7518, section 3.2).
const LENGTH_ADVISED: usize = 32;
/// Bits of a file's mode that let others read the secret, or let the group replace it.
const EXPOSED: u32 = 0o027;

/// Why a key or the folder that it lives in cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// A file cannot be read or made.
    #[error("the secret of tokens in {} cannot be read or written", path.display())]
    Io {
        /// The file, or the folder that it should be in.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A store without a folder has no place for keys.
    #[error(
        "a store in PostgreSQL does not keep the secret of tokens: make a file (umask 077; openssl rand -hex 32 > jwt.key) and name it with --jwt-secret-file"
    )]
    NotGiven,
    /// The folder of the store cannot be made.
    #[error("the folder {} cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is nothing in the file.
    #[error("{} is empty: it should hold the secret of tokens", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// There is no store.
    #[error("there is no store in {}", folder.display())]
    NoStore {
        /// The folder.
        folder: PathBuf,
    },
    /// There is a store, and no key to open its secrets with.
    #[error(
        "the master key {} is missing, and the secrets in {} cannot be opened without it: put the file back, or name it \
         with --master-key-file",
        path.display(), store.display()
    )]
    MasterKeyMissing {
        /// Where the key should be.
        path: PathBuf,
        /// The store.
        store: PathBuf,
    },
    /// The master key cannot be read or made.
    #[error(transparent)]
    MasterKey(#[from] SealError),
    /// Others than its owner could read or replace the file.
    #[error("{} is open to others (mode {mode:o}): make it readable by its owner alone, mode 600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// Makes the folder of the store, readable by its owner alone, if it is not there.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn make_folder(folder: &Path) -> Result<(), KeyError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| KeyError::Folder { path: folder.to_owned(), source })
}

/// The secret that tokens are signed with, made if it is that of a store which has none yet.
///
/// # Errors
/// When a file cannot be read or made, or holds no secret.
pub(crate) fn token_secret(access: &Access, random: &dyn Random) -> Result<Redacted, KeyError> {
    let secret = match &access.jwt {
        JwtSource::Given(secret) => secret.clone(),
        JwtSource::File(path) => read(path)?,
        JwtSource::Store => load_or_create(access.store.folder().ok_or(KeyError::NotGiven)?, random)?,
    };
    if secret.reveal().len() < LENGTH_ADVISED {
        tracing::warn!("the secret of tokens is shorter than {LENGTH_ADVISED} bytes, and may be guessed");
    }
    Ok(secret)
}

/// The key that secrets in the store of this folder are sealed with, made if there is no store yet.
///
/// # Errors
/// When there is a store and no key, and when the key cannot be read or made.
pub(crate) fn master_key(folder: &Path, path: &Path, random: &dyn Random) -> Result<MasterKey, KeyError> {
    check_master_key(folder, path)?;
    Ok(MasterKey::load_or_create(path, random)?)
}

/// The key that secrets in the store of this folder are sealed with, never made.
///
/// # Errors
/// When there is no store or no key, or it cannot be read.
pub(crate) fn existing_master_key(folder: &Path, path: &Path) -> Result<MasterKey, KeyError> {
    if !folder.join(STORE_FILE).exists() {
        return Err(KeyError::NoStore { folder: folder.to_owned() });
    }
    check_master_key(folder, path)?;
    Ok(MasterKey::from_file(path)?)
}

fn check_master_key(folder: &Path, path: &Path) -> Result<(), KeyError> {
    let store = folder.join(STORE_FILE);
    // Where it cannot be told, reading the key says why.
    let is_missing = path.try_exists().is_ok_and(|exists| !exists);
    if is_missing && store.exists() {
        return Err(KeyError::MasterKeyMissing { path: path.to_owned(), store });
    }
    Ok(())
}

fn load_or_create(folder: &Path, random: &dyn Random) -> Result<Redacted, KeyError> {
    let path = folder.join(FILE);
    if !path.try_exists().map_err(|source| KeyError::Io { path: path.clone(), source })? {
        make_folder(folder)?;
        create(folder, &path, random).map_err(|source| KeyError::Io { path: path.clone(), source })?;
    }
    let secret = read(&path)?;
    let mode = fs::metadata(&path).map_err(|source| KeyError::Io { path: path.clone(), source })?.permissions().mode();
    if mode & EXPOSED != 0 {
        return Err(KeyError::Exposed { path, mode: mode & 0o777 });
    }
    Ok(secret)
}

/// Makes the file, unless somebody else was faster: then theirs is the secret.
fn create(folder: &Path, path: &Path, random: &dyn Random) -> io::Result<()> {
    let mut bytes = [0; BYTES];
    random.fill(&mut bytes);
    // A temporary file has mode 0600 from the first moment; it gets its name when it is whole, or not at all.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    writeln!(file, "{}", BASE64.encode(bytes))?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => return Err(error.error),
        Ok(_) | Err(_) => {}
    }
    fs::File::open(folder)?.sync_all()
}

fn read(path: &Path) -> Result<Redacted, KeyError> {
    let text = fs::read_to_string(path).map_err(|source| KeyError::Io { path: path.to_owned(), source })?;
    match text.trim() {
        "" => Err(KeyError::Empty { path: path.to_owned() }),
        secret => Ok(Redacted::new(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use ringback_model::SeededRandom;

    use super::*;
    use crate::config::StoreAddress;

    fn access(folder: &Path, jwt: JwtSource) -> Access {
        Access { store: StoreAddress::Folder(folder.to_owned()), jwt }
    }

    #[test]
    fn the_first_to_come_makes_a_key_of_its_owner_alone_and_the_second_reads_it() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("not/yet/there");
        let made = token_secret(&access(&folder, JwtSource::Store), &SeededRandom::new(1)).unwrap();
        let read = token_secret(&access(&folder, JwtSource::Store), &SeededRandom::new(2)).unwrap();
        assert_eq!(made, read);
        assert_eq!(fs::metadata(folder.join(FILE)).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn of_two_that_come_at_once_both_use_the_key_that_was_there_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        create(folder.path(), &path, &SeededRandom::new(1)).unwrap();
        let first = read(&path).unwrap();
        create(folder.path(), &path, &SeededRandom::new(2)).unwrap();
        assert_eq!(read(&path).unwrap(), first);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let access = access(folder.path(), JwtSource::Store);
        token_secret(&access, &SeededRandom::new(1)).unwrap();
        fs::set_permissions(folder.path().join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
        let refused = token_secret(&access, &SeededRandom::new(1)).unwrap_err().to_string();
        assert!(refused.contains("open to others (mode 644)"), "{refused}");
    }

    #[test]
    fn a_file_of_the_operators_is_read_without_the_white_space_around_and_never_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let access = access(folder.path(), JwtSource::File(path.clone()));
        assert!(matches!(token_secret(&access, &SeededRandom::new(1)), Err(KeyError::Io { .. })));
        fs::write(&path, "hunter2\n").unwrap();
        assert_eq!(token_secret(&access, &SeededRandom::new(1)).unwrap().reveal(), "hunter2");
        fs::write(&path, "\n").unwrap();
        assert!(matches!(token_secret(&access, &SeededRandom::new(1)), Err(KeyError::Empty { .. })));
    }
}

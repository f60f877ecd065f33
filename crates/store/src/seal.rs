//! Sealing of secrets at rest.
//!
//! A secret is encrypted with XChaCha20-Poly1305 under the master key of the installation, with a fresh random nonce,
//! and bound to the row that it belongs to: moved to another row, or opened with another key, it does not open. The
//! master key lives in a file of its own beside the store, so that a copy of the store alone gives nothing away.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use ringback_model::Random;
use zeroize::Zeroizing;

/// Bytes of nonce in front of each sealed text. At this length random ones never meet.
const NONCE: usize = 24;
const KEY: usize = 32;
/// Bits of a file's mode that let others read the key, or let the group replace it.
const EXPOSED: u32 = 0o027;

/// The key that secrets at rest are sealed with: 32 bytes, wiped when dropped, never shown.
#[derive(Clone)]
pub struct MasterKey(Zeroizing<[u8; KEY]>);

/// What can be wrong with a master key or with what it has sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be read or written.
    #[error("the master key {} cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than its owner could read or replace the file.
    #[error("the master key {} is open to others (mode {mode:o}): make it readable by its owner alone, mode 600", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds no key.
    #[error("the master key {} does not hold 32 bytes written as 64 hexadecimal digits", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// What was sealed does not open: another key, another row, or changed bytes.
    #[error("a sealed secret does not open with this master key")]
    Closed,
}

impl MasterKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A fresh key.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut bytes = Zeroizing::new([0; KEY]);
        random.fill(bytes.as_mut());
        Self(bytes)
    }

    /// Reads the key in this file: 64 hexadecimal digits, white space around them ignored.
    ///
    /// # Errors
    /// When the file cannot be read, is open to others, or holds something else.
    pub fn from_file(path: &Path) -> Result<Self, SealError> {
        let failed = |source| SealError::Io { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
        if mode & EXPOSED != 0 {
            return Err(SealError::Exposed { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        let malformed = || SealError::Malformed { path: path.to_owned() };
        match file.read_to_string(&mut text) {
            Ok(_) => {}
            Err(source) if source.kind() == io::ErrorKind::InvalidData => return Err(malformed()),
            Err(source) => return Err(failed(source)),
        }
        parse_hex(text.trim()).map(Self).ok_or_else(malformed)
    }

    /// Reads the key in this file, or makes one and writes it, mode 0600. When this returns, the file is durable: what
    /// is sealed from now on can be opened after a power cut.
    ///
    /// # Errors
    /// As of [`MasterKey::from_file`], and when the file cannot be written.
    pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, SealError> {
        let failed = |source| SealError::Io { path: path.to_owned(), source };
        match fs::symlink_metadata(path) {
            Ok(_) => return Self::from_file(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(error)),
        }
        // Written aside first and then linked in, so that a power cut never leaves a file without a key in it. The name
        // is random: of two servers that start at once, neither may link what the other has written.
        let mut suffix = [0; 8];
        random.fill(&mut suffix);
        let draft = path.with_extension(format!("{:016x}.new", u64::from_le_bytes(suffix)));
        let key = Self::generate(random);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
        file.write_all(to_hex(&key.0).as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        // A link fails where the name exists: both servers use the key that came first.
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft).map_err(failed)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Self::from_file(path),
            other => other.map_err(failed)?,
        }
        sync_folder_of(path).map_err(failed)?;
        Ok(key)
    }

    /// Encrypts `plain`, bound to `place`: nonce, then ciphertext with its tag.
    pub(crate) fn seal(&self, random: &dyn Random, place: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place })
            .expect("encryption fails only for texts of more than 256 GiB");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Decrypts what [`MasterKey::seal`] made for the same `place`.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Closed)?;
        self.cipher()
            .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: place })
            .map(Zeroizing::new)
            .ok()
            .ok_or(SealError::Closed)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Makes the names in the folder of `path` durable.
pub(crate) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn to_hex(key: &[u8; KEY]) -> Zeroizing<String> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new(String::with_capacity(2 * KEY + 1));
    for byte in key {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text.push('\n');
    text
}

fn parse_hex(text: &str) -> Option<Zeroizing<[u8; KEY]>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut key = Zeroizing::new([0; KEY]);
    if text.len() != 2 * KEY {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use ringback_model::SeededRandom;

    use super::*;

    #[test]
    fn a_sealed_text_opens_only_with_its_key_and_in_its_place() {
        let random = SeededRandom::new(1);
        let (key, other) = (MasterKey::generate(&random), MasterKey::generate(&random));
        let sealed = key.seal(&random, b"row 1", b"hunter2");
        assert_eq!(key.open(b"row 1", &sealed).unwrap().as_slice(), b"hunter2");
        assert!(matches!(key.open(b"row 2", &sealed), Err(SealError::Closed)));
        assert!(matches!(other.open(b"row 1", &sealed), Err(SealError::Closed)));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(matches!(key.open(b"row 1", &changed), Err(SealError::Closed)), "byte {at}");
        }
        assert!(matches!(key.open(b"row 1", b"short"), Err(SealError::Closed)));
        assert_ne!(sealed, key.seal(&random, b"row 1", b"hunter2"), "equal secrets do not look equal");
    }

    #[test]
    fn what_another_implementation_sealed_opens() {
        // draft-irtf-cfrg-xchacha-03, A.3.1.
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        let key = bytes("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
        let sealed = bytes(concat!(
            "404142434445464748494a4b4c4d4e4f5051525354555657",
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39",
            "ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9",
            "21f9664c97637da9768812f615c68b13b52e",
            "c0875924c1c7987947deafd8780acf49",
        ));
        let key = MasterKey(Zeroizing::new(key.try_into().unwrap()));
        let plain = key.open(&bytes("50515253c0c1c2c3c4c5c6c7"), &sealed).unwrap();
        let text = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen \
                    would be it.";
        assert_eq!(plain.as_slice(), text.as_bytes());
    }

    #[test]
    fn a_key_is_made_once_and_read_back_from_a_file_of_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let made = MasterKey::load_or_create(&path, &SeededRandom::new(1)).unwrap();
        let read = MasterKey::load_or_create(&path, &SeededRandom::new(2)).unwrap();
        assert_eq!(made.0, read.0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
        assert_eq!(format!("{made:?}"), "MasterKey(…)");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        MasterKey::load_or_create(&path, &SeededRandom::new(1)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let refused = MasterKey::from_file(&path).unwrap_err();
        assert!(refused.to_string().contains("open to others (mode 644)"), "{refused}");
    }

    #[test]
    fn a_file_without_a_key_in_it_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        for content in ["", "00", &"g".repeat(64), &"0".repeat(65), "\u{ff}"] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let refused = MasterKey::load_or_create(&path, &SeededRandom::new(1));
            assert!(matches!(refused, Err(SealError::Malformed { .. })), "{content:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}

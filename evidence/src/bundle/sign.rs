//! Signing bundles as minisign does: an Ed25519 signature of `SHA256SUMS` that its tool can check.
//!
//! The trusted comment names the Merkle root, so that who sees the signature alone knows what was signed.

use super::verify::SignatureState;
use crate::Moment;
use crate::merkle::Digest;
use minisign::{PublicKeyBox, SecretKeyBox, SignatureBox};
use std::fmt;
use std::io::Cursor;

/// First line of every signature; it is not signed, so it is always the same.
const UNTRUSTED_COMMENT: &str = "signature of a bundle of evidence by trawl";
/// What the trusted comment says before the root.
const ROOT_LABEL: &str = "root:";

/// A secret key, read. Nothing shows it.
pub struct SigningKey(minisign::SecretKey);

/// A public key.
pub struct PublicKey(minisign::PublicKey);

/// Why something cannot be signed, or a signature is not good. No text holds anything of a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Not a secret key.
    #[error("it is not a secret key of minisign: make one with `minisign -G`")]
    NoSecretKey,
    /// A password is needed.
    #[error("the key has a password, and none was given")]
    NeedsPassword,
    /// The password is wrong.
    #[error("the password does not open the key")]
    WrongPassword,
    /// Not a public key.
    #[error("it is not a public key of minisign")]
    NoPublicKey,
    /// The signature is not one of minisign.
    #[error("it is not one that minisign makes")]
    Malformed,
    /// It is not written as bundles have it.
    #[error("it is not written as bundles have it")]
    NotCanonical,
    /// It was made with another key.
    #[error("it was made with the key {found}, not with {expected}")]
    OtherKey {
        /// Id of the key that was given.
        expected: String,
        /// Id of the key that made it.
        found: String,
    },
    /// It is not a signature of these bytes.
    #[error("it is not a signature of this bundle by that key")]
    Bad,
    /// It cannot be made.
    #[error("cannot sign: {0}")]
    Failed(String),
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl SigningKey {
    /// Reads the content of a secret key's file, as `minisign -G` makes it; `password` opens one that has a password.
    ///
    /// # Errors
    /// If it is none, or the password does not open it.
    pub fn decode(file: &str, password: Option<&str>) -> Result<Self, SignError> {
        let bytes = base64_line(file).filter(|bytes| bytes.starts_with(b"Ed")).ok_or(SignError::NoSecretKey)?;
        // What stands behind the algorithm of the signature says whether there is a password; without it, the library would ask.
        match bytes.get(2..4) {
            // Its checksum is not looked at: minisign itself leaves it empty. A damaged key makes no good signature.
            Some([0, 0]) => {
                let key = minisign::SecretKey::from_bytes(&bytes).map_err(|_| SignError::NoSecretKey)?;
                return Ok(Self(key));
            }
            Some(b"Sc") => {}
            _ => return Err(SignError::NoSecretKey),
        }
        let boxed = SecretKeyBox::from_string(file).map_err(|_| SignError::NoSecretKey)?;
        let password = password.ok_or(SignError::NeedsPassword)?;
        let key = boxed.into_secret_key(Some(password.to_owned())).map_err(|_| SignError::WrongPassword)?;
        Ok(Self(key))
    }

    /// The key that checks what this one signs.
    ///
    /// # Errors
    /// If the secret key is damaged.
    pub fn public(&self) -> Result<PublicKey, SignError> {
        minisign::PublicKey::from_secret_key(&self.0).map(PublicKey).map_err(|_| SignError::NoSecretKey)
    }

    /// Signs the sums of a bundle with this root, at `now`; the content of `SHA256SUMS.minisig`.
    ///
    /// # Errors
    /// If there are no random numbers.
    pub fn sign(&self, sums: &[u8], root: &Digest, now: Moment) -> Result<Vec<u8>, SignError> {
        let trusted = format!("timestamp:{} {ROOT_LABEL}{root}", now.0.div_euclid(1_000_000));
        let signature = minisign::sign(Some(&self.public()?.0), &self.0, sums, Some(&trusted), Some(UNTRUSTED_COMMENT));
        Ok(signature.map_err(|error| SignError::Failed(error.to_string()))?.to_bytes())
    }
}

impl PublicKey {
    /// Reads the content of a public key's file, or its line of base64 alone.
    ///
    /// # Errors
    /// If it is none.
    pub fn decode(file: &str) -> Result<Self, SignError> {
        let key = match file.trim().lines().count() {
            1 => minisign::PublicKey::from_base64(file.trim()),
            _ => PublicKeyBox::from_string(file).and_then(PublicKeyBox::into_public_key),
        };
        key.map(Self).map_err(|_| SignError::NoPublicKey)
    }

    /// What people tell it by.
    pub fn id(&self) -> String {
        key_id(self.0.keynum())
    }

    /// The content of its file.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn encode(&self) -> Result<String, SignError> {
        self.0.to_box().map(PublicKeyBox::into_string).map_err(|_| SignError::NoPublicKey)
    }
}

/// As minisign prints it.
fn key_id(bytes: &[u8]) -> String {
    bytes.iter().rev().map(|byte| format!("{byte:02X}")).collect()
}

/// The second line of a file of minisign.
fn base64_line(file: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.decode(file.lines().nth(1)?.trim()).ok()
}

/// Checks a signature of `sums`, as far as that can be done without a key, or with it wholly.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(
    signature: &[u8],
    sums: &[u8],
    root: &Digest,
    key: Option<&PublicKey>,
) -> Result<SignatureState, SignError> {
    let text = std::str::from_utf8(signature).map_err(|_| SignError::Malformed)?;
    // The library takes for granted that the last line holds 64 bytes.
    let global = text.lines().nth(3).ok_or(SignError::Malformed)?;
    if base64_line(&format!("\n{global}")).is_none_or(|bytes| bytes.len() != 64) {
        return Err(SignError::Malformed);
    }
    let parsed = SignatureBox::from_string(text).map_err(|_| SignError::Malformed)?;
    let comment = parsed.trusted_comment().map_err(|_| SignError::Malformed)?;
    let is_canonical = parsed.to_string() == text
        && parsed.is_prehashed()
        && parsed.untrusted_comment().is_ok_and(|comment| comment == UNTRUSTED_COMMENT)
        && comment.ends_with(&format!(" {ROOT_LABEL}{root}"));
    if !is_canonical {
        return Err(SignError::NotCanonical);
    }
    let key_id = key_id(parsed.keynum());
    let Some(key) = key else { return Ok(SignatureState::Unchecked(key_id)) };
    if key.id() != key_id {
        return Err(SignError::OtherKey { expected: key.id(), found: key_id });
    }
    minisign::verify(&key.0, &parsed, Cursor::new(sums), true, false, false).map_err(|_| SignError::Bad)?;
    Ok(SignatureState::Good { key_id, comment })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use minisign::KeyPair;

    fn pair() -> (SigningKey, PublicKey) {
        let KeyPair { pk, sk } = KeyPair::generate_unencrypted_keypair().unwrap();
        (SigningKey(sk), PublicKey(pk))
    }

    #[test]
    fn signatures_are_checked() {
        let ((secret, public), (_, other)) = (pair(), pair());
        let root = Digest::of(b"root");
        let signature = secret.sign(b"sums\n", &root, Moment(5_000_000)).unwrap();
        let good = check(&signature, b"sums\n", &root, Some(&public)).unwrap();
        let comment = format!("timestamp:5 root:{root}");
        assert_eq!(good, SignatureState::Good { key_id: public.id(), comment });
        assert_eq!(check(&signature, b"sums\n", &root, None).unwrap(), SignatureState::Unchecked(public.id()));
        assert!(matches!(check(&signature, b"sums", &root, Some(&public)), Err(SignError::Bad)));
        assert!(matches!(check(&signature, b"sums\n", &Digest::of(b""), None), Err(SignError::NotCanonical)));
        assert!(matches!(check(&signature, b"sums\n", &root, Some(&other)), Err(SignError::OtherKey { .. })));
        assert!(matches!(check(b"", b"sums\n", &root, None), Err(SignError::Malformed)));
        for at in 0..signature.len() {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(check(&changed, b"sums\n", &root, Some(&public)).is_err(), "{at}");
        }
    }

    #[test]
    fn keys_are_read_from_files() {
        let (secret, public) = pair();
        let file = secret.0.to_box(None).unwrap().into_string();
        let read = SigningKey::decode(&file, None).unwrap();
        assert!(read.sign(b"", &Digest::of(b""), Moment(0)).is_ok());
        // As minisign writes it, without a checksum; and damaged.
        let mut bytes = base64_line(&file).unwrap();
        bytes[126..].fill(0);
        let coded =
            |bytes: &[u8]| format!("untrusted comment: x\n{}\n", base64::prelude::BASE64_STANDARD.encode(bytes));
        assert!(SigningKey::decode(&coded(&bytes), None).unwrap().sign(b"", &Digest::of(b""), Moment(0)).is_ok());
        bytes[70] ^= 1;
        let damaged = SigningKey::decode(&coded(&bytes), None).unwrap();
        assert!(matches!(damaged.sign(b"", &Digest::of(b""), Moment(0)), Err(SignError::Failed(_))));
        assert_eq!(read.public().unwrap().id(), public.id());
        let text = public.encode().unwrap();
        assert_eq!(PublicKey::decode(&text).unwrap().id(), public.id());
        assert_eq!(PublicKey::decode(text.lines().nth(1).unwrap()).unwrap().id(), public.id());
        for bad in ["", "x", "x\ny", "a\nRWQ=\n", &text] {
            assert!(matches!(SigningKey::decode(bad, None), Err(SignError::NoSecretKey)), "{bad}");
        }
        assert!(matches!(PublicKey::decode(&file), Err(SignError::NoPublicKey)));
        // Nothing shows a key.
        assert_eq!(format!("{secret:?}"), "SigningKey");
    }

    #[test]
    fn a_key_with_a_password_needs_it() {
        let secret = KeyPair::generate_encrypted_keypair(Some("geheim".to_owned())).unwrap().sk;
        let file = secret.to_box(None).unwrap().into_string();
        assert!(matches!(SigningKey::decode(&file, None), Err(SignError::NeedsPassword)));
        assert!(matches!(SigningKey::decode(&file, Some("falsch")), Err(SignError::WrongPassword)));
        assert!(SigningKey::decode(&file, Some("geheim")).is_ok());
    }
}

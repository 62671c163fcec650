//! The ticket: the password, encrypted with the server's RSA key of 1024 bits (OAEP with SHA-1).
//!
//! The protocol fixes the algorithm; by today's measure it is weak, and it protects the password only, nothing that
//! follows. A server uses a key once, so that a recorded ticket opens nothing later.
//!
//! The `rsa` crate's arithmetic takes a time that depends on the private key (RUSTSEC-2023-0071). Whoever measures it
//! needs many decryptions with one key: here a key of its own decrypts one ticket at most, and is gone; where there is
//! no password nothing is decrypted. Decryption is blinded besides.

use super::Error;
use crate::wire::link::{MAX_PASSWORD, PUBLIC_KEY_BYTES, TICKET_BYTES};
use rsa::pkcs8::{DecodePublicKey, EncodePublicKey};
use rsa::rand_core::OsRng;
use rsa::traits::PublicKeyParts;
use rsa::{Oaep, RsaPrivateKey, RsaPublicKey};
use sha1::Sha1;
use std::fmt;

/// A password of more than 60 bytes, or with a zero in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordTooLong {
    /// Its bytes.
    pub len: usize,
}

impl fmt::Display for PasswordTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a password of {} bytes does not fit: {MAX_PASSWORD} without a zero is the most", self.len)
    }
}

impl std::error::Error for PasswordTooLong {}

/// The client's side: `password` encrypted with the server's key.
pub(super) fn encrypt(
    public_key: &[u8; PUBLIC_KEY_BYTES],
    password: &str,
) -> Result<[u8; TICKET_BYTES], Error> {
    let mut text = check_password(password)?.to_vec();
    text.push(0);
    let key = RsaPublicKey::from_public_key_der(public_key).map_err(|_| Error::PublicKey)?;
    if key.size() != TICKET_BYTES {
        return Err(Error::PublicKey);
    }
    let ticket = key.encrypt(&mut OsRng, Oaep::new::<Sha1>(), &text).map_err(|_| Error::PublicKey)?;
    ticket.try_into().map_err(|_| Error::PublicKey)
}

fn check_password(password: &str) -> Result<&[u8], Error> {
    let bytes = password.as_bytes();
    if bytes.len() > MAX_PASSWORD || bytes.contains(&0) {
        return Err(Error::Password(PasswordTooLong { len: bytes.len() }));
    }
    Ok(bytes)
}

/// A server's key.
#[derive(Clone, Debug)]
pub struct ServerKey {
    private: RsaPrivateKey,
    public: [u8; PUBLIC_KEY_BYTES],
}

impl ServerKey {
    /// A new key. Takes some milliseconds, now and then a tenth of a second.
    ///
    /// # Errors
    /// [`Error::PublicKey`] if the system gives no random numbers.
    pub fn generate() -> Result<Self, Error> {
        let private = RsaPrivateKey::new(&mut OsRng, TICKET_BYTES * 8).map_err(|_| Error::PublicKey)?;
        let der = private.to_public_key().to_public_key_der().map_err(|_| Error::PublicKey)?;
        let public = der.as_bytes().try_into().map_err(|_| Error::PublicKey)?;
        Ok(Self { private, public })
    }

    /// SubjectPublicKeyInfo in DER.
    pub fn public_der(&self) -> &[u8; PUBLIC_KEY_BYTES] {
        &self.public
    }

    /// The bytes before the zero that ends the password in a ticket; `None` if the ticket does not decrypt.
    pub fn decrypt(&self, ticket: &[u8; TICKET_BYTES]) -> Option<Vec<u8>> {
        let mut text = self.private.decrypt_blinded(&mut OsRng, Oaep::new::<Sha1>(), ticket).ok()?;
        let end = text.iter().position(|b| *b == 0)?;
        text.truncate(end);
        (end <= MAX_PASSWORD).then_some(text)
    }
}

/// Whether two passwords are the same; takes as long for a near miss as for a far one.
pub fn password_matches(given: &[u8], wanted: &[u8]) -> bool {
    let byte = |s: &[u8], n: usize| s.get(n).copied().unwrap_or(0);
    let differs = (0..=MAX_PASSWORD).fold(0, |d, n| d | (byte(given, n) ^ byte(wanted, n)));
    differs == 0 && given.len() == wanted.len()
}

//! Signatures of plans: ed25519 over the exact bytes of a file, so that whoever checks one reads what was signed and nothing else.
//!
//! A signature is a line of base64 in a file of its own, beside the plan; a plan that several people sign has several lines. Keys are those of
//! `openssl genpkey -algorithm ed25519`, and openssl can make and check the same signatures. Nothing here prints, or keeps, a private key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePublicKey as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, Result};

/// A private key that signs.
pub struct Signer(SigningKey);

impl Signer {
    /// Reads a private key in PEM (PKCS #8). `origin` names it in messages, which never hold a part of it.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if it is none, of another algorithm, or encrypted.
    pub fn from_pem(text: &str, origin: &str) -> Result<Self> {
        let hint = if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
            "it is encrypted: decrypt it into a pipe, as in --key <(openssl pkey -in FILE)"
        } else if text.contains("BEGIN PUBLIC KEY") {
            "it is a public key: name the private one"
        } else {
            "make one with: openssl genpkey -algorithm ed25519"
        };
        // The source would say which byte is wrong; nothing about a private key is repeated.
        SigningKey::from_pkcs8_pem(text)
            .map(Self)
            .map_err(|_| Error::usage(format!("{origin} is not an ed25519 private key in PEM")).with_hint(hint))
    }

    /// Signs some bytes; the signature is one line of base64.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> String {
        BASE64.encode(self.0.sign(bytes).to_bytes())
    }

    /// Returns the public key that checks its signatures.
    #[must_use]
    pub fn approver(&self) -> Approver {
        Approver(self.0.verifying_key())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.approver()).finish()
    }
}

/// A public key: one of those whose signature is asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Approver(VerifyingKey);

impl Approver {
    /// Reads a public key in PEM.
    ///
    /// # Errors
    /// [`crate::error::Kind::Usage`] if it is none, of another algorithm, or one of the few for which a signature proves nothing.
    pub fn from_pem(text: &str, origin: &str) -> Result<Self> {
        let hint = if text.contains("PRIVATE KEY") {
            "it is a private key, which is nobody's but the signer's: name the public one"
        } else {
            "make it from the private key with: openssl pkey -in PRIVATE -pubout"
        };
        VerifyingKey::from_public_key_pem(text)
            .ok()
            .filter(|key| !key.is_weak())
            .map(Self)
            .ok_or_else(|| Error::usage(format!("{origin} is not an ed25519 public key in PEM")).with_hint(hint))
    }

    /// Returns the name of the key: the SHA-256 of its DER form, as `openssl pkey -pubin -outform DER | sha256sum` prints it.
    #[must_use]
    pub fn id(&self) -> String {
        // A public key of 32 bytes is written as DER without fail.
        let der = self.0.to_public_key_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
        format!("sha256:{}", crate::catalog::hex(&Sha256::digest(der)))
    }

    fn has_signed(&self, bytes: &[u8], signatures: &[Signature]) -> bool {
        signatures.iter().any(|signature| self.0.verify_strict(bytes, signature).is_ok())
    }
}

impl fmt::Debug for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id())
    }
}

/// Checks that each approver has signed these bytes. `file` names them in messages, `signatures` is the text of the signatures' file, if there is one.
///
/// # Errors
/// [`crate::error::Kind::Refused`] if one of them hasn't, or the bytes are others than those that were signed; [`crate::error::Kind::Usage`] if
/// no approver is given, one is given twice, or a line is no signature.
pub fn check(bytes: &[u8], file: &str, signatures: Option<&str>, approvers: &[Approver]) -> Result<()> {
    for (at, approver) in approvers.iter().enumerate() {
        if approvers[..at].contains(approver) {
            return Err(Error::usage(format!("the public key {} is given twice", approver.id()))
                .with_hint("give the key of each person who must have signed, once"));
        }
    }
    if approvers.is_empty() {
        return Err(Error::usage("no public key is given to check the signature with"));
    }
    let sign = format!("review it, and sign it with keyward plan sign {file} --key FILE");
    let Some(text) = signatures.filter(|text| !text.trim().is_empty()) else {
        return Err(Error::refused(format!("{file} is not signed")).with_hint(sign));
    };
    let signatures = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .enumerate()
        .map(|(at, line)| {
            let bytes = BASE64.decode(line).ok().and_then(|bytes| <[u8; 64]>::try_from(bytes).ok());
            bytes.map(|bytes| Signature::from_bytes(&bytes)).ok_or_else(|| {
                Error::usage(format!("line {} of the signatures of {file} is no signature", at + 1))
                    .with_hint("each line is the base64 of 64 bytes, as keyward plan sign writes it")
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let missing: Vec<_> =
        approvers.iter().filter(|approver| !approver.has_signed(bytes, &signatures)).map(Approver::id).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!("{file} is not signed by {}, or was altered since", missing.join(", "))).with_hint(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> Signer {
        Signer(SigningKey::from_bytes(&[seed; 32]))
    }

    #[test]
    fn a_signature_holds_for_these_bytes_and_this_key_only() {
        let (alice, bob) = (key(1), key(2));
        let signed = alice.sign(b"plan");
        let check = |bytes: &[u8], text: Option<&str>, who: &[Approver]| check(bytes, "plan.json", text, who);
        check(b"plan", Some(&signed), &[alice.approver()]).unwrap();
        for (bytes, text, who, said) in [
            (&b"plan "[..], Some(signed.as_str()), &alice, "was altered"),
            (b"plan", Some(&signed), &bob, "not signed by"),
            (b"plan", None, &alice, "is not signed"),
            (b"plan", Some(" \n"), &alice, "is not signed"),
            (b"plan", Some("AAAA"), &alice, "no signature"),
        ] {
            let error = check(bytes, text, &[who.approver()]).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
        // every approver must have signed
        let both = [alice.approver(), bob.approver()];
        assert!(check(b"plan", Some(&signed), &both).unwrap_err().to_string().contains(&bob.approver().id()));
        check(b"plan", Some(&format!("{signed}\n\n{}\n", bob.sign(b"plan"))), &both).unwrap();
        assert!(check(b"plan", Some(&signed), &[alice.approver(), alice.approver()]).unwrap_err().to_string().contains("twice"));
        assert!(check(b"plan", Some(&signed), &[]).is_err());
    }

    #[test]
    fn a_private_key_is_shown_by_its_public_one_alone() {
        assert_eq!(format!("{:?}", key(1)), format!("Signer({})", key(1).approver().id()));
        let error = Signer::from_pem("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", "k.pem").unwrap_err();
        assert!(!format!("{error:?}").contains("c2VjcmV0"), "{error:?}");
    }
}

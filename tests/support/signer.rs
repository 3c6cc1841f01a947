//! A signer for machines without the platform's.

use std::cell::Cell;

use edgepost::{
    app::ports::{CannotSign, Signer},
    oauth::{SigningAlgorithm, SigningKey},
};
use futures_util::future::{FutureExt, LocalBoxFuture, ready};
use ring::{
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256},
};

/// Signs for real, and can be out of order.
#[derive(Debug, Default)]
pub struct NativeSigner {
    pub broken: Cell<bool>,
    pub signed: Cell<usize>,
}

impl Signer for NativeSigner {
    fn sign<'a>(
        &'a self,
        key: &'a SigningKey,
        algorithm: SigningAlgorithm,
        input: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<Vec<u8>, CannotSign>> {
        self.signed.set(self.signed.get() + 1);
        let signature = if self.broken.get() {
            Err(CannotSign)
        } else {
            sign(key, algorithm, input)
        };
        ready(signature).boxed_local()
    }
}

fn sign(
    key: &SigningKey,
    algorithm: SigningAlgorithm,
    input: &[u8],
) -> Result<Vec<u8>, CannotSign> {
    let pair = KeyPair::from_pkcs8(key.expose_pkcs8()).map_err(|_| CannotSign)?;
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = SystemRandom::new();
    let signed = match algorithm {
        SigningAlgorithm::Ps256 => pair.sign(&RSA_PSS_SHA256, &random, input, &mut signature),
        SigningAlgorithm::Rs256 => pair.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature),
    };
    signed.map(|()| signature).map_err(|_| CannotSign)
}

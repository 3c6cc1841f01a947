//! Signing by the platform's WebCrypto.

use std::cell::RefCell;

use futures_util::future::{FutureExt, LocalBoxFuture};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    js_sys::{Array, Object, Promise, Reflect, Uint8Array},
    wasm_bindgen_futures::JsFuture,
};

use crate::{
    app::ports::{CannotSign, Signer},
    oauth::{SigningAlgorithm, SigningKey},
};

// `worker` offers nothing of WebCrypto but digests, and these are two methods:
// https://developers.cloudflare.com/workers/runtime-apis/web-crypto/
#[wasm_bindgen]
extern "C" {
    type SubtleCrypto;

    #[wasm_bindgen(thread_local_v2, js_namespace = crypto, js_name = subtle)]
    static SUBTLE: SubtleCrypto;

    #[wasm_bindgen(method, catch, js_name = importKey)]
    fn import_key(
        this: &SubtleCrypto,
        format: &str,
        key: &Uint8Array,
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn sign(
        this: &SubtleCrypto,
        algorithm: &JsValue,
        key: &JsValue,
        input: &Uint8Array,
    ) -> Result<Promise, JsValue>;
}

/// Signs with keys that the platform gives to nobody, not even to us. The last one stays imported.
#[derive(Debug, Default)]
pub(super) struct PlatformSigner {
    imported: RefCell<Option<Imported>>,
}

#[derive(Debug, Clone)]
struct Imported {
    name: String,
    algorithm: SigningAlgorithm,
    key: JsValue,
}

impl Signer for PlatformSigner {
    fn sign<'a>(
        &'a self,
        key: &'a SigningKey,
        algorithm: SigningAlgorithm,
        input: &'a [u8],
    ) -> LocalBoxFuture<'a, Result<Vec<u8>, CannotSign>> {
        // What goes wrong may tell something of the key, and nobody could do more about it.
        let signed = self.sign_alone(key, algorithm, input);
        signed
            .map(|signed| signed.map_err(|_| CannotSign))
            .boxed_local()
    }
}

impl PlatformSigner {
    async fn sign_alone(
        &self,
        key: &SigningKey,
        algorithm: SigningAlgorithm,
        input: &[u8],
    ) -> Result<Vec<u8>, JsValue> {
        let imported = self.imported(key, algorithm).await?;
        let parameters = parameters(algorithm)?;
        let input = Uint8Array::from(input);
        let signing = SUBTLE.with(|subtle| subtle.sign(&parameters, &imported, &input))?;
        Ok(Uint8Array::new(&JsFuture::from(signing).await?).to_vec())
    }

    async fn imported(
        &self,
        key: &SigningKey,
        algorithm: SigningAlgorithm,
    ) -> Result<JsValue, JsValue> {
        let name = key.name();
        let known = self.imported.borrow().clone();
        if let Some(known) = known.filter(|it| it.name == name && it.algorithm == algorithm) {
            return Ok(known.key);
        }
        let octets = Uint8Array::from(key.expose_pkcs8());
        let parameters = parameters(algorithm)?;
        let usages = Array::of1(&"sign".into());
        let importing = SUBTLE
            .with(|subtle| subtle.import_key("pkcs8", &octets, &parameters, false, &usages))?;
        let imported = JsFuture::from(importing).await;
        // The copy was for the platform alone.
        octets.fill(0, 0, octets.length());
        let key = imported?;
        self.imported.replace(Some(Imported {
            name,
            algorithm,
            key: key.clone(),
        }));
        Ok(key)
    }
}

/// What WebCrypto calls it: the same for importing a key and for signing with it.
fn parameters(algorithm: SigningAlgorithm) -> Result<JsValue, JsValue> {
    let name = match algorithm {
        SigningAlgorithm::Ps256 => "RSA-PSS",
        SigningAlgorithm::Rs256 => "RSASSA-PKCS1-v1_5",
    };
    let parameters = Object::new();
    let set = |name: &str, value: JsValue| Reflect::set(&parameters, &name.into(), &value);
    set("name", name.into())?;
    set("hash", "SHA-256".into())?;
    // As long as the digest (RFC 7518 §3.5).
    set("saltLength", 32.into())?;
    Ok(parameters.into())
}

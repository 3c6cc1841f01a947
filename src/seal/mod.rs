//! Sealing what is stored: one root key, one derived key per purpose, and every sealed value
//! bound to the record it belongs to.

mod envelope;
mod root_key;

pub use envelope::{NONCE_OCTETS, Sealer, Unsealable};
pub use root_key::{InvalidRootKey, Purpose, RootKey};

//! Who may do what: keys presented by callers, compared without telling how much of them was
//! right.

mod binding;
mod digest;
mod operator;
mod session;

pub use binding::BindingProps;
pub use digest::{InvalidKeyDigest, KeyDigest};
pub use operator::{InvalidOperatorKey, OperatorKey, bearer};
pub use session::{SESSION_COOKIE, Session, SessionKey};

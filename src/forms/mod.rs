//! Web forms: the fields a visitor sends, and the mail they become.
//!
//! Nothing here decides where mail goes: recipients come from the configuration, and whatever a
//! page sends is text in the mail and at most a validated `Reply-To`.

mod field;
mod letter;
mod urlencoded;

pub use field::{Field, FieldError, Rejected, Submission};
pub use letter::{Addressing, compose};
pub use urlencoded::parse_urlencoded;

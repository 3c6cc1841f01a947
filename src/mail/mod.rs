//! A message, from what a caller may ask for to the octets that go out.
//!
//! Everything from outside is parsed here, once, into types that cannot hold a bad value; what
//! is built from them needs no further check.

mod address;
mod attachment;
mod attachment_content;
mod base64_lines;
mod custom_header;
mod draft;
mod envelope;
mod header;
mod layout;
mod line_ends;
mod mailbox;
mod mime;
mod plain_text;
mod redate;

pub use address::{EmailAddress, InvalidAddress};
pub use attachment::{Attachment, ContentId, FileName, InvalidAttachment, MediaType};
pub use attachment_content::{AttachmentContent, Measure, Measured};
pub use custom_header::{CustomHeader, InvalidHeader};
pub use draft::{BodyText, Draft, InvalidBody};
pub use envelope::Envelope;
pub use header::{HeaderText, InvalidHeaderText, MessageId};
pub use layout::{Coding, Part, PartNumber, PartWriter, Place};
pub use mailbox::{InvalidMailbox, Mailbox};
pub use mime::{Frame, NotAMessage, Stamp, frame};
pub use redate::{Redated, redate};

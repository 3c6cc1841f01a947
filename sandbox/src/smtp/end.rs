//! How a connection comes to its end.

use super::record::Ending;
use super::script::How;

/// The connection is over, and this is how to end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The client went, or did not keep to the time; nothing is left to do.
    Client(Ending),
    /// What is queued goes out, then close_notify and FIN.
    Orderly(Ending),
    /// What is queued goes out, then FIN without close_notify, RST, or silence.
    Broken(How),
    /// Nothing goes out any more, not even what is queued.
    Cut(How),
    /// RST, before anything was said.
    Reset,
}

impl From<Ending> for End {
    fn from(ending: Ending) -> Self {
        Self::Client(ending)
    }
}

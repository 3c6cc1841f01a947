//! Callers without a key: another Worker of the same account, through a service binding.

use serde::Deserialize;

/// What the platform says of the caller (`ctx.props()`), as the caller's operator configured it on
/// the binding. Nobody but the platform can set it: a header or a body proves nothing, and a
/// request from outside has none.
/// <https://developers.cloudflare.com/workers/runtime-apis/context/#props>
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BindingProps {
    /// What the caller is called, in stories and as the owner of its messages.
    pub edgepost_caller: String,
    /// The mailboxes it may send through.
    pub mailboxes: Vec<String>,
    /// `full_access` or `sending_access`.
    pub permission: String,
    /// Which of the mailboxes' aliases it may send as.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl BindingProps {
    /// Reads them; whatever is not understood is nobody's.
    pub fn read(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok()
    }
}

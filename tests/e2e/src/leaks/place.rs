//! The places that are searched, and what may be in each.

use super::Kind;

/// Where something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A line that wrangler or the Worker printed.
    Log,
    /// A line of wrangler's list of variables, printed when it starts: beginnings of what the operator
    /// has written into the configuration. Secrets it hides.
    Listing,
    /// An answer, headers included, to whoever asked.
    AnswerToAnyone,
    /// An answer to the caller whose message it is about.
    AnswerToOwner,
    /// An answer to the operator.
    AnswerToOperator,
    /// What was posted to the owner's hook.
    Alert,
    /// Workers KV, its files as they are.
    Kv,
    /// The tables of an Outbox that hold messages as they came and as they go.
    OutboxContent,
    /// Its other tables.
    OutboxRecord,
    /// The tables of TokenKeepers and the Registry.
    Vault,
    /// The files of Outboxes as they are, with what was deleted and the log of writes.
    OutboxFile,
    /// All other files.
    OtherFile,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Log,
        Self::Listing,
        Self::AnswerToAnyone,
        Self::AnswerToOwner,
        Self::AnswerToOperator,
        Self::Alert,
        Self::Kv,
        Self::OutboxContent,
        Self::OutboxRecord,
        Self::Vault,
        Self::OutboxFile,
        Self::OtherFile,
    ];

    /// Whether this may be there. A secret may be nowhere.
    #[must_use]
    pub fn may_hold(self, kind: Kind) -> bool {
        match self {
            Self::Log
            | Self::AnswerToAnyone
            | Self::Alert
            | Self::Kv
            | Self::Vault
            | Self::OtherFile => false,
            // What a message says, to whom it belongs.
            Self::AnswerToOwner | Self::OutboxContent | Self::OutboxFile => {
                matches!(kind, Kind::Content | Kind::Person)
            }
            // The way to a consent, the codes in the forms; who a message is for, not what it says.
            Self::AnswerToOperator => matches!(kind, Kind::Session | Kind::Person),
            Self::OutboxRecord | Self::Listing => kind == Kind::Person,
        }
    }
}

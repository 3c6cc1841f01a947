//! The words faults are made of.

use serde::{Deserialize, Serialize};

use crate::octets;

/// Where in a session a fault applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The first line of the server.
    Greeting,
    /// EHLO before TLS. HELO is no such step.
    Ehlo,
    /// STARTTLS.
    StartTls,
    /// The handshake, when the client's hello is there. `Reply` and `Garbage` are sent as they are,
    /// in plaintext, where the server's hello belongs.
    Handshake,
    /// EHLO after TLS.
    EhloTls,
    /// AUTH without an initial response, whose normal reply is `334 `. A scripted 2yz is a success
    /// without credentials.
    AuthPrompt,
    /// The outcome of AUTH, when the credentials are there.
    Auth,
    /// The 334 that explains why a token is refused. A scripted reply that is not 3yz is the
    /// refusal itself.
    AuthChallenge,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, whose normal reply is 354.
    Data,
    /// A chunk by BDAT that is not the last.
    Bdat,
    /// The end of the content, whether it came by DATA or by the last BDAT.
    Content,
    /// RSET.
    Rset,
    /// QUIT.
    Quit,
}

impl Step {
    /// All of them, in the order of a session.
    pub const ALL: [Self; 15] = [
        Self::Greeting,
        Self::Ehlo,
        Self::StartTls,
        Self::Handshake,
        Self::EhloTls,
        Self::AuthPrompt,
        Self::Auth,
        Self::AuthChallenge,
        Self::Mail,
        Self::Rcpt,
        Self::Data,
        Self::Bdat,
        Self::Content,
        Self::Rset,
        Self::Quit,
    ];
}

/// Before or after the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// The step's work is done, its answer is lost.
    BeforeReply,
    /// The answer goes out, then the connection ends.
    AfterReply,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// In order.
    #[default]
    Fin,
    /// By reset.
    Rst,
    /// Not at all: nothing is said or done any more until the client goes.
    Stall,
}

/// Which octets are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// What the client says, before and under TLS, without the octets of TLS itself.
    Client,
    /// What the server says, likewise.
    Server,
    /// Every octet the client sends, as TCP sees it.
    ClientTcp,
    /// Every octet the server sends, as TCP sees it.
    ServerTcp,
    /// What the client sends from the first octet of the handshake, as TCP sees it.
    ClientTls,
    /// What the server sends from the first octet of the handshake, as TCP sees it.
    ServerTls,
    /// Content, as it came by DATA or BDAT.
    Content,
}

/// What comes in the place of a reply. Those that spoil a reply take a scripted one too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Garbage {
    /// Every octet from 0 to 255, once.
    Binary,
    /// An error of a web server.
    Http,
    /// So many octets without a line end, and none behind them.
    LongLine(u64),
    /// `250-…` line after line, until the client goes.
    Endless,
    /// So many lines with the reply's code, and its own lines behind them.
    ManyLines(u32),
    /// A first line with the reply's code and a last one with 550.
    MixedCodes,
    /// The reply, its lines ended by LF alone.
    LfOnly,
    /// The reply in lower case.
    LowerCase,
    /// The reply's code and nothing else.
    NoText,
    /// The reply, with tabs for its spaces.
    Tabs,
    /// The reply, behind an empty line.
    EmptyLineFirst,
    /// These octets. In JSON one character an octet.
    Octets(#[serde(with = "octets")] Vec<u8>),
}

/// Which certificate TLS shows instead of the good one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadCertificate {
    /// For `mail.wrong.test`, by the sandbox's authority.
    WrongName,
    /// For `localhost`, by the sandbox's authority, expired.
    Expired,
    /// For `localhost`, by an authority nobody knows.
    UnknownIssuer,
}

/// A version of TLS no client may take any more (RFC 8996).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OldVersion {
    /// 1.0, of 1999.
    Tls10,
    /// 1.1, of 2006.
    Tls11,
}

/// How an old server answers a new client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OldAnswer {
    /// With the alert `protocol_version`.
    Alert,
    /// With a hello of its own version.
    Hello,
}

/// Where octets travel that were not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Segment {
    /// In the segment of the reply.
    Same,
    /// In a later one.
    Later,
}

/// When TLS begins on a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// With STARTTLS.
    #[default]
    StartTls,
    /// With the connection.
    Implicit,
}

impl Security {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::StartTls => Self::Implicit,
            Self::Implicit => Self::StartTls,
        }
    }
}

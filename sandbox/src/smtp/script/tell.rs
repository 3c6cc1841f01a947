//! Faults in words, for pages.

use std::fmt;

use super::{
    BadCertificate, Fault, Flow, Garbage, How, OldAnswer, OldVersion, Segment, Step, When,
};

impl Step {
    /// As a person would call it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Greeting => "greeting",
            Self::Ehlo => "EHLO before TLS",
            Self::StartTls => "STARTTLS",
            Self::Handshake => "TLS handshake",
            Self::EhloTls => "EHLO after TLS",
            Self::AuthPrompt => "AUTH, the prompt",
            Self::Auth => "AUTH, the outcome",
            Self::AuthChallenge => "AUTH, the challenge behind a bad token",
            Self::Mail => "MAIL",
            Self::Rcpt => "RCPT",
            Self::Data => "DATA",
            Self::Bdat => "BDAT, not the last",
            Self::Content => "end of the content",
            Self::Rset => "RSET",
            Self::Quit => "QUIT",
        }
    }
}

impl How {
    /// What the connection does.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Fin => "closes",
            Self::Rst => "is reset",
            Self::Stall => "falls silent",
        }
    }
}

impl Flow {
    /// Whose octets they are.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Client => "octets of the client's dialogue",
            Self::Server => "octets of the server's dialogue",
            Self::ClientTcp => "octets from the client on TCP",
            Self::ServerTcp => "octets from the server on TCP",
            Self::ClientTls => "octets from the client since the handshake began",
            Self::ServerTls => "octets from the server since the handshake began",
            Self::Content => "octets of content",
        }
    }
}

impl BadCertificate {
    fn words(self) -> &'static str {
        match self {
            Self::WrongName => "for another host",
            Self::Expired => "that has expired",
            Self::UnknownIssuer => "nobody vouches for",
        }
    }
}

impl Garbage {
    /// What comes instead of a reply.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Binary => "every octet there is".to_owned(),
            Self::Http => "what a web server would say".to_owned(),
            Self::LongLine(octets) => format!("{octets} octets and no line end"),
            Self::Endless => "lines without end".to_owned(),
            Self::ManyLines(lines) => format!("{lines} lines before its own"),
            Self::MixedCodes => "two codes in one reply".to_owned(),
            Self::LfOnly => "bare LF for its line ends".to_owned(),
            Self::LowerCase => "lower case".to_owned(),
            Self::NoText => "a code and no text".to_owned(),
            Self::Tabs => "tabs for spaces".to_owned(),
            Self::EmptyLineFirst => "an empty line first".to_owned(),
            Self::Octets(octets) => format!("{} scripted octets", octets.len()),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((step, nth)) = self.place() {
            f.write_str(step.words())?;
            if let Some(nth) = nth {
                write!(f, ", time {nth}")?;
            }
            f.write_str(": ")?;
        }
        match self {
            Self::ResetOnAccept => f.write_str("reset as soon as it is taken"),
            Self::Cut { flow, octets, how } => {
                write!(f, "{} behind {octets} {}", how.words(), flow.words())
            }
            Self::NoStartTls => f.write_str("STARTTLS is not offered"),
            Self::OtherSecurity => f.write_str("the port is of the other kind"),
            Self::Certificate(which) => write!(f, "a certificate {}", which.words()),
            Self::OldTls { version, answer } => {
                let version = match version {
                    OldVersion::Tls10 => "TLS 1.0",
                    OldVersion::Tls11 => "TLS 1.1",
                };
                match answer {
                    OldAnswer::Alert => write!(f, "{version} only, said by an alert"),
                    OldAnswer::Hello => write!(f, "{version} only, said by its hello"),
                }
            }
            Self::InjectAfterStartTls { segment, .. } => {
                write!(
                    f,
                    "plaintext behind the 220 to STARTTLS, {}",
                    place(*segment)
                )
            }
            Self::CloseWithStartTls { how } => {
                write!(f, "{} behind the 220 to STARTTLS", how.words())
            }
            Self::Reply { text, .. } => write!(f, "answers {}", text.escape_debug()),
            Self::Garbage { garbage, .. } => write!(f, "answers with {}", garbage.words()),
            Self::Unasked { segment, text, .. } => {
                write!(
                    f,
                    "then {} unasked, {}",
                    text.escape_debug(),
                    place(*segment)
                )
            }
            Self::Trickle {
                octets,
                pause_millis,
                ..
            } => write!(
                f,
                "answers {octets} octets at a time, {pause_millis} ms apart"
            ),
            Self::Drop { when, how, .. } => match when {
                When::BeforeReply => write!(f, "{} instead of an answer", how.words()),
                When::AfterReply => write!(f, "{} behind the answer", how.words()),
            },
            Self::Stall { .. } => f.write_str("is never answered"),
            Self::Delay { millis, .. } => write!(f, "is answered {millis} ms late"),
            Self::Idle { millis, how, .. } => {
                write!(f, "{} when the client is idle for {millis} ms", how.words())
            }
            Self::Name(name) => write!(f, "calls itself {}", name.escape_debug()),
            Self::EhloRefused => f.write_str("EHLO is refused, HELO works"),
            Self::Capabilities { .. } => f.write_str("offers what the script says"),
            Self::Without(keyword) => write!(f, "{} is missing", keyword.escape_debug()),
            Self::MaxRecipients(most) => write!(f, "{most} recipients a message at most"),
            Self::MaxSize(most) => write!(f, "{most} octets a message at most"),
        }
    }
}

fn place(segment: Segment) -> &'static str {
    match segment {
        Segment::Same => "in the same segment",
        Segment::Later => "in a later segment",
    }
}

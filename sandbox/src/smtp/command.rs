//! Command lines.

/// A command the server knows, with its argument.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    Ehlo(&'a str),
    Helo(&'a str),
    StartTls,
    Auth {
        mechanism: &'a str,
        initial: Option<&'a str>,
    },
    Mail(&'a str),
    Rcpt(&'a str),
    Data,
    Bdat {
        octets: u64,
        last: bool,
    },
    Rset,
    Noop,
    Vrfy,
    Quit,
}

/// Why a line is no command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoCommand {
    /// No such verb.
    Unknown,
    /// The verb is known, its argument is not as it must be.
    Syntax,
    /// BDAT that does not say how many octets follow.
    Chunk,
}

impl<'a> Command<'a> {
    /// Parses a line without its CRLF. Verbs are taken in any case, RFC 5321 §2.4; everything else
    /// is held to the letter, because what is taken leniently here may be refused elsewhere.
    pub(crate) fn parse(line: &'a str) -> Result<Self, NoCommand> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        let bare = |command| {
            if argument.is_empty() {
                Ok(command)
            } else {
                Err(NoCommand::Syntax)
            }
        };
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => Self::host(argument).map(Self::Ehlo),
            "HELO" => Self::host(argument).map(Self::Helo),
            "STARTTLS" => bare(Self::StartTls),
            "AUTH" => Self::auth(argument),
            "MAIL" => Self::after(argument, "FROM:").map(Self::Mail),
            "RCPT" => Self::after(argument, "TO:").map(Self::Rcpt),
            "DATA" => bare(Self::Data),
            "BDAT" => Self::bdat(argument),
            "RSET" => bare(Self::Rset),
            "NOOP" => Ok(Self::Noop),
            "VRFY" => Ok(Self::Vrfy),
            "QUIT" => bare(Self::Quit),
            _ => Err(NoCommand::Unknown),
        }
    }

    /// Whether the command must be the last of a pipelined group: RFC 2920 §3.1 lets only RSET,
    /// MAIL and RCPT be followed, and RFC 3030 adds BDAT.
    pub(crate) fn ends_group(&self) -> bool {
        !matches!(
            self,
            Self::Rset | Self::Mail(_) | Self::Rcpt(_) | Self::Bdat { .. }
        )
    }

    fn host(argument: &str) -> Result<&str, NoCommand> {
        let named = !argument.is_empty() && argument.bytes().all(|octet| octet.is_ascii_graphic());
        if named {
            Ok(argument)
        } else {
            Err(NoCommand::Syntax)
        }
    }

    fn auth(argument: &'a str) -> Result<Self, NoCommand> {
        let (mechanism, initial) = match argument.split_once(' ') {
            Some((mechanism, initial)) => (mechanism, Some(initial)),
            None => (argument, None),
        };
        if mechanism.is_empty()
            || initial.is_some_and(|initial| initial.is_empty() || initial.contains(' '))
        {
            return Err(NoCommand::Syntax);
        }
        Ok(Self::Auth { mechanism, initial })
    }

    fn after(argument: &'a str, prefix: &str) -> Result<&'a str, NoCommand> {
        match argument.split_at_checked(prefix.len()) {
            Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => Ok(rest),
            _ => Err(NoCommand::Syntax),
        }
    }

    fn bdat(argument: &str) -> Result<Self, NoCommand> {
        let (size, last) = match argument.split_once(' ') {
            Some((size, word)) if word.eq_ignore_ascii_case("LAST") => (size, true),
            Some(_) => return Err(NoCommand::Chunk),
            None => (argument, false),
        };
        // `parse` alone would take a plus sign.
        let digits = !size.is_empty() && size.bytes().all(|octet| octet.is_ascii_digit());
        let octets = size
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or(NoCommand::Chunk)?;
        Ok(Self::Bdat { octets, last })
    }
}

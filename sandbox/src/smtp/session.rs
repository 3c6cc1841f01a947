//! Which command is next, and the commands that need no file of their own.

use super::command::{Command, NoCommand};
use super::connection::Connection;
use super::end::End;
use super::record::Ending;
use super::script::{Security, Step};
use super::wire::Line;

const GREETING: &str = "220 localhost ESMTP edgepost sandbox";

impl Connection {
    /// Greets, then takes commands until the end.
    pub(super) async fn run(&mut self) -> End {
        match self.dialogue().await {
            Err(end) => end,
            Ok(never) => match never {},
        }
    }

    async fn dialogue(&mut self) -> Result<std::convert::Infallible, End> {
        if let Some(how) = self.wire.cut() {
            return Err(End::Cut(how));
        }
        if self.security == Security::Implicit {
            self.handshake().await?;
        }
        let turn = self.plan.reach(Step::Greeting);
        self.turned_away = !turn.proceeds();
        self.conclude(turn, GREETING).await?;
        loop {
            match self.command_line().await? {
                Line::TooLong => {
                    self.heard("<line too long>");
                    self.violation("a command line is too long");
                    self.reply("500 5.5.6 Line too long")?;
                }
                Line::Whole(line) => self.line(&line).await?,
            }
        }
    }

    async fn line(&mut self, line: &[u8]) -> Result<(), End> {
        let behind_chunk = std::mem::take(&mut self.behind_chunk);
        let text = match std::str::from_utf8(line) {
            Ok(text) if !text.contains(['\r', '\n', '\0']) => text,
            _ => {
                self.heard(&crate::octets::to_text(line));
                self.violation("a command line holds a bare CR, a bare LF, NUL, or is not UTF-8");
                self.suspect_length(behind_chunk);
                return self.reply("500 5.5.2 Syntax error, bare CR, bare LF or invalid octet");
            }
        };
        let command = Command::parse(text);
        match &command {
            Ok(Command::Auth {
                mechanism,
                initial: Some(_),
            }) => self.heard(&format!("AUTH {mechanism} <redacted>")),
            // Whatever stands behind a malformed AUTH may be a credential too.
            Err(_)
                if text
                    .get(..4)
                    .is_some_and(|verb| verb.eq_ignore_ascii_case("AUTH")) =>
            {
                self.heard("AUTH <redacted>");
            }
            _ => self.heard(text),
        }
        let command = match command {
            Ok(command) => command,
            Err(NoCommand::Unknown) => {
                self.violation("a command the server does not know");
                self.suspect_length(behind_chunk);
                return self.reply("500 5.5.1 Command unrecognized");
            }
            Err(NoCommand::Syntax) => {
                self.violation("a command with a malformed argument");
                return self.reply("501 5.5.4 Syntax error in parameters or arguments");
            }
            Err(NoCommand::Chunk) if !self.offers("CHUNKING") => return self.no_chunking(),
            Err(NoCommand::Chunk) => {
                // How many octets of content follow is not known, so none of them may be read as a
                // command, and nothing behind them either.
                self.violation("a malformed BDAT");
                self.reply("501 5.5.4 Syntax error in parameters or arguments")?;
                return Err(End::Orderly(Ending::ClosedByServer));
            }
        };
        self.check_group(&command, text).await;
        if self.turned_away && command != Command::Quit {
            return self.reply("503 5.5.1 No service here");
        }
        self.dispatch(command, line.len()).await
    }

    /// What is no command right behind a chunk was probably meant to be part of it.
    fn suspect_length(&self, behind_chunk: bool) {
        if behind_chunk {
            self.violation("what follows a chunk is no command: its length is wrong");
        }
    }

    /// Notes octets behind a command that nothing may follow in its group.
    async fn check_group(&mut self, command: &Command<'_>, text: &str) {
        self.awaited = None;
        if command.ends_group() {
            let verb = text.split(' ').next().unwrap_or_default();
            self.awaited = Some(verb.to_ascii_uppercase());
            self.check_patience().await;
        } else if self.wire.buffered() > 0
            && !self.offers("PIPELINING")
            && !matches!(command, Command::Bdat { .. })
        {
            self.violation("commands sent in a group where PIPELINING was not offered");
        }
    }

    /// Notes a client that speaks again although what it said before must be answered first.
    pub(super) async fn check_patience(&mut self) {
        let Some(verb) = self.awaited.clone() else {
            return;
        };
        self.wire.glance().await;
        if self.wire.buffered() > 0 {
            self.violation(format!(
                "octets sent behind {verb}, which must be the last of its group"
            ));
        }
    }

    async fn dispatch(&mut self, command: Command<'_>, length: usize) -> Result<(), End> {
        match command {
            Command::Ehlo(_) => self.ehlo().await,
            Command::Helo(_) => {
                self.greeted = true;
                self.advertised.clear();
                self.reset();
                self.reply("250 localhost")
            }
            Command::StartTls => self.start_tls().await,
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial, length).await,
            Command::Mail(argument) => self.mail(argument).await,
            Command::Rcpt(argument) => self.rcpt(argument).await,
            Command::Data => self.data().await,
            Command::Bdat { octets, last } => self.bdat(octets, last).await,
            Command::Rset => {
                let turn = self.plan.reach(Step::Rset);
                if turn.proceeds() {
                    self.reset();
                }
                self.conclude(turn, "250 2.0.0 Reset").await
            }
            Command::Noop => self.reply("250 2.0.0 Ok"),
            Command::Vrfy => self.reply("252 2.1.5 Cannot verify, but will take mail"),
            Command::Quit => {
                let turn = self.plan.reach(Step::Quit);
                self.conclude(turn, "221 2.0.0 Goodbye").await?;
                Err(End::Orderly(Ending::Quit))
            }
        }
    }

    async fn ehlo(&mut self) -> Result<(), End> {
        let tls = self.wire.is_tls();
        if self.plan.refuses_ehlo() {
            return self.reply("502 5.5.1 Command not implemented");
        }
        let turn = self
            .plan
            .reach(if tls { Step::EhloTls } else { Step::Ehlo });
        let (name, keywords) = (self.plan.name(), self.keywords());
        if turn.proceeds() {
            self.greeted = true;
            // RFC 5321 §4.1.4: EHLO has the effect of RSET.
            self.reset();
            self.advertised.clone_from(&keywords);
        }
        self.conclude(turn, &ehlo_reply(&name, &keywords)).await
    }

    /// Forgets the transaction, and that a chunk of it was refused.
    fn reset(&mut self) {
        self.transaction = None;
        self.needs_reset = false;
    }
}

fn ehlo_reply(name: &str, keywords: &[String]) -> String {
    let greeting = format!("{name} at your service");
    let mut lines = vec![greeting.as_str()];
    lines.extend(keywords.iter().map(String::as_str));
    let last = lines.len() - 1;
    let numbered = |(index, line): (usize, &&str)| {
        format!("250{}{line}", if index == last { ' ' } else { '-' })
    };
    lines
        .iter()
        .enumerate()
        .map(numbered)
        .collect::<Vec<_>>()
        .join("\r\n")
}

//! Which command is next, and the commands that need no file of their own.

use super::command::{Command, NoCommand};
use super::connection::{Connection, End};
use super::record::Ending;
use super::script::Step;
use super::wire::Line;

/// What SIZE says, and the most content that is taken: the figure of a large provider.
pub(super) const MAX_MESSAGE: usize = 35_882_577;

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
        let text = match std::str::from_utf8(line) {
            Ok(text) if !text.contains(['\r', '\n', '\0']) => text,
            _ => {
                self.heard(&crate::octets::to_text(line));
                self.violation("a command line holds a bare CR, a bare LF, NUL, or is not UTF-8");
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
                return self.reply("500 5.5.1 Command unrecognized");
            }
            Err(NoCommand::Syntax) => {
                self.violation("a command with a malformed argument");
                return self.reply("501 5.5.4 Syntax error in parameters or arguments");
            }
        };
        self.check_group(&command);
        if self.turned_away && command != Command::Quit {
            return self.reply("503 5.5.1 No service here");
        }
        self.dispatch(command, line.len()).await
    }

    /// Notes octets behind a command that nothing may follow in its group.
    fn check_group(&self, command: &Command<'_>) {
        if self.wire.buffered() == 0 {
            return;
        }
        if command.ends_group() {
            self.violation("octets sent behind a command that must be the last of its group");
        } else if !self.offers("PIPELINING") && !matches!(command, Command::Bdat { .. }) {
            self.violation("commands sent in a group where PIPELINING was not offered");
        }
    }

    async fn dispatch(&mut self, command: Command<'_>, length: usize) -> Result<(), End> {
        match command {
            Command::Ehlo(_) => self.ehlo().await,
            Command::Helo(_) => {
                self.greeted = true;
                self.advertised.clear();
                self.transaction = None;
                self.reply("250 localhost")
            }
            Command::StartTls => self.start_tls().await,
            Command::Auth { mechanism, initial } => self.auth(mechanism, initial, length).await,
            Command::Mail(argument) => self.mail(argument).await,
            Command::Rcpt(argument) => self.rcpt(argument).await,
            Command::Data => self.data().await,
            Command::Bdat { octets, last } => self.bdat(octets, last).await,
            Command::Rset => {
                self.transaction = None;
                self.reply("250 2.0.0 Reset")
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
        let keywords = self
            .plan
            .capabilities(tls)
            .unwrap_or_else(|| self.normal_capabilities());
        if turn.proceeds() {
            self.greeted = true;
            // RFC 5321 §4.1.4: EHLO has the effect of RSET.
            self.transaction = None;
            self.advertised.clone_from(&keywords);
        }
        self.conclude(turn, &ehlo_reply(&keywords)).await
    }

    fn normal_capabilities(&self) -> Vec<String> {
        let mut keywords = vec![
            "PIPELINING".to_owned(),
            format!("SIZE {MAX_MESSAGE}"),
            "ENHANCEDSTATUSCODES".to_owned(),
        ];
        if self.wire.is_tls() {
            keywords.push("AUTH XOAUTH2".to_owned());
        } else if !self.plan.has_no_start_tls() {
            keywords.push("STARTTLS".to_owned());
        }
        keywords
    }

    /// Whether the last EHLO reply named the keyword.
    pub(super) fn offers(&self, keyword: &str) -> bool {
        self.advertised.iter().any(|line| {
            line.split(' ')
                .next()
                .is_some_and(|first| first.eq_ignore_ascii_case(keyword))
        })
    }
}

fn ehlo_reply(keywords: &[String]) -> String {
    let mut lines = vec!["localhost at your service"];
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

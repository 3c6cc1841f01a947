//! MAIL, RCPT, DATA and BDAT: one message at a time.

use super::connection::{Connection, End};
use super::content::{self, Content, ContentReader};
use super::path::Path;
use super::plan::Turn;
use super::script::Step;
use super::session::MAX_MESSAGE;
use crate::inbox::{Delivered, Envelope, Recipient};

/// Most recipients of one message: the default of a large provider.
const MAX_RECIPIENTS: usize = 500;

/// One read of content.
const CHUNK: usize = 64 * 1024;

/// A message on its way in.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    envelope: Envelope,
    /// `BODY=8BITMIME` was said.
    eight_bit: bool,
    /// Content that came by BDAT so far.
    chunks: Option<Vec<u8>>,
    /// Octets of content that came over the wire.
    received: u64,
}

impl Connection {
    pub(super) async fn mail(&mut self, argument: &str) -> Result<(), End> {
        let Some(user) = self.user.clone() else {
            return self.unauthenticated();
        };
        if self.transaction.is_some() {
            return self.reply("503 5.5.1 Nested MAIL command");
        }
        let Some(path) = Path::parse(argument) else {
            return self.malformed_path();
        };
        if let Some(refusal) = self.unknown_parameter(&path, &MAIL_PARAMETERS) {
            return self.reply(&refusal);
        }
        match path.parameter("SIZE").map(str::parse::<usize>) {
            Some(Err(_)) => return self.reply("501 5.5.4 SIZE is not a number"),
            Some(Ok(size)) if size > MAX_MESSAGE => {
                return self.reply("552 5.3.4 Message size exceeds fixed limit");
            }
            _ => {}
        }
        // Exchange says this after the content. Here it is enough to say it as soon as it is known:
        // a client must be ready for it at either place, and `Fault::Reply` can say it at the other.
        if !path.address.eq_ignore_ascii_case(&user) {
            return self
                .reply("554 5.7.60 SMTP; Client does not have permissions to send as this sender");
        }
        let turn = self.plan.reach(Step::Mail);
        if turn.proceeds() {
            let envelope = Envelope {
                mail_from: path.address.to_owned(),
                mail_parameters: path.parameters.iter().map(ToString::to_string).collect(),
                rcpt_to: Vec::new(),
            };
            let eight_bit = path
                .parameter("BODY")
                .is_some_and(|body| !body.eq_ignore_ascii_case("7BIT"));
            self.transaction = Some(Transaction {
                envelope,
                eight_bit,
                ..Transaction::default()
            });
        }
        self.conclude(turn, "250 2.1.0 Sender Ok").await
    }

    pub(super) async fn rcpt(&mut self, argument: &str) -> Result<(), End> {
        if self.user.is_none() {
            return self.unauthenticated();
        }
        let Some(taken) = self
            .transaction
            .as_ref()
            .map(|transaction| transaction.envelope.rcpt_to.len())
        else {
            return self.reply("503 5.5.1 Send MAIL first");
        };
        let Some(path) = Path::parse(argument).filter(|path| !path.address.is_empty()) else {
            return self.malformed_path();
        };
        if let Some(refusal) = self.unknown_parameter(&path, &RCPT_PARAMETERS) {
            return self.reply(&refusal);
        }
        if taken >= MAX_RECIPIENTS {
            return self.reply("452 4.5.3 Too many recipients");
        }
        let turn = self.plan.reach(Step::Rcpt);
        if turn.proceeds()
            && let Some(transaction) = &mut self.transaction
        {
            transaction.envelope.rcpt_to.push(Recipient {
                address: path.address.to_owned(),
                parameters: path.parameters.iter().map(ToString::to_string).collect(),
            });
        }
        self.conclude(turn, "250 2.1.5 Recipient Ok").await
    }

    pub(super) async fn data(&mut self) -> Result<(), End> {
        if self.user.is_none() {
            return self.unauthenticated();
        }
        match &self.transaction {
            None => return self.reply("503 5.5.1 Send MAIL first"),
            // RFC 3030 §2: DATA and BDAT cannot be used in the same transaction.
            Some(transaction) if transaction.chunks.is_some() => {
                return self.reply("503 5.5.1 BDAT was used");
            }
            Some(transaction) if transaction.envelope.rcpt_to.is_empty() => {
                return self.reply("554 5.5.1 No valid recipients");
            }
            Some(_) => {}
        }
        let turn = self.plan.reach(Step::Data);
        // A scripted 2yz is no answer to DATA, and no client sends content behind it.
        let go_ahead = turn.reply.as_ref().is_none_or(|text| text.starts_with('3'));
        self.conclude(turn, "354 Start mail input; end with <CRLF>.<CRLF>")
            .await?;
        if !go_ahead {
            return Ok(());
        }
        let mut reader = ContentReader::new(MAX_MESSAGE);
        loop {
            let octets = self.content_octets(u64::MAX).await?;
            if let Some(end) = reader.push(&octets) {
                let (_, behind) = octets.split_at(end.min(octets.len()));
                self.wire.unread(behind);
                break;
            }
        }
        self.accept(reader.finish()).await
    }

    pub(super) async fn bdat(&mut self, octets: u64, last: bool) -> Result<(), End> {
        if !self.offers("CHUNKING") {
            // The octets behind it will be read as commands, as servers without CHUNKING do.
            self.violation("BDAT where CHUNKING was not offered");
            return self.reply("500 5.5.1 Command unrecognized");
        }
        // In order or not, so many octets are content and must not be read as commands.
        let room = MAX_MESSAGE.saturating_sub(self.chunks_so_far());
        let (mut chunk, mut left, mut too_big) = (Vec::new(), octets, false);
        while left > 0 {
            let more = self.content_octets(left).await?;
            left = left.saturating_sub(more.len() as u64);
            too_big |= chunk.len() + more.len() > room;
            if !too_big {
                chunk.extend_from_slice(&more);
            }
        }
        if self.user.is_none() {
            return self.unauthenticated();
        }
        let Some(transaction) = &mut self.transaction else {
            return self.reply("503 5.5.1 Send MAIL first");
        };
        if transaction.envelope.rcpt_to.is_empty() {
            return self.reply("554 5.5.1 No valid recipients");
        }
        if too_big {
            self.transaction = None;
            return self.reply("552 5.3.4 Message size exceeds fixed limit");
        }
        transaction
            .chunks
            .get_or_insert_default()
            .extend_from_slice(&chunk);
        if !last {
            return self.reply(&format!("250 2.0.0 {octets} octets received"));
        }
        let octets = transaction.chunks.take().unwrap_or_default();
        let violations = content::violations_of(&octets);
        self.accept(Content {
            octets,
            too_big: false,
            violations,
        })
        .await
    }

    fn chunks_so_far(&self) -> usize {
        self.transaction
            .as_ref()
            .and_then(|transaction| transaction.chunks.as_ref())
            .map_or(0, Vec::len)
    }

    /// Content as it comes, at most `limit` octets; dies where the script says.
    async fn content_octets(&mut self, limit: u64) -> Result<Vec<u8>, End> {
        let dies_after = self.plan.drop_in_content();
        let received = self
            .transaction
            .as_ref()
            .map_or(0, |transaction| transaction.received);
        let before_death = dies_after.map_or(u64::MAX, |octets| octets.saturating_sub(received));
        if before_death == 0 {
            self.wire.flush().await?;
            self.note("dies within the content");
            return Err(End::Killed);
        }
        let limit = limit.min(before_death);
        let octets = self
            .wire
            .some(usize::try_from(limit).unwrap_or(CHUNK).min(CHUNK))
            .await?;
        if let Some(transaction) = &mut self.transaction {
            transaction.received += octets.len() as u64;
        }
        if octets.len() as u64 == before_death {
            self.note("dies within the content");
            return Err(End::Killed);
        }
        Ok(octets)
    }

    /// The end of the content: takes the message unless the script refuses it.
    async fn accept(&mut self, content: Content) -> Result<(), End> {
        let Some(transaction) = self.transaction.take() else {
            return self.reply("503 5.5.1 Send MAIL first");
        };
        content
            .violations
            .iter()
            .for_each(|violation| self.violation(*violation));
        if !transaction.eight_bit && !content.octets.is_ascii() {
            self.violation("octets above 127 in the content without BODY=8BITMIME");
        }
        self.note(&format!("content, {} octets", content.octets.len()));
        if content.too_big {
            return self.reply("552 5.3.4 Message size exceeds fixed limit");
        }
        let turn: Turn = self.plan.reach(Step::Content);
        let mut normal = String::new();
        if turn.proceeds() {
            let (tls, auth) = self
                .record(|record| (record.tls.clone(), record.auth.clone()))
                .unwrap_or_default();
            let (id, at_ms) = (0, 0);
            let (port, connection, envelope) = (self.port, self.id, transaction.envelope);
            let message = Delivered {
                id,
                at_ms,
                port,
                connection,
                envelope,
                raw: content.octets,
                tls,
                auth,
            };
            let id = self.world.inbox.deliver(message);
            self.record(|record| record.messages.push(id));
            normal = format!("250 2.0.0 Ok, queued as {id}");
        }
        self.conclude(turn, &normal).await
    }

    fn unauthenticated(&mut self) -> Result<(), End> {
        if self.wire.is_tls() {
            self.reply("530 5.7.0 Authentication required")
        } else {
            self.violation("a mail transaction before TLS");
            self.reply("530 5.7.0 Must issue a STARTTLS command first")
        }
    }

    fn malformed_path(&mut self) -> Result<(), End> {
        self.violation("a malformed path in MAIL or RCPT");
        self.reply("501 5.1.7 Bad address syntax")
    }

    /// RFC 5321 §4.1.1.11: a parameter whose extension was not offered is 555.
    fn unknown_parameter(&self, path: &Path<'_>, known: &[(&str, &str)]) -> Option<String> {
        let refused = path.parameters.iter().find(|parameter| {
            let keyword = parameter.split('=').next().unwrap_or_default();
            let extension = known
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(keyword));
            !extension.is_some_and(|(_, extension)| self.offers(extension))
        })?;
        self.violation(format!(
            "the parameter {} without its extension",
            refused.escape_debug()
        ));
        Some("555 5.5.4 Unsupported option".to_owned())
    }
}

/// Parameters of MAIL, each with the extension that must have been offered.
const MAIL_PARAMETERS: [(&str, &str); 6] = [
    ("SIZE", "SIZE"),
    ("BODY", "8BITMIME"),
    ("SMTPUTF8", "SMTPUTF8"),
    ("AUTH", "AUTH"),
    ("RET", "DSN"),
    ("ENVID", "DSN"),
];

/// Parameters of RCPT.
const RCPT_PARAMETERS: [(&str, &str); 2] = [("NOTIFY", "DSN"), ("ORCPT", "DSN")];

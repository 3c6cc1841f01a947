//! MAIL, RCPT and DATA: one message at a time. BDAT is in [`super::chunk`].

use super::connection::Connection;
use super::content::{self, Content, ContentReader};
use super::end::End;
use super::parameters::{Declared, OF_RCPT};
use super::path::Path;
use super::record::ContentFacts;
use super::script::Step;
use crate::inbox::{ContentForm, Delivered, Envelope, Recipient};

/// One read of content.
const CHUNK: usize = 64 * 1024;

/// A message on its way in.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) envelope: Envelope,
    declared: Declared,
    /// Content that came by BDAT so far.
    pub(super) chunks: Option<Chunks>,
    /// Octets of content that came over the wire.
    received: u64,
}

/// Content by BDAT.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    pub(super) octets: Vec<u8>,
    pub(super) count: u32,
}

impl Connection {
    pub(super) async fn mail(&mut self, argument: &str) -> Result<(), End> {
        let Some(user) = self.user.clone() else {
            return self.unauthenticated();
        };
        if self.needs_reset {
            self.violation("MAIL behind a refused chunk without RSET");
            return self.out_of_step();
        }
        if self.transaction.is_some() {
            return self.reply("503 5.5.1 Nested MAIL command");
        }
        let Some(path) = Path::parse(argument) else {
            return self.malformed_path();
        };
        let declared = match self.declared(&path) {
            Ok(declared) => declared,
            Err(refusal) => return self.reply(refusal),
        };
        if let Err(refusal) = self.check_address(path.address, declared.utf8) {
            return self.reply(refusal);
        }
        // Exchange says this after the content. Here it is enough to say it as soon as it is known:
        // a client must be ready for it at either place, and `Fault::Reply` can say it at the other.
        // Who was let in by a script without credentials may be anyone.
        if !user.is_empty() && !path.address.eq_ignore_ascii_case(&user) {
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
            self.transaction = Some(Transaction {
                envelope,
                declared,
                ..Transaction::default()
            });
        }
        self.conclude(turn, "250 2.1.0 Sender Ok").await
    }

    pub(super) async fn rcpt(&mut self, argument: &str) -> Result<(), End> {
        if self.user.is_none() {
            return self.unauthenticated();
        }
        let Some((taken, utf8)) = self.transaction.as_ref().map(|transaction| {
            let taken = transaction.envelope.rcpt_to.len();
            (taken, transaction.declared.utf8)
        }) else {
            return self.out_of_step();
        };
        let Some(path) = Path::parse(argument).filter(|path| !path.address.is_empty()) else {
            return self.malformed_path();
        };
        let checked = self.check_parameters(&path, &OF_RCPT);
        if let Err(refusal) = checked.and_then(|()| self.check_address(path.address, utf8)) {
            return self.reply(refusal);
        }
        if taken >= self.recipient_limit() {
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
            None => return self.out_of_step(),
            // RFC 3030 §2: DATA and BDAT cannot be used in the same transaction.
            Some(transaction) if transaction.chunks.is_some() => {
                self.violation("DATA behind BDAT in one transaction");
                return self.reply("503 5.5.1 BDAT was used");
            }
            Some(transaction) if transaction.envelope.rcpt_to.is_empty() => {
                return self.reply("554 5.5.1 No valid recipients");
            }
            Some(_) => {}
        }
        let turn = self.plan.reach(Step::Data);
        // A scripted 2yz is no answer to DATA, and no client sends content behind it.
        let go_ahead = turn.reply.is_none() || turn.asks_for_more();
        self.conclude(turn, "354 Start mail input; end with <CRLF>.<CRLF>")
            .await?;
        if !go_ahead {
            return Ok(());
        }
        // The end of the content may be followed by the next group, RFC 2920 §3.1.
        self.awaited = None;
        let mut reader = ContentReader::new(self.size_limit());
        loop {
            let octets = self.content_octets(u64::MAX).await?;
            if let Some(end) = reader.push(&octets) {
                let (_, behind) = octets.split_at(end.min(octets.len()));
                self.wire.unread(behind);
                break;
            }
        }
        self.accept(reader.finish(), ContentForm::Data).await
    }

    /// Content as it comes, at most `limit` octets; ends where the script says.
    pub(super) async fn content_octets(&mut self, limit: u64) -> Result<Vec<u8>, End> {
        let received = self
            .transaction
            .as_ref()
            .map_or(0, |transaction| transaction.received);
        let cut = self
            .cut_of_content()
            .map(|(octets, how)| (octets.saturating_sub(received), how));
        if let Some((0, how)) = cut {
            // What was answered before the content is heard.
            self.wire.flush().await?;
            return Err(End::Cut(how));
        }
        let limit = cut.map_or(limit, |(octets, _)| octets.min(limit));
        let octets = self
            .wire
            .some(usize::try_from(limit).unwrap_or(CHUNK).min(CHUNK))
            .await?;
        let count = octets.len() as u64;
        if let Some(transaction) = &mut self.transaction {
            transaction.received = received.saturating_add(count);
        }
        match cut {
            Some((left, how)) if left == count => Err(End::Cut(how)),
            _ => Ok(octets),
        }
    }

    /// The end of the content: takes the message unless the script refuses it.
    pub(super) async fn accept(&mut self, content: Content, form: ContentForm) -> Result<(), End> {
        let Some(transaction) = self.transaction.take() else {
            return self.out_of_step();
        };
        content
            .violations
            .iter()
            .for_each(|violation| self.violation(*violation));
        let declared = transaction.declared;
        if let Some(undeclared) =
            content::undeclared(&content.octets, declared.eight_bit, declared.utf8)
        {
            self.violation(undeclared);
        }
        let octets = content.octets.len();
        self.note(&format!("content {}, {octets} octets", form.words()));
        let mut facts = ContentFacts {
            form,
            octets: octets as u64,
            message: None,
        };
        if content.too_big {
            self.note_content(facts);
            return self.refuse_content("552 5.3.4 Message size exceeds fixed limit", form);
        }
        let turn = self.plan.reach(Step::Content);
        if !turn.proceeds() {
            self.note_content(facts);
            self.needs_reset = form != ContentForm::Data;
            return self.conclude(turn, "").await;
        }
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
            form,
            tls,
            auth,
        };
        let id = self.world.inbox.deliver(message);
        facts.message = Some(id);
        self.note_content(facts);
        self.record(|record| record.messages.push(id));
        self.conclude(turn, &format!("250 2.0.0 Ok, queued as {id}"))
            .await
    }

    /// Refuses content; of chunks nothing goes on before RSET (RFC 3030 §2).
    pub(super) fn refuse_content(&mut self, text: &str, form: ContentForm) -> Result<(), End> {
        self.transaction = None;
        self.needs_reset = form != ContentForm::Data;
        self.reply(text)
    }

    fn note_content(&self, facts: ContentFacts) {
        self.record(|record| record.content(facts));
    }

    pub(super) fn unauthenticated(&mut self) -> Result<(), End> {
        if self.wire.is_tls() {
            self.violation("a mail transaction before authentication");
            self.reply("530 5.7.0 Authentication required")
        } else {
            self.violation("a mail transaction before TLS");
            self.reply("530 5.7.0 Must issue a STARTTLS command first")
        }
    }

    pub(super) fn out_of_step(&mut self) -> Result<(), End> {
        self.reply(if self.needs_reset {
            "503 5.5.1 Send RSET first"
        } else {
            "503 5.5.1 Send MAIL first"
        })
    }

    fn malformed_path(&mut self) -> Result<(), End> {
        self.violation("a malformed path in MAIL or RCPT");
        self.reply("501 5.1.7 Bad address syntax")
    }
}

//! BDAT: content in chunks whose length is said beforehand (RFC 3030).

use super::connection::Connection;
use super::content::{self, Content};
use super::end::End;
use super::record::Ending;
use super::script::Step;
use crate::inbox::ContentForm;

impl Connection {
    pub(super) async fn bdat(&mut self, octets: u64, last: bool) -> Result<(), End> {
        if !self.offers("CHUNKING") {
            return self.no_chunking();
        }
        // In order or not, so many octets are content and must not be read as commands.
        let (chunk, too_big) = self.chunk(octets).await?;
        self.behind_chunk = true;
        if self.user.is_none() {
            return self.unauthenticated();
        }
        let Some(transaction) = &mut self.transaction else {
            return self.out_of_step();
        };
        let chunks = transaction.chunks.get_or_insert_default();
        chunks.count = chunks.count.saturating_add(1);
        chunks.octets.extend_from_slice(&chunk);
        let form = ContentForm::Bdat {
            chunks: chunks.count,
        };
        if transaction.envelope.rcpt_to.is_empty() {
            return self.refuse_content("554 5.5.1 No valid recipients", form);
        }
        if too_big {
            return self.refuse_content("552 5.3.4 Message size exceeds fixed limit", form);
        }
        if last {
            let octets = std::mem::take(&mut chunks.octets);
            let violations = content::violations_of(&octets);
            let content = Content {
                octets,
                too_big: false,
                violations,
            };
            return self.accept(content, form).await;
        }
        let turn = self.plan.reach(Step::Bdat);
        if !turn.proceeds() {
            self.transaction = None;
            self.needs_reset = true;
        }
        self.conclude(turn, &format!("250 2.0.0 {octets} octets received"))
            .await
    }

    /// A server without CHUNKING does not know that octets of content follow, and reads them as
    /// commands. So does this one: a client that lets that happen must be found out.
    pub(super) fn no_chunking(&mut self) -> Result<(), End> {
        self.violation("BDAT where CHUNKING was not offered");
        self.reply("500 5.5.1 Command unrecognized")
    }

    /// Reads a chunk to its end, and keeps no more of it than the message has room for.
    async fn chunk(&mut self, octets: u64) -> Result<(Vec<u8>, bool), End> {
        let so_far = self
            .transaction
            .as_ref()
            .and_then(|transaction| transaction.chunks.as_ref())
            .map_or(0, |chunks| chunks.octets.len());
        let room = self.size_limit().saturating_sub(so_far);
        let (mut chunk, mut left, mut too_big) = (Vec::new(), octets, false);
        while left > 0 {
            let more = match self.content_octets(left).await {
                Err(End::Client(Ending::ClosedByClient)) if self.expects_chunk() => {
                    self.violation(format!(
                        "the connection ends {left} octets before the end of a chunk"
                    ));
                    return Err(End::Client(Ending::ClosedByClient));
                }
                more => more?,
            };
            left = left.saturating_sub(more.len() as u64);
            too_big |= chunk.len() + more.len() > room;
            if !too_big {
                chunk.extend_from_slice(&more);
            }
        }
        Ok((chunk, too_big))
    }

    /// Whether a chunk could be taken: a client may hang up on one that is refused anyway.
    fn expects_chunk(&self) -> bool {
        self.transaction
            .as_ref()
            .is_some_and(|transaction| !transaction.envelope.rcpt_to.is_empty())
    }
}

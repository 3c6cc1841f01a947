//! STARTTLS, and all that can go wrong around it.

use super::answer::LATER;
use super::connection::Connection;
use super::end::End;
use super::plan::Turn;
use super::script::{How, Segment, Step};

const READY: &str = "220 2.0.0 Ready to start TLS";

impl Connection {
    pub(super) async fn start_tls(&mut self) -> Result<(), End> {
        if self.plan.has_no_start_tls() {
            return self.reply("502 5.5.1 Command not implemented");
        }
        if self.wire.is_tls() {
            return self.reply("503 5.5.1 TLS is already active");
        }
        if self.wire.buffered() > 0 {
            // What is here came in plaintext and must not be taken for something that came under
            // TLS (RFC 3207 §4.2). The answer is the one a large provider gives.
            self.wire.discard();
            return self.reply(
                "454 4.5.0 SMTP protocol violation, no commands allowed to pipeline after STARTTLS",
            );
        }
        let turn = self.plan.reach(Step::StartTls);
        if !turn.proceeds() || turn.asks_for_more() {
            return self.conclude(turn, READY).await;
        }
        if let Some(how) = self.plan.close_with_start_tls() {
            return self.close_with_reply(turn, how).await;
        }
        let injection = self.plan.injection();
        self.conclude(turn, READY).await?;
        match injection {
            Some((Segment::Same, bytes)) => {
                self.note("injects plaintext in the segment of the 220");
                self.wire.queue(bytes.as_bytes());
            }
            Some((Segment::Later, bytes)) => {
                self.wire.flush().await?;
                tokio::time::sleep(LATER).await;
                self.note("injects plaintext in a segment after the 220");
                self.wire.queue(bytes.as_bytes());
            }
            None => {}
        }
        self.wire.flush().await?;
        self.handshake().await
    }

    /// The 220 and the end of the connection, as close together as the system lets them be.
    async fn close_with_reply(&mut self, turn: Turn, how: How) -> Result<(), End> {
        if how == How::Fin {
            self.wire.flush().await?;
            self.wire.hold_segments();
        }
        self.conclude(turn, READY).await?;
        self.note("ends behind the 220");
        Err(End::Broken(how))
    }
}

//! STARTTLS, and all that can go wrong around it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::Acceptor;

use super::connection::{Connection, End};
use super::plan::Turn;
use super::record::Ending;
use super::script::{How, Segment, Step};
use super::wire::Stream;
use crate::inbox::TlsFacts;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(60);

/// Long enough that what follows travels in a segment of its own, even on a busy machine; a client
/// that has not begun its handshake by then does so on poisoned ground.
const LATER: Duration = Duration::from_millis(50);

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
        if !turn.proceeds() {
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

    async fn handshake(&mut self) -> Result<(), End> {
        let Stream::Plain(tcp) = self.wire.take() else {
            return Err(End::Killed);
        };
        let config = match self.plan.bad_certificate() {
            Some(which) => self.world.certificates.bad(which),
            None => &self.world.certificates.good,
        };
        let config = Arc::clone(config);
        let mut facts = TlsFacts::default();
        let handshake = async {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
            facts.sni = hello.client_hello().server_name().map(ToOwned::to_owned);
            hello.into_stream(config).await
        };
        let outcome = match timeout(HANDSHAKE, handshake).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no handshake within {} s", HANDSHAKE.as_secs())),
        };
        match outcome {
            Ok(stream) => {
                facts.version = stream
                    .get_ref()
                    .1
                    .protocol_version()
                    .map(|version| format!("{version:?}"));
                self.note(&format!("handshake done, {}", facts.version_words()));
                self.record(|record| record.tls = Some(facts));
                self.wire.put(Stream::Tls(Box::new(stream)));
                // RFC 3207 §4.2: "The server MUST discard any knowledge obtained from the client".
                self.greeted = false;
                self.advertised.clear();
                self.transaction = None;
                Ok(())
            }
            Err(error) => {
                self.note(&format!("TLS failed: {error}"));
                facts.error = Some(error);
                self.record(|record| record.tls = Some(facts));
                Err(End::Client(Ending::TlsFailed))
            }
        }
    }

    /// The 220 and the end of the connection, as close together as the system lets them be.
    async fn close_with_reply(&mut self, turn: Turn, how: How) -> Result<(), End> {
        match how {
            How::Fin => {
                self.wire.flush().await?;
                self.wire.hold_segments();
                self.conclude(turn, READY).await?;
                self.note("closes with the 220");
                Err(End::Dropped)
            }
            How::Rst => {
                self.conclude(turn, READY).await?;
                self.wire.flush().await?;
                self.note("resets behind the 220");
                Err(End::Reset)
            }
        }
    }
}
